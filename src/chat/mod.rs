//! Our neutral view of a call: what was asked, over the caller's own bytes, and what was used.
//!
//! Nothing here builds a request out: the look makes one shallow pass over the body and keeps spans, so that a change
//! splices bytes and everything it does not name stays exactly as it came.
//!
//! Not here: how a vendor spells an answer (`dialect`), what a token costs (`governance::pricing`).

mod conversation;
mod edits;
pub mod json;
mod look;
mod span;
pub mod tokenizer;
mod usage;

pub use conversation::{
    Conversation, Preface, Source, TextPart, ToolAnswer, ToolUse, Under, Unread, conversation,
    under,
};
pub use edits::{Edits, Piece};
pub use look::{
    CapField, IncludeUsage, Look, LookError, MAX_CHOICES, MAX_MODEL, OutputCap, References, look,
};
pub use span::Span;
pub use usage::Usage;

/// Which of the API's calls this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/completions`.
    Completions,
    /// `/v1/embeddings`.
    Embeddings,
    /// `/v1/responses`.
    Responses,
}

impl Endpoint {
    /// Every endpoint, in the order of the routes.
    pub const ALL: [Self; 4] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
    ];

    /// Its path, with the version.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Responses => "/v1/responses",
        }
    }

    /// Its name in metrics and records, as OpenTelemetry's `gen_ai.operation.name` has it.
    #[must_use]
    pub const fn operation(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "text_completion",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
        }
    }
}
