//! The compiled form of a workflow: what is exported and run.
//!
//! Everything a run needs and nothing that has to be read again: conditions are trees, prompts are parts, types and answer
//! schemas are written out, every node says what comes after it, and a fan-out says where its branches meet. A run of the
//! exported file and a run of the YAML run the same [`Flow`].
//!
//! Invariant: the bytes are a function of what the file means. Formatting, comments, the order of keys and the spelling of
//! a dialect do not change them; the hash over them names the workflow.
//!
//! Not here: how it is made (`compile`), whether it makes sense (`check`), running it.

mod answer;
mod begin;
mod compile;
mod export;
mod schema;
mod sound;

pub use answer::AnswerFault;
pub(super) use compile::collected;
pub use compile::compile;
pub use export::{Export, FORMAT, ImportFault, VERSION, export, import};
pub use schema::ir_schema;

use super::expr::Expr;
use super::template::{Body, Template};
use super::types::{Field, Type};
use super::value::Value;
use crate::units::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A workflow, compiled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its own version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The fields of its state, in order: its type map.
    pub state: Vec<StateField>,
    /// Its tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// What comes first.
    pub start: Next,
    /// Its nodes, in the order of the file.
    pub nodes: Vec<Node>,
    /// How it is run.
    pub execution: Execution,
    /// What a run is measured by afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<Gates>,
    /// What a run may spend, in billionths of a dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_nano_usd: Option<i64>,
    /// The least that is logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,
}

/// A field of the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateField {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub of: Type,
    /// Whether a run must be given it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What it is if nobody gives it; absent: it is absent until it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "serde_json::Value")]
    pub default: Option<Value>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A tool that asks over HTTP. Its templates see the arguments of the call, and the state as `state.…`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for, for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `GET`, `POST` …
    pub method: String,
    /// The address; its host is written out.
    pub endpoint: Template,
    /// Headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Named>,
    /// The query of the address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<Named>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// The way into the answer that holds the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_path: Option<String>,
    /// A credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Seconds it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// The largest answer.
    pub max_bytes: u64,
    /// The JSON schema of its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "serde_json::Value")]
    pub parameters: Option<Value>,
}

/// A template by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub value: Template,
}

/// A credential: the name of a variable, never its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The variable of the environment.
    pub env: String,
    /// Where it goes.
    #[serde(rename = "as")]
    pub carrier: Carrier,
}

/// Where a credential goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Carrier {
    /// `Authorization: Bearer …`
    Bearer,
    /// A header.
    Header(String),
    /// A parameter of the query.
    Query(String),
}

/// A node: one call of a model, with its tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its name.
    pub id: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The names its prompt has besides those of the state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Named>,
    /// What the model is told.
    pub prompt: Template,
    /// What it answers.
    pub output: Output,
    /// The tools it may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolUse>,
    /// How often tools may be called.
    pub max_tool_calls: u32,
    /// Which model.
    pub llm: Llm,
    /// What it may spend, in billionths of a dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_nano_usd: Option<i64>,
    /// What comes after it.
    pub next: Next,
}

/// What a model answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The name of the schema: `Output_` and the node.
    pub name: String,
    /// The fields of the answer, which are fields of the state. Of a wrapped answer the only one.
    pub fields: Vec<Field>,
    /// Whether the answer is a single value under `result`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wrapped: bool,
    /// The JSON schema the model is held to.
    #[schemars(with = "serde_json::Value")]
    pub schema: Value,
}

/// A tool as a node uses it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolUse {
    /// Its name.
    pub name: String,
    /// Whether the model is told of a failure instead of the run failing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continue_on_error: bool,
    /// What the tool is set to here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "serde_json::Value")]
    pub config: Option<Value>,
}

/// Which model answers, and how: the node's settings over the file's over the format's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    /// The vendor.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The longest answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Another address of the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_base: Option<String>,
}

/// What comes after a node. `END` ends the run, or the branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Next {
    /// One node.
    To(String),
    /// Several at once.
    Fork(Fork),
    /// The first whose condition holds.
    Routes(Routes),
    /// The node itself, until a condition holds.
    Loop(Loop),
    /// One node, once for each item of a list.
    Parallel(Parallel),
}

/// Several branches at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fork {
    /// Where each branch begins.
    pub branches: Vec<String>,
    /// Where they meet: it is run once, when all have come there. No branch runs it.
    pub join: String,
}

/// A choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Routes {
    /// Those with a condition, in order.
    pub routes: Vec<Route>,
    /// Where to if none of them holds.
    pub default: String,
}

/// One of a choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Its condition.
    pub when: Expr,
    /// Where to.
    pub to: String,
}

/// A repetition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Loop {
    /// What ends it.
    pub until: Expr,
    /// How often the node runs at most.
    pub max_iterations: u32,
    /// Where it goes on.
    pub exit_to: String,
}

/// A node for each item. What comes after it is what comes after `node`, once all items are done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parallel {
    /// The field with the items.
    pub items: String,
    /// The node; it sees each as `_parallel_item`, and its number as `_parallel_index`.
    pub node: String,
    /// The field that the results go to, in the order of the items.
    pub collect: String,
    /// How they go there.
    pub by: Collect,
    /// How many at once.
    pub max_concurrency: u32,
}

/// How results are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Collect {
    /// Each item's only output becomes one element.
    Value,
    /// Each item's outputs become one element, a dict.
    Dict,
    /// Each item's output is a list, and all of them together are the result.
    Extend,
}

/// How it is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Execution {
    /// Seconds a call may take.
    pub timeout_seconds: u32,
    /// Attempts; none is one.
    pub max_retries: u32,
    /// Whether a condition that says nothing takes the default route, instead of failing the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub conditions_default: bool,
    /// Whether lists and dicts hold whatever they hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lenient: bool,
}

/// What a run is measured by afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gates {
    /// The limits, inclusive.
    pub gates: Vec<Gate>,
    /// Whether a run that misses one has failed.
    pub fail: bool,
}

/// A limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Of what.
    pub metric: String,
    /// The least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

impl Flow {
    /// A node.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// What a run may spend.
    #[must_use]
    pub fn budget(&self) -> Option<Money> {
        self.budget_nano_usd.map(Money::from_nanos)
    }
}

impl Next {
    /// The nodes it can lead to at once, and for a loop where it goes on.
    #[must_use]
    pub fn targets(&self) -> Vec<&str> {
        match self {
            Self::To(to) => vec![to],
            Self::Fork(fork) => fork.branches.iter().map(String::as_str).collect(),
            Self::Routes(routes) => {
                let all = routes.routes.iter().map(|route| route.to.as_str());
                all.chain([routes.default.as_str()]).collect()
            }
            Self::Loop(found) => vec![&found.exit_to],
            Self::Parallel(parallel) => vec![&parallel.node],
        }
    }
}

#[cfg(test)]
mod tests;
