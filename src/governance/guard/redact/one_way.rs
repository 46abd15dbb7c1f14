//! What stands for a value where nothing leads back: stars, a digest, a label.
//!
//! A mask has eight stars whatever the length, because a length narrows down a secret. Cards, accounts and telephone numbers
//! keep their last four characters, by which people tell them apart, if they are long enough.
//!
//! None of these is a placeholder, and none is a value: they come back in the conversation's history, where a detector may
//! take `password: ********` for a password. [`is_output`] says that there is nothing left to take out.

use super::types::{Types, push_letters};
use super::{Mapping, Method};
use crate::governance::guard::finding::Kind;
use std::borrow::Cow;

const STARS: &str = "********";
/// How many characters of a number stay.
const KEPT: usize = 4;
/// Of fewer characters than these, none stays.
const LONG_ENOUGH: usize = 3 * KEPT;
/// Telephone numbers are shorter, and their ends less telling.
const LONG_ENOUGH_PHONE: usize = 9;

/// What is written in an answer in the place of a value found there.
///
/// Nothing written here is put back: [`Method::Replace`] gives the value's name without entering it. If the request gave it
/// out, the caller sent the value, and it is restored as everywhere. A secret has no name and is masked. What another gateway
/// wrote for a value stays.
#[must_use]
pub fn replacement<'a>(
    kind: Kind,
    method: Method,
    value: &str,
    mapping: &'a Mapping,
) -> Cow<'a, str> {
    if is_output(value, mapping.types()) {
        return Cow::Owned(value.to_owned());
    }
    match method {
        Method::Replace => mapping
            .name_without_entry(kind, value)
            .unwrap_or_else(|| mask(kind, value)),
        Method::Mask => mask(kind, value),
        Method::Hash => Cow::Owned(hash(kind, value, mapping)),
        Method::Label => Cow::Owned(format!("[{}]", mapping.types().name(kind))),
        Method::Drop => Cow::Borrowed(""),
    }
}

fn mask(kind: Kind, value: &str) -> Cow<'static, str> {
    let least = match kind {
        Kind::CreditCard | Kind::Iban => LONG_ENOUGH,
        Kind::Phone => LONG_ENOUGH_PHONE,
        _ => return Cow::Borrowed(STARS),
    };
    let letters = || value.chars().filter(char::is_ascii_alphanumeric);
    let count = letters().count();
    if count < least {
        return Cow::Borrowed(STARS);
    }
    let mut mask = String::from(STARS);
    mask.extend(letters().skip(count - KEPT));
    Cow::Owned(mask)
}

fn hash(kind: Kind, value: &str, mapping: &Mapping) -> String {
    let mut out = format!("HASH_{}_", mapping.types().name(kind));
    push_letters(&mut out, &mapping.digest(kind, value));
    out
}

/// Whether a text is what one of these methods wrote, for a value of any kind: behind `password=` a hashed mail address is
/// found as a secret.
pub(super) fn is_output(text: &str, types: &Types) -> bool {
    if let Some(kept) = text.strip_prefix(STARS) {
        return kept.len() <= KEPT && kept.bytes().all(|byte| byte.is_ascii_alphanumeric());
    }
    if let Some(label) = text.strip_prefix('[') {
        let label = label.strip_suffix(']');
        return label.is_some_and(|label| types.names().any(|name| name == label));
    }
    let of_kind = |hash: &str, name: &str| {
        let letters = hash.strip_prefix(name)?.strip_prefix('_')?;
        Some(
            letters.len() == 8
                && letters
                    .bytes()
                    .all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7')),
        )
    };
    text.strip_prefix("HASH_")
        .is_some_and(|hash| types.names().any(|name| of_kind(hash, name) == Some(true)))
}
