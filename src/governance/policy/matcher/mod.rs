//! `match:` and `unless:`, compiled: every condition must hold, and the first that does not settles it.
//!
//! An answer has four values, because two things can stand between a rule and its answer: facts that are not there yet
//! (before texts are looked at), and facts that cannot be read (arguments that are no JSON). `No` outweighs both.
//!
//! Where a key meets several values at once (the tools offered, the kinds found), a list that takes rights away is met by
//! any one of them, and a list that gives rights only if it covers all: offering `search` beside `exec` is not what an
//! `allow` for `search` is about.

mod arguments;
mod condition;
mod glob;
mod names;
mod network;

pub(super) use arguments::Argument;
pub(super) use condition::{CallPattern, Condition, Key, Kinds};
pub(super) use glob::{Glob, ValueGlob, composed, same_name};
pub(super) use names::NameList;
pub(super) use network::Networks;

use super::context::Context;

/// The answer to whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    /// Not known before texts were looked at.
    Pending,
    /// Cannot be told.
    Fault,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Truth {
    /// Both. What is pending may still become `No`, so it outweighs a fault.
    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Pending, _) | (_, Self::Pending) => Self::Pending,
            (Self::Fault, _) | (_, Self::Fault) => Self::Fault,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// The opposite.
    pub(super) const fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            other => other,
        }
    }
}

/// Which way a list of names errs when it meets several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// What matches takes rights away: one value is enough.
    Narrows,
    /// What matches gives rights: every value must be covered.
    Widens,
}

impl Side {
    /// That of `unless:` beside a `match:`.
    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::Narrows => Self::Widens,
            Self::Widens => Self::Narrows,
        }
    }
}

/// A compiled `match:` or `unless:`.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    /// Cheap ones first; those that may have to wait, or read the time, last.
    conditions: Box<[Condition]>,
    side: Side,
}

impl Matcher {
    /// Of these conditions.
    pub(super) fn new(mut conditions: Vec<Condition>, side: Side) -> Self {
        conditions.sort_by_key(Condition::weight);
        Self {
            conditions: conditions.into(),
            side,
        }
    }

    /// Of no condition: always holds.
    pub(super) fn any() -> Self {
        Self::new(Vec::new(), Side::Narrows)
    }

    /// Whether every condition holds.
    pub(super) fn holds(&self, context: &Context<'_>) -> Truth {
        let mut truth = Truth::Yes;
        for condition in &self.conditions {
            truth = truth.and(condition.holds(self.side, context));
            if truth == Truth::No {
                break;
            }
        }
        truth
    }

    /// The first condition that does not hold, or, of an `unless:`, the first that does not keep the rule from applying.
    pub(super) fn first_open(&self, context: &Context<'_>) -> Option<(&Condition, Truth)> {
        self.conditions
            .iter()
            .map(|condition| (condition, condition.holds(self.side, context)))
            .find(|(_, truth)| *truth != Truth::Yes)
    }

    /// Its conditions.
    pub(super) const fn conditions(&self) -> &[Condition] {
        &self.conditions
    }
}
