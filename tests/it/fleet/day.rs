//! A day with a panel, from the command line alone: somebody is invited, gateways are enrolled, calls are governed, more is asked
//! for and granted, policies are tried by some gateways, an agent is stopped, a provider's credential is changed, the panel's
//! machine is lost and made again from a backup. Every step is in the audit log, nothing is lost, and no secret is anywhere.

use super::{CHAT, PRICES, is_final};
use crate::support::{Client, Control, Gateway, Home, Money, Simulator, chat, run, until};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const ROOTS: &str = "correct horse canary";
const ANNS: &str = "a long canary password";
const FIRST: &str = "sk-canary-day-first-19c2";
const SECOND: &str = "sk-canary-day-second-77ab";
const POLICY: &str = "version: 1
scope: {}
rules:
  - { id: no-shell, effect: deny, match: { tools: [shell] }, message: \"Shell tools are off.\" }
tests:
  - { name: shell is refused, given: { tools: [shell] }, expect: { decision: deny, rule: no-shell } }
";

/// Somebody at a terminal of their own.
struct Person {
    home: PathBuf,
}

impl Person {
    fn new(folder: &Path, name: &str) -> Self {
        let home = folder.join(name);
        std::fs::create_dir_all(&home).expect("a home");
        Self { home }
    }

    fn asks(&self, typed: &str, arguments: &[&str]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(arguments)
            .current_dir(&self.home)
            .env("XDG_CONFIG_HOME", &self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tollgate runs");
        let mut input = child.stdin.take().expect("standard input");
        input.write_all(typed.as_bytes()).expect("typed");
        drop(input);
        child.wait_with_output().expect("it ends")
    }

    #[track_caller]
    fn types(&self, typed: &str, arguments: &[&str]) -> String {
        let output = self.asks(typed, arguments);
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {err}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// A command whose words have no blanks, unless they are joined by `~`.
    #[track_caller]
    fn does(&self, line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(|word| word.replace('~', " ")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.types("", &words)
    }

    #[track_caller]
    fn sees(&self, line: &str) -> Value {
        serde_json::from_str(&self.does(&format!("{line} --json"))).expect("JSON")
    }

    /// A command that is refused. What is said to that.
    #[track_caller]
    fn may_not(&self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let output = self.asks("", &words);
        assert!(!output.status.success(), "{line}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// Calls until it is told yes or no.
fn call(caller: &mut Client) -> (u16, Value) {
    asked(caller, &[])
}

fn asked(caller: &mut Client, more: &[(&str, Value)]) -> (u16, Value) {
    let more = [&[("max_tokens", json!(16))], more].concat();
    let body = chat("cents", "hello", &more);
    until("the gateway says yes or no", || {
        let answer = caller.post(CHAT, &body);
        (answer.status != 503).then(|| (answer.status, answer.json()))
    })
}

/// A call that offers a shell to the model.
fn with_shell(caller: &mut Client) -> u16 {
    let tool = json!([{ "type": "function", "function": { "name": "shell", "parameters": {} } }]);
    asked(caller, &[("tools", tool)]).0
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// A panel, two gateways, and people.
struct Day {
    simulator: Simulator,
    control: Control,
    folder: PathBuf,
    root: Person,
    ann: Person,
    homes: [Home; 2],
    secret: String,
}

impl Day {
    /// First start, an administrator, somebody invited, gateways, a key, a budget of two calls, a credential.
    fn begin() -> Self {
        let simulator = Simulator::start(PRICES);
        let (control, token) = Control::fresh("");
        let folder = control.path().to_owned();
        let (root, ann) = (Person::new(&folder, "root"), Person::new(&folder, "ann"));
        let (url, ca) = (format!("https://{}", control.address), control.ca());
        let at = ["login", &url, "--ca", ca.to_str().expect("a path")];
        let who = [
            "--setup",
            &token,
            "--email",
            "root@example.com",
            "--name",
            "Root",
        ];
        root.types(&format!("{ROOTS}\n"), &[&at[..], &who].concat());
        root.does("node new acme/red/atlas --parents");
        root.does("agent new acme/red/atlas/scout");
        let invited = root
            .sees("user invite ann@example.com --name Ann --role operator --scope acme/red/atlas");
        let by = ["--invitation", invited["token"].as_str().expect("a token")];
        ann.types(&format!("{ANNS}\n"), &[&at[..], &by].concat());
        let words = ann.may_not("gateway list");
        assert!(words.contains("(out_of_scope)"), "{words}");

        root.types(&format!("{FIRST}\n"), &["vault", "put", "sim-prod"]);
        let homes = ["edge-0", "edge-1"].map(|name| {
            let home = Home::new(&simulator, "").known_by("vault:sim-prod");
            home.configure(&root.does(&format!("gateway new {name}")));
            home
        });
        root.does("budget new acme/red/atlas --limit 0.20 --window 1d --soft 80");
        let made = ann.sees("key new nightly --panel --node acme/red/atlas/scout");
        let secret = text(&made["secret"]);
        Self {
            simulator,
            control,
            folder,
            root,
            ann,
            homes,
            secret,
        }
    }

    fn caller(&self, gateway: &Gateway) -> Client {
        Client::to(gateway.listen).with("authorization", &format!("Bearer {}", self.secret))
    }

    /// What the provider was shown last.
    fn shown(&self) -> String {
        let requests = self.simulator.requests();
        let headers = requests.last().expect("a request")["headers"].clone();
        let mut headers = headers.as_array().expect("headers").iter();
        let found = headers.find(|header| header[0] == "authorization");
        text(&found.expect("a credential")[1])
    }

    /// Who asks for more does not decide.
    fn more_is_asked_for_and_granted(&self, caller: &mut Client) {
        let (status, refusal) = call(caller);
        assert!(is_final(status, &refusal), "{refusal}");
        let said = text(&refusal["error"]["message"]);
        assert!(said.contains("acme/red/atlas"), "{said}");
        let asked = self
            .ann
            .sees("request new acme/red/atlas --amount 0.50 --reason the~night~runs");
        let id = text(&asked["id"]);
        self.ann
            .may_not(&format!("request approve {id} --reason fine"));
        self.root
            .does(&format!("request approve {id} --reason fine"));
        until("there is more", || (call(caller).0 == 200).then_some(()));
    }

    /// Some gateways try policies, then all run them.
    fn policies_are_tried_and_rolled_out(&self, callers: &mut [Client; 2]) {
        std::fs::create_dir(self.root.home.join("policies")).expect("a folder");
        std::fs::write(self.root.home.join("policies/org.yaml"), POLICY).expect("a policy");
        self.root
            .does("policy push policies --percent 50 --note no~shell");
        // Who is among them is the panel's to say; what they run, theirs.
        let tried = self.ran();
        for (caller, version) in callers.iter_mut().zip(tried) {
            if version == 1 {
                assert_eq!(with_shell(caller), 403);
            }
        }
        self.root.does("policy rollout 1");
        assert_eq!(self.ran(), [1, 1]);
        for caller in callers {
            assert_eq!(with_shell(caller), 403);
        }
    }

    /// Which policies the gateways run, once they run what they are to.
    fn ran(&self) -> [u64; 2] {
        until("gateways run what they are to", || {
            let gateways = self.root.sees("gateway list");
            let policies = [0, 1].map(|place| gateways[place]["policy"].clone());
            let wanted = policies.each_ref().map(|policy| policy["wanted"].as_u64());
            let running = policies.each_ref().map(|policy| policy["running"].as_u64());
            let wanted = wanted.map(Option::unwrap_or_default);
            (wanted == running.map(Option::unwrap_or_default)).then_some(wanted)
        })
    }

    fn the_agent_is_stopped_and_let_go(&self, caller: &mut Client) {
        let agent = "--agent acme/red/atlas/scout";
        self.ann
            .does(&format!("kill {agent} --reason it~loops --wait"));
        let (status, refusal) = call(caller);
        assert_eq!((status, &refusal["error"]["code"]), (403, &json!("killed")));
        self.ann.does(&format!("unkill {agent} --reason mended"));
        until("the agent may call", || {
            (call(caller).0 == 200).then_some(())
        });
    }

    fn the_credential_is_changed(&self, caller: &mut Client) {
        assert_eq!(self.shown(), format!("Bearer {FIRST}"));
        self.root
            .types(&format!("{SECOND}\n"), &["vault", "rotate", "sim-prod"]);
        let body = chat("tenth", "hello", &[("max_tokens", json!(16))]);
        until("calls go with the new one", || {
            let answer = caller.post(CHAT, &body);
            if answer.status == 503 {
                // Calls that come faster than the gateway is lent more are told to come again.
                assert_eq!(answer.json()["error"]["code"], "budget_unavailable");
                return None;
            }
            assert_eq!(answer.status, 200, "{}", answer.json());
            (self.shown() == format!("Bearer {SECOND}")).then_some(())
        });
    }

    /// The panel's disk is lost; what was spent since the backup is learned from the gateways and the provider's bill.
    fn the_panel_is_made_again(&mut self, callers: &mut [Client; 2]) {
        let state = ["--state-dir", "state"];
        run(
            &self.folder,
            &[&["panel", "backup", "kept"], &state[..]].concat(),
        );
        for caller in callers {
            assert_eq!(call(caller).0, 200);
        }
        self.control.kill();
        std::fs::rename(self.folder.join("state"), self.folder.join("lost")).expect("moved");
        run(
            &self.folder,
            &[&["panel", "restore", "kept"], &state[..]].concat(),
        );
        self.control.open();
        let words = self.root.may_not("budget list");
        assert!(
            words.contains("tollgate login"),
            "everybody is signed out: {words}"
        );
        let who = ["login", "--email", "root@example.com"];
        self.root.types(&format!("{ROOTS}\n"), &who);
        until("all gateways have told everything", || {
            let waits = self.root.sees("panel status");
            assert_eq!(waits["waiting"], true, "{waits}");
            (waits["unheard"] == json!([])).then_some(())
        });
        let bill = self.simulator.meter_at_rest().cost;
        self.root.does(&format!(
            "panel reopen --charged acme/red/atlas={bill} --none-enrolled-since --reason the~bill"
        ));
    }

    /// Nothing that anybody keeps or wrote has a secret in it.
    fn nothing_is_told(&self) {
        let homes = self.homes.iter().map(Home::path);
        for folder in homes.chain([self.folder.as_path()]) {
            for file in files(folder) {
                let bytes = std::fs::read(&file).expect("readable");
                for hidden in [&self.secret, "canary"] {
                    let found = memchr::memmem::find(&bytes, hidden.as_bytes());
                    assert!(found.is_none(), "a secret is in {}", file.display());
                }
            }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let below = entries.map(|entry| entry.path()).flat_map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    below.filter(|path| path.is_file()).collect()
}

/// No crash writes secrets to a file.
fn writes_no_core(process: u32) {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).expect("its limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<&str> = core.expect("a limit").split_whitespace().collect();
    assert_eq!(words[4], "0", "{words:?}");
}

#[test]
fn a_day_with_a_panel_loses_nothing_and_tells_no_secret() {
    let mut day = Day::begin();
    let gateways = day.homes.each_ref().map(Home::start);
    let mut callers = gateways.each_ref().map(|gateway| day.caller(gateway));
    for caller in &mut callers {
        assert_eq!(call(caller).0, 200);
    }
    day.more_is_asked_for_and_granted(&mut callers[0]);
    day.policies_are_tried_and_rolled_out(&mut callers);
    day.the_agent_is_stopped_and_let_go(&mut callers[1]);
    day.the_credential_is_changed(&mut callers[0]);
    for process in [gateways[0].id(), day.control.id()] {
        writes_no_core(process);
    }
    day.the_panel_is_made_again(&mut callers);

    // What is left is spent to the last call, and not beyond.
    until("the budget is used up", || {
        let (status, refusal) = call(&mut callers[1]);
        is_final(status, &refusal).then_some(())
    });
    gateways.into_iter().for_each(Gateway::stop);
    let charged = day.simulator.meter_at_rest().cost;
    let limits = Money::of("0.63")..=Money::of("0.70");
    assert!(limits.contains(&charged), "{charged}");
    until("all is told", || {
        let budget = day.root.sees("budget show acme/red/atlas");
        let money = |name: &str| Money::of(budget[name].as_str().expect(name));
        (money("held") == Money::default() && money("spent") == charged).then_some(())
    });

    let acts = day.root.sees("admin-audit list -n 500").to_string();
    for act in [
        "user.set_up",
        "user.invite",
        "node.make",
        "gateway.make",
        "gateway.enrol",
        "key.make",
        "budget.make",
        "credential.make",
        "request.ask",
        "request.approve",
        "bundle.upload",
        "bundle.rollout",
        "kill",
        "unkill",
        "credential.rotate",
        "restore.open",
    ] {
        assert!(acts.contains(&format!("\"{act}\"")), "{act} in {acts}");
    }
    day.root.does("admin-audit verify");
    day.control.stop();
    day.nothing_is_told();
}
