//! What is true, and what must hold: the promises of the treaty, checked after each step.

use crate::lease::protocol::{
    AccountId, Answer, Bank, LeafId, Lease, LeaseId, RouterId, Rows, Stage, Sync, Usage, Work,
};
use crate::units::Money;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// What calls came to, by whose they were and the model.
type Worked = BTreeMap<(LeafId, Box<str>), Usage>;

/// What the store was given to add up.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    /// The ledger's entries.
    entries: BTreeMap<AccountId, (Money, Money, Money, Money)>,
    /// What calls were for.
    used: Worked,
}

/// What the provider charged, and what was seen so far.
#[derive(Debug, Default)]
pub(super) struct Truth {
    by_account: BTreeMap<AccountId, Money>,
    /// What was charged beyond worst cases.
    overruns: BTreeMap<AccountId, Money>,
    /// The highest limit each account ever had.
    limits: BTreeMap<AccountId, Money>,
    by_lease: BTreeMap<LeaseId, Money>,
    /// Every lease as it was after the last step.
    before: BTreeMap<LeaseId, Lease>,
    /// What the store was given, summed up.
    sums: Sums,
    /// What calls were for of which a gateway saw the end.
    worked: Worked,
    answers: BTreeMap<(RouterId, u64, u64), Answer>,
    newest: BTreeMap<RouterId, u64>,
    /// Numbers given since the books were last looked at: money lent before them was lent rightly.
    hellos: Vec<(RouterId, u64)>,
    /// Whether any process ever died.
    crashed: bool,
    /// Processes whose disk was lost, up to this one.
    lost: BTreeMap<RouterId, u64>,
    /// The accounts of every lease that ever was.
    accounts: BTreeMap<LeaseId, SmallVec<[AccountId; 8]>>,
    /// Whether the books were ever set back: what was lent since the backup, they do not know.
    set_back: bool,
}

impl Truth {
    /// The provider charges. Never more than there is, at any moment, worst cases that it did not keep to apart.
    pub(super) fn charged(&mut self, bank: &Bank, lease: LeaseId, cost: Money, overrun: Money) {
        let of_lease = self.by_lease.entry(lease).or_default();
        *of_lease = of_lease.plus(cost);
        if let Some(lent) = bank.lease(lease).filter(|_| !self.set_back) {
            assert!(
                *of_lease <= lent.granted.minus(lent.returned),
                "P6: charged {of_lease}, given back {}: {lent:?}",
                lent.returned
            );
        }
        let accounts = self.accounts.get(&lease);
        for id in accounts.expect("a lease that a call was made on") {
            let charged = self.by_account.entry(*id).or_default();
            *charged = charged.plus(cost);
            let over = self.overruns.entry(*id).or_default();
            *over = over.plus(overrun);
            let account = bank.account(*id).expect("an account");
            let limit = self.limits.get(id).copied().unwrap_or_default();
            let limit = limit.max(account.limit);
            assert!(
                !account.hard || *charged <= limit,
                "P5: budget {} was charged {charged} of {limit}",
                id.budget
            );
        }
    }

    /// The same sync has the same answer, and nobody is turned away for a process that never was.
    pub(super) fn answered(&mut self, sync: &Sync, answer: Option<&Answer>) {
        if let Some(Answer::Fenced { incarnation, .. }) = answer {
            let known = self.newest.get(&sync.router).copied().into_iter();
            let of_it = |hello: &&(RouterId, u64)| hello.0 == sync.router;
            let heard = self.hellos.iter().filter(of_it).map(|hello| hello.1);
            assert!(
                self.set_back || known.chain(heard).any(|newer| newer > *incarnation),
                "P7: process {incarnation} is told that it was replaced, and none came after it"
            );
        }
        let Some(answer @ Answer::Synced(_)) = answer else {
            return;
        };
        let key = (sync.router, sync.incarnation, sync.seq);
        let first = self.answers.entry(key).or_insert_with(|| answer.clone());
        assert_eq!(first, answer, "P8: one sync, two answers");
    }

    /// A process has its number: no other of this gateway gets money any more.
    pub(super) fn welcomed(&mut self, router: RouterId, answer: Option<&Answer>) {
        if let Some(Answer::Welcome { incarnation, .. }) = answer {
            self.hellos.push((router, *incarnation));
        }
    }

    /// A process died.
    pub(super) fn crashed(&mut self) {
        self.crashed = true;
    }

    /// The disk of these processes is gone: what they held may stay uncertain.
    pub(super) fn lost(&mut self, router: RouterId, incarnation: u64) {
        self.lost.insert(router, incarnation);
    }

    /// Time alone gives nothing back.
    pub(super) fn after_tick(&mut self, bank: &Bank) {
        for (id, lease) in bank.leases() {
            let Some(before) = self.before.get(&id) else {
                continue;
            };
            assert!(
                lease.returned == before.returned || lease.is_final,
                "P9: lease {id:?} gave back {} because time has passed",
                lease.returned.minus(before.returned)
            );
        }
    }

    /// No account is overdrawn.
    pub(super) fn sound(bank: &Bank) {
        for (id, account) in bank.accounts() {
            assert!(account.is_sound(), "P1: {id:?} {account:?}");
        }
    }

    /// The books balance.
    pub(super) fn balance(&mut self, bank: &Bank) {
        for (id, account) in bank.accounts() {
            let limit = self.limits.entry(id).or_default();
            *limit = account.limit.max(*limit);
        }
        let mut held: BTreeMap<AccountId, (Money, Money)> = BTreeMap::new();
        for (id, lease) in bank.leases() {
            self.accounts
                .entry(id)
                .or_insert_with(|| lease.accounts.clone());
            self.lease(id, lease);
            for account in &lease.accounts {
                let sums = held.entry(*account).or_default();
                sums.0 = sums.0.plus(lease.held());
                sums.1 = sums.1.plus(lease.uncertain);
            }
        }
        Self::sound(bank);
        for (id, account) in bank.accounts() {
            let (sum, uncertain) = held.get(&id).copied().unwrap_or_default();
            assert_eq!(
                (account.held, account.uncertain),
                (sum, uncertain),
                "P2: {id:?}"
            );
        }
        for (router, incarnation) in std::mem::take(&mut self.hellos) {
            let newest = self.newest.entry(router).or_default();
            *newest = (*newest).max(incarnation);
        }
    }

    fn lease(&mut self, id: LeaseId, lease: &Lease) {
        let Some(before) = self.before.get(&id) else {
            assert!(lease.is_sound(), "P4: {id:?} {lease:?}");
            let newest = self.newest.get(&lease.router).copied().unwrap_or(0);
            assert!(
                lease.incarnation >= newest || self.set_back,
                "P7: a new lease for a process that was replaced: {lease:?}"
            );
            self.before.insert(id, lease.clone());
            return;
        };
        if before == lease {
            return;
        }
        assert!(lease.is_sound(), "P4: {id:?} {lease:?}");
        assert!(
            lease.granted >= before.granted
                && lease.returned >= before.returned
                && lease.settled >= before.settled
                && lease.stage >= before.stage,
            "P4: {before:?} became {lease:?}"
        );
        let newest = self.newest.get(&lease.router).copied().unwrap_or(0);
        assert!(
            lease.incarnation >= newest || lease.granted == before.granted || self.set_back,
            "P7: a process that was replaced got money: {lease:?}"
        );
        if lease.stage == Stage::Closed {
            let charged = self.by_lease.get(&id).copied().unwrap_or_default();
            assert!(
                self.set_back || lease.settled.plus(lease.uncertain).plus(lease.breach) >= charged,
                "P6: closed at {}, charged {charged}: {lease:?}",
                lease.settled
            );
        }
        self.before.insert(id, lease.clone());
    }

    /// The storm is over and everybody has reported: nothing is held, and nothing uncertain but what lost disks took along.
    pub(super) fn at_peace(&mut self, bank: &Bank) {
        for (id, lease) in bank.leases() {
            let lost = self.lost.get(&lease.router).copied().unwrap_or(0);
            assert!(
                lease.stage == Stage::Closed || lease.incarnation <= lost,
                "P11: still open: {id:?} {lease:?}"
            );
            assert!(
                lease.held() == Money::ZERO,
                "P11: still held: {id:?} {lease:?}"
            );
        }
        for (id, account) in bank.accounts() {
            let overrun = self.overruns.get(&id).copied().unwrap_or_default();
            // What a call was charged that nobody waited for any more, nobody can tell.
            assert!(
                account.overrun == overrun || (self.crashed && account.overrun < overrun),
                "P15: overruns of {overrun} are booked as {}: {id:?}",
                account.overrun
            );
        }
        // What a process had not told when it died is known to nobody.
        assert!(
            self.crashed || self.sums.used == self.worked,
            "P15: calls came to {:?} and are told as {:?}",
            self.worked,
            self.sums.used
        );
    }

    /// The books are those of a backup: what was seen of the bank since does not count, what was charged does.
    pub(super) fn set_back(&mut self, sums: Sums) {
        self.set_back = true;
        self.sums = sums;
        self.before.clear();
        self.answers.clear();
    }

    /// What a lease was taken from.
    pub(super) fn accounts(&self, lease: LeaseId) -> &[AccountId] {
        self.accounts.get(&lease).map_or(&[], |accounts| accounts)
    }

    /// What the store was given, for a backup.
    pub(super) fn sums(&self) -> Sums {
        self.sums.clone()
    }

    /// What the provider says was charged.
    pub(super) fn bill(&self) -> Vec<(AccountId, Money)> {
        let over = |id| self.overruns.get(id).copied().unwrap_or_default();
        let bill = self.by_account.iter();
        bill.map(|(id, charged)| (*id, charged.plus(over(id))))
            .collect()
    }

    /// How much of the organisation's budget was charged, in thousandths.
    pub(super) fn used(&self, bank: &Bank) -> u64 {
        let root = AccountId {
            budget: 0,
            period: 0,
        };
        let limit = bank.account(root).expect("the root").limit.nanos();
        // Of a limit that was lowered more than all may be used.
        let charged = self.by_account.get(&root).copied().unwrap_or_default();
        u64::try_from(charged.nanos() / (limit / 1000))
            .expect("few")
            .min(1_000)
    }

    /// A gateway saw the end of a call.
    pub(super) fn worked(&mut self, leaf: LeafId, work: &Work<'_>, cost: Money) {
        let usage = self.worked.entry((leaf, work.model.into())).or_default();
        usage.add(&Usage {
            model: Box::default(),
            input: work.input,
            output: work.output,
            calls: 1,
            cost,
        });
    }

    /// What calls were for is told once, and never more of it than there was.
    fn named(&mut self, bank: &Bank, rows: &Rows) {
        for used in &rows.used {
            let id = (used.leaf, used.usage.model.clone());
            let sum = self.sums.used.entry(id.clone()).or_default();
            sum.add(&used.usage);
            let worked = self.worked.get(&id).cloned().unwrap_or_default();
            let counts = |usage: &Usage| [usage.calls, usage.input, usage.output];
            let is_less = counts(sum)
                .iter()
                .zip(counts(&worked))
                .all(|(sum, all)| *sum <= all);
            assert!(
                is_less && sum.cost <= worked.cost,
                "P15: {id:?} came to {worked:?} and is told as {sum:?}"
            );
        }
        for (id, lines) in bank.usage() {
            let lease = bank.lease(id).expect("a lease");
            let all = lease.settled.plus(lease.overrun).plus(lease.breach);
            let named = lines.iter().map(|line| line.cost);
            let named = named.fold(Money::ZERO, Money::plus);
            assert!(
                named <= all && lease.stage != Stage::Closed,
                "P15: {named} of {all} are known the models of: {lease:?}"
            );
        }
    }

    /// What the store was given, replayed, comes to the totals.
    pub(super) fn replayed(&mut self, bank: &Bank, rows: &Rows) {
        self.named(bank, rows);
        for entry in &rows.entries {
            let sums = self.sums.entries.entry(entry.account).or_default();
            sums.0 = sums.0.plus(entry.delta.spent);
            sums.1 = sums.1.plus(entry.delta.held);
            sums.2 = sums.2.plus(entry.delta.uncertain);
            sums.3 = sums.3.plus(entry.delta.overrun);
        }
        for (id, account) in bank.accounts() {
            let sums = self.sums.entries.get(&id).copied().unwrap_or_default();
            let total = (
                account.spent,
                account.held,
                account.uncertain,
                account.overrun,
            );
            assert_eq!(sums, total, "P3: {id:?}");
        }
    }
}
