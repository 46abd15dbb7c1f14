#![expect(
    clippy::indexing_slicing,
    clippy::unnecessary_wraps,
    reason = "a test that indexes wrongly fails as it should; `written` makes what the settings hold"
)]

use super::*;
use crate::clock::Wall;
use crate::governance::identity::Digest;
use crate::governance::pricing::{self, PriceBook};
use crate::settings::Complaint;
use crate::units::Tokens;
use std::cell::RefCell;

/// What compiling gave, and the codes of what was complained of.
fn compile<T>(run: impl FnOnce(&Report<'_>) -> T) -> (T, Vec<&'static str>) {
    let complaints: RefCell<Vec<Complaint>> = RefCell::default();
    let value = run(&Report::new(&complaints));
    let codes = complaints.into_inner().iter().map(|one| one.code).collect();
    (value, codes)
}

fn key(secret: Option<&str>, hash: Option<&str>) -> KeySettings {
    KeySettings {
        name: "dev".to_owned(),
        secret: secret.map(str::to_owned),
        hash: hash.map(str::to_owned),
        ..KeySettings::default()
    }
}

#[test]
fn a_key_has_a_secret_or_a_hash_and_not_both() {
    let check = |secret: Option<&str>, hash: Option<&str>, expected: &[&str]| {
        let (meant, codes) = compile(|report| key(secret, hash).compile(report));
        assert_eq!(codes, expected, "{secret:?} {hash:?}");
        assert_eq!(meant.is_some(), expected.is_empty());
    };
    let hash = Digest::of(b"one").to_string();
    check(Some("one"), None, &[]);
    check(None, Some(&hash), &[]);
    check(None, None, &["key_without_secret"]);
    check(Some("one"), Some(&hash), &["key_secret_and_hash"]);
    check(None, Some("sha256:12"), &["bad_hash"]);
    check(Some(""), None, &["empty_secret"]);
    check(Some("two words"), None, &["bad_secret"]);
    check(Some(&"x".repeat(513)), None, &["long_secret"]);
    let (one, _) = compile(|report| key(Some("one"), None).compile(report));
    let (other, _) = compile(|report| key(None, Some(&hash)).compile(report));
    assert_eq!(one.map(|key| key.digest), other.map(|key| key.digest));
}

#[test]
fn a_key_expires_at_a_time_or_at_the_start_of_a_day() {
    let check = |text: &str, expected: Option<i64>| {
        assert_eq!(instant(text).map(Wall::secs), expected, "{text}");
    };
    check("2027-06-30", Some(1_814_313_600));
    check("2027-06-30T12:00:00Z", Some(1_814_356_800));
    check("2027-06-30T12:00:00+02:00", Some(1_814_349_600));
    check("2027-06-31", None);
    check("soon", None);
    check("2027-06-30T12:00:00", None);
}

#[test]
fn no_models_named_is_every_model_and_an_empty_list_is_none() {
    let may = |models: Option<Vec<String>>| {
        let settings = KeySettings {
            models,
            ..key(Some("one"), None)
        };
        compile(|report| settings.compile(report))
            .0
            .is_some_and(|key| key.may_use("gpt-4o"))
    };
    assert!(may(None));
    assert!(!may(Some(Vec::new())));
    assert!(may(Some(vec!["gpt-*".to_owned()])));
}

fn budget() -> BudgetSettings {
    BudgetSettings {
        name: "day".to_owned(),
        selector: MatchSettings::default(),
        per: None,
        absent: None,
        limit: "$10.00".to_owned(),
        window: WindowSettings::Day,
        tz: None,
        soft: Vec::new(),
        mode: None,
        at_limit: None,
        carry_over: false,
    }
}

#[test]
fn what_a_budget_says_must_have_a_meaning() {
    let check = |settings: BudgetSettings, expected: &[&str]| {
        assert_eq!(compile(|report| settings.compile(report)).1, expected);
    };
    check(budget(), &[]);
    check(
        BudgetSettings {
            limit: "ten".into(),
            ..budget()
        },
        &["bad_money"],
    );
    check(
        BudgetSettings {
            tz: Some("Mars/Olympus".into()),
            ..budget()
        },
        &["unknown_zone"],
    );
    check(
        BudgetSettings {
            soft: vec!["0%".into(), "101%".into()],
            ..budget()
        },
        &["bad_percent", "bad_percent"],
    );
    check(
        BudgetSettings {
            per: Some(PerSettings::Tags),
            ..budget()
        },
        &["per_list"],
    );
    check(
        BudgetSettings {
            absent: Some(AbsentSettings::Deny),
            ..budget()
        },
        &["absent_without_per"],
    );
    let nobody = MatchSettings {
        team: Some(Vec::new()),
        ..MatchSettings::default()
    };
    check(
        BudgetSettings {
            selector: nobody,
            ..budget()
        },
        &["matches_nothing"],
    );
}

#[test]
fn soft_thresholds_ascend_whatever_their_order() {
    let soft = vec!["80%".into(), "50%".into(), "80%".into()];
    let (budget, _) = compile(|report| BudgetSettings { soft, ..budget() }.compile(report));
    assert_eq!(budget.map(|budget| budget.soft), Some(vec![50, 80]));
}

fn written(price: &str) -> Option<String> {
    Some(price.to_owned())
}

/// The rate of one model, and what was complained of.
fn rate(model: PriceSettings) -> (pricing::Rate, Vec<&'static str>) {
    let book = BookSettings {
        revision: "1".to_owned(),
        valid_from: None,
        models: [("m".to_owned(), model)].into(),
    };
    compile(|report| {
        let mut into = PriceBook::default();
        book.compile(report, &mut into);
        into.rate("p", "m")
            .map(|rate| (**rate).clone())
            .unwrap_or_default()
    })
}

#[test]
fn a_class_without_a_price_costs_what_the_class_it_is_part_of_costs() {
    let (rate, codes) = rate(PriceSettings {
        input: written("1"),
        cache_write: written("1.25"),
        output: written("4"),
        tiers: vec![TierSettings {
            above_input: 1000,
            input: written("2"),
            output: written("6"),
            ..TierSettings::default()
        }],
        ..PriceSettings::default()
    });
    let shown = |classes: &pricing::Classes| {
        [
            classes.input,
            classes.cached_input,
            classes.cache_write,
            classes.cache_write_1h,
            classes.output,
            classes.reasoning,
            classes.audio_input,
            classes.audio_output,
        ]
        .map(|price| price.to_string())
    };
    assert_eq!(
        shown(&rate.base),
        [
            "1.00", "1.00", "1.25", "1.25", "4.00", "4.00", "1.00", "4.00"
        ]
    );
    // `cache_write` keeps its own base price; what has none of its own follows the tier.
    assert_eq!(
        shown(&rate.tiers[0].classes),
        [
            "2.00", "2.00", "1.25", "1.25", "6.00", "6.00", "2.00", "6.00"
        ]
    );
    assert_eq!(
        (rate.tiers[0].above_input, codes),
        (Tokens(1000), Vec::new())
    );
}

#[test]
fn nothing_is_free_without_saying_so() {
    let check = |model: PriceSettings, expected: &[&str]| assert_eq!(rate(model).1, expected);
    let zero = || PriceSettings {
        input: written("0"),
        ..PriceSettings::default()
    };
    check(zero(), &["free_without_saying"]);
    check(
        PriceSettings {
            free: true,
            ..zero()
        },
        &[],
    );
    check(
        PriceSettings {
            request: written("0.01"),
            ..zero()
        },
        &[],
    );
    check(
        PriceSettings {
            request: written("0"),
            ..zero()
        },
        &["free_without_saying"],
    );
    check(PriceSettings::default(), &["price_without_input"]);
    check(
        PriceSettings {
            output: written("1"),
            ..PriceSettings::default()
        },
        &["price_without_input"],
    );
    check(
        PriceSettings {
            request: written("0.01"),
            ..PriceSettings::default()
        },
        &[],
    );
}

#[test]
fn prices_that_are_none_are_told() {
    let check = |model: PriceSettings, expected: &[&str]| assert_eq!(rate(model).1, expected);
    let one = || PriceSettings {
        input: written("1"),
        ..PriceSettings::default()
    };
    check(
        PriceSettings {
            output: written("a lot"),
            ..one()
        },
        &["bad_price"],
    );
    check(
        PriceSettings {
            request: written("-1"),
            ..one()
        },
        &["bad_money"],
    );
    check(
        PriceSettings {
            max_input: Some(0),
            ..one()
        },
        &["zero_tokens"],
    );
    check(
        PriceSettings {
            batch_discount: written("half"),
            ..one()
        },
        &["bad_percent"],
    );
    let tier = || TierSettings {
        above_input: 5,
        ..TierSettings::default()
    };
    check(
        PriceSettings {
            tiers: vec![tier(), tier()],
            ..one()
        },
        &["duplicate_tier"],
    );
}
