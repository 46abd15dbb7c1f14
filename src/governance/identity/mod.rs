//! Who comes: virtual keys, their labels, and the selectors that match them.

mod key;
mod label;

pub use key::{Digest, Key, KeyIndex, Keys, MAX_SECRET};
pub use label::{Caller, Label, Labels, Selector};
