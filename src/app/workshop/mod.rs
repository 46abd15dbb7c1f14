//! The workshop: what the commands about policies need from the rooms within, as plain values.
//!
//! The commands parse what was typed and print; what takes policies, a request or the decision log is done here, by the
//! same code a running gateway uses. Nothing here speaks to a gateway: files are read, and only `rollback` and `write`
//! change any.

mod account;
mod desk;
mod difference;
mod log;
mod past;
mod replay;
mod rollback;
mod subject;
mod tree;
mod weigh;

pub use account::{Account, Asker, Question, account};
pub use difference::{Change, Compared, Difference, Side, difference};
pub use log::{Entry, Since};
pub use past::{Past, Then, past};
pub use replay::{Affected, Replay, ReplayOptions, Row, replay};
pub use rollback::{Plan as RollbackPlan, Revision, Step, plan as plan_rollback, revisions};
pub(super) use subject::with_addresses;
pub use subject::{Subject, diagnosed, is_policy, mutations, write};

#[cfg(test)]
mod tests;
