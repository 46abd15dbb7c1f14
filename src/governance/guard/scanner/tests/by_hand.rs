//! Marks of redaction written by hand, beside, around and inside what somebody wants to hide: nothing gets out that would not
//! get out by a star in their place.

use super::every_cut;
use super::glued::MARKS;
use crate::governance::guard::catalogue::Catalogue;
use crate::governance::guard::finding::Finding;
use crate::governance::guard::redact::{Mapping, Method, ScopeKey, Types, redact};
use crate::governance::guard::scanner::Scanner;
use std::sync::Arc;

/// Values, and the part of each that must not get out.
const HIDDEN: &[(&str, &str)] = &[
    ("4111 1111 1111 1111", "1111 1111 1111"),
    ("jane.doe@example.org", "jane.doe@"),
    ("DE89 3704 0044 0532 0130 00", "3704 0044"),
    ("AKIAZQXJMPLKQVXBWHTR", "ZQXJMPLKQ"),
    ("password=hunter2x9", "hunter2x9"),
    ("\"api_key\": \"q8Zt3vLw9Xk2Rm7N\"", "q8Zt3vLw9Xk2Rm7N"),
    ("+41 44 668 18 00", "668 18"),
    ("536-22-1841", "22-1841"),
    ("10.20.30.40", "20.30"),
    ("postgres://bob:Zt3vLw9X@db.example.com/", "Zt3vLw9X"),
];

/// What is put around a value; the mark stands where the `#` is.
const AROUND: &[(&str, &str)] = &[
    ("# ", ""),
    ("", " #"),
    ("# ", " #"),
    ("#\n", "\n#"),
    ("##", ""),
    ("", "##"),
    ("[#] ", " [#]"),
    ("[", "]"),
    ("[#", "#]"),
    ("****", "****"),
    ("# = ", ""),
    ("\"#\": \"", "\""),
    ("[[[", "#"),
    ("TG_", " TG_"),
    ("TG_# HASH_", "_"),
    ("TG_EMAIL_#.", "#"),
    ("[…[…", "…]"),
    ("[EMAIL", " #"),
];

fn redacted(text: &str, found: &[Finding]) -> String {
    let key = ScopeKey::derive(b"secret", "k", None);
    let mut map = Mapping::new(key, Arc::new(Types::new(&[])));
    redact(text, found, |_| Some(Method::Drop), &mut map).text
}

#[test]
fn no_mark_before_behind_or_around_a_value_hides_it() {
    let catalogue = Catalogue::builtin();
    let mut hidden = Vec::new();
    for (number, (value, secret)) in HIDDEN.iter().enumerate() {
        for (other, (before, behind)) in AROUND.iter().enumerate() {
            for (third, mark) in MARKS.iter().enumerate() {
                let text = [before, *value, behind].concat().replace('#', mark);
                let shows = |text: &str| redacted(text, &catalogue.scan(text)).contains(secret);
                // Digits glued to a number hide it as they always did, and so do letters.
                let last = mark.get(mark.len() - 1..).unwrap_or("*");
                let hides = |stand_in: &str| {
                    shows(&[before, *value, behind].concat().replace('#', stand_in))
                };
                // The name of a hash announces no password, whoever writes it.
                let word = mark.to_lowercase();
                if shows(&text) && !hides("*") && !hides(last) && !hides(&word) {
                    hidden.push(text.clone());
                }
                if (number + other + third) % 29 == 0 {
                    every_cut(catalogue, &text);
                }
            }
        }
    }
    assert_eq!(hidden, [""; 0]);
}

/// A mark is nothing that redaction did not write, down to the last letter: what holds more is looked at.
#[test]
fn no_mark_holds_what_is_hidden() {
    for text in [
        "HASH_EMAIL_[jane.doe@example.org]",
        "TG_EMAIL_jane.doe@example.org",
        "TG_EMAIL_K7Q2M4XA.jane.doe@example.org",
        "[EMAIL jane.doe@example.org]",
        "[jane.doe@example.org]",
        "[…jane.doe@example.org…]",
        "********jane.doe@example.org",
        "HASH_SECRET_AKIAZQXJMPLKQVXBWHTR",
        "[AKIAZQXJMPLKQVXBWHTR]",
        "TG_CREDIT_CARD_4111111111111111",
        "TG_CREDIT_CARD_4111 1111 1111 1111",
        "********4111111111111111",
        "********4111 1111 1111 1111********",
        "********[EMAIL]4111 1111 1111 1111[EMAIL]********",
        "[EMAIL[EMAIL]]4111 1111 1111 1111",
        "TG_EMAIL_TG_EMAIL_K7Q2M4XA 4111 1111 1111 1111",
        "HASH_EMAIL_HASH_EMAIL_K7Q2M4XA 4111 1111 1111 1111",
        "[…][…][…]4111 1111 1111 1111[…]",
        "1111********4111 1111 1111 1111",
    ] {
        let out = redacted(text, &Catalogue::builtin().scan(text));
        for secret in ["jane.doe@", "ZQXJMPLKQ", "11111111", "1111 1111 1111"] {
            assert!(!out.contains(secret), "{text} {out}");
        }
        every_cut(Catalogue::builtin(), text);
    }
}

/// A secret's value is masked beside a mark that is put into it, wherever that is.
#[test]
fn a_mark_inside_a_password_covers_nothing_of_it() {
    let secret = "Zt3vLw9XqRm";
    for mark in MARKS {
        for place in 1..secret.len() {
            let (head, tail) = secret.split_at(place);
            let is_glued = mark.ends_with(|c: char| c.is_ascii_alphanumeric());
            let tail = if is_glued {
                format!("!{tail}")
            } else {
                tail.to_owned()
            };
            for (before, behind) in [("password=", "\n"), ("\"password\": \"", "\"")] {
                let text = [before, head, mark, &tail, behind].concat();
                let (mut left, mut at) = (String::new(), 0);
                for finding in Catalogue::builtin().scan(&text) {
                    left.push_str(&text[at..finding.start]);
                    at = finding.end;
                }
                left.push_str(&text[at..]);
                let left = left.replacen(before, "", 1).replacen(mark, "", 1);
                assert!(!left.contains(char::is_alphanumeric), "{text} {left}");
            }
        }
    }
}

#[test]
fn rows_of_marks_and_values_take_bounded_memory() {
    let catalogue = Catalogue::builtin();
    let nearly = [
        "*",
        "[",
        "TG_",
        "HASH_",
        "[…",
        "_",
        "TG_EMAIL_",
        "jane@example.org ",
        "password=",
    ];
    for unit in MARKS.iter().chain(&nearly) {
        let mut scanner = Scanner::new();
        let text = unit.repeat(64);
        let mut most = [0; 2];
        for round in 0..32 {
            scanner.push(catalogue, &text, &mut |_| {});
            let most = most.get_mut(round / 16).expect("two halves");
            *most = scanner.footprint().max(*most);
        }
        let [first, second] = most;
        assert!(second <= first + 1_024, "{unit}: {first} {second}");
        assert!(second <= 128 * 1_024, "{unit}: {second}");
    }
}
