//! What stands between a name and its value, and so how the value is written.

use super::super::reading::{
    BLANK, NAME, Set, Sure, between, byte, has, line_before, literal, mentions, run, set,
};
use super::field::{behind_accessors, behind_tags, cell, key_before, sibling};
use super::name::Class;
use super::prose;
use crate::governance::guard::probe::View;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `NAME=value`, a flag, an element: nobody writes code so.
    Tight,
    /// `name = value`: configuration or code.
    Spaced,
    /// `name: value`: configuration, code or prose.
    Colon,
    /// A sentence.
    Prose,
    /// `name(value)`, `name, value`: only between quotes.
    Call,
}

/// Where a value stands, as far as that says where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Anywhere else.
    Text,
    /// In the query of an address.
    Query,
    /// Between tags.
    Element,
    /// On the line behind the name's.
    NextLine,
}

/// Quotes around a value, as they are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quote {
    /// The quote itself.
    pub(super) byte: u8,
    /// Backslashes before it.
    pub(super) escapes: usize,
}

/// Where a value begins and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// Its first byte.
    pub(super) start: usize,
    /// The quotes around it, if any.
    pub(super) quote: Option<Quote>,
    /// How it is written.
    pub(super) style: Style,
    /// Where it stands.
    pub(super) place: Place,
}

static CLOSERS: Set = set("\"'`\\])*_");
static SPACE: Set = set(" \t\r\n");

/// Reads what is behind a name. What may turn out to be the value is looked at on the way: `hold` then says from where on.
pub(super) fn read(
    view: &View<'_>,
    name: usize,
    end: usize,
    class: Class,
    hold: &mut usize,
) -> Sure<Option<Gap>> {
    let before = view.before(name);
    let closed = run(view, end, &CLOSERS, 6)?;
    let is_quoted = between(view, end, closed)
        .iter()
        .any(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    if key_before(view, name)
        && let Some(gap) = sibling(view, closed, hold)?
    {
        return Ok(Some(gap));
    }
    for tag in ["</name>", "</key>"] {
        if literal(view, closed, tag)? {
            let next = run(view, closed + tag.len(), &SPACE, 40)?;
            for opening in ["<value>", "<string>"] {
                if literal(view, next, opening)? {
                    return value(
                        view,
                        next + opening.len(),
                        Style::Tight,
                        Place::Element,
                        hold,
                    );
                }
            }
            return Ok(None);
        }
    }
    // `<password>…`, `<add name="password">…`
    if byte(view, closed)? == Some(b'>') {
        let in_tag = before == Some(b'<') || before == Some(b':') || is_quoted;
        return if in_tag {
            value(view, closed + 1, Style::Tight, Place::Element, hold)
        } else {
            Ok(None)
        };
    }
    let blank = run(view, closed, &BLANK, 40)?;
    let is_flag = starts_with_dashes(view, name);
    let in_query = matches!(before, Some(b'?' | b'&'));
    let Some(first) = byte(view, blank)? else {
        return Ok(None);
    };
    if first == b'-' {
        *hold = blank;
    }
    match first {
        b'=' => {
            let mut at = blank + 1;
            while at < blank + 3 && matches!(byte(view, at)?, Some(b'=' | b'>')) {
                at += 1;
            }
            let behind = byte(view, at)?;
            let tight = blank == closed && !matches!(behind, Some(b' ' | b'\t'));
            value(
                view,
                at,
                if tight { Style::Tight } else { Style::Spaced },
                if in_query { Place::Query } else { Place::Text },
                hold,
            )
        }
        b':' => colon(view, name, end, blank, hold),
        b'!' | b'?' | b'|' => sign(view, first, blank, hold),
        b'-' if byte(view, blank + 1)? == Some(b' ') && blank > closed => {
            value(view, blank + 1, Style::Prose, Place::Text, hold)
        }
        b'-' if byte(view, blank + 1)? == Some(b'>') => {
            value(view, blank + 2, Style::Colon, Place::Text, hold)
        }
        b',' if is_quoted && takes_pairs(line_before(view, name, 32)) => {
            let gap = value(view, blank + 1, Style::Call, Place::Text, hold)?;
            Ok(gap.filter(|gap| gap.quote.is_some()))
        }
        b'(' if blank == end && class != Class::Key => {
            let gap = value(view, blank + 1, Style::Call, Place::Text, hold)?;
            Ok(gap.filter(|gap| gap.quote.is_some()))
        }
        b'<' => cell(view, blank, hold),
        b'{' if literal(view, blank, "{ get;")? => {
            let Some(at) = behind_accessors(view, blank)? else {
                return Ok(None);
            };
            let gap = value(view, at, Style::Spaced, Place::Text, hold)?;
            Ok(gap.filter(|gap| gap.quote.is_some()))
        }
        _ if blank == closed && first.is_ascii() => Ok(None),
        _ if is_flag && blank > closed => value(view, blank, Style::Tight, Place::Text, hold),
        b'"' | b'\'' | b'`' if blank > closed => {
            value(view, blank, Style::Prose, Place::Text, hold)
        }
        _ => prose::read(view, name, blank, class, hold),
    }
}

/// Reads what is behind `!=`, `?=`, `??`, `||`, or in the next cell of a table.
fn sign(view: &View<'_>, first: u8, blank: usize, hold: &mut usize) -> Sure<Option<Gap>> {
    let mut at = blank + 1;
    while at < blank + 3 && matches!(byte(view, at)?, Some(b'=' | b'?' | b'|')) {
        at += 1;
    }
    let is_cell = first == b'|' && at == blank + 1;
    if at == blank + 1 && !is_cell {
        return Ok(None);
    }
    let gap = value(view, at, Style::Colon, Place::Text, hold)?;
    Ok(gap.filter(|gap| is_cell || gap.quote.is_some()))
}

/// Reads what is behind a colon.
fn colon(
    view: &View<'_>,
    name: usize,
    end: usize,
    blank: usize,
    hold: &mut usize,
) -> Sure<Option<Gap>> {
    let before = view.before(name);
    let in_braces = before == Some(b'{') && name >= 2 && view.at(name - 2) == Some(b'$');
    match byte(view, blank + 1)? {
        Some(b':') => Ok(None),
        // `${PASSWORD:-value}` is a value to fall back on, `${PASSWORD:?text}` a complaint.
        Some(b'-' | b'=') if in_braces => value(view, blank + 2, Style::Tight, Place::Text, hold),
        Some(b'?' | b'+') if in_braces => Ok(None),
        // A part of a longer name: `arn:…:secret:…`.
        Some(next) if before == Some(b':') && blank == end && next != b' ' => Ok(None),
        Some(b'=') => value(view, blank + 2, Style::Spaced, Place::Text, hold),
        _ => value(view, blank + 1, Style::Colon, Place::Text, hold),
    }
}

/// Whether a call takes a name and its value: `getenv("…", "…")`, `.header("…", "…")`.
fn takes_pairs(line: &[u8]) -> bool {
    [
        "env", "set", "put", "header", "add", "append", "insert", "config", "flag", ".of(",
        "option", "define",
    ]
    .iter()
    .any(|word| mentions(line, word))
}

/// `--password`, `-token`.
fn starts_with_dashes(view: &View<'_>, name: usize) -> bool {
    view.at(name) == Some(b'-')
}

/// The value that begins behind an operator.
pub(super) fn value(
    view: &View<'_>,
    from: usize,
    style: Style,
    place: Place,
    hold: &mut usize,
) -> Sure<Option<Gap>> {
    let mut start = run(view, from, &BLANK, 40)?;
    // What may be the mark of a fat word, a tag or an opening quote may be the value's first byte as well.
    *hold = start;
    // Bold in Markdown: `**Password:** x`.
    if literal(view, start, "** ")? {
        start = run(view, start + 2, &BLANK, 4)?;
    } else if literal(view, start, "**")? {
        start += 2;
    }
    if matches!(style, Style::Colon | Style::Prose)
        && place == Place::Text
        && matches!(byte(view, start)?, Some(b'\n' | b'\r'))
    {
        return next_line(view, start, hold);
    }
    if place == Place::Text {
        start = behind_tags(view, start)?;
    }
    for opening in OPENINGS {
        if literal(view, start, opening)? {
            start += opening.len();
            // French puts a blank there, mostly one that does not break.
            start += if literal(view, start, "\u{a0}")? {
                2
            } else {
                0
            };
            start = run(view, start, &BLANK, 1)?;
        }
    }
    *hold = start;
    // `: string = "…"`: a type stands between.
    if style == Style::Colon {
        let word = run(view, start, &TYPE, 40)?;
        let blank = run(view, word, &BLANK, 4)?;
        if word > start
            && blank > word
            && byte(view, blank)? == Some(b'=')
            && byte(view, blank + 1)? == Some(b' ')
        {
            let gap = value(view, blank + 1, Style::Spaced, Place::Text, hold)?;
            return Ok(gap.filter(|gap| gap.quote.is_some()));
        }
    }
    // String prefixes: `b"…"`, `r"…"`, `f'…'`, `@"…"`, `$"…"`.
    if matches!(
        byte(view, start)?,
        Some(b'b' | b'r' | b'u' | b'f' | b'L' | b'@' | b'$')
    ) && matches!(byte(view, start + 1)?, Some(b'"' | b'\''))
    {
        start += 1;
    }
    let mut quote_at = start;
    while quote_at - start < 8 && byte(view, quote_at)? == Some(b'\\') {
        quote_at += 1;
    }
    if literal(view, quote_at, "&quot;")? {
        return Ok(Some(Gap {
            start: quote_at + "&quot;".len(),
            quote: Some(Quote {
                byte: b'&',
                escapes: 0,
            }),
            style,
            place,
        }));
    }
    let quote = byte(view, quote_at)?.filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    let Some(quote) = quote else {
        return Ok(Some(Gap {
            start,
            quote: None,
            style,
            place,
        }));
    };
    let escapes = quote_at - start;
    start = quote_at + 1;
    // `"""…"""`
    while start < quote_at + 3 && escapes == 0 && byte(view, start)? == Some(quote) {
        start += 1;
    }
    // `"" ` is an empty value.
    if start == quote_at + 2 {
        return Ok(None);
    }
    Ok(Some(Gap {
        start,
        quote: Some(Quote {
            byte: quote,
            escapes,
        }),
        style,
        place,
    }))
}

/// A value on the next line but one at most, fenced or not: "The password is:".
fn next_line(view: &View<'_>, from: usize, hold: &mut usize) -> Sure<Option<Gap>> {
    let mut start = run(view, from, &SPACE, 16)?;
    if literal(view, start, "```")? {
        let language = run(view, start + 3, &NAME, 12)?;
        if byte(view, language)? != Some(b'\n') {
            return Ok(None);
        }
        start = language + 1;
    }
    let gap = value(view, start, Style::Prose, Place::NextLine, hold)?;
    Ok(gap.filter(|gap| gap.quote.is_none_or(|quote| quote.byte == b'`')))
}

/// Quotes of print that open.
pub(super) const OPENINGS: [&str; 6] = ["“", "„", "‘", "«", "「", "『"];

static TYPE: Set = set("0-9A-Za-z_.<>?[]&|");

/// Whether a line is one of `.netrc`.
pub(super) fn is_netrc(line: &[u8]) -> bool {
    mentions(line, "login ") || mentions(line, "machine ")
}

/// Whether a byte may stand in a word of prose.
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || byte == b'\'' || has(&WORD_JOINTS, byte)
}

static WORD_JOINTS: Set = set("_./@-");
