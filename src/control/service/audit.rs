//! What was done, by whom, when and from where: a chain of lines in the store.
//!
//! A line is written in the transaction of the change it tells of, so neither is there without the other. Its hash covers the
//! hash before it and its own record, whose JSON is canonical (names sorted, no spaces), so that a line that was changed,
//! removed or put in between is found by anybody who recomputes the chain.
//!
//! No secret and no digest of one is ever in a record.

use super::access::{Actor, Credential};
use super::{Db, Listing, Outcome, Page, Panel, words};
use crate::clock::Wall;
use crate::control::store::house::audit as rows;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::Digest as _;

/// Something that is done.
#[derive(Debug)]
pub(super) struct Act<'a> {
    /// `budget.change`
    pub(super) action: &'static str,
    /// The id of what it is done to.
    pub(super) target: &'a str,
    /// Where in the tree that is.
    pub(super) node: Option<i64>,
    /// How it was.
    pub(super) before: Value,
    /// How it is.
    pub(super) after: Value,
}

impl<'a> Act<'a> {
    /// One that is about all of the panel.
    pub(super) fn of_panel(
        action: &'static str,
        target: &'a str,
        before: Value,
        after: Value,
    ) -> Self {
        Self {
            action,
            target,
            node: None,
            before,
            after,
        }
    }
}

/// A line of the audit log.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditLine {
    /// Its number, without gaps.
    pub number: i64,
    /// When.
    pub at: String,
    /// Who, what, from where, before and after.
    pub record: Value,
    /// The chain up to here, in hexadecimal digits.
    pub hash: String,
}

/// What recomputing the chain comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verified {
    /// Whether every line is as it was written.
    pub ok: bool,
    /// Lines that were looked at.
    pub lines: i64,
    /// The last line's hash: kept elsewhere, it shows whether the end was cut off.
    pub head: String,
    /// The first line that is not as it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_fault: Option<i64>,
}

/// Before the first line.
const START: [u8; 32] = [0; 32];
/// Lines read together.
const TOGETHER: i64 = 500;

/// Adds a line.
pub(super) async fn append(db: &mut Db<'_>, at: Wall, actor: &Actor, act: Act<'_>) -> Outcome<()> {
    let last = rows::last(db).await?;
    let (number, before) = last.map_or((0, START.to_vec()), |line| (line.id, line.hash));
    let via = match &actor.credential {
        Credential::Session(id) | Credential::Token(id) => id.as_str(),
        Credential::Own(name) => name,
    };
    let mut record = Map::new();
    let number = number.saturating_add(1);
    for (name, value) in [
        ("number", json!(number)),
        ("at", json!(words::time(at.nanos()))),
        ("who", json!(actor.name)),
        ("user", json!(actor.uid)),
        ("via", json!(via)),
        ("from", json!(actor.origin)),
        ("action", json!(act.action)),
        ("target", json!(act.target)),
        ("before", act.before),
        ("after", act.after),
    ] {
        if !value.is_null() {
            record.insert(name.to_owned(), value);
        }
    }
    let record = canonical(&Value::Object(record));
    let line = rows::Line {
        id: number,
        at: at.nanos(),
        hash: chained(&before, number, &record).to_vec(),
        record,
    };
    rows::insert(db, &line, act.node).await?;
    Ok(())
}

/// The newest lines first.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, page: Page) -> Outcome<Listing<AuditLine>> {
    let before = if page.after == 0 {
        i64::MAX
    } else {
        page.after
    };
    let mut db = panel.read().await?;
    let lines = rows::before(&mut db, before, page.window().most).await?;
    Ok(page.of(lines, |line| line.id, |line| view(&line)))
}

/// A line as people see it.
pub(super) fn view(line: &rows::Line) -> AuditLine {
    AuditLine {
        number: line.id,
        at: words::time(line.at),
        record: serde_json::from_str(&line.record).unwrap_or_default(),
        hash: words::hex(&line.hash),
    }
}

/// Recomputes the chain.
///
/// # Errors
/// The books cannot be read.
pub async fn verify(panel: &Panel) -> Outcome<Verified> {
    let mut db = panel.read().await?;
    let mut head = START.to_vec();
    let mut number = 0_i64;
    let mut first_fault = None;
    loop {
        let lines = rows::after(&mut db, number, TOGETHER).await?;
        if lines.is_empty() || first_fault.is_some() {
            break;
        }
        for line in lines {
            let expected = number.saturating_add(1);
            let hash = chained(&head, line.id, &line.record);
            if line.id != expected || line.hash != hash {
                first_fault = Some(expected);
                break;
            }
            (number, head) = (line.id, line.hash);
        }
    }
    Ok(Verified {
        ok: first_fault.is_none(),
        lines: number,
        head: words::hex(&head),
        first_fault,
    })
}

fn chained(before: &[u8], number: i64, record: &str) -> [u8; 32] {
    let mut hash = sha2::Sha256::new();
    hash.update(before);
    hash.update(number.to_be_bytes());
    hash.update(record.as_bytes());
    hash.finalize().into()
}

/// JSON with sorted names and no spaces, whatever the order of a map is.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields = fields.into_iter().map(|(name, value)| {
                format!("{}:{}", Value::String(name.clone()), canonical(value))
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(values) => {
            let values = values.iter().map(canonical);
            format!("[{}]", values.collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}
