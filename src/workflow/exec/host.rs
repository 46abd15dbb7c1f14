//! What a run needs of the world: models, tools, and somebody who remembers.

use super::record::Record;
use crate::units::Money;
use crate::workflow::ir::{Auth, Llm, Tool};
use std::future::Future;
use std::time::Duration;

/// One call of a model.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The node that asks.
    pub node: String,
    /// Where in the run it stands.
    pub step: String,
    /// Whom it asks.
    pub llm: Llm,
    /// The call, as a chat completion. The host names the model in it as it knows it.
    pub body: serde_json::Value,
    /// What the node has left of its own budget.
    pub left: Option<Money>,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The answer, as a chat completion.
    pub body: serde_json::Value,
    /// What it cost.
    pub cost: Money,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskFault {
    /// The money is used up.
    Budget(String),
    /// It may be there later.
    Later {
        /// What was said.
        message: String,
        /// How long to wait, if that was said.
        wait: Option<Duration>,
    },
    /// Asking again would not help.
    Refused(String),
}

/// One request of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetch {
    /// The tool.
    pub tool: String,
    /// `GET`, `POST` …
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Headers, without the credential.
    pub headers: Vec<(String, String)>,
    /// The body, JSON.
    pub body: Option<String>,
    /// The credential to put in.
    pub auth: Option<Auth>,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// The largest answer.
    pub max_bytes: u64,
}

/// Why a tool has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchFault(pub String);

/// What happens in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A node begins.
    Began {
        /// Where in the run.
        step: &'a str,
        /// The node.
        node: &'a str,
    },
    /// Its model is asked once more.
    Again {
        /// Where in the run.
        step: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A tool was called.
    Tool {
        /// Where in the run.
        step: &'a str,
        /// Which.
        tool: &'a str,
        /// What went wrong, if something did.
        fault: Option<&'a str>,
    },
    /// A node has ended, and what it wrote holds. What depends on it begins when the host has kept this.
    Ended(&'a Record),
}

/// The world around a run. All of it is dropped where a run stops; a call that is dropped must end.
pub trait Host: 'static {
    /// Asks a model.
    fn ask(&self, ask: Ask) -> impl Future<Output = Result<Reply, AskFault>>;

    /// Asks for what a tool asks for; `Ok` is the body of a success.
    fn fetch(&self, fetch: Fetch) -> impl Future<Output = Result<String, FetchFault>>;

    /// Is told what happens.
    ///
    /// # Errors
    /// It cannot be kept: the run must not go on as if it were.
    fn tell(&self, event: &Event<'_>) -> Result<(), String>;
}

impl Fetch {
    /// A request of this tool.
    pub(super) fn of(tool: &Tool, url: String) -> Self {
        Self {
            tool: tool.name.clone(),
            method: tool.method.clone(),
            url,
            headers: Vec::new(),
            body: None,
            auth: tool.auth.clone(),
            timeout: tool
                .timeout_seconds
                .map(|seconds| Duration::from_secs(seconds.into())),
            max_bytes: tool.max_bytes,
        }
    }
}
