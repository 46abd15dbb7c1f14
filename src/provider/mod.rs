//! Whom we call: the providers.

pub mod simulator;
