//! Sentences that tell a secret: "the password for staging is …", "das Passwort lautet …", "密码是…".

use super::super::reading::{
    BLANK, Sure, between, byte, line_before, literal, literal_any_case, mentions, run,
};
use super::gap::{Gap, OPENINGS, Place, Style, is_netrc, is_word_byte, value};
use super::name::Class;
use crate::governance::guard::probe::View;

/// Words behind which the secret is told.
const TELLING: [&str; 30] = [
    "is", "was", "are", "be", "to", "as", "ist", "lautet", "war", "est", "es", "era", "é", "è",
    "jest", "är", "er", "e", "equals", "это", "now", "called", "reads", "becomes", "sera", "será",
    "fue", "foi", "wordt", "heißt",
];

/// The same in languages that put no blank before the secret.
const GLUED: [&str; 13] = [
    "是", "为", "為", "：", "＝", "は", "が", "는", "은", "を", "→", "—", "–",
];

/// Words behind a telling one that change nothing.
const FILLERS: [&str; 14] = [
    "now",
    "just",
    "still",
    "currently",
    "set",
    "simply",
    "to",
    "always",
    "also",
    "actually",
    "probably",
    "the",
    "jetzt",
    "be",
];

/// How many words may stand between a name and the telling one.
const WORDS: usize = 9;

/// Reads what follows a name and a blank.
pub(super) fn read(
    view: &View<'_>,
    name: usize,
    from: usize,
    class: Class,
    hold: &mut usize,
) -> Sure<Option<Gap>> {
    *hold = from;
    for glue in GLUED {
        if literal(view, from, glue)? {
            return value(view, from + glue.len(), Style::Prose, Place::Text, hold);
        }
    }
    for opening in OPENINGS {
        if literal(view, from, opening)? {
            return direct(view, from, hold);
        }
    }
    let line = line_before(view, name, 120);
    if class == Class::Password && (is_netrc(line) || mentions(line, "identified")) {
        return value(view, from, Style::Tight, Place::Text, hold);
    }
    if literal_any_case(view, from, "by ")?
        || literal_any_case(view, from, "with mysql_native_password by ")?
    {
        let by = if literal_any_case(view, from, "by ")? {
            3
        } else {
            "with mysql_native_password by ".len()
        };
        let gap = value(view, from + by, Style::Tight, Place::Text, hold)?;
        return Ok(gap.filter(|gap| gap.quote.is_some()));
    }
    let is_pass = between(view, name, from)
        .trim_ascii()
        .eq_ignore_ascii_case(b"pass");
    let is_finnish = mentions(between(view, name, from), "salasana");
    let mut at = from;
    for place in 0..WORDS {
        let start = at;
        // The first word may be the value itself, the others are none.
        *hold = if place == 0 { start } else { view.bytes.len() };
        let mut end = at;
        while end - start < 40 && byte(view, end)?.is_some_and(is_word_byte) {
            end += 1;
        }
        // The verb: "we pass 3rd-party code to …".
        let told = [&b"is"[..], b"was", b"ist", b"est", b"es"];
        let is_verb = is_pass && place == 0 && !told.contains(&between(view, start, end));
        if is_verb {
            return Ok(None);
        }
        let word = between(view, start, end);
        let next = byte(view, end)?;
        if word.is_empty() {
            // A remark in brackets, or the end of the sentence.
            if next != Some(b'(') || place > 0 {
                return Ok(None);
            }
            end += 1;
            while end - start < 40
                && byte(view, end)?.is_some_and(|byte| byte != b')' && byte != b'\n')
            {
                end += 1;
            }
            if byte(view, end)? != Some(b')') {
                return Ok(None);
            }
            end += 1;
            if byte(view, end)? == Some(b':') {
                return value(view, end + 1, Style::Prose, Place::Text, hold);
            }
            at = run(view, end, &BLANK, 2)?;
            continue;
        }
        let is_telling = TELLING
            .iter()
            .any(|telling| word.eq_ignore_ascii_case(telling.as_bytes()))
            || (is_finnish && word == b"on");
        if is_telling && matches!(next, Some(b' ' | b':')) {
            let blank = if next == Some(b':') {
                end + 1
            } else {
                run(view, end, &BLANK, 2)?
            };
            let told = fillers(view, blank, hold)?;
            let told = if byte(view, told)? == Some(b':') {
                told + 1
            } else {
                told
            };
            return value(view, told, Style::Prose, Place::Text, hold);
        }
        match next {
            Some(b':' | b'=') if place < 5 => {
                return value(view, end + 1, Style::Prose, Place::Text, hold);
            }
            Some(b' ') => at = run(view, end, &BLANK, 2)?,
            // `password hunter2`, `password hunter2!`
            _ if place == 0 => return direct(view, from, hold),
            _ => return Ok(None),
        }
        if place == 0 && word.iter().any(u8::is_ascii_digit) {
            return direct(view, from, hold);
        }
        if byte(view, at)? == Some(b'=') || literal(view, at, "->")? {
            let behind = run(view, at, &OPERATOR, 2)?;
            return value(view, behind, Style::Prose, Place::Text, hold);
        }
    }
    Ok(None)
}

static OPERATOR: super::super::reading::Set = super::super::reading::set("=>-");

/// A value that follows its name without a word between.
fn direct(view: &View<'_>, from: usize, hold: &mut usize) -> Sure<Option<Gap>> {
    value(view, from, Style::Prose, Place::Text, hold)
}

/// Skips words that change nothing.
fn fillers(view: &View<'_>, from: usize, hold: &mut usize) -> Sure<usize> {
    let mut at = from;
    'words: for _ in 0..3 {
        *hold = at;
        for filler in FILLERS {
            let end = at + filler.len();
            if literal_any_case(view, at, filler)? && byte(view, end)? == Some(b' ') {
                at = run(view, end, &BLANK, 2)?;
                continue 'words;
            }
        }
        break;
    }
    Ok(at)
}
