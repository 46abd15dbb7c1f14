use super::*;
use crate::clock::Wall;
use crate::governance::audit::{Revisions, Who};
use crate::ids::PassageId;
use crate::telemetry::Telemetry;
use crate::telemetry::audit_log::{AuditLog, Settings};
use crate::telemetry::event::{Denied, Passage};
use crate::telemetry::metrics::ModelNames;
use crate::telemetry::settings::Decisions;
use clap::Parser;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    audit: AuditArgs,
}

/// A log of refusals by somebody who shows a secret wherever a caller can put text.
fn log(state_dir: &Path, count: u128) {
    let settings = Settings::of_state(state_dir, Decisions::default());
    let (log, _) = AuditLog::start(&settings).unwrap();
    let telemetry =
        Telemetry::new(Wall::default(), ModelNames::default(), Some(Arc::new(log))).unwrap();
    let (who, revisions) = (Arc::new(Who::unknown()), Arc::new(Revisions::default()));
    for id in 0..count {
        telemetry.denied(&Denied {
            passage: Passage {
                id: PassageId::from_u128(id),
                at: Wall::default(),
                who: &who,
                run: None,
                session: None,
                endpoint: None,
                model: "gpt-4o",
                streaming: false,
                revisions: &revisions,
                look: Duration::ZERO,
                decide: Duration::ZERO,
                total: Duration::ZERO,
                ruled: None,
            },
            reason: "invalid_api_key",
            source: "key",
            scope: None,
            status: 401,
        });
    }
}

fn audit(state_dir: &Path, words: &[&str]) -> (ExitCode, String) {
    let state_dir = state_dir.to_str().unwrap();
    let whose = ["--state-dir", state_dir];
    let cli = Cli::parse_from(["audit"].iter().chain(words).chain(&whose));
    let mut out = Vec::new();
    let code = run(&cli.audit, &[], &mut out).expect("runs");
    (code, String::from_utf8(out).unwrap())
}

#[test]
fn an_unbroken_log_is_said_to_be_so() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 20);
    let (code, text) = audit(dir.path(), &["verify"]);
    let (verdict, signed) = text.split_once('\n').unwrap();
    assert_eq!(verdict, "the decision log is unbroken: 20 lines, 1 files");
    assert!(signed.starts_with("signed up to line 20 at "), "{signed}");
    assert_eq!(code, ExitCode::SUCCESS);
    let (_, json) = audit(dir.path(), &["verify", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let told = ["ok", "lines", "files", "durable_to", "checkpoints"].map(|name| &json[name]);
    assert_eq!(
        serde_json::json!(told),
        serde_json::json!([true, 20, 1, 20, 1])
    );
    assert_eq!(json["signed"]["seq"], 20);
    assert_eq!(json["first_fault"], Value::Null);
}

#[test]
fn a_changed_line_is_named_with_its_file_and_place() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 20);
    let path = dir.path().join("decisions/current.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed: Vec<String> = text
        .lines()
        .map(|line| {
            if line.starts_with("{\"seq\":7,") {
                line.replace("deny", "okay")
            } else {
                line.to_owned()
            }
        })
        .collect();
    std::fs::write(&path, changed.join("\n") + "\n").unwrap();
    let (code, text) = audit(dir.path(), &["verify"]);
    assert!(
        text.contains("current.jsonl:7: this line was changed"),
        "{text}"
    );
    assert_eq!(code, ExitCode::from(1));
}

#[test]
fn a_line_being_written_is_not_counted() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 3);
    let path = dir.path().join("decisions/current.jsonl");
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"{\"seq\":4").unwrap();
    let (code, _) = audit(dir.path(), &["verify"]);
    assert_eq!(code, ExitCode::SUCCESS);
}

#[test]
fn the_tail_shows_the_last_lines_in_order() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 12);
    let (_, text) = audit(dir.path(), &["tail", "-n", "2"]);
    let starts: Vec<_> = text.lines().map(|line| &line[..10]).collect();
    assert_eq!(starts, ["{\"seq\":11,", "{\"seq\":12,"]);
}

#[test]
fn a_directory_without_a_log_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let cli = Cli::parse_from([
        "audit",
        "verify",
        "--state-dir",
        dir.path().to_str().unwrap(),
    ]);
    let fault = run(&cli.audit, &[], &mut Vec::new())
        .unwrap_err()
        .to_string();
    assert!(fault.contains("--state-dir"), "{fault}");
}

#[test]
fn somebody_else_verifies_with_the_public_key_alone() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 3);
    let (_, key) = audit(dir.path(), &["key"]);
    let file = dir.path().join("kept.pub");
    std::fs::write(&file, &key).unwrap();
    // What lies beside the log is not asked.
    std::fs::write(dir.path().join("decisions.pub"), "").unwrap();
    let (code, _) = audit(dir.path(), &["verify"]);
    assert_eq!(code, ExitCode::from(1));
    for given in [file.to_str().unwrap(), key.trim()] {
        let (code, text) = audit(dir.path(), &["verify", "--public-key", given]);
        assert_eq!(code, ExitCode::SUCCESS, "{text}");
    }
    let other = "00".repeat(32);
    let (code, text) = audit(dir.path(), &["verify", "--public-key", &other]);
    assert_eq!(code, ExitCode::from(1));
    assert!(
        text.contains("checkpoints.jsonl:1: it is signed by key"),
        "{text}"
    );
}

#[test]
fn what_is_asked_for_is_exported() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 5);
    let (_, all) = audit(dir.path(), &["export"]);
    assert_eq!(all.lines().count(), 5);
    assert!(all.starts_with("{\"seq\":1,"), "{all}");
    let count = |words: &[&str]| {
        let words = [&["export"], words].concat();
        audit(dir.path(), &words).1.lines().count()
    };
    assert_eq!(
        count(&["--where", "verdict=deny", "--where", "model=gpt-*"]),
        5
    );
    assert_eq!(count(&["--where", "verdict=allow"]), 0);
    assert_eq!(count(&["--until", "1970-01-02"]), 5);
    assert_eq!(count(&["--since", "7d"]), 0);
    let (_, csv) = audit(dir.path(), &["export", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 6);
    assert!(csv.starts_with("seq,kind,id,at,key,"), "{csv}");
}

#[test]
fn an_export_goes_to_a_file_but_never_into_the_log() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 5);
    let file = dir.path().join("out.jsonl");
    let (_, said) = audit(dir.path(), &["export", "-o", file.to_str().unwrap()]);
    assert!(said.starts_with("5 records written to "), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 5);
    let own = dir.path().join("decisions/current.jsonl");
    let state_dir = dir.path().to_str().unwrap();
    let words = [
        "audit",
        "export",
        "-o",
        own.to_str().unwrap(),
        "--state-dir",
        state_dir,
    ];
    let cli = Cli::parse_from(words);
    assert!(run(&cli.audit, &[], &mut Vec::new()).is_err());
    assert_eq!(std::fs::read_to_string(own).unwrap().lines().count(), 5);
}
