//! Requests for more budget: somebody asks, somebody else decides.
//!
//! Approving raises the budget's limit in the same transaction, so a request is approved once and its money is there once.

use super::access::Actor;
use super::audit::Act;
use super::directory::{self, Forest};
use super::words::Check;
use super::{Db, Listing, Outcome, Page, Panel, ServiceError, budgets, found, webhooks, words};
use crate::control::store::house::{budgets as budget_rows, requests as rows, users};
use crate::lease::directory::Event;
use crate::units::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A user has no more open at once.
const MOST_OPEN: i64 = 20;

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Nobody decided.
    Open,
    /// The limit was raised.
    Approved,
    /// It was not.
    Rejected,
    /// Whoever asked took it back.
    Withdrawn,
}

/// A request for more budget.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RequestView {
    /// Its id.
    pub id: String,
    /// The id of the budget.
    pub budget: String,
    /// `acme/red/atlas 1d`
    pub budget_name: String,
    /// By how much the limit is to be raised, in dollars.
    pub amount: String,
    /// Why.
    pub reason: String,
    /// How far it has come.
    pub state: RequestState,
    /// By how much the limit was raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<String>,
    /// What was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Its version, as `if-match` wants it.
    pub revision: i64,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub created: String,
    /// Who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<String>,
}

/// A request to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// The id of the budget.
    pub budget: String,
    /// By how much its limit is to be raised, in dollars.
    pub amount: String,
    /// Why.
    pub reason: String,
}

/// Which requests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestFilter {
    /// How far they have come.
    #[serde(default)]
    pub state: Option<RequestState>,
}

/// An approval.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// By how much the limit is raised; by what was asked for where absent.
    #[serde(default)]
    pub amount: Option<String>,
    /// Why.
    pub reason: String,
}

/// A rejection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// Why.
    pub reason: String,
}

/// What somebody decided.
struct Decision {
    state: i64,
    granted: Option<Money>,
    reason: Option<String>,
}

/// Asks for more.
///
/// # Errors
/// There is no such budget in scope, or too many requests of the caller are open.
pub async fn ask(panel: &Panel, actor: &Actor, new: NewRequest) -> Outcome<RequestView> {
    let mut check = Check::default();
    let amount = check.money("amount", &new.amount);
    check.that(amount > Money::ZERO, "amount", "more than nothing");
    check.sentence("reason", &new.reason);
    check.done()?;
    let now = panel.now().nanos();
    let mut change = panel.change().await?;
    let (forest, budget) = budgets::within(change.db(), actor, &new.budget).await?;
    if rows::open_of(change.db(), actor.user).await? >= MOST_OPEN {
        return Err(ServiceError::field(
            "budget",
            "20 requests of yours are open: wait for an answer",
        ));
    }
    let row = rows::Request {
        id: 0,
        uid: super::id(panel, "ask_")?,
        budget: budget.id,
        amount: amount.nanos(),
        reason: new.reason,
        state: 0,
        granted: None,
        answer: None,
        rev: 1,
        asked_by: actor.user,
        created: now,
        decided_by: None,
        decided: None,
    };
    rows::insert(change.db(), &row).await?;
    let view = view(change.db(), &forest, &row).await?;
    webhooks::queue(panel, change.db(), "budget_request.asked", &json!(view)).await?;
    let act = act("request.ask", &row, &budget, Value::Null, json!(view));
    panel.keep(change, actor, act).await?;
    Ok(view)
}

/// Those about budgets in scope.
///
/// # Errors
/// The books cannot be read.
pub async fn list(
    panel: &Panel,
    actor: &Actor,
    filter: &RequestFilter,
    page: Page,
) -> Outcome<Listing<RequestView>> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let state = filter.state.map(|state| match state {
        RequestState::Open => 0,
        RequestState::Approved => 1,
        RequestState::Rejected => 2,
        RequestState::Withdrawn => 3,
    });
    let mut requests = rows::list(&mut db, actor.scope, state, page.window()).await?;
    let is_more = requests.len() > usize::from(page.limit);
    requests.truncate(usize::from(page.limit));
    let last = requests.last().filter(|_| is_more).map(|row| row.id);
    let mut views = Vec::new();
    for row in &requests {
        views.push(view(&mut db, &forest, row).await?);
    }
    Ok(Listing::new(views, last))
}

/// One of them.
///
/// # Errors
/// There is none of this id in scope.
pub async fn get(panel: &Panel, actor: &Actor, id: &str) -> Outcome<RequestView> {
    let mut db = panel.read().await?;
    let (forest, row, _) = within(&mut db, actor, id).await?;
    view(&mut db, &forest, &row).await
}

/// Approves a request: the limit is raised.
///
/// # Errors
/// It is the caller's own, or decided already, or somebody else was faster.
pub async fn approve(
    panel: &Panel,
    actor: &Actor,
    (id, revision): (&str, Option<i64>),
    asked: Approval,
) -> Outcome<RequestView> {
    let mut check = Check::default();
    check.sentence("reason", &asked.reason);
    let amount = asked.amount.as_deref();
    let granted = amount.map(|amount| check.money("amount", amount));
    check.that(granted != Some(Money::ZERO), "amount", "more than nothing");
    check.done()?;
    let decision = Decision {
        state: 1,
        granted,
        reason: Some(asked.reason),
    };
    decide(panel, actor, (id, revision), decision).await
}

/// Rejects a request.
///
/// # Errors
/// It is the caller's own, or decided already, or somebody else was faster.
pub async fn reject(
    panel: &Panel,
    actor: &Actor,
    (id, revision): (&str, Option<i64>),
    asked: Rejection,
) -> Outcome<RequestView> {
    let mut check = Check::default();
    check.sentence("reason", &asked.reason);
    check.done()?;
    let decision = Decision {
        state: 2,
        granted: None,
        reason: Some(asked.reason),
    };
    decide(panel, actor, (id, revision), decision).await
}

/// Takes the caller's own request back.
///
/// # Errors
/// It is somebody else's, or decided already.
pub async fn withdraw(
    panel: &Panel,
    actor: &Actor,
    (id, revision): (&str, Option<i64>),
) -> Outcome<RequestView> {
    let decision = Decision {
        state: 3,
        granted: None,
        reason: None,
    };
    decide(panel, actor, (id, revision), decision).await
}

async fn decide(
    panel: &Panel,
    actor: &Actor,
    (id, revision): (&str, Option<i64>),
    decision: Decision,
) -> Outcome<RequestView> {
    let mut change = panel.change().await?;
    let (forest, row, budget) = within(change.db(), actor, id).await?;
    match (decision.state == 3, row.asked_by == actor.user) {
        (false, true) => return Err(ServiceError::OwnRequest),
        (true, false) => return Err(ServiceError::NotFound("request of yours")),
        _ => {}
    }
    let granted = Some(decision.granted.unwrap_or(Money::from_nanos(row.amount)));
    let granted = granted.filter(|_| decision.state == 1);
    let decided = rows::Request {
        state: decision.state,
        granted: granted.map(Money::nanos),
        answer: decision.reason,
        decided_by: Some(actor.user),
        decided: Some(panel.now().nanos()),
        ..row.clone()
    };
    if revision.is_some_and(|revision| revision != row.rev) {
        return Err(ServiceError::Changed);
    }
    if !rows::decide(change.db(), &decided, row.rev).await? {
        return Err(ServiceError::Decided);
    }
    let decided = found(rows::find(change.db(), id).await?, "request")?;
    let before = view(change.db(), &forest, &row).await?;
    let after = view(change.db(), &forest, &decided).await?;
    let (action, event) = match decision.state {
        1 => ("request.approve", "budget_request.approved"),
        2 => ("request.reject", "budget_request.rejected"),
        _ => ("request.withdraw", "budget_request.withdrawn"),
    };
    webhooks::queue(panel, change.db(), event, &json!(after)).await?;
    let Some(granted) = granted else {
        let act = act(action, &row, &budget, json!(before), json!(after));
        panel.keep(change, actor, act).await?;
        return Ok(after);
    };
    if budget.removed.is_some() {
        return Err(ServiceError::Gone("budget"));
    }
    let limit = Money::from_nanos(budget.lim).plus(granted);
    let raised = budget_rows::Budget {
        lim: limit.nanos(),
        ..budget.clone()
    };
    let raised = budgets::update(change.db(), raised, budget.rev).await?;
    let before = json!({ "request": before, "budget": budgets::told(&budget) });
    let told = json!({ "request": after, "budget": budgets::told(&raised) });
    let act = act(action, &row, &budget, before, told);
    panel
        .enact(change, actor, act, vec![Event::SyncNow])
        .await?;
    Ok(after)
}

async fn within(
    db: &mut Db<'_>,
    actor: &Actor,
    id: &str,
) -> Outcome<(Forest, rows::Request, budget_rows::Budget)> {
    let forest = Forest::load(db).await?;
    let row = found(rows::find(db, id).await?, "request")?;
    let budget = found(budget_rows::get(db, row.budget).await?, "budget")?;
    if actor.covers(&forest, budget.node) {
        Ok((forest, row, budget))
    } else {
        Err(ServiceError::NotFound("request"))
    }
}

fn act<'a>(
    action: &'static str,
    row: &'a rows::Request,
    budget: &budget_rows::Budget,
    before: Value,
    after: Value,
) -> Act<'a> {
    Act {
        action,
        target: &row.uid,
        node: Some(budget.node),
        before,
        after,
    }
}

pub(super) async fn view(
    db: &mut Db<'_>,
    forest: &Forest,
    row: &rows::Request,
) -> Outcome<RequestView> {
    let budget = found(budget_rows::get(db, row.budget).await?, "budget")?;
    let asked_by = users::get(db, row.asked_by).await?;
    let decided_by = match row.decided_by {
        Some(user) => users::get(db, user).await?,
        None => None,
    };
    let state = match row.state {
        0 => RequestState::Open,
        1 => RequestState::Approved,
        2 => RequestState::Rejected,
        _ => RequestState::Withdrawn,
    };
    Ok(RequestView {
        id: row.uid.clone(),
        budget_name: directory::name(forest, &budget),
        budget: budget.uid,
        amount: words::dollars(row.amount),
        reason: row.reason.clone(),
        state,
        granted: row.granted.map(words::dollars),
        answer: row.answer.clone(),
        revision: row.rev,
        asked_by: asked_by.map(|user| user.email).unwrap_or_default(),
        created: words::time(row.created),
        decided_by: decided_by.map(|user| user.email),
        decided: words::some_time(row.decided),
    })
}
