//! Settings of LiteLLM's router: how often a call is tried, other names for models, and what a model falls back to.

use super::number::seconds;
use super::sections::{left, whole_or_zero};
use super::{Draft, Fate, Route, Section, Target, items, text};
use crate::config::yaml::{Kind, Node};

/// How often and how long a call is tried.
pub(super) fn retries(draft: &mut Draft<'_>, sections: &[Option<&Section<'_>>]) {
    /// As many attempts as a gateway makes at most.
    const MOST: u64 = 10;
    for section in sections.iter().flatten() {
        if let Some(entry) = section.take("num_retries") {
            match whole_or_zero(entry) {
                _ if draft.attempts.is_some() => draft.note(
                    entry.place,
                    Fate::Left,
                    section.named("num_retries"),
                    "the router's own goes before it",
                    "leave it out",
                ),
                Some(number) if number < MOST => draft.attempts = Some(number + 1),
                Some(_) => {
                    draft.attempts = Some(MOST);
                    draft.note(
                        entry.place,
                        Fate::Changed,
                        section.named("num_retries"),
                        "a call is tried ten times at most",
                        "leave it so: more attempts multiply an outage",
                    );
                }
                None => left(draft, &section.path, entry),
            }
        }
        for key in ["timeout", "request_timeout"] {
            let Some(entry) = section.take(key) else {
                continue;
            };
            match text(&entry.value).and_then(seconds) {
                _ if draft.total.is_some() => draft.note(
                    entry.place,
                    Fate::Left,
                    section.named(key),
                    "another time for the whole call goes before it",
                    "leave it out",
                ),
                Some(time) => draft.total = Some(time),
                None => draft.note(
                    entry.place,
                    Fate::Left,
                    section.named(key),
                    "is no time in seconds",
                    "write `timeouts: { total: … }` by hand",
                ),
            }
        }
    }
}

/// Other names for groups.
pub(super) fn aliases(draft: &mut Draft<'_>, router: &Section<'_>) {
    let Some(entry) = router.take("model_group_alias") else {
        return;
    };
    for alias in Section::new("", &entry.value).rest() {
        let of = text(&alias.value).or_else(|| text(alias.value.get("model")?));
        let what = format!("router_settings.model_group_alias.{}", alias.key);
        let targets = of
            .and_then(|of| draft.routes.iter().find(|route| route.name == of))
            .map(|route| route.targets.clone());
        let known = draft.routes.iter().any(|route| route.name == alias.key);
        match targets {
            Some(targets)
                if !known && !alias.key.starts_with("file:") && !alias.key.contains('*') =>
            {
                draft.routes.push(Route {
                    name: alias.key.clone(),
                    targets,
                });
                // What bounds a model bounds it under all its names.
                for limit in &mut draft.limits {
                    if let (Some(("model", names)), Some(of)) = (&mut limit.label, of)
                        && names.iter().any(|name| name == of)
                    {
                        names.push(alias.key.clone());
                    }
                }
            }
            Some(_) => draft.note(
                alias.place,
                Fate::Left,
                what,
                "a model has that name already, or it is a pattern",
                "choose another name for one of them",
            ),
            None => draft.note(
                alias.place,
                Fate::Left,
                what,
                "it is a name for a model that was not converted",
                "see what is said of that model",
            ),
        }
        if let Some(hidden) = alias
            .value
            .get("hidden")
            .filter(|node| text(node) == Some("true"))
        {
            draft.note(
                hidden.place,
                Fate::Left,
                format!("router_settings.model_group_alias.{}.hidden", alias.key),
                "the list of models shows every name that a key may use",
                "name the models of a key: `models: […]`",
            );
        }
    }
}

/// What a group falls back to becomes further targets of its route, as far as it may have more.
pub(super) fn fallbacks(draft: &mut Draft<'_>, sections: &[Option<&Section<'_>>]) {
    for section in sections.iter().flatten() {
        for key in ["fallbacks", "default_fallbacks"] {
            let Some(entry) = section.take(key) else {
                continue;
            };
            let mut pairs: Vec<(Option<String>, &Node)> = Vec::new();
            for one in items(&entry.value) {
                match &one.kind {
                    Kind::Map(entries) => pairs.extend(entries.iter().flat_map(|of| {
                        items(&of.value).iter().map(|to| (Some(of.key.clone()), to))
                    })),
                    Kind::Scalar(_) => pairs.push((None, one)),
                    Kind::List(_) => {}
                }
            }
            for (of, to) in pairs {
                fallback(draft, &section.named(key), of.as_deref(), to);
            }
        }
    }
}

fn fallback(draft: &mut Draft<'_>, path: &str, of: Option<&str>, to: &Node) {
    let name = text(to).unwrap_or_default();
    let targets = draft
        .routes
        .iter()
        .find(|route| route.name == name)
        .map(|route| route.targets.clone());
    let what = format!("{path}: {} to {name}", of.unwrap_or("every model"));
    let group = |route: &&mut Route| of == Some(&*route.name) || of.is_none() && route.name != name;
    let Some(targets) = targets else {
        draft.note(
            to.place,
            Fate::Left,
            what,
            "it leads to a model that was not converted",
            "see what is said of that model",
        );
        return;
    };
    let mut found = false;
    for route in draft.routes.iter_mut().filter(group) {
        found = true;
        let more = targets.iter().map(|target| Target {
            place: to.place,
            ..target.clone()
        });
        route.targets.extend(more);
    }
    if !found {
        draft.note(
            to.place,
            Fate::Left,
            what,
            "it is for a model that was not converted",
            "see what is said of that model",
        );
    }
}
