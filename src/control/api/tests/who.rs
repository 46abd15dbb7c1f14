use super::world::{PASSWORD, World, request, text};
use crate::control::service::users;
use serde_json::{Value, json};

#[test]
fn the_first_administrator_comes_by_a_link_that_is_good_once() {
    let world = World::new();
    let first = world
        .runtime
        .block_on(users::first_admin_link(&world.panel));
    let first = first.expect("books").expect("a link");
    // A panel that is started again prints another one, and only that is good.
    let admin = |token: &str| json!({ "token": token, "email": "a@x.org", "name": "A", "password": PASSWORD });
    let second = world
        .runtime
        .block_on(users::first_admin_link(&world.panel));
    let second = second.expect("books").expect("a link");
    let old = world.ask("POST /api/v1/setup", "", admin(first.expose()));
    old.refused(403, "link_used_up");
    let short =
        json!({ "token": second.expose(), "email": "a@x.org", "name": "A", "password": "short" });
    world
        .ask("POST /api/v1/setup", "", short)
        .refused(422, "invalid");
    let opened = world
        .ask("POST /api/v1/setup", "", admin(second.expose()))
        .is(201);
    let me = world.get("/api/v1/me", &text(&opened["token"])).is(200);
    assert_eq!(
        (&me["role"], &me["email"]),
        (&json!("admin"), &json!("a@x.org"))
    );
    let again = world.ask("POST /api/v1/setup", "", admin(second.expose()));
    again.refused(409, "already_set_up");
    let none = world
        .runtime
        .block_on(users::first_admin_link(&world.panel));
    assert!(none.expect("books").is_none());
}

#[test]
fn who_guesses_learns_nothing_and_is_slowed_down() {
    let world = World::new();
    world.first_admin();
    let sign_in = |email: &str, password: &str| {
        let body = json!({ "email": email, "password": password });
        world.ask("POST /api/v1/sessions", "", body)
    };
    assert!(sign_in("ADA@example.com", PASSWORD).is(201)["token"].is_string());
    let known = sign_in("ada@example.com", "wrong password").is(401);
    let unknown = sign_in("bob@example.com", "wrong password").is(401);
    let without_instance = |mut body: Value| {
        body["instance"] = Value::Null;
        body
    };
    assert_eq!(without_instance(known), without_instance(unknown));
    for _ in 0..4 {
        sign_in("ada@example.com", "wrong password").refused(401, "wrong_password");
    }
    let slowed = sign_in("ada@example.com", PASSWORD);
    assert_eq!(slowed.header("retry-after"), "1");
    slowed.refused(429, "too_many_attempts");
    world.pass(2);
    assert!(sign_in("ada@example.com", PASSWORD).is(201)["token"].is_string());
}

#[test]
fn a_session_ends_at_once_with_what_it_rests_on() {
    let world = World::new();
    let admin = world.first_admin();
    let ends = |name: &str, how: &dyn Fn(&str, &str)| {
        let (token, id) = world.user(&admin, name, "operator", None);
        world.get("/api/v1/me", &token).is(200);
        how(&token, &id);
        world
            .get("/api/v1/me", &token)
            .refused(401, "unauthenticated");
    };
    let change = |id: &str, body: Value| {
        world
            .ask(&format!("PATCH /api/v1/users/{id}"), &admin, body)
            .is(200);
    };
    ends("demoted", &|_, id| change(id, json!({ "role": "viewer" })));
    ends("disabled", &|_, id| change(id, json!({ "disabled": true })));
    ends("new-password", &|token, _| {
        let body = json!({ "old": PASSWORD, "new": "another good password" });
        world.ask("POST /api/v1/me/password", token, body).is(204);
    });
    ends("signed-out", &|token, _| {
        world
            .ask("DELETE /api/v1/sessions/current", token, Value::Null)
            .is(204);
    });
    ends("invited-again", &|_, id| {
        let invited = world.ask(
            &format!("POST /api/v1/users/{id}/invitation"),
            &admin,
            Value::Null,
        );
        let body = json!({ "token": invited.is(201)["token"], "password": PASSWORD });
        world
            .ask("POST /api/v1/invitations/accept", "", body.clone())
            .is(201);
        world
            .ask("POST /api/v1/invitations/accept", "", body)
            .refused(403, "link_used_up");
    });
    ends("idle", &|_, _| world.pass(3 * 3600));
}

#[test]
fn the_last_administrator_stays() {
    let world = World::new();
    let admin = world.first_admin();
    let id = text(&world.get("/api/v1/me", &admin).is(200)["id"]);
    for body in [json!({ "role": "viewer" }), json!({ "disabled": true })] {
        let refused = world.ask(&format!("PATCH /api/v1/users/{id}"), &admin, body);
        refused.refused(409, "last_administrator");
    }
    world.get("/api/v1/users", &admin).is(200);
}

#[test]
fn a_token_reaches_no_further_than_its_maker_does_now() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, red, atlas, blue, _] = world.tree(&admin);
    let (operator, id) = world.user(&admin, "olga", "operator", Some(&red));
    let token_of = |token: &str, role: &str, scope: Option<&str>| {
        let body = json!({ "name": "ci", "role": role, "scope": scope, "expires": "2099-01-01" });
        world.ask("POST /api/v1/tokens", token, body)
    };
    token_of(&operator, "admin", None).refused(403, "beyond_own_rights");
    token_of(&operator, "operator", Some(&blue)).refused(422, "invalid");
    let made = token_of(&operator, "operator", Some(&atlas)).is(201);
    let token = text(&made["secret"]);
    assert!(token.starts_with("tgp_"));
    let list = world.get("/api/v1/tokens", &operator).is(200);
    assert_eq!(list["items"][0]["id"], made["token"]["id"]);
    assert!(!list.to_string().contains(&token));
    world.get(&format!("/api/v1/nodes/{atlas}"), &token).is(200);
    world
        .get(&format!("/api/v1/nodes/{red}"), &token)
        .refused(404, "not_found");
    // A token makes none that outlives it, and changes no password.
    let body = json!({ "name": "x", "role": "viewer", "expires": "2100-01-01" });
    world
        .ask("POST /api/v1/tokens", &token, body)
        .refused(403, "beyond_own_rights");
    let body = json!({ "old": PASSWORD, "new": "another good password" });
    world
        .ask("POST /api/v1/me/password", &token, body)
        .refused(403, "session_needed");
    world.key(&token, &atlas, "one");
    // Its user is demoted: so is the token.
    world
        .ask(
            &format!("PATCH /api/v1/users/{id}"),
            &admin,
            json!({ "role": "viewer" }),
        )
        .is(200);
    let body = json!({ "node": atlas, "name": "two" });
    world
        .ask("POST /api/v1/keys", &token, body)
        .refused(403, "role_too_low");
    world.get("/api/v1/keys", &token).is(200);
    world
        .ask(
            &format!("DELETE /api/v1/tokens/{}", text(&made["token"]["id"])),
            &admin,
            Value::Null,
        )
        .is(204);
    world
        .get("/api/v1/keys", &token)
        .refused(401, "unauthenticated");
}

#[test]
fn a_cookie_is_only_good_for_pages_of_this_panel() {
    let world = World::new();
    world.first_admin();
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "cookie": true });
    let opened = world.ask("POST /api/v1/sessions", "", body);
    let set = opened.header("set-cookie").to_owned();
    assert!(set.starts_with("__Host-tollgate=tgs_"), "{set}");
    for word in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(set.contains(word), "{set}");
    }
    let opened = opened.is(201);
    assert!(opened["token"].is_null());
    let cookie = set.split(';').next().expect("a cookie").to_owned();
    let csrf = text(&opened["csrf"]);
    let hook = json!({ "url": "https://hooks.example.com/" });
    let check = |what: &str, body: &Value, headers: &[(&str, &str)], expected: u16| {
        let mut all = vec![("cookie", cookie.as_str()), ("host", "panel.example:4102")];
        all.extend(headers);
        let got = world.send(request(what, "", body, &all));
        assert_eq!(
            got.status.as_u16(),
            expected,
            "{what} {headers:?} {}",
            got.body
        );
    };
    let (read, write) = ("GET /api/v1/me", "POST /api/v1/webhooks");
    check(read, &Value::Null, &[], 200);
    check(read, &Value::Null, &[("sec-fetch-site", "cross-site")], 403);
    check(write, &hook, &[], 403);
    check(write, &hook, &[("x-tollgate-csrf", "0")], 403);
    check(write, &hook, &[("x-tollgate-csrf", &csrf)], 201);
    check(
        write,
        &hook,
        &[("origin", "https://panel.example:4102")],
        201,
    );
    check(write, &hook, &[("origin", "https://evil.example")], 403);
    check(write, &hook, &[("origin", "null")], 403);
    check(
        write,
        &hook,
        &[
            ("origin", "https://evil.example"),
            ("x-tollgate-csrf", &csrf),
        ],
        403,
    );
    check(
        write,
        &hook,
        &[("origin", "http://panel.example:4102")],
        403,
    );
    // A header that is no bearer token is not made good by the cookie beside it.
    check(read, &Value::Null, &[("authorization", "Basic YTpi")], 401);
}
