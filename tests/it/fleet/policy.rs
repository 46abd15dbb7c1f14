//! Policies of the panel on their way to its gateways: some try them, then all run them, and back; and a gateway alone.

use super::{CHAT, Scene};
use crate::support::{Client, Gateway, Home, chat, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Instant;

const NO_SHELL: &str = "version: 1
scope: {}
rules:
  - { id: no-shell, effect: deny, match: { tools: [shell] }, message: \"Shell tools are off.\" }
tests:
  - { name: shell is refused, given: { tools: [shell] }, expect: { decision: deny, rule: no-shell } }
";

/// A call that offers the model a shell.
fn shell() -> Value {
    let tool = json!([{ "type": "function", "function": { "name": "shell", "parameters": {} } }]);
    chat(
        "tenth",
        "hello",
        &[("max_tokens", json!(16)), ("tools", tool)],
    )
}

impl Scene {
    /// A version that the panel keeps, and no gateway runs yet.
    fn stored(&self, text: &str) -> u64 {
        let body = json!({ "files": { "org.yaml": text } });
        let made = self.admin.post("/api/v1/bundles", &body);
        made["bundle"]["version"].as_u64().expect("a version")
    }

    fn changed(&self, path: &str, body: &Value) -> Value {
        let path = format!("/api/v1/bundles/{path}");
        let any = [("if-match", "*")];
        let (status, rollout) = self.admin.ask(Method::POST, &path, Some(body), &any);
        assert_eq!(status, 200, "{rollout}");
        rollout
    }

    fn roll_out(&self, version: u64, percent: u8) {
        let body = json!({ "percent": percent });
        self.changed(&format!("{version}/rollout"), &body);
    }

    /// What the panel knows of a gateway's policies.
    fn policy(&self, name: &str) -> Value {
        let all = self.admin.get("/api/v1/gateways");
        let all = all["items"].as_array().expect("gateways");
        let found = all.iter().find(|one| one["name"] == name);
        found.expect("it is known")["policy"].clone()
    }

    /// Waits until the panel has heard that a gateway runs a version.
    fn runs(&self, name: &str, version: u64) {
        until("the panel hears which policies run", || {
            let policy = self.policy(name);
            let runs = policy["running"] == json!(version) && policy["error"].is_null();
            runs.then_some(())
        });
    }
}

/// Waits until a call is decided so.
fn decided(caller: &mut Client, denied: bool) {
    until("a call is decided", || {
        let answer = caller.post(CHAT, &shell());
        if !denied {
            return (answer.status == 200).then_some(());
        }
        (answer.status == 403).then(|| {
            let refusal = answer.json();
            assert_eq!(
                refusal["error"]["tollgate"]["rule"], "no-shell",
                "{refusal}"
            );
        })
    });
}

/// The version and what is wrong, as `/status` has it.
fn status(gateway: &Gateway) -> (Value, Value) {
    let policy = gateway.status()["panel"]["policy"].clone();
    (policy["running"].clone(), policy["error"].clone())
}

#[test]
fn some_gateways_try_a_bundle_then_all_run_it_then_none() {
    let scene = Scene::new("50.00", "");
    let homes = scene.homes(2);
    let gateways: Vec<Gateway> = homes.iter().map(Home::start).collect();
    let mut callers: Vec<Client> = gateways.iter().map(|one| scene.caller(one)).collect();
    for caller in &mut callers {
        decided(caller, false);
    }
    let quiet = scene.stored("version: 1\nscope: {}\n");
    scene.roll_out(quiet, 100);
    for name in ["edge-0", "edge-1"] {
        scene.runs(name, quiet);
    }
    // Half of two gateways, by lot: another version draws again, until it is one of them.
    let (version, chosen) = (0..64)
        .find_map(|_| {
            let version = scene.stored(NO_SHELL);
            scene.roll_out(version, 50);
            let wanted = ["edge-0", "edge-1"].map(|name| scene.policy(name)["wanted"].clone());
            let chosen = wanted.iter().position(|one| *one == json!(version));
            let other = wanted.iter().any(|one| *one == json!(quiet));
            chosen.filter(|_| other).map(|chosen| (version, chosen))
        })
        .expect("one of two within 64 draws");
    let other = 1 - chosen;
    scene.runs(&format!("edge-{chosen}"), version);
    scene.runs(&format!("edge-{other}"), quiet);
    decided(&mut callers[chosen], true);
    decided(&mut callers[other], false);
    assert_eq!(status(&gateways[chosen]), (json!(version), Value::Null));
    assert_eq!(
        gateways[chosen].count("tollgate_policy_bundle_version", &[]),
        version
    );
    // What is in force is on every answer, and in the metric.
    let revision = |caller: &mut Client| {
        let answer = caller.post(CHAT, &shell());
        let revision = answer.header("x-tollgate-policy-revision");
        revision.expect("a revision").to_owned()
    };
    let strict = revision(&mut callers[chosen]);
    assert_ne!(strict, revision(&mut callers[other]));
    let shown = [("revision", strict.as_str())];
    assert_eq!(gateways[chosen].count("tollgate_policy_info", &shown), 1);

    let rolled = Instant::now();
    scene.roll_out(version, 100);
    for caller in &mut callers {
        decided(caller, true);
    }
    // How long it took is told, and bounded only by patience: machines differ.
    eprintln!(
        "in force everywhere {} ms after it was rolled out",
        rolled.elapsed().as_millis()
    );
    scene.changed("rollback", &json!({}));
    for (number, caller) in callers.iter_mut().enumerate() {
        decided(caller, false);
        scene.runs(&format!("edge-{number}"), quiet);
    }
}

#[test]
fn a_faulty_bundle_is_refused_where_it_is_faulty() {
    let scene = Scene::new("50.00", "");
    let faulty = NO_SHELL.replace("effect: deny", "effect: denny");
    let body = json!({ "files": { "teams/red.yaml": faulty } });
    let (status, problem) = scene
        .admin
        .ask(Method::POST, "/api/v1/bundles", Some(&body), &[]);
    assert_eq!((status, &problem["code"]), (422, &json!("policy_faults")));
    let fault = &problem["errors"][0];
    let field = fault["field"].as_str().expect("a place");
    assert_eq!(field, "teams/red.yaml:4:29");
    let detail = fault["detail"].as_str().expect("words");
    assert!(detail.contains("error[TG106]"), "{detail}");
    assert_eq!(scene.admin.get("/api/v1/bundles")["items"], json!([]));
}

#[test]
fn a_gateway_that_is_started_while_the_panel_is_away_runs_what_it_ran() {
    let mut scene = Scene::new("50.00", "");
    let home = scene.home("edge");
    let gateway = home.start();
    let version = scene.stored(NO_SHELL);
    scene.roll_out(version, 100);
    scene.runs("edge", version);
    scene.control.kill();
    gateway.kill();
    let gateway = home.start();
    assert_eq!(status(&gateway).0, json!(version));
    // By the rule, before anybody asks for money.
    let answer = scene.caller(&gateway).post(CHAT, &shell());
    let refusal = answer.json();
    assert_eq!(
        (answer.status, &refusal["error"]["tollgate"]["rule"]),
        (403, &json!("no-shell"))
    );
    gateway.stop();
    // What was kept is no good any more: better no gateway than one without its policies.
    let file = home.path().join("state/panel/order.json");
    let kept = std::fs::read_to_string(&file).expect("what was kept");
    std::fs::write(
        &file,
        kept.replace("Shell tools are off", "Shell tools are on"),
    )
    .expect("written");
    let (ended, output) = home.start_in_vain();
    assert!(!ended, "{output}");
    assert!(
        output.contains("order.json: this gateway ran policies of its panel"),
        "{output}"
    );
    // With the panel there it gets them anew.
    scene.control.open();
    let gateway = home.start();
    decided(&mut scene.caller(&gateway), true);
}

#[test]
fn a_bundle_that_cannot_be_used_here_leaves_what_ran_and_the_panel_hears_why() {
    let scene = Scene::new("50.00", "");
    let home = scene.home("edge");
    let gateway = home.start();
    let good = scene.stored(NO_SHELL);
    scene.roll_out(good, 100);
    scene.runs("edge", good);
    // A reference to what only this machine has, which no bundle may read.
    let reads = format!(
        "{NO_SHELL}consult:\n  - {{ id: ask, url: \"http://127.0.0.1:9/\", headers: {{ authorization: \"${{HOME}}\" }}, on_error: allow }}\n"
    );
    let bad = scene.stored(&reads);
    scene.roll_out(bad, 100);
    let policy = until("the panel hears why not", || {
        let policy = scene.policy("edge");
        policy["error"].is_string().then_some(policy)
    });
    assert_eq!(
        (&policy["wanted"], &policy["running"]),
        (&json!(bad), &json!(good))
    );
    let error = policy["error"].as_str().expect("words");
    assert!(
        error.contains(&format!("panel:{bad}/org.yaml:")) && error.contains("TOLLGATE_POLICY_"),
        "{error}"
    );
    assert_eq!(status(&gateway).0, json!(good));
    decided(&mut scene.caller(&gateway), true);
    let unusable = [("result", "unusable")];
    assert_eq!(gateway.count("tollgate_policy_bundle_total", &unusable), 1);
    // With what it kept damaged and nothing it can use instead it does not start: open it would be, and its panel's keys good.
    gateway.stop();
    let file = home.path().join("state/panel/order.json");
    let kept = std::fs::read_to_string(&file).expect("what was kept");
    std::fs::write(&file, kept.replace("no-shell", "no-shall")).expect("written");
    let (ended, output) = home.start_in_vain();
    assert!(!ended, "{output}");
    assert!(
        output.contains("neither can what the panel orders now"),
        "{output}"
    );
    std::fs::write(&file, kept).expect("written");
    let gateway = home.start();
    scene.changed("rollback", &json!({}));
    scene.runs("edge", good);
    assert_eq!(status(&gateway).1, Value::Null);
}
