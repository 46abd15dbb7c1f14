//! `tollgate check`: validates configurations, policies and price books, telling every fault at once.
//!
//! A file is told by its keys. Policies that a configuration names are checked with it: against its prices and budgets.
//! Those named by path are checked together, since what one allows another may deny.

use super::policy::summary;
use super::{place, up};
use crate::app::workshop::{Subject, diagnosed, is_policy};
use crate::config::policy::{Assembled, Format};
use crate::config::{self, Config, Fault, Faults, Sources};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to check, and how to tell.
#[derive(Debug, Clone, Default)]
pub struct Check {
    /// The files; when empty `tollgate.yaml`, or where there is none the file of `tollgate up`, if there is one.
    pub files: Vec<PathBuf>,
    /// The environment their references and layers come from.
    pub env: Vec<(String, String)>,
    /// Whether to tell in JSON.
    pub json: bool,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Good,
    Faulty,
    Unreadable,
}

/// Checks every file. Exit code 0: all good; 1: faults found; 2: a file cannot be read.
///
/// # Errors
/// Those of `out`.
pub fn run(check: &Check, out: &mut impl Write) -> io::Result<ExitCode> {
    let default = [default(&check.env)];
    let files: &[PathBuf] = if check.files.is_empty() {
        &default
    } else {
        &check.files
    };
    let (policies, others): (Vec<PathBuf>, Vec<PathBuf>) =
        files.iter().cloned().partition(|file| is_policy(file));
    let mut worst = Outcome::Good;
    let mut results = Vec::new();
    for file in &others {
        let (kind, result) = look(file, &check.env);
        let (told, config) = match result {
            Ok((said, config)) => (Ok(said), config),
            Err(faults) => (Err(faults), None),
        };
        let faults = told.as_ref().err().map_or(&[][..], |faults| &faults.0);
        worst = worst.max(outcome(faults));
        if check.json {
            results.push(as_json(file, kind, &told));
        } else {
            tell(file, &told, out)?;
        }
        if let Some(config) = config.filter(|config| !config.policies.is_empty()) {
            let subject = Subject {
                paths: config.policies.clone(),
                config: Some(*config),
            };
            worst = worst.max(policies_of(&subject, check, out, &mut results)?);
        }
    }
    if !policies.is_empty() {
        let subject = Subject {
            paths: policies,
            config: None,
        };
        worst = worst.max(policies_of(&subject, check, out, &mut results)?);
    }
    if check.json {
        let whole = json!({ "ok": worst == Outcome::Good, "files": results });
        writeln!(out, "{whole:#}")?;
    }
    Ok(match worst {
        Outcome::Good => ExitCode::SUCCESS,
        Outcome::Faulty => ExitCode::from(1),
        Outcome::Unreadable => ExitCode::from(2),
    })
}

fn default(env: &[(String, String)]) -> PathBuf {
    let usual = PathBuf::from(place::DEFAULT_FILE);
    let of_up = place::state_dir(None, env).join(up::FILE);
    if !usual.exists() && of_up.exists() {
        of_up
    } else {
        usual
    }
}

/// Checks policies and tells of them.
fn policies_of(
    subject: &Subject,
    check: &Check,
    out: &mut impl Write,
    results: &mut Vec<Value>,
) -> io::Result<Outcome> {
    let assembled = subject.assemble();
    if check.json {
        results.extend(policies_json(&assembled));
    } else {
        write!(
            out,
            "{}",
            assembled.loaded.report().render(Format::Coloured)
        )?;
        let paths: Vec<String> = subject
            .paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        writeln!(out, "policies {}: {}", paths.join(" "), summary(&assembled))?;
    }
    Ok(outcome(&diagnosed(&assembled.loaded).0))
}

/// One result for each policy file.
fn policies_json(assembled: &Assembled) -> Vec<Value> {
    let (errors, warnings) = diagnosed(&assembled.loaded);
    let of = |faults: &[Fault], file: &Path| -> Vec<Value> {
        faults
            .iter()
            .filter(|fault| fault.file == file)
            .map(fault_json)
            .collect()
    };
    let result = |file: &PathBuf| {
        let faults = of(&errors, file);
        json!({
            "file": file.display().to_string(), "kind": "policy", "ok": faults.is_empty(),
            "faults": faults, "warnings": of(&warnings, file),
        })
    };
    assembled.loaded.names.iter().map(result).collect()
}

/// What a good file holds, in a few words, or its faults; a configuration comes along.
type Looked = Result<(String, Option<Box<Config>>), Faults>;

fn look(file: &Path, env: &[(String, String)]) -> (&'static str, Looked) {
    if config::is_price_book(file) {
        let book = config::check_prices(file);
        let said = book.map(|book| {
            format!(
                "revision {}, prices of {} models",
                book.revision,
                book.models().len()
            )
        });
        return ("prices", said.map(|said| (said, None)));
    }
    if config::is_panel(file) {
        let sources = Sources {
            file: Some(file.to_owned()),
            env: env.to_vec(),
            ..Sources::default()
        };
        let panel = config::load_panel(&sources);
        let said = panel.map(|panel| {
            format!(
                "listens on {:?}, as {}",
                panel.listen,
                panel.names.join(", ")
            )
        });
        return ("panel", said.map(|said| (said, None)));
    }
    let sources = match file.parent() {
        // What `up` does not find in its file, it finds in the environment.
        Some(state) if file.file_name().is_some_and(|name| name == up::FILE) => {
            up::sources(state, Vec::new(), env.to_vec())
        }
        _ => Sources {
            file: Some(file.to_owned()),
            env: env.to_vec(),
            ..Sources::default()
        },
    };
    let said = config::load(&sources).map(|config| {
        let said = format!(
            "revision {}: {} providers, {} models, {} keys, {} budgets, {} limits, prices {}",
            config.revision,
            config.providers.len(),
            config.routes.len(),
            config.keys.len(),
            config.budgets.len(),
            config.limits.len(),
            config.prices.revision,
        );
        (said, Some(Box::new(config)))
    });
    ("config", said)
}

fn outcome(faults: &[Fault]) -> Outcome {
    if faults.iter().any(Fault::is_unreadable) {
        Outcome::Unreadable
    } else if faults.is_empty() {
        Outcome::Good
    } else {
        Outcome::Faulty
    }
}

fn tell(file: &Path, result: &Result<String, Faults>, out: &mut impl Write) -> io::Result<()> {
    let faults = match result {
        Ok(said) => return writeln!(out, "{}: ok ({said})", file.display()),
        Err(faults) => &faults.0,
    };
    tell_faults(faults, out)?;
    let count = faults.len();
    writeln!(
        out,
        "{}: {count} {}",
        file.display(),
        if count == 1 { "fault" } else { "faults" }
    )
}

/// Every fault with its place and remedy, as editors and people read it.
pub(super) fn tell_faults(faults: &[Fault], out: &mut impl Write) -> io::Result<()> {
    for fault in faults {
        writeln!(
            out,
            "{}: error[{}]: {}",
            fault.place(),
            fault.code,
            fault.message
        )?;
        if let Some(help) = &fault.help {
            writeln!(out, "  help: {help}")?;
        }
    }
    Ok(())
}

fn as_json(file: &Path, kind: &str, result: &Result<String, Faults>) -> Value {
    let faults = result.as_ref().err().map_or(&[][..], |faults| &faults.0);
    let faults: Vec<Value> = faults.iter().map(fault_json).collect();
    json!({ "file": file.display().to_string(), "kind": kind, "ok": result.is_ok(), "faults": faults })
}

pub(super) fn fault_json(fault: &Fault) -> Value {
    json!({
        "file": fault.file.display().to_string(),
        "line": fault.line,
        "column": fault.column,
        "code": fault.code,
        "message": fault.message,
        "help": fault.help,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The exit code and what was told of a file with this text, its folder left out.
    fn check(name: &str, text: Option<&str>, json: bool) -> (ExitCode, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        if let Some(text) = text {
            fs::write(&file, text).unwrap();
            close(&file);
        }
        let check = Check {
            files: vec![file],
            json,
            ..Check::default()
        };
        let mut out = Vec::new();
        let code = run(&check, &mut out).unwrap();
        let said = String::from_utf8(out).unwrap();
        (
            code,
            said.replace(&format!("{}/", folder.path().display()), ""),
        )
    }

    #[cfg(unix)]
    fn close(file: &Path) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[cfg(not(unix))]
    fn close(_: &Path) {}

    #[test]
    fn a_good_file_is_said_to_be_good() {
        let (code, said) = check(
            "tollgate.yaml",
            Some("providers: { sim: { kind: simulator } }"),
            false,
        );
        assert_eq!(code, ExitCode::SUCCESS);
        assert!(said.starts_with("tollgate.yaml: ok (revision "), "{said}");
    }

    #[test]
    fn a_faulty_file_is_told_with_places_and_remedies() {
        let (code, said) = check(
            "tollgate.yaml",
            Some("provider:\n  sim: { kind: simulator }\n"),
            false,
        );
        assert_eq!(code, ExitCode::from(1));
        assert_eq!(
            said.lines().take(2).collect::<Vec<_>>(),
            [
                "tollgate.yaml:1:1: error[unknown_key]: unknown key `provider`",
                "  help: did you mean `providers`?"
            ]
        );
    }

    #[test]
    fn a_price_book_is_known_by_its_keys() {
        let book = "revision: a\nmodels:\n  m: { input: 0.15 }\n";
        let (code, said) = check("any.yaml", Some(book), false);
        assert_eq!(code, ExitCode::from(1));
        assert!(
            said.starts_with("any.yaml:3:15: error[unquoted]: "),
            "{said}"
        );
    }

    #[test]
    fn policies_are_checked_by_themselves_and_with_the_configuration_that_names_them() {
        let bad = "version: 1\nscope: {}\nrules:\n  - {id: a, effect: denny, match: any}\n";
        let (code, said) = check("any.yaml", Some(bad), true);
        assert_eq!(code, ExitCode::from(1));
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["files"][0]["kind"], json!("policy"));
        assert_eq!(said["files"][0]["faults"][0]["code"], json!("TG106"));

        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::write(&file, text).unwrap();
            close(&file);
            file
        };
        put("policy.yaml", "version: 1\nscope: {}\nlimits: {rpm: 60}\n");
        let config = "providers: { sim: { kind: simulator } }\npolicies: [policy.yaml]\n";
        let check = Check {
            files: vec![put("tollgate.yaml", config)],
            ..Check::default()
        };
        let run = |check: &Check| {
            let mut out = Vec::new();
            let code = run(check, &mut out).unwrap();
            (code, String::from_utf8(out).unwrap())
        };
        let (code, said) = run(&check);
        assert!(said.contains("1 file: ok (revision "), "{said}");
        assert_eq!(code, ExitCode::SUCCESS);
        put("policy.yaml", bad);
        let (code, said) = run(&check);
        assert!(said.contains("TG106"), "{said}");
        assert_eq!(code, ExitCode::from(1));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_another_exit_code() {
        let (code, said) = check("tollgate.yaml", None, true);
        assert_eq!(code, ExitCode::from(2));
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["ok"], json!(false));
        assert_eq!(said["files"][0]["faults"][0]["code"], json!("unreadable"));
    }
}
