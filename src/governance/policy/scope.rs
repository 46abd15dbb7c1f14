//! One file's part in a decision: whom it is for, its rules, and what else it says.
//!
//! Every scope that covers the caller must let a request pass, each by its own file alone: what a team's `allow` rules
//! say does not help with the organisation's, nor the other way round. That holds for two scopes of one layer as well
//! (everybody, and one organisation), so a file's tests mean the same whatever files stand beside it.

use super::breaker::Armed;
use super::canary::Canary;
use super::context::Seat;
use super::guards::{Consult, Guard, Taint};
use super::index::{Index, Row};
use super::matcher::{Matcher, same_name};
use super::place::Place;
use super::request::Caller;
use super::rule::Cap;
use super::settings::{self, Effect, Injection, Layer, OnError};
use crate::clock::Wall;
use std::ops::Range;
use std::time::Duration;

/// A compiled file.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) names: settings::Scope,
    pub(super) layer: Layer,
    pub(super) seat: Seat,
    /// Its rules among those of the policies.
    pub(super) rules: Range<usize>,
    pub(super) index: Index,
    pub(super) rows: Rows,
    pub(super) default: Option<Effect>,
    pub(super) on_detector_error: Option<OnError>,
    pub(super) scan_budget: Option<Duration>,
    pub(super) limits: Limits,
    pub(super) budget: settings::BudgetBehaviour,
    pub(super) exceptions: Box<[Exception]>,
    pub(super) guards: Box<[Guard]>,
    pub(super) injection: Option<Injection>,
    pub(super) taints: Box<[Taint]>,
    pub(super) breakers: Box<[Armed]>,
    pub(super) consults: Box<[Consult]>,
    pub(super) capture: Option<Matcher>,
}

/// Which of a scope's rules have a part in what.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing")]
pub(super) struct Rows {
    /// In decisions about requests.
    pub(super) requests: Row,
    /// In decisions about calls the model makes.
    pub(super) calls: Row,
    /// In setting the tags others may ask for.
    pub(super) taggers: Row,
    /// Whether one of them allows requests, so that what none allows is denied.
    pub(super) allows_requests: bool,
    /// The same of calls.
    pub(super) allows_calls: bool,
    /// Rules that allow something for a share of callers: for the others they allow nothing.
    pub(super) canary_allows: Box<[(Box<str>, Canary)]>,
    /// Whether there is a tagger.
    pub(super) tags: bool,
    /// Whether what is said of calls depends on what texts hold.
    pub(super) calls_read_texts: bool,
}

/// `limits:`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most input.
    pub max_input_tokens: Option<Cap>,
    /// The most output, and what is asked for where the caller asks for nothing.
    pub max_output_tokens: Option<Cap>,
    /// Requests a minute, for each virtual key.
    pub rpm: Option<Cap>,
    /// Tokens a minute, for each virtual key.
    pub tpm: Option<Cap>,
    /// Calls at once, for each virtual key.
    pub concurrency: Option<Cap>,
}

impl Limits {
    /// The same, where the other says nothing; else what the other says.
    pub(super) fn replaced_by(self, other: &Self) -> Self {
        Self {
            max_input_tokens: other.max_input_tokens.or(self.max_input_tokens),
            max_output_tokens: other.max_output_tokens.or(self.max_output_tokens),
            rpm: other.rpm.or(self.rpm),
            tpm: other.tpm.or(self.tpm),
            concurrency: other.concurrency.or(self.concurrency),
        }
    }

    /// The smaller of each.
    pub(super) fn least(self, other: &Self) -> Self {
        Self {
            max_input_tokens: least(self.max_input_tokens, other.max_input_tokens),
            max_output_tokens: least(self.max_output_tokens, other.max_output_tokens),
            rpm: least(self.rpm, other.rpm),
            tpm: least(self.tpm, other.tpm),
            concurrency: least(self.concurrency, other.concurrency),
        }
    }
}

/// The smaller of two; of equal ones the one written first, so that the order of files does not show.
pub(super) fn least(one: Option<Cap>, other: Option<Cap>) -> Option<Cap> {
    match (one, other) {
        (Some(one), Some(other)) => {
            let smaller = (other.value, other.place) < (one.value, one.place);
            Some(if smaller { other } else { one })
        }
        (one, other) => one.or(other),
    }
}

/// One entry of `overrides:`.
#[derive(Debug)]
pub(super) struct Exception {
    pub(super) place: Place,
    pub(super) child: settings::Scope,
    pub(super) limits: Limits,
    /// The deny rules it lifts, among those of the policies.
    pub(super) lifts: Box<[usize]>,
    /// When it is over.
    pub(super) expires: Wall,
}

impl Exception {
    /// Whether it holds for this caller now.
    pub(super) fn holds(&self, caller: &Caller<'_>, now: Wall) -> bool {
        now < self.expires && covers(&self.child, caller)
    }
}

impl Scope {
    /// Whether it is for this caller.
    pub(super) fn covers(&self, caller: &Caller<'_>) -> bool {
        covers(&self.names, caller)
    }

    /// What it says of limits to this caller: its own, or what an exception puts in their place. Of several exceptions the
    /// narrowest child's holds, and of equally narrow ones the smaller figure.
    pub(super) fn limits_for(&self, caller: &Caller<'_>, now: Wall) -> Limits {
        if self.exceptions.is_empty() {
            return self.limits;
        }
        let mut limits = self.limits;
        for layer in Layer::ALL {
            let mut of_layer = Limits::default();
            for exception in &self.exceptions {
                if exception.child.layer() == layer && exception.holds(caller, now) {
                    of_layer = of_layer.least(&exception.limits);
                }
            }
            limits = limits.replaced_by(&of_layer);
        }
        limits
    }

    /// The exception that lifts this rule for this caller.
    pub(super) fn lifting(
        &self,
        rule: usize,
        caller: &Caller<'_>,
        now: Wall,
    ) -> Option<&Exception> {
        self.exceptions
            .iter()
            .find(|exception| exception.lifts.contains(&rule) && exception.holds(caller, now))
    }

    /// What it is called: `team payments`.
    pub(super) fn describe(&self) -> String {
        describe(&self.names)
    }
}

impl Layer {
    /// Its place among the four, from the widest.
    pub(super) const fn place(self) -> usize {
        match self {
            Self::Org => 0,
            Self::Team => 1,
            Self::Project => 2,
            Self::Key => 3,
        }
    }

    /// Every layer, from the widest.
    pub(super) const ALL: [Self; 4] = [Self::Org, Self::Team, Self::Project, Self::Key];

    /// As written in scopes.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Team => "team",
            Self::Project => "project",
            Self::Key => "key",
        }
    }
}

/// Whether a scope covers a caller: every name given must be the caller's, ASCII case and the way letters are composed apart.
pub(super) fn covers(scope: &settings::Scope, caller: &Caller<'_>) -> bool {
    let is = |name: &Option<String>, label: Option<&str>| {
        name.as_deref()
            .is_none_or(|name| label.is_some_and(|label| same_name(label, name)))
    };
    is(&scope.org, caller.org)
        && is(&scope.team, caller.team)
        && is(&scope.project, caller.project)
        && is(&scope.key, caller.key)
}

/// How narrow a scope is: first by its layer, then by how many names it gives.
pub(super) fn rank(scope: &settings::Scope) -> u8 {
    let names = [&scope.org, &scope.team, &scope.project, &scope.key];
    let given = names.iter().filter(|name| name.is_some()).count();
    let both = scope
        .layer()
        .place()
        .saturating_mul(8)
        .saturating_add(given);
    u8::try_from(both).unwrap_or(u8::MAX)
}

/// What a scope is called: its innermost name.
pub(super) fn describe(scope: &settings::Scope) -> String {
    let named = [
        ("key", &scope.key),
        ("project", &scope.project),
        ("team", &scope.team),
        ("org", &scope.org),
    ];
    named
        .into_iter()
        .find_map(|(label, name)| Some(format!("{label} {}", name.as_ref()?)))
        .unwrap_or_else(|| "everybody".to_owned())
}
