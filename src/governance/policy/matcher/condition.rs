//! One key of a `match:`.

use super::glob::ValueGlob;
use super::names::NameList;
use super::network::Networks;
use super::{Side, Truth};
use crate::governance::guard::Kind;
use crate::governance::policy::context::{Call, Context};
use crate::governance::policy::request::{HasSet, Request};
use crate::governance::policy::settings::{Has, ScanState};
use crate::governance::policy::window::Window;
use smallvec::SmallVec;

/// The keys whose values are names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Key {
    Models,
    Endpoints,
    Tools,
    Users,
    Groups,
    Agents,
    Projects,
    Keys,
    Tainted,
}

/// The values a request has for a key.
pub(in super::super) type Values<'a> = SmallVec<[&'a str; 4]>;

impl Key {
    /// As written.
    pub(in super::super) const fn name(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Endpoints => "endpoints",
            Self::Tools => "tools",
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Agents => "agents",
            Self::Projects => "projects",
            Self::Keys => "keys",
            Self::Tainted => "tainted",
        }
    }

    /// The one value of a key that has at most one.
    fn single<'a>(self, request: &Request<'a>) -> Option<&'a str> {
        match self {
            Self::Models => Some(request.model),
            Self::Endpoints => Some(request.endpoint),
            Self::Users => request.caller.user,
            Self::Agents => request.caller.agent,
            Self::Projects => request.caller.project,
            Self::Keys => request.caller.key,
            Self::Tools | Self::Groups | Self::Tainted => None,
        }
    }

    /// Every value.
    pub(in super::super) fn values<'a>(self, context: &Context<'a>) -> Values<'a> {
        let request = context.request;
        match (self, context.call) {
            (Self::Tools, Some(call)) => std::iter::once(call.name).collect(),
            (Self::Tools, None) => request.tools.iter().copied().collect(),
            (Self::Groups, _) => request.caller.groups.iter().map(AsRef::as_ref).collect(),
            (Self::Tainted, _) => request.taints.iter().map(AsRef::as_ref).collect(),
            _ => self.single(request).into_iter().collect(),
        }
    }

    fn holds(self, list: &NameList, side: Side, context: &Context<'_>) -> bool {
        let request = context.request;
        match self {
            Self::Tools => match context.call {
                Some(call) => list.covers(call.name),
                None => every_or_any(
                    request.tools.iter().map(|tool| list.covers(tool)),
                    list,
                    side,
                ),
            },
            Self::Groups => has_any(request.caller.groups, list),
            Self::Tainted => has_any(request.taints, list),
            _ => self
                .single(request)
                .map_or_else(|| list.is_open(), |value| list.covers(value)),
        }
    }
}

/// Of what a request asks for: any one is enough to narrow, all must be covered to widen.
fn every_or_any(covered: impl Iterator<Item = bool>, list: &NameList, side: Side) -> bool {
    let mut seen = list.is_open();
    for covered in covered {
        match (side, covered) {
            (Side::Narrows, true) => return true,
            (Side::Widens, false) => return false,
            _ => seen = true,
        }
    }
    side == Side::Widens && seen
}

/// Of what a caller or a session is: none may be left out, and one must be named if any is.
fn has_any(values: &[Box<str>], list: &NameList) -> bool {
    !values.iter().any(|value| list.leaves_out(value))
        && (list.is_open() || values.iter().any(|value| list.covers(value)))
}

/// Kinds of findings.
#[derive(Debug, Clone)]
pub(in super::super) struct Kinds {
    /// Those the list covers.
    pub(in super::super) of: Box<[Kind]>,
    /// As written.
    pub(in super::super) list: NameList,
}

/// A pattern of calls.
#[derive(Debug, Clone)]
pub(in super::super) struct CallPattern {
    pub(in super::super) name: ValueGlob,
    /// By path.
    pub(in super::super) arguments: Box<[(Box<str>, ValueGlob)]>,
}

impl CallPattern {
    fn holds(&self, call: &Call<'_>, side: Side) -> Truth {
        if !self.name.fits(Some(call.name)) {
            return Truth::No;
        }
        if self.arguments.is_empty() {
            return Truth::Yes;
        }
        let Some(tree) = &call.arguments else {
            return Truth::Fault;
        };
        let mut leaves = Vec::new();
        self.arguments
            .iter()
            .all(|(path, glob)| {
                leaves.clear();
                tree.leaves(path, &mut leaves);
                match side {
                    _ if leaves.is_empty() => glob.fits(None),
                    Side::Narrows => leaves.iter().any(|leaf| glob.fits(Some(leaf))),
                    Side::Widens => leaves.iter().all(|leaf| glob.fits(Some(leaf))),
                }
            })
            .into()
    }
}

/// One condition.
#[derive(Debug, Clone)]
pub(in super::super) enum Condition {
    Names(Key, NameList),
    Header(Box<str>, ValueGlob),
    Networks(Networks),
    Tag(Box<str>, ValueGlob),
    Has(HasSet),
    Scan(Box<[ScanState]>),
    Detections(Kinds),
    Calls(Box<[CallPattern]>),
    Window(Window),
}

impl Condition {
    /// In which order they are tried.
    pub(in super::super) const fn weight(&self) -> u8 {
        match self {
            Self::Has(_) => 0,
            Self::Names(Key::Models | Key::Endpoints, _) => 1,
            Self::Names(..) => 2,
            Self::Networks(_) => 3,
            Self::Header(..) | Self::Tag(..) => 4,
            Self::Calls(_) => 5,
            Self::Scan(_) | Self::Detections(_) => 6,
            Self::Window(_) => 7,
        }
    }

    /// Whether it holds.
    pub(in super::super) fn holds(&self, side: Side, context: &Context<'_>) -> Truth {
        let request = context.request;
        match self {
            Self::Names(key, list) => key.holds(list, side, context).into(),
            Self::Header(name, glob) => glob.fits(request.headers.header(name)).into(),
            Self::Networks(networks) => networks.covers(request.peer).into(),
            Self::Tag(name, glob) => tag_fits(name, glob, context).into(),
            Self::Has(set) => request.has().meets(*set).into(),
            Self::Scan(states) => request.scan.map_or_else(
                || context.not_known_yet(),
                |state| states.contains(&state).into(),
            ),
            Self::Detections(kinds) => match request.detections {
                None => context.not_known_yet(),
                Some(counts) => {
                    let found = counts.iter().filter(|(_, count)| *count > 0);
                    let covered = found.map(|(kind, _)| kinds.of.contains(kind));
                    every_or_any(covered, &kinds.list, side).into()
                }
            },
            Self::Calls(patterns) => context.call.map_or(Truth::No, |call| {
                let mut truth = Truth::No;
                for pattern in patterns {
                    match pattern.holds(call, side) {
                        Truth::Yes => return Truth::Yes,
                        Truth::No => {}
                        other => truth = other,
                    }
                }
                truth
            }),
            Self::Window(window) => {
                context.time_was_read();
                window.covers(request.now).into()
            }
        }
    }

    /// What it is: `models [gpt-4o]`.
    pub(in super::super) fn describe(&self) -> String {
        match self {
            Self::Names(key, list) => format!("{} {list}", key.name()),
            Self::Header(name, glob) => format!("header {name}: {glob}"),
            Self::Networks(networks) => format!("networks {networks}"),
            Self::Tag(name, glob) => format!("tag {name}: {glob}"),
            Self::Has(set) => format!("has [{}]", has_names(*set).join(", ")),
            Self::Scan(states) => {
                let names: Vec<_> = states.iter().map(|state| scan_name(*state)).collect();
                format!("scan [{}]", names.join(", "))
            }
            Self::Detections(kinds) => format!("detections {}", kinds.list),
            Self::Calls(patterns) => {
                let names: Vec<_> = patterns.iter().map(|call| call.name.to_string()).collect();
                format!("tool_calls [{}]", names.join(", "))
            }
            Self::Window(window) => format!("window {}", window.name()),
        }
    }

    /// What the request has in its place.
    pub(in super::super) fn seen(&self, context: &Context<'_>) -> String {
        let request = context.request;
        match self {
            Self::Names(key, _) => seen(&key.values(context)),
            Self::Header(name, _) => request
                .headers
                .header(name)
                .map_or_else(|| "absent".to_owned(), ToOwned::to_owned),
            Self::Networks(_) => request
                .peer
                .map_or_else(|| "no address".to_owned(), |peer| peer.to_string()),
            Self::Tag(name, _) => seen(&context.tag_values(name).collect::<Vec<_>>()),
            Self::Has(_) => seen(&has_names(request.has())),
            Self::Scan(_) => request.scan.map_or("not known yet", scan_name).to_owned(),
            Self::Detections(_) => match request.detections {
                None => "not looked for yet".to_owned(),
                Some(counts) => {
                    let found = counts.iter().filter(|(_, count)| *count > 0);
                    let names: Vec<_> = found.map(|(kind, _)| context.kind_name(*kind)).collect();
                    seen(&names)
                }
            },
            Self::Calls(_) => match context.call {
                None => "no call yet".to_owned(),
                Some(call) if call.arguments.is_none() => {
                    format!("{}, arguments are no JSON", call.name)
                }
                Some(call) => call.name.to_owned(),
            },
            Self::Window(window) => window.describe(request.now),
        }
    }
}

fn tag_fits(name: &str, glob: &ValueGlob, context: &Context<'_>) -> bool {
    let mut values = context.tag_values(name).peekable();
    if values.peek().is_none() {
        return glob.fits(None);
    }
    // Several values of one tag: a negated glob holds only if none of them is the one left out.
    if glob.is_negated() {
        values.all(|value| glob.fits(Some(value)))
    } else {
        values.any(|value| glob.fits(Some(value)))
    }
}

fn seen(values: &[&str]) -> String {
    match values {
        [] => "none".to_owned(),
        values => values.join(", "),
    }
}

fn has_names(set: HasSet) -> Vec<&'static str> {
    [
        (Has::Images, "images"),
        (Has::Audio, "audio"),
        (Has::Files, "files"),
        (Has::Tools, "tools"),
        (Has::Stream, "stream"),
    ]
    .into_iter()
    .filter(|(has, _)| set.contains(*has))
    .map(|(_, name)| name)
    .collect()
}

const fn scan_name(state: ScanState) -> &'static str {
    match state {
        ScanState::Full => "full",
        ScanState::Partial => "partial",
        ScanState::None => "none",
    }
}
