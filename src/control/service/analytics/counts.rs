//! What was refused and found, at whom and when: sums of what gateways tell.
//!
//! They are in the hour in which the panel heard of them, so what a gateway tells later than it happened is there later.
//! Whose calls the panel does not know (a wrong key, a key of a gateway's own file) are seen by those who see all of it.

use super::{Asked, Forest, GroupBy, Interval, all, named, range};
use crate::control::service::access::Actor;
use crate::control::service::{Outcome, Panel, words};
use crate::control::store::Db;
use crate::control::store::house::{
    Window, gateways as gateway_rows, keys as key_rows, spend::Range, tallies as rows,
};
use crate::lease::tally::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What counts of refusals are made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalsBy {
    /// Each code, as the error's own: `budget_exceeded`, `rate_limit_exceeded`, `tool_not_allowed`, …; `other` are those of
    /// gateways that saw more kinds than they tell apart.
    Code,
    /// Each rule of a policy; what no rule refused, and answers that were held back, are one.
    Rule,
    /// Each virtual key.
    Key,
    /// Each node that has keys, by its path.
    Node,
    /// Each gateway; for those who see all of the panel.
    Gateway,
    /// Each value of the label `org` that keys have.
    #[serde(rename = "label:org")]
    Org,
    /// Each value of the label `team`.
    #[serde(rename = "label:team")]
    Team,
    /// Each value of the label `project`.
    #[serde(rename = "label:project")]
    Project,
    /// Each value of the label `agent`.
    #[serde(rename = "label:agent")]
    Agent,
    /// Each value of the label `user`.
    #[serde(rename = "label:user")]
    User,
    /// Each value of the label `key`: keys of one name, wherever they are.
    #[serde(rename = "label:key")]
    KeyName,
}

/// What counts of findings are made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingsBy {
    /// Each kind of detector: `email`, `card`, …, the names of a policy's own patterns, and `other`.
    Kind,
    /// What became of it: `replace`, `block`, `flag`, …
    Action,
    /// Each virtual key.
    Key,
    /// Each node that has keys, by its path.
    Node,
    /// Each gateway; for those who see all of the panel.
    Gateway,
    /// Each value of the label `org` that keys have.
    #[serde(rename = "label:org")]
    Org,
    /// Each value of the label `team`.
    #[serde(rename = "label:team")]
    Team,
    /// Each value of the label `project`.
    #[serde(rename = "label:project")]
    Project,
    /// Each value of the label `agent`.
    #[serde(rename = "label:agent")]
    Agent,
    /// Each value of the label `user`.
    #[serde(rename = "label:user")]
    User,
    /// Each value of the label `key`: keys of one name, wherever they are.
    #[serde(rename = "label:key")]
    KeyName,
}

/// What is counted, and by what.
#[derive(Debug, Clone, Copy)]
enum By {
    What,
    How,
    Gateway,
    /// What is known of keys.
    Key(GroupBy),
}

impl From<RefusalsBy> for By {
    fn from(by: RefusalsBy) -> Self {
        match by {
            RefusalsBy::Code => Self::What,
            RefusalsBy::Rule => Self::How,
            RefusalsBy::Gateway => Self::Gateway,
            RefusalsBy::Key => Self::Key(GroupBy::Key),
            RefusalsBy::Node => Self::Key(GroupBy::Node),
            RefusalsBy::Org => Self::Key(GroupBy::Org),
            RefusalsBy::Team => Self::Key(GroupBy::Team),
            RefusalsBy::Project => Self::Key(GroupBy::Project),
            RefusalsBy::Agent => Self::Key(GroupBy::Agent),
            RefusalsBy::User => Self::Key(GroupBy::User),
            RefusalsBy::KeyName => Self::Key(GroupBy::KeyName),
        }
    }
}

impl From<FindingsBy> for By {
    fn from(by: FindingsBy) -> Self {
        match by {
            FindingsBy::Kind => Self::What,
            FindingsBy::Action => Self::How,
            FindingsBy::Gateway => Self::Gateway,
            FindingsBy::Key => Self::Key(GroupBy::Key),
            FindingsBy::Node => Self::Key(GroupBy::Node),
            FindingsBy::Org => Self::Key(GroupBy::Org),
            FindingsBy::Team => Self::Key(GroupBy::Team),
            FindingsBy::Project => Self::Key(GroupBy::Project),
            FindingsBy::Agent => Self::Key(GroupBy::Agent),
            FindingsBy::User => Self::Key(GroupBy::User),
            FindingsBy::KeyName => Self::Key(GroupBy::KeyName),
        }
    }
}

/// Within what is counted.
#[derive(Debug, Clone)]
pub struct Within {
    /// How long a stretch is.
    pub interval: Interval,
    /// From when on; all there is where absent.
    pub from: Option<String>,
    /// Until when; now where absent.
    pub until: Option<String>,
    /// Below which node alone.
    pub node: Option<String>,
    /// With which key alone.
    pub key: Option<String>,
}

/// Counts of refusals.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Refusals {
    /// The counts, by time and then by name.
    pub counts: Vec<Refused>,
    /// All of them together.
    pub total: i64,
}

/// How often calls were refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refused {
    /// The id of the key or gateway, the code, the rule; none for a node, a label, or what is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Calls that were refused, those included whose answer was withheld after it was paid for.
    pub refused: i64,
    /// Calls that were let through meanwhile, with keys of this panel; absent by code and by rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed: Option<i64>,
}

/// Counts of findings.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Findings {
    /// The counts, by time and then by name.
    pub counts: Vec<Found>,
    /// All of them together.
    pub total: i64,
}

/// How often guards found something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Found {
    /// The id of the key or gateway, the detector, the action; none for a node, a label, or what is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Findings.
    pub found: i64,
}

/// Counts by time, name and id: what it is about, and calls that were let through.
type Counts = BTreeMap<(i64, String, Option<String>), (i64, i64)>;

/// Counts what was refused in scope.
///
/// # Errors
/// A time cannot be read, there is no such node or key in scope, gateways are not in scope, or there are more counts than can
/// be told.
pub async fn refusals(
    panel: &Panel,
    actor: &Actor,
    by: RefusalsBy,
    within: Within,
) -> Outcome<Refusals> {
    let by = By::from(by);
    let has_passed = matches!(by, By::Gateway | By::Key(_));
    let interval = within.interval;
    let counts = count(panel, actor, (Kind::Refusal, by), within).await?;
    let total = counts
        .values()
        .fold(0, |sum: i64, of| sum.saturating_add(of.0));
    let counts = counts
        .into_iter()
        .map(|((at, name, id), (refused, passed))| Refused {
            id,
            name,
            from: (interval != Interval::All).then(|| words::time(at)),
            refused,
            passed: has_passed.then_some(passed),
        });
    Ok(Refusals {
        counts: counts.collect(),
        total,
    })
}

/// Counts what guards found in scope.
///
/// # Errors
/// As [`refusals`].
pub async fn findings(
    panel: &Panel,
    actor: &Actor,
    by: FindingsBy,
    within: Within,
) -> Outcome<Findings> {
    let interval = within.interval;
    let counts = count(panel, actor, (Kind::Finding, by.into()), within).await?;
    let total = counts
        .values()
        .fold(0, |sum: i64, of| sum.saturating_add(of.0));
    let counts = counts
        .into_iter()
        .map(|((at, name, id), (found, _))| Found {
            id,
            name,
            from: (interval != Interval::All).then(|| words::time(at)),
            found,
        });
    Ok(Findings {
        counts: counts.collect(),
        total,
    })
}

async fn count(
    panel: &Panel,
    actor: &Actor,
    (kind, by): (Kind, By),
    within: Within,
) -> Outcome<Counts> {
    if matches!(by, By::Gateway) {
        actor.needs_all()?;
    }
    let mut db = panel.read().await?;
    let mut db = db.view().await?;
    let asked = Asked {
        // By the hour, like all that is not the ledger's alone.
        group_by: GroupBy::Key,
        interval: within.interval,
        from: within.from,
        until: within.until,
        node: within.node,
        key: within.key,
    };
    let range = range(&mut db, actor, &asked).await?;
    match by {
        By::What => {
            let sums = all(rows::by_what(&mut db, kind, range).await?)?;
            Ok(texts(sums, "unknown"))
        }
        By::How => {
            let sums = all(rows::by_how(&mut db, kind, range).await?)?;
            Ok(texts(sums, "without a rule"))
        }
        By::Gateway => by_gateway(&mut db, kind, range).await,
        By::Key(by) => by_key(&mut db, (kind, by), range).await,
    }
}

fn texts(sums: Vec<rows::Sum<String>>, none: &str) -> Counts {
    let sums = sums
        .into_iter()
        .map(|(text, at, count)| match text.as_str() {
            "" => ((at, none.to_owned(), None), (count, 0)),
            text => ((at, text.to_owned(), Some(text.to_owned())), (count, 0)),
        });
    sums.collect()
}

/// What was counted, and what was let through meanwhile, under these names.
fn put_together(
    sums: Vec<rows::Sum<i64>>,
    passed: Vec<rows::Sum<i64>>,
    name: impl Fn(i64) -> (String, Option<String>),
) -> Counts {
    let mut counts = Counts::new();
    for (number, at, count) in sums {
        let (name, id) = name(number);
        let of = counts.entry((at, name, id)).or_default();
        of.0 = of.0.saturating_add(count);
    }
    for (number, at, count) in passed {
        let (name, id) = name(number);
        let of = counts.entry((at, name, id)).or_default();
        of.1 = of.1.saturating_add(count);
    }
    counts
}

async fn by_gateway(db: &mut Db<'_>, kind: Kind, range: Range) -> Outcome<Counts> {
    let mut names = BTreeMap::new();
    for gateway in gateway_rows::list(db, Window::ALL).await? {
        names.insert(gateway.id, (gateway.name, Some(gateway.uid)));
    }
    let sums = all(rows::by_gateway(db, kind, range).await?)?;
    let passed = match kind {
        Kind::Refusal => all(rows::by_gateway(db, Kind::Call, range).await?)?,
        _ => Vec::new(),
    };
    let unknown = || ("unknown".to_owned(), None);
    Ok(put_together(sums, passed, |number| {
        names.get(&number).cloned().unwrap_or_else(unknown)
    }))
}

async fn by_key(db: &mut Db<'_>, (kind, by): (Kind, GroupBy), range: Range) -> Outcome<Counts> {
    let forest = Forest::load(db).await?;
    let mut names = BTreeMap::new();
    for key in key_rows::list(db, range.scope, Window::ALL).await? {
        names.insert(key.id, named(&forest, &key, by));
    }
    let sums = all(rows::by_key(db, kind, range).await?)?;
    let passed = match kind {
        Kind::Refusal => all(rows::by_key(db, Kind::Call, range).await?)?,
        _ => Vec::new(),
    };
    let unknown = || ("without a key of this panel".to_owned(), None);
    Ok(put_together(sums, passed, |number| {
        names.get(&number).cloned().unwrap_or_else(unknown)
    }))
}
