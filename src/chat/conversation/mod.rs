//! The texts of a request, and what policies look at beside them: who says what, which tools are offered, called and
//! answered, and what is no text at all.
//!
//! This is the second walk over a body, taken only where a policy or guard wants to know: most gateways of a bare
//! configuration never take it. It is generous with what counts as text, because what nobody looked at is where things
//! hide: below messages, input, prompts and tools every string is a text, unless its key says that it is an id, a type or
//! an address. What holds pictures, sound or files is counted as not looked at.
//!
//! Invariant: the body was taken by [`super::look`], so it is strict JSON; spans are in order and never overlap.
//!
//! Not here: what is found in the texts (`governance::guard`), answers (`dialect`).

mod gemini;
mod leaves;
mod messages;
mod walk;

pub use gemini::Instruction;
pub use leaves::{Under, under};

use super::json::Text;
use super::{Dialect, Endpoint, Span};

/// Where a text of a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The system's or developer's message, `instructions`.
    System,
    /// The user's message, a prompt, an input to embed.
    User,
    /// What the model said before.
    Assistant,
    /// The arguments of calls it made before.
    ToolArguments,
    /// What tools brought back.
    ToolResult,
    /// What tools are offered, and schemas of answers.
    ToolDefinition,
}

/// One text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextPart {
    /// Where it stands, between its quotes.
    pub text: Text,
    /// Where it comes from.
    pub source: Source,
    /// Whether it is no string but JSON itself: arguments that stand in the body as they are.
    pub bare_json: bool,
}

/// A call of a tool in the request's history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToolUse {
    /// Its id, where it has one.
    pub id: Option<Text>,
    /// The tool.
    pub name: Option<Text>,
    /// Its arguments: JSON in a string, or a text.
    pub arguments: Option<Text>,
}

/// What a tool brought back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToolAnswer {
    /// The id of the call.
    pub call: Option<Text>,
    /// The tool, where the answer names it itself.
    pub name: Option<Text>,
    /// Its texts, by place in [`Conversation::texts`]: the first and the one behind the last.
    pub texts: (u32, u32),
}

/// What a request holds that is no text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread {
    /// Images.
    pub images: u32,
    /// Sound.
    pub audio: u32,
    /// Files, and what only a provider can fetch.
    pub files: u32,
    /// Parts of a kind we do not know; their strings are texts all the same.
    pub unknown: u32,
}

impl Unread {
    /// Whether there is anything nobody looked at.
    #[must_use]
    pub const fn any(self) -> bool {
        self.images > 0 || self.audio > 0 || self.files > 0 || self.unknown > 0
    }
}

/// Where a text can be put in front of what the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preface {
    /// A message can be put here, before the first; whether there is one.
    Message {
        /// The offset.
        at: usize,
        /// Whether the array is empty.
        alone: bool,
    },
    /// A block of text can be put here, before the first; whether there is one.
    Block {
        /// The offset.
        at: usize,
        /// Whether the array is empty.
        alone: bool,
    },
    /// A string whose text it goes in front of.
    Into(Text),
    /// There is none: a member of this name is added.
    Member(&'static str),
    /// It is written, and `null`: the text takes this place.
    Null(Span),
    /// What the system says is an object with parts.
    Instruction(Instruction),
}

/// A request, as policies and guards see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    /// Every text, in the order of the body.
    pub texts: Vec<TextPart>,
    /// The names of the tools offered.
    pub tools: Vec<Text>,
    /// Tools of the provider's that may be spelt in several ways, by one name each.
    pub provider_tools: Vec<&'static str>,
    /// The calls of tools in its history, in order.
    pub uses: Vec<ToolUse>,
    /// What they brought back.
    pub answers: Vec<ToolAnswer>,
    /// What is no text.
    pub unread: Unread,
    /// Whether an answer by a schema is asked for.
    pub json_schema: bool,
    /// `temperature`, the whole value, whatever it is.
    pub temperature: Option<Span>,
    /// `n`, as written.
    pub n: Option<Span>,
    /// `stop`, the whole value, whatever it is.
    pub stop: Option<Span>,
    /// Where a text can be put before all others.
    pub preface: Option<Preface>,
}

/// Walks the texts of a request that [`super::look`] has taken.
#[must_use]
pub fn conversation(endpoint: Endpoint, body: &[u8]) -> Conversation {
    let mut walk = walk::Walk::default();
    // The body was taken strictly before: there is no error to meet here, and were there one, what was walked so far stands
    // beside a part that nobody read.
    let whole = match endpoint.dialect() {
        Dialect::OpenAi => walk.request(endpoint, body),
        Dialect::Anthropic => walk.messages(body),
        Dialect::Gemini => walk.gemini(endpoint, body),
    };
    if whole.is_err() {
        walk.found.unread.unknown = walk.found.unread.unknown.saturating_add(1);
    }
    walk.found
}

#[cfg(test)]
mod tests;
