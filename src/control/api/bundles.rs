//! Bundles of policies, and what gateways are to run of them.

use super::call::{Call, Paged, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::bundles::{self, NewBundle, NewRollback, NewRollout, RolloutView};
use axum::http::{Method, StatusCode};

/// They govern every gateway, whatever part of the tree it serves.
const READ: Access = Access::Known(Role::Viewer, Reach::Panel);
const CHANGE: Access = Access::Known(Role::Operator, Reach::Panel);

/// A bundle as JSON is no larger: 2 MiB of files, escaped.
const MOST_BUNDLE: usize = 5 << 20;

pub(super) fn routes() -> Vec<Route> {
    vec![
        read(
            "/api/v1/bundles",
            READ,
            "Bundles of policies, the oldest first, without their files.",
            async |call: Call, query: Paged| {
                let bundles = bundles::list(&call.panel, query.page()?).await?;
                Ok(Reply::of(bundles))
            },
        ),
        write(
            (Method::POST, "/api/v1/bundles"),
            CHANGE,
            "Store a bundle of policies, if it has no fault and its tests pass; no gateway runs it yet.",
            StatusCode::CREATED,
            async |call: Call, body: NewBundle| {
                let made = bundles::upload(&call.panel, call.actor()?, body).await?;
                Ok(Reply::of(made))
            },
        )
        .up_to(MOST_BUNDLE),
        read(
            "/api/v1/bundles/rollout",
            READ,
            "What gateways are to run.",
            async |call: Call, _: Nothing| {
                let rollout = bundles::rollout(&call.panel).await?;
                Ok(versioned(rollout))
            },
        ),
        write(
            (Method::POST, "/api/v1/bundles/rollback"),
            CHANGE,
            "Have all gateways run an earlier version, or none.",
            StatusCode::OK,
            async |call: Call, body: NewRollback| {
                let read = call.if_match()?;
                let rollout = bundles::roll_back(&call.panel, call.actor()?, read, body).await?;
                Ok(versioned(rollout))
            },
        )
        .if_match(),
        read(
            "/api/v1/bundles/{id}",
            READ,
            "A bundle with its files, by its number.",
            async |call: Call, _: Nothing| {
                let bundle = bundles::get(&call.panel, call.id()).await?;
                Ok(Reply::of(bundle))
            },
        ),
        write(
            (Method::POST, "/api/v1/bundles/{id}/rollout"),
            CHANGE,
            "Roll a version out to some of the gateways, or to all.",
            StatusCode::OK,
            async |call: Call, body: NewRollout| {
                let which = (call.id(), call.if_match()?);
                let rollout = bundles::roll_out(&call.panel, call.actor()?, which, body).await?;
                Ok(versioned(rollout))
            },
        )
        .if_match(),
    ]
}

fn versioned(rollout: RolloutView) -> Reply<RolloutView> {
    let revision = rollout.revision;
    Reply::of(rollout).version(revision)
}
