//! `tollgate policy test`: the policies' own tests, what they reach, and what they would not notice.

use super::{Which, bar, counted, refused};
use crate::app::workshop;
use crate::config::policy::Assembled;
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Run the policies' own tests; say what they reach, and what they would not notice
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate policy test policies/
  tollgate policy test -c tollgate.yaml --coverage --strict
  tollgate policy test policies/ --mutate
  tollgate policy test policies/ --junit report.xml

--mutate changes each rule in turn (its effect, its lists, its caps, the rule itself) and names every change no test notices.
Exit code 0: all passed; 1: a test failed, a change went unnoticed (--mutate), or a rule is not reached (--coverage --strict);
2: a file cannot be read.")]
#[expect(
    clippy::struct_excessive_bools,
    clippy::doc_markdown,
    reason = "flags of a command line, and the help a terminal shows"
)]
pub(super) struct TestArgs {
    #[command(flatten)]
    which: Which,
    /// Write a JUnit report (`-`: to standard output, in place of the text)
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print TAP
    #[arg(long, conflicts_with = "json")]
    tap: bool,
    /// Say which rules no test reaches
    #[arg(long)]
    coverage: bool,
    /// A rule no test reaches is a failure
    #[arg(long, requires = "coverage")]
    strict: bool,
    /// Change each rule in turn and say what no test notices
    #[arg(long)]
    mutate: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A test and what came of it.
struct Case {
    name: String,
    file: String,
    line: u32,
    /// Each fault: its place, what differs, who decided.
    faults: Vec<(String, String, Option<String>)>,
}

/// Everything that was found out.
struct Found {
    cases: Vec<Case>,
    rules: usize,
    reached: usize,
    /// Places and words.
    unreached: Vec<(String, String)>,
    /// How many changes were tried, and those nobody noticed.
    mutants: Option<(usize, Vec<(String, String)>)>,
}

pub(super) fn run(
    args: &TestArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let assembled = args.which.subject(env)?.assemble();
    if assembled.compiled.is_none()
        && let Some(code) = refused(&assembled.loaded)?
    {
        return Ok(code);
    }
    let found = found(&assembled, args)?;
    let failed = found
        .cases
        .iter()
        .filter(|case| !case.faults.is_empty())
        .count();
    let survived = found
        .mutants
        .as_ref()
        .is_some_and(|(_, survivors)| !survivors.is_empty());
    let missed = args.coverage && args.strict && !found.unreached.is_empty();
    let bad = failed > 0 || survived || missed;
    let to_out = args
        .junit
        .as_deref()
        .is_some_and(|file| file == Path::new("-"));
    if let Some(file) = &args.junit {
        let report = found.junit();
        if to_out {
            write!(out, "{report}")?;
        } else {
            fs::write(file, report)?;
        }
    }
    if args.json {
        writeln!(out, "{:#}", found.json(!bad, args))?;
    } else if args.tap {
        write!(out, "{}", found.tap())?;
    } else if !to_out {
        write!(out, "{}", found.text(args))?;
    }
    Ok(ExitCode::from(u8::from(bad)))
}

fn found(assembled: &Assembled, args: &TestArgs) -> anyhow::Result<Found> {
    let loaded = &assembled.loaded;
    let file = |file: u16| {
        let name = loaded.names.get(usize::from(file));
        name.map_or_else(|| "?".to_owned(), |name| name.display().to_string())
    };
    let mut found = Found {
        cases: Vec::new(),
        rules: 0,
        reached: 0,
        unreached: Vec::new(),
        mutants: None,
    };
    let Some(compiled) = &assembled.compiled else {
        return Ok(found);
    };
    let report = &compiled.report;
    (found.rules, found.reached) = (report.rules, report.reached);
    for case in &report.cases {
        let faults = case.faults.iter().map(|fault| {
            let also = fault.also.as_ref();
            let by =
                also.map(|(place, what)| format!("{what} ({}:{})", file(place.file), place.line));
            let at = format!(
                "{}:{}:{}",
                file(fault.place.file),
                fault.place.line,
                fault.place.column
            );
            (at, fault.message.clone(), by.or_else(|| fault.help.clone()))
        });
        found.cases.push(Case {
            name: case.name.clone(),
            file: file(case.place.file),
            line: case.place.line,
            faults: faults.collect(),
        });
    }
    let unreached = report.unreached.iter();
    found.unreached = unreached
        .map(|one| {
            (
                format!("{}:{}", file(one.place.file), one.place.line),
                one.message.clone(),
            )
        })
        .collect();
    if args.mutate && report.passed() {
        let bar = bar("changing rules {bar:30} {pos}/{len}", args.json || args.tap)?;
        let mutation = workshop::mutations(assembled, |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        });
        bar.finish_and_clear();
        // The tests passed a moment ago: nothing keeps them from passing now.
        if let Ok(mutation) = mutation {
            let survivors = mutation.mutants.iter().filter(|mutant| mutant.survived);
            let survivors = survivors.map(|mutant| {
                (
                    format!("{}:{}", file(mutant.place.file), mutant.place.line),
                    mutant.what.clone(),
                )
            });
            found.mutants = Some((mutation.mutants.len(), survivors.collect()));
        }
    }
    Ok(found)
}

impl Found {
    fn failed(&self) -> usize {
        self.cases
            .iter()
            .filter(|case| !case.faults.is_empty())
            .count()
    }

    fn percent(&self) -> usize {
        self.reached
            .saturating_mul(100)
            .checked_div(self.rules)
            .unwrap_or(100)
    }

    fn text(&self, args: &TestArgs) -> String {
        let mut text = String::new();
        for case in &self.cases {
            let word = if case.faults.is_empty() {
                "ok    "
            } else {
                "FAILED"
            };
            let _ = writeln!(text, "{word}  {}:{}  {}", case.file, case.line, case.name);
            for (at, what, by) in &case.faults {
                let by = by.as_ref().map(|by| format!("; {by}")).unwrap_or_default();
                let _ = writeln!(text, "        {at}: {what}{by}");
            }
        }
        let failed = self.failed();
        let passed = self.cases.len().saturating_sub(failed);
        let _ = writeln!(
            text,
            "{}: {passed} passed, {failed} failed",
            counted(self.cases.len(), "test")
        );
        if args.coverage {
            let _ = writeln!(
                text,
                "coverage: {} of {} ({} %)",
                self.reached,
                counted(self.rules, "rule"),
                self.percent()
            );
            for (at, what) in &self.unreached {
                let _ = writeln!(text, "  {at}: {what}");
            }
        }
        match &self.mutants {
            Some((all, survivors)) => {
                let noticed = all.saturating_sub(survivors.len());
                let _ = writeln!(text, "changes: {noticed} of {all} noticed");
                for (at, what) in survivors {
                    let _ = writeln!(text, "  {at}: no test notices that {what}");
                }
            }
            None if args.mutate => {
                let _ = writeln!(text, "changes: not tried, because tests fail");
            }
            None => {}
        }
        text
    }

    fn tap(&self) -> String {
        let mut text = format!("TAP version 14\n1..{}\n", self.cases.len());
        for (number, case) in (1..).zip(&self.cases) {
            let word = if case.faults.is_empty() {
                "ok"
            } else {
                "not ok"
            };
            // A `#` would begin a directive.
            let name = case.name.replace('\\', "\\\\").replace('#', "\\#");
            let _ = writeln!(text, "{word} {number} - {name}");
            if !case.faults.is_empty() {
                let _ = writeln!(
                    text,
                    "  ---\n  at: {}",
                    json!(format!("{}:{}", case.file, case.line))
                );
                let messages: Vec<&str> = case
                    .faults
                    .iter()
                    .map(|(_, what, _)| what.as_str())
                    .collect();
                let _ = writeln!(text, "  message: {}\n  ...", json!(messages.join("; ")));
            }
        }
        text
    }

    fn junit(&self) -> String {
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        let _ = writeln!(
            text,
            "  <testsuite name=\"tollgate policy test\" tests=\"{}\" failures=\"{}\">",
            self.cases.len(),
            self.failed()
        );
        for case in &self.cases {
            let _ = write!(
                text,
                "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\"",
                xml(&case.name),
                xml(&case.file),
                xml(&case.file),
                case.line
            );
            if case.faults.is_empty() {
                text.push_str("/>\n");
                continue;
            }
            text.push_str(">\n");
            for (at, what, by) in &case.faults {
                let by = by.as_deref().unwrap_or_default();
                let _ = writeln!(
                    text,
                    "      <failure message=\"{}\">{}: {}</failure>",
                    xml(what),
                    xml(at),
                    xml(by)
                );
            }
            text.push_str("    </testcase>\n");
        }
        text.push_str("  </testsuite>\n</testsuites>\n");
        text
    }

    fn json(&self, ok: bool, args: &TestArgs) -> Value {
        let listed = |list: &[(String, String)]| -> Vec<Value> {
            list.iter()
                .map(|(at, what)| json!({ "at": at, "what": what }))
                .collect()
        };
        let cases = self.cases.iter().map(|case| {
            let faults = case
                .faults
                .iter()
                .map(|(at, what, by)| json!({ "at": at, "what": what, "by": by }));
            json!({
                "name": case.name, "file": case.file, "line": case.line,
                "ok": case.faults.is_empty(), "faults": faults.collect::<Vec<_>>(),
            })
        });
        let mut whole = json!({
            "ok": ok, "passed": self.cases.len().saturating_sub(self.failed()), "failed": self.failed(),
            "tests": cases.collect::<Vec<_>>(),
        });
        if args.coverage {
            whole["coverage"] = json!({
                "rules": self.rules, "reached": self.reached, "percent": self.percent(),
                "unreached": listed(&self.unreached),
            });
        }
        if let Some((all, survivors)) = &self.mutants {
            whole["changes"] = json!({ "tried": all, "unnoticed": listed(survivors) });
        }
        whole
    }
}

fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            // XML 1.0 has no way to write these.
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
