//! Where a value ends.
//!
//! Between quotes at the closing one, and a blank before it says that this is text for people. Without quotes at the first
//! blank or sign that belongs to the code, the sentence or the markup around.

use super::super::reading::{BASE64, NAME, Sure, WORD, between, byte, has, run};
use super::gap::{Gap, Place, Quote, Style};
use crate::governance::guard::probe::{LONGEST_HELD, View};

/// How far a value could be read.
pub(super) enum Read {
    /// There is none.
    None,
    /// Between these offsets.
    Value(usize, usize),
    /// Beyond what is held; its head ends here.
    Endless(usize),
}

/// Reads the value behind a gap. One longer than `most` is none, or without end if `most` is all that is held.
pub(super) fn read(view: &View<'_>, gap: &Gap, most: usize) -> Sure<Read> {
    match gap.quote {
        Some(quote) => quoted(view, gap, quote, most),
        None => bare(view, gap, most),
    }
}

fn quoted(view: &View<'_>, gap: &Gap, quote: Quote, most: usize) -> Sure<Read> {
    let start = gap.start;
    let mut at = start;
    while at - start < most {
        match byte(view, at)? {
            None | Some(b'\n' | b'\r' | b' ' | b'\t') => return Ok(Read::None),
            Some(b'&') if quote.byte == b'&' => return Ok(end(start, at)),
            Some(b'\\') => {
                let mut escapes = 1;
                while escapes < 8 && byte(view, at + escapes)? == Some(b'\\') {
                    escapes += 1;
                }
                let closes = byte(view, at + escapes)? == Some(quote.byte);
                // As many backslashes as the opening quote has: this one closes. More, or any without: it is escaped.
                if closes && escapes == quote.escapes {
                    return Ok(end(start, at));
                }
                at += escapes + 1;
            }
            Some(next) if next == quote.byte && quote.byte != b'&' => return Ok(end(start, at)),
            Some(_) => at += 1,
        }
    }
    let head = between(view, start, start + most);
    Ok(
        if most >= LONGEST_HELD && head.iter().all(|byte| has(&BASE64, *byte)) {
            Read::Endless(start + most)
        } else {
            Read::None
        },
    )
}

fn bare(view: &View<'_>, gap: &Gap, most: usize) -> Sure<Read> {
    let start = gap.start;
    let mut at = start;
    let mut is_name = true;
    while at - start < most {
        let Some(next) = byte(view, at)? else {
            break;
        };
        if ends(view, at, next, gap)? {
            break;
        }
        // A call, an index, a block, `module.function`: code, and nothing to be held back for.
        let is_code = match next {
            b'(' | b'[' | b'{' => is_name,
            b'.' => gap.style == Style::Spaced && is_path(view, start, at),
            // What machines make has this sign at its end, as padding, or not at all.
            b'=' if most >= LONGEST_HELD => {
                byte(view, at + 1)?.is_some_and(|behind| has(&WORD, behind))
            }
            _ => false,
        };
        if is_code {
            return Ok(Read::None);
        }
        at += 1;
        is_name &= has(&WORD, next) || matches!(next, b'.' | b':' | b'!' | b'&' | b'*');
    }
    if at - start >= most {
        let head = between(view, start, at);
        return Ok(
            if most >= LONGEST_HELD && head.iter().all(|byte| has(&BASE64, *byte)) {
                Read::Endless(at)
            } else {
                Read::None
            },
        );
    }
    let is_loose = matches!(gap.style, Style::Prose | Style::Colon | Style::Spaced);
    // Bold ends in two stars; a password may end in one.
    if at > start + 2 && is_loose && between(view, at - 2, at) == b"**" {
        at -= 2;
    }
    while at > start
        && is_loose
        && view
            .before(at)
            .is_some_and(|last| matches!(last, b'.' | b',' | b':' | b'?'))
    {
        at -= 1;
    }
    if gap.place == Place::Element && byte(view, at)? != Some(b'<') {
        return Ok(Read::None);
    }
    // On a line of its own nothing else stands.
    if gap.place == Place::NextLine
        && !matches!(byte(view, at)?, None | Some(b'\n' | b'\r' | b'`' | b'*'))
    {
        return Ok(Read::None);
    }
    Ok(end(start, at))
}

/// Whether a byte ends a value without quotes.
fn ends(view: &View<'_>, at: usize, next: u8, gap: &Gap) -> Sure<bool> {
    Ok(match next {
        0..=b' ' | b'"' | b'\'' | b'`' | b';' | b'<' | b'>' | b'|' | 0xe3..=0xef => true,
        b'&' | b'#' if gap.place == Place::Query => true,
        // `password=…&next=…`: a form, as long as a field follows.
        b'&' if gap.style == Style::Tight && at > gap.start => {
            let name = run(view, at + 1, &NAME, 40)?;
            name > at + 1 && byte(view, name)? == Some(b'=')
        }
        // A comma may stand in a password, but only prose has no other use for it.
        b',' => {
            gap.style != Style::Prose
                || !byte(view, at + 1)?.is_some_and(|behind| has(&WORD, behind))
        }
        b')' | b']' | b'}' => {
            !byte(view, at + 1)?.is_some_and(|behind| behind.is_ascii_alphanumeric())
        }
        b'\\' => matches!(byte(view, at + 1)?, Some(b'n' | b'r' | b't' | b'"' | b'\'')),
        // Punctuation beyond ASCII; scripts without blanks end it above.
        0xe2 => byte(view, at + 1)? == Some(0x80),
        0xc2 => byte(view, at + 1)? == Some(0xbb),
        _ => false,
    })
}

/// Whether a value began as a name in small letters does.
fn is_path(view: &View<'_>, start: usize, at: usize) -> bool {
    let head = between(view, start, at);
    head.len() > 1
        && head
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || *byte == b'_')
}

fn end(start: usize, at: usize) -> Read {
    if at > start {
        Read::Value(start, at)
    } else {
        Read::None
    }
}

/// Where the password begins in `user:password` or `user/password`.
pub(super) fn behind_user(value: &[u8]) -> Option<usize> {
    let joint = value.iter().position(|byte| matches!(byte, b':' | b'/'))?;
    let user = value.get(..joint)?;
    let is_user = !user.is_empty()
        && user.len() <= 64
        && user
            .iter()
            .all(|byte| has(&WORD, *byte) || matches!(byte, b'.' | b'@' | b'-'));
    let password = value.get(joint + 1..)?;
    (is_user && !password.is_empty() && !password.contains(&b'/')).then_some(joint + 1)
}
