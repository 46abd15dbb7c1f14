//! Policies: what admins write about who may call what, how much of it, and what must not be in it.
//!
//! `settings` is what was written, [`Policies`] what it means: one immutable snapshot of all files, compiled by `compile`
//! and asked by [`Policies::decide`]. `explain` says why, `cases` runs the files' own tests, and `mutate` tells which
//! rules no test would miss.
//!
//! Invariant: more rules that deny never allow more, and no order shows: neither that of files nor that of rules.
//! Not here: YAML (`config::policy`), the texts themselves (`guard`), money (`budget`).

pub mod breaker;
pub mod check;
pub mod expr;
pub mod place;
pub mod settings;

mod asks;
mod canary;
mod cases;
mod compile;
mod context;
mod decide;
mod explain;
mod facts;
mod guards;
mod index;
mod matcher;
mod mutate;
mod nearest;
mod outcome;
mod policies;
mod recalled;
mod refusal;
mod request;
mod rule;
mod scope;
mod window;

pub use cases::{CaseResult, Detect, Report, run_cases};
pub use explain::{Became, Explanation, Guarded, Layered, Limited, Routed, Tagged, Told, Tried};
pub use guards::{Guard, GuardId, InjectionRuling};
pub use mutate::{Mutant, Mutation, mutate};
pub use outcome::{Cause, Decision, Outcome, Refusal, RuleIds, ShadowHit, Standing, Would};
pub use policies::Policies;
pub use recalled::Recalled;
pub use request::{Caller, HasSet, Request, ToolCall};
pub use rule::{Cap, Route, Rule, RuleId};
pub use scope::Limits;

#[cfg(test)]
mod tests;
