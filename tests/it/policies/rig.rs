//! A gateway under policies: their folder, edits of it, and what is said of them.

use crate::support::{Gateway, Home, Simulator, until};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Prices the tests reckon with: a cent a call, a model that echoes, one that costs by the word.
pub(super) const PRICES: &str = r#"
  cent: { request: "0.01", max_input: 100000, max_output: 16384 }
  sim-echo: { request: "0.01", max_input: 100000, max_output: 16384 }
  words: { input: "1", output: "4", max_input: 100000, max_output: 4096 }
"#;

/// What every configuration here says.
pub(super) const SETTINGS: &str =
    "policies: [policies/]\nbudgets: [{ name: day, match: {}, limit: \"$10.00\", window: total }]";

/// A gateway's directory with one policy file in it.
pub(super) fn home(simulator: &Simulator, policy: &str) -> Home {
    let home = Home::new(simulator, SETTINGS);
    std::fs::create_dir(home.path().join("policies")).expect("a folder");
    write(&home, policy);
    home
}

fn file(home: &Home) -> PathBuf {
    home.path().join("policies/org.yaml")
}

/// Writes the policy file as an editor does.
pub(super) fn write(home: &Home, policy: &str) {
    let aside = home.path().join("org.yaml.aside");
    std::fs::write(&aside, policy).expect("written");
    std::fs::rename(&aside, file(home)).expect("renamed");
}

/// Writes the policy file and waits until it is in force.
#[track_caller]
pub(super) fn edit(home: &Home, gateway: &Gateway, policy: &str) -> String {
    let before = gateway.status()["policies"]["revision"].clone();
    let begun = std::time::Instant::now();
    write(home, policy);
    let status = until("the policies are in force", || {
        Some(gateway.status()).filter(|status| status["policies"]["revision"] != before)
    });
    println!("in force after {:?}", begun.elapsed());
    assert_eq!(status["policies"]["error"], Value::Null);
    status["policies"]["revision"]
        .as_str()
        .expect("a revision")
        .to_owned()
}

/// Runs a command of ours in the gateway's directory.
pub(super) fn tollgate(home: &Home, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(words)
        .current_dir(home.path())
        .output()
        .expect("it runs")
}

/// What a command printed.
pub(super) fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
