//! Events as they come over the line: the text of a stream cut into messages, and what they say.

use crate::lease::directory::Event;
use serde::Deserialize;

/// No message is longer.
const MOST: usize = 1 << 20;

/// What the stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// From here on nothing is missed.
    Cursor(u64),
    /// More happened than is told: everything is to be asked for anew.
    Missed(u64),
    /// This happened; its number, where it has one.
    Event(Option<u64>, Event),
}

#[derive(Deserialize)]
struct Cursor {
    cursor: String,
}

/// A stream, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Feed {
    line: Vec<u8>,
    id: Option<u64>,
    kind: String,
    data: String,
}

/// A message that does not end.
#[derive(Debug, thiserror::Error)]
#[error("a message is longer than {MOST} bytes")]
pub(super) struct TooLong;

impl Feed {
    /// Takes the next bytes, and gives what they complete. What this version does not know is passed over.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<Heard>, TooLong> {
        let mut heard = Vec::new();
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                if self.line.len().saturating_add(self.data.len()) > MOST {
                    return Err(TooLong);
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                heard.extend(self.message());
            } else {
                self.field(line);
            }
        }
        Ok(heard)
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => self.id = value.parse().ok(),
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            _ => {}
        }
    }

    fn message(&mut self) -> Option<Heard> {
        let (id, kind) = (self.id.take(), std::mem::take(&mut self.kind));
        let data = std::mem::take(&mut self.data);
        match kind.as_str() {
            "cursor" => {
                let cursor: Cursor = serde_json::from_str(&data).ok()?;
                Some(Heard::Cursor(cursor.cursor.parse().ok()?))
            }
            "missed" => Some(Heard::Missed(id?)),
            _ => Some(Heard::Event(id, serde_json::from_str(&data).ok()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::protocol::LeafId;

    const STREAM: &str = "event: cursor\ndata: {\"cursor\":\"4\"}\n\n: still here\n\n\
        id: 5\r\nevent: kill\r\ndata: {\"kind\":\"kill\",\"leaves\":[\"3\"],\"abort_streams\":false}\r\n\r\n\
        id: 6\nevent: praise\ndata: {\"kind\":\"praise\"}\n\n\
        id: 9\nevent: missed\ndata: {}\n\n\
        id: 10\nevent: sync_now\ndata: {\"kind\":\"sync_now\"}\n\n";

    #[test]
    fn a_stream_says_the_same_however_it_is_cut() {
        let kill = Event::Kill {
            leaves: vec![LeafId(3)],
            abort_streams: false,
        };
        let expected = [
            Heard::Cursor(4),
            Heard::Event(Some(5), kill),
            Heard::Missed(9),
            Heard::Event(Some(10), Event::SyncNow),
        ];
        for size in [1, 7, STREAM.len()] {
            let mut feed = Feed::default();
            let mut heard = Vec::new();
            for piece in STREAM.as_bytes().chunks(size) {
                heard.extend(feed.take(piece).expect("short"));
            }
            assert_eq!(heard, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn a_message_without_end_is_not_gathered_for_ever() {
        let mut feed = Feed::default();
        let piece = vec![b'x'; 1 << 16];
        assert!((0..20).any(|_| feed.take(&piece).is_err()));
    }
}
