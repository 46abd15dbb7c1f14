//! What was spent, by whom, for what and when: sums over the ledger, so they are what the ledger says.
//!
//! Which models money was for, and how many calls and tokens there were, is what gateways tell. They name money that the ledger
//! has and never add any; what they do not name is summed up as `unknown`, so that sums by model are the ledger's, too.

pub mod counts;

use super::access::Actor;
use super::directory::{self, Forest};
use super::{Db, Outcome, Panel, ServiceError, keys, nodes, words};
use crate::clock::Wall;
use crate::control::store::house::{Window, budgets, keys as key_rows, spend as rows};
use crate::control::store::usage::{DAY, HOUR};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What sums are made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// Each budget. Those above each other both count what is spent below.
    Budget,
    /// Each virtual key.
    Key,
    /// Each node that has keys, by its path.
    Node,
    /// Each model, by the name its provider knows it by; `unknown`, without an id, is what no gateway named one for.
    Model,
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

/// How long a stretch of time is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// All in one.
    #[default]
    All,
    /// An hour, in UTC; by anything but budget a day, where that is more than 90 days ago.
    Hour,
    /// A day, in UTC.
    Day,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What sums are made by.
    pub group_by: GroupBy,
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

/// Sums.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Spend {
    /// The sums, by time and then by name.
    pub sums: Vec<Sum>,
    /// The sum of all of them; absent by budget, where sums overlap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
}

/// A sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sum {
    /// The id of the budget or key, the name of the model; none for a node, a label, or what is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Spent, in dollars. Of `unknown` it can be below zero where a gateway named later what an earlier stretch was spent for.
    pub spent: String,
    /// The part of it that went beyond what was reserved; absent by model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrun: Option<String>,
    /// Calls, as gateways tell; absent by budget. Those of a gateway that died before it told of them are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<i64>,
    /// Their input tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_in: Option<i64>,
    /// Their output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_out: Option<i64>,
}

/// How long hours are told apart of what calls were for.
pub(super) const HOURS_KEPT: Duration = Duration::from_hours(90 * 24);
/// What nobody knows the model of.
const UNKNOWN: &str = "unknown";

/// What sums are made of, as far as it is known.
#[derive(Debug, Default)]
struct Tally {
    spent: i64,
    overrun: i64,
    work: [i64; 3],
}

/// Sums by time, name and id.
type Tallies = BTreeMap<(i64, String, Option<String>), Tally>;

impl Tally {
    fn spent(&mut self, spent: i64, overrun: i64) {
        self.spent = self.spent.saturating_add(spent);
        self.overrun = self.overrun.saturating_add(overrun);
    }

    fn worked(&mut self, work: [i64; 3]) {
        for (sum, more) in self.work.iter_mut().zip(work) {
            *sum = sum.saturating_add(more);
        }
    }
}

/// Sums what was spent in scope.
///
/// # Errors
/// A time cannot be read, there is no such node or key in scope, or there are more sums than can be told.
pub async fn spend(panel: &Panel, actor: &Actor, asked: Asked) -> Outcome<Spend> {
    let mut db = panel.read().await?;
    // One view of all tables: money and what it was for are heard of together.
    let mut db = db.view().await?;
    let range = range(&mut db, actor, &asked).await?;
    let by = asked.group_by;
    let tallies = match by {
        GroupBy::Budget => by_budget(&mut db, range).await?,
        GroupBy::Model => by_model(&mut db, range).await?,
        _ => by_key(&mut db, range, by).await?,
    };
    let sums = tallies.values();
    let total = sums.fold(0_i64, |sum, tally| sum.saturating_add(tally.spent));
    let sums = tallies.into_iter().map(|((at, name, id), tally)| {
        let work = |place: usize| {
            let count = tally.work.get(place).copied();
            count.filter(|_| by != GroupBy::Budget)
        };
        Sum {
            id,
            name,
            from: (asked.interval != Interval::All).then(|| words::time(at)),
            spent: words::dollars(tally.spent),
            overrun: (by != GroupBy::Model).then(|| words::dollars(tally.overrun)),
            calls: work(0),
            tokens_in: work(1),
            tokens_out: work(2),
        }
    });
    Ok(Spend {
        sums: sums.collect(),
        total: (by != GroupBy::Budget).then(|| words::dollars(total)),
    })
}

/// Which lines are summed up.
async fn range(db: &mut Db<'_>, actor: &Actor, asked: &Asked) -> Outcome<rows::Range> {
    let instant = |field: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => {
            let at = words::instant(text).map(Wall::nanos);
            let detail = "a time, like 2027-06-30 or 2027-06-30T12:00:00Z";
            at.map(Some)
                .ok_or_else(|| ServiceError::field(field, detail))
        }
    };
    let from = instant("from", &asked.from)?.unwrap_or(0);
    let until = instant("until", &asked.until)?.unwrap_or(i64::MAX);
    let is_of_budgets = asked.group_by == GroupBy::Budget;
    if is_of_budgets && asked.key.is_some() {
        let detail = "a budget's sums are of all its keys: make sums by something else";
        return Err(ServiceError::field("key", detail));
    }
    let scope = match &asked.node {
        Some(node) => Some(nodes::within(db, actor, node).await?.1.id),
        None => actor.scope,
    };
    let leaf = match &asked.key {
        Some(key) => Some(keys::within(db, actor, key).await?.1.id),
        None => None,
    };
    let days_before = rows::days_before(db).await?;
    // What calls were for is known by the hour, or by the day: what was spent must be of the same time.
    let unit = |at: i64| if at < days_before { DAY } else { HOUR };
    let begin = |at: i64| at.div_euclid(unit(at)).saturating_mul(unit(at));
    let end = |at: i64| match begin(at) {
        begin if begin < at => begin.saturating_add(unit(at)),
        begin => begin,
    };
    // Stretches begin at whole hours and days; the first one may be cut off.
    Ok(rows::Range {
        scope,
        leaf,
        from: if is_of_budgets { from } else { begin(from) },
        until: if is_of_budgets { until } else { end(until) },
        bucket: match asked.interval {
            Interval::All => i64::MAX,
            Interval::Hour => HOUR,
            Interval::Day => DAY,
        },
        days_before,
    })
}

/// The sums, where there are few enough to be told: with some left out they would not be the ledger's.
fn all<T>(sums: Vec<T>) -> Outcome<Vec<T>> {
    if sums.len() > rows::MOST_SUMS {
        let detail = "more than 10000 sums: ask for longer stretches, or for less time with `from` and `until`";
        return Err(ServiceError::field("interval", detail));
    }
    Ok(sums)
}

async fn by_budget(db: &mut Db<'_>, range: rows::Range) -> Outcome<Tallies> {
    let forest = Forest::load(db).await?;
    let mut names = BTreeMap::new();
    for budget in budgets::ever(db).await? {
        let name = directory::name(&forest, &budget);
        names.insert(budget.id, (name, Some(budget.uid)));
    }
    let mut tallies = Tallies::new();
    for (number, at, spent, overrun) in all(rows::by_budget(db, range).await?)? {
        let unknown = || ("without a budget".to_owned(), None);
        let (name, id) = names.get(&number).cloned().unwrap_or_else(unknown);
        tallies
            .entry((at, name, id))
            .or_default()
            .spent(spent, overrun);
    }
    Ok(tallies)
}

/// By what is known of keys.
async fn by_key(db: &mut Db<'_>, range: rows::Range, by: GroupBy) -> Outcome<Tallies> {
    let forest = Forest::load(db).await?;
    let mut names = BTreeMap::new();
    for key in key_rows::list(db, range.scope, Window::ALL).await? {
        names.insert(key.id, named(&forest, &key, by));
    }
    let name = |number: i64| {
        let unknown = || ("without a key".to_owned(), None);
        names.get(&number).cloned().unwrap_or_else(unknown)
    };
    let mut tallies = Tallies::new();
    for (number, at, spent, overrun) in all(rows::by_key(db, range).await?)? {
        let (name, id) = name(number);
        tallies
            .entry((at, name, id))
            .or_default()
            .spent(spent, overrun);
    }
    for (number, at, calls, input, output, _) in all(rows::worked_by_key(db, range).await?)? {
        let (name, id) = name(number);
        let tally = tallies.entry((at, name, id)).or_default();
        tally.worked([calls, input, output]);
    }
    Ok(tallies)
}

/// Under which name and id what a key spends is summed up.
fn named(forest: &Forest, key: &key_rows::VirtualKey, by: GroupBy) -> (String, Option<String>) {
    let labels = forest.labels(key.node);
    let (label, value) = match by {
        GroupBy::Org => ("org", labels.org),
        GroupBy::Team => ("team", labels.team),
        GroupBy::Project => ("project", labels.project),
        GroupBy::Agent => ("agent", labels.agent),
        GroupBy::User => ("user", key.owner.clone()),
        GroupBy::KeyName => ("key", Some(key.name.clone())),
        GroupBy::Key => {
            let name = format!("{} key {}", forest.path(key.node), key.name);
            return (name, Some(key.uid.clone()));
        }
        GroupBy::Node | GroupBy::Budget | GroupBy::Model => return (forest.path(key.node), None),
    };
    (
        value.unwrap_or_else(|| format!("without label {label}")),
        None,
    )
}

/// By model: what was named one for, and what is left of what was spent.
async fn by_model(db: &mut Db<'_>, range: rows::Range) -> Outcome<Tallies> {
    let mut tallies = Tallies::new();
    let unknown = |at| (at, UNKNOWN.to_owned(), None);
    for (_, at, spent, _) in all(rows::by_time(db, range).await?)? {
        tallies.entry(unknown(at)).or_default().spent(spent, 0);
    }
    for (model, at, calls, input, output, cost) in all(rows::worked_by_model(db, range).await?)? {
        let work = [calls, input, output];
        if model.is_empty() {
            tallies.entry(unknown(at)).or_default().worked(work);
            continue;
        }
        let tally = tallies.entry((at, model.clone(), Some(model))).or_default();
        tally.spent(cost, 0);
        tally.worked(work);
        let rest = tallies.entry(unknown(at)).or_default();
        rest.spent(cost.saturating_neg(), 0);
    }
    tallies.retain(|(.., id), tally| id.is_some() || tally.spent != 0 || tally.work != [0; 3]);
    Ok(tallies)
}

/// When the day of a time begins.
pub(super) const fn day(at: i64) -> i64 {
    at.div_euclid(DAY).saturating_mul(DAY)
}
