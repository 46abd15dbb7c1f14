//! What people call things: a path, a name, an id or the end of one; and which thing is meant.

use super::Panel;
use super::fault::Fault;
use super::problem::plain;
use serde_json::Value;
use std::fmt::Write as _;

/// So many letters of the end of an id name what has it: ids begin with the time and end with chance.
const ENDING: usize = 6;
/// So many names are told.
const TOLD: usize = 5;

/// A kind of thing that has names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    Node,
    Key,
    Budget,
    Gateway,
    Lease,
    Request,
    User,
    Token,
    Kill,
    Credential,
    Webhook,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Key => "key",
            Self::Budget => "budget",
            Self::Gateway => "gateway",
            Self::Lease => "lease",
            Self::Request => "request",
            Self::User => "user",
            Self::Token => "token",
            Self::Kill => "kill switch",
            Self::Credential => "credential",
            Self::Webhook => "webhook",
        }
    }

    /// Where the panel lists them.
    pub(in crate::cli) const fn path(self) -> &'static str {
        match self {
            Self::Node => "nodes",
            Self::Key => "keys",
            Self::Budget => "budgets",
            Self::Gateway => "gateways",
            Self::Lease => "leases",
            Self::Request => "requests",
            Self::User => "users",
            Self::Token => "tokens",
            Self::Kill => "kills",
            Self::Credential => "credentials",
            Self::Webhook => "webhooks",
        }
    }

    /// The names of a thing, the full one first.
    fn names(self, thing: &Value) -> Vec<String> {
        let text = |field: &str| thing.get(field).and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Node => vec![text("path").to_owned(), text("name").to_owned()],
            Self::Key => vec![
                format!("{}/{}", text("path"), text("name")),
                text("name").to_owned(),
            ],
            Self::Budget => {
                let name = text("name");
                let path = name.strip_suffix(text("window")).unwrap_or(name);
                vec![name.to_owned(), path.trim_end().to_owned()]
            }
            Self::Gateway | Self::Token | Self::Credential => vec![text("name").to_owned()],
            Self::User => vec![text("email").to_owned(), text("name").to_owned()],
            Self::Webhook => vec![text("url").to_owned()],
            Self::Lease | Self::Request => vec![text("id").to_owned()],
            Self::Kill => vec![text("id").to_owned(), text("name").to_owned()],
        }
    }

    /// Whether it is over, so that something else of its name is rather meant.
    fn is_over(self, thing: &Value) -> bool {
        let state = thing.get("state").and_then(Value::as_str);
        match self {
            Self::Key | Self::Gateway | Self::Token => state == Some("revoked"),
            Self::Kill => thing.get("in_force").and_then(Value::as_bool) == Some(false),
            _ => false,
        }
    }
}

impl Panel {
    /// The one thing of this kind that is called so.
    pub(in crate::cli) fn find(&self, kind: Kind, called: &str) -> Result<Value, Fault> {
        self.find_among(kind, called, kind.word(), |_| true)
    }

    /// The one of those that fit; `what` are they.
    pub(in crate::cli) fn find_among(
        &self,
        kind: Kind,
        called: &str,
        what: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value, Fault> {
        let mut all = self.list(kind.path())?;
        all.retain(|thing| fits(thing));
        pick(kind, called, what, all)
    }
}

/// The one of these that is called so.
pub(in crate::cli) fn pick(
    kind: Kind,
    called: &str,
    what: &str,
    mut all: Vec<Value>,
) -> Result<Value, Fault> {
    let id = |thing: &Value| {
        let id = thing.get("id").and_then(Value::as_str);
        id.unwrap_or_default().to_owned()
    };
    let called = called.trim().trim_matches('/');
    // The surest way to name something goes first: a name that ends like somebody else's id is still that name.
    let is_full = |thing: &Value| kind.names(thing).first().is_some_and(|name| name == called);
    let is_named = |thing: &Value| kind.names(thing).iter().any(|name| name == called);
    let ends_so = |thing: &Value| called.len() >= ENDING && id(thing).ends_with(called);
    let is_it = |thing: &Value| id(thing) == called;
    let ways: [&dyn Fn(&Value) -> bool; 4] = [&is_it, &is_full, &is_named, &ends_so];
    for way in ways {
        let found = (0..all.len()).filter(|at| all.get(*at).is_some_and(way));
        let found: Vec<usize> = found.collect();
        let alive = found.iter().copied();
        let alive = alive.filter(|at| all.get(*at).is_some_and(|thing| !kind.is_over(thing)));
        let alive: Vec<usize> = alive.collect();
        let meant = if alive.is_empty() { &found } else { &alive };
        match meant[..] {
            [] => {}
            [at] => return Ok(all.swap_remove(at)),
            _ => {
                let meant = meant.iter().filter_map(|at| all.get(*at));
                let meant = meant.map(|thing| {
                    let full = kind.names(thing).into_iter().next().unwrap_or_default();
                    (full, id(thing))
                });
                return Err(ambiguous(called, what, &meant.collect::<Vec<_>>()));
            }
        }
    }
    let known: Vec<Vec<String>> = all.iter().map(|thing| kind.names(thing)).collect();
    Err(Fault::Unknown(unknown(called, what, &known)))
}

fn ambiguous(called: &str, what: &str, meant: &[(String, String)]) -> Fault {
    let mut words = format!(
        "`{called}` names {} {what}s: say which, by its full name or its id",
        meant.len()
    );
    for (full, id) in meant.iter().take(TOLD) {
        let full = plain(full);
        let name = if full == *id {
            String::new()
        } else {
            format!("  {full}")
        };
        let _ = write!(words, "\n  {id}{name}");
    }
    if meant.len() > TOLD {
        words.push_str("\n  …");
    }
    Fault::Ambiguous(words)
}

/// What is told where nothing is called so: the nearest names, each by its full one.
fn unknown(called: &str, what: &str, known: &[Vec<String>]) -> String {
    let lower = called.to_lowercase();
    let distance = |names: &Vec<String>| {
        let names = names.iter().map(|name| name.to_lowercase());
        let names = names.map(|name| {
            let apart = strsim::damerau_levenshtein(&lower, &name);
            // A piece of a name is nearer to it than its length says.
            let within = name.contains(&lower) || lower.ends_with(&name);
            if within && !name.is_empty() { 1 } else { apart }
        });
        names.min().unwrap_or(usize::MAX)
    };
    let far = called.chars().count().div_ceil(2).max(3);
    let mut near: Vec<(usize, &str)> = known
        .iter()
        .filter_map(|names| Some((distance(names), names.first()?.as_str())))
        .collect();
    near.sort_unstable();
    near.dedup();
    let some = near.iter().any(|(distance, _)| *distance <= far);
    if some {
        near.retain(|(distance, _)| *distance <= far);
    }
    let told = near.iter().take(TOLD);
    let told: Vec<String> = told.map(|(_, name)| format!("`{}`", plain(name))).collect();
    let mut words = format!("there is no {what} `{}`", plain(called));
    if known.is_empty() {
        let _ = write!(words, ": there is none at all that you may see");
    } else if some {
        let _ = write!(words, "\n  nearest: {}", told.join(", "));
    } else {
        let more = if near.len() > TOLD { ", …" } else { "" };
        let _ = write!(words, "\n  known: {}{more}", told.join(", "));
    }
    words
}
