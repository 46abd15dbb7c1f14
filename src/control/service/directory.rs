//! The tree as the store has it, and what is made of it: paths and scopes for people, what the bank goes by, and the
//! directory that gateways get.

use super::budgets::Rules;
use super::{Db, Outcome, kills, words};
use crate::clock::Wall;
use crate::control::store::house::{budgets, keys, kills as kill_rows, nodes, settings};
use crate::control::store::{Store, StoreError};
use crate::control::tree::{Tree, TreeBudget, TreeLeaf};
use crate::governance::budget::Window;
use crate::governance::settings::{KeySettings, LabelSettings};
use crate::lease::directory::{BudgetCard, Directory, KeyCard};
use crate::lease::protocol::LeafId;
use crate::units::Money;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// All nodes, to climb from one to the root.
#[derive(Debug, Default)]
pub(super) struct Forest {
    nodes: BTreeMap<i64, nodes::Node>,
}

/// A tree is no deeper: organisation, team, project, agent.
const DEEPEST: usize = 4;

impl Forest {
    pub(super) async fn load(db: &mut Db<'_>) -> Outcome<Self> {
        let nodes = nodes::all(db).await?;
        let nodes = nodes.into_iter().map(|node| (node.id, node)).collect();
        Ok(Self { nodes })
    }

    /// Nodes with those above them, and without anything else.
    #[cfg(test)]
    pub(super) fn of(nodes: &[(i64, Option<i64>)]) -> Self {
        let node = |(id, parent): &(i64, Option<i64>)| nodes::Node {
            id: *id,
            uid: String::new(),
            parent: *parent,
            kind: 0,
            name: String::new(),
            created: 0,
        };
        let nodes = nodes.iter().map(|one| (one.0, node(one)));
        Self {
            nodes: nodes.collect(),
        }
    }

    /// A node and all above it, the innermost first.
    pub(super) fn up(&self, node: i64) -> impl Iterator<Item = &nodes::Node> {
        let first = self.nodes.get(&node);
        let above = |node: &&nodes::Node| self.nodes.get(&node.parent?);
        std::iter::successors(first, above).take(DEEPEST)
    }

    /// `acme/red/atlas`
    pub(super) fn path(&self, node: i64) -> String {
        let mut names: Vec<&str> = self.up(node).map(|node| node.name.as_str()).collect();
        names.reverse();
        names.join("/")
    }

    pub(super) fn is_below(&self, scope: i64, node: i64) -> bool {
        self.up(node).any(|above| above.id == scope)
    }

    pub(super) fn uid(&self, node: i64) -> Option<String> {
        self.nodes.get(&node).map(|node| node.uid.clone())
    }

    /// The labels that a node's place gives its keys.
    pub(super) fn labels(&self, node: i64) -> LabelSettings {
        let mut labels = LabelSettings::default();
        for node in self.up(node) {
            let label = match node.kind {
                0 => &mut labels.org,
                1 => &mut labels.team,
                2 => &mut labels.project,
                _ => &mut labels.agent,
            };
            *label = Some(node.name.clone());
        }
        labels
    }
}

/// A number of the store as the treaty has them. Row numbers begin at 1.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A budget as the bank is to keep it.
pub(super) fn budget(row: &budgets::Budget) -> Outcome<TreeBudget> {
    let unreadable = |what: &str| StoreError::Row {
        table: "budget",
        what: format!("{what} of {}", row.uid),
    };
    let window: Window = row.win.parse().map_err(|()| unreadable("window"))?;
    let zone = TimeZone::get(&row.zone).map_err(|_| unreadable("time zone"))?;
    Ok(TreeBudget {
        id: unsigned(row.id),
        limit: Money::from_nanos(row.lim),
        hard: row.hard,
        lending: Rules::of(&row.lending)?.lending(),
        window,
        zone,
    })
}

/// What the bank is to go by, and when that changes by itself.
pub(super) async fn tree(db: &mut Db<'_>, now: Wall) -> Outcome<(Tree, i64)> {
    // One view of all tables, whatever is written meanwhile.
    let mut db = db.view().await?;
    let forest = Forest::load(&mut db).await?;
    let budgets = budgets::all(&mut db).await?;
    let keys = keys::all(&mut db).await?;
    let kills = kill_rows::all(&mut db).await?;
    let mut next = i64::MAX;
    let mut of_node: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    for budget in &budgets {
        let of_node = of_node.entry(budget.node).or_default();
        of_node.push(unsigned(budget.id));
    }
    let mut leaves = Vec::with_capacity(keys.len());
    for key in keys {
        let turns = [key.expires, key.old_until].into_iter().flatten();
        next = turns.filter(|at| *at > now.nanos()).fold(next, i64::min);
        let expired = key.expires.is_some_and(|at| at <= now.nanos());
        let above = forest.up(key.node);
        let budgets = above.filter_map(|node| of_node.get(&node.id));
        leaves.push(TreeLeaf {
            id: LeafId(unsigned(key.id)),
            budgets: budgets.flatten().copied().collect(),
            killed: expired || kills::covers(&kills, &forest, &key),
        });
    }
    let stopped = kills::stopped_gateways(&mut db, &kills).await?;
    let budgets = budgets.iter().map(budget).collect::<Outcome<_>>()?;
    let tree = Tree {
        budgets,
        leaves,
        stopped,
    };
    Ok((tree, next))
}

/// The directory's revision.
///
/// # Errors
/// The books cannot be read.
pub async fn revision(store: &Store) -> Outcome<u64> {
    let mut db = store.read().await?;
    let revision = settings::number(&mut db, super::REVISION).await?;
    Ok(unsigned(revision))
}

/// What gateways are told: every key that is good or was good a moment ago, and the budgets that pay.
///
/// # Errors
/// The books cannot be read.
pub async fn directory(store: &Store, now: Wall) -> Outcome<Directory> {
    let mut db = store.read().await?;
    let mut db = db.view().await?;
    let revision = settings::number(&mut db, super::REVISION).await?;
    let forest = Forest::load(&mut db).await?;
    let mut cards = Vec::new();
    for key in keys::all(&mut db).await? {
        let mut labels = forest.labels(key.node);
        labels.user.clone_from(&key.owner);
        labels.groups = list(&key.groups)?;
        let models = key.models.as_deref().map(list).transpose()?;
        let card = |hash: String, until: Option<i64>| KeyCard {
            leaf: LeafId(unsigned(key.id)),
            key: KeySettings {
                name: key.name.clone(),
                secret: None,
                hash: Some(hash),
                labels: labels.clone(),
                models: models.clone(),
                expires: until.map(words::time),
                disabled: false,
            },
        };
        if let (Some(old), Some(until)) = (key.old_digest.clone(), key.old_until)
            && until > now.nanos()
        {
            // Gateways let the old secret go by themselves, also where nobody reaches them.
            let until = key.expires.map_or(until, |expires| expires.min(until));
            cards.push(card(old, Some(until)));
        }
        cards.push(card(key.digest.clone(), key.expires));
    }
    let budgets = budgets::all(&mut db).await?;
    let budgets = budgets.into_iter().map(|budget| {
        Ok(BudgetCard {
            id: unsigned(budget.id),
            name: name(&forest, &budget),
            soft: list(&budget.soft)?,
            window: budget.win,
            limit: Money::from_nanos(budget.lim),
            hard: budget.hard,
            clamp: budget.clamp,
        })
    });
    Ok(Directory {
        revision: unsigned(revision),
        keys: cards,
        revoked: keys::revoked(&mut db).await?,
        budgets: budgets.collect::<Outcome<_>>()?,
    })
}

/// `acme/red/atlas 1d`
pub(super) fn name(forest: &Forest, budget: &budgets::Budget) -> String {
    format!("{} {}", forest.path(budget.node), budget.win)
}

/// A JSON list of a row.
pub(super) fn list<T: serde::de::DeserializeOwned>(text: &str) -> Outcome<Vec<T>> {
    let list = serde_json::from_str(text);
    Ok(list.map_err(|error| StoreError::Row {
        table: "list",
        what: error.to_string(),
    })?)
}
