//! One lease in the hand of its holder.

use crate::lease::protocol::message::LeafId;
use crate::lease::protocol::usage::Counted;
use crate::units::Money;
use std::collections::BTreeMap;
use std::time::Duration;

/// A lease, as its holder has it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) leaf: LeafId,
    pub(super) fence: u64,
    pub(super) granted: Money,
    /// What came with the last grant.
    pub(super) last: Money,
    pub(super) returned: Money,
    /// Of that, what the bank knows.
    pub(super) returned_told: Money,
    pub(super) settled: Money,
    pub(super) overrun: Money,
    pub(super) reserved: Money,
    /// On the disk.
    pub(super) ceiling: Money,
    /// Written, perhaps not on the disk yet.
    pub(super) asked: Money,
    /// No call begins after this.
    pub(super) ends: Duration,
    /// No call lasts longer than this.
    pub(super) drains: Duration,
    /// No call begins any more, whatever answers still come.
    pub(super) over: bool,
    pub(super) closing: bool,
    /// When the last call began, or money came.
    pub(super) used: Duration,
    /// The worst cases of calls under way.
    pub(super) calls: BTreeMap<u64, Money>,
    /// What those that are over were for.
    pub(super) usage: Counted,
}

impl Held {
    pub(super) fn new(leaf: LeafId, fence: u64) -> Self {
        Self {
            leaf,
            fence,
            granted: Money::ZERO,
            last: Money::ZERO,
            returned: Money::ZERO,
            returned_told: Money::ZERO,
            settled: Money::ZERO,
            overrun: Money::ZERO,
            reserved: Money::ZERO,
            ceiling: Money::ZERO,
            asked: Money::ZERO,
            ends: Duration::ZERO,
            drains: Duration::ZERO,
            over: false,
            closing: false,
            used: Duration::ZERO,
            calls: BTreeMap::new(),
            usage: Counted::default(),
        }
    }

    /// Whether calls may begin.
    pub(super) fn is_open(&self, now: Duration) -> bool {
        !self.over && !self.closing && now < self.ends
    }

    /// What may be reserved now.
    pub(super) fn available(&self) -> Money {
        self.ceiling
            .min(self.granted.less(self.returned))
            .less(self.settled.plus(self.reserved))
    }

    /// What is lent, and neither spent nor promised nor given back.
    pub(super) fn idle(&self) -> Money {
        self.granted
            .less(self.returned.plus(self.settled).plus(self.reserved))
    }

    /// Gives back what is idle, down to `keep` of what is not spent.
    pub(super) fn give_back(&mut self, keep: Money) {
        self.returned = self.returned.plus(self.idle().less(keep));
    }

    /// The ceiling to ask for next, where half of the last step is used and there is more.
    pub(super) fn next_ceiling(&self, step: Money) -> Option<Money> {
        let used = self.settled.plus(self.reserved);
        let left = self.asked.less(used);
        let wanted = used.plus(step).min(self.granted.less(self.returned));
        (left < step.percent(50) && wanted > self.asked).then_some(wanted)
    }
}
