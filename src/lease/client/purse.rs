//! The purse: what this gateway was lent, between the gate that spends it and the talk with the panel that fills it.
//!
//! One lock around the holder, held for a moment and never across a wait. Whatever the holder writes down reaches the books
//! under it, so that the journal has it in the order of events; how far the disk is comes back from the journal's own count
//! of entries. Locks are taken in one order: the purse's, then the books'.
//!
//! Not here: what is said to the panel when (`talk`), what holder and bank make of it (`protocol`).

mod denied;
mod standing;

use super::notes::{finals, note};
use super::reading::{LeaseReading, Reading};
use crate::clock::{self, Moment};
use crate::governance::budget::{Books, Lender, Lent, NotLent, Spent, Standing};
use crate::lease::directory::Directory;
use crate::lease::protocol::{
    Answer, BankError, DiskId, Hello, Hold, Holder, LeafId, LeaseId, Reason, Record, RouterId,
    Sync, Unavailable, Work,
};
use crate::units::Money;
use denied::Denied;
use standing::{Card, Told};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Money that was lent.
#[derive(Debug)]
pub struct Purse {
    books: Arc<Books>,
    inner: Mutex<Inner>,
    /// Grows whenever asking again may come to something else.
    changes: watch::Sender<u64>,
    /// Grows whenever calls under way are to be cut.
    cuts: watch::Sender<u64>,
    /// The panel is to be asked: somebody waits, or what was lent runs low.
    pub(super) hurried: Notify,
    /// A ceiling is on its way to the disk.
    pub(super) rising: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// None until the gateway is enrolled.
    holder: Option<Holder>,
    router: Option<RouterId>,
    /// How many of the holder's records the books have.
    written: u64,
    /// Entries of the books that hold ceilings, with the number of the holder's record.
    rising: VecDeque<(u64, u64)>,
    /// What the panel said no to, with the figures that the holder has no use for.
    denials: HashMap<LeafId, Denied>,
    /// Where the panel's budgets stood when it was last heard, of leaves that it lent to.
    standings: HashMap<LeafId, Told>,
    budgets: HashMap<u64, Card>,
    leaves: BTreeSet<LeafId>,
    hurry: Hurry,
    /// Under which number calls under way were last cut: all of them, and those of a leaf.
    cut_all: u64,
    cut: HashMap<LeafId, u64>,
}

/// How soon the panel is to be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hurry {
    /// When its time comes.
    #[default]
    None,
    /// What was lent runs low.
    Low,
    /// A call waits, or something is to be told.
    Now,
}

impl Purse {
    pub(super) fn new(books: Arc<Books>) -> Self {
        Self {
            books,
            inner: Mutex::default(),
            changes: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
            hurried: Notify::new(),
            rising: Notify::new(),
        }
    }

    /// Does something under the lock; what the holder wrote down meanwhile reaches the books before it is given back.
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let done = act(&mut inner);
        if inner.write(&self.books) {
            self.rising.notify_one();
        }
        done
    }

    fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes whenever there may be money where there was none.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A process begins: what those before it left goes to the panel first; `doubted`, as that all of it may have been spent.
    pub(super) fn begin(&self, router: RouterId, disk: DiskId, start: u64, doubted: bool) {
        let mut leases = self.books.leases();
        if doubted {
            leases.doubt();
        }
        let left = finals(&leases);
        self.with(|inner| {
            inner.holder = Some(Holder::new(router, disk, start, left));
            inner.router = Some(router);
            inner.written = 0;
            inner.rising.clear();
            inner.denials.clear();
            inner.standings.clear();
        });
    }

    /// What the directory says about budgets and leaves.
    pub(super) fn know(&self, directory: &Directory) {
        self.with(|inner| {
            let cards = directory.budgets.iter();
            inner.budgets = cards.map(|card| (card.id, Card::of(card))).collect();
            inner.leaves = directory.keys.iter().map(|card| card.leaf).collect();
        });
    }

    pub(super) fn router(&self) -> Option<RouterId> {
        self.with(|inner| inner.router)
    }

    /// Which gateway this is, and which of its processes, as the panel numbers them.
    pub(super) fn process(&self) -> Option<(RouterId, u64)> {
        self.with(|inner| Some((inner.router?, inner.holder.as_ref()?.incarnation()?)))
    }

    pub(super) fn hello(&self) -> Option<Hello> {
        self.with(|inner| inner.holder.as_ref().and_then(Holder::hello))
    }

    pub(super) fn sync(&self, now: Duration) -> Option<Sync> {
        self.with(|inner| {
            inner.hurry = Hurry::None;
            inner.holder.as_mut().and_then(|holder| holder.sync(now))
        })
    }

    /// What the panel answered to this sync, or to a hello.
    pub(super) fn heard(&self, answer: &Answer, to: Option<&Sync>, now: Moment) {
        let at = clock::since_boot();
        self.with(|inner| {
            if let Some(holder) = &mut inner.holder {
                holder.heard(answer, at);
            }
            if let (Answer::Synced(synced), Some(sync)) = (answer, to) {
                inner.note_denials(&synced.denies, sync, at, now.wall);
                inner.note_standings(&synced.grants, at, now.wall);
            }
            let holder = inner.holder.as_ref();
            if holder.is_some_and(|holder| holder.is_wanting(at) || holder.gave_back()) {
                inner.hurry = Hurry::Now;
            }
        });
        self.changed();
    }

    pub(super) fn refused(&self, error: &BankError) {
        self.with(|inner| {
            if let Some(holder) = &mut inner.holder {
                holder.refused(error);
            }
        });
    }

    /// Whether money that is lent is on its way to the disk.
    #[must_use]
    pub fn is_rising(&self) -> bool {
        self.with(|inner| !inner.rising.is_empty())
    }

    /// The first entry of the books that the disk must hold before a ceiling may be used.
    pub(super) fn next_rising(&self) -> Option<u64> {
        self.with(|inner| inner.rising.front().map(|(made, _)| *made))
    }

    /// The disk holds the books' first `made` entries.
    pub(super) fn synced(&self, made: u64) {
        self.with(|inner| {
            while let Some((entry, records)) = inner.rising.front().copied()
                && entry <= made
            {
                inner.rising.pop_front();
                if let Some(holder) = &mut inner.holder {
                    holder.synced(records);
                }
            }
        });
        self.changed();
    }

    /// Lets time pass: what has lasted too long is booked at its worst case. Whether another process has replaced this one
    /// and nothing is left to be told.
    pub(super) fn tick(&self) -> bool {
        let now = clock::since_boot();
        let (is_over, ended) = self.with(|inner| {
            let Some(holder) = &mut inner.holder else {
                return (false, false);
            };
            let ended = holder.ended_by_switch();
            for hold in holder.tick(now) {
                holder.settle(&hold, hold.amount, Some(Work::default()));
            }
            let is_over = holder.is_fenced() && holder.is_empty();
            (is_over, holder.ended_by_switch() > ended)
        });
        if ended {
            // Who pulled the switch waits to see that nothing is held of it any more.
            self.hurry();
        }
        is_over
    }

    /// Somebody pulled switches, or let them go; all of them where none is named.
    pub(super) fn kill(&self, leaves: &[LeafId], killed: bool) {
        self.with(|inner| {
            let all = inner.leaves.iter().copied().collect::<Vec<_>>();
            let leaves = if leaves.is_empty() { &all } else { leaves };
            for leaf in leaves {
                if let Some(holder) = &mut inner.holder {
                    holder.kill(*leaf, killed);
                }
                inner.denials.remove(leaf);
            }
            inner.hope();
        });
        self.changed();
        self.hurry();
    }

    /// Calls under way are to be cut, after their switch was pulled; all of them where none is named.
    pub(super) fn cut(&self, leaves: &[LeafId]) {
        let number = self.with(|inner| {
            let number = inner.newest_cut().saturating_add(1);
            if leaves.is_empty() {
                // Also those of keys that the directory has dropped since.
                inner.cut.clear();
                inner.cut_all = number;
            }
            inner.cut.extend(leaves.iter().map(|leaf| (*leaf, number)));
            number
        });
        self.cuts.send_replace(number);
    }

    /// Changes whenever calls under way are to be cut.
    #[must_use]
    pub fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }

    /// The leaves whose calls were to be cut since then, none for all of them; and the newest number.
    #[must_use]
    pub fn cut_since(&self, seen: u64) -> (u64, Option<Vec<u64>>) {
        self.with(|inner| {
            let newer = inner.cut.iter().filter(|(_, number)| **number > seen);
            let leaves = (inner.cut_all <= seen).then(|| newer.map(|(leaf, _)| leaf.0).collect());
            (inner.newest_cut(), leaves)
        })
    }

    /// There may be money where there was none.
    pub(super) fn ask_again(&self) {
        self.with(|inner| {
            inner.denials.clear();
            inner.hope();
        });
        self.changed();
        self.hurry();
    }

    /// Has the panel asked at once.
    pub(super) fn hurry(&self) {
        self.with(|inner| inner.hurry = Hurry::Now);
        self.hurried.notify_one();
    }

    pub(super) fn how_soon(&self) -> Hurry {
        self.with(|inner| inner.hurry)
    }

    /// Gives back all that is not spent: the process is about to end.
    pub(super) fn leave(&self) {
        self.with(|inner| {
            if let Some(holder) = &mut inner.holder {
                holder.leave();
            }
        });
        self.hurry();
    }

    /// Whether nothing is held, nor left to be told.
    pub(super) fn is_empty(&self) -> bool {
        self.with(|inner| inner.holder.as_ref().is_none_or(Holder::is_empty))
    }

    /// How long it is until the first lease ends.
    pub(super) fn first_end(&self) -> Option<Duration> {
        let now = clock::since_boot();
        self.with(|inner| {
            let holder = inner.holder.as_ref()?;
            let ends = holder.leases().map(|lease| lease.ends.saturating_sub(now));
            ends.filter(|left| *left > Duration::ZERO).min()
        })
    }

    /// Adds what is known here.
    pub(super) fn read(&self, reading: &mut Reading) {
        let now = clock::since_boot();
        self.with(|inner| {
            let Some(holder) = &inner.holder else {
                return;
            };
            reading.incarnation = holder.incarnation();
            reading.doubt = holder.doubt();
            let leases = holder.leases().map(|lease| LeaseReading {
                lease: lease.lease.0,
                leaf: lease.leaf.0,
                granted: lease.granted,
                settled: lease.settled,
                reserved: lease.reserved,
                remaining: lease.remaining,
                expires_in: lease.ends.saturating_sub(now),
            });
            reading.leases = leases.collect();
        });
    }
}

impl Inner {
    /// Hands the holder's records to the books. Whether a ceiling is among them.
    fn write(&mut self, books: &Books) -> bool {
        let Some(holder) = &mut self.holder else {
            return false;
        };
        let records = holder.take_records();
        if records.is_empty() {
            return false;
        }
        let rises = records
            .iter()
            .any(|record| matches!(record, Record::Ceiling { .. }));
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
        self.written = self.written.saturating_add(count);
        let made = books.note_lease(records.into_iter().map(note));
        if rises {
            self.rising.push_back((made, self.written));
        }
        rises
    }

    fn newest_cut(&self) -> u64 {
        self.cut
            .values()
            .copied()
            .max()
            .unwrap_or(0)
            .max(self.cut_all)
    }

    fn hope(&mut self) {
        if let Some(holder) = &mut self.holder {
            holder.ask_again();
        }
    }

    fn reserve(&mut self, leaf: LeafId, amount: Money, now: Duration) -> Result<Hold, NotLent> {
        let Some(holder) = &mut self.holder else {
            return Err(NotLent::Ask);
        };
        let asked = match holder.reserve(leaf, amount, now) {
            Ok(hold) => return Ok(hold),
            Err(Unavailable::Denied(Reason::Killed)) => return Err(NotLent::Killed),
            Err(Unavailable::Rising) => return Err(NotLent::Rising),
            Err(Unavailable::Denied(Reason::Exhausted)) => NotLent::Beyond,
            Err(_) => NotLent::Ask,
        };
        Err(self.denied(leaf, amount, now).unwrap_or(asked))
    }

    fn hurry(&mut self, hurry: Hurry) -> bool {
        let sooner = hurry > self.hurry;
        if sooner {
            self.hurry = hurry;
        }
        sooner
    }
}

impl Lender for Purse {
    fn set_aside(&self, leaf: u64, amount: Money, _: Moment) -> Result<Lent, NotLent> {
        let (leaf, now) = (LeafId(leaf), clock::since_boot());
        let (result, sooner) = self.with(|inner| {
            let result = inner.reserve(leaf, amount, now);
            let hurry = match &result {
                Err(NotLent::Ask) => Hurry::Now,
                Ok(_) if inner.holder.as_ref().is_some_and(|h| h.is_low(leaf, now)) => Hurry::Low,
                _ => Hurry::None,
            };
            (result, inner.hurry(hurry))
        });
        if sooner {
            self.hurried.notify_one();
        }
        result.map(|hold| Lent {
            leaf: leaf.0,
            lease: hold.lease.0,
            call: hold.call,
            amount: hold.amount,
        })
    }

    fn standing(&self, leaf: u64) -> Option<Standing> {
        let (leaf, now) = (LeafId(leaf), clock::since_boot());
        self.with(|inner| inner.stands(leaf, now))
    }

    fn settle(&self, lent: &Lent, spent: Option<Spent<'_>>) -> Option<Standing> {
        let hold = Hold {
            lease: LeaseId(lent.lease),
            call: lent.call,
            amount: lent.amount,
        };
        let cost = spent.map_or(Money::ZERO, |spent| spent.cost);
        let work = spent.map(|spent| Work {
            model: spent.model,
            input: spent.input.0,
            output: spent.output.0,
        });
        let now = clock::since_boot();
        let stands = self.with(|inner| {
            if let Some(holder) = &mut inner.holder {
                holder.settle(&hold, cost, work);
            }
            inner.stands(LeafId(lent.leaf), now)
        });
        // What a call did not cost may be what another waits for.
        if self.changes.receiver_count() > 0 {
            self.changed();
        }
        stands
    }
}

#[cfg(test)]
mod tests;
