//! Which of the door's endpoints a request on the command line is meant for.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help a terminal shows: it knows no backticks"
)]
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
    /// /v1/messages
    Messages,
    /// /v1/messages/count_tokens
    #[value(name = "count_tokens")]
    CountTokens,
}

impl Endpoint {
    /// As the gateway and policies name it, which is how it is written.
    pub(super) fn name(self) -> String {
        let written = self.to_possible_value();
        written.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
