//! What becomes of a provider that misbehaves, or of a panel without one, or with nothing else.

use super::*;

#[test]
fn a_provider_that_is_another_or_unsafe_is_not_gone_to() {
    let scene = Scene::new();
    let check = |discovery: Value| {
        scene.identity.is(|whims| whims.discovery = discovery);
        scene
            .world
            .get("/api/v1/oidc/start", "")
            .refused(502, "provider_unavailable");
    };
    check(json!({ "issuer": "https://other.example" }));
    check(json!({ "issuer": format!("{}/", scene.identity.issuer()) }));
    for endpoint in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        check(json!({ endpoint: "http://other.example/x" }));
        check(json!({ endpoint: "file:///etc/passwd" }));
        check(json!({ endpoint: null }));
    }
    assert!(
        scene
            .identity
            .asked()
            .iter()
            .all(|what| *what == "discovery")
    );
}

#[test]
fn a_provider_that_redirects_floods_or_hangs_is_given_up() {
    let scene = Scene::with(|_| {}, Duration::from_millis(200));
    let start = |change: fn(&mut crate::control::tests::identity::Whims)| {
        scene.identity.is(change);
        scene
            .world
            .get("/api/v1/oidc/start", "")
            .refused(502, "provider_unavailable");
    };
    start(|whims| whims.redirects = "discovery");
    start(|whims| whims.floods = "discovery");
    start(|whims| whims.hangs = "discovery");
    assert_eq!(scene.identity.asked(), ["discovery"; 3]);
    let back = |change: fn(&mut crate::control::tests::identity::Whims), reason: &str| {
        scene.identity.is(change);
        let got = scene.sign_in();
        scene.refused(got, (502, "provider_unavailable"), reason);
    };
    back(|whims| whims.redirects = "token", "provider_garbled");
    back(|whims| whims.redirects = "keys", "provider_garbled");
    back(|whims| whims.floods = "token", "provider_unreachable");
    back(|whims| whims.floods = "keys", "provider_unreachable");
    back(|whims| whims.hangs = "token", "provider_unreachable");
    back(|whims| whims.hangs = "keys", "provider_unreachable");
    scene.identity.is(|_| {});
    session(&scene.sign_in());
}

#[test]
fn a_panel_without_a_provider_says_so() {
    let world = World::new();
    let about = world.get("/api/v1/oidc", "").is(200);
    assert_eq!(about, json!({ "available": false, "passwords": true }));
    world.get("/api/v1/oidc/start", "").refused(404, "no_oidc");
    world
        .get("/api/v1/oidc/callback?code=x&state=x", "")
        .refused(404, "no_oidc");
    let body = json!({ "code": "x", "verifier": "x" });
    world
        .ask("POST /api/v1/oidc/redeem", "", body)
        .refused(404, "no_oidc");
}

#[test]
fn where_passwords_are_off_the_provider_is_the_only_way_in() {
    let scene = Scene::with(
        |settings| settings.passwords = false,
        Duration::from_secs(10),
    );
    let about = scene.world.get("/api/v1/oidc", "").is(200);
    assert_eq!(about["passwords"], false);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    scene
        .world
        .ask("POST /api/v1/sessions", "", body)
        .refused(403, "passwords_off");
    let body = json!({ "token": scene.invitation, "password": PASSWORD });
    scene
        .world
        .ask("POST /api/v1/invitations/accept", "", body)
        .refused(403, "passwords_off");
    session(&scene.sign_in());
}
