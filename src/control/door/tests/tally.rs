//! What gateways refused and found, at the door: from whom it is heard, and what of it gets no further.

use super::*;
use crate::lease::tally::{Kind, MOST_TOLD};

fn told(router: RouterId, incarnation: u64, lines: usize) -> Value {
    let line = |leaf: usize| json!({ "kind": "refusal", "leaf": (leaf + 1).to_string(), "what": "killed", "count": "1" });
    json!({ "router_id": id(router), "incarnation": incarnation.to_string(), "seq": "1",
            "lines": (0..lines).map(line).collect::<Vec<_>>() })
}

#[tokio::test]
async fn counts_are_heard_from_whose_they_are() {
    let rig = Rig::new().await;
    let who = rig.enrolled().await;
    let stranger = Fingerprint([9; 32]);
    for (body, who, status, code) in [
        (told(ROUTER, 1, 1), None, 401, "unauthorized"),
        (told(ROUTER, 1, 1), Some(stranger), 403, "unknown_router"),
        (told(RouterId(0x78), 1, 1), Some(who), 403, "forbidden"),
        (told(ROUTER, 2, 1), Some(who), 409, "stale"),
        (told(ROUTER, 1, MOST_TOLD + 1), Some(who), 400, "malformed"),
        (json!({ "lines": [] }), Some(who), 400, "malformed"),
    ] {
        let (answered, answer) = rig.post("/v1/tallies", &body, who).await;
        assert_eq!((answered, &answer["code"]), (status, &json!(code)));
    }
    assert!(rig.fake.tallies.lock().expect("no panic").is_empty());
    let answer = rig
        .post("/v1/tallies", &told(ROUTER, 1, 1), Some(who))
        .await;
    assert_eq!(answer, (200, json!({ "seq": "1", "last": "0" })));
    let heard = rig.fake.tallies.lock().expect("no panic");
    assert_eq!(heard[0].lines[0].name.kind, Kind::Refusal);
    assert_eq!(heard[0].lines[0].name.leaf, Some(LeafId(1)));
}
