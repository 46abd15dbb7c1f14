//! Signing in at a provider: who is known by it. The parts have what the way there and back has to withstand.

mod provider;
mod token;
mod way;

use super::world::{Got, PASSWORD, World, request, text};
use crate::control::api::Peer;
use crate::control::outgoing::Outgoing;
use crate::control::service::oidc;
use crate::control::settings::Oidc;
use crate::control::tests::identity::{CLIENT, Identity, SECRET};
use crate::secret::Secret;
use serde_json::{Value, json};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A panel with a provider, an administrator, and Bob, who is invited.
struct Scene {
    identity: Identity,
    world: World,
    admin: String,
    bob: String,
    invitation: String,
    /// Whoever signs in comes from another address than the one before.
    address: Cell<u8>,
    wanders: bool,
}

impl Scene {
    fn new() -> Self {
        Self::with(|_| {}, Duration::from_secs(10))
    }

    fn with(change: impl FnOnce(&mut Oidc), patience: Duration) -> Self {
        let (identity, world) = (Identity::start(), World::new());
        let mut settings = Oidc {
            issuer: identity.issuer().to_owned(),
            client_id: CLIENT.to_owned(),
            client_secret: Some(Secret::new(SECRET.to_owned())),
            name: "Example SSO".to_owned(),
            scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
            passwords: true,
            redirect: "https://panel.example:4102/api/v1/oidc/callback".to_owned(),
        };
        change(&mut settings);
        let mut http = Outgoing::new();
        http.patience = patience;
        oidc::open_by(&world.panel, settings, http);
        let admin = world.first_admin();
        let body = json!({ "email": "Bob@Example.com", "name": "Bob", "role": "operator" });
        let invited = world.ask("POST /api/v1/users", &admin, body).is(201);
        Self {
            bob: text(&invited["user"]["id"]),
            invitation: text(&invited["token"]),
            address: Cell::new(0),
            wanders: true,
            identity,
            world,
            admin,
        }
    }

    /// A browser is sent to the provider: where to, and with what it comes back.
    #[track_caller]
    fn start(&self, query: &str) -> (String, String) {
        self.address
            .set(self.address.get() + u8::from(self.wanders));
        let begun = self.browse(&format!("/api/v1/oidc/start{query}"), &[]);
        let (location, cookie) = (begun.header("location").to_owned(), cookie(&begun));
        assert_eq!(begun.is(302), Value::Null);
        (location, cookie)
    }

    /// A browser with these cookies comes back.
    fn back(&self, url: &str, cookies: &str) -> Got {
        let path = url.strip_prefix("https://panel.example:4102");
        let path = path.unwrap_or_else(|| panic!("not the panel: {url}"));
        let headers = [("cookie", cookies), ("sec-fetch-site", "cross-site")];
        self.browse(path, &headers)
    }

    fn browse(&self, path: &str, headers: &[(&str, &str)]) -> Got {
        let mut asked = request(&format!("GET {path}"), "", &Value::Null, headers);
        asked
            .extensions_mut()
            .insert(Peer(SocketAddr::from((self.from(), 40000))));
        self.world.send(asked)
    }

    fn from(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 51, 100, self.address.get())
    }

    /// All of it in one browser.
    #[track_caller]
    fn sign_in(&self) -> Got {
        let (location, cookie) = self.start("?then=/budgets?a=b");
        self.back(&self.identity.visit(&location), &cookie)
    }

    /// Changes the user who signs in at the provider.
    #[track_caller]
    fn change_bob(&self, body: Value) {
        let what = format!("PATCH /api/v1/users/{}", self.bob);
        self.world.ask(&what, &self.admin, body).is(200);
    }

    /// The newest lines of the audit log.
    fn audit(&self, count: usize) -> Vec<Value> {
        let path = format!("/api/v1/audit?limit={count}");
        let log = self.world.get(&path, &self.admin).is(200);
        let lines = log["items"].as_array().expect("lines").iter();
        lines.map(|line| line["record"].clone()).collect()
    }

    /// Somebody is refused, and stands in the audit log for this reason.
    #[track_caller]
    fn refused(&self, got: Got, (status, code): (u16, &str), reason: &str) {
        assert_eq!(got.headers.get_all("set-cookie").iter().count(), 0);
        got.refused(status, code);
        let line = &self.audit(1)[0];
        assert_eq!(line["action"], "session.refuse", "{line}");
        assert_eq!(line["after"]["reason"], reason, "{line}");
        let from = line["from"].as_str().expect("an address");
        assert!(
            [self.from().to_string().as_str(), "192.0.2.7"].contains(&from),
            "{line}"
        );
    }
}

/// The one cookie that is set, and is no session.
fn cookie(got: &Got) -> String {
    let set = got.header("set-cookie");
    assert!(set.starts_with("__Host-tollgate-oidc=tgb_"), "{set}");
    for word in [
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
        "Max-Age=600",
    ] {
        assert!(set.split("; ").any(|part| part == word), "{set}");
    }
    set.split(';').next().expect("a cookie").to_owned()
}

/// The session that a browser was given.
#[track_caller]
fn session(got: &Got) -> String {
    let set: Vec<&str> = got
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|set| set.to_str().expect("text"))
        .collect();
    assert_eq!(set.len(), 2, "{set:?} {}", got.body);
    assert!(
        set[0].starts_with("__Host-tollgate-oidc=;") && set[0].ends_with("Max-Age=0"),
        "{set:?}"
    );
    assert!(
        set[1].ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"),
        "{set:?}"
    );
    let token = set[1].strip_prefix("__Host-tollgate=").expect("a session");
    token.split(';').next().expect("a token").to_owned()
}

#[test]
fn who_is_invited_signs_in_at_the_provider_and_is_known_there_from_then_on() {
    let scene = Scene::new();
    let about = scene.world.get("/api/v1/oidc", "").is(200);
    assert_eq!(
        about,
        json!({ "available": true, "name": "Example SSO", "passwords": true })
    );
    let user = || {
        scene
            .world
            .get(&format!("/api/v1/users/{}", scene.bob), &scene.admin)
            .is(200)
    };
    assert_eq!(
        (&user()["state"], &user()["linked"]),
        (&json!("invited"), &json!(false))
    );
    let got = scene.sign_in();
    assert_eq!(got.header("location"), "/budgets?a=b");
    let token = session(&got);
    assert_eq!(got.is(302), Value::Null);
    let me = scene.world.get("/api/v1/me", &token).is(200);
    assert_eq!(
        (&me["email"], &me["role"]),
        (&json!("bob@example.com"), &json!("operator"))
    );
    assert_eq!(
        (&user()["state"], &user()["linked"]),
        (&json!("active"), &json!(true))
    );
    let lines = scene.audit(2);
    assert_eq!(
        (
            &lines[0]["action"],
            &lines[0]["who"],
            &lines[0]["via"],
            &lines[0]["after"]["by"]
        ),
        (
            &json!("session.open"),
            &json!("bob@example.com"),
            &json!("oidc"),
            &json!("oidc")
        )
    );
    assert_eq!(
        (&lines[1]["action"], &lines[1]["target"]),
        (&json!("user.link"), &json!(scene.bob))
    );
    assert_eq!(
        lines[1]["after"],
        json!({ "issuer": scene.identity.issuer(), "subject": "248289761001", "invitation": true })
    );
    // The invitation was accepted by that: its link sets no password any more.
    let body = json!({ "token": scene.invitation, "password": PASSWORD });
    scene
        .world
        .ask("POST /api/v1/invitations/accept", "", body)
        .refused(403, "link_used_up");
    // The address may change there, and be nobody's: it is the identity that counts now.
    scene.identity.is(|whims| {
        whims.email = json!("robert@example.com");
        whims.verified = json!(false);
    });
    let again = session(&scene.sign_in());
    assert_eq!(scene.audit(1)[0]["action"], "session.open");
    // A session like all others: it ends at once with what it rests on.
    scene.change_bob(json!({ "disabled": true }));
    scene
        .world
        .get("/api/v1/me", &again)
        .refused(401, "unauthenticated");
    let got = scene.sign_in();
    scene.refused(got, (403, "identity_unknown"), "disabled");
    let log = scene
        .world
        .get("/api/v1/audit?limit=200", &scene.admin)
        .is(200)
        .to_string();
    for secret in [SECRET, "canary", "code-", "tgb_", "tgo_", "eyJ"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[test]
fn a_user_with_a_password_is_linked_by_a_verified_address_and_to_one_identity() {
    let scene = Scene::new();
    scene.world.user(&scene.admin, "carol", "viewer", None);
    let as_carol = |subject: &str, verified: Value| {
        scene.identity.is(|whims| {
            whims.subject = subject.to_owned();
            whims.email = json!("CAROL@example.com");
            whims.verified = verified;
        });
        scene.sign_in()
    };
    for said in [json!(false), json!("false"), Value::Null] {
        scene.refused(
            as_carol("c-1", said),
            (403, "email_unverified"),
            "email_unverified",
        );
    }
    session(&as_carol("c-1", json!("true")));
    assert_eq!(scene.audit(2)[1]["after"]["invitation"], false);
    // Whoever has got her address at the provider since is somebody else.
    scene.refused(
        as_carol("c-2", json!(true)),
        (403, "identity_unknown"),
        "other_identity",
    );
    session(&as_carol("c-1", json!(true)));
    // Until an administrator says that it is her.
    let users = scene.world.get("/api/v1/users", &scene.admin).is(200);
    let carol = users["items"]
        .as_array()
        .expect("users")
        .iter()
        .find(|user| user["name"] == "carol");
    let path = format!(
        "DELETE /api/v1/users/{}/identity",
        text(&carol.expect("Carol")["id"])
    );
    let session_before = session(&as_carol("c-1", json!(true)));
    scene.world.ask(&path, &scene.admin, Value::Null).is(204);
    scene
        .world
        .get("/api/v1/me", &session_before)
        .refused(401, "unauthenticated");
    assert_eq!(scene.audit(1)[0]["action"], "user.unlink");
    scene
        .world
        .ask(&path, &scene.admin, Value::Null)
        .refused(404, "not_found");
    session(&as_carol("c-2", json!(true)));
}

#[test]
fn nobody_becomes_a_user_by_an_identity() {
    let scene = Scene::new();
    scene.world.user(&scene.admin, "kim", "viewer", None);
    let users = || scene.world.get("/api/v1/users", &scene.admin).is(200);
    let before = users();
    let check = |email: Value, reason: &str| {
        scene.identity.is(|whims| whims.email = email);
        let got = scene.sign_in();
        scene.refused(got, (403, "identity_unknown"), reason);
    };
    check(json!("mallory@example.com"), "no_user");
    // A sign that looks like a K when it is small.
    check(json!("\u{212a}im@example.com"), "no_user");
    check(json!("bob@example.com "), "no_user");
    check(Value::Null, "no_email");
    assert_eq!(users(), before);
}

#[test]
fn an_administrator_who_signs_in_at_the_provider_alone_counts_as_one() {
    let scene = Scene::new();
    scene.change_bob(json!({ "role": "admin" }));
    let me = text(&scene.world.get("/api/v1/me", &scene.admin).is(200)["id"]);
    let leave = || {
        scene.world.ask(
            &format!("PATCH /api/v1/users/{me}"),
            &scene.admin,
            json!({ "role": "viewer" }),
        )
    };
    // One who is only invited does not.
    leave().refused(409, "last_administrator");
    let bob = session(&scene.sign_in());
    leave().is(200);
    let path = format!("DELETE /api/v1/users/{}/identity", scene.bob);
    scene
        .world
        .ask(&path, &bob, Value::Null)
        .refused(409, "last_administrator");
}
