use super::world::{World, text};
use crate::clock::Wall;
use crate::control::bulletin::News;
use crate::control::service::{ServiceError, directory, gateways};
use crate::control::store::set_back;
use crate::governance::identity::Digest;
use crate::lease::directory::Event;
use crate::lease::protocol::{Reason, RouterId};
use serde_json::{Value, json};

const ROUTER: RouterId = RouterId(7);

#[test]
fn a_budget_bounds_what_its_keys_are_lent_and_shows_it() {
    let world = World::new();
    let admin = world.first_admin();
    let [acme, red, atlas, ..] = world.tree(&admin);
    let day = world.budget(&admin, &acme, "1d", "100.00");
    let total = world.budget(&admin, &atlas, "total", "5.00");
    let (_, leaf, _) = world.key(&admin, &atlas, "scout");
    let (_, free, _) = world.key(&admin, &red, "lead");
    world.greet(ROUTER);
    let lent = world.borrow(ROUTER, 1, leaf, "2.00").grants[0].granted;
    let shown = world.get(&format!("/api/v1/budgets/{total}"), &admin);
    assert_eq!(shown.header("etag"), "\"1\"");
    let shown = shown.is(200);
    assert_eq!(
        (&shown["held"], &shown["name"]),
        (&json!(lent.to_string()), &json!("acme/red/atlas total"))
    );
    let above = world.get(&format!("/api/v1/budgets/{day}"), &admin).is(200);
    assert_eq!(above["held"], json!(lent.to_string()));
    assert!(above["resets"].is_string() && shown["resets"].is_null());
    let denied = world.borrow(ROUTER, 2, leaf, "6.00").denies[0];
    assert_eq!(denied.reason, Reason::Exhausted);
    // Raised by somebody who read it: the bank goes by it at once, and whoever was refused is told to ask again.
    let cursor = world.bulletin.newest();
    let change = |etag: &[(&str, &str)], limit: &str| {
        let what = format!("PATCH /api/v1/budgets/{total}");
        world.ask_with(&what, &admin, json!({ "limit": limit }), etag)
    };
    change(&[], "20.00").refused(428, "if_match_needed");
    let raised = change(&[("if-match", "\"1\"")], "20.00");
    assert_eq!(raised.header("etag"), "\"2\"");
    assert_eq!(raised.is(200)["limit"], "20.00");
    change(&[("if-match", "\"1\"")], "30.00").refused(412, "changed_meanwhile");
    let News::Events(news) = world.bulletin.since(cursor) else {
        panic!("nothing was missed");
    };
    let news: Vec<Event> = news.into_iter().map(|one| one.event).collect();
    assert!(
        matches!(news[..], [Event::Directory { .. }, Event::SyncNow]),
        "{news:?}"
    );
    assert!(world.borrow(ROUTER, 3, leaf, "6.00").denies.is_empty());
    // Below what is lent: nothing new, and it says by how much.
    let lowered = change(&[("if-match", "*")], "1.00").is(200);
    assert_ne!(lowered["overcommitted"], "0.00");
    assert_eq!(lowered["remaining"], "0.00");
    // Another team's key is bounded by the organisation alone.
    assert!(world.borrow(ROUTER, 4, free, "50.00").denies.is_empty());
    let lines = world
        .get(&format!("/api/v1/budgets/{total}/entries?limit=1"), &admin)
        .is(200);
    assert_eq!(lines["items"][0]["held"], json!(lent.to_string()));
    let next = text(&lines["next_cursor"]);
    let more = world
        .get(
            &format!("/api/v1/budgets/{total}/entries?cursor={next}"),
            &admin,
        )
        .is(200);
    assert!(more["items"][0]["number"].as_u64() > lines["items"][0]["number"].as_u64());
    let removed = world.ask_with(
        &format!("DELETE /api/v1/budgets/{total}"),
        &admin,
        Value::Null,
        &[("if-match", "*")],
    );
    removed.is(204);
    assert!(world.borrow(ROUTER, 5, leaf, "6.00").denies.is_empty());
    world
        .get(&format!("/api/v1/budgets/{total}"), &admin)
        .refused(404, "not_found");
}

#[test]
fn a_key_is_shown_once_and_its_old_secret_is_good_for_the_grace() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, _, atlas, ..] = world.tree(&admin);
    let body = json!({
        "node": atlas, "name": "scout", "user": "ann", "groups": ["staff"], "models": ["gpt-*"], "expires": "2099-01-01",
    });
    let made = world.ask("POST /api/v1/keys", &admin, body.clone()).is(201);
    let (id, secret) = (text(&made["key"]["id"]), text(&made["secret"]));
    assert!(secret.starts_with("tg-"));
    world
        .ask("POST /api/v1/keys", &admin, body)
        .refused(409, "name_taken");
    let hash = |secret: &str| Digest::of(secret.as_bytes()).to_string();
    let cards = || {
        let now = world.panel.now();
        let directory = world
            .runtime
            .block_on(directory::directory(world.panel.store(), now));
        let directory = directory.expect("a directory");
        let cards = directory
            .keys
            .into_iter()
            .map(|card| (card.key.hash.clone().expect("a hash"), card.key));
        (directory.revision, cards.collect::<Vec<_>>())
    };
    let (before, all) = cards();
    let (kept, card) = &all[0];
    assert_eq!(*kept, hash(&secret));
    let labels = &card.labels;
    let path = (
        labels.org.as_deref(),
        labels.team.as_deref(),
        labels.project.as_deref(),
    );
    assert_eq!(path, (Some("acme"), Some("red"), Some("atlas")));
    assert_eq!(
        (labels.user.as_deref(), labels.groups.len()),
        (Some("ann"), 1)
    );
    assert_eq!(
        (card.models.as_deref(), card.expires.is_some()),
        (Some(["gpt-*".to_owned()].as_slice()), true)
    );
    // Both are good, until the grace is over.
    let rotate = format!("POST /api/v1/keys/{id}/rotate");
    let rotated = world.ask(&rotate, &admin, json!({ "grace_s": 60 })).is(200);
    assert_eq!(rotated["key"]["state"], "rotating");
    let (after, all) = cards();
    assert!(after > before);
    let hashes: Vec<String> = all.iter().map(|(hash, _)| hash.clone()).collect();
    assert_eq!(hashes, [hash(&secret), hash(&text(&rotated["secret"]))]);
    world.pass(61);
    world.runtime.block_on(world.panel.tend()).expect("tended");
    let (later, all) = cards();
    assert!(later > after && all.len() == 1, "{all:?}");
    let revoked = world
        .ask(
            &format!("POST /api/v1/keys/{id}/revoke"),
            &admin,
            Value::Null,
        )
        .is(200);
    assert_eq!(revoked["state"], "revoked");
    assert!(cards().1.is_empty());
    world.ask(&rotate, &admin, json!({})).refused(409, "gone");
    let shown = world.get("/api/v1/keys", &admin).is(200).to_string();
    assert!(!shown.contains("sha256:") && !shown.contains(&secret));
}

#[test]
fn a_key_that_expires_is_lent_nothing_more() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, _, atlas, ..] = world.tree(&admin);
    let soon = Wall::from_secs(world.panel.now().secs() + 30);
    let soon = jiff::Timestamp::from_second(soon.secs())
        .expect("a time")
        .to_string();
    let body = json!({ "node": atlas, "name": "brief", "expires": soon });
    let made = world.ask("POST /api/v1/keys", &admin, body).is(201);
    let leaf = made["key"]["number"].as_u64().expect("a number");
    world.greet(ROUTER);
    assert!(world.borrow(ROUTER, 1, leaf, "1.00").denies.is_empty());
    world.pass(31);
    world.runtime.block_on(world.panel.tend()).expect("tended");
    assert_eq!(
        world.borrow(ROUTER, 2, leaf, "1.00").denies[0].reason,
        Reason::Killed
    );
}

#[test]
fn a_gateway_is_bound_to_the_first_key_that_shows_its_token() {
    let world = World::new();
    let admin = world.first_admin();
    let made = world
        .ask("POST /api/v1/gateways", &admin, json!({ "name": "edge-1" }))
        .is(201);
    let (id, token) = (text(&made["gateway"]["id"]), text(&made["token"]));
    assert_eq!(made["gateway"]["state"], "invited");
    let run = &world.runtime;
    let enrol = |token: &str, key: u8| {
        run.block_on(gateways::enrol_by_token(&world.panel, token, [key; 32]))
    };
    assert!(matches!(enrol("tge_no", 1), Err(ServiceError::UsedUp)));
    let (router, name) = enrol(&token, 1).expect("let in");
    assert_eq!(
        (name.as_str(), enrol(&token, 1).expect("again").0),
        ("edge-1", router)
    );
    assert!(matches!(enrol(&token, 2), Err(ServiceError::OtherKey)));
    let not_after = Wall::from_secs(world.panel.now().secs() + 3600);
    let issued = gateways::certificate_issued(&world.panel, (router, [1; 32]), [9; 32], not_after);
    run.block_on(issued).expect("written");
    let known = || {
        run.block_on(gateways::router_of_certificate(&world.panel, &[9; 32]))
            .expect("books")
    };
    assert_eq!(known(), Some(router));
    assert_eq!(
        run.block_on(gateways::router_of_certificate(&world.panel, &[8; 32]))
            .expect("books"),
        None
    );
    assert!(
        run.block_on(gateways::may_renew(&world.panel, router, [1; 32]))
            .is_ok()
    );
    assert!(
        run.block_on(gateways::may_renew(&world.panel, router, [2; 32]))
            .is_err()
    );
    gateways::heard(&world.panel, router, None);
    run.block_on(world.panel.note_seen()).expect("written");
    world.greet(router);
    let shown = world.get(&format!("/api/v1/gateways/{id}"), &admin).is(200);
    assert_eq!(
        (&shown["state"], &shown["incarnation"]),
        (&json!("enrolled"), &json!(1))
    );
    assert!(shown["last_seen"].is_string() && shown["certificates"][0]["fingerprint"].is_string());
    // Its own switch: it may report, and is lent nothing.
    let stop = json!({ "scope": "gateway", "id": id, "reason": "stolen?" });
    world.ask("POST /api/v1/kill", &admin, stop.clone()).is(201);
    let state = || {
        let shown = world.get(&format!("/api/v1/gateways/{id}"), &admin).is(200);
        text(&shown["state"])
    };
    assert_eq!(state(), "stopped");
    assert_eq!(known(), Some(router));
    world.ask("POST /api/v1/unkill", &admin, stop).is(200);
    assert_eq!(state(), "enrolled");
    world
        .ask(
            &format!("POST /api/v1/gateways/{id}/revoke"),
            &admin,
            Value::Null,
        )
        .is(200);
    assert_eq!(known(), None);
    assert!(matches!(enrol(&token, 1), Err(ServiceError::UsedUp)));
    world
        .ask(
            &format!("POST /api/v1/gateways/{id}/drain"),
            &admin,
            Value::Null,
        )
        .refused(409, "gone");
}

#[test]
fn a_certificate_and_a_token_that_are_over_are_nobodys() {
    let world = World::new();
    let admin = world.first_admin();
    let body = json!({ "name": "edge-1", "token_lasts_s": 60 });
    let made = world.ask("POST /api/v1/gateways", &admin, body).is(201);
    let token = text(&made["token"]);
    world.pass(61);
    let late = world
        .runtime
        .block_on(gateways::enrol_by_token(&world.panel, &token, [1; 32]));
    assert!(matches!(late, Err(ServiceError::UsedUp)));
    let id = text(&made["gateway"]["id"]);
    let made = world
        .ask(
            &format!("POST /api/v1/gateways/{id}/token"),
            &admin,
            Value::Null,
        )
        .is(201);
    let token = text(&made["token"]);
    let enrolled = world
        .runtime
        .block_on(gateways::enrol_by_token(&world.panel, &token, [1; 32]));
    let (router, _) = enrolled.expect("let in");
    let not_after = Wall::from_secs(world.panel.now().secs() + 60);
    let issued = gateways::certificate_issued(&world.panel, (router, [1; 32]), [9; 32], not_after);
    world.runtime.block_on(issued).expect("written");
    world.pass(61);
    let known = world
        .runtime
        .block_on(gateways::router_of_certificate(&world.panel, &[9; 32]));
    assert_eq!(known.expect("books"), None);
}

#[test]
fn a_directory_of_lost_books_is_not_taken_for_that_of_restored_ones() {
    let world = World::new();
    let admin = world.first_admin();
    world.tree(&admin);
    let run = &world.runtime;
    let revision = || {
        run.block_on(directory::revision(world.panel.store()))
            .expect("books")
    };
    let before = revision();
    run.block_on(set_back::mark(world.place(), world.panel.now()))
        .expect("marked");
    assert!(revision() > before + 1_000, "changes were made since");
}

#[test]
fn a_certificate_that_restored_books_have_forgotten_is_known_by_its_key() {
    let world = World::new();
    let admin = world.first_admin();
    let made = world.ask("POST /api/v1/gateways", &admin, json!({ "name": "edge-1" }));
    let token = text(&made.is(201)["token"]);
    let run = &world.runtime;
    let enrolled = run.block_on(gateways::enrol_by_token(&world.panel, &token, [1; 32]));
    let (router, _) = enrolled.expect("let in");
    let by_key = |key: u8| {
        run.block_on(gateways::router_of_key(&world.panel, &[key; 32]))
            .expect("books")
    };
    assert_eq!(by_key(1), None, "only where books were set back");
    run.block_on(set_back::mark(world.place(), world.panel.now()))
        .expect("marked");
    assert_eq!((by_key(1), by_key(2)), (Some(router), None));
}

#[test]
fn leases_are_listed_by_who_may_see_them() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, red, atlas, blue, _] = world.tree(&admin);
    let (key, leaf, _) = world.key(&admin, &atlas, "scout");
    let (_, other, _) = world.key(&admin, &blue, "other");
    world.greet(ROUTER);
    world.borrow(ROUTER, 1, leaf, "2.00");
    world.borrow(ROUTER, 2, other, "1.00");
    let count = |path: &str, token: &str| {
        let list = world.get(path, token).is(200);
        list["items"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count("/api/v1/leases", &admin), 2);
    assert_eq!(count(&format!("/api/v1/leases?key={key}"), &admin), 1);
    assert_eq!(count("/api/v1/leases?state=closed", &admin), 0);
    let (viewer, _) = world.user(&admin, "vera", "viewer", Some(&red));
    assert_eq!(count("/api/v1/leases", &viewer), 1);
    let lease = text(&world.get("/api/v1/leases", &viewer).is(200)["items"][0]["id"]);
    world
        .get(&format!("/api/v1/leases/{lease}"), &viewer)
        .is(200);
    let body = json!({ "reason": "the provider says it was not used" });
    let early = world.ask(
        &format!("POST /api/v1/leases/{lease}/write-off"),
        &admin,
        body,
    );
    early.refused(409, "not_lost");
}

#[test]
fn what_is_asked_for_is_decided_by_somebody_else_and_once() {
    let world = World::new();
    let admin = world.first_admin();
    let [acme, red, atlas, blue, _] = world.tree(&admin);
    let budget = world.budget(&admin, &atlas, "1d", "10.00");
    let (viewer, _) = world.user(&admin, "vera", "viewer", Some(&red));
    let (operator, _) = world.user(&admin, "olga", "operator", Some(&red));
    let (outside, _) = world.user(&admin, "bo", "operator", Some(&blue));
    let ask = |token: &str, amount: &str| {
        let body = json!({ "budget": budget, "amount": amount, "reason": "a demo tomorrow" });
        world.ask("POST /api/v1/requests", token, body)
    };
    ask(&viewer, "0").refused(422, "invalid");
    ask(&outside, "5.00").refused(404, "not_found");
    let own = text(&ask(&operator, "5.00").is(201)["id"]);
    let id = text(&ask(&viewer, "5.00").is(201)["id"]);
    let decide = |token: &str, id: &str, what: &str, body: Value| {
        world.ask_with(
            &format!("POST /api/v1/requests/{id}/{what}"),
            token,
            body,
            &[("if-match", "\"1\"")],
        )
    };
    let yes = json!({ "amount": "3.00", "reason": "three will do" });
    decide(&viewer, &id, "approve", yes.clone()).refused(403, "role_too_low");
    decide(&operator, &own, "approve", yes.clone()).refused(403, "own_request");
    decide(&outside, &id, "approve", yes.clone()).refused(404, "not_found");
    decide(&operator, &id, "withdraw", Value::Null).refused(404, "not_found");
    let approved = decide(&operator, &id, "approve", yes.clone()).is(200);
    assert_eq!(
        (&approved["state"], &approved["granted"]),
        (&json!("approved"), &json!("3.00"))
    );
    decide(&operator, &id, "approve", yes).refused(412, "changed_meanwhile");
    let again = world.ask_with(
        &format!("POST /api/v1/requests/{id}/reject"),
        &admin,
        json!({ "reason": "no" }),
        &[("if-match", "*")],
    );
    again.refused(409, "already_decided");
    let shown = world
        .get(&format!("/api/v1/budgets/{budget}"), &viewer)
        .is(200);
    assert_eq!(
        (&shown["limit"], &shown["revision"]),
        (&json!("13.00"), &json!(2))
    );
    decide(&admin, &own, "reject", json!({ "reason": "no" })).is(200);
    assert_eq!(
        world.get("/api/v1/requests?state=open", &admin).is(200)["items"],
        json!([])
    );
    let org = world.budget(&admin, &acme, "1d", "10.00");
    let body = json!({ "budget": org, "amount": "1.00", "reason": "x" });
    world
        .ask("POST /api/v1/requests", &viewer, body)
        .refused(404, "not_found");
}

#[test]
fn a_panel_that_comes_after_goes_by_the_same_tree() {
    let first = World::new();
    let admin = first.first_admin();
    let [_, red, atlas, blue, _] = first.tree(&admin);
    first.budget(&admin, &atlas, "total", "5.00");
    let (_, leaf, _) = first.key(&admin, &atlas, "scout");
    let (_, other, _) = first.key(&admin, &blue, "other");
    let gateway = first.ask("POST /api/v1/gateways", &admin, json!({ "name": "edge-1" }));
    let gateway = gateway.is(201);
    let token = text(&gateway["token"]);
    let enrolled = gateways::enrol_by_token(&first.panel, &token, [1; 32]);
    let (router, _) = first.runtime.block_on(enrolled).expect("let in");
    for (scope, id) in [("team", blue), ("gateway", text(&gateway["gateway"]["id"]))] {
        let body = json!({ "scope": scope, "id": id, "reason": "a test" });
        first.ask("POST /api/v1/kill", &admin, body).is(201);
    }
    let second = World::copy_of(first.books());
    second.greet(ROUTER);
    let exhausted = second.borrow(ROUTER, 1, leaf, "6.00").denies[0];
    assert_eq!(exhausted.reason, Reason::Exhausted);
    assert_eq!(
        second.borrow(ROUTER, 2, other, "1.00").denies[0].reason,
        Reason::Killed
    );
    second.greet(router);
    assert_eq!(
        second.borrow(router, 1, leaf, "0.01").denies[0].reason,
        Reason::Killed,
        "its switch is pulled"
    );
    // Whoever was signed in still is, and what was cut off before the bank heard of it reaches it now.
    second.get(&format!("/api/v1/nodes/{red}"), &admin).is(200);
    second
        .runtime
        .block_on(second.panel.tend())
        .expect("tended");
}
