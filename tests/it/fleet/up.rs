//! `tollgate up` as a newcomer meets it: one command, and the panel within counts, stops and remembers.

use super::CHAT;
use crate::support::{Client, Process, chat, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// `up` on ports of its own.
struct Up {
    process: Process,
    listen: SocketAddr,
    caller: Client,
}

impl Up {
    fn start(folder: &Path, panel: &str) -> Self {
        let arguments = [
            "up",
            "--log",
            "json",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--panel-listen",
            panel,
        ];
        let mut process = Process::start(folder, "up", &arguments);
        let listen = process.says("where calls go", |line| {
            let address = line.strip_prefix("export OPENAI_BASE_URL=http://")?;
            address.strip_suffix("/v1")?.parse().ok()
        });
        let secret = process.says("the key", |line| {
            line.strip_prefix("export OPENAI_API_KEY=")
                .map(str::to_owned)
        });
        let caller = Client::to(listen).with("authorization", &format!("Bearer {secret}"));
        Self {
            process,
            listen,
            caller,
        }
    }

    /// A call of a cent.
    fn call(&mut self) -> (u16, Value) {
        let body = chat("sim-cent", "hello", &[("max_tokens", json!(16))]);
        let answer = self.caller.post(CHAT, &body);
        (answer.status, answer.json())
    }

    fn stop(mut self) {
        self.process.tell_to_stop();
        let status = self.process.ended();
        assert!(status.success(), "{}", self.process.output());
    }
}

/// A command of somebody in this folder who never logged in anywhere.
fn command(folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(line.split(' '))
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", folder.join("nothing"))
        .output()
        .expect("tollgate runs")
}

fn told(folder: &Path, line: &str) -> Value {
    let output = command(folder, line);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {words}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Waits until the panel has heard that so much was spent.
fn spent(folder: &Path, amount: &str) {
    until("the panel counts what was spent", || {
        let budgets = told(folder, "budget list --json");
        (budgets[0]["spent"] == amount).then_some(())
    });
}

#[test]
fn the_panel_within_counts_stops_and_remembers_without_anybody_setting_it_up() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let mut up = Up::start(folder, "127.0.0.1:0");
    for _ in 0..3 {
        assert_eq!(up.call().0, 200);
    }
    spent(folder, "0.03");
    let gateways = told(folder, "gateway list --json");
    assert_eq!(
        (&gateways[0]["name"], &gateways[0]["state"]),
        (&json!("local"), &json!("enrolled"))
    );
    told(folder, "kill --org local --reason test --json");
    let refusal = until("the switch is heard", || {
        let (status, body) = up.call();
        (status != 200).then_some(body)
    });
    assert_eq!(refusal["error"]["code"], "killed", "{refusal}");
    told(folder, "unkill --org local --reason over --json");
    until("the switch is let go", || {
        (up.call().0 == 200).then_some(())
    });

    // What it knows outlives it, and so does the key that was pasted.
    up.process.kill();
    let mut up = Up::start(folder, "127.0.0.1:0");
    assert_eq!(up.call().0, 200);
    let keys = told(folder, "key list --panel --json");
    assert_eq!(keys.as_array().map(Vec::len), Some(1), "{keys}");
    assert_eq!(
        (&keys[0]["path"], &keys[0]["name"]),
        (&json!("local"), &json!("dev")),
        "{keys}"
    );
    let done = told(folder, "admin-audit list --json").to_string();
    for action in [
        "node.make",
        "budget.make",
        "key.make",
        "gateway.make",
        "kill",
    ] {
        assert!(done.contains(action), "{action}: {done}");
    }
    // Revoked there it is good no longer, also after a start.
    assert!(
        command(folder, "key revoke local/dev --panel")
            .status
            .success()
    );
    until("the key is refused", || (up.call().0 == 401).then_some(()));
    up.stop();
    let mut up = Up::start(folder, "127.0.0.1:0");
    assert_eq!(up.call().0, 401);
    up.stop();

    // Without it the same key is good, and nobody is sent to a panel that is not there.
    let mut up = Up::start(folder, "off");
    assert_eq!(up.call().0, 200);
    let output = command(folder, "budget list");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && words.contains("tollgate login"),
        "{words}"
    );
    up.stop();
}

#[test]
fn a_gateway_whose_panel_was_lost_enrols_at_the_next_one() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let mut up = Up::start(folder, "127.0.0.1:0");
    assert_eq!(up.call().0, 200);
    spent(folder, "0.01");
    up.stop();
    std::fs::remove_dir_all(folder.join(".tollgate/control")).expect("gone");
    let mut up = Up::start(folder, "127.0.0.1:0");
    until("it borrows from the new one", || {
        (up.call().0 == 200).then_some(())
    });
    until("the new one counts", || {
        let budgets = told(folder, "budget list --json");
        (budgets[0]["spent"] != "0.00").then_some(())
    });
    // A secret that was given to the key at the panel outlives the next start, whatever the file says still.
    let rotated = told(folder, "key rotate local/dev --panel --json");
    let before = told(folder, "key list --panel --json")[0].clone();
    up.stop();
    let up = Up::start(folder, "127.0.0.1:0");
    let after = told(folder, "key list --panel --json")[0].clone();
    assert_eq!(after["rotated"], before["rotated"], "{after}");
    let bearer = rotated["secret"].as_str().expect("a secret");
    let mut other = Client::to(up.listen).with("authorization", &format!("Bearer {bearer}"));
    let body = chat("sim-cent", "hello", &[("max_tokens", json!(16))]);
    until("the new secret is good", || {
        (other.post(CHAT, &body).status == 200).then_some(())
    });
    up.stop();
}

#[test]
fn an_emptied_settings_file_leaves_the_budgets_in_force() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let mut up = Up::start(folder, "off");
    let file = folder.join(".tollgate/up.yaml");
    let settings = std::fs::read_to_string(&file).expect("settings");
    assert!(settings.contains("budgets:"), "{settings}");
    std::fs::write(&file, "").expect("emptied");
    let words = up.process.says("that it is empty", |line| {
        line.contains("is empty").then(|| line.to_owned())
    });
    assert!(words.contains("up.yaml"), "{words}");
    let answer = up.caller.post(
        CHAT,
        &chat("sim-cent", "hello", &[("max_tokens", json!(16))]),
    );
    assert_eq!(answer.status, 200);
    assert!(answer.header("x-tollgate-budget-name").is_some());
    up.stop();
}
