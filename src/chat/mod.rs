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

/// How a call is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `OpenAI`'s: chat completions, completions, embeddings, responses.
    OpenAi,
    /// Anthropic's: messages.
    Anthropic,
}

impl Dialect {
    /// Whose API it is, for people.
    #[must_use]
    pub const fn owner(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI",
            Self::Anthropic => "Anthropic",
        }
    }
}

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
    /// `/v1/messages`.
    Messages,
    /// `/v1/messages/count_tokens`.
    CountTokens,
}

impl Endpoint {
    /// Every endpoint, in the order of the routes.
    pub const ALL: [Self; 6] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
        Self::Messages,
        Self::CountTokens,
    ];

    /// The dialect it is spoken in.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Completions | Self::Embeddings | Self::Responses => Dialect::OpenAi,
            Self::Messages | Self::CountTokens => Dialect::Anthropic,
        }
    }

    /// Its path, with the version.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
        }
    }

    /// Its name in policies and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
        }
    }

    /// The endpoint of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.name() == name)
    }

    /// Its name in metrics and records, as OpenTelemetry's `gen_ai.operation.name` has it.
    #[must_use]
    pub const fn operation(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "text_completion",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
        }
    }

    /// Whether the model writes anything.
    #[must_use]
    pub const fn has_output(self) -> bool {
        !matches!(self, Self::Embeddings | Self::CountTokens)
    }

    /// Whether the vendor takes no money for it.
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self, Self::CountTokens)
    }
}
