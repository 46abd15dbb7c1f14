//! What a new process makes of the segments an earlier one left.
//!
//! The newest segment that can be read counts: its snapshot, then its entries up to the first that cannot be believed.
//! Whatever else is found, the gateway starts: money that may have been spent unseen is booked as uncertain, damaged files
//! are kept aside for whoever wants to look, and [`Recovery`] says all of it.
//!
//! Invariant: nothing that was surely spent is forgotten, and nothing above the last known ceiling is invented. Nothing is
//! written but new files: the old ones are shortened to what was believed, or renamed.

use super::Settings;
use super::disk::{Disk, Tape};
use super::segment::{self, Follows, Tail};
use crate::governance::budget::{LedgerState, State};
use crate::units::Money;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What was found when the journal was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// How many records were replayed, the snapshot included.
    pub records: u64,
    /// The end of the newest file, if a write was cut short there.
    pub torn: Option<Torn>,
    /// Calls that were in flight: each stays booked at what was promised for it.
    pub in_flight: u64,
    /// Budgets (`name[value]`) in which money was booked that nobody saw the bill of, and how much.
    pub uncertain: Vec<(String, Money)>,
    /// Files that were damaged and are kept aside.
    pub set_aside: Vec<PathBuf>,
    /// Whether the last stop was in order (or there was none before).
    pub clean: bool,
}

impl Recovery {
    /// Whether records were lost that once were on the disk: somebody should look.
    #[must_use]
    pub fn is_alarming(&self) -> bool {
        !self.set_aside.is_empty()
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records replayed", self.records)?;
        if !self.clean {
            f.write_str("; the last stop was not in order")?;
        }
        if let Some(torn) = &self.torn {
            let (file, offset) = (torn.file.display(), torn.offset);
            write!(f, "; {} torn bytes cut from {file} at {offset}", torn.bytes)?;
        }
        for (budget, amount) in &self.uncertain {
            write!(f, "; ${amount} of budget `{budget}` booked as uncertain")?;
        }
        for file in &self.set_aside {
            write!(f, "; damaged, kept aside: {}", file.display())?;
        }
        Ok(())
    }
}

/// The end of a file that was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Which file.
    pub file: PathBuf,
    /// Where its last whole record ends.
    pub offset: u64,
    /// How many bytes stood behind it.
    pub bytes: u64,
}

/// What the new process starts from.
pub(super) struct Start {
    /// As [`State::recovered`] left it.
    pub(super) state: State,
    /// Sequence number of the last entry in it.
    pub(super) sequence: u64,
    /// How it follows from the segment before.
    pub(super) follows: Follows,
    /// The first segment number nobody used.
    pub(super) number: u64,
    /// What was found.
    pub(super) report: Recovery,
}

/// Reads the segments and sets aside what is damaged.
pub(super) fn recover(disk: &dyn Disk) -> io::Result<Start> {
    let names = disk.list()?;
    for unfinished in names.iter().filter(|name| name.ends_with(NEW)) {
        disk.remove(unfinished)?;
    }
    let aside = |name: &String| segment::number(name.strip_suffix(DAMAGED)?);
    let used = names
        .iter()
        .filter_map(|name| segment::number(name).or_else(|| aside(name)));
    let number = used.max().unwrap_or(0).saturating_add(1);
    let mut numbers = numbers(&names);
    let mut report = Recovery::default();
    let mut found = None;
    while let Some(number) = numbers.pop() {
        found = replay(disk, number, &mut report)?;
        if found.is_some() {
            break;
        }
        set_aside(disk, number, &mut report)?;
    }
    let first = found.is_none() && report.set_aside.is_empty();
    let Believed {
        mut state,
        sequence,
    } = found.unwrap_or_default();
    state.clean = first || (state.clean && report.torn.is_none() && !report.is_alarming());
    report.clean = state.clean;
    if report.is_alarming() {
        // A ceiling may be among what was lost: of each lease all may have been spent.
        state.leases.doubt();
    }
    let before = state.clone();
    let lent = before.leases.0.values().map(|lease| lease.open.len());
    report.in_flight = (before.open.len() + lent.sum::<usize>()) as u64;
    let state = state.recovered();
    report.uncertain = newly_uncertain(&before, &state);
    let follows = match (first, report.is_alarming()) {
        (true, _) => Follows::First,
        (_, true) => Follows::Rebuilt,
        _ => Follows::Restarted,
    };
    Ok(Start {
        state,
        sequence,
        follows,
        number,
        report,
    })
}

/// Suffix of a segment that is not complete yet.
const NEW: &str = ".new";
/// Suffix of a segment kept aside.
const DAMAGED: &str = ".damaged";

/// The segments among these names, oldest first.
pub(super) fn numbers(names: &[String]) -> Vec<u64> {
    let mut numbers: Vec<u64> = names
        .iter()
        .filter_map(|name| segment::number(name))
        .collect();
    numbers.sort_unstable();
    numbers
}

#[derive(Default)]
struct Believed {
    state: State,
    sequence: u64,
}

/// Replays one segment; `None` if not even its snapshot can be believed.
fn replay(disk: &dyn Disk, number: u64, report: &mut Recovery) -> io::Result<Option<Believed>> {
    let name = segment::name(number);
    let bytes = match disk.read(&name) {
        Ok(bytes) => bytes,
        // A sector that cannot be read is damage; a file that may not be read is a mistake somebody must mend.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
        Err(_) => return Ok(None),
    };
    let Ok(segment) = segment::read(&bytes, number) else {
        return Ok(None);
    };
    let (mut state, mut entries) = (segment.state, segment.entries);
    report.records = 1;
    let mut stopped = entries.clone();
    let mut tail = None;
    while let Some(located) = entries.next() {
        if state.apply(&located.entry).is_err() {
            // An intact entry that does not follow: something before it is missing.
            tail = Some(Tail::Broken);
            break;
        }
        report.records += 1;
        stopped = entries.clone();
    }
    let mut sequence = stopped.sequence();
    let offset = stopped.offset() as u64;
    match tail.unwrap_or_else(|| stopped.tail()) {
        Tail::End => shorten(disk, &name, offset),
        Tail::Torn { bytes } => {
            shorten(disk, &name, offset);
            report.torn = Some(Torn {
                file: disk.path(&name),
                offset,
                bytes: bytes as u64,
            });
        }
        Tail::Broken => {
            // What the intact entries behind the damage say is true, too; those that hang in the air are left out. They
            // can only bring the books nearer to what was spent, and the ceilings among them bound what is not seen.
            for located in stopped.beyond() {
                let _ = state.apply(&located.entry);
                sequence = located.sequence;
            }
            set_aside(disk, number, report)?;
        }
    }
    Ok(Some(Believed { state, sequence }))
}

/// Cuts what is not believed and what was preallocated. Nobody reads it again, so it does not matter if it fails.
fn shorten(disk: &dyn Disk, name: &str, len: u64) {
    let _ = disk.cut(name, len);
}

fn set_aside(disk: &dyn Disk, number: u64, report: &mut Recovery) -> io::Result<()> {
    let name = segment::name(number);
    let aside = format!("{name}{DAMAGED}");
    disk.rename(&name, &aside)?;
    report.set_aside.push(disk.path(&aside));
    Ok(())
}

fn newly_uncertain(before: &State, after: &State) -> Vec<(String, Money)> {
    let total = |ledger: Option<&LedgerState>| {
        let accounts = ledger.map(|ledger| ledger.accounts.as_slice());
        let current = accounts.unwrap_or_default().last();
        current.map_or(Money::ZERO, |account| account.uncertain)
    };
    let mut found = Vec::new();
    for (id, ledger) in &after.ledgers {
        let more = total(Some(ledger)).minus(total(before.ledgers.get(id)));
        if more > Money::ZERO {
            found.push((title(ledger), more));
        }
    }
    found
}

/// A budget's name, with the label value its ledger stands for.
pub(super) fn title(ledger: &LedgerState) -> String {
    match &ledger.value {
        Some(value) => format!("{}[{value}]", ledger.budget),
        None => ledger.budget.to_string(),
    }
}

/// A segment being written.
pub(super) struct Open {
    pub(super) tape: Box<dyn Tape>,
    /// How long it is.
    pub(super) len: u64,
    /// How long it may become.
    pub(super) limit: u64,
}

/// Starts a segment with a snapshot, durably: until all of it is on the disk it bears another name.
pub(super) fn start(
    disk: &dyn Disk,
    settings: &Settings,
    (number, follows): (u64, Follows),
    (sequence, state): (u64, &State),
) -> io::Result<Open> {
    let name = segment::name(number);
    let unfinished = format!("{name}{NEW}");
    let bytes = segment::begin(number, follows, sequence, state);
    let len = bytes.len() as u64;
    // Room for as much again as the snapshot takes, or many budgets would mean a snapshot after every few entries.
    let limit = settings.segment.max(len.saturating_mul(2));
    let begin = || {
        let mut tape = disk.create(&unfinished, limit)?;
        tape.append(&bytes)?;
        tape.sync()?;
        disk.rename(&unfinished, &name)?;
        disk.sync()?;
        Ok(tape)
    };
    match begin() {
        Ok(tape) => Ok(Open { tape, len, limit }),
        Err(error) => {
            // It may be the disk that is full: leave nothing behind that takes room.
            let _ = disk.remove(&unfinished);
            Err(error)
        }
    }
}

/// Removes the segments nobody needs any more, oldest first, and damaged files beyond as many.
pub(super) fn prune(disk: &dyn Disk, keep: usize) -> io::Result<()> {
    let names = disk.list()?;
    let segments = numbers(&names).into_iter().map(segment::name).collect();
    let mut damaged: Vec<String> = names
        .into_iter()
        .filter(|name| name.ends_with(DAMAGED))
        .collect();
    damaged.sort_unstable();
    let mut removed = false;
    for mut kind in [segments, damaged] {
        let surplus = kind.len().saturating_sub(keep.max(2));
        for name in kind.drain(..surplus) {
            disk.remove(&name)?;
            removed = true;
        }
    }
    if removed { disk.sync() } else { Ok(()) }
}

#[cfg(test)]
mod tests;
