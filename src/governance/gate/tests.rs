//! What the gate says to one call: the order of its checks, the caps it writes, and what it gives back.

mod lent;
#[cfg(loom)]
mod loom;

use super::*;
use crate::clock::Wall;
use crate::governance::budget::{Absent, Bill, Budget, Entry, Window};
use crate::governance::identity::{Digest, Key, Keys, Label, Labels, Selector};
use crate::governance::limit::Limit;
use crate::governance::pricing::Classes;
use crate::pattern::Pattern;
use crate::units::Price;
use jiff::tz::TimeZone;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

const NOW: Moment = Moment {
    wall: Wall::from_secs(1_766_000_000),
    since_start: Duration::from_secs(100),
};

fn usd(text: &str) -> Money {
    text.parse().expect(text)
}

/// $1 a million input tokens, $4 a million output tokens, at most 1000 in and 100 out.
fn rate() -> Rate {
    let (input, output) = (
        Price::from_nanos_per_million(1_000_000_000),
        Price::from_nanos_per_million(4_000_000_000),
    );
    Rate {
        base: Classes {
            input,
            cached_input: input,
            cache_write: input,
            cache_write_1h: input,
            output,
            reasoning: output,
            audio_input: input,
            audio_output: output,
        },
        max_input: Some(Tokens(1000)),
        max_output: Some(Tokens(100)),
        ..Rate::default()
    }
}

fn key(name: &str, labels: &[(Label, &str)]) -> Key {
    let single = labels
        .iter()
        .map(|(label, value)| (*label, (*value).into()));
    Key {
        name: name.into(),
        digest: Digest::of(name.as_bytes()),
        labels: Labels {
            single: single.collect(),
            groups: Vec::new(),
        },
        models: Vec::new(),
        expires: None,
        disabled: false,
        leaf: None,
    }
}

fn budget(name: &str, limit: &str) -> Budget {
    Budget {
        name: name.into(),
        selector: Selector::default(),
        per: None,
        absent: Absent::Share,
        limit: usd(limit),
        window: Window::Total,
        zone: TimeZone::UTC,
        soft: Vec::new(),
        enforce: true,
        at_limit: AtLimit::Clamp,
        carry_over: false,
    }
}

fn limit(name: &str, rpm: u32, tpm: u64, concurrency: u32) -> Limit {
    Limit {
        name: name.into(),
        selector: Selector::default(),
        per: None,
        absent: Absent::Share,
        rpm: NonZeroU32::new(rpm),
        tpm: NonZeroU64::new(tpm),
        concurrency: NonZeroU32::new(concurrency),
    }
}

/// A gate without a journal, and the rules it goes by.
struct Scene {
    gate: Gate,
    charter: Charter,
}

impl Scene {
    fn new(budgets: Vec<Budget>, limits: Vec<Limit>) -> Self {
        Self::of(key("dev", &[]), budgets, limits, UnknownPrice::Deny)
    }

    fn of(key: Key, budgets: Vec<Budget>, limits: Vec<Limit>, unknown_price: UnknownPrice) -> Self {
        let gate = Gate::new(Arc::new(Books::new(false)));
        let charter = gate.charter(Rules {
            keys: Keys::new(vec![key]),
            budgets: budgets.into_iter().map(Arc::new).collect(),
            limits: limits.into_iter().map(Arc::new).collect(),
            unknown_price,
        });
        charter.open_ledgers(&gate, NOW);
        Self { gate, charter }
    }

    /// A chat call of 100 bytes without a cap of its own.
    fn ask<'a>(&'a self, rate: &'a Rate) -> Ask<'a> {
        let key = self.charter.keys().get(KeyIndex(0)).expect("one key");
        Ask {
            caller: Caller {
                model: "gpt",
                ..key.caller()
            },
            key: KeyIndex(0),
            endpoint: Endpoint::Chat,
            rate: Some(rate),
            input_bound: Tokens(100),
            counted: None,
            countable: false,
            images: 0,
            opaque: None,
            searches: 0,
            characters: 0,
            rereads: 0,
            unpriced: None,
            thinking: None,
            audio: false,
            choices: 1,
            asked_cap: None,
            policy_cap: None,
        }
    }

    fn decide(&self, ask: &Ask<'_>) -> Decision {
        self.gate.decide(&self.charter, ask, None, NOW)
    }

    fn permit(&self, ask: &Ask<'_>) -> Permit {
        match self.decide(ask) {
            Decision::Allow(permit) => permit,
            other => panic!("not let through: {other:?}"),
        }
    }

    fn denial(&self, ask: &Ask<'_>) -> Denial {
        match self.decide(ask) {
            Decision::Deny(denial) => *denial,
            other => panic!("not refused: {other:?}"),
        }
    }

    fn standing(&self, budget: &str) -> Standing {
        let standings = self.gate.books().standings(NOW);
        let found = standings.into_iter().find(|found| &*found.budget == budget);
        found.expect("the budget is there")
    }
}

/// Input and output of a call, for its bill.
fn bill(cost: &str, input: u64, output: u64) -> Bill {
    Bill {
        cost: usd(cost),
        input: Tokens(input),
        output: Tokens(output),
        estimated: false,
    }
}

// The cap: whose it is, and whether it is written.

/// The cap that holds for a caller's, a policy's and the model's, with and without a budget that refuses.
fn check_cap(asked: Option<u64>, policy: Option<u64>, hard: bool, expected: (u64, bool, bool)) {
    let budgets = if hard {
        vec![budget("day", "1")]
    } else {
        Vec::new()
    };
    let scene = Scene::new(budgets, Vec::new());
    let rate = rate();
    let permit = scene.permit(&Ask {
        asked_cap: asked.map(Tokens),
        policy_cap: policy.map(Tokens),
        ..scene.ask(&rate)
    });
    let cap = permit.cap;
    assert_eq!(
        (cap.tokens.0, cap.write, cap.clamped),
        expected,
        "asked {asked:?}, policy {policy:?}, hard {hard}"
    );
}

#[test]
fn a_cap_is_written_where_it_is_not_the_callers_own() {
    for hard in [false, true] {
        check_cap(Some(50), None, hard, (50, false, false));
        check_cap(Some(50), Some(80), hard, (50, false, false));
        check_cap(Some(80), Some(50), hard, (50, true, true));
        check_cap(None, Some(50), hard, (50, true, false));
        check_cap(None, Some(500), hard, (100, true, false));
    }
}

#[test]
fn the_models_cap_is_written_only_where_a_hard_budget_applies() {
    check_cap(None, None, true, (100, true, false));
    check_cap(None, None, false, (100, false, false));
    check_cap(Some(500), None, true, (100, true, true));
    check_cap(Some(500), None, false, (100, false, false));
    check_cap(Some(500), Some(400), true, (100, true, true));
}

#[test]
fn a_shadow_budget_writes_nothing() {
    let shadow = Budget {
        enforce: false,
        ..budget("watch", "0")
    };
    let scene = Scene::new(vec![shadow], Vec::new());
    let rate = rate();
    let permit = scene.permit(&scene.ask(&rate));
    assert!(!permit.cap.write);
    assert_eq!(scene.standing("watch").reserved, permit.reserved());
}

#[test]
fn an_embedding_has_no_output_to_cap() {
    let scene = Scene::new(vec![budget("day", "1")], Vec::new());
    let rate = Rate {
        max_output: None,
        ..rate()
    };
    let permit = scene.permit(&Ask {
        endpoint: Endpoint::Embeddings,
        ..scene.ask(&rate)
    });
    assert_eq!((permit.cap.tokens, permit.cap.write), (Tokens(0), false));
    assert_eq!(permit.reserved(), usd("0.0001"));
}

// The edge of a budget.

#[test]
fn the_worst_case_is_set_aside() {
    let scene = Scene::new(vec![budget("day", "1")], Vec::new());
    let rate = rate();
    let permit = scene.permit(&Ask {
        choices: 3,
        ..scene.ask(&rate)
    });
    // 100 bytes are at most 100 tokens, and three choices of 100 tokens.
    assert_eq!(permit.reserved(), usd("0.0013"));
}

#[test]
fn at_the_edge_a_call_is_clamped_to_what_fits() {
    let scene = Scene::new(vec![budget("day", "0.0003")], Vec::new());
    let rate = rate();
    let permit = scene.permit(&scene.ask(&rate));
    assert_eq!(
        permit.cap,
        Cap {
            tokens: Tokens(50),
            write: true,
            clamped: true
        }
    );
    assert_eq!(permit.reserved(), usd("0.0003"));
}

#[test]
fn a_clamp_below_sixteen_tokens_is_a_refusal() {
    let rate = rate();
    let check = |left: &str, fits: bool| {
        let scene = Scene::new(vec![budget("day", left)], Vec::new());
        let decision = scene.decide(&scene.ask(&rate));
        assert_eq!(matches!(decision, Decision::Allow(_)), fits, "{left}");
    };
    // 100 tokens in and 16 out.
    check("0.000164", true);
    check("0.000163999", false);
}

#[test]
fn a_budget_that_denies_does_not_clamp() {
    let strict = Budget {
        at_limit: AtLimit::Deny,
        ..budget("day", "0.0003")
    };
    let scene = Scene::new(vec![strict], Vec::new());
    let rate = rate();
    let denial = scene.denial(&scene.ask(&rate));
    assert_eq!(denial.reason, Reason::BudgetExceeded);
    for part in ["`day`", "`dev`", "$0.0003 left of $0.0003", "$0.0005"] {
        assert!(denial.message.contains(part), "{part}: {}", denial.message);
    }
}

#[test]
fn who_has_nothing_left_is_not_advised_to_ask_for_less() {
    let rate = rate();
    let check = |left: &str, window: Window, advice: &str| {
        let strict = Budget {
            at_limit: AtLimit::Deny,
            window,
            ..budget("day", left)
        };
        let scene = Scene::new(vec![strict], Vec::new());
        let denial = scene.denial(&scene.ask(&rate));
        assert!(denial.message.ends_with(advice), "{}", denial.message);
    };
    let smaller = ": lower `max_tokens` or ask for a larger budget";
    check("0.0003", Window::Day, smaller);
    check(
        "0",
        Window::Day,
        ": wait until then or ask for a larger budget",
    );
    check("0", Window::Total, "$0.0005: ask for a larger budget");
}

#[test]
fn of_two_budgets_the_tighter_one_sets_the_clamp() {
    let scene = Scene::new(
        vec![budget("wide", "0.0004"), budget("narrow", "0.0003")],
        Vec::new(),
    );
    let rate = rate();
    let permit = scene.permit(&scene.ask(&rate));
    assert_eq!(permit.cap.tokens, Tokens(50));
    assert_eq!(scene.standing("wide").reserved, usd("0.0003"));
    assert_eq!(scene.standing("narrow").reserved, usd("0.0003"));
}

#[test]
fn a_refusal_by_one_budget_takes_nothing_from_the_others() {
    let scene = Scene::new(
        vec![budget("wide", "1"), budget("empty", "0.0001")],
        Vec::new(),
    );
    let rate = rate();
    let denial = scene.denial(&scene.ask(&rate));
    assert_eq!(denial.budget.expect("named").budget.as_ref(), "empty");
    assert_eq!(scene.standing("wide").reserved, Money::ZERO);
}

#[test]
fn a_dropped_permit_gives_everything_back() {
    let scene = Scene::new(vec![budget("day", "1")], vec![limit("all", 0, 1000, 1)]);
    let rate = rate();
    let ask = Ask {
        asked_cap: Some(Tokens(100)),
        ..scene.ask(&rate)
    };
    let before = scene.permit(&ask).headroom().tokens;
    assert_eq!(scene.standing("day").reserved, Money::ZERO);
    let after = scene.permit(&ask).headroom().tokens;
    assert_eq!(before, after, "the tokens estimated for a call never made");
}

// Counting exactly.

#[test]
fn an_exact_count_is_asked_for_only_when_the_bound_does_not_fit() {
    let rate = rate();
    let check = |left: &str, countable: bool, counts: bool| {
        let scene = Scene::new(vec![budget("day", left)], Vec::new());
        let decision = scene.decide(&Ask {
            countable,
            ..scene.ask(&rate)
        });
        assert_eq!(matches!(decision, Decision::Count(_)), counts, "{left}");
    };
    check("1", true, false);
    check("0.0003", true, true);
    check("0.0003", false, false);
    check("0", true, false);
}

#[test]
fn a_counted_call_is_weighed_by_its_count() {
    let scene = Scene::new(vec![budget("day", "0.00042")], vec![limit("once", 1, 0, 1)]);
    let rate = rate();
    let ask = Ask {
        countable: true,
        ..scene.ask(&rate)
    };
    let Decision::Count(held) = scene.decide(&ask) else {
        panic!("the bound does not fit");
    };
    let counted = Ask {
        counted: Some(Tokens(20)),
        ..ask
    };
    // One request a minute and one at once: what is held is not asked for twice.
    let decision = scene.gate.decide(&scene.charter, &counted, Some(held), NOW);
    let Decision::Allow(permit) = decision else {
        panic!("the count fits: {decision:?}");
    };
    assert_eq!(
        (permit.reserved(), permit.input, permit.cap.clamped),
        (usd("0.00042"), Tokens(20), false)
    );
}

// Waiting for the journal.

#[test]
fn a_call_that_waits_for_the_journal_keeps_its_places() {
    let books = Arc::new(Books::new(true));
    let gate = Gate::new(books.clone());
    let charter = gate.charter(Rules {
        keys: Keys::new(vec![key("dev", &[])]),
        budgets: vec![Arc::new(budget("day", "1"))],
        limits: vec![Arc::new(limit("once", 1, 0, 1))],
        unknown_price: UnknownPrice::Deny,
    });
    let scene = Scene { gate, charter };
    let rate = rate();
    let ask = scene.ask(&rate);
    let Decision::Wait(sequence, held) = scene.decide(&ask) else {
        panic!("no ceiling is on the disk");
    };
    let mut entries: Vec<Entry> = Vec::new();
    assert!(books.drain(&mut entries) >= sequence);
    books.durable(&entries);
    let decision = scene.gate.decide(&scene.charter, &ask, Some(held), NOW);
    assert!(matches!(decision, Decision::Allow(_)), "{decision:?}");
    let denial = scene.denial(&ask);
    assert_eq!(
        denial.reason,
        Reason::RateLimited,
        "the place is still held"
    );
}

#[test]
fn while_the_journal_cannot_be_written_nothing_is_let_through() {
    let scene = Scene::new(vec![budget("day", "1")], Vec::new());
    scene.gate.books().suspend();
    let rate = rate();
    let denial = scene.denial(&scene.ask(&rate));
    assert_eq!(denial.reason, Reason::BudgetUnavailable);
    assert!(denial.retry_after.is_some());
}

// Rights and labels.

#[test]
fn rights_are_asked_before_anything_is_counted() {
    let narrow = Key {
        models: vec![vec![Pattern::new("gpt-4*")]],
        ..key("ci", &[])
    };
    let scene = Scene::of(
        narrow,
        vec![budget("day", "1")],
        vec![limit("once", 1, 0, 0)],
        UnknownPrice::Deny,
    );
    let rate = rate();
    let ask = scene.ask(&rate);
    for _ in 0..3 {
        let denial = scene.denial(&ask);
        assert_eq!(denial.reason, Reason::ModelNotAllowed);
        assert!(denial.message.contains("`ci`") && denial.message.contains("`gpt`"));
    }
    let allowed = Ask {
        caller: Caller {
            model: "gpt-4o",
            ..ask.caller
        },
        ..ask
    };
    drop(scene.permit(&allowed));
}

#[test]
fn a_budget_per_label_is_one_for_each_value() {
    let rate = rate();
    let per = |label| Budget {
        per: Some(label),
        at_limit: AtLimit::Deny,
        ..budget("each", "0.0005")
    };
    let scene = Scene::new(vec![per(Label::Run)], Vec::new());
    let of = |run: Option<&'static str>| {
        let ask = scene.ask(&rate);
        Ask {
            caller: Caller { run, ..ask.caller },
            ..ask
        }
    };
    let _one = scene.permit(&of(Some("one")));
    let _two = scene.permit(&of(Some("two")));
    // Calls without the label share one.
    let _none = scene.permit(&of(None));
    for run in [Some("one"), Some("two"), None] {
        let denial = scene.denial(&of(run));
        assert_eq!(
            denial.budget.expect("named").value.as_deref(),
            run,
            "{}",
            denial.message
        );
    }
}

#[test]
fn a_rule_that_wants_a_label_says_how_to_send_it() {
    let rate = rate();
    let check = |label: Label, how: &str| {
        let strict = Budget {
            per: Some(label),
            absent: Absent::Deny,
            ..budget("each", "1")
        };
        let scene = Scene::new(vec![strict], Vec::new());
        let denial = scene.denial(&scene.ask(&rate));
        assert_eq!(denial.reason, Reason::LabelRequired);
        assert!(denial.message.contains(how), "{}", denial.message);
        let wanting = Limit {
            per: Some(label),
            absent: Absent::Deny,
            ..limit("each", 10, 0, 0)
        };
        let scene = Scene::new(vec![budget("day", "1")], vec![wanting]);
        let denial = scene.denial(&scene.ask(&rate));
        assert_eq!(denial.reason, Reason::LabelRequired);
        assert!(denial.message.contains(how), "{}", denial.message);
        assert_eq!(scene.standing("day").reserved, Money::ZERO);
    };
    check(Label::Run, "x-tollgate-run");
    check(Label::Session, "x-tollgate-session");
    check(Label::EndUser, "x-tollgate-end-user");
    check(Label::Agent, "`agent`");
}

#[test]
fn a_selector_picks_the_calls_a_budget_pays_for() {
    let red = Budget {
        selector: Selector(vec![(Label::Team, vec![Pattern::new("red")])]),
        ..budget("red", "0")
    };
    let minis = Budget {
        selector: Selector(vec![(Label::Model, vec![Pattern::new("*-mini")])]),
        ..budget("minis", "0")
    };
    let rate = rate();
    let check = |team: &str, model: &'static str, expected: Option<&str>| {
        let key = key("dev", &[(Label::Team, team)]);
        let budgets = vec![red.clone(), minis.clone()];
        let scene = Scene::of(key, budgets, Vec::new(), UnknownPrice::Deny);
        let ask = scene.ask(&rate);
        let decision = scene.decide(&Ask {
            caller: Caller {
                model,
                ..ask.caller
            },
            ..ask
        });
        let short = match decision {
            Decision::Deny(denial) => denial.budget.map(|standing| standing.budget.to_string()),
            _ => None,
        };
        assert_eq!(short.as_deref(), expected, "{team} {model}");
    };
    check("red", "gpt", Some("red"));
    check("blue", "gpt", None);
    check("blue", "gpt-mini", Some("minis"));
}

// What has no price or no bound.

#[test]
fn a_model_without_a_price_is_refused_where_a_hard_budget_applies() {
    let unpriced = |scene: &Scene| {
        let rate = rate();
        let ask = Ask {
            rate: None,
            ..scene.ask(&rate)
        };
        match scene.decide(&ask) {
            Decision::Allow(permit) => Ok(permit.reserved()),
            Decision::Deny(denial) => Err(denial.reason),
            other => panic!("{other:?}"),
        }
    };
    let scene = Scene::new(vec![budget("day", "10")], Vec::new());
    assert_eq!(unpriced(&scene), Err(Reason::PriceUnknown));
    let scene = Scene::new(Vec::new(), Vec::new());
    assert_eq!(unpriced(&scene), Ok(Money::ZERO));
    let ceiling = UnknownPrice::Ceiling(usd("5"));
    let scene = Scene::of(
        key("dev", &[]),
        vec![budget("day", "10")],
        Vec::new(),
        ceiling,
    );
    assert_eq!(unpriced(&scene), Ok(usd("5")));
}

#[test]
fn what_is_only_pointed_to_counts_as_the_longest_input() {
    let scene = Scene::new(vec![budget("day", "1")], Vec::new());
    let rate = rate();
    let opaque = Ask {
        opaque: Some("a file id"),
        ..scene.ask(&rate)
    };
    assert_eq!(scene.permit(&opaque).input, Tokens(1000));
    let again = Ask {
        rereads: 10,
        ..opaque
    };
    assert_eq!(scene.permit(&again).input, Tokens(11_000));
    let unbounded = Rate {
        max_input: None,
        ..rate.clone()
    };
    let opaque = Ask {
        rate: Some(&unbounded),
        ..opaque
    };
    let denial = scene.denial(&opaque);
    assert_eq!(denial.reason, Reason::Unbounded);
    assert!(denial.message.contains("a file id"), "{}", denial.message);
    let free = Scene::new(Vec::new(), Vec::new());
    let opaque = Ask {
        opaque: Some("a file id"),
        ..free.ask(&unbounded)
    };
    drop(free.permit(&opaque));
}

#[test]
fn an_image_counts_as_its_tokens_or_as_the_longest_input() {
    let rate = rate();
    let check = |image_tokens: Option<u64>, images: u32, expected: u64| {
        let scene = Scene::new(vec![budget("day", "1")], Vec::new());
        let priced = Rate {
            image_tokens: image_tokens.map(Tokens),
            ..rate.clone()
        };
        let permit = scene.permit(&Ask {
            images,
            ..scene.ask(&priced)
        });
        assert_eq!(permit.input.0, expected, "{image_tokens:?} × {images}");
    };
    check(None, 0, 100);
    check(None, 1, 1000);
    check(Some(85), 2, 270);
    // No model reads more than it takes.
    check(Some(85), 20, 1000);
}

#[test]
fn a_model_without_any_cap_is_refused_where_a_hard_budget_applies() {
    let scene = Scene::new(vec![budget("day", "1")], Vec::new());
    let rate = Rate {
        max_output: None,
        ..rate()
    };
    assert_eq!(scene.denial(&scene.ask(&rate)).reason, Reason::Unbounded);
    let capped = Ask {
        asked_cap: Some(Tokens(10)),
        ..scene.ask(&rate)
    };
    assert_eq!(scene.permit(&capped).cap.tokens, Tokens(10));
}

// Rate limits.

#[test]
fn a_refusal_by_a_budget_gives_back_places_and_tokens_but_not_the_request() {
    let scene = Scene::new(vec![budget("empty", "0")], vec![limit("all", 10, 1000, 1)]);
    let rate = rate();
    let ask = Ask {
        asked_cap: Some(Tokens(100)),
        ..scene.ask(&rate)
    };
    for _ in 0..9 {
        assert_eq!(scene.denial(&ask).reason, Reason::BudgetExceeded);
    }
    let wide = Gate::charter(
        &scene.gate,
        Rules {
            keys: Keys::new(vec![key("dev", &[])]),
            budgets: Vec::new(),
            limits: vec![Arc::new(limit("all", 10, 1000, 1))],
            unknown_price: UnknownPrice::Deny,
        },
    );
    let Decision::Allow(permit) = scene.gate.decide(&wide, &ask, None, NOW) else {
        panic!("nine refusals took more than nine requests");
    };
    let headroom = permit.headroom();
    assert_eq!(headroom.requests.map(|(_, left, _)| left), Some(0));
    // 25 tokens for 100 bytes, and the cap.
    assert_eq!(headroom.tokens.map(|(_, left, _)| left), Some(875));
}

#[test]
fn the_estimate_of_a_token_limit_is_no_more_than_the_model_could_take() {
    let scene = Scene::new(Vec::new(), vec![limit("all", 0, 1500, 0)]);
    let rate = rate();
    let permit = scene.permit(&Ask {
        input_bound: Tokens(1_000_000),
        asked_cap: Some(Tokens(100)),
        ..scene.ask(&rate)
    });
    let left = permit.headroom().tokens.map(|(_, left, _)| left);
    assert_eq!(left, Some(400), "1000 in, 100 out");
}

#[test]
fn the_estimate_of_a_token_limit_is_put_right_when_the_call_ends() {
    let scene = Scene::new(Vec::new(), vec![limit("all", 0, 1000, 0)]);
    let rate = rate();
    let ask = Ask {
        asked_cap: Some(Tokens(100)),
        ..scene.ask(&rate)
    };
    let left = |permit: &Permit| permit.headroom().tokens.map(|(_, left, _)| left);
    let first = scene.permit(&ask);
    assert_eq!(left(&first), Some(875));
    let _ = first.dispatch().settle(bill("0.0001", 30, 20), "m", NOW);
    let second = scene.permit(&ask);
    assert_eq!(left(&second), Some(825), "50 used, 125 estimated anew");
    // Nobody saw what it used: the estimate stands.
    let _ = second.dispatch().expire("m");
    let third = scene.permit(&ask);
    assert_eq!(left(&third), Some(700));
    let _ = third.dispatch().release(NOW);
    assert_eq!(
        left(&scene.permit(&ask)),
        Some(700),
        "released: nothing used"
    );
}

// Quotes.

#[test]
fn a_quote_agrees_with_the_decision_and_takes_nothing() {
    let rate = rate();
    let check = |limits: &[&str], at_limit: AtLimit| {
        let budgets = || {
            let named = limits.iter().zip(["a", "b", "c"]);
            named
                .map(|(limit, name)| Budget {
                    at_limit,
                    ..budget(name, limit)
                })
                .collect()
        };
        let scene = Scene::new(budgets(), Vec::new());
        let ask = scene.ask(&rate);
        let quoted = scene.gate.quote(&scene.charter, &ask, NOW);
        assert!(
            scene
                .gate
                .books()
                .standings(NOW)
                .iter()
                .all(|standing| standing.reserved == Money::ZERO)
        );
        match scene.decide(&ask) {
            Decision::Allow(permit) => {
                assert!(quoted.denial.is_none(), "{limits:?}: {:?}", quoted.denial);
                assert_eq!(quoted.cap, permit.cap, "{limits:?}");
                assert_eq!(quoted.worst_case, permit.reserved(), "{limits:?}");
                assert_eq!(quoted.input, permit.input, "{limits:?}");
            }
            Decision::Deny(denial) => {
                let words = quoted.denial.expect("refused as well").message;
                assert_eq!(words, denial.message, "{limits:?}");
            }
            other => panic!("{other:?}"),
        }
    };
    for at_limit in [AtLimit::Clamp, AtLimit::Deny] {
        for limits in [
            &["1"][..],
            &["0.0003"],
            &["0.0001"],
            &["0.0003", "0.0004"],
            &["0.0004", "0.0003"],
            &["0.0004", "0.0003", "0.00025"],
            &["1", "0.0001"],
        ] {
            check(limits, at_limit);
        }
    }
}

// Edits.

#[test]
fn a_call_that_began_before_an_edit_meets_the_figures_of_now() {
    let rules = |dollars: &str, rpm| Rules {
        keys: Keys::new(vec![key("dev", &[])]),
        budgets: vec![Arc::new(Budget {
            at_limit: AtLimit::Deny,
            ..budget("day", dollars)
        })],
        limits: vec![Arc::new(limit("all", rpm, 0, 0))],
        unknown_price: UnknownPrice::Deny,
    };
    let gate = Gate::new(Arc::new(Books::new(false)));
    let charter = gate.charter(rules("1", 5));
    let scene = Scene { gate, charter };
    let rate = rate();
    let ask = scene.ask(&rate);
    // While its body came, the limits were lowered; its key has not called before.
    let lowered = scene.gate.charter(rules("0.0004", 1));
    lowered.open_ledgers(&scene.gate, NOW);
    assert_eq!(scene.denial(&ask).reason, Reason::BudgetExceeded);
    assert_eq!(scene.standing("day").limit, usd("0.0004"));
    assert_eq!(scene.denial(&ask).reason, Reason::RateLimited);

    // While its body came, the budget was removed: charged, and not brought back.
    let none = scene.gate.charter(Rules::default());
    none.open_ledgers(&scene.gate, NOW);
    let later = Moment {
        since_start: NOW.since_start + Duration::from_mins(1),
        ..NOW
    };
    let decision = scene.gate.decide(&scene.charter, &ask, None, later);
    assert!(matches!(decision, Decision::Allow(_)), "{decision:?}");
    assert!(scene.gate.books().standings(NOW).is_empty());
}
