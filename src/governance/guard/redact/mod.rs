//! Taking values out of texts, and putting them back into answers.
//!
//! Reversible: a value becomes a placeholder, `TG_EMAIL_K7Q2M4XA`, on its way to the provider, and the placeholder becomes
//! the value again in the answer and in the arguments of tool calls. The map between them lives as long as one request.
//! One-way: a mask, a keyed hash, a label, or nothing; what the other end then sends back stays as it is.
//!
//! Invariants: only a name this request gave out is ever restored, to exactly the bytes that stood there; a secret is never
//! replaced reversibly; a value is not put into a URL that could carry it to a host nobody allowed.
//!
//! Redacting what was redacted one-way changes nothing, also where values were glued to each other: the scanner sees one
//! sign in the place of whatever is written here, and in the place of a value it found. A placeholder in a text to redact is
//! somebody's literal text, even if it looks like ours, and is replaced by a name of its own, but nothing else is: restoring
//! twice undoes redacting twice, and the name stays the same in every turn.
//!
//! Not here: finding values (`scanner`, `detectors`), which action a policy wants (`policy`).

mod key;
mod mapping;
mod marks;
mod one_way;
mod restore;
mod text;
mod types;
mod urls;

pub use key::{ScopeKey, ScopeKeys};
pub use mapping::Mapping;
pub(in crate::governance::guard) use marks::{BESIDE, Next, says_something};
pub use one_way::{Beside, replacement};
pub(in crate::governance::guard) use one_way::{may_show_end, stands_alone};
pub use restore::{Escaping, Hosts, Restorer, restore};
pub use text::{Redacted, redact};
pub use types::Types;

/// What is put in a value's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// A placeholder that becomes the value again in the answer.
    Replace,
    /// Stars, and the last four of a card, an account or a telephone number.
    Mask,
    /// A keyed digest: equal values can be told, the value cannot.
    Hash,
    /// Its kind, in brackets.
    Label,
    /// Nothing; `[…]` behind other text, so that what stood before and behind it is not read as one.
    Drop,
}

/// What the model is told where placeholders are used, once, as a short system text.
pub const NOTE: &str = "Some values in this conversation are replaced by names such as TG_EMAIL_K7Q2M4XA. \
Each name stands for one value. Use a name wherever you would use its value, and copy it exactly as it is written.";

#[cfg(test)]
mod tests;
