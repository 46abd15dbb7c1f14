//! STUB.
pub mod ledger;
