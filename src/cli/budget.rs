//! `tollgate budget`: the budgets at a control panel, and what became of them.

mod entries;
mod lending;

use super::remote::{Fault, Kind, Panel, id, show};
use crate::units::Money;
use clap::{Args, Subcommand, ValueEnum};
use entries::Entries;
use lending::Lending;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::process::ExitCode;

/// Budgets at the panel: make, list, look at, change
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate budget new acme/red/atlas --limit 50.00 --window 1d --tz Europe/Berlin --soft 50,80
  tollgate budget list
  tollgate budget show acme/red/atlas
  tollgate budget set acme/red/atlas --limit 75.00
  tollgate budget entries acme/red/atlas
  tollgate budget rm acme/red/atlas --window 1d")]
pub struct BudgetArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a budget
    #[command(after_help = "Examples:
  tollgate budget new acme --limit 1000 --window 1mo
  tollgate budget new acme/red/atlas --limit 50.00 --window 1d --tz Europe/Berlin --soft 50,80 --at-limit deny
  tollgate budget new acme/red --limit 200 --window 1w --advisory
  tollgate budget new acme/red --limit 200 --window 1w --offline-target 10m --partition deny")]
    New(New),
    /// List budgets with their figures of this period
    #[command(
        after_help = "Examples:\n  tollgate budget list\n  tollgate budget list acme/red\n  tollgate budget list --json | jq '.[] | select(.used_percent > 80)'"
    )]
    List {
        /// Only those of this node and of those below
        path: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a budget with its figures of this period
    #[command(
        after_help = "Examples:\n  tollgate budget show acme/red/atlas\n  tollgate budget show 'acme/red/atlas 1d' --json"
    )]
    Show {
        #[command(flatten)]
        which: Which,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change a budget; what is lent already stays lent where the limit falls below it
    #[command(after_help = "Examples:
  tollgate budget set acme/red/atlas --limit 75.00
  tollgate budget set acme/red/atlas --window 1d --soft 50,80,95 --at-limit deny")]
    Set(Set),
    /// Remove a budget: what it bounded is bounded by those above it alone
    #[command(after_help = "Examples:\n  tollgate budget rm acme/red/atlas --window 1d")]
    Rm {
        #[command(flatten)]
        which: Which,
    },
    Entries(Entries),
}

/// Which budget.
#[derive(Debug, Args)]
struct Which {
    /// The path of its node, its full name (`acme/red/atlas 1d`) or its id
    path: String,
    /// Its window, where the node has several budgets
    #[arg(long)]
    window: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AtLimit {
    /// A call that does not fit is made smaller, if it can be
    Clamp,
    /// It is refused
    Deny,
}

impl AtLimit {
    const fn word(self) -> &'static str {
        match self {
            Self::Clamp => "clamp",
            Self::Deny => "deny",
        }
    }
}

#[derive(Debug, Args)]
struct New {
    /// The node whose spending it bounds: path, name or id
    path: String,
    /// How much there is in a period, in dollars
    #[arg(long, value_name = "DOLLARS")]
    limit: Money,
    /// How long a period is: 1h, 1d, 1w, 1mo or total
    #[arg(long)]
    window: String,
    /// Where its calendar is read: an IANA time zone [default: UTC]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// At how many per cent somebody is told
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', value_parser = percent)]
    soft: Vec<u8>,
    /// What happens to a call that does not fit [default: clamp]
    #[arg(long, value_enum)]
    at_limit: Option<AtLimit>,
    /// The limit does not bind: it is only told
    #[arg(long)]
    advisory: bool,
    #[command(flatten)]
    lending: Lending,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Set {
    #[command(flatten)]
    which: Which,
    /// How much there is in a period, in dollars
    #[arg(
        long,
        value_name = "DOLLARS",
        required_unless_present_any = ["soft", "at_limit", "advisory", "binding", "offline_target", "partition"]
    )]
    limit: Option<Money>,
    /// At how many per cent somebody is told
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', value_parser = percent)]
    soft: Option<Vec<u8>>,
    /// What happens to a call that does not fit
    #[arg(long, value_enum)]
    at_limit: Option<AtLimit>,
    /// The limit binds no longer: it is only told
    #[arg(long, conflicts_with = "binding")]
    advisory: bool,
    /// The limit binds
    #[arg(long)]
    binding: bool,
    #[command(flatten)]
    lending: Lending,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads `80` and `80%`.
fn percent(text: &str) -> Result<u8, String> {
    let number = text.trim().trim_end_matches('%').parse().ok();
    let number = number.filter(|number| (1..=100).contains(number));
    number.ok_or_else(|| "a whole number from 1 to 100 is expected".to_owned())
}

/// Runs `tollgate budget …`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &BudgetArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    match &args.command {
        Command::New(new) => make(&panel, new, out)?,
        Command::List { path, json } => list(&panel, path.as_deref(), *json, out)?,
        Command::Show { which, json } => {
            let found = which.find(&panel)?;
            let budget = panel.get(&format!("budgets/{}", id(&found)?))?;
            tell(&budget, *json, out)?;
        }
        Command::Set(set) => change(&panel, set, out)?,
        Command::Rm { which } => {
            let budget = which.find(&panel)?;
            panel.delete_as_read(&budget, &format!("budgets/{}", id(&budget)?))?;
            writeln!(out, "removed {}", show::text(&budget, "name"))?;
        }
        Command::Entries(args) => entries::run(&panel, args, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Which {
    fn find(&self, panel: &Panel) -> Result<Value, Fault> {
        find(panel, &self.path, self.window.as_deref())
    }
}

/// The budget that is called so.
pub(super) fn find(panel: &Panel, called: &str, window: Option<&str>) -> Result<Value, Fault> {
    let fits = |budget: &Value| window.is_none_or(|window| show::text(budget, "window") == window);
    let what = window.map_or_else(|| "budget".to_owned(), |window| format!("{window} budget"));
    panel.find_among(Kind::Budget, called, &what, fits)
}

fn make(panel: &Panel, new: &New, out: &mut dyn Write) -> anyhow::Result<()> {
    let node = panel.find(Kind::Node, &new.path)?;
    let mut body = Map::new();
    body.insert("node".to_owned(), json!(id(&node)?));
    body.insert("window".to_owned(), json!(new.window));
    body.insert("limit".to_owned(), json!(new.limit));
    body.insert("hard".to_owned(), json!(!new.advisory));
    body.insert("soft".to_owned(), json!(new.soft));
    if let Some(zone) = &new.tz {
        body.insert("tz".to_owned(), json!(zone));
    }
    if let Some(at_limit) = new.at_limit {
        body.insert("at_limit".to_owned(), json!(at_limit.word()));
    }
    new.lending.tell(&mut body);
    let budget = panel.post("budgets", &Value::Object(body))?;
    told("made", &budget, new.json, out)
}

fn change(panel: &Panel, set: &Set, out: &mut dyn Write) -> anyhow::Result<()> {
    let budget = set.which.find(panel)?;
    let mut body = Map::new();
    if let Some(limit) = set.limit {
        body.insert("limit".to_owned(), json!(limit));
    }
    if let Some(soft) = &set.soft {
        body.insert("soft".to_owned(), json!(soft));
    }
    if let Some(at_limit) = set.at_limit {
        body.insert("at_limit".to_owned(), json!(at_limit.word()));
    }
    if set.advisory || set.binding {
        body.insert("hard".to_owned(), json!(set.binding));
    }
    set.lending.tell(&mut body);
    let path = format!("budgets/{}", id(&budget)?);
    let changed = panel.patch_as_read(&budget, &path, &Value::Object(body))?;
    told("changed", &changed, set.json, out)
}

fn told(done: &str, budget: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, budget)?);
    }
    let (name, limit) = (show::text(budget, "name"), show::dollars(budget, "limit"));
    let binds = if budget.get("hard") == Some(&json!(false)) {
        ", advisory"
    } else {
        ""
    };
    writeln!(out, "{done} {name}: {limit}{binds}")?;
    if show::money(budget, "overcommitted") > Money::ZERO {
        let beyond = show::dollars(budget, "overcommitted");
        writeln!(
            out,
            "{beyond} more than that is lent or spent already: nothing new is lent until it is back"
        )?;
    }
    Ok(())
}

fn list(panel: &Panel, path: Option<&str>, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut budgets = panel.list(Kind::Budget.path())?;
    if let Some(path) = path {
        let top = show::text(&panel.find(Kind::Node, path)?, "path");
        budgets.retain(|budget| super::node::is_below(&node_of(budget), &top));
    }
    if json {
        return Ok(show::json(out, &Value::Array(budgets))?);
    }
    budgets.sort_by_key(|budget| show::text(budget, "name"));
    let mut table = show::Table::new(&[
        "BUDGET",
        ">LIMIT",
        ">SPENT",
        ">HELD",
        ">REMAINING",
        ">USED",
        "RESETS",
    ]);
    for budget in &budgets {
        table.row([
            show::cell(budget, "name"),
            show::dollars(budget, "limit"),
            show::dollars(budget, "spent"),
            show::dollars(budget, "held"),
            show::dollars(budget, "remaining"),
            format!("{}%", show::cell(budget, "used_percent")),
            show::time(budget, "resets"),
        ]);
    }
    let empty = "no budget yet: `tollgate budget new PATH --limit 50.00 --window 1d` makes one";
    Ok(table.print(out, empty)?)
}

/// The path of a budget's node.
fn node_of(budget: &Value) -> String {
    let (name, window) = (show::text(budget, "name"), show::text(budget, "window"));
    let path = name.strip_suffix(&window).unwrap_or(&name);
    path.trim_end().to_owned()
}

fn tell(budget: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, budget)?);
    }
    let hard = budget.get("hard") != Some(&json!(false));
    let at_limit = match (hard, show::text(budget, "at_limit").as_str()) {
        (false, _) => "told only (advisory)".to_owned(),
        (true, "clamp") => "calls are made smaller, else refused".to_owned(),
        (true, _) => "calls are refused".to_owned(),
    };
    let pairs = [
        ("budget", show::cell(budget, "name")),
        ("id", show::cell(budget, "id")),
        ("limit", show::dollars(budget, "limit")),
        (
            "spent",
            format!(
                "{} ({}%)",
                show::dollars(budget, "spent"),
                show::cell(budget, "used_percent")
            ),
        ),
        ("held", show::dollars(budget, "held")),
        ("uncertain", show::dollars(budget, "uncertain")),
        ("remaining", show::dollars(budget, "remaining")),
        ("overcommitted", show::dollars(budget, "overcommitted")),
        ("at the limit", at_limit),
        ("lent for", lent_for(budget)),
        ("panel away", lending::words(budget)),
        ("told at", percents(budget)),
        ("time zone", show::cell(budget, "tz")),
        ("resets", show::time(budget, "resets")),
        ("version", show::cell(budget, "revision")),
    ];
    Ok(show::fields(out, &pairs)?)
}

/// How much spending gateways may hold at once.
fn lent_for(budget: &Value) -> String {
    match show::text(budget, "offline_target").as_str() {
        "panel" | "" => "as the panel's configuration says".to_owned(),
        target => target.to_owned(),
    }
}

fn percents(budget: &Value) -> String {
    let soft = budget.get("soft").and_then(Value::as_array);
    let soft = soft.into_iter().flatten().map(|soft| format!("{soft}%"));
    let soft: Vec<String> = soft.collect();
    if soft.is_empty() {
        "-".to_owned()
    } else {
        soft.join(", ")
    }
}
