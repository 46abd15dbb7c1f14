//! The look: one shallow pass over a request, keeping what governance weighs and where it stands.
//!
//! Only the keys of the outermost object are interpreted; what lies below is validated, skipped, and watched for things
//! whose size the bytes do not bound. The body itself stays as it came: a [`Look`] holds places, so a change splices and
//! fields nobody here knows survive.
//!
//! Invariant: [`Look::input_bound`] is never below the input tokens of a body without `references.opaque` and images.
//! Every token of a byte-level vocabulary covers at least a byte, an escape is never shorter than what it says, and what
//! a chat template adds for a turn is below 16 tokens.
//!
//! Not here: what may go (`governance`), changing the body (`edits`).

mod content;
mod error;
mod gemini;
mod media;
mod messages;
mod pass;

pub use error::LookError;
pub use gemini::Settings;
pub use pass::MAX_CHOICES;

use super::json::{Kind, Scanner};
use super::{Addressed, Endpoint, Span};
use crate::units::Tokens;
use pass::Pass;
use smallvec::SmallVec;

/// The longest name of a model, in bytes.
pub const MAX_MODEL: usize = 256;

/// What a request asks for, and where in its body it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent thing the request says"
)]
pub struct Look {
    model: Model,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// What it says about usage at the end of a stream. On responses always [`IncludeUsage::On`]: usage always comes.
    pub include_usage: IncludeUsage,
    /// The cap on output tokens, where one is written.
    pub output_cap: Option<OutputCap>,
    /// Where the fields of caps are written `null`, by [`CapField`].
    null_caps: [Option<Span>; 4],
    /// How many outputs the cap applies to: `n` or `best_of`, whichever is more, for each prompt.
    pub choices: u64,
    /// The offset of the closing brace of the body.
    pub close: usize,
    /// Whether the body has no members at all.
    pub empty: bool,
    /// Never below the input tokens, images and opaque references apart.
    pub input_bound: Tokens,
    /// What the body points to.
    pub references: References,
    /// Whether audio goes in or is asked for.
    pub audio: bool,
    /// Whether tools are offered.
    pub tools: bool,
    /// How many messages, input items or prompts there are.
    pub messages: u32,
    /// The end user it names, between the quotes as written.
    pub user: Option<Span>,
    /// What of the output is set aside for thinking: a cap must be above it.
    pub thinking: Option<u64>,
    /// Where settings of the answer are put.
    pub settings: Settings,
    /// What is to be spoken.
    pub spoken: Spoken,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Model {
    /// The body's own word.
    Here {
        /// Where the value stands, with its quotes.
        value: Span,
        /// What it says, where it was written with escapes.
        decoded: Option<Box<str>>,
    },
    /// Nobody's: the endpoint has one for those who name none.
    Implied {
        name: &'static str,
        /// Where the body says `null` instead.
        null: Option<Span>,
    },
    /// The path's.
    Addressed {
        name: Box<str>,
        /// Where the body repeats it, quotes included.
        named: SmallVec<[Span; 1]>,
    },
}

/// What a request says about usage at the end of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncludeUsage {
    /// There are no `stream_options`.
    Absent,
    /// `stream_options` is written `null`.
    Null {
        /// Where that stands.
        value: Span,
    },
    /// `stream_options` does not speak of it.
    Insert {
        /// Just behind its opening brace.
        at: usize,
        /// Whether it has no members.
        first: bool,
    },
    /// Written `false` or `null`.
    Off {
        /// Where that stands.
        value: Span,
    },
    /// Asked for.
    On,
}

/// A cap on output tokens as the caller wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputCap {
    /// How many. Of two, the larger: on doubt the dearer.
    pub tokens: u64,
    /// Where the number stands.
    pub value: Span,
    /// The field it stands in.
    pub field: CapField,
    /// Where the other number stands, if both fields of chat are written: a smaller cap must replace both.
    pub also: Option<Span>,
}

/// How much text is to be spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spoken {
    /// Its characters, as vendors count them: Unicode's code points.
    pub characters: u64,
    /// Its bytes, as UTF-8 has them.
    pub bytes: u64,
}

/// The field of a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapField {
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
    /// `max_output_tokens`.
    MaxOutputTokens,
    /// `generationConfig.maxOutputTokens`.
    GenerationConfig,
}

impl CapField {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
            Self::GenerationConfig => "maxOutputTokens",
        }
    }
}

/// What a body points to instead of holding it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct References {
    /// Images, inline ones too: what they cost has nothing to do with their bytes.
    pub images: u32,
    /// The first thing whose size the body does not bound.
    pub opaque: Option<&'static str>,
    /// How many searches of the web the provider may make for it, each at a price of its own; [`u64::MAX`]: any number.
    pub searches: u64,
    /// The first thing that costs what no price here covers.
    pub unpriced: Option<&'static str>,
    /// How often the provider may read the input again within the call, each time as new.
    pub rereads: u64,
}

impl Look {
    /// The model asked for. `body` is the one this look was taken at.
    #[must_use]
    pub fn model<'a>(&'a self, body: &'a [u8]) -> &'a str {
        match &self.model {
            Model::Addressed { name, .. } => name,
            Model::Implied { name, .. } => name,
            Model::Here {
                decoded: Some(decoded),
                ..
            } => decoded,
            Model::Here { value, .. } => {
                let inside = Span {
                    start: value.start.saturating_add(1),
                    end: value.end.saturating_sub(1),
                };
                std::str::from_utf8(inside.of(body)).unwrap_or_default()
            }
        }
    }

    /// Where the body names the model, quotes included, and what stands before the name there.
    #[must_use]
    pub fn model_values(&self) -> (&[Span], &'static str) {
        match &self.model {
            Model::Here { value, .. } => (std::slice::from_ref(value), ""),
            Model::Implied { null, .. } => (null.as_slice(), ""),
            Model::Addressed { named, .. } => (named, gemini::MODELS),
        }
    }

    /// Whether the request names no model: what it is weighed as must be written into it.
    #[must_use]
    pub const fn implies_model(&self) -> bool {
        matches!(self.model, Model::Implied { .. })
    }

    /// Where this field of a cap is written `null`: a cap goes there, because the key cannot be written twice.
    #[must_use]
    pub const fn null_cap(&self, field: CapField) -> Option<Span> {
        self.null_caps[field as usize]
    }

    /// How many images the body holds or points to.
    #[must_use]
    pub const fn images(&self) -> u32 {
        self.references.images
    }
}

/// Looks at a request to `endpoint`.
///
/// # Errors
/// When the body is not strict JSON, lacks what the endpoint needs, has a field of a wrong type, or tries to choose where
/// it is sent.
pub fn look(endpoint: Endpoint, body: &[u8]) -> Result<Look, LookError> {
    look_at(endpoint, None, body)
}

/// The same of a request whose path says what elsewhere the body does.
///
/// # Errors
/// As [`look`]; and when the body names another model than the path.
pub fn look_at(
    endpoint: Endpoint,
    addressed: Option<&Addressed>,
    body: &[u8],
) -> Result<Look, LookError> {
    let mut scanner = Scanner::new(body)?;
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        scanner.finish()?;
        return Err(LookError::NotAnObject);
    }
    let mut pass = Pass::new(endpoint, addressed);
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        if key.escaped {
            pass.field(&mut scanner, &key.decoded(body))?;
        } else {
            pass.field(&mut scanner, key.raw(body))?;
        }
    }
    let close = scanner.at() - 1;
    scanner.finish()?;
    pass.concluded(body, close, members.count == 0)
}

#[cfg(test)]
mod tests;
