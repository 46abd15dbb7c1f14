//! Our neutral view of a call: what was asked, over the caller's own bytes, and what was used.
//!
//! Nothing here builds a request out: the look makes one shallow pass over the body and keeps spans, so that a change
//! splices bytes and everything it does not name stays exactly as it came.
//!
//! Not here: how a vendor spells an answer (`dialect`), what a token costs (`governance::pricing`).

mod addressed;
mod conversation;
mod edits;
pub mod json;
mod look;
mod span;
mod spelling;
pub mod tokenizer;
mod usage;

pub use addressed::{Addressed, Version, unescaped};
pub use conversation::{
    Conversation, Instruction, Preface, Source, TextPart, ToolAnswer, ToolUse, Under, Unread,
    conversation, under,
};
pub use edits::{Edits, Piece};
pub use look::{
    CapField, IncludeUsage, Look, LookError, MAX_CHOICES, MAX_MODEL, OutputCap, References,
    Settings, Spoken, look, look_at,
};
pub use span::Span;
pub use usage::Usage;

/// How a call is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `OpenAI`'s: chat completions, completions, embeddings, responses, moderations, images, speech.
    OpenAi,
    /// Anthropic's: messages.
    Anthropic,
    /// Gemini's: contents, and a model that stands in the path.
    Gemini,
}

impl Dialect {
    /// Whose API it is, for people.
    #[must_use]
    pub const fn owner(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI",
            Self::Anthropic => "Anthropic",
            Self::Gemini => "Gemini",
        }
    }

    /// The endpoint its conversations go to.
    #[must_use]
    pub const fn primary(self) -> Endpoint {
        match self {
            Self::OpenAi => Endpoint::Chat,
            Self::Anthropic => Endpoint::Messages,
            Self::Gemini => Endpoint::GenerateContent,
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
    /// `/v1/moderations`.
    Moderations,
    /// `/v1/images/generations`.
    ImageGenerations,
    /// `/v1/audio/speech`.
    Speech,
    /// `/v1/messages`.
    Messages,
    /// `/v1/messages/count_tokens`.
    CountTokens,
    /// `/v1beta/models/{model}:generateContent`, and `:streamGenerateContent`.
    GenerateContent,
    /// `/v1beta/models/{model}:countTokens`.
    CountContents,
    /// `/v1beta/models/{model}:embedContent`.
    EmbedContent,
    /// `/v1beta/models/{model}:batchEmbedContents`.
    BatchEmbedContents,
}

impl Endpoint {
    /// Every endpoint, in the order of the routes.
    pub const ALL: [Self; 13] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
        Self::Moderations,
        Self::ImageGenerations,
        Self::Speech,
        Self::Messages,
        Self::CountTokens,
        Self::GenerateContent,
        Self::CountContents,
        Self::EmbedContent,
        Self::BatchEmbedContents,
    ];

    /// The dialect it is spoken in.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Chat
            | Self::Completions
            | Self::Embeddings
            | Self::Responses
            | Self::Moderations
            | Self::ImageGenerations
            | Self::Speech => Dialect::OpenAi,
            Self::Messages | Self::CountTokens => Dialect::Anthropic,
            Self::GenerateContent
            | Self::CountContents
            | Self::EmbedContent
            | Self::BatchEmbedContents => Dialect::Gemini,
        }
    }

    /// Its path, with the version; `{model}` where the model stands in it.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Responses => "/v1/responses",
            Self::Moderations => "/v1/moderations",
            Self::ImageGenerations => "/v1/images/generations",
            Self::Speech => "/v1/audio/speech",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
            Self::GenerateContent => "/v1beta/models/{model}:generateContent",
            Self::CountContents => "/v1beta/models/{model}:countTokens",
            Self::EmbedContent => "/v1beta/models/{model}:embedContent",
            Self::BatchEmbedContents => "/v1beta/models/{model}:batchEmbedContents",
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
            Self::Moderations => "moderations",
            Self::ImageGenerations => "image_generations",
            Self::Speech => "speech",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::GenerateContent => "generate_content",
            Self::CountContents => "count_contents",
            Self::EmbedContent => "embed_content",
            Self::BatchEmbedContents => "batch_embed_contents",
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
            Self::Embeddings | Self::EmbedContent | Self::BatchEmbedContents => "embeddings",
            Self::Responses => "responses",
            Self::Moderations => "moderation",
            Self::ImageGenerations => "image_generation",
            Self::Speech => "speech",
            Self::Messages => "messages",
            Self::CountTokens | Self::CountContents => "count_tokens",
            Self::GenerateContent => "generate_content",
        }
    }

    /// Whether the model writes anything.
    #[must_use]
    pub const fn has_output(self) -> bool {
        !matches!(
            self,
            Self::Embeddings
                | Self::Moderations
                | Self::CountTokens
                | Self::CountContents
                | Self::EmbedContent
                | Self::BatchEmbedContents
        )
    }

    /// Whether what it makes are images, as many as there are choices.
    #[must_use]
    pub const fn makes_images(self) -> bool {
        matches!(self, Self::ImageGenerations)
    }

    /// Whether what it makes is sound, passed on as it comes.
    #[must_use]
    pub const fn makes_sound(self) -> bool {
        matches!(self, Self::Speech)
    }

    /// Whether a request can say how much may be written.
    #[must_use]
    pub const fn takes_cap(self) -> bool {
        self.has_output() && !self.makes_images() && !self.makes_sound()
    }

    /// The model that answers where the request names none, as the vendor has it.
    #[must_use]
    pub const fn implied_model(self) -> Option<&'static str> {
        match self {
            Self::Moderations => Some("omni-moderation-latest"),
            _ => None,
        }
    }

    /// Whether the vendor takes no money for it.
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self, Self::CountTokens | Self::CountContents)
    }
}
