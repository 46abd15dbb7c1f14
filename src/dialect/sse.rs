//! Where one server-sent event ends and the next begins, however the bytes were cut.
//!
//! An event ends with a blank line; a line ends with LF, CRLF or CR. After a CR the next byte decides whether it was half
//! of a CRLF, so a blank line that ends in CR is only over once that byte is there: the same bytes make the same events
//! wherever a read happened to stop.
//!
//! Not here: what an event says (`openai`, `anthropic`).

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use std::borrow::Cow;

/// What is known at the end of the bytes seen so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// At the beginning of a line.
    #[default]
    LineStart,
    /// Inside a line.
    MidLine,
    /// At the beginning of a line, or before the LF of the CRLF that ended the last one.
    AfterCr,
    /// A blank line ended with CR, or will with the LF to come.
    AfterBlankCr,
}

/// The length of what still belongs to the event that `bytes` continue from `place`, if it ends within them.
#[inline]
pub(super) fn event_end(bytes: &[u8], place: &mut Place) -> Option<usize> {
    let first_is_lf = match bytes.first() {
        None => return None,
        Some(byte) => *byte == b'\n',
    };
    let mut at = match *place {
        Place::AfterBlankCr => {
            *place = Place::LineStart;
            return Some(usize::from(first_is_lf));
        }
        Place::AfterCr => usize::from(first_is_lf),
        Place::MidLine => line_end(bytes, 0, place)?,
        Place::LineStart => 0,
    };
    *place = Place::LineStart;
    loop {
        match bytes.get(at) {
            None => return None,
            Some(b'\n') => return Some(at + 1),
            Some(b'\r') => match bytes.get(at + 1) {
                None => {
                    *place = Place::AfterBlankCr;
                    return None;
                }
                Some(next) => return Some(at + 1 + usize::from(*next == b'\n')),
            },
            Some(_) => at = line_end(bytes, at, place)?,
        }
    }
}

/// The offset behind the line that holds `at`, or `None` with the place remembered.
#[inline]
fn line_end(bytes: &[u8], at: usize, place: &mut Place) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let Some(inside) = memchr::memchr2(b'\n', b'\r', rest) else {
        *place = Place::MidLine;
        return None;
    };
    let end = at + inside;
    *place = Place::LineStart;
    if bytes.get(end) == Some(&b'\n') {
        return Some(end + 1);
    }
    match bytes.get(end + 1) {
        Some(b'\n') => Some(end + 2),
        Some(_) => Some(end + 1),
        None => {
            *place = Place::AfterCr;
            None
        }
    }
}

/// Puts events together that came in pieces, for those who need them whole.
#[derive(Debug, Default)]
pub struct Frames {
    place: Place,
    partial: BytesMut,
}

impl Frames {
    /// Takes the next bytes and hands out every event that is whole, its blank line included. One that lies whole in
    /// `bytes` is not copied.
    pub fn split(&mut self, bytes: &Bytes, event: &mut impl FnMut(Bytes)) {
        let mut at = 0;
        while let Some(length) = event_end(bytes.get(at..).unwrap_or_default(), &mut self.place) {
            let whole = bytes.slice(at..at + length);
            at += length;
            if self.partial.is_empty() {
                event(whole);
            } else {
                self.partial.extend_from_slice(&whole);
                event(self.partial.split().freeze());
            }
        }
        self.partial
            .extend_from_slice(bytes.get(at..).unwrap_or_default());
    }

    /// The beginning of an event whose blank line never came.
    pub fn rest(&mut self) -> Option<Bytes> {
        self.place = Place::default();
        (!self.partial.is_empty()).then(|| self.partial.split().freeze())
    }

    /// How many bytes of an unfinished event are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.partial.len()
    }
}

/// The payload of an event: its `data` lines, joined where there are several. `None` where there is none.
#[must_use]
pub fn payload(event: &Bytes) -> Option<Bytes> {
    Some(match data(event)? {
        Cow::Borrowed(data) => event.slice_ref(data),
        Cow::Owned(joined) => joined.into(),
    })
}

/// The payload of an event: its `data` lines. Borrowed where there is one such line, as there nearly always is.
pub(super) fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut found: Option<Cow<'_, [u8]>> = None;
    let mut rest = event;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let Some(value) = line.strip_prefix(b"data") else {
            continue;
        };
        let value = match value {
            [b':', b' ', value @ ..] | [b':', value @ ..] => value,
            [] => value,
            _ => continue,
        };
        match &mut found {
            None => found = Some(Cow::Borrowed(value)),
            Some(lines) => {
                let lines = lines.to_mut();
                lines.push(b'\n');
                lines.extend_from_slice(value);
            }
        }
    }
    found
}

/// Where the last event of these bytes begins; they hold whole events.
#[must_use]
pub fn last_event(bytes: &[u8]) -> usize {
    let body = bytes.trim_ascii_end();
    let after = |blank: &[u8]| {
        memchr::memmem::rfind(body, blank).map_or(0, |at| at.saturating_add(blank.len()))
    };
    after(b"\n\n").max(after(b"\r\n\r\n"))
}

/// One event: its name where the dialect names events, and its payload on one line.
pub(super) fn write_event(out: &mut Vec<u8>, name: Option<&str>, payload: &Value) {
    write_named(out, name, &payload.to_string());
}

/// The same for a payload that is written already, on one line.
pub(super) fn write_named(out: &mut Vec<u8>, name: Option<&str>, payload: &str) {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(payload.as_bytes());
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::{Frames, Place, event_end, payload};
    use bytes::Bytes;
    use proptest::prelude::*;

    #[test]
    fn events_are_whole_however_they_came() {
        let stream = "data: {}\n\n: note\n\nevent: a\ndata: 1\ndata: 2\n\nrest";
        for size in 1..=stream.len() {
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for chunk in stream.as_bytes().chunks(size) {
                frames.split(&Bytes::copy_from_slice(chunk), &mut |event| {
                    found.push(event);
                });
            }
            found.extend(frames.rest());
            let data: Vec<Option<Bytes>> = found.iter().map(payload).collect();
            assert_eq!(
                data,
                [Some("{}".into()), None, Some("1\n2".into()), None],
                "by {size}"
            );
            assert_eq!(found.concat(), stream.as_bytes());
        }
    }

    /// The events of `stream` when it arrives in pieces of `size`.
    fn events(stream: &str, size: usize) -> Vec<String> {
        let mut place = Place::default();
        let mut found = vec![String::new()];
        for chunk in stream.as_bytes().chunks(size) {
            let mut rest = chunk;
            while let Some(end) = event_end(rest, &mut place) {
                let (inside, after) = rest.split_at(end);
                found
                    .last_mut()
                    .expect("one")
                    .push_str(std::str::from_utf8(inside).expect("ASCII"));
                found.push(String::new());
                rest = after;
            }
            found
                .last_mut()
                .expect("one")
                .push_str(std::str::from_utf8(rest).expect("ASCII"));
        }
        found
    }

    #[test]
    fn events_end_with_a_blank_line_however_lines_end_and_reads_stop() {
        let cases: [(&str, &[&str]); 7] = [
            (
                "data: 1\n\ndata: 2\n\n",
                &["data: 1\n\n", "data: 2\n\n", ""],
            ),
            (
                "data: 1\r\n\r\ndata: 2\r\n\r\nx",
                &["data: 1\r\n\r\n", "data: 2\r\n\r\n", "x"],
            ),
            (
                "data: 1\r\rdata: 2\r\rx",
                &["data: 1\r\r", "data: 2\r\r", "x"],
            ),
            (
                "a\r\n\na\n\r\na\n\rb",
                &["a\r\n\n", "a\n\r\n", "a\n\r", "b"],
            ),
            (
                "event: e\ndata: 1\n\n: note\n\n",
                &["event: e\ndata: 1\n\n", ": note\n\n", ""],
            ),
            ("a\n\n\n\nb", &["a\n\n", "\n", "\n", "b"]),
            ("unfinished\n", &["unfinished\n"]),
        ];
        for (stream, expected) in cases {
            for size in 1..=stream.len() {
                assert_eq!(events(stream, size), expected, "{stream:?} by {size}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_lost_or_read_differently_for_how_they_were_cut(
            pieces in prop::collection::vec(prop_oneof![
                Just(&b"data: {\"a\":1}\n\n"[..]), Just(&b"data:"[..]), Just(&b"\n"[..]), Just(&b"\r"[..]), Just(&b"\r\n\r\n"[..]),
                Just(&b": note"[..]), Just(&b"event: x\n"[..]), Just(&b"\xff\x00"[..]), Just(&b"data"[..]), Just(&b"\n\n"[..]),
            ], 0..24),
            size in 1_usize..40,
        ) {
            let stream: Vec<u8> = pieces.concat();
            let split = |size: usize| {
                let mut frames = Frames::default();
                let mut found = Vec::new();
                for chunk in stream.chunks(size) {
                    frames.split(&Bytes::copy_from_slice(chunk), &mut |event| found.push(event));
                }
                found.extend(frames.rest());
                found
            };
            let found = split(size);
            prop_assert_eq!(found.concat(), stream.clone());
            let whole = split(stream.len().max(1));
            prop_assert_eq!(&found, &whole);
            for event in &found {
                let _ = payload(event);
            }
        }
    }
}
