//! The holder: what a gateway does with the money it was lent.
//!
//! A call reserves its worst case on one lease and settles what it cost. Money can be reserved only below the ceiling that
//! is on the disk, before the lease's end, in the process that was lent it: no process goes on with another's lease.
//!
//! Invariant: `settled + reserved` never exceeds the ceiling, nor what is granted and not given back.
//!
//! Not here: the word that calls race for (`allowance`), how records reach the disk.

mod held;
mod talk;
mod view;

use super::bank::sizing::MOST;
use super::message::{DiskId, Final, LeafId, LeaseId, Reason, RouterId, Sync, Want};
use super::record::Record;
use super::usage::Work;
use crate::units::Money;
use held::Held;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
pub use view::View;

/// The least that is asked for.
const LEAST: Money = Money::from_nanos(1);
/// A lease on which no call began for so long is given back.
const IDLE: Duration = Duration::from_mins(1);

/// Money set aside for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a hold that is not settled stays reserved"]
pub struct Hold {
    /// On which lease.
    pub lease: LeaseId,
    /// The call's number.
    pub call: u64,
    /// Its worst case.
    pub amount: Money,
}

/// Why no money could be set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// It is lent, and the ceiling that covers it is on its way to the disk.
    #[error("it is lent, and must be on the disk before it is used")]
    Rising,
    /// The bank was asked, or will be.
    #[error("the panel is asked for more")]
    Asked,
    /// The bank said no.
    #[error("the panel lends nothing: {0:?}")]
    Denied(Reason),
}

/// What a leaf spends and wants.
#[derive(Debug, Default)]
struct Need {
    want: Money,
    /// The dearest call of late.
    dearest: Money,
    spent: Money,
    since: Duration,
    rate: Money,
    /// Whether it spent anything of late.
    is_active: bool,
    denied: Option<Denied>,
    /// What it was lent.
    leases: SmallVec<[LeaseId; 2]>,
}

/// What the bank said no to.
#[derive(Debug, Clone, Copy)]
struct Denied {
    reason: Reason,
    /// Until when it need not be asked again.
    until: Duration,
    /// How much there was not. Less may well be there.
    need: Money,
}

impl Denied {
    fn holds(&self, need: Money, now: Duration) -> bool {
        let whatever = matches!(
            self.reason,
            Reason::Killed | Reason::UnknownLeaf | Reason::Restoring
        );
        now < self.until && (whatever || need >= self.need)
    }
}

/// The holder of a gateway's leases.
#[derive(Debug)]
pub struct Holder {
    router: RouterId,
    disk: DiskId,
    start: u64,
    incarnation: Option<u64>,
    /// Another process has replaced it.
    fenced: bool,
    /// It ends, or another has replaced it: it asks for nothing and no call of it begins.
    leaving: bool,
    seq: u64,
    /// The sync under way, and when it was first sent.
    pending: Option<(Sync, Duration)>,
    leases: BTreeMap<LeaseId, Held>,
    needs: BTreeMap<LeafId, Need>,
    /// Leaves whose switch was pulled. An answer that was on its way then must not open them again.
    killed: BTreeSet<LeafId>,
    finals: Vec<Final>,
    calls: u64,
    records: Vec<Record>,
    /// How many records were written so far, those in `records` included.
    written: u64,
    /// Ceilings that are written and not on the disk yet, with the number of their record.
    rising: VecDeque<(u64, LeaseId, Money)>,
}

impl Holder {
    /// A process that begins. `start` grows with every process on this disk and was written there before; `finals` is what the
    /// disk says of the processes before.
    #[must_use]
    pub fn new(router: RouterId, disk: DiskId, start: u64, finals: Vec<Final>) -> Self {
        Self {
            router,
            disk,
            start,
            incarnation: None,
            fenced: false,
            leaving: false,
            seq: 0,
            pending: None,
            leases: BTreeMap::new(),
            needs: BTreeMap::new(),
            killed: BTreeSet::new(),
            finals,
            calls: 0,
            records: Vec::new(),
            written: 0,
            rising: VecDeque::new(),
        }
    }

    /// Sets a call's worst case aside.
    ///
    /// # Errors
    /// [`Unavailable`]: no lease of this leaf has so much left.
    pub fn reserve(
        &mut self,
        leaf: LeafId,
        amount: Money,
        now: Duration,
    ) -> Result<Hold, Unavailable> {
        if self.killed.contains(&leaf) {
            return Err(Unavailable::Denied(Reason::Killed));
        }
        if amount < Money::ZERO || amount > MOST {
            // The bank would not even look at such a want.
            return Err(Unavailable::Denied(Reason::Exhausted));
        }
        let need = self.needs.entry(leaf).or_default();
        let covers = |id: &LeaseId, left: fn(&Held) -> Money| {
            let held = self.leases.get(id);
            held.is_some_and(|held| held.is_open(now) && left(held) >= amount)
        };
        let find = |left| need.leases.iter().copied().find(|id| covers(id, left));
        let Some(id) = find(Held::available) else {
            if let Some(lent) = find(Held::idle) {
                need.dearest = need.dearest.max(amount);
                self.raise(lent);
                return Err(Unavailable::Rising);
            }
            if let Some(denied) = need.denied.filter(|denied| denied.holds(amount, now)) {
                return Err(Unavailable::Denied(denied.reason));
            }
            need.want = need.want.max(amount).max(LEAST);
            return Err(Unavailable::Asked);
        };
        let Some(lease) = self.leases.get_mut(&id) else {
            return Err(Unavailable::Asked);
        };
        self.calls = self.calls.saturating_add(1);
        let hold = Hold {
            lease: id,
            call: self.calls,
            amount,
        };
        lease.reserved = lease.reserved.plus(amount);
        lease.calls.insert(hold.call, amount);
        lease.used = now;
        need.dearest = need.dearest.max(amount);
        self.write(Record::Reserved {
            lease: hold.lease,
            call: hold.call,
            amount,
        });
        self.raise(id);
        Ok(hold)
    }

    /// Books what a call cost, and what it was for; nothing where no work was done. What goes beyond its worst case is told
    /// apart.
    pub fn settle(&mut self, hold: &Hold, cost: Money, work: Option<Work<'_>>) {
        let Some(lease) = self.leases.get_mut(&hold.lease) else {
            return;
        };
        let Some(amount) = lease.calls.remove(&hold.call) else {
            return;
        };
        let within = cost.min(amount).max(Money::ZERO);
        lease.reserved = lease.reserved.less(amount);
        lease.settled = lease.settled.plus(within);
        let overrun = cost.less(amount).min(MOST);
        lease.overrun = lease.overrun.plus(overrun).min(MOST);
        if let Some(work) = work {
            lease.usage.count(&work, within.plus(overrun));
        }
        let need = self.needs.entry(lease.leaf).or_default();
        need.spent = need.spent.plus(cost.max(Money::ZERO));
        self.write(Record::Settled {
            lease: hold.lease,
            call: hold.call,
            cost: within,
            overrun,
        });
        self.raise(hold.lease);
    }

    /// Takes what must be written down; [`Holder::synced`] says how far it is on the disk.
    pub fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// So many records are on the disk: ceilings among them may be used.
    pub fn synced(&mut self, records: u64) {
        while let Some((number, lease, total)) = self.rising.front().copied()
            && number <= records
        {
            self.rising.pop_front();
            if let Some(held) = self.leases.get_mut(&lease) {
                held.ceiling = held.ceiling.max(total);
            }
        }
    }

    /// Lets time pass. Comes back with the calls that have lasted too long: they are to be cut and settled.
    pub fn tick(&mut self, now: Duration) -> Vec<Hold> {
        let mut overdue = Vec::new();
        for (id, held) in &mut self.leases {
            let idle = now.saturating_sub(held.used) > IDLE;
            held.closing |= (idle || !held.is_open(now)) && held.calls.is_empty();
            if now >= held.drains {
                overdue.extend(held.calls.iter().map(|(call, amount)| Hold {
                    lease: *id,
                    call: *call,
                    amount: *amount,
                }));
            }
        }
        self.raise_all();
        overdue
    }

    /// Ends all leases of a leaf at once; until it is let go again no call of it begins.
    pub fn kill(&mut self, leaf: LeafId, killed: bool) {
        if !killed {
            self.killed.remove(&leaf);
            return;
        }
        self.killed.insert(leaf);
        for id in self
            .needs
            .get(&leaf)
            .into_iter()
            .flat_map(|need| &need.leases)
        {
            if let Some(held) = self.leases.get_mut(id) {
                held.over = true;
            }
        }
    }

    /// How many leases of leaves whose switch was pulled have nothing under way any more, and are to be told to the bank.
    #[must_use]
    pub fn ended_by_switch(&self) -> usize {
        let killed = |held: &&Held| held.closing && self.killed.contains(&held.leaf);
        self.leases.values().filter(killed).count()
    }

    /// Gives back all it does not use: the process is about to end.
    pub fn leave(&mut self) {
        self.leaving = true;
        for held in self.leases.values_mut() {
            held.over = true;
            held.closing |= held.calls.is_empty();
        }
    }

    /// Whether another process has replaced it. Once it holds nothing any more it is to end, or to begin anew with another start:
    /// what replaced it may have been no more than an old message.
    #[must_use]
    pub const fn is_fenced(&self) -> bool {
        self.fenced
    }

    /// Whether it holds nothing any more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty() && self.finals.is_empty()
    }

    /// The number of this process, once the bank gave it one.
    #[must_use]
    pub const fn incarnation(&self) -> Option<u64> {
        self.incarnation
    }

    fn write(&mut self, record: Record) {
        self.records.push(record);
        self.written = self.written.saturating_add(1);
    }

    /// Asks for a higher ceiling where half of the last step is used.
    fn raise(&mut self, lease: LeaseId) {
        let Some(held) = self.leases.get_mut(&lease) else {
            return;
        };
        let need = self.needs.get(&held.leaf);
        let (rate, dearest) = need.map_or((Money::ZERO, Money::ZERO), |need| {
            (need.rate, need.dearest.max(need.want))
        });
        // A second of spending, or four calls.
        let step = Money::from_nanos(rate.nanos().div_euclid(60)).max(dearest.times(4));
        if let Some(total) = held.next_ceiling(step) {
            held.asked = total;
            self.write(Record::Ceiling { lease, total });
            self.rising.push_back((self.written, lease, total));
        }
    }

    fn raise_all(&mut self) {
        let leases: Vec<LeaseId> = self.leases.keys().copied().collect();
        for lease in leases {
            self.raise(lease);
        }
    }
}

impl Need {
    /// What to ask for: a call that waits, or else what keeps the next ones from waiting.
    fn asks(&self, leaf: LeafId, idle: Money, last: Money, now: Duration) -> Option<Want> {
        let low = last > Money::ZERO && idle < last.percent(50) && self.is_active;
        let need = match self.want {
            Money::ZERO if low => self.dearest,
            want => want,
        };
        let denied = self.denied.is_some_and(|denied| denied.holds(need, now));
        (need > Money::ZERO && !denied).then_some(Want {
            leaf,
            need,
            rate: self.rate,
        })
    }
}
