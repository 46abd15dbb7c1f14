//! The rows of a step, as statements.

use super::StoreError;
use crate::clock::Wall;
use crate::lease::protocol::{
    Account, AccountId, Entry, Leaf, LeafId, Lease, LeaseId, Router, RouterId, Rows, Stage,
};
use sqlx::SqliteConnection;

type Done = Result<(), StoreError>;

/// Writes all rows of one step. What others refer to comes first.
pub(super) async fn rows(work: &mut SqliteConnection, rows: &Rows, at: Wall) -> Done {
    for (id, row) in &rows.leaves {
        leaf(work, *id, row).await?;
    }
    for (id, row) in &rows.routers {
        router(work, *id, row).await?;
    }
    for (id, row) in &rows.leases {
        lease(work, *id, row).await?;
    }
    for (id, row) in &rows.accounts {
        account(work, *id, row).await?;
    }
    for row in &rows.entries {
        entry(work, row, at).await?;
    }
    Ok(())
}

/// A number as SQLite has them.
fn number(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Row {
        table: "number",
        what: format!("{number} is more than can be kept"),
    })
}

/// How far a lease's life has come, as a number.
pub(super) const fn stage(stage: Stage) -> i64 {
    match stage {
        Stage::Active => 0,
        Stage::Draining => 1,
        Stage::Lost => 2,
        Stage::Closed => 3,
    }
}

async fn account(work: &mut SqliteConnection, id: AccountId, row: &Account) -> Done {
    sqlx::query("INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(number(id.budget)?)
        .bind(id.period)
        .bind(row.limit.nanos())
        .bind(row.hard)
        .bind(row.spent.nanos())
        .bind(row.held.nanos())
        .bind(row.uncertain.nanos())
        .bind(row.overrun.nanos())
        .bind(row.overcommit.nanos())
        .bind(row.rate.nanos())
        .execute(work)
        .await?;
    Ok(())
}

async fn leaf(work: &mut SqliteConnection, id: LeafId, row: &Leaf) -> Done {
    let leaf = number(id.0)?;
    sqlx::query(
        "INSERT INTO leaf VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET killed = excluded.killed",
    )
    .bind(leaf)
    .bind(row.killed)
    .execute(&mut *work)
    .await?;
    sqlx::query("DELETE FROM leaf_account WHERE leaf = ?")
        .bind(leaf)
        .execute(&mut *work)
        .await?;
    for (place, account) in (0_i64..).zip(&row.accounts) {
        sqlx::query("INSERT INTO leaf_account VALUES (?, ?, ?, ?)")
            .bind(leaf)
            .bind(place)
            .bind(number(account.budget)?)
            .bind(account.period)
            .execute(&mut *work)
            .await?;
    }
    Ok(())
}

async fn router(work: &mut SqliteConnection, id: RouterId, row: &Router) -> Done {
    let unspeakable = |error: serde_json::Error| StoreError::Row {
        table: "router",
        what: error.to_string(),
    };
    let reply = row.answer.as_ref().map(serde_json::to_string).transpose();
    let reply = reply.map_err(unspeakable)?;
    let disks = serde_json::to_string(row.disks.as_slice()).map_err(unspeakable)?;
    sqlx::query(
        "INSERT INTO router VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET \
         incarnation = excluded.incarnation, disks = excluded.disks, last_seq = excluded.last_seq, \
         body_hash = excluded.body_hash, reply = excluded.reply",
    )
    .bind(id.0.to_be_bytes().to_vec())
    .bind(number(row.incarnation)?)
    .bind(disks)
    .bind(number(row.seq)?)
    .bind(row.body.to_be_bytes().to_vec())
    .bind(reply)
    .execute(work)
    .await?;
    Ok(())
}

async fn lease(work: &mut SqliteConnection, id: LeaseId, row: &Lease) -> Done {
    let lease = id.0.to_be_bytes().to_vec();
    let written = sqlx::query(
        "INSERT INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET \
         stage = excluded.stage, granted = excluded.granted, returned = excluded.returned, settled = excluded.settled, \
         uncertain = excluded.uncertain, overrun = excluded.overrun, breach = excluded.breach, rate = excluded.rate, \
         was_used = excluded.was_used, is_final = excluded.is_final, recalled = excluded.recalled",
    );
    written
        .bind(lease.clone())
        .bind(row.router.0.to_be_bytes().to_vec())
        .bind(number(row.incarnation)?)
        .bind(row.disk.0.to_be_bytes().to_vec())
        .bind(number(row.leaf.0)?)
        .bind(number(row.fence)?)
        .bind(stage(row.stage))
        .bind(row.granted.nanos())
        .bind(row.returned.nanos())
        .bind(row.settled.nanos())
        .bind(row.uncertain.nanos())
        .bind(row.overrun.nanos())
        .bind(row.breach.nanos())
        .bind(row.rate.nanos())
        .bind(row.was_used)
        .bind(row.is_final)
        .bind(row.recalled)
        .execute(&mut *work)
        .await?;
    for (place, account) in (0_i64..).zip(&row.accounts) {
        sqlx::query("INSERT OR IGNORE INTO lease_account VALUES (?, ?, ?, ?)")
            .bind(lease.clone())
            .bind(place)
            .bind(number(account.budget)?)
            .bind(account.period)
            .execute(&mut *work)
            .await?;
    }
    Ok(())
}

async fn entry(work: &mut SqliteConnection, row: &Entry, at: Wall) -> Done {
    sqlx::query(
        "INSERT INTO entry (at, lease, budget, period, spent, held, uncertain, overrun) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(at.nanos())
    .bind(row.lease.0.to_be_bytes().to_vec())
    .bind(number(row.account.budget)?)
    .bind(row.account.period)
    .bind(row.delta.spent.nanos())
    .bind(row.delta.held.nanos())
    .bind(row.delta.uncertain.nanos())
    .bind(row.delta.overrun.nanos())
    .execute(work)
    .await?;
    Ok(())
}
