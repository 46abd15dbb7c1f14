//! Kill switches: what they stop, who hears of them, and what can still be spent.

use super::world::{World, text};
use crate::control::bulletin::News;
use crate::control::service::gateways;
use crate::lease::directory::Event;
use crate::lease::protocol::{LeafId, Reason, RouterId};
use serde_json::json;

const ROUTER: RouterId = RouterId(7);

#[test]
fn a_switch_stops_what_lies_below_it_and_tells_what_can_still_be_spent() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, red, atlas, blue, _] = world.tree(&admin);
    let (_, leaf, _) = world.key(&admin, &atlas, "scout");
    let (_, other, _) = world.key(&admin, &blue, "other");
    world.greet(ROUTER);
    let lent = world.borrow(ROUTER, 1, leaf, "2.00").grants[0].granted;
    let cursor = world.bulletin.newest();
    let body = json!({ "scope": "team", "id": red, "reason": "it loops" });
    let report = world.ask("POST /api/v1/kill", &admin, body.clone()).is(201);
    assert_eq!(report["latest_possible_spend"], json!(lent.to_string()));
    assert_eq!(report["gateways"][0]["confirmed"], false);
    assert!(report["until"].is_string());
    let News::Events(news) = world.bulletin.since(cursor) else {
        panic!("nothing was missed");
    };
    let kill = news
        .iter()
        .find(|one| matches!(one.event, Event::Kill { .. }))
        .expect("told");
    let expected = Event::Kill {
        leaves: vec![LeafId(leaf)],
        abort_streams: false,
    };
    assert_eq!(kill.event, expected);
    gateways::heard(&world.panel, ROUTER, Some(kill.cursor));
    let path = format!("/api/v1/kills/{}", text(&report["kill"]["id"]));
    assert_eq!(
        world.get(&path, &admin).is(200)["gateways"][0]["confirmed"],
        true
    );
    assert_eq!(
        world.borrow(ROUTER, 2, leaf, "1.00").denies[0].reason,
        Reason::Killed
    );
    assert!(world.borrow(ROUTER, 3, other, "1.00").denies.is_empty());
    // A key made below it is stopped, too; what another switch covers stays so.
    let (key, late, _) = world.key(&admin, &atlas, "late");
    assert_eq!(
        world.borrow(ROUTER, 4, late, "1.00").denies[0].reason,
        Reason::Killed
    );
    let own = json!({ "scope": "key", "id": key, "reason": "not yet" });
    world.ask("POST /api/v1/kill", &admin, own).is(201);
    let lifted = json!({ "scope": "team", "id": red, "reason": "mended" });
    let unkilled = world
        .ask("POST /api/v1/unkill", &admin, lifted.clone())
        .is(200);
    assert_eq!(unkilled, json!({ "lifted": 1, "keys": 1 }));
    assert!(world.borrow(ROUTER, 5, leaf, "1.00").denies.is_empty());
    assert_eq!(
        world.borrow(ROUTER, 6, late, "1.00").denies[0].reason,
        Reason::Killed
    );
    world
        .ask("POST /api/v1/unkill", &admin, lifted)
        .refused(404, "not_found");
    // Everything, and a node of the wrong kind.
    let wrong = json!({ "scope": "org", "id": red, "reason": "x" });
    world
        .ask("POST /api/v1/kill", &admin, wrong)
        .refused(422, "invalid");
    let all = json!({ "scope": "everything", "reason": "stop" });
    world.ask("POST /api/v1/kill", &admin, all.clone()).is(201);
    assert_eq!(
        world.borrow(ROUTER, 7, other, "1.00").denies[0].reason,
        Reason::Killed
    );
    let list = world.get("/api/v1/kills", &admin).is(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_switch_that_cuts_says_so_to_gateways_and_to_those_who_missed_it() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, red, atlas, _, _] = world.tree(&admin);
    let (_, leaf, _) = world.key(&admin, &atlas, "scout");
    let cursor = world.bulletin.newest();
    let mut body =
        json!({ "scope": "team", "id": red, "reason": "it loops", "abort_streams": true });
    let report = world.ask("POST /api/v1/kill", &admin, body.clone()).is(201);
    assert_eq!(report["kill"]["abort_streams"], true);
    let expected = Event::Kill {
        leaves: vec![LeafId(leaf)],
        abort_streams: true,
    };
    let News::Events(news) = world.bulletin.since(cursor) else {
        panic!("nothing was missed");
    };
    assert!(news.iter().any(|one| one.event == expected), "{news:?}");
    let aborting = || {
        let aborting = crate::control::service::kills::aborting(&world.panel);
        world.runtime.block_on(aborting).expect("books")
    };
    assert_eq!(aborting(), [expected]);
    let lifted = json!({ "scope": "team", "id": red, "reason": "mended" });
    world.ask("POST /api/v1/unkill", &admin, lifted).is(200);
    assert_eq!(aborting(), []);
    // One without calls of its own, and one that lets them end.
    body["abort_streams"] = json!(false);
    world.ask("POST /api/v1/kill", &admin, body).is(201);
    assert_eq!(aborting(), []);
    let made = world.ask("POST /api/v1/gateways", &admin, json!({ "name": "edge" }));
    let gateway = text(&made.is(201)["gateway"]["id"]);
    let stolen =
        json!({ "scope": "gateway", "id": gateway, "reason": "stolen", "abort_streams": true });
    let refused = world.ask("POST /api/v1/kill", &admin, stolen);
    refused.refused(422, "invalid");
}

#[test]
fn a_switch_for_nothing_does_not_stop_everything() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, red, _, blue, _] = world.tree(&admin);
    world.key(&admin, &blue, "other");
    let cursor = world.bulletin.newest();
    let body = json!({ "scope": "team", "id": red, "reason": "nobody is there" });
    world.ask("POST /api/v1/kill", &admin, body).is(201);
    let News::Events(news) = world.bulletin.since(cursor) else {
        panic!("nothing was missed");
    };
    assert!(
        !news
            .iter()
            .any(|one| matches!(one.event, Event::Kill { .. })),
        "{news:?}"
    );
}

#[test]
fn a_switch_reaches_what_a_revoked_key_began() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, _, atlas, ..] = world.tree(&admin);
    world.budget(&admin, &atlas, "total", "10.00");
    let (key, leaf, _) = world.key(&admin, &atlas, "scout");
    world.greet(ROUTER);
    let lent = world.borrow(ROUTER, 1, leaf, "2.00").grants[0].granted;
    world
        .ask(
            &format!("POST /api/v1/keys/{key}/revoke"),
            &admin,
            json!({}),
        )
        .is(200);
    let cursor = world.bulletin.newest();
    let body = json!({ "scope": "key", "id": key, "reason": "it goes on", "abort_streams": true });
    let report = world.ask("POST /api/v1/kill", &admin, body).is(201);
    assert_eq!(report["latest_possible_spend"], json!(lent.to_string()));
    assert_eq!(report["keys"], 0, "it spends nothing new anyway");
    let News::Events(news) = world.bulletin.since(cursor) else {
        panic!("nothing was missed");
    };
    let expected = Event::Kill {
        leaves: vec![LeafId(leaf)],
        abort_streams: true,
    };
    assert!(news.iter().any(|one| one.event == expected), "{news:?}");
}
