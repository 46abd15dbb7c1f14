//! A provider of the tests' own: it keeps every request exactly as it came and answers with exactly the bytes it was given.
//!
//! It cuts its answers where a test wants them cut: each piece is a chunk of HTTP, so a reader sees the same cuts every
//! time and nobody has to wait between two writes.

use crate::support::DEADLINE;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrived {
    /// `POST /v1/chat/completions HTTP/1.1`.
    pub(crate) line: String,
    /// The headers in their order, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, out of its framing.
    pub(crate) body: Vec<u8>,
}

impl Arrived {
    /// A header's value; a header that came twice is a fault of its own.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(of, _)| of == name);
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "`{name}` came twice");
        first
    }

    /// All of it as text, for searching.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.line);
        for (name, value) in &self.headers {
            let _ = writeln!(text, "{name}: {value}");
        }
        text.push_str(&String::from_utf8_lossy(&self.body));
        text
    }
}

/// What is sent back: the bytes of a whole response.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    bytes: Vec<u8>,
    /// Whether the connection is closed behind it.
    close: bool,
}

impl Scripted {
    /// A status, headers as lines, and a body with its length.
    pub(crate) fn whole(status: &str, headers: &[&str], body: &[u8]) -> Self {
        let mut bytes = head(status, headers);
        bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
        Self {
            bytes,
            close: false,
        }
    }

    /// A status, headers as lines, and a body in these pieces.
    pub(crate) fn pieces<'a>(
        status: &str,
        headers: &[&str],
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let mut bytes = head(status, headers);
        bytes.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
        for piece in pieces {
            if !piece.is_empty() {
                bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                bytes.extend_from_slice(piece);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        Self {
            bytes,
            close: false,
        }
    }

    /// JSON, as most answers are.
    pub(crate) fn json(body: &[u8]) -> Self {
        Self::whole("200 OK", &["content-type: application/json"], body)
    }

    /// A stream of events in these pieces.
    pub(crate) fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::pieces("200 OK", &["content-type: text/event-stream"], pieces)
    }

    /// These bytes and nothing else, and then the connection closes.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            close: true,
        }
    }
}

fn head(status: &str, headers: &[&str]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for line in headers {
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The provider.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Mutex<Scripted>,
    arrived: Mutex<Vec<Arrived>>,
}

impl Upstream {
    /// One that answers every request with this until it is told otherwise.
    pub(crate) fn answering(answer: Scripted) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            answer: Mutex::new(answer),
            arrived: Mutex::default(),
        });
        let serving = shared.clone();
        // It ends with the test's process; nobody waits for it.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = serving.clone();
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// One whose answers nobody reads.
    pub(crate) fn new() -> Self {
        Self::answering(Scripted::json(br#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#))
    }

    /// From now on it answers with this.
    pub(crate) fn answers(&self, answer: Scripted) {
        *lock(&self.shared.answer) = answer;
    }

    /// Every request so far, taken out of its memory.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        std::mem::take(&mut *lock(&self.shared.arrived))
    }

    /// The one request since the last look.
    #[track_caller]
    pub(crate) fn the_request(&self) -> Arrived {
        let mut arrived = self.arrived();
        assert_eq!(arrived.len(), 1, "one request goes up: {arrived:?}");
        arrived.remove(0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(2 * DEADLINE));
    let mut reader = BufReader::new(stream);
    while let Some(arrived) = request(&mut reader) {
        lock(&shared.arrived).push(arrived);
        let answer = lock(&shared.answer).clone();
        let mut to = stream;
        if to.write_all(&answer.bytes).is_err() || answer.close {
            return;
        }
    }
}

fn request(reader: &mut BufReader<&TcpStream>) -> Option<Arrived> {
    let mut arrived = Arrived {
        line: line(reader)?,
        ..Arrived::default()
    };
    loop {
        let line = line(reader)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        arrived
            .headers
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = arrived.header("content-length").map(str::to_owned);
    if let Some(length) = length {
        arrived.body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut arrived.body).ok()?;
    } else if arrived.header("transfer-encoding").is_some() {
        loop {
            let size = usize::from_str_radix(&line(reader)?, 16).ok()?;
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk).ok()?;
            line(reader)?;
            if size == 0 {
                break;
            }
            arrived.body.extend_from_slice(&chunk);
        }
    }
    Some(arrived)
}

fn line(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    let read = reader.read_until(b'\n', &mut line).ok()?;
    (read > 0).then(|| {
        String::from_utf8_lossy(&line)
            .trim_end_matches(['\r', '\n'])
            .to_owned()
    })
}
