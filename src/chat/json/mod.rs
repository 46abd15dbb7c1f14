//! A strict reader of JSON that pulls, validates and copies nothing.
//!
//! A gate and the provider behind it must read the same thing in the same bytes. Where RFC 8259 leaves room for two
//! readings (a key written twice, a lone surrogate, a byte order mark, endless numbers), this reader refuses, because a
//! policy that saw one `model` while the provider sees another governs nothing. It makes one pass: strings are crossed
//! by vector searches, nesting is counted and never recursed into, and keys are compared as they are met.
//!
//! Invariant: what [`Scanner`] accepts whole is valid UTF-8 and valid JSON, at most [`MAX_DEPTH`] deep, no object of it
//! holding one key twice. No input makes it panic.
//!
//! Not here: what the fields mean (`look`, `dialect`), building or writing of values.

mod keys;
mod lanes;
mod pieces;
mod rules;
mod scanner;
mod text;

pub use keys::{MAX_KEYS, MAX_OPEN_KEYS};
pub use pieces::{Part, Pieces};
pub use rules::{Lenient, Rules, Strict};
pub use scanner::{Items, Kind, MAX_DEPTH, MAX_DIGITS, Members, Scanner, Watch};
pub use text::{Text, escape_into, escaped, quote};

/// What is wrong with the bytes, and where. Never quotes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {at}")]
pub struct JsonError {
    /// What is wrong.
    pub fault: Fault,
    /// The offset of the first byte that is wrong.
    pub at: usize,
}

impl JsonError {
    #[cold]
    pub(crate) const fn new(fault: Fault, at: usize) -> Self {
        Self { fault, at }
    }

    /// The stable name of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.fault.code()
    }
}

/// The ways in which bytes fail to be the JSON we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes end inside a value.
    #[error("unexpected end")]
    UnexpectedEnd,
    /// A byte that cannot stand here.
    #[error("unexpected character")]
    UnexpectedByte,
    /// Something after the value.
    #[error("something after the end of the JSON value")]
    Trailing,
    /// Not UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// A byte order mark.
    #[error("byte order mark")]
    ByteOrderMark,
    /// A control character written raw inside a string.
    #[error("control character in a string")]
    Control,
    /// An escape JSON does not know.
    #[error("invalid escape")]
    Escape,
    /// Half of a surrogate pair.
    #[error("lone surrogate")]
    Surrogate,
    /// `\u0000`: what stands after it is lost on many readers.
    #[error("escaped NUL")]
    Nul,
    /// Not a number, or one with more digits than we take.
    #[error("malformed number, or one of more than 64 digits,")]
    Number,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nesting deeper than 128 levels")]
    Depth,
    /// One key twice in one object.
    #[error("duplicate key")]
    DuplicateKey,
    /// More keys than [`MAX_KEYS`] in one object, or [`MAX_OPEN_KEYS`] in it and those around it.
    #[error("too many keys in one object")]
    TooManyKeys,
    /// 4 GiB or more.
    #[error("body too long: it ends")]
    TooLong,
}

impl Fault {
    /// The stable name of the fault.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnexpectedEnd => "unexpected_end",
            Self::UnexpectedByte => "unexpected_character",
            Self::Trailing => "trailing_characters",
            Self::Utf8 => "invalid_utf8",
            Self::ByteOrderMark => "byte_order_mark",
            Self::Control => "control_character",
            Self::Escape => "invalid_escape",
            Self::Surrogate => "lone_surrogate",
            Self::Nul => "escaped_nul",
            Self::Number => "invalid_number",
            Self::Depth => "nesting_too_deep",
            Self::DuplicateKey => "duplicate_key",
            Self::TooManyKeys => "too_many_keys",
            Self::TooLong => "too_long",
        }
    }
}

#[cfg(test)]
mod tests;
