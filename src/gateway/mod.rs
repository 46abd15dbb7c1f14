//! STUB.

pub mod admin;
