//! The built-in simulated provider: a server that speaks OpenAI's and Anthropic's language, costs nothing and can be made
//! to fail.
//!
//! What it says follows from its seed and the request's body, byte for byte, so a test can be repeated; what it would have
//! charged is on its meter, so a ledger can be checked against it. The gateway always reaches it over a socket.
//!
//! Routes, with and without `/v1`: `POST chat/completions`, `completions`, `embeddings`, `responses`, `moderations`, `images/generations`, `audio/speech`, `messages`,
//! `messages/count_tokens`; `GET models`, `models/{id}`. Its own: `GET /__sim/meter`, `GET /__sim/last` (the last requests as they arrived), `POST /__sim/reset`.
//!
//! # Knobs
//!
//! By model name (`sim-small--latency-200ms--tps-50`), by header (`x-sim-latency: 200ms`), or anywhere in the text of the
//! body (`@sim(latency=200ms,tps=50)`); the body goes before the header, the header before the name.
//!
//! | knob | what it does |
//! | --- | --- |
//! | `latency=200ms` | waits before the head of the answer |
//! | `tps=50`, `token_delay=20ms` | paces a stream; without it every event comes at once |
//! | `out=N` | exactly N output tokens of plain text; the request's cap still holds |
//! | `overrun=1` | ignores the request's cap |
//! | `echo=1` | answers with the last user text; the model `sim-echo` does so by itself |
//! | `tool=NAME` | calls this tool |
//! | `cached=N`, `reasoning=N` | tokens of these classes in the usage |
//! | `cache_write=N`, `cache_write_1h=N`, `search=N` | the same, and searches of the web, on messages |
//! | `gzip=1` | compresses the answer where accept-encoding allows it (not streams) |
//! | `split=N` | writes a stream in pieces of N bytes, whatever they cut through |
//! | `status=NNN`, `retry_after=S` | answers with this error, and when to come again |
//! | `hang=head`, `hang=stream` | never answers; stops in the middle with the connection open |
//! | `cut=N` | closes the connection after N content chunks (of a whole answer: half-way) |
//! | `reset=1` | closes the connection before any answer |
//! | `usage=missing`, `usage=null` | leaves the usage out, or reports null |
//! | `bad_json=1` | status 200 with JSON cut short; in a stream, one event |
//! | `error_in_200=1` | an error under status 200; in a stream, after the first chunks |
//! | `every=K` | the faults (from `status` on) strike every K-th call that asks for them |
//!
//! # The bill
//!
//! A call is billed when its answer's head is sent: its input, and its output as far as it was handed to the socket. An
//! error status, a connection closed or a silence before the head, and a whole answer that is an error under status 200
//! cost nothing. A model without a price costs nothing here.
//!
//! Not here: prices. [`Settings::price`] brings them, from the book the gateway uses.

mod answer;
mod body;
mod gather;
mod json;
mod knobs;
mod meter;
mod recorder;
mod reply;
mod server;
mod service;
mod text;

#[cfg(test)]
mod tests;

pub use body::{AnswerBody, Cut};
pub use knobs::HELP;
pub use server::{Handle, serve};
pub use service::Simulator;
pub use text::{bound, count, pieces};

use crate::chat::Usage;
use crate::secret::Secret;
use crate::units::Money;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a model charges for this usage; nothing, if it has no price.
pub type Price = Arc<dyn Fn(&str, &Usage) -> Money + Send + Sync>;

/// How a simulator is set up.
#[derive(Clone)]
pub struct Settings {
    /// Another seed, other answers.
    pub seed: u64,
    /// Prices its meter; give it those the gateway uses.
    pub price: Price,
    /// What `GET /v1/models` lists; any name is answered. Empty: three names of its own.
    pub models: Vec<String>,
    /// Answer 401 to whoever does not bring this key.
    pub require_key: Option<Secret<String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 7,
            price: Arc::new(|_, _| Money::ZERO),
            models: Vec::new(),
            require_key: None,
        }
    }
}

/// Why a simulator cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The socket cannot be listened on.
    #[error("the simulated provider cannot listen on its socket: {0}")]
    Listener(#[source] std::io::Error),
    /// No thread, or no runtime on it.
    #[error("the simulated provider gets no thread of its own: {0}")]
    Runtime(#[source] std::io::Error),
}

/// The lock, also after a thread died with it: counters are whole between any two statements that matter.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
