//! A request whose path says what elsewhere its body does: which model, whether as a stream, and by which version.

use super::Endpoint;

/// What the path of a request says, where it names the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    /// The model.
    pub model: Box<str>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// By which version it is asked.
    pub version: Version,
}

/// The versions of Gemini's API that are spoken, alike in all that is read here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    /// `v1beta`, which has everything.
    #[default]
    Beta,
    /// `v1`.
    Stable,
}

impl Version {
    /// Its name in paths.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Beta => "v1beta",
            Self::Stable => "v1",
        }
    }
}

/// What paths can ask of a model.
const METHODS: [(&str, Endpoint, bool); 5] = [
    ("generateContent", Endpoint::GenerateContent, false),
    ("streamGenerateContent", Endpoint::GenerateContent, true),
    ("countTokens", Endpoint::CountContents, false),
    ("embedContent", Endpoint::EmbedContent, false),
    ("batchEmbedContents", Endpoint::BatchEmbedContents, false),
];

impl Endpoint {
    /// The word for it behind the model in a path; `None` where the model is no part of the path.
    #[must_use]
    pub fn method(self, stream: bool) -> Option<&'static str> {
        METHODS
            .iter()
            .find(|(_, endpoint, streams)| *endpoint == self && *streams == stream)
            .map(|(name, ..)| *name)
    }

    /// What this word asks of a model, and whether as a stream.
    #[must_use]
    pub fn of_method(name: &str) -> Option<(Self, bool)> {
        METHODS
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(_, endpoint, stream)| (*endpoint, *stream))
    }
}

/// Undoes the percent-encoding of a part of a path or query; `None` if it is not text.
#[must_use]
pub fn unescaped(name: &str) -> Option<Box<str>> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().map(Into::into)
}
