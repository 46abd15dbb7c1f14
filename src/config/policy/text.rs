//! Where each line of an expression stands.
//!
//! YAML hands on what a scalar means, not where each of its characters was. In plain, block and quoted scalars without
//! escapes the characters stand in the file in their order, white space apart; so the text is found again by walking both
//! side by side. White space means nothing to an expression, so lines that YAML would fold into one are kept apart, and
//! each knows its place.
//!
//! In quotes with escapes the text is kept as YAML reads it, and columns behind an escape are that much too small.

use super::conform::place;
use crate::config::yaml::{Node, Scalar};
use crate::governance::policy::place::Place;
use crate::governance::policy::settings::Text;

/// The expression of a scalar. `lines`: those of the file.
pub(super) fn expression(node: &Node, scalar: &Scalar, lines: &[&str]) -> Text {
    let start = place(node.place);
    let inside = Place {
        column: start.column.saturating_add(1),
        ..start
    };
    let quote = character(lines, start).filter(|c| matches!(c, '"' | '\''));
    let found = match quote {
        Some(quote) => follow(&scalar.text, inside, lines)
            .filter(|found| found.after == Some(quote))
            .or_else(|| follow(&scalar.text, start, lines)),
        None => follow(&scalar.text, start, lines),
    };
    match found {
        Some(found) => found.text,
        None => Text {
            text: scalar.text.clone(),
            place: if quote.is_some() { inside } else { start },
            lines: Vec::new(),
        },
    }
}

/// The character at a place.
fn character(lines: &[&str], at: Place) -> Option<char> {
    rest_of(lines, at)?.chars().next()
}

/// The line at a place from its column on.
fn rest_of<'a>(lines: &[&'a str], at: Place) -> Option<&'a str> {
    let line = lines.get(usize::try_from(at.line).ok()?.checked_sub(1)?)?;
    let column = usize::try_from(at.column).ok()?.checked_sub(1)?;
    let (offset, _) = line.char_indices().nth(column)?;
    line.get(offset..)
}

/// A text found in the file.
struct Found {
    text: Text,
    /// The character behind it on its last line.
    after: Option<char>,
}

/// Walks through the file from `start` as long as it says what `text` says, white space apart.
fn follow(text: &str, start: Place, lines: &[&str]) -> Option<Found> {
    let mut wanted = text.chars().filter(|c| !c.is_whitespace()).peekable();
    let mut pieces: Vec<&str> = Vec::new();
    let mut places = Vec::new();
    let mut at = start;
    loop {
        let line = match rest_of(lines, at) {
            Some(line) => line,
            // An empty line within.
            None if usize::try_from(at.line).ok()? <= lines.len() => "",
            None => return None,
        };
        let mut end = 0;
        let mut taken = line.char_indices().peekable();
        while let Some((offset, c)) = taken.peek().copied() {
            if !c.is_whitespace() {
                match wanted.next_if_eq(&c) {
                    Some(_) => end = offset.checked_add(c.len_utf8())?,
                    None => break,
                }
            }
            taken.next();
        }
        pieces.push(line.get(..end)?);
        places.push(at);
        if wanted.peek().is_none() {
            let after = line.get(end..)?.chars().next();
            let single = places.len() == 1;
            let text = Text {
                text: pieces.join("\n"),
                place: start,
                lines: if single { Vec::new() } else { places },
            };
            return Some(Found { text, after });
        }
        if taken.peek().is_some() {
            return None;
        }
        let next = at.line.checked_add(1)?;
        let line = lines.get(usize::try_from(next).ok()?.checked_sub(1)?)?;
        let indentation = line.chars().take_while(|c| c.is_whitespace()).count();
        at = Place {
            line: next,
            column: u32::try_from(indentation).ok()?.checked_add(1)?,
            ..at
        };
    }
}
