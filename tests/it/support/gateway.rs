//! A gateway in a directory of its own, so that it can be killed and started again on the same books.

use super::http::Client;
use super::money::Money;
use super::process::Process;
use super::simulator::Simulator;
use super::until;
use serde_json::Value;
use std::fmt::Write as _;
use std::iter::Sum;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;
use tempfile::TempDir;

/// The key every caller uses who does not bring another.
pub(crate) const KEY: &str = "sk-tg-test-0123456789abcdef0123456789abcdef";

/// A directory with a configuration and, once a gateway ran in it, with its books.
pub(crate) struct Home {
    dir: TempDir,
    upstream: SocketAddr,
    credential: Option<String>,
    /// Whether there is a way to models whose provider speaks messages.
    messages: bool,
}

impl Home {
    /// A gateway in front of `simulator` with its prices and one key (labels: org, team, project, agent). `settings` is
    /// the rest of the configuration, as YAML: budgets, timeouts, whatever the test is about.
    pub(crate) fn new(simulator: &Simulator, settings: &str) -> Self {
        Self::with_upstream(simulator.address, &simulator.prices, settings)
    }

    /// The same in front of whoever listens at this address.
    pub(crate) fn with_upstream(upstream: SocketAddr, prices: &str, settings: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("prices.yaml"), prices).expect("a price book");
        let home = Self {
            dir,
            upstream,
            credential: None,
            messages: false,
        };
        home.configure(settings);
        home
    }

    /// The same, known to its provider by this credential from the next configuration on.
    pub(crate) fn known_by(mut self, credential: &str) -> Self {
        self.credential = Some(credential.to_owned());
        self
    }

    /// The same, where models that begin with `claude-` are asked for by messages, from the next configuration on.
    pub(crate) fn asked_for_messages(mut self) -> Self {
        self.messages = true;
        self
    }

    /// Writes the configuration anew; a gateway that runs takes it up.
    pub(crate) fn configure(&self, settings: &str) {
        let credential = self.credential.as_ref();
        let credential = credential.map(|text| format!(", credential: \"{text}\""));
        let (claude, route) = if self.messages {
            (
                format!(
                    ", claude: {{ kind: anthropic, base_url: \"http://{}\" }}",
                    self.upstream
                ),
                "{ name: \"claude-*\", provider: claude, tokenizer: simulator }, ",
            )
        } else {
            (String::new(), "")
        };
        let mut yaml = format!(
            "listen: 127.0.0.1:0\n\
             admin_listen: 127.0.0.1:0\n\
             state_dir: state\n\
             prices: [prices.yaml]\n\
             providers: {{ sim: {{ kind: openai-compatible, base_url: \"http://{}/v1\"{} }}{claude} }}\n\
             models: [{route}{{ name: \"*\", provider: sim, tokenizer: simulator }}]\n",
            self.upstream,
            credential.unwrap_or_default()
        );
        if !settings.contains("keys:") {
            let _ = writeln!(
                yaml,
                "keys: [{{ name: dev, secret: {KEY}, labels: {{ org: acme, team: red, project: atlas, agent: scout }} }}]"
            );
        }
        yaml.push_str(settings);
        yaml.push('\n');
        self.write(&yaml);
    }

    /// The same with a configuration of one's own, whole but for addresses, books and the usual key.
    pub(crate) fn written(prices: &str, settings: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("prices.yaml"), prices).expect("a price book");
        let home = Self {
            dir,
            upstream: SocketAddr::from(([127, 0, 0, 1], 1)),
            credential: None,
            messages: false,
        };
        home.write(&format!(
            "listen: 127.0.0.1:0\n\
             admin_listen: 127.0.0.1:0\n\
             state_dir: state\n\
             prices: [prices.yaml]\n\
             keys: [{{ name: dev, secret: {KEY}, labels: {{ org: acme, team: red, project: atlas, agent: scout }} }}]\n\
             {settings}\n"
        ));
        home
    }

    fn write(&self, yaml: &str) {
        // Written aside and renamed, so that a gateway that watches never reads half of it.
        let path = self.path().join("tollgate.yaml");
        let aside = self.path().join("tollgate.yaml.new");
        std::fs::write(&aside, yaml).expect("a configuration");
        let closed = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&aside, closed).expect("its mode");
        std::fs::rename(&aside, &path).expect("its name");
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    fn spawn(&self) -> Process {
        let arguments = ["serve", "-c", "tollgate.yaml", "--log", "json"];
        Process::start(self.path(), "gateway", &arguments)
    }

    /// Starts a gateway here and kills it so much later, wherever it is by then.
    pub(crate) fn start_and_kill(&self, after: Duration) {
        let mut process = self.spawn();
        std::thread::sleep(after);
        process.kill();
    }

    /// Starts a gateway here that ends by itself: whether in order, and what it printed.
    pub(crate) fn start_in_vain(&self) -> (bool, String) {
        let mut process = self.spawn();
        let status = process.ended();
        (status.success(), process.output())
    }

    /// Starts a gateway here and waits until it is ready.
    pub(crate) fn start(&self) -> Gateway {
        let mut process = self.spawn();
        let (listen, admin) = process.says("where the gateway is", addresses);
        let gateway = Gateway {
            process,
            listen,
            admin,
        };
        until("the gateway is ready", || {
            (gateway.admin("/readyz").status == 200).then_some(())
        });
        gateway
    }

    /// `tollgate ledger verify --json`, and whether it said yes.
    pub(crate) fn verify(&self) -> (bool, Value) {
        self.says_yes(&["ledger", "verify"])
    }

    /// `tollgate audit verify --json`, and whether it said yes.
    pub(crate) fn verify_decisions(&self) -> (bool, Value) {
        self.says_yes(&["audit", "verify"])
    }

    fn says_yes(&self, command: &[&str]) -> (bool, Value) {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(command)
            .args(["--json", "--state-dir", "state"])
            .current_dir(self.path())
            .output()
            .expect("it runs");
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {output:?}"));
        (output.status.success(), report)
    }
}

/// Finds both addresses in the line that announces them.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["message"] != "answering calls" {
        return None;
    }
    let address = |name: &str| line[name].as_str()?.parse().ok();
    Some((address("listen")?, address("admin")?))
}

/// A running gateway.
pub(crate) struct Gateway {
    process: Process,
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
}

/// One ledger as `/status` shows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    pub(crate) limit: Money,
    pub(crate) spent: Money,
    pub(crate) reserved: Money,
    pub(crate) uncertain: Money,
    pub(crate) remaining: Money,
}

impl Gateway {
    /// A caller with the usual key and a connection of its own.
    pub(crate) fn caller(&self) -> Client {
        Client::to(self.listen).with("authorization", &format!("Bearer {KEY}"))
    }

    /// Asks the admin port.
    pub(crate) fn admin(&self, path: &str) -> super::Response {
        Client::to(self.admin).get(path)
    }

    /// `/status`.
    pub(crate) fn status(&self) -> Value {
        self.admin("/status").json()
    }

    /// Every ledger, by `name` or `name[value]`.
    pub(crate) fn ledgers(&self) -> Vec<(String, Ledger)> {
        let status = self.status();
        let budgets = status["budgets"].as_array().expect("a list of budgets");
        budgets.iter().map(ledger).collect()
    }

    /// The ledger of this name; one that nobody used yet is empty.
    pub(crate) fn ledger(&self, name: &str) -> Ledger {
        let found = self.ledgers().into_iter().find(|(of, _)| of == name);
        found.unwrap_or_else(|| panic!("no ledger `{name}`")).1
    }

    /// Waits until nothing is reserved and nothing is in flight.
    pub(crate) fn at_rest(&self) {
        until("nothing is reserved or in flight", || {
            let free = self
                .ledgers()
                .iter()
                .all(|(_, ledger)| ledger.reserved == Money::default());
            (free && self.count("tollgate_requests_in_flight", &[]) == 0).then_some(())
        });
    }

    /// The sum of a metric's series that carry all these labels.
    pub(crate) fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.sum(name, labels)
    }

    /// The same of a metric that counts something.
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.sum(name, labels)
    }

    fn sum<N: FromStr + Sum>(&self, name: &str, labels: &[(&str, &str)]) -> N {
        let text = self.admin("/metrics").text();
        let series = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let (labelled, value) = rest.rsplit_once(' ')?;
            let own = labelled.is_empty() || labelled.starts_with('{');
            let all = labels
                .iter()
                .all(|(label, value)| labelled.contains(&format!("{label}=\"{value}\"")));
            (own && all).then(|| value.parse::<N>().ok().expect("a number"))
        });
        series.sum()
    }

    /// File descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        self.process.descriptors()
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        self.process.output()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }

    /// SIGTERM, and waits for its end, which must be a good one.
    pub(crate) fn stop(self) {
        self.stop_while(|| ());
    }

    /// The same; once it is told to stop, and before its end is waited for, something else happens.
    pub(crate) fn stop_while(mut self, meanwhile: impl FnOnce()) {
        self.process.tell_to_stop();
        meanwhile();
        let status = self.process.ended();
        assert!(status.success(), "an orderly stop ended with {status}");
    }
}

fn ledger(status: &Value) -> (String, Ledger) {
    let name = status["name"].as_str().expect("a name");
    let name = match status["value"].as_str() {
        Some(value) => format!("{name}[{value}]"),
        None => name.to_owned(),
    };
    let money = |field: &str| Money::of(status[field].as_str().expect(field));
    let ledger = Ledger {
        limit: money("limit"),
        spent: money("spent"),
        reserved: money("reserved"),
        uncertain: money("uncertain"),
        remaining: money("remaining"),
    };
    (name, ledger)
}
