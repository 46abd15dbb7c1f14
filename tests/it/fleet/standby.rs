//! Two panels on one PostgreSQL: one holds the bank, the other stands by, and takes over when the first is gone.

use super::{Books, CHAT, PRICES, is_final};
use crate::support::{
    Admin, Client, Control, Database, Gateway, Home, Money, Simulator, Wire, chat, until,
};
use serde_json::json;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const GATEWAYS: usize = 3;
const LIMIT: &str = "12.00";

/// Two panels, and three gateways that reach whichever of them answers.
struct Pair {
    first: Control,
    second: Control,
    admin: Admin,
    wire: Wire,
    budget: String,
    secret: String,
    gateways: Vec<Gateway>,
    _homes: Vec<Home>,
    simulator: Simulator,
    database: Database,
}

impl Pair {
    fn new() -> Option<Self> {
        let database = Database::new()?;
        let simulator = Simulator::start(PRICES);
        let settings = format!(
            "store: \"{}\"\nleases: {{ valid_for: 30s, drain_for: 10s }}",
            database.url
        );
        let (first, admin) = Control::start(&settings);
        let second = first.beside();
        let wire = Wire::to_any(vec![first.address, second.address]);
        let admin = admin.at(wire.address);
        let org = admin.node("org", "acme", None);
        let team = admin.node("team", "red", Some(&org));
        let project = admin.node("project", "atlas", Some(&team));
        let budget = admin.budget(&project, LIMIT);
        let (_, secret) = admin.key(&project, "fleet");
        let homes = (0..GATEWAYS).map(|number| {
            let home = Home::new(&simulator, "");
            let name = format!("edge-{number}");
            home.configure(&first.invite(&admin, &name, home.path(), wire.address));
            home
        });
        let homes: Vec<Home> = homes.collect();
        Some(Self {
            gateways: homes.iter().map(Home::start).collect(),
            first,
            second,
            admin,
            wire,
            budget,
            secret,
            _homes: homes,
            simulator,
            database,
        })
    }

    /// Calls through all gateways until the budget is used up. `fall` happens under load, as soon as something was spent; after
    /// it calls must be answered again.
    fn spend(&mut self, fall: impl FnOnce(&mut Control, &mut Control, &Wire)) {
        let (answered, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let (gateways, secret) = (&self.gateways, &self.secret);
        let (first, second, wire) = (&mut self.first, &mut self.second, &self.wire);
        let simulator = &self.simulator;
        std::thread::scope(|scope| {
            for gateway in gateways {
                let (answered, over) = (&answered, &over);
                scope.spawn(move || call(gateway, secret, answered, over));
            }
            until("something is spent", || {
                (simulator.meter().cost > Money::of("1.00")).then_some(())
            });
            fall(first, second, wire);
            let before = answered.load(Ordering::SeqCst);
            until("calls are answered again", || {
                (answered.load(Ordering::SeqCst) > before + 20).then_some(())
            });
            over.store(true, Ordering::SeqCst);
        });
    }

    /// Calls through all gateways until none of them has anything left.
    fn exhaust(&self) {
        std::thread::scope(|scope| {
            for gateway in &self.gateways {
                scope.spawn(|| {
                    let mut caller = caller(gateway, &self.secret);
                    until("the budget is used up", || {
                        let body = chat("dear", "@sim(out=100)", &[("max_tokens", json!(100))]);
                        let answer = caller.post(CHAT, &body);
                        is_final(answer.status, &answer.json()).then_some(())
                    });
                });
            }
        });
    }

    fn books(&self) -> Books {
        let budget = self.admin.get(&format!("/api/v1/budgets/{}", self.budget));
        let money = |name: &str| Money::of(budget[name].as_str().expect(name));
        Books {
            spent: money("spent"),
            held: money("held"),
            uncertain: money("uncertain"),
        }
    }

    /// At rest: nothing is held, and the ledger has what the provider charged, to the last call.
    fn is_exact(&mut self) {
        let charged = self.simulator.meter_at_rest().cost;
        assert!(charged <= Money::of(LIMIT), "{charged:?} were charged");
        for gateway in self.gateways.drain(..) {
            gateway.stop();
        }
        let books = until("nothing is held", || {
            let books = self.books();
            (books.held == Money::default()).then_some(books)
        });
        assert_eq!((books.spent, books.uncertain), (charged, Money::default()));
        let in_ledger = "SELECT CAST(coalesce(sum(spent), 0) AS bigint) FROM entry";
        assert_eq!(Money(self.database.number(in_ledger)), charged);
    }
}

fn caller(gateway: &Gateway, secret: &str) -> Client {
    Client::to(gateway.listen).with("authorization", &format!("Bearer {secret}"))
}

/// Calls a gateway until it is over, or the budget.
fn call(gateway: &Gateway, secret: &str, answered: &AtomicU64, over: &AtomicBool) {
    let mut caller = caller(gateway, secret);
    while !over.load(Ordering::SeqCst) {
        let text = "tell me @sim(out=10,token_delay=1ms)";
        let answer = caller.post(CHAT, &chat("dear", text, &[("max_tokens", json!(12))]));
        if answer.status == 200 {
            answered.fetch_add(1, Ordering::SeqCst);
        }
        assert!(
            !is_final(answer.status, &answer.json()),
            "there is enough for this test"
        );
    }
}

#[test]
fn the_panel_that_stands_by_takes_over_when_the_other_is_killed() {
    let Some(mut pair) = Pair::new() else { return };
    let closed = TcpStream::connect(pair.second.address);
    closed.expect_err("who stands by opens no door");
    pair.spend(|first, second, _| {
        first.kill();
        second.taken_over();
    });
    // The first one comes back, and now it is the one that stands by.
    pair.first.stand_by();
    TcpStream::connect(pair.first.address).expect_err("who stands by opens no door");
    pair.spend(|first, second, _| {
        second.stop();
        first.taken_over();
    });
    pair.exhaust();
    pair.is_exact();
    assert_eq!(pair.database.number("SELECT term FROM tenure"), 3);
}

#[test]
fn a_panel_that_hung_and_wakes_when_another_has_taken_over_ends_and_changes_nothing() {
    let Some(mut pair) = Pair::new() else { return };
    pair.spend(|first, second, wire| {
        first.process().freeze(true);
        second.taken_over();
        wire.lead_to(second.address);
        first.process().freeze(false);
        let ended = first.process().ended();
        assert!(!ended.success(), "it says that it lost the bank: {ended}");
        assert!(
            first.log().contains("holds the bank no longer"),
            "{}",
            first.log()
        );
    });
    pair.is_exact();
    assert_eq!(pair.database.number("SELECT term FROM tenure"), 2);
}
