//! Which names may become label values.
//!
//! A model's name comes from the caller, who may invent a million of them. So a label holds a name only if our own
//! configuration wrote it: a model of the price book or a route, else the route's pattern (`gpt-*`), else `other`.

use crate::pattern::Pattern;
use std::collections::HashSet;

/// Everything without a name of its own.
pub(super) const OTHER: &str = "other";

/// More names than this share [`OTHER`].
const MOST_MODELS: usize = 500;

/// The models that configuration names.
#[derive(Debug, Default)]
pub struct ModelNames {
    exact: HashSet<Box<str>>,
    patterns: Vec<Pattern>,
}

impl ModelNames {
    /// From every name and pattern that routes and price book hold, in their order.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = Self::default();
        for name in names {
            if known.exact.len() + known.patterns.len() >= MOST_MODELS {
                break;
            }
            let pattern = Pattern::new(name);
            if pattern.is_exact() {
                known.exact.insert(name.into());
            } else {
                known.patterns.push(pattern);
            }
        }
        known
    }

    /// What stands for `model` in a label.
    pub(super) fn label<'a>(&'a self, model: &'a str) -> &'a str {
        if self.exact.contains(model) {
            return model;
        }
        self.patterns
            .iter()
            .find(|pattern| pattern.matches(model))
            .map_or(OTHER, Pattern::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_configuration_become_labels() {
        let names = ModelNames::new(["gpt-4o", "gpt-*", "*", "smart"]);
        let check = |model: &str, label: &str| assert_eq!(names.label(model), label, "{model}");
        check("gpt-4o", "gpt-4o");
        check("gpt-9-invented", "gpt-*");
        check("smart", "smart");
        check("my prompt", "*");
        assert_eq!(ModelNames::default().label("gpt-4o"), OTHER);
        let many: Vec<String> = (0..2_000).map(|n| format!("m{n}")).collect();
        let names = ModelNames::new(many.iter().map(String::as_str));
        assert_eq!((names.label("m1"), names.label("m1999")), ("m1", OTHER));
    }
}
