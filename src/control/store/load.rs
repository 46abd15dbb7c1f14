//! All rows, read back.

use super::house::row;
use super::sql::{self, Db, Record};
use super::{StoreError, write};
use crate::lease::protocol::{
    Account, AccountId, DiskId, Leaf, LeafId, Lease, LeaseId, Lending, Router, RouterId, Rows,
    Stage, Usage,
};
use crate::units::Money;
use std::collections::BTreeMap;
use std::time::Duration;

row! {
    /// An account's row.
    AccountRow {
        budget: i64,
        period: i64,
        lim: i64,
        hard: bool,
        spent: i64,
        held: i64,
        uncertain: i64,
        overrun: i64,
        overcommit: i64,
        rate: i64,
    }
}

row! {
    /// A gateway's row.
    RouterRow {
        id: Vec<u8>,
        incarnation: i64,
        disks: String,
        last_seq: i64,
        body_hash: Vec<u8>,
        reply: Option<String>,
    }
}

row! {
    /// A lease's row.
    LeaseRow {
        id: Vec<u8>,
        router: Vec<u8>,
        incarnation: i64,
        disk: Vec<u8>,
        leaf: i64,
        fence: i64,
        stage: i64,
        granted: i64,
        returned: i64,
        settled: i64,
        uncertain: i64,
        overrun: i64,
        breach: i64,
        rate: i64,
        was_used: bool,
        is_final: bool,
        recalled: bool,
    }
}

row! {
    /// What a lease was spent for with one model.
    UsageRow {
        lease: Vec<u8>,
        model: String,
        calls: i64,
        tokens_in: i64,
        tokens_out: i64,
        cost: i64,
    }
}

/// Everything but the ledger's lines.
pub(super) async fn rows(from: &mut Db<'_>) -> Result<Rows, StoreError> {
    let mut leaves: BTreeMap<LeafId, Leaf> = BTreeMap::new();
    for (id, killed) in all::<(i64, bool)>(from, "SELECT id, killed FROM leaf").await? {
        let leaf = leaves.entry(LeafId(number(id, "id")?)).or_default();
        leaf.killed = killed;
    }
    let paid = "SELECT leaf, budget, period FROM leaf_account ORDER BY leaf, place";
    for (leaf, budget, period) in all::<(i64, i64, i64)>(from, paid).await? {
        let leaf = leaves.entry(LeafId(number(leaf, "leaf")?)).or_default();
        leaf.accounts.push(account_id(budget, period)?);
    }
    let mut lent: BTreeMap<LeaseId, Lease> = BTreeMap::new();
    for row in all::<LeaseRow>(from, "SELECT * FROM lease").await? {
        lent.insert(LeaseId(id(&row.id, "id")?), lease(&row)?);
    }
    let paid = "SELECT lease, budget, period FROM lease_account ORDER BY lease, place";
    for (lease, budget, period) in all::<(Vec<u8>, i64, i64)>(from, paid).await? {
        if let Some(lease) = lent.get_mut(&LeaseId(id(&lease, "lease")?)) {
            lease.accounts.push(account_id(budget, period)?);
        }
    }
    let mut known: BTreeMap<LeaseId, Vec<Usage>> = BTreeMap::new();
    for row in all::<UsageRow>(from, "SELECT * FROM usage ORDER BY lease, model").await? {
        let lines = known.entry(LeaseId(id(&row.lease, "lease")?)).or_default();
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

async fn all<T: Record>(from: &mut Db<'_>, statement: &'static str) -> Result<Vec<T>, StoreError> {
    Ok(sql::query_as(statement).fetch_all(from).await?)
}

fn account(row: &AccountRow) -> Result<(AccountId, Account), StoreError> {
    let account = Account {
        limit: Money::from_nanos(row.lim),
        hard: row.hard,
        spent: Money::from_nanos(row.spent),
        held: Money::from_nanos(row.held),
        uncertain: Money::from_nanos(row.uncertain),
        overrun: Money::from_nanos(row.overrun),
        overcommit: Money::from_nanos(row.overcommit),
        rate: Money::from_nanos(row.rate),
        ends: None,
        lending: Lending::default(),
    };
    Ok((account_id(row.budget, row.period)?, account))
}

fn router(row: &RouterRow) -> Result<(RouterId, Router), StoreError> {
    let unreadable = |error: serde_json::Error| StoreError::Row {
        table: "router",
        what: error.to_string(),
    };
    let answer = row.reply.as_deref().map(serde_json::from_str).transpose();
    let disks: Vec<(DiskId, u64)> = serde_json::from_str(&row.disks).map_err(unreadable)?;
    let router = Router {
        incarnation: number(row.incarnation, "incarnation")?,
        disks: disks.into(),
        seq: number(row.last_seq, "last_seq")?,
        body: u64::from_be_bytes(bytes(&row.body_hash, "body_hash")?),
        answer: answer.map_err(unreadable)?,
    };
    Ok((RouterId(id(&row.id, "id")?), router))
}

fn lease(row: &LeaseRow) -> Result<Lease, StoreError> {
    let stages = [Stage::Active, Stage::Draining, Stage::Lost, Stage::Closed];
    let stage = stages
        .into_iter()
        .find(|stage| write::stage(*stage) == row.stage);
    Ok(Lease {
        router: RouterId(id(&row.router, "router")?),
        incarnation: number(row.incarnation, "incarnation")?,
        disk: DiskId(id(&row.disk, "disk")?),
        leaf: LeafId(number(row.leaf, "leaf")?),
        fence: number(row.fence, "fence")?,
        accounts: smallvec::SmallVec::new(),
        stage: stage.ok_or_else(|| StoreError::Row {
            table: "lease",
            what: format!("stage {}", row.stage),
        })?,
        granted: Money::from_nanos(row.granted),
        returned: Money::from_nanos(row.returned),
        settled: Money::from_nanos(row.settled),
        uncertain: Money::from_nanos(row.uncertain),
        overrun: Money::from_nanos(row.overrun),
        breach: Money::from_nanos(row.breach),
        rate: Money::from_nanos(row.rate),
        was_used: row.was_used,
        is_final: row.is_final,
        valid_until: Duration::ZERO,
        drain_until: Duration::ZERO,
        recalled: row.recalled,
    })
}

fn usage(row: &UsageRow) -> Result<Usage, StoreError> {
    Ok(Usage {
        model: row.model.as_str().into(),
        input: number(row.tokens_in, "tokens_in")?,
        output: number(row.tokens_out, "tokens_out")?,
        calls: number(row.calls, "calls")?,
        cost: Money::from_nanos(row.cost),
    })
}

fn account_id(budget: i64, period: i64) -> Result<AccountId, StoreError> {
    Ok(AccountId {
        budget: number(budget, "budget")?,
        period,
    })
}

fn number(number: i64, column: &str) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Row {
        table: "number",
        what: format!("{number} in column `{column}`"),
    })
}

fn id(bytes_of: &[u8], column: &str) -> Result<u128, StoreError> {
    bytes(bytes_of, column).map(u128::from_be_bytes)
}

fn bytes<const N: usize>(bytes: &[u8], column: &str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Row {
        table: "column of bytes",
        what: format!("{} bytes in column `{column}`", bytes.len()),
    })
}
