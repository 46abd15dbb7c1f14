//! What the callers send: chat requests of a stated size, written once and sent as they are.

use crate::upstream::HOLD;

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

/// A chat request of exactly `bytes` bytes: turns of about 2 KB between a user and an assistant.
pub(crate) fn chat(bytes: usize, kind: Kind) -> Vec<u8> {
    // What decides the answer comes first, because the upstream looks at the first bytes only.
    let mut text = String::from(r#"{"model":"gpt-4o-mini","#);
    if kind != Kind::Answer {
        text.push_str(r#""stream":true,"stream_options":{"include_usage":true},"#);
    }
    let user = if kind == Kind::Held { HOLD } else { "bench" };
    text.push_str(r#""user":""#);
    text.push_str(user);
    text.push_str(r#"","temperature":0.2,"max_tokens":256,"messages":[{"role":"system","content":"Answer briefly."}"#);
    let mut prose = PROSE.chars().cycle();
    let mut role = "user";
    let end = "\"}";
    let close = "]}";
    while text.len() + close.len() < bytes {
        let start = format!(r#",{{"role":"{role}","content":""#);
        let room = bytes.saturating_sub(text.len() + start.len() + end.len() + close.len());
        // The last turn takes what would be too little for another.
        let turn = if room < 4096 { room } else { 2048 };
        text.push_str(&start);
        text.extend(prose.by_ref().take(turn));
        text.push_str(end);
        role = if role == "user" { "assistant" } else { "user" };
    }
    text.push_str(close);
    text.into_bytes()
}

/// The whole request as it goes over the wire.
pub(crate) fn request(secret: &str, bytes: usize, kind: Kind) -> Vec<u8> {
    let body = chat(bytes, kind);
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nuser-agent: bench\r\naccept: */*\r\n\
         authorization: Bearer {secret}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}
