//! What became of a kill switch: what it covers, who confirmed it, and the most that can still be spent.

use super::{EVERYTHING, GATEWAY, KEY, NODE, leaves};
use crate::clock;
use crate::control::service::access::Actor;
use crate::control::service::directory::{Forest, unsigned};
use crate::control::service::{
    self, Db, Listing, Outcome, Page, Panel, ServiceError, found, gateways, words,
};
use crate::control::store::house::{
    gateways as gateway_rows, keys as key_rows, kills as rows, users,
};
use crate::lease::protocol::{LeafId, RouterId, Stage};
use crate::units::Money;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A switch.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct KillView {
    /// Its id.
    pub id: String,
    /// What it covers: a path, a key at its path, a gateway, or `everything`.
    pub name: String,
    /// Why it was pulled.
    pub reason: String,
    /// Whether calls under way were cut.
    pub abort_streams: bool,
    /// When it was pulled.
    pub at: String,
    /// By whom.
    pub by: String,
    /// Whether it is in force.
    pub in_force: bool,
    /// When it was let go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifted: Option<String>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifted_by: Option<String>,
}

/// A switch, and how far it has come.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct KillReport {
    /// The switch.
    pub kill: KillView,
    /// Keys it covers.
    pub keys: u64,
    /// Gateways that hold money of what it covers.
    pub gateways: Vec<Confirmation>,
    /// The most that can still be spent, in dollars.
    pub latest_possible_spend: String,
    /// Until when, at the latest; absent where nothing is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// How far a switch has come at one gateway.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Confirmation {
    /// The gateway's id.
    pub gateway: String,
    /// Its name.
    pub name: String,
    /// Whether it said that it heard of the switch.
    pub confirmed: bool,
    /// What it still holds, in dollars: calls under way may spend it, and, where it did not confirm, new ones.
    pub held: String,
    /// Until when it may, at the latest.
    pub until: String,
}

/// All switches, those that were let go too. One out of the caller's scope is left out.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, actor: &Actor, page: Page) -> Outcome<Listing<KillView>> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let mut kills = rows::list(&mut db, page.window()).await?;
    let is_more = kills.len() > usize::from(page.limit);
    kills.truncate(usize::from(page.limit));
    let last = kills.last().filter(|_| is_more).map(|kill| kill.id);
    let mut views = Vec::new();
    for kill in kills {
        if is_visible(&mut db, actor, &forest, &kill).await? {
            views.push(view(&mut db, kill).await?);
        }
    }
    Ok(Listing::new(views, last))
}

/// One switch, and how far it has come.
///
/// # Errors
/// There is none of this id in scope.
pub async fn report(panel: &Panel, actor: &Actor, id: &str) -> Outcome<KillReport> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let kill = found(rows::find(&mut db, id).await?, "kill switch")?;
    if !is_visible(&mut db, actor, &forest, &kill).await? {
        return Err(ServiceError::NotFound("kill switch"));
    }
    let covered: BTreeSet<LeafId> = leaves(&mut db, kill.scope, kill.target)
        .await?
        .into_iter()
        .collect();
    let router = match (kill.scope, kill.target) {
        (GATEWAY, Some(number)) => gateway_rows::get(&mut db, number).await?,
        _ => None,
    };
    let router = router.as_ref().map(gateways::router);
    let good = key_rows::all(&mut db).await?;
    let good = good.iter().map(|key| LeafId(unsigned(key.id)));
    let keys = good.filter(|leaf| covered.contains(leaf)).count();
    let held = panel.treasury.look(move |bank| {
        let mut held: BTreeMap<RouterId, (Money, Duration)> = BTreeMap::new();
        for (_, lease) in bank.leases() {
            let is_open = matches!(lease.stage, Stage::Active | Stage::Draining);
            let is_covered = covered.contains(&lease.leaf) || router == Some(lease.router);
            if is_open && is_covered && lease.held() > Money::ZERO {
                let (money, until) = held.entry(lease.router).or_default();
                *money = money.plus(lease.held());
                *until = (*until).max(lease.drain_until);
            }
        }
        held
    });
    let held = held.await?;
    let (boot, now) = (clock::since_boot(), panel.now());
    let cursor = unsigned(kill.cursor);
    let (mut total, mut latest) = (Money::ZERO, None);
    let mut confirmations = Vec::new();
    for (router, (money, until)) in held {
        let heard = panel.remembered().heard.get(&router).copied();
        let until = service::after(now, until.saturating_sub(boot)).nanos();
        total = total.plus(money);
        latest = latest.max(Some(until));
        let gateway = gateway_rows::by_router(&mut db, &router.0.to_be_bytes()).await?;
        let (uid, name) = gateway
            .map(|gateway| (gateway.uid, gateway.name))
            .unwrap_or_default();
        confirmations.push(Confirmation {
            gateway: uid,
            name,
            confirmed: cursor > 0 && heard.is_some_and(|heard| heard >= cursor),
            held: money.to_string(),
            until: words::time(until),
        });
    }
    Ok(KillReport {
        kill: view(&mut db, kill).await?,
        keys: u64::try_from(keys).unwrap_or(u64::MAX),
        gateways: confirmations,
        latest_possible_spend: total.to_string(),
        until: words::some_time(latest),
    })
}

/// Whether a switch covers something in the caller's scope, or lies in it.
async fn is_visible(
    db: &mut Db<'_>,
    actor: &Actor,
    forest: &Forest,
    kill: &rows::Kill,
) -> Outcome<bool> {
    let Some(scope) = actor.scope else {
        return Ok(true);
    };
    Ok(match reach(db, kill).await? {
        Reach::Everything => true,
        Reach::Node(node) => forest.is_below(scope, node) || forest.is_below(node, scope),
        Reach::Key(node) => forest.is_below(scope, node),
        Reach::Gateway => false,
    })
}

/// Where in the tree a switch is.
pub(in super::super) enum Reach {
    /// It covers all of it.
    Everything,
    /// It covers what lies below this node.
    Node(i64),
    /// It covers a key at this node.
    Key(i64),
    /// It is a gateway's, and so nowhere in it.
    Gateway,
}

/// Where in the tree a switch is.
pub(in super::super) async fn reach(db: &mut Db<'_>, kill: &rows::Kill) -> Outcome<Reach> {
    Ok(match (kill.scope, kill.target) {
        (EVERYTHING, _) => Reach::Everything,
        (NODE, Some(node)) => Reach::Node(node),
        (KEY, Some(number)) => {
            let key = key_rows::get(db, number).await?;
            key.map_or(Reach::Gateway, |key| Reach::Key(key.node))
        }
        _ => Reach::Gateway,
    })
}

pub(in super::super) async fn view(db: &mut Db<'_>, kill: rows::Kill) -> Outcome<KillView> {
    let by = users::get(db, kill.by_user).await?;
    let lifted_by = match kill.lifted_by {
        Some(user) => users::get(db, user).await?,
        None => None,
    };
    Ok(KillView {
        id: kill.uid,
        name: kill.name,
        reason: kill.reason,
        abort_streams: kill.abort_streams,
        at: words::time(kill.at),
        by: by.map(|user| user.email).unwrap_or_default(),
        in_force: kill.lifted.is_none(),
        lifted: words::some_time(kill.lifted),
        lifted_by: lifted_by.map(|user| user.email),
    })
}
