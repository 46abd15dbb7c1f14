//! A chat as no vendor spells it: what a request asks, what an answer says, and what one step of a stream adds.
//!
//! A dialect reads into this and writes from it, so a third one is a folder of its own and nothing of the others. What a
//! request says that only some vendors have words for stays in [`Request::others`] under the name it came by; whoever
//! writes takes what it knows, and the rest is lost by name.

use super::tree::Json;
use crate::chat::Usage;

/// What stands before a seal of Google's wherever others keep theirs, so that it goes back to nobody else.
pub(super) const GOOGLES: &str = "gemini:";

/// What a request asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) model: String,
    /// What stands before the conversation.
    pub(super) system: Vec<Part>,
    pub(super) turns: Vec<Turn>,
    pub(super) tools: Vec<Tool>,
    pub(super) choice: Option<Choice>,
    /// Whether more than one tool may be called at once.
    pub(super) parallel: Option<bool>,
    pub(super) cap: Option<u64>,
    pub(super) temperature: Option<Box<str>>,
    pub(super) top_p: Option<Box<str>>,
    pub(super) stop: Vec<String>,
    /// The schema the answer is to follow.
    pub(super) schema: Option<Json>,
    pub(super) thinking: Option<Thinking>,
    pub(super) effort: Option<Effort>,
    /// The end user.
    pub(super) user: Option<String>,
    pub(super) stream: bool,
    /// What is said beside, under its own name.
    pub(super) others: Vec<(String, Json)>,
}

impl Request {
    /// Whether the provider is told about caching anywhere.
    pub(super) fn is_cached(&self) -> bool {
        let parts = || self.turns.iter().flat_map(|turn| &turn.parts);
        let inner = parts().flat_map(|part| match part {
            Part::Result { parts, .. } => parts.as_slice(),
            _ => &[],
        });
        let mut said = self.system.iter().chain(parts()).chain(inner);
        said.any(Part::is_cached) || self.tools.iter().any(|tool| tool.cache.is_some())
    }
}

/// What one side says before the other does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) by: By,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    User,
    Assistant,
}

/// A piece of what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text {
        text: String,
        /// What the provider is told about caching up to here.
        cache: Option<Json>,
    },
    Image {
        source: Source,
        cache: Option<Json>,
    },
    Document {
        source: Source,
        title: Option<String>,
        cache: Option<Json>,
    },
    /// The model calls a tool.
    Call {
        id: String,
        name: String,
        /// An object.
        input: Json,
    },
    /// What a tool answered.
    Result {
        id: String,
        parts: Vec<Self>,
        failed: bool,
        cache: Option<Json>,
    },
    /// What the model thought, with the vendor's seal on it.
    Thought {
        text: String,
        seal: Option<String>,
    },
    /// What the model thought, sealed whole.
    Sealed(String),
}

impl Part {
    pub(super) const fn text(text: String) -> Self {
        Self::Text { text, cache: None }
    }

    /// Whether the provider is told about caching up to here.
    pub(super) const fn is_cached(&self) -> bool {
        match self {
            Self::Text { cache, .. }
            | Self::Image { cache, .. }
            | Self::Document { cache, .. }
            | Self::Result { cache, .. } => cache.is_some(),
            Self::Call { .. } | Self::Thought { .. } | Self::Sealed(_) => false,
        }
    }
}

/// Where an image or a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// Here, in base64.
    Data {
        media: String,
        data: String,
    },
    Url(String),
}

impl Source {
    /// Reads `data:MEDIA;base64,DATA`, or takes it for an address.
    pub(super) fn of_url(url: String) -> Self {
        let embedded = url
            .strip_prefix("data:")
            .and_then(|rest| rest.split_once(";base64,"));
        match embedded {
            Some((media, data)) => Self::Data {
                media: media.to_owned(),
                data: data.to_owned(),
            },
            None => Self::Url(url),
        }
    }

    pub(super) fn as_url(&self) -> String {
        match self {
            Self::Data { media, data } => format!("data:{media};base64,{data}"),
            Self::Url(url) => url.clone(),
        }
    }
}

/// A tool of the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) description: Option<String>,
    /// The schema of its arguments.
    pub(super) schema: Option<Json>,
    pub(super) strict: Option<bool>,
    pub(super) cache: Option<Json>,
}

/// Which tool is to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    Auto,
    Never,
    Any,
    Named(String),
}

/// How a model is to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    Off,
    /// As it sees fit.
    Adaptive,
    /// Up to so many tokens.
    Budget(u64),
}

/// How hard a model is to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    Low,
    Medium,
    High,
    Higher,
}

/// Why an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// It has said everything.
    Done,
    /// At one of the caller's own stops.
    At(Option<String>),
    /// Its output reached its limit.
    Length,
    /// It calls tools.
    Tools,
    /// It may not say more; perhaps why.
    Filtered(Option<String>),
    /// It wants to go on when it is asked again.
    Paused,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) parts: Vec<Said>,
    pub(super) stop: Option<Stop>,
    pub(super) usage: Option<Usage>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Text {
        text: String,
        /// What it quotes, as the vendor says it.
        quotes: Vec<Json>,
    },
    Thought {
        text: String,
        seal: Option<String>,
    },
    Sealed(String),
    Call {
        id: String,
        name: String,
        /// As the model wrote them: an object, if it wrote well.
        arguments: String,
    },
}

/// One step of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Who answers.
    Begin {
        id: String,
        model: String,
    },
    Text(String),
    Quote(Json),
    Thought(String),
    /// The thought at hand is sealed by this.
    Seal(String),
    Sealed(String),
    /// A call begins; calls are numbered from nothing.
    Call {
        call: u64,
        id: String,
        name: String,
    },
    Arguments {
        call: u64,
        piece: String,
    },
    /// A text or a thought is over.
    Over,
    Stop(Stop),
    /// Nothing comes any more, in order.
    End,
    /// Nothing comes any more, for this reason.
    Error {
        kind: String,
        message: String,
    },
}
