//! STUB.

pub mod admin;
pub mod settings;
