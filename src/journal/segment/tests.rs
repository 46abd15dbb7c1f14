//! What a file says, and when it stops being believed.

use super::*;
use crate::governance::budget::LedgerId;
use crate::journal::codec::tests::{entry, state};
use proptest::prelude::*;

fn file(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = begin(1, Follows::Turned, 41, &State::default());
    for (sequence, entry) in (42..).zip(entries) {
        append(&mut bytes, sequence, entry);
    }
    bytes
}

fn three() -> Vec<Entry> {
    (0..3).map(|id| Entry::Release { id }).collect()
}

fn entries(bytes: &[u8]) -> (Vec<Entry>, Tail) {
    let mut cursor = read(bytes, 1).expect("begins well").entries;
    let entries = cursor.by_ref().map(|located| located.entry).collect();
    (entries, cursor.tail())
}

#[test]
fn the_beginning_of_a_file_has_its_bytes() {
    let bytes = begin(0x0203, Follows::Resumed, 9, &State::default());
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    insta::assert_snapshot!(hex.join(""), @"746f6c6c676174650100000003020000000000003255567a17000000090000000000000080040000000000000000000000000000000000000000007cd6822e");
}

#[test]
fn a_name_tells_the_number_and_nothing_else_is_a_segment() {
    assert_eq!(
        (name(7).as_str(), name(1_234_567).as_str()),
        ("000007.seg", "1234567.seg")
    );
    let check = |name: &str, expected| assert_eq!(number(name), expected, "{name}");
    check("000007.seg", Some(7));
    check("1234567.seg", Some(1_234_567));
    check("7.seg", None);
    check("000007.seg.new", None);
    check("000007.seg.damaged", None);
    check("+00007.seg", None);
    check("99999999999999999999999.seg", None);
}

#[test]
fn preallocated_zeros_are_the_end() {
    let mut bytes = file(&three());
    assert_eq!(entries(&bytes), (three(), Tail::End));
    bytes.resize(bytes.len() + 1000, 0);
    assert_eq!(entries(&bytes), (three(), Tail::End));
}

#[test]
fn a_record_cut_short_is_torn_and_one_before_intact_ones_is_broken() {
    let whole = file(&three());
    let torn = &whole[..whole.len() - 3];
    assert_eq!(
        entries(torn),
        (three()[..2].to_vec(), Tail::Torn { bytes: 22 })
    );
    let mut broken = whole.clone();
    let second = whole.len() - 2 * 25;
    broken[second + 14] ^= 1;
    assert_eq!(entries(&broken), (three()[..1].to_vec(), Tail::Broken));
    let cursor = read(&broken, 1).expect("begins well").entries;
    let mut stopped = cursor.clone();
    stopped.by_ref().for_each(drop);
    let beyond: Vec<_> = stopped.beyond().map(|located| located.sequence).collect();
    assert_eq!(beyond, [44]);
}

#[test]
fn a_record_that_left_a_gap_is_not_believed() {
    let mut bytes = file(&three()[..1]);
    append(&mut bytes, 44, &Entry::Clean);
    assert_eq!(entries(&bytes), (three()[..1].to_vec(), Tail::Broken));
}

#[test]
fn an_intact_record_of_an_unknown_kind_is_a_fault() {
    let mut bytes = file(&three());
    frame(&mut bytes, 45, |out| out.push(77));
    let mut cursor = read(&bytes, 1).expect("begins well").entries;
    cursor.by_ref().for_each(drop);
    assert_eq!(cursor.fault(), Some(Malformed::Kind(77)));
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_unreadable() {
    let whole = file(&[]);
    let check =
        |bytes: &[u8], number, expected| assert_eq!(read(bytes, number).err(), Some(expected));
    check(&[], 1, Unreadable::Header);
    check(&[0; 4096], 1, Unreadable::Header);
    check(&whole, 2, Unreadable::Number(1));
    check(&whole[..HEADER], 1, Unreadable::Snapshot);
    let mut newer = whole.clone();
    newer[8] = 2;
    let crc = crc32c::crc32c(&newer[..20]).to_le_bytes();
    newer[20..24].copy_from_slice(&crc);
    check(&newer, 1, Unreadable::Version(2));
}

proptest! {
    #[test]
    fn what_is_written_is_read(state in state(), list in prop::collection::vec(entry(), 0..20)) {
        let mut bytes = begin(1, Follows::Turned, 41, &state);
        for (sequence, entry) in (42..).zip(&list) {
            append(&mut bytes, sequence, entry);
        }
        let segment = read(&bytes, 1).expect("begins well");
        prop_assert_eq!((&segment.state, segment.sequence), (&state, 41));
        prop_assert_eq!(entries(&bytes), (list, Tail::End));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), at in any::<prop::sample::Index>()) {
        let mut whole = file(&[Entry::Forget { ledger: LedgerId(1) }, Entry::Clean]);
        let at = at.index(whole.len());
        for (place, byte) in whole.iter_mut().skip(at).zip(&bytes) {
            *place = *byte;
        }
        if let Ok(segment) = read(&whole, 1) {
            let mut cursor = segment.entries;
            cursor.by_ref().for_each(drop);
            let _ = (cursor.tail(), cursor.fault());
        }
    }
}
