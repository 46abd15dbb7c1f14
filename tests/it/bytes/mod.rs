//! What governance does not change passes byte for byte, both ways; what it does change is one span.

mod bodies;
mod gemini;
mod headers;
mod messages;
mod presets;
mod streams;
mod translated;
mod translated_contents;
pub(crate) mod upstream;
