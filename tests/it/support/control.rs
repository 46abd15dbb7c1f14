//! The real control panel as a process of its own, and an administrator who asks it things.

use super::DEADLINE;
use super::process::Process;
use reqwest::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A folder with a panel's books, and the panel while it runs.
pub(crate) struct Control {
    dir: TempDir,
    process: Option<Process>,
    pub(crate) address: SocketAddr,
    settings: String,
    /// Where it keeps its state: in its folder, or in another panel's.
    state: PathBuf,
}

/// Somebody who may ask the panel things.
#[derive(Clone)]
pub(crate) struct Admin {
    runtime: Arc<Runtime>,
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Control {
    /// A panel on a port of its own, with these settings besides, and the token that makes its first administrator.
    pub(crate) fn fresh(settings: &str) -> (Self, String) {
        let dir = tempfile::tempdir().expect("a directory");
        let mut control = Self {
            dir,
            process: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: settings.to_owned(),
            state: "state".into(),
        };
        let output = control.open();
        let token = output
            .split_whitespace()
            .skip_while(|word| *word != "--setup")
            .nth(1);
        let token = token.expect("a token for the first administrator");
        (control, token.to_owned())
    }

    /// The same with its first administrator.
    pub(crate) fn start(settings: &str) -> (Self, Admin) {
        let (control, token) = Self::fresh(settings);
        let mut admin = Admin::new(&control, "");
        let first = json!({
            "token": token,
            "email": "root@example.com", "name": "Root", "password": "correct horse battery",
        });
        let (status, opened) = admin.ask(Method::POST, "/api/v1/setup", Some(&first), &[]);
        assert_eq!(status, 201, "{opened}");
        opened["token"]
            .as_str()
            .expect("a token")
            .clone_into(&mut admin.token);
        (control, admin)
    }

    /// Another panel over the same books, with the same state, that stands by on a port of its own.
    pub(crate) fn beside(&self) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut other = Self {
            dir: tempfile::tempdir().expect("a directory"),
            process: None,
            address: free.local_addr().expect("its address"),
            settings: self.settings.clone(),
            state: self.path().join(&self.state),
        };
        drop(free);
        other.stand_by();
        other
    }

    /// Starts the panel while another one holds the bank.
    pub(crate) fn stand_by(&mut self) {
        let mut process = self.begin();
        process.says("that it stands by", |line| {
            line.contains("stands by").then_some(())
        });
        self.process = Some(process);
    }

    /// Waits until a panel that stood by has taken over.
    pub(crate) fn taken_over(&mut self) {
        let process = self.process.as_mut().expect("a panel that runs");
        process.says("where the panel is", |line| {
            line.strip_prefix("tollgate panel answers on https://")
                .map(|_| ())
        });
    }

    /// Its process, to do what a machine does to one.
    pub(crate) fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("a panel that runs")
    }

    fn begin(&self) -> Process {
        let settings = format!(
            "listen: {}\nstate_dir: {}\n{}\n",
            self.address,
            self.state.display(),
            self.settings
        );
        let file = self.path().join("panel.yaml");
        std::fs::write(&file, settings).expect("a configuration");
        // It may hold a password.
        let owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(file, owner).expect("for its owner alone");
        Process::start(self.path(), "panel", &["panel", "--log", "json"])
    }

    /// Starts the panel over its books, where it was before. What it printed.
    pub(crate) fn open(&mut self) -> String {
        let mut process = self.begin();
        self.address = process.says("where the panel is", |line| {
            line.strip_prefix("tollgate panel answers on https://")?
                .parse()
                .ok()
        });
        // The lines come in one piece: what stands behind the first is there with it.
        let output = process.output();
        self.process = Some(process);
        output
    }

    /// Stops it in order, and starts it where it was with other settings.
    pub(crate) fn change(&mut self, settings: &str) {
        self.stop();
        settings.clone_into(&mut self.settings);
        self.open();
    }

    /// Where its folder is.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The certificate of its authority.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path().join(&self.state).join("panel-ca.pem")
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// SIGTERM, and waits for its end, which must be a good one.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.tell_to_stop();
            let status = process.ended();
            assert!(status.success(), "an orderly stop ended with {status}");
        }
    }

    /// Its process, which runs.
    pub(crate) fn id(&self) -> u32 {
        self.process.as_ref().expect("a panel that runs").id()
    }

    /// What it printed and logged since it was started last.
    pub(crate) fn log(&self) -> String {
        self.process
            .as_ref()
            .map(Process::output)
            .unwrap_or_default()
    }

    /// `panel:` for a gateway in this folder, by a token of its own, reached at this address.
    pub(crate) fn invite(
        &self,
        admin: &Admin,
        name: &str,
        folder: &Path,
        at: SocketAddr,
    ) -> String {
        let made = admin.post("/api/v1/gateways", &json!({ "name": name }));
        let token = made["token"].as_str().expect("a token");
        std::fs::copy(self.ca(), folder.join("panel-ca.pem")).expect("the authority");
        format!("panel: {{ url: \"https://{at}\", token: \"{token}\", ca: file:panel-ca.pem }}\n")
    }
}

impl Admin {
    fn new(control: &Control, token: &str) -> Self {
        let ca = std::fs::read_to_string(control.ca()).expect("the authority");
        let client = reqwest::Client::builder()
            .use_preconfigured_tls(super::identity::trusting(&ca))
            .build();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self {
            runtime: Arc::new(runtime.expect("a runtime")),
            client: client.expect("a client"),
            base: format!("https://{}", control.address),
            token: token.to_owned(),
        }
    }

    /// The same by another address of the panel.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self {
            base: format!("https://{address}"),
            ..self.clone()
        }
    }

    /// The same with another token; none at all where it is empty.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// Where the panel is, as a person names it.
    pub(crate) fn url(&self) -> &str {
        &self.base
    }

    /// What is shown there.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Asks, and has an answer: the status, and what is in it.
    pub(crate) fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            let body = body.to_string();
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        self.runtime.block_on(async {
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            let bytes = answer.bytes().await.expect("a body");
            (
                status,
                serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            )
        })
    }

    /// Looks on while things happen.
    #[track_caller]
    pub(crate) fn watch(&self, path: &str) -> Watching {
        let request = self.client.get(format!("{}{path}", self.base));
        let request = request.bearer_auth(&self.token).send();
        let answer = self.runtime.block_on(request).expect("an answer");
        assert_eq!(answer.status(), 200);
        Watching {
            runtime: self.runtime.clone(),
            answer,
            text: String::new(),
        }
    }

    /// Reads.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, path, None, &[]);
        assert_eq!(status, 200, "GET {path}: {answer}");
        answer
    }

    /// Makes or does something.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(Method::POST, path, Some(body), &[]);
        assert!(
            (200..300).contains(&status),
            "POST {path}: {status} {answer}"
        );
        answer
    }

    /// Changes something, whatever version it has.
    #[track_caller]
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(Method::PATCH, path, Some(body), &[("if-match", "*")]);
        assert_eq!(status, 200, "PATCH {path}: {answer}");
        answer
    }

    /// A node below another.
    pub(crate) fn node(&self, kind: &str, name: &str, parent: Option<&str>) -> String {
        let node = json!({ "kind": kind, "name": name, "parent": parent });
        let node = self.post("/api/v1/nodes", &node);
        node["id"].as_str().expect("an id").to_owned()
    }

    /// A key at a node: its id and its secret.
    pub(crate) fn key(&self, node: &str, name: &str) -> (String, String) {
        let made = self.post("/api/v1/keys", &json!({ "node": node, "name": name }));
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&made["key"]["id"]), text(&made["secret"]))
    }

    /// A budget of a node that binds; its id.
    pub(crate) fn budget(&self, node: &str, limit: &str) -> String {
        let budget = json!({ "node": node, "window": "total", "limit": limit });
        let budget = self.post("/api/v1/budgets", &budget);
        budget["id"].as_str().expect("an id").to_owned()
    }
}

/// A stream of events that is read as it comes.
pub(crate) struct Watching {
    runtime: Arc<tokio::runtime::Runtime>,
    answer: reqwest::Response,
    text: String,
}

impl Watching {
    /// The next piece; false at the end.
    fn more(&mut self) -> bool {
        let next = async { tokio::time::timeout(DEADLINE, self.answer.chunk()).await };
        let piece = self.runtime.block_on(next);
        match piece.expect("something comes in time").expect("a stream") {
            Some(piece) => self
                .text
                .push_str(std::str::from_utf8(&piece).expect("text")),
            None => return false,
        }
        true
    }

    /// The data of the next event of this name.
    #[track_caller]
    pub(crate) fn hears(&mut self, name: &str) -> Value {
        loop {
            let Some((message, rest)) = self.text.split_once("\n\n") else {
                assert!(self.more(), "it ended before {name} came");
                continue;
            };
            let found = message.contains(&format!("event: {name}\n"));
            let data = message.rsplit("data: ").next().unwrap_or_default();
            let data = found.then(|| serde_json::from_str(data).expect("JSON"));
            self.text = rest.to_owned();
            if let Some(data) = data {
                return data;
            }
        }
    }

    /// Reads on to an orderly end.
    pub(crate) fn ends(mut self) {
        while self.more() {}
    }
}
