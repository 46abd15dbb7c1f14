//! Which of the door's endpoints a request on the command line is meant for.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum Endpoint {
    /// /v1/chat/completions
    #[default]
    Chat,
    /// /v1/completions
    Completions,
    /// /v1/embeddings
    Embeddings,
    /// /v1/responses
    Responses,
}

impl Endpoint {
    /// As the gateway and policies name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
        }
    }
}
