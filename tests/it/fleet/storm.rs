//! In a storm: gateways and the panel are killed, and the wire between them is cut. Never over, and every call accounted for.

use super::{CHAT, Chance, Scene, is_final};
use crate::support::{Gateway, Home, Money, chat};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

const GATEWAYS: usize = 6;
/// How long it storms: something is killed or cut in each step.
const STEPS: u64 = 12;
const STEP: Duration = Duration::from_secs(1);

/// Calls are over and what is silent is lost soon enough for a test to see it.
const TERMS: &str = "leases: { valid_for: 4s, drain_for: 4s }";

#[test]
fn whatever_is_killed_or_cut_no_more_is_spent_than_there_is() {
    let seed = crate::support::seed();
    let mut scene = Scene::new("5.00", TERMS);
    let homes = scene.homes(GATEWAYS);
    let start = |home: &Home| RwLock::new(Some(home.start()));
    let gateways: Vec<RwLock<Option<Gateway>>> = homes.iter().map(start).collect();
    let over = AtomicBool::new(false);
    let mut chance = Chance(seed | 1);
    let secret = scene.secret.clone();
    let control = Mutex::new(&mut scene.control);
    let wire = &scene.wire;
    std::thread::scope(|scope| {
        for (number, gateway) in (1..).zip(&gateways) {
            let (over, secret) = (&over, &secret);
            scope.spawn(move || call(gateway, secret, over, seed.wrapping_mul(number)));
        }
        for step in 0..STEPS {
            std::thread::sleep(STEP);
            if step % 4 == 3 {
                let mut control = control.lock().expect("no panic");
                control.kill();
                std::thread::sleep(STEP / 2);
                control.open();
            } else if step % 4 == 1 {
                wire.cut(true);
                std::thread::sleep(STEP);
                wire.cut(false);
            } else {
                let place = usize::try_from(chance.below(GATEWAYS as u64)).expect("few");
                let mut gateway = gateways[place].write().expect("no panic");
                if let Some(gateway) = gateway.take() {
                    gateway.kill();
                }
                *gateway = Some(homes[place].start());
            }
        }
        over.store(true, Ordering::SeqCst);
    });
    let charged = scene.simulator.meter_at_rest().cost;
    assert!(charged <= Money::of("5.00"), "{charged:?} were charged");
    for gateway in gateways {
        if let Some(gateway) = gateway.into_inner().expect("no panic") {
            gateway.stop();
        }
    }
    let books = scene.settled();
    // What was under way when a gateway was killed, nobody saw the bill of: it is presumed, and nothing else is.
    assert!(books.spent <= charged, "{books:?}, charged {charged:?}");
    let presumed = Money(books.spent.0 + books.uncertain.0);
    assert!(presumed >= charged, "{books:?}, charged {charged:?}");
    assert!(presumed <= Money::of("5.00"), "{books:?}");
}

/// Calls a gateway, whoever it is by now, until it is over.
fn call(gateway: &RwLock<Option<Gateway>>, secret: &str, over: &AtomicBool, seed: u64) {
    let mut chance = Chance(seed | 1);
    while !over.load(Ordering::SeqCst) {
        let address = {
            let gateway = gateway.read().expect("no panic");
            gateway.as_ref().map(|gateway| gateway.listen)
        };
        let Some(address) = address else { continue };
        let mut caller =
            crate::support::Client::to(address).with("authorization", &format!("Bearer {secret}"));
        let text = format!("tell me @sim(out={},token_delay=1ms)", 5 + chance.below(40));
        let body = chat("dear", &text, &[("max_tokens", json!(60))]);
        let answer = caller.try_post(CHAT, &body);
        if let Ok(answer) = answer
            && is_final(answer.status, &answer.json())
        {
            // Others may give back: it is asked again a little later.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
