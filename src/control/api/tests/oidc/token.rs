//! Which tokens are believed, and by which keys.

use super::*;

#[test]
fn a_token_that_is_not_the_providers_word_for_this_sign_in_signs_nobody_in() {
    let scene = Scene::new();
    let check = |claims: Value, reason: &str| {
        scene.identity.is(|whims| whims.claims = claims);
        let got = scene.sign_in();
        scene.refused(got, (403, "id_token_refused"), reason);
    };
    check(json!({ "iss": "https://other.example" }), "token_issuer");
    check(json!({ "aud": "another" }), "token_audience");
    check(json!({ "aud": ["another", "third"] }), "token_audience");
    check(json!({ "aud": [CLIENT, "another"] }), "token_audience");
    check(
        json!({ "aud": [CLIENT, "another"], "azp": "another" }),
        "token_audience",
    );
    check(json!({ "azp": "another" }), "token_audience");
    check(json!({ "nonce": "another" }), "token_nonce");
    check(json!({ "nonce": null }), "token_malformed");
    check(json!({ "exp": -61 }), "token_expired");
    check(json!({ "exp": "never" }), "token_malformed");
    check(json!({ "iat": 90 }), "token_early");
    check(json!({ "nbf": 90 }), "token_early");
    check(json!({ "nbf": "tomorrow" }), "token_malformed");
    check(json!({ "sub": "" }), "token_malformed");
    scene.identity.is(|whims| {
        whims.claims = json!({ "aud": [CLIENT, "another"], "azp": CLIENT, "exp": -30, "iat": 30, "nbf": 30 });
    });
    session(&scene.sign_in());
}

#[test]
fn a_token_is_signed_by_a_key_of_the_provider_and_never_by_less() {
    let scene = Scene::new();
    let check = |change: fn(&mut crate::control::tests::identity::Whims), reason: &str| {
        scene.identity.is(change);
        let got = scene.sign_in();
        scene.refused(got, (403, "id_token_refused"), reason);
    };
    check(|whims| whims.algorithm = "none", "token_algorithm");
    check(|whims| whims.algorithm = "HS256", "token_algorithm");
    check(|whims| whims.algorithm = "RS256", "token_key");
    check(|whims| whims.breaks_signature = true, "token_signature");
    check(|whims| whims.key = "ed", "token_key");
    assert_eq!(
        scene
            .identity
            .asked()
            .iter()
            .filter(|what| **what == "keys")
            .count(),
        2
    );
    // A key that is not known has the provider asked once more, and not again for a minute.
    check(|whims| whims.key = "two", "token_key");
    assert_eq!(scene.identity.asked(), ["token"]);
    scene.world.pass(61);
    check(|whims| whims.key = "two", "token_key");
    assert_eq!(scene.identity.asked(), ["token", "keys"]);
    scene.world.pass(61);
    scene
        .identity
        .is(|whims| (whims.key, whims.rotates) = ("two", Some("two")));
    session(&scene.sign_in());
    assert_eq!(scene.identity.asked(), ["token", "keys"]);
    // What it publishes is gone by for an hour.
    session(&scene.sign_in());
    assert_eq!(scene.identity.asked(), ["token"]);
}

#[test]
fn what_was_published_is_asked_for_again_after_an_hour() {
    let scene = Scene::new();
    session(&scene.sign_in());
    assert_eq!(scene.identity.asked(), ["discovery", "token", "keys"]);
    scene.world.pass(3601);
    // The token is of an hour ago, by the panel's clock.
    scene
        .identity
        .is(|whims| whims.claims = json!({ "exp": 4000 }));
    session(&scene.sign_in());
    assert_eq!(scene.identity.asked(), ["discovery", "token", "keys"]);
}
