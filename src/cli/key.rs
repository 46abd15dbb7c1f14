//! `tollgate key`: the local keys of a gateway, kept as digests beside its ledgers.
//!
//! A secret is shown once, when it is made, and kept nowhere. A running gateway follows the file, so that a new key works
//! and a revoked one is refused within a second.
//!
//! With `--panel` the same commands are about the keys at a control panel (`key/panel.rs`).
//!
//! Not here: the file (`config`).

mod panel;

use super::place::Place;
use crate::config::{self, KeyFile, KeySettings, LabelSettings};
use crate::settings;
use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const STORE: &str = "keys.yaml";
const PREFIX: &str = "tg-";
/// 43 of 62 characters are 256 bits.
const SECRET_CHARACTERS: usize = 43;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Longer ones are refused by the gate.
const MAX_SECRET: u64 = 512;

/// Virtual keys of a gateway: make, list, revoke, rotate
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate key new ci --label team=red --label project=atlas --models 'gpt-4o-mini,sim-*' --expires 2027-01-31
  tollgate key list
  tollgate key rotate ci
  tollgate key revoke ci
  tollgate key hash < secret.txt
  tollgate key new ci --panel --node acme/red/atlas
  tollgate key list --panel")]
pub struct KeyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key and print its secret, once
    #[command(after_help = "Examples:
  tollgate key new ci
  tollgate key new ci --label team=red --label groups=night --models 'gpt-*,sim-*'
  export OPENAI_API_KEY=$(tollgate key new scout --json | jq -r .secret)
  tollgate key new scout --panel --node acme/red/atlas --user ana --groups staff --models 'gpt-*'")]
    New(New),
    /// List the keys, without secrets
    #[command(
        after_help = "Examples:\n  tollgate key list\n  tollgate key list -c tollgate.yaml --json\n  tollgate key list --panel"
    )]
    List {
        #[command(flatten)]
        place: Place,
        /// Those at the control panel that one is logged in to
        #[arg(long, conflicts_with_all = ["config", "state_dir"])]
        panel: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a key away: its calls are refused from then on
    #[command(
        after_help = "Examples:\n  tollgate key revoke ci\n  tollgate key revoke acme/red/atlas/ci --panel"
    )]
    Revoke {
        /// Which key: its name; at the panel also its path and name, or its id
        name: String,
        #[command(flatten)]
        place: Place,
        /// One at the control panel that one is logged in to
        #[arg(long, conflicts_with_all = ["config", "state_dir"])]
        panel: bool,
    },
    /// Give a key a new secret, printed once; the old one is refused from then on
    #[command(
        after_help = "Examples:\n  tollgate key rotate ci\n  tollgate key rotate acme/red/atlas/ci --panel --grace 1h"
    )]
    Rotate {
        /// Which key: its name; at the panel also its path and name, or its id
        name: String,
        #[command(flatten)]
        place: Place,
        /// One at the control panel that one is logged in to
        #[arg(long, conflicts_with_all = ["config", "state_dir"])]
        panel: bool,
        /// For how long the old secret is still good: 30m, 1h, 2d [default: not at all]
        #[arg(long, value_name = "LENGTH", requires = "panel", value_parser = settings::duration)]
        grace: Option<Duration>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Read a secret from standard input and print its `hash:`, for a configuration file
    #[command(
        after_help = "Examples:\n  tollgate key hash < secret.txt\n  printf %s \"$SECRET\" | tollgate key hash"
    )]
    Hash,
}

#[derive(Debug, Args)]
struct New {
    /// Its name, for people; also the label `key`
    name: String,
    /// What its calls are labelled with, once or more often: org, team, project, agent, user, groups
    #[arg(long, value_name = "LABEL=VALUE")]
    label: Vec<String>,
    /// The models it may name, `*` allowed [default: every model]
    #[arg(long, value_name = "MODELS", value_delimiter = ',')]
    models: Option<Vec<String>>,
    /// Refused from then on: 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_name = "DATE")]
    expires: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    at_panel: panel::AtPanel,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `tollgate key …`.
///
/// # Errors
/// The keys cannot be read or written, or are not to be changed so.
pub fn run(args: KeyArgs, env: &[(String, String)], out: &mut impl Write) -> anyhow::Result<()> {
    match args.command {
        Command::New(new) if new.at_panel.is_meant() => panel::make(&new, env, out),
        Command::New(new) => make(new, env, out),
        Command::List {
            panel: true, json, ..
        } => panel::list(json, env, out),
        Command::List { place, json, .. } => list(&Keys::of(&place, env)?, json, out),
        Command::Revoke {
            name, panel: true, ..
        } => panel::revoke(&name, env, out),
        Command::Revoke { name, place, .. } => revoke(&name, &Keys::of(&place, env)?, out),
        Command::Rotate {
            name,
            panel: true,
            grace,
            json,
            ..
        } => panel::rotate(&name, grace, json, env, out),
        Command::Rotate {
            name, place, json, ..
        } => rotate(&name, &Keys::of(&place, env)?, json, out),
        Command::Hash => hash(out),
    }
}

/// Where the keys of a gateway are.
struct Keys {
    /// Its own file, written by hand, and the keys in it.
    file: PathBuf,
    written: Vec<KeySettings>,
    /// The store.
    store: PathBuf,
}

impl Keys {
    fn of(place: &Place, env: &[(String, String)]) -> anyhow::Result<Self> {
        let (file, state) = place.gate(env).files(env)?;
        let written = if file.exists() {
            config::as_written(&file, env).keys
        } else {
            Vec::new()
        };
        Ok(Self {
            file,
            written,
            store: state.join(STORE),
        })
    }

    /// Refuses a name that stands in the file: what was written by hand is changed by hand.
    fn is_not_by_hand(&self, name: &str, remedy: &str) -> anyhow::Result<()> {
        ensure!(
            !self.written.iter().any(|key| key.name == name),
            "key `{name}` is written in {}: {remedy}",
            self.file.display()
        );
        Ok(())
    }

    fn unknown(&self, name: &str, store: &KeyFile) -> anyhow::Error {
        let known: Vec<&str> = store.keys.iter().map(|key| key.name.as_str()).collect();
        let known = if known.is_empty() {
            "it holds none".to_owned()
        } else {
            format!("it holds {}", known.join(", "))
        };
        anyhow::anyhow!("no key `{name}` in {}: {known}", self.store.display())
    }
}

fn make(new: New, env: &[(String, String)], out: &mut impl Write) -> anyhow::Result<()> {
    let keys = Keys::of(&new.place, env)?;
    keys.is_not_by_hand(&new.name, "choose another name")?;
    let labels = labels(&new.label)?;
    let mut store = KeyFile::open(&keys.store)?;
    ensure!(
        !store.keys.iter().any(|key| key.name == new.name),
        "there is a key `{}` already: choose another name, or `tollgate key rotate {0}` for a new secret",
        new.name
    );
    let secret = secret()?;
    store.keys.push(KeySettings {
        name: new.name.clone(),
        hash: Some(config::digest_of(&secret)),
        labels,
        models: new.models,
        expires: new.expires,
        ..KeySettings::default()
    });
    store.save()?;
    show(&new.name, &secret, &keys.store, new.json, out)
}

fn revoke(name: &str, keys: &Keys, out: &mut impl Write) -> anyhow::Result<()> {
    keys.is_not_by_hand(name, "remove it there, or set `disabled: true`")?;
    let mut store = KeyFile::open(&keys.store)?;
    let before = store.keys.len();
    store.keys.retain(|key| key.name != name);
    if store.keys.len() == before {
        return Err(keys.unknown(name, &store));
    }
    store.save()?;
    writeln!(
        out,
        "revoked {name}: a running gateway refuses it within a second"
    )?;
    Ok(())
}

fn rotate(name: &str, keys: &Keys, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    keys.is_not_by_hand(name, "change its secret there")?;
    let mut store = KeyFile::open(&keys.store)?;
    let secret = secret()?;
    let Some(key) = store.keys.iter_mut().find(|key| key.name == name) else {
        return Err(keys.unknown(name, &store));
    };
    key.hash = Some(config::digest_of(&secret));
    store.save()?;
    show(name, &secret, &keys.store, json, out)
}

/// The one time a secret is seen.
fn show(
    name: &str,
    secret: &str,
    store: &Path,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if json {
        let shown = json!({
            "name": name,
            "secret": secret,
            "hash": config::digest_of(secret),
            "file": store.display().to_string(),
        });
        writeln!(out, "{shown:#}")?;
    } else {
        // The secret alone on standard output, so that it can be piped.
        writeln!(out, "{secret}")?;
        writeln!(
            anstream::stderr(),
            "This is the secret of key {name}, shown once; {} holds its digest.",
            store.display()
        )?;
    }
    Ok(())
}

fn list(keys: &Keys, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let store = KeyFile::read(&keys.store)?;
    let all = (keys.written.iter().map(|key| (key, &keys.file)))
        .chain(store.keys.iter().map(|key| (key, &keys.store)));
    if json {
        let all: Vec<Value> = all.map(|(key, file)| as_json(key, file)).collect();
        writeln!(out, "{:#}", Value::from(all))?;
        return Ok(());
    }
    let mut rows = vec![["NAME", "LABELS", "MODELS", "EXPIRES", "FILE"].map(str::to_owned)];
    for (key, file) in all {
        let labels: Vec<String> = labelled(&key.labels)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let expires = key.expires.clone().unwrap_or_else(|| "never".to_owned());
        rows.push([
            key.name.clone(),
            if labels.is_empty() {
                "-".to_owned()
            } else {
                labels.join(",")
            },
            key.models
                .as_ref()
                .map_or_else(|| "*".to_owned(), |models| models.join(",")),
            if key.disabled {
                "disabled".to_owned()
            } else {
                expires
            },
            file.display().to_string(),
        ]);
    }
    if rows.len() == 1 {
        writeln!(out, "no keys yet: `tollgate key new NAME` makes one")?;
        return Ok(());
    }
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn as_json(key: &KeySettings, file: &Path) -> Value {
    let mut labels = serde_json::Map::new();
    for (name, value) in labelled(&key.labels).filter(|(name, _)| *name != "groups") {
        labels.insert(name.to_owned(), json!(value));
    }
    if !key.labels.groups.is_empty() {
        labels.insert("groups".to_owned(), json!(key.labels.groups));
    }
    json!({
        "name": key.name,
        "labels": labels,
        "models": key.models,
        "expires": key.expires,
        "disabled": key.disabled,
        "file": file.display().to_string(),
    })
}

fn labelled(labels: &LabelSettings) -> impl Iterator<Item = (&'static str, &str)> {
    let single = [
        ("org", &labels.org),
        ("team", &labels.team),
        ("project", &labels.project),
        ("agent", &labels.agent),
        ("user", &labels.user),
    ];
    let single = single
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)));
    single.chain(labels.groups.iter().map(|group| ("groups", group.as_str())))
}

/// Reads `team=red` and its like.
fn labels(written: &[String]) -> anyhow::Result<LabelSettings> {
    let mut labels = LabelSettings::default();
    for text in written {
        let Some((name, value)) = text.split_once('=') else {
            bail!("`{text}` is no label: write it like `team=red`");
        };
        let label = match name {
            "org" => &mut labels.org,
            "team" => &mut labels.team,
            "project" => &mut labels.project,
            "agent" => &mut labels.agent,
            "user" => &mut labels.user,
            "groups" => {
                labels.groups.push(value.to_owned());
                continue;
            }
            _ => bail!(
                "a key has no label `{name}`: it has org, team, project, agent, user and groups"
            ),
        };
        ensure!(label.is_none(), "label `{name}` is given twice");
        *label = Some(value.to_owned());
    }
    Ok(labels)
}

fn hash(out: &mut impl Write) -> anyhow::Result<()> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        writeln!(
            anstream::stderr(),
            "Type the secret, then Enter and Ctrl-D:"
        )?;
    }
    let mut secret = String::new();
    stdin
        .lock()
        .take(MAX_SECRET + 3)
        .read_to_string(&mut secret)
        .context("cannot read a secret from standard input")?;
    let secret = secret.trim_end_matches(['\r', '\n']);
    ensure!(!secret.is_empty(), "standard input holds no secret");
    ensure!(
        secret.len() as u64 <= MAX_SECRET,
        "a secret has at most {MAX_SECRET} bytes"
    );
    writeln!(out, "hash: \"{}\"", config::digest_of(secret))?;
    Ok(())
}

/// A secret nobody can guess: ours by its prefix, letters and digits for the rest.
pub(super) fn secret() -> anyhow::Result<String> {
    let mut secret = PREFIX.to_owned();
    let mut random = [0; 64];
    while secret.len() < PREFIX.len() + SECRET_CHARACTERS {
        getrandom::fill(&mut random).context("the system gives no random numbers")?;
        // 248 is four times 62: above it some characters would be likelier than others.
        let characters = random
            .iter()
            .filter(|byte| **byte < 248)
            .filter_map(|byte| ALPHABET.get(usize::from(byte % 62)))
            .map(|byte| char::from(*byte));
        secret.extend(characters.take(PREFIX.len() + SECRET_CHARACTERS - secret.len()));
    }
    Ok(secret)
}

/// Whether a secret is one of ours by its look.
pub(super) fn is_ours(secret: &str) -> bool {
    secret.starts_with(PREFIX)
}

#[cfg(test)]
mod tests;
