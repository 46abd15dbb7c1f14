//! `tollgate scan`: the detectors from the command line, for trying them, for tests and as a pre-commit hook.

use crate::app::scan::{Mode, Scan, is_text, shown};
use anyhow::Context as _;
use clap::Args;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Find secrets and personal data in files, or in JSON lines
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[command(after_help = "Examples:\n  \
    tollgate scan src/*.py                       # file:line:col: TYPE detector; exit 1 if anything is found\n  \
    git diff --cached --name-only -z | xargs -0 tollgate scan\n  \
    echo '{\"id\":1,\"text\":\"mail ana@acme.io\"}' | tollgate scan --jsonl\n  \
    echo '{\"id\":1,\"chunks\":[\"mail ana@\",\"acme.io\"]}' | tollgate scan --jsonl --stream")]
pub struct ScanArgs {
    /// Files to look into; with --jsonl, files of JSON lines (standard input when there is none)
    files: Vec<PathBuf>,
    /// Read one JSON object a line, `{"id","text"}`, and answer `{"id","spans"}`; offsets are code points
    #[arg(long)]
    jsonl: bool,
    /// Lines are `{"id","chunks"}`: scan them as a stream; answers `out` and `max_hold` as well
    #[arg(long, requires = "jsonl", conflicts_with_all = ["reversible", "injection"])]
    stream: bool,
    /// Lines are `{"id","text","reply_template"}`: replace values by names and put them back in the reply
    #[arg(long, requires = "jsonl", conflicts_with = "injection")]
    reversible: bool,
    /// Say whether a text reads like a prompt injection
    #[arg(long, requires = "jsonl")]
    injection: bool,
    /// Add `us`, the microseconds it took, to each answer
    #[arg(long, requires = "jsonl")]
    timings: bool,
    /// Policies whose own patterns are looked for, too
    #[arg(long = "policies", value_name = "PATH")]
    policies: Vec<PathBuf>,
    /// Print findings in files as JSON
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
}

/// Runs the command; what it prints goes to `out`.
///
/// # Errors
/// A file cannot be read, a line is not what its mode takes, or `out` cannot be written.
pub fn run(arguments: &ScanArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let scan = Scan::new(&arguments.policies, arguments.timings)?;
    if arguments.jsonl {
        return lines(arguments, &scan, out);
    }
    anyhow::ensure!(
        !arguments.files.is_empty(),
        "name files to look into, or use --jsonl to read lines from standard input"
    );
    files(arguments, &scan, out)
}

/// The longest file that is looked into.
const LONGEST: u64 = 256 << 20;

fn files(arguments: &ScanArgs, scan: &Scan, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mut any = false;
    for path in &arguments.files {
        let name = shown(path);
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(LONGEST).read_to_end(&mut bytes))
            .with_context(|| format!("cannot read `{name}`"))?;
        if !is_text(&bytes) {
            continue;
        }
        for found in scan.file(&String::from_utf8_lossy(&bytes)) {
            any = true;
            if arguments.json {
                let line = serde_json::json!({
                    "file": name, "line": found.line, "column": found.column,
                    "type": found.kind, "detector": found.detector,
                });
                writeln!(out, "{line}")?;
            } else {
                writeln!(
                    out,
                    "{name}:{}:{}: {} {}",
                    found.line, found.column, found.kind, found.detector
                )?;
            }
        }
    }
    Ok(ExitCode::from(u8::from(any)))
}

fn lines(arguments: &ScanArgs, scan: &Scan, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mode = match (arguments.stream, arguments.reversible, arguments.injection) {
        (true, ..) => Mode::Stream,
        (_, true, _) => Mode::Reversible,
        (.., true) => Mode::Injection,
        _ => Mode::Whole,
    };
    if arguments.files.is_empty() {
        answer(
            scan,
            mode,
            "standard input",
            &mut BufReader::new(std::io::stdin().lock()),
            out,
        )?;
    }
    for path in &arguments.files {
        let name = shown(path);
        let file = File::open(path).with_context(|| format!("cannot read `{name}`"))?;
        answer(scan, mode, &name, &mut BufReader::new(file), out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn answer<R: std::io::Read>(
    scan: &Scan,
    mode: Mode,
    name: &str,
    input: &mut BufReader<R>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut line = String::new();
    let mut number = 0_usize;
    loop {
        line.clear();
        number += 1;
        let read = input
            .read_line(&mut line)
            .with_context(|| format!("{name}:{number}: cannot read"))?;
        if read == 0 {
            return Ok(out.flush()?);
        }
        if line.trim().is_empty() {
            continue;
        }
        let answer = scan
            .line(mode, &line)
            .with_context(|| format!("{name}:{number}"))?;
        writeln!(out, "{answer}")?;
        // Whoever asks line by line is answered line by line.
        if input.buffer().is_empty() {
            out.flush()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        scan: ScanArgs,
    }

    fn scan(words: &[&str]) -> (ExitCode, String) {
        let cli = Cli::parse_from(["scan"].iter().chain(words));
        let mut out = Vec::new();
        let code = run(&cli.scan, &mut out).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    fn lines(mode: &str, line: &str) -> serde_json::Value {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in.jsonl");
        std::fs::write(&file, format!("{line}\n\n")).unwrap();
        let path = file.to_str().unwrap();
        let words: Vec<&str> = ["--jsonl", mode, path]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        serde_json::from_str(&scan(&words).1).unwrap()
    }

    #[test]
    fn findings_in_files_are_told_by_line_and_column() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        std::fs::write(&file, "nothing\nü: ana@acme.io, bo@acme.io\n").unwrap();
        let path = file.to_str().unwrap();
        let (code, out) = scan(&[path]);
        assert_eq!(
            out,
            format!("{path}:2:4: EMAIL email\n{path}:2:17: EMAIL email\n")
        );
        assert_eq!(code, ExitCode::from(1));
        std::fs::write(&file, "nothing\n").unwrap();
        assert_eq!(scan(&[path]), (ExitCode::SUCCESS, String::new()));
    }

    #[test]
    fn offsets_are_code_points() {
        let answer = lines("", r#"{"id":7,"text":"ü: ana@acme.io"}"#);
        assert_eq!(answer["id"], 7);
        let span = &answer["spans"][0];
        assert_eq!(
            (&span["start"], &span["end"], &span["type"]),
            (&3.into(), &14.into(), &"EMAIL".into())
        );
    }

    #[test]
    fn a_stream_lets_nothing_of_a_value_through() {
        let answer = lines(
            "--stream",
            r#"{"id":1,"chunks":["mail an","a@ac","me.io now"]}"#,
        );
        assert_eq!(answer["out"], "mail [EMAIL] now");
        assert_eq!(answer["spans"][0]["start"], 5);
    }

    #[test]
    fn names_are_put_back() {
        let answer = lines(
            "--reversible",
            r#"{"id":1,"text":"mail ana@acme.io","reply_template":"sent to {{0}}!"}"#,
        );
        assert_eq!(answer["restored_reply"], "sent to ana@acme.io!");
        assert!(!answer["redacted"].as_str().unwrap().contains("ana@"));
        assert_eq!(answer["placeholders"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_line_that_is_none_is_told_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in.jsonl");
        std::fs::write(&file, "{\"id\":1}\n").unwrap();
        let cli = Cli::parse_from(["scan", "--jsonl", file.to_str().unwrap()]);
        let error = run(&cli.scan, &mut Vec::new()).unwrap_err();
        assert!(
            format!("{error:#}")
                .contains("in.jsonl:1: not a line of this mode: missing field `text`"),
            "{error:#}"
        );
    }
}
