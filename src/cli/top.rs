//! `tollgate top`: a control panel at a glance, every second anew.
//!
//! Figures are the panel's; what is worked out here is how fast a budget goes and how often calls are refused, from what
//! changed between two looks. A look
//! that fails leaves the last figures on the screen and says so: whoever watches a fire does not want the window closed.
//!
//! Not here: what a frame looks like (`screen`).

mod counts;
mod screen;

use super::remote::{Fault, Panel, show};
use crate::units::Money;
use anstream::ColorChoice;
use clap::Args;
use counts::{Counts, Tempo};
use jiff::Timestamp;
use screen::Size;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(1);
/// Over so many looks a rate is taken.
const LOOKS: usize = 61;

/// Watch the panel: budgets and how fast they go, gateways, switches, requests, refusals and findings
///
/// Every second anew, until Ctrl-C. Where standard output is no terminal, one frame.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate top
  tollgate top --once
  tollgate top --json | jq '.budgets[] | {name, remaining}'

In a bar, what is spent comes first (█), then what is presumed spent (▓) and what gateways hold (▒).
The rate is that of the last minute; with --once, the mean of the period so far; of refusals and findings, of this hour.")]
pub struct TopArgs {
    /// Print one frame
    #[arg(long)]
    once: bool,
    /// Print one frame as JSON
    #[arg(long)]
    json: bool,
}

/// What the panel said at one time.
#[derive(Debug, Default)]
struct Look {
    /// Seconds since the epoch.
    at: i64,
    budgets: Vec<Value>,
    /// None for those who may not see them.
    gateways: Option<Vec<Value>>,
    kills: Vec<Value>,
    requests: Vec<Value>,
    /// None where the panel is of a version that does not count them.
    refusals: Option<Counts>,
    findings: Option<Counts>,
}

impl Look {
    fn take(panel: &Panel) -> Result<Self, Fault> {
        let mut budgets = panel.list("budgets")?;
        budgets.sort_by_key(|budget| {
            let used = budget.get("used_percent").and_then(Value::as_u64);
            (std::cmp::Reverse(used), show::text(budget, "name"))
        });
        let gateways = match panel.list("gateways") {
            Ok(gateways) => Some(gateways),
            // Gateways are for those who see all of the panel.
            Err(fault) if matches!(fault.code(), Some("out_of_scope" | "role_too_low")) => None,
            Err(fault) => return Err(fault),
        };
        let mut kills = panel.list("kills")?;
        kills.retain(|kill| kill.get("in_force") != Some(&Value::Bool(false)));
        let at = crate::clock::now().wall.secs();
        Ok(Self {
            at,
            budgets,
            gateways,
            kills,
            requests: panel.list("requests?state=open")?,
            refusals: Counts::take(panel, "refusals?group_by=code", at)?,
            findings: Counts::take(panel, "findings?group_by=kind", at)?,
        })
    }

    fn json(&self, url: &str) -> Value {
        let at = Timestamp::from_second(self.at).map(|at| at.to_string());
        json!({
            "at": at.ok(),
            "panel": url,
            "budgets": self.budgets,
            "gateways": self.gateways,
            "kills": self.kills,
            "requests": self.requests,
            "refusals": self.refusals.as_ref().map(Counts::json),
            "findings": self.findings.as_ref().map(Counts::json),
        })
    }

    /// Spent so far.
    fn spent(&self) -> Spent {
        let spent = self.budgets.iter().map(|budget| {
            let spent = show::money(budget, "spent").plus(show::money(budget, "uncertain"));
            (period(budget), spent)
        });
        spent.collect()
    }

    /// The mean of each budget's period so far.
    fn means(&self) -> Rates {
        let means = self.spent().into_iter().filter_map(|(key, spent)| {
            let passed = self.at.saturating_sub(key.1);
            // What has no beginning has no mean.
            (key.1 > 0 && passed > 0).then(|| (key, hourly(spent, passed.saturating_mul(1_000))))
        });
        Rates(means.collect())
    }
}

/// Money by budget and period.
type Spent = BTreeMap<(String, i64), Money>;

/// A budget, and which of its periods.
fn period(budget: &Value) -> (String, i64) {
    let period = budget.get("period").and_then(Value::as_i64);
    (show::text(budget, "id"), period.unwrap_or(0))
}

/// Dollars an hour.
#[derive(Debug, Default)]
struct Rates(Spent);

impl Rates {
    fn of(&self, budget: &Value) -> Option<Money> {
        self.0.get(&period(budget)).copied()
    }
}

fn hourly(spent: Money, millis: i64) -> Money {
    let nanos = i128::from(spent.nanos()).saturating_mul(3_600_000) / i128::from(millis.max(1));
    Money::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// How fast everything goes.
#[derive(Debug, Default)]
struct Pace {
    rates: Rates,
    refusals: counts::Rates,
    findings: counts::Rates,
}

impl Pace {
    /// The mean so far: of budgets' periods, of this hour.
    fn mean(look: &Look) -> Self {
        let mean = |counts: &Option<Counts>| {
            let counts = counts.as_ref();
            counts.map_or_else(counts::Rates::default, |counts| counts.means(look.at))
        };
        Self {
            rates: look.means(),
            refusals: mean(&look.refusals),
            findings: mean(&look.findings),
        }
    }
}

/// What was spent at the last looks, and when they were.
#[derive(Debug, Default)]
struct Past(VecDeque<(Duration, Spent)>);

impl Past {
    /// Adds a look; how fast each budget goes since the oldest that is remembered.
    fn rates(&mut self, at: Duration, spent: Spent) -> Rates {
        let mut rates = BTreeMap::new();
        for (key, now) in &spent {
            let before = self.0.iter();
            let before = before.filter_map(|(at, spent)| Some((*at, *spent.get(key)?)));
            // In a new period it has not been seen yet.
            let Some((then, before)) = before.into_iter().next() else {
                continue;
            };
            let millis = at.saturating_sub(then).as_millis();
            let millis = i64::try_from(millis).unwrap_or(i64::MAX);
            if millis > 0 {
                rates.insert(key.clone(), hourly(now.less(before), millis));
            }
        }
        self.0.push_back((at, spent));
        if self.0.len() > LOOKS {
            self.0.pop_front();
        }
        Rates(rates)
    }
}

/// Runs `tollgate top`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &TopArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let mut panel = Panel::open(env)?;
    let stdout = io::stdout();
    if args.once || args.json || !stdout.is_terminal() {
        frame(&panel, args.json, out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let coloured = anstream::AutoStream::choice(&stdout) != ColorChoice::Never;
    watch(&mut panel, coloured)?;
    Ok(ExitCode::SUCCESS)
}

/// One frame.
fn frame(panel: &Panel, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let look = Look::take(panel)?;
    if json {
        return Ok(show::json(out, &look.json(panel.url()))?);
    }
    let pace = Pace::mean(&look);
    for line in screen::lines(&look, &pace, panel.url(), Size::ENDLESS) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Frame after frame, until Ctrl-C.
fn watch(panel: &mut Panel, coloured: bool) -> anyhow::Result<()> {
    panel.heed_interrupts()?;
    let mut past = Past::default();
    let mut tempos = (Tempo::default(), Tempo::default());
    let mut shown: Option<(Look, Pace)> = None;
    // Cleared once; then line over line, so that nothing flickers. Past what would take these orders out as colour.
    let mut screen = io::stdout().lock();
    screen.write_all(b"\x1b[2J")?;
    loop {
        let trouble = match Look::take(panel) {
            Ok(look) => {
                let now = crate::clock::since_start();
                let pace = Pace {
                    rates: past.rates(now, look.spent()),
                    refusals: tempos.0.rates(now, look.refusals.as_ref()),
                    findings: tempos.1.rates(now, look.findings.as_ref()),
                };
                shown = Some((look, pace));
                None
            }
            Err(Fault::Interrupted) => return Ok(()),
            Err(fault) if shown.is_some() && is_passing(&fault) => Some(fault.to_string()),
            Err(fault) => return Err(fault.into()),
        };
        if let Some((look, pace)) = &shown {
            let size = Size::of_terminal();
            let mut lines = screen::lines(look, pace, panel.url(), size);
            if let Some(trouble) = trouble {
                let trouble = trouble.lines().next().unwrap_or_default().to_owned();
                lines.truncate(size.rows.saturating_sub(1));
                lines.push(screen::alarm(&trouble, size));
            }
            let mut text = "\x1b[H".to_owned();
            for line in lines {
                if coloured {
                    text.push_str(&line);
                } else {
                    text.push_str(&anstream::adapter::strip_str(&line).to_string());
                }
                text.push_str("\x1b[K\r\n");
            }
            text.push_str("\x1b[J");
            screen.write_all(text.as_bytes())?;
            screen.flush()?;
        }
        if !panel.pause(EVERY) {
            return Ok(());
        }
    }
}

/// Whether it may be over the next time.
fn is_passing(fault: &Fault) -> bool {
    match fault {
        Fault::Unreachable { .. } | Fault::Strange { .. } => true,
        Fault::Refused(_) => fault.code() != Some("unauthenticated"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
