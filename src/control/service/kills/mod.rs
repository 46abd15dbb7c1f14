//! Kill switches: what they cover, who was reached, and what can still be spent.
//!
//! A switch is pulled in the books first, then the bank lends nothing more to what it covers, then gateways are told. What
//! was lent before is spent until its lease is over at the latest, and that is what a switch's report tells.

mod report;

pub use report::{Confirmation, KillReport, KillView, list, report};
pub(super) use report::{Reach, reach, view};

use super::access::{Actor, Role};
use super::audit::Act;
use super::directory::{Forest, unsigned};
use super::words::Check;
use super::{Db, Outcome, Panel, ServiceError, found, gateways, keys, nodes};
use crate::control::store::house::{
    Window, gateways as gateway_rows, keys as key_rows, kills as rows,
};
use crate::lease::directory::Event;
use crate::lease::protocol::{LeafId, RouterId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a switch is pulled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KillScope {
    /// One virtual key.
    Key,
    /// An agent's keys.
    Agent,
    /// All of a project.
    Project,
    /// All of a team.
    Team,
    /// All of an organisation.
    Org,
    /// One gateway: it is lent nothing more.
    Gateway,
    /// Every key there is.
    Everything,
}

const EVERYTHING: i64 = 0;
const NODE: i64 = 1;
const KEY: i64 = 2;
const GATEWAY: i64 = 3;

/// A switch to be pulled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKill {
    /// For what.
    pub scope: KillScope,
    /// The id of the key, node or gateway; none for everything.
    #[serde(default)]
    pub id: Option<String>,
    /// Why, for those who wonder.
    pub reason: String,
    /// Whether calls under way are cut: streams end with an error, and answers nobody has yet are given up. Not for a gateway.
    #[serde(default)]
    pub abort_streams: bool,
}

/// A switch to be let go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unkill {
    /// For what.
    pub scope: KillScope,
    /// The id of the key, node or gateway; none for everything.
    #[serde(default)]
    pub id: Option<String>,
    /// Why.
    pub reason: String,
}

/// What a switch let go of.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Unkilled {
    /// Switches that were let go.
    pub lifted: u64,
    /// Keys that may spend again.
    pub keys: u64,
}

/// A switch's target, found.
struct Target {
    scope: i64,
    number: Option<i64>,
    node: Option<i64>,
    name: String,
}

/// Whether a key may spend nothing.
pub(super) fn covers(kills: &[rows::Kill], forest: &Forest, key: &key_rows::VirtualKey) -> bool {
    kills
        .iter()
        .any(|kill| reaches(kill.scope, kill.target, forest, key))
}

fn reaches(scope: i64, target: Option<i64>, forest: &Forest, key: &key_rows::VirtualKey) -> bool {
    match (scope, target) {
        (EVERYTHING, _) => true,
        (NODE, Some(node)) => forest.is_below(node, key.node),
        (KEY, Some(number)) => number == key.id,
        _ => false,
    }
}

/// Gateways that are lent nothing: revoked, or one of these switches is theirs.
pub(super) async fn stopped_gateways(
    db: &mut Db<'_>,
    kills: &[rows::Kill],
) -> Outcome<BTreeSet<RouterId>> {
    let revoked = gateway_rows::revoked(db).await?;
    let mut stopped: BTreeSet<RouterId> = revoked.iter().map(gateways::router).collect();
    for kill in kills {
        if let (GATEWAY, Some(number)) = (kill.scope, kill.target)
            && let Some(gateway) = gateway_rows::get(db, number).await?
        {
            stopped.insert(gateways::router(&gateway));
        }
    }
    Ok(stopped)
}

/// What gateways are to hear of the switches in force that cut calls under way: for those who may have missed it.
///
/// # Errors
/// The books cannot be read.
pub async fn aborting(panel: &Panel) -> Outcome<Vec<Event>> {
    let mut db = panel.read().await?;
    let mut events = Vec::new();
    for kill in rows::all(&mut db).await? {
        if !kill.abort_streams {
            continue;
        }
        let covered = leaves(&mut db, kill.scope, kill.target).await?;
        events.extend(told(kill.scope, covered, true));
    }
    Ok(events)
}

/// What gateways are told. No leaf would mean all of them: where there is none, nobody is told.
fn told(scope: i64, covered: Vec<LeafId>, abort_streams: bool) -> Option<Event> {
    let leaves = match scope {
        EVERYTHING => Vec::new(),
        _ if covered.is_empty() => return None,
        _ => covered,
    };
    Some(Event::Kill {
        leaves,
        abort_streams,
    })
}

/// Pulls a switch.
///
/// # Errors
/// There is no such thing in scope, or the bank could not be told yet.
pub async fn kill(panel: &Panel, actor: &Actor, new: NewKill) -> Outcome<KillReport> {
    let mut check = Check::default();
    check.sentence("reason", &new.reason);
    check.that(
        !(new.abort_streams && new.scope == KillScope::Gateway),
        "abort_streams",
        "calls under way are cut by whose they are: pull the switch of a key, agent, project, team, organisation, or everything; of a gateway it stops what it is lent",
    );
    check.done()?;
    let mut change = panel.change().await?;
    let target = target(change.db(), actor, new.scope, new.id.as_deref()).await?;
    let row = rows::Kill {
        id: 0,
        uid: super::id(panel, "kill_")?,
        scope: target.scope,
        target: target.number,
        name: target.name.clone(),
        reason: new.reason,
        abort_streams: new.abort_streams,
        cursor: 0,
        at: panel.now().nanos(),
        by_user: actor.user,
        lifted: None,
        lifted_by: None,
    };
    rows::insert(change.db(), &row).await?;
    let covered = leaves(change.db(), target.scope, target.number).await?;
    let event = told(target.scope, covered, row.abort_streams);
    let act = Act {
        action: "kill",
        target: &row.uid,
        node: target.node,
        before: Value::Null,
        after: json!({ "name": row.name, "reason": row.reason, "abort_streams": row.abort_streams }),
    };
    let events = event.into_iter().collect();
    let mut cursors = panel.enact(change, actor, act, events).await?;
    if target.scope == GATEWAY {
        cursors.push(panel.publish(Event::SyncNow));
    }
    if let Some(cursor) = cursors.first() {
        let mut change = panel.change().await?;
        let cursor = i64::try_from(*cursor).unwrap_or(i64::MAX);
        rows::told(change.db(), &row.uid, cursor).await?;
        change.commit().await?;
    }
    report(panel, actor, &row.uid).await
}

/// Lets go of all switches that were pulled for this. What others cover stays as it is.
///
/// # Errors
/// There is no such thing in scope, or no switch was pulled for it.
pub async fn unkill(panel: &Panel, actor: &Actor, asked: Unkill) -> Outcome<Unkilled> {
    let mut check = Check::default();
    check.sentence("reason", &asked.reason);
    check.done()?;
    let now = panel.now().nanos();
    let mut change = panel.change().await?;
    let target = target(change.db(), actor, asked.scope, asked.id.as_deref()).await?;
    let same = |kill: &rows::Kill| (kill.scope, kill.target) == (target.scope, target.number);
    let switches = rows::all(change.db()).await?.into_iter().filter(same);
    let switches: Vec<String> = switches.map(|kill| kill.uid).collect();
    let by = (actor.user, now);
    let lifted = rows::lift(change.db(), target.scope, target.number, by).await?;
    if lifted == 0 {
        return Err(ServiceError::NotFound("kill switch in force"));
    }
    let covered: BTreeSet<LeafId> = leaves(change.db(), target.scope, target.number)
        .await?
        .into_iter()
        .collect();
    let forest = Forest::load(change.db()).await?;
    let others = rows::all(change.db()).await?;
    let keys = key_rows::all(change.db()).await?;
    let free = keys.iter().filter(|key| !covers(&others, &forest, key));
    let free: Vec<LeafId> = free
        .map(|key| LeafId(unsigned(key.id)))
        .filter(|leaf| covered.contains(leaf))
        .collect();
    let count = u64::try_from(free.len()).unwrap_or(u64::MAX);
    let event = (!free.is_empty()).then_some(Event::Unkill { leaves: free });
    let act = Act {
        action: "unkill",
        target: asked.id.as_deref().unwrap_or("everything"),
        node: target.node,
        before: Value::Null,
        after: json!({ "name": target.name, "reason": asked.reason, "lifted": lifted, "switches": switches }),
    };
    let events = event.into_iter().collect();
    panel.enact(change, actor, act, events).await?;
    if target.scope == GATEWAY {
        panel.publish(Event::SyncNow);
    }
    Ok(Unkilled {
        lifted,
        keys: count,
    })
}

async fn target(
    db: &mut Db<'_>,
    actor: &Actor,
    scope: KillScope,
    id: Option<&str>,
) -> Outcome<Target> {
    actor.needs(Role::Operator)?;
    let missing = || ServiceError::field("id", "say which");
    let kind = match scope {
        KillScope::Everything => {
            actor.needs_all()?;
            if id.is_some() {
                return Err(ServiceError::field("id", "everything has no id"));
            }
            return Ok(Target {
                scope: EVERYTHING,
                number: None,
                node: None,
                name: "everything".to_owned(),
            });
        }
        KillScope::Gateway => {
            actor.needs_all()?;
            let gateway = gateway_rows::find(db, id.ok_or_else(missing)?).await?;
            let gateway = found(gateway, "gateway")?;
            return Ok(Target {
                scope: GATEWAY,
                number: Some(gateway.id),
                node: None,
                name: format!("gateway {}", gateway.name),
            });
        }
        KillScope::Key => {
            let (forest, key) = keys::within(db, actor, id.ok_or_else(missing)?).await?;
            return Ok(Target {
                scope: KEY,
                number: Some(key.id),
                node: Some(key.node),
                name: format!("{} key {}", forest.path(key.node), key.name),
            });
        }
        KillScope::Org => 0,
        KillScope::Team => 1,
        KillScope::Project => 2,
        KillScope::Agent => 3,
    };
    let (forest, node) = nodes::within(db, actor, id.ok_or_else(missing)?).await?;
    if node.kind != kind {
        return Err(ServiceError::field(
            "scope",
            "this id names another kind of node",
        ));
    }
    Ok(Target {
        scope: NODE,
        number: Some(node.id),
        node: Some(node.id),
        name: forest.path(node.id),
    })
}

/// The leaves that a switch covers, also of keys that were revoked: what they began may be under way still.
async fn leaves(db: &mut Db<'_>, scope: i64, target: Option<i64>) -> Outcome<Vec<LeafId>> {
    let forest = Forest::load(db).await?;
    let keys = key_rows::list(db, None, Window::ALL).await?;
    let covered = keys
        .iter()
        .filter(|key| reaches(scope, target, &forest, key));
    Ok(covered.map(|key| LeafId(unsigned(key.id))).collect())
}
