//! Outputs: fields of the state, told once in the answer's schema, of the same type.

use crate::workflow::diagnostic::{At, Diagnostic, Phase};
use crate::workflow::normal::{Flow, Node, Shape};
use crate::workflow::types::Type;

pub(super) fn check(flow: &Flow, found: &mut Vec<Diagnostic>) {
    for node in &flow.nodes {
        for output in &node.outputs {
            known(flow, node, output, found);
        }
        let Some(output) = &node.output else {
            continue;
        };
        match &output.shape {
            Shape::Simple(of) => {
                if let [only] = node.outputs.as_slice() {
                    same(flow, node, only, of, found);
                } else if !node.outputs.is_empty() {
                    let message = format!(
                        "a schema of type `{}` is one value, and the node has {} outputs",
                        of.value,
                        node.outputs.len()
                    );
                    found.push(
                        Diagnostic::error(
                            Phase::ConfigValidation,
                            "output_count",
                            output.place,
                            message,
                        )
                        .named(node.id.as_str())
                        .within(context(node))
                        .suggest(
                            "write `type: object` with a field for each output, or keep one output",
                        ),
                    );
                }
            }
            Shape::Fields(fields) => {
                for (name, field) in fields {
                    if !node.outputs.iter().any(|output| output.value == name.value)
                        && !node.outputs.is_empty()
                    {
                        found.push(
                            Diagnostic::error(
                                Phase::ConfigValidation,
                                "field_not_output",
                                name.place,
                                format!(
                                    "the answer has `{}`, which is not among the outputs",
                                    name.value
                                ),
                            )
                            .named(name.value.as_str())
                            .within(context(node))
                            .known(node.outputs.iter().map(|output| output.value.as_str())),
                        );
                    }
                    if let Some(field) = field {
                        let of = At::new(field.value.of.clone(), field.place);
                        same(flow, node, name, &of, found);
                    }
                }
                for output in &node.outputs {
                    if !fields.iter().any(|(name, _)| name.value == output.value) {
                        found.push(
                            Diagnostic::error(
                                Phase::ConfigValidation,
                                "output_not_field",
                                output.place,
                                format!(
                                    "the output `{}` is not among the fields of `output_schema`",
                                    output.value
                                ),
                            )
                            .named(output.value.as_str())
                            .within(context(node))
                            .known(fields.iter().map(|(name, _)| name.value.as_str())),
                        );
                    }
                }
            }
        }
    }
}

fn context(node: &Node) -> String {
    format!("node `{}`", node.id.value)
}

fn known(flow: &Flow, node: &Node, output: &At<String>, found: &mut Vec<Diagnostic>) {
    if !flow.has_state || flow.field(output).is_some() {
        return;
    }
    found.push(
        Diagnostic::error(
            Phase::ConfigValidation,
            "unknown_field",
            output.place,
            format!("the output `{}` is not a field of the state", output.value),
        )
        .named(output.value.as_str())
        .within(context(node))
        .known(flow.field_names()),
    );
}

fn same(flow: &Flow, node: &Node, name: &At<String>, of: &At<Type>, found: &mut Vec<Diagnostic>) {
    let Some(state) = flow.field(name).and_then(|field| field.of.as_ref()) else {
        return;
    };
    if state.value.is_same(&of.value) {
        return;
    }
    let (left, right) = (of.value.to_string(), state.value.to_string());
    let message = if left == right {
        format!(
            "`{}` is an object with other fields here than in the state",
            name.value
        )
    } else {
        format!(
            "`{}` is `{left}` here and `{right}` in the state",
            name.value
        )
    };
    found.push(
        Diagnostic::error(Phase::ConfigValidation, "output_type", of.place, message)
            .named(name.value.as_str())
            .within(context(node))
            .suggest(format!(
                "make both the same; the state's is on line {}",
                state.place.line
            )),
    );
}
