//! What the gate gets from the purse, with a bank beside it and no wire between.

use super::*;
use crate::governance::budget::{Standing, Window};
use crate::lease::directory::BudgetCard;
use crate::lease::protocol::{AccountId, Bank, Terms, Usage};
use crate::units::Tokens;

const LEAF: LeafId = LeafId(4);
const ROUTER: RouterId = RouterId(1);

fn usd(text: &str) -> Money {
    text.parse().expect(text)
}

/// A purse, the bank that fills it, and a journal that is always in time.
struct Scene {
    purse: Purse,
    books: Arc<Books>,
    bank: Bank,
}

impl Scene {
    /// A budget of so much for the one leaf.
    fn new(limit: &str) -> Self {
        let books = Arc::new(Books::new(true));
        let mut bank = Bank::new(Terms::default());
        let account = AccountId {
            budget: 7,
            period: 0,
        };
        bank.set_account(account, usd(limit), true);
        bank.set_leaf(LEAF, [account]);
        bank.enrol(ROUTER);
        let purse = Purse::new(books.clone());
        purse.begin(ROUTER, DiskId(1), 1, false);
        let card = BudgetCard {
            id: 7,
            name: "acme/red 1d".to_owned(),
            window: "1d".to_owned(),
            limit: usd(limit),
            hard: true,
            clamp: true,
            soft: vec![50, 80],
        };
        purse.know(&Directory {
            revision: 1,
            keys: Vec::new(),
            revoked: Vec::new(),
            budgets: vec![card],
        });
        Self { purse, books, bank }
    }

    /// One round of talk, and the disk after it.
    fn talk(&mut self) {
        let now = Moment::default();
        if let Some(hello) = self.purse.hello() {
            let answer = self.bank.hello(&hello).expect("known");
            self.purse.heard(&answer, None, now);
        }
        let sync = self.purse.sync(clock::since_boot()).expect("a number");
        let answer = self.bank.sync(&sync, clock::since_boot()).expect("good");
        self.purse.heard(&answer, Some(&sync), now);
        self.disk();
    }

    fn disk(&self) {
        let made = self.books.drain(&mut Vec::new());
        self.purse.synced(made);
    }

    fn set_aside(&self, amount: &str) -> Result<Lent, NotLent> {
        self.purse.set_aside(LEAF.0, usd(amount), Moment::default())
    }

    fn settle(&self, lent: &Lent, cost: &str) {
        let spent = Spent {
            cost: usd(cost),
            model: "gpt-4o",
            input: Tokens(30),
            output: Tokens(20),
        };
        self.purse.settle(lent, Some(spent));
    }

    fn short(&self, amount: &str) -> Standing {
        match self.set_aside(amount) {
            Err(NotLent::Short(standing)) => *standing,
            other => panic!("not short: {other:?}"),
        }
    }
}

#[test]
fn who_asks_which_calls_are_cut_hears_of_each_switch_once() {
    let scene = Scene::new("1.00");
    let purse = &scene.purse;
    let mut cuts = purse.cuts();
    assert_eq!(purse.cut_since(0), (0, Some(Vec::new())));
    purse.kill(&[LEAF], true);
    assert!(!cuts.has_changed().expect("open"), "streams go on");
    purse.cut(&[LEAF]);
    assert!(cuts.has_changed().expect("open"));
    let first = *cuts.borrow_and_update();
    assert_eq!(purse.cut_since(0), (first, Some(vec![LEAF.0])));
    purse.cut(&[LeafId(9)]);
    let (second, leaves) = purse.cut_since(first);
    assert_eq!(leaves, Some(vec![9]));
    // That a switch is let go brings no call back.
    purse.kill(&[LEAF], false);
    assert_eq!(purse.cut_since(second), (second, Some(Vec::new())));
    purse.cut(&[]);
    let (third, all) = purse.cut_since(second);
    assert_eq!((all, third > second), (None, true));
    assert_eq!(purse.cut_since(third), (third, Some(Vec::new())));
}

#[test]
fn what_a_switch_ended_is_told_at_once() {
    let mut scene = Scene::new("1.00");
    assert_eq!(scene.set_aside("0.10"), Err(NotLent::Ask));
    scene.talk();
    scene.talk();
    let lent = scene.set_aside("0.10").expect("lent");
    scene.purse.kill(&[LEAF], true);
    scene.talk();
    scene.purse.tick();
    assert_eq!(scene.purse.how_soon(), Hurry::None, "a call is under way");
    scene.settle(&lent, "0.02");
    scene.purse.tick();
    assert_eq!(scene.purse.how_soon(), Hurry::Now);
    scene.talk();
    scene.purse.tick();
    assert_eq!(scene.purse.how_soon(), Hurry::None);
    assert!(scene.purse.is_empty());
}

#[test]
fn a_call_asks_and_has_its_money_once_the_disk_knows_of_it() {
    let mut scene = Scene::new("10");
    assert_eq!(scene.set_aside("0.40"), Err(NotLent::Ask));
    assert_eq!(scene.purse.how_soon(), Hurry::Now);
    let mut changes = scene.purse.changes();
    scene.talk();
    assert!(changes.has_changed().expect("the purse is there"));
    changes.mark_unchanged();
    let lent = scene.set_aside("0.40").expect("lent");
    scene.settle(&lent, "0.25");
    let mut reading = Reading::default();
    scene.purse.read(&mut reading);
    assert_eq!(reading.leases[0].settled, usd("0.25"));
    assert_eq!(reading.leases[0].reserved, Money::ZERO);
}

#[test]
fn a_budget_that_does_not_cover_a_call_is_named_with_its_figures() {
    let mut scene = Scene::new("1");
    assert_eq!(scene.set_aside("1.50"), Err(NotLent::Ask));
    scene.talk();
    let standing = scene.short("1.50");
    assert_eq!(&*standing.budget, "acme/red 1d");
    assert_eq!(standing.window, Window::Day);
    assert_eq!((standing.limit, standing.remaining()), (usd("1"), usd("1")));
    // What is left still goes to a smaller call, and what was said of the larger one holds.
    assert_eq!(scene.set_aside("1"), Err(NotLent::Ask));
    scene.talk();
    assert_eq!(scene.short("1.50").remaining(), usd("1"));
    let lent = scene.set_aside("1").expect("lent");
    scene.settle(&lent, "1");
    scene.talk();
    assert_eq!(scene.set_aside("0.01"), Err(NotLent::Ask));
    scene.talk();
    assert_eq!(scene.short("0.01").remaining(), Money::ZERO);
}

#[test]
fn new_money_is_asked_for_at_once_when_the_panel_says_so() {
    let mut scene = Scene::new("1");
    assert_eq!(scene.set_aside("3"), Err(NotLent::Ask));
    scene.talk();
    let _ = scene.short("3");
    let account = AccountId {
        budget: 7,
        period: 0,
    };
    scene.bank.set_account(account, usd("10"), true);
    scene.purse.ask_again();
    assert_eq!(scene.set_aside("3"), Err(NotLent::Ask));
    scene.talk();
    assert!(scene.set_aside("3").is_ok());
}

#[test]
fn a_pulled_switch_stops_calls_before_the_bank_is_heard() {
    let mut scene = Scene::new("10");
    assert_eq!(scene.set_aside("0.40"), Err(NotLent::Ask));
    scene.talk();
    scene.purse.kill(&[LEAF], true);
    assert_eq!(scene.set_aside("0.40"), Err(NotLent::Killed));
    scene.purse.kill(&[LEAF], false);
    assert_eq!(scene.set_aside("0.40"), Err(NotLent::Ask));
}

#[test]
fn who_leaves_gives_everything_back() {
    let mut scene = Scene::new("10");
    assert_eq!(scene.set_aside("0.40"), Err(NotLent::Ask));
    scene.talk();
    let lent = scene.set_aside("0.40").expect("lent");
    scene.settle(&lent, "0.25");
    scene.purse.leave();
    for _ in 0..2 {
        scene.talk();
    }
    assert!(scene.purse.is_empty());
    let (_, account) = scene.bank.accounts().next().expect("one");
    assert_eq!((account.spent, account.held), (usd("0.25"), Money::ZERO));
    assert_eq!(
        scene.books.leases(),
        crate::governance::budget::Leases::default()
    );
}

#[test]
fn what_a_process_left_is_told_by_the_next() {
    let mut scene = Scene::new("10");
    assert_eq!(scene.set_aside("0.40"), Err(NotLent::Ask));
    scene.talk();
    let lent = scene.set_aside("0.40").expect("lent");
    scene.settle(&lent, "0.25");
    let _ = scene.set_aside("0.40");
    scene.talk();
    let _ = scene.set_aside("0.40").expect("lent");
    let books = Arc::new(Books::restore(scene.books.state().recovered(), true));
    scene.purse = Purse::new(books.clone());
    scene.books = books;
    scene.purse.begin(ROUTER, DiskId(1), 2, false);
    let mut reading = Reading::default();
    scene.purse.read(&mut reading);
    assert!(reading.doubt > Money::ZERO, "the rest of the ceiling");
    scene.talk();
    assert!(scene.purse.is_empty());
    let (_, account) = scene.bank.accounts().next().expect("one");
    assert_eq!(account.spent, usd("0.25"));
    assert!(account.uncertain >= usd("0.40"));
}

#[test]
fn what_calls_were_for_is_told_by_model_until_the_panel_knows() {
    let mut scene = Scene::new("10");
    assert_eq!(scene.set_aside("0.40"), Err(NotLent::Ask));
    scene.talk();
    let told = |scene: &Scene| {
        let sync = scene.purse.sync(clock::since_boot()).expect("a number");
        let lines = sync.leases.into_iter().flat_map(|line| line.usage);
        lines.collect::<Vec<_>>()
    };
    let calls = |calls: u64, cost: &str| Usage {
        model: "gpt-4o".into(),
        input: 30 * calls,
        output: 20 * calls,
        calls,
        cost: usd(cost),
    };
    let lent = scene.set_aside("0.40").expect("lent");
    scene.settle(&lent, "0.25");
    // The provider did nothing for this one.
    let lent = scene.set_aside("0.10").expect("lent");
    scene.purse.settle(&lent, None);
    assert_eq!(told(&scene), [calls(1, "0.25")]);
    scene.talk();
    assert_eq!(told(&scene), [], "it is known");
    scene.talk();
    // What goes beyond the worst case was for something, too.
    let lent = scene.set_aside("0.10").expect("lent");
    scene.settle(&lent, "0.15");
    assert_eq!(told(&scene), [calls(2, "0.40")]);
    scene.talk();
    // With a lease that ends all of it is told, whatever is known.
    scene.purse.leave();
    assert_eq!(told(&scene), [calls(2, "0.40")]);
}

#[test]
fn where_the_panels_budget_stands_is_known_from_its_answers_and_what_was_spent_since() {
    let mut scene = Scene::new("1");
    assert_eq!(scene.purse.standing(LEAF.0), None, "nothing was heard");
    assert_eq!(scene.set_aside("0.10"), Err(NotLent::Ask));
    scene.talk();
    let told = |scene: &Scene| scene.purse.standing(LEAF.0).expect("told");
    let standing = told(&scene);
    assert_eq!(
        (&*standing.budget, standing.limit, standing.remaining()),
        ("acme/red 1d", usd("1"), usd("1"))
    );
    assert_eq!(standing.soft, None);
    let lent = scene.set_aside("0.10").expect("lent");
    assert_eq!(told(&scene).remaining(), usd("0.90"), "promised");
    scene.settle(&lent, "0.04");
    assert_eq!(told(&scene).remaining(), usd("0.96"), "spent");
    scene.talk();
    let standing = told(&scene);
    assert_eq!(
        (standing.spent, standing.remaining()),
        (usd("0.04"), usd("0.96"))
    );
    while told(&scene).spent < usd("0.80") {
        match scene.set_aside("0.10") {
            Ok(lent) => scene.settle(&lent, "0.10"),
            Err(_) => scene.talk(),
        }
    }
    assert_eq!(told(&scene).soft, Some(80));
}

#[test]
fn what_was_called_back_is_told_at_once() {
    let mut scene = Scene::new("10");
    assert_eq!(scene.set_aside("0.10"), Err(NotLent::Ask));
    scene.talk();
    let account = AccountId {
        budget: 7,
        period: 0,
    };
    scene.bank.set_account(account, usd("0.05"), true);
    scene.talk();
    assert_eq!(scene.purse.how_soon(), Hurry::Now);
    scene.talk();
    assert_eq!(scene.purse.how_soon(), Hurry::None);
    let account = *scene.bank.account(account).expect("there");
    assert_eq!(
        (account.held, account.overcommit),
        (Money::ZERO, Money::ZERO)
    );
}

#[test]
fn a_budget_that_nothing_is_lent_from_any_more_is_not_told_as_it_was() {
    let mut scene = Scene::new("1");
    assert_eq!(scene.set_aside("0.10"), Err(NotLent::Ask));
    scene.talk();
    let lent = scene.set_aside("0.10").expect("lent");
    scene.settle(&lent, "0.10");
    scene.talk();
    assert!(scene.purse.standing(LEAF.0).is_some());
    // Drained there, it is in no answer any more; who refuses calls by what it knew would never hear better.
    scene.bank.drain(ROUTER);
    scene.talk();
    assert_eq!(scene.purse.standing(LEAF.0), None);
}

#[test]
fn where_a_budget_stood_says_nothing_of_its_next_period() {
    let mut scene = Scene::new("1");
    let account = AccountId {
        budget: 7,
        period: 0,
    };
    let ends = clock::since_boot().saturating_add(Duration::from_hours(1));
    scene.bank.set_end(account, Some(ends));
    assert_eq!(scene.set_aside("0.10"), Err(NotLent::Ask));
    scene.talk();
    scene.purse.with(|inner| {
        let until = inner.standings.get(&LEAF).expect("told").until;
        let before = until.saturating_sub(Duration::from_nanos(1));
        assert!(until >= ends && inner.stands(LEAF, before).is_some());
        assert_eq!(inner.stands(LEAF, until), None);
    });
}
