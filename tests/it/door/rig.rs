//! A gateway at whose door a test can knock with any bytes, and the wire to do it with.

use crate::support::{Client, DEADLINE, Process, Response, until};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// The caller's key.
pub(crate) const KEY: &str = "tg-door-0123456789abcdef0123456789abcdef";

/// What the provider is called with.
pub(crate) const CREDENTIAL: &str = "sk-provider-fedcba9876543210fedcba9876543210";

/// A running gateway in a directory of its own.
pub(crate) struct Gate {
    pub(crate) process: Process,
    pub(crate) listen: Vec<String>,
    pub(crate) admin: SocketAddr,
    dir: TempDir,
}

impl Gate {
    /// A gateway in front of this provider. `settings` is the rest of the configuration; a section of the usual ones
    /// (`keys:`, `models:`, `providers:`, `listen:`) that it holds itself is left to it.
    pub(crate) fn before(upstream: SocketAddr, settings: &str) -> Self {
        Self::with(upstream, settings, &[])
    }

    /// The same, with flags.
    pub(crate) fn with(upstream: SocketAddr, settings: &str, flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        write_config(dir.path(), &config(upstream, settings));
        Self::start(dir, flags)
    }

    /// In a directory that holds a configuration already.
    pub(crate) fn start(dir: TempDir, flags: &[&str]) -> Self {
        let mut arguments = vec!["serve", "-c", "tollgate.yaml", "--log", "json"];
        arguments.extend_from_slice(flags);
        let mut process = Process::start(dir.path(), "gateway", &arguments);
        let (listen, admin) = process.says("where the gateway is", announced);
        let gate = Self {
            process,
            listen,
            admin,
            dir,
        };
        until("the gateway is ready", || {
            (gate.admin("/readyz").status == 200).then_some(())
        });
        gate
    }

    /// Its directory.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The address it listens at, where that is TCP.
    pub(crate) fn address(&self) -> SocketAddr {
        let address: SocketAddr = self.listen.first().expect("one").parse().expect("TCP");
        SocketAddr::from(([127, 0, 0, 1], address.port()))
    }

    /// Asks the admin port.
    pub(crate) fn admin(&self, path: &str) -> Response {
        Client::to(self.admin).get(path)
    }

    /// A connection to its door.
    pub(crate) fn wire(&self) -> Wire<TcpStream> {
        Wire::to(self.address())
    }

    /// One request on a connection of its own, and its answer.
    #[track_caller]
    pub(crate) fn ask(&self, request: &[u8]) -> Reply {
        let mut wire = self.wire();
        wire.send(request);
        wire.reply().expect("an answer")
    }

    /// A POST of JSON with the usual key, on a connection of its own.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Reply {
        self.ask(&post(path, &[], body))
    }

    /// Whether it still answers, which a gateway that met a bad request must.
    #[track_caller]
    pub(crate) fn is_well(&self) {
        let models = self.ask(&get("/v1/models"));
        assert_eq!(models.status, 200, "{models:?}");
    }

    /// Memory it holds, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kilobytes
            .and_then(|kb| kb.trim().parse::<u64>().ok())
            .expect("a size")
            * 1024
    }
}

/// A configuration with everything a test does not care about.
pub(crate) fn config(upstream: SocketAddr, settings: &str) -> String {
    let sections = [
        ("listen:", "listen: 127.0.0.1:0".to_owned()),
        ("admin_listen:", "admin_listen: 127.0.0.1:0".to_owned()),
        ("state_dir:", "state_dir: state".to_owned()),
        (
            "providers:",
            format!(
                "providers: {{ up: {{ kind: openai-compatible, base_url: \"http://{upstream}/v1\", credential: {CREDENTIAL} }} }}"
            ),
        ),
        ("keys:", format!("keys: [{{ name: dev, secret: {KEY} }}]")),
    ];
    let mut yaml = format!("{settings}\n");
    for (name, section) in sections {
        let given = settings.lines().any(|line| line.starts_with(name));
        if !given {
            yaml.push_str(&section);
            yaml.push('\n');
        }
    }
    yaml
}

/// Puts a configuration in place in one step, for its owner alone.
pub(crate) fn write_config(dir: &Path, yaml: &str) {
    let aside = dir.join("tollgate.yaml.new");
    std::fs::write(&aside, yaml).expect("a configuration");
    std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    std::fs::rename(&aside, dir.join("tollgate.yaml")).expect("its name");
}

fn announced(line: &str) -> Option<(Vec<String>, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["message"] != "answering calls" {
        return None;
    }
    let listen = line["listen"].as_str()?.split(", ").map(str::to_owned);
    Some((listen.collect(), line["admin"].as_str()?.parse().ok()?))
}

/// A POST with the usual key and its length.
pub(crate) fn post(path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let length = format!("content-length: {}", body.len());
    let mut lines = vec!["content-type: application/json", &length];
    lines.extend_from_slice(headers);
    [&head("POST", path, &lines)[..], body].concat()
}

/// A GET with the usual key.
pub(crate) fn get(path: &str) -> Vec<u8> {
    head("GET", path, &[])
}

/// A request's head with a good host and the usual key.
pub(crate) fn head(method: &str, path: &str, headers: &[&str]) -> Vec<u8> {
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n");
    for line in headers {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// The smallest chat request.
pub(crate) const CHAT: &[u8] =
    br#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":64}"#;

/// A connection, byte by byte.
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// A header's value; a header that comes twice is a fault of its own.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(of, _)| of == name);
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "`{name}` came twice: {self:?}");
        first
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts a refusal of this status in the shape OpenAI's clients read; returns its `error.code`.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        let body = self.json();
        let error = &body["error"];
        for member in ["message", "type"] {
            let text = error[member].as_str();
            assert!(
                text.is_some_and(|text| !text.is_empty()),
                "{member}: {body}"
            );
        }
        for member in ["param", "code"] {
            let value = error
                .get(member)
                .unwrap_or_else(|| panic!("{member}: {body}"));
            assert!(value.is_string() || value.is_null(), "{member}: {body}");
        }
        error["code"].as_str().unwrap_or_default().to_owned()
    }

    fn closes(&self) -> bool {
        let value = self.headers.iter().find(|(name, _)| name == "connection");
        value.is_some_and(|(_, value)| value.eq_ignore_ascii_case("close"))
    }
}

impl Wire<TcpStream> {
    /// A connection to this address.
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(DEADLINE)).expect("an option");
        stream.set_write_timeout(Some(DEADLINE)).expect("an option");
        Self::over(stream)
    }

    /// Waits at most this long for bytes.
    pub(crate) fn patience(&self, time: Duration) {
        self.stream.set_read_timeout(Some(time)).expect("an option");
    }
}

impl<S: Read + Write> Wire<S> {
    /// Over any stream of bytes.
    pub(crate) fn over(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Sends bytes as they are. A gateway may have hung up already: that shows in what comes back.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self
            .stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush());
    }

    /// Sends bytes and says whether they were taken.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// The next final answer; `None` if the connection closed without one. Interim answers (100) are skipped.
    #[track_caller]
    pub(crate) fn reply(&mut self) -> Option<Reply> {
        loop {
            let reply = self.any_reply()?;
            if reply.status >= 200 {
                return Some(reply);
            }
        }
    }

    /// The next answer, interim ones too.
    #[track_caller]
    pub(crate) fn any_reply(&mut self) -> Option<Reply> {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at;
            }
            if !self.fill() {
                assert!(
                    self.buffer.is_empty(),
                    "half a head: {:?}",
                    String::from_utf8_lossy(&self.buffer)
                );
                return None;
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        let mut reply = Reply {
            status: status.unwrap_or_else(|| panic!("no status: {head}")),
            headers: headers.collect(),
            body: Vec::new(),
        };
        if reply.status < 200 {
            return Some(reply);
        }
        if reply.header("transfer-encoding").is_some() {
            reply.body = self.chunks();
        } else if let Some(length) = reply.header("content-length") {
            let length = length.parse().expect("a length");
            reply.body = self.exactly(length);
        } else if reply.closes() {
            while self.fill() {}
            reply.body = std::mem::take(&mut self.buffer);
        }
        Some(reply)
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = find(&self.buffer, b"\r\n") {
                    break at;
                }
                assert!(self.fill(), "the body broke off after {body:?}");
            };
            let size = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
            let size = usize::from_str_radix(&size, 16).expect("the size of a chunk");
            self.buffer.drain(..end + 2);
            let chunk = self.exactly(size + 2);
            if size == 0 {
                return body;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.fill(), "{} of {length} bytes came", self.buffer.len());
        }
        self.buffer.drain(..length).collect()
    }

    /// Whether more came. A hanging gateway fails here.
    #[track_caller]
    fn fill(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => false,
            Ok(read) => {
                self.buffer.extend_from_slice(&piece[..read]);
                true
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                panic!("nothing came for too long")
            }
            Err(_) => false,
        }
    }

    /// Whether the other side hangs up without another word.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.fill()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
