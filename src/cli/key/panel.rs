//! `tollgate key … --panel`: the keys at a control panel.

use super::super::remote::{Fault, Kind, Panel, id, show};
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::time::Duration;

/// What a new key at a panel has that one in a file has not.
#[derive(Debug, Args)]
pub(super) struct AtPanel {
    /// Make it at the control panel that one is logged in to
    #[arg(long, requires = "node", conflicts_with_all = ["label", "config", "state_dir"])]
    panel: bool,
    /// Where it belongs in the panel's tree: path, name or id
    #[arg(long, value_name = "PATH", requires = "panel")]
    node: Option<String>,
    /// The person it belongs to
    #[arg(long, requires = "panel")]
    user: Option<String>,
    /// The groups of that person
    #[arg(long, value_delimiter = ',', requires = "panel")]
    groups: Vec<String>,
}

impl AtPanel {
    /// Whether the panel is meant.
    pub(super) const fn is_meant(&self) -> bool {
        self.panel
    }
}

pub(super) fn make(
    new: &super::New,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let panel = Panel::open(env)?;
    let at = &new.at_panel;
    let node = at.node.as_deref().unwrap_or_default();
    let node = panel.find(Kind::Node, node)?;
    let mut body = Map::new();
    body.insert("node".to_owned(), json!(id(&node)?));
    body.insert("name".to_owned(), json!(new.name));
    body.insert("groups".to_owned(), json!(at.groups));
    if let Some(user) = &at.user {
        body.insert("user".to_owned(), json!(user));
    }
    if let Some(models) = &new.models {
        body.insert("models".to_owned(), json!(models));
    }
    if let Some(expires) = &new.expires {
        body.insert("expires".to_owned(), json!(expires));
    }
    let made = panel.post("keys", &Value::Object(body))?;
    show_once(&made, new.json, out)
}

pub(super) fn rotate(
    name: &str,
    grace: Option<Duration>,
    json: bool,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let panel = Panel::open(env)?;
    let key = panel.find(Kind::Key, name)?;
    let grace = grace.unwrap_or_default().as_secs();
    let path = format!("keys/{}/rotate", id(&key)?);
    let made = panel.post(&path, &json!({ "grace_s": grace }))?;
    show_once(&made, json, out)
}

pub(super) fn revoke(
    name: &str,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let panel = Panel::open(env)?;
    let key = panel.find(Kind::Key, name)?;
    panel.act(&format!("keys/{}/revoke", id(&key)?))?;
    writeln!(
        out,
        "revoked {}: gateways refuse it as soon as they hear of it",
        full_name(&key)
    )?;
    Ok(())
}

pub(super) fn list(
    json: bool,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let panel = Panel::open(env)?;
    let mut keys = panel.list(Kind::Key.path())?;
    if json {
        return Ok(show::json(out, &Value::Array(keys))?);
    }
    keys.sort_by_key(full_name);
    let mut table = show::Table::new(&[
        "KEY",
        "STATE",
        "MODELS",
        "USER",
        "EXPIRES",
        "LAST USED",
        "ID",
    ]);
    for key in &keys {
        let labels = key.get("labels").unwrap_or(&Value::Null);
        let models = match key.get("models") {
            None | Some(Value::Null) => "*".to_owned(),
            Some(_) => show::cell(key, "models"),
        };
        let expires = match key.get("expires") {
            None | Some(Value::Null) => "never".to_owned(),
            Some(_) => show::time(key, "expires"),
        };
        let last_used = match key.get("last_used") {
            None | Some(Value::Null) => "never".to_owned(),
            Some(_) => show::time(key, "last_used"),
        };
        table.row([
            full_name(key),
            show::cell(key, "state"),
            models,
            show::cell(labels, "user"),
            expires,
            last_used,
            show::cell(key, "id"),
        ]);
    }
    let empty = "no keys yet: `tollgate key new NAME --panel --node PATH` makes one";
    Ok(table.print(out, empty)?)
}

/// The one time a secret is seen.
fn show_once(made: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, made)?);
    }
    let secret = made.get("secret").and_then(Value::as_str);
    let secret = secret.ok_or_else(|| Fault::Garbled("a key without its secret".to_owned()))?;
    let key = made.get("key").unwrap_or(&Value::Null);
    // The secret alone on standard output, so that it can be piped.
    writeln!(out, "{secret}")?;
    let mut err = anstream::stderr();
    writeln!(
        err,
        "This is the secret of key {}, shown once; the panel holds its digest.",
        full_name(key)
    )?;
    if key.get("old_secret_until").is_some_and(Value::is_string) {
        let until = show::time(key, "old_secret_until");
        writeln!(err, "The secret before is good until {until}.")?;
    }
    Ok(())
}

/// `acme/red/atlas/ci`
fn full_name(key: &Value) -> String {
    format!("{}/{}", show::text(key, "path"), show::text(key, "name"))
}
