use super::world::{World, request, text};
use crate::control::api::{document, router};
use crate::control::service::audit;
use crate::control::store::sql;
use crate::lease::protocol::{Bank, LeafId};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt as _;

#[test]
fn the_api_describes_itself() {
    let shown = serde_json::to_string_pretty(document()).expect("JSON");
    insta::assert_snapshot!("openapi", shown);
    let world = World::new();
    let served = world.get("/api/v1/openapi.json", "").is(200);
    assert_eq!(served, *document());
}

#[test]
fn every_schema_that_is_named_is_there() {
    fn named(value: &Value, names: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
                Value::String(name_of) if name == "$ref" => names.push(name_of.clone()),
                value => named(value, names),
            }),
            Value::Array(values) => values.iter().for_each(|value| named(value, names)),
            _ => {}
        }
    }
    let mut names = Vec::new();
    named(document(), &mut names);
    assert!(names.len() > 50);
    for name in names {
        let place = name.trim_start_matches('#');
        assert!(document().pointer(place).is_some(), "{name}");
    }
}

#[test]
fn what_is_wrong_is_said_by_field_and_without_what_was_sent() {
    let world = World::new();
    let admin = world.first_admin();
    let post = |body: &str, kind: &str| {
        let request = Request::post("/api/v1/nodes").header("content-type", kind);
        let request = request.header("authorization", format!("Bearer {admin}"));
        world.send(
            request
                .body(Body::from(body.to_owned()))
                .expect("a request"),
        )
    };
    let json = "application/json";
    post(r#"{"kind":"org","name":"a"}"#, "text/plain").refused(415, "not_json");
    post(r#"{"kind":"#, json).refused(400, "malformed_json");
    let field = |body: &str, field: &str| {
        let got = post(body, json);
        assert_eq!(got.body["errors"][0]["field"], field, "{}", got.body);
        let said = got.body.to_string();
        assert!(!said.contains("hunter2"), "{said}");
        got.refused(422, "invalid");
    };
    field(r#"{"kind":"org","name":"a","colour":"hunter2"}"#, "colour");
    field(r#"{"kind":"org"}"#, "name");
    field(r#"{"kind":"org","name":"a","name":"hunter2"}"#, "name");
    field(r#"{"kind":"org","name":"hunter2/../x"}"#, "name");
    field(r#"{"kind":"hunter2","name":"a"}"#, "line 1, column 17");
    field(r#"{"kind":"team","name":"a"}"#, "kind");
    post(&" ".repeat(64 * 1024 + 1), json).refused(413, "body_too_large");
    world
        .get("/api/v1/nodes?colour=red", &admin)
        .refused(422, "invalid");
    world
        .get("/api/v1/nodes?limit=0", &admin)
        .refused(422, "invalid");
    world
        .get("/api/v1/nodes?limit=1&limit=2", &admin)
        .refused(400, "malformed_query");
    world
        .get("/api/v1/nodes?cursor=AAAA", &admin)
        .refused(422, "invalid");
    world
        .get("/api/v1/nothing", &admin)
        .refused(404, "no_route");
    world
        .ask("PUT /api/v1/nodes", &admin, json!({}))
        .refused(405, "method_not_allowed");
    let refused = world.get("/api/v1/nodes/node_1", &admin);
    assert_eq!(refused.header("cache-control"), "no-store");
    assert_eq!(
        refused.header("x-request-id"),
        text(&refused.body["instance"])
    );
    refused.refused(404, "not_found");
}

#[test]
fn a_long_list_comes_in_pages_without_gaps() {
    let world = World::new();
    let admin = world.first_admin();
    for name in 0..5 {
        world.node(&admin, "org", &format!("org-{name}"), None);
    }
    let mut names = Vec::new();
    let mut path = "/api/v1/nodes?limit=2".to_owned();
    loop {
        let page = world.get(&path, &admin).is(200);
        let items = page["items"].as_array().expect("a list").clone();
        assert!(items.len() <= 2);
        names.extend(items.iter().map(|item| text(&item["name"])));
        // What is made meanwhile neither hides nor doubles anything.
        let _ = world.ask(
            "POST /api/v1/nodes",
            &admin,
            json!({ "kind": "org", "name": "late" }),
        );
        match &page["next_cursor"] {
            Value::Null => break,
            cursor => path = format!("/api/v1/nodes?limit=2&cursor={}", text(cursor)),
        }
    }
    assert_eq!(names, ["org-0", "org-1", "org-2", "org-3", "org-4", "late"]);
}

#[test]
fn a_write_that_comes_twice_is_done_once() {
    let world = World::new();
    let admin = world.first_admin();
    let acme = world.node(&admin, "org", "acme", None);
    let make = |name: &str, key: &str, token: &str| {
        let body = json!({ "node": acme, "name": name });
        world.ask_with(
            "POST /api/v1/keys",
            token,
            body,
            &[("idempotency-key", key)],
        )
    };
    let first = make("one", "k-1", &admin);
    assert_eq!(first.header("idempotency-replayed"), "");
    let first = first.is(201);
    let second = make("one", "k-1", &admin);
    assert_eq!(second.header("idempotency-replayed"), "true");
    // The secret is the same one, though it is kept nowhere in the clear.
    assert_eq!(second.is(201), first);
    assert!(!world.holds(&text(&first["secret"])));
    make("two", "k-1", &admin).refused(409, "idempotency_key_reused");
    // What was refused may be tried again, and somebody else's key is somebody else's.
    make("one", "k-2", &admin).refused(409, "name_taken");
    make("three", "k-2", &admin).is(201);
    let (other, _) = world.user(&admin, "olga", "operator", None);
    make("four", "k-1", &other).is(201);
    make("five", &"x".repeat(201), &admin).refused(400, "bad_idempotency_key");
    assert_eq!(
        world.get("/api/v1/keys", &admin).is(200)["items"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
}

#[test]
fn what_was_done_stands_in_a_chain_that_shows_every_tear() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, _, atlas, ..] = world.tree(&admin);
    let (_, _, secret) = world.key(&admin, &atlas, "scout");
    let log = world.get("/api/v1/audit?limit=200", &admin).is(200);
    let lines = log["items"].as_array().expect("lines");
    let newest = &lines[0]["record"];
    let told = (&newest["action"], &newest["who"], &newest["from"]);
    assert_eq!(
        told,
        (
            &json!("key.make"),
            &json!("ada@example.com"),
            &json!("192.0.2.7")
        )
    );
    assert_eq!(newest["after"]["path"], "acme/red/atlas");
    let all = log.to_string();
    assert!(!all.contains(&secret) && !all.contains("sha256:") && !all.contains("argon2"));
    let verify = || {
        world
            .runtime
            .block_on(audit::verify(&world.panel))
            .expect("books")
    };
    let whole = verify();
    assert!(whole.ok && whole.lines == i64::try_from(lines.len()).expect("few"));
    assert_eq!(
        world.get("/api/v1/audit/verify", &admin).is(200)["ok"],
        true
    );
    let alter = |statement: sql::Text| {
        world.runtime.block_on(async {
            let mut change = world.panel.store().change().await.expect("a turn");
            let done = sql::query(statement).execute(change.db()).await;
            if done.is_ok() {
                change.commit().await.expect("written");
            }
            done.map(|_| ())
        })
    };
    assert!(alter("UPDATE audit SET record = '{}' WHERE id = 2".into()).is_err());
    assert!(alter("DELETE FROM audit WHERE id = 2".into()).is_err());
    let drop_trigger = sql::Apart {
        sqlite: "DROP TRIGGER audit_is_not_changed",
        postgres: "DROP TRIGGER audit_is_not_changed ON audit",
    };
    alter(drop_trigger.into()).expect("as an intruder would");
    let forged = "UPDATE audit SET record = replace(record, 'ada@', 'bob@') WHERE id = 3";
    alter(forged.into()).expect("changed");
    assert_eq!(verify().first_fault, Some(3));
}

#[test]
fn a_change_reaches_the_bank_though_nobody_waits_for_it() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, _, atlas, ..] = world.tree(&admin);
    let (_, leaf, _) = world.key(&admin, &atlas, "scout");
    let body = json!({ "node": atlas, "window": "total", "limit": "1.00" });
    let router = router(world.panel.clone());
    world.runtime.block_on(async {
        let tasks = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        // Nobody else may change anything, so the change waits as soon as it is under way.
        let turn = world.panel.store().change().await.expect("a turn");
        let before = tasks();
        let moment = Duration::from_millis(100);
        let mut asked =
            Box::pin(router.oneshot(request("POST /api/v1/budgets", &admin, &body, &[])));
        while tasks() <= before {
            assert!(timeout(moment, &mut asked).await.is_err(), "it waits");
        }
        assert!(timeout(moment, &mut asked).await.is_err(), "it waits");
        // The caller hangs up.
        drop(asked);
        drop(turn);
        let is_bound = move |bank: &Bank| {
            let mut leaves = bank.leaves().filter(|(id, _)| *id == LeafId(leaf));
            leaves.any(|(_, row)| row.accounts.iter().any(|account| account.budget == 1))
        };
        while !world.treasury.look(is_bound).await.expect("a look") {
            tokio::task::yield_now().await;
        }
    });
}
