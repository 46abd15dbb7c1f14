//! The panel's door for people and their programs: `/api/v1/`, JSON over HTTP.
//!
//! All routes stand in one table (`routes`), each with who may use it, what it takes and what it gives. The router, the
//! `OpenAPI` document and the test that tries every route with every kind of caller are made of that table, so that none of
//! them can leave one out.
//!
//! Not here: rules (`service`), TLS and the treaty's own routes (whoever mounts this router).

mod budgets;
mod bundles;
mod call;
mod dispatch;
mod gateways;
mod keys;
mod kills;
mod live;
mod nodes;
mod oidc;
mod openapi;
mod problem;
mod records;
mod requests;
mod restore;
mod route;
mod sessions;
mod users;
mod vault;

pub use call::Peer;
pub use openapi::document;

use super::service::Panel;
use route::Route;
use std::sync::Arc;

/// Every route there is.
fn routes() -> Vec<Route> {
    let rooms = [
        openapi::routes(),
        sessions::routes(),
        oidc::routes(),
        users::routes(),
        nodes::routes(),
        keys::routes(),
        budgets::routes(),
        kills::routes(),
        live::routes(),
        requests::routes(),
        gateways::routes(),
        bundles::routes(),
        vault::routes(),
        records::routes(),
        restore::routes(),
    ];
    rooms.into_iter().flatten().collect()
}

/// The admin API, to be mounted at the root: its paths begin with `/api/v1/`. Whoever serves it puts the caller's address
/// into each request, as [`Peer`].
#[expect(
    clippy::needless_pass_by_value,
    reason = "the router keeps the panel: it is handed over"
)]
pub fn router(panel: Arc<Panel>) -> axum::Router {
    dispatch::router(&panel, routes())
}

#[cfg(test)]
mod tests;
