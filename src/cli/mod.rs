//! STUB.

pub mod audit;
pub mod ledger;
