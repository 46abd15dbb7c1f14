//! `tollgate node` and `tollgate agent`: the tree at the control panel that budgets, keys and users hang on.

use super::remote::{Fault, Kind, Panel, id, show};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

/// What a node is, by how far down it is.
const KINDS: [&str; 4] = ["org", "team", "project", "agent"];

/// The panel's tree: organisations, their teams, projects and agents
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate node new acme/red/atlas --parents
  tollgate node list
  tollgate node list acme/red
  tollgate node rm acme/red/atlas

A path has up to four parts: organisation, team, project, agent.")]
pub struct NodeArgs {
    #[command(subcommand)]
    command: NodeCommand,
}

#[derive(Debug, Subcommand)]
enum NodeCommand {
    /// Make a node
    #[command(
        after_help = "Examples:\n  tollgate node new acme\n  tollgate node new acme/red/atlas --parents"
    )]
    New(New),
    /// List nodes
    #[command(after_help = "Examples:\n  tollgate node list\n  tollgate node list acme/red --json")]
    List(List),
    /// Remove a node that nothing hangs on any more
    #[command(after_help = "Examples:\n  tollgate node rm acme/red/atlas")]
    Rm(Remove),
}

/// Agents in the panel's tree: nodes below a project
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate agent new acme/red/atlas/scout
  tollgate agent list acme/red
  tollgate agent rm acme/red/atlas/scout")]
pub struct AgentArgs {
    #[command(subcommand)]
    command: AgentCommand,
}

#[derive(Debug, Subcommand)]
enum AgentCommand {
    /// Make an agent
    #[command(
        after_help = "Examples:\n  tollgate agent new acme/red/atlas/scout\n  tollgate agent new acme/red/atlas/scout --parents"
    )]
    New(New),
    /// List agents
    #[command(
        after_help = "Examples:\n  tollgate agent list\n  tollgate agent list acme/red --json"
    )]
    List(List),
    /// Remove an agent that nothing hangs on any more
    #[command(after_help = "Examples:\n  tollgate agent rm acme/red/atlas/scout")]
    Rm(Remove),
}

#[derive(Debug, Args)]
struct New {
    /// Its place: `acme/red/atlas`
    path: String,
    /// Make those above it, too, where they are not there; that it is there itself is no error
    #[arg(long)]
    parents: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct List {
    /// Only it and what is below
    path: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Remove {
    /// Its path, name or id
    path: String,
}

/// Runs `tollgate node …`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &NodeArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    match &args.command {
        NodeCommand::New(new) => make(&panel, new, None, out)?,
        NodeCommand::List(args) => list(&panel, args, None, out)?,
        NodeCommand::Rm(args) => remove(&panel, args, None, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `tollgate agent …`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn agent(
    args: &AgentArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    let agent = Some("agent");
    match &args.command {
        AgentCommand::New(new) => make(&panel, new, agent, out)?,
        AgentCommand::List(args) => list(&panel, args, agent, out)?,
        AgentCommand::Rm(args) => remove(&panel, args, agent, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn make(panel: &Panel, new: &New, only: Option<&str>, out: &mut dyn Write) -> anyhow::Result<()> {
    let parts: Vec<&str> = new.path.trim_matches('/').split('/').collect();
    let depth = parts.len();
    let wrong = |words: String| anyhow::Error::from(Fault::Usage(words));
    let kind = KINDS.get(depth.wrapping_sub(1)).copied();
    let kind = kind.filter(|_| parts.iter().all(|part| !part.is_empty()));
    let Some(kind) = kind else {
        let words = "no path: one to four names with `/` between them, like `acme/red/atlas`";
        return Err(wrong(format!("`{}` is {words}", new.path)));
    };
    if only.is_some_and(|only| only != kind) {
        let words = "an agent is the fourth part of a path, like `acme/red/atlas/scout`";
        return Err(wrong(format!("`{}` names a {kind}: {words}", new.path)));
    }
    let known = panel.list(Kind::Node.path())?;
    let at = |path: &str| {
        let mut known = known.iter();
        known.find(|node| show::text(node, "path") == path).cloned()
    };
    let mut above: Option<Value> = None;
    for (step, (name, kind)) in parts.iter().zip(KINDS).enumerate() {
        let path = parts.get(..=step).unwrap_or_default().join("/");
        let is_last = step + 1 == depth;
        let there = at(&path).filter(|_| new.parents || !is_last);
        if let Some(there) = there {
            above = Some(there);
            continue;
        }
        if !is_last && !new.parents {
            // Told with what is near, as whoever mistyped it needs it.
            panel.find(Kind::Node, &path).map_err(|fault| match fault {
                Fault::Unknown(words) => {
                    Fault::Unknown(format!("{words}\n  help: --parents makes those above, too"))
                }
                other => other,
            })?;
        }
        let parent = above.as_ref().map(id).transpose()?;
        let body = json!({ "kind": kind, "name": name, "parent": parent });
        let made = panel.post("nodes", &body)?;
        if !new.json {
            let (kind, path) = (show::text(&made, "kind"), show::text(&made, "path"));
            writeln!(out, "made {kind} {path}")?;
        }
        above = Some(made);
    }
    let node = above.unwrap_or_default();
    if new.json {
        show::json(out, &node)?;
    } else if at(&show::text(&node, "path")).is_some() {
        writeln!(out, "{} is there already", show::text(&node, "path"))?;
    }
    Ok(())
}

fn list(panel: &Panel, args: &List, only: Option<&str>, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut nodes = panel.list(Kind::Node.path())?;
    if let Some(path) = &args.path {
        let top = show::text(&panel.find(Kind::Node, path)?, "path");
        nodes.retain(|node| is_below(&show::text(node, "path"), &top));
    }
    if let Some(only) = only {
        nodes.retain(|node| show::text(node, "kind") == only);
    }
    if args.json {
        return Ok(show::json(out, &Value::Array(nodes))?);
    }
    nodes.sort_by_key(|node| show::text(node, "path"));
    let mut table = show::Table::new(&["PATH", "KIND", "CREATED", "ID"]);
    for node in &nodes {
        table.row([
            show::cell(node, "path"),
            show::cell(node, "kind"),
            show::time(node, "created"),
            show::cell(node, "id"),
        ]);
    }
    let what = only.unwrap_or("node");
    let empty = format!("no {what} yet: `tollgate {what} new PATH --parents` makes one");
    Ok(table.print(out, &empty)?)
}

/// Whether a path is this one, or below it.
pub(super) fn is_below(path: &str, top: &str) -> bool {
    let rest = path.strip_prefix(top);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn remove(
    panel: &Panel,
    args: &Remove,
    only: Option<&str>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let fits = |node: &Value| only.is_none_or(|only| show::text(node, "kind") == only);
    let node = panel.find_among(Kind::Node, &args.path, only.unwrap_or("node"), fits)?;
    panel.delete(&format!("nodes/{}", id(&node)?))?;
    writeln!(out, "removed {}", show::text(&node, "path"))?;
    Ok(())
}
