//! All rows, read back.

use super::{StoreError, write};
use crate::lease::protocol::{
    Account, AccountId, DiskId, Leaf, LeafId, Lease, LeaseId, Lending, Router, RouterId, Rows,
    Stage, Usage,
};
use crate::units::Money;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything but the ledger's lines.
pub(super) async fn rows(from: &mut SqliteConnection) -> Result<Rows, StoreError> {
    let mut leaves: BTreeMap<LeafId, Leaf> = BTreeMap::new();
    for row in all(from, "SELECT id, killed FROM leaf").await? {
        let leaf = leaves.entry(LeafId(number(&row, "id")?)).or_default();
        leaf.killed = row.try_get("killed")?;
    }
    for row in all(
        from,
        "SELECT leaf, budget, period FROM leaf_account ORDER BY leaf, place",
    )
    .await?
    {
        let leaf = leaves.entry(LeafId(number(&row, "leaf")?)).or_default();
        leaf.accounts.push(account_id(&row)?);
    }
    let mut lent: BTreeMap<LeaseId, Lease> = BTreeMap::new();
    for row in all(from, "SELECT * FROM lease").await? {
        lent.insert(LeaseId(id(&row, "id")?), lease(&row)?);
    }
    for row in all(
        from,
        "SELECT lease, budget, period FROM lease_account ORDER BY lease, place",
    )
    .await?
    {
        if let Some(lease) = lent.get_mut(&LeaseId(id(&row, "lease")?)) {
            lease.accounts.push(account_id(&row)?);
        }
    }
    let mut known: BTreeMap<LeaseId, Vec<Usage>> = BTreeMap::new();
    for row in all(from, "SELECT * FROM usage ORDER BY lease, model").await? {
        let lines = known.entry(LeaseId(id(&row, "lease")?)).or_default();
        lines.push(usage(&row)?);
    }
    let accounts = all(from, "SELECT * FROM account").await?;
    let routers = all(from, "SELECT * FROM router").await?;
    Ok(Rows {
        accounts: accounts.iter().map(account).collect::<Result<_, _>>()?,
        leaves: leaves.into_iter().collect(),
        leases: lent.into_iter().collect(),
        routers: routers.iter().map(router).collect::<Result<_, _>>()?,
        entries: Vec::new(),
        usage: known.into_iter().collect(),
        used: Vec::new(),
    })
}

async fn all(
    from: &mut SqliteConnection,
    statement: &'static str,
) -> Result<Vec<SqliteRow>, StoreError> {
    Ok(sqlx::query(statement).fetch_all(from).await?)
}

fn account(row: &SqliteRow) -> Result<(AccountId, Account), StoreError> {
    let account = Account {
        limit: money(row, "lim")?,
        hard: row.try_get("hard")?,
        spent: money(row, "spent")?,
        held: money(row, "held")?,
        uncertain: money(row, "uncertain")?,
        overrun: money(row, "overrun")?,
        overcommit: money(row, "overcommit")?,
        rate: money(row, "rate")?,
        ends: None,
        lending: Lending::default(),
    };
    Ok((account_id(row)?, account))
}

fn router(row: &SqliteRow) -> Result<(RouterId, Router), StoreError> {
    let reply: Option<String> = row.try_get("reply")?;
    let unreadable = |error: serde_json::Error| StoreError::Row {
        table: "router",
        what: error.to_string(),
    };
    let answer = reply.map(|reply| serde_json::from_str(&reply)).transpose();
    let disks: String = row.try_get("disks")?;
    let disks: Vec<(DiskId, u64)> = serde_json::from_str(&disks).map_err(unreadable)?;
    let router = Router {
        incarnation: number(row, "incarnation")?,
        disks: disks.into(),
        seq: number(row, "last_seq")?,
        body: u64::from_be_bytes(bytes(row, "body_hash")?),
        answer: answer.map_err(unreadable)?,
    };
    Ok((RouterId(id(row, "id")?), router))
}

fn lease(row: &SqliteRow) -> Result<Lease, StoreError> {
    let number_of_stage: i64 = row.try_get("stage")?;
    let stages = [Stage::Active, Stage::Draining, Stage::Lost, Stage::Closed];
    let stage = stages
        .into_iter()
        .find(|stage| write::stage(*stage) == number_of_stage);
    Ok(Lease {
        router: RouterId(id(row, "router")?),
        incarnation: number(row, "incarnation")?,
        disk: DiskId(id(row, "disk")?),
        leaf: LeafId(number(row, "leaf")?),
        fence: number(row, "fence")?,
        accounts: smallvec::SmallVec::new(),
        stage: stage.ok_or_else(|| StoreError::Row {
            table: "lease",
            what: format!("stage {number_of_stage}"),
        })?,
        granted: money(row, "granted")?,
        returned: money(row, "returned")?,
        settled: money(row, "settled")?,
        uncertain: money(row, "uncertain")?,
        overrun: money(row, "overrun")?,
        breach: money(row, "breach")?,
        rate: money(row, "rate")?,
        was_used: row.try_get("was_used")?,
        is_final: row.try_get("is_final")?,
        valid_until: Duration::ZERO,
        drain_until: Duration::ZERO,
        recalled: row.try_get("recalled")?,
    })
}

fn usage(row: &SqliteRow) -> Result<Usage, StoreError> {
    let model: String = row.try_get("model")?;
    Ok(Usage {
        model: model.into(),
        input: number(row, "tokens_in")?,
        output: number(row, "tokens_out")?,
        calls: number(row, "calls")?,
        cost: money(row, "cost")?,
    })
}

fn account_id(row: &SqliteRow) -> Result<AccountId, StoreError> {
    Ok(AccountId {
        budget: number(row, "budget")?,
        period: row.try_get("period")?,
    })
}

fn money(row: &SqliteRow, column: &str) -> Result<Money, StoreError> {
    Ok(Money::from_nanos(row.try_get(column)?))
}

fn number(row: &SqliteRow, column: &str) -> Result<u64, StoreError> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| StoreError::Row {
        table: "number",
        what: format!("{number} in column `{column}`"),
    })
}

fn id(row: &SqliteRow, column: &str) -> Result<u128, StoreError> {
    bytes(row, column).map(u128::from_be_bytes)
}

fn bytes<const N: usize>(row: &SqliteRow, column: &str) -> Result<[u8; N], StoreError> {
    let bytes: Vec<u8> = row.try_get(column)?;
    bytes.as_slice().try_into().map_err(|_| StoreError::Row {
        table: "column of bytes",
        what: format!("{} bytes in column `{column}`", bytes.len()),
    })
}
