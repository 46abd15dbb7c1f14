//! Requests for more budget.

use super::call::{self, Call, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::requests::{
    self, Approval, NewRequest, Rejection, RequestFilter, RequestState, RequestView,
};
use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

const ANYBODY: Access = Access::Known(Role::Viewer, Reach::Scope);
const DECIDE: Access = Access::Known(Role::Operator, Reach::Scope);

/// Which requests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// How far they have come.
    #[serde(default)]
    state: Option<RequestState>,
    /// At most so many; 50 where absent, 200 at most.
    #[serde(default, deserialize_with = "call::from_text")]
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        read(
            "/api/v1/requests",
            ANYBODY,
            "Requests for more budget.",
            async |call: Call, query: Which| {
                let page = call::page(query.limit, query.cursor.as_deref())?;
                let filter = RequestFilter { state: query.state };
                let requests = requests::list(&call.panel, call.actor()?, &filter, page).await?;
                Ok(Reply::of(requests))
            },
        ),
        write(
            (Method::POST, "/api/v1/requests"),
            ANYBODY,
            "Ask for more budget.",
            StatusCode::CREATED,
            async |call: Call, body: NewRequest| {
                let request = requests::ask(&call.panel, call.actor()?, body).await?;
                Ok(versioned(request))
            },
        ),
        read(
            "/api/v1/requests/{id}",
            ANYBODY,
            "A request.",
            async |call: Call, _: Nothing| {
                let request = requests::get(&call.panel, call.actor()?, call.id()).await?;
                Ok(versioned(request))
            },
        ),
        write(
            (Method::POST, "/api/v1/requests/{id}/approve"),
            DECIDE,
            "Approve a request of somebody else's: the budget's limit is raised.",
            StatusCode::OK,
            async |call: Call, body: Approval| {
                let id = (call.id(), call.if_match()?);
                let request = requests::approve(&call.panel, call.actor()?, id, body).await?;
                Ok(versioned(request))
            },
        )
        .if_match(),
        write(
            (Method::POST, "/api/v1/requests/{id}/reject"),
            DECIDE,
            "Reject a request of somebody else's.",
            StatusCode::OK,
            async |call: Call, body: Rejection| {
                let id = (call.id(), call.if_match()?);
                let request = requests::reject(&call.panel, call.actor()?, id, body).await?;
                Ok(versioned(request))
            },
        )
        .if_match(),
        write(
            (Method::POST, "/api/v1/requests/{id}/withdraw"),
            ANYBODY,
            "Take one's own request back.",
            StatusCode::OK,
            async |call: Call, _: Nothing| {
                let id = (call.id(), call.if_match()?);
                let request = requests::withdraw(&call.panel, call.actor()?, id).await?;
                Ok(versioned(request))
            },
        )
        .if_match(),
    ]
}

fn versioned(request: RequestView) -> Reply<RequestView> {
    let revision = request.revision;
    Reply::of(request).version(revision)
}
