//! The tree: organisations, their teams, projects and agents.

use super::access::Actor;
use super::audit::Act;
use super::directory::Forest;
use super::words::Check;
use super::{Db, Listing, Outcome, Page, Panel, ServiceError, found, taken, words};
use crate::control::store::house::nodes as rows;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// An organisation: a root.
    Org,
    /// A team of an organisation.
    Team,
    /// A project of a team.
    Project,
    /// An agent of a project.
    Agent,
}

impl NodeKind {
    const fn number(self) -> i64 {
        match self {
            Self::Org => 0,
            Self::Team => 1,
            Self::Project => 2,
            Self::Agent => 3,
        }
    }

    const fn of(number: i64) -> Self {
        match number {
            0 => Self::Org,
            1 => Self::Team,
            2 => Self::Project,
            _ => Self::Agent,
        }
    }
}

/// A node of the tree.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NodeView {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: NodeKind,
    /// Its name, unique below its parent.
    pub name: String,
    /// `acme/red/atlas`
    pub path: String,
    /// The id of the node above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Since when.
    pub created: String,
}

/// A node to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNode {
    /// What it is: one step below its parent.
    pub kind: NodeKind,
    /// Its name, unique below its parent.
    pub name: String,
    /// The id of the node above it; none for an organisation.
    #[serde(default)]
    pub parent: Option<String>,
}

/// Makes a node.
///
/// # Errors
/// The name is taken, the parent is none, or not one step above.
pub async fn make(panel: &Panel, actor: &Actor, new: NewNode) -> Outcome<NodeView> {
    let mut check = Check::default();
    check.name("name", &new.name);
    check.done()?;
    let now = panel.now().nanos();
    let mut change = panel.change().await?;
    let parent = match &new.parent {
        None => {
            actor.needs_all()?;
            None
        }
        Some(parent) => Some(within(change.db(), actor, parent).await?.1),
    };
    let above = parent.as_ref().map_or(-1, |parent| parent.kind);
    if above.saturating_add(1) != new.kind.number() {
        let detail = "an organisation has no parent, a team an organisation, a project a team, an agent a project";
        return Err(ServiceError::field("kind", detail));
    }
    let uid = super::id(panel, "node_")?;
    let parent = parent.map(|parent| parent.id);
    let kind = new.kind.number();
    let inserted = rows::insert(change.db(), &uid, parent, kind, &new.name, now).await;
    let number = inserted.map_err(|error| taken(error, "node", &new.name))?;
    let forest = Forest::load(change.db()).await?;
    let row = found(rows::get(change.db(), number).await?, "node")?;
    let view = view(&forest, &row);
    let act = Act {
        action: "node.make",
        target: &uid,
        node: Some(number),
        before: Value::Null,
        after: json!(view),
    };
    panel.keep(change, actor, act).await?;
    Ok(view)
}

/// Those in scope.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, actor: &Actor, page: Page) -> Outcome<Listing<NodeView>> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let nodes = rows::list(&mut db, actor.scope, page.window()).await?;
    Ok(page.of(nodes, |node| node.id, |node| view(&forest, &node)))
}

/// One of them.
///
/// # Errors
/// There is none of this id in scope.
pub async fn get(panel: &Panel, actor: &Actor, id: &str) -> Outcome<NodeView> {
    let mut db = panel.read().await?;
    let (forest, node) = within(&mut db, actor, id).await?;
    Ok(view(&forest, &node))
}

/// Removes a node that nothing hangs on any more.
///
/// # Errors
/// Something does.
pub async fn remove(panel: &Panel, actor: &Actor, id: &str) -> Outcome<()> {
    let mut change = panel.change().await?;
    let (forest, node) = within(change.db(), actor, id).await?;
    if rows::dependents(change.db(), node.id).await? > 0 {
        return Err(ServiceError::InUse("node"));
    }
    rows::remove(change.db(), node.id, panel.now().nanos()).await?;
    let act = Act {
        action: "node.remove",
        target: id,
        node: Some(node.id),
        before: json!(view(&forest, &node)),
        after: Value::Null,
    };
    panel.keep(change, actor, act).await
}

/// The node of this id, if the caller may know of it. One out of scope is as one that is not there.
pub(super) async fn within(
    db: &mut Db<'_>,
    actor: &Actor,
    id: &str,
) -> Outcome<(Forest, rows::Node)> {
    let forest = Forest::load(db).await?;
    let node = rows::find(db, id).await?;
    let node = node.filter(|node| actor.covers(&forest, node.id));
    Ok((forest, found(node, "node")?))
}

fn view(forest: &Forest, node: &rows::Node) -> NodeView {
    NodeView {
        id: node.uid.clone(),
        kind: NodeKind::of(node.kind),
        name: node.name.clone(),
        path: forest.path(node.id),
        parent: node.parent.and_then(|parent| forest.uid(parent)),
        created: words::time(node.created),
    }
}
