use super::*;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    folder
}

/// The exit code and what was told, the folder left out.
fn told(folder: &TempDir, command: Command) -> (ExitCode, String) {
    let mut out = Vec::new();
    let code = run(&PricesArgs { command }, &[], &mut out).unwrap();
    let said = String::from_utf8(out).unwrap();
    (
        code,
        said.replace(&format!("{}/", folder.path().display()), ""),
    )
}

fn checking(folder: &Path, name: &str, strict: bool, json: bool) -> Command {
    Command::Check(CheckArgs {
        files: vec![folder.join(name)],
        config: None,
        strict,
        json,
    })
}

const ODD: &str =
    "revision: a\nmodels:\n  m: { input: \"2\", output: \"1\", max_input: 9, max_output: 9 }\n";

#[test]
fn warnings_are_told_and_count_where_they_shall() {
    let folder = folder(&[
        ("odd.yaml", ODD),
        ("bad.yaml", "revision: a\nmodels:\n  m: { input: 0.15 }\n"),
    ]);
    let check = |name: &str, strict, expected: u8| {
        let (code, said) = told(&folder, checking(folder.path(), name, strict, false));
        assert_eq!(code, ExitCode::from(expected), "{name}: {said}");
        said
    };
    assert_eq!(
        check("odd.yaml", false, 0),
        "odd.yaml:3:28: warning[output_cheaper]: `output` of `m` ($1.00) is cheaper than its `input` ($2.00)\n\
         \x20 help: look for two numbers that changed places\n\
         prices a: 1 entries, 0 faults, 1 warning\n"
    );
    check("odd.yaml", true, 1);
    assert!(check("bad.yaml", false, 1).starts_with("bad.yaml:3:15: error[unquoted]: "));
    check("none.yaml", false, 2);
    let (code, said) = told(&folder, checking(folder.path(), "odd.yaml", false, true));
    assert_eq!(code, ExitCode::SUCCESS);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["ok"], &said["entries"]), (&json!(true), &json!(1)));
    assert_eq!(said["warnings"][0]["code"], json!("output_cheaper"));
}

#[test]
fn a_difference_is_a_table_and_json() {
    let old = "revision: \"1\"\nmodels:\n  gone: { input: \"1\" }\n  m: { input: \"2.50\", output: \"10\" }\n  same: { input: \"1\" }\n";
    let new = "revision: \"2\"\nmodels:\n  came: { input: \"1\", output: \"4\" }\n  m: { input: \"2\", output: \"10\", tiers: [{ above_input: 200000, output: \"15\" }] }\n  same: { input: \"1\" }\n";
    let folder = folder(&[("old.yaml", old), ("new.yaml", new)]);
    let diff = |json| {
        let first = folder.path().join("old.yaml");
        let second = Some(folder.path().join("new.yaml"));
        let args = DiffArgs {
            first,
            second,
            json,
        };
        told(&folder, Command::Diff(args))
    };
    let (code, said) = diff(false);
    assert_eq!(code, ExitCode::SUCCESS);
    insta::assert_snapshot!("a_difference_of_prices", said);
    let (_, said) = diff(true);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["changed"][0]["model"], json!("m"));
    assert_eq!(
        said["changed"][0]["prices"][0],
        json!({ "what": "input", "above_input": null, "old": "2.50", "new": "2.00", "percent": "-20.0" })
    );
    assert_eq!(said["added"][0]["model"], json!("came"));
    assert_eq!(said["same"], json!(1));
}

#[test]
fn a_book_with_faults_is_not_compared() {
    let folder = folder(&[
        ("odd.yaml", ODD),
        ("bad.yaml", "revision: a\nmodels:\n  m: { input: 0.15 }\n"),
    ]);
    let diff = |old: &str| {
        let args = DiffArgs {
            first: folder.path().join(old),
            second: Some(folder.path().join("odd.yaml")),
            json: false,
        };
        told(&folder, Command::Diff(args))
    };
    let (code, said) = diff("bad.yaml");
    assert_eq!(code, ExitCode::from(1));
    assert!(
        said.starts_with("bad.yaml:3:15: error[unquoted]: "),
        "{said}"
    );
    assert_eq!(diff("none.yaml").0, ExitCode::from(2));
}
