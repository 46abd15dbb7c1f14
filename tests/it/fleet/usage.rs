//! What money was for: sums by model at the panel are what the provider metered, and come to the ledger's, also where a gateway
//! died before it told.

use super::{CHAT, Scene};
use crate::support::{Client, Home, Money, chat, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const TERMS: &str = "leases: { valid_for: 4s, drain_for: 4s }";

/// Calls, tokens in, tokens out, spent.
type Line = (u64, u64, u64, Money);

/// One call, whole or as a stream, as soon as there is money for it.
fn call(caller: &mut Client, model: &str, stream: bool) {
    let text = "tell me @sim(out=20)";
    let body = chat(
        model,
        text,
        &[("max_tokens", json!(64)), ("stream", json!(stream))],
    );
    until("a call is let through", || {
        let mut answer = caller.stream(CHAT, &body);
        let status = answer.status;
        let rest = answer.rest().expect("an answer to its end");
        assert!([200, 503].contains(&status), "{status}: {rest:?}");
        (status == 200).then_some(())
    });
}

/// Sums of the panel, by name; and all of them together.
fn sums(scene: &Scene, by: &str) -> (BTreeMap<String, Line>, Money) {
    let path = format!("/api/v1/analytics/spend?group_by={by}&interval=day");
    let spend = scene.admin.get(&path);
    let mut sums: BTreeMap<String, Line> = BTreeMap::new();
    for sum in spend["sums"].as_array().expect("sums") {
        let number = |name: &str| sum[name].as_u64().expect(name);
        // Midnight may lie between two calls.
        let line = sums.entry(text(&sum["name"])).or_default();
        line.0 += number("calls");
        line.1 += number("tokens_in");
        line.2 += number("tokens_out");
        line.3 = line.3 + Money::of(&text(&sum["spent"]));
    }
    (sums, Money::of(&text(&spend["total"])))
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// What the provider metered, by model.
fn metered(scene: &Scene) -> BTreeMap<String, Line> {
    scene.simulator.meter_at_rest();
    scene.simulator.by_model()
}

#[test]
fn sums_by_model_are_what_the_provider_metered_and_come_to_the_ledgers() {
    let scene = Scene::new("50.00", TERMS);
    let homes = scene.homes(2);
    let gateways: Vec<_> = homes.iter().map(Home::start).collect();
    for (round, gateway) in gateways.iter().cycle().take(6).enumerate() {
        let mut caller = scene.caller(gateway);
        for model in ["dear", "cents"] {
            call(&mut caller, model, round % 2 == 0);
            call(&mut caller, model, round % 3 == 0);
        }
    }
    for gateway in gateways {
        gateway.stop();
    }
    let books = scene.settled();
    let (by_model, total) = sums(&scene, "model");
    assert_eq!(by_model, metered(&scene));
    assert_eq!(by_model["dear"].0, 12);
    assert!(by_model["dear"].2 >= 12 * 20, "{by_model:?}");
    assert_eq!((total, books.uncertain), (books.spent, Money::default()));
    let calls: u64 = by_model.values().map(|line| line.0).sum();
    for by in ["key", "node", "label:team", "label:project"] {
        let (sums, total) = sums(&scene, by);
        let line = sums.values().next().expect("one key");
        assert_eq!((sums.len(), total), (1, books.spent), "{by}");
        assert_eq!((line.0, line.3), (calls, books.spent), "{by}");
    }

    // A gateway that is cut off calls, and dies before it can tell what for.
    let gateway = homes[0].start();
    let mut caller = scene.caller(&gateway);
    call(&mut caller, "cents", false);
    scene.wire.cut(true);
    let before = scene.simulator.cost_of("dear");
    call(&mut caller, "dear", false);
    call(&mut caller, "dear", true);
    gateway.kill();
    scene.wire.cut(false);
    homes[0].start().stop();
    let books = scene.settled();
    let metered = metered(&scene);
    let (by_model, total) = sums(&scene, "model");
    assert_eq!(total, books.spent, "{by_model:?}");
    assert_eq!((by_model["dear"].3, by_model["dear"].0), (before, 12));
    assert!(by_model["cents"].3 <= metered["cents"].3, "{by_model:?}");
    let charged = scene.simulator.meter_at_rest().cost;
    let presumed = Money(books.spent.0 + books.uncertain.0);
    assert!(presumed >= charged, "{books:?}, charged {charged:?}");
    let unknown = by_model.get("unknown").copied().unwrap_or_default().3;
    let untold = metered["dear"].3.0 - before.0;
    assert!(
        unknown.0 + books.uncertain.0 >= untold,
        "{unknown:?} and {books:?} of {untold}"
    );
}
