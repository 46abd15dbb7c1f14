//! STUB.

pub mod audit;
pub mod check;
pub mod ledger;
pub mod schema;
