//! The treaty's routes for policies: what a gateway is to run, signed for it, and what it says it runs.
//!
//! Both are about whoever's connection it is: nobody can ask, or speak, for another gateway.

use super::From;
use super::treaty::{Later, NotEnrolled, Treaty, problem, read};
use crate::control::service::{Panel, bundles};
use crate::lease::bundle::{Order, PolicyKey, Report};
use crate::lease::problem::{Code, Problem};
use crate::lease::protocol::RouterId;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use std::sync::Arc;

/// Who knows what gateways are to run.
pub trait Policies: Send + Sync {
    /// The revision of it; 0 before there was anything.
    fn revision(&self) -> u64;
    /// By which key gateways are to know it.
    fn key(&self) -> Option<PolicyKey>;
    /// What a gateway is to run, without the files if it has those of this digest; none where nobody can say.
    fn order<'a>(
        &'a self,
        router: RouterId,
        have: Option<&'a str>,
    ) -> Later<'a, Result<Option<Order>, NotEnrolled>>;
    /// A gateway says what it runs.
    fn report(&self, router: RouterId, report: Report);
}

impl Policies for Panel {
    fn revision(&self) -> u64 {
        self.policy_revision()
    }

    fn key(&self) -> Option<PolicyKey> {
        self.policy_key()
    }

    fn order<'a>(
        &'a self,
        router: RouterId,
        have: Option<&'a str>,
    ) -> Later<'a, Result<Option<Order>, NotEnrolled>> {
        Box::pin(async move { Ok(bundles::order(self, router, have).await?) })
    }

    fn report(&self, router: RouterId, report: Report) {
        bundles::report(self, router, report);
    }
}

/// The routes.
pub(super) fn routes() -> Router<Arc<Treaty>> {
    Router::new()
        .route("/v1/policy", get(policy))
        .route("/v1/policy/report", post(report))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Have {
    /// The digest of the files that the gateway has.
    have: Option<String>,
}

async fn policy(
    State(treaty): State<Arc<Treaty>>,
    Extension(from): Extension<From>,
    headers: HeaderMap,
    query: Result<Query<Have>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let router = treaty.who(from).await?;
    let Query(have) = query.map_err(|error| problem(400, Code::Malformed, error))?;
    let order = treaty.policies.order(router, have.have.as_deref()).await?;
    let order =
        order.ok_or_else(|| problem(404, Code::Unknown, "this panel orders no policies"))?;
    let tag = format!("\"{}\"", order.tag());
    let known = headers.get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    Ok(([(header::ETAG, tag)], Json(order)).into_response())
}

/// So many characters of what a gateway says stand in the log.
const MOST_SHOWN: usize = 1_000;

async fn report(
    State(treaty): State<Arc<Treaty>>,
    Extension(from): Extension<From>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let router = treaty.who(from).await?;
    let report: Report = read(&body)?;
    if let Some(error) = &report.error {
        tracing::warn!(
            gateway = format_args!("{:032x}", router.0),
            running = report.running,
            error = error.chars().take(MOST_SHOWN).collect::<String>(),
            "a gateway does not run the policies it was ordered to"
        );
    }
    treaty.policies.report(router, report);
    Ok(StatusCode::NO_CONTENT)
}
