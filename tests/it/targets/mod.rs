//! Models that several providers answer for: who is asked, and that nobody is paid for more than the answer.

mod choice;
mod circuit;
mod contents;
mod deadline;
mod failover;
mod translated;

use crate::support::{Gateway, Home, Ledger, Meter, Money, Simulator};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};

/// Prices of the models at both ends; a name may ask the simulator for a fault. `cent` costs a cent whatever it does.
const PRICES: &str = r#"
  odd: { input: "0.37", output: "1.13", max_input: 100000, max_output: 4096 }
  dear: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  odd--status-503: { input: "0.37", output: "1.13", max_input: 100000, max_output: 4096 }
  cent: { request: "0.01", max_input: 100000, max_output: 16384 }
  dear--status-503: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  dear--status-500: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  dear--status-429: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  dear--status-429--retry_after-1: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  dear--latency-200ms: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  dear--status-504: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  dear--status-400: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  dear--hang-head: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  dear--reset-1: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  dear--cut-2: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  dear--status-503--every-2: { input: "3", output: "15", max_input: 100000, max_output: 4096 }
  odd--status-503--every-3: { input: "0.37", output: "1.13", max_input: 100000, max_output: 4096 }
"#;

/// Two providers, `a` and `b`, each a process of its own with a meter of its own, and a gateway in front of both.
struct Stage {
    a: Simulator,
    b: Simulator,
    gateway: Gateway,
    home: Home,
}

impl Stage {
    /// `smart` goes to these targets; `more` is the rest of the configuration.
    fn set(targets: &str, more: &str) -> Self {
        Self::with(targets, more, |settings| settings)
    }

    /// The same, where circuits of both providers are set so.
    fn with_circuits(circuit: &str, targets: &str, more: &str) -> Self {
        let circuit = format!("/v1\", circuit: {circuit} }}");
        Self::with(targets, more, |settings| {
            settings.replace("/v1\" }", &circuit)
        })
    }

    /// The same, where targets are chosen so.
    fn by(strategy: &str, targets: &str, more: &str) -> Self {
        let name = format!("name: smart, strategy: {strategy},");
        Self::with(targets, more, |settings| {
            settings.replace("name: smart,", &name)
        })
    }

    /// The same with something else changed.
    fn with(targets: &str, more: &str, change: impl FnOnce(String) -> String) -> Self {
        let (a, b) = (Simulator::start(PRICES), Simulator::start(PRICES));
        let settings = change(settings(a.address, b.address, targets, more));
        let home = Home::written(&a.prices, &settings);
        let gateway = home.start();
        Self {
            a,
            b,
            gateway,
            home,
        }
    }

    /// The one ledger, once nothing is under way.
    fn ledger(&self) -> Ledger {
        self.gateway.at_rest();
        self.gateway.ledger("all")
    }

    fn meters(&self) -> (Meter, Meter) {
        (self.a.meter_at_rest(), self.b.meter_at_rest())
    }

    /// Attempts at a provider that ended so.
    fn attempts(&self, provider: &str, outcome: &str) -> u64 {
        let labels = [("provider", provider), ("outcome", outcome)];
        self.gateway
            .count("tollgate_upstream_requests_total", &labels)
    }

    /// What was charged is what both sides say, to the nano-dollar, and nothing is set aside any more.
    #[track_caller]
    fn assert_balanced(&self) {
        let ledger = self.ledger();
        let (a, b) = self.meters();
        assert_eq!(ledger.spent, a.cost + b.cost);
        assert_eq!((ledger.reserved, ledger.uncertain), (Money(0), Money(0)));
        let (said_yes, report) = self.home.verify();
        assert!(said_yes, "{report}");
    }

    /// The lines of the decision log, once there are so many.
    fn decisions(&self, count: usize) -> Vec<Value> {
        let file = self.home.path().join("state/decisions/current.jsonl");
        crate::support::until("the decisions are recorded", || {
            let text = std::fs::read_to_string(&file).ok()?;
            let lines = text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            let lines: Vec<Value> = lines
                .filter(|line: &Value| line.get("verdict").is_some())
                .collect();
            (lines.len() >= count).then_some(lines)
        })
    }
}

fn settings(a: SocketAddr, b: SocketAddr, targets: &str, more: &str) -> String {
    format!(
        "providers:
  a: {{ kind: openai-compatible, base_url: \"http://{a}/v1\" }}
  b: {{ kind: openai-compatible, base_url: \"http://{b}/v1\" }}
  claude: {{ kind: anthropic, base_url: \"http://{b}\" }}
  google: {{ kind: gemini, base_url: \"http://{b}\" }}
models: [{{ name: smart, tokenizer: simulator, targets: [{targets}] }}]
timeouts: {{ connect: 1s, first_byte: 400ms, idle: 300ms, total: 20s }}
retries: {{ attempts: 2, backoff: 5ms..1s }}
{more}"
    )
}

/// A budget for everybody and for good.
fn budget(limit: &str) -> String {
    format!("budgets: [{{ name: all, match: {{}}, limit: \"{limit}\", window: total }}]\n")
}

/// Where nobody listens: a port that was free a moment ago.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address")
}
