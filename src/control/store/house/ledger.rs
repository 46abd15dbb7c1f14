//! The bank's ledger, to be read.

use super::{Found, Window, row};
use crate::control::store::{Db, sql};

row! {
    /// A line of the ledger.
    Entry {
        id: i64,
        at: i64,
        lease: Vec<u8>,
        period: i64,
        spent: i64,
        held: i64,
        uncertain: i64,
        overrun: i64,
    }
}

/// The lines of an account, or of all periods of a budget.
pub(in crate::control) async fn of_account(
    db: &mut Db<'_>,
    budget: i64,
    period: Option<i64>,
    window: Window,
) -> Found<Vec<Entry>> {
    let list = sql::query_as(
        "SELECT * FROM entry WHERE budget = ?1 AND (?2 IS NULL OR period = ?2) AND id > ?3 ORDER BY id LIMIT ?4",
    );
    let list = list.bind(budget).bind(period);
    let list = list.bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}
