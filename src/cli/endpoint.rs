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
    /// /v1/moderations
    Moderations,
    /// /v1/images/generations
    #[value(name = "image_generations")]
    ImageGenerations,
    /// /v1/audio/speech
    Speech,
    /// /v1/messages
    Messages,
    /// /v1/messages/count_tokens
    #[value(name = "count_tokens")]
    CountTokens,
    /// /v1beta/models/{model}:generateContent (the body names the model, too: `"model"`)
    #[value(name = "generate_content")]
    GenerateContent,
    /// /v1beta/models/{model}:countTokens
    #[value(name = "count_contents")]
    CountContents,
    /// /v1beta/models/{model}:embedContent
    #[value(name = "embed_content")]
    EmbedContent,
    /// /v1beta/models/{model}:batchEmbedContents
    #[value(name = "batch_embed_contents")]
    BatchEmbedContents,
}

impl Endpoint {
    /// As the gateway and policies name it, which is how it is written.
    pub(super) fn name(self) -> String {
        let written = self.to_possible_value();
        written.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
