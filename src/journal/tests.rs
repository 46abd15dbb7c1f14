//! The whole journal: on a disk in memory that fails on demand, and on the real one.

use super::disk::memory::{Kept, Memory};
use super::*;
use crate::clock::Wall;
use crate::governance::budget::{
    Absent, AtLimit, Bill, Budget, LeaseNote, LedgerId, Refused, Reservation, State, Window,
};
use crate::governance::identity::Selector;
use crate::units::Money;
use jiff::tz::TimeZone;
use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

pub(super) fn usd(text: &str) -> Money {
    text.parse().expect(text)
}

pub(super) fn budget(name: &str, limit: &str, window: Window) -> Arc<Budget> {
    Arc::new(Budget {
        name: name.into(),
        selector: Selector::default(),
        per: None,
        absent: Absent::Share,
        limit: usd(limit),
        window,
        zone: TimeZone::UTC,
        soft: Vec::new(),
        enforce: true,
        at_limit: AtLimit::Deny,
        carry_over: false,
    })
}

pub(super) fn small() -> Settings {
    Settings {
        segment: 2048,
        keep: 4,
        ..Settings::default()
    }
}

/// Books and the writer, with the test in place of the thread and of the clock.
pub(super) struct Rig {
    pub(super) memory: Memory,
    pub(super) writer: Writer,
    pub(super) books: Arc<Books>,
    pub(super) shared: Arc<Shared>,
    pub(super) report: Recovery,
    pub(super) now: Duration,
}

impl Rig {
    pub(super) fn open(memory: &Memory, settings: Settings) -> io::Result<Self> {
        let shared = Shared::new();
        let (writer, books, report) = prepare(Box::new(memory.clone()), settings, shared.clone())?;
        Ok(Self {
            memory: memory.clone(),
            writer,
            books,
            shared,
            report,
            now: Duration::from_secs(10),
        })
    }

    pub(super) fn moment(&self) -> Moment {
        Moment {
            wall: Wall(i64::try_from(self.now.as_nanos()).expect("early")),
            since_start: self.now,
        }
    }

    pub(super) fn turn(&mut self) {
        let now = self.moment();
        self.writer.turn(now);
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.turn();
    }

    pub(super) fn ledger(&self, rule: &Arc<Budget>) -> LedgerId {
        let opened = self.books.open(rule, None, true, self.moment());
        opened.expect("opens")
    }

    /// As the pipeline does: waits for the ceiling and asks again.
    pub(super) fn reserve(
        &mut self,
        scopes: &[LedgerId],
        amount: Money,
    ) -> Result<Reservation, Refused> {
        match self.books.reserve(scopes, amount, self.moment()) {
            Err(Refused::Wait(_)) => {
                self.turn();
                self.books.reserve(scopes, amount, self.moment())
            }
            other => other,
        }
    }

    pub(super) fn finish(mut self) -> Memory {
        let now = self.moment();
        self.writer.finish(now);
        self.memory
    }

    pub(super) fn health(&self) -> Health {
        self.shared.progress.borrow().health.clone()
    }
}

pub(super) fn bill(cost: Money) -> Bill {
    Bill {
        cost,
        ..Bill::default()
    }
}

/// Small numbers that look random and are the same each time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A day in the life of two budgets, until it is over or the disk is dead.
pub(super) fn live(rig: &mut Rig, seed: u64, steps: u32) {
    let hourly = budget("hourly", "40", Window::Hour);
    let total = budget("total", "300", Window::Total);
    let mut dice = Dice(seed);
    let mut open = Vec::new();
    for _ in 0..steps {
        let (hour, all) = (rig.ledger(&hourly), rig.ledger(&total));
        match dice.roll(9) {
            0..4 => {
                let choice: [&[LedgerId]; 3] = [&[hour], &[all], &[hour, all]];
                let scopes = choice[usize::try_from(dice.roll(3)).expect("small")];
                let cents = i64::try_from(dice.roll(200)).expect("small");
                let amount = usd("0.01").times(cents + 1);
                if let Ok(mut call) = rig.reserve(scopes, amount) {
                    call.dispatch();
                    open.push(call);
                }
            }
            4..7 if !open.is_empty() => {
                let place = usize::try_from(dice.roll(open.len() as u64)).expect("small");
                let mut call = open.swap_remove(place);
                let nanos = u64::try_from(call.amount().nanos()).expect("positive");
                let cost = i64::try_from(dice.roll(nanos + 1)).expect("small");
                match dice.roll(8) {
                    0 => drop(call.expire()),
                    1 => {
                        call.recall();
                        drop(call);
                    }
                    _ => drop(call.settle(bill(Money::from_nanos(cost)))),
                }
            }
            7 => rig.pass(Duration::from_millis(dice.roll(3000))),
            _ if dice.roll(6) == 0 => rig.pass(Duration::from_mins(20)),
            _ => rig.turn(),
        }
        if rig.memory.is_dead() {
            break;
        }
    }
    // What is still open is in flight when the process dies: nobody hears how it ends.
    open.into_iter().for_each(std::mem::forget);
}

/// Holds what was recovered against what really happened.
#[track_caller]
pub(super) fn check_recovered(recovered: &State, truth: &State, context: &str) {
    for (id, ledger) in &truth.ledgers {
        let known = recovered
            .ledgers
            .get(id)
            .and_then(|known| known.accounts.last());
        for account in &ledger.accounts {
            match known {
                Some(known) if known.period.start == account.period.start => {
                    let seen = known.spent.minus(known.uncertain);
                    let billed = account.spent.minus(account.uncertain);
                    assert!(
                        known.spent >= account.used(),
                        "{context}: {known:?} of {account:?}"
                    );
                    assert!(seen <= billed, "{context}: {known:?} of {account:?}");
                }
                // A period that was left is of no interest any more.
                Some(known) if known.period.start > account.period.start => {}
                // No ceiling of it reached the disk, so no money of it was lent.
                _ => assert_eq!(
                    account.used(),
                    Money::ZERO,
                    "{context}: {account:?} unknown"
                ),
            }
        }
    }
}

/// While the writer waits for a sync, another thread takes all the money it can get, and never says what became of it.
fn others_call_meanwhile(rig: &Rig) {
    let (books, at) = (rig.books.clone(), rig.moment());
    rig.memory.meanwhile(move || {
        for id in [LedgerId(0), LedgerId(1)] {
            while let Ok(call) = books.reserve(&[id], usd("4"), at) {
                std::mem::forget(call);
            }
        }
    });
}

#[test]
fn after_a_crash_at_any_operation_with_anything_lost_the_books_never_count_too_little() {
    for seed in 0..3 {
        for at in 1.. {
            let memory = Memory::default();
            let mut rig = Rig::open(&memory, small()).expect("opens");
            memory.crash_at(at);
            others_call_meanwhile(&rig);
            live(&mut rig, seed, 100);
            let truth = rig.books.state();
            for kept in Kept::EACH {
                let context = format!("seed {seed}, operation {at}, kept {kept:?}");
                let found = memory.after_crash(kept);
                let next = Rig::open(&found, small()).expect("starts whatever it finds");
                check_recovered(&next.books.state(), &truth, &context);
                let verified = verify::verify_disk(&found, |_, _| ()).expect("reads");
                assert!(verified.ok, "{context}: {verified:?}");
                if kept != Kept::Holed {
                    assert!(!next.report.is_alarming(), "{context}: {:?}", next.report);
                }
            }
            if !memory.is_dead() {
                break;
            }
        }
    }
}

const LEASE: u128 = 7;

/// A lease as its holder spends it: no further than to the ceiling that is on the disk. Comes back with what was charged, and
/// with what may yet be.
fn spend_lent(rig: &mut Rig, seed: u64, steps: u32) -> (Money, Money) {
    let mut dice = Dice(seed);
    let nanos = |nanos: u64| Money::from_nanos(i64::try_from(nanos).expect("small"));
    let [mut ceiling, mut asked, mut used, mut charged] = [Money::ZERO; 4];
    let (mut rising, mut open, mut calls) = (VecDeque::new(), Vec::new(), 0);
    rig.books.note_lease([(LEASE, LeaseNote::Open)]);
    for _ in 0..steps {
        let durable = rig.shared.progress.borrow().durable;
        while let Some((made, total)) = rising.front().copied()
            && made <= durable
        {
            ceiling = total;
            rising.pop_front();
        }
        match dice.roll(6) {
            0..3 => {
                let amount = nanos(1 + dice.roll(50));
                if used.plus(amount) <= ceiling {
                    calls += 1;
                    used = used.plus(amount);
                    open.push((calls, amount));
                    let note = LeaseNote::Reserve {
                        call: calls,
                        amount,
                    };
                    rig.books.note_lease([(LEASE, note)]);
                } else {
                    asked = asked.max(used.plus(nanos(200)));
                    let made = rig.books.note_lease([(LEASE, LeaseNote::Ceiling(asked))]);
                    rising.push_back((made, asked));
                }
            }
            3 if !open.is_empty() => {
                let (call, amount) = open.remove(0);
                let cost = Money::from_nanos(amount.nanos() / 2);
                used = used.minus(amount).plus(cost);
                charged = charged.plus(cost);
                let note = LeaseNote::Settle {
                    call,
                    cost,
                    overrun: Money::ZERO,
                };
                rig.books.note_lease([(LEASE, note)]);
            }
            4 => rig.pass(Duration::from_millis(50)),
            _ => rig.turn(),
        }
        if rig.memory.is_dead() {
            break;
        }
    }
    let at_worst = open.iter().fold(charged, |sum, (_, one)| sum.plus(*one));
    (charged, at_worst)
}

#[test]
fn after_a_crash_at_any_operation_with_anything_lost_a_lease_is_never_told_too_little_of() {
    for seed in 0..3 {
        for at in 1.. {
            let memory = Memory::default();
            let mut rig = Rig::open(&memory, small()).expect("opens");
            memory.crash_at(at);
            let (charged, at_worst) = spend_lent(&mut rig, seed, 120);
            for kept in Kept::EACH {
                let context = format!("seed {seed}, operation {at}, kept {kept:?}");
                let found = memory.after_crash(kept);
                let next = Rig::open(&found, small()).expect("starts whatever it finds");
                let leases = next.books.leases();
                let told = leases.0.get(&LEASE).cloned().unwrap_or_default();
                let presumed = told.settled.plus(told.in_flight()).plus(told.uncertain);
                assert!(told.settled <= charged, "{context}: {told:?} of {charged}");
                assert!(presumed >= at_worst, "{context}: {told:?} of {at_worst}");
                let verified = verify::verify_disk(&found, |_, _| ()).expect("reads");
                assert!(verified.ok, "{context}: {verified:?}");
            }
            if !memory.is_dead() {
                break;
            }
        }
    }
}

#[test]
fn a_lease_outlives_an_orderly_stop_without_a_doubt() {
    let memory = Memory::default();
    let mut rig = Rig::open(&memory, small()).expect("opens");
    let (charged, at_worst) = spend_lent(&mut rig, 1, 400);
    for call in rig.books.leases().0[&LEASE].open.keys() {
        let note = LeaseNote::Settle {
            call: *call,
            cost: Money::ZERO,
            overrun: Money::ZERO,
        };
        rig.books.note_lease([(LEASE, note)]);
    }
    assert!(at_worst >= charged);
    let next = Rig::open(&rig.finish(), small()).expect("opens");
    let told = next.books.leases().0[&LEASE].clone();
    assert!(next.report.clean);
    assert_eq!(
        (told.settled, told.in_flight(), told.uncertain),
        (charged, Money::ZERO, Money::ZERO)
    );
}

#[test]
fn a_crash_while_recovering_or_starting_a_segment_loses_nothing_either() {
    let memory = Memory::default();
    let mut rig = Rig::open(&memory, small()).expect("opens");
    live(&mut rig, 1, 120);
    let truth = rig.books.state();
    for at in 1.. {
        let torn = memory.after_crash(Kept::Half);
        torn.crash_at(at);
        let through = Rig::open(&torn, small()).is_ok();
        for kept in Kept::EACH {
            let found = torn.after_crash(kept);
            let next = Rig::open(&found, small()).expect("starts whatever it finds");
            check_recovered(
                &next.books.state(),
                &truth,
                &format!("operation {at}, {kept:?}"),
            );
        }
        if through {
            break;
        }
    }
}

#[test]
fn an_orderly_stop_loses_nothing_and_books_nothing_extra() {
    let memory = Memory::default();
    let mut rig = Rig::open(&memory, Settings::default()).expect("opens");
    let id = rig.ledger(&budget("b", "10", Window::Total));
    let call = rig.reserve(&[id], usd("0.40")).expect("fits");
    call.settle(bill(usd("0.123456789")));
    let next = Rig::open(
        &rig.finish().after_crash(Kept::Nothing),
        Settings::default(),
    )
    .expect("opens");
    assert!(
        next.report.clean && next.report.uncertain.is_empty(),
        "{:?}",
        next.report
    );
    let account = next.books.state().ledgers[&id].accounts[0];
    assert_eq!(
        (account.spent, account.uncertain),
        (usd("0.123456789"), Money::ZERO)
    );
}

#[test]
fn a_kill_at_rest_books_nothing_extra_and_a_kill_at_work_at_most_the_ceiling() {
    let memory = Memory::default();
    let mut rig = Rig::open(&memory, Settings::default()).expect("opens");
    let id = rig.ledger(&budget("b", "10", Window::Total));
    let call = rig.reserve(&[id], usd("0.40")).expect("fits");
    call.settle(bill(usd("0.10")));
    rig.turn();
    let spent = |memory: &Memory| {
        let next = Rig::open(memory, Settings::default()).expect("opens");
        assert!(!next.report.clean);
        let account = next.books.state().ledgers[&id].accounts[0];
        (account.spent, account.uncertain, next.report.uncertain)
    };
    let (at_work, uncertain, told) = spent(&memory.after_crash(Kept::All));
    assert_eq!(at_work.minus(uncertain), usd("0.10"));
    assert_eq!(told, [("b".to_owned(), uncertain)]);
    assert!(at_work <= usd("10") && uncertain > Money::ZERO);
    rig.pass(Duration::from_secs(2));
    let at_rest = spent(&memory.after_crash(Kept::Nothing));
    assert_eq!(at_rest, (usd("0.10"), Money::ZERO, Vec::new()));
}

fn open(path: &Path) -> Result<(Journal, Arc<Books>, Recovery), JournalError> {
    Journal::open(path, Settings::default())
}

fn wait(journal: &Journal, upto: u64) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("builds").block_on(journal.durable(upto))
}

/// On the real disk, with the real thread.
fn reserve(journal: &Journal, books: &Arc<Books>, id: LedgerId, amount: Money) -> Reservation {
    loop {
        match books.reserve(&[id], amount, clock::now()) {
            Ok(call) => return call,
            Err(Refused::Wait(upto)) => wait(journal, upto).expect("a disk"),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_journal_on_the_real_disk_survives_a_restart_to_the_nano_dollar() {
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("state");
    let (journal, books, report) = open(&path).expect("opens");
    assert!(report.clean && report.records == 0);
    let rule = budget("b", "10", Window::Total);
    let id = books.open(&rule, None, true, clock::now()).expect("opens");
    for _ in 0..50 {
        let settled = reserve(&journal, &books, id, usd("0.01")).settle(bill(usd("0.001")));
        wait(&journal, settled.sequence).expect("durable");
    }
    assert_eq!(journal.health(), Health::Ok);
    let beside = verify(&path).expect("reads beside a running gateway");
    assert!(beside.ok, "{beside:?}");
    journal.close().expect("closes");
    let modes = |name: &str| {
        std::fs::metadata(path.join(name))
            .expect(name)
            .permissions()
            .mode()
            & 0o7777
    };
    assert_eq!(
        (
            modes(""),
            modes("journal"),
            modes("lock"),
            modes("journal/000001.seg")
        ),
        (0o700, 0o700, 0o600, 0o600)
    );
    let (journal, books, report) = open(&path).expect("opens again");
    assert!(
        report.clean && report.uncertain.is_empty() && !report.is_alarming(),
        "{report}"
    );
    assert_eq!(books.state().ledgers[&id].accounts[0].spent, usd("0.05"));
    drop(journal);
    let verified = verify(&path).expect("reads");
    assert!(
        verified.ok && verified.budgets[0].recomputed == usd("0.05"),
        "{verified:?}"
    );
}

#[test]
fn a_second_process_on_one_directory_is_told_who_has_it() {
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("state");
    let first = open(&path).expect("opens");
    let refused = open(&path).expect_err("in use").to_string();
    let holder = format!("in use by process {}", std::process::id());
    assert!(
        refused.contains(&holder) && refused.contains("state"),
        "{refused}"
    );
    drop(first);
    open(&path).expect("free again");
}

#[test]
fn a_state_directory_others_can_enter_is_refused_with_the_remedy() {
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("state");
    std::fs::create_dir(&path).expect("made");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).expect("set");
    let refused = open(&path).expect_err("wide").to_string();
    assert!(
        refused.contains("0750") && refused.contains("chmod 700"),
        "{refused}"
    );
    let (real, link) = (home.path().join("real"), home.path().join("link"));
    drop(open(&real).expect("opens"));
    std::os::unix::fs::symlink(&real, &link).expect("linked");
    assert!(matches!(open(&link), Err(JournalError::Link(_))));
}

#[test]
fn a_state_directory_of_somebody_else_is_refused() {
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("state");
    drop(open(&path).expect("opens"));
    // Only root can give a directory away; for anybody else there is nothing to see here.
    if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
        let refused = open(&path).expect_err("not ours").to_string();
        assert!(
            refused.contains("user 12345") && refused.contains("chown"),
            "{refused}"
        );
    }
}

#[test]
fn many_threads_wait_for_one_disk_and_verification_reads_beside_them() {
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("state");
    let settings = Settings {
        segment: 64 << 10,
        keep: 64,
        ..Settings::default()
    };
    let (journal, books, _) = Journal::open(&path, settings).expect("opens");
    let rule = budget("b", "1000", Window::Total);
    let id = books.open(&rule, None, true, clock::now()).expect("opens");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let call = reserve(&journal, &books, id, usd("0.01"));
                    let settled = call.settle(bill(usd("0.01")));
                    wait(&journal, settled.sequence).expect("durable");
                }
            });
        }
        for _ in 0..20 {
            let beside = verify(&path).expect("reads");
            assert!(beside.ok, "{beside:?}");
        }
    });
    journal.close().expect("closes");
    let verified = verify(&path).expect("reads");
    assert!(verified.ok, "{verified:?}");
    assert_eq!(verified.budgets[0].recomputed, usd("20"));
}
