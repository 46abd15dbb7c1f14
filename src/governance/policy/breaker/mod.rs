//! Breakers: agents that run away are warned, then stopped; and the labels sessions carry.
//!
//! Three signs that nobody is watching: the same request again and again, the same tool calls in a circle, money going
//! faster than anybody meant it to. Each is a small count for each rule and subject (a run, session, agent or key), kept
//! beside the configuration, so that a reload forgets nothing. Pure state with time as an argument.
//!
//! Invariant: a subject that is stopped stays stopped until its cooldown is over, however many others come (`table`).
//! After it, counting starts anew, and tool calls made before the stop no longer count: a history that is sent again
//! would otherwise stop its run for ever. Requests refused during a cooldown neither count nor lengthen it.
//!
//! Not here: what a warning or a stop does to a call, shadow mode, and where digests and sessions come from.

mod burn;
mod cycle;
mod reason;
mod repeat;
mod rule;
mod sessions;
mod similar;
mod table;
#[cfg(test)]
mod tests;

pub use cycle::{Cycle, cycle};
pub use rule::{Action, Armed, BurnRule, Named, Per, RepeatRule, Rule, Subject};
pub use sessions::{Label, Labels, Sessions, TooManyLabels};
pub use similar::{Exact, Similar, call_digest};

use crate::units::Money;
use burn::Meter;
use reason::Cause;
use repeat::Recent;
use std::time::Duration;
use table::{Aged, Table};

/// What breakers look at in a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'a> {
    /// Digest of all it says ([`Exact`]).
    pub exact: u64,
    /// The same without what changes from try to try ([`Similar`]); only read by rules with `similar: true`.
    pub similar: u64,
    /// The tool calls in its history, oldest first, by [`call_digest`].
    pub calls: &'a [u64],
}

/// What a breaker says about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a verdict nobody acts on breaks nothing"]
pub enum Verdict {
    /// Nothing unusual.
    Pass,
    /// The request may go; somebody should look.
    Warn {
        /// What, whose, how much, and what to do.
        reason: String,
    },
    /// The request may not go.
    Stop {
        /// What, whose, how much, and what to do.
        reason: String,
        /// When the cooldown is over.
        retry_after: Duration,
    },
}

/// What is known of one subject under one rule.
#[derive(Debug, Default)]
struct State {
    last_use: Duration,
    stopped: Option<Stopped>,
    recent: Recent,
    meter: Meter,
    /// So many calls of the history were made before the last stop.
    forgiven: usize,
}

#[derive(Debug, Clone, Copy)]
struct Stopped {
    until: Duration,
    cause: Cause,
}

impl Aged for State {
    fn last_use(&self) -> Duration {
        self.last_use
    }

    fn is_pinned(&self, now: Duration) -> bool {
        self.stopped.is_some_and(|stopped| now < stopped.until)
    }
}

/// The state of all breakers.
#[derive(Debug)]
pub struct Breakers {
    table: Table<State>,
}

impl Breakers {
    /// Breakers that keep at most so many subjects.
    ///
    /// When there are more, those used longest ago are forgotten, never one that is stopped. Should all be stopped, new
    /// ones are not counted: whoever can make up that many names could make up a new one for each call.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            table: Table::new(most),
        }
    }

    /// Counts a request, and says whether it may go.
    pub fn check(
        &self,
        rule: &Rule,
        subject: Subject<'_>,
        seen: &Seen<'_>,
        now: Duration,
    ) -> Verdict {
        let key = self.table.key(&(&*rule.id, subject));
        let cause = self
            .table
            .with(key, now, |state| state.check(rule, seen, now));
        match cause {
            None | Some(Outcome::Pass) => Verdict::Pass,
            Some(Outcome::Warn(cause)) => Verdict::Warn {
                reason: reason::warning(rule, subject, cause),
            },
            Some(Outcome::Stop(cause, retry_after)) => Verdict::Stop {
                reason: reason::stop(rule, subject, cause, retry_after),
                retry_after,
            },
        }
    }

    /// Counts what a call cost, once that is known.
    pub fn settled(&self, rule: &Rule, subject: Subject<'_>, cost: Money, now: Duration) {
        let Some(burn) = rule.burn else {
            return;
        };
        let key = self.table.key(&(&*rule.id, subject));
        self.table.with(key, now, |state| {
            state.last_use = now;
            state.meter.add(burn.over, cost, now);
        });
    }

    /// Lets a subject go before its cooldown is over. Whether it was stopped.
    pub fn release(&self, rule: &Rule, subject: Subject<'_>, now: Duration) -> bool {
        let key = self.table.key(&(&*rule.id, subject));
        let released = self.table.with_known(key, |state| {
            let was = state.is_pinned(now);
            state.start_anew();
            was
        });
        released.unwrap_or(false)
    }

    /// How many subjects are kept.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.table.len()
    }
}

enum Outcome {
    Pass,
    Warn(Cause),
    Stop(Cause, Duration),
}

impl State {
    fn check(&mut self, rule: &Rule, seen: &Seen<'_>, now: Duration) -> Outcome {
        self.last_use = now;
        if let Some(stopped) = self.stopped {
            if let Some(left) = stopped
                .until
                .checked_sub(now)
                .filter(|left| !left.is_zero())
            {
                return Outcome::Stop(stopped.cause, left);
            }
            self.start_anew();
        }
        if seen.calls.len() < self.forgiven {
            // Another conversation.
            self.forgiven = 0;
        }
        let mut warning = None;
        for (cause, grade) in self.signs(rule, seen, now).into_iter().flatten() {
            let stops = match rule.action {
                Action::Warn => false,
                Action::Stop => true,
                Action::WarnThenStop => grade == Grade::Twice,
            };
            if stops {
                let until = now.saturating_add(rule.cooldown);
                self.stopped = Some(Stopped { until, cause });
                self.forgiven = seen.calls.len();
                return Outcome::Stop(cause, rule.cooldown);
            }
            warning = warning.or(Some(cause));
        }
        warning.map_or(Outcome::Pass, Outcome::Warn)
    }

    /// What the three signs say, each if it is at its threshold.
    fn signs(
        &mut self,
        rule: &Rule,
        seen: &Seen<'_>,
        now: Duration,
    ) -> [Option<(Cause, Grade)>; 3] {
        let repeat = rule.repeat.and_then(|repeat| {
            let digest = if repeat.similar {
                seen.similar
            } else {
                seen.exact
            };
            let times = self.recent.count(digest, &repeat, now);
            let grade = Grade::of(times.into(), u64::from(repeat.most.get()))?;
            Some((
                Cause::Repeat {
                    times,
                    rule: repeat,
                },
                grade,
            ))
        });
        let tool_cycle = rule.tool_cycle.and_then(|most| {
            let calls = seen.calls.get(self.forgiven..).unwrap_or_default();
            let found = cycle(calls)?;
            let grade = Grade::of(found.times.into(), most.get().into())?;
            Some((Cause::Loop(found), grade))
        });
        let burn = rule.burn.and_then(|burn| {
            let spent = self.meter.spent(burn.over, now);
            let grade = Grade::of(spent, burn.most())?;
            Some((Cause::Burn { spent, rule: burn }, grade))
        });
        [repeat, tool_cycle, burn]
    }

    fn start_anew(&mut self) {
        *self = Self {
            last_use: self.last_use,
            forgiven: self.forgiven,
            ..Self::default()
        };
    }
}

/// How far beyond its threshold a count is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    Once,
    Twice,
}

impl Grade {
    fn of(count: u64, threshold: u64) -> Option<Self> {
        if count >= threshold.saturating_mul(2) {
            Some(Self::Twice)
        } else if count >= threshold {
            Some(Self::Once)
        } else {
            None
        }
    }
}
