#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that runs over an end has failed, and says where"
)]

use super::*;
use crate::chat::{Endpoint, Usage};
use crate::clock::Wall;
use crate::governance::identity::{Digest, Key, Label, Labels};
use crate::ids::PassageId;
use crate::units::{Money, Tokens};
use std::sync::Arc;
use std::time::Duration;

fn key(name: &str, team: &str) -> Key {
    Key {
        name: name.into(),
        digest: Digest::of(b"sk-canary-secret"),
        labels: Labels {
            single: [(Label::Team, team.into())].into(),
            groups: Vec::new(),
        },
        models: Vec::new(),
        expires: None,
        disabled: false,
        leaf: None,
    }
}

fn record() -> Record {
    Record {
        id: PassageId::from_u128(7),
        at: Wall(1_763_719_629_123_456_789),
        who: Arc::new(Who::of(&key("dev", "red"))),
        run: None,
        session: None,
        endpoint: Some(Endpoint::Chat),
        streaming: false,
        model: Arc::from("gpt-4o"),
        provider: Some(Arc::from("openai")),
        verdict: Verdict::Allow,
        reason: "ok",
        scope: None,
        status: 200,
        revisions: Arc::new(Revisions {
            config: "c1".into(),
            policy: "p1".into(),
            prices: "2026-11".into(),
        }),
        usage: Usage {
            input: Tokens(12),
            output: Tokens(34),
            ..Usage::default()
        },
        cost: Money::from_nanos(1_500_000),
        reserved: Money::from_nanos(20_000_000),
        estimated: false,
        decide: Duration::from_micros(3),
        first_byte: None,
        total: Duration::from_micros(1_234),
        ruled: None,
    }
}

fn written(record: &Record) -> String {
    let mut out = Vec::new();
    Pen::default().write(record, &mut out);
    String::from_utf8(out).unwrap()
}

fn log(count: usize) -> (Vec<u8>, Head) {
    let mut chain = Chain::default();
    let mut out = Vec::new();
    for _ in 0..count {
        chain.append(&record(), &mut out);
    }
    (out, chain.head())
}

fn lines(log: &[u8]) -> Vec<&[u8]> {
    log.split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .collect()
}

#[test]
fn a_record_is_one_line_of_facts() {
    assert_eq!(
        written(&record()),
        concat!(
            r#""id":"dec_00000000-0000-0000-0000-000000000007","at":"2025-11-21T10:07:09.123456Z","key":"dev","#,
            r#""team":"red","endpoint":"chat","model":"gpt-4o","provider":"openai","verdict":"allow","#,
            r#""reason":"ok","input":12,"output":34,"cost":"0.0015","reserved":"0.02","decide_us":3,"#,
            r#""total_us":1234,"config":"c1","policy":"p1","prices":"2026-11","status":200"#,
        )
    );
}

#[test]
fn text_of_a_caller_stays_inside_its_string() {
    let check = |text: &str| {
        let line = written(&Record {
            model: Arc::from(text),
            run: Some(text.into()),
            who: Arc::new(Who::of(&key(text, text))),
            ..record()
        });
        assert!(
            !line
                .chars()
                .any(|c| c.is_control() || "\u{2028}\u{2029}".contains(c)),
            "{line:?}"
        );
        let read: serde_json::Value = serde_json::from_str(&format!("{{{line}}}")).expect(&line);
        for member in ["model", "run", "key", "team"] {
            assert_eq!(read[member], text, "{member}");
        }
    };
    check(r#"","verdict":"allow"#);
    check("\\");
    check("a\r\n{\"seq\":9}\u{0}\u{7f}\u{85}\u{9b}31m\u{2028}é漢😀");
    check("\u{1b}]0;title\u{7}");
}

#[test]
fn long_text_is_cut_between_characters() {
    assert_eq!(bounded(&"é".repeat(100)).len(), 128);
    assert_eq!(bounded(&format!("a{}", "é".repeat(100))).len(), 127);
    assert_eq!(bounded("short"), "short");
}

#[test]
fn a_whole_log_proves_itself() {
    let (log, head) = log(5);
    assert_eq!(verify(lines(&log), Some(head)), Ok(5));
    assert_eq!(verify(lines(&log), None), Ok(5));
    assert_eq!(verify([], None), Ok(0));
    assert_eq!(head.to_string().parse(), Ok(head));
    // The beginning may have been rotated out; what is left still holds together.
    assert_eq!(verify(lines(&log).into_iter().skip(2), Some(head)), Ok(3));
    // A head that lags behind (the process died between two writes) is no fault.
    assert_eq!(verify(lines(&log), Head::after(lines(&log)[2])), Ok(5));
}

#[test]
fn a_missing_moved_or_foreign_line_is_found_where_it_is() {
    let (log, head) = log(5);
    let whole = lines(&log);
    let check = |order: &[usize], line: u64, what: Wrong| {
        let changed = order.iter().map(|at| whole[*at]);
        assert_eq!(
            verify(changed, Some(head)),
            Err(ChainFault { line, what }),
            "{order:?}"
        );
    };
    check(
        &[0, 2, 3, 4],
        2,
        Wrong::Number {
            expected: 2,
            found: 3,
        },
    );
    check(
        &[0, 1, 3, 2, 4],
        3,
        Wrong::Number {
            expected: 3,
            found: 4,
        },
    );
    check(
        &[0, 1, 1, 2, 3, 4],
        3,
        Wrong::Number {
            expected: 3,
            found: 2,
        },
    );
    check(&[0, 1, 2], 3, Wrong::Missing { missing: 2 });
    check(&[], 0, Wrong::Missing { missing: 5 });
    let foreign: &[u8] = b"{}";
    assert_eq!(
        verify([whole[0], foreign], None),
        Err(ChainFault {
            line: 2,
            what: Wrong::Shape
        })
    );
}

#[test]
fn a_gap_is_a_line_of_the_chain() {
    let mut chain = Chain::default();
    let mut out = Vec::new();
    chain.append(&record(), &mut out);
    let mut gap = Gap::at(record().at);
    gap.extend(Wall::from_secs(1_763_719_600));
    gap.extend(Wall::from_secs(1_763_719_700));
    chain.append_gap(&gap, &mut out);
    chain.append(&record(), &mut out);
    let lines = lines(&out);
    assert_eq!(verify(lines.iter().copied(), Some(chain.head())), Ok(3));
    assert!(Gap::is(lines[1]) && !Gap::is(lines[0]));
    let read: serde_json::Value = serde_json::from_slice(lines[1]).unwrap();
    assert_eq!(
        (&read["kind"], &read["lost"], &read["from"], &read["to"]),
        (
            &"gap".into(),
            &3.into(),
            &"2025-11-21T10:06:40.000000Z".into(),
            &"2025-11-21T10:08:20.000000Z".into()
        )
    );
}

proptest::proptest! {
    #[test]
    fn any_flipped_bit_is_found(at in 0_usize..4096, bit in 0_u8..8) {
        let (mut log, head) = log(5);
        let at = at % log.len();
        log[at] ^= 1 << bit;
        proptest::prop_assert!(verify(log.split(|b| *b == b'\n').filter(|l| !l.is_empty()), Some(head)).is_err());
    }

    #[test]
    fn no_line_makes_the_reader_panic(line in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = verify([line.as_slice()], None);
    }
}
