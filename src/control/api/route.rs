//! A route: its method and path, who may use it, what it takes, what it gives, and who answers.
//!
//! Who may use it is an argument of every constructor, or its name says it: a route without a rule does not compile.

use super::call::{Call, Events, Ready, Reply};
use super::problem::Refusal;
use crate::control::service::Outcome;
use crate::control::service::access::Role;
use axum::http::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody: what they bring with them (a password, a one-time link) says who they are.
    Open,
    /// Who is known, has this role, and reaches so far.
    Known(Role, Reach),
}

/// How far somebody has to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It is about the caller's own things.
    Own,
    /// It is about things in the caller's scope: others are as if they were not there.
    Scope,
    /// It is about all of the panel: scope must be everything.
    Panel,
}

/// What a schema is made by.
pub(super) type Describe = fn(&mut SchemaGenerator) -> Schema;
type Future = Pin<Box<dyn std::future::Future<Output = Result<Ready, Refusal>> + Send>>;
type Handler = Arc<dyn Fn(Call, Value, Vec<u8>) -> Future + Send + Sync>;

/// A route.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// What it does, in a sentence.
    pub(super) about: &'static str,
    pub(super) query: Option<Describe>,
    pub(super) body: Option<Describe>,
    pub(super) answer: Option<Describe>,
    /// What kind of content its answer is.
    pub(super) media: &'static str,
    pub(super) status: StatusCode,
    /// Whether it asks in `if-match` for the version the caller has read.
    pub(super) if_match: bool,
    /// Its body is no larger.
    pub(super) most_body: usize,
    pub(super) handler: Handler,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.path, self.access)
    }
}

/// A body is no larger, where a route says nothing else.
const MOST_BODY: usize = 64 * 1024;

/// An answer that is one thing.
pub(super) const JSON: &str = "application/json";
/// An answer that goes on.
pub(super) const EVENTS: &str = "text/event-stream";

/// Takes nothing.
#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A route that reads. `Q` is its query.
pub(super) fn read<Q, T, H, F>(
    path: &'static str,
    access: Access,
    about: &'static str,
    handler: H,
) -> Route
where
    Q: DeserializeOwned + JsonSchema + 'static,
    T: Serialize + JsonSchema,
    H: Fn(Call, Q) -> F + Clone + Send + Sync + 'static,
    F: std::future::Future<Output = Outcome<Reply<T>>> + Send + 'static,
{
    let handler: Handler = Arc::new(move |call, query, _| {
        let handler = handler.clone();
        Box::pin(async move {
            let query = super::call::query(query)?;
            handler(call, query).await?.ready(StatusCode::OK)
        })
    });
    asking::<Q, T>((path, access, about), JSON, handler)
}

/// A route that changes nothing.
fn asking<Q: JsonSchema, T: JsonSchema>(
    (path, access, about): (&'static str, Access, &'static str),
    media: &'static str,
    handler: Handler,
) -> Route {
    Route {
        method: Method::GET,
        path,
        access,
        about,
        query: Some(|schemas| Q::json_schema(schemas)),
        body: None,
        answer: Some(SchemaGenerator::subschema_for::<T>),
        media,
        status: StatusCode::OK,
        if_match: false,
        most_body: MOST_BODY,
        handler,
    }
}

/// A route that tells what goes on. `Q` is its query, `T` what an event holds.
pub(super) fn events<Q, T, H, F>(
    path: &'static str,
    access: Access,
    about: &'static str,
    handler: H,
) -> Route
where
    Q: DeserializeOwned + JsonSchema + 'static,
    T: JsonSchema,
    H: Fn(Call, Q) -> F + Clone + Send + Sync + 'static,
    F: std::future::Future<Output = Outcome<Events>> + Send + 'static,
{
    let handler: Handler = Arc::new(move |call, query, _| {
        let handler = handler.clone();
        Box::pin(async move {
            let query = super::call::query(query)?;
            Ok(handler(call, query).await?.ready())
        })
    });
    asking::<Q, T>((path, access, about), EVENTS, handler)
}

/// A route that sends a browser on, whoever it is. `Q` is its query.
pub(super) fn redirect<Q, H, F>(path: &'static str, about: &'static str, handler: H) -> Route
where
    Q: DeserializeOwned + JsonSchema + 'static,
    H: Fn(Call, Q) -> F + Clone + Send + Sync + 'static,
    F: std::future::Future<Output = Result<Reply<()>, Refusal>> + Send + 'static,
{
    let handler: Handler = Arc::new(move |call, query, _| {
        let handler = handler.clone();
        Box::pin(async move {
            let query = super::call::query(query)?;
            handler(call, query).await?.ready(StatusCode::FOUND)
        })
    });
    Route {
        answer: None,
        status: StatusCode::FOUND,
        ..asking::<Q, Nothing>((path, Access::Open, about), JSON, handler)
    }
}

/// A route that changes something. `B` is its body.
pub(super) fn write<B, T, H, F>(
    (method, path): (Method, &'static str),
    access: Access,
    about: &'static str,
    status: StatusCode,
    handler: H,
) -> Route
where
    B: DeserializeOwned + JsonSchema + 'static,
    T: Serialize + JsonSchema,
    H: Fn(Call, B) -> F + Clone + Send + Sync + 'static,
    F: std::future::Future<Output = Outcome<Reply<T>>> + Send + 'static,
{
    let takes_nothing = B::schema_name() == Nothing::schema_name();
    let describe: Describe = SchemaGenerator::subschema_for::<B>;
    let answer: Describe = SchemaGenerator::subschema_for::<T>;
    Route {
        method,
        path,
        access,
        about,
        query: None,
        body: (!takes_nothing).then_some(describe),
        answer: (status != StatusCode::NO_CONTENT).then_some(answer),
        media: JSON,
        status,
        if_match: false,
        most_body: MOST_BODY,
        handler: Arc::new(move |call, _, body| {
            let handler = handler.clone();
            // It may hold a secret.
            let body = Zeroizing::new(body);
            Box::pin(async move {
                let body = if takes_nothing && body.is_empty() {
                    super::call::body(b"{}")?
                } else {
                    super::call::body(&body)?
                };
                handler(call, body).await?.ready(status)
            })
        }),
    }
}

impl Route {
    /// The same, asking for `if-match`.
    pub(super) fn if_match(mut self) -> Self {
        self.if_match = true;
        self
    }

    /// The same, with a body of up to so many bytes.
    pub(super) fn up_to(mut self, most_body: usize) -> Self {
        self.most_body = most_body;
        self
    }

    /// Whether it changes something.
    pub(super) fn is_write(&self) -> bool {
        self.method != Method::GET
    }
}
