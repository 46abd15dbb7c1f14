//! Callers who go away, and storms of everything at once: nothing stays reserved, nothing is booked twice, nothing leaks.

use super::{CHAT, PRICES, budget};
use crate::support::{Gateway, Home, KEY, Money, Simulator, Streaming, chat, crowd, until};
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn streamed(text: &str, cap: u64) -> Value {
    chat(
        "dear",
        text,
        &[("max_tokens", json!(cap)), ("stream", json!(true))],
    )
}

#[test]
fn fault_6_a_caller_who_leaves_a_stream_stops_the_provider_and_pays_for_what_came() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &budget("$1.00"));
    let gateway = home.start();
    let mut caller = gateway.caller();
    let mut stream = caller.stream(CHAT, &streamed("hi @sim(out=3000,token_delay=10ms)", 3000));
    assert_eq!(stream.status, 200);
    assert_eq!(stream.header("x-tollgate-budget-name"), Some("all"));
    assert_eq!(
        stream.header("x-tollgate-cost-usd"),
        None,
        "nobody knows yet"
    );
    for _ in 0..5 {
        assert!(stream.piece().expect("a piece").is_some());
    }
    let left = Instant::now();
    stream.hang_up();
    let meter = simulator.meter_at_rest();
    // Two seconds of patience, in case the usage still comes; the stream itself would take half a minute.
    assert!(
        left.elapsed() < Duration::from_secs(10),
        "{:?}",
        left.elapsed()
    );
    assert_eq!(meter.cancelled, 1);
    gateway.at_rest();
    let ledger = gateway.ledger("all");
    assert!(
        ledger.spent >= meter.cost,
        "{} of {}",
        ledger.spent,
        meter.cost
    );
    assert!(
        ledger.spent < Money(15_000 * 1000),
        "not the whole promise: {}",
        ledger.spent
    );
    assert_eq!(decisions(&gateway), 1);
}

#[test]
fn fault_6_a_stream_reset_on_http_2_stops_the_provider_and_no_other_call() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &budget("$1.00"));
    let gateway = home.start();
    let ask = |text: &str| {
        http::Request::post(format!("http://{}{CHAT}", gateway.listen))
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .body(streamed(text, 3000).to_string())
            .expect("a request")
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let socket = tokio::net::TcpStream::connect(gateway.listen)
            .await
            .expect("a connection");
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
                .await
                .expect("HTTP/2");
        tokio::spawn(connection);
        let long = sender.send_request(ask("hi @sim(out=3000,token_delay=10ms)"));
        let mut long = long.await.expect("an answer begins");
        let other = sender.send_request(ask("hi @sim(out=300,token_delay=10ms)"));
        let mut other = other.await.expect("an answer begins");
        assert_eq!(
            (long.status().as_u16(), other.status().as_u16()),
            (200, 200)
        );
        assert!(long.frame().await.is_some());
        drop(long);
        let mut whole = Vec::new();
        while let Some(frame) = other.frame().await {
            if let Ok(data) = frame.expect("it comes whole").into_data() {
                whole.extend_from_slice(&data);
            }
        }
        assert!(whole.ends_with(b"data: [DONE]\n\n"));
        assert_eq!(
            simulator.meter().in_flight,
            0,
            "the other one was stopped long ago"
        );
    });
    gateway.at_rest();
    let (ledger, meter) = (gateway.ledger("all"), simulator.meter_at_rest());
    assert_eq!((meter.calls, meter.cancelled), (2, 1));
    assert!(
        ledger.spent >= meter.cost,
        "{} of {}",
        ledger.spent,
        meter.cost
    );
}

#[test]
fn fault_6_a_caller_who_leaves_shortly_before_the_end_pays_what_the_provider_reports() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &budget("$1.00"));
    let gateway = home.start();
    let mut stream = gateway
        .caller()
        .stream(CHAT, &streamed("hi @sim(out=30,token_delay=10ms)", 100));
    assert!(stream.piece().expect("a piece").is_some());
    stream.hang_up();
    let body = chat(
        "dear",
        "hi @sim(latency=200ms)",
        &[("max_tokens", json!(50))],
    );
    let sent = gateway.caller().send_only(CHAT, &body);
    until("the provider has both calls", || {
        (simulator.requests().len() == 2).then_some(())
    });
    sent.hang_up();
    until("both calls were billed", || {
        (simulator.meter().calls == 2).then_some(())
    });
    gateway.at_rest();
    let (ledger, meter) = (gateway.ledger("all"), simulator.meter_at_rest());
    assert_eq!((ledger.spent, ledger.uncertain), (meter.cost, Money(0)));
    assert_eq!(meter.cancelled, 0);
}

#[test]
fn fault_6_a_caller_who_leaves_before_any_answer_pays_the_promise() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &budget("$1.00"));
    let gateway = home.start();
    let body = chat("dear", "hi @sim(hang=head)", &[("max_tokens", json!(50))]);
    let sent = gateway.caller().send_only(CHAT, &body);
    until("the call is in flight", || {
        (simulator.meter().in_flight == 1).then_some(())
    });
    let promised = until("it is reserved", || {
        Some(gateway.ledger("all").reserved).filter(|reserved| *reserved > Money(0))
    });
    sent.hang_up();
    simulator.meter_at_rest();
    gateway.at_rest();
    let ledger = gateway.ledger("all");
    assert_eq!((ledger.spent, ledger.uncertain), (promised, promised));
}

#[test]
fn nothing_is_tried_again_for_a_caller_who_left() {
    let simulator = Simulator::start(PRICES);
    let settings = format!(
        "{}\nretries: {{ attempts: 5, backoff: 300ms..300ms }}\n",
        budget("$1.00")
    );
    let home = Home::new(&simulator, &settings);
    let gateway = home.start();
    let body = chat("dear", "hi @sim(status=500)", &[("max_tokens", json!(50))]);
    let sent = gateway.caller().send_only(CHAT, &body);
    until("the provider refused once", || {
        (simulator.requests().len() == 1).then_some(())
    });
    sent.hang_up();
    gateway.at_rest();
    // The caller's leaving is noticed within one wait, five would take longer than the patience for nobody.
    assert!(
        simulator.requests().len() <= 2,
        "{}",
        simulator.requests().len()
    );
    assert_eq!(gateway.ledger("all").spent, Money(0));
}

#[test]
fn fault_6_a_thousand_callers_who_leave_leak_nothing() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &budget("$50.00"));
    let gateway = home.start();
    gateway.caller().chat(&chat("cent", "hi", &[]));
    let descriptors = gateway.descriptors();
    crowd(40, |number| {
        for call in 0..25 {
            let mut caller = gateway.caller();
            match (number + call) % 4 {
                0 => {
                    let body = streamed("hi @sim(out=60,token_delay=1ms)", 100);
                    caller.send_only(CHAT, &body).hang_up();
                }
                1 => {
                    let body = chat("cent", "hi @sim(latency=30ms)", &[]);
                    caller.send_only(CHAT, &body).hang_up();
                }
                pieces => {
                    let mut stream =
                        caller.stream(CHAT, &streamed("hi @sim(out=60,token_delay=1ms)", 100));
                    for _ in 0..pieces {
                        let _ = stream.piece();
                    }
                    stream.hang_up();
                }
            }
        }
    });
    nobody_is_connected(&gateway);
    gateway.at_rest();
    let (ledger, meter) = (gateway.ledger("all"), simulator.meter_at_rest());
    assert!(
        ledger.spent >= meter.cost,
        "{} of {}",
        ledger.spent,
        meter.cost
    );
    // Who is gone before the call was looked at left nothing to decide.
    let decided = decisions(&gateway);
    assert!((501..=1001).contains(&decided), "{decided}");
    nothing_leaks(&gateway, descriptors);
    gateway.stop();
    let (ok, report) = home.verify();
    assert!(ok, "{report}");
}

#[test]
fn ten_thousand_calls_that_go_wrong_leave_nothing_reserved() {
    let simulator = Simulator::start(PRICES);
    let settings = "\
        timeouts: { connect: 1s, first_byte: 150ms, idle: 150ms, total: 5s }\n\
        retries: { attempts: 2, backoff: 1ms..5ms }\n\
        limits: [{ name: together, match: {}, concurrency: 200 }]\n";
    let home = Home::new(&simulator, &format!("{}{settings}", budget("$100.00")));
    let gateway = home.start();
    gateway.caller().chat(&chat("cent", "hi", &[]));
    let descriptors = gateway.descriptors();
    let plain = |text: &str| chat("odd", text, &[("max_tokens", json!(20))]);
    let stream = |text: &str| {
        chat(
            "odd",
            text,
            &[("max_tokens", json!(20)), ("stream", json!(true))],
        )
    };
    let told = crowd(100, |number| {
        let mut caller = gateway.caller();
        let mut told = 0;
        for call in 0..100 {
            let body = match (number * 7 + call) % 20 {
                0 => plain("hi @sim(out=5,reset=1)"),
                1 => plain("hi @sim(status=500)"),
                2 => plain("hi @sim(status=429,retry_after=60)"),
                3 => plain("hi @sim(bad_json=1)"),
                4 => plain("hi @sim(usage=missing)"),
                5 => plain("hi @sim(error_in_200=1)"),
                6 => plain("hi @sim(cut=0)"),
                7 if call % 4 == 0 => plain("hi @sim(hang=head)"),
                8 if call % 4 == 0 => stream("hi @sim(hang=stream)"),
                9 => stream("hi @sim(out=9,cut=3)"),
                10 => stream("hi @sim(usage=null)"),
                11 => stream("hi @sim(bad_json=1)"),
                12 => stream("hi @sim(error_in_200=1)"),
                13 => stream("hi @sim(out=60,overrun=1)"),
                14 => {
                    let body = stream("hi @sim(out=9,token_delay=1ms)");
                    gateway.caller().send_only(CHAT, &body).hang_up();
                    continue;
                }
                15 => {
                    let mut leaver = gateway.caller();
                    let mut stream =
                        leaver.stream(CHAT, &stream("hi @sim(out=15,token_delay=1ms)"));
                    let _ = stream.piece();
                    stream.hang_up();
                    told += 1;
                    continue;
                }
                16 => json!({ "model": "odd", "messages": "not a list" }),
                17 => chat("nobody-prices-this", "hi", &[]),
                18 => stream("hi @sim(out=12)"),
                _ => plain("hi @sim(out=12)"),
            };
            let answer = caller.chat(&body);
            assert!(
                matches!(answer.status, 200 | 400 | 403 | 429 | 500..=504),
                "{}",
                answer.text()
            );
            told += 1;
        }
        told
    });
    let told: u64 = told.into_iter().sum();
    assert!(told >= 9_000, "{told}");
    nobody_is_connected(&gateway);
    gateway.at_rest();
    let (ledger, meter) = (gateway.ledger("all"), simulator.meter_at_rest());
    assert!(
        ledger.spent >= meter.cost,
        "{} of {}",
        ledger.spent,
        meter.cost
    );
    let decided = decisions(&gateway);
    let most = told + 501;
    assert!(
        (told + 1..=most).contains(&decided),
        "{told} were told, {decided} decided"
    );
    nothing_leaks(&gateway, descriptors);
    gateway.stop();
    let (ok, report) = home.verify();
    assert!(ok, "{report}");
}

#[test]
fn whoever_leaves_or_fails_gives_back_the_place_in_the_queue() {
    let simulator = Simulator::start(PRICES);
    let settings = "\
        timeouts: { first_byte: 200ms, idle: 200ms }\n\
        retries: { attempts: 1 }\n\
        limits: [{ name: two, match: {}, concurrency: 2 }]\n";
    let home = Home::new(&simulator, &format!("{}{settings}", budget("$5.00")));
    let gateway = home.start();
    let ways = [
        "hang=head",
        "hang=stream",
        "reset=1",
        "status=500",
        "status=400",
        "cut=2",
        "bad_json=1",
        "out=5",
    ];
    for (number, way) in ways.into_iter().cycle().take(24).enumerate() {
        let body = streamed(&format!("hi @sim({way})"), 50);
        if number % 3 == 0 {
            gateway.caller().send_only(CHAT, &body).hang_up();
        } else {
            gateway.caller().chat(&body);
        }
        gateway.at_rest();
    }
    let both = [0, 1].map(|_| {
        let mut stream = gateway
            .caller()
            .stream(CHAT, &streamed("hi @sim(out=400,token_delay=10ms)", 500));
        assert_eq!(stream.status, 200);
        assert!(stream.piece().expect("a piece").is_some());
        stream
    });
    let third = gateway.caller().chat(&streamed("hi @sim(out=5)", 50));
    assert_eq!(third.status, 429, "{}", third.text());
    assert_eq!(third.json()["error"]["code"], "rate_limit_exceeded");
    both.into_iter().for_each(Streaming::hang_up);
    gateway.at_rest();
    assert_eq!(
        gateway
            .caller()
            .chat(&streamed("hi @sim(out=5)", 50))
            .status,
        200
    );
}

#[test]
fn a_call_that_failed_gives_back_the_tokens_it_was_expected_to_use() {
    let simulator = Simulator::start(PRICES);
    let settings = "\
        retries: { attempts: 1 }\n\
        limits: [{ name: tokens, match: {}, tpm: 1000 }]\n";
    let home = Home::new(&simulator, &format!("{}{settings}", budget("$5.00")));
    let gateway = home.start();
    let mut caller = gateway.caller();
    for _ in 0..20 {
        let failed = caller.chat(&streamed("hi @sim(status=500)", 500));
        assert_eq!(failed.status, 502, "{}", failed.text());
    }
    let good = caller.chat(&streamed("hi @sim(out=100)", 900));
    assert_eq!(good.status, 200, "{}", good.text());
    gateway.at_rest();
    let refused = caller.chat(&streamed("hi @sim(out=5)", 950));
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "rate_limit_exceeded");
    assert!(refused.header("retry-after").is_some());
    let smaller = caller.chat(&streamed("hi @sim(out=5)", 700));
    assert_eq!(
        smaller.status,
        200,
        "it used 100 of the 900: {}",
        smaller.text()
    );
}

/// Calls decided so far, whatever was decided.
fn decisions(gateway: &Gateway) -> u64 {
    gateway.count("tollgate_decisions_total", &[])
}

/// Waits until every caller's connection is closed: whoever was let through is on the way to an end.
fn nobody_is_connected(gateway: &Gateway) {
    until("no caller is connected", || {
        (gateway.count("tollgate_connections", &[]) == 0).then_some(())
    });
}

/// Of open files only idle connections to the provider are left.
#[track_caller]
fn nothing_leaks(gateway: &Gateway, before: usize) {
    let (now, idle) = (gateway.descriptors(), 2 * 256);
    assert!(
        now <= before + idle,
        "{now} descriptors are open, {before} were"
    );
}
