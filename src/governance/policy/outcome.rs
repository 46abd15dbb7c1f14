//! What policies say about one request: the decision, who made it, and what else is to be done.
//!
//! Rules are named by their place among the policies; [`super::Policies`] has the words. Nothing is allocated for a
//! request that no more than a handful of rules speak about.

use super::guards::GuardId;
use super::rule::{Cap, RuleId};
use super::scope::Limits;
use super::settings::Layer;
use smallvec::SmallVec;

/// Some rules.
pub type RuleIds = SmallVec<[RuleId; 4]>;

/// Yes or no.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The request may go on.
    #[default]
    Allow,
    /// It may not.
    Deny,
}

/// What a layer says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// It has no rules for this caller.
    #[default]
    Silent,
    /// It lets the request pass.
    Pass,
    /// It will be known once the texts were looked at.
    Pending,
    /// It does not.
    Deny,
}

/// What a rule in shadow would have changed, were it in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Would {
    /// A denied request would have been allowed.
    Allow,
    /// An allowed request would have been denied.
    Deny,
    /// The decision would be the same, but not all that goes with it (caps, route, tags, alerts).
    Change,
    /// Nothing.
    Nothing,
}

impl Would {
    /// Its name in metrics and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Change => "change",
            Self::Nothing => "nothing",
        }
    }
}

/// A rule in shadow whose conditions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShadowHit {
    /// The rule.
    pub rule: RuleId,
    /// What it would have changed.
    pub would: Would,
    /// Whether the date its trial was to end has passed.
    pub overdue: bool,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A rule denies it.
    Rule(RuleId),
    /// A rule asks for something it lacks.
    Lacking(RuleId),
    /// A layer allows some requests, and not this one.
    Default(Layer),
    /// Its input is longer than a limit.
    TooLong(Cap),
}

/// A refusal, ready to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub cause: Cause,
    /// 402, 403, 412 or 429.
    pub status: u16,
    /// The stable code.
    pub code: Box<str>,
    /// The words for the caller.
    pub message: String,
}

/// What policies say about one request, or one call the model makes.
#[derive(Debug, Clone, Default)]
#[must_use = "a decision nobody acts on governs nothing"]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing")]
pub struct Outcome {
    /// Yes or no.
    pub decision: Decision,
    /// Whether rules wait for what the texts hold: until they were looked at `Allow` only means that nothing denies it so
    /// far.
    pub pending: bool,
    /// The rules that decided: all that deny, else all that allow.
    pub deciding: RuleIds,
    /// Every rule in force whose conditions hold.
    pub matched: RuleIds,
    /// Rules whose conditions could not be told (`deny` counts as met, `allow` as not).
    pub faults: RuleIds,
    /// Rules in shadow whose conditions hold.
    pub shadows: SmallVec<[ShadowHit; 2]>,
    /// What each layer says, by [`Layer`].
    pub layers: [Standing; 4],
    /// The limits that hold, caps of `set:` included, each with where it comes from.
    pub limits: Limits,
    /// The highest temperature, in thousandths.
    pub temperature_max_milli: Option<Cap>,
    /// The most choices.
    pub n_max: Option<Cap>,
    /// The rule that says where the call goes.
    pub route: Option<RuleId>,
    /// Entries of `redact:` in force.
    pub guards: SmallVec<[GuardId; 4]>,
    /// Entries of `redact:` in shadow.
    pub shadow_guards: SmallVec<[GuardId; 2]>,
    /// Entries of `consult:` that apply, by scope and place.
    pub consults: SmallVec<[(u16, u16); 1]>,
    /// Whether the redacted content of the call is kept.
    pub capture: bool,
    /// Whether the decision depends on what time it is.
    pub timed: bool,
    /// Whether anything in it, be it which guards apply, may be otherwise once texts were looked at: decide again then.
    pub waits: bool,
    /// What to tell the caller of a request that is denied.
    pub refusal: Option<Box<Refusal>>,
    /// The scopes that cover the caller, widest first.
    pub(super) scopes: Scopes,
    /// Those of them that deny because nothing there allows.
    pub(super) defaults: Scopes,
}

/// Scopes, by their place.
pub(super) type Scopes = SmallVec<[u16; 6]>;

impl Outcome {
    /// Whether the request may go on, as far as is known.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self.decision, Decision::Allow)
    }

    /// What a layer says.
    #[must_use]
    pub fn layer(&self, layer: Layer) -> Standing {
        self.layers.get(layer.place()).copied().unwrap_or_default()
    }

    /// Notes what one scope of a layer says: the stricter of two holds.
    pub(super) fn stand(&mut self, layer: Layer, standing: Standing) {
        if let Some(known) = self.layers.get_mut(layer.place()) {
            *known = standing.max(*known);
        }
    }

    /// The output that holds for a caller who asked for `asked`.
    #[must_use]
    pub fn max_output_tokens(&self, asked: Option<u64>) -> Option<u64> {
        let cap = self.limits.max_output_tokens.map(|cap| cap.value);
        match (cap, asked) {
            (Some(cap), Some(asked)) => Some(cap.min(asked)),
            (cap, asked) => cap.or(asked),
        }
    }
}
