//! What money was for: sums by model and label come to what the ledger says, whatever gateways tell or do not.

use super::world::{PASSWORD, World, text};
use crate::lease::protocol::{Grant, RouterId, Usage};
use crate::units::Money;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ROUTER: RouterId = RouterId(7);

fn usage(model: &str, calls: u64, cost: &str) -> Usage {
    Usage {
        model: model.into(),
        input: 100 * calls,
        output: 10 * calls,
        calls,
        cost: cost.parse().expect("dollars"),
    }
}

/// A gateway reports what it spent of a lease, and what for.
fn report(world: &World, seq: u64, grant: &Grant, settled: &str, usage: &[Usage]) {
    world.report((ROUTER, seq), (grant.lease, grant.fence), settled, usage);
}

/// Two keys of two teams that spent $2.00 and $0.50, of which $1.70 and $0.50 are known the models of.
struct Scene {
    world: World,
    admin: String,
    red: String,
    scout: String,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let admin = world.first_admin();
        let [acme, red, atlas, blue, _] = world.tree(&admin);
        world.budget(&admin, &acme, "1mo", "100.00");
        world.budget(&admin, &atlas, "total", "50.00");
        let (scout, leaf, _) = world.key(&admin, &atlas, "scout");
        let (_, other, _) = world.key(&admin, &blue, "other");
        world.greet(ROUTER);
        let first = world.borrow(ROUTER, 1, leaf, "3.00").grants[0];
        let second = world.borrow(ROUTER, 2, other, "2.00");
        let second = second.grants.iter().find(|grant| grant.leaf.0 == other);
        let small = [usage("small", 2, "1.00")];
        report(&world, 3, &first, "1.25", &small);
        // Comes twice, by another number.
        report(&world, 4, &first, "1.25", &small);
        let more = [
            usage("small", 3, "1.20"),
            usage("large", 1, "0.50"),
            usage("", 1, "0"),
        ];
        report(&world, 5, &first, "2.00", &more);
        let all = [usage("large", 1, "9.00")];
        report(&world, 6, second.expect("lent"), "0.50", &all);
        Self {
            world,
            admin,
            red,
            scout,
        }
    }

    fn get(&self, query: &str, token: &str) -> Value {
        let path = format!("/api/v1/analytics/spend?{query}");
        self.world.get(&path, token).is(200)
    }

    /// Name, spent, calls, tokens in; of all stretches together, for an hour may begin between two reports.
    fn sums(&self, query: &str, token: &str) -> Vec<(String, String, i64, i64)> {
        let answer = self.get(query, token);
        let mut sums: BTreeMap<String, (Money, i64, i64)> = BTreeMap::new();
        let mut all = Money::ZERO;
        for sum in answer["sums"].as_array().expect("sums") {
            let number = |field: &str| sum[field].as_i64().expect("a number");
            let spent: Money = text(&sum["spent"]).parse().expect("dollars");
            let line = sums.entry(text(&sum["name"])).or_default();
            line.0 = line.0.plus(spent);
            line.1 += number("calls");
            line.2 += number("tokens_in");
            all = all.plus(spent);
        }
        assert_eq!(text(&answer["total"]), all.to_string(), "{query}");
        let sums = sums.into_iter();
        sums.map(|(name, (spent, calls, input))| (name, spent.to_string(), calls, input))
            .collect()
    }
}

fn sum(name: &str, spent: &str, calls: i64) -> (String, String, i64, i64) {
    (name.to_owned(), spent.to_owned(), calls, 100 * calls)
}

#[test]
fn sums_by_model_come_to_the_ledgers_and_what_nobody_named_is_unknown() {
    let scene = Scene::new();
    let by_model = scene.get("group_by=model", &scene.admin);
    let by_key = scene.get("group_by=key", &scene.admin);
    assert_eq!(by_model["total"], "2.50");
    assert_eq!(by_model["total"], by_key["total"]);
    let large = json!({ "id": "large", "name": "large", "spent": "1.00", "calls": 2, "tokens_in": 200, "tokens_out": 20 });
    assert_eq!(by_model["sums"][0], large);
    assert_eq!(by_model["sums"][2]["id"], Value::Null);
    for interval in ["all", "hour", "day"] {
        let query = format!("group_by=model&interval={interval}");
        assert_eq!(
            scene.sums(&query, &scene.admin),
            [
                sum("large", "1.00", 2),
                sum("small", "1.20", 3),
                sum("unknown", "0.30", 1)
            ],
            "a gateway names no more than it spent"
        );
    }
    let nothing = scene.get("group_by=model&from=2099-01-01", &scene.admin);
    assert_eq!(
        (&nothing["sums"], &nothing["total"]),
        (&json!([]), &json!("0.00"))
    );
}

#[test]
fn calls_and_tokens_are_summed_by_key_node_and_label_within_scope() {
    let scene = Scene::new();
    let admin = &scene.admin;
    assert_eq!(
        scene.sums("group_by=key", admin),
        [
            sum("acme/blue key other", "0.50", 1),
            sum("acme/red/atlas key scout", "2.00", 5)
        ]
    );
    assert_eq!(
        scene.sums("group_by=label:team&interval=day", admin),
        [sum("blue", "0.50", 1), sum("red", "2.00", 5)]
    );
    assert_eq!(
        scene.sums("group_by=label:project", admin),
        [
            sum("atlas", "2.00", 5),
            sum("without label project", "0.50", 1)
        ]
    );
    assert_eq!(
        scene.sums("group_by=label:org", admin),
        [sum("acme", "2.50", 6)]
    );
    let (viewer, _) = scene.world.user(admin, "vera", "viewer", Some(&scene.red));
    let red = [
        sum("large", "0.50", 1),
        sum("small", "1.20", 3),
        sum("unknown", "0.30", 1),
    ];
    assert_eq!(scene.sums("group_by=model", &viewer), red);
    for filter in [
        format!("node={}", scene.red),
        format!("key={}", scene.scout),
    ] {
        assert_eq!(scene.sums(&format!("group_by=model&{filter}"), admin), red);
        let by_node = scene.sums(&format!("group_by=node&{filter}"), admin);
        assert_eq!(by_node, [sum("acme/red/atlas", "2.00", 5)]);
    }
    let ask = |query: &str, token: &str| {
        scene
            .world
            .get(&format!("/api/v1/analytics/spend?{query}"), token)
    };
    let budget = format!("group_by=budget&key={}", scene.scout);
    ask(&budget, admin).refused(422, "invalid");
    ask("group_by=label:mood", admin).refused(422, "invalid");
    ask("group_by=model&node=node_nothing", admin).refused(404, "not_found");
    let (outside, _) = scene.world.user(admin, "bo", "viewer", Some(&scene.red));
    let blue = scene.world.get("/api/v1/keys", admin).is(200);
    let keys = blue["items"].as_array().expect("keys");
    let other = keys.iter().find(|key| key["name"] == "other");
    let other = text(&other.expect("a key")["id"]);
    ask(&format!("group_by=model&key={other}"), &outside).refused(404, "not_found");
    let by_budget = ask("group_by=budget", admin).is(200);
    assert_eq!(by_budget["sums"][0]["calls"], Value::Null);
}

#[test]
fn hours_long_past_become_days_and_sums_stay_the_ledgers() {
    let scene = Scene::new();
    let query = "group_by=model&interval=hour";
    let before = scene.sums(query, &scene.admin);
    // From now on, today is more than 90 days ago.
    scene.world.pass(92 * 24 * 3600);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let opened = scene.world.ask("POST /api/v1/sessions", "", body).is(201);
    let admin = &text(&opened["token"]);
    let run = &scene.world.runtime;
    for _ in 0..2 {
        run.block_on(scene.world.panel.tidy()).expect("tidied");
    }
    assert_eq!(scene.sums(query, admin), before);
    assert_eq!(scene.sums("group_by=model", admin), before);
    let spend = scene.get(query, admin);
    let from = text(&spend["sums"][0]["from"]);
    assert!(from.ends_with("T00:00:00Z"), "{from}");
    let cut = format!("group_by=model&from={}", from.replace("T00:", "T23:"));
    assert_eq!(
        scene.sums(&cut, admin),
        before,
        "of that day all or nothing"
    );
}
