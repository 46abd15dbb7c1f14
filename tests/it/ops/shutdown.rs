//! SIGTERM: nobody new comes in, whoever is in is served, and the books are closed.

use super::PRICES;
use crate::support::{Client, Home, Money, Simulator, chat, until};
use serde_json::json;
use std::net::TcpStream;

const BUDGET: &str = "budgets: [{ name: day, match: {}, limit: \"$1.00\", window: total }]";

#[test]
fn open_streams_finish_and_nobody_new_comes_in() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    let (listen, admin) = (gateway.listen, gateway.admin);
    let body = chat(
        "words",
        "count @sim(out=60,token_delay=25ms)",
        &[("stream", json!(true)), ("max_tokens", json!(60))],
    );
    let mut open = gateway.caller().stream("/v1/chat/completions", &body);
    let mut seen = open.piece().expect("a piece").expect("not the end");
    // Kept open by its caller, who has nothing to say.
    let mut idle = gateway.caller();
    assert_eq!(idle.chat(&chat("cent", "hello", &[])).status, 200);
    let stopping = std::thread::spawn(move || gateway.stop());
    until("nobody is let in", || {
        TcpStream::connect(listen).is_err().then_some(())
    });
    let ready = Client::to(admin).get("/readyz");
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["degraded"], json!(["draining"]));
    seen.extend(open.rest().expect("the rest"));
    let seen = String::from_utf8(seen).expect("text");
    assert!(seen.trim_end().ends_with("[DONE]"), "{seen}");
    stopping.join().expect("an orderly stop");

    let gateway = home.start();
    let recovered = gateway.status()["journal"]["recovered"].take();
    assert_eq!(recovered["clean"], true, "{recovered}");
    assert_eq!(recovered["uncertain"], json!({}));
    let day = gateway.ledger("day");
    assert_eq!(
        (day.spent, day.uncertain),
        (simulator.meter_at_rest().cost, Money::default())
    );
    gateway.stop();
}

#[test]
fn streams_that_do_not_end_are_cut_and_booked() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &format!("{BUDGET}\ndrain: 1s"));
    let gateway = home.start();
    let body = chat("cent", "hold @sim(hang=stream)", &[("stream", json!(true))]);
    let mut open = gateway.caller().stream("/v1/chat/completions", &body);
    assert!(open.piece().expect("a piece").is_some());
    let log = home.path().join("gateway.log");
    gateway.stop();
    let log = std::fs::read_to_string(log).expect("a log");
    assert!(log.contains("did not end within the drain time"), "{log}");
    assert!(log.contains("stopped in order"), "{log}");

    let gateway = home.start();
    let recovered = gateway.status()["journal"]["recovered"].take();
    assert_eq!(recovered["clean"], true, "{recovered}");
    let day = gateway.ledger("day");
    assert_eq!(
        (day.spent, day.reserved),
        (Money::of("0.01"), Money::default())
    );
    gateway.stop();
    let (fine, report) = home.verify();
    assert!(fine, "{report}");
}

#[test]
fn a_gateway_told_to_stop_as_it_starts_stops_in_order() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    // Each ends with a good exit code, or `stop` fails.
    for _ in 0..20 {
        home.start().stop();
    }
    let gateway = home.start();
    let recovered = gateway.status()["journal"]["recovered"].take();
    assert_eq!(recovered["clean"], true, "{recovered}");
    gateway.stop();
}
