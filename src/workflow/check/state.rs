//! What the state begins with.

use super::references::ITEM;
use crate::workflow::diagnostic::{Diagnostic, Phase};
use crate::workflow::normal::Flow;
use crate::workflow::types::{Elements, Type};
use crate::workflow::value::Value;

pub(super) fn check(flow: &Flow, found: &mut Vec<Diagnostic>) {
    let elements = if flow.settings.lenient {
        Elements::Any
    } else {
        Elements::Typed
    };
    for field in &flow.state {
        if ITEM.contains(&field.name.as_str()) {
            let message = format!(
                "`{}` is what nodes that run for an item see of it",
                *field.name
            );
            let diagnostic = Diagnostic::error(
                Phase::ConfigValidation,
                "reserved_name",
                field.name.place,
                message,
            );
            found.push(
                diagnostic
                    .named(field.name.as_str())
                    .suggest("give the field another name"),
            );
        }
        let (Some(of), Some(default)) = (&field.of, &field.default) else {
            continue;
        };
        if let Err(misfit) = of.value.coerce(default.value.clone(), elements) {
            let message = format!("the default does not fit the type: {misfit}");
            let diagnostic = Diagnostic::error(
                Phase::StateInitialization,
                "default_type",
                default.place,
                message,
            )
            .named(field.name.as_str())
            .within(format!("state.fields.{}", *field.name));
            let is_bare = of.value == Type::Str
                && matches!(
                    default.value,
                    Value::Int(_) | Value::Float(_) | Value::Bool(_)
                );
            found.push(if is_bare {
                diagnostic.suggest("put it in quotes")
            } else {
                diagnostic
            });
        }
    }
}
