//! Gateways, and what they hold.

use super::call::{self, Call, Paged, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::gateways::{self, NewGateway};
use crate::control::service::leases::{self, LeaseFilter, LeaseState, WriteOff};
use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

const READ: Access = Access::Known(Role::Viewer, Reach::Panel);
const CHANGE: Access = Access::Known(Role::Admin, Reach::Panel);
const READ_LEASES: Access = Access::Known(Role::Viewer, Reach::Scope);

/// Which leases.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The id of a gateway.
    #[serde(default)]
    gateway: Option<String>,
    /// The id of a key.
    #[serde(default)]
    key: Option<String>,
    /// How far their lives have come; those not closed where absent.
    #[serde(default)]
    state: Option<LeaseState>,
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
            "/api/v1/gateways",
            READ,
            "Gateways.",
            async |call: Call, query: Paged| {
                let gateways = gateways::list(&call.panel, query.page()?).await?;
                Ok(Reply::of(gateways))
            },
        ),
        write(
            (Method::POST, "/api/v1/gateways"),
            CHANGE,
            "Make a gateway known: the answer has its one-time token, once.",
            StatusCode::CREATED,
            async |call: Call, body: NewGateway| {
                let made = gateways::make(&call.panel, call.actor()?, body).await?;
                Ok(Reply::of(made))
            },
        ),
        read(
            "/api/v1/gateways/{id}",
            READ,
            "A gateway.",
            async |call: Call, _: Nothing| {
                let gateway = gateways::get(&call.panel, call.id()).await?;
                Ok(Reply::of(gateway))
            },
        ),
        write(
            (Method::POST, "/api/v1/gateways/{id}/token"),
            CHANGE,
            "Another one-time token for a gateway that lost its key: its certificates are good no longer.",
            StatusCode::CREATED,
            async |call: Call, _: Nothing| {
                let made = gateways::new_token(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(made))
            },
        ),
        write(
            (Method::POST, "/api/v1/gateways/{id}/revoke"),
            CHANGE,
            "Revoke a gateway for good.",
            StatusCode::OK,
            async |call: Call, _: Nothing| {
                let gateway = gateways::revoke(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(gateway))
            },
        ),
        write(
            (Method::POST, "/api/v1/gateways/{id}/drain"),
            CHANGE,
            "Lend a gateway nothing more on the leases it has.",
            StatusCode::OK,
            async |call: Call, _: Nothing| {
                let drained = gateways::drain(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(drained))
            },
        ),
        read(
            "/api/v1/leases",
            READ_LEASES,
            "What is lent to gateways.",
            async |call: Call, query: Which| {
                let page = call::page(query.limit, query.cursor.as_deref())?;
                let filter = LeaseFilter {
                    gateway: query.gateway,
                    key: query.key,
                    state: query.state,
                };
                let leases = leases::list(&call.panel, call.actor()?, filter, page).await?;
                Ok(Reply::of(leases))
            },
        ),
        read(
            "/api/v1/leases/{id}",
            READ_LEASES,
            "A lease.",
            async |call: Call, _: Nothing| {
                let lease = leases::get(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(lease))
            },
        ),
        write(
            (Method::POST, "/api/v1/leases/{id}/write-off"),
            CHANGE,
            "Give what a lost lease is presumed to have spent back to its budgets.",
            StatusCode::OK,
            async |call: Call, body: WriteOff| {
                let lease = leases::write_off(&call.panel, call.actor()?, call.id(), &body).await?;
                Ok(Reply::of(lease))
            },
        ),
    ]
}
