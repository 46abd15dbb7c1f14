//! From the normal form to the compiled one. Nothing is decided here: what could not be is missing without a word,
//! because the checks have said so.

use super::{
    Auth, Carrier, Collect, Execution, Flow, Fork, Gate, Gates, Llm, Loop, Named, Next, Node,
    Output, Parallel, Route, Routes, StateField, Tool, ToolUse,
};
use crate::workflow::graph::Graph;
use crate::workflow::normal::{self, END, START, Shape, Way};
use crate::workflow::template::{Part, Template};
use crate::workflow::types::{Elements, Field, Type, object_schema};
use crate::workflow::value::Value;

/// The vendor and model of a file that names none.
const PROVIDER: &str = "google";
const MODEL: &str = "gemini-2.5-flash-lite";

/// The compiled form of a workflow the checks found nothing wrong with; `None` if there is something after all.
#[must_use]
pub fn compile(flow: &normal::Flow) -> Option<Flow> {
    let graph = Graph::of(flow);
    let settings = &flow.settings;
    let elements = if settings.lenient {
        Elements::Any
    } else {
        Elements::Typed
    };
    let state = flow.state.iter().map(|field| state_field(field, elements));
    let nodes = flow.nodes.iter().map(|node| self::node(flow, &graph, node));
    let gates = settings.gates.iter().map(|gate| Gate {
        metric: gate.metric.clone(),
        min: gate.min,
        max: gate.max,
    });
    let gates: Vec<Gate> = gates.collect();
    Some(Flow {
        name: flow.name.value.clone(),
        description: flow.description.clone(),
        version: flow.version.clone(),
        state: state.collect::<Option<_>>()?,
        tools: flow.tools.iter().map(tool).collect(),
        start: next(flow, &graph, START)?,
        nodes: nodes.collect::<Option<_>>()?,
        execution: Execution {
            timeout_seconds: settings.timeout,
            max_retries: settings.max_retries,
            conditions_default: settings.conditions_default,
            lenient: settings.lenient,
        },
        gates: (!gates.is_empty()).then_some(Gates {
            gates,
            fail: settings.gates_fail,
        }),
        budget_nano_usd: settings.budget.map(crate::units::Money::nanos),
        log_level: settings.log_level.clone(),
    })
}

fn state_field(field: &normal::StateField, elements: Elements) -> Option<StateField> {
    let of = field.of.as_ref()?.value.clone();
    let default = match &field.default {
        Some(default) => Some(of.coerce(default.value.clone(), elements).ok()?),
        None => None,
    };
    Some(StateField {
        name: field.name.value.clone(),
        of,
        required: field.required,
        default,
        description: field.description.clone(),
    })
}

fn named(all: &[(String, Template)]) -> Vec<Named> {
    let named = all.iter().map(|(name, value)| Named {
        name: name.clone(),
        value: value.clone(),
    });
    named.collect()
}

fn tool(tool: &normal::Tool) -> Tool {
    Tool {
        name: tool.name.value.clone(),
        description: tool.description.clone(),
        method: tool.method.clone(),
        endpoint: tool.endpoint.clone(),
        headers: named(&tool.headers),
        query: named(&tool.query),
        body: tool.body.clone(),
        response_path: tool.response_path.clone(),
        auth: tool.auth.as_ref().map(|auth| Auth {
            env: auth.env.clone(),
            carrier: match &auth.carrier {
                normal::Carrier::Bearer => Carrier::Bearer,
                normal::Carrier::Header(name) => Carrier::Header(name.clone()),
                normal::Carrier::Query(name) => Carrier::Query(name.clone()),
            },
        }),
        timeout_seconds: tool.timeout,
        max_bytes: tool.max_bytes,
        parameters: tool.parameters.clone(),
    }
}

fn node(flow: &normal::Flow, graph: &Graph<'_>, node: &normal::Node) -> Option<Node> {
    let names: Vec<&str> = node
        .inputs
        .iter()
        .map(|(name, _)| name.value.as_str())
        .collect();
    let inputs = node.inputs.iter().map(|(name, value)| Named {
        name: name.value.clone(),
        value: of_state(flow, &value.value, &[]),
    });
    let tools = node.tools.iter().map(|used| ToolUse {
        name: used.name.value.clone(),
        continue_on_error: used.goes_on,
        config: used.config.clone(),
    });
    Some(Node {
        id: node.id.value.clone(),
        description: node.description.clone(),
        inputs: inputs.collect(),
        prompt: of_state(flow, &node.prompt.as_ref()?.value, &names),
        output: output(flow, node)?,
        tools: tools.collect(),
        max_tool_calls: node.max_tool_calls,
        llm: llm(&node.llm, &flow.settings.llm),
        budget_nano_usd: node.budget.map(crate::units::Money::nanos),
        next: next(flow, graph, &node.id)?,
    })
}

/// The template with `{x}` as the `{state.x}` it is where no input has this name: two spellings, one workflow.
fn of_state(flow: &normal::Flow, template: &Template, inputs: &[&str]) -> Template {
    let parts = template.parts.iter().map(|part| match part {
        Part::Value(way) if is_of_state(flow, way, inputs) => Part::State(way.clone()),
        other => other.clone(),
    });
    Template {
        parts: parts.collect(),
    }
}

fn is_of_state(flow: &normal::Flow, way: &[String], inputs: &[&str]) -> bool {
    way.first()
        .is_some_and(|first| !inputs.contains(&first.as_str()) && flow.field(first).is_some())
}

fn llm(own: &normal::Llm, all: &normal::Llm) -> Llm {
    let text = |own: &Option<String>, all: &Option<String>| own.clone().or_else(|| all.clone());
    Llm {
        provider: text(&own.provider, &all.provider).unwrap_or_else(|| PROVIDER.to_owned()),
        model: text(&own.model, &all.model).unwrap_or_else(|| MODEL.to_owned()),
        temperature: own.temperature.or(all.temperature),
        max_tokens: own.max_tokens.or(all.max_tokens),
        api_base: text(&own.api_base, &all.api_base),
    }
}

fn output(flow: &normal::Flow, node: &normal::Node) -> Option<Output> {
    let output = node.output.as_ref()?;
    let name = format!("Output_{}", node.id.value);
    // What is written is what the state holds: an object whose fields only one of the two tells has them in both.
    let whole = |name: &str, of: &Type| -> Type {
        let state = flow.field(name).and_then(|field| field.of.as_ref());
        match state {
            Some(state) if of.lacks_schema() => state.value.clone(),
            _ => of.clone(),
        }
    };
    match &output.shape {
        Shape::Simple(of) => {
            let [field] = node.outputs.as_slice() else {
                return None;
            };
            let of = whole(field, &of.value);
            let result = Field {
                name: "result".to_owned(),
                of: of.clone(),
                description: output.description.clone(),
            };
            Some(Output {
                name,
                fields: vec![Field {
                    name: field.value.clone(),
                    of,
                    description: output.description.clone(),
                }],
                wrapped: true,
                schema: object_schema(&[result]),
            })
        }
        Shape::Fields(fields) => {
            let fields = fields.iter().map(|(name, field)| {
                let field = &field.as_ref()?.value;
                Some(Field {
                    of: whole(name, &field.of),
                    ..field.clone()
                })
            });
            let fields: Vec<Field> = fields.collect::<Option<_>>()?;
            let mut schema = object_schema(&fields);
            if let (Value::Dict(entries), Some(description)) = (&mut schema, &output.description) {
                entries.insert("description".to_owned(), Value::from(description.as_str()));
            }
            Some(Output {
                name,
                fields,
                wrapped: false,
                schema,
            })
        }
    }
}

fn next(flow: &normal::Flow, graph: &Graph<'_>, from: &str) -> Option<Next> {
    let edge = flow.edges.iter().find(|edge| *edge.from == *from)?;
    Some(match &edge.way {
        Way::To(to) => match to.as_slice() {
            [only] => Next::To(only.value.clone()),
            several => Next::Fork(Fork {
                branches: several.iter().map(|to| to.value.clone()).collect(),
                join: graph.join(from).unwrap_or(END).to_owned(),
            }),
        },
        Way::Routes {
            routes, otherwise, ..
        } => Next::Routes(Routes {
            routes: routes
                .iter()
                .map(|(when, to)| Route {
                    when: when.value.clone(),
                    to: to.value.clone(),
                })
                .collect(),
            default: otherwise.as_ref()?.value.clone(),
        }),
        Way::Loop {
            until,
            max_iterations,
            exit_to,
            ..
        } => Next::Loop(Loop {
            until: until.value.clone(),
            max_iterations: *max_iterations,
            exit_to: exit_to.value.clone(),
        }),
        Way::Parallel {
            items,
            target,
            collect,
            max_concurrency,
        } => Next::Parallel(Parallel {
            items: items.value.clone(),
            node: target.value.clone(),
            collect: collect.value.clone(),
            by: collected(flow, target, collect)?,
            max_concurrency: *max_concurrency,
        }),
    })
}

/// How the results of a fan-out over items are collected.
pub(in crate::workflow) fn collected(
    flow: &normal::Flow,
    target: &str,
    collect: &str,
) -> Option<Collect> {
    let node = flow.node(target)?;
    Some(match node.outputs.as_slice() {
        [only] if *only.value == *collect => Collect::Extend,
        [_] => Collect::Value,
        _ => Collect::Dict,
    })
}
