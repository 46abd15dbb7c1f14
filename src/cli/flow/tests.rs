use super::*;
use clap::Parser;
use std::fs;

#[derive(Debug, Parser)]
struct Whole {
    #[command(flatten)]
    flow: FlowArgs,
}

/// Runs a command; what it left with, and what it wrote to both.
fn flow(args: &[&str]) -> (ExitCode, String, String) {
    let whole = Whole::try_parse_from(std::iter::once(&"flow").chain(args)).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(&whole.flow, &[], &mut out, &mut err).unwrap();
    (
        code,
        String::from_utf8(out).unwrap(),
        String::from_utf8(err).unwrap(),
    )
}

fn example(name: &str) -> String {
    format!("{}/config/flows/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_good_file_is_told_with_its_hash_and_a_bad_one_with_its_faults() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) = flow(&["check", &example("echo")]);
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(
        out.contains("ok: echo, 2 nodes, 3 fields (sha256:"),
        "{out}"
    );

    let file = folder.path().join("bad.yaml");
    let text = fs::read_to_string(example("echo"))
        .unwrap()
        .replace("prompt: \"Repeat", "promt: \"Repeat");
    fs::write(&file, text).unwrap();
    let name = file.display().to_string();
    let (code, out, _) = flow(&["check", &name]);
    assert_eq!(code, ExitCode::from(1));
    assert!(
        out.contains("bad.yaml:18:5: error[unknown_key]: `promt` is not a key of nodes[0]\n  help: did you mean `prompt`?"),
        "{out}"
    );
    let (code, out, _) = flow(&["check", "--json", &name]);
    assert_eq!(code, ExitCode::from(1));
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    let first = &told["files"][0]["diagnostics"][0];
    assert_eq!(first["phase"], "schema_validation");
    assert_eq!(first["id"], "missing_key");

    let (code, _, _) = flow(&["check", "/nowhere.yaml"]);
    assert_eq!(code, ExitCode::from(2));
}

#[test]
fn warnings_are_faults_where_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.yaml");
    let text = fs::read_to_string(example("research")).unwrap();
    fs::write(
        &file,
        text.replace("{ timeout: 60,", "{ timeout_seconds: 60,"),
    )
    .unwrap();
    let name = file.display().to_string();
    let (code, out, _) = flow(&["check", &name]);
    assert_eq!(code, ExitCode::SUCCESS, "{out}");
    assert!(out.contains("warning[dialect]"), "{out}");
    let (code, _, _) = flow(&["check", "--strict", &name]);
    assert_eq!(code, ExitCode::from(1));
}

#[test]
fn an_export_is_checked_drawn_and_exported_as_its_source_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flow.ir.json");
    let name = file.display().to_string();
    let source = example("research");
    let (code, out, err) = flow(&["export", &source, "-o", &name]);
    assert_eq!((code, out.as_str()), (ExitCode::SUCCESS, ""));
    assert!(err.contains("bytes, sha256:"), "{err}");
    assert_eq!(flow(&["export", &name]), flow(&["export", &source]));
    assert_eq!(flow(&["graph", &name]), flow(&["graph", &source]));
    let (code, out, _) = flow(&["check", &name]);
    assert_eq!(code, ExitCode::SUCCESS, "{out}");

    let changed = fs::read_to_string(&file)
        .unwrap()
        .replace("\"max_tool_calls\":5", "\"max_tool_calls\":6");
    fs::write(&file, changed).unwrap();
    let (code, out, _) = flow(&["check", &name]);
    assert_eq!(code, ExitCode::from(1));
    assert!(out.contains("changed after the export"), "{out}");
}
