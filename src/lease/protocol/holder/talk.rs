//! What a holder says to the bank, and what it makes of the answers.

use super::held::Held;
use super::{Denied, Holder, Need};
use crate::lease::protocol::bank::BankError;
use crate::lease::protocol::message::{Answer, Grant, Hello, LeaseId, Line, Sync, Synced};
use crate::lease::protocol::record::Record;
use crate::lease::protocol::usage::{MOST_TOLD, Usage};
use crate::units::Money;
use std::collections::BTreeMap;
use std::time::Duration;

impl Holder {
    /// What it says first, until it has a number.
    #[must_use]
    pub fn hello(&self) -> Option<Hello> {
        self.incarnation.is_none().then_some(Hello {
            router: self.router,
            disk: self.disk,
            start: self.start,
        })
    }

    /// The sync to send now: the one under way again, or a new one.
    pub fn sync(&mut self, now: Duration) -> Option<Sync> {
        let incarnation = self.incarnation?;
        if let Some((sync, _)) = &self.pending {
            return Some(sync.clone());
        }
        self.seq = self.seq.saturating_add(1);
        let mut usage = self.usage();
        let lines = self.leases.iter().map(|(lease, held)| Line {
            lease: *lease,
            fence: held.fence,
            settled: held.settled,
            returned: if held.closing {
                held.granted.minus(held.settled)
            } else {
                held.returned
            },
            reserved: held.reserved,
            overrun: held.overrun,
            closing: held.closing,
            usage: usage.remove(lease).unwrap_or_default(),
        });
        let leases = lines.collect();
        let mut wants = Vec::new();
        for (leaf, need) in &mut self.needs {
            need.measure(now);
            let mine = need.leases.iter().filter_map(|id| self.leases.get(id));
            let mine = mine.filter(|held| held.is_open(now));
            let (idle, last) = mine.fold((Money::ZERO, Money::ZERO), |(idle, last), held| {
                (idle.plus(held.idle()), last.max(held.last))
            });
            if !self.leaving {
                wants.extend(need.asks(*leaf, idle, last, now));
            }
        }
        let sync = Sync {
            router: self.router,
            incarnation,
            seq: self.seq,
            leases,
            wants,
            finals: self.finals.clone(),
        };
        self.pending = Some((sync.clone(), now));
        Some(sync)
    }

    /// What calls were for, as much of it as one sync carries: what the bank does not know yet, of leases that end before that
    /// of others, for of those nothing is told later; and all that is known of leases that end, for a bank whose books were set
    /// back has forgotten it.
    fn usage(&self) -> BTreeMap<LeaseId, Vec<Usage>> {
        let (mut room, mut usage) = (MOST_TOLD, BTreeMap::<_, Vec<Usage>>::new());
        for (is_told, closing) in [(false, true), (false, false), (true, true)] {
            let leases = self.leases.iter();
            for (lease, held) in leases.filter(|(_, held)| held.closing == closing) {
                for line in held.usage.lines(is_told).take(room) {
                    room = room.saturating_sub(1);
                    usage.entry(*lease).or_default().push(line.clone());
                }
            }
        }
        usage
    }

    /// Takes an answer. One that is not for this process or not for the sync under way is none.
    pub fn heard(&mut self, answer: &Answer, now: Duration) {
        match answer {
            Answer::Welcome {
                disk,
                start,
                incarnation,
            } => {
                let is_mine = (*disk, *start) == (self.disk, self.start);
                if self.incarnation.is_none() && is_mine {
                    self.incarnation = Some(*incarnation);
                }
            }
            Answer::Fenced { incarnation, seq } => {
                if self.incarnation == Some(*incarnation) {
                    // Facts were heard all the same: those of the sync that is answered, and of no later one.
                    let answered =
                        |pending: &mut (Sync, Duration)| *seq == 0 || pending.0.seq == *seq;
                    if let Some((sync, _)) = self.pending.take_if(answered) {
                        self.told(&sync);
                    }
                    self.fenced = true;
                    self.leave();
                }
            }
            Answer::Synced(synced) => {
                let under_way = self.pending.take_if(|(sync, _)| {
                    sync.seq == synced.seq && self.incarnation == Some(synced.incarnation)
                });
                if let Some((sync, sent)) = under_way {
                    self.take(&sync, synced, sent, now);
                }
            }
        }
    }

    /// The bank did not take the sync under way: the next one says it anew. What it said of another sync is of no concern;
    /// to give up one that may yet be answered would be to miss what it brings.
    pub fn refused(&mut self, error: &BankError) {
        let (seq, last) = match *error {
            BankError::Stale { seq, last } => (seq, last),
            BankError::Conflict { seq } => (seq, seq),
            BankError::Amount { .. } => (self.seq, self.seq),
            BankError::UnknownRouter | BankError::OldStart { .. } => return,
        };
        if self.pending.take_if(|(sync, _)| sync.seq == seq).is_some() {
            self.seq = self.seq.max(last);
        }
    }

    /// What a sync told for good is told.
    fn told(&mut self, sync: &Sync) {
        for word in std::mem::take(&mut self.finals) {
            self.write(Record::Closed { lease: word.lease });
        }
        for line in sync.leases.iter().filter(|line| !line.usage.is_empty()) {
            if let Some(held) = self.leases.get_mut(&line.lease) {
                held.usage.told(&line.usage);
            }
        }
        for line in &sync.leases {
            if let Some(held) = self.leases.get_mut(&line.lease) {
                held.returned_told = line.returned;
            }
        }
        for line in sync.leases.iter().filter(|line| line.closing) {
            if let Some(held) = self.leases.remove(&line.lease)
                && let Some(need) = self.needs.get_mut(&held.leaf)
            {
                need.leases.retain(|lease| *lease != line.lease);
            }
            self.write(Record::Closed { lease: line.lease });
        }
    }

    fn take(&mut self, sync: &Sync, synced: &Synced, sent: Duration, now: Duration) {
        self.told(sync);
        // The bank lists every lease that still brings money: one it does not list was ended there.
        for line in &sync.leases {
            let listed = synced.grants.iter().any(|grant| grant.lease == line.lease);
            if let Some(held) = self.leases.get_mut(&line.lease) {
                held.over |= !listed;
            }
        }
        for want in &sync.wants {
            if let Some(need) = self.needs.get_mut(&want.leaf) {
                need.want = Money::ZERO;
                need.denied = None;
            }
        }
        for deny in &synced.denies {
            let wanted = sync.wants.iter().find(|want| want.leaf == deny.leaf);
            let need = self.needs.entry(deny.leaf).or_default();
            need.denied = Some(Denied {
                reason: deny.reason,
                until: now.saturating_add(deny.retry_after),
                need: wanted.map_or(Money::ZERO, |want| want.need),
            });
        }
        for grant in &synced.grants {
            self.granted(grant, sent, now);
        }
        self.raise_all();
    }

    /// Takes a lease over as the bank has it. Its time counts from before the sync was sent.
    fn granted(&mut self, grant: &Grant, sent: Duration, now: Duration) {
        let is_new = !self.leases.contains_key(&grant.lease);
        let held = self
            .leases
            .entry(grant.lease)
            .or_insert_with(|| Held::new(grant.leaf, grant.fence));
        let more = grant.granted.less(held.granted);
        if more > Money::ZERO {
            held.granted = grant.granted;
            held.last = more;
        }
        if !held.closing {
            held.ends = held.ends.max(sent.saturating_add(grant.valid_for));
            held.drains = held.drains.max(
                sent.saturating_add(grant.valid_for)
                    .saturating_add(grant.drain_for),
            );
        }
        if let Some(keep) = grant.keep {
            held.give_back(keep);
        }
        held.over |= self.leaving;
        if is_new {
            held.used = now;
            let need = self.needs.entry(grant.leaf).or_default();
            need.leases.push(grant.lease);
            self.write(Record::Open { lease: grant.lease });
        }
    }
}

impl Need {
    /// How fast it spends: half of what was known, half of what is new.
    fn measure(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.since).as_millis().max(1);
        let spent = u128::try_from(self.spent.nanos()).unwrap_or(0);
        let latest = spent.saturating_mul(60_000).div_euclid(elapsed);
        let latest =
            Money::from_nanos(i64::try_from(latest).unwrap_or(i64::MAX).min(i64::MAX / 32));
        self.is_active = self.spent > Money::ZERO;
        self.rate = self.rate.percent(50).plus(latest.percent(50));
        self.spent = Money::ZERO;
        self.since = now;
        // The dearest call of late, not of all times.
        self.dearest = self.dearest.percent(90).max(self.want);
    }
}
