//! Money that was lent, spent by several threads through the gate while the panel asks for it back: every order there is.
//!
//! The purse itself knows a runtime; what stands for it here takes its locks as it does: the holder's, and under it the books'.

use super::client::notes::note;
use super::protocol::{
    Answer, DiskId, Grant, Hold, Holder, LeafId, LeaseId, RouterId, Synced, Unavailable, Work,
};
use crate::chat::Endpoint;
use crate::clock::{Moment, Wall};
use crate::governance::budget::{
    Absent, AtLimit, Bill, Books, Budget, Lender, Lent, NotLent, Spent, Standing, Window,
};
use crate::governance::gate::{Ask, Charter, Decision, Gate, InFlight, Rules};
use crate::governance::identity::{Caller, Digest, Key, KeyIndex, Keys, Labels, Selector};
use crate::governance::pricing::{Rate, UnknownPrice};
use crate::units::{Money, Tokens};
use ::loom::sync::Mutex;
use ::loom::thread;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

const NOW: Moment = Moment {
    wall: Wall::from_secs(1_766_000_000),
    since_start: Duration::from_secs(100),
};
const LEAF: LeafId = LeafId(4);
const LEASE: LeaseId = LeaseId(9);
/// What a call sets aside.
const WORST: i64 = 500;
const GRANTED: i64 = 900;

#[derive(Debug)]
struct Pocket {
    holder: Mutex<Holder>,
    books: Arc<Books>,
}

impl Pocket {
    /// A pocket with one lease, of which everything may be spent.
    fn new(books: Arc<Books>) -> Self {
        let mut holder = Holder::new(RouterId(1), DiskId(1), 1, Vec::new());
        let welcome = Answer::Welcome {
            disk: DiskId(1),
            start: 1,
            incarnation: 1,
        };
        holder.heard(&welcome, Duration::ZERO);
        let asked = holder.reserve(LEAF, Money::from_nanos(WORST), Duration::ZERO);
        assert_eq!(asked, Err(Unavailable::Asked));
        let pocket = Self {
            holder: Mutex::new(holder),
            books,
        };
        pocket.panel(None);
        pocket.with(|holder| holder.synced(u64::MAX));
        pocket
    }

    fn with<T>(&self, act: impl FnOnce(&mut Holder) -> T) -> T {
        let mut holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        let done = act(&mut holder);
        let records = holder.take_records();
        if !records.is_empty() {
            self.books.note_lease(records.into_iter().map(note));
        }
        for view in holder.leases() {
            let used = view.settled.plus(view.reserved).plus(view.remaining);
            assert!(
                view.remaining >= Money::ZERO && used <= view.granted,
                "more than was lent: {view:?}"
            );
        }
        done
    }

    /// A word with the panel, which lends the one lease, and may ask for what is not used of it.
    fn panel(&self, keep: Option<Money>) {
        let sync = self.with(|holder| holder.sync(Duration::ZERO).expect("it has a number"));
        let grant = Grant {
            lease: LEASE,
            fence: 1,
            leaf: LEAF,
            granted: Money::from_nanos(GRANTED),
            valid_for: Duration::from_mins(10),
            drain_for: Duration::from_mins(1),
            keep,
            tightest: None,
        };
        let answer = Answer::Synced(Synced {
            seq: sync.seq,
            incarnation: 1,
            grants: vec![grant],
            denies: Vec::new(),
        });
        self.with(|holder| holder.heard(&answer, Duration::ZERO));
    }
}

impl Lender for Pocket {
    fn set_aside(&self, leaf: u64, amount: Money, _: Moment) -> Result<Lent, NotLent> {
        let taken = self.with(|holder| holder.reserve(LeafId(leaf), amount, Duration::ZERO));
        let hold = taken.map_err(|_| NotLent::Ask)?;
        Ok(Lent {
            leaf,
            lease: hold.lease.0,
            call: hold.call,
            amount: hold.amount,
        })
    }

    fn standing(&self, _: u64) -> Option<Standing> {
        None
    }

    fn settle(&self, lent: &Lent, spent: Option<Spent<'_>>) -> Option<Standing> {
        let hold = Hold {
            lease: LeaseId(lent.lease),
            call: lent.call,
            amount: lent.amount,
        };
        let cost = spent.map_or(Money::ZERO, |spent| spent.cost);
        let work = spent.map(|_| Work::default());
        self.with(|holder| holder.settle(&hold, cost, work));
        None
    }
}

/// A gate for a key that the pocket pays for, with a budget of its own here.
struct Scene {
    gate: Gate,
    charter: Charter,
    pocket: Arc<Pocket>,
}

fn scene() -> Arc<Scene> {
    let books = Arc::new(Books::new(false));
    let pocket = Arc::new(Pocket::new(books.clone()));
    let gate = Gate::new(books).with_lender(pocket.clone());
    let budget = Budget {
        name: "day".into(),
        selector: Selector::default(),
        per: None,
        absent: Absent::Share,
        limit: Money::from_nanos(2 * WORST),
        window: Window::Total,
        zone: TimeZone::UTC,
        soft: Vec::new(),
        enforce: true,
        at_limit: AtLimit::Deny,
        carry_over: false,
    };
    let key = Key {
        name: "dev".into(),
        digest: Digest::of(b"dev"),
        labels: Labels {
            single: [].into_iter().collect(),
            groups: Vec::new(),
        },
        models: Vec::new(),
        expires: None,
        disabled: false,
        leaf: Some(LEAF.0),
    };
    let charter = gate.charter(Rules {
        keys: Keys::new(vec![key]),
        budgets: vec![Arc::new(budget)],
        limits: Vec::new(),
        unknown_price: UnknownPrice::Deny,
    });
    charter.open_ledgers(&gate, NOW);
    let scene = Scene {
        gate,
        charter,
        pocket,
    };
    // What its calls need of ledgers is looked up once, by whoever comes first.
    assert!(matches!(
        call(&scene, |call| {
            let _ = call.release(NOW);
            0
        }),
        Some(0)
    ));
    Arc::new(scene)
}

/// A call, if it may go. What it cost.
fn call(scene: &Scene, end: fn(InFlight) -> i64) -> Option<i64> {
    let key = scene.charter.keys().get(KeyIndex(0)).expect("one key");
    let rate = Rate {
        request: Money::from_nanos(WORST),
        max_output: Some(Tokens(1)),
        ..Rate::default()
    };
    let ask = Ask {
        caller: Caller {
            model: "gpt",
            ..key.caller()
        },
        key: KeyIndex(0),
        endpoint: Endpoint::Chat,
        rate: Some(&rate),
        input_bound: Tokens(1),
        counted: None,
        countable: false,
        images: 0,
        opaque: None,
        searches: 0,
        characters: 0,
        unpriced: None,
        rereads: 0,
        thinking: None,
        audio: false,
        choices: 1,
        asked_cap: None,
        policy_cap: None,
    };
    match scene.gate.decide(&scene.charter, &ask, None, NOW) {
        Decision::Allow(permit) => Some(end(permit.dispatch())),
        Decision::Borrow(_) | Decision::Deny(_) => None,
        other => panic!("{other:?}"),
    }
}

fn settled(call: InFlight) -> i64 {
    let bill = Bill {
        cost: Money::from_nanos(200),
        ..Bill::default()
    };
    let _ = call.settle(bill, "m", NOW);
    200
}

fn expired(call: InFlight) -> i64 {
    let _ = call.expire("m");
    WORST
}

#[test]
fn what_is_lent_is_never_spent_twice_nor_what_is_given_back() {
    let seen = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let all = seen.clone();
    ::loom::model(move || {
        let scene = scene();
        let other = {
            let scene = scene.clone();
            thread::spawn(move || call(&scene, expired).unwrap_or(0))
        };
        let panel = {
            let pocket = scene.pocket.clone();
            thread::spawn(move || pocket.panel(Some(Money::ZERO)))
        };
        let spent = call(&scene, settled).unwrap_or(0) + other.join().expect("ends");
        panel.join().expect("ends");
        all.lock().expect("nobody panicked").insert(spent);
        let spent = Money::from_nanos(spent);
        let view = scene
            .pocket
            .with(|holder| holder.leases().next().expect("its lease"));
        assert_eq!((view.settled, view.reserved), (spent, Money::ZERO));
        let books = scene.gate.books();
        let day = &books.standings(NOW)[0];
        assert_eq!((day.spent, day.reserved), (spent, Money::ZERO));
        assert_eq!(books.in_flight(), 0);
        let noted = &books.leases().0[&LEASE.0];
        assert_eq!((noted.settled, noted.in_flight()), (spent, Money::ZERO));
    });
    // None of the calls, either, or both, by when the panel took back what was left.
    let seen = seen.lock().expect("nobody panicked");
    assert_eq!(*seen, BTreeSet::from([0, 200, 500, 700]));
}
