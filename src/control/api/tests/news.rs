use super::world::{World, keyring, text};
use crate::control::courier::Courier;
use crate::control::service::alerts::{self, Alert};
use crate::control::service::webhooks::{self, Signed};
use crate::control::service::{gateways, vault};
use crate::lease::protocol::{Grant, LeafId, RouterId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

const ROUTER: RouterId = RouterId(7);

/// A webhook that answers each call with the next of these statuses; what it was sent, head and body.
fn hook(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<(String, String)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "http://{}/news?x=1",
        listener.local_addr().expect("an address")
    );
    let thread = std::thread::spawn(move || {
        let mut sent = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a call");
            let mut bytes = Vec::new();
            let mut piece = [0; 4096];
            let said = loop {
                let read = stream.read(&mut piece).expect("bytes");
                bytes.extend_from_slice(&piece[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else {
                    continue;
                };
                assert!(head.starts_with("POST /news?x=1 HTTP/1.1\r\n"), "{head}");
                if serde_json::from_str::<Value>(body).is_ok() {
                    break (head.to_owned(), body.to_owned());
                }
            };
            sent.push(said);
            write!(
                stream,
                "HTTP/1.1 {answer}\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
            )
            .expect("written");
        }
        sent
    });
    (url, thread)
}

/// A gateway reports what it spent of a lease.
fn report(world: &World, seq: u64, grant: &Grant, settled: &str) {
    world.report((ROUTER, seq), (grant.lease, grant.fence), settled, &[]);
}

#[test]
fn news_are_taken_to_webhooks_and_tried_again_where_they_did_not_arrive() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, _, atlas, ..] = world.tree(&admin);
    let budget = world.budget(&admin, &atlas, "1d", "10.00");
    let (url, hook) = hook(&["500 No", "302 Elsewhere", "204 Good"]);
    world
        .ask(
            "POST /api/v1/webhooks",
            &admin,
            json!({ "url": "http://10.0.0.1/" }),
        )
        .refused(422, "invalid");
    let made = world
        .ask("POST /api/v1/webhooks", &admin, json!({ "url": url }))
        .is(201);
    assert_eq!(made["webhook"]["signed"], true);
    let body = json!({ "budget": budget, "amount": "5.00", "reason": "a demo" });
    world.ask("POST /api/v1/requests", &admin, body).is(201);
    let courier = Courier::new();
    let deliver = || {
        world
            .runtime
            .block_on(courier.deliver(&world.panel))
            .expect("books")
    };
    assert_eq!(deliver(), 0);
    assert_eq!(deliver(), 0, "not at once");
    world.pass(11);
    assert_eq!(deliver(), 0, "a redirect is not followed");
    world.pass(21);
    assert_eq!(deliver(), 1);
    assert_eq!(deliver(), 0, "and only once");
    let sent = hook.join().expect("no panic");
    assert!(sent[0].1 == sent[1].1 && sent[1].1 == sent[2].1);
    let told: Value = serde_json::from_str(&sent[0].1).expect("JSON");
    assert_eq!(told["event"], "budget_request.asked");
    assert_eq!(told["data"]["amount"], "5.00");
    // As a receiver checks it: each time anew, by what was shown once.
    let secret = text(&made["secret"]);
    let secret = secret.strip_prefix("whsec_").expect("its kind");
    let secret = STANDARD.decode(secret).expect("base64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let mut times = Vec::new();
    for (head, body) in &sent {
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            let mut found = lines.filter(|(header, _)| *header == name);
            found.next().expect("a header").1.to_owned()
        };
        assert_eq!(header("webhook-id"), told["id"]);
        let at = header("webhook-timestamp");
        let signature = header("webhook-signature");
        let signature = signature.strip_prefix("v1,").expect("its version");
        let signature = STANDARD.decode(signature).expect("base64");
        let signed = format!("{}.{at}.{body}", header("webhook-id"));
        hmac::verify(&key, signed.as_bytes(), &signature).expect("the panel's");
        times.push(at.parse::<i64>().expect("seconds"));
    }
    assert!(times[1] >= times[0] + 11 && times[2] >= times[1] + 21);
}

#[test]
fn news_do_not_go_where_the_key_that_signs_for_them_is_gone() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, _, atlas, ..] = world.tree(&admin);
    let budget = world.budget(&admin, &atlas, "1d", "10.00");
    let body = json!({ "url": "http://127.0.0.1:9/" });
    world.ask("POST /api/v1/webhooks", &admin, body).is(201);
    let body = json!({ "budget": budget, "amount": "5.00", "reason": "a demo" });
    world.ask("POST /api/v1/requests", &admin, body).is(201);
    let signed = |previous: &[u8]| {
        let panel = world.again();
        world.runtime.block_on(async {
            let opened = vault::open(&panel, keyring(2, previous)).await;
            opened.expect("the vault");
            let mut due = webhooks::due(&panel).await.expect("books");
            assert_eq!(due.len(), 1);
            panel.store().close().await;
            due.remove(0).signed
        })
    };
    assert_eq!(signed(&[]), Signed::KeyGone);
    assert!(matches!(signed(&[1]), Signed::By(..)), "by the key before");
}

#[test]
fn a_threshold_is_told_of_once_in_a_period() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, _, atlas, ..] = world.tree(&admin);
    let body = json!({ "node": atlas, "window": "total", "limit": "10.00", "soft": [10, 50] });
    world.ask("POST /api/v1/budgets", &admin, body).is(201);
    let (_, leaf, _) = world.key(&admin, &atlas, "scout");
    world.greet(ROUTER);
    let grant = world.borrow(ROUTER, 1, leaf, "9.00").grants[0];
    let look = || {
        let alerts = world
            .runtime
            .block_on(alerts::look(&world.panel))
            .expect("books");
        let percents = alerts.iter().map(|alert: &Alert| alert.percent);
        percents.collect::<Vec<u8>>()
    };
    assert!(look().is_empty());
    report(&world, 2, &grant, "5.00");
    assert_eq!(look(), [10, 50]);
    assert!(look().is_empty());
    report(&world, 3, &grant, "8.00");
    assert_eq!(look(), [80]);
}

#[test]
fn a_gateway_that_holds_money_and_says_nothing_is_told_of_once_and_so_is_its_return() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, _, atlas, ..] = world.tree(&admin);
    world.budget(&admin, &atlas, "total", "10.00");
    let (_, leaf, _) = world.key(&admin, &atlas, "scout");
    let body = json!({ "name": "edge-1" });
    let made = world.ask("POST /api/v1/gateways", &admin, body).is(201);
    let router = text(&made["gateway"]["router_id"]);
    let router = RouterId(u128::from_str_radix(&router, 16).expect("digits"));
    let watch = || {
        let notices = world.runtime.block_on(alerts::watch(&world.panel));
        let notices = notices.expect("books");
        let told = notices
            .iter()
            .map(|notice| (notice.kind, notice.told["name"].clone()));
        told.collect::<Vec<_>>()
    };
    world.pass(600);
    assert_eq!(watch(), [], "it holds nothing");
    world.greet(router);
    world.borrow(router, 1, leaf, "1.00");
    assert_eq!(watch(), [("gateway.lost", json!("edge-1"))]);
    assert_eq!(watch(), [], "and only once");
    // That the panel was started anew is no word of the gateway's.
    let again = world.again();
    let notices = world
        .runtime
        .block_on(alerts::watch(&again))
        .expect("books");
    assert_eq!(notices, [], "it has not come back");
    gateways::heard(&world.panel, router, None);
    assert_eq!(watch(), [("gateway.back", json!("edge-1"))]);
    assert_eq!(watch(), []);
    world.pass(600);
    assert_eq!(watch(), [("gateway.lost", json!("edge-1"))]);
}

#[test]
fn charges_beyond_what_was_lent_are_told_of_and_a_pace_is_what_the_ledger_says() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, red, atlas, ..] = world.tree(&admin);
    let budget = world.budget(&admin, &atlas, "total", "10.00");
    let (_, leaf, _) = world.key(&admin, &atlas, "scout");
    world.greet(ROUTER);
    let grant = world.borrow(ROUTER, 1, leaf, "2.00").grants[0];
    let burn = |token: &str| world.get("/api/v1/analytics/burn", token).is(200)["budgets"].clone();
    assert_eq!(burn(&admin)[0]["per_hour"], "0.00");
    let lent = grant.granted;
    report(
        &world,
        2,
        &grant,
        &lent.plus("0.50".parse().expect("dollars")).to_string(),
    );
    let notices = world
        .runtime
        .block_on(alerts::watch(&world.panel))
        .expect("books");
    assert_eq!(
        (notices[0].kind, &notices[0].told["overrun"]),
        ("budget.breach", &json!("0.50"))
    );
    let pace = burn(&admin)[0].clone();
    let budget = world
        .get(&format!("/api/v1/budgets/{budget}"), &admin)
        .is(200);
    assert_eq!(
        (&pace["per_hour"], &pace["spent"]),
        (&budget["spent"], &budget["spent"])
    );
    assert!(
        pace["runs_out"].is_string() && pace["ends"].is_null(),
        "{pace}"
    );
    // Whoever sees another part of the tree alone does not see it.
    let (viewer, _) = world.user(&admin, "vera", "viewer", Some(&red));
    assert_eq!(burn(&viewer).as_array().map(Vec::len), Some(1));
    world.pass(3601);
    assert_eq!(burn(&admin)[0]["per_hour"], "0.00", "an hour later");
}

#[test]
fn sums_of_spending_are_those_of_the_ledger() {
    let world = World::new();
    let admin = world.first_admin();
    let [acme, red, atlas, blue, _] = world.tree(&admin);
    let top = world.budget(&admin, &acme, "1mo", "100.00");
    world.budget(&admin, &atlas, "total", "50.00");
    let (_, scout, _) = world.key(&admin, &atlas, "scout");
    let (_, other, _) = world.key(&admin, &blue, "other");
    world.greet(ROUTER);
    let first = world.borrow(ROUTER, 1, scout, "3.00").grants[0];
    let second = world.borrow(ROUTER, 2, other, "2.00");
    let second = second
        .grants
        .iter()
        .find(|grant| grant.leaf == LeafId(other))
        .expect("lent");
    report(&world, 3, &first, "1.25");
    report(&world, 4, second, "0.50");
    report(&world, 5, &first, "2.00");
    let spend = |query: &str, token: &str| {
        world
            .get(&format!("/api/v1/analytics/spend?{query}"), token)
            .is(200)
    };
    let named = |spend: &Value| {
        let sums = spend["sums"].as_array().expect("sums").iter();
        sums.map(|sum| (text(&sum["name"]), text(&sum["spent"])))
            .collect::<Vec<_>>()
    };
    let pair = |name: &str, spent: &str| (name.to_owned(), spent.to_owned());
    let by_budget = spend("group_by=budget", &admin);
    assert_eq!(
        named(&by_budget),
        [
            pair("acme 1mo", "2.50"),
            pair("acme/red/atlas total", "2.00")
        ]
    );
    let by_key = spend("group_by=key", &admin);
    let keys = [
        pair("acme/blue key other", "0.50"),
        pair("acme/red/atlas key scout", "2.00"),
    ];
    assert_eq!(
        (named(&by_key), &by_key["total"]),
        (keys.to_vec(), &json!("2.50"))
    );
    let by_node = spend("group_by=node&interval=day", &admin);
    assert_eq!(
        named(&by_node),
        [pair("acme/blue", "0.50"), pair("acme/red/atlas", "2.00")]
    );
    let shown = world.get(&format!("/api/v1/budgets/{top}"), &admin).is(200);
    assert_eq!(shown["spent"], by_key["total"]);
    let (viewer, _) = world.user(&admin, "vera", "viewer", Some(&red));
    assert_eq!(
        named(&spend("group_by=key", &viewer)),
        [pair("acme/red/atlas key scout", "2.00")]
    );
    assert_eq!(
        spend("group_by=key&from=2099-01-01", &admin)["sums"],
        json!([])
    );
    world
        .get("/api/v1/analytics/spend", &admin)
        .refused(422, "invalid");
    world
        .get("/api/v1/analytics/spend?group_by=key&from=soon", &admin)
        .refused(422, "invalid");
}
