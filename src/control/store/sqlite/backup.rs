//! A copy of the books made while they are in use, and books begun from such a copy.
//!
//! Books that were set back know it: they say from which number on nothing was given out by the books that are lost.

use super::house::{restored, settings};
use super::{StoreError, open, options};
use crate::clock::Wall;
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::Path;

/// So many numbers of leases fit into a second. No bank gives out as many.
const A_SECOND: u32 = 28;

/// Copies the books as they are at this moment into a file that is not there yet.
///
/// # Errors
/// [`StoreError`].
pub async fn copy(from: &Path, to: &Path, now: Wall) -> Result<(), StoreError> {
    let connection = options(from).create_if_missing(false).connect().await;
    let mut connection = connection.map_err(|error| StoreError::Open {
        path: from.into(),
        error,
    })?;
    let copied = sqlx::query("VACUUM INTO ?").bind(to.to_string_lossy());
    copied.execute(&mut connection).await?;
    connection.close().await?;
    let mut copy = open(to).await?;
    settings::set_number(&mut copy, restored::BACKUP, now.nanos().max(1)).await?;
    Ok(copy.close().await?)
}

/// Marks books as set back: whoever opens them from now on knows that they have forgotten something.
///
/// # Errors
/// [`StoreError`].
pub async fn mark(path: &Path, now: Wall) -> Result<(), StoreError> {
    let mut connection = open(path).await?;
    let mut work = connection.begin_with("BEGIN IMMEDIATE").await?;
    // Beyond all that was given out before, also by books restored before: time has passed since.
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(fence) FROM lease")
        .fetch_one(&mut *work)
        .await?;
    let known = newest.max(Some(settings::number(&mut work, restored::BELOW).await?));
    let margin = 1 << A_SECOND;
    let below = (now.secs().max(0) << A_SECOND).max(known.unwrap_or(0).saturating_add(margin));
    // Keys made since have numbers that gateways may yet report of.
    for statement in [
        "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'virtual_key'",
        "INSERT INTO sqlite_sequence (name, seq) SELECT 'virtual_key', ? WHERE NOT EXISTS \
         (SELECT 1 FROM sqlite_sequence WHERE name = 'virtual_key')",
    ] {
        let renumbered = sqlx::query(statement).bind(now.secs());
        renumbered.execute(&mut *work).await?;
    }
    settings::clear(&mut work, restored::BACKUP).await?;
    let renumbered =
        sqlx::query("UPDATE router SET incarnation = max(incarnation, ?), reply = NULL");
    renumbered.bind(below).execute(&mut *work).await?;
    // Whoever was signed out since would be in again.
    sqlx::query("DELETE FROM session")
        .execute(&mut *work)
        .await?;
    // A directory or a vault that gateways take for the one they know must be that one.
    for name in [settings::DIRECTORY, settings::VAULT] {
        let revision = settings::number(&mut work, name).await?;
        let revision = revision.saturating_add(1).max(now.secs());
        settings::set_number(&mut work, name, revision).await?;
    }
    settings::clear(&mut work, restored::OPENED).await?;
    settings::set_number(&mut work, restored::STARTS, 0).await?;
    settings::set_number(&mut work, restored::AT, now.nanos()).await?;
    settings::set_number(&mut work, restored::BELOW, below).await?;
    work.commit().await?;
    Ok(connection.close().await?)
}
