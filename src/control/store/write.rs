//! The rows of a step, as statements: a table's rows in one, however many there are.
//!
//! A statement costs its way to the books and back, whatever it carries; the bank's steps are taken many at a time so that this,
//! and the commit, is paid once for all of them.

use super::sql::{Db, Value, Values, delete, insert};
use super::{StoreError, usage};
use crate::clock::Wall;
use crate::lease::protocol::{
    Account, AccountId, Entry, Leaf, LeafId, Lease, LeaseId, Router, RouterId, Rows, Stage,
};

pub(super) type Done = Result<(), StoreError>;

/// Writes all rows of one step. What others refer to comes first.
pub(super) async fn rows(work: &mut Db<'_>, rows: &Rows, at: Wall) -> Done {
    leaves(work, &rows.leaves).await?;
    routers(work, &rows.routers).await?;
    leases(work, &rows.leases).await?;
    accounts(work, &rows.accounts).await?;
    entries(work, &rows.entries, at).await?;
    usage::rows(work, (&rows.usage, &rows.used), at).await
}

/// A number as the books have them.
pub(super) fn number(number: u64) -> Result<i64, StoreError> {
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

pub(super) fn bytes(id: u128) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

/// Which accounts each of these has, in their order.
fn places<'a, Id: Copy>(
    rows: impl Iterator<Item = (Id, &'a [AccountId])>,
) -> Result<Vec<(Id, i64, i64, i64)>, StoreError> {
    let mut all = Vec::new();
    for (id, accounts) in rows {
        for (place, account) in (0_i64..).zip(accounts) {
            all.push((id, place, number(account.budget)?, account.period));
        }
    }
    Ok(all)
}

async fn accounts(work: &mut Db<'_>, rows: &[(AccountId, Account)]) -> Done {
    let numbered = rows
        .iter()
        .map(|(id, row)| Ok((number(id.budget)?, id.period, row)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    let values = |to: &mut Values, (budget, period, row): &(i64, i64, &Account)| {
        to.push_bind(*budget).push_bind(*period);
        to.push_bind(row.limit.nanos()).push_bind(row.hard);
        to.push_bind(row.spent.nanos()).push_bind(row.held.nanos());
        to.push_bind(row.uncertain.nanos());
        to.push_bind(row.overrun.nanos());
        to.push_bind(row.overcommit.nanos());
        to.push_bind(row.rate.nanos());
    };
    let known = " ON CONFLICT (budget, period) DO UPDATE SET lim = excluded.lim, hard = excluded.hard, \
                 spent = excluded.spent, held = excluded.held, uncertain = excluded.uncertain, \
                 overrun = excluded.overrun, overcommit = excluded.overcommit, rate = excluded.rate";
    insert(work, "INSERT INTO account ", &numbered, values, known).await
}

async fn leaves(work: &mut Db<'_>, rows: &[(LeafId, Leaf)]) -> Done {
    let numbered = rows
        .iter()
        .map(|(id, row)| Ok((number(id.0)?, row)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    let values = |to: &mut Values, (id, row): &(i64, &Leaf)| {
        to.push_bind(*id).push_bind(row.killed);
    };
    let known = " ON CONFLICT (id) DO UPDATE SET killed = excluded.killed";
    insert(work, "INSERT INTO leaf ", &numbered, values, known).await?;
    let known = numbered.iter().map(|(id, _)| Value::from(*id)).collect();
    delete(work, "DELETE FROM leaf_account WHERE leaf", known).await?;
    let places = places(
        numbered
            .iter()
            .map(|(id, row)| (*id, row.accounts.as_slice())),
    )?;
    let values = |to: &mut Values, (leaf, place, budget, period): &(i64, i64, i64, i64)| {
        to.push_bind(*leaf).push_bind(*place);
        to.push_bind(*budget).push_bind(*period);
    };
    insert(work, "INSERT INTO leaf_account ", &places, values, "").await
}

async fn routers(work: &mut Db<'_>, rows: &[(RouterId, Router)]) -> Done {
    let unspeakable = |error: serde_json::Error| StoreError::Row {
        table: "router",
        what: error.to_string(),
    };
    let spelled = rows.iter().map(|(id, row)| {
        let reply = row.answer.as_ref().map(serde_json::to_string).transpose();
        Ok(SpelledRouter {
            id: bytes(id.0),
            incarnation: number(row.incarnation)?,
            disks: serde_json::to_string(row.disks.as_slice()).map_err(unspeakable)?,
            seq: number(row.seq)?,
            body: row.body.to_be_bytes().to_vec(),
            reply: reply.map_err(unspeakable)?,
        })
    });
    let spelled = spelled.collect::<Result<Vec<_>, StoreError>>()?;
    let values = |to: &mut Values, row: &SpelledRouter| {
        to.push_bind(row.id.clone()).push_bind(row.incarnation);
        to.push_bind(row.disks.clone()).push_bind(row.seq);
        to.push_bind(row.body.clone()).push_bind(row.reply.clone());
    };
    let known = " ON CONFLICT (id) DO UPDATE SET incarnation = excluded.incarnation, disks = excluded.disks, \
                 last_seq = excluded.last_seq, body_hash = excluded.body_hash, reply = excluded.reply";
    insert(work, "INSERT INTO router ", &spelled, values, known).await
}

/// A gateway's row.
struct SpelledRouter {
    id: Vec<u8>,
    incarnation: i64,
    disks: String,
    seq: i64,
    body: Vec<u8>,
    reply: Option<String>,
}

async fn leases(work: &mut Db<'_>, rows: &[(LeaseId, Lease)]) -> Done {
    let numbered = rows.iter().map(|(id, row)| {
        let numbers = [
            number(row.incarnation)?,
            number(row.leaf.0)?,
            number(row.fence)?,
        ];
        Ok((id.0, numbers, row))
    });
    let numbered = numbered.collect::<Result<Vec<_>, StoreError>>()?;
    let values = |to: &mut Values, (id, numbers, row): &(u128, [i64; 3], &Lease)| {
        let [incarnation, leaf, fence] = *numbers;
        to.push_bind(bytes(*id)).push_bind(bytes(row.router.0));
        to.push_bind(incarnation).push_bind(bytes(row.disk.0));
        to.push_bind(leaf).push_bind(fence);
        to.push_bind(stage(row.stage));
        to.push_bind(row.granted.nanos());
        to.push_bind(row.returned.nanos());
        to.push_bind(row.settled.nanos());
        to.push_bind(row.uncertain.nanos());
        to.push_bind(row.overrun.nanos());
        to.push_bind(row.breach.nanos());
        to.push_bind(row.rate.nanos());
        to.push_bind(row.was_used).push_bind(row.is_final);
        to.push_bind(row.recalled);
    };
    let known = " ON CONFLICT (id) DO UPDATE SET \
                 stage = excluded.stage, granted = excluded.granted, returned = excluded.returned, \
                 settled = excluded.settled, uncertain = excluded.uncertain, overrun = excluded.overrun, \
                 breach = excluded.breach, rate = excluded.rate, was_used = excluded.was_used, \
                 is_final = excluded.is_final, recalled = excluded.recalled";
    insert(work, "INSERT INTO lease ", &numbered, values, known).await?;
    // A lease never changes its accounts: those of one that is known are there.
    let places = places(
        numbered
            .iter()
            .map(|(id, _, row)| (*id, row.accounts.as_slice())),
    )?;
    let values = |to: &mut Values, (lease, place, budget, period): &(u128, i64, i64, i64)| {
        to.push_bind(bytes(*lease)).push_bind(*place);
        to.push_bind(*budget).push_bind(*period);
    };
    let known = " ON CONFLICT DO NOTHING";
    insert(work, "INSERT INTO lease_account ", &places, values, known).await
}

async fn entries(work: &mut Db<'_>, rows: &[Entry], at: Wall) -> Done {
    let numbered = rows
        .iter()
        .map(|row| Ok((number(row.account.budget)?, row)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    let values = |to: &mut Values, (budget, row): &(i64, &Entry)| {
        to.push_bind(at.nanos()).push_bind(bytes(row.lease.0));
        to.push_bind(*budget).push_bind(row.account.period);
        to.push_bind(row.delta.spent.nanos());
        to.push_bind(row.delta.held.nanos());
        to.push_bind(row.delta.uncertain.nanos());
        to.push_bind(row.delta.overrun.nanos());
    };
    let into = "INSERT INTO entry (at, lease, budget, period, spent, held, uncertain, overrun) ";
    insert(work, into, &numbered, values, "").await
}
