//! JSON Web Tokens: a header that decodes to JSON and names an algorithm, a body, a signature.
//!
//! The span is the whole token. One longer than what is held is swallowed once its header is read.

use super::encoded::decode;
use super::reading::{
    Set, Sure, URL64, between, byte, found, opens, room, run, set, swallow, what,
};
use crate::governance::guard::finding::Level;
use crate::governance::guard::probe::{LONGEST_HELD, Probe, Trigger, View};

static WITH_DOTS: Set = set("0-9A-Za-z_.-");

/// `{"` in base64.
pub(super) const TRIGGERS: &[Trigger] = &[Trigger::Exact("eyJ")];

/// Reads the token that begins here.
pub(super) fn probe(view: &View<'_>, at: usize) -> Probe {
    // `ops_eyJ`, `glc_eyJ`: the token of somebody else.
    if !opens(view, at) || view.before(at) == Some(b'_') {
        return Probe::No;
    }
    read(view, at).unwrap_or(Probe::More { from: at })
}

fn read(view: &View<'_>, start: usize) -> Sure<Probe> {
    let level = what("jwt", Level::Validated);
    let header_end = run(view, start, &URL64, room(start, start))?;
    if byte(view, header_end)? != Some(b'.') || !names_algorithm(between(view, start, header_end)) {
        return Ok(Probe::No);
    }
    let body_end = run(view, header_end + 1, &URL64, room(start, header_end + 1))?;
    if body_end - start > LONGEST_HELD {
        return Ok(swallow(start, level, &WITH_DOTS));
    }
    if body_end - header_end < 5 || byte(view, body_end)? != Some(b'.') {
        return Ok(Probe::No);
    }
    // Encrypted tokens have two parts more.
    let mut end = body_end;
    for _ in 0..3 {
        if byte(view, end)? != Some(b'.') {
            break;
        }
        let part = run(view, end + 1, &URL64, room(start, end + 1))?;
        if part - start > LONGEST_HELD {
            return Ok(swallow(start, level, &URL64));
        }
        if part - end < 9 && end > body_end {
            break;
        }
        end = part;
    }
    // `alg: none` ends in a dot, and a sentence does, too: without a signature the dot stays outside.
    if view.before(end) == Some(b'.') {
        end -= 1;
    }
    Ok(found(start, end, level))
}

fn names_algorithm(header: &[u8]) -> bool {
    decode(header).is_some_and(|json| {
        json.starts_with(b"{\"")
            && (json.windows(6).any(|part| part == b"\"alg\":")
                || json.windows(6).any(|part| part == b"\"alg\" "))
    })
}
