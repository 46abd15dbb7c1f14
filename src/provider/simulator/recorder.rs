//! The last requests exactly as they arrived, for tests of what a gateway forwards.
//!
//! Bounded twice: in number, and in bytes of body held, because a test of large bodies must not fill the memory.

use super::held;
use super::json::{EMPTY, Json, object};
use base64::Engine as _;
use bytes::Bytes;
use http::request::Parts;
use std::collections::VecDeque;
use std::sync::Mutex;

/// Requests kept.
const REQUESTS: usize = 64;
/// Bytes of body kept over all of them; the newest is kept whatever its length.
const BYTES: usize = 128 << 20;

/// Keeps the last requests.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    kept: Mutex<VecDeque<(Parts, Bytes)>>,
}

impl Recorder {
    /// Keeps one more, and lets go of the oldest beyond the bounds.
    pub(super) fn keep(&self, head: &Parts, body: &Bytes) {
        let mut parts = http::Request::new(()).into_parts().0;
        parts.method = head.method.clone();
        parts.uri = head.uri.clone();
        parts.version = head.version;
        parts.headers = head.headers.clone();
        let mut kept = held(&self.kept);
        kept.push_back((parts, body.clone()));
        let mut bytes: usize = kept.iter().map(|(_, body)| body.len()).sum();
        while kept.len() > 1 && (kept.len() > REQUESTS || bytes > BYTES) {
            bytes -= kept.pop_front().map_or(0, |(_, body)| body.len());
        }
    }

    /// Forgets them.
    pub(super) fn clear(&self) {
        held(&self.kept).clear();
    }

    /// All of them, the oldest first.
    pub(super) fn report(&self) -> Json {
        let kept: Vec<(Parts, Bytes)> = held(&self.kept).iter().cloned().collect();
        if kept.is_empty() {
            return object! { "requests": EMPTY };
        }
        let requests: Vec<Json> = kept.iter().map(|(head, body)| one(head, body)).collect();
        object! { "requests": requests }
    }
}

fn one(head: &Parts, body: &Bytes) -> Json {
    let headers: Vec<[String; 2]> = head
        .headers
        .iter()
        .map(|(name, value)| {
            [
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            ]
        })
        .collect();
    object! {
        "method": head.method.as_str(),
        "path": head.uri.path_and_query().map_or("/", |path| path.as_str()),
        "version": format!("{:?}", head.version),
        "headers": headers,
        "body_base64": base64::engine::general_purpose::STANDARD.encode(body),
        "body": std::str::from_utf8(body).ok(),
    }
}
