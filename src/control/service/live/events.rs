//! What happened, and who may hear of it: made of the audit log's lines, and of two pictures.

use super::super::access::{Actor, Role};
use super::super::audit::{self, AuditLine};
use super::super::directory::Forest;
use super::super::kills::{self, KillView};
use super::super::requests::{self, RequestView};
use super::super::{Db, Outcome, Panel};
use super::picture::{GatewayNews, Picture, Sketch, SpendView};
use crate::control::store::house::{
    Window, audit as audit_rows, budgets as budget_rows, kills as kill_rows,
    requests as request_rows,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// Lines of the audit log that are told together, and again to who missed them.
const TOGETHER: i64 = 500;
/// Open requests in a snapshot; there are no more of them in a house that answers.
const MOST_REQUESTS: i64 = 1000;

/// Budgets whose figures changed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SpendNews {
    /// Them.
    pub budgets: Vec<SpendView>,
}

/// How all things in the listener's scope stand.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Snapshot {
    /// Whether all that was missed since `last-event-id` follows. If not, this is all there is to know of it.
    pub resumed: bool,
    /// Budgets with their figures.
    pub budgets: Vec<SpendView>,
    /// Gateways; none for whom a part of the tree is all of it.
    pub gateways: Vec<GatewayNews>,
    /// Switches in force.
    pub kills: Vec<KillView>,
    /// Requests that nobody decided.
    pub requests: Vec<RequestView>,
}

/// The `data` of an event. Its name says which: `snapshot`, `spend`, `gateway`, `kill`, `request`, `audit`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum News {
    /// How things stand: the first event of every stream.
    Snapshot(Box<Snapshot>),
    /// Figures that moved.
    Spend(SpendNews),
    /// A gateway came, went, or runs other policies.
    Gateway(GatewayNews),
    /// A switch was pulled or let go.
    Kill(Box<KillView>),
    /// Somebody asked for more, or decided.
    Request(Box<RequestView>),
    /// A new line of the audit log, for administrators of the whole panel.
    Audit(Box<AuditLine>),
}

impl News {
    /// The event's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Snapshot(_) => "snapshot",
            Self::Spend(_) => "spend",
            Self::Gateway(_) => "gateway",
            Self::Kill(_) => "kill",
            Self::Request(_) => "request",
            Self::Audit(_) => "audit",
        }
    }
}

/// Who may hear of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Everybody.
    All,
    /// In whose scope this node lies.
    In(i64),
    /// In whose scope it lies, or who lies below it.
    Around(i64),
    /// Whose scope is everything.
    Whole,
    /// Administrators of everything.
    Admins,
}

impl Sight {
    /// Whether somebody may.
    pub(super) fn of(self, actor: &Actor, forest: &Forest) -> bool {
        let Some(scope) = actor.scope else {
            return self != Self::Admins || actor.role == Role::Admin;
        };
        match self {
            Self::All => true,
            Self::In(node) => forest.is_below(scope, node),
            Self::Around(node) => forest.is_below(scope, node) || forest.is_below(node, scope),
            Self::Whole | Self::Admins => false,
        }
    }
}

/// Something that a line of the audit log tells of.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The line's number.
    pub(super) number: i64,
    pub(super) sight: Sight,
    pub(super) news: News,
}

/// What one look came to.
#[derive(Debug)]
pub(super) struct Batch {
    /// Up to which line of the audit log.
    pub(super) head: i64,
    pub(super) forest: Arc<Forest>,
    pub(super) told: Vec<Told>,
    /// Each with its node.
    pub(super) spend: Vec<(i64, SpendView)>,
    pub(super) gateways: Vec<GatewayNews>,
}

impl Batch {
    /// Nothing new.
    pub(super) fn nothing(picture: &Picture) -> Self {
        Self {
            head: picture.head,
            forest: Arc::clone(&picture.forest),
            told: Vec::new(),
            spend: Vec::new(),
            gateways: Vec::new(),
        }
    }
}

/// What is new since a picture, and the picture as it is now.
pub(super) async fn since(panel: &Panel, before: &Picture) -> Outcome<(Arc<Picture>, Batch)> {
    let mut db = panel.read().await?;
    // One view of all tables, whatever is written meanwhile.
    let mut view = db.view().await?;
    let mut sketch = Sketch::read(panel, &mut view).await?;
    let lines = audit_rows::after(&mut view, before.head, TOGETHER).await?;
    let told = told(&mut view, &sketch.forest, &lines).await?;
    // What did not fit is told with the next look.
    sketch.head = lines.last().map_or(before.head, |line| line.id);
    drop(view);
    drop(db);
    let mut picture = sketch.finish(panel).await?;
    let spend = picture.spend_since(before);
    let gateways = picture.gateways_since(before);
    let batch = Batch {
        head: picture.head,
        forest: Arc::clone(&picture.forest),
        told,
        spend,
        gateways,
    };
    Ok((Arc::new(picture), batch))
}

/// How things stand for somebody, with what they missed since a line, and the picture it was made of.
pub(super) async fn snapshot(
    panel: &Panel,
    actor: &Actor,
    after: Option<i64>,
) -> Outcome<(Snapshot, Vec<Told>, Arc<Picture>)> {
    let mut db = panel.read().await?;
    let mut view = db.view().await?;
    let sketch = Sketch::read(panel, &mut view).await?;
    let missed = match after.filter(|after| (0..=sketch.head).contains(after)) {
        Some(after) => {
            let most = TOGETHER.saturating_add(1);
            let lines = audit_rows::after(&mut view, after, most).await?;
            let few = i64::try_from(lines.len()).is_ok_and(|count| count <= TOGETHER);
            few.then_some(lines)
        }
        None => None,
    };
    let resumed = missed.is_some();
    let missed = told(&mut view, &sketch.forest, &missed.unwrap_or_default()).await?;
    let mut switches = Vec::new();
    for row in kill_rows::all(&mut view).await? {
        let sight = sight_of_kill(&mut view, &row).await?;
        if sight.of(actor, &sketch.forest) {
            switches.push(kills::view(&mut view, row).await?);
        }
    }
    let most = Window {
        after: 0,
        most: MOST_REQUESTS,
    };
    let mut open = Vec::new();
    for row in request_rows::list(&mut view, actor.scope, Some(0), most).await? {
        open.push(requests::view(&mut view, &sketch.forest, &row).await?);
    }
    drop(view);
    drop(db);
    let picture = sketch.finish(panel).await?;
    let own = |(node, view): &(i64, SpendView)| {
        Sight::In(*node)
            .of(actor, &picture.forest)
            .then(|| view.clone())
    };
    let gateways = picture
        .gateways()
        .filter(|_| Sight::Whole.of(actor, &picture.forest));
    let snapshot = Snapshot {
        resumed,
        budgets: picture.budgets().filter_map(own).collect(),
        gateways: gateways.cloned().collect(),
        kills: switches,
        requests: open,
    };
    Ok((snapshot, missed, Arc::new(picture)))
}

/// What these lines tell of, as it is now.
async fn told(db: &mut Db<'_>, forest: &Forest, lines: &[audit_rows::Line]) -> Outcome<Vec<Told>> {
    let mut told = Vec::new();
    for line in lines {
        let view = audit::view(line);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let target = text(view.record.get("target").unwrap_or(&Value::Null));
        let action = text(view.record.get("action").unwrap_or(&Value::Null));
        let switches: Vec<String> = match action.as_str() {
            "kill" => vec![target.clone()],
            "unkill" => {
                let lifted = view.record.pointer("/after/switches");
                let lifted = lifted.and_then(Value::as_array);
                lifted.into_iter().flatten().map(text).collect()
            }
            _ => Vec::new(),
        };
        let mut tell = |sight, news| {
            told.push(Told {
                number: line.id,
                sight,
                news,
            });
        };
        for switch in switches {
            if let Some(row) = kill_rows::find(db, &switch).await? {
                let sight = sight_of_kill(db, &row).await?;
                tell(sight, News::Kill(Box::new(kills::view(db, row).await?)));
            }
        }
        if action.starts_with("request.")
            && let Some(row) = request_rows::find(db, &target).await?
            && let Some(budget) = budget_rows::get(db, row.budget).await?
        {
            let request = requests::view(db, forest, &row).await?;
            tell(Sight::In(budget.node), News::Request(Box::new(request)));
        }
        tell(Sight::Admins, News::Audit(Box::new(view)));
    }
    Ok(told)
}

async fn sight_of_kill(db: &mut Db<'_>, kill: &kill_rows::Kill) -> Outcome<Sight> {
    Ok(match kills::reach(db, kill).await? {
        kills::Reach::Everything => Sight::All,
        kills::Reach::Node(node) => Sight::Around(node),
        kills::Reach::Key(node) => Sight::In(node),
        kills::Reach::Gateway => Sight::Whole,
    })
}
