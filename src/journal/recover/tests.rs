//! Files as a bad day leaves them.

use super::*;
use crate::governance::budget::{Entry, LeaseNote, State};
use crate::journal::disk::memory::Memory;
use crate::journal::segment::{Located, append, begin};
use crate::journal::tests::{Rig, check_recovered, live};
use crate::journal::{Settings, verify};

/// One segment with a history in it, and the state after each of its records.
fn history() -> (Vec<u8>, Vec<(usize, State)>, Vec<Located>) {
    let memory = Memory::default();
    let mut rig = Rig::open(&memory, Settings::default()).expect("opens");
    live(&mut rig, 3, 90);
    rig.turn();
    let bytes = memory.content("000001.seg");
    let segment = segment::read(&bytes, 1).expect("begins well");
    let (mut state, mut entries) = (segment.state, segment.entries);
    let mut prefixes = vec![(entries.offset(), state.clone())];
    let mut records = Vec::new();
    while let Some(located) = entries.next() {
        state.apply(&located.entry).expect("follows");
        prefixes.push((entries.offset(), state.clone()));
        records.push(located);
    }
    assert!(prefixes.len() > 60, "{}", prefixes.len());
    let len = entries.offset();
    (bytes[..len].to_vec(), prefixes, records)
}

fn recovered(bytes: &[u8]) -> Start {
    let memory = Memory::default();
    memory.put("000001.seg", bytes.to_vec());
    recover(&memory).expect("starts whatever it finds")
}

fn last_before(prefixes: &[(usize, State)], cut: usize) -> &State {
    let before = prefixes.iter().rfind(|(end, _)| *end <= cut);
    before.map_or(&prefixes[0].1, |(_, state)| state)
}

#[test]
fn cut_at_any_byte_a_journal_recovers_to_a_prefix_of_its_history() {
    let (bytes, prefixes, _) = history();
    let snapshot = prefixes[0].0;
    for cut in 0..bytes.len() {
        let start = recovered(&bytes[..cut]);
        if cut < snapshot {
            assert!(start.report.is_alarming() && start.state.ledgers.is_empty());
            continue;
        }
        let prefix = last_before(&prefixes, cut);
        check_recovered(&start.state, prefix, &format!("cut at {cut}"));
        let whole = prefixes.iter().any(|(end, _)| *end == cut);
        assert_eq!(start.report.torn.is_none(), whole, "cut at {cut}");
        assert!(!start.report.is_alarming(), "cut at {cut}");
        let mut state = prefix.clone();
        state.clean = false;
        assert_eq!(start.state, state.recovered(), "cut at {cut}");
    }
}

#[test]
fn with_any_byte_flipped_a_journal_recovers_and_invents_nothing() {
    let (bytes, prefixes, records) = history();
    let truth = &prefixes.last().expect("some").1;
    let mut damaged = bytes.clone();
    for at in 0..bytes.len() {
        damaged[at] ^= 1 << (at % 8);
        let start = recovered(&damaged);
        damaged[at] = bytes[at];
        let prefix = last_before(&prefixes, at);
        let hit = records.iter().rfind(|record| record.offset <= at);
        if let Some(Entry::Reserve { .. } | Entry::Settle { .. } | Entry::Expire { .. }) =
            hit.map(|record| &record.entry)
        {
            // Every ceiling is still there to read: whatever was spent lies below one.
            check_recovered(&start.state, truth, &format!("flipped at {at}"));
        }
        if at >= prefixes[0].0 {
            check_spent(&start.state, prefix, &format!("flipped at {at}"));
        }
        for (id, ledger) in &start.state.ledgers {
            let known = ledger.accounts.last();
            let real = truth.ledgers.get(id).map(|ledger| &ledger.accounts);
            for account in real.into_iter().flatten() {
                if let Some(known) = known.filter(|known| known.period == account.period) {
                    let (seen, billed) = (
                        known.spent.minus(known.uncertain),
                        account.spent.minus(account.uncertain),
                    );
                    assert!(seen <= billed, "flipped at {at}: {known:?} of {account:?}");
                }
            }
        }
    }
}

/// At least what was in use before the damage is booked.
fn check_spent(found: &State, prefix: &State, context: &str) {
    for (id, ledger) in &prefix.ledgers {
        let known = found
            .ledgers
            .get(id)
            .and_then(|known| known.accounts.last());
        let (Some(account), Some(known)) = (ledger.accounts.last(), known) else {
            assert!(ledger.accounts.is_empty(), "{context}: {id} is gone");
            continue;
        };
        // A later entry may have turned the ledger to a new period.
        if known.period == account.period {
            let settled = account.spent;
            assert!(
                known.spent >= settled,
                "{context}: {known:?} of {account:?}"
            );
        }
    }
}

#[test]
fn a_torn_tail_is_cut_and_reported() {
    let (bytes, _, _) = history();
    let memory = Memory::default();
    let mut torn = bytes.clone();
    torn.extend([0x55; 7]);
    torn.extend([0; 500]);
    memory.put("000001.seg", torn);
    let report = recover(&memory).expect("starts").report;
    let expected = Torn {
        file: "/memory/000001.seg".into(),
        offset: bytes.len() as u64,
        bytes: 7,
    };
    assert_eq!(report.torn, Some(expected));
    assert_eq!(memory.content("000001.seg"), bytes);
    assert!(!report.is_alarming() && !report.clean);
}

#[test]
fn a_rotten_record_sets_the_file_aside_and_books_everything_under_the_ceiling() {
    let (bytes, prefixes, _) = history();
    let memory = Memory::default();
    let mut rotten = bytes.clone();
    rotten[prefixes[prefixes.len() / 2].0 + 13] ^= 0x10;
    memory.put("000001.seg", rotten.clone());
    let rig = Rig::open(&memory, Settings::default()).expect("starts");
    assert_eq!(
        rig.report.set_aside,
        ["/memory/000001.seg.damaged".to_owned()].map(PathBuf::from)
    );
    assert!(!rig.report.clean && rig.report.is_alarming());
    assert_eq!(
        memory.content("000001.seg.damaged"),
        rotten,
        "kept as it was found"
    );
    let verified = verify::verify_disk(&memory, |_, _| ()).expect("reads");
    assert!(verified.ok, "{verified:?}");
}

#[test]
fn without_its_newest_segment_a_journal_falls_back_to_the_one_before() {
    let (bytes, prefixes, _) = history();
    let truth = &prefixes.last().expect("some").1;
    for damaged in [Vec::new(), vec![0; 8192], b"not a segment at all".to_vec()] {
        let memory = Memory::default();
        memory.put("000001.seg", bytes.clone());
        memory.put("000002.seg", damaged);
        let start = recover(&memory).expect("starts");
        check_recovered(&start.state, truth, "fallback");
        assert!(start.report.is_alarming() && start.number == 3);
    }
}

#[test]
fn a_segment_nobody_finished_is_no_segment() {
    let memory = Memory::default();
    memory.put("000001.seg", begin(1, Follows::First, 0, &State::default()));
    memory.put("000002.seg.new", vec![1, 2, 3]);
    let start = recover(&memory).expect("starts");
    assert!(!start.report.is_alarming());
    assert_eq!(memory.list().expect("lists"), ["000001.seg"]);
}

#[test]
fn an_intact_entry_that_follows_from_nothing_does_not_stop_the_gateway() {
    let mut bytes = begin(1, Follows::First, 0, &State::default());
    append(&mut bytes, 1, &Entry::Release { id: 77 });
    let start = recovered(&bytes);
    assert!(start.report.is_alarming() && start.state.ledgers.is_empty());
}

#[test]
fn of_a_lease_in_a_journal_that_lost_its_newest_segment_all_may_have_been_spent() {
    let dollar = Money::from_nanos(1_000_000_000);
    let memory = Memory::default();
    let mut rig = Rig::open(&memory, Settings::default()).expect("opens");
    let notes = [(7, LeaseNote::Open), (7, LeaseNote::Ceiling(dollar))];
    rig.books.note_lease(notes);
    rig.turn();
    drop(rig);
    memory.put("000002.seg", vec![0; 8192]);
    let start = recover(&memory).expect("starts");
    assert!(start.report.is_alarming());
    let left = start.state.leases.0.get(&7).expect("known");
    // A later ceiling may be among what was lost.
    assert!(left.uncertain > dollar.times(1_000_000), "{left:?}");
}
