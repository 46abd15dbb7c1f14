//! From a request to its answer: who is it, may they, what do they say; and only then the handler.
//!
//! A change that was begun is finished, also where whoever asked hung up: it runs on a task of its own.

use super::call::{self, Call, Content, Events, Peer, Ready};
use super::problem::Refusal;
use super::route::{self, Access, Reach, Route};
use crate::control::service::access::{self, Actor, Credential};
use crate::control::service::replies::{self, Known, Named};
use crate::control::service::{Panel, ServiceError, sessions};
use crate::ids;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts as _, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// A body comes within this.
const BODY_TIME: Duration = Duration::from_secs(15);
/// The cookie of a session: only ever sent by pages of this panel, over TLS, and not to be read by scripts.
pub(super) const COOKIE: &str = "__Host-tollgate";
const CSRF: HeaderName = HeaderName::from_static("x-tollgate-csrf");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const IDEMPOTENCY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The router of these routes.
pub(super) fn router(panel: &Arc<Panel>, routes: Vec<Route>) -> axum::Router {
    let mut by_path: BTreeMap<&'static str, MethodRouter> = BTreeMap::new();
    for route in routes {
        let Ok(filter) = MethodFilter::try_from(route.method.clone()) else {
            continue;
        };
        let (panel, path) = (Arc::clone(panel), route.path);
        let route = Arc::new(route);
        let handler = move |request: Request| {
            let (panel, route) = (Arc::clone(&panel), Arc::clone(&route));
            async move { answer(panel, route, request).await }
        };
        let methods = by_path.remove(path).unwrap_or_default();
        by_path.insert(path, methods.merge(on(filter, handler)));
    }
    let mut all = axum::Router::new();
    for (path, methods) in by_path {
        all = all.route(path, methods);
    }
    let no_route = || async { finished(Err(Refusal::NoRoute), "") };
    let no_method = || async { finished(Err(Refusal::NoMethod), "") };
    all.route("/api/v1/{*rest}", axum::routing::any(no_route))
        .method_not_allowed_fallback(no_method)
}

async fn answer(panel: Arc<Panel>, route: Arc<Route>, request: Request) -> Response {
    let instance = instance(&panel);
    let (parts, body) = request.into_parts();
    let answered = taken(panel, route, parts, body).await;
    finished(answered, &instance)
}

/// Names one request, for its refusal and the log.
fn instance(panel: &Panel) -> String {
    let random = crate::control::service::secrets::random();
    let random = random.map(u128::from_be_bytes).unwrap_or_default();
    ids::written("req_", panel.now(), random)
}

fn finished(answered: Result<Ready, Refusal>, instance: &str) -> Response {
    let mut response = match answered {
        Ok(ready) => {
            let (body, kind) = match ready.content {
                Content::Json(json) if json.is_empty() => (Body::empty(), None),
                Content::Json(json) => (Body::from(json), Some(route::JSON)),
                Content::Events(Events(body)) => (body, Some(route::EVENTS)),
            };
            let mut response = Response::new(body);
            *response.status_mut() = ready.status;
            let headers = response.headers_mut();
            if let Some(kind) = kind {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            for (name, value) in ready.headers {
                headers.append(name, value);
            }
            response
        }
        Err(refusal) => refusal.response(instance),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(instance) = HeaderValue::from_str(instance) {
        headers.insert(HeaderName::from_static("x-request-id"), instance);
    }
    response
}

async fn taken(
    panel: Arc<Panel>,
    route: Arc<Route>,
    mut parts: Parts,
    body: Body,
) -> Result<Ready, Refusal> {
    let origin = origin(&parts);
    let presented = match route.access {
        Access::Open => None,
        Access::Known(role, reach) => {
            let presented = presented(&parts.headers).ok_or(ServiceError::Unauthenticated)?;
            let actor = access::authenticate(&panel, &presented.token, &origin).await?;
            actor.needs(role)?;
            if reach == Reach::Panel {
                actor.needs_all()?;
            }
            if presented.by_cookie {
                same_site(&parts, &presented.token, route.is_write())?;
            }
            Some((presented.token, actor))
        }
    };
    let params = RawPathParams::from_request_parts(&mut parts, &()).await;
    let params = params.map_err(|_| Refusal::NoRoute)?;
    let params = params
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let params: BTreeMap<String, String> = params.collect();
    let query = call::fields(parts.uri.query().unwrap_or_default())?;
    let body = if route.is_write() {
        whole(&route, &parts.headers, body).await?
    } else {
        Vec::new()
    };
    let named = match &presented {
        Some((token, actor)) if route.is_write() => named(&parts, token, actor, &body)?,
        _ => None,
    };
    let call = Call {
        panel: Arc::clone(&panel),
        actor: presented.map(|(_, actor)| actor),
        params,
        headers: parts.headers,
        origin,
    };
    if !route.is_write() {
        return (route.handler)(call, query, body).await;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a change that was begun is finished though the caller hung up; what it waits for is bounded"
    )]
    let task =
        tokio::spawn(async move { carried_out(&panel, &route, named, (call, query, body)).await });
    task.await.unwrap_or(Err(Refusal::Stopping))
}

/// Carries a change out, once for each name it has.
async fn carried_out(
    panel: &Panel,
    route: &Route,
    named: Option<Named>,
    (call, query, body): (Call, Value, Vec<u8>),
) -> Result<Ready, Refusal> {
    let Some(named) = named else {
        return (route.handler)(call, query, body).await;
    };
    match replies::begin(panel, &named).await? {
        Known::New => {}
        Known::Done(status, answer) => return replayed(status, &answer),
        Known::Other => return Err(Refusal::KeyReused),
        Known::Unfinished => return Err(Refusal::KeyUnfinished),
    }
    let answered = (route.handler)(call, query, body).await;
    let kept = answered
        .as_ref()
        .ok()
        .map(|ready| (ready.status.as_u16(), kept(ready)));
    let kept = kept
        .as_ref()
        .map(|(status, kept)| (*status, kept.as_slice()));
    replies::finish(panel, &named, kept).await?;
    answered
}

/// An answer as it is kept: its version, a line's end, its body.
fn kept(ready: &Ready) -> Vec<u8> {
    let etag = ready.headers.iter().find(|(name, _)| *name == header::ETAG);
    let mut kept = etag
        .map(|(_, etag)| etag.as_bytes().to_vec())
        .unwrap_or_default();
    kept.push(b'\n');
    kept.extend(ready.json());
    kept
}

fn replayed(status: u16, kept: &[u8]) -> Result<Ready, Refusal> {
    let end = kept.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or(Refusal::Unspeakable)?;
    let (etag, body) = kept.split_at(end);
    let mut headers = vec![(REPLAYED, HeaderValue::from_static("true"))];
    if !etag.is_empty() {
        let etag = HeaderValue::from_bytes(etag).map_err(|_| Refusal::Unspeakable)?;
        headers.push((header::ETAG, etag));
    }
    Ok(Ready {
        status: StatusCode::from_u16(status).map_err(|_| Refusal::Unspeakable)?,
        headers,
        content: Content::Json(body.get(1..).unwrap_or_default().to_vec()),
    })
}

/// The write's name, if it has one.
fn named(parts: &Parts, token: &str, actor: &Actor, body: &[u8]) -> Result<Option<Named>, Refusal> {
    let mut names = parts.headers.get_all(IDEMPOTENCY).iter();
    let Some(name) = names.next() else {
        return Ok(None);
    };
    let name = name.to_str().unwrap_or_default();
    if names.next().is_some() || !(1..=200).contains(&name.len()) {
        return Err(Refusal::BadKey);
    }
    let who = match &actor.credential {
        Credential::Session(id) | Credential::Token(id) => id.as_str(),
        Credential::Own(name) => name,
    };
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let version = parts.headers.get(header::IF_MATCH);
    let version = version.map_or(b"".as_slice(), HeaderValue::as_bytes);
    let asked = [
        parts.method.as_str().as_bytes(),
        path.as_bytes(),
        version,
        body,
    ];
    Ok(Some(Named::new(who, token, name, &asked)))
}

/// The body, if it is one.
async fn whole(route: &Route, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Refusal> {
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let most = route.most_body;
    if announced.is_some_and(|length| length > most) {
        return Err(Refusal::TooLarge(most));
    }
    let gathered = tokio::time::timeout(BODY_TIME, to_bytes(body, most)).await;
    let gathered = gathered.map_err(|_| Refusal::NoBody)?;
    let gathered = gathered.map_err(|_| Refusal::TooLarge(most))?;
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_json = kind.eq_ignore_ascii_case("application/json");
    if !is_json && (route.body.is_some() || !gathered.is_empty()) {
        return Err(Refusal::NotJson);
    }
    Ok(gathered.to_vec())
}

/// What somebody presents, and how.
struct Presented {
    token: String,
    by_cookie: bool,
}

/// A header first, then the cookie. Who sends a header that is no bearer token is not let in by a cookie beside it.
fn presented(headers: &HeaderMap) -> Option<Presented> {
    if let Some(header) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| Presented {
            token: token.trim().to_owned(),
            by_cookie: false,
        });
    }
    let token = cookie(headers, COOKIE)?.to_owned();
    // Nothing but a session is ever put into a cookie.
    token.starts_with(sessions::PREFIX).then_some(Presented {
        token,
        by_cookie: true,
    })
}

/// The cookie of this name.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies.filter_map(|cookies| cookies.to_str().ok());
    let mut cookies = cookies.flat_map(|cookies| cookies.split(';'));
    cookies.find_map(|cookie| {
        let (named, value) = cookie.trim().split_once('=')?;
        (named == name).then_some(value)
    })
}

/// Whether a request with a cookie comes from a page of this panel.
fn same_site(parts: &Parts, token: &str, is_write: bool) -> Result<(), Refusal> {
    let text = |name: &HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let site = text(&FETCH_SITE);
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(Refusal::Csrf);
    }
    if !is_write {
        return Ok(());
    }
    if parts.headers.contains_key(header::ORIGIN) {
        let host = parts.uri.authority().map(Authority::as_str);
        let host = host.or_else(|| text(&header::HOST)).unwrap_or_default();
        let own = format!("https://{host}");
        let same = text(&header::ORIGIN).is_some_and(|origin| origin.eq_ignore_ascii_case(&own));
        return if same { Ok(()) } else { Err(Refusal::Csrf) };
    }
    let said = text(&CSRF).unwrap_or_default();
    let right = sessions::csrf(token);
    if bool::from(said.as_bytes().ct_eq(right.as_bytes())) {
        Ok(())
    } else {
        Err(Refusal::Csrf)
    }
}

/// The caller's address.
fn origin(parts: &Parts) -> String {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
    let connected = || {
        parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0)
    };
    let address = peer.or_else(connected);
    address.map_or_else(
        || "unknown".to_owned(),
        |address| address.ip().to_canonical().to_string(),
    )
}
