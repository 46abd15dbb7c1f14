//! Lists made of lists: none of itself, none too deep, none too long.
//!
//! A list of lists of lists can stand for more entries than there are bytes in memory. So how many there would be is
//! counted before any list is written out.

use super::names::{lists, signed};
use crate::governance::policy::place::{Diagnostic, Place};
use crate::governance::policy::settings::{File, Names};
use std::collections::BTreeMap;

/// Lists within lists, at most.
pub(super) const DEEPEST: u8 = 4;
/// Entries a list may stand for.
const MOST: u64 = 10_000;
/// Entries all uses of lists in a file may stand for.
const MOST_OF_ALL: u64 = 500_000;

/// What a list is made of.
#[derive(Debug, Clone, Copy)]
enum Size {
    /// It is being counted: whoever asks now is within it.
    Open,
    /// So many lists deep, and so many entries.
    Known(u8, u64),
}

struct Count<'f> {
    lists: BTreeMap<&'f str, &'f Names>,
    sizes: BTreeMap<&'f str, Size>,
}

/// Complains of lists that cannot be written out; whether all can.
pub(super) fn check(file: &File, found: &mut Vec<Diagnostic>) -> bool {
    let own = file
        .lists
        .iter()
        .map(|(name, names)| (name.value.as_str(), names));
    let mut count = Count {
        lists: own.collect(),
        sizes: BTreeMap::new(),
    };
    let before = found.len();
    for (name, _) in &file.lists {
        if let Err(message) = count.size(&name.value, DEEPEST.saturating_mul(2)) {
            found.push(unsound(name.place, message));
        }
    }
    let mut all = 0_u64;
    for name in lists(file).into_iter().flat_map(|(_, names)| names) {
        let list = signed(&name.value).1.strip_prefix('$').unwrap_or_default();
        if let Some(Size::Known(_, entries)) = count.sizes.get(list) {
            all = all.saturating_add(*entries);
            if all > MOST_OF_ALL {
                found.push(unsound(name.place, TOO_MUCH));
                break;
            }
        }
    }
    found.len() == before
}

const IN_A_CIRCLE: &str = "this list is made of itself";
const TOO_DEEP: &str = "this list is made of lists of lists of lists of lists of lists";
const TOO_MUCH: &str = "up to here the lists used in this file stand for more than 500000 entries";
const TOO_LONG: &str = "this list stands for more than 10000 entries";

fn unsound(place: Place, message: &'static str) -> Diagnostic {
    let code = if message == IN_A_CIRCLE {
        "TG201"
    } else {
        "TG003"
    };
    Diagnostic::error(code, place, message)
}

impl<'f> Count<'f> {
    /// How deep and how long a list is. `left`: how much deeper is looked.
    fn size(&mut self, name: &'f str, left: u8) -> Result<(u8, u64), &'static str> {
        match self.sizes.get(name) {
            Some(Size::Known(depth, entries)) => return Ok((*depth, *entries)),
            Some(Size::Open) => return Err(IN_A_CIRCLE),
            None => {}
        }
        // What is not there is told where it is named.
        let Some(names) = self.lists.get(name).copied() else {
            return Ok((0, 0));
        };
        let left = left.checked_sub(1).ok_or(TOO_DEEP)?;
        self.sizes.insert(name, Size::Open);
        let size = self.entries(names, left);
        match size {
            Ok((depth, entries)) => self.sizes.insert(name, Size::Known(depth, entries)),
            Err(_) => self.sizes.remove(name),
        };
        size
    }

    fn entries(&mut self, names: &'f Names, left: u8) -> Result<(u8, u64), &'static str> {
        let (mut deepest, mut all) = (0_u8, 0_u64);
        for entry in names {
            let (depth, entries) = match signed(&entry.value).1.strip_prefix('$') {
                Some(list) => {
                    let (depth, entries) = self.size(list, left)?;
                    (depth.saturating_add(1), entries)
                }
                None => (0, 1),
            };
            deepest = deepest.max(depth);
            all = all.saturating_add(entries);
        }
        if deepest >= DEEPEST {
            Err(TOO_DEEP)
        } else if all > MOST {
            Err(TOO_LONG)
        } else {
            Ok((deepest, all))
        }
    }
}
