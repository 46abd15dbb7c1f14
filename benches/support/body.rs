//! What the callers send: chat requests of a stated size, written once and sent with nothing changed but their stamps.

use crate::upstream::HOLD;
use std::sync::atomic::{AtomicU32, Ordering};

/// What a request wants back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One JSON answer.
    Answer,
    /// A stream to its end.
    Stream,
    /// A stream that stops half-way and stays open.
    Held,
}

const PROSE: &str = "The clerk keeps the book open on the table and writes each promise into it before anything leaves the house. \
When the bill comes back the promise is struck out and the sum that was paid is written beside it; what was promised \
and not needed may be promised again to somebody else that same day. ";

/// Stands at the beginning of each turn. Letters, because digits are what guards look at more closely.
const STAMP: &str = "aaaaaaaa";

/// A chat request on the wire. What is sent twice the same is remembered by a gateway, and refused by one that looks for
/// loops: so turns carry a stamp, and those that are meant to be new get another one each time.
#[derive(Clone)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    /// Where the stamps of turns that are new each time stand.
    stamps: Vec<usize>,
}

impl Request {
    /// A request whose body is exactly `bytes` long: turns of about 2 KB between a user and an assistant.
    pub(crate) fn new(secret: &str, bytes: usize, kind: Kind) -> Self {
        let (body, stamps) = chat(bytes, kind);
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nuser-agent: bench\r\naccept: */*\r\n\
             authorization: Bearer {secret}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self {
            stamps: stamps.into_iter().map(|at| head.len() + at).collect(),
            bytes: [head.into_bytes(), body].concat(),
        }
    }

    /// The same, with only the last turn new: what a chat sends that has been going on for a while.
    pub(crate) fn with_history(mut self) -> Self {
        let turns = self.stamps.len();
        self.stamps.drain(..turns.saturating_sub(1));
        self
    }

    /// What goes over the wire, with stamps nobody has had.
    pub(crate) fn next(&mut self) -> &[u8] {
        static USED: AtomicU32 = AtomicU32::new(1);
        for at in &self.stamps {
            let number = USED.fetch_add(1, Ordering::Relaxed).to_le_bytes();
            let halves = number.map(|byte| [b'a' + (byte & 15), b'a' + (byte >> 4)]);
            if let Some(stamp) = self.bytes.get_mut(*at..at + STAMP.len()) {
                stamp.copy_from_slice(halves.as_flattened());
            }
        }
        &self.bytes
    }
}

/// The body, and where stamps stand in it.
fn chat(bytes: usize, kind: Kind) -> (Vec<u8>, Vec<usize>) {
    // What decides the answer comes first, because the upstream looks at the first bytes only.
    let mut text = String::from(r#"{"model":"gpt-4o-mini","#);
    if kind != Kind::Answer {
        text.push_str(r#""stream":true,"stream_options":{"include_usage":true},"#);
    }
    let user = if kind == Kind::Held { HOLD } else { "bench" };
    text.push_str(r#""user":""#);
    text.push_str(user);
    text.push_str(r#"","temperature":0.2,"max_tokens":256,"messages":[{"role":"system","content":"Answer briefly."}"#);
    let mut stamps = Vec::new();
    let mut prose = PROSE.chars().cycle();
    let mut role = "user";
    let end = "\"}";
    let close = "]}";
    while text.len() + close.len() < bytes {
        let start = format!(r#",{{"role":"{role}","content":"{STAMP} "#);
        let room = bytes.saturating_sub(text.len() + start.len() + end.len() + close.len());
        // The last turn takes what would be too little for another.
        let turn = if room < 4096 { room } else { 2048 };
        text.push_str(&start);
        stamps.push(text.len() - STAMP.len() - 1);
        text.extend(prose.by_ref().take(turn));
        text.push_str(end);
        role = if role == "user" { "assistant" } else { "user" };
    }
    text.push_str(close);
    (text.into_bytes(), stamps)
}
