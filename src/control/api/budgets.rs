//! Budgets, and the ledger's lines of one.

use super::call::{self, Call, Paged, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::budgets::{self, BudgetChange, BudgetView, NewBudget};
use crate::control::service::leases;
use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

const READ: Access = Access::Known(Role::Viewer, Reach::Scope);
const CHANGE: Access = Access::Known(Role::Operator, Reach::Scope);

/// Which lines of a ledger.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Lines {
    /// The period's number; all periods where absent.
    #[serde(default, deserialize_with = "call::from_text")]
    period: Option<i64>,
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
            "/api/v1/budgets",
            READ,
            "Budgets with their figures of this period.",
            async |call: Call, query: Paged| {
                let budgets = budgets::list(&call.panel, call.actor()?, query.page()?).await?;
                Ok(Reply::of(budgets))
            },
        ),
        write(
            (Method::POST, "/api/v1/budgets"),
            CHANGE,
            "Make a budget.",
            StatusCode::CREATED,
            async |call: Call, body: NewBudget| {
                let budget = budgets::make(&call.panel, call.actor()?, body).await?;
                Ok(versioned(budget))
            },
        ),
        read(
            "/api/v1/budgets/{id}",
            READ,
            "A budget with its figures of this period.",
            async |call: Call, _: Nothing| {
                let budget = budgets::get(&call.panel, call.actor()?, call.id()).await?;
                Ok(versioned(budget))
            },
        ),
        write(
            (Method::PATCH, "/api/v1/budgets/{id}"),
            CHANGE,
            "Change a budget. What is lent already stays lent where the limit falls below it.",
            StatusCode::OK,
            async |call: Call, body: BudgetChange| {
                let id = (call.id(), call.if_match()?);
                let budget = budgets::change(&call.panel, call.actor()?, id, body).await?;
                Ok(versioned(budget))
            },
        )
        .if_match(),
        write(
            (Method::DELETE, "/api/v1/budgets/{id}"),
            CHANGE,
            "Remove a budget: what it bounded is bounded by those above it alone.",
            StatusCode::NO_CONTENT,
            async |call: Call, _: Nothing| {
                let id = (call.id(), call.if_match()?);
                budgets::remove(&call.panel, call.actor()?, id).await?;
                Ok(Reply::of(()))
            },
        )
        .if_match(),
        read(
            "/api/v1/budgets/{id}/entries",
            READ,
            "The ledger's lines of a budget: what each step did to it.",
            async |call: Call, query: Lines| {
                let page = call::page(query.limit, query.cursor.as_deref())?;
                let of = (call.id(), query.period);
                let lines = leases::entries(&call.panel, call.actor()?, of, page).await?;
                Ok(Reply::of(lines))
            },
        ),
    ]
}

fn versioned(budget: BudgetView) -> Reply<BudgetView> {
    let revision = budget.revision;
    Reply::of(budget).version(revision)
}
