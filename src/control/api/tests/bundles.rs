use super::world::{Got, World, text};
use crate::control::bulletin::News;
use crate::control::service::bundles;
use crate::lease::bundle::{NotTrusted, Order, Report};
use crate::lease::directory::Event;
use crate::lease::protocol::RouterId;
use serde_json::{Value, json};

const QUIET: &str = "version: 1\nscope: {}\n";
const NO_SHELL: &str = "version: 1
scope: {}
rules:
  - { id: no-shell, effect: deny, match: { tools: [shell] } }
tests:
  - { name: shell is refused, given: { tools: [shell] }, expect: { decision: deny, rule: no-shell } }
";

fn upload(world: &World, token: &str, files: &Value) -> Got {
    world.ask("POST /api/v1/bundles", token, json!({ "files": files }))
}

/// A version that gateways may run.
fn stored(world: &World, token: &str, text: &str) -> u64 {
    let made = upload(world, token, &json!({ "org.yaml": text })).is(201);
    made["bundle"]["version"].as_u64().expect("a number")
}

fn roll_out(world: &World, token: &str, version: u64, percent: u8) -> Value {
    let what = format!("POST /api/v1/bundles/{version}/rollout");
    let body = json!({ "percent": percent });
    world
        .ask_with(&what, token, body, &[("if-match", "*")])
        .is(200)
}

/// A gateway; its id and number in the treaty.
fn gateway(world: &World, token: &str, name: &str) -> (String, RouterId) {
    let made = world.ask("POST /api/v1/gateways", token, json!({ "name": name }));
    let gateway = &made.is(201)["gateway"];
    let router = u128::from_str_radix(&text(&gateway["router_id"]), 16).expect("a number");
    (text(&gateway["id"]), RouterId(router))
}

fn order(world: &World, router: RouterId, have: Option<&str>) -> Order {
    let order = bundles::order(&world.panel, router, have);
    let order = world.runtime.block_on(order).expect("books");
    order.expect("a panel that signs")
}

#[test]
fn a_faulty_bundle_is_refused_with_every_fault_at_its_place() {
    let world = World::new();
    let admin = world.first_admin();
    let lines = |world: &World| {
        let lines = world.get("/api/v1/audit?limit=1", &admin).is(200);
        lines["items"][0]["number"].clone()
    };
    let before = lines(&world);
    let faulty = json!({
        "org.yaml": "version: 1\nscope: {}\nrules:\n  - { id: a, effect: denny }\n  - { id: b, efect: deny }\n",
        "teams/pay.yaml": NO_SHELL.replace("[shell] }, expect", "[other] }, expect"),
    });
    let got = upload(&world, &admin, &faulty);
    let places: Vec<String> = got.body["errors"]
        .as_array()
        .expect("faults")
        .iter()
        .map(|fault| {
            let detail = text(&fault["detail"]);
            let code = detail.split([':', ' ']).next().expect("a code").to_owned();
            format!("{} {code}", text(&fault["field"]))
        })
        .collect();
    got.refused(422, "policy_faults");
    assert_eq!(
        places,
        [
            "org.yaml:4:22 error[TG106]",
            "org.yaml:5:5 error[TG101]",
            "org.yaml:5:14 error[TG102]",
        ]
    );
    // A test that fails is a fault, as it is for a gateway.
    let failing = NO_SHELL.replace("[shell] }, expect", "[other] }, expect");
    let got = upload(&world, &admin, &json!({ "teams/pay.yaml": failing }));
    let field = text(&got.body["errors"][0]["field"]);
    let detail = text(&got.body["errors"][0]["detail"]);
    got.refused(422, "policy_faults");
    assert!(
        field.starts_with("teams/pay.yaml:6:") && detail.starts_with("error[TG601]"),
        "{field}: {detail}"
    );
    for (files, part) in [
        (json!({}), "at least one"),
        (json!({ "../org.yaml": QUIET }), "relative"),
        (json!({ "org.txt": QUIET }), ".yaml"),
    ] {
        let got = upload(&world, &admin, &files);
        let detail = text(&got.body["errors"][0]["detail"]);
        got.refused(422, "invalid");
        assert!(detail.contains(part), "{detail}");
    }
    assert_eq!(
        lines(&world),
        before,
        "what was refused is not told as done"
    );
    let listed = world.get("/api/v1/bundles", &admin).is(200);
    assert_eq!(listed["items"], json!([]));
}

#[test]
fn a_bundle_is_staged_rolled_out_and_back_by_whoever_read_it_last() {
    let world = World::new();
    let admin = world.first_admin();
    let (operator, _) = world.user(&admin, "op", "operator", None);
    // More than other bodies may have: policies are long.
    let long = format!("{QUIET}{}", "# a comment that is long\n".repeat(4_000));
    let first = stored(&world, &operator, &long);
    let second = stored(&world, &operator, NO_SHELL);
    let shown = |version: u64| {
        let shown = world.get(&format!("/api/v1/bundles/{version}"), &admin);
        shown.is(200)
    };
    assert_eq!(shown(first)["state"], "staged");
    assert_eq!(shown(second)["files"]["org.yaml"], NO_SHELL);
    assert_eq!(shown(second)["made_by"], "op@example.com");
    let listed = world.get("/api/v1/bundles?limit=1", &admin).is(200);
    assert_eq!(listed["items"][0]["version"], json!(first));
    assert!(listed["items"][0]["files"].is_null());
    let next = format!("/api/v1/bundles?cursor={}", text(&listed["next_cursor"]));
    let next = world.get(&next, &admin).is(200);
    assert_eq!(next["items"][0]["version"], json!(second));

    let cursor = world.bulletin.newest();
    let rollout = |version: u64, percent: u8, etag: &[(&str, &str)]| {
        let what = format!("POST /api/v1/bundles/{version}/rollout");
        world.ask_with(&what, &operator, json!({ "percent": percent }), etag)
    };
    rollout(first, 100, &[]).refused(428, "if_match_needed");
    rollout(99, 100, &[("if-match", "*")]).refused(404, "not_found");
    rollout(first, 0, &[("if-match", "*")]).refused(422, "invalid");
    let got = rollout(first, 100, &[("if-match", "\"0\"")]);
    let etag = got.header("etag").to_owned();
    assert_eq!(got.is(200)["current"], json!(first));
    rollout(second, 10, &[("if-match", "\"0\"")]).refused(412, "changed_meanwhile");
    let tried = rollout(second, 10, &[("if-match", &etag)]).is(200);
    assert_eq!(
        (&tried["current"], &tried["candidate"], &tried["percent"]),
        (&json!(first), &json!(second), &json!(10))
    );
    let News::Events(news) = world.bulletin.since(cursor) else {
        panic!("nothing was missed");
    };
    let revisions: Vec<u64> = news
        .iter()
        .map(|one| match one.event {
            Event::Policy { revision } => revision,
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(revisions.last(), Some(&world.panel.policy_revision()));
    assert!(revisions.len() == 2 && revisions[0] < revisions[1]);
    assert_eq!(
        (&shown(first)["percent"], &shown(second)["percent"]),
        (&json!(90), &json!(10))
    );
    rollout(first, 50, &[("if-match", "*")]).refused(422, "invalid");

    // Back from the canary, forward to all, back to what all ran, and to none.
    let back = |body: Value| {
        let what = "POST /api/v1/bundles/rollback";
        world.ask_with(what, &operator, body, &[("if-match", "*")])
    };
    assert_eq!(back(json!({})).is(200)["candidate"], Value::Null);
    assert_eq!(shown(second)["state"], "retired");
    assert_eq!(
        roll_out(&world, &operator, second, 100)["current"],
        json!(second)
    );
    assert_eq!(back(json!({})).is(200)["current"], json!(first));
    back(json!({})).refused(422, "invalid");
    back(json!({ "version": second })).refused(422, "invalid");
    let none = back(json!({ "version": 0 })).is(200);
    assert_eq!(none["current"], Value::Null);
    assert_eq!(shown(first)["state"], "retired");
    let acts = world.get("/api/v1/audit?limit=50", &admin).is(200);
    let acts = acts.to_string();
    for act in ["bundle.upload", "bundle.rollout", "bundle.rollback"] {
        assert!(acts.contains(act), "{act}");
    }
}

#[test]
fn each_gateway_is_ordered_what_it_is_to_run_and_says_what_it_does() {
    let world = World::new();
    let admin = world.first_admin();
    let (quiet, strict) = (
        stored(&world, &admin, QUIET),
        stored(&world, &admin, NO_SHELL),
    );
    let gateways: Vec<(String, RouterId)> = (0..40)
        .map(|number| gateway(&world, &admin, &format!("edge-{number}")))
        .collect();
    let key = world.panel.policy_key().expect("a key");
    let (_, router) = gateways[0];
    let nothing = order(&world, router, None);
    assert_eq!((nothing.version, nothing.check(key, router)), (0, Ok(())));
    roll_out(&world, &admin, quiet, 100);
    roll_out(&world, &admin, strict, 50);
    let ordered = |(_, router): &(String, RouterId)| {
        let order = order(&world, *router, None);
        assert_eq!(order.check(key, *router), Ok(()));
        assert_eq!(order.check(key, RouterId(1)), Err(NotTrusted::OtherGateway));
        order.version
    };
    let first: Vec<u64> = gateways.iter().map(ordered).collect();
    let trying = first.iter().filter(|version| **version == strict).count();
    assert!((5..35).contains(&trying), "{trying} of 40");
    // The API tells the same, and what each said.
    let shown = |id: &str| {
        let shown = world.get(&format!("/api/v1/gateways/{id}"), &admin);
        shown.is(200)["policy"].clone()
    };
    for ((id, _), version) in gateways.iter().zip(&first) {
        assert_eq!(shown(id), json!({ "wanted": version }));
    }
    roll_out(&world, &admin, strict, 80);
    let later: Vec<u64> = gateways.iter().map(ordered).collect();
    let left = first
        .iter()
        .zip(&later)
        .any(|(first, later)| *first == strict && *later != strict);
    assert!(!left, "a larger share takes no gateway away");
    // Files that a gateway has are not sent again.
    roll_out(&world, &admin, strict, 100);
    let order = order(&world, router, None);
    let again = self::order(&world, router, Some(&order.digest));
    assert!(order.files.is_some() && again.files.is_none());
    assert_eq!(again.signature, order.signature);

    let said = Report {
        revision: order.revision,
        running: quiet,
        error: Some("org.yaml:1:1: error".to_owned()),
    };
    bundles::report(&world.panel, router, said);
    let told = shown(&gateways[0].0);
    assert_eq!(
        (&told["wanted"], &told["running"], &told["error"]),
        (&json!(strict), &json!(quiet), &json!("org.yaml:1:1: error"))
    );
    world
        .runtime
        .block_on(bundles::note_reports(&world.panel))
        .expect("written");
    assert_eq!(shown(&gateways[0].0), told, "the same from the books");
}

#[test]
fn a_panel_that_starts_again_goes_on_with_what_was_rolled_out() {
    let world = World::new();
    let admin = world.first_admin();
    let version = stored(&world, &admin, QUIET);
    roll_out(&world, &admin, version, 100);
    let revision = world.panel.policy_revision();
    let again = World::copy_of(world.books());
    assert_eq!(again.panel.policy_revision(), revision);
    let rollout = again.get("/api/v1/bundles/rollout", &admin).is(200);
    assert_eq!(rollout["current"], json!(version));
}
