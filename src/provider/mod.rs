//! Whom we call, and how: providers, the way to them, and what their answers say.
//!
//! Not here: whether a call may go (`governance`), how a vendor spells things (`dialect`).

mod anthropic;
pub mod choice;
mod gemini;
pub mod health;
mod openai;
pub mod settings;
pub mod simulator;
pub mod transport;
pub mod upstream;
pub mod vendor;
