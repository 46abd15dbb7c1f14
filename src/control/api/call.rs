//! A request as handlers see it, and what they answer with.

use super::problem::Refusal;
use crate::control::service::access::Actor;
use crate::control::service::{Fault, Outcome, Page, Panel, ServiceError};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

/// From where a request came: an extension that whoever serves the router puts into it.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// A request whose caller may make it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) panel: Arc<Panel>,
    pub(super) actor: Option<Actor>,
    pub(super) params: BTreeMap<String, String>,
    pub(super) headers: HeaderMap,
    /// The caller's address.
    pub(super) origin: String,
}

/// What a handler answers with.
#[derive(Debug)]
pub(super) struct Reply<T> {
    value: T,
    headers: Vec<(HeaderName, String)>,
}

/// The same, ready to go.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) content: Content,
}

/// What an answer holds.
#[derive(Debug)]
pub(super) enum Content {
    /// JSON, or nothing.
    Json(Vec<u8>),
    /// Server-sent events, as they come.
    Events(Events),
}

/// Server-sent events, as they come.
#[derive(Debug)]
pub(super) struct Events(pub(super) Body);

impl Events {
    /// What this body says.
    pub(super) fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes, Error = std::convert::Infallible> + Send + 'static,
    {
        Self(Body::new(body))
    }

    pub(super) const fn ready(self) -> Ready {
        Ready {
            status: StatusCode::OK,
            headers: Vec::new(),
            content: Content::Events(self),
        }
    }
}

impl Ready {
    /// The JSON it holds; of events none.
    pub(super) fn json(&self) -> &[u8] {
        match &self.content {
            Content::Json(json) => json,
            Content::Events(_) => &[],
        }
    }
}

impl Call {
    /// The caller. Routes that are open to anybody have none.
    pub(super) fn actor(&self) -> Outcome<&Actor> {
        self.actor.as_ref().ok_or(ServiceError::Unauthenticated)
    }

    /// A part of the path.
    pub(super) fn id(&self) -> &str {
        self.params.get("id").map_or("", String::as_str)
    }

    /// Which version the caller has read; none for any (`*`).
    pub(super) fn if_match(&self) -> Outcome<Option<i64>> {
        let said = self.headers.get(header::IF_MATCH);
        let said = said.ok_or(ServiceError::NoIfMatch)?;
        let said = said.to_str().unwrap_or_default().trim();
        if said == "*" {
            return Ok(None);
        }
        let bare = said.trim_start_matches("W/").trim_matches('"');
        bare.parse().map(Some).map_err(|_| ServiceError::Changed)
    }
}

impl<T: Serialize> Reply<T> {
    /// This and no more.
    pub(super) fn of(value: T) -> Self {
        Self {
            value,
            headers: Vec::new(),
        }
    }

    /// With a header.
    pub(super) fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With the version that a later `if-match` names.
    pub(super) fn version(self, revision: i64) -> Self {
        self.with(header::ETAG, format!("\"{revision}\""))
    }

    pub(super) fn ready(self, status: StatusCode) -> Result<Ready, Refusal> {
        let body = if status == StatusCode::NO_CONTENT || status.is_redirection() {
            Vec::new()
        } else {
            serde_json::to_vec(&self.value).map_err(|_| Refusal::Unspeakable)?
        };
        let headers = self.headers.into_iter().map(|(name, value)| {
            let value = HeaderValue::from_str(&value);
            value
                .map(|value| (name, value))
                .map_err(|_| Refusal::Unspeakable)
        });
        Ok(Ready {
            status,
            headers: headers.collect::<Result<_, _>>()?,
            content: Content::Json(body),
        })
    }
}

/// Which part of a list, as queries say it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Paged {
    /// At most so many; 50 where absent, 200 at most.
    #[serde(default, deserialize_with = "from_text")]
    pub(super) limit: Option<u16>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    pub(super) cursor: Option<String>,
}

impl Paged {
    pub(super) fn page(&self) -> Outcome<Page> {
        page(self.limit, self.cursor.as_deref())
    }
}

/// Which part of a list.
pub(super) fn page(limit: Option<u16>, cursor: Option<&str>) -> Outcome<Page> {
    let mut page = Page::default();
    if let Some(limit) = limit {
        if !(1..=Page::MOST).contains(&limit) {
            return Err(fault("limit", "from 1 to 200"));
        }
        page.limit = limit;
    }
    if let Some(cursor) = cursor {
        let place = Page::read_cursor(cursor);
        page.after = place.ok_or_else(|| fault("cursor", "not one that a page gave out"))?;
    }
    Ok(page)
}

fn fault(field: &str, detail: &str) -> ServiceError {
    ServiceError::Invalid(vec![Fault::new(field, detail)])
}

/// A number of a query, where all is text.
pub(super) fn from_text<'de, D: Deserializer<'de>, T: FromStr>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let number = text.map(|text| text.parse());
    let number = number.transpose();
    number.map_err(|_| serde::de::Error::custom("a number is expected here"))
}

/// The fields of a query as JSON has them, all of them text.
pub(super) fn fields(query: &str) -> Result<Value, Refusal> {
    let mut fields = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        let (Some(name), Some(value)) = (name, value) else {
            return Err(Refusal::Query("it is not written as a query is".to_owned()));
        };
        if fields.insert(name.clone(), Value::String(value)).is_some() {
            return Err(Refusal::Query(format!("`{name}` is said twice")));
        }
    }
    Ok(Value::Object(fields))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                u8::from_str_radix(digits, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A query as a route has it.
pub(super) fn query<Q: DeserializeOwned>(fields: Value) -> Result<Q, Refusal> {
    serde_json::from_value(fields).map_err(|error| shape(&error))
}

/// A body as a route has it.
pub(super) fn body<B: DeserializeOwned>(bytes: &[u8]) -> Result<B, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            shape(&error)
        } else {
            Refusal::Malformed {
                line: error.line(),
                column: error.column(),
            }
        }
    })
}

/// What is wrong with the shape of something, without what was said in it: that may be a secret.
fn shape(error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    let named = |start: &str| {
        let rest = text.strip_prefix(start)?;
        Some(rest.split_once('`')?.0.to_owned())
    };
    let known = || {
        let known = text.split_once(", expected ").map(|(_, known)| known);
        let known = known.map(|known| known.split(" at line ").next().unwrap_or(known));
        known
            .map(|known| format!(": expected {known}"))
            .unwrap_or_default()
    };
    let fault = if let Some(field) = named("unknown field `") {
        Fault::new(field, format!("there is no such field{}", known()))
    } else if let Some(field) = named("missing field `") {
        Fault::new(field, "is missing")
    } else if let Some(field) = named("duplicate field `") {
        Fault::new(field, "is said twice")
    } else {
        let place = format!("line {}, column {}", error.line(), error.column());
        Fault::new(place, format!("is not what is asked for{}", known()))
    };
    Refusal::Service(ServiceError::Invalid(vec![fault]))
}
