//! What verification finds, and what it does not mistake for a fault.

use super::*;
use crate::governance::budget::Window;
use crate::journal::disk::memory::{Kept, Memory};
use crate::journal::segment::{append, begin};
use crate::journal::tests::{Rig, bill, budget, live, small, usd};

fn verified(memory: &Memory) -> Verification {
    verify_disk(memory, |_, _| ()).expect("reads")
}

fn lived() -> Memory {
    let memory = Memory::default();
    let mut rig = Rig::open(&memory, small()).expect("opens");
    live(&mut rig, 5, 300);
    rig.turn();
    memory
}

#[test]
fn a_report_is_written_as_the_contract_says() {
    let memory = Memory::default();
    let mut rig = Rig::open(&memory, small()).expect("opens");
    let rule = budget("agents", "10", Window::Hour);
    let id = rig
        .books
        .open(&rule, Some("scout"), true, rig.moment())
        .expect("opens");
    let call = rig.reserve(&[id], usd("0.40")).expect("fits");
    call.settle(bill(usd("0.123456789")));
    let found = verified(&rig.finish());
    let json = serde_json::to_value(&found).expect("serialises");
    let expected = serde_json::json!({
        "ok": true,
        "records": found.records,
        "budgets": [{
            "name": "agents[scout]",
            "period": "1970-01-01T00:00:00Z/1970-01-01T01:00:00Z",
            "ledger": "0.123456789",
            "recomputed": "0.123456789",
            "reserved": "0.00",
            "uncertain": "0.00",
        }],
    });
    assert_eq!(json, expected);
}

#[test]
fn a_snapshot_that_says_something_else_is_named() {
    let memory = lived();
    let numbers = numbers(&memory.list().expect("lists"));
    let number = numbers[1];
    let name = segment::name(number);
    let bytes = memory.content(&name);
    let segment = segment::read(&bytes, number).expect("begins well");
    let mut state = segment.state;
    let account = state
        .ledgers
        .values_mut()
        .find_map(|ledger| ledger.accounts.last_mut());
    account.expect("some").spent = usd("123");
    let mut forged = begin(number, segment.follows, segment.sequence, &state);
    for located in segment.entries {
        append(&mut forged, located.sequence, &located.entry);
    }
    memory.put(&name, forged);
    let found = verified(&memory);
    let fault = found.first_fault.expect("a fault");
    assert_eq!((fault.segment, fault.offset), (name, 24));
    assert!(
        !found.ok && fault.what.contains("$123.00 spent"),
        "{}",
        fault.what
    );
}

#[test]
fn a_damaged_record_in_an_old_segment_is_named_with_its_place() {
    let memory = lived();
    let number = numbers(&memory.list().expect("lists"))[1];
    let name = segment::name(number);
    let mut bytes = memory.content(&name);
    let mut entries = segment::read(&bytes, number).expect("begins well").entries;
    let third = entries.nth(2).expect("three entries");
    bytes[third.offset + 12] ^= 1;
    memory.put(&name, bytes);
    let fault = verified(&memory).first_fault.expect("a fault");
    assert_eq!(
        (fault.segment, fault.offset, fault.sequence),
        (name, third.offset as u64, third.sequence)
    );
    assert!(fault.what.contains("damaged"), "{}", fault.what);
}

#[test]
fn a_missing_segment_is_a_fault() {
    let memory = lived();
    let number = numbers(&memory.list().expect("lists"))[1];
    memory.remove(&segment::name(number)).expect("removed");
    let fault = verified(&memory).first_fault.expect("a fault");
    assert_eq!(fault.segment, segment::name(number + 1));
}

#[test]
fn a_write_under_way_and_a_crash_are_no_faults() {
    let memory = lived();
    let newest = *numbers(&memory.list().expect("lists"))
        .last()
        .expect("some");
    let name = segment::name(newest);
    let mut bytes = memory.content(&name);
    let mut entries = segment::read(&bytes, newest).expect("begins well").entries;
    entries.by_ref().for_each(drop);
    let end = entries.offset();
    bytes[end..end + 3].copy_from_slice(&[9, 0, 0]);
    memory.put(&name, bytes);
    assert!(verified(&memory).ok);
    let found = memory.after_crash(Kept::All);
    Rig::open(&found, small()).expect("opens");
    assert!(verified(&found).ok);
}
