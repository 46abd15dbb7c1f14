//! An explanation as text: one line for each thing, what decided first.

use super::{Became, Explanation, Guarded, Limited, Tried};
use std::fmt::{self, Display, Formatter};

/// Where the text of a line begins.
const MARGIN: usize = 13;

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        let rules = |wanted: &'static [Became]| {
            let rules = self.rules.iter();
            rules.filter(move |tried| wanted.contains(&tried.became))
        };
        for tried in rules(&[Became::Matched]) {
            writeln!(f, "{}", self.matched(tried))?;
        }
        for tried in rules(&[Became::Lifted]) {
            line(
                f,
                "lifted",
                &format!("{}   {}", named(tried), tried.because),
            )?;
        }
        for tried in self
            .rules
            .iter()
            .filter(|tried| tried.shadow && tried.became != Became::Lifted)
        {
            line(f, "shadow", &shadow(tried))?;
        }
        for tried in rules(&[Became::Pending]).filter(|tried| !tried.shadow) {
            line(f, "waits", &format!("{}   {}", named(tried), tried.because))?;
        }
        for tried in rules(&[Became::Unmatched]).filter(|tried| !tried.shadow) {
            line(
                f,
                "no match",
                &format!("{}   {}", named(tried), tried.because),
            )?;
        }
        for limit in &self.limits {
            line(f, "limits", &limit.to_string())?;
        }
        for guard in &self.guards {
            line(f, "redact", &guard.to_string())?;
        }
        for tag in &self.tags {
            line(
                f,
                "tags",
                &format!("{}={} by {}", tag.name, tag.value, tag.rule),
            )?;
        }
        if let Some(route) = &self.route {
            let model = route.model.iter().map(|model| format!("model {model}"));
            let provider = route
                .provider
                .iter()
                .map(|provider| format!("provider {provider}"));
            let to: Vec<String> = model.chain(provider).collect();
            line(
                f,
                "route",
                &format!("{}  by {} {}", to.join(", "), route.place, route.rule),
            )?;
        }
        if self.capture {
            line(f, "capture", "the texts of the request are kept, masked")?;
        }
        self.foot(f)
    }
}

impl Explanation {
    fn head(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let verdict = match (self.decision, self.pending) {
            ("deny", _) => "DENY ",
            (_, true) => "ALLOW (so far) ",
            (_, false) => "ALLOW",
        };
        let mut decided = self
            .rules
            .iter()
            .filter(|tried| tried.became == Became::Decided)
            .peekable();
        if decided.peek().is_none() {
            let told = self.refusal.as_ref();
            let why = told.map_or("nothing denies it", |told| told.message.as_str());
            return writeln!(f, "{verdict} {why}");
        }
        decided
            .try_for_each(|tried| writeln!(f, "{verdict} by {}   {}", named(tried), tried.because))
    }

    fn matched(&self, tried: &Tried) -> String {
        match tried.effect {
            Some("allow") if self.decision == "deny" => {
                format!(
                    "{:MARGIN$}{} (overruled: deny wins)",
                    "allowed by",
                    named(tried)
                )
            }
            _ => format!("{:MARGIN$}{}   {}", "matched", named(tried), tried.because),
        }
    }

    fn foot(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:MARGIN$}", "layers")?;
        for layer in &self.layers {
            let says = layer.says.map_or_else(|| "-".to_owned(), str::to_uppercase);
            write!(f, "{} {says}  ", layer.layer)?;
        }
        if !self.revision.is_empty() {
            let short: String = self.revision.chars().take(6).collect();
            let cut = if short.len() < self.revision.len() {
                ".."
            } else {
                ""
            };
            write!(f, "      policy {short}{cut}")?;
        }
        if let Some(nanos) = self.nanos {
            let tenths = nanos.div_ceil(100);
            write!(
                f,
                "  {}.{} us",
                tenths.div_euclid(10),
                tenths.rem_euclid(10)
            )?;
        }
        writeln!(f)
    }
}

fn line(f: &mut Formatter<'_>, what: &str, text: &str) -> fmt::Result {
    writeln!(f, "{what:MARGIN$}{text}")
}

fn named(tried: &Tried) -> String {
    format!("{} {}", tried.place, tried.rule)
}

fn shadow(tried: &Tried) -> String {
    let overdue = if tried.overdue { " (overdue)" } else { "" };
    let would = match (tried.became, tried.would) {
        (Became::Shadow, Some("nothing") | None) => "would match, and change nothing",
        (Became::Shadow, Some("change")) => "would match",
        (Became::Shadow, Some("allow")) => "would allow",
        (Became::Shadow, Some(_)) => "would deny",
        (Became::Pending, _) => "waits",
        _ => "would not match",
    };
    format!("{}{overdue}   {would}: {}", named(tried), tried.because)
}

impl Display for Limited {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}  {}", self.name, self.value, self.place)?;
        let others = self
            .others
            .iter()
            .map(|(place, value)| format!("{place} says {value}"));
        let asked = self.asked.filter(|_| self.name == "max_output_tokens");
        let asked = asked.map(|asked| format!("client asked {asked} -> {}", asked.min(self.value)));
        let all: Vec<String> = others.chain(asked).collect();
        if all.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", all.join(", "))
    }
}

impl Display for Guarded {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shadow = if self.shadow { " (shadow)" } else { "" };
        write!(
            f,
            "{} {}{shadow}   {} {} on {}",
            self.place,
            self.id,
            self.action,
            self.kinds.join(", "),
            self.sites.join(", ")
        )
    }
}
