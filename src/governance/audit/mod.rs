//! The decision log's substance: what one decision is written as, and the chain that proves no line is missing.
//!
//! A [`Record`] is a fact about one call, free of its content: who, which model, what was decided and why, what it cost.
//! [`Chain`] turns records into lines that each name the digest of the line before; [`Verifier`] reads them back.
//!
//! Not here: files, threads and queues (`telemetry::audit_log`).

mod chain;
mod record;
mod ruled;
#[cfg(test)]
mod tests;

pub use chain::{Chain, ChainFault, Head, Verifier, Wrong, verify};
pub use record::{KEPT_TEXT, Pen, Record, Revisions, Verdict, Who, bounded};
pub use ruled::{Facts, Found, Ruled, Shadowed};
