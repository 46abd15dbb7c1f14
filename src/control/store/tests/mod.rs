mod again;

use super::house::{restored, settings};
use super::sqlite::backup;
use super::support::Books;
use super::*;
use crate::clock::Wall;
use crate::lease::protocol::{
    AccountId, Answer, DiskId, Hello, LeafId, Line, RouterId, Sync, Usage, Want,
};
use crate::lease::protocol::{Bank, Rows, Terms};
use crate::lease::simulation::{Keep, World};
use crate::units::Money;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// The store under a storm: each step is a commit, each death of the panel a new connection.
struct Disk {
    runtime: Runtime,
    folder: TempDir,
    books: Books,
    ledger: Option<Ledger>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.folder.path().display())
    }
}

impl Disk {
    fn new() -> Self {
        let (runtime, folder) = (runtime(), TempDir::new().expect("a folder"));
        let books = Books::new(folder.path());
        let ledger = runtime.block_on(Ledger::open(&books.place));
        let ledger = ledger.expect("opens");
        Self {
            runtime,
            folder,
            books,
            ledger: Some(ledger),
        }
    }
}

impl Keep for Disk {
    fn write(&mut self, rows: Rows) {
        if rows.is_empty() {
            return;
        }
        let ledger = self.ledger.as_mut().expect("open");
        let batch = [rows];
        let written = ledger.write(&batch, Wall::from_secs(0));
        self.runtime.block_on(written).expect("writes");
    }

    fn open(&mut self, terms: Terms, now: Duration) -> Bank {
        // As a process that dies closes it; the server hears of that in its own time.
        if let Some(ledger) = self.ledger.take() {
            self.runtime.block_on(ledger.close()).expect("closes");
        }
        let place = self.books.elsewhere();
        let opened = async {
            let mut ledger = Ledger::open(&place).await.expect("opens");
            assert_eq!(ledger.verify().await.expect("reads"), []);
            let bank = ledger.load(terms, now).await.expect("reads");
            (ledger, bank)
        };
        let (ledger, bank) = self.runtime.block_on(opened);
        self.ledger = Some(ledger);
        bank
    }
}

#[test]
fn the_promises_hold_with_the_books_in_a_file() {
    for seed in 0..3 {
        World::kept(seed, None, Box::new(Disk::new())).run();
    }
}

const ROOT: AccountId = AccountId {
    budget: 1,
    period: 0,
};

/// A bank that has lent, and the sync it lent at.
fn lent() -> (Bank, Sync, Answer) {
    let mut bank = Bank::new(Terms::default());
    let usd = |dollars: i64| Money::from_nanos(dollars * 1_000_000_000);
    bank.set_account(ROOT, usd(50), true);
    bank.set_leaf(LeafId(3), [ROOT]);
    let router = RouterId(9);
    bank.enrol(router);
    let disk = DiskId(1);
    let hello = Hello {
        router,
        disk,
        start: 1,
    };
    bank.hello(&hello).expect("enrolled");
    let sync = Sync {
        router,
        incarnation: 1,
        seq: 1,
        leases: Vec::new(),
        wants: vec![Want {
            leaf: LeafId(3),
            need: usd(1),
            rate: usd(1),
        }],
        finals: Vec::new(),
    };
    let answer = bank.sync(&sync, Duration::ZERO).expect("lends");
    (bank, sync, answer)
}

#[test]
fn an_answer_is_the_same_from_the_panel_that_comes_after() {
    let folder = TempDir::new().expect("a folder");
    let books = Books::new(folder.path());
    runtime().block_on(async {
        let (mut bank, sync, answer) = lent();
        let mut ledger = Ledger::open(&books.place).await.expect("opens");
        let rows = [bank.take_rows()];
        ledger
            .write(&rows, Wall::from_secs(1))
            .await
            .expect("writes");
        ledger.close().await.expect("closes");
        let mut ledger = Ledger::open(&books.place).await.expect("opens again");
        let loaded = ledger.load(Terms::default(), Duration::ZERO).await;
        let mut bank = loaded.expect("reads");
        assert_eq!(bank.sync(&sync, Duration::from_secs(5)), Ok(answer));
        assert!(bank.take_rows().is_empty());
    });
}

#[test]
fn the_file_itself_refuses_an_overdrawn_account_and_keeps_its_ledger() {
    let folder = TempDir::new().expect("a folder");
    let books = Books::new(folder.path());
    runtime().block_on(async {
        let (mut bank, ..) = lent();
        let rows = bank.take_rows();
        let mut ledger = Ledger::open(&books.place).await.expect("opens");
        ledger
            .write(std::slice::from_ref(&rows), Wall::from_secs(1))
            .await
            .expect("writes");
        let mut overdrawn = rows.clone();
        for (_, account) in &mut overdrawn.accounts {
            account.held = Money::from_nanos(51_000_000_000);
        }
        // The good rows of the batch go with the bad ones.
        let batch = [rows, overdrawn];
        let refused = ledger.write(&batch, Wall::from_secs(2)).await;
        assert!(
            refused
                .expect_err("a check")
                .to_string()
                .to_lowercase()
                .contains("check constraint")
        );
        assert_eq!(ledger.verify().await.expect("reads"), []);
        for statement in ["UPDATE entry SET held = 0", "DELETE FROM entry"] {
            let said = sql::query(statement)
                .execute(ledger.db().expect("open"))
                .await;
            let said = said.expect_err(statement).to_string();
            assert!(said.contains("a line of the ledger is never"), "{said}");
        }
        // Totals changed behind the ledger's back are found.
        let forged = "UPDATE account SET held = held - 1, spent = spent + 1";
        sql::query(forged)
            .execute(ledger.db().expect("open"))
            .await
            .expect("writes");
        assert_eq!(ledger.verify().await.expect("reads"), [(1, 0)]);
    });
}

#[test]
fn a_copy_is_no_panels_own_books_until_it_is_restored() {
    let (runtime, folder) = (runtime(), TempDir::new().expect("a folder"));
    let (books, copy) = (
        folder.path().join("panel.db"),
        folder.path().join("copy.db"),
    );
    let day = Duration::from_hours(24);
    runtime.block_on(async {
        let long = Terms {
            valid_for: day,
            ..Terms::default()
        };
        let own = Place::File(books.clone());
        let copied = Place::File(copy.clone());
        let mut ledger = Ledger::open(&own).await.expect("opens");
        ledger.load(long, Duration::ZERO).await.expect("reads");
        let now = Wall::from_secs(2_000_000_000);
        backup::copy(&books, &copy, now).await.expect("copied");
        let opened = Ledger::open(&copied).await;
        assert!(matches!(opened, Err(StoreError::Backup(_))), "{opened:?}");
        set_back::mark(&copied, now).await.expect("marked");
        let mut restored = Ledger::open(&copied).await.expect("opens");
        // What was lent for a day is waited for, whatever the configuration says now.
        let bank = restored.load(Terms::default(), Duration::ZERO).await;
        let bank = bank.expect("reads");
        let waits = bank.restoring(Duration::ZERO).expect("it waits");
        assert!(waits.until > day, "{waits:?}");
        // The books it was copied from know nothing of that.
        let bank = ledger.load(long, Duration::ZERO).await.expect("reads");
        assert_eq!(bank.restoring(Duration::ZERO), None);
    });
}

#[test]
fn numbers_go_on_beyond_those_of_lost_books_also_where_the_clock_was_set_back() {
    let (runtime, folder) = (runtime(), TempDir::new().expect("a folder"));
    let books = Books::new(folder.path());
    let below = || async {
        let mut connection = connect(&books.place).await.expect("opens");
        let restored = restored::get(&mut connection).await.expect("reads");
        let mut numbers = vec![restored.expect("it was restored").below];
        for name in [settings::DIRECTORY, settings::VAULT] {
            numbers.push(
                settings::number(&mut connection, name)
                    .await
                    .expect("reads"),
            );
        }
        numbers
    };
    runtime.block_on(async {
        set_back::mark(&books.place, Wall::from_secs(2_000_000_000))
            .await
            .expect("marked");
        let first = below().await;
        set_back::mark(&books.place, Wall::from_secs(0))
            .await
            .expect("marked");
        let second = below().await;
        assert!(
            second
                .iter()
                .zip(&first)
                .all(|(second, first)| second > first)
        );
    });
}

#[test]
fn a_change_of_which_a_statement_failed_is_made_in_no_part() {
    let (runtime, folder) = (runtime(), TempDir::new().expect("a folder"));
    let books = Books::new(folder.path());
    runtime.block_on(async {
        let _bank = Ledger::open(&books.place).await.expect("opens");
        let store = Store::open(&books.place).await.expect("opens");
        let mut change = store.change().await.expect("its turn");
        let kept = settings::set_number(change.db(), "kept", 7).await;
        kept.expect("written");
        let twice = sql::query("INSERT INTO setting (name, value) VALUES ('kept', 8)");
        let twice = twice.execute(change.db()).await.expect_err("it is there");
        assert!(StoreError::from(twice).is_taken());
        let committed = change.commit().await.map(drop);
        assert!(
            matches!(committed, Err(StoreError::Broken)),
            "{committed:?}"
        );
        let mut db = store.read().await.expect("opens");
        let kept = settings::number(&mut db, "kept").await.expect("reads");
        assert_eq!(kept, 0);
    });
}

#[test]
fn what_calls_were_for_is_kept_while_a_lease_is_open_and_summed_up_for_good() {
    let (runtime, folder) = (runtime(), TempDir::new().expect("a folder"));
    let books = Books::new(folder.path());
    let usage = |calls: u64, nanos| Usage {
        model: "gpt-4o".into(),
        input: 10 * calls,
        output: calls,
        calls,
        cost: Money::from_nanos(nanos),
    };
    runtime.block_on(async {
        let (mut bank, sync, answer) = lent();
        let Answer::Synced(synced) = answer else {
            panic!("{answer:?}");
        };
        let grant = synced.grants[0];
        let tell = |seq, nanos, closing, usage| Sync {
            seq,
            leases: vec![Line {
                lease: grant.lease,
                fence: grant.fence,
                settled: Money::from_nanos(nanos),
                returned: Money::ZERO,
                reserved: Money::ZERO,
                overrun: Money::ZERO,
                closing,
                usage: vec![usage],
            }],
            wants: Vec::new(),
            ..sync.clone()
        };
        let mut ledger = Ledger::open(&books.place).await.expect("opens");
        let hour = usage::HOUR;
        let count = |table: &'static str| sql::query_scalar::<i64>(table);
        let first = tell(2, 50, false, usage(1, 50));
        bank.sync(&first, Duration::ZERO).expect("heard");
        let rows = [bank.take_rows()];
        ledger.write(&rows, Wall(hour + 1)).await.expect("writes");
        let known = "SELECT count(*) FROM usage";
        let known = count(known).fetch_one(ledger.db().expect("open"));
        assert_eq!(known.await.expect("reads"), 1);
        // The panel dies; the one after it is told the same again, and more.
        let loaded = ledger.load(Terms::default(), Duration::ZERO).await;
        let mut bank = loaded.expect("reads");
        for sync in [first, tell(3, 80, true, usage(3, 80))] {
            let _ = bank.sync(&sync, Duration::ZERO).expect("heard");
            let rows = [bank.take_rows()];
            ledger.write(&rows, Wall(2 * hour)).await.expect("writes");
        }
        let known = "SELECT count(*) FROM usage";
        let known = count(known).fetch_one(ledger.db().expect("open"));
        assert_eq!(known.await.expect("reads"), 0, "the lease is closed");
        let sums =
            "SELECT at, leaf, model, calls, tokens_in, tokens_out, cost FROM usage_sum ORDER BY at";
        let sums = sql::query_as::<(i64, i64, String, i64, i64, i64, i64)>(sums);
        let sums = sums.fetch_all(ledger.db().expect("open")).await;
        let sum = |at, calls, cost| (at, 3, "gpt-4o".to_owned(), calls, 10 * calls, calls, cost);
        assert_eq!(
            sums.expect("reads"),
            [sum(hour, 1, 50), sum(2 * hour, 2, 30)]
        );
    });
}
