//! A panel restored from a backup.

use super::call::{Call, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::restore::{self, Reopen};
use axum::http::{Method, StatusCode};

pub(super) fn routes() -> Vec<Route> {
    vec![
        read(
            "/api/v1/restore",
            Access::Known(Role::Viewer, Reach::Panel),
            "Whether the panel was restored from a backup, and what it waits for.",
            async |call: Call, _: Nothing| Ok(Reply::of(restore::status(&call.panel).await?)),
        ),
        write(
            (Method::POST, "/api/v1/restore/open"),
            Access::Known(Role::Admin, Reach::Panel),
            "Let a restored panel lend again, with what the provider says was charged.",
            StatusCode::OK,
            async |call: Call, body: Reopen| {
                let view = restore::open(&call.panel, call.actor()?, body).await?;
                Ok(Reply::of(view))
            },
        ),
    ]
}
