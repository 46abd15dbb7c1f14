//! A request as far as policies look at it: borrowed facts, no text of prompts.
//!
//! What is only known after the texts were looked at (`detections`, `scan`) is `None` before: rules that ask for it then
//! wait, and the outcome says so.

use super::expr::Headers;
use super::settings::{Has, ScanState};
use crate::clock::Wall;
use crate::governance::guard::Kind;
use crate::governance::identity::{self, Label};
use core::net::IpAddr;

/// Who asks, by labels.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller<'a> {
    /// The organisation.
    pub org: Option<&'a str>,
    /// The team.
    pub team: Option<&'a str>,
    /// The project.
    pub project: Option<&'a str>,
    /// The agent.
    pub agent: Option<&'a str>,
    /// The user.
    pub user: Option<&'a str>,
    /// The virtual key, by name.
    pub key: Option<&'a str>,
    /// The user's groups.
    pub groups: &'a [Box<str>],
}

impl<'a> From<&identity::Caller<'a>> for Caller<'a> {
    fn from(caller: &identity::Caller<'a>) -> Self {
        Self {
            org: caller.value(Label::Org),
            team: caller.value(Label::Team),
            project: caller.value(Label::Project),
            agent: caller.value(Label::Agent),
            user: caller.value(Label::User),
            key: caller.value(Label::Key),
            groups: &caller.key.labels.groups,
        }
    }
}

impl<'a> Caller<'a> {
    /// Who shares in a canary: a caller with a key is told apart by it, then by user and agent.
    pub(super) fn identity(&self) -> &'a str {
        self.key.or(self.user).or(self.agent).unwrap_or_default()
    }
}

/// What a request has, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HasSet(u8);

impl HasSet {
    /// The same, and this too.
    #[must_use]
    pub const fn with(self, has: Has) -> Self {
        Self(self.0 | Self::bit(has))
    }

    /// Whether this is in it.
    #[must_use]
    pub const fn contains(self, has: Has) -> bool {
        self.0 & Self::bit(has) != 0
    }

    /// Whether the two have anything in common.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    const fn bit(has: Has) -> u8 {
        match has {
            Has::Images => 1,
            Has::Audio => 2,
            Has::Files => 4,
            Has::Tools => 8,
            Has::Stream => 16,
        }
    }
}

/// One request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub caller: Caller<'a>,
    /// The model, as the caller names it.
    pub model: &'a str,
    /// The endpoint: `chat`, `completions`, `embeddings`, `responses`, `messages`, …
    pub endpoint: &'a str,
    /// The tools it offers, by name.
    pub tools: &'a [&'a str],
    /// Its headers.
    pub headers: &'a dyn Headers,
    /// Where it comes from; a Unix socket has no address.
    pub peer: Option<IpAddr>,
    /// What it has. `tools` follows from the tools offered, too.
    pub has: HasSet,
    /// Tokens of its input, or an upper bound.
    pub input_tokens: u64,
    /// The caller's own cap on the output.
    pub max_output_tokens: Option<u64>,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many messages it holds.
    pub message_count: u64,
    /// Whether it asks for an answer by a JSON schema.
    pub json_schema: bool,
    /// What time it is.
    pub now: Wall,
    /// Labels of the session.
    pub taints: &'a [Box<str>],
    /// How often each kind was found, at most one entry for each; `None`: nobody looked yet.
    pub detections: Option<&'a [(Kind, u32)]>,
    /// How much could be looked at; `None`: not known yet.
    pub scan: Option<ScanState>,
    /// How much of the tightest budget is used, in percent.
    pub used_pct: u64,
    /// Whether a soft threshold of a budget is crossed.
    pub soft: bool,
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self {
            caller: Caller::default(),
            model: "",
            endpoint: "chat",
            tools: &[],
            headers: &(),
            peer: None,
            has: HasSet::default(),
            input_tokens: 0,
            max_output_tokens: None,
            bytes: 0,
            message_count: 0,
            json_schema: false,
            now: Wall::default(),
            taints: &[],
            detections: None,
            scan: None,
            used_pct: 0,
            soft: false,
        }
    }
}

impl Request<'_> {
    /// What it has, the tools it offers included.
    pub(super) fn has(&self) -> HasSet {
        if self.tools.is_empty() {
            self.has
        } else {
            self.has.with(Has::Tools)
        }
    }
}

/// One call the model makes.
#[derive(Debug, Clone, Copy)]
pub struct ToolCall<'a> {
    /// The tool's name.
    pub name: &'a str,
    /// The arguments, JSON text.
    pub arguments: &'a str,
}
