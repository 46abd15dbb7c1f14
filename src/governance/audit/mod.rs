//! The decision log's substance: what one decision is written as, and the chain that proves no line is missing.
//!
//! A [`Record`] is a fact about one call, free of its content: who, which model, what was decided and why, what it cost.
//! [`Chain`] turns records into lines that each name the digest of the line before; [`Verifier`] reads them back. A [`Gap`]
//! stands where decisions could not be recorded.
//!
//! Not here: files, threads and queues (`telemetry::audit_log`).

mod chain;
mod gap;
mod record;
mod ruled;
#[cfg(test)]
mod tests;
mod used;
mod verifier;

pub use chain::{Chain, Head, Link};
pub use gap::{Gap, stamp};
pub use record::{KEPT_TEXT, Pen, Record, Revisions, Verdict, Who, bounded};
pub use ruled::{Facts, Found, Ruled, Shadowed};
pub use used::Used;
pub use verifier::{ChainFault, Verifier, Wrong, verify};
