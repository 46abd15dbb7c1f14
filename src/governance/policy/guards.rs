//! What guards are told to do: `redact:`, `injection:`, `taint:` and `consult:`, and how several files' wishes become one.
//!
//! Every file's wish is kept: a finding gets the strictest of the actions whose entry covers its kind, its site and its
//! level. So a narrower file can ask for more than a wider one, never for less.

use super::context::Seat;
use super::matcher::{Matcher, NameList};
use super::place::Place;
use super::rule::Trial;
use super::settings::{self, Action, Site};
use crate::governance::guard::{Kind, Level};

/// Sites, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sites(u8);

impl Sites {
    pub(super) fn new(sites: impl IntoIterator<Item = Site>) -> Self {
        Self(sites.into_iter().fold(0, |set, site| set | Self::bit(site)))
    }

    pub(super) const fn contains(self, site: Site) -> bool {
        self.0 & Self::bit(site) != 0
    }

    const fn bit(site: Site) -> u8 {
        match site {
            Site::Request => 1,
            Site::ToolResult => 2,
            Site::ToolDefinition => 4,
            Site::Response => 8,
            Site::ToolArgs => 16,
        }
    }
}

/// One entry of `redact:`, compiled.
#[derive(Debug)]
pub struct Guard {
    pub(super) id: Box<str>,
    pub(super) place: Place,
    pub(super) seat: Seat,
    pub(super) kinds: Box<[Kind]>,
    pub(super) sites: Sites,
    pub(super) action: Action,
    pub(super) level: Level,
    pub(super) message: Option<Box<str>>,
    pub(super) soft: bool,
    pub(super) note: bool,
    pub(super) matches: Matcher,
    pub(super) unless: Option<Matcher>,
    pub(super) trial: Trial,
}

impl Guard {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &str {
        &self.id
    }

    /// Where it was written.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// What it does with what it covers.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// What the caller of a blocked call is told.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Whether a blocked call is answered 200 with a refusal.
    #[must_use]
    pub const fn is_soft(&self) -> bool {
        self.soft
    }

    /// Whether the model is told about placeholders.
    #[must_use]
    pub const fn notes(&self) -> bool {
        self.note
    }

    /// Whether it looks at this site at all.
    #[must_use]
    pub const fn looks_at(&self, site: Site) -> bool {
        self.sites.contains(site)
    }

    /// The kinds it covers.
    #[must_use]
    pub const fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Whether it covers a finding.
    #[must_use]
    pub fn covers(&self, site: Site, kind: Kind, level: Level) -> bool {
        self.looks_at(site) && self.level <= level && self.kinds.contains(&kind)
    }

    /// In what order guards that cover one finding are heard: the last wins.
    pub(super) const fn strictness(&self) -> (u8, bool) {
        (strictness(self.action), !self.soft)
    }
}

/// How much of a value an action leaves, the least highest.
pub(super) const fn strictness(action: Action) -> u8 {
    match action {
        Action::Flag => 0,
        Action::Replace => 1,
        Action::Mask => 2,
        Action::Hash => 3,
        Action::Label => 4,
        Action::Drop => 5,
        Action::Block => 6,
    }
}

/// One entry of `redact:`, by its scope and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GuardId {
    pub(super) scope: u16,
    pub(super) at: u16,
}

/// What `injection:` of all files comes to at one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InjectionRuling {
    /// `flag` or `block`.
    pub action: Action,
    /// From which score on, in thousandths.
    pub threshold_milli: u64,
    /// Whether invisible characters are taken out.
    pub strip_invisible: bool,
    /// Where the action was written.
    pub place: Place,
}

/// A score nobody chose: high, because the signals are weak.
pub(super) const THRESHOLD_MILLI: u64 = 800;

/// One entry of `taint:`, compiled.
#[derive(Debug)]
pub(super) struct Taint {
    pub(super) sites: Sites,
    pub(super) from: Option<NameList>,
    pub(super) kinds: Option<Box<[Kind]>>,
    pub(super) label: Box<str>,
}

impl Taint {
    /// Whether what was read at this site taints the session. Keys are joined by AND, as everywhere.
    pub(super) fn holds(&self, site: Site, tool: Option<&str>, found: &[(Kind, u32)]) -> bool {
        let from = self.from.as_ref();
        let kinds = self.kinds.as_ref();
        self.sites.contains(site)
            && from.is_none_or(|from| tool.is_some_and(|tool| from.covers(tool)))
            && kinds.is_none_or(|kinds| {
                found
                    .iter()
                    .any(|(kind, count)| *count > 0 && kinds.contains(kind))
            })
    }
}

/// One entry of `consult:`, compiled.
#[derive(Debug)]
pub(super) struct Consult {
    pub(super) entry: settings::Consult,
    pub(super) matches: Matcher,
}
