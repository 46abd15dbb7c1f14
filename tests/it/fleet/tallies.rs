//! What gateways refused and found: the panel shows what happened, once each, whoever was started anew or cut off meanwhile.

use super::{CHAT, Scene};
use crate::support::{Client, Gateway, Home, chat, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;

const TERMS: &str = "leases: { valid_for: 4s, drain_for: 4s }";
const POLICY: &str = r#"version: 1
scope: {}
rules:
  - { id: no-shell, effect: deny, match: { tools: [shell] }, message: "Shell tools are off." }
redact:
  - { id: personal, types: [EMAIL], on: [request], action: replace }
  - { id: secrets, types: [SECRET], on: [request], action: block, message: "Take the secret out." }
"#;

/// How often something is told to have happened, by name.
type Counts = BTreeMap<String, u64>;

/// What callers saw happen.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    codes: Counts,
    rules: Counts,
    keys: Counts,
    actions: Counts,
}

/// Whose call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// A key of the panel.
    Panel,
    /// A key of the gateway's own file.
    Own,
    Nobody,
}

/// What a call says, and how often guards find something in it.
const ADDRESSES: (&str, u64) = ("write to ada@example.org and bob@example.org", 2);
const SECRET: (&str, u64) = (
    concat!("use gh", "p_", "16C7e42F292c6912E7710c838347Ae178B4a"),
    1,
);
const NOTHING: (&str, u64) = ("hello", 0);

/// A provider, a panel, and what was seen in front of its gateways.
struct Stage {
    scene: Scene,
    seen: Seen,
}

impl Stage {
    fn new() -> Self {
        Self {
            scene: Scene::new("50.00", TERMS),
            seen: Seen::default(),
        }
    }

    /// A gateway under the policy above.
    fn home(&self, name: &str) -> Home {
        let scene = &self.scene;
        let home = Home::new(&scene.simulator, "");
        let at = scene.wire.address;
        let panel = scene.control.invite(&scene.admin, name, home.path(), at);
        std::fs::create_dir(home.path().join("policies")).expect("a folder");
        std::fs::write(home.path().join("policies/org.yaml"), POLICY).expect("a policy");
        home.configure(&format!("{panel}policies: [policies/]\n"));
        home
    }

    /// One call; its status.
    fn calls(&mut self, gateway: &Gateway, by: By, (text, found): (&str, u64), tool: bool) -> u16 {
        let mut caller = match by {
            By::Panel => self.scene.caller(gateway),
            By::Own => gateway.caller(),
            By::Nobody => Client::to(gateway.listen).with("authorization", "Bearer wrong"),
        };
        let shell =
            json!([{ "type": "function", "function": { "name": "shell", "parameters": {} } }]);
        let mut more = vec![("max_tokens", json!(16))];
        if tool {
            more.push(("tools", shell));
        }
        let answer = caller.post(CHAT, &chat("tenth", text, &more));
        let seen = &mut self.seen;
        let mut action = "replace";
        if answer.status != 200 {
            let code = answer.json()["error"]["code"]
                .as_str()
                .expect("a code")
                .to_owned();
            if code == "content_filter" {
                action = "block";
            }
            let rule = match code.as_str() {
                "tool_not_allowed" => "no-shell",
                "content_filter" => "secrets",
                _ => "without a rule",
            };
            let key = match by {
                By::Panel => "acme/red/atlas key fleet",
                By::Own | By::Nobody => "without a key of this panel",
            };
            *seen.codes.entry(code).or_default() += 1;
            *seen.rules.entry(rule.to_owned()).or_default() += 1;
            *seen.keys.entry(key.to_owned()).or_default() += 1;
        }
        if found > 0 {
            *seen.actions.entry(action.to_owned()).or_default() += found;
        }
        answer.status
    }

    /// One call that passes, as soon as there is money for it.
    fn passes(&mut self, gateway: &Gateway) {
        until("a call is let through", || {
            let status = self.calls(gateway, By::Panel, ADDRESSES, false);
            assert!([200, 503].contains(&status), "{status}");
            (status == 200).then_some(())
        });
    }

    /// Some calls of each kind.
    fn round(&mut self, gateway: &Gateway) {
        for _ in 0..3 {
            self.passes(gateway);
        }
        for (by, what, tool, expected) in [
            (By::Panel, NOTHING, true, 403),
            (By::Panel, NOTHING, true, 403),
            (By::Panel, SECRET, false, 400),
            (By::Own, NOTHING, true, 403),
            (By::Nobody, NOTHING, false, 401),
        ] {
            let status = self.calls(gateway, by, what, tool);
            assert_eq!(status, expected, "{by:?} {what:?}");
        }
    }

    /// What the panel says; of all hours together.
    fn counts(&self, what: &str) -> Counts {
        let path = format!("/api/v1/analytics/{what}");
        let answer = self.scene.admin.get(&path);
        let counts = answer["counts"].as_array().expect("counts").iter();
        let counts = counts.map(|count| {
            let often = count["refused"].as_u64().or(count["found"].as_u64());
            let name = count["name"].as_str().expect("a name").to_owned();
            (name, often.expect("a number"))
        });
        counts.collect()
    }

    fn told(&self) -> Seen {
        Seen {
            codes: self.counts("refusals?group_by=code"),
            rules: self.counts("refusals?group_by=rule"),
            keys: self.counts("refusals?group_by=key"),
            actions: self.counts("findings?group_by=action"),
        }
    }

    /// Waits until the panel has heard of everything, and sees that it is no more than happened.
    fn is_told(&self) {
        until("the panel shows what happened", || {
            let told = self.told();
            for (code, often) in &told.codes {
                assert!(
                    *often <= self.seen.codes[code],
                    "{told:?}, seen {:?}",
                    self.seen
                );
            }
            (told == self.seen).then_some(())
        });
    }

    fn last_used(&self) -> Option<String> {
        let path = format!("/api/v1/keys/{}", self.scene.key);
        let key = self.scene.admin.get(&path);
        key["last_used"].as_str().map(str::to_owned)
    }

    /// A command at a terminal.
    fn types(&self, arguments: &[&str]) -> String {
        let admin = &self.scene.admin;
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(arguments)
            .current_dir(self.scene.control.path())
            .env("TOLLGATE_PANEL_URL", admin.url())
            .env("TOLLGATE_PANEL_TOKEN", admin.token())
            .env("TOLLGATE_PANEL_CA", self.scene.control.ca())
            .output()
            .expect("tollgate runs");
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {err}");
        String::from_utf8(output.stdout).expect("text")
    }
}

#[test]
fn the_panel_shows_what_gateways_refused_and_found_and_when_keys_were_used() {
    let mut stage = Stage::new();
    let homes = [stage.home("edge-0"), stage.home("edge-1")];
    let gateways = [homes[0].start(), homes[1].start()];
    assert_eq!(stage.last_used(), None);
    for gateway in &gateways {
        stage.round(gateway);
    }
    // While they run.
    stage.is_told();
    let used = stage.last_used().expect("it was used");

    // Cut off they go on refusing, and tell of it when they are heard again.
    stage.scene.wire.cut(true);
    for _ in 0..3 {
        stage.calls(&gateways[0], By::Panel, NOTHING, true);
    }
    stage.scene.wire.cut(false);
    stage.is_told();

    // A panel that died and is started anew goes on where it was.
    stage.scene.control.kill();
    stage.calls(&gateways[0], By::Panel, SECRET, false);
    stage.scene.control.open();
    stage.round(&gateways[0]);
    stage.is_told();

    // Gateways that end in order have told everything; the next process counts from nothing.
    stage.round(&gateways[1]);
    for gateway in gateways {
        gateway.stop();
    }
    assert_eq!(stage.told(), stage.seen);
    let again = homes[1].start();
    stage.round(&again);
    stage.is_told();
    // One that dies loses what it had not told, and nothing else.
    again.kill();
    homes[1].start().stop();
    assert_eq!(stage.told(), stage.seen);

    assert_eq!(stage.seen.codes["invalid_api_key"], 5, "{:?}", stage.seen);
    assert_eq!(stage.seen.actions["block"], 6, "{:?}", stage.seen);
    assert_eq!(stage.seen.rules["no-shell"], 18, "{:?}", stage.seen);
    let kinds = stage.counts("findings?group_by=kind");
    assert_eq!(kinds["email"], stage.seen.actions["replace"], "{kinds:?}");
    let all: u64 = stage.seen.codes.values().sum();
    let by_gateway = stage.counts("refusals?group_by=gateway");
    assert_eq!(by_gateway.values().sum::<u64>(), all, "{by_gateway:?}");
    assert_eq!(by_gateway.len(), 2, "{by_gateway:?}");
    assert!(stage.last_used().expect("used") >= used);

    // The same at a terminal.
    let refused = stage.types(&["refusals", "--by", "rule"]);
    assert!(refused.contains("no-shell"), "{refused}");
    let found = stage.types(&["findings", "--by", "label:team"]);
    assert!(found.contains("red"), "{found}");
    let top: Value = serde_json::from_str(&stage.types(&["top", "--json"])).expect("JSON");
    let told = top["refusals"].as_array().expect("refusals").iter();
    let names: Vec<&str> = told.filter_map(|one| one["name"].as_str()).collect();
    assert!(names.contains(&"tool_not_allowed"), "{names:?}");
    let keys = stage.types(&["key", "list", "--panel"]);
    assert!(keys.contains(&used[..10]), "{keys}");
}
