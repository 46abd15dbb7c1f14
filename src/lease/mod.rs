//! The treaty with the control panel: money of a budget that is lent to a gateway, spent there and accounted for.
//!
//! The panel is the bank. What it lends it has written off first, so what gateways spend never exceeds a budget, whoever
//! crashes, is cut off or says a thing twice. Both sides are pure state machines ([`protocol`]); time, network, disk and
//! randomness stay outside and are arguments. [`client`] is the rim on the gateway's side: it has all four of them.
//!
//! Not here: budgets in a file, without a panel (`governance::budget`), the panel's own doors (`control`).

pub mod bundle;
pub mod client;
pub mod directory;
pub mod problem;
pub mod protocol;
pub mod settings;
pub mod tally;
pub mod vault;

#[cfg(test)]
pub(crate) mod simulation;
