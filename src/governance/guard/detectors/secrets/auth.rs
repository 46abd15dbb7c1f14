//! Credentials in headers and addresses: `Authorization: Basic …`, `Bearer …`, session cookies, shared signatures.
//!
//! The words themselves are common, so each needs a value that could not stand there otherwise: base64 that decodes to
//! `user:password`, a token that looks random.

use super::encoded::decode;
use super::looks::{is_placeholder, is_random, is_uuid};
use super::reading::{
    BASE64, BLANK, DIGIT, NAME, Set, Sure, TOKEN, URL64, between, byte, found, line_before,
    literal, mentions, opens, room, run, run_back, set, swallow, what,
};
use crate::governance::guard::finding::Level;
use crate::governance::guard::probe::{LONGEST_HELD, Probe, Trigger, View};

static COOKIE: Set = set("0-9A-Za-z._~+/=%-");

/// The scheme of user and password.
pub(super) const BASIC: &[Trigger] = &[Trigger::AnyCase("basic ")];

/// Reads what follows `Basic `.
pub(super) fn probe_basic(view: &View<'_>, at: usize) -> Probe {
    if !opens(view, at) {
        return Probe::No;
    }
    let start = at + "basic ".len();
    basic(view, start).unwrap_or(Probe::More { from: start })
}

fn basic(view: &View<'_>, start: usize) -> Sure<Probe> {
    let end = run(view, start, &BASE64, room(start, start))?;
    let value = between(view, start, end);
    if end - start > LONGEST_HELD || end - start < 8 {
        return Ok(Probe::No);
    }
    let is_one = decode(value).is_some_and(|plain| {
        let colon = plain.iter().position(|byte| *byte == b':');
        let user = colon
            .and_then(|colon| plain.get(..colon))
            .unwrap_or_default();
        let password = colon
            .and_then(|colon| plain.get(colon + 1..))
            .unwrap_or_default();
        let printable = plain.iter().all(|byte| (0x20..0x7f).contains(byte));
        // A key as the user and no password is how many APIs take it.
        let is_secret = if password.is_empty() {
            is_random(user, 12)
        } else {
            !is_placeholder(password)
        };
        printable && colon.is_some() && is_secret
    });
    Ok(if is_one {
        found(start, end, what("basic_auth", Level::Validated))
    } else {
        Probe::No
    })
}

/// The scheme of tokens.
pub(super) const BEARER: &[Trigger] = &[Trigger::AnyCase("bearer ")];

/// Reads what follows `Bearer `.
pub(super) fn probe_bearer(view: &View<'_>, at: usize) -> Probe {
    if !opens(view, at) {
        return Probe::No;
    }
    let start = at + "bearer ".len();
    bearer(view, start).unwrap_or(Probe::More { from: start })
}

fn bearer(view: &View<'_>, start: usize) -> Sure<Probe> {
    token(view, start, "bearer_token", 16)
}

/// A token of the field's alphabet that looks random.
fn token(view: &View<'_>, start: usize, name: &'static str, least: usize) -> Sure<Probe> {
    let end = run(view, start, &TOKEN, room(start, start))?;
    if end - start > LONGEST_HELD {
        let head = between(view, start, start + LONGEST_HELD);
        return Ok(if is_random(head, least) {
            swallow(start, what(name, Level::Shaped), &TOKEN)
        } else {
            Probe::No
        });
    }
    let mut end = end;
    while view.before(end) == Some(b'.') && end > start {
        end -= 1;
    }
    let value = between(view, start, end);
    Ok(if is_random(value, least) || is_uuid(value) {
        found(start, end, what(name, Level::Shaped))
    } else {
        Probe::No
    })
}

/// Names of session cookies.
pub(super) const SESSION: &[Trigger] = &[
    Trigger::AnyCase("sess"),
    Trigger::Exact("connect.sid="),
    Trigger::Exact("csrftoken="),
];

/// Reads the value of a session cookie, in a line that speaks of cookies.
pub(super) fn probe_session(view: &View<'_>, at: usize) -> Probe {
    let name_start = run_back(view, at, &NAME, 24);
    let Ok(name_end) = run(view, at, &NAME, 40) else {
        return Probe::More {
            from: view.bytes.len(),
        };
    };
    let cookie = mentions(line_before(view, name_start, 190), "cookie");
    if !cookie || byte(view, name_end) != Ok(Some(b'=')) {
        return match byte(view, name_end) {
            Err(_) if cookie => Probe::More {
                from: view.bytes.len(),
            },
            _ => Probe::No,
        };
    }
    let start = name_end + 1;
    let Ok(end) = run(view, start, &COOKIE, room(start, start)) else {
        return Probe::More { from: start };
    };
    let value = between(view, start, end);
    if end - start <= LONGEST_HELD && (is_random(value, 16) || is_uuid(value)) {
        found(start, end, what("session_cookie", Level::Contextual))
    } else {
        Probe::No
    }
}

/// Names that ends of header lines have; what is behind `Authorization:` without a scheme known here.
pub(super) const AUTHORIZATION: &[Trigger] = &[Trigger::AnyCase("authorization")];

/// Reads `Authorization: Token …`, `Authorization: Bot …`, `Authorization: …`.
pub(super) fn probe_authorization(view: &View<'_>, at: usize) -> Probe {
    let mut from = view.bytes.len();
    authorization(view, at + "authorization".len(), &mut from).unwrap_or(Probe::More { from })
}

fn authorization(view: &View<'_>, at: usize, from: &mut usize) -> Sure<Probe> {
    static QUOTES: Set = set("\"'`\\]");
    let name_end = run(view, at, &QUOTES, 4)?;
    let colon = run(view, name_end, &BLANK, 4)?;
    if !matches!(byte(view, colon)?, Some(b':' | b'=')) {
        return Ok(Probe::No);
    }
    let blank = run(view, colon + 1, &BLANK, 4)?;
    let mut start = run(view, blank, &QUOTES, 4)?;
    *from = start;
    // One word of a scheme at most, a blank behind it.
    let word = run(view, start, &URL64, 20)?;
    if word > start && byte(view, word)? == Some(b' ') {
        start = word + 1;
        if literal(view, start, "token=")? {
            start += "token=".len();
        }
    }
    // Signed requests name the key and say no secret.
    if literal(view, start, "Credential=")? {
        return Ok(Probe::No);
    }
    *from = start;
    let digits = run(view, start, &DIGIT, 8)?;
    if digits > start && byte(view, digits)? == Some(b' ') {
        return Ok(Probe::No);
    }
    token(view, start, "authorization_header", 16)
}

/// The field of a registry's credentials.
pub(super) const REGISTRY: &[Trigger] = &[Trigger::Exact("\"auth\"")];

/// Reads `"auth": "…"`, user and password in base64.
pub(super) fn probe_registry(view: &View<'_>, at: usize) -> Probe {
    let mut from = view.bytes.len();
    registry(view, at + "\"auth\"".len(), &mut from).unwrap_or(Probe::More { from })
}

fn registry(view: &View<'_>, at: usize, from: &mut usize) -> Sure<Probe> {
    let colon = run(view, at, &BLANK, 4)?;
    if byte(view, colon)? != Some(b':') {
        return Ok(Probe::No);
    }
    let quote = run(view, colon + 1, &BLANK, 4)?;
    if byte(view, quote)? != Some(b'"') {
        return Ok(Probe::No);
    }
    *from = quote + 1;
    basic(view, quote + 1)
}

/// The signature in addresses that let whoever knows them at Azure's storage.
pub(super) const SIGNATURE: &[Trigger] = &[Trigger::Exact("&sig="), Trigger::Exact("?sig=")];

/// Reads the signature of a shared address.
pub(super) fn probe_signature(view: &View<'_>, at: usize) -> Probe {
    let start = at + "&sig=".len();
    let Ok(end) = run(view, start, &SIGNED, 128) else {
        return Probe::More { from: start };
    };
    let value = between(view, start, end);
    if value.len() >= 40 && is_random(value, 40) {
        found(start, end, what("azure_sas_signature", Level::Shaped))
    } else {
        Probe::No
    }
}

static SIGNED: Set = set("0-9A-Za-z%+/=_-");
