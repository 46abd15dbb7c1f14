//! How each vendor spells a chat: pure functions between wire bytes and our [`crate::chat`] words.
//!
//! Gateway and provider both speak through here. A dialect reads what it needs (usage, errors, ends) from bytes that pass
//! on unchanged, and writes only what is our own: errors, model lists, the end of a stream we had to cut.
//!
//! What is the same for all stands at this level: where events begin and end (`sse`), what is read of an answer (`answer`,
//! `reading`), the meter of a stream and the shapes it repeats (`stream`, `template`, `repeated`). What is one vendor's
//! stands in its folder, and this level asks it by [`crate::chat::Dialect`]: an enum, so that nothing is looked up and
//! nothing is boxed where a stream flows.
//!
//! Not here: sockets, status codes, what anything costs.

mod answer;
pub mod anthropic;
mod course;
pub mod gemini;
pub mod openai;
mod reading;
mod repeated;
mod sse;
mod stream;
mod template;
pub mod translate;

pub use answer::{Answer, declined, usage};
pub use course::{Outline, Unseen};
pub use reading::{Called, Field, Reading, Said, carrier, event_name, said, whole};
pub use repeated::Reader;
pub use sse::{Frames, last_event, payload};
pub use stream::{MAX_EVENT, Release, StreamMeter};
