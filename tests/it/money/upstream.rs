//! A provider that fails in each of its ways: what the caller gets, and what is booked for it.

use super::{CHAT, PRICES, budget};
use crate::support::{Gateway, Home, Ledger, Meter, Money, Response, Simulator, chat};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Impatient, so that nobody waits for a fault.
const IMPATIENT: &str = "
timeouts: { connect: 1s, first_byte: 400ms, idle: 300ms, total: 20s }
retries: { attempts: 2, backoff: 5ms..1s }
";

struct Stage {
    simulator: Simulator,
    gateway: Gateway,
    _home: Home,
}

impl Stage {
    fn set() -> Self {
        let simulator = Simulator::start(PRICES);
        let home = Home::new(&simulator, &format!("{}{IMPATIENT}", budget("$1.00")));
        let gateway = home.start();
        Self {
            simulator,
            gateway,
            _home: home,
        }
    }

    /// One call of each answered in turn, and how ledger and meter stand afterwards.
    fn ask(&self, body: &Value) -> (Response, Ledger, Meter) {
        self.ask_at(CHAT, body)
    }

    fn ask_at(&self, path: &str, body: &Value) -> (Response, Ledger, Meter) {
        let answer = self.gateway.caller().post(path, body);
        self.gateway.at_rest();
        let meter = self.simulator.meter();
        (answer, self.gateway.ledger("all"), meter)
    }

    /// Every attempt ended once, and each is a request the provider got.
    #[track_caller]
    fn assert_attempts(&self) {
        let told = self.gateway.count("tollgate_upstream_requests_total", &[]);
        let got = self.simulator.requests().len();
        assert_eq!(told, u64::try_from(got).expect("a number"));
    }

    fn estimated(&self) -> u64 {
        self.gateway.count("tollgate_usage_estimated_total", &[])
    }
}

/// The most a call to `dear` can cost: so many bytes of input at most, so many tokens of output.
fn most(body: &Value, output: i64) -> Money {
    let input = i64::try_from(body.to_string().len()).expect("a length");
    Money(3_000 * (input + 64) + 16_000 * output)
}

/// The last event is an error of the provider's, and nothing says that the stream ended well.
#[track_caller]
fn assert_broken_off(answer: &Response) {
    assert_eq!(answer.status, 200);
    let events = answer.events();
    let last: Value = serde_json::from_str(events.last().expect("an event")).expect("JSON");
    let error = last.get("error").unwrap_or(&last);
    assert!(error.to_string().contains("upstream_error"), "{last}");
    assert!(!events.iter().any(|event| event == "[DONE]"), "{events:?}");
}

#[test]
fn fault_1_a_stream_cut_by_its_provider_ends_in_an_error_and_is_booked_by_count() {
    let stage = Stage::set();
    let streams = [
        (
            CHAT,
            json!({ "messages": [{ "role": "user", "content": "hi @sim(out=50,cut=5)" }], "max_tokens": 60 }),
        ),
        (
            "/v1/completions",
            json!({ "prompt": "hi @sim(out=50,cut=5)", "max_tokens": 60 }),
        ),
        (
            "/v1/responses",
            json!({ "input": "hi @sim(out=50,cut=5)", "max_output_tokens": 60 }),
        ),
    ];
    let (mut ledger, mut meter) = (Ledger::default(), Meter::default());
    for (number, (path, mut body)) in streams.into_iter().enumerate() {
        body["model"] = json!("dear");
        body["stream"] = json!(true);
        let (answer, after, metered) = stage.ask_at(path, &body);
        assert_broken_off(&answer);
        assert!(answer.events().len() > 5, "{path}: {:?}", answer.events());
        let (booked, billed) = (after.spent - ledger.spent, metered.cost - meter.cost);
        assert!(
            booked >= billed && booked > Money(0),
            "{path}: {booked} {billed}"
        );
        assert!(
            booked < most(&body, 20),
            "{path}: only what came is booked: {booked}"
        );
        let requests = stage.simulator.requests().len();
        assert_eq!(
            requests,
            number + 1,
            "{path}: no second attempt after the first byte"
        );
        (ledger, meter) = (after, metered);
    }
    assert_eq!(stage.estimated(), 3);
    stage.assert_attempts();
}

#[test]
fn fault_1_an_answer_cut_half_way_is_a_502_and_its_promise_stays_booked() {
    let stage = Stage::set();
    let body = chat(
        "dear",
        "hi @sim(out=20,cut=0)",
        &[("max_tokens", json!(30))],
    );
    let (answer, ledger, meter) = stage.ask(&body);
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(answer.json()["error"]["type"], "upstream_error");
    assert!(ledger.spent >= meter.cost && ledger.spent > Money(0));
    assert_eq!(ledger.uncertain, ledger.spent);
    assert_eq!(stage.simulator.requests().len(), 1);
    stage.assert_attempts();
}

#[test]
fn fault_1_a_connection_closed_without_an_answer_is_not_asked_twice() {
    let stage = Stage::set();
    let body = chat("dear", "hi @sim(reset=1)", &[("max_tokens", json!(30))]);
    let (answer, ledger, _) = stage.ask(&body);
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(stage.simulator.requests().len(), 1);
    assert_eq!(ledger.uncertain, ledger.spent);
    assert!(
        ledger.spent > Money(0),
        "the provider may have done the work"
    );
    stage.assert_attempts();
}

#[test]
fn fault_2_a_provider_that_never_answers_is_a_504_and_its_promise_stays_booked() {
    let stage = Stage::set();
    for stream in [false, true] {
        let before = stage.gateway.ledger("all");
        let body = chat(
            "dear",
            "hi @sim(hang=head)",
            &[("max_tokens", json!(30)), ("stream", json!(stream))],
        );
        let (answer, ledger, _) = stage.ask(&body);
        assert_eq!(answer.status, 504, "{}", answer.text());
        let error = answer.json()["error"].take();
        assert_eq!(error["type"], "upstream_error");
        assert!(
            error["message"].as_str().expect("words").contains("`sim`"),
            "{error}"
        );
        let booked = ledger.spent - before.spent;
        assert!(booked >= Money(30 * 15_000), "{booked}");
        assert_eq!(ledger.uncertain - before.uncertain, booked);
    }
    assert_eq!(stage.simulator.requests().len(), 2, "one attempt each");
    assert_eq!(stage.simulator.meter_at_rest().in_flight, 0);
    stage.assert_attempts();
}

#[test]
fn fault_2_a_stream_that_stands_still_ends_in_an_error_and_is_booked_by_count() {
    let stage = Stage::set();
    let body = chat(
        "dear",
        "hi @sim(out=50,hang=stream)",
        &[("max_tokens", json!(60)), ("stream", json!(true))],
    );
    let (answer, ledger, meter) = stage.ask(&body);
    assert_broken_off(&answer);
    assert!(ledger.spent >= meter.cost && meter.cost > Money(0));
    assert!(ledger.spent < most(&body, 20));
    let meter = stage.simulator.meter_at_rest();
    assert_eq!(meter.cancelled, 1, "the provider was hung up on");
    stage.assert_attempts();
}

#[test]
fn fault_3_a_short_wait_is_waited_and_a_long_one_passed_on() {
    let stage = Stage::set();
    let ask = |text: &str| stage.ask(&chat("dear", text, &[("max_tokens", json!(30))]));
    // Every second such call fails: the first goes through, the second is repeated.
    ask("hi @sim(status=429,retry_after=0,every=2)");
    let (answer, ledger, meter) = ask("hi @sim(status=429,retry_after=0,every=2)");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        (ledger.spent, stage.simulator.requests().len()),
        (meter.cost, 3)
    );
    assert_eq!(stage.gateway.count("tollgate_retries_total", &[]), 1);
    let (answer, after, _) = ask("hi @sim(status=429,retry_after=60)");
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("60"))
    );
    assert_eq!(
        answer.header("x-should-retry"),
        None,
        "this is not our refusal"
    );
    assert_ne!(answer.json()["error"]["type"], "budget_exceeded");
    assert_eq!(stage.simulator.requests().len(), 4, "one attempt");
    assert_eq!(after.spent, ledger.spent);
    stage.assert_attempts();
}

#[test]
fn fault_3_a_server_error_is_retried_then_told_with_provider_and_attempts() {
    let stage = Stage::set();
    for (text, attempts, wait) in [
        ("hi @sim(status=500)", 2, None),
        ("hi @sim(status=503,retry_after=0)", 2, Some("0")),
        ("hi @sim(status=503,retry_after=60)", 1, Some("60")),
    ] {
        let before = stage.simulator.requests().len();
        let body = chat(
            "dear",
            text,
            &[("max_tokens", json!(30)), ("stream", json!(true))],
        );
        let (answer, ledger, _) = stage.ask(&body);
        assert_eq!(answer.status, 502, "{}", answer.text());
        let error = answer.json()["error"].take();
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("upstream_error"), &json!("upstream_error"))
        );
        let message = error["message"].as_str().expect("words");
        let times = if attempts == 1 {
            "1 attempt:"
        } else {
            "2 attempts:"
        };
        assert!(
            message.contains("`sim`") && message.contains(times),
            "{text}: {message}"
        );
        assert_eq!(answer.header("retry-after"), wait, "{text}");
        assert_eq!(
            stage.simulator.requests().len() - before,
            attempts,
            "{text}"
        );
        assert_eq!((ledger.spent, ledger.uncertain), (Money(0), Money(0)));
    }
    stage.assert_attempts();
}

#[test]
fn fault_3_a_provider_that_is_not_there_costs_nothing() {
    let simulator = Simulator::start(PRICES);
    // A port that was free a moment ago, and that nobody listens on.
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("its address");
    drop(nobody);
    let home = Home::with_upstream(
        address,
        &simulator.prices,
        &format!("{}{IMPATIENT}", budget("$1.00")),
    );
    let gateway = home.start();
    let answer = gateway.caller().chat(&chat("dear", "hi", &[]));
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("2 attempts"), "{}", answer.text());
    gateway.at_rest();
    assert_eq!(gateway.ledger("all").spent, Money(0));
}

#[test]
fn a_client_error_of_the_provider_passes_unchanged_and_costs_nothing() {
    let stage = Stage::set();
    let (answer, ledger, _) = stage.ask(&chat("dear", "hi @sim(status=400)", &[]));
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["error"].get("tollgate"),
        None,
        "the provider's own words"
    );
    assert_eq!(
        (ledger.spent, stage.simulator.requests().len()),
        (Money(0), 1)
    );
    stage.assert_attempts();
}

#[test]
fn fault_4_an_answer_that_tells_no_usage_is_booked_by_our_count_and_flagged() {
    let stage = Stage::set();
    let knobs = [
        "usage=missing",
        "usage=null",
        "bad_json=1",
        "error_in_200=1",
    ];
    let (mut ledger, mut meter) = (Ledger::default(), Meter::default());
    let mut calls = 0;
    for knob in knobs {
        for stream in [false, true] {
            let text = format!("hello there @sim(out=30,{knob})");
            let body = chat(
                "dear",
                &text,
                &[("max_tokens", json!(40)), ("stream", json!(stream))],
            );
            let (answer, after, metered) = stage.ask(&body);
            calls += 1;
            assert_eq!(answer.status, 200, "{knob}: {}", answer.text());
            let (booked, billed) = (after.spent - ledger.spent, metered.cost - meter.cost);
            assert!(booked >= billed, "{knob} {stream}: {booked} of {billed}");
            assert!(booked > Money(0), "{knob} {stream}: nothing is never right");
            assert!(booked <= most(&body, 40), "{knob} {stream}: {booked}");
            // A stream with one event broken still tells its usage at the end.
            let exact = knob == "bad_json=1" && stream;
            if exact {
                assert_eq!(booked, billed, "{knob}");
                calls -= 1;
            }
            assert_eq!(stage.estimated(), calls, "{knob} {stream}");
            (ledger, meter) = (after, metered);
        }
    }
    assert_eq!(stage.gateway.count("tollgate_overrun_total", &[]), 0);
    stage.assert_attempts();
}

#[test]
fn fault_4_no_answer_without_usage_is_booked_below_the_bill() {
    let stage = Stage::set();
    let endings = ["usage=missing", "cut=7", "cut=1", "error_in_200=1"];
    let shapes = [
        "out=40",
        "out=40,split=5",
        "tool=look_up",
        "out=40,gzip=1",
        "out=40,cached=4",
    ];
    let (mut ledger, mut meter) = (Ledger::default(), Meter::default());
    for ending in endings {
        for shape in shapes {
            for stream in [true, false] {
                let text = format!("hello there, you @sim({shape},{ending})");
                let tools = json!([{ "type": "function", "function": { "name": "look_up", "parameters": {
                    "type": "object", "properties": { "city": { "type": "string" }, "days": { "type": "integer" } } } } }]);
                let chat = json!({ "messages": [{ "role": "user", "content": text }], "max_tokens": 50, "n": 2, "tools": tools });
                let completions = json!({ "prompt": [text, text], "max_tokens": 50 });
                let responses = json!({ "input": text, "max_output_tokens": 50 });
                for (path, mut body) in [
                    (CHAT, chat),
                    ("/v1/completions", completions),
                    ("/v1/responses", responses),
                ] {
                    body["model"] = json!("dear");
                    body["stream"] = json!(stream);
                    let (answer, after, metered) = stage.ask_at(path, &body);
                    let (booked, billed) = (after.spent - ledger.spent, metered.cost - meter.cost);
                    assert!(
                        booked >= billed && (booked > Money(0) || answer.status >= 400),
                        "{path} {ending} {shape} {stream}: {booked} of {billed}\n{}",
                        answer.text()
                    );
                    (ledger, meter) = (after, metered);
                }
            }
        }
    }
}

#[test]
fn fault_5_more_than_was_allowed_is_booked_in_full_and_counted() {
    let stage = Stage::set();
    let body = chat(
        "dear",
        "hi @sim(out=200,overrun=1)",
        &[("max_tokens", json!(10))],
    );
    let (answer, ledger, meter) = stage.ask(&body);
    assert_eq!(answer.json()["usage"]["completion_tokens"], 200);
    assert_eq!(ledger.spent, meter.cost);
    assert!(ledger.spent > most(&body, 10));
    assert_eq!(stage.gateway.count("tollgate_overrun_total", &[]), 1);
    assert!(
        stage.gateway.log().contains("more than was promised"),
        "it is told"
    );
    stage.assert_attempts();
}

#[test]
fn fault_5_a_stream_that_outruns_its_promise_is_ended_well_formed() {
    let stage = Stage::set();
    for (include_usage, path) in [(true, CHAT), (false, CHAT), (true, "/v1/responses")] {
        let before = (stage.gateway.ledger("all"), stage.simulator.meter_at_rest());
        let text = "hi @sim(out=400,overrun=1,token_delay=5ms)";
        let mut body = chat(
            "dear",
            text,
            &[("max_tokens", json!(10)), ("stream", json!(true))],
        );
        if path == CHAT {
            body["stream_options"] = json!({ "include_usage": include_usage });
        } else {
            body =
                json!({ "model": "dear", "input": text, "max_output_tokens": 16, "stream": true });
        }
        let answer = stage.gateway.caller().post(path, &body);
        stage.gateway.at_rest();
        let meter = stage.simulator.meter_at_rest();
        let ledger = stage.gateway.ledger("all");
        assert_eq!(
            meter.cancelled,
            before.1.cancelled + 1,
            "the provider was hung up on"
        );
        let events = answer.events();
        let json = |event: &String| serde_json::from_str::<Value>(event).ok();
        let parsed: Vec<Value> = events.iter().filter_map(json).collect();
        if path == CHAT {
            assert_eq!(
                events.last().map(String::as_str),
                Some("[DONE]"),
                "{events:?}"
            );
            let mut reasons = parsed
                .iter()
                .map(|event| &event["choices"][0]["finish_reason"]);
            assert!(reasons.any(|reason| reason == "length"), "{events:?}");
            let told = parsed
                .iter()
                .any(|event| event["usage"]["completion_tokens"].is_u64());
            assert_eq!(told, include_usage, "{events:?}");
        } else {
            let last = parsed.last().expect("an event");
            assert_eq!(last["type"], "response.incomplete");
            assert_eq!(
                last["response"]["incomplete_details"]["reason"],
                "max_output_tokens"
            );
        }
        // The provider is a token or two ahead of what reached us, no more.
        let (booked, billed) = (ledger.spent - before.0.spent, meter.cost - before.1.cost);
        assert!(
            booked + Money(15_000 * 3) >= billed,
            "{path}: {booked} of {billed}"
        );
        assert!(
            booked >= Money(15_000 * 10) && booked < most(&body, 100),
            "{path}: {booked}"
        );
    }
    stage.assert_attempts();
}

/// Reads one request off a connection, to its end.
fn read_request(stream: &mut BufReader<TcpStream>) {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("a line");
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
}

/// Answers a call for `cent`.
fn answer(stream: &mut TcpStream) {
    let answer = json!({ "id": "a", "object": "chat.completion", "created": 1, "model": "cent", "choices": [],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 } })
    .to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    );
    stream
        .write_all((head + &answer).as_bytes())
        .expect("written");
}

/// A gateway in front of a provider of our own making.
fn before(upstream: &TcpListener, settings: &str) -> (Home, Gateway) {
    let address = upstream.local_addr().expect("its address");
    let prices = format!("revision: t\nvalid_from: 2026-01-01\nmodels:\n{PRICES}");
    let home = Home::with_upstream(address, &prices, &format!("{}{settings}", budget("$1.00")));
    let gateway = home.start();
    (home, gateway)
}

#[test]
fn fault_2_an_answer_that_drips_ends_when_the_whole_call_has_taken_too_long() {
    for (kind, event) in [
        ("application/json", " "),
        ("text/event-stream", ": wait\n\n"),
    ] {
        let upstream = TcpListener::bind("127.0.0.1:0").expect("a port");
        let impatient = "timeouts: { first_byte: 2s, idle: 2s, total: 500ms }\n";
        let (_home, gateway) = before(&upstream, impatient);
        // A little at a time, until the other side has enough of it.
        let drip = move || {
            let (stream, _) = upstream.accept().expect("a connection");
            let mut stream = BufReader::new(stream);
            read_request(&mut stream);
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
            );
            stream.get_mut().write_all(head.as_bytes()).expect("a head");
            let chunk = format!("{:x}\r\n{event}\r\n", event.len());
            let begun = Instant::now();
            while stream.get_mut().write_all(chunk.as_bytes()).is_ok() {
                assert!(
                    begun.elapsed() < Duration::from_secs(10),
                    "{kind}: nobody had enough"
                );
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        std::thread::scope(|scope| {
            let dripping = scope.spawn(drip);
            let stream = kind != "application/json";
            let body = chat(
                "dear",
                "hi",
                &[("max_tokens", json!(30)), ("stream", json!(stream))],
            );
            let answer = gateway.caller().chat(&body);
            if stream {
                assert_broken_off(&answer);
            } else {
                assert_eq!(answer.status, 504, "{}", answer.text());
            }
            dripping.join().expect("it was hung up on");
        });
        gateway.at_rest();
        assert!(gateway.ledger("all").spent > Money(0), "{kind}");
    }
}

#[test]
fn a_connection_the_provider_closed_while_it_was_idle_is_no_error_for_the_next_call() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (_home, gateway) = before(&upstream, &format!("{IMPATIENT}threads: 1\n"));
    let (closed, is_closed) = std::sync::mpsc::sync_channel(1);
    // Answers one call a connection, says nothing of closing it, closes it, and waits until the other side saw that.
    let serve = move || {
        for _ in 0..3 {
            let (stream, _) = upstream.accept().expect("a connection");
            let mut reader = BufReader::new(stream);
            read_request(&mut reader);
            answer(reader.get_mut());
            reader.get_mut().shutdown(Shutdown::Write).expect("closed");
            let _ = reader.read_to_end(&mut Vec::new());
            closed.send(()).expect("somebody waits");
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(serve);
        let mut caller = gateway.caller();
        for _ in 0..3 {
            let answer = caller.chat(&chat("cent", "hi", &[]));
            assert_eq!(answer.status, 200, "{}", answer.text());
            is_closed.recv().expect("the other side closed too");
        }
    });
    assert_eq!(gateway.ledger("all").spent, Money::of("0.03"));
}

#[test]
fn a_connection_the_provider_closes_as_the_request_goes_out_is_no_error_and_the_call_is_paid_once()
{
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (_home, gateway) = before(&upstream, &format!("{IMPATIENT}threads: 1\n"));
    let serve = move || {
        let accept = || BufReader::new(upstream.accept().expect("a connection").0);
        let mut first = accept();
        read_request(&mut first);
        answer(first.get_mut());
        // Too late for this one.
        read_request(&mut first);
        drop(first);
        let mut second = accept();
        read_request(&mut second);
        answer(second.get_mut());
        let _ = second.read_to_end(&mut Vec::new());
    };
    std::thread::scope(|scope| {
        scope.spawn(serve);
        let mut caller = gateway.caller();
        for _ in 0..2 {
            let answer = caller.chat(&chat("cent", "hi", &[]));
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        gateway.at_rest();
        let ledger = gateway.ledger("all");
        assert_eq!(
            (ledger.spent, ledger.uncertain),
            (Money::of("0.02"), Money(0))
        );
        drop(gateway);
    });
}
