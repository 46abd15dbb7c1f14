//! How each vendor spells a chat: pure functions between wire bytes and our [`crate::chat`] words.
//!
//! Gateway and provider both speak through here. A dialect reads what it needs (usage, errors, ends) from bytes that pass
//! on unchanged, and writes only what is our own: errors, model lists, the end of a stream we had to cut.
//!
//! Not here: sockets, status codes, what anything costs.

pub mod openai;
