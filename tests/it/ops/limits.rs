//! Requests and tokens a minute, and calls at once, as a caller meets them.

use super::PRICES;
use crate::support::{Home, Response, Simulator, chat, until};
use serde_json::json;

fn number(answer: &Response, name: &str) -> u64 {
    let value = answer.header(name);
    let value = value.unwrap_or_else(|| panic!("no `{name}`: {answer:?}"));
    value.parse().expect("a number")
}

#[test]
fn a_request_too_many_is_told_when_to_come_again() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "limits: [{ name: all, match: {}, rpm: 30 }]");
    let gateway = home.start();
    let mut caller = gateway.caller();
    let body = chat("cent", "hello", &[]);
    let mut left = 30;
    let refused = loop {
        let answer = caller.chat(&body);
        if answer.status != 200 {
            break answer;
        }
        left -= 1;
        assert_eq!(number(&answer, "x-ratelimit-limit-requests"), 30);
        // One comes back every two seconds.
        assert!((left..=left + 3).contains(&number(&answer, "x-ratelimit-remaining-requests")));
    };
    assert_eq!(refused.status, 429);
    let error = refused.json()["error"].take();
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("rate_limit_exceeded"), &json!("rate_limit_exceeded"))
    );
    let (seconds, millis) = (
        number(&refused, "retry-after"),
        number(&refused, "retry-after-ms"),
    );
    assert!((1..=2000).contains(&millis), "{millis}");
    assert_eq!(seconds, millis.div_ceil(1000), "rounded up");
    // Not a millisecond later than said (nor, by its own clock, earlier).
    std::thread::sleep(std::time::Duration::from_millis(millis));
    assert_eq!(caller.chat(&body).status, 200);
    assert_eq!(caller.chat(&body).status, 429);
}

#[test]
fn a_token_limit_charges_an_estimate_and_puts_it_right() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "limits: [{ name: all, match: {}, tpm: 60000 }]");
    let gateway = home.start();
    let mut caller = gateway.caller();
    let asked = |max: u64| chat("words", "hello @sim(out=10)", &[("max_tokens", json!(max))]);
    let first = caller.chat(&asked(4000));
    assert_eq!(first.status, 200, "{}", first.text());
    let used = first.json()["usage"]["total_tokens"]
        .as_u64()
        .expect("usage");
    let left = number(&first, "x-ratelimit-remaining-tokens");
    assert!(left <= 56_000, "the estimate holds the cap: {left}");
    // A thousand come back each second.
    let second = caller.chat(&asked(16));
    let left = number(&second, "x-ratelimit-remaining-tokens");
    assert!(
        left >= 60_000 - used - 100,
        "of the estimate only {used} are kept: {left}"
    );
    let never = caller.chat(&asked(70_000));
    assert_eq!(never.status, 429, "{}", never.text());
    let message = never.json()["error"]["message"].to_string();
    assert!(message.contains("make it smaller"), "{message}");
    assert_eq!(never.header("retry-after"), None);
}

#[test]
fn a_place_is_free_again_when_its_caller_hangs_up() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        "limits: [{ name: all, match: {}, concurrency: 2 }]",
    );
    let gateway = home.start();
    let mut caller = gateway.caller();
    let body = chat("cent", "hello", &[]);
    let held = chat("cent", "hold @sim(hang=stream)", &[("stream", json!(true))]);
    for _ in 0..2 {
        let open: Vec<_> = (0..2)
            .map(|_| {
                let mut open = gateway.caller().stream("/v1/chat/completions", &held);
                assert!(open.piece().expect("a piece").is_some());
                open
            })
            .collect();
        let refused = caller.chat(&body);
        assert_eq!(refused.status, 429);
        assert_eq!(number(&refused, "retry-after"), 1);
        open.into_iter()
            .for_each(crate::support::Streaming::hang_up);
        until("a place is free", || {
            (caller.chat(&body).status == 200).then_some(())
        });
    }
    gateway.at_rest();
}
