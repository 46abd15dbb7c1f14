//! What stands for a value where nothing leads back: stars, a digest, a label.
//!
//! A mask has eight stars whatever the length, because a length narrows down a secret. Cards, accounts and telephone numbers
//! keep their last four characters, by which people tell them apart, if they are long enough.
//!
//! What stays of a number must not become part of another: where something follows that a number goes on with, none of it
//! stays. And a value that is dropped leaves `[…]`, because what stood before and behind it would be read as one: half a key
//! and the other half. At the beginning of a text there is nothing to be joined.
//!
//! None of these is a placeholder, and none is a value: they come back in the conversation's history, and are known for what
//! they are (`marks`).

use super::types::push_letters;
use super::{Mapping, Method};
use crate::governance::guard::finding::Kind;
use std::borrow::Cow;

pub(super) const STARS: &str = "********";
/// How many characters of a number stay.
pub(super) const KEPT: usize = 4;
/// Of fewer characters than these, none stays.
const LONG_ENOUGH: usize = 3 * KEPT;
/// Telephone numbers are shorter, and their ends less telling.
const LONG_ENOUGH_PHONE: usize = 9;
/// What is left of a value that is dropped.
pub(super) const DROPPED: &str = "[…]";

/// What stands beside a value, as far as it matters to what is put in its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beside {
    /// Whether the text begins with the value.
    pub first: bool,
    /// Whether its last characters may be shown: nothing follows that could make them part of something else.
    pub apart: bool,
}

impl Beside {
    /// What stands beside this part of a text.
    #[must_use]
    pub fn of(text: &str, start: usize, end: usize) -> Self {
        Self {
            first: start == 0,
            apart: stands_alone(text.get(end..).unwrap_or_default()),
        }
    }
}

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
    beside: Beside,
    mapping: &'a Mapping,
) -> Cow<'a, str> {
    if mapping.types().is_marks_only(value) {
        return Cow::Owned(value.to_owned());
    }
    match method {
        Method::Replace => mapping
            .name_without_entry(kind, value)
            .unwrap_or_else(|| mask(kind, value, beside)),
        Method::Mask => mask(kind, value, beside),
        Method::Hash => Cow::Owned(hash(kind, value, mapping)),
        Method::Label => Cow::Owned(format!("[{}]", mapping.types().name(kind))),
        Method::Drop if beside.first => Cow::Borrowed(""),
        Method::Drop => Cow::Borrowed(DROPPED),
    }
}

fn mask(kind: Kind, value: &str, beside: Beside) -> Cow<'static, str> {
    let Some(least) = long_enough(kind) else {
        return Cow::Borrowed(STARS);
    };
    let letters = || value.chars().filter(char::is_ascii_alphanumeric);
    let count = letters().count();
    let ending = || letters().skip(count - KEPT);
    if !beside.apart || count < least || !ending().all(|letter| letter.is_ascii_digit()) {
        return Cow::Borrowed(STARS);
    }
    let mut mask = String::from(STARS);
    mask.extend(ending());
    Cow::Owned(mask)
}

/// How long a value of this kind must be for its end to be shown, if it ever is.
const fn long_enough(kind: Kind) -> Option<usize> {
    match kind {
        Kind::CreditCard | Kind::Iban => Some(LONG_ENOUGH),
        Kind::Phone => Some(LONG_ENOUGH_PHONE),
        _ => None,
    }
}

/// Whether a mask may show the end of a value of this kind, so that it matters what follows it.
pub(in crate::governance::guard) const fn may_show_end(kind: Kind) -> bool {
    long_enough(kind).is_some()
}

/// Whether what follows some digits cannot make them part of anything: no number goes on so, no address, no path.
pub(in crate::governance::guard) fn stands_alone(behind: &str) -> bool {
    let mut behind = behind.chars();
    let Some(first) = behind.next() else {
        return true;
    };
    let next = behind.next();
    let stops = |c: char| {
        matches!(
            c,
            ',' | '.' | ':' | ';' | '!' | '?' | '"' | '\'' | ')' | ']' | '}' | '>' | '`'
        )
    };
    match first {
        ' ' | '\n' => next.is_none_or(|next| {
            next.is_alphabetic() && !next.is_numeric() || matches!(next, ' ' | '\n' | '*' | '[')
        }),
        stop if stops(stop) => next.is_none_or(|next| matches!(next, ' ' | '\n') || stops(next)),
        // Letters and signs of other scripts; not their digits, spaces and dashes.
        '\u{c0}'..='\u{1fff}' | '\u{3001}'..='\u{fdff}' | '\u{1f000}'.. => {
            !first.is_numeric() && !first.is_whitespace()
        }
        _ => false,
    }
}

fn hash(kind: Kind, value: &str, mapping: &Mapping) -> String {
    let mut out = format!("HASH_{}_", mapping.types().name(kind));
    push_letters(&mut out, &mapping.digest(kind, value));
    out
}
