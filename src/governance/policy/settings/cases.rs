//! `tests:` of a policy file as written: what is given, and what is to come of it.

use super::{Effect, Has, Names, ScanState, ToolCall};
use crate::governance::policy::place::{Place, Spanned};

/// One entry of `tests:`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Case {
    /// Where it begins.
    pub place: Place,
    /// `name:`.
    pub name: Spanned<String>,
    /// `given:`.
    pub given: Given,
    /// `expect:`.
    pub expect: Expect,
}

/// `given:`: a request as far as policies look at it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// `user:`, `agent:`, `org:`, `team:`, `project:`, `key:`.
    pub labels: Vec<(Spanned<String>, Spanned<String>)>,
    /// `groups:`.
    pub groups: Names,
    /// `model:`.
    pub model: Option<Spanned<String>>,
    /// `endpoint:`; absent: chat.
    pub endpoint: Option<Spanned<String>>,
    /// `tools:`.
    pub tools: Names,
    /// `headers:`.
    pub headers: Vec<(Spanned<String>, Spanned<String>)>,
    /// `network:`: the caller's address.
    pub network: Option<Spanned<String>>,
    /// `time:`.
    pub time: Option<Spanned<String>>,
    /// `input_tokens:`; absent: by the text.
    pub input_tokens: Option<Spanned<u64>>,
    /// `max_output_tokens:` asked for.
    pub max_output_tokens: Option<Spanned<u64>>,
    /// `stream:`.
    pub stream: Option<Spanned<bool>>,
    /// `has:`.
    pub has: Vec<Spanned<Has>>,
    /// `scan:`.
    pub scan: Option<Spanned<ScanState>>,
    /// `text:` of the user's message.
    pub text: Option<Spanned<String>>,
    /// `tool_result:`, a text a tool brought back.
    pub tool_result: Option<Spanned<String>>,
    /// `tool_result_of:`, the tool that did.
    pub tool_result_of: Option<Spanned<String>>,
    /// `response:`, what the model says.
    pub response: Option<Spanned<String>>,
    /// `tool_calls: [{name, arguments}]`, what the model calls; arguments by dotted path.
    pub tool_calls: Vec<ToolCall>,
    /// `tainted:` labels the session has.
    pub tainted: Names,
    /// `budget: {used_pct, soft}`.
    pub used_pct: Option<Spanned<u64>>,
    /// Whether a soft threshold is crossed.
    pub soft: Option<Spanned<bool>>,
}

/// `expect:`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expect {
    /// `decision: allow | deny`.
    pub decision: Option<Spanned<Effect>>,
    /// `rule:` that decided.
    pub rule: Option<Spanned<String>>,
    /// `max_output_tokens:` that holds.
    pub max_output_tokens: Option<Spanned<u64>>,
    /// `redactions: {EMAIL: 1}` in the request.
    pub redactions: Vec<(Spanned<String>, Spanned<u64>)>,
    /// `shadow: [rule ids]` that would have matched.
    pub shadow: Option<Names>,
    /// `tags: {name: value}`.
    pub tags: Vec<(Spanned<String>, Spanned<String>)>,
    /// `model:` it is routed to.
    pub model: Option<Spanned<String>>,
    /// `message:`, a part of what the caller is told.
    pub message: Option<Spanned<String>>,
}
