//! The list of models.

use super::CREATED;
use super::error::Refusal;
use crate::provider::simulator::json::{Json, object};

/// Models listed where the price book names none.
const OWN: [&str; 3] = ["sim-small", "sim-echo", "sim-embed"];

fn names(models: &[String]) -> Vec<&str> {
    if models.is_empty() {
        OWN.to_vec()
    } else {
        models.iter().map(String::as_str).collect()
    }
}

fn one(name: &str) -> Json {
    object! { "id": name, "object": "model", "created": CREATED, "owned_by": "tollgate" }
}

/// All of them.
pub(in crate::provider::simulator) fn list(models: &[String]) -> Json {
    let data: Vec<Json> = names(models).into_iter().map(one).collect();
    object! { "object": "list", "data": data }
}

/// One of them.
pub(in crate::provider::simulator) fn get(models: &[String], name: &str) -> Result<Json, Refusal> {
    names(models)
        .into_iter()
        .find(|known| *known == name)
        .map(one)
        .ok_or_else(|| Refusal::unknown_model(name))
}
