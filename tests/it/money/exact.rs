//! A budget is spent to its last call and not one further, whoever calls at once.

use super::PRICES;
use crate::support::{Home, Money, Simulator, chat, crowd};

#[test]
fn a_dollar_buys_exactly_a_hundred_calls_at_a_cent() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        "budgets: [{ name: day, match: {}, limit: \"$1.00\", window: total }]",
    );
    let gateway = home.start();
    let body = chat("cent", "hello @sim(latency=20ms)", &[]);
    let answers = crowd(200, |_| {
        let mut caller = gateway.caller();
        (0..50).map(|_| caller.chat(&body)).collect::<Vec<_>>()
    });
    let answers: Vec<_> = answers.into_iter().flatten().collect();
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((answers.len(), good), (10_000, 100));
    let meter = simulator.meter_at_rest();
    assert_eq!((meter.calls, meter.cost), (100, Money::of("1")));
    gateway.at_rest();
    let ledger = gateway.ledger("day");
    assert_eq!(ledger.spent, meter.cost);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.status, 429, "{}", refused.text());
        assert_eq!(refused.header("x-should-retry"), Some("false"));
        let error = refused.json()["error"].take();
        assert_eq!(error["type"], "budget_exceeded");
        assert_eq!(error["code"], "insufficient_quota");
        let (spent, reserved, left) = ["spent", "reserved", "remaining"]
            .map(|name| Money::of(error["tollgate"][name].as_str().expect(name)))
            .into();
        assert_eq!(spent + reserved + left, ledger.limit, "{error}");
        assert_eq!(error["tollgate"]["limit"], "1.00");
        assert_eq!(error["tollgate"]["budget"], "day");
        assert_eq!(error["tollgate"]["window"], "total");
    }
}
