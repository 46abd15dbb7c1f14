//! Edits of a running gateway's files: what takes effect, what survives it, and what a bad edit leaves as it was.

mod effect;
mod faults;

use crate::support::{Gateway, Home, until};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Instant;

/// Prices the tests reckon with: a cent a call, and a model that streams for tokens.
pub(crate) const PRICES: &str = r#"
  cent: { request: "0.01", max_input: 100000, max_output: 16384 }
  words: { input: "1", output: "4", max_input: 100000, max_output: 4096 }
"#;

/// How an editor, or a deployment, writes.
#[derive(Debug, Clone, Copy)]
enum How {
    /// Into the file that is there.
    InPlace,
    /// Beside it, and renamed over it.
    Renamed,
}

fn file(home: &Home) -> PathBuf {
    home.path().join("tollgate.yaml")
}

fn text(home: &Home) -> String {
    std::fs::read_to_string(file(home)).expect("the configuration")
}

fn put(path: &std::path::Path, text: &str, how: How) {
    let aside = match how {
        How::InPlace => path.to_owned(),
        How::Renamed => path.with_extension("aside"),
    };
    std::fs::write(&aside, text).expect("written");
    std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    std::fs::rename(&aside, path).expect("renamed");
}

/// Edits the configuration and waits until it is in force; says how long that took.
#[track_caller]
fn edit(home: &Home, gateway: &Gateway, how: How, change: impl Fn(&str) -> String) {
    let before = text(home);
    let after = change(&before);
    assert_ne!(before, after, "nothing was changed");
    let revision = gateway.status()["config"]["revision"].clone();
    put(&file(home), &after, how);
    let begun = Instant::now();
    let status = until("the edit is in force", || {
        Some(gateway.status()).filter(|status| status["config"]["revision"] != revision)
    });
    println!("{how:?}: in force after {:?}", begun.elapsed());
    assert_eq!(status["config"]["error"], Value::Null);
}

/// Waits until the last edit is told to be bad, and gives back the words.
#[track_caller]
fn told(gateway: &Gateway, part: &str) -> String {
    until(&format!("`{part}` is told"), || {
        let status = gateway.status();
        let error = status["config"]["error"].as_str()?;
        error.contains(part).then(|| error.to_owned())
    })
}
