//! The simulated provider as a process of its own: its meter outlives every gateway, and is what ledgers are held against.

use super::http::Client;
use super::money::Money;
use super::process::Process;
use super::until;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tempfile::TempDir;

/// A running simulator.
pub(crate) struct Simulator {
    _process: Process,
    _dir: TempDir,
    pub(crate) address: SocketAddr,
    /// The price book, for the gateway to use as well.
    pub(crate) prices: String,
}

/// What it would have charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Meter {
    pub(crate) calls: u64,
    pub(crate) cost: Money,
    pub(crate) in_flight: u64,
    pub(crate) cancelled: u64,
}

impl Simulator {
    /// Starts one that charges by this book (the `models:` of it, in YAML).
    pub(crate) fn start(models: &str) -> Self {
        let prices = format!("revision: test\nvalid_from: 2026-01-01\nmodels:\n{models}\n");
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("prices.yaml"), &prices).expect("a price book");
        let arguments = [
            "simulate",
            "--listen",
            "127.0.0.1:0",
            "--prices",
            "prices.yaml",
        ];
        let mut process = Process::start(dir.path(), "simulator", &arguments);
        let address = process.says("where the simulator is", |line| {
            line.strip_prefix("simulated provider on http://")?
                .parse()
                .ok()
        });
        Self {
            _process: process,
            _dir: dir,
            address,
            prices,
        }
    }

    /// Reads its meter.
    pub(crate) fn meter(&self) -> Meter {
        let report = self.ask("/__sim/meter");
        let number = |name: &str| report[name].as_u64().expect(name);
        Meter {
            calls: number("calls"),
            cost: Money::of(report["cost"].as_str().expect("a cost")),
            in_flight: number("in_flight"),
            cancelled: number("cancelled"),
        }
    }

    /// What it charged for one model.
    pub(crate) fn cost_of(&self, model: &str) -> Money {
        let report = self.ask("/__sim/meter");
        Money::of(report["by_model"][model]["cost"].as_str().unwrap_or("0"))
    }

    /// Calls, input and output tokens, and what it charged, by model.
    pub(crate) fn by_model(&self) -> BTreeMap<String, (u64, u64, u64, Money)> {
        let report = self.ask("/__sim/meter");
        let models = report["by_model"].as_object().expect("models").iter();
        let line = |(model, line): (&String, &Value)| {
            let number = |name: &str| line[name].as_u64().expect(name);
            let cost = Money::of(line["cost"].as_str().expect("a cost"));
            let counts = (number("calls"), number("input"), number("output"), cost);
            (model.clone(), counts)
        };
        models.map(line).collect()
    }

    /// The meter once no call is in flight there.
    pub(crate) fn meter_at_rest(&self) -> Meter {
        until("no call is in flight at the simulator", || {
            Some(self.meter()).filter(|meter| meter.in_flight == 0)
        })
    }

    /// The requests it got last, the oldest first.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let mut report = self.ask("/__sim/last");
        match report["requests"].take() {
            Value::Array(requests) => requests,
            other => panic!("not a list of requests: {other}"),
        }
    }

    /// The body of the request it got last.
    pub(crate) fn last_body(&self) -> Value {
        let requests = self.requests();
        let last = requests.last().expect("a request came");
        serde_json::from_str(last["body"].as_str().expect("a body in text")).expect("JSON")
    }

    fn ask(&self, path: &str) -> Value {
        Client::to(self.address).get(path).json()
    }
}
