//! The bank against a ledger of a hundred lines, written from the treaty's text: whatever is said to it, in whatever order and how
//! often, both come to the same sums.
//!
//! What the reference takes from the bank is what was lent, and when time ran out for a lease: amounts are its own. It keeps
//! whole nano-dollars wider than the bank does, and adds every account up anew after each step.

#![expect(
    clippy::indexing_slicing,
    clippy::struct_excessive_bools,
    reason = "a test's own numbers are within its arrays, and a life has as many turns as the treaty says"
)]

use super::{LEAF, ROOT, secs};
use crate::lease::protocol::account::AccountId;
use crate::lease::protocol::lease::Stage;
use crate::lease::protocol::message::{
    Answer, DiskId, Final, Hello, LeafId, LeaseId, Line, RouterId, Sync, Want,
};
use crate::lease::protocol::{Bank, Mutant, Terms};
use crate::units::Money;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use std::time::Duration;

const TEAM: AccountId = AccountId {
    budget: 1,
    period: 0,
};
/// Who spends from which accounts.
const LEAVES: [(LeafId, &[AccountId]); 3] = [
    (LEAF, &[ROOT]),
    (LeafId(2), &[TEAM, ROOT]),
    (LeafId(3), &[TEAM, ROOT]),
];

/// A lease as the treaty has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Slice {
    granted: i128,
    settled: i128,
    returned: i128,
    uncertain: i128,
    overrun: i128,
    breach: i128,
    closed: bool,
    lost: bool,
    last_word: bool,
    used: bool,
}

impl Slice {
    fn held(&self) -> i128 {
        self.granted - self.settled - self.returned - self.uncertain
    }

    /// Counters only grow; what is spent counts against what was presumed spent first, and never above what was lent.
    fn report(&mut self, settled: i128, returned: i128, overrun: i128) {
        let told = settled.max(self.settled + self.breach);
        let grown = told.min(self.granted - self.returned).max(self.settled) - self.settled;
        let was_told = told > self.settled;
        self.settled += grown;
        if was_told {
            self.breach = told - self.settled;
        }
        self.uncertain -= self.uncertain.min(grown);
        self.fit();
        if !self.closed {
            let most = self.granted - self.settled;
            self.returned = self.returned.max(returned.min(most));
            self.fit();
        }
        self.overrun = self.overrun.max(overrun);
    }

    /// What comes back was not spent after all.
    fn fit(&mut self) {
        let room = self.granted - self.settled - self.returned;
        self.uncertain = self.uncertain.min(room);
    }

    fn close(&mut self) {
        if !self.closed {
            self.returned = self.granted - self.settled - self.uncertain;
            self.closed = true;
        }
    }

    fn lose(&mut self) {
        self.uncertain += self.held();
        self.lost = true;
    }

    fn last_word(&mut self, word: &Final) {
        if self.last_word {
            return;
        }
        self.last_word = true;
        let nanos = |money: Money| i128::from(money.nanos());
        self.report(nanos(word.settled), 0, nanos(word.overrun));
        if self.closed {
            return;
        }
        let all = nanos(word.settled) + nanos(word.in_flight) + nanos(word.uncertain);
        let room = self.granted - self.settled - self.returned;
        self.uncertain = (all - self.settled).max(0).min(room);
        if self.lost {
            self.close();
        }
    }
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    /// A gateway wants money.
    Want(usize, usize, i64),
    /// It reports: of which of its leases, how much in all was spent, given back, overrun, in thousandths of what was lent.
    Report(usize, usize, i64, i64, i64, bool),
    /// The next process on the same disk begins, and says what became of a lease.
    Restart(usize, usize, i64, i64, i64),
    /// Time passes.
    Wait(u64),
    /// A message comes once more, however old.
    Replay(usize),
    /// A limit is changed.
    Limit(bool, i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let part = 0_i64..1_300;
    let step = prop_oneof![
        4 => (0..3_usize, 0..3_usize, 1_i64..60).prop_map(|(r, l, c)| Step::Want(r, l, c)),
        6 => (0..3_usize, 0..6_usize, part.clone(), part.clone(), 0_i64..200, prop::bool::weighted(0.15))
            .prop_map(|(r, l, s, b, o, c)| Step::Report(r, l, s, b, o, c)),
        2 => (0..3_usize, 0..6_usize, part.clone(), part.clone(), part)
            .prop_map(|(r, l, s, f, u)| Step::Restart(r, l, s, f, u)),
        2 => (1..2_000_u64).prop_map(Step::Wait),
        3 => (0..40_usize).prop_map(Step::Replay),
        1 => (any::<bool>(), 100_i64..4_000).prop_map(|(team, cents)| Step::Limit(team, cents)),
    ];
    prop::collection::vec(step, 1..60)
}

/// A bank, the reference beside it, and all that was said.
struct Both {
    bank: Bank,
    slices: BTreeMap<LeaseId, Slice>,
    seq: [u64; 3],
    start: [u64; 3],
    incarnation: [u64; 3],
    now: Duration,
    said: Vec<Sync>,
}

impl Both {
    fn new() -> Self {
        let mut bank = Bank::new(Terms::default());
        bank.set_account(ROOT, super::usd(3_000), true);
        bank.set_account(TEAM, super::usd(1_000), true);
        for (leaf, accounts) in LEAVES {
            bank.set_leaf(leaf, accounts.iter().copied());
        }
        for router in 0..3 {
            bank.enrol(RouterId(router));
        }
        let mut both = Self {
            bank,
            slices: BTreeMap::new(),
            seq: [0; 3],
            start: [0; 3],
            incarnation: [0; 3],
            now: secs(1),
            said: Vec::new(),
        };
        (0..3).for_each(|router| both.begin(router));
        both
    }

    fn begin(&mut self, router: usize) {
        self.start[router] += 1;
        let hello = Hello {
            router: RouterId(router as u128),
            disk: DiskId(router as u128 + 1),
            start: self.start[router],
        };
        let Ok(Answer::Welcome { incarnation, .. }) = self.bank.hello(&hello) else {
            panic!("no welcome");
        };
        self.incarnation[router] = incarnation;
        self.seq[router] = 0;
    }

    /// The leases that this gateway ever had, in order.
    fn leases(&self, router: usize) -> Vec<(LeaseId, u64, u64, Money)> {
        let own = self.bank.leases();
        let own = own.filter(|(_, lease)| lease.router == RouterId(router as u128));
        own.map(|(id, lease)| (id, lease.fence, lease.incarnation, lease.granted))
            .collect()
    }

    fn say(&mut self, sync: Sync) {
        let unheard = self.never_heard_of(&sync);
        let answer = self.bank.sync(&sync, self.now);
        // Facts are heard whatever the answer is, from whoever holds the lease.
        let nanos = |money: Money| i128::from(money.nanos());
        for line in &sync.leases {
            let is_own = self.bank.lease(line.lease).is_some_and(|lease| {
                lease.router == sync.router
                    && lease.incarnation == sync.incarnation
                    && lease.fence == line.fence
            });
            let Some(slice) = self.slices.get_mut(&line.lease).filter(|_| is_own) else {
                continue;
            };
            slice.report(
                nanos(line.settled),
                nanos(line.returned),
                nanos(line.overrun),
            );
            slice.used |= line.settled > Money::ZERO;
            if line.closing && !slice.closed {
                slice.uncertain = 0;
                slice.close();
            }
        }
        for word in &sync.finals {
            let later = self.bank.lease(word.lease).is_some_and(|lease| {
                lease.router == sync.router && lease.incarnation < sync.incarnation
            });
            if let Some(slice) = self.slices.get_mut(&word.lease).filter(|_| later) {
                slice.last_word(word);
            }
        }
        if matches!(answer, Ok(Answer::Synced(_))) && self.said.last() != Some(&sync) {
            self.never_opened(&sync);
            for id in unheard {
                let slice = self.slices.get_mut(&id).filter(|slice| !slice.used);
                if let Some(slice) = slice.filter(|slice| !slice.closed) {
                    slice.uncertain = 0;
                    slice.close();
                }
            }
        }
        self.said.push(sync);
    }

    /// Leases of the very process that bring no money any more, and that it does not name in something new: it will never
    /// hear of them.
    fn never_heard_of(&self, sync: &Sync) -> Vec<LeaseId> {
        let known = self.bank.router(sync.router);
        if known.is_none_or(|known| known.seq >= sync.seq) {
            return Vec::new();
        }
        let leases = self.bank.leases().filter(|(id, lease)| {
            (lease.router, lease.incarnation) == (sync.router, sync.incarnation)
                && lease.stage != Stage::Active
                && sync.leases.iter().all(|line| line.lease != *id)
        });
        leases.map(|(id, _)| id).collect()
    }

    /// A process that is heard knows its disk: what it does not name of earlier ones, and nobody ever used, never came.
    fn never_opened(&mut self, sync: &Sync) {
        for (id, lease) in self.bank.leases() {
            let earlier = lease.router == sync.router && lease.incarnation < sync.incarnation;
            let slice = self.slices.get_mut(&id).filter(|_| earlier);
            if let Some(slice) =
                slice.filter(|slice| !slice.used && !slice.last_word && !slice.closed)
            {
                slice.last_word(&Final {
                    lease: id,
                    settled: Money::ZERO,
                    in_flight: Money::ZERO,
                    overrun: Money::ZERO,
                    uncertain: Money::ZERO,
                });
            }
        }
    }

    fn next(&mut self, router: usize) -> Sync {
        self.seq[router] += 1;
        Sync {
            router: RouterId(router as u128),
            incarnation: self.incarnation[router],
            seq: self.seq[router],
            leases: Vec::new(),
            wants: Vec::new(),
            finals: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Want(router, leaf, cents) => {
                let mut sync = self.next(router);
                sync.wants.push(Want {
                    leaf: LEAVES[leaf].0,
                    need: super::usd(cents),
                    rate: super::usd(cents),
                });
                self.say(sync);
            }
            Step::Report(router, place, settled, returned, overrun, closing) => {
                let mut sync = self.next(router);
                let leases = self.leases(router);
                let Some((lease, fence, incarnation, granted)) = leases.get(place).copied() else {
                    return;
                };
                // Also by a process that another has replaced.
                sync.incarnation = incarnation;
                let part =
                    |thousandths: i64| Money::from_nanos(granted.nanos() / 1000 * thousandths);
                sync.leases.push(Line {
                    lease,
                    fence,
                    settled: part(settled),
                    returned: part(returned),
                    reserved: Money::ZERO,
                    overrun: part(overrun),
                    closing,
                    usage: Vec::new(),
                });
                self.say(sync);
            }
            Step::Restart(router, place, settled, in_flight, uncertain) => {
                self.begin(router);
                let mut sync = self.next(router);
                let leases = self.leases(router);
                if let Some((lease, _, _, granted)) = leases.get(place).copied() {
                    let part =
                        |thousandths: i64| Money::from_nanos(granted.nanos() / 1000 * thousandths);
                    sync.finals.push(Final {
                        lease,
                        settled: part(settled),
                        in_flight: part(in_flight),
                        overrun: Money::ZERO,
                        uncertain: part(uncertain),
                    });
                }
                self.say(sync);
            }
            Step::Wait(seconds) => {
                self.now += secs(seconds);
                self.bank.tick(self.now);
            }
            Step::Replay(place) => {
                if let Some(sync) = self.said.get(place).cloned() {
                    self.say(sync);
                }
            }
            Step::Limit(team, cents) => {
                let id = if team { TEAM } else { ROOT };
                self.bank.set_account(id, super::usd(cents), true);
            }
        }
        self.time_and_money();
        self.compare();
    }

    /// What was lent, and whose time was over, is the bank's to say.
    fn time_and_money(&mut self) {
        for (id, lease) in self.bank.leases() {
            let slice = self.slices.entry(id).or_default();
            slice.granted = i128::from(lease.granted.nanos());
            match lease.stage {
                Stage::Closed => slice.close(),
                Stage::Lost if !slice.lost => slice.lose(),
                _ => {}
            }
        }
    }

    fn compare(&self) {
        let mut sums: BTreeMap<AccountId, [i128; 4]> = BTreeMap::new();
        for (id, lease) in self.bank.leases() {
            let slice = &self.slices[&id];
            let over = slice.overrun + slice.breach;
            for account in &lease.accounts {
                let sum = sums.entry(*account).or_default();
                sum[0] += slice.settled + over;
                sum[1] += slice.held();
                sum[2] += slice.uncertain;
                sum[3] += over;
            }
        }
        for (id, account) in self.bank.accounts() {
            let amounts = [
                account.spent,
                account.held,
                account.uncertain,
                account.overrun,
            ];
            let amounts = amounts.map(|money| i128::from(money.nanos()));
            let expected = sums.get(&id).copied().unwrap_or_default();
            assert_eq!(amounts, expected, "{id:?}");
            let [spent, held, uncertain, overrun] = amounts;
            let room = account.limit.plus(account.overcommit).nanos();
            assert!(
                spent + held + uncertain <= i128::from(room) + overrun,
                "{account:?}"
            );
        }
    }
}

/// Whether both come to the same sums, whatever happens.
fn agree(cases: u32, mutant: Option<Mutant>) -> Result<(), String> {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    };
    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        let mut both = Both::new();
        both.bank.mutant = mutant;
        for step in &steps {
            both.step(step);
        }
        Ok(())
    });
    outcome.map_err(|error| error.to_string())
}

#[test]
fn the_bank_comes_to_the_sums_of_a_plain_ledger() {
    agree(2_000, None).unwrap();
}

#[test]
fn a_bank_that_refuses_late_reports_does_not() {
    assert!(agree(2_000, Some(Mutant::LateReportsRefused)).is_err());
}
