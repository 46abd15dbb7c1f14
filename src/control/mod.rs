//! The control panel: the bank that lends to gateways, and what keeps it.
//!
//! So far only its store. Nothing serves it yet.

pub mod store;
