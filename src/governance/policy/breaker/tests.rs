//! Breakers and session labels, with exact times.

use super::*;
use crate::governance::policy::place::{Place, Spanned};
use crate::governance::policy::settings;

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Place::default())
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn usd(text: &str) -> Money {
    text.parse().expect(text)
}

fn written() -> settings::Breaker {
    settings::Breaker {
        id: spanned("runaway".to_owned()),
        ..settings::Breaker::default()
    }
}

/// At most 3 of the same request within 60 s; a stop lasts 10 minutes.
fn repeat(stop: Option<bool>) -> Rule {
    Rule::new(&settings::Breaker {
        repeat: Some(spanned(settings::Repeat {
            same_request: 3,
            window: secs(60),
            similar: false,
        })),
        stop: stop.map(spanned),
        ..written()
    })
}

const RUN: Subject<'static> = Subject {
    per: Per::Run,
    name: "nightly-7",
};

fn request(exact: u64) -> Seen<'static> {
    Seen {
        exact,
        ..Seen::default()
    }
}

/// `pass`, `warn`, or `stop` with the seconds left.
fn brief(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Warn { .. } => "warn".to_owned(),
        Verdict::Stop { retry_after, .. } => format!("stop {}", retry_after.as_secs()),
    }
}

fn reason(verdict: Verdict) -> String {
    match verdict {
        Verdict::Pass => String::new(),
        Verdict::Warn { reason } | Verdict::Stop { reason, .. } => reason,
    }
}

#[test]
fn the_same_request_is_warned_of_then_stopped_at_twice_as_many() {
    let (breakers, rule) = (Breakers::new(100), repeat(None));
    let said: Vec<_> = (0..7)
        .map(|at| brief(&breakers.check(&rule, RUN, &request(1), secs(at))))
        .collect();
    assert_eq!(
        said,
        [
            "pass", "pass", "warn", "warn", "warn", "stop 600", "stop 599"
        ]
    );
}

#[test]
fn an_action_of_stop_stops_at_once_and_one_of_warn_never() {
    let check = |stop: bool, expected: &[&str]| {
        let (breakers, rule) = (Breakers::new(100), repeat(Some(stop)));
        let said: Vec<_> = (0..7)
            .map(|_| brief(&breakers.check(&rule, RUN, &request(1), secs(5))))
            .collect();
        assert_eq!(said, expected, "stop: {stop}");
    };
    check(
        true,
        &[
            "pass", "pass", "stop 600", "stop 600", "stop 600", "stop 600", "stop 600",
        ],
    );
    check(
        false,
        &["pass", "pass", "warn", "warn", "warn", "warn", "warn"],
    );
}

#[test]
fn a_request_counts_for_its_window_and_no_longer() {
    let (breakers, rule) = (Breakers::new(100), repeat(None));
    let check = |at: u64, expected: &str| {
        let verdict = breakers.check(&rule, RUN, &request(1), secs(at));
        assert_eq!(brief(&verdict), expected, "at {at} s");
    };
    check(0, "pass");
    check(30, "pass");
    check(60, "pass"); // the first came exactly a window ago
    check(61, "warn");
    check(200, "pass");
}

#[test]
fn other_requests_and_other_runs_do_not_count() {
    let (breakers, rule) = (Breakers::new(100), repeat(Some(true)));
    for digest in 0..20 {
        assert_eq!(
            breakers.check(&rule, RUN, &request(digest), secs(1)),
            Verdict::Pass
        );
    }
    for run in ["a", "b", "c", "d"] {
        let subject = Subject { name: run, ..RUN };
        assert_eq!(
            breakers.check(&rule, subject, &request(99), secs(1)),
            Verdict::Pass
        );
    }
    assert_eq!(breakers.tracked(), 5);
}

#[test]
fn after_the_cooldown_counting_starts_anew() {
    let (breakers, rule) = (Breakers::new(100), repeat(Some(true)));
    let check = |at: Duration, expected: &str| {
        let verdict = breakers.check(&rule, RUN, &request(1), at);
        assert_eq!(brief(&verdict), expected, "at {at:?}");
    };
    check(secs(0), "pass");
    check(secs(0), "pass");
    check(secs(0), "stop 600");
    check(Duration::from_millis(599_999), "stop 0");
    check(secs(600), "pass");
    check(secs(601), "pass");
    check(secs(602), "stop 600");
    assert!(breakers.release(&rule, RUN, secs(603)));
    assert!(!breakers.release(&rule, RUN, secs(603)));
    check(secs(603), "pass");
}

#[test]
fn a_stopped_run_stays_stopped_however_many_others_come() {
    let (breakers, rule) = (Breakers::new(64), repeat(Some(true)));
    for _ in 0..3 {
        let _ = breakers.check(&rule, RUN, &request(1), secs(0));
    }
    for number in 0..2_000_u64 {
        let name = format!("run-{number}");
        let subject = Subject { name: &name, ..RUN };
        let verdict = breakers.check(&rule, subject, &request(1), secs(number / 10));
        assert_eq!(verdict, Verdict::Pass);
    }
    assert!(breakers.tracked() <= 64);
    assert_eq!(
        brief(&breakers.check(&rule, RUN, &request(2), secs(300))),
        "stop 300"
    );
}

#[test]
fn when_all_are_stopped_new_ones_are_let_by_uncounted() {
    let (breakers, rule) = (Breakers::new(16), repeat(Some(true)));
    let verdicts = |at: u64| {
        let mut stopped = 0;
        for number in 0..200_u32 {
            let name = format!("run-{number}");
            let subject = Subject { name: &name, ..RUN };
            for _ in 0..3 {
                let verdict = breakers.check(&rule, subject, &request(1), secs(at));
                stopped += u32::from(matches!(verdict, Verdict::Stop { .. }));
            }
        }
        stopped
    };
    assert!(verdicts(0) >= 16);
    assert_eq!(breakers.tracked(), 16);
    // Every one of the sixteen is still refused a moment later, three times each.
    assert_eq!(verdicts(1), 48);
}

#[test]
fn a_circle_of_calls_is_found_at_the_end_of_the_history() {
    let check = |calls: &[u64], expected: Option<(u32, u32)>| {
        let found = cycle(calls).map(|found| (found.length, found.times));
        assert_eq!(found, expected, "{calls:?}");
    };
    check(&[], None);
    check(&[1], None);
    check(&[1, 2, 3], None);
    check(&[1, 1], Some((1, 2)));
    check(&[9, 1, 1, 1, 1], Some((1, 4)));
    check(&[1, 2, 1, 2, 1, 2], Some((2, 3)));
    check(&[7, 2, 1, 2, 1], Some((2, 2)));
    check(&[1, 2, 3, 1, 2, 3], Some((3, 2)));
    check(&[1, 1, 2, 3, 1, 1, 2, 3], Some((4, 2)));
    check(&[1, 2, 3, 4, 5, 1, 2, 3, 4, 5], None);
    check(&[1, 1, 1, 1, 2], None);
    check(&[1, 2, 1, 2, 3, 1, 2], None);
}

#[test]
fn calls_in_a_circle_are_warned_of_stopped_and_then_forgiven() {
    let rule = Rule::new(&settings::Breaker {
        tool_cycle: Some(spanned(2)),
        cooldown: Some(spanned(secs(60))),
        ..written()
    });
    let breakers = Breakers::new(100);
    let check = |calls: &[u64], at: u64, expected: &str| {
        let seen = Seen {
            calls,
            ..Seen::default()
        };
        assert_eq!(
            brief(&breakers.check(&rule, RUN, &seen, secs(at))),
            expected,
            "{calls:?} at {at} s"
        );
    };
    check(&[1, 2], 0, "pass");
    check(&[1, 2, 1, 2], 1, "warn");
    check(&[1, 2, 1, 2, 1, 2], 2, "warn");
    check(&[1, 2, 1, 2, 1, 2, 1, 2], 3, "stop 60");
    check(&[1, 2, 1, 2, 1, 2, 1, 2], 33, "stop 30");
    // The same history after the cooldown may go once more; only what comes after it counts.
    check(&[1, 2, 1, 2, 1, 2, 1, 2], 63, "pass");
    check(&[1, 2, 1, 2, 1, 2, 1, 2, 1, 2], 64, "pass");
    check(&[1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2], 65, "warn");
    // Another conversation of the same run counts from its beginning.
    check(&[3, 3], 66, "warn");
    check(&[3, 3, 3, 3], 67, "stop 60");
}

/// At most $2.00 a minute, measured over 160 s: slots of 10 s, and $5.333… within the window.
fn burn() -> Rule {
    Rule::new(&settings::Breaker {
        burn: Some(spanned(settings::Burn {
            per_minute: usd("2.00"),
            over: secs(160),
        })),
        cooldown: Some(spanned(secs(60))),
        ..written()
    })
}

#[test]
fn money_that_goes_too_fast_is_warned_of_then_stopped() {
    let (breakers, rule) = (Breakers::new(100), burn());
    let check = |at: u64, expected: &str| {
        let verdict = breakers.check(&rule, RUN, &Seen::default(), secs(at));
        assert_eq!(brief(&verdict), expected, "at {at} s");
    };
    check(0, "pass");
    breakers.settled(&rule, RUN, usd("5.33"), secs(5));
    check(5, "pass");
    breakers.settled(&rule, RUN, usd("0.003333333"), secs(9));
    check(9, "pass"); // a nano-dollar short of it
    breakers.settled(&rule, RUN, usd("0.000000001"), secs(9));
    check(9, "warn");
    check(159, "warn"); // the fifteenth slot after the first
    check(160, "pass");
    breakers.settled(&rule, RUN, usd("10.67"), secs(161));
    check(161, "stop 60");
    check(220, "stop 1");
    check(221, "pass"); // what was spent before the stop is paid for by it
}

#[test]
fn spending_is_counted_in_slots_that_slide() {
    let mut meter = Meter::default();
    let over = secs(16);
    meter.add(over, Money::from_nanos(1), secs(0));
    meter.add(over, Money::from_nanos(10), secs(3));
    meter.add(over, Money::from_nanos(-5), secs(3));
    meter.add(over, Money::from_nanos(100), secs(15));
    assert_eq!(meter.spent(over, secs(15)), 111);
    assert_eq!(meter.spent(over, secs(16)), 110);
    assert_eq!(meter.spent(over, secs(18)), 110);
    assert_eq!(meter.spent(over, secs(19)), 100);
    assert_eq!(meter.spent(over, secs(10)), 100, "time does not go back");
    assert_eq!(meter.spent(over, secs(1_000_000)), 0);
    meter.add(over, Money::MAX, secs(1_000_000));
    meter.add(over, Money::MAX, secs(1_000_000));
    meter.add(over, Money::MAX, secs(1_000_000));
    assert_eq!(meter.spent(over, secs(1_000_000)), u64::MAX);
}

#[test]
fn an_edit_of_the_window_forgives_nothing() {
    let mut meter = Meter::default();
    meter.add(secs(16), Money::from_nanos(100), secs(1_000));
    assert_eq!(meter.spent(secs(160), secs(1_005)), 100);
    assert_eq!(meter.spent(secs(160), secs(1_149)), 100);
    assert_eq!(meter.spent(secs(160), secs(1_160)), 0);
}

#[test]
fn reasons_are_sentences_with_figures() {
    let breakers = Breakers::new(100);
    let mut rule = repeat(None);
    let mut last = Verdict::Pass;
    let mut send = |rule: &Rule, times: usize| {
        for _ in 0..times {
            last = breakers.check(rule, RUN, &request(1), secs(0));
        }
        reason(last.clone())
    };
    assert_eq!(
        send(&rule, 4),
        "run `nightly-7` sent the same request 4 times within 1 m; breaker `runaway` stops it at 6: \
         change the request before it is sent again, or end the run"
    );
    assert_eq!(
        send(&rule, 2),
        "run `nightly-7` sent the same request 6 times within 1 m; breaker `runaway` stopped it for another 10 m: \
         change the request before it is sent again, or end the run"
    );
    rule.id = "other".into();
    rule.action = Action::Warn;
    assert_eq!(
        send(&rule, 9),
        "run `nightly-7` sent the same request 9 times within 1 m; breaker `other` warns of that: \
         change the request before it is sent again, or end the run"
    );
    let burn = Rule {
        id: "spending".into(),
        ..burn()
    };
    breakers.settled(&burn, RUN, usd("12.50"), secs(0));
    assert_eq!(
        reason(breakers.check(&burn, RUN, &Seen::default(), secs(1))),
        "run `nightly-7` spent $12.50 within 2 m 40 s, and $2.00 a minute is meant to be the most; \
         breaker `spending` stopped it for another 1 m: slow down, use a cheaper model, or ask for a higher limit"
    );
    let rule = Rule {
        id: "circle".into(),
        tool_cycle: std::num::NonZeroU32::new(2),
        repeat: None,
        ..repeat(Some(true))
    };
    let seen = Seen {
        calls: &[1, 2, 1, 2],
        ..Seen::default()
    };
    assert_eq!(
        reason(breakers.check(&rule, RUN, &seen, secs(0))),
        "run `nightly-7` made the same 2 tool calls 2 times in a row; breaker `circle` stopped it for another 10 m: \
         give the model another way, or end the run"
    );
}

#[test]
fn nearly_the_same_is_the_same_without_numbers_ids_and_white_space() {
    let digest = |text: &str| {
        let mut digest = Similar::default();
        digest.add(text);
        digest.finish()
    };
    let check = |left: &str, right: &str, same: bool| {
        assert_eq!(digest(left) == digest(right), same, "{left} ~ {right}");
    };
    check("try 1 of 3", "try  2 of 10\n", true);
    check(
        "job 018f3a2e-7c1d-7b3a-9f00-aa11bb22cc33 failed",
        "job 9c5b94b1-35ad-49bb-b118-8e8fc24abf80 failed",
        true,
    );
    check("commit deadbeef01", "commit 00c0ffee1234", true);
    check(
        "call_9aBcDeFgHiJkLmN0 done",
        "call_0zYxWvUtSrQpOnM1 done",
        true,
    );
    check("at 2026-11-20T23:30:00Z", "at 2027-01-02T03:04:05Z", true);
    check("read file a", "read file b", false);
    check("gpt4", "gpt5", true);
    check(
        "a-long-name-without-digits",
        "a-long-name-with-no-digits",
        false,
    );
    check("日 1 本", "日本", true);
    let mut split = Similar::default();
    split.add("a");
    split.add("b");
    assert_ne!(split.finish(), digest("ab"));
    assert_ne!(call_digest("read", "{}"), call_digest("rea", "d{}"));
}

#[test]
fn a_rule_for_similar_requests_looks_at_the_other_digest() {
    let mut rule = repeat(Some(true));
    rule.repeat = rule.repeat.map(|repeat| RepeatRule {
        similar: true,
        ..repeat
    });
    let breakers = Breakers::new(100);
    let mut last = Verdict::Pass;
    for exact in 0..3 {
        let seen = Seen {
            exact,
            similar: 7,
            calls: &[],
        };
        last = breakers.check(&rule, RUN, &seen, secs(0));
    }
    assert!(
        reason(last).starts_with("run `nightly-7` sent nearly the same request 3 times within 1 m")
    );
}

#[test]
fn a_call_without_the_name_asked_for_counts_for_its_key() {
    let mut rule = repeat(None);
    let call = Named {
        run: Some("r"),
        session: Some(""),
        agent: Some("a"),
        key: "k",
    };
    let check = |per: Option<Per>, rule: &mut Rule, expected: &str| {
        rule.per = per;
        assert_eq!(rule.subject(&call).to_string(), expected);
    };
    check(None, &mut rule, "run `r`");
    check(Some(Per::Session), &mut rule, "key `k`");
    check(Some(Per::Agent), &mut rule, "agent `a`");
    check(Some(Per::Key), &mut rule, "key `k`");
    assert_eq!(Per::named("agent"), Some(Per::Agent));
    assert_eq!(Per::named("user"), None);
}

#[test]
fn labels_stay_with_their_session() {
    let sessions = Sessions::new(100);
    let (untrusted, secret) = (
        sessions.label("untrusted").unwrap(),
        sessions.label("secret").unwrap(),
    );
    assert_eq!(
        sessions.label("untrusted"),
        Ok(untrusted),
        "also after a reload"
    );
    sessions.taint("s1", Labels::NONE.with(secret), secs(0));
    sessions.taint("s1", Labels::NONE.with(untrusted), secs(1));
    sessions.taint("s2", Labels::NONE.with(untrusted), secs(1));
    sessions.taint("s3", Labels::NONE, secs(1));
    sessions.taint("", Labels::NONE.with(untrusted), secs(1));
    let labels = sessions.labels("s1", secs(2));
    assert_eq!(sessions.names(labels), ["untrusted", "secret"]);
    assert!(labels.has(secret) && labels.meets(Labels::NONE.with(untrusted)));
    assert!(!sessions.labels("s2", secs(2)).has(secret));
    assert!(sessions.labels("s3", secs(2)).is_empty() && sessions.labels("", secs(2)).is_empty());
    assert_eq!(sessions.tracked(), 2);
}

#[test]
fn the_session_used_longest_ago_is_forgotten_first() {
    let sessions = Sessions::new(16 * 4);
    let label = Labels::NONE.with(sessions.label("untrusted").unwrap());
    sessions.taint("kept", label, secs(0));
    for number in 0..1_000 {
        sessions.taint(&format!("s{number}"), label, secs(number));
        assert_eq!(sessions.labels("kept", secs(number)), label, "it is used");
    }
    assert!(sessions.tracked() <= 64);
    assert!(sessions.labels("s0", secs(1_000)).is_empty());
    assert_eq!(sessions.labels("s999", secs(1_000)), label);
}

#[test]
fn there_are_at_most_64_labels() {
    let sessions = Sessions::new(16);
    let made = (0..70)
        .filter(|number| sessions.label(&format!("l{number}")).is_ok())
        .count();
    assert_eq!(made, 64);
    assert!(sessions.label("l63").is_ok());
}
