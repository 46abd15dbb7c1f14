//! Every route with every kind of caller. A route without a sample here fails, and so does one whose rule is not kept.

use super::world::{PASSWORD, World, request, text};
use crate::control::api::route::{Access, Reach, Route};
use crate::control::api::routes;
use crate::control::service::access::Role;
use crate::control::store::house::{oidc, users};
use crate::control::store::set_back;
use crate::lease::protocol::RouterId;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What there is to be asked about, all of it in the team `red`.
struct Fixture {
    things: BTreeMap<&'static str, String>,
    callers: Vec<(&'static str, Role, Option<&'static str>, String)>,
    nobodies: Vec<(&'static str, String)>,
}

fn fixture(world: &World) -> Fixture {
    // Books that were set back, so that there is a panel to be opened again; the bank itself began before.
    let marked = set_back::mark(world.place(), world.panel.now());
    world.runtime.block_on(marked).expect("marked");
    let admin = world.first_admin();
    let [_, red, atlas, blue, borealis] = world.tree(&admin);
    let idle = world.node(&admin, "agent", "idle", Some(&atlas));
    let (key, leaf, secret) = world.key(&admin, &atlas, "scout");
    let budget = world.budget(&admin, &atlas, "total", "10.00");
    world.greet(RouterId(7));
    let lease = world.borrow(RouterId(7), 1, leaf, "1.00").grants[0].lease;
    let (stopped, ..) = world.key(&admin, &atlas, "stopped");
    let body = json!({ "scope": "key", "id": stopped, "reason": "a test" });
    let kill = world.ask("POST /api/v1/kill", &admin, body).is(201);
    let (somebody, _) = world.user(&admin, "asker", "viewer", None);
    let body = json!({ "budget": budget, "amount": "1.00", "reason": "a test" });
    let asked = world.ask("POST /api/v1/requests", &somebody, body).is(201);
    let body = json!({ "name": "edge-1" });
    let gateway = world.ask("POST /api/v1/gateways", &admin, body).is(201);
    let body = json!({ "url": "https://hooks.example.com/" });
    let hook = world.ask("POST /api/v1/webhooks", &admin, body).is(201);
    let body = json!({ "files": { "org.yaml": "version: 1\nscope: {}\n" } });
    let bundle = world.ask("POST /api/v1/bundles", &admin, body).is(201);
    let body = json!({ "name": "openai", "secret": "sk-canary" });
    let credential = world.ask("POST /api/v1/credentials", &admin, body).is(201);
    let (_, user) = world.user(&admin, "target", "viewer", None);
    link(world, &user);
    let callers = [
        ("viewer", Role::Viewer, None),
        ("operator", Role::Operator, None),
        ("admin", Role::Admin, None),
        ("admin of red", Role::Admin, Some("red")),
        ("viewer of red", Role::Viewer, Some("red")),
        ("admin of blue", Role::Admin, Some("blue")),
    ];
    let callers = callers.into_iter().map(|(name, role, scope)| {
        let of = scope.map(|scope| if scope == "red" { &red } else { &blue });
        let plain = name.replace(' ', "-");
        let (token, _) = world.user(&admin, &plain, role.name(), of.map(String::as_str));
        (name, role, scope, token)
    });
    let callers = callers.collect();
    let token = |expires: String| {
        let body = json!({ "name": "t", "role": "admin", "expires": expires });
        world.ask("POST /api/v1/tokens", &admin, body).is(201)
    };
    let revoked = token("2099-01-01".to_owned());
    let path = format!("DELETE /api/v1/tokens/{}", text(&revoked["token"]["id"]));
    world.ask(&path, &admin, Value::Null).is(204);
    let soon = jiff::Timestamp::from_second(world.panel.now().secs() + 5).expect("a time");
    let expired = token(soon.to_string());
    let (logged_out, _) = world.user(&admin, "gone", "admin", None);
    world
        .ask("DELETE /api/v1/sessions/current", &logged_out, Value::Null)
        .is(204);
    let (demoted, id) = world.user(&admin, "demoted", "admin", None);
    let body = json!({ "role": "viewer" });
    world
        .ask(&format!("PATCH /api/v1/users/{id}"), &admin, body)
        .is(200);
    let nobodies = vec![
        ("no token", String::new()),
        ("garbage", "hello".to_owned()),
        (
            "garbage that looks right",
            format!("tgs_{}", "A".repeat(43)),
        ),
        ("an agent's key", secret),
        ("a gateway's one-time token", text(&gateway["token"])),
        ("a revoked token", text(&revoked["secret"])),
        ("an expired token", text(&expired["secret"])),
        ("a session signed out", logged_out),
        ("a user demoted", demoted),
    ];
    let things = [
        ("node", atlas),
        ("idle", idle),
        ("key", key),
        ("stopped", stopped),
        ("budget", budget),
        ("lease", format!("{:032x}", lease.0)),
        ("kill", text(&kill["kill"]["id"])),
        ("request", text(&asked["id"])),
        ("gateway", text(&gateway["gateway"]["id"])),
        ("webhook", text(&hook["webhook"]["id"])),
        ("bundle", bundle["bundle"]["version"].to_string()),
        ("credential", text(&credential["id"])),
        ("user", user),
        ("other", borealis),
    ];
    Fixture {
        things: things.into_iter().collect(),
        callers,
        nobodies,
    }
}

/// A user who has an identity elsewhere.
fn link(world: &World, user: &str) {
    world.runtime.block_on(async {
        let mut change = world.panel.store().change().await.expect("a turn");
        let row = users::find(change.db(), user).await.expect("books");
        let identity = ("https://login.example", "target");
        let linked = oidc::link(change.db(), identity, row.expect("a user").id, 0);
        linked.await.expect("linked");
        change.commit().await.expect("written");
    });
}

/// What a route is tried with: whose id stands in the path, and the body.
#[expect(
    clippy::match_same_arms,
    reason = "a line for each route, in the table's order"
)]
fn sample(route: &Route, fixture: &Fixture) -> (&'static str, Value) {
    let of = |thing: &str| fixture.things[thing].clone();
    let none = Value::Null;
    match (
        route.method.as_str(),
        route.path.trim_start_matches("/api/v1/"),
    ) {
        ("GET", "live") => ("", none),
        ("GET", "openapi.json" | "me" | "sessions" | "tokens" | "oidc") => ("", none),
        ("DELETE", "users/{id}/identity") => ("user", none),
        ("GET", "nodes" | "keys" | "budgets" | "kills" | "requests" | "leases") => ("", none),
        ("GET", "users" | "gateways" | "audit" | "audit/verify" | "webhooks" | "restore") => {
            ("", none)
        }
        ("POST", "restore/open") => ("", json!({ "reason": "a test" })),
        ("GET", "analytics/burn") => ("", none),
        ("GET", "analytics/spend") => ("?group_by=key", none),
        ("GET", "analytics/refusals") => ("?group_by=code", none),
        ("GET", "analytics/findings") => ("?group_by=kind", none),
        ("POST", "setup") => (
            "",
            json!({ "token": "x", "email": "x@x", "name": "x", "password": PASSWORD }),
        ),
        ("POST", "sessions") => ("", json!({ "email": "x@x", "password": PASSWORD })),
        ("POST", "invitations/accept") => ("", json!({ "token": "x", "password": PASSWORD })),
        ("DELETE", "sessions/current") => ("", none),
        ("DELETE", "sessions/{id}") => ("session", none),
        ("POST", "me/password") => (
            "",
            json!({ "old": PASSWORD, "new": "another good password" }),
        ),
        ("POST", "users") => (
            "",
            json!({ "email": "new@x.org", "name": "new", "role": "viewer" }),
        ),
        ("GET", "users/{id}") => ("user", none),
        ("PATCH", "users/{id}") => ("user", json!({ "name": "other" })),
        ("POST", "users/{id}/invitation") => ("user", none),
        ("POST", "tokens") => (
            "",
            json!({ "name": "t", "role": "viewer", "expires": "2099-01-01" }),
        ),
        ("DELETE", "tokens/{id}") => ("token", none),
        ("POST", "nodes") => (
            "",
            json!({ "kind": "agent", "name": "new", "parent": of("node") }),
        ),
        ("GET", "nodes/{id}") => ("node", none),
        ("DELETE", "nodes/{id}") => ("idle", none),
        ("POST", "keys") => ("", json!({ "node": of("node"), "name": "new" })),
        ("GET", "keys/{id}") => ("key", none),
        ("POST", "keys/{id}/rotate") => ("key", json!({})),
        ("POST", "keys/{id}/revoke") => ("key", none),
        ("POST", "budgets") => (
            "",
            json!({ "node": of("node"), "window": "1d", "limit": "1.00" }),
        ),
        ("GET", "budgets/{id}" | "budgets/{id}/entries") => ("budget", none),
        ("PATCH", "budgets/{id}") => ("budget", json!({ "limit": "20.00" })),
        ("DELETE", "budgets/{id}") => ("budget", none),
        ("POST", "kill") => (
            "",
            json!({ "scope": "project", "id": of("node"), "reason": "x" }),
        ),
        ("POST", "unkill") => (
            "",
            json!({ "scope": "key", "id": of("stopped"), "reason": "x" }),
        ),
        ("GET", "kills/{id}") => ("kill", none),
        ("POST", "requests") => (
            "",
            json!({ "budget": of("budget"), "amount": "1.00", "reason": "x" }),
        ),
        ("GET", "requests/{id}") => ("request", none),
        ("POST", "requests/{id}/approve" | "requests/{id}/reject") => {
            ("request", json!({ "reason": "x" }))
        }
        ("POST", "requests/{id}/withdraw") => ("request", none),
        ("POST", "gateways") => ("", json!({ "name": "edge-2" })),
        ("GET", "gateways/{id}") => ("gateway", none),
        ("POST", "gateways/{id}/token" | "gateways/{id}/revoke" | "gateways/{id}/drain") => {
            ("gateway", none)
        }
        ("GET", "leases/{id}") => ("lease", none),
        ("POST", "leases/{id}/write-off") => ("lease", json!({ "reason": "x" })),
        ("GET", "bundles" | "bundles/rollout" | "credentials") => ("", none),
        ("POST", "bundles") => (
            "",
            json!({ "files": { "org.yaml": "version: 1\nscope: {}\n" } }),
        ),
        ("POST", "bundles/rollback") => ("", json!({ "version": 0 })),
        ("GET", "bundles/{id}") => ("bundle", none),
        ("POST", "bundles/{id}/rollout") => ("bundle", json!({ "percent": 10 })),
        ("POST", "webhooks") => ("", json!({ "url": "https://other.example.com/" })),
        ("DELETE", "webhooks/{id}") => ("webhook", none),
        ("POST", "credentials") => ("", json!({ "name": "vllm", "secret": "sk-canary" })),
        ("GET" | "DELETE", "credentials/{id}") => ("credential", none),
        ("PATCH", "credentials/{id}") => ("credential", json!({ "note": "x" })),
        ("POST", "credentials/{id}/rotate") => ("credential", json!({ "secret": "sk-canary" })),
        (method, path) => panic!("no sample for {method} {path}: add one"),
    }
}

/// Asks a route as this caller; the status and the answer.
fn ask(world: &World, fixture: &Fixture, route: &Route, token: &str) -> (u16, String) {
    let (thing, body) = sample(route, fixture);
    let own = |path: &str| text(&world.get(path, token).is(200)["items"][0]["id"]);
    let id = match thing {
        "" => String::new(),
        query if query.starts_with('?') => String::new(),
        // Things of one's own are the caller's, where there is one.
        "session" | "token"
            if token.starts_with("tgs_") && world.get("/api/v1/me", token).status == 200 =>
        {
            if thing == "token" {
                let body = json!({ "name": "own", "role": "viewer", "expires": "2099-01-01" });
                let made = world.ask("POST /api/v1/tokens", token, body).is(201);
                text(&made["token"]["id"])
            } else {
                own("/api/v1/sessions")
            }
        }
        "session" | "token" => "ses_1".to_owned(),
        thing => fixture.things[thing].clone(),
    };
    let query = if thing.starts_with('?') { thing } else { "" };
    let what = format!(
        "{} {}{query}",
        route.method,
        route.path.replace("{id}", &id)
    );
    let got = world.send(request(&what, token, &body, &[("if-match", "*")]));
    (got.status.as_u16(), got.body.to_string())
}

#[test]
fn every_route_keeps_its_rule_for_every_kind_of_caller() {
    let template = World::new();
    let fixture = fixture(&template);
    let books = template.books();
    let shared = World::copy_of(books);
    shared.pass(10);
    let lines = |world: &World| {
        let admin = &fixture.callers[2].3;
        world.get("/api/v1/audit?limit=1", admin).is(200)["items"][0]["number"].clone()
    };
    let before = lines(&shared);
    let mut faults = Vec::new();
    for route in routes() {
        let Access::Known(least, reach) = route.access else {
            continue;
        };
        for (who, token) in &fixture.nobodies {
            let (status, said) = ask(&shared, &fixture, &route, token);
            if status != 401 {
                faults.push(format!("{route:?} answers {who} with {status}: {said}"));
            }
        }
        for (who, role, scope, token) in &fixture.callers {
            let is_other = *scope == Some("blue");
            let is_own_alone = route.path.ends_with("/withdraw");
            let named = route.path.contains("{id}") || route.is_write();
            let expected = match reach {
                _ if *role < least => 403,
                Reach::Panel if scope.is_some() => 403,
                Reach::Scope if is_other && named => 404,
                _ if is_own_alone => 404,
                _ => 200,
            };
            let fresh = (route.is_write() && expected == 200).then(|| World::copy_of(books));
            let world = fresh.as_ref().unwrap_or(&shared);
            let (status, said) = ask(world, &fixture, &route, token);
            let right = match expected {
                // It is not there in the state that it would need, which is for those to know who may do it.
                200 => {
                    (200..300).contains(&status)
                        || (status == 409
                            && (route.path.ends_with("/write-off")
                                || route.path.ends_with("/restore/open")))
                }
                expected => status == expected,
            };
            if !right {
                faults.push(format!(
                    "{route:?} answers {who} with {status}, not {expected}: {said}"
                ));
            }
            if said.contains("canary") {
                faults.push(format!("{route:?} shows {who} a secret: {said}"));
            }
            if is_other {
                let seen = fixture
                    .things
                    .iter()
                    .filter(|(_, id)| said.contains(id.as_str()));
                let seen = seen.filter(|(thing, _)| {
                    !matches!(**thing, "other" | "gateway" | "user" | "bundle")
                });
                faults.extend(
                    seen.map(|(thing, _)| format!("{route:?} shows {who} the {thing}: {said}")),
                );
            }
        }
    }
    assert_eq!(lines(&shared), before, "a refused caller changed something");
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn a_gateways_certificate_lets_nobody_into_the_admin_api() {
    let world = World::new();
    for route in routes() {
        if route.access == Access::Open {
            continue;
        }
        let what = format!("{} {}", route.method, route.path.replace("{id}", "x"));
        // Whoever ends TLS says whose certificate it was; here nobody asks.
        let mut asked = request(&what, "", &Value::Null, &[]);
        asked.extensions_mut().insert(RouterId(7));
        world.send(asked).refused(401, "unauthenticated");
    }
}

#[test]
fn the_rules_are_these() {
    let mut rules = String::new();
    let mut all = BTreeSet::new();
    for route in routes() {
        assert!(route.path.starts_with("/api/v1/"), "{route:?}");
        assert!(
            all.insert((route.method.to_string(), route.path)),
            "twice: {route:?}"
        );
        let _ = writeln!(
            rules,
            "{:<7} {:<36} {:?}",
            route.method.as_str(),
            route.path,
            route.access
        );
    }
    insta::assert_snapshot!("rules", rules);
}
