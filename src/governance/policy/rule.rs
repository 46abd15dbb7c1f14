//! One rule, compiled.

use super::canary::Canary;
use super::context::{Context, Seat};
use super::expr::{Expression, Needs};
use super::matcher::{Matcher, NameList, Truth};
use super::place::Place;
use super::settings::{Effect, Layer};
use crate::clock::Wall;
use jiff::tz::TimeZone;

/// A rule, by its place among those of the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub(super) u32);

/// A number and where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// The number.
    pub value: u64,
    /// Where it comes from.
    pub place: Place,
}

/// What stands before a rule's effect.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) shadow: Option<Shadow>,
    pub(super) canary: Option<Canary>,
}

/// `mode: shadow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shadow {
    /// When `shadow_until:` is over.
    pub(super) until: Option<Wall>,
}

impl Trial {
    /// Whether what it stands before is in force for this caller.
    pub(super) fn is_over(&self, id: &str, caller: &str) -> bool {
        self.shadow.is_none() && self.canary.is_none_or(|canary| canary.holds(id, caller))
    }

    /// Whether the date it was to end has passed.
    pub(super) fn is_overdue(&self, now: Wall) -> bool {
        let until = self.shadow.and_then(|shadow| shadow.until);
        until.is_some_and(|until| now >= until)
    }
}

/// `when:`.
#[derive(Debug)]
pub(super) struct When {
    pub(super) expression: Expression,
    pub(super) text: Box<str>,
    pub(super) zone: TimeZone,
}

/// `set:`.
#[derive(Debug, Clone, Default)]
pub(super) struct Set {
    pub(super) max_output_tokens: Option<Cap>,
    pub(super) temperature_max_milli: Option<Cap>,
    pub(super) n_max: Option<Cap>,
    pub(super) stop: Box<[Box<str>]>,
    pub(super) system_prefix: Option<Box<str>>,
}

impl Set {
    pub(super) const fn is_empty(&self) -> bool {
        self.max_output_tokens.is_none()
            && self.temperature_max_milli.is_none()
            && self.n_max.is_none()
            && self.stop.is_empty()
            && self.system_prefix.is_none()
    }
}

/// `route:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// Another model.
    pub model: Option<Box<str>>,
    /// A provider.
    pub provider: Option<Box<str>>,
}

/// `require:`.
#[derive(Debug, Clone, Default)]
pub(super) struct Require {
    /// In lower case.
    pub(super) headers: Box<[Box<str>]>,
    pub(super) json_schema: bool,
    pub(super) tools: Option<NameList>,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    pub(super) id: Box<str>,
    pub(super) place: Place,
    pub(super) seat: Seat,
    pub(super) layer: Layer,
    pub(super) effect: Option<Effect>,
    pub(super) matches: Matcher,
    pub(super) unless: Option<Matcher>,
    pub(super) when: Option<When>,
    pub(super) trial: Trial,
    pub(super) set: Set,
    pub(super) route: Option<Route>,
    pub(super) require: Option<Require>,
    pub(super) tags: Box<[(Box<str>, Box<str>)]>,
    pub(super) alert: Option<Box<str>>,
    pub(super) message: Option<Box<str>>,
    pub(super) status: u16,
    pub(super) code: Box<str>,
}

impl Rule {
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

    /// The layer of its file.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        self.layer
    }

    /// What it does; a rule without an effect only sets, tags, routes, requires or alerts.
    #[must_use]
    pub const fn effect(&self) -> Option<Effect> {
        self.effect
    }

    /// Where alerts about it go.
    #[must_use]
    pub fn alert(&self) -> Option<&str> {
        self.alert.as_deref()
    }

    /// Where it sends calls.
    #[must_use]
    pub const fn route(&self) -> Option<&Route> {
        self.route.as_ref()
    }

    /// Whether its conditions hold.
    pub(super) fn truth(&self, context: &Context<'_>) -> Truth {
        let mut truth = self.matches.holds(context);
        if truth == Truth::No {
            return truth;
        }
        if let Some(when) = &self.when {
            truth = truth.and(when.holds(context));
            if truth == Truth::No {
                return truth;
            }
        }
        match &self.unless {
            Some(unless) => truth.and(unless.holds(context).not()),
            None => truth,
        }
    }

    /// Whether its caps, stops and prefixes are in force when it matches.
    pub(super) fn sets(&self) -> bool {
        self.effect != Some(Effect::Deny)
    }

    /// Whether a rule whose conditions cannot be told is taken to match: where that can only narrow.
    pub(super) fn matches_on_fault(&self) -> bool {
        match self.effect {
            Some(Effect::Deny) => true,
            Some(Effect::Allow) => false,
            None => self.require.is_some() || !self.set.is_empty(),
        }
    }
}

impl When {
    /// Whether it asks what was found.
    pub(super) fn reads_texts(&self) -> bool {
        self.expression.needs().has(Needs::DETECTIONS)
    }

    /// Whether it holds.
    pub(super) fn holds(&self, context: &Context<'_>) -> Truth {
        let needs = self.expression.needs();
        if needs.has(Needs::DETECTIONS) && context.request.detections.is_none() {
            return context.not_known_yet();
        }
        let timed = needs.has(Needs::TIME);
        if timed {
            context.time_was_read();
        }
        let facts = super::facts::of(context.request, timed.then_some(&self.zone));
        self.expression
            .eval(&facts)
            .map_or(Truth::Fault, Truth::from)
    }
}
