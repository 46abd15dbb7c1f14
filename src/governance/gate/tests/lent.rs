//! Keys that a control panel pays for: what is lent and the budgets here hold both, and end together.

use super::*;
use crate::governance::budget::{AtLimit, Lender, Lent, NotLent, Period, Spent};
use std::sync::Mutex;

/// Lends what it is told to.
#[derive(Debug, Default)]
struct Fake {
    /// What it says, once each; then it says that it is to be asked.
    says: Mutex<Vec<NotLent>>,
    left: Mutex<Money>,
    settled: Mutex<Vec<(u64, Money)>>,
    calls: Mutex<u64>,
    /// Where its tightest budget stands.
    stands: Mutex<Option<Standing>>,
}

impl Lender for Fake {
    fn set_aside(&self, leaf: u64, amount: Money, _: Moment) -> Result<Lent, NotLent> {
        assert_eq!(leaf, 4);
        if let Some(said) = self.says.lock().unwrap().pop() {
            return Err(said);
        }
        let mut left = self.left.lock().unwrap();
        if amount > *left {
            return Err(NotLent::Ask);
        }
        *left = left.minus(amount);
        let mut calls = self.calls.lock().unwrap();
        *calls = calls.saturating_add(1);
        Ok(Lent {
            leaf,
            lease: 9,
            call: *calls,
            amount,
        })
    }

    fn standing(&self, leaf: u64) -> Option<Standing> {
        assert_eq!(leaf, 4);
        self.stands.lock().unwrap().clone()
    }

    fn settle(&self, lent: &Lent, spent: Option<Spent<'_>>) -> Option<Standing> {
        let cost = spent.map_or(Money::ZERO, |spent| spent.cost);
        self.settled.lock().unwrap().push((lent.call, cost));
        self.standing(lent.leaf)
    }
}

/// A gate for one key of the panel, with these budgets of its own.
fn scene(left: &str, budgets: Vec<Budget>) -> (Scene, Arc<Fake>) {
    let lender = Arc::new(Fake {
        left: Mutex::new(usd(left)),
        ..Fake::default()
    });
    let key = Key {
        leaf: Some(4),
        ..key("dev", &[])
    };
    let mut scene = Scene::of(key, budgets, Vec::new(), UnknownPrice::Deny);
    scene.gate = scene.gate.with_lender(lender.clone());
    (scene, lender)
}

fn standing(remaining: &str) -> Box<Standing> {
    Box::new(Standing {
        budget: "acme 1d".into(),
        value: None,
        per: None,
        window: Window::Day,
        period: Period::TOTAL,
        enforce: true,
        at_limit: AtLimit::Clamp,
        limit: usd("1"),
        spent: usd("1").minus(usd(remaining)),
        reserved: Money::ZERO,
        uncertain: Money::ZERO,
        soft: None,
    })
}

/// What a call of the scene is worth at worst: 100 tokens in at $1 and 100 out at $4 a million.
const WORST: &str = "0.0005";

#[test]
fn both_are_settled_once_however_a_call_ends() {
    let (scene, lender) = scene("1", vec![budget("day", "1")]);
    let rate = rate();
    let ask = scene.ask(&rate);
    let _ = scene
        .permit(&ask)
        .dispatch()
        .settle(bill("0.0002", 10, 5), "m", NOW);
    let _ = scene.permit(&ask).dispatch().release(NOW);
    let _ = scene.permit(&ask).dispatch().expire("m");
    drop(scene.permit(&ask));
    drop(scene.permit(&ask).dispatch());
    let whole = usd(WORST);
    let expected = [
        (1, usd("0.0002")),
        (2, Money::ZERO),
        (3, whole),
        (4, Money::ZERO),
        (5, whole),
    ];
    assert_eq!(*lender.settled.lock().unwrap(), expected);
    let day = scene.standing("day");
    assert_eq!((day.spent, day.reserved), (usd("0.0012"), Money::ZERO));
}

#[test]
fn what_the_lender_does_not_give_is_not_held_here_either() {
    let (scene, lender) = scene("0", vec![budget("day", "1")]);
    let rate = rate();
    let ask = scene.ask(&rate);
    assert!(matches!(scene.decide(&ask), Decision::Borrow(_)));
    assert_eq!(scene.standing("day").reserved, Money::ZERO);
    assert_eq!(scene.gate.books().in_flight(), 0);
    *lender.left.lock().unwrap() = usd("1");
    drop(scene.permit(&ask));
}

#[test]
fn the_stricter_of_both_holds() {
    let (scene, lender) = scene("1", vec![budget("day", "0.0003")]);
    let rate = rate();
    // The budget here has room for a smaller call alone.
    let permit = scene.permit(&scene.ask(&rate));
    assert_eq!((permit.cap.tokens, permit.cap.clamped), (Tokens(50), true));
    drop(permit);
    // What is lent has room for a smaller one still.
    lender
        .says
        .lock()
        .unwrap()
        .push(NotLent::Short(standing("0.0002")));
    let permit = scene.permit(&scene.ask(&rate));
    assert_eq!((permit.cap.tokens, permit.cap.clamped), (Tokens(25), true));
}

#[test]
fn a_denial_says_whose_budget_it_was_and_what_else_is_in_the_way() {
    let check = |said: NotLent, reason: Reason, word: &str| {
        let (scene, lender) = scene("0", Vec::new());
        lender.says.lock().unwrap().push(said);
        let rate = rate();
        let denial = scene.denial(&scene.ask(&rate));
        assert_eq!(denial.reason, reason, "{word}");
        assert!(denial.message.contains(word), "{}", denial.message);
    };
    let short = NotLent::Short(standing("0.00001"));
    check(short, Reason::BudgetExceeded, "acme 1d");
    check(NotLent::Beyond, Reason::BudgetExceeded, "no budget");
    check(NotLent::Killed, Reason::Killed, "administrator");
    let later = NotLent::Later(Duration::from_secs(2));
    check(later, Reason::NotLent, "calling money back");
}

#[test]
fn a_key_of_a_panel_without_a_panel_is_not_served() {
    let key = Key {
        leaf: Some(4),
        ..key("dev", &[])
    };
    let scene = Scene::of(key, Vec::new(), Vec::new(), UnknownPrice::Deny);
    let rate = rate();
    assert_eq!(scene.denial(&scene.ask(&rate)).reason, Reason::NotLent);
}

#[test]
fn a_call_that_is_lent_money_has_a_price_and_a_bound() {
    let (scene, _) = scene("1", Vec::new());
    let rate = rate();
    let unpriced = Ask {
        rate: None,
        ..scene.ask(&rate)
    };
    assert_eq!(scene.denial(&unpriced).reason, Reason::PriceUnknown);
}

#[test]
fn the_tighter_of_the_budgets_here_and_the_panels_is_told() {
    let check = |left: &str, name: &str| {
        let (scene, lender) = scene("1", vec![budget("day", "0.5")]);
        *lender.stands.lock().unwrap() = Some(*standing(left));
        let rate = rate();
        let ask = scene.ask(&rate);
        let told = |standing: Option<Standing>| standing.expect("stands").budget;
        assert_eq!(&*told(scene.gate.tightest(&scene.charter, &ask, NOW)), name);
        let call = scene.permit(&ask).dispatch();
        assert_eq!(&*told(call.tightest()), name, "{left}");
        let receipt = call.settle(bill("0.0002", 10, 5), "m", NOW);
        assert_eq!(&*told(receipt.settlement.tightest), name, "{left}");
        let quoted = scene.gate.quote(&scene.charter, &ask, NOW);
        let names = quoted.budgets.iter().map(|budget| &*budget.budget);
        assert_eq!(names.collect::<Vec<_>>(), ["day", "acme 1d"]);
    };
    check("0.2", "acme 1d");
    check("0.9", "day");
}

#[test]
fn a_quote_says_that_the_panels_budget_does_not_cover_a_call() {
    let (scene, lender) = scene("1", vec![budget("day", "0.5")]);
    let rate = rate();
    let ask = scene.ask(&rate);
    let quote = |left: &str| {
        *lender.stands.lock().unwrap() = Some(*standing(left));
        scene.gate.quote(&scene.charter, &ask, NOW)
    };
    assert!(quote(WORST).denial.is_none());
    let smaller = quote("0.0002");
    assert_eq!(
        (smaller.cap.tokens, smaller.cap.clamped),
        (Tokens(25), true)
    );
    let denial = quote("0.00001").denial.expect("denied");
    assert_eq!(denial.reason, Reason::BudgetExceeded);
    assert!(denial.message.contains("acme 1d"), "{}", denial.message);
}
