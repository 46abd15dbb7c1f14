//! Values glued to each other and to what redaction left: redacting twice is redacting once, nobody gains by writing what
//! redaction writes, and looking again costs no more than looking.

use super::super::layer::Layer;
use super::super::state::{Decided, Known, State};
use super::texts::{Dice, PIECES, TEXTS, VALUES, sentences, text};
use super::{every_cut, stream};
use crate::governance::guard::catalogue::Catalogue;
use crate::governance::guard::custom::Custom;
use crate::governance::guard::finding::Finding;
use crate::governance::guard::redact::{
    Beside, Escaping, Hosts, Mapping, Method, Next, ScopeKey, Types, redact, replacement, restore,
};
use crate::governance::guard::{Piece, Scanner};
use proptest::prelude::*;
use std::sync::Arc;

const ONE_WAY: [Method; 4] = [Method::Mask, Method::Hash, Method::Label, Method::Drop];

/// What somebody may write by hand who knows what redaction writes.
pub(super) const MARKS: &[&str] = &[
    "[EMAIL]",
    "[SECRET]",
    "[PHONE]",
    "[…]",
    "********",
    "********1111",
    "HASH_EMAIL_K7Q2M4XA",
    "HASH_SECRET_ABCDEFGH",
    "TG_EMAIL_K7Q2M4XA",
    "TG_CREDIT_CARD_ABCDEFGH",
    "TG_LITERAL_ABCDEFGH",
];

/// What nearly is.
const NEARLY: &[&str] = &[
    "TG_DB_PASSWORD=",
    "TG_EMAIL_PASSWORD=",
    "HASH_EMAIL_",
    "TG_",
    "*",
    "**",
    "***********",
    "[EMAIL",
    "[OTHER]",
    "[…",
];

fn mapping() -> Mapping {
    let key = ScopeKey::derive(b"secret", "k", None);
    Mapping::new(key, Arc::new(Types::new(&[])))
}

fn whole(text: &str, method: Method, map: &mut Mapping) -> String {
    redact(
        text,
        &Catalogue::builtin().scan(text),
        |_| Some(method),
        map,
    )
    .text
}

/// The same for a text that comes in pieces.
fn streamed<'t>(pieces: impl Iterator<Item = &'t str>, method: Method, map: &Mapping) -> String {
    let mut out = String::new();
    let mut take = |piece: Piece<'_>| match piece {
        Piece::Text(text) => out.push_str(text),
        Piece::Found {
            finding,
            value,
            apart,
        } => {
            let first = finding.start == 0;
            let beside = Beside { first, apart };
            out.push_str(&replacement(finding.kind, method, value, beside, map));
        }
        Piece::Opened {
            what, beginning, ..
        } => {
            let put = replacement(what.kind, method, beginning, Beside::default(), map);
            out.push_str(&put);
        }
        Piece::Overran | Piece::Closed(_) => {}
    };
    let mut scanner = Scanner::new();
    for piece in pieces {
        scanner.push(Catalogue::builtin(), piece, &mut take);
    }
    scanner.finish(Catalogue::builtin(), &mut take);
    out
}

/// Texts of two lengths whose values meet, and sentences in which they do not.
fn texts() -> impl Iterator<Item = String> {
    let glued = |bytes| (0..TEXTS).map(move |number| text(number, bytes));
    glued(32).chain(glued(128)).chain((0..TEXTS).map(sentences))
}

#[test]
fn what_is_redacted_one_way_is_not_redacted_again() {
    for text in texts() {
        for method in ONE_WAY {
            let once = whole(&text, method, &mut mapping());
            let twice = whole(&once, method, &mut mapping());
            assert_eq!(once, twice, "{method:?} {text:?}");
        }
    }
}

/// That the cuts do not matter is shown of what the scanner hands out, which is all that `replacement` goes by.
#[test]
fn what_comes_in_pieces_is_redacted_as_the_whole_and_once() {
    for text in texts().step_by(23) {
        for method in ONE_WAY {
            let expected = whole(&text, method, &mut mapping());
            let letters = || text.split_inclusive(|_| true);
            let once = streamed(letters(), method, &mapping());
            // A key block is hashed by its beginning where its end has not come.
            if method != Method::Hash || !text.contains("-----BEGIN") {
                assert_eq!(once, expected, "{method:?} {text:?}");
            }
            let twice = streamed(once.split_inclusive(|_| true), method, &mapping());
            assert_eq!(twice, once, "{method:?} {text:?}");
        }
    }
}

/// Names that come back are somebody's text, and get a name each. Nothing else is taken out.
#[test]
fn of_what_is_replaced_nothing_but_the_names_is_replaced_again() {
    let hosts = Arc::new(Hosts::default());
    for text in texts() {
        let once = whole(&text, Method::Replace, &mut mapping());
        let mut second = mapping();
        let found = Catalogue::builtin().scan(&once);
        let twice = redact(&once, &found, |_| Some(Method::Replace), &mut second);
        assert!(twice.counts.is_empty(), "{text:?} {once:?}");
        let (mut at, mut expected, mut third) = (0, String::new(), mapping());
        while let Some(name) = third.types().next_in(&once, at) {
            expected.push_str(&once[at..name.start]);
            expected += &redact(&once[name.clone()], &[], |_| None, &mut third).text;
            at = name.end;
        }
        expected.push_str(&once[at..]);
        assert_eq!(twice.text, expected, "{text:?}");
        if !once.contains("://") {
            assert_eq!(restore(&second, &twice.text, Escaping::Plain, &hosts), once);
        }
    }
}

/// The parts of a text that are found, with what stands between them.
fn shown(catalogue: &Catalogue, text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut at = 0;
    for Finding {
        start,
        end,
        detector,
        ..
    } in catalogue.scan(text)
    {
        parts.push(text[at..start].to_owned());
        parts.push(format!("{detector}: {}", &text[start..end]));
        at = end;
    }
    parts.push(text[at..].to_owned());
    parts
}

#[test]
fn a_value_beside_a_mark_is_found_as_it_is_without() {
    let catalogue = Catalogue::builtin();
    let found = |text: &str| -> Vec<String> {
        let value = |finding: &Finding| text[finding.start..finding.end].to_owned();
        catalogue.scan(text).iter().map(value).collect()
    };
    for (number, &value) in VALUES.iter().enumerate() {
        let expected = found(value);
        for (other, &mark) in MARKS.iter().enumerate() {
            let glues = mark.ends_with("1111")
                || mark.ends_with(|c: char| c.is_ascii_alphanumeric())
                    && value.starts_with(|c: char| c.is_ascii_alphanumeric());
            // Glued to letters it is part of a word, and the word is no mark; digits go on behind digits.
            let between: &[&str] = if glues {
                &[" ", ". "]
            } else {
                &["", " ", ". "]
            };
            for &between in between {
                for text in [
                    [mark, between, value].concat(),
                    [value, between, mark].concat(),
                    [mark, between, value, between, mark].concat(),
                ] {
                    let found = found(&text);
                    let covers =
                        |part: &String| found.iter().any(|value| value.contains(part.as_str()));
                    assert!(
                        expected.iter().all(covers),
                        "{text:?}: {expected:?} {found:?}"
                    );
                    // Cutting takes the square of the length.
                    if (number + other) % 7 == 0 {
                        every_cut(catalogue, &text);
                    }
                }
            }
        }
    }
}

#[test]
fn a_variable_that_looks_like_a_name_announces_its_secret() {
    for name in ["TG_DB_PASSWORD", "TG_API_SECRET_KEY", "TG_EMAIL_PASSWORD"] {
        for value in ["hunter2x9", "S3cure!pass", "8f3kd92jf0"] {
            let text = format!("{name}={value}\n");
            let parts = shown(Catalogue::builtin(), &text);
            let secret = parts
                .iter()
                .any(|part| part.ends_with(&format!("_assignment: {value}")));
            assert!(secret, "{text:?} {parts:?}");
            every_cut(Catalogue::builtin(), &text);
        }
    }
}

#[test]
fn what_stands_beside_a_mark_in_a_secret_is_taken_out() {
    for mark in MARKS {
        for (text, left) in [
            (format!("password={mark}!hunter2x "), vec!["hunter2x"]),
            (
                format!("password: hunter2{mark}!S3cure "),
                vec!["hunter2", "S3cure"],
            ),
            (format!("\"password\": \"hunter2!{mark}\""), vec!["hunter2"]),
        ] {
            let found = Catalogue::builtin().scan(&text);
            for method in ONE_WAY {
                let once = redact(&text, &found, |_| Some(method), &mut mapping());
                for secret in &left {
                    assert!(!once.text.contains(secret), "{text:?} {:?}", once.text);
                }
                let count = once.counts.iter().map(|(_, count)| *count).sum::<u32>();
                assert_eq!(count as usize, left.len(), "{text:?}");
            }
            every_cut(Catalogue::builtin(), &text);
        }
        // Where nothing is left, nothing is found, and so nothing is said to be masked.
        for text in [
            format!("password={mark}"),
            format!("password: {mark}/=\n"),
            format!("{{\"password\": \"{mark}\"}}"),
            format!("postgres://bob:{mark}@db.example.com/"),
        ] {
            // Digits before an `@` are an address.
            if text.contains("1111@") {
                continue;
            }
            assert_eq!(Catalogue::builtin().scan(&text), [], "{text:?}");
            every_cut(Catalogue::builtin(), &text);
        }
    }
}

#[test]
fn digits_behind_stars_hide_no_number() {
    for (text, left) in [
        ("********4111 1111 1111 1111", "1111 1111 1111"),
        ("card ********4111-1111-1111-1111.", "1111-1111"),
        ("password=********!hunter2x ", "hunter2x"),
        ("********1111jane.doe@example.org", "example.org"),
        ("HASH_EMAIL_AKIAIOSFODNN7REALKEY", "IOSFODNN7REAL"),
        ("[IBAN]DE89 3704 0044 0532 0130 00", "3704 0044"),
    ] {
        let out = whole(text, Method::Label, &mut mapping());
        assert!(!out.contains(left), "{text:?} {out:?}");
    }
}

#[test]
fn the_end_of_a_number_is_not_shown_where_it_could_go_on() {
    let masked = |text: &str| whole(text, Method::Mask, &mut mapping());
    assert_eq!(masked("4111 1111 1111 1111."), "********1111.");
    assert_eq!(
        masked("4111 1111 1111 1111 by card"),
        "********1111 by card"
    );
    assert_eq!(masked("4111 1111 1111 1111/12"), "********/12");
    assert_eq!(masked("4111 1111 1111 1111 (12)"), "******** (12)");
}

/// What a policy looks for itself may be a mark's word, or reach over it.
#[test]
fn patterns_of_a_policy_leave_marks_alone() {
    let own = |name: &str, pattern| Custom::compile(name, pattern, false, None).expect("compiles");
    let customs = vec![own("badge", r"[A-Z]{5}"), own("line", r"B-[^\n]{3,20}")];
    let catalogue = Catalogue::build(crate::governance::guard::catalogue::Selection {
        customs,
        ..Default::default()
    });
    for text in [
        "ABCDE[BADGE]FGHIJ B-12 jane@example.org",
        "B-[LINE]******** x",
        "HASH_BADGE_ABCDEFGH",
    ] {
        every_cut(&catalogue, text);
        let map = || {
            let key = ScopeKey::derive(b"secret", "k", None);
            Mapping::new(key, Arc::new(Types::new(&["badge", "line"])))
        };
        for method in ONE_WAY {
            let once = redact(text, &catalogue.scan(text), |_| Some(method), &mut map()).text;
            let twice = redact(&once, &catalogue.scan(&once), |_| Some(method), &mut map()).text;
            assert_eq!(once, twice, "{method:?} {text:?}");
        }
    }
}

/// How many digests in a text are marks.
fn digests(text: &str) -> usize {
    let map = mapping();
    let (mut at, mut count) = (0, 0);
    while let Next::Mark(mark) = map.types().next_mark(text, at, true) {
        at = mark.end;
        count += usize::from(text[mark].starts_with("HASH_"));
    }
    count
}

/// What the first look finds.
fn first_look(catalogue: &Catalogue, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let known = Known {
        bytes: text.as_bytes(),
        base: 0,
        complete: true,
    };
    State::default().advance(catalogue, &known, &mut |decided| {
        if let Decided::Found(finding) | Decided::Closed(finding) = decided {
            found.push(finding);
        }
    });
    found
}

/// How often probes are asked to find values, by the first look, and how often besides: by the others, and to tell what must
/// be held for them.
fn looks(text: &str, size: Option<usize>) -> (usize, usize) {
    let catalogue = Catalogue::builtin();
    let mut look = if size.is_some() {
        Layer::streaming()
    } else {
        Layer::default()
    };
    if let Some(size) = size {
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(rest.ceil_char_boundary(size));
            look.text(catalogue, piece, &mut |_| {});
            rest = more;
        }
        look.finish(catalogue, &mut |_| {});
    } else {
        look.look(catalogue, text, 0, true, &mut |_| {});
        look.finish_behind(catalogue, &mut |_| {});
    }
    look.asked()
}

#[test]
fn looking_again_costs_a_few_times_what_looking_does_in_the_worst_texts() {
    for value in VALUES.iter().filter(|value| !value.contains("-----BEGIN")) {
        for between in ["", " ", ", "] {
            let text = [value, between].concat().repeat(24);
            for size in [None, Some(1), Some(16), Some(128)] {
                let (first, more) = looks(&text, size);
                assert!(
                    more <= 3 * first + 64,
                    "{value:?}{between:?} by {size:?}: {first} and {more}"
                );
            }
        }
    }
}

#[test]
fn texts_without_values_are_looked_at_once() {
    let prose =
        "The quick brown fox jumps over 13 lazy dogs at 10:30, says the password. ".repeat(100);
    let (first, more) = looks(&prose, None);
    assert!(first > 0 && more == 0, "{first} {more}");
    // In a stream it is asked whether anything must be held, once.
    for size in [1, 16, 128] {
        let (first, more) = looks(&prose, Some(size));
        assert!(more <= first + first / 4, "{first} {more} by {size}");
    }
}

#[test]
fn the_second_look_sleeps_soon_behind_a_value() {
    let prose = "The quick brown fox jumps over 13 lazy dogs at 10:30, and nobody wondered why. "
        .repeat(50);
    let text = [&*prose, " jane.doe@example.org ", &prose].concat();
    for size in [None, Some(1), Some(16), Some(128)] {
        let (_, without) = looks(&[&*prose, &*prose].concat(), size);
        let (first, more) = looks(&text, size);
        assert!(
            more <= without + first / 8,
            "{size:?}: {without} {first} {more}"
        );
    }
}

#[test]
fn a_row_of_marks_is_read_in_proportion_to_its_length() {
    let catalogue = Catalogue::builtin();
    for mark in MARKS.iter().chain(NEARLY) {
        let text = mark.repeat(2_000);
        let (found, out, _) = stream(catalogue, &[&text]);
        assert_eq!(found, catalogue.scan(&text), "{mark}");
        if found.is_empty() {
            assert_eq!(out, text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Whoever writes a mark by hand gains no more than by writing a star: nothing is left that one look finds beside that.
    /// (A second look sees one star more where a value ends in one, and finds what follows two.)
    #[test]
    fn a_mark_hides_no_more_than_a_star(number in any::<u64>()) {
        let mut dice = Dice(number);
        let (mut marked, mut starred) = (String::new(), String::new());
        let mut stars: Vec<(usize, &str)> = Vec::new();
        for _ in 0..8 {
            let part = match dice.roll(8) {
                0..=2 => dice.one_of(VALUES),
                3 => dice.one_of(PIECES),
                4 => dice.one_of(NEARLY),
                _ => {
                    let mark = dice.one_of(MARKS);
                    if mark.contains("****") {
                        continue;
                    }
                    stars.push((starred.len(), mark));
                    marked.push_str(mark);
                    starred.push('*');
                    let between = dice.one_of(&["=", " ", "/", ", ", ".", "é"]);
                    marked.push_str(between);
                    starred.push_str(between);
                    continue;
                }
            };
            marked.push_str(part);
            starred.push_str(part);
        }
        let catalogue = Catalogue::builtin();
        let mut expected = String::new();
        let mut at = 0;
        // A star of a value is text; what stands for a mark never is part of one.
        for finding in first_look(catalogue, &starred) {
            expected.push_str(&starred[at..finding.start]);
            expected.extend((finding.start..finding.end).filter(|at| stars.iter().any(|star| star.0 == *at)).map(|_| '*'));
            at = finding.end;
        }
        expected.push_str(&starred[at..]);
        let (mut left, mut at) = (String::new(), 0);
        for finding in catalogue.scan(&marked) {
            left.push_str(&marked[at..finding.start]);
            at = finding.end;
        }
        left.push_str(&marked[at..]);
        for (_, mark) in stars {
            left = left.replacen(mark, "*", 1);
        }
        let mut letters = expected.chars().filter(|c| c.is_alphanumeric());
        let more = left.chars().filter(|c| c.is_alphanumeric()).find(|c| !letters.any(|other| other == *c));
        prop_assert_eq!(more, None, "{:?} {:?}: {:?} {:?}", marked, starred, left, expected);
    }

    /// Whatever is glued to whatever.
    #[test]
    fn redacting_twice_is_redacting_once(parts in prop::collection::vec((0_usize..5, any::<prop::sample::Index>()), 1..12)) {
        let part = |(of, place): &(usize, prop::sample::Index)| {
            let of = [VALUES, PIECES, MARKS, NEARLY, VALUES].get(*of).expect("fewer than there are");
            *place.get(of)
        };
        let text: String = parts.iter().map(part).collect();
        let is_own = mapping().types().occur_in(&text);
        every_cut(Catalogue::builtin(), &text);
        for method in ONE_WAY {
            let once = whole(&text, method, &mut mapping());
            // Placeholders are given names, each time others; and a digest to which letters are glued is no mark, because
            // they could be a value's.
            let is_glued = digests(&once) < once.matches("HASH_").count();
            if !is_own && !is_glued {
                let twice = whole(&once, method, &mut mapping());
                prop_assert_eq!(&twice, &once, "{:?} {:?}", method, text);
            }
        }
    }
}
