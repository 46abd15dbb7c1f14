//! Virtual keys.

use super::call::{Call, Paged, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::keys::{self, NewKey, Rotation};
use axum::http::{Method, StatusCode};

const READ: Access = Access::Known(Role::Viewer, Reach::Scope);
const CHANGE: Access = Access::Known(Role::Operator, Reach::Scope);

pub(super) fn routes() -> Vec<Route> {
    vec![
        read(
            "/api/v1/keys",
            READ,
            "Virtual keys, revoked ones too.",
            async |call: Call, query: Paged| {
                let keys = keys::list(&call.panel, call.actor()?, query.page()?).await?;
                Ok(Reply::of(keys))
            },
        ),
        write(
            (Method::POST, "/api/v1/keys"),
            CHANGE,
            "Make a virtual key; its secret is shown once.",
            StatusCode::CREATED,
            async |call: Call, body: NewKey| {
                let made = keys::make(&call.panel, call.actor()?, body).await?;
                Ok(Reply::of(made))
            },
        ),
        read(
            "/api/v1/keys/{id}",
            READ,
            "A virtual key.",
            async |call: Call, _: Nothing| {
                let key = keys::get(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(key))
            },
        ),
        write(
            (Method::POST, "/api/v1/keys/{id}/rotate"),
            CHANGE,
            "Give a key another secret, shown once; the one before is good for the grace.",
            StatusCode::OK,
            async |call: Call, body: Rotation| {
                let made = keys::rotate(&call.panel, call.actor()?, call.id(), &body).await?;
                Ok(Reply::of(made))
            },
        ),
        write(
            (Method::POST, "/api/v1/keys/{id}/revoke"),
            CHANGE,
            "Revoke a key for good.",
            StatusCode::OK,
            async |call: Call, _: Nothing| {
                let key = keys::revoke(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(key))
            },
        ),
    ]
}
