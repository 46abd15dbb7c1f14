//! `tollgate check`: validates configurations and price books, telling every fault at once.

use super::{place, up};
use crate::config::{self, Fault, Faults, Sources};
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
    let mut worst = Outcome::Good;
    let mut results = Vec::new();
    for file in files {
        let (kind, result) = look(file, &check.env);
        let faults = result.as_ref().err().map_or(&[][..], |faults| &faults.0);
        worst = worst.max(outcome(faults));
        if check.json {
            results.push(as_json(file, kind, &result));
        } else {
            tell(file, &result, out)?;
        }
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

/// What a good file holds, in a few words, or its faults.
fn look(file: &Path, env: &[(String, String)]) -> (&'static str, Result<String, Faults>) {
    if config::is_price_book(file) {
        let book = config::check_prices(file);
        let said = book.map(|book| {
            format!(
                "revision {}, prices of {} models",
                book.revision,
                book.models().len()
            )
        });
        return ("prices", said);
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
        format!(
            "revision {}: {} providers, {} models, {} keys, {} budgets, {} limits, prices {}",
            config.revision,
            config.providers.len(),
            config.routes.len(),
            config.keys.len(),
            config.budgets.len(),
            config.limits.len(),
            config.prices.revision,
        )
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
    let faults: Vec<Value> = faults
        .iter()
        .map(|fault| {
            json!({
                "file": fault.file.display().to_string(),
                "line": fault.line,
                "column": fault.column,
                "code": fault.code,
                "message": fault.message,
                "help": fault.help,
            })
        })
        .collect();
    json!({ "file": file.display().to_string(), "kind": kind, "ok": result.is_ok(), "faults": faults })
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
    fn a_file_that_cannot_be_read_is_another_exit_code() {
        let (code, said) = check("tollgate.yaml", None, true);
        assert_eq!(code, ExitCode::from(2));
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["ok"], json!(false));
        assert_eq!(said["files"][0]["faults"][0]["code"], json!("unreadable"));
    }
}
