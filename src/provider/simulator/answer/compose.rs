//! What one choice of an answer says, before any API gives it its shape.

use super::Ask;
use super::prompt::Prompt;
use super::schema;
use super::tools::{ToolCall, Tools};
use crate::provider::simulator::text::{self, count, pieces};
use serde_json::Value;

/// Tokens of an answer nobody gave a length: from this many …
const SHORT: u64 = 20;
/// … to this many more.
const SPREAD: u64 = 101;

/// Why a choice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    Calls,
}

impl Finish {
    /// Its name in chat and completions.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Calls => "tool_calls",
        }
    }
}

/// One choice: a text, or tool calls.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) text: Option<String>,
    pub(super) calls: Vec<ToolCall>,
    pub(super) finish: Finish,
    /// All of its output tokens, those of reasoning too.
    pub(super) tokens: u64,
    pub(super) reasoning: u64,
}

/// Makes the choice of this index.
pub(super) fn choice(
    ask: &Ask<'_>,
    prompt: &Prompt,
    tools: &Tools<'_>,
    format: Option<&Value>,
    index: u64,
    cap: Option<u64>,
) -> Choice {
    let mut random = ask.random(index + 1);
    let cap = cap.unwrap_or(u64::MAX);
    let reasoning = ask.knobs.reasoning.min(cap);
    let room = cap - reasoning;
    let calls = tools.calls(ask, prompt, &mut random);
    let mut choice = if calls.is_empty() {
        let whole = if ask.knobs.echo {
            prompt.last_user.clone()
        } else if let Some(schema) = format {
            schema::document(schema, &mut random).to_string()
        } else {
            plain(ask, &mut random)
        };
        said(&whole, room)
    } else {
        called(calls, room)
    };
    choice.reasoning = reasoning;
    choice.tokens += reasoning;
    choice
}

/// A plain text of the length asked for, or of one that follows from the request.
pub(super) fn plain(ask: &Ask<'_>, random: &mut text::Random) -> String {
    let length = SHORT + random.below(SPREAD);
    text::write(random, ask.knobs.out.unwrap_or(length))
}

/// The choice that says as much of a text as there is room for.
pub(super) fn said(whole: &str, room: u64) -> Choice {
    let wanted = count(whole);
    let kept = wanted.min(room);
    Choice {
        text: Some(
            pieces(whole)
                .take(usize::try_from(kept).unwrap_or(usize::MAX))
                .collect(),
        ),
        calls: Vec::new(),
        finish: if kept < wanted {
            Finish::Length
        } else {
            Finish::Stop
        },
        tokens: kept,
        reasoning: 0,
    }
}

fn called(calls: Vec<ToolCall>, room: u64) -> Choice {
    let mut left = room;
    let mut made = Vec::new();
    let mut finish = Finish::Calls;
    for mut call in calls {
        let name = count(&call.name);
        if finish == Finish::Length || name > left {
            finish = Finish::Length;
            break;
        }
        left -= name;
        let arguments = count(&call.arguments);
        if arguments > left {
            finish = Finish::Length;
            let keep = usize::try_from(left).unwrap_or(usize::MAX);
            call.arguments = pieces(&call.arguments).take(keep).collect();
        }
        left = left.saturating_sub(arguments);
        made.push(call);
    }
    Choice {
        text: made.is_empty().then(String::new),
        calls: made,
        finish,
        tokens: room - left,
        reasoning: 0,
    }
}

/// The tokens of a text, each by itself.
pub(super) fn tokens(text: &str) -> Vec<String> {
    pieces(text).map(str::to_owned).collect()
}
