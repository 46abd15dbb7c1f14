//! Requests for more budget.

use super::{Found, Window, below, row};
use crate::control::store::{Db, sql};

row! {
    /// A request.
    Request {
        id: i64,
        uid: String,
        budget: i64,
        amount: i64,
        reason: String,
        /// 0 open, 1 approved, 2 rejected, 3 withdrawn.
        state: i64,
        granted: Option<i64>,
        answer: Option<String>,
        rev: i64,
        asked_by: i64,
        created: i64,
        decided_by: Option<i64>,
        decided: Option<i64>,
    }
}

/// A request by its id.
pub(in crate::control) async fn find(db: &mut Db<'_>, uid: &str) -> Found<Option<Request>> {
    let found = sql::query_as("SELECT * FROM request WHERE uid = ?");
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// Those about budgets below a node, or all, or one user's own.
pub(in crate::control) async fn list(
    db: &mut Db<'_>,
    scope: Option<i64>,
    state: Option<i64>,
    window: Window,
) -> Found<Vec<Request>> {
    let list = sql::query_as(below!(
        "SELECT r.* FROM request r JOIN budget g ON g.id = r.budget \
         WHERE (?1 IS NULL OR g.node IN (SELECT id FROM below)) AND (?2 IS NULL OR r.state = ?2) AND r.id > ?3 ORDER BY r.id LIMIT ?4"
    ));
    let list = list.bind(scope).bind(state);
    let list = list.bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// How many a user has open.
pub(in crate::control) async fn open_of(db: &mut Db<'_>, user: i64) -> Found<i64> {
    let counted =
        sql::query_scalar("SELECT count(*) FROM request WHERE asked_by = ? AND state = 0");
    Ok(counted.bind(user).fetch_one(db).await?)
}

/// A new request.
pub(in crate::control) async fn insert(
    db: &mut Db<'_>,
    request: &Request,
) -> Result<(), super::StoreError> {
    let inserted = sql::query(
        "INSERT INTO request (uid, budget, amount, reason, state, rev, asked_by, created) VALUES (?, ?, ?, ?, 0, 1, ?, ?)",
    );
    let inserted = inserted.bind(&request.uid).bind(request.budget);
    let inserted = inserted.bind(request.amount).bind(&request.reason);
    let inserted = inserted.bind(request.asked_by).bind(request.created);
    inserted.execute(db).await?;
    Ok(())
}

/// Decides a request that is open, if nobody else did in the meantime.
pub(in crate::control) async fn decide(
    db: &mut Db<'_>,
    request: &Request,
    rev: i64,
) -> Found<bool> {
    let decided = sql::query(
        "UPDATE request SET state = ?, granted = ?, answer = ?, decided_by = ?, decided = ?, rev = rev + 1 \
         WHERE id = ? AND rev = ? AND state = 0",
    );
    let decided = decided.bind(request.state).bind(request.granted);
    let decided = decided.bind(&request.answer).bind(request.decided_by);
    let decided = decided.bind(request.decided).bind(request.id).bind(rev);
    Ok(decided.execute(db).await? == 1)
}
