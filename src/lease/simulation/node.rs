//! One gateway: a process that comes and goes, and a disk that may outlive it.

use super::chance::Chance;
use crate::lease::protocol::{DiskId, Final, Holder, Record, RouterId, recover};
use std::time::Duration;

/// A gateway.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: RouterId,
    /// The number of its process.
    pub(super) start: u64,
    pub(super) holder: Option<Holder>,
    disk: Disk,
    /// Cut off until then.
    pub(super) off: u64,
    /// Down until then.
    pub(super) back: u64,
    /// Its machine sleeps until then.
    pub(super) asleep: u64,
    /// How fast its clock goes, in thousandths.
    rate: u64,
    /// When it says what it has to say again.
    pub(super) sent: u64,
    /// How many events its process has heard.
    pub(super) cursor: usize,
    /// Which revision of the prices it goes by.
    pub(super) prices: usize,
    /// Since when a call waits.
    pub(super) waits: Option<u64>,
}

/// A journal: what was written, and how much of it is safe.
#[derive(Debug)]
struct Disk {
    id: u128,
    /// How many processes began on it.
    start: u64,
    records: Vec<Record>,
    safe: usize,
    /// How many records were there before this process began.
    base: usize,
}

impl Disk {
    fn new(id: u128) -> Self {
        Self {
            id,
            start: u64::from(id == 1),
            records: Vec::new(),
            safe: 0,
            base: 0,
        }
    }
}

impl Node {
    /// `skew`: its clock goes so many thousandths faster than the slowest that is borne.
    pub(super) fn new(id: u128, skew: u64) -> Self {
        let id = RouterId(id);
        Self {
            id,
            start: 1,
            holder: Some(Holder::new(id, DiskId(1), 1, Vec::new())),
            disk: Disk::new(1),
            off: 0,
            back: 0,
            asleep: 0,
            rate: 990 + skew,
            sent: 0,
            cursor: 0,
            prices: 0,
            waits: None,
        }
    }

    /// What its clock says. Where it stood at the start has no meaning.
    pub(super) fn clock(&self, now: u64) -> Duration {
        Duration::from_millis((now + 1_000) * self.rate)
    }

    /// Writes what is to be written; now and then it gets safe.
    pub(super) fn write(&mut self, sync: bool) {
        let Some(holder) = &mut self.holder else {
            return;
        };
        self.disk.records.extend(holder.take_records());
        if sync {
            self.disk.safe = self.disk.records.len();
            let own = self.disk.safe - self.disk.base;
            holder.synced(u64::try_from(own).expect("few"));
        }
    }

    /// The process dies: the disk keeps what was safe, perhaps some of what was not, or is lost.
    pub(super) fn crash(&mut self, chance: &mut Chance, lost: bool, back: u64) {
        // What was not even handed to the disk is gone with the process.
        self.holder = None;
        self.back = back;
        if lost {
            self.disk = Disk::new(self.disk.id + 1);
            return;
        }
        let loose = self.disk.records.len() - self.disk.safe;
        let kept = self.disk.safe
            + usize::try_from(chance.below(u64::try_from(loose).expect("few") + 1)).expect("few");
        self.disk.records.truncate(kept);
    }

    /// Another process begins where the last one ended.
    pub(super) fn begin(&mut self, believes_ceilings: bool) {
        self.start += 1;
        self.cursor = 0;
        // The disk counts for itself: a new one from the beginning.
        self.disk.start += 1;
        let mut finals: Vec<Final> = recover(self.disk.records.iter().copied());
        if !believes_ceilings {
            for word in &mut finals {
                word.uncertain = crate::units::Money::ZERO;
            }
        }
        self.disk.safe = self.disk.records.len();
        self.disk.base = self.disk.safe;
        self.holder = Some(Holder::new(
            self.id,
            DiskId(self.disk.id),
            self.disk.start,
            finals,
        ));
    }
}
