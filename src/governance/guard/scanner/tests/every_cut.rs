//! Two thousand texts cut at every place: what is found, what leaves, what replaces it and what comes back.

use super::every_cut;
use super::texts::{TEXTS, text};
use crate::governance::guard::catalogue::Catalogue;
use crate::governance::guard::finding::{Finding, Kind};
use crate::governance::guard::redact::{
    Escaping, Hosts, Mapping, Method, Restorer, ScopeKey, Types, redact, restore,
};
use std::collections::BTreeMap;
use std::sync::Arc;

fn mapping() -> Mapping {
    let key = ScopeKey::derive(b"secret", "k", None);
    Mapping::new(key, Arc::new(Types::new(&[])))
}

/// The length of the texts: looking at each as often as it has places to be cut at takes the square of it.
const BYTES: usize = 32;

/// The texts of one of four tests, so that all processors have something to do.
fn quarter(number: u64) -> impl Iterator<Item = String> {
    (0..TEXTS)
        .filter(move |text| text % 4 == number)
        .map(|number| text(number, BYTES))
}

fn no_cut_shows(number: u64) {
    for text in quarter(number) {
        every_cut(Catalogue::builtin(), &text);
    }
}

#[test]
fn no_cut_shows_in_the_first_texts() {
    no_cut_shows(0);
}

#[test]
fn no_cut_shows_in_the_second_texts() {
    no_cut_shows(1);
}

#[test]
fn no_cut_shows_in_the_third_texts() {
    no_cut_shows(2);
}

#[test]
fn no_cut_shows_in_the_fourth_texts() {
    no_cut_shows(3);
}

#[test]
fn the_texts_hold_values_of_every_family_beside_and_inside_each_other() {
    let mut texts_with: BTreeMap<Kind, u32> = BTreeMap::new();
    let (mut meet, mut without) = (0, 0);
    for text in (0..TEXTS).map(|number| text(number, BYTES)) {
        let found = Catalogue::builtin().scan(&text);
        let mut kinds: Vec<Kind> = found.iter().map(|finding| finding.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            *texts_with.entry(kind).or_default() += 1;
        }
        let meets = |pair: &[Finding]| matches!(pair, [one, next] if one.end + 1 >= next.start);
        meet += u32::from(found.windows(2).any(meets));
        without += u32::from(found.is_empty());
    }
    for kind in Kind::BUILT_IN {
        assert!(texts_with.get(&kind) > Some(&50), "{kind}: {texts_with:?}");
    }
    assert!(meet > 50 && without > 50, "{meet} {without}");
}

/// How a value that may come back is written, and a secret, which may not.
const fn reversibly(kind: Kind) -> Method {
    match kind {
        Kind::Secret => Method::Mask,
        _ => Method::Replace,
    }
}

#[test]
fn what_was_replaced_comes_back_byte_for_byte_however_the_answer_is_cut() {
    let catalogue = Catalogue::builtin();
    let hosts = Arc::new(Hosts::default());
    for text in (0..TEXTS).map(|number| text(number, BYTES)) {
        let findings = catalogue.scan(&text);
        let by = |finding: &Finding| Some(reversibly(finding.kind));
        let mut map = mapping();
        let sent = redact(&text, &findings, by, &mut map).text;
        let mut expected = String::new();
        let mut at = 0;
        for finding in findings.iter().filter(|found| found.kind == Kind::Secret) {
            expected.push_str(&text[at..finding.start]);
            expected.push_str("********");
            at = finding.end;
        }
        expected.push_str(&text[at..]);
        let back = restore(&map, &sent, Escaping::Plain, &hosts);
        assert_eq!(back, expected, "{text:?} {sent:?}");
        for cut in (1..sent.len()).filter(|cut| sent.is_char_boundary(*cut)) {
            let mut restorer = Restorer::new(Escaping::Plain, hosts.clone());
            let mut out = String::new();
            restorer.push(&map, &sent[..cut], &mut out);
            restorer.push(&map, &sent[cut..], &mut out);
            restorer.finish(&map, &mut out);
            assert_eq!(out, back, "{sent:?} cut at {cut}");
        }
    }
}
