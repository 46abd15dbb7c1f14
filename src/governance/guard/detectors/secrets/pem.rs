//! Private keys in armour: from `-----BEGIN … PRIVATE KEY-----` to the end of its closing line.
//!
//! A key is one if something like key material follows its first line; text that talks about such lines is none. Line ends
//! may be written `\n`, and lines may be quoted and joined by `+`. Certificates and public keys are none. A block longer
//! than what is held is swallowed up to its end. Keys that were encoded in base64 once more are told by their first line.

use super::encoded::decode;
use super::looks::is_sequence;
use super::reading::{
    BASE64, Set, Sure, between, byte, found, has, literal, opens, room, run, set, swallow, what,
};
use crate::governance::guard::finding::Level;
use crate::governance::guard::probe::{LONGEST_HELD, Probe, Trigger, Until, View, What};

const KEY: What = what("private_key", Level::Validated);

static LABEL: Set = set("0-9A-Z ");
static DASH: Set = set("-");

/// How far behind the first line key material must begin.
const HEADERS: usize = 320;

/// How many characters of base64 in a row are no word of a language.
const MATERIAL: usize = 24;

/// The first line of a block.
pub(super) const TRIGGERS: &[Trigger] =
    &[Trigger::Exact("-----BEGIN "), Trigger::Exact("---- BEGIN ")];

/// Reads the block that begins here.
pub(super) fn probe(view: &View<'_>, at: usize) -> Probe {
    if view.before(at) == Some(b'-') {
        return Probe::No;
    }
    read(view, at).unwrap_or(Probe::More { from: at })
}

fn read(view: &View<'_>, start: usize) -> Sure<Probe> {
    let label = start + "-----BEGIN ".len();
    let label_end = run(view, label, &LABEL, 64)?;
    let name = between(view, label, label_end);
    let is_private = name.windows(11).any(|part| part == b"PRIVATE KEY");
    if !is_private || byte(view, label_end)? != Some(b'-') {
        return Ok(Probe::No);
    }
    let body = run(view, label_end, &DASH, 5)?;
    if !has_material(view, body)? {
        return Ok(Probe::No);
    }
    let last = start + LONGEST_HELD;
    let mut at = body;
    loop {
        if at >= last {
            return Ok(Probe::Swallow {
                start,
                what: KEY,
                until: Until::PemEnd,
            });
        }
        match byte(view, at)? {
            None => return Ok(found(start, trimmed(view, body, at), KEY)),
            Some(b'-') => {
                if let Some(end) = closing_line(view, at, last)? {
                    return Ok(found(start, end, KEY));
                }
                at += 1;
            }
            Some(_) => at += 1,
        }
    }
}

/// The end of the closing line that begins here. Beyond `last` nothing is looked at.
fn closing_line(view: &View<'_>, at: usize, last: usize) -> Sure<Option<usize>> {
    if !literal(view, at, "-----END ")? {
        return Ok(None);
    }
    let place = at + "-----END ".len();
    let label = run(view, place, &LABEL, 64)?;
    let end = run(view, label, &DASH, 5)?;
    Ok((end > label && end <= last).then_some(end))
}

/// Whether key material begins soon.
fn has_material(view: &View<'_>, body: usize) -> Sure<bool> {
    let mut at = body;
    while at < body + HEADERS {
        match byte(view, at)? {
            None => return Ok(false),
            Some(next) if has(&BASE64, next) => {
                let end = run(view, at, &BASE64, MATERIAL)?;
                let material = between(view, at, end);
                if material.len() == MATERIAL && !is_sequence(material) {
                    return Ok(true);
                }
                at = end;
            }
            // The closing line: nothing stood between.
            Some(b'-') if view.before(at) == Some(b'-') => return Ok(false),
            Some(_) => at += 1,
        }
    }
    Ok(false)
}

/// Where a block without a closing line ends in a whole text: behind the last of its material.
fn trimmed(view: &View<'_>, body: usize, end: usize) -> usize {
    let text = between(view, body, end);
    let last = text.iter().rposition(|byte| has(&BASE64, *byte));
    last.map_or(end, |last| body + last + 1)
}

/// `-----BEGIN ` in base64.
pub(super) const ENCODED: &[Trigger] = &[Trigger::Exact("LS0tLS1CRUdJTi")];

/// Reads the encoded block that begins here.
pub(super) fn probe_encoded(view: &View<'_>, at: usize) -> Probe {
    if !opens(view, at) {
        return Probe::No;
    }
    read_encoded(view, at).unwrap_or(Probe::More { from: at })
}

fn read_encoded(view: &View<'_>, start: usize) -> Sure<Probe> {
    let head = run(view, start, &BASE64, 64)?;
    let is_private = decode(between(view, start, head))
        .is_some_and(|line| line.windows(11).any(|part| part == b"PRIVATE KEY"));
    if !is_private {
        return Ok(Probe::No);
    }
    let end = run(view, start, &BASE64, room(start, start))?;
    Ok(if end - start > LONGEST_HELD {
        swallow(start, KEY, &BASE64)
    } else if end - start < 100 {
        Probe::No
    } else {
        found(start, end, KEY)
    })
}
