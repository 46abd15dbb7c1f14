//! Live changes: switches, revoked keys, budgets lowered and raised, and how soon gateways act on them.

use super::{CHAT, Scene};
use crate::support::{Client, Home, Money, chat, until};
use serde_json::{Value, json};
use std::time::Instant;

const GATEWAYS: usize = 50;

fn tenth() -> Value {
    chat("tenth", "hello", &[("max_tokens", json!(16))])
}

/// Calls until it is let through.
fn served(caller: &mut Client) {
    until("a call is let through", || {
        (caller.post(CHAT, &tenth()).status == 200).then_some(())
    });
}

/// Calls until it is refused; what it is told.
fn refused(caller: &mut Client) -> (u16, Value) {
    until("a call is refused", || {
        let answer = caller.post(CHAT, &tenth());
        (answer.status != 200).then(|| (answer.status, answer.json()))
    })
}

#[test]
fn a_switch_that_is_pulled_stops_every_gateway_and_lets_go_again() {
    let scene = Scene::new("50.00", "");
    let homes = scene.homes(GATEWAYS);
    let gateways: Vec<_> = homes.iter().map(Home::start).collect();
    let mut callers: Vec<_> = gateways
        .iter()
        .map(|gateway| scene.caller(gateway))
        .collect();
    callers.iter_mut().for_each(served);
    let switch = json!({ "scope": "project", "id": scene.project, "reason": "it runs wild" });
    let pulled = Instant::now();
    let killed = scene.admin.post("/api/v1/kill", &switch);
    for caller in &mut callers {
        let (status, refusal) = refused(caller);
        assert_eq!(status, 403, "{refusal}");
    }
    // How long it took is told, and bounded only by patience: machines differ.
    eprintln!(
        "{GATEWAYS} gateways refused {} ms after the switch",
        pulled.elapsed().as_millis()
    );
    let id = killed["kill"]["id"].as_str().expect("an id");
    let report = until("every gateway has confirmed", || {
        let report = scene.admin.get(&format!("/api/v1/kills/{id}"));
        let gateways = report["gateways"].as_array().expect("a list");
        gateways
            .iter()
            .all(|one| one["confirmed"] == true)
            .then_some(report)
    });
    assert_eq!(report["kill"]["in_force"], true);
    scene.admin.post("/api/v1/unkill", &switch);
    callers.iter_mut().for_each(served);
}

#[test]
fn a_key_that_is_revoked_is_refused_everywhere() {
    let scene = Scene::new("50.00", "");
    let homes = scene.homes(2);
    let gateways: Vec<_> = homes.iter().map(Home::start).collect();
    let mut callers: Vec<_> = gateways
        .iter()
        .map(|gateway| scene.caller(gateway))
        .collect();
    callers.iter_mut().for_each(served);
    scene
        .admin
        .post(&format!("/api/v1/keys/{}/revoke", scene.key), &json!({}));
    for caller in &mut callers {
        let (status, refusal) = until("the key is refused", || {
            let answer = caller.post(CHAT, &tenth());
            (answer.status == 401).then(|| (answer.status, answer.json()))
        });
        assert_eq!(
            (status, &refusal["error"]["code"]),
            (401, &json!("invalid_api_key"))
        );
    }
}

#[test]
fn a_budget_is_lowered_and_raised_while_calls_are_made() {
    let scene = Scene::new("0.002", "leases: { valid_for: 5s, drain_for: 5s }");
    let home = scene.home("edge");
    let gateway = home.start();
    let mut caller = scene.caller(&gateway);
    served(&mut caller);
    served(&mut caller);
    let (status, refusal) = until("the budget is used up", || {
        let answer = caller.post(CHAT, &tenth());
        (answer.status == 429).then(|| (answer.status, answer.json()))
    });
    assert_eq!(
        (status, &refusal["error"]["code"]),
        (429, &json!("insufficient_quota"))
    );
    let path = format!("/api/v1/budgets/{}", scene.budget);
    scene.admin.patch(&path, &json!({ "limit": "0.003" }));
    served(&mut caller);
    scene.admin.patch(&path, &json!({ "limit": "0.001" }));
    until("nothing is left", || {
        (caller.post(CHAT, &tenth()).status == 429).then_some(())
    });
    gateway.stop();
    let books = scene.settled();
    assert_eq!(books.spent, Money::of("0.003"));
}

#[test]
fn with_the_panel_away_calls_go_on_up_to_what_is_lent_and_are_told_once_it_is_back() {
    let mut scene = Scene::new("50.00", "");
    let home = scene.home("edge");
    let gateway = home.start();
    let mut caller = scene.caller(&gateway);
    served(&mut caller);
    scene.control.kill();
    let dear = chat("cents", "hello", &[("max_tokens", json!(16))]);
    let mut spent = 0;
    let refusal = until("what is lent is used up", || {
        let answer = caller.post(CHAT, &dear);
        spent += u32::from(answer.status == 200);
        (answer.status != 200).then_some(answer)
    });
    assert!(spent > 0, "nothing was lent ahead");
    assert_eq!(refusal.status, 503, "{}", refusal.text());
    assert_eq!(refusal.json()["error"]["code"], "budget_unavailable");
    assert!(refusal.header("retry-after").is_some());
    scene.control.open();
    served(&mut caller);
    gateway.stop();
    let charged = scene.simulator.meter_at_rest().cost;
    let books = scene.settled();
    assert_eq!((books.spent, books.uncertain), (charged, Money::default()));
}

#[test]
fn a_gateway_that_is_revoked_gets_nothing_more() {
    let scene = Scene::new("50.00", "leases: { valid_for: 3s, drain_for: 1s }");
    let home = scene.home("edge");
    let gateway = home.start();
    let mut caller = scene.caller(&gateway);
    served(&mut caller);
    let gateways = scene.admin.get("/api/v1/gateways");
    let id = gateways["items"][0]["id"].as_str().expect("an id");
    scene
        .admin
        .post(&format!("/api/v1/gateways/{id}/revoke"), &json!({}));
    let (status, _) = until("its leases are over", || {
        let answer = caller.post(CHAT, &tenth());
        (answer.status != 200).then(|| (answer.status, answer.json()))
    });
    assert_eq!(status, 503);
}
