//! Somebody elsewhere: a small HTTP server that says what a test tells it to, and remembers what it was asked.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

/// What an address says to a request.
pub(super) enum Reply {
    Say(u16, &'static str),
    /// Never anything.
    Nothing,
}

pub(super) const ALLOW: Reply = Reply::Say(200, r#"{"action":"allow"}"#);
pub(super) const DENY: Reply = Reply::Say(200, r#"{"action":"deny","reason":"it names a client"}"#);

/// A small HTTP server that remembers what it was asked.
pub(super) struct Listener {
    pub(super) address: SocketAddr,
    pub(super) heard: Arc<Mutex<Vec<Heard>>>,
}

/// One request: its head as it came, its body.
#[derive(Clone)]
pub(super) struct Heard {
    pub(super) head: String,
    pub(super) body: Value,
}

impl Listener {
    pub(super) fn new(reply: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let (known, reply) = (heard.clone(), Arc::new(reply));
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (known, reply) = (known.clone(), reply.clone());
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    while let Some(heard) = next(&mut reader) {
                        known.lock().unwrap().push(heard.clone());
                        let Reply::Say(status, body) = reply(&heard.body) else {
                            continue;
                        };
                        let head = format!(
                            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nlocation: /elsewhere\r\n\r\n",
                            body.len()
                        );
                        let _ = reader
                            .get_mut()
                            .write_all(format!("{head}{body}").as_bytes());
                    }
                });
            }
        });
        Self { address, heard }
    }

    /// One that says nothing until it is let go, then this.
    pub(super) fn waiting(reply: fn() -> Reply) -> (Self, SyncSender<()>) {
        let (go, wait): (SyncSender<()>, Receiver<()>) = sync_channel(16);
        let wait = Mutex::new(wait);
        let listener = Self::new(move |_| {
            let _ = wait.lock().unwrap().recv();
            reply()
        });
        (listener, go)
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

/// The next request of a connection.
fn next(reader: &mut BufReader<TcpStream>) -> Option<Heard> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Heard {
        head,
        body: serde_json::from_slice(&body).ok()?,
    })
}
