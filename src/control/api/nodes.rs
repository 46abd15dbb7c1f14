//! The tree.

use super::call::{Call, Paged, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::nodes::{self, NewNode};
use axum::http::{Method, StatusCode};

const READ: Access = Access::Known(Role::Viewer, Reach::Scope);
const CHANGE: Access = Access::Known(Role::Admin, Reach::Scope);

pub(super) fn routes() -> Vec<Route> {
    vec![
        read(
            "/api/v1/nodes",
            READ,
            "Organisations, teams, projects and agents.",
            async |call: Call, query: Paged| {
                let nodes = nodes::list(&call.panel, call.actor()?, query.page()?).await?;
                Ok(Reply::of(nodes))
            },
        ),
        write(
            (Method::POST, "/api/v1/nodes"),
            CHANGE,
            "Make a node.",
            StatusCode::CREATED,
            async |call: Call, body: NewNode| {
                let node = nodes::make(&call.panel, call.actor()?, body).await?;
                Ok(Reply::of(node))
            },
        ),
        read(
            "/api/v1/nodes/{id}",
            READ,
            "A node.",
            async |call: Call, _: Nothing| {
                let node = nodes::get(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(node))
            },
        ),
        write(
            (Method::DELETE, "/api/v1/nodes/{id}"),
            CHANGE,
            "Remove a node that nothing hangs on any more.",
            StatusCode::NO_CONTENT,
            async |call: Call, _: Nothing| {
                nodes::remove(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(()))
            },
        ),
    ]
}
