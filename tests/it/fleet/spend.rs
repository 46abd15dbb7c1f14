//! In calm: the budget is used to the end, by whoever needs it, and no further.

use super::{CHAT, Chance, Scene, is_final};
use crate::support::{Home, Money, chat};
use serde_json::json;
use std::sync::Mutex;

const GATEWAYS: usize = 20;

#[test]
fn twenty_gateways_spend_one_budget_to_its_end_and_no_further() {
    let scene = Scene::new("50.00", "");
    let homes = scene.homes(GATEWAYS);
    let gateways: Vec<_> = homes.iter().map(Home::start).collect();
    // What was charged when somebody was first refused for good.
    let first = Mutex::new(None);
    std::thread::scope(|scope| {
        for (number, gateway) in (1..).zip(&gateways) {
            let (scene, first) = (&scene, &first);
            scope.spawn(move || {
                let mut caller = scene.caller(gateway);
                let mut chance = Chance(number);
                loop {
                    let body = match chance.below(3) {
                        0 => chat("tenth", "hello", &[("max_tokens", json!(16))]),
                        1 => chat("cents", "hello", &[("max_tokens", json!(16))]),
                        _ => {
                            let text = format!("tell me @sim(out={})", 20 + chance.below(300));
                            chat("dear", &text, &[("max_tokens", json!(390))])
                        }
                    };
                    let answer = caller.post(CHAT, &body);
                    if is_final(answer.status, &answer.json()) {
                        let mut first = first.lock().expect("no panic");
                        first.get_or_insert_with(|| scene.simulator.meter().cost);
                        break;
                    }
                    assert!(
                        [200, 503].contains(&answer.status),
                        "{}: {}",
                        answer.status,
                        answer.text()
                    );
                }
            });
        }
    });
    let first = first.into_inner().expect("no panic").expect("a refusal");
    assert!(
        first >= Money::of("49.00"),
        "the first refusal came at {first:?}"
    );
    let charged = scene.simulator.meter_at_rest().cost;
    assert!(charged <= Money::of("50.00"), "{charged:?} were charged");
    for gateway in gateways {
        gateway.stop();
    }
    let books = scene.settled();
    assert_eq!(books.spent, charged);
    assert_eq!(books.uncertain, Money::default());
}
