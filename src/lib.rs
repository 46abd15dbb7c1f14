//! tollgate: a governance gateway for LLM agents.
//!
//! A request comes to the gate, is weighed, let through or turned back, answered, and paid for. `ARCHITECTURE.md` has the
//! map of the rooms. Without the `server` feature this is the heart alone: the vocabulary, [`chat`] and [`governance`],
//! synchronous and without I/O, for embedding the gate in another program.

pub mod chat;
pub mod clock;
pub mod governance;
pub mod ids;
pub mod pattern;
pub mod secret;
pub mod settings;
pub mod stable;
pub mod units;

#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod control;
#[cfg(feature = "server")]
pub mod dialect;
#[cfg(feature = "server")]
pub mod gateway;
#[cfg(feature = "server")]
pub mod journal;
#[cfg(feature = "server")]
pub mod lease;
/// What of it the model checker looks at, which has no server.
#[cfg(test)]
#[cfg(all(loom, not(feature = "server")))]
mod lease {
    mod client {
        pub(super) mod notes;
    }
    mod loom;
    #[expect(
        dead_code,
        unused_imports,
        unreachable_pub,
        reason = "gateways and panels are the server's"
    )]
    pub(crate) mod protocol;
}
#[cfg(feature = "server")]
pub mod pipeline;
#[cfg(feature = "server")]
pub mod provider;
#[cfg(feature = "server")]
pub mod telemetry;
#[cfg(feature = "server")]
pub mod workflow;
