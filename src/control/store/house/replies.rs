//! Answers to writes that may come twice.

use super::{Done, Found, row};
use crate::control::store::{Db, sql};

row! {
    /// What was asked, and, once it is known, what was answered.
    Reply {
        body: Vec<u8>,
        status: Option<i64>,
        /// Sealed: it may hold a secret that is shown once.
        answer: Option<Vec<u8>>,
    }
}

/// What is known of such a write.
pub(in crate::control) async fn find(
    db: &mut Db<'_>,
    who: &str,
    key: &[u8],
) -> Found<Option<Reply>> {
    let found =
        sql::query_as("SELECT body, status, answer FROM idempotency WHERE who = ? AND key = ?");
    Ok(found.bind(who).bind(key).fetch_optional(db).await?)
}

/// It begins.
pub(in crate::control) async fn begin(
    db: &mut Db<'_>,
    who: &str,
    key: &[u8],
    (body, at): (&[u8], i64),
) -> Done {
    let begun = sql::query("INSERT INTO idempotency (who, key, body, at) VALUES (?, ?, ?, ?)");
    let begun = begun.bind(who).bind(key).bind(body).bind(at);
    begun.execute(db).await?;
    Ok(())
}

/// It was carried out.
pub(in crate::control) async fn finish(
    db: &mut Db<'_>,
    who: &str,
    key: &[u8],
    (status, answer): (i64, &[u8]),
) -> Done {
    let finished =
        sql::query("UPDATE idempotency SET status = ?, answer = ? WHERE who = ? AND key = ?");
    let finished = finished.bind(status).bind(answer).bind(who).bind(key);
    finished.execute(db).await?;
    Ok(())
}

/// It was not: it may be tried again.
pub(in crate::control) async fn forget(db: &mut Db<'_>, who: &str, key: &[u8]) -> Done {
    let forgotten = sql::query("DELETE FROM idempotency WHERE who = ? AND key = ?");
    forgotten.bind(who).bind(key).execute(db).await?;
    Ok(())
}

/// Forgets what is older.
pub(in crate::control) async fn forget_before(db: &mut Db<'_>, at: i64) -> Done {
    let forgotten = sql::query("DELETE FROM idempotency WHERE at < ?");
    forgotten.bind(at).execute(db).await?;
    Ok(())
}
