//! What an administrator sees of a fleet at work: the panel's live stream, over TLS.

use super::{CHAT, Scene};
use crate::support::{Money, chat};
use serde_json::json;

#[test]
fn who_looks_on_sees_money_gateways_and_switches_until_the_panel_stops() {
    let mut scene = Scene::new("50.00", "");
    let mut watching = scene.admin.watch("/api/v1/live");
    let first = watching.hears("snapshot");
    assert_eq!(first["budgets"][0]["id"], json!(scene.budget));
    let home = scene.home("edge");
    let gateway = home.start();
    loop {
        let told = watching.hears("gateway");
        if told["name"] == "edge" && told["connected"] == true {
            break;
        }
    }
    let ask = chat("cents", "hello", &[("max_tokens", json!(16))]);
    assert_eq!(scene.caller(&gateway).post(CHAT, &ask).status, 200);
    loop {
        let told = watching.hears("spend");
        let budget = &told["budgets"][0];
        assert_eq!(budget["id"], json!(scene.budget));
        if Money::of(budget["spent"].as_str().expect("dollars")) == Money::of("0.07") {
            break;
        }
    }
    let switch = json!({ "scope": "project", "id": scene.project, "reason": "it runs wild" });
    let pulled = scene.admin.post("/api/v1/kill", &switch);
    assert_eq!(watching.hears("kill")["id"], pulled["kill"]["id"]);
    scene.control.stop();
    watching.ends();
}
