//! Books begun from a copy of them.
//!
//! Books that were set back know it: they say from which number on nothing was given out by the books that are lost.

use super::house::{restored, settings};
use super::postgres::{self, Server};
use super::sql::{self, Apart, Db};
use super::{Place, StoreError, connect};
use crate::clock::Wall;

/// So many numbers of leases fit into a second. No bank gives out as many.
const A_SECOND: u32 = 28;

/// What makes the numbers of new keys go on after this one.
const RENUMBER: [Apart; 2] = [
    Apart {
        sqlite: "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'virtual_key'",
        postgres: "SELECT setval(pg_get_serial_sequence('virtual_key', 'id'), \
                   greatest(?, (SELECT last_value FROM virtual_key_id_seq)))",
    },
    Apart {
        sqlite: "INSERT INTO sqlite_sequence (name, seq) SELECT 'virtual_key', ? WHERE NOT EXISTS \
                 (SELECT 1 FROM sqlite_sequence WHERE name = 'virtual_key')",
        // A sequence is always there.
        postgres: "SELECT ? WHERE false",
    },
];

/// Marks books as set back: whoever opens them from now on knows that they have forgotten something.
///
/// # Errors
/// [`StoreError`].
pub async fn mark(place: &Place, now: Wall) -> Result<(), StoreError> {
    let mut connection = connect(place).await?;
    let mut work = connection.work().await?;
    // Beyond all that was given out before, also by books restored before: time has passed since.
    let newest: Option<i64> = sql::query_scalar("SELECT max(fence) FROM lease")
        .fetch_one(&mut work)
        .await?;
    let known = newest.max(Some(settings::number(&mut work, restored::BELOW).await?));
    let margin = 1 << A_SECOND;
    let below = (now.secs().max(0) << A_SECOND).max(known.unwrap_or(0).saturating_add(margin));
    // Keys made since have numbers that gateways may yet report of.
    for statement in RENUMBER {
        let renumbered = sql::query(statement).bind(now.secs());
        renumbered.execute(&mut work).await?;
    }
    settings::clear(&mut work, restored::BACKUP).await?;
    let renumbered = sql::query(
        "UPDATE router SET incarnation = CASE WHEN incarnation < ?1 THEN ?1 ELSE incarnation END, reply = NULL",
    );
    renumbered.bind(below).execute(&mut work).await?;
    // Whoever was signed out since would be in again.
    sql::query("DELETE FROM session").execute(&mut work).await?;
    // A directory or a vault that gateways take for the one they know must be that one.
    for name in [settings::DIRECTORY, settings::VAULT] {
        let revision = settings::number(&mut work, name).await?;
        let revision = revision.saturating_add(1).max(now.secs());
        settings::set_number(&mut work, name, revision).await?;
    }
    // Whoever restores them brings their authority along, or has gateways enrolled anew.
    settings::clear(&mut work, settings::AUTHORITY).await?;
    settings::clear(&mut work, restored::OPENED).await?;
    settings::set_number(&mut work, restored::STARTS, 0).await?;
    settings::set_number(&mut work, restored::AT, now.nanos()).await?;
    settings::set_number(&mut work, restored::BELOW, below).await?;
    if let Db::Postgres(_) = work {
        postgres::adopt(&mut work).await?;
    }
    work.commit().await?;
    connection.close().await
}

/// Has books at a server be gone on with as they are: nothing that was ever committed is missing in them.
///
/// # Errors
/// [`StoreError`].
pub async fn complete(server: &Server) -> Result<(), StoreError> {
    let mut connection = connect(&Place::Server(server.clone())).await?;
    postgres::adopt(&mut connection).await?;
    connection.close().await
}
