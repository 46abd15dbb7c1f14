//! How budgets are lent: what an administrator says reaches the next lease, and what no lease could do is refused.

use super::world::{World, text};
use crate::lease::protocol::RouterId;
use serde_json::json;
use std::time::Duration;

const ROUTER: RouterId = RouterId(7);

#[test]
fn a_budget_says_how_it_is_lent_and_the_next_lease_goes_by_that() {
    let world = World::new();
    let admin = world.first_admin();
    let [acme, .., atlas, _] = world.tree(&admin);
    let new = json!({ "node": acme, "window": "1d", "limit": "100.00", "partition": "deny" });
    let made = world.ask("POST /api/v1/budgets", &admin, new).is(201);
    assert_eq!(
        (&made["offline_target"], &made["partition"]),
        (&json!("panel"), &json!("deny"))
    );
    let (_, leaf, _) = world.key(&admin, &atlas, "scout");
    world.greet(ROUTER);
    let grant = world.borrow(ROUTER, 1, leaf, "2.00").grants[0];
    assert_eq!(grant.valid_for, Duration::from_secs(30));
    let path = format!("PATCH /api/v1/budgets/{}", text(&made["id"]));
    let change = |body| world.ask_with(&path, &admin, body, &[("if-match", "*")]);
    let changed = change(json!({ "partition": "lease_only", "offline_target": "10m" })).is(200);
    assert_eq!(
        (&changed["offline_target"], &changed["partition"]),
        (&json!("10m"), &json!("lease_only"))
    );
    let grant = world.borrow(ROUTER, 2, leaf, "2.00").grants[0];
    assert!(grant.valid_for > Duration::from_mins(14), "{grant:?}");
    // What else changes leaves it as it is.
    let changed = change(json!({ "limit": "90.00" })).is(200);
    assert_eq!(changed["offline_target"], "10m");
    let log = world.get("/api/v1/audit", &admin).is(200);
    assert!(log.to_string().contains("offline_target"), "{log}");
}

#[test]
fn a_rule_that_no_lease_could_keep_is_refused_with_its_reason() {
    let world = World::new();
    let admin = world.first_admin();
    let [acme, ..] = world.tree(&admin);
    let refused = |more: serde_json::Value, word: &str| {
        let mut new = json!({ "node": acme, "window": "1d", "limit": "100.00" });
        for (name, value) in more.as_object().unwrap() {
            new[name] = value.clone();
        }
        let answer = world.ask("POST /api/v1/budgets", &admin, new);
        let problem = answer.is(422);
        assert!(problem.to_string().contains(word), "{problem}");
    };
    refused(json!({ "offline_target": "1h" }), "leases.valid_for");
    let allow =
        |usd: &str, minutes: u32| json!({ "allow_up_to": { "usd": usd, "minutes": minutes } });
    refused(json!({ "partition": allow("5.00", 10) }), "lease_only");
    refused(
        json!({ "partition": allow("5.00", 60), "hard": false }),
        "leases.valid_for",
    );
    refused(
        json!({ "partition": allow("five", 10), "hard": false }),
        "partition",
    );
    // One that does not bind may be spent ahead; to bind it, the rule has to go first.
    let new = json!({
        "node": acme, "window": "1d", "limit": "100.00", "hard": false, "partition": allow("5.00", 10),
    });
    let made = world.ask("POST /api/v1/budgets", &admin, new).is(201);
    let path = format!("PATCH /api/v1/budgets/{}", text(&made["id"]));
    let change = |body| world.ask_with(&path, &admin, body, &[("if-match", "*")]);
    change(json!({ "hard": true })).refused(422, "invalid");
    change(json!({ "hard": true, "partition": "deny" })).is(200);
}
