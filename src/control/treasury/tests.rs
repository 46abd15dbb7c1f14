use super::*;
use crate::clock::Wall;
use crate::control::store::support::Books;
use crate::control::tree::{TreeBudget, TreeLeaf};
use crate::governance::budget::Window;
use crate::lease::protocol::{Answer, DiskId, LeafId, Lending, Reason, Synced, Want};
use crate::units::Money;
use jiff::tz::TimeZone;

const ROUTER: RouterId = RouterId(7);

fn tree(limit: i64) -> Tree {
    Tree {
        budgets: vec![TreeBudget {
            id: 1,
            limit: Money::from_nanos(limit),
            hard: true,
            lending: Lending::default(),
            window: Window::Total,
            zone: TimeZone::UTC,
        }],
        leaves: vec![TreeLeaf {
            id: LeafId(4),
            budgets: vec![1],
            killed: false,
        }],
        ..Tree::default()
    }
}

fn start(books: &Books) -> Treasury {
    Treasury::start(&books.elsewhere(), Terms::default()).expect("a treasury")
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn sync(seq: u64, need: i64) -> Sync {
    Sync {
        router: ROUTER,
        incarnation: 1,
        seq,
        leases: Vec::new(),
        wants: vec![Want {
            leaf: LeafId(4),
            need: Money::from_nanos(need),
            rate: Money::ZERO,
        }],
        finals: Vec::new(),
    }
}

async fn greet(treasury: &Treasury) {
    treasury.enrol(ROUTER).await.expect("enrolled");
    let hello = Hello {
        router: ROUTER,
        disk: DiskId(1),
        start: 1,
    };
    treasury.hello(hello).await.expect("a number");
}

fn synced(answer: Answer) -> Synced {
    match answer {
        Answer::Synced(synced) => synced,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_lent_is_known_to_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let books = Books::new(folder.path());
    let treasury = start(&books);
    let lent = block(async {
        treasury.govern(tree(1_000)).await.expect("governed");
        greet(&treasury).await;
        synced(treasury.sync(sync(1, 300)).await.expect("an answer")).grants[0].granted
    });
    assert!(lent >= Money::from_nanos(300), "{lent}");
    treasury.close();
    let treasury = start(&books);
    block(async {
        treasury.govern(tree(1_000)).await.expect("governed");
        let again = synced(
            treasury
                .sync(sync(1, 300))
                .await
                .expect("the stored answer"),
        );
        assert_eq!(again.grants[0].granted, lent);
        let more = synced(treasury.sync(sync(2, 1_100)).await.expect("an answer"));
        assert_eq!(more.denies[0].reason, Reason::Exhausted);
        assert_eq!(more.denies[0].short.map(|short| short.held), Some(lent));
    });
    treasury.close();
}

#[test]
fn steps_that_come_together_are_answered_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let books = Books::new(folder.path());
    let treasury = std::sync::Arc::new(start(&books));
    block(async {
        treasury.govern(tree(1_000_000)).await.expect("governed");
        let mut asking = tokio::task::JoinSet::new();
        for number in 1..=100_u128 {
            let treasury = treasury.clone();
            asking.spawn(async move {
                let router = RouterId(number);
                treasury.enrol(router).await.expect("enrolled");
                let hello = Hello {
                    router,
                    disk: DiskId(number),
                    start: 1,
                };
                treasury.hello(hello).await.expect("a number");
                let sync = Sync {
                    router,
                    ..sync(1, 50)
                };
                synced(treasury.sync(sync).await.expect("an answer"))
            });
        }
        let mut lent = Money::ZERO;
        while let Some(answer) = asking.join_next().await {
            let answer = answer.expect("no panic");
            lent = answer
                .grants
                .iter()
                .fold(lent, |sum, one| sum.plus(one.granted));
        }
        let held = treasury.look(|bank| bank.accounts().map(|(_, account)| account.held).max());
        assert_eq!(held.await.expect("a look"), Some(lent));
    });
    treasury.close();
}

#[test]
fn a_key_that_is_gone_from_the_tree_gets_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let books = Books::new(folder.path());
    let treasury = start(&books);
    block(async {
        treasury.govern(tree(1_000)).await.expect("governed");
        greet(&treasury).await;
        treasury.govern(Tree::default()).await.expect("governed");
        let answer = synced(treasury.sync(sync(1, 1)).await.expect("an answer"));
        assert_eq!(answer.denies[0].reason, Reason::Killed);
    });
    treasury.close();
}

#[test]
fn a_gateway_that_is_stopped_is_told_so_and_may_borrow_again_once_it_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let books = Books::new(folder.path());
    let treasury = start(&books);
    let ask = |seq| treasury.sync(sync(seq, 10));
    block(async {
        treasury.govern(tree(1_000)).await.expect("governed");
        greet(&treasury).await;
        assert_eq!(synced(ask(1).await.expect("an answer")).grants.len(), 1);
        let stopped = Tree {
            stopped: [ROUTER].into(),
            ..tree(1_000)
        };
        treasury.govern(stopped).await.expect("governed");
        let answer = synced(ask(2).await.expect("an answer"));
        assert!(answer.grants.is_empty(), "what it had brings nothing more");
        assert_eq!(answer.denies[0].reason, Reason::Killed);
        treasury.govern(tree(1_000)).await.expect("governed");
        assert_eq!(synced(ask(3).await.expect("an answer")).grants.len(), 1);
    });
    treasury.close();
}

#[test]
fn a_key_without_a_budget_is_counted_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let books = Books::new(folder.path());
    let treasury = start(&books);
    block(async {
        let leaf = TreeLeaf {
            id: LeafId(4),
            budgets: Vec::new(),
            killed: false,
        };
        let tree = Tree {
            budgets: Vec::new(),
            leaves: vec![leaf],
            ..Tree::default()
        };
        treasury.govern(tree).await.expect("governed");
        greet(&treasury).await;
        let answer = synced(
            treasury
                .sync(sync(1, 5_000_000_000))
                .await
                .expect("an answer"),
        );
        assert!(answer.grants[0].granted >= Money::from_nanos(5_000_000_000));
    });
    treasury.close();
}

#[test]
fn a_budget_turns_to_its_next_period_and_what_was_lent_of_the_last_ends_with_it() {
    let hour = |limit| TreeBudget {
        id: 1,
        limit: Money::from_nanos(limit),
        hard: true,
        lending: Lending::default(),
        window: Window::Hour,
        zone: TimeZone::UTC,
    };
    let tree = Tree {
        budgets: vec![hour(10)],
        ..Tree::default()
    };
    let before = tree.accounts(Wall::from_secs(7_199)).by_budget[&1];
    let after = tree.accounts(Wall::from_secs(7_200)).by_budget[&1];
    assert_eq!((before.id.period, before.ends), (3_600, Some(7_200)));
    assert_eq!((after.id.period, after.ends), (7_200, Some(10_800)));
}
