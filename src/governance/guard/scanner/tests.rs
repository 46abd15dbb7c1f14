use super::*;
use crate::governance::guard::catalogue::{Catalogue, Selection};
use crate::governance::guard::finding::Kind;
use texts::PIECES;

mod by_hand;
mod every_cut;
mod glued;
pub(crate) mod texts;

/// What a stream gave: its findings, and its text with each value replaced.
pub(in crate::governance::guard) fn stream(
    catalogue: &Catalogue,
    chunks: &[&str],
) -> (Vec<Finding>, String, usize) {
    let mut scanner = Scanner::new();
    let (mut findings, mut out, mut held) = (Vec::new(), String::new(), 0);
    // What has left is the text up to here, values apart: so none of their bytes has.
    let mut at = 0;
    let mut take = |piece: Piece<'_>| match piece {
        Piece::Text(text) => {
            at += text.len();
            out.push_str(text);
        }
        Piece::Found {
            finding,
            value,
            apart,
        } => {
            assert_eq!((finding.start, finding.end), (at, at + value.len()));
            at = finding.end;
            findings.push(finding);
            out.push('⟦');
            out.push_str(finding.detector);
            out.push(if apart { '⟧' } else { '⟩' });
        }
        Piece::Opened {
            start, beginning, ..
        } => {
            assert_eq!(start, at);
            out.push('⟦');
            out.push_str(beginning);
        }
        Piece::Overran => out.push('!'),
        Piece::Closed(finding) => {
            assert_eq!(finding.start, at);
            at = finding.end;
            findings.push(finding);
            out.push('⟧');
        }
    };
    for chunk in chunks {
        scanner.push(catalogue, chunk, &mut take);
        held = held.max(scanner.held_chars());
    }
    scanner.finish(catalogue, &mut take);
    (findings, out, held)
}

/// Asserts that a text gives the same whole, cut in two anywhere, and character by character.
pub(in crate::governance::guard) fn every_cut(catalogue: &Catalogue, text: &str) {
    let whole = catalogue.scan(text);
    let (findings, out, _) = stream(catalogue, &[text]);
    assert_eq!(findings, whole, "in one chunk: {text:?}");
    for cut in (1..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
        let (head, tail) = text.split_at(cut);
        let (found, cut_out, _) = stream(catalogue, &[head, tail]);
        assert_eq!((&found, &cut_out), (&whole, &out), "{head:?} | {tail:?}");
    }
    let letters: Vec<_> = text.split_inclusive(|_| true).collect();
    let (found, cut_out, _) = stream(catalogue, &letters);
    assert_eq!((found, cut_out), (whole, out), "letter by letter: {text:?}");
}

fn customs() -> Catalogue {
    use crate::governance::guard::custom::Custom;
    let own = |pattern| Custom::compile("own", pattern, false, None).expect("compiles");
    let customs = vec![
        own(r"word\b"),
        own(r"[a-z]+@[0-9]"),
        own(r"(?:中|a)[^\n]{2,5}。?"),
    ];
    Catalogue::build(Selection {
        customs,
        ..Selection::default()
    })
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn texts() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(PIECES), 1..14)
            .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn the_same_is_found_however_a_text_is_cut(text in texts()) {
            every_cut(Catalogue::builtin(), &text);
        }

        #[test]
        fn patterns_of_a_policy_find_the_same_however_a_text_is_cut(text in texts()) {
            every_cut(&customs(), &text);
        }

        #[test]
        fn any_text_may_be_cut_into_any_chunks(text in "\\PC{0,300}", cuts in prop::collection::vec(0_usize..300, 0..8)) {
            let catalogue = Catalogue::builtin();
            let mut chunks = Vec::new();
            let mut rest = text.as_str();
            for cut in cuts {
                let (chunk, more) = rest.split_at(rest.floor_char_boundary(cut));
                chunks.push(chunk);
                rest = more;
            }
            chunks.push(rest);
            prop_assert_eq!(stream(catalogue, &chunks).0, catalogue.scan(&text));
        }
    }
}

#[test]
fn prose_flows_word_by_word() {
    let text = "The quick brown fox jumps over 13 lazy dogs, at 10:30 on 2024-11-27; costs were 12.50 (or 3,000) in total. ";
    let letters: Vec<_> = text.split_inclusive(|_| true).collect();
    let (_, out, held) = stream(Catalogue::builtin(), &letters);
    assert_eq!(out, text);
    assert!(held <= 32, "{held}");
}

#[test]
fn beginnings_of_values_do_not_leak() {
    for (head, value) in [
        ("pay 4111 1111 ", "1111 1111"),
        ("mail jane.d", "oe@example.com"),
        ("iban DE89 3704 0044 ", "0532 0130 00"),
        ("mac 00:1a:2b:", "3c:4d:5e"),
        ("ip 2001:db8:", ":1"),
        ("ip 10.20", ".30.40"),
        ("to bc", "1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
    ] {
        let mut scanner = Scanner::new();
        let mut out = String::new();
        let mut take = |piece: Piece<'_>| {
            if let Piece::Text(text) = piece {
                out.push_str(text);
            }
        };
        scanner.push(Catalogue::builtin(), head, &mut take);
        scanner.push(Catalogue::builtin(), value, &mut take);
        scanner.finish(Catalogue::builtin(), &mut take);
        assert_eq!(
            out,
            head.split_inclusive(' ').next().expect("a word"),
            "{head}|{value}"
        );
    }
}

#[test]
fn an_idle_stream_takes_little_memory() {
    let catalogue = Catalogue::builtin();
    for (sentence, most) in [
        (
            "Some words of prose, 12 of them, and none of them is a value of any kind. ",
            1_024,
        ),
        // Beside a value a second look is awake.
        (
            "Some words of prose, 12 of them, and a mail to jane@example.com. ",
            2_560,
        ),
    ] {
        let mut scanner = Scanner::new();
        for _ in 0..100 {
            scanner.push(catalogue, &sentence.repeat(50), &mut |_| {});
        }
        assert!(scanner.footprint() <= most, "{}", scanner.footprint());
    }
}

#[test]
fn the_worst_texts_cost_in_proportion_to_their_length() {
    let catalogue = Catalogue::builtin();
    let asked = |text: &str| {
        let mut look = Layer::default();
        look.look(catalogue, text, 0, true, &mut |_| {});
        look.finish_behind(catalogue, &mut |_| {});
        let (first, more) = look.asked();
        first + more
    };
    for unit in [
        "1",
        "@",
        "a.",
        "-----BEGIN",
        "1 ",
        "a@",
        ":",
        "f:",
        "1.",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "4111 1111 ",
        "eyJ",
        "password=",
        "DE89",
    ] {
        let (one, two) = (
            asked(&unit.repeat(64 * 1_024 / unit.len())),
            asked(&unit.repeat(128 * 1_024 / unit.len())),
        );
        assert!(two <= 2 * one + 64, "{unit}: {one} for one, {two} for two");
    }
}

#[test]
fn tricky_texts_are_cut_anywhere() {
    for text in [
        "00:1a:2b:3c:4d:5e(+41 44 668 18 00\n",
        "5e(+41 44 668 18 00\n-",
        "(+41 44 668 18 00\n-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA",
    ] {
        every_cut(Catalogue::builtin(), text);
        every_cut(&customs(), text);
    }
}

#[test]
fn long_values_are_replaced_at_once_and_swallowed_whole_however_they_come() {
    let body = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn7ygWyF8PbnGy0AHB7MbzYLdZ7ZvVy7F7V\n".repeat(30);
    let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----");
    let token = format!("ghp_{}", "16C7e42F292c6912E7710c838347Ae178B4a".repeat(30));
    for value in [key, token] {
        let text = format!("before jane@acme.io {value} behind 4111 1111 1111 1111.");
        let whole = Catalogue::builtin().scan(&text);
        assert!(
            whole
                .iter()
                .all(|f| text[f.start..f.end] == value || f.kind != Kind::Secret),
            "{whole:?}"
        );
        let (_, out, _) = stream(Catalogue::builtin(), &[&text]);
        for size in [1, 7, 64, 500] {
            let chunks: Vec<_> = text
                .as_bytes()
                .chunks(size)
                .map(|c| str::from_utf8(c).expect("ASCII"))
                .collect();
            let (findings, cut, held) = stream(Catalogue::builtin(), &chunks);
            assert_eq!((&findings, &cut), (&whole, &out), "chunks of {size}");
            assert!(held <= 1_280, "{held}");
        }
    }
}

#[test]
fn a_key_block_without_an_end_says_that_it_overran() {
    let body = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn7ygWyF8PbnGy0AHB7MbzYLdZ7ZvVy7F7V\n".repeat(300);
    let text = format!("-----BEGIN RSA PRIVATE KEY-----\n{body}");
    let (findings, out, _) = stream(Catalogue::builtin(), &[&text]);
    assert_eq!(findings, Catalogue::builtin().scan(&text));
    assert_eq!(findings.len(), 1);
    assert_eq!(
        findings.first().map(|f| (f.start, f.end)),
        Some((0, text.len()))
    );
    assert_eq!(out.matches('!').count(), 1);
}

#[test]
fn a_value_across_two_slices_of_a_long_text_is_found() {
    let catalogue = Catalogue::builtin();
    for before in Catalogue::SLICE - 24..Catalogue::SLICE + 4 {
        let filler = "word ".repeat(before / 5 + 1);
        let text = format!(
            "{} jane.doe@example.com {}",
            filler.get(..before).expect("letters"),
            "word ".repeat(4_000)
        );
        let found = catalogue.scan(&text);
        assert_eq!(found.len(), 1, "{before}");
        assert_eq!(found, stream(catalogue, &[&text]).0);
    }
}

#[test]
fn a_long_text_is_given_up_in_its_middle() {
    let catalogue = Catalogue::builtin();
    let text = format!("jane@example.com {}", "@".repeat(4 * Catalogue::SLICE));
    let mut asked = 0;
    let mut twice = || {
        asked += 1;
        asked < 2
    };
    let given_up = catalogue.scan_while(&text, &mut twice);
    let found = given_up.expect_err("there is more").found();
    assert_eq!(found.len(), 1, "what was found before stays found");
    assert_eq!(asked, 2);
}

#[test]
fn a_value_nobody_wants_hides_no_password() {
    use crate::governance::guard::finding::Level;
    let secrets = Selection {
        kinds: vec![(Kind::Secret, Level::Contextual)],
        ..Selection::default()
    };
    let catalogue = Catalogue::build(secrets);
    let text = "password: hunter2!00:1A:2B:3C:4D:5E ok";
    let (findings, out, _) = stream(&catalogue, &[text]);
    let all = findings.iter().all(|found| found.kind == Kind::Secret);
    assert!(all && !findings.is_empty(), "{text:?}: {findings:?}");
    assert!(!out.contains("1A:"), "{out:?}");
    every_cut(&catalogue, text);
}

#[test]
fn what_a_surer_value_leaves_of_a_password_does_not_leave() {
    let catalogue = Catalogue::build(Selection::default());
    let key = ["AKIA", "Z7Q3MPLK2VX5WHTR"].concat();
    for (text, rest) in [
        (format!("password: hunter2!{key} and on"), "hunter2"),
        (format!("password={key}hunter2x"), "hunter2x"),
        (
            String::from("password: hunter2!00:1A:2B:3C:4D:5E ok"),
            "hunter2",
        ),
    ] {
        let (_, out, _) = stream(&catalogue, &[&text]);
        assert!(!out.contains(rest), "{text:?} left {out:?}");
        every_cut(&catalogue, &text);
    }
}
