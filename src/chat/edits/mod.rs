//! What governance changes in a body: a few splices, everything else as it came.
//!
//! An edit names a stretch of the caller's bytes and what stands there instead. The transport may send the pieces between
//! the edits straight from the caller's buffer ([`Edits::pieces`]); [`Edits::apply`] makes one new buffer.
//!
//! Invariant: edits are sorted and never overlap, and a body that was valid JSON with no key written twice still is.
//!
//! Not here: what is to be changed and why (`governance`, `pipeline`).

use std::ops::Range;

use smallvec::SmallVec;

use super::json::quote;
use super::{CapField, IncludeUsage, Instruction, Look, Preface, Settings, Span};

/// How the settings begin that are put where there were none.
const SETTINGS: &str = "\"generationConfig\":{";

/// One stretch, and the bytes that take its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    over: Span,
    put: SmallVec<[u8; 36]>,
}

/// The changes to one body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    edits: SmallVec<[Edit; 4]>,
}

/// A piece of the body as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// These of the caller's bytes.
    Keep(Range<usize>),
    /// These bytes of ours.
    Put(&'a [u8]),
}

impl Edits {
    /// No change.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the body goes out as it came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Asks the provider for another model than the caller named.
    pub fn rename_model(&mut self, look: &Look, name: &str) {
        let (places, before) = look.model_values();
        if places.is_empty() && look.implies_model() {
            self.add_member(look, "model", &quote(name));
            return;
        }
        if let [value] = places
            && before.is_empty()
        {
            self.replace(*value, quote(name).as_bytes());
            return;
        }
        let named = quote(&format!("{before}{name}"));
        for place in places {
            self.replace(*place, named.as_bytes());
        }
    }

    /// Sets the output cap: where the caller wrote one, or else as `otherwise`.
    pub fn set_cap(&mut self, look: &Look, otherwise: CapField, tokens: u64) {
        let mut digits = itoa::Buffer::new();
        let number = digits.format(tokens);
        if let Some(cap) = look.output_cap {
            self.replace(cap.value, number.as_bytes());
            if let Some(also) = cap.also {
                self.replace(also, number.as_bytes());
            }
        } else if let Some(null) = look.null_cap(otherwise) {
            self.replace(null, number.as_bytes());
        } else {
            self.put_setting(look, otherwise.name(), number);
        }
    }

    /// Has the stream end with its usage, whatever the caller wrote.
    pub fn include_usage(&mut self, look: &Look) {
        match look.include_usage {
            IncludeUsage::On => {}
            IncludeUsage::Off { value } => self.replace(value, b"true"),
            IncludeUsage::Null { value } => self.replace(value, br#"{"include_usage":true}"#),
            IncludeUsage::Insert { at, first } => {
                let member: &[u8] = if first {
                    br#""include_usage":true"#
                } else {
                    br#""include_usage":true,"#
                };
                self.replace(Span::new(at, at), member);
            }
            IncludeUsage::Absent => {
                self.add_member(look, "stream_options", r#"{"include_usage":true}"#);
            }
        }
    }

    /// Puts other text into a string, or a stretch of one without escapes: written as JSON has it, without quotes.
    pub fn put_text(&mut self, over: Span, text: &str) {
        let quoted = quote(text);
        let inside = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        self.replace(over, inside.as_bytes());
    }

    /// Puts other JSON where a value stands.
    pub fn put_value(&mut self, over: Span, json: &str) {
        self.replace(over, json.as_bytes());
    }

    /// Adds a setting of the answer that is not there, where the dialect has such settings.
    pub fn put_setting(&mut self, look: &Look, name: &str, json: &str) {
        let member = format!("\"{name}\":{json}");
        match look.settings {
            Settings::Outermost => self.add_member(look, name, json),
            Settings::Absent => {
                let end = Span::new(look.close, look.close);
                if !self.add_within(end, SETTINGS, &member) {
                    self.add_member(look, "generationConfig", &format!("{{{member}}}"));
                }
            }
            Settings::Null(null) => {
                if !self.add_within(null, "{", &member) {
                    self.replace(null, format!("{{{member}}}").as_bytes());
                }
            }
            Settings::Inside { at, first } => {
                let place = Span::new(at, at);
                let comma = match first {
                    false => format!("{member},"),
                    true if self.edits.iter().any(|edit| edit.over == place) => {
                        format!(",{member}")
                    }
                    true => member,
                };
                self.replace(place, comma.as_bytes());
            }
        }
    }

    /// Adds a member to an object that was put at this place before; false if there is none.
    fn add_within(&mut self, place: Span, begins: &str, member: &str) -> bool {
        let ours = self.edits.iter_mut().find(|edit| {
            let put = edit.put.strip_prefix(b",").unwrap_or(&edit.put);
            edit.over == place && put.starts_with(begins.as_bytes()) && put.ends_with(b"}")
        });
        let Some(ours) = ours else { return false };
        ours.put.pop();
        ours.put
            .extend_from_slice(format!(",{member}}}").as_bytes());
        true
    }

    /// Puts a text in front of all others, as the system's.
    pub fn put_preface(&mut self, look: &Look, preface: Preface, text: &str) {
        match preface {
            Preface::Message { at, alone } => {
                let comma = if alone { "" } else { "," };
                let message = format!(r#"{{"role":"system","content":{}}}{comma}"#, quote(text));
                self.replace(Span::new(at, at), message.as_bytes());
            }
            Preface::Block { at, alone } => {
                let comma = if alone { "" } else { "," };
                let block = format!(r#"{{"type":"text","text":{}}}{comma}"#, quote(text));
                self.replace(Span::new(at, at), block.as_bytes());
            }
            Preface::Into(system) => {
                let quoted = quote(text);
                let inside = quoted.get(1..quoted.len() - 1).unwrap_or_default();
                let start = system.span.start as usize;
                self.replace(
                    Span::new(start, start),
                    format!("{inside}\\n\\n").as_bytes(),
                );
            }
            Preface::Null(null) => self.replace(null, quote(text).as_bytes()),
            Preface::Instruction(place) => self.put_instruction(look, place, text),
            Preface::Member(name) => self.add_member(look, name, &quote(text)),
        }
    }

    /// The same where what the system says is an object with parts.
    fn put_instruction(&mut self, look: &Look, place: Instruction, text: &str) {
        let part = format!(r#"{{"text":{}}}"#, quote(text));
        let instruction = format!(r#"{{"parts":[{part}]}}"#);
        match place {
            Instruction::Absent => self.add_member(look, "systemInstruction", &instruction),
            Instruction::Null(null) => self.replace(null, instruction.as_bytes()),
            Instruction::NoParts { at, alone } => {
                let comma = if alone { "" } else { "," };
                let parts = format!(r#""parts":[{part}]{comma}"#);
                self.replace(Span::new(at, at), parts.as_bytes());
            }
            Instruction::NullParts(null) => {
                self.replace(null, format!("[{part}]").as_bytes());
            }
            Instruction::Part { at, alone } => {
                let comma = if alone { "" } else { "," };
                self.replace(Span::new(at, at), format!("{part}{comma}").as_bytes());
            }
            Instruction::Beside(only) => {
                let (start, end) = (only.range().start, only.range().end);
                self.replace(Span::new(start, start), format!("[{part},").as_bytes());
                self.replace(Span::new(end, end), b"]");
            }
        }
    }

    /// How much longer than what it replaces the new text is, in all; what gets shorter does not count.
    #[must_use]
    pub fn growth(&self) -> usize {
        self.edits
            .iter()
            .map(|edit| edit.put.len().saturating_sub(edit.over.range().len()))
            .sum()
    }

    /// How long `body` is once changed.
    #[must_use]
    pub fn length(&self, body: &[u8]) -> usize {
        self.pieces(body.len())
            .map(|piece| match piece {
                Piece::Keep(range) => range.len(),
                Piece::Put(bytes) => bytes.len(),
            })
            .sum()
    }

    /// The body, changed.
    #[must_use]
    pub fn apply(&self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.length(body));
        for piece in self.pieces(body.len()) {
            out.extend_from_slice(match piece {
                Piece::Keep(range) => body.get(range).unwrap_or_default(),
                Piece::Put(bytes) => bytes,
            });
        }
        out
    }

    /// The changed body of `length` bytes, piece by piece, in order; none of them empty.
    pub fn pieces(&self, length: usize) -> impl Iterator<Item = Piece<'_>> {
        let mut from = 0;
        let mut edits = self.edits.iter();
        let mut put: Option<&[u8]> = None;
        let mut ended = false;
        std::iter::from_fn(move || {
            loop {
                if let Some(bytes) = put.take().filter(|bytes| !bytes.is_empty()) {
                    return Some(Piece::Put(bytes));
                }
                if ended {
                    return None;
                }
                let keep = if let Some(edit) = edits.next() {
                    let over = edit.over.range();
                    put = Some(&edit.put);
                    from..std::mem::replace(&mut from, over.end).max(over.start)
                } else {
                    ended = true;
                    from..length
                };
                if !keep.is_empty() {
                    return Some(Piece::Keep(keep));
                }
            }
        })
    }

    /// A new last member of the outermost object.
    fn add_member(&mut self, look: &Look, name: &str, value: &str) {
        let at = Span::new(look.close, look.close);
        let alone = look.empty && !self.edits.iter().any(|edit| edit.over == at);
        let mut put = SmallVec::new();
        if !alone {
            put.push(b',');
        }
        put.push(b'"');
        put.extend_from_slice(name.as_bytes());
        put.extend_from_slice(b"\":");
        put.extend_from_slice(value.as_bytes());
        self.insert(Edit { over: at, put });
    }

    fn replace(&mut self, over: Span, put: &[u8]) {
        self.insert(Edit {
            over,
            put: SmallVec::from_slice(put),
        });
    }

    /// Behind those that stand before it or at the same place, what is put between bytes before what replaces some; the
    /// last word counts where two change the same stretch.
    fn insert(&mut self, edit: Edit) {
        let order = |edit: &Edit| (edit.over.start, edit.over.start != edit.over.end);
        let (key, is_insertion) = (order(&edit), edit.over.start == edit.over.end);
        // Edits come nearly in order: from the end, few are looked at.
        let mut place = self.edits.len();
        while let Some(other) = place.checked_sub(1).and_then(|at| self.edits.get_mut(at)) {
            if !is_insertion && other.over == edit.over {
                *other = edit;
                return;
            }
            if order(other) <= key {
                break;
            }
            place -= 1;
        }
        self.edits.insert(place, edit);
    }
}

#[cfg(test)]
mod tests;
