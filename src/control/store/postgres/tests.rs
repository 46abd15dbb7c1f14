//! Several panels on one database: one bank, and nothing written by whoever does not hold it.

use super::super::support::{self, Books};
use super::super::{Ledger, Place, Store, StoreError, house, set_back, sql};
use super::Server;
use crate::clock::Wall;
use crate::control::treasury::{Treasury, TreasuryError};
use crate::lease::protocol::{AccountId, Answer, Bank, DiskId, Hello, RouterId, Rows, Sync, Terms};
use crate::units::Money;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// A database, unless this run is to do without.
fn books() -> Option<Books> {
    (!support::is_off("two panels on PostgreSQL")).then(|| Books::at_server(None))
}

/// Some rows of a bank.
fn rows(limit: i64) -> Rows {
    let mut bank = Bank::new(Terms::default());
    let account = AccountId {
        budget: 1,
        period: 0,
    };
    bank.set_account(account, Money::from_nanos(limit), true);
    bank.take_rows()
}

async fn limit(ledger: &mut Ledger) -> Option<i64> {
    let bank = ledger.load(Terms::default(), Duration::ZERO).await;
    let bank = bank.expect("reads");
    let limits = bank.accounts().map(|(_, account)| account.limit.nanos());
    limits.max()
}

/// The lock is gone, and the session is not: what a proxy of connections does, or an administrator.
async fn unlock(ledger: &mut Ledger) {
    let unlocked = sql::query("SELECT pg_advisory_unlock_all()");
    let db = ledger.db().expect("a session");
    unlocked.execute(db).await.expect("unlocked");
}

/// The session is ended by the server.
async fn end_session(ledger: &mut Ledger, by: &Place) {
    let db = ledger.db().expect("a session");
    let pid = sql::query_scalar::<i64>("SELECT CAST(pg_backend_pid() AS bigint)");
    let pid = pid.fetch_one(db).await.expect("a process");
    let mut other = super::super::connect(by).await.expect("opens");
    let ended = sql::query("SELECT pg_terminate_backend(CAST(? AS int), 5000)");
    ended.bind(pid).execute(&mut other).await.expect("ended");
}

#[test]
fn one_panel_holds_the_bank_and_the_next_one_when_it_is_gone() {
    let Some(books) = books() else { return };
    runtime().block_on(async {
        let first = Ledger::open(&books.elsewhere()).await.expect("opens");
        let second = Ledger::open(&books.elsewhere()).await;
        assert!(matches!(second, Err(StoreError::Held(_))), "{second:?}");
        first.close().await.expect("closes");
        Ledger::open(&books.elsewhere()).await.expect("opens");
    });
}

#[test]
fn a_panel_that_lost_the_bank_without_knowing_commits_nothing() {
    let Some(books) = books() else { return };
    runtime().block_on(async {
        let place = books.elsewhere();
        let mut first = Ledger::open(&place).await.expect("opens");
        let house = Store::open(&place).await.expect("opens");
        let at = Wall::from_secs(1);
        first.write(&[rows(10)], at).await.expect("writes");
        house.change().await.expect("its turn");
        unlock(&mut first).await;
        let mut second = Ledger::open(&books.elsewhere()).await.expect("opens");
        assert_eq!(limit(&mut second).await, Some(10));

        let late = first.write(&[rows(99)], at).await;
        assert!(matches!(late, Err(StoreError::Deposed)), "{late:?}");
        assert!(matches!(house.change().await, Err(StoreError::Deposed)));
        assert_eq!(limit(&mut second).await, Some(10));
        let again = first.again().await;
        assert!(matches!(again, Err(StoreError::Deposed)), "{again:?}");
        second.write(&[rows(11)], at).await.expect("writes");
    });
}

#[test]
fn a_new_term_begins_when_all_that_is_under_way_in_the_last_one_is_over() {
    let Some(books) = books() else { return };
    runtime().block_on(async {
        let place = books.elsewhere();
        let mut first = Ledger::open(&place).await.expect("opens");
        let house = Store::open(&place).await.expect("opens");
        let mut change = house.change().await.expect("its turn");
        house::settings::set_number(change.db(), "kept", 7)
            .await
            .expect("written");
        unlock(&mut first).await;
        let other = books.elsewhere();
        let mut second = Box::pin(Ledger::open(&other));
        let moment = Duration::from_millis(300);
        assert!(timeout(moment, &mut second).await.is_err(), "it waits");
        change.commit().await.expect("committed");
        let mut second = second.await.expect("opens");
        let db = second.db().expect("a session");
        let kept = house::settings::number(db, "kept").await.expect("reads");
        assert_eq!(kept, 7);
    });
}

#[test]
fn a_session_that_broke_is_come_back_from_unless_somebody_held_the_bank_meanwhile() {
    let Some(books) = books() else { return };
    runtime().block_on(async {
        let place = books.elsewhere();
        let mut first = Ledger::open(&place).await.expect("opens");
        let house = Store::open(&place).await.expect("opens");
        let at = Wall::from_secs(1);
        end_session(&mut first, &place).await;
        first.write(&[rows(10)], at).await.expect_err("no session");
        first.again().await.expect("nobody else was there");
        first.write(&[rows(10)], at).await.expect("writes");
        house.change().await.expect("its turn, in the new term");

        end_session(&mut first, &place).await;
        let second = Ledger::open(&books.elsewhere()).await.expect("opens");
        second.close().await.expect("closes");
        first.keep().await.expect_err("no session");
        let again = first.again().await;
        assert!(matches!(again, Err(StoreError::Deposed)), "{again:?}");
    });
}

#[test]
fn a_bank_that_is_another_panels_by_now_ends_and_answers_nobody() {
    let Some(books) = books() else { return };
    let treasury = Treasury::start(&books.elsewhere(), Terms::default()).expect("a bank");
    runtime().block_on(async {
        treasury.enrol(RouterId(1)).await.expect("enrolled");
        let mut other = super::super::connect(&books.elsewhere())
            .await
            .expect("opens");
        let took_over = sql::query("UPDATE tenure SET term = term + 1");
        took_over.execute(&mut other).await.expect("written");
        let late = treasury.enrol(RouterId(2)).await;
        assert!(
            matches!(late, Err(TreasuryError::Store(_) | TreasuryError::Closed)),
            "{late:?}"
        );
        timeout(Duration::from_secs(30), treasury.ended())
            .await
            .expect("it ends by itself");
        assert_eq!(
            treasury.enrol(RouterId(3)).await,
            Err(TreasuryError::Closed)
        );
        let known = sql::query_scalar::<i64>("SELECT count(*) FROM router");
        assert_eq!(known.fetch_one(&mut other).await.expect("reads"), 1);
    });
    treasury.close();
}

#[test]
fn a_panel_that_lost_the_bank_turns_nobody_away_for_what_it_does_not_know() {
    let Some(books) = books() else { return };
    let router = RouterId(1);
    let hello = |start| Hello {
        router,
        disk: DiskId(1),
        start,
    };
    let sync = Sync {
        router,
        incarnation: 2,
        seq: 1,
        leases: Vec::new(),
        wants: Vec::new(),
        finals: Vec::new(),
    };
    let runtime = runtime();
    let first = Treasury::start(&books.elsewhere(), Terms::default()).expect("a bank");
    runtime.block_on(async {
        first.enrol(router).await.expect("enrolled");
        first.hello(hello(1)).await.expect("a number");
        let place = books.elsewhere();
        let mut other = super::super::connect(&place).await.expect("opens");
        let ended = sql::query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        );
        ended.execute(&mut other).await.expect("ended");
    });
    let second = Treasury::start(&books.elsewhere(), Terms::default()).expect("the bank");
    runtime.block_on(async {
        let known = second.hello(hello(2)).await.expect("a number");
        assert!(
            matches!(known, Answer::Welcome { incarnation: 2, .. }),
            "{known:?}"
        );
        // Nothing would be written for its answer, that this process is none.
        let said = first.sync(sync.clone()).await;
        assert!(
            matches!(said, Err(TreasuryError::Store(_) | TreasuryError::Closed)),
            "{said:?}"
        );
        let said = second.sync(sync).await.expect("an answer");
        assert!(matches!(said, Answer::Synced(_)), "{said:?}");
    });
    first.close();
    second.close();
}

#[test]
fn a_panel_that_says_nothing_any_more_loses_the_bank() {
    let Some(books) = books() else { return };
    runtime().block_on(async {
        let mut hung = Ledger::open(&books.elsewhere()).await.expect("opens");
        let db = hung.db().expect("a session");
        sql::query("SET idle_session_timeout TO '200ms'")
            .execute(db)
            .await
            .expect("set");
        let second = async {
            loop {
                match Ledger::open(&books.elsewhere()).await {
                    Err(StoreError::Held(_)) => tokio::task::yield_now().await,
                    other => return other.expect("opens"),
                }
            }
        };
        let second = timeout(Duration::from_secs(20), second).await;
        second.expect("the server ended the session");
        let late = hung.write(&[rows(1)], Wall::from_secs(1)).await;
        late.expect_err("its session is over");
    });
}

/// Has the books be those of another server, or of a standby that took over.
async fn move_away(place: &Place) {
    let mut other = super::super::connect(place).await.expect("opens");
    let moved = sql::query("UPDATE tenure SET history = '7/1'");
    moved.execute(&mut other).await.expect("written");
}

fn server(place: &Place) -> &Server {
    match place {
        Place::Server(server) => server,
        Place::File(file) => panic!("{}", file.display()),
    }
}

#[test]
fn books_that_may_lack_what_was_lent_last_are_not_gone_on_with_before_somebody_said_so() {
    let Some(books) = books() else { return };
    runtime().block_on(async {
        let place = books.elsewhere();
        let mut first = Ledger::open(&place).await.expect("opens");
        let at = Wall::from_secs(1);
        first.write(&[rows(10)], at).await.expect("writes");
        move_away(&place).await;
        end_session(&mut first, &place).await;
        first.keep().await.expect_err("no session");
        let again = first.again().await;
        assert!(matches!(again, Err(StoreError::Unsafe { .. })), "{again:?}");
        drop(first);

        let refused = Ledger::open(&books.elsewhere()).await;
        let refused = refused.expect_err("a copy").to_string();
        assert!(refused.contains("tollgate panel set-back"), "{refused}");
        let amended = Ledger::amend(server(&place)).await.expect("held");
        set_back::complete(server(&place)).await.expect("said");
        amended.close().await.expect("closes");
        let mut second = Ledger::open(&books.elsewhere()).await.expect("opens");
        let bank = second.load(Terms::default(), Duration::ZERO).await;
        assert!(bank.expect("reads").restoring(Duration::ZERO).is_none());
        second.close().await.expect("closes");

        move_away(&place).await;
        set_back::mark(&place, Wall::from_secs(2))
            .await
            .expect("said");
        let mut third = Ledger::open(&books.elsewhere()).await.expect("opens");
        let bank = third.load(Terms::default(), Duration::ZERO).await;
        assert!(bank.expect("reads").restoring(Duration::ZERO).is_some());
    });
}

#[test]
fn who_waited_for_the_turn_sees_what_was_changed_before_whatever_the_server_does_otherwise() {
    let Some(books) = books() else { return };
    runtime().block_on(async {
        let place = books.elsewhere();
        let _bank = Ledger::open(&place).await.expect("opens");
        let mut other = super::super::connect(&place).await.expect("opens");
        let usual = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation TO ''serializable''', \
                     current_database()); END $$";
        sql::query(usual).execute(&mut other).await.expect("set");
        let one = Store::open(&place).await.expect("opens");
        let two = Store::open(&place).await.expect("opens");
        let mut earlier = one.change().await.expect("its turn");
        house::settings::grow(earlier.db(), "kept").await.expect("written");
        let mut later = Box::pin(two.change());
        let moment = Duration::from_millis(300);
        assert!(timeout(moment, &mut later).await.is_err(), "it waits");
        earlier.commit().await.expect("committed");
        let mut later = later.await.expect("its turn");
        let kept = house::settings::number(later.db(), "kept").await;
        assert_eq!(kept.expect("reads"), 1);
    });
}

#[test]
fn books_that_are_away_are_told_from_books_that_are_wrong() {
    let Some(books) = books() else { return };
    runtime().block_on(async {
        let place = books.elsewhere();
        let mut first = Ledger::open(&place).await.expect("opens");
        end_session(&mut first, &place).await;
        let ended = first.keep().await.expect_err("no session");
        assert!(ended.is_away(), "{ended:?}");
        assert!(StoreError::Deposed.is_away());
        let mut other = super::super::connect(&place).await.expect("opens");
        let wrong = sql::query("INSERT INTO tenure (term) VALUES (1)");
        let wrong = wrong.execute(&mut other).await.expect_err("one row");
        assert!(!StoreError::from(wrong).is_away());
    });
}
