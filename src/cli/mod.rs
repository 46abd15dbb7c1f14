//! STUB.

pub mod audit;
