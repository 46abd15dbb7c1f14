//! Kill switches.

use super::call::{Call, Paged, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::kills::{self, NewKill, Unkill};
use axum::http::{Method, StatusCode};

const READ: Access = Access::Known(Role::Viewer, Reach::Scope);
const CHANGE: Access = Access::Known(Role::Operator, Reach::Scope);

pub(super) fn routes() -> Vec<Route> {
    vec![
        write(
            (Method::POST, "/api/v1/kill"),
            CHANGE,
            "Pull a switch: nothing new is lent, and gateways are told. The answer says what can still be spent.",
            StatusCode::CREATED,
            async |call: Call, body: NewKill| {
                let report = kills::kill(&call.panel, call.actor()?, body).await?;
                Ok(Reply::of(report))
            },
        ),
        write(
            (Method::POST, "/api/v1/unkill"),
            CHANGE,
            "Let go of all switches that were pulled for this.",
            StatusCode::OK,
            async |call: Call, body: Unkill| {
                let unkilled = kills::unkill(&call.panel, call.actor()?, body).await?;
                Ok(Reply::of(unkilled))
            },
        ),
        read(
            "/api/v1/kills",
            READ,
            "Switches, those that were let go too.",
            async |call: Call, query: Paged| {
                let kills = kills::list(&call.panel, call.actor()?, query.page()?).await?;
                Ok(Reply::of(kills))
            },
        ),
        read(
            "/api/v1/kills/{id}",
            READ,
            "A switch: which gateways confirmed it, and the most that can still be spent.",
            async |call: Call, _: Nothing| {
                let report = kills::report(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(report))
            },
        ),
    ]
}
