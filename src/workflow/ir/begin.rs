//! The state a run begins with: what it was given, and what the workflow says where it was given nothing.

use super::Flow;
use crate::workflow::diagnostic::{Diagnostic, Phase, Place};
use crate::workflow::types::Elements;
use crate::workflow::value::{Dict, Value};

impl Flow {
    /// Whether the types of elements hold in this workflow.
    #[must_use]
    pub const fn elements(&self) -> Elements {
        if self.execution.lenient {
            Elements::Any
        } else {
            Elements::Typed
        }
    }

    /// The state that a run with these inputs begins with, in the order of the workflow's fields. Fields that were neither
    /// given nor have a default are absent until a node writes them.
    ///
    /// # Errors
    /// Every input that is unknown, missing or of another type.
    pub fn begin(&self, mut inputs: Dict) -> Result<Dict, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let mut fault = |id, name: &str, message: String| {
            let diagnostic =
                Diagnostic::error(Phase::StateInitialization, id, Place::default(), message);
            found.push(diagnostic.named(name));
        };
        let mut state = Dict::new();
        for field in &self.state {
            // `null` says what leaving it out says.
            let given = inputs
                .shift_remove(&field.name)
                .filter(|value| *value != Value::Null);
            let value = match given {
                Some(value) => match field.of.coerce(value, self.elements()) {
                    Ok(value) => Some(value),
                    Err(misfit) => {
                        let message = format!("the input `{}` does not fit: {misfit}", field.name);
                        fault("input_type", &field.name, message);
                        None
                    }
                },
                None if field.required => {
                    let message = format!("the input `{}` ({}) is missing", field.name, field.of);
                    fault("missing_input", &field.name, message);
                    None
                }
                None => field.default.clone(),
            };
            if let Some(value) = value {
                state.insert(field.name.clone(), value);
            }
        }
        for name in inputs.keys() {
            let message = format!("there is no input `{name}`: the state has no such field");
            fault("unknown_input", name, message);
        }
        if found.is_empty() {
            return Ok(state);
        }
        let known = || self.state.iter().map(|field| field.name.as_str());
        let told = found.into_iter().map(|one| {
            if one.id == "unknown_input" {
                one.known(known())
            } else {
                one
            }
        });
        Err(told.collect())
    }
}
