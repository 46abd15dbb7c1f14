//! The way to the provider and back: whose it is, how often, and where it leads.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest as _;

const VERIFIER: &str = "a verifier that only this command line knows";

#[test]
fn a_state_is_good_once_for_ten_minutes_and_in_the_browser_that_began() {
    let scene = Scene::new();
    // The provider would not mind.
    scene.identity.is(|whims| whims.is_lax = true);
    let (location, cookie) = scene.start("");
    let url = scene.identity.visit(&location);
    let (_, other) = scene.start("");
    let got = scene.back(&url, &cookie);
    assert_eq!(got.header("location"), "/");
    session(&got);
    // The same once more.
    let lines = scene.audit(1);
    scene.back(&url, &cookie).refused(403, "sign_in_stale");
    // Strangers with made-up states do not make the log grow.
    assert_eq!(scene.audit(1), lines);
    // Another browser, with a cookie of its own, or with none: so somebody is not signed in as somebody else.
    for cookies in [
        other.as_str(),
        "",
        "__Host-tollgate-oidc=",
        "__Host-tollgate-oidc=tgb_x",
    ] {
        let (location, cookie) = scene.start("");
        let url = scene.identity.visit(&location);
        scene.refused(
            scene.back(&url, cookies),
            (403, "sign_in_stale"),
            "other_browser",
        );
        // It was shown once: even the right browser is too late.
        scene.back(&url, &cookie).refused(403, "sign_in_stale");
    }
    // Too late.
    let (location, cookie) = scene.start("");
    let url = scene.identity.visit(&location);
    scene.world.pass(600);
    scene.back(&url, &cookie).refused(403, "sign_in_stale");
    // Another's code with one's own state: the verifier is another one, and the provider does mind.
    let late = || json!({ "exp": 4000 });
    scene.identity.is(|whims| whims.claims = late());
    let (theirs, _) = scene.start("");
    let (location, cookie) = scene.start("");
    let (theirs, own) = (
        scene.identity.visit(&theirs),
        scene.identity.visit(&location),
    );
    let code = |url: &str| url.split(['=', '&']).nth(1).expect("a code").to_owned();
    let mixed = own.replace(&code(&own), &code(&theirs));
    scene.refused(
        scene.back(&mixed, &cookie),
        (502, "provider_unavailable"),
        "provider_no_token",
    );
    // If it did not, the nonce would be another one.
    scene
        .identity
        .is(|whims| (whims.is_lax, whims.claims) = (true, late()));
    let (location, cookie) = scene.start("");
    let own = scene.identity.visit(&location);
    let mixed = own.replace(&code(&own), &code(&theirs));
    scene.refused(
        scene.back(&mixed, &cookie),
        (403, "id_token_refused"),
        "token_nonce",
    );
}

#[test]
fn what_the_provider_refuses_is_told_plainly_and_its_words_are_not() {
    let scene = Scene::new();
    let check = |error: &str, expected: &str| {
        let (location, cookie) = scene.start("");
        let url = scene.identity.visit(&location);
        let state = url.split("state=").nth(1).expect("a state");
        let url = format!(
            "https://panel.example:4102/api/v1/oidc/callback?error={error}&error_description=canary&state={state}"
        );
        let got = scene.back(&url, &cookie);
        assert_eq!(
            got.body["detail"],
            format!("the provider did not sign you in: {expected}")
        );
        assert!(!got.body.to_string().contains("canary"));
        scene.refused(got, (403, "provider_refused"), "provider_refused");
    };
    check("access_denied", "access_denied");
    check("%3Cscript%3E", "another_error");
    let (location, cookie) = scene.start("");
    let url = scene.identity.visit(&location);
    let url = format!("{url}&session_state=x&iss=https%3A%2F%2Fother.example");
    scene.refused(
        scene.back(&url, &cookie),
        (403, "sign_in_stale"),
        "other_issuer",
    );
}

#[test]
fn one_is_sent_nowhere_but_to_this_panel_or_ones_own_machine() {
    let scene = Scene::new();
    let digest = "A".repeat(43);
    for query in [
        "?then=https://evil.example/".to_owned(),
        "?then=//evil.example/".to_owned(),
        "?then=/%5Cevil.example/".to_owned(),
        "?then=/%0d%0aset-cookie:x".to_owned(),
        "?then=evil".to_owned(),
        format!("?then=/{}", "x".repeat(512)),
        "?loopback=50000".to_owned(),
        format!("?challenge={digest}"),
        format!("?loopback=80&challenge={digest}"),
        format!("?loopback=70000&challenge={digest}"),
        "?loopback=50000&challenge=short".to_owned(),
        format!("?loopback=50000&challenge={digest}&then=/"),
        "?where=x".to_owned(),
    ] {
        scene
            .world
            .get(&format!("/api/v1/oidc/start{query}"), "")
            .refused(422, "invalid");
    }
    let fetched = request(
        "GET /api/v1/oidc/start",
        "",
        &Value::Null,
        &[("sec-fetch-mode", "no-cors")],
    );
    scene.world.send(fetched).refused(403, "cross_site");
    assert!(scene.identity.asked().is_empty());
}

#[test]
fn a_command_line_gets_a_session_for_what_came_to_its_port() {
    let scene = Scene::new();
    let challenge = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(VERIFIER.as_bytes()));
    let granted = || {
        let (location, cookie) = scene.start(&format!("?loopback=50000&challenge={challenge}"));
        let got = scene.back(&scene.identity.visit(&location), &cookie);
        let location = got.header("location").to_owned();
        // No session for the browser.
        assert!(
            !got.headers
                .get_all("set-cookie")
                .iter()
                .any(|set| set.to_str().expect("text").contains("tgs_"))
        );
        got.is(302);
        location
    };
    let code = |location: &str| {
        let rest = location
            .strip_prefix("http://127.0.0.1:50000/?code=")
            .expect("a code");
        let (code, state) = rest.split_once("&state=").expect("a state");
        assert_eq!(state, challenge);
        code.to_owned()
    };
    let redeem = |code: &str, verifier: &str| {
        let body = json!({ "code": code, "verifier": verifier });
        scene.world.ask("POST /api/v1/oidc/redeem", "", body)
    };
    let first = code(&granted());
    let opened = redeem(&first, VERIFIER).is(201);
    let me = scene
        .world
        .get("/api/v1/me", &text(&opened["token"]))
        .is(200);
    assert_eq!(me["email"], "bob@example.com");
    redeem(&first, VERIFIER).refused(403, "sign_in_stale");
    let second = code(&granted());
    scene.refused(
        redeem(&second, "another verifier"),
        (403, "sign_in_stale"),
        "other_terminal",
    );
    redeem(&second, VERIFIER).refused(403, "sign_in_stale");
    let third = code(&granted());
    scene.world.pass(60);
    redeem(&third, VERIFIER).refused(403, "sign_in_stale");
    // Who is disabled in between stays out.
    let fourth = code(&granted());
    scene.change_bob(json!({ "disabled": true }));
    redeem(&fourth, VERIFIER).refused(403, "identity_unknown");
    // The command line is told why nothing comes.
    assert_eq!(
        granted(),
        format!("http://127.0.0.1:50000/?error=identity_unknown&state={challenge}")
    );
}

#[test]
fn who_begins_again_and_again_is_slowed_down() {
    let mut scene = Scene::new();
    scene.wanders = false;
    for _ in 0..20 {
        scene.start("");
    }
    scene
        .browse("/api/v1/oidc/start", &[])
        .refused(429, "too_many_attempts");
    scene.world.pass(901);
    scene
        .identity
        .is(|whims| whims.claims = json!({ "exp": 4000 }));
    // Who comes in leaves no trace there.
    for _ in 0..30 {
        session(&scene.sign_in());
    }
}
