//! Values that stand in a field, a cell or behind tags of their own rather than behind an operator.
//!
//! Here the name is a value itself (`"name": "password", "value": "…"`), or markup stands between (`password</td><td>…`).
//! What the value is is not judged here.

use super::super::reading::{
    BLANK, NAME, Set, Sure, WORD, between, byte, line_before, literal_any_case, mentions, run,
    run_back, set,
};
use super::gap::{Gap, Place, Style, value};
use crate::governance::guard::probe::View;

/// Whether the name is itself the value of a name: `name="`, `"key": "`, `- name: `.
pub(super) fn key_before(view: &View<'_>, name: usize) -> bool {
    if mentions(line_before(view, name, 16), "variable ") {
        return true;
    }
    let quotes = run_back(view, name, &QUOTES_AND_BLANKS, 8);
    if !matches!(view.before(quotes), Some(b'=' | b':')) {
        return false;
    }
    let end = run_back(view, quotes.saturating_sub(1), &QUOTES_AND_BLANKS, 6);
    let start = run_back(view, end, &NAME, 24);
    let word = between(view, start, end);
    [
        "name",
        "key",
        "id",
        "field",
        "variable",
        "parameter",
        "property",
        "label",
    ]
    .iter()
    .any(|wanted| word.eq_ignore_ascii_case(wanted.as_bytes()))
}

static BETWEEN_SIBLINGS: Set = set(" \t\r\n,{\"'\\-");
static QUOTES_AND_BLANKS: Set = set(" \t\"'\\");

/// `, "value": "…"`, ` value="…"` behind a name that is itself a value.
pub(super) fn sibling(view: &View<'_>, from: usize, hold: &mut usize) -> Sure<Option<Gap>> {
    let mut word = run(view, from, &BETWEEN_SIBLINGS, 64)?;
    if word == from {
        return Ok(None);
    }
    // Other fields may stand between: `type = string`, `"secret": true`.
    for _ in 0..4 {
        for wanted in ["value", "val", "default", "content"] {
            if !literal_any_case(view, word, wanted)? {
                continue;
            }
            let end = word + wanted.len();
            let closed = run(view, end, &QUOTES_AND_BLANKS, 12)?;
            if matches!(byte(view, closed)?, Some(b':' | b'=')) {
                return value(view, closed + 1, Style::Tight, Place::Text, hold);
            }
        }
        let end = run(view, word, &NAME, 24)?;
        let closed = run(view, end, &QUOTES_AND_BLANKS, 12)?;
        if end == word || !matches!(byte(view, closed)?, Some(b':' | b'=')) {
            return Ok(None);
        }
        let other = behind_field(view, closed + 1)?;
        word = run(view, other, &BETWEEN_SIBLINGS, 64)?;
        if word == other {
            return Ok(None);
        }
    }
    Ok(None)
}

/// Where the value of another field ends.
fn behind_field(view: &View<'_>, from: usize) -> Sure<usize> {
    let start = run(view, from, &QUOTES_AND_BLANKS, 12)?;
    let quote = start
        .checked_sub(1)
        .and_then(|at| view.at(at))
        .filter(|byte| matches!(byte, b'"' | b'\''));
    let mut at = start;
    while at - start < 96 {
        let ends = match byte(view, at)? {
            None | Some(b'\n' | b'\r') => true,
            next if quote.is_some() => next == quote,
            Some(next) => matches!(next, b' ' | b',' | b'}' | b'>'),
        };
        if ends {
            break;
        }
        at += 1;
    }
    Ok(at)
}

/// Behind `{ get; set; } =`.
pub(super) fn behind_accessors(view: &View<'_>, from: usize) -> Sure<Option<usize>> {
    let mut at = from;
    while at - from < 48 {
        match byte(view, at)? {
            Some(b'}') => {
                let blank = run(view, at + 1, &BLANK, 4)?;
                return Ok((byte(view, blank)? == Some(b'=')).then_some(blank + 1));
            }
            None | Some(b'\n' | b'"') => break,
            Some(_) => at += 1,
        }
    }
    Ok(None)
}

/// Tags within a line and around cells.
const TAGS: [&str; 16] = [
    "b", "i", "u", "em", "tt", "td", "th", "dt", "dd", "strong", "code", "kbd", "span", "samp",
    "mark", "pre",
];

/// Where a run of tags ends: `</b> `, `</td><td>`.
pub(super) fn behind_tags(view: &View<'_>, from: usize) -> Sure<usize> {
    let mut at = from;
    for _ in 0..4 {
        if byte(view, at)? != Some(b'<') {
            break;
        }
        let slash = usize::from(byte(view, at + 1)? == Some(b'/'));
        let start = at + 1 + slash;
        let end = run(view, start, &WORD, 8)?;
        let tag = between(view, start, end);
        let is_known = TAGS
            .iter()
            .any(|known| tag.eq_ignore_ascii_case(known.as_bytes()));
        if !is_known || byte(view, end)? != Some(b'>') {
            break;
        }
        at = run(view, end + 1, &BLANK, 4)?;
    }
    Ok(at)
}

/// `password</td><td>value`, `password</b>: value`.
pub(super) fn cell(view: &View<'_>, from: usize, hold: &mut usize) -> Sure<Option<Gap>> {
    let behind = behind_tags(view, from)?;
    if behind == from {
        return Ok(None);
    }
    if byte(view, behind)? == Some(b':') {
        return value(view, behind + 1, Style::Colon, Place::Text, hold);
    }
    for closing in ["</td>", "</th>", "</dt>"] {
        if literal_any_case(view, from, closing)? {
            return value(view, behind, Style::Colon, Place::Text, hold);
        }
    }
    Ok(None)
}
