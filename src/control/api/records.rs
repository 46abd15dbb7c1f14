//! The audit log, and webhooks.

use super::call::{Call, Paged, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::audit;
use crate::control::service::webhooks::{self, NewWebhook};
use axum::http::{Method, StatusCode};

const ADMIN: Access = Access::Known(Role::Admin, Reach::Panel);

pub(super) fn routes() -> Vec<Route> {
    vec![
        read(
            "/api/v1/audit",
            ADMIN,
            "What was done, by whom, when and from where; the newest first.",
            async |call: Call, query: Paged| {
                let lines = audit::list(&call.panel, query.page()?).await?;
                Ok(Reply::of(lines))
            },
        ),
        read(
            "/api/v1/audit/verify",
            ADMIN,
            "Recompute the audit log's chain.",
            async |call: Call, _: Nothing| {
                let verified = audit::verify(&call.panel).await?;
                Ok(Reply::of(verified))
            },
        ),
        read(
            "/api/v1/webhooks",
            ADMIN,
            "Where news go.",
            async |call: Call, query: Paged| {
                let hooks = webhooks::list(&call.panel, query.page()?).await?;
                Ok(Reply::of(hooks))
            },
        ),
        write(
            (Method::POST, "/api/v1/webhooks"),
            ADMIN,
            "Have news sent somewhere: `https`, or this machine itself.",
            StatusCode::CREATED,
            async |call: Call, body: NewWebhook| {
                let hook = webhooks::make(&call.panel, call.actor()?, body).await?;
                Ok(Reply::of(hook))
            },
        ),
        write(
            (Method::DELETE, "/api/v1/webhooks/{id}"),
            ADMIN,
            "Have no more news sent there.",
            StatusCode::NO_CONTENT,
            async |call: Call, _: Nothing| {
                webhooks::remove(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(()))
            },
        ),
    ]
}
