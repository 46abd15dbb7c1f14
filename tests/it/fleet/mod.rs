//! Many gateways, one panel, one budget: real processes over real sockets, against the meter of the simulated provider.

mod day;
mod kill;
mod live;
mod policy;
mod restore;
mod spend;
mod sso;
mod standby;
mod storm;
mod tallies;
mod up;
mod usage;
mod vault;

use crate::support::{Admin, Client, Control, Gateway, Home, Money, Simulator, Wire, until};
use serde_json::Value;
use std::net::SocketAddr;

/// From a tenth of a cent to forty cents a call; of the last ones much less than the worst case is charged.
const PRICES: &str = r#"
  tenth: { request: "0.001", max_input: 100000, max_output: 16384 }
  cents: { request: "0.07", max_input: 100000, max_output: 16384 }
  dear: { input: "1.00", output: "1000.00", max_input: 100000, max_output: 400 }
"#;
const CHAT: &str = "/v1/chat/completions";

/// A provider, a panel, a key, its budget, and a wire between the panel and its gateways.
struct Scene {
    simulator: Simulator,
    control: Control,
    admin: Admin,
    wire: Wire,
    project: String,
    budget: String,
    key: String,
    secret: String,
}

impl Scene {
    fn new(limit: &str, settings: &str) -> Self {
        let simulator = Simulator::start(PRICES);
        let (control, admin) = Control::start(settings);
        let wire = Wire::to(control.address);
        let org = admin.node("org", "acme", None);
        let team = admin.node("team", "red", Some(&org));
        let project = admin.node("project", "atlas", Some(&team));
        let budget = admin.budget(&project, limit);
        let (key, secret) = admin.key(&project, "fleet");
        Self {
            simulator,
            control,
            admin,
            wire,
            project,
            budget,
            key,
            secret,
        }
    }

    /// A gateway's folder, with a token for the panel behind the wire.
    fn home(&self, name: &str) -> Home {
        let home = Home::new(&self.simulator, "");
        let at: SocketAddr = self.wire.address;
        let panel = self.control.invite(&self.admin, name, home.path(), at);
        home.configure(&panel);
        home
    }

    fn homes(&self, count: usize) -> Vec<Home> {
        (0..count)
            .map(|number| self.home(&format!("edge-{number}")))
            .collect()
    }

    /// A caller with the key that the panel knows.
    fn caller(&self, gateway: &Gateway) -> Client {
        Client::to(gateway.listen).with("authorization", &format!("Bearer {}", self.secret))
    }

    /// The budget as the panel has it.
    fn books(&self) -> Books {
        let budget = self.admin.get(&format!("/api/v1/budgets/{}", self.budget));
        let money = |name: &str| Money::of(budget[name].as_str().expect(name));
        Books {
            spent: money("spent"),
            held: money("held"),
            uncertain: money("uncertain"),
        }
    }

    /// Waits until the panel holds nothing for anybody any more.
    fn settled(&self) -> Books {
        until("nothing is held", || {
            let books = self.books();
            (books.held == Money::default()).then_some(books)
        })
    }
}

/// What became of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Books {
    spent: Money,
    held: Money,
    uncertain: Money,
}

/// Whether an answer is a refusal for good: the budget is used up.
fn is_final(status: u16, body: &Value) -> bool {
    status == 429 && body["error"]["code"] == "insufficient_quota"
}

/// Numbers that follow from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}
