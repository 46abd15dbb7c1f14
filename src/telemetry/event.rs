//! What the way through tells: one plain value per kind of ending, by reference, built on the stack.
//!
//! The numbers go to the metrics, the whole to the decision log. Nothing here holds content: no prompt, answer, secret,
//! address or header. Codes (`reason`, `source`) are our own words, so that they can be labels.

use crate::chat::{Endpoint, Usage};
use crate::clock::Wall;
use crate::governance::audit::{Revisions, Ruled, Who};
use crate::ids::PassageId;
use crate::units::Money;
use std::sync::Arc;
use std::time::Duration;

/// What is known of a passage however it ends.
#[derive(Debug, Clone, Copy)]
pub struct Passage<'a> {
    /// Its id.
    pub id: PassageId,
    /// When the request came.
    pub at: Wall,
    /// Who called: made once per key, kept by whoever keeps the keys.
    pub who: &'a Arc<Who>,
    /// `x-tollgate-run`.
    pub run: Option<&'a str>,
    /// `x-tollgate-session`.
    pub session: Option<&'a str>,
    /// Which call of the API; none where the path is not ours.
    pub endpoint: Option<Endpoint>,
    /// The model as the caller named it; empty where none was read.
    pub model: &'a str,
    /// Whether a stream was asked for.
    pub streaming: bool,
    /// What was in force.
    pub revisions: &'a Arc<Revisions>,
    /// Time for the one look at the body.
    pub look: Duration,
    /// Time for the decision.
    pub decide: Duration,
    /// Time from the request's first byte to the answer's last.
    pub total: Duration,
    /// What policies had to do with it.
    pub ruled: Option<&'a Arc<Ruled>>,
}

/// A call that went and was answered; also one that was cut short and booked by our own count.
#[derive(Debug, Clone, Copy)]
pub struct Settled<'a> {
    /// The passage.
    pub passage: Passage<'a>,
    /// Why the caller did not get the answer, or not all of it, though it was paid for.
    pub withheld: Option<&'static str>,
    /// Whether the output cap was lowered to fit.
    pub clamped: bool,
    /// Status the caller saw.
    pub status: u16,
    /// What was used.
    pub usage: Usage,
    /// What was booked for it.
    pub cost: Money,
    /// What had been set aside.
    pub reserved: Money,
    /// Whether the usage is our own count.
    pub estimated: bool,
    /// Whether it cost more than had been set aside.
    pub overrun: bool,
    /// From the request to the first byte of the answer.
    pub first_byte: Option<Duration>,
    /// The part of the time that we added, the provider's own left out.
    pub overhead: Duration,
}

/// A call that was refused; nothing was reserved and nobody was called.
#[derive(Debug, Clone, Copy)]
pub struct Denied<'a> {
    /// The passage.
    pub passage: Passage<'a>,
    /// Why: the error's `code`.
    pub reason: &'static str,
    /// What refused it: `key`, `rights`, `budget`, `limit`, `price`, `policy`, `request`, …
    pub source: &'static str,
    /// The budget, limit or rule.
    pub scope: Option<&'a Arc<str>>,
    /// Status the caller saw.
    pub status: u16,
}

impl Denied<'_> {
    /// The rule of a policy that refused it, if one did.
    #[must_use]
    pub fn rule(&self) -> Option<&Arc<str>> {
        let by_rule = matches!(self.source, "policy" | "guard" | "breaker");
        self.scope.filter(|_| by_rule)
    }
}

/// A call that was let go and then failed for good.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// The passage.
    pub passage: Passage<'a>,
    /// Why: the error's `code`.
    pub reason: &'static str,
    /// Status the caller saw.
    pub status: u16,
    /// What is known to have been used.
    pub usage: Usage,
    /// What was booked; nothing only where the provider surely did no work.
    pub cost: Money,
    /// What had been set aside.
    pub reserved: Money,
    /// Whether the usage is our own count.
    pub estimated: bool,
    /// The part of the time that we added.
    pub overhead: Duration,
}

/// How one attempt at a provider ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Answered.
    Ok,
    /// Refused the request (4xx).
    Refused,
    /// Refused for the moment (429).
    RateLimited,
    /// Failed on its side (5xx).
    ServerError,
    /// Did not answer in time.
    Timeout,
    /// Could not be reached.
    Unreachable,
    /// Hung up midway.
    Cut,
    /// Answered with what is no answer.
    Malformed,
    /// We left, because the caller did.
    Abandoned,
}

impl Attempt {
    /// Every ending.
    pub const ALL: [Self; 9] = [
        Self::Ok,
        Self::Refused,
        Self::RateLimited,
        Self::ServerError,
        Self::Timeout,
        Self::Unreachable,
        Self::Cut,
        Self::Malformed,
        Self::Abandoned,
    ];

    /// Its name in the label `outcome`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Cut => "cut",
            Self::Malformed => "malformed",
            Self::Abandoned => "abandoned",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}
