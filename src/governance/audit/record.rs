//! One decision as plain data, and how it is written.
//!
//! The request's thread only fills a [`Record`]: numbers, and shared text it already holds. All formatting happens later,
//! on the log's own thread, straight into a reused buffer. No prompt, answer, secret or address has a field here, so none
//! can be written by mistake; what a caller may choose freely (model, run, session) is bounded and escaped.

use super::ruled::Ruled;
use super::used::Used;
use crate::chat::{Endpoint, Usage};
use crate::clock::Wall;
use crate::governance::identity::{Key, Label};
use crate::ids::PassageId;
use crate::units::{Money, Tokens};
use std::sync::Arc;
use std::time::Duration;

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It went as it came.
    Allow,
    /// It went with a smaller output cap.
    Clamp,
    /// It was refused.
    Deny,
    /// It was let go and then failed.
    Error,
}

impl Verdict {
    /// Its name in metrics and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Clamp => "clamp",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }
}

/// Longest text of a caller's own that a record keeps, in bytes.
pub const KEPT_TEXT: usize = 128;

/// The part of `text` a record keeps: at most [`KEPT_TEXT`] bytes, cut between characters.
#[must_use]
pub fn bounded(text: &str) -> &str {
    let mut end = text.len().min(KEPT_TEXT);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

/// Who called, written out once per key: every record of the key shares it.
#[derive(Debug)]
pub struct Who {
    /// The virtual key's name; none where nobody was recognised.
    key: Option<Arc<str>>,
    /// Its labels as members of a JSON object, each followed by a comma.
    members: Box<[u8]>,
    /// Where the control panel counts what the key does; none where it does not know it.
    leaf: Option<u64>,
    /// Its calls that were let through, where somebody wants to know.
    used: Option<Arc<Used>>,
}

impl Who {
    /// The owner of a key.
    #[must_use]
    pub fn of(key: &Key) -> Self {
        let mut members = Vec::new();
        text_member(&mut members, "key", &key.name);
        for label in [
            Label::Org,
            Label::Team,
            Label::Project,
            Label::Agent,
            Label::User,
        ] {
            if let Some(value) = key.labels.single.get(&label) {
                text_member(&mut members, label.name(), value);
            }
        }
        Self {
            key: Some(Arc::from(&*key.name)),
            members: members.into(),
            leaf: key.leaf,
            used: None,
        }
    }

    /// Has its calls that are let through counted there.
    #[must_use]
    pub fn counted(self, used: Arc<Used>) -> Self {
        Self {
            used: Some(used),
            ..self
        }
    }

    /// Somebody without a key we know.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            key: None,
            members: Box::default(),
            leaf: None,
            used: None,
        }
    }

    /// The key's name.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Where the control panel counts what the key does; none where it does not know it.
    #[must_use]
    pub const fn leaf(&self) -> Option<u64> {
        self.leaf
    }

    /// A call of the key was let through, which came at this time.
    pub fn used(&self, at: Wall) {
        if let Some(used) = &self.used {
            used.count(at);
        }
    }
}

/// What was in force when the decision was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revisions {
    /// Of the configuration.
    pub config: Box<str>,
    /// Of the policies.
    pub policy: Box<str>,
    /// Of the price book.
    pub prices: Box<str>,
}

/// One decision, content-free.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its id; also the request's.
    pub id: PassageId,
    /// When the request came.
    pub at: Wall,
    /// Who called.
    pub who: Arc<Who>,
    /// `x-tollgate-run`, bounded.
    pub run: Option<Box<str>>,
    /// `x-tollgate-session`, bounded.
    pub session: Option<Box<str>>,
    /// Which call of the API; none where the path is not ours.
    pub endpoint: Option<Endpoint>,
    /// Whether a stream was asked for.
    pub streaming: bool,
    /// The model as the caller named it, bounded.
    pub model: Arc<str>,
    /// Who was called; none where nobody was.
    pub provider: Option<Arc<str>>,
    /// What was decided.
    pub verdict: Verdict,
    /// Why: a stable code.
    pub reason: &'static str,
    /// The budget, limit or rule that decided, where one did.
    pub scope: Option<Arc<str>>,
    /// The status the caller saw.
    pub status: u16,
    /// What was in force.
    pub revisions: Arc<Revisions>,
    /// What was used.
    pub usage: Usage,
    /// What was booked.
    pub cost: Money,
    /// What had been set aside.
    pub reserved: Money,
    /// Whether the usage is our own count, not the provider's.
    pub estimated: bool,
    /// How long the decision took.
    pub decide: Duration,
    /// How long until the first byte of the answer.
    pub first_byte: Option<Duration>,
    /// How long the passage took.
    pub total: Duration,
    /// What policies had to do with it; none where there are none.
    pub ruled: Option<Arc<Ruled>>,
}

/// Writes records; keeps what neighbouring lines have in common.
#[derive(Debug, Default)]
pub struct Pen {
    second: i64,
    date: String,
}

impl Pen {
    /// Appends the members of the record's JSON object, without the braces.
    pub fn write(&mut self, record: &Record, out: &mut Vec<u8>) {
        let mut number = itoa::Buffer::new();
        out.extend_from_slice(b"\"id\":\"");
        out.extend_from_slice(record.id.decision().as_str().as_bytes());
        out.extend_from_slice(b"\",\"at\":\"");
        self.time(record.at, out);
        out.extend_from_slice(b"\",");
        out.extend_from_slice(&record.who.members);
        for (name, text) in [("run", &record.run), ("session", &record.session)] {
            if let Some(text) = text {
                text_member(out, name, bounded(text));
            }
        }
        if let Some(endpoint) = record.endpoint {
            plain_member(out, "endpoint", endpoint.operation());
        }
        if record.streaming {
            out.extend_from_slice(b"\"stream\":true,");
        }
        if !record.model.is_empty() {
            text_member(out, "model", bounded(&record.model));
        }
        if let Some(provider) = &record.provider {
            text_member(out, "provider", provider);
        }
        plain_member(out, "verdict", record.verdict.name());
        plain_member(out, "reason", record.reason);
        if let Some(scope) = &record.scope {
            text_member(out, "scope", scope);
        }
        usage(out, &record.usage);
        if record.estimated {
            out.extend_from_slice(b"\"estimated\":true,");
        }
        money_member(out, "cost", record.cost);
        money_member(out, "reserved", record.reserved);
        micros_member(out, "decide_us", record.decide);
        if let Some(first) = record.first_byte {
            micros_member(out, "first_byte_us", first);
        }
        micros_member(out, "total_us", record.total);
        for (name, revision) in [
            ("config", &record.revisions.config),
            ("policy", &record.revisions.policy),
            ("prices", &record.revisions.prices),
        ] {
            if !revision.is_empty() {
                text_member(out, name, revision);
            }
        }
        if let Some(ruled) = &record.ruled {
            name_of_member(out, "ruled");
            let start = out.len();
            // Texts and numbers always write, and a `Vec` takes them: there is no error to lose.
            if serde_json::to_writer(&mut *out, &**ruled).is_err() {
                out.truncate(start);
            }
            keep_to_line(out, start);
            out.push(b',');
        }
        out.extend_from_slice(b"\"status\":");
        out.extend_from_slice(number.format(record.status).as_bytes());
    }

    /// UTC with microseconds; the calendar is asked once a second.
    pub(super) fn time(&mut self, at: Wall, out: &mut Vec<u8>) {
        let second = at.secs();
        if self.date.is_empty() || self.second != second {
            self.second = second;
            self.date = jiff::Timestamp::from_second(second).map_or_else(
                |_| "9999-12-31T23:59:59".to_owned(),
                |time| time.to_string().trim_end_matches('Z').to_owned(),
            );
        }
        out.extend_from_slice(self.date.as_bytes());
        let mut digits = *b".000000Z";
        let mut rest = at.nanos().rem_euclid(1_000_000_000).div_euclid(1_000);
        for digit in digits.iter_mut().skip(1).take(6).rev() {
            *digit = b'0'.saturating_add(u8::try_from(rest.rem_euclid(10)).unwrap_or(0));
            rest = rest.div_euclid(10);
        }
        out.extend_from_slice(&digits);
    }
}

fn usage(out: &mut Vec<u8>, usage: &Usage) {
    let mut number = itoa::Buffer::new();
    let Usage {
        input,
        cached_input,
        cache_write,
        cache_write_1h,
        audio_input,
        output,
        reasoning,
        audio_output,
        images,
        searches,
        characters,
    } = *usage;
    for (name, tokens, always) in [
        ("input", input, true),
        ("cached_input", cached_input, false),
        ("cache_write", cache_write, false),
        ("cache_write_1h", cache_write_1h, false),
        ("audio_input", audio_input, false),
        ("output", output, true),
        ("reasoning", reasoning, false),
        ("audio_output", audio_output, false),
        ("images", Tokens(images), false),
        ("searches", Tokens(searches), false),
        ("characters", Tokens(characters), false),
    ] {
        if always || tokens != Tokens::ZERO {
            name_of_member(out, name);
            out.extend_from_slice(number.format(tokens.0).as_bytes());
            out.push(b',');
        }
    }
}

fn name_of_member(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// A member whose text is ours and needs no escapes.
fn plain_member(out: &mut Vec<u8>, name: &str, text: &str) {
    name_of_member(out, name);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\",");
}

fn text_member(out: &mut Vec<u8>, name: &str, text: &str) {
    name_of_member(out, name);
    out.push(b'"');
    escape(out, text);
    out.extend_from_slice(b"\",");
}

/// Escapes what could still break a line in JSON as serde wrote it, from `start` on. There is seldom anything: then it stays
/// where it was written.
fn keep_to_line(out: &mut Vec<u8>, start: usize) {
    let written = out.get(start..).unwrap_or_default();
    if written.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return;
    }
    let written = out.split_off(start);
    let json = String::from_utf8_lossy(&written);
    let mut encoded = [0; 4];
    for character in json.chars() {
        match character {
            '\u{2028}' | '\u{2029}' => unicode_escape(out, character),
            control if control.is_control() => unicode_escape(out, control),
            other => out.extend_from_slice(other.encode_utf8(&mut encoded).as_bytes()),
        }
    }
}

fn money_member(out: &mut Vec<u8>, name: &str, money: Money) {
    name_of_member(out, name);
    out.push(b'"');
    // A `Vec` takes whatever is written: there is no error to lose.
    let _ = money.write(&mut Ascii(out));
    out.extend_from_slice(b"\",");
}

fn micros_member(out: &mut Vec<u8>, name: &str, time: Duration) {
    name_of_member(out, name);
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    out.extend_from_slice(itoa::Buffer::new().format(micros).as_bytes());
    out.push(b',');
}

struct Ascii<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Ascii<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Escapes for JSON, and every control character besides (C1 and the two line separators included): one line stays one
/// line in whatever reads it.
fn escape(out: &mut Vec<u8>, text: &str) {
    if text
        .bytes()
        .all(|b| matches!(b, 0x20..=0x7e) && b != b'"' && b != b'\\')
    {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let mut encoded = [0; 4];
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\u{2028}' | '\u{2029}' => unicode_escape(out, character),
            control if control.is_control() => unicode_escape(out, control),
            other => out.extend_from_slice(other.encode_utf8(&mut encoded).as_bytes()),
        }
    }
}

/// `\u` and four digits: every character escaped here is below U+10000.
fn unicode_escape(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(b"\\u");
    for shift in [12_u32, 8, 4, 0] {
        let nibble = u32::from(character).wrapping_shr(shift) & 0xf;
        let digit = char::from_digit(nibble, 16).unwrap_or('0');
        out.push(u8::try_from(digit).unwrap_or(b'0'));
    }
}
