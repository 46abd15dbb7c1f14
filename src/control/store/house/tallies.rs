//! What gateways refused and found: the rows of processes that still tell, and the sums by time.
//!
//! Invariant: a sum grows in the commit in which the row it comes from does, so that each event is in it once.

use super::spend::Range;
use super::{Done, Found, below};
use crate::control::store::Db;
use crate::control::store::sql::{self, Values, insert};
use crate::control::store::usage::DAY;
use crate::lease::tally::{Kind, Name};

/// Processes of a gateway that are remembered.
pub(in crate::control) const MOST_PROCESSES: i64 = 8;

/// A process of a gateway: the gateway's number, and its own.
pub(in crate::control) type Process = (i64, i64);

/// A line as it is stored: kind, leaf, what, how, and how often.
pub(in crate::control) type Row = (String, i64, String, String, i64);

/// A sum: of what, from when on, how often.
pub(in crate::control) type Sum<T> = (T, i64, i64);

/// A line's name as it is stored: kind, leaf, what and how. None where no store could.
pub(in crate::control) fn row(name: &Name) -> Option<(String, i64, String, String)> {
    let leaf = i64::try_from(name.leaf.map_or(0, |leaf| leaf.0)).ok()?;
    let (what, how) = (name.what.to_string(), name.how.to_string());
    Some((name.kind.name().to_owned(), leaf, what, how))
}

/// The greatest message that was heard of a process.
pub(in crate::control) async fn heard(
    db: &mut Db<'_>,
    (gateway, own): Process,
) -> Found<Option<i64>> {
    let found =
        sql::query_scalar("SELECT seq FROM tally_process WHERE gateway = ? AND incarnation = ?");
    Ok(found.bind(gateway).bind(own).fetch_optional(db).await?)
}

/// The oldest process that is remembered, where a gateway has as many as there can be.
pub(in crate::control) async fn oldest(db: &mut Db<'_>, gateway: i64) -> Found<Option<i64>> {
    let found = sql::query_scalar(
        "SELECT incarnation FROM tally_process WHERE gateway = ? ORDER BY incarnation DESC LIMIT 1 OFFSET ?",
    );
    let found = found.bind(gateway).bind(MOST_PROCESSES - 1);
    Ok(found.fetch_optional(db).await?)
}

/// A process was heard up to this message.
pub(in crate::control) async fn hear(db: &mut Db<'_>, (gateway, own): Process, seq: i64) -> Done {
    let heard = sql::query(
        "INSERT INTO tally_process (gateway, incarnation, seq) VALUES (?, ?, ?) ON CONFLICT (gateway, incarnation) \
         DO UPDATE SET seq = CASE WHEN excluded.seq > tally_process.seq THEN excluded.seq ELSE tally_process.seq END",
    );
    heard.bind(gateway).bind(own).bind(seq).execute(db).await?;
    Ok(())
}

/// Forgets processes of a gateway before this one. Their sums stay.
pub(in crate::control) async fn forget_before(db: &mut Db<'_>, (gateway, own): Process) -> Done {
    for table in [
        "DELETE FROM tally WHERE gateway = ? AND incarnation < ?",
        "DELETE FROM tally_process WHERE gateway = ? AND incarnation < ?",
    ] {
        let forgotten = sql::query(table).bind(gateway).bind(own);
        forgotten.execute(&mut *db).await?;
    }
    Ok(())
}

/// What is known of a process.
pub(in crate::control) async fn known(db: &mut Db<'_>, (gateway, own): Process) -> Found<Vec<Row>> {
    let known = sql::query_as(
        "SELECT kind, leaf, what, how, times FROM tally WHERE gateway = ? AND incarnation = ?",
    );
    Ok(known.bind(gateway).bind(own).fetch_all(db).await?)
}

/// Writes what is known of a process now. No line comes twice.
pub(in crate::control) async fn keep(
    db: &mut Db<'_>,
    (gateway, own): Process,
    rows: &[Row],
) -> Done {
    let values = |to: &mut Values, (kind, leaf, what, how, times): &Row| {
        to.push_bind(gateway).push_bind(own);
        to.push_bind(kind.as_str()).push_bind(*leaf);
        to.push_bind(what.as_str()).push_bind(how.as_str());
        to.push_bind(*times);
    };
    let known = " ON CONFLICT (gateway, incarnation, kind, leaf, what, how) DO UPDATE SET times = excluded.times";
    insert(db, "INSERT INTO tally ", rows, values, known).await
}

/// What a sum becomes with more: none is greater than this, so that many of them can still be added up.
macro_rules! more {
    () => {
        "times = CASE WHEN tally_sum.times + excluded.times < 1000000000000000 \
         THEN tally_sum.times + excluded.times ELSE 1000000000000000 END"
    };
}

/// Adds what is new of a gateway to the hour that begins then. No line comes twice.
pub(in crate::control) async fn add(
    db: &mut Db<'_>,
    gateway: i64,
    hour: i64,
    rows: &[Row],
) -> Done {
    let values = |to: &mut Values, (kind, leaf, what, how, times): &Row| {
        to.push_bind(hour).push_bind(kind.as_str());
        to.push_bind(gateway).push_bind(*leaf);
        to.push_bind(what.as_str()).push_bind(how.as_str());
        to.push_bind(*times);
    };
    let known = concat!(
        " ON CONFLICT (at, kind, gateway, leaf, what, how) DO UPDATE SET ",
        more!()
    );
    insert(db, "INSERT INTO tally_sum ", rows, values, known).await
}

/// Keys were used, each at this time or later.
pub(in crate::control) async fn used(db: &mut Db<'_>, keys: &[(i64, i64)]) -> Done {
    let values = |to: &mut Values, (key, at): &(i64, i64)| {
        to.push_bind(*key).push_bind(*at);
    };
    let known = " ON CONFLICT (key) DO UPDATE SET last_used = CASE WHEN excluded.last_used > key_use.last_used \
                 THEN excluded.last_used ELSE key_use.last_used END";
    insert(db, "INSERT INTO key_use ", keys, values, known).await
}

/// Sums of one kind by a column.
macro_rules! sums {
    ($column:literal) => {
        below!(
            "SELECT t.",
            $column,
            ", t.at / CASE WHEN t.at < ?6 THEN ?7 ELSE ?4 END * CASE WHEN t.at < ?6 THEN ?7 ELSE ?4 END, \
             CAST(sum(t.times) AS bigint) FROM tally_sum t LEFT JOIN virtual_key k ON k.id = t.leaf \
             WHERE t.kind = ?8 AND t.at >= ?2 AND t.at < ?3 AND (?1 IS NULL OR k.node IN (SELECT id FROM below)) \
             AND (?5 IS NULL OR t.leaf = ?5) GROUP BY 1, 2 ORDER BY 2, 1 LIMIT 10001"
        )
    };
}

/// Asks for sums within this range.
async fn sums<T>(
    db: &mut Db<'_>,
    text: &'static str,
    kind: Kind,
    range: Range,
) -> Found<Vec<Sum<T>>>
where
    Sum<T>: sql::Record,
{
    let sums = sql::query_as(text).bind(range.scope).bind(range.from);
    let sums = sums.bind(range.until).bind(range.bucket).bind(range.leaf);
    let sums = sums.bind(range.days_before).bind(range.bucket.max(DAY));
    Ok(sums.bind(kind.name()).fetch_all(db).await?)
}

/// By refusals' codes, or findings' detectors.
pub(in crate::control) async fn by_what(
    db: &mut Db<'_>,
    kind: Kind,
    range: Range,
) -> Found<Vec<Sum<String>>> {
    sums(db, sums!("what"), kind, range).await
}

/// By refusals' rules, or findings' actions.
pub(in crate::control) async fn by_how(
    db: &mut Db<'_>,
    kind: Kind,
    range: Range,
) -> Found<Vec<Sum<String>>> {
    sums(db, sums!("how"), kind, range).await
}

/// By key.
pub(in crate::control) async fn by_key(
    db: &mut Db<'_>,
    kind: Kind,
    range: Range,
) -> Found<Vec<Sum<i64>>> {
    sums(db, sums!("leaf"), kind, range).await
}

/// By gateway.
pub(in crate::control) async fn by_gateway(
    db: &mut Db<'_>,
    kind: Kind,
    range: Range,
) -> Found<Vec<Sum<i64>>> {
    sums(db, sums!("gateway"), kind, range).await
}

/// Adds the hours before a time to their days.
pub(super) const MAKE_DAYS: &str = concat!(
    "INSERT INTO tally_sum SELECT at / ?2 * ?2, kind, gateway, leaf, what, how, CAST(sum(times) AS bigint) FROM tally_sum \
     WHERE at < ?1 AND at % ?2 <> 0 GROUP BY 1, 2, 3, 4, 5, 6 ON CONFLICT (at, kind, gateway, leaf, what, how) DO UPDATE SET ",
    more!()
);
/// Has them go: nobody writes these meanwhile but who has the house's turn.
pub(super) const FORGET_HOURS: &str = "DELETE FROM tally_sum WHERE at < ?1 AND at % ?2 <> 0";
