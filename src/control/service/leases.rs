//! What is lent, to whom, and what became of it; and the ledger's lines.

use super::access::Actor;
use super::audit::Act;
use super::directory::{Forest, unsigned};
use super::words::Check;
use super::{Listing, Outcome, Page, Panel, ServiceError, budgets, found, words};
use crate::clock;
use crate::control::store::house::{Window, gateways, keys, ledger};
use crate::lease::protocol::{Lease, LeaseId, RouterId, Stage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// How far a lease's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// Its holder syncs.
    Active,
    /// No new money.
    Draining,
    /// Its holder fell silent: what was left is presumed spent.
    Lost,
    /// All is told.
    Closed,
}

/// A lease.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LeaseView {
    /// Its id, in hexadecimal digits.
    pub id: String,
    /// The id of the gateway that holds it.
    pub gateway: String,
    /// The gateway's name.
    pub gateway_name: String,
    /// Which process of it.
    pub incarnation: u64,
    /// The id of the key that spends it.
    pub key: String,
    /// Where that key belongs: `acme/red/atlas`.
    pub path: String,
    /// How far its life has come.
    pub state: LeaseState,
    /// Lent, in dollars.
    pub granted: String,
    /// Spent.
    pub spent: String,
    /// Given back.
    pub returned: String,
    /// Lent, and neither spent nor given back.
    pub held: String,
    /// Presumed spent.
    pub uncertain: String,
    /// Charged beyond what was reserved or lent.
    pub overrun: String,
    /// Until when its calls may last, while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Which leases.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseFilter {
    /// The id of a gateway.
    #[serde(default)]
    pub gateway: Option<String>,
    /// The id of a key.
    #[serde(default)]
    pub key: Option<String>,
    /// How far their lives have come; those not closed where absent.
    #[serde(default)]
    pub state: Option<LeaseState>,
}

/// Why a lease is written off.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteOff {
    /// Why it is certain that nothing of it was spent beyond what was told.
    pub reason: String,
}

/// A line of the ledger: what one step did to one account.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EntryView {
    /// Its number.
    pub number: i64,
    /// When.
    pub at: String,
    /// The id of the lease.
    pub lease: String,
    /// The period's number: its first second since the epoch.
    pub period: i64,
    /// Change of what is spent, in dollars.
    pub spent: String,
    /// Change of what is held.
    pub held: String,
    /// Change of what is presumed spent.
    pub uncertain: String,
    /// Change of what went beyond what was reserved.
    pub overrun: String,
}

/// Names of what leases are about.
struct Names {
    gateways: BTreeMap<RouterId, (String, String)>,
    keys: BTreeMap<u64, (String, i64)>,
    forest: Forest,
}

/// Leases in scope, by their number.
///
/// # Errors
/// A filter names what is not there.
pub async fn list(
    panel: &Panel,
    actor: &Actor,
    filter: LeaseFilter,
    page: Page,
) -> Outcome<Listing<LeaseView>> {
    let names = names(panel, actor).await?;
    let router = match &filter.gateway {
        None => None,
        Some(id) => {
            let mut all = names.gateways.iter();
            let of = all.find(|(_, (uid, _))| uid == id);
            Some(*found(of, "gateway")?.0)
        }
    };
    let leaf = match &filter.key {
        None => None,
        Some(id) => {
            let mut all = names.keys.iter();
            Some(*found(all.find(|(_, (uid, _))| uid == id), "key")?.0)
        }
    };
    let stage = filter.state.map(stage);
    let in_scope: Option<BTreeSet<u64>> = actor.scope.map(|_| names.keys.keys().copied().collect());
    let most = usize::from(page.limit).saturating_add(1);
    // Leases are numbered one by one, so their ids are places in the list.
    let after = unsigned(page.after);
    let leases = panel.treasury.look(move |bank| {
        let wanted = |lease: &Lease| {
            router.is_none_or(|router| router == lease.router)
                && leaf.is_none_or(|leaf| leaf == lease.leaf.0)
                && in_scope
                    .as_ref()
                    .is_none_or(|leaves| leaves.contains(&lease.leaf.0))
                && stage.map_or(lease.stage != Stage::Closed, |stage| stage == lease.stage)
        };
        let leases = bank
            .leases()
            .filter(|(id, lease)| id.fence() > after && wanted(lease));
        let leases = leases.map(|(id, lease)| (id, lease.clone()));
        leases.take(most).collect::<Vec<_>>()
    });
    let leases = leases.await?;
    let number = |(id, _): &(LeaseId, Lease)| i64::try_from(id.fence()).unwrap_or(i64::MAX);
    Ok(page.of(leases, number, |(id, lease)| {
        view(panel, &names, id, &lease)
    }))
}

/// One of them.
///
/// # Errors
/// There is none of this id in scope.
pub async fn get(panel: &Panel, actor: &Actor, id: &str) -> Outcome<LeaseView> {
    let (id, lease) = one(panel, id).await?;
    let names = names(panel, actor).await?;
    if actor.scope.is_some() {
        found(names.keys.get(&lease.leaf.0), "lease")?;
    }
    Ok(view(panel, &names, id, &lease))
}

/// Gives what a lost lease is presumed to have spent back to its budgets: the one act that can break the promise never to
/// spend more, and so it asks for a reason and stands in the audit log.
///
/// # Errors
/// There is none of this id, or it is not lost.
pub async fn write_off(
    panel: &Panel,
    actor: &Actor,
    id: &str,
    asked: &WriteOff,
) -> Outcome<LeaseView> {
    let mut check = Check::default();
    check.sentence("reason", &asked.reason);
    check.done()?;
    let (number, lease) = one(panel, id).await?;
    if lease.stage != Stage::Lost {
        return Err(ServiceError::NotLost);
    }
    // The word first: a change of the money that nobody answers for must not be.
    let change = panel.change().await?;
    let act = Act {
        action: "lease.write_off",
        target: id,
        node: None,
        before: json!({ "uncertain": lease.uncertain.to_string(), "held": lease.held().to_string() }),
        after: json!({ "reason": asked.reason }),
    };
    panel.keep(change, actor, act).await?;
    if !panel.treasury.write_off(number).await? {
        return Err(ServiceError::NotLost);
    }
    panel.publish(crate::lease::directory::Event::SyncNow);
    get(panel, actor, id).await
}

/// The ledger's lines of a budget, in one period or in all.
///
/// # Errors
/// There is no such budget in scope.
pub async fn entries(
    panel: &Panel,
    actor: &Actor,
    (budget, period): (&str, Option<i64>),
    page: Page,
) -> Outcome<Listing<EntryView>> {
    let mut db = panel.read().await?;
    let (_, budget) = budgets::within(&mut db, actor, budget).await?;
    let lines = ledger::of_account(&mut db, budget.id, period, page.window()).await?;
    let view = |line: ledger::Entry| EntryView {
        number: line.id,
        at: words::time(line.at),
        lease: words::hex(&line.lease),
        period: line.period,
        spent: words::dollars(line.spent),
        held: words::dollars(line.held),
        uncertain: words::dollars(line.uncertain),
        overrun: words::dollars(line.overrun),
    };
    Ok(page.of(lines, |line| line.id, view))
}

async fn one(panel: &Panel, id: &str) -> Outcome<(LeaseId, Lease)> {
    let is_ours = id.len() == 32
        && id
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let number = u128::from_str_radix(id, 16).ok().filter(|_| is_ours);
    let number = LeaseId(found(number, "lease")?);
    let lease = panel.treasury.look(move |bank| bank.lease(number).cloned());
    Ok((number, found(lease.await?, "lease")?))
}

async fn names(panel: &Panel, actor: &Actor) -> Outcome<Names> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let gateways = gateways::list(&mut db, Window::ALL).await?;
    let gateways = gateways.into_iter().map(|row| {
        let router = super::gateways::router(&row);
        (router, (row.uid, row.name))
    });
    let keys = keys::list(&mut db, actor.scope, Window::ALL);
    let keys = keys.await?.into_iter();
    Ok(Names {
        gateways: gateways.collect(),
        keys: keys
            .map(|row| (unsigned(row.id), (row.uid, row.node)))
            .collect(),
        forest,
    })
}

const fn stage(state: LeaseState) -> Stage {
    match state {
        LeaseState::Active => Stage::Active,
        LeaseState::Draining => Stage::Draining,
        LeaseState::Lost => Stage::Lost,
        LeaseState::Closed => Stage::Closed,
    }
}

fn view(panel: &Panel, names: &Names, id: LeaseId, lease: &Lease) -> LeaseView {
    let (gateway, gateway_name) = names
        .gateways
        .get(&lease.router)
        .cloned()
        .unwrap_or_default();
    let key = names.keys.get(&lease.leaf.0);
    let state = match lease.stage {
        Stage::Active => LeaseState::Active,
        Stage::Draining => LeaseState::Draining,
        Stage::Lost => LeaseState::Lost,
        Stage::Closed => LeaseState::Closed,
    };
    let is_open = matches!(lease.stage, Stage::Active | Stage::Draining);
    let left = lease.drain_until.saturating_sub(clock::since_boot());
    let until = is_open.then(|| super::after(panel.now(), left).nanos());
    let overrun = lease.overrun.plus(lease.breach);
    LeaseView {
        id: format!("{:032x}", id.0),
        gateway,
        gateway_name,
        incarnation: lease.incarnation,
        key: key.map(|(uid, _)| uid.clone()).unwrap_or_default(),
        path: key
            .map(|(_, node)| names.forest.path(*node))
            .unwrap_or_default(),
        state,
        granted: lease.granted.to_string(),
        spent: lease.settled.plus(overrun).to_string(),
        returned: lease.returned.to_string(),
        held: lease.held().to_string(),
        uncertain: lease.uncertain.to_string(),
        overrun: overrun.to_string(),
        until: words::some_time(until),
    }
}
