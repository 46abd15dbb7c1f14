//! `tollgate vault`: providers' credentials at the control panel. A secret comes from a pipe, a terminal that does not show
//! it, a variable or a file, and never from the command line, which everybody on the machine can read.

use super::place;
use super::remote::{Ask, Fault, Kind, Panel, Terminal, id, new_secret, show};
use crate::secret::Secret;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use zeroize::Zeroizing;

/// A file with a secret is no longer.
const MOST: u64 = 16 * 1024;

/// Providers' credentials at the panel: put, rotate, list; gateways refer to them by vault:NAME
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate vault put openai-prod --from-env OPENAI_API_KEY
  tollgate vault rotate openai-prod < new-key.txt
  tollgate vault list
  tollgate vault rm openai-prod

In a gateway's tollgate.yaml:
  providers: { openai: { kind: openai, credential: \"vault:openai-prod\" } }

A secret is read from standard input, or named by --from-env or --file. Nothing ever shows it again.")]
pub struct VaultArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what is in the vault: names, versions and who may have it, never secrets
    #[command(after_help = "Examples:\n  tollgate vault list\n  tollgate vault list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a credential into the vault
    #[command(after_help = "Examples:
  tollgate vault put openai-prod --from-env OPENAI_API_KEY
  tollgate vault put vllm --file vllm.key --note 'the one in the cellar' --gateway edge-1
  pass show openai | tollgate vault put openai-prod")]
    Put {
        /// Its name: gateways refer to it as vault:NAME
        name: String,
        #[command(flatten)]
        source: Source,
        /// What it is [default: api-key]
        #[arg(long)]
        kind: Option<String>,
        /// What people should know of it
        #[arg(long)]
        note: Option<String>,
        /// A gateway that may have it, by name or id; may be repeated [default: every gateway]
        #[arg(long, value_name = "NAME")]
        gateway: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a credential another secret: connected gateways call with it at once
    #[command(after_help = "Examples:
  tollgate vault rotate openai-prod --from-env OPENAI_API_KEY
  tollgate vault rotate openai-prod < new-key.txt")]
    Rotate {
        /// Its name or id
        name: String,
        #[command(flatten)]
        source: Source,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change what is said of a credential, and who may have it
    #[command(after_help = "Examples:
  tollgate vault set openai-prod --gateway edge-1 --gateway edge-2
  tollgate vault set openai-prod --every-gateway --note 'for all'")]
    Set(Change),
    /// Take a credential out of the vault for good: gateways let go of it
    #[command(after_help = "Examples:\n  tollgate vault rm openai-prod")]
    Rm {
        /// Its name or id
        name: String,
    },
}

/// Where a secret comes from; standard input where nothing is said.
#[derive(Debug, Args)]
struct Source {
    /// The variable that holds the secret
    #[arg(long, value_name = "VARIABLE", conflicts_with = "file")]
    from_env: Option<String>,
    /// The file that holds the secret
    #[arg(long)]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = ["kind", "note", "gateway", "every_gateway"])]
struct Change {
    /// Its name or id
    name: String,
    /// What it is
    #[arg(long)]
    kind: Option<String>,
    /// What people should know of it; nothing where empty
    #[arg(long)]
    note: Option<String>,
    /// A gateway that may have it, by name or id, and nobody else; may be repeated
    #[arg(long, value_name = "NAME")]
    gateway: Vec<String>,
    /// Every gateway may have it
    #[arg(long, conflicts_with = "gateway")]
    every_gateway: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `tollgate vault …`.
///
/// # Errors
/// The panel cannot be reached, or refuses; or there is no secret where it was said to be.
pub fn run(
    args: &VaultArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    asked(args, env, &mut Terminal, out)
}

pub(super) fn asked(
    args: &VaultArgs,
    env: &[(String, String)],
    ask: &mut dyn Ask,
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    match &args.command {
        Command::List { json } => list(&panel, *json, out)?,
        Command::Put {
            name,
            source,
            kind,
            note,
            gateway,
            json,
        } => {
            let gateways = ids(&panel, gateway)?;
            let secret = source.read(env, ask)?;
            let mut body = words(kind.as_deref(), note.as_deref(), gateways);
            body.insert("name".to_owned(), json!(name));
            body.insert("secret".to_owned(), json!(secret.expose()));
            let made = panel.post(Kind::Credential.path(), &Value::Object(body));
            let made = made.map_err(|fault| taken(fault, name))?;
            tell(&made, "is in the vault", *json, out)?;
        }
        Command::Rotate { name, source, json } => {
            let credential = panel.find(Kind::Credential, name)?;
            let secret = source.read(env, ask)?;
            let path = format!("credentials/{}/rotate", id(&credential)?);
            let rotated = panel.post(&path, &json!({ "secret": secret.expose() }))?;
            tell(&rotated, "was rotated", *json, out)?;
        }
        Command::Set(change) => {
            let credential = panel.find(Kind::Credential, &change.name)?;
            let gateways = if change.every_gateway {
                Some(vec!["*".to_owned()])
            } else {
                ids(&panel, &change.gateway)?
            };
            let body = words(change.kind.as_deref(), change.note.as_deref(), gateways);
            let path = format!("credentials/{}", id(&credential)?);
            let changed = panel.patch_as_read(&credential, &path, &Value::Object(body))?;
            tell(&changed, "was changed", change.json, out)?;
        }
        Command::Rm { name } => {
            let credential = panel.find(Kind::Credential, name)?;
            let path = format!("credentials/{}", id(&credential)?);
            panel.delete_as_read(&credential, &path)?;
            let name = show::text(&credential, "name");
            writeln!(out, "removed {name}: gateways let go of it")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Source {
    fn read(&self, env: &[(String, String)], ask: &mut dyn Ask) -> Result<Secret<String>, Fault> {
        match (&self.from_env, &self.file) {
            (Some(name), _) => {
                let value = place::value(env, name);
                let unset = || {
                    let words = "is not set, or empty: export it, or pipe the secret in";
                    Fault::Usage(format!("the variable `{name}` {words}"))
                };
                Ok(Secret::new(value.ok_or_else(unset)?.to_owned()))
            }
            (None, Some(file)) => {
                let failed = |error| Fault::File {
                    file: file.clone(),
                    error,
                };
                let mut text = Zeroizing::new(String::with_capacity(1024));
                let opened = File::open(file).map_err(failed)?;
                let read = opened.take(MOST).read_to_string(&mut text);
                read.map_err(failed)?;
                Ok(Secret::new(bare(&text).to_owned()))
            }
            (None, None) => Ok(new_secret(ask, "The secret")?),
        }
    }
}

/// One line break at the end is the editor's, not the secret's.
fn bare(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// The ids of the gateways that are called so; none where none is named.
fn ids(panel: &Panel, called: &[String]) -> Result<Option<Vec<String>>, Fault> {
    let mut ids = Vec::with_capacity(called.len());
    for called in called {
        let gateway = panel.find(Kind::Gateway, called)?;
        ids.push(id(&gateway)?.to_owned());
    }
    Ok((!ids.is_empty()).then_some(ids))
}

/// The fields that are said.
fn words(
    kind: Option<&str>,
    note: Option<&str>,
    gateways: Option<Vec<String>>,
) -> Map<String, Value> {
    let mut body = Map::new();
    let all = [
        ("kind", kind.map(|kind| json!(kind))),
        ("note", note.map(|note| json!(note))),
        ("gateways", gateways.map(|gateways| json!(gateways))),
    ];
    for (name, value) in all {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    body
}

/// The refusal of a name that is taken says what would do.
fn taken(fault: Fault, name: &str) -> Fault {
    if fault.code() == Some("name_taken") {
        Fault::Unknown(format!(
            "{fault}\n  help: `tollgate vault rotate {name}` gives it another secret"
        ))
    } else {
        fault
    }
}

fn tell(credential: &Value, what: &str, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, credential)?);
    }
    let (name, version) = (
        show::text(credential, "name"),
        show::cell(credential, "version"),
    );
    writeln!(out, "{name} {what}: version {version}")?;
    Ok(())
}

fn list(panel: &Panel, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut credentials = panel.list(Kind::Credential.path())?;
    if json {
        return Ok(show::json(out, &Value::Array(credentials))?);
    }
    credentials.sort_by_key(|credential| show::text(credential, "name"));
    let is_named = |credential: &Value| credential.get("gateways").is_some();
    let names: BTreeMap<String, String> = if credentials.iter().any(is_named) {
        let gateways = panel.list(Kind::Gateway.path())?;
        let named = gateways.iter();
        let named = named.map(|one| (show::text(one, "id"), show::text(one, "name")));
        named.collect()
    } else {
        BTreeMap::new()
    };
    let heads = [
        "NAME", "KIND", ">VERSION", "GATEWAYS", "SINCE", "KEY", "NOTE",
    ];
    let mut table = show::Table::new(&heads);
    for credential in &credentials {
        let gateways = credential.get("gateways").and_then(Value::as_array);
        let gateways = gateways.map_or_else(
            || "all".to_owned(),
            |gateways| {
                let ids = gateways.iter().filter_map(Value::as_str);
                let ids = ids.map(|id| names.get(id).map_or(id, String::as_str));
                ids.collect::<Vec<_>>().join(",")
            },
        );
        let is_readable = credential.get("readable").and_then(Value::as_bool) != Some(false);
        let key = show::cell(credential, "key_id");
        let since = if credential.get("rotated").is_some() {
            "rotated"
        } else {
            "created"
        };
        table.row([
            show::cell(credential, "name"),
            show::cell(credential, "kind"),
            show::cell(credential, "version"),
            gateways,
            show::time(credential, since),
            if is_readable {
                key
            } else {
                format!("{key} (missing)")
            },
            show::cell(credential, "note"),
        ]);
    }
    Ok(table.print(
        out,
        "nothing is in the vault yet: `tollgate vault put NAME` puts something there",
    )?)
}
