//! The treaty's route to the vault: a gateway gets what it may have of what it needs, sealed to a key it drew for this question.

use super::From;
use super::treaty::{Treaty, problem, read};
use crate::lease::problem::{Code, Problem};
use crate::lease::vault::{Ask, MOST_NAMES, seal};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use std::sync::Arc;

pub(super) async fn credentials(
    State(treaty): State<Arc<Treaty>>,
    Extension(from): Extension<From>,
    body: Bytes,
) -> Result<Response, Problem> {
    let ask: Ask = read(&body)?;
    treaty.speaks(from, ask.router, None).await?;
    if ask.names.len() > MOST_NAMES {
        let detail = format!("a gateway asks for no more than {MOST_NAMES} credentials at once");
        return Err(problem(400, Code::Malformed, detail));
    }
    let (router, known) = (ask.router, ask.known);
    let allowed = treaty.registrar.credentials(router, &ask.names, known);
    let Some(allowed) = allowed.await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let given = seal(router, &ask.key, &allowed);
    let given = given.map_err(|error| problem(400, Code::Malformed, error))?;
    let names: Vec<&str> = allowed
        .credentials
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let gateway = format_args!("{:032x}", router.0);
    tracing::info!(
        gateway,
        ?names,
        revision = allowed.revision,
        "credentials were given to a gateway"
    );
    Ok(Json(given).into_response())
}
