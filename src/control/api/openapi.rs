//! The `OpenAPI` document, made of the table of routes.

use super::call::Reply;
use super::problem::Problem;
use super::route::{self, Access, Describe, Nothing, Reach, Route, read};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

pub(super) fn routes() -> Vec<Route> {
    vec![read(
        "/api/v1/openapi.json",
        Access::Open,
        "This document.",
        async |_, _: Nothing| Ok(Reply::of(document().clone())),
    )]
}

/// The document that describes every route.
#[must_use]
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| of(&super::routes()))
}

fn of(routes: &[Route]) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut schemas = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let operation = operation(route, &mut schemas);
        let path = paths
            .entry(route.path.to_owned())
            .or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(route.method.as_str().to_lowercase(), operation);
        }
    }
    let problem = schemas.subschema_for::<Problem>();
    let definitions = schemas.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tollgate control panel",
            "version": "1",
            "description": "Budgets, keys, gateways and who may change them. Amounts are decimal dollars as text, times RFC 3339.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "cookie": [] }],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "responses": {
                "Problem": {
                    "description": "Why it was not done: `code` is stable.",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "A session's token or an API token." },
                "cookie": { "type": "apiKey", "in": "cookie", "name": "__Host-tollgate" },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut parameters = Vec::new();
    if route.path.contains("{id}") {
        parameters.push(json!({
            "name": "id", "in": "path", "required": true, "schema": { "type": "string" },
        }));
    }
    parameters.extend(query(route, schemas));
    if route.media == route::EVENTS {
        parameters.push(json!({
            "name": "last-event-id", "in": "header", "schema": { "type": "string" },
            "description": "The id of the last event that was heard.",
        }));
    }
    if route.if_match {
        parameters.push(json!({
            "name": "if-match", "in": "header", "required": true, "schema": { "type": "string" },
            "description": "The `etag` of what was read, or `*`.",
        }));
    }
    let is_open = route.access == Access::Open;
    if route.is_write() && !is_open {
        parameters.push(json!({
            "name": "idempotency-key", "in": "header", "schema": { "type": "string", "maxLength": 200 },
            "description": "A name for this write: sent again with it, it is not done again but answered again.",
        }));
    }
    let content = |media: &str, describe: Describe, schemas: &mut SchemaGenerator| json!({ media: { "schema": describe(schemas) } });
    let mut answer = json!({ "description": "Done." });
    if let Some(describe) = route.answer {
        answer["content"] = content(route.media, describe, schemas);
    }
    let mut operation = json!({
        "summary": route.about,
        "operationId": operation_id(route),
        "description": may(route.access),
        "responses": {
            route.status.as_str(): answer,
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some(describe) = route.body {
        let content = content(route::JSON, describe, schemas);
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    if is_open {
        operation["security"] = json!([]);
    }
    operation
}

/// `post_api_v1_keys_id_rotate`, without what all have in common.
fn operation_id(route: &Route) -> String {
    let path = route.path.trim_start_matches("/api/v1/");
    let path = path.replace(['/', '-', '.'], "_").replace(['{', '}'], "");
    format!("{}_{path}", route.method.as_str().to_lowercase())
}

/// The fields of a query as parameters.
fn query(route: &Route, schemas: &mut SchemaGenerator) -> Vec<Value> {
    let Some(describe) = route.query else {
        return Vec::new();
    };
    let schema = describe(schemas).to_value();
    let fields = schema.get("properties").and_then(Value::as_object);
    let fields = fields.into_iter().flatten();
    let fields = fields.map(|(name, schema)| {
        let mut schema = schema.clone();
        let about = schema
            .as_object_mut()
            .and_then(|schema| schema.remove("description"));
        json!({ "name": name, "in": "query", "description": about, "schema": schema })
    });
    fields.collect()
}

fn may(access: Access) -> String {
    match access {
        Access::Open => "For anybody.".to_owned(),
        Access::Known(role, Reach::Own) => format!(
            "For the role `{}` and above: about the caller's own things.",
            role.name()
        ),
        Access::Known(role, Reach::Scope) => format!(
            "For the role `{}` and above: about things in the caller's scope.",
            role.name()
        ),
        Access::Known(role, Reach::Panel) => format!(
            "For the role `{}` and above whose scope is the whole panel.",
            role.name()
        ),
    }
}
