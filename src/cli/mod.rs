//! STUB.

pub mod check;
pub mod schema;
