//! `ledger verify`: every counter recomputed from the oldest record on, and compared wherever the journal states it.
//!
//! Each segment begins with a snapshot of what the books said of themselves. Replaying the records before it must lead to
//! the same counters; where they differ, or a record is damaged or follows from nothing, the first such place is named.
//!
//! Reads only, and takes no lock: beside a running gateway the last write may be half there, which is no fault, and the
//! oldest segment may vanish, which starts the reading anew.

use super::JournalError;
use super::directory;
use super::disk::Disk;
use super::recover::{numbers, title};
use super::segment::{self, Follows, Located, Segment, Tail};
use crate::governance::budget::{
    AccountState, Entry, LeaseNote, LeaseState, LedgerId, Period, State,
};
use crate::units::Money;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::io;
use std::path::Path;

/// How often the reading starts anew when a running gateway changes what is read.
const ATTEMPTS: usize = 5;

/// What recomputing came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Whether everything agrees.
    pub ok: bool,
    /// How many records were read, snapshots included.
    pub records: u64,
    /// Every budget with its counters.
    pub budgets: Vec<Recount>,
    /// The first place that does not follow from what stands before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_fault: Option<Fault>,
    /// Places where the history was broken and recomputing had to start from a snapshot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<Break>,
}

/// One budget in its current period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recount {
    /// Its name, as `name[value]` where it is split by a label.
    pub name: String,
    /// From when to when, as an ISO 8601 interval, or `total`.
    #[serde(serialize_with = "interval")]
    pub period: Period,
    /// What the newest snapshot and the records behind it say was spent.
    pub ledger: Money,
    /// What the records from the oldest on come to.
    pub recomputed: Money,
    /// What is promised to calls in flight.
    pub reserved: Money,
    /// The part of what was spent that nobody saw the bill of.
    pub uncertain: Money,
}

/// A record that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The segment's file name.
    pub segment: String,
    /// Where in it the record begins.
    pub offset: u64,
    /// Its sequence number.
    pub sequence: u64,
    /// What is wrong.
    pub what: String,
}

/// Where recomputing started from a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The segment's file name.
    pub segment: String,
    /// Why.
    pub why: &'static str,
}

/// Verifies the journal in a state directory.
///
/// # Errors
/// It cannot be read. A fault in it is no error: see [`Verification::first_fault`].
pub fn verify(path: &Path) -> Result<Verification, JournalError> {
    verify_with(path, |_, _| ())
}

/// As [`verify`], telling how many of how many segments are done.
///
/// # Errors
/// Those of [`verify`].
pub fn verify_with(
    path: &Path,
    progress: impl FnMut(usize, usize),
) -> Result<Verification, JournalError> {
    let disk = directory::look(path)?;
    verify_disk(&disk, progress).map_err(|error| JournalError::Disk {
        path: path.to_owned(),
        error,
    })
}

/// The books as the newest segment leaves them, for looking at them beside a running gateway; `None` where there are none.
///
/// # Errors
/// The directory cannot be read.
pub fn peek(path: &Path) -> Result<Option<State>, JournalError> {
    let failed = |error| JournalError::Disk {
        path: path.to_owned(),
        error,
    };
    if !path.exists() {
        return Ok(None);
    }
    let disk = directory::look(path)?;
    let names = disk.list().map_err(failed)?;
    for number in numbers(&names).into_iter().rev() {
        let bytes = disk.read(&segment::name(number)).map_err(failed)?;
        let Ok(segment) = segment::read(&bytes, number) else {
            continue;
        };
        let mut state = segment.state;
        for located in segment.entries {
            if state.apply(&located.entry).is_err() {
                break;
            }
        }
        return Ok(Some(state));
    }
    Ok(None)
}

pub(super) fn verify_disk(
    disk: &dyn Disk,
    mut progress: impl FnMut(usize, usize),
) -> io::Result<Verification> {
    let mut attempts = 1..=ATTEMPTS;
    loop {
        let last = attempts.next().is_none_or(|attempt| attempt == ATTEMPTS);
        match attempt(disk, &mut progress) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !last => {}
            Ok(reading) if reading.in_flux && !last => {}
            Ok(reading) => return Ok(reading.conclude()),
            Err(error) => return Err(error),
        }
    }
}

fn attempt(disk: &dyn Disk, progress: &mut impl FnMut(usize, usize)) -> io::Result<Reading> {
    let numbers = numbers(&disk.list()?);
    let mut reading = Reading::default();
    for (done, number) in numbers.iter().enumerate() {
        progress(done, numbers.len());
        let name = segment::name(*number);
        let bytes = match disk.read(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                reading.fault(&name, 0, 0, format!("it cannot be read: {error}"));
                reading.recomputed = None;
                continue;
            }
            read => read?,
        };
        match segment::read(&bytes, *number) {
            Ok(segment) => reading.take(&name, segment, done + 1 == numbers.len()),
            Err(unreadable) => {
                reading.fault(&name, 0, reading.sequence, unreadable.to_string());
                reading.recomputed = None;
            }
        }
    }
    progress(numbers.len(), numbers.len());
    Ok(reading)
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    /// What the newest snapshot and its entries say.
    ledger: State,
    /// What all records come to; `None` before the first snapshot and after an unreadable segment.
    recomputed: Option<State>,
    sequence: u64,
    records: u64,
    /// Where the segment before stopped being credible, if it did before its end.
    stopped: Option<(String, u64, String)>,
    first_fault: Option<Fault>,
    breaks: Vec<Break>,
    /// The newest segment looks damaged, or is being written this very moment.
    in_flux: bool,
}

impl Reading {
    fn fault(&mut self, segment: &str, offset: u64, sequence: u64, what: String) {
        let segment = segment.to_owned();
        self.first_fault.get_or_insert(Fault {
            segment,
            offset,
            sequence,
            what,
        });
    }

    fn take(&mut self, name: &str, segment: Segment<'_>, newest: bool) {
        self.compare(name, &segment);
        self.sequence = segment.sequence;
        self.records += 1;
        self.ledger = segment.state;
        let mut entries = segment.entries;
        for located in entries.by_ref() {
            self.records += 1;
            self.apply(name, &located);
        }
        self.sequence = entries.sequence();
        let offset = entries.offset() as u64;
        self.stopped = None;
        let what = match (entries.tail(), entries.fault()) {
            (Tail::End, _) => return,
            (_, Some(malformed)) => malformed.to_string(),
            // A crash at the end of the newest segment, or a write that is under way: its reader will cut it.
            (Tail::Torn { .. }, None) if newest => return,
            (Tail::Torn { .. }, None) => "a write was cut short here".to_owned(),
            (Tail::Broken, None) => "a record is damaged, intact ones follow it".to_owned(),
        };
        if newest {
            self.in_flux = true;
            self.fault(name, offset, self.sequence.saturating_add(1), what);
        } else {
            // Whether that matters shows in what the next segment begins with.
            self.stopped = Some((name.to_owned(), offset, what));
        }
    }

    /// Holds a snapshot against what the records before it come to.
    fn compare(&mut self, name: &str, segment: &Segment<'_>) {
        let Some(before) = self.recomputed.take() else {
            self.recomputed = Some(segment.state.clone());
            return;
        };
        let why = match segment.follows {
            Follows::Rebuilt => Some("the segment before was damaged"),
            Follows::Resumed => Some("the journal could not be written for a time"),
            Follows::First | Follows::Turned | Follows::Restarted => None,
        };
        if let Some(why) = why {
            let segment_name = name.to_owned();
            self.breaks.push(Break {
                segment: segment_name,
                why,
            });
            self.recomputed = Some(segment.state.clone());
            return;
        }
        if segment.sequence != self.sequence {
            let (expected, found) = (self.sequence, segment.sequence);
            let (file, offset, what) = self.stopped.take().unwrap_or_else(|| {
                let what = format!("records end at {expected}, this snapshot continues at {found}");
                (name.to_owned(), segment::HEADER as u64, what)
            });
            self.fault(&file, offset, expected.saturating_add(1), what);
        }
        let restarted = segment.follows == Follows::Restarted;
        let mut expected = if restarted {
            before.clone().recovered()
        } else {
            before.clone()
        };
        let mut difference = differs(&segment.state, &expected);
        if restarted && before.clean && difference.is_some() {
            // Something torn stood behind the orderly end and was cut: then it was not taken for orderly.
            let unclean = State {
                clean: false,
                ..before
            };
            let alternative = unclean.recovered();
            if differs(&segment.state, &alternative).is_none() {
                (expected, difference) = (alternative, None);
            }
        }
        if let Some(what) = difference {
            self.fault(name, segment::HEADER as u64, segment.sequence, what);
        }
        self.recomputed = Some(expected);
    }

    fn apply(&mut self, name: &str, located: &Located) {
        let recomputed = self.recomputed.get_or_insert_default();
        let mut what = odd(recomputed, &located.entry);
        if let Err(fault) = recomputed.apply(&located.entry) {
            what = Some(fault.to_string());
        }
        if let Err(fault) = self.ledger.apply(&located.entry) {
            what.get_or_insert(fault.to_string());
        }
        if let Some(what) = what {
            self.fault(name, located.offset as u64, located.sequence, what);
        }
    }

    fn conclude(self) -> Verification {
        let recomputed = self.recomputed.unwrap_or_default();
        let mut budgets = Vec::new();
        for (id, ledger) in &self.ledger.ledgers {
            let Some(account) = ledger.accounts.last() else {
                continue;
            };
            let counted = current(&recomputed, *id);
            budgets.push(Recount {
                name: title(ledger),
                period: account.period,
                ledger: account.spent,
                recomputed: counted.map_or(Money::ZERO, |account| account.spent),
                reserved: account.reserved,
                uncertain: account.uncertain,
            });
        }
        let equal = budgets
            .iter()
            .all(|budget| budget.ledger == budget.recomputed);
        Verification {
            ok: equal && self.first_fault.is_none(),
            records: self.records,
            budgets,
            first_fault: self.first_fault,
            breaks: self.breaks,
        }
    }
}

fn current(state: &State, id: LedgerId) -> Option<&AccountState> {
    state.ledgers.get(&id)?.accounts.last()
}

/// What no entry of ours says, even if it can be applied.
fn odd(state: &State, entry: &Entry) -> Option<String> {
    match entry {
        Entry::Reserve { id, .. } if *id < state.next_reservation => {
            Some(format!("reservation {id} was used before"))
        }
        Entry::Reserve { id, amount, .. } if *amount < Money::ZERO => {
            Some(format!("reservation {id} is of less than nothing"))
        }
        Entry::Reserve { id, scopes, .. } => {
            let twice = (1..scopes.len()).any(|at| {
                let (before, rest) = scopes.split_at(at);
                let ledger = rest.first().map(|scope| scope.0);
                before.iter().any(|scope| Some(scope.0) == ledger)
            });
            twice.then(|| format!("reservation {id} names a ledger twice"))
        }
        Entry::Settle { id, cost, .. } if *cost < Money::ZERO => Some(format!(
            "reservation {id} was settled for less than nothing"
        )),
        Entry::Lease { lease, note } => odd_note(state, *lease, *note),
        _ => None,
    }
}

/// What no holder of a lease notes down.
fn odd_note(state: &State, lease: u128, note: LeaseNote) -> Option<String> {
    let known = state.leases.0.get(&lease);
    let open = |call| known.and_then(|known| known.open.get(&call));
    match (note, known) {
        (LeaseNote::Open, Some(_)) => Some(format!("lease {lease:032x} came twice")),
        (LeaseNote::Open, None) => None,
        (_, None) => Some(format!("lease {lease:032x} never came")),
        (LeaseNote::Ceiling(total), Some(known)) if total < known.ceiling => {
            Some(format!("the ceiling of lease {lease:032x} was lowered"))
        }
        (LeaseNote::Reserve { call, .. }, _) if open(call).is_some() => {
            Some(format!("call {call} on lease {lease:032x} began twice"))
        }
        (LeaseNote::Reserve { call, amount }, _) if amount < Money::ZERO => Some(format!(
            "call {call} on lease {lease:032x} is of less than nothing"
        )),
        (LeaseNote::Settle { call, .. }, _) if open(call).is_none() => Some(format!(
            "call {call} on lease {lease:032x} ended and never began"
        )),
        (LeaseNote::Settle { call, cost, .. }, _)
            if cost < Money::ZERO || open(call).is_some_and(|amount| cost > *amount) =>
        {
            Some(format!(
                "call {call} on lease {lease:032x} was settled for what it cannot have cost"
            ))
        }
        _ => None,
    }
}

/// Where a snapshot is not what was expected.
fn differs(found: &State, expected: &State) -> Option<String> {
    let ids = found.ledgers.keys().chain(expected.ledgers.keys());
    for id in ids {
        let (found, expected) = match (found.ledgers.get(id), expected.ledgers.get(id)) {
            (found, expected) if found == expected => continue,
            (Some(found), Some(expected)) => (found, expected),
            (Some(extra), _) => {
                return Some(format!("budget `{}` comes from nowhere", title(extra)));
            }
            (_, missing) => {
                return Some(format!(
                    "budget `{}` is missing",
                    missing.map(title).unwrap_or_default()
                ));
            }
        };
        let say = |accounts: &[AccountState]| match accounts.last() {
            Some(account) => format!(
                "${} spent, ${} reserved, ${} uncertain, ceiling ${} in the period from {}",
                account.spent,
                account.reserved,
                account.uncertain,
                account.ceiling,
                moment(account.period.start)
            ),
            None => "nothing".to_owned(),
        };
        let (said, come_to) = (say(&found.accounts), say(&expected.accounts));
        let name = title(expected);
        return Some(format!(
            "budget `{name}`: the snapshot says {said}; the records before it come to {come_to}"
        ));
    }
    if found.open != expected.open {
        let (said, come_to) = (found.open.len(), expected.open.len());
        return Some(format!(
            "the snapshot has {said} calls in flight, the records before it leave {come_to}, or others"
        ));
    }
    let leases = found.leases.0.keys().chain(expected.leases.0.keys());
    for id in leases {
        let (found, expected) = (found.leases.0.get(id), expected.leases.0.get(id));
        if found != expected {
            return Some(format!(
                "lease {id:032x}: the snapshot says {}; the records before it come to {}",
                of_lease(found),
                of_lease(expected)
            ));
        }
    }
    let behind = found.next_reservation < expected.next_reservation
        || found.next_ledger < expected.next_ledger;
    behind.then(|| "the snapshot would use numbers again that were used before".to_owned())
}

fn of_lease(lease: Option<&LeaseState>) -> String {
    lease.map_or_else(
        || "nothing".to_owned(),
        |lease| {
            format!(
                "${} spent, ${} in flight, ${} uncertain, ceiling ${}",
                lease.settled,
                lease.in_flight(),
                lease.uncertain,
                lease.ceiling
            )
        },
    )
}

fn moment(secs: i64) -> String {
    Timestamp::from_second(secs).map_or_else(|_| secs.to_string(), |at| at.to_string())
}

/// A period in words: `2026-11-21T00:00:00Z/2026-11-22T00:00:00Z`, or `total`.
#[must_use]
pub fn period_text(period: Period) -> String {
    if period == Period::TOTAL {
        "total".to_owned()
    } else {
        format!("{}/{}", moment(period.start), moment(period.end))
    }
}

fn interval<S: Serializer>(period: &Period, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&period_text(*period))
}

#[cfg(test)]
mod tests;
