//! The normal form of a workflow: what a file says, whichever format and spelling it has, each part with its place.
//!
//! A part with a fault of its own is left out here (`None`, or not in its list), and the checks leave alone what hangs on
//! it: one look tells every fault and none twice. A workflow becomes the compiled form (`ir`) only without a fault.

use super::diagnostic::{At, Place};
use super::expr::Expr;
use super::template::{Body, Template};
use super::types::{Field, Type};
use super::value::{Dict, Value};
use crate::units::Money;

/// The name of the entry of every graph.
pub const START: &str = "START";
/// The name of the exit of every graph.
pub const END: &str = "END";

/// A workflow.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    /// Its name.
    pub name: At<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Its own version.
    pub version: Option<String>,
    /// The fields of its state, in order.
    pub state: Vec<StateField>,
    /// Whether the state could be read.
    pub has_state: bool,
    /// Its tools.
    pub tools: Vec<Tool>,
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// Whether every node could be read as far as its id.
    pub has_nodes: bool,
    /// Its edges.
    pub edges: Vec<Edge>,
    /// Whether every edge could be read.
    pub has_edges: bool,
    /// What holds for the whole.
    pub settings: Settings,
}

/// A field of the state.
#[derive(Debug, Clone)]
pub struct StateField {
    /// Its name.
    pub name: At<String>,
    /// Its type.
    pub of: Option<At<Type>>,
    /// Whether a run must be given it.
    pub required: bool,
    /// What it is if nobody gives it.
    pub default: Option<At<Value>>,
    /// What it is for.
    pub description: Option<String>,
}

/// A tool that asks over HTTP.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Its name.
    pub name: At<String>,
    /// What it is for, for the model.
    pub description: Option<String>,
    /// `GET`, `POST` …
    pub method: String,
    /// The address.
    pub endpoint: Template,
    /// Headers.
    pub headers: Vec<(String, Template)>,
    /// The query of the address.
    pub query: Vec<(String, Template)>,
    /// The body.
    pub body: Option<Body>,
    /// The way into the answer that holds the result.
    pub response_path: Option<String>,
    /// A credential.
    pub auth: Option<Auth>,
    /// Seconds it may take.
    pub timeout: Option<u32>,
    /// The largest answer.
    pub max_bytes: u64,
    /// The JSON schema of its arguments.
    pub parameters: Option<Value>,
    /// Where it was written.
    pub place: Place,
}

/// A credential from the environment and where it goes.
#[derive(Debug, Clone)]
pub struct Auth {
    /// The variable.
    pub env: String,
    /// Where it goes.
    pub carrier: Carrier,
}

/// Where a credential goes.
#[derive(Debug, Clone)]
pub enum Carrier {
    /// `Authorization: Bearer …`
    Bearer,
    /// A header.
    Header(String),
    /// A parameter of the query.
    Query(String),
}

/// A template as it was written.
#[derive(Debug, Clone, Default)]
pub struct Text {
    /// The template.
    pub value: Template,
    /// Where it begins.
    pub place: Place,
    /// Where each of its ways begins.
    pub places: Vec<Place>,
}

/// A node: one call of a model.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name.
    pub id: At<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The names its prompt has besides those of the state.
    pub inputs: Vec<(At<String>, Text)>,
    /// What the model is told.
    pub prompt: Option<Text>,
    /// The fields of the state it writes.
    pub outputs: Vec<At<String>>,
    /// What the model is to answer.
    pub output: Option<Output>,
    /// The tools the model may ask for.
    pub tools: Vec<ToolUse>,
    /// Which model.
    pub llm: Llm,
    /// What it may spend.
    pub budget: Option<Money>,
    /// How often tools may be called.
    pub max_tool_calls: u32,
}

/// What a model is to answer.
#[derive(Debug, Clone)]
pub struct Output {
    /// Where it was written.
    pub place: Place,
    /// What it is, for the model.
    pub description: Option<String>,
    /// Its shape.
    pub shape: Shape,
}

/// The shape of an answer.
#[derive(Debug, Clone)]
pub enum Shape {
    /// One value.
    Simple(At<Type>),
    /// Several, by name.
    Fields(Vec<OutputField>),
}

/// A field of an answer by its name; `None` where its type could not be read.
pub type OutputField = (At<String>, Option<At<Field>>);

/// A tool as a node uses it.
#[derive(Debug, Clone)]
pub struct ToolUse {
    /// Its name.
    pub name: At<String>,
    /// Whether the model is told of a failure instead of the run failing.
    pub goes_on: bool,
    /// What the tool is set to here.
    pub config: Option<Value>,
}

/// Which model answers, and how; what is not said is inherited.
#[derive(Debug, Clone, Default)]
pub struct Llm {
    /// The vendor.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The temperature.
    pub temperature: Option<f64>,
    /// The longest answer.
    pub max_tokens: Option<u32>,
    /// Another address of the vendor.
    pub api_base: Option<String>,
}

/// What comes after a node.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The node.
    pub from: At<String>,
    /// Where it leads.
    pub way: Way,
    /// Where it was written.
    pub place: Place,
}

/// Where an edge leads.
#[derive(Debug, Clone)]
pub enum Way {
    /// To one node, or to several at once.
    To(Vec<At<String>>),
    /// To the first whose condition holds.
    Routes {
        /// Those with a condition, in order.
        routes: Vec<(At<Expr>, At<String>)>,
        /// The other.
        otherwise: Option<At<String>>,
        /// Whether each of them could be read.
        is_whole: bool,
    },
    /// Back to the node itself, until a condition holds.
    Loop {
        /// The condition.
        until: At<Expr>,
        /// The field it is, where it is no more than one.
        field: Option<At<String>>,
        /// How often at most.
        max_iterations: u32,
        /// Where it goes on.
        exit_to: At<String>,
    },
    /// To one node, once for each item of a list.
    Parallel {
        /// The field with the items.
        items: At<String>,
        /// The node.
        target: At<String>,
        /// The field for the results.
        collect: At<String>,
        /// How many at once.
        max_concurrency: u32,
    },
}

/// What holds for the whole.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The model of nodes that name none.
    pub llm: Llm,
    /// Seconds a node's call may take.
    pub timeout: u32,
    /// Attempts.
    pub max_retries: u32,
    /// Whether a condition that says nothing takes the default.
    pub conditions_default: bool,
    /// What a run is measured by afterwards.
    pub gates: Vec<Gate>,
    /// Whether a run that misses them has failed.
    pub gates_fail: bool,
    /// What a run may spend.
    pub budget: Option<Money>,
    /// Whether lists and dicts hold whatever they hold.
    pub lenient: bool,
    /// The least that is logged.
    pub log_level: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            llm: Llm::default(),
            timeout: 120,
            max_retries: 3,
            conditions_default: false,
            gates: Vec::new(),
            gates_fail: false,
            budget: None,
            lenient: false,
            log_level: None,
        }
    }
}

/// A limit a run is held against afterwards.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Of what.
    pub metric: String,
    /// The least.
    pub min: Option<f64>,
    /// The most.
    pub max: Option<f64>,
}

impl Flow {
    /// A field of the state.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&StateField> {
        self.state.iter().find(|field| *field.name == *name)
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| *node.id == *id)
    }

    /// The names of all fields.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.state.iter().map(|field| field.name.as_str())
    }

    /// The values a run begins with where it is given none.
    #[must_use]
    pub fn defaults(&self) -> Dict {
        let defaults = self.state.iter().filter_map(|field| {
            let value = field.default.as_ref()?;
            Some((field.name.value.clone(), value.value.clone()))
        });
        defaults.collect()
    }
}
