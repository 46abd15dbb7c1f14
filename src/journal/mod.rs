//! STUB.

pub mod settings;
