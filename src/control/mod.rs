//! The control panel: the bank, and the house it stands in.
//!
//! `treasury` is the bank at work, `tree` what it goes by, `store` where it is written down, `bulletin` what gateways are told at once.

pub mod api;
pub mod authority;
pub mod bulletin;
pub mod courier;
pub mod door;
pub mod outgoing;
mod pieces;
pub mod service;
pub mod settings;
pub mod signer;
pub mod store;
pub mod treasury;
pub mod tree;
pub mod upkeep;

#[cfg(test)]
pub(crate) mod tests;
