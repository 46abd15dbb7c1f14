//! kill -9, orderly stops and damaged journals: what comes back is never less than what the provider charged.

use super::{CHAT, PRICES, budget};
use crate::support::{Gateway, Home, Money, Simulator, chat, seed, until};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

const ROUNDS: u64 = 50;
const CALLERS: i64 = 8;

fn streamed() -> Value {
    let text = "tell me @sim(out=40,token_delay=1ms)";
    chat(
        "dear",
        text,
        &[("max_tokens", json!(64)), ("stream", json!(true))],
    )
}

/// Numbers that follow from a seed (splitmix64).
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What one such call is promised.
fn promise(gateway: &Gateway, body: &Value) -> Money {
    let mut held = body.clone();
    held["messages"][0]["content"] = json!("tell me @sim(out=40,hang=stream)    ");
    assert_eq!(
        held.to_string().len(),
        body.to_string().len(),
        "of the same size"
    );
    let stream = gateway.caller().stream(CHAT, &held);
    let reserved = gateway.ledger("all").reserved;
    stream.hang_up();
    gateway.at_rest();
    reserved
}

#[test]
fn fault_21_killed_at_any_instant_it_comes_back_with_no_less_than_was_charged() {
    let seed = seed();
    let mut random = seed;
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &budget("$1000.00"));
    let body = streamed();
    let mut gateway = home.start();
    let promise = promise(&gateway, &body);
    let (mut spent, mut charged) = (gateway.ledger("all").spent, simulator.meter_at_rest().cost);
    for round in 0..ROUNDS {
        let (over, begun) = (AtomicBool::new(false), AtomicI64::new(0));
        let pause = Duration::from_micros(next(&mut random) % 120_000);
        std::thread::scope(|scope| {
            for _ in 0..CALLERS {
                let mut caller = gateway.caller();
                let (body, over, begun) = (&body, &over, &begun);
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        begun.fetch_add(1, Ordering::Relaxed);
                        if caller.try_post(CHAT, body).is_err() {
                            break;
                        }
                    }
                });
            }
            // The instant itself is what is random here; nothing waits for it.
            std::thread::sleep(pause);
            over.store(true, Ordering::Relaxed);
            gateway.kill();
        });
        let meter = simulator.meter_at_rest();
        let (ok, report) = home.verify();
        assert!(
            ok && report["ok"] == true,
            "round {round} of seed {seed}: {report}"
        );
        gateway = home.start();
        let ledger = gateway.ledger("all");
        let (booked, billed) = (ledger.spent + ledger.reserved - spent, meter.cost - charged);
        assert!(
            booked >= billed,
            "round {round} of seed {seed}: {booked} booked, {billed} charged"
        );
        // In flight, those who waited for a ceiling, and one chunk: a second's promises, at least four calls.
        let chunk = begun.load(Ordering::Relaxed).max(4);
        let most = promise * (CALLERS + CALLERS + chunk);
        assert!(
            booked - billed <= most,
            "round {round} of seed {seed}: {booked} booked, {billed} charged, {most} allowed above"
        );
        (spent, charged) = (ledger.spent, meter.cost);
        assert_eq!(ledger.reserved, Money(0), "what was in flight is booked");
    }
    gateway.stop();
    for (ok, report) in [home.verify(), home.verify_decisions()] {
        assert!(ok, "seed {seed}: {report}");
    }
}

#[test]
fn an_orderly_stop_loses_and_invents_nothing() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &budget("$1.00"));
    let mut gateway = home.start();
    for round in 0..3 {
        let mut caller = gateway.caller();
        assert_eq!(
            caller
                .chat(&chat("odd", "hi", &[("max_tokens", json!(30))]))
                .status,
            200
        );
        // A stream that is on its way is finished first.
        let mut stream = caller.stream(CHAT, &streamed());
        assert!(stream.piece().expect("a piece").is_some());
        gateway.stop_while(|| {
            let rest = String::from_utf8(stream.rest().expect("the rest")).expect("text");
            assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
        });
        let (ok, report) = home.verify();
        assert!(ok, "{report}");
        gateway = home.start();
        let (ledger, meter) = (gateway.ledger("all"), simulator.meter_at_rest());
        assert_eq!(
            (ledger.spent, ledger.reserved, ledger.uncertain),
            (meter.cost, Money(0), Money(0)),
            "round {round}"
        );
    }
}

#[test]
fn a_stop_that_cannot_wait_for_its_calls_books_them() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &format!("{}drain: 200ms\n", budget("$1.00")));
    let gateway = home.start();
    let text = "tell me @sim(out=3000,token_delay=10ms)";
    let long = chat(
        "dear",
        text,
        &[("max_tokens", json!(3000)), ("stream", json!(true))],
    );
    let mut stream = gateway.caller().stream(CHAT, &long);
    assert!(stream.piece().expect("a piece").is_some());
    let silent = chat("dear", "hi @sim(hang=head)", &[("max_tokens", json!(30))]);
    let waiting = gateway.caller().send_only(CHAT, &silent);
    until("both calls are on their way", || {
        (simulator.meter().in_flight == 2).then_some(())
    });
    gateway.stop();
    drop((stream, waiting));
    let meter = simulator.meter_at_rest();
    let (ok, report) = home.verify();
    assert!(ok, "{report}");
    let gateway = home.start();
    let ledger = gateway.ledger("all");
    assert!(
        ledger.spent >= meter.cost,
        "{} of {}",
        ledger.spent,
        meter.cost
    );
    assert_eq!(ledger.reserved, Money(0));
    assert!(
        ledger.uncertain >= Money(30 * 15_000),
        "the silent one: {}",
        ledger.uncertain
    );
}

#[test]
fn fault_21_killed_while_it_starts_it_forgets_and_invents_nothing() {
    let simulator = Simulator::start(PRICES);
    let home = lived_in(&simulator);
    let meter = simulator.meter_at_rest();
    for step in 0..25 {
        home.start_and_kill(Duration::from_millis(2 * step));
        let (ok, report) = home.verify();
        assert!(ok, "killed after {} ms: {report}", 2 * step);
    }
    let gateway = home.start();
    let ledger = gateway.ledger("all");
    assert_eq!((ledger.spent, ledger.uncertain), (meter.cost, Money(0)));
}

#[test]
fn what_was_uncertain_stays_so_over_an_orderly_stop() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &budget("$1.00"));
    let gateway = home.start();
    assert_eq!(gateway.caller().chat(&streamed()).status, 200);
    let silent = chat("dear", "hi @sim(hang=head)", &[("max_tokens", json!(30))]);
    let waiting = gateway.caller().send_only(CHAT, &silent);
    until("the call is on its way", || {
        (simulator.meter().in_flight == 1).then_some(())
    });
    gateway.kill();
    drop(waiting);
    let gateway = home.start();
    let crashed = gateway.ledger("all");
    assert!(crashed.uncertain >= Money(30 * 15_000), "{crashed:?}");
    gateway.stop();
    let gateway = home.start();
    assert_eq!(gateway.ledger("all"), crashed);
}

#[test]
fn an_answer_that_waits_for_the_disk_is_never_uncertain_after_it() {
    let simulator = Simulator::start(PRICES);
    let settings = format!("{}journal: {{ answer: after }}\n", budget("$1.00"));
    let home = Home::new(&simulator, &settings);
    for _ in 0..3 {
        let gateway = home.start();
        let mut caller = gateway.caller();
        assert_eq!(
            caller
                .chat(&chat("odd", "hi", &[("max_tokens", json!(30))]))
                .status,
            200
        );
        assert_eq!(caller.chat(&streamed()).status, 200);
        gateway.kill();
    }
    let ledger = home.start().ledger("all");
    assert!(
        ledger.spent - ledger.uncertain >= simulator.meter_at_rest().cost,
        "{ledger:?}"
    );
}

#[test]
fn fault_21_killed_at_rest_it_comes_back_exact() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &budget("$1.00"));
    let gateway = home.start();
    let mut caller = gateway.caller();
    for _ in 0..5 {
        assert_eq!(caller.chat(&streamed()).status, 200);
    }
    gateway.at_rest();
    let last = Instant::now();
    until("three seconds passed without a call", || {
        (last.elapsed() > Duration::from_secs(3)).then_some(())
    });
    gateway.kill();
    let gateway = home.start();
    let (ledger, meter) = (gateway.ledger("all"), simulator.meter());
    assert_eq!((ledger.spent, ledger.uncertain), (meter.cost, Money(0)));
}

/// The newest segment of the journal.
fn newest(home: &Home) -> PathBuf {
    let mut found = Vec::new();
    let mut folders = vec![home.path().join("state")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "seg") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.pop().expect("a segment")
}

/// Bytes in use at its beginning; the rest is space kept free.
fn used(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1)
}

#[test]
fn fault_22_a_damaged_journal_stops_no_start_and_forgets_no_money() {
    type Damage = fn(&std::path::Path);
    let damages: [(&str, Damage); 3] = [
        ("a torn tail", |path| {
            let bytes = std::fs::read(path).expect("it reads");
            let length = u64::try_from(used(&bytes) - 3).expect("a length");
            let file = OpenOptions::new().write(true).open(path).expect("it opens");
            file.set_len(length).expect("it is cut");
        }),
        ("a flipped bit in the middle", |path| {
            let bytes = std::fs::read(path).expect("it reads");
            let middle = used(&bytes) * 2 / 3;
            let mut file = OpenOptions::new().write(true).open(path).expect("it opens");
            let at = u64::try_from(middle).expect("a place");
            file.seek(SeekFrom::Start(at)).expect("it seeks");
            file.write_all(&[bytes[middle] ^ 4]).expect("it writes");
        }),
        ("rubbish at its end", |path| {
            let bytes = std::fs::read(path).expect("it reads");
            let mut file = OpenOptions::new().write(true).open(path).expect("it opens");
            let at = u64::try_from(used(&bytes)).expect("a place");
            file.seek(SeekFrom::Start(at)).expect("it seeks");
            file.write_all(b"\x01rubbish that is no record")
                .expect("it writes");
        }),
    ];
    for (what, damage) in damages {
        let simulator = Simulator::start(PRICES);
        let home = lived_in(&simulator);
        damage(&newest(&home));
        let gateway = home.start();
        let (ledger, meter) = (gateway.ledger("all"), simulator.meter_at_rest());
        assert!(
            ledger.spent >= meter.cost,
            "{what}: {} booked, {} charged\n{}",
            ledger.spent,
            meter.cost,
            gateway.log()
        );
        assert!(ledger.spent <= ledger.limit, "{what}");
        assert_eq!(
            gateway.caller().chat(&streamed()).status,
            200,
            "{what}: it serves"
        );
        gateway.stop();
        let (ok, report) = home.verify();
        assert!(ok, "{what}: {report}");
    }
}

/// Where a gateway lived twice, so that there is an older segment to go back to.
fn lived_in(simulator: &Simulator) -> Home {
    let home = Home::new(simulator, &budget("$1.00"));
    for _ in 0..2 {
        let gateway = home.start();
        let mut caller = gateway.caller();
        for _ in 0..5 {
            assert_eq!(caller.chat(&streamed()).status, 200);
        }
        gateway.at_rest();
        gateway.stop();
    }
    home
}

#[test]
fn fault_22_a_journal_that_was_emptied_is_told_and_the_one_before_counts() {
    let simulator = Simulator::start(PRICES);
    let home = lived_in(&simulator);
    let emptied = newest(&home);
    std::fs::write(&emptied, "").expect("it is emptied");
    let gateway = home.start();
    let spent = gateway.ledger("all").spent;
    assert!(spent > Money(0), "what the older segment holds is known");
    assert!(
        gateway.log().contains("the journal was damaged"),
        "{}",
        gateway.log()
    );
    assert_eq!(gateway.caller().chat(&streamed()).status, 200);
    gateway.stop();
    let (ok, report) = home.verify();
    assert!(ok, "{report}");
}
