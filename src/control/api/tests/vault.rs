//! The vault through the admin API: what is said of credentials, who gets them, and that nothing ever shows them.

use super::world::{World, keyring, text};
use crate::control::service::vault::{self, give};
use crate::control::store::Store;
use crate::lease::directory::Event;
use crate::lease::protocol::RouterId;
use crate::lease::vault::{Missing, Why};
use serde_json::{Value, json};

/// A gateway that was made known; its id and what the treaty calls it.
fn gateway(world: &World, admin: &str, name: &str) -> (String, RouterId) {
    let made = world.ask("POST /api/v1/gateways", admin, json!({ "name": name }));
    let made = made.is(201);
    let router = u128::from_str_radix(&text(&made["gateway"]["router_id"]), 16);
    (
        text(&made["gateway"]["id"]),
        RouterId(router.expect("an id")),
    )
}

fn put(world: &World, admin: &str, name: &str, secret: &str, gateways: Option<&[&str]>) -> Value {
    let body = json!({ "name": name, "secret": secret, "gateways": gateways });
    world.ask("POST /api/v1/credentials", admin, body).is(201)
}

/// What a gateway gets of these names: `name vVERSION secret`, or `name why`.
fn given(world: &World, router: RouterId, names: &[&str]) -> Vec<String> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let given = world
        .runtime
        .block_on(give(&world.panel, router, &names, 0));
    let given = given.expect("books").expect("asked anew");
    let here = given.credentials.iter().map(|one| {
        let secret = one.secret.expose();
        format!("{} v{} {secret}", one.name, one.version)
    });
    let missing = given
        .missing
        .iter()
        .map(|Missing { name, why }| format!("{name} {why:?}"));
    here.chain(missing).collect()
}

#[test]
fn a_credential_is_put_rotated_and_removed_and_gateways_are_told_each_time() {
    let world = World::new();
    let admin = world.first_admin();
    let (_, router) = gateway(&world, &admin, "edge-1");
    let mut board = world.bulletin.newest();
    let mut told = |expected: u64| {
        let crate::control::bulletin::News::Events(events) = world.bulletin.since(board) else {
            panic!("nothing was missed");
        };
        let events: Vec<Event> = events.into_iter().map(|one| one.event).collect();
        assert_eq!(events, [Event::Vault { revision: expected }]);
        board = world.bulletin.newest();
    };
    let made = put(&world, &admin, "openai", "sk-canary-1", None);
    told(1);
    assert_eq!(
        (&made["version"], &made["kind"]),
        (&json!(1), &json!("api-key"))
    );
    assert_eq!(
        given(&world, router, &["openai"]),
        ["openai v1 sk-canary-1"]
    );
    let path = format!("/api/v1/credentials/{}", text(&made["id"]));
    let body = json!({ "secret": "sk-canary-2" });
    let rotated = world
        .ask(&format!("POST {path}/rotate"), &admin, body)
        .is(200);
    told(2);
    assert_eq!(
        (&rotated["version"], &rotated["revision"]),
        (&json!(2), &json!(2))
    );
    assert!(rotated["rotated"].is_string());
    assert_eq!(
        given(&world, router, &["openai"]),
        ["openai v2 sk-canary-2"]
    );
    // Nothing to be had for who knows this revision.
    let names = ["openai".to_owned()];
    let known = give(&world.panel, router, &names, 2);
    assert_eq!(world.runtime.block_on(known).expect("books"), None);
    // As it was read, and no other.
    let change = |version: &str, body: Value| {
        let what = format!("PATCH {path}");
        world.ask_with(&what, &admin, body, &[("if-match", version)])
    };
    change("\"1\"", json!({ "note": "x" })).refused(412, "changed_meanwhile");
    let changed = change("\"2\"", json!({ "note": "the cheap one" })).is(200);
    told(3);
    assert_eq!(
        (&changed["note"], &changed["version"]),
        (&json!("the cheap one"), &json!(2))
    );
    assert_eq!(world.get(&path, &admin).is(200), changed);
    let remove = |version: &str| {
        let what = format!("DELETE {path}");
        world.ask_with(&what, &admin, Value::Null, &[("if-match", version)])
    };
    remove("\"1\"").refused(412, "changed_meanwhile");
    remove("\"3\"").is(204);
    told(4);
    world.get(&path, &admin).refused(404, "not_found");
    assert_eq!(given(&world, router, &["openai"]), ["openai NotForYou"]);
    // One of the same name is another secret, and says so.
    let again = put(&world, &admin, "openai", "sk-canary-3", None);
    assert_eq!(again["version"], 3);
    let body = json!({ "name": "openai", "secret": "sk-canary-4" });
    let twice = world.ask("POST /api/v1/credentials", &admin, body);
    twice.refused(409, "name_taken");
}

#[test]
fn a_gateway_gets_what_is_for_it_and_who_was_revoked_gets_nothing() {
    let world = World::new();
    let admin = world.first_admin();
    let (one, router_one) = gateway(&world, &admin, "edge-1");
    let (two, router_two) = gateway(&world, &admin, "edge-2");
    put(&world, &admin, "all", "sk-all", None);
    let made = put(&world, &admin, "some", "sk-some", Some(&[&one]));
    let names = ["all", "some", "none"];
    assert_eq!(
        given(&world, router_one, &names),
        ["all v1 sk-all", "some v1 sk-some", "none NotForYou"]
    );
    // What is not for it looks like what is not there.
    assert_eq!(
        given(&world, router_two, &names),
        ["all v1 sk-all", "some NotForYou", "none NotForYou"]
    );
    let stranger = RouterId(9);
    let nothing = ["all NotForYou", "some NotForYou", "none NotForYou"];
    assert_eq!(given(&world, stranger, &names), nothing);
    let what = format!("PATCH /api/v1/credentials/{}", text(&made["id"]));
    let change = |gateways: Value| {
        let body = json!({ "gateways": gateways });
        world.ask_with(&what, &admin, body, &[("if-match", "*")])
    };
    assert!(change(json!(["*"])).is(200).get("gateways").is_none());
    assert_eq!(given(&world, router_two, &["some"]), ["some v1 sk-some"]);
    change(json!([])).refused(422, "invalid");
    change(json!(["gw_nobody"])).refused(422, "invalid");
    assert_eq!(change(json!([two])).is(200)["gateways"], json!([two]));
    world
        .ask(
            &format!("POST /api/v1/gateways/{two}/revoke"),
            &admin,
            Value::Null,
        )
        .is(200);
    assert_eq!(given(&world, router_two, &names), nothing);
    change(json!([two])).refused(422, "invalid");
}

#[test]
fn no_answer_no_audit_line_and_no_byte_of_the_books_has_a_secret() {
    let world = World::new();
    let admin = world.first_admin();
    let named = [("idempotency-key", "k-1")];
    let body = json!({ "name": "openai", "secret": "sk-canary-1", "note": "main" });
    let once = || world.ask_with("POST /api/v1/credentials", &admin, body.clone(), &named);
    let made = once().is(201);
    let again = once();
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.is(201), made);
    let id = text(&made["id"]);
    let body = json!({ "secret": "sk-canary-2" });
    let rotated = world.ask(
        &format!("POST /api/v1/credentials/{id}/rotate"),
        &admin,
        body,
    );
    let rotated = rotated.is(200);
    let list = world.get("/api/v1/credentials", &admin).is(200);
    let audit = world.get("/api/v1/audit?limit=200", &admin).is(200);
    let acts = audit.to_string();
    assert!(acts.contains("credential.make") && acts.contains("credential.rotate"));
    for shown in [&made, &rotated, &list, &audit] {
        assert!(!shown.to_string().contains("canary"), "{shown}");
    }
    let refused = |secret: Value| {
        let body = json!({ "name": "bad", "secret": secret });
        let got = world.ask("POST /api/v1/credentials", &admin, body);
        let said = got.body.to_string();
        assert!(!said.contains("canary"), "{said}");
        got.refused(422, "invalid");
    };
    refused(json!("sk canary"));
    refused(json!("sk-canary\n"));
    refused(json!(""));
    refused(json!("c".repeat(4097)));
    refused(json!({ "canary": 1 }));
    assert!(!world.holds("canary"));
    assert!(
        world.holds("credential.rotate"),
        "the books are there to be searched"
    );
    world.books();
    assert!(!world.holds("canary"));
}

#[test]
fn another_master_key_seals_all_anew_and_without_the_old_one_nothing_opens() {
    let world = World::new();
    let admin = world.first_admin();
    let (_, router) = gateway(&world, &admin, "edge-1");
    let made = put(&world, &admin, "openai", "sk-canary", None);
    let reopen = |current: u8, previous: &[u8]| {
        world.runtime.block_on(async {
            let store = Store::open(world.place()).await.expect("books");
            let (treasury, bulletin) = (world.treasury.clone(), world.bulletin.clone());
            let clock = std::sync::Arc::new(|| crate::clock::now().wall);
            let panel = crate::control::service::Panel::open(store, treasury, bulletin, clock);
            let panel = panel.await.expect("a panel");
            vault::open(&panel, keyring(current, previous))
                .await
                .expect("open");
            let names = ["openai".to_owned()];
            let given = give(&panel, router, &names, 0)
                .await
                .expect("books")
                .expect("anew");
            let view = vault::get(&panel, &text(&made["id"])).await.expect("there");
            panel.store().close().await;
            (given, view)
        })
    };
    // The new one alone: it is there, it is said why it cannot be had, and nothing was changed.
    let (given, view) = reopen(2, &[]);
    assert_eq!(given.missing[0].why, Why::Unreadable);
    assert!(!view.readable && given.credentials.is_empty());
    assert_eq!(json!(view.key_id), made["key_id"]);
    let before = given.revision;
    // With the old one beside it all is sealed anew, once.
    let (given, view) = reopen(2, &[1]);
    assert_eq!(given.credentials[0].secret.expose(), "sk-canary");
    assert_eq!((given.credentials[0].version, view.readable), (1, true));
    assert_ne!(json!(view.key_id), made["key_id"]);
    assert_eq!(given.revision, before + 1, "gateways are to ask again");
    let (given, _) = reopen(2, &[]);
    assert_eq!(given.credentials[0].secret.expose(), "sk-canary");
    assert_eq!(given.revision, before + 1);
    let acts = world
        .get("/api/v1/audit?limit=200", &admin)
        .is(200)
        .to_string();
    assert_eq!(acts.matches("vault.reseal").count(), 1, "{acts}");
    assert_eq!(
        world.get("/api/v1/audit/verify", &admin).is(200)["ok"],
        true
    );
}
