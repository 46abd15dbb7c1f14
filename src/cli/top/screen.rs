//! What a frame of `tollgate top` looks like: lines that fit a terminal, what needs somebody first.

use super::counts::{self, Counts};
use super::{Look, Pace, Rates};
use crate::cli::remote::show::{self, Table};
use crate::units::Money;
use clap::builder::styling::{AnsiColor, Style};
use jiff::Timestamp;
use rustix::termios::tcgetwinsize;
use serde_json::Value;
use std::io;

/// How wide a bar is.
const BAR: usize = 20;

/// How much fits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) rows: usize,
    columns: usize,
}

impl Size {
    /// All of it.
    pub(super) const ENDLESS: Self = Self {
        rows: usize::MAX,
        columns: usize::MAX,
    };

    /// So much.
    #[cfg(test)]
    pub(super) const fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns }
    }

    /// That of standard output, which may change from frame to frame.
    pub(super) fn of_terminal() -> Self {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_row > 0 && size.ws_col > 0 => Self {
                rows: usize::from(size.ws_row),
                columns: usize::from(size.ws_col),
            },
            _ => Self {
                rows: 24,
                columns: 80,
            },
        }
    }

    fn cut(self, line: &str) -> String {
        if line.chars().count() <= self.columns {
            return line.to_owned();
        }
        let mut cut: String = line.chars().take(self.columns.saturating_sub(1)).collect();
        cut.push('…');
        cut
    }
}

/// A line that tells of trouble.
pub(super) fn alarm(words: &str, size: Size) -> String {
    painted(&size.cut(words), Some(AnsiColor::Red))
}

/// The frame.
pub(super) fn lines(look: &Look, pace: &Pace, url: &str, size: Size) -> Vec<String> {
    let at = Timestamp::from_second(look.at).map(|at| at.to_string());
    let head = format!("tollgate panel {url}   {}", at.unwrap_or_default());
    let mut lines = vec![painted(&size.cut(&head), None)];
    // What needs somebody goes first: a small terminal cuts the end.
    if !look.kills.is_empty() {
        section("STOPPED", &kills(look), None, size, &mut lines);
    }
    if !look.requests.is_empty() {
        section("REQUESTS", &requests(look), None, size, &mut lines);
    }
    let bars: Vec<(String, AnsiColor)> = look.budgets.iter().map(bar).collect();
    let budgets = budgets(look, &pace.rates, &bars);
    section("BUDGETS", &budgets, Some(&bars), size, &mut lines);
    if let Some(gateways) = &look.gateways {
        let table = gateway_rows(gateways, look.at);
        section("GATEWAYS", &table, None, size, &mut lines);
    }
    if let Some(refusals) = &look.refusals {
        let table = count_rows(refusals, &pace.refusals, "CODE");
        section("REFUSALS", &table, None, size, &mut lines);
    }
    if let Some(findings) = &look.findings {
        let table = count_rows(findings, &pace.findings, "KIND");
        section("FINDINGS", &table, None, size, &mut lines);
    }
    // The last row stays free for the cursor.
    let fits = size.rows.saturating_sub(1);
    if lines.len() > fits {
        let more = lines.len().saturating_sub(fits).saturating_add(1);
        lines.truncate(fits.saturating_sub(1));
        lines.push(format!("… {more} more lines"));
    }
    lines
}

/// A table under its title; `bars` are painted where they stand.
fn section(
    title: &str,
    table: &Table,
    bars: Option<&[(String, AnsiColor)]>,
    size: Size,
    lines: &mut Vec<String>,
) {
    let rows = table.lines();
    lines.push(String::new());
    if rows.len() == 1 {
        lines.push(format!("{}  none", painted(title, None)));
        return;
    }
    lines.push(painted(title, None));
    for (number, row) in rows.iter().enumerate() {
        let row = size.cut(row);
        let bar = number.checked_sub(1).and_then(|at| bars?.get(at));
        lines.push(match bar {
            Some((bar, colour)) => row.replacen(bar, &painted(bar, Some(*colour)), 1),
            None => row,
        });
    }
}

fn painted(text: &str, colour: Option<AnsiColor>) -> String {
    let style = match colour {
        None => Style::new().bold(),
        Some(colour) => Style::new().fg_color(Some(colour.into())),
    };
    format!("{style}{text}{style:#}")
}

/// Spent, presumed spent, held, and what is left of the limit.
fn bar(budget: &Value) -> (String, AnsiColor) {
    let limit = i128::from(show::money(budget, "limit").nanos().max(1));
    let part = |sum: Money| {
        let cells = i128::from(sum.nanos()).saturating_mul(BAR as i128);
        usize::try_from(cells.max(0) / limit)
            .unwrap_or(BAR)
            .min(BAR)
    };
    let spent = show::money(budget, "spent");
    let gone = spent.plus(show::money(budget, "uncertain"));
    let used = gone.plus(show::money(budget, "held"));
    let (spent, gone, used) = (part(spent), part(gone), part(used));
    let cells = [
        ("█", spent),
        ("▓", gone.saturating_sub(spent)),
        ("▒", used.saturating_sub(gone)),
        ("·", BAR.saturating_sub(used)),
    ];
    let bar = cells.map(|(cell, count)| cell.repeat(count)).concat();
    let percent = budget.get("used_percent").and_then(Value::as_u64);
    let colour = match percent.unwrap_or(0) {
        90.. => AnsiColor::Red,
        70.. => AnsiColor::Yellow,
        _ => AnsiColor::Green,
    };
    (bar, colour)
}

fn budgets(look: &Look, rates: &Rates, bars: &[(String, AnsiColor)]) -> Table {
    let mut table = Table::new(&[
        "BUDGET",
        "",
        ">USED",
        ">SPENT",
        ">HELD",
        ">LEFT",
        ">LIMIT",
        ">RATE/H",
        ">LASTS",
        ">RESETS IN",
    ]);
    for (budget, (bar, _)) in look.budgets.iter().zip(bars) {
        let rate = rates.of(budget);
        let lasts = rate.and_then(|rate| lasts(show::money(budget, "remaining"), rate));
        let resets = seconds(budget, "resets").map(|at| span(at.saturating_sub(look.at)));
        table.row([
            show::cell(budget, "name"),
            bar.clone(),
            format!("{}%", show::cell(budget, "used_percent")),
            short(show::money(budget, "spent")),
            short(show::money(budget, "held")),
            short(show::money(budget, "remaining")),
            short(show::money(budget, "limit")),
            rate.map_or_else(|| "-".to_owned(), short),
            lasts.map_or_else(|| "-".to_owned(), span),
            resets.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table
}

/// For how many seconds what is left will do.
fn lasts(left: Money, rate: Money) -> Option<i64> {
    let rate = i128::from(rate.nanos());
    if rate <= 0 {
        return None;
    }
    let seconds = i128::from(left.nanos()).saturating_mul(3_600) / rate;
    i64::try_from(seconds).ok()
}

fn gateway_rows(gateways: &[Value], now: i64) -> Table {
    let mut table = Table::new(&["NAME", "STATE", ">LAST SEEN", ">LEASES", ">HELD"]);
    for gateway in gateways {
        let seen = seconds(gateway, "last_seen");
        let seen = seen.map(|at| format!("{} ago", span(now.saturating_sub(at))));
        table.row([
            show::cell(gateway, "name"),
            show::cell(gateway, "state"),
            seen.unwrap_or_else(|| "never".to_owned()),
            show::cell(gateway, "leases"),
            short(show::money(gateway, "held")),
        ]);
    }
    table
}

fn count_rows(counts: &Counts, rates: &counts::Rates, what: &str) -> Table {
    let mut table = Table::new(&[what, ">THIS HOUR", ">HOUR BEFORE", ">RATE/MIN"]);
    for line in counts.lines() {
        table.row([
            line.name.clone(),
            line.now.to_string(),
            line.before.to_string(),
            rates.of(&line.name),
        ]);
    }
    table
}

fn kills(look: &Look) -> Table {
    let mut table = Table::new(&["FOR", ">SINCE", "BY", "REASON"]);
    for kill in &look.kills {
        let since = seconds(kill, "at").map(|at| span(look.at.saturating_sub(at)));
        table.row([
            show::cell(kill, "name"),
            since.unwrap_or_else(|| "-".to_owned()),
            show::cell(kill, "by"),
            show::cell(kill, "reason"),
        ]);
    }
    table
}

fn requests(look: &Look) -> Table {
    let mut table = Table::new(&["BUDGET", ">AMOUNT", ">SINCE", "BY", "REASON", "ID"]);
    for request in &look.requests {
        let since = seconds(request, "created").map(|at| span(look.at.saturating_sub(at)));
        table.row([
            show::cell(request, "budget_name"),
            short(show::money(request, "amount")),
            since.unwrap_or_else(|| "-".to_owned()),
            show::cell(request, "asked_by"),
            show::cell(request, "reason"),
            show::cell(request, "id"),
        ]);
    }
    table
}

/// A time, in seconds since the epoch.
fn seconds(thing: &Value, field: &str) -> Option<i64> {
    let time = thing.get(field).and_then(Value::as_str)?;
    Some(time.parse::<Timestamp>().ok()?.as_second())
}

/// A length of time in its two largest units.
fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m{rest:02}s"),
        (0, _, _) => format!("{hours}h{minutes:02}m"),
        (1..=999, _, _) => format!("{days}d{hours:02}h"),
        _ => "years".to_owned(),
    }
}

/// An amount to look at: cents, and finer only below a dollar. Rounded down; exact ones are in the other commands.
fn short(money: Money) -> String {
    let finest = if money.nanos().unsigned_abs() < 1_000_000_000 {
        100_000
    } else {
        10_000_000
    };
    let nanos = money.nanos();
    let rounded = nanos.saturating_sub(nanos.rem_euclid(finest));
    format!("${}", Money::from_nanos(rounded))
}
