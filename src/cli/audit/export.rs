//! `tollgate audit export`: records of a range of time, picked by their members, as JSON lines or CSV.
//!
//! JSON lines leave as they stand in the log, links included. CSV holds the flat members in fixed columns. Text in it that a
//! spreadsheet would take for a formula gets an apostrophe in front: model, run and session are a caller's own words.

use super::super::place::Place;
use super::{bar, unreadable};
use crate::app::audit::records;
use crate::clock::{self, Wall};
use crate::pattern::Pattern;
use crate::settings::duration;
use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Write out the records of a range of time
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate audit export --since 7d
  tollgate audit export --since 2026-11-01 --until 2026-12-01 --format csv -o november.csv
  tollgate audit export --where project=atlas --where verdict=deny --where 'model=gpt-*' | jq .

Times count from when a call came. `verify` first: this command does not check what it writes out.")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) place: Place,
    /// From then on: a length of time back from now (7d, 12h), a date (UTC) or a time (2026-11-21T10:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = when)]
    since: Option<When>,
    /// Before then, in the same forms
    #[arg(long, value_name = "TIME", value_parser = when)]
    until: Option<When>,
    /// In which form
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Only records with this member: key, team, project, model, verdict, reason, status, …; `*` stands for any text.
    /// Repeated, all must hold; of one member, any
    #[arg(long = "where", value_name = "MEMBER=VALUE", value_parser = condition)]
    conditions: Vec<Condition>,
    /// Write to this file, readable by its owner alone [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The lines as they stand in the log
    Jsonl,
    /// A table with a header
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Ago(Duration),
    At(Wall),
}

impl When {
    fn wall(self, now: Wall) -> Wall {
        match self {
            Self::At(wall) => wall,
            Self::Ago(time) => {
                let nanos = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
                Wall(now.0.saturating_sub(nanos))
            }
        }
    }
}

fn when(text: &str) -> Result<When, String> {
    if let Ok(time) = duration(text) {
        return Ok(When::Ago(time));
    }
    let at = text.parse::<jiff::Timestamp>().or_else(|_| {
        let date: jiff::civil::Date = text.parse()?;
        date.to_zoned(jiff::tz::TimeZone::UTC)
            .map(|midnight| midnight.timestamp())
    });
    let at = at
        .ok()
        .and_then(|at| i64::try_from(at.as_nanosecond()).ok());
    at.map(|nanos| When::At(Wall(nanos))).ok_or_else(|| {
        "write how long ago (`7d`, `12h`), a date (`2026-11-21`) or a time (`2026-11-21T10:00:00Z`)"
            .to_owned()
    })
}

#[derive(Debug, Clone)]
struct Condition {
    member: String,
    value: Pattern,
}

fn condition(text: &str) -> Result<Condition, String> {
    match text.split_once('=') {
        Some((member, value)) if !member.is_empty() => Ok(Condition {
            member: member.to_owned(),
            value: Pattern::new(value),
        }),
        _ => Err("write a member and its value, like `verdict=deny`".to_owned()),
    }
}

impl Condition {
    fn holds(&self, record: &Value) -> bool {
        let member = record.get(&self.member);
        member.is_some_and(|member| self.value.matches(&plain(member)))
    }
}

/// Whether, of every member that is asked for, one of the values asked for is there.
fn wanted(conditions: &[Condition], record: &Value) -> bool {
    conditions.iter().all(|asked| {
        let of_same = conditions.iter().filter(|one| one.member == asked.member);
        of_same.into_iter().any(|one| one.holds(record))
    })
}

pub(super) fn run(args: &ExportArgs, dir: &Path, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let Some(path) = &args.output else {
        write(args, dir, &mut BufWriter::new(out))?;
        return Ok(ExitCode::SUCCESS);
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    ensure!(
        folder.ok() != dir.canonicalize().ok(),
        "`{}` lies in the decision log itself: write it elsewhere",
        path.display()
    );
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    let count = write(args, dir, &mut BufWriter::new(file))?;
    writeln!(out, "{count} records written to {}", path.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes what was asked for; how many records that is.
fn write(args: &ExportArgs, dir: &Path, out: &mut dyn Write) -> anyhow::Result<u64> {
    let now = clock::now().wall;
    let (since, until) = (args.since, args.until);
    let mut found = records(
        dir,
        since.map(|since| since.wall(now)),
        until.map(|until| until.wall(now)),
    )
    .with_context(|| unreadable(dir))?;
    // A bar between the lines on one terminal would serve nobody.
    let bar = bar(
        args.output.is_some() || !io::stdout().is_terminal(),
        "exporting",
    )?;
    if args.format == Format::Csv {
        writeln!(out, "{}", COLUMNS.join(","))?;
    }
    let mut count = 0_u64;
    let mut seen = 0_u64;
    while let Some(line) = found.next() {
        let line = line.with_context(|| unreadable(dir))?;
        seen += 1;
        if seen.is_multiple_of(1_024) {
            let (read, all) = found.progress();
            bar.set_length(all);
            bar.set_position(read);
        }
        let is_parsed = args.format == Format::Csv || !args.conditions.is_empty();
        let record: Value = if is_parsed {
            serde_json::from_str(&line).unwrap_or_default()
        } else {
            Value::Null
        };
        if !wanted(&args.conditions, &record) {
            continue;
        }
        count += 1;
        match args.format {
            Format::Jsonl => writeln!(out, "{line}")?,
            Format::Csv => writeln!(out, "{}", row(&record))?,
        }
    }
    out.flush()?;
    bar.finish_and_clear();
    Ok(count)
}

/// The columns of a table. `rules` are those of `ruled`; `lost`, `from` and `to` those of gap records.
const COLUMNS: &[&str] = &[
    "seq",
    "kind",
    "id",
    "at",
    "key",
    "org",
    "team",
    "project",
    "agent",
    "user",
    "run",
    "session",
    "endpoint",
    "stream",
    "model",
    "provider",
    "verdict",
    "reason",
    "scope",
    "rules",
    "status",
    "input",
    "cached_input",
    "cache_write",
    "cache_write_1h",
    "audio_input",
    "output",
    "reasoning",
    "audio_output",
    "images",
    "estimated",
    "cost",
    "reserved",
    "decide_us",
    "first_byte_us",
    "total_us",
    "config",
    "policy",
    "prices",
    "lost",
    "from",
    "to",
];

fn row(record: &Value) -> String {
    let cells = COLUMNS.iter().map(|column| {
        let member = match *column {
            "rules" => record.pointer("/ruled/rules"),
            "kind" => return cell(record.get("kind").map_or("decision".to_owned(), plain)),
            other => record.get(other),
        };
        cell(member.map(plain).unwrap_or_default())
    });
    cells.collect::<Vec<_>>().join(",")
}

/// A value as text: strings without quotes, lists with spaces.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// A cell: no formula, and quoted where it must be.
fn cell(mut text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        text.insert(0, '\'');
    }
    if text.contains(['"', ',', '\n', '\r']) {
        text = format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_lengths_back_dates_and_timestamps() {
        let check = |text: &str, expected: Option<When>| {
            assert_eq!(when(text).ok(), expected, "{text}");
        };
        check("7d", Some(When::Ago(Duration::from_hours(168))));
        check("2026-11-21", Some(When::At(Wall::from_secs(1_795_219_200))));
        let ten = When::At(Wall::from_secs(1_795_255_200));
        check("2026-11-21T10:00:00Z", Some(ten));
        check("2026-11-21T12:00:00+02:00", Some(ten));
        check("yesterday", None);
        check("", None);
    }

    #[test]
    fn all_members_must_hold_and_of_one_any_value() {
        let record = json!({ "model": "gpt-4o", "verdict": "deny", "status": 429 });
        let check = |asked: &[&str], expected: bool| {
            let asked: Vec<Condition> = asked.iter().map(|one| condition(one).unwrap()).collect();
            assert_eq!(wanted(&asked, &record), expected, "{asked:?}");
        };
        check(&[], true);
        check(&["model=gpt-*", "verdict=deny"], true);
        check(&["model=gpt-*", "verdict=allow"], false);
        check(&["verdict=allow", "verdict=deny"], true);
        check(&["status=429"], true);
        check(&["team=red"], false);
        assert!(condition("verdict").is_err() && condition("=deny").is_err());
    }

    #[test]
    fn no_text_of_a_caller_is_a_formula_or_another_cell() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text.to_owned()), expected);
        check("gpt-4o", "gpt-4o");
        check("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0");
        check("a,\"b\"", "\"a,\"\"b\"\"\"");
        check("-1+2,3", "\"'-1+2,3\"");
        let row = row(&json!({ "seq": 1, "model": "@x", "ruled": { "rules": ["a", "b"] } }));
        assert!(row.starts_with("1,decision,"), "{row}");
        assert!(row.contains(",'@x,") && row.contains(",a b,"), "{row}");
    }
}
