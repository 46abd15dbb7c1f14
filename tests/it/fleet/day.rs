//! A day with a panel: somebody is invited, gateways are enrolled, calls are governed, more is asked for and granted, an agent is
//! stopped, the panel is stopped and opened again; every step is in the audit log, and no secret is anywhere.

use super::{CHAT, PRICES, is_final};
use crate::support::{Client, Control, Home, Money, Simulator, chat, until};
use reqwest::Method;
use serde_json::{Value, json};

/// Calls until it is told yes or no.
fn call(caller: &mut Client) -> (u16, Value) {
    let body = chat("cents", "hello", &[("max_tokens", json!(16))]);
    until("the gateway says yes or no", || {
        let answer = caller.post(CHAT, &body);
        (answer.status != 503).then(|| (answer.status, answer.json()))
    })
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[test]
fn a_day_with_a_panel_loses_nothing_and_tells_no_secret() {
    let simulator = Simulator::start(PRICES);
    let (mut control, root) = Control::start("");
    let org = root.node("org", "acme", None);
    let team = root.node("team", "red", Some(&org));
    let project = root.node("project", "atlas", Some(&team));
    let agent = root.node("agent", "scout", Some(&project));
    let budget = root.budget(&project, "0.20");
    let (_, secret) = root.key(&agent, "nightly");

    // Somebody is invited, for this project alone.
    let invited = root.post(
        "/api/v1/users",
        &json!({ "email": "ann@example.com", "name": "Ann", "role": "operator", "scope": project }),
    );
    let nobody = root.with_token("");
    let accept = json!({ "token": invited["token"], "password": "a long enough password" });
    let opened = nobody.post("/api/v1/invitations/accept", &accept);
    let ann = root.with_token(&text(&opened["token"]));
    let (status, _) = ann.ask(Method::GET, "/api/v1/gateways", None, &[]);
    assert_eq!(
        status, 403,
        "gateways are everybody's business, hers is a project"
    );

    // Two gateways spend what there is.
    let homes = [Home::new(&simulator, ""), Home::new(&simulator, "")];
    for (number, home) in homes.iter().enumerate() {
        let name = format!("edge-{number}");
        home.configure(&control.invite(&root, &name, home.path(), control.address));
    }
    let gateways = homes.each_ref().map(Home::start);
    let caller = |place: usize| {
        Client::to(gateways[place].listen).with("authorization", &format!("Bearer {secret}"))
    };
    let mut callers = [caller(0), caller(1)];
    assert_eq!(call(&mut callers[0]).0, 200);
    assert_eq!(call(&mut callers[1]).0, 200);
    let (status, refusal) = call(&mut callers[0]);
    assert!(is_final(status, &refusal), "{refusal}");
    let said = text(&refusal["error"]["message"]);
    assert!(said.contains("acme/red/atlas"), "{said}");

    // More is asked for. Who asks does not decide.
    let ask = json!({ "budget": budget, "amount": "0.10", "reason": "the night runs" });
    let asked = ann.post("/api/v1/requests", &ask);
    let path = format!("/api/v1/requests/{}/approve", text(&asked["id"]));
    let yes = json!({ "reason": "fine" });
    let (status, _) = ann.ask(Method::POST, &path, Some(&yes), &[("if-match", "*")]);
    assert_eq!(status, 403);
    let (status, approved) = root.ask(Method::POST, &path, Some(&yes), &[("if-match", "*")]);
    assert_eq!(status, 200, "{approved}");
    until("there is more", || {
        (call(&mut callers[0]).0 == 200).then_some(())
    });

    // The agent is stopped, and stays so while the panel is gone and back.
    let switch = json!({ "scope": "agent", "id": agent, "reason": "it loops" });
    ann.post("/api/v1/kill", &switch);
    until("the agent is stopped", || {
        (call(&mut callers[1]).0 == 403).then_some(())
    });
    let log = control.log();
    control.stop();
    control.open();
    assert_eq!(call(&mut callers[0]).0, 403);
    ann.post("/api/v1/unkill", &switch);
    until("the agent may call", || {
        (call(&mut callers[1]).0 == 200).then_some(())
    });

    for gateway in gateways {
        gateway.stop();
    }
    let charged = simulator.meter_at_rest().cost;
    assert_eq!(charged, Money::of("0.28"));
    let spent = until("all is told", || {
        let budget = root.get(&format!("/api/v1/budgets/{budget}"));
        (budget["held"] == "0.00" || budget["held"] == "0").then(|| text(&budget["spent"]))
    });
    assert_eq!(Money::of(&spent), charged);

    // Every step is told, in a chain that holds, and secrets are nowhere.
    let audit = root.get("/api/v1/audit?limit=200");
    let acts = audit.to_string();
    for act in [
        "user.invite",
        "gateway.make",
        "key.make",
        "request.approve",
        "kill",
        "unkill",
    ] {
        assert!(acts.contains(act), "{act} in {acts}");
    }
    assert_eq!(root.get("/api/v1/audit/verify")["ok"], true);
    let database = std::fs::read(control.path().join("state/panel.db")).expect("the books");
    let log = format!("{log}{}{acts}", control.log());
    for hidden in [
        secret.as_str(),
        "a long enough password",
        "correct horse battery",
    ] {
        assert!(!log.contains(hidden), "a secret was told");
        let found = memchr::memmem::find(&database, hidden.as_bytes());
        assert!(found.is_none(), "a secret is in the books");
    }
}
