//! A panel that loses its disk is restored from a backup: what it has forgotten is not spent again.

use super::{CHAT, Scene, is_final};
use crate::support::{Client, Money, chat, run, until};
use reqwest::Method;
use serde_json::{Value, json};

fn cents(caller: &mut Client) -> (u16, Value) {
    let body = chat("cents", "hello", &[("max_tokens", json!(16))]);
    let answer = caller.post(CHAT, &body);
    (answer.status, answer.json())
}

fn served(caller: &mut Client, times: usize) {
    for _ in 0..times {
        until("a call is let through", || {
            (cents(caller).0 == 200).then_some(())
        });
    }
}

#[test]
fn a_panel_restored_from_a_backup_does_not_lend_what_was_spent_since() {
    let mut scene = Scene::new("0.70", "");
    let (old, new) = (scene.home("old"), scene.home("new"));
    let token = json!({ "name": "restorer", "role": "admin", "expires": "2099-01-01" });
    let token = scene.admin.post("/api/v1/tokens", &token);
    let admin = scene
        .admin
        .with_token(token["secret"].as_str().expect("a secret"));
    let gateway = old.start();
    let mut caller = scene.caller(&gateway);
    served(&mut caller, 1);
    let left = new.start();
    served(&mut scene.caller(&left), 1);

    let folder = scene.control.path().to_owned();
    let backup = ["panel", "backup", "kept", "--state-dir", "state"];
    assert!(run(&folder, &backup).contains("backed up to kept"));

    // Since then: one gateway spent and left in order, so that it has nothing more to tell; the other one spends on.
    served(&mut scene.caller(&left), 2);
    left.stop();
    served(&mut caller, 2);

    scene.control.kill();
    std::fs::rename(folder.join("state"), folder.join("lost")).expect("the old state moved away");
    let restore = ["panel", "restore", "kept", "--state-dir", "state"];
    assert!(run(&folder, &restore).contains("panel reopen"));
    scene.control.open();

    // Nothing is lent until it is known what was spent.
    let waits = admin.get("/api/v1/restore");
    assert_eq!(waits["waiting"], true, "{waits}");
    let (status, _) = scene.admin.ask(Method::GET, "/api/v1/me", None, &[]);
    assert_eq!(status, 401, "everybody is signed out");
    let refused = until("the gateway is refused", || {
        let (status, answer) = cents(&mut caller);
        (status != 200).then_some((status, answer))
    });
    assert_eq!(refused.0, 503, "{}", refused.1);
    let early = json!({ "reason": "I want to" });
    let (status, answer) = admin.ask(Method::POST, "/api/v1/restore/open", Some(&early), &[]);
    assert_eq!(
        (status, &answer["code"]),
        (409, &json!("too_early")),
        "{answer}"
    );

    // The gateway that left tells the restored panel that it has nothing to tell.
    let back = new.start();
    let ready = until("all gateways have told everything", || {
        let waits = admin.get("/api/v1/restore");
        (waits["unheard"] == json!([])).then_some(waits)
    });
    assert_eq!(ready["ready"], false, "others may have been enrolled");
    let (status, _) = admin.ask(Method::POST, "/api/v1/restore/open", Some(&early), &[]);
    assert_eq!(status, 409, "nobody says that none was enrolled since");
    let bill = scene.simulator.meter_at_rest().cost;
    let body = json!({
        "reason": "the provider's bill says so",
        "none_enrolled_since": true,
        "charged": [{ "budget": scene.budget, "amount": bill.to_string() }],
    });
    let opened = admin.post("/api/v1/restore/open", &body);
    assert_eq!(opened["waiting"], false, "{opened}");
    let spent = admin.get(&format!("/api/v1/budgets/{}", scene.budget))["spent"].clone();
    assert_eq!(Money::of(spent.as_str().expect("money")), bill);

    // What is left can be spent to the last cent, and no more.
    until("the budget is used up", || {
        let (status, answer) = cents(&mut caller);
        is_final(status, &answer).then_some(())
    });
    back.stop();
    gateway.stop();
    let charged = scene.simulator.meter_at_rest().cost;
    assert_eq!(charged, Money::of("0.70"));
    let audit = admin.get("/api/v1/audit?limit=200").to_string();
    assert!(audit.contains("restore.open"), "{audit}");
    assert_eq!(admin.get("/api/v1/audit/verify")["ok"], true);
}
