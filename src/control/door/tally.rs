//! The treaty's route for what gateways refused and found: beside the one for money, which hears nothing of it.

use super::From;
use super::treaty::{Treaty, problem, read};
use crate::lease::problem::{Code, Problem};
use crate::lease::tally::{Heard, MOST_TOLD, Tallies};
use axum::body::Bytes;
use axum::extract::State;
use axum::{Extension, Json};
use std::sync::Arc;

pub(super) async fn tallies(
    State(treaty): State<Arc<Treaty>>,
    Extension(from): Extension<From>,
    body: Bytes,
) -> Result<Json<Heard>, Problem> {
    let told: Tallies = read(&body)?;
    treaty.speaks(from, told.router, None).await?;
    if told.lines.len() > MOST_TOLD {
        let detail = format!("a gateway tells no more than {MOST_TOLD} lines at once");
        return Err(problem(400, Code::Malformed, detail));
    }
    let heard = treaty.registrar.tallied(told).await?;
    let heard = heard.ok_or_else(|| {
        problem(
            409,
            Code::Stale,
            "these counts are of a process that the panel does not know, or of one long gone",
        )
    })?;
    Ok(Json(heard))
}
