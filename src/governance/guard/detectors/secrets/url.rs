//! Passwords in addresses: `scheme://user:password@host`. The span is the password alone.
//!
//! A password may itself hold `@` or `#` unencoded, as people write them into connection strings: it ends at the last `@`
//! of the authority. What stands for one (`$PASS`, `<password>`, `****`, `user:pass`) is none, nor is one that only repeats
//! the user.

use super::looks::is_placeholder;
use super::reading::{Set, Sure, between, byte, found, has, run, set, what};
use crate::governance::guard::finding::Level;
use crate::governance::guard::probe::{Probe, Trigger, View};

static USER: Set = set("0-9A-Za-z._~!$&*+,;=%-");
static ENDS: Set = set(" \t\r\n\"'`<>/\\|^()[]");

/// What every address has.
pub(super) const TRIGGERS: &[Trigger] = &[Trigger::Exact("://")];

/// Reads the authority behind `://`.
pub(super) fn probe(view: &View<'_>, at: usize) -> Probe {
    if !view
        .before(at)
        .is_some_and(|byte| byte.is_ascii_alphanumeric())
    {
        return Probe::No;
    }
    let user = at + 3;
    let Ok(user_end) = run(view, user, &USER, 96) else {
        return Probe::More {
            from: view.bytes.len(),
        };
    };
    if view.at(user_end) != Some(b':') {
        return Probe::No;
    }
    read(view, user, user_end + 1).unwrap_or(Probe::More { from: user_end + 1 })
}

fn read(view: &View<'_>, user: usize, start: usize) -> Sure<Probe> {
    let mut end = None;
    let mut at = start;
    while at - start < 256 {
        match byte(view, at)? {
            // `${DB_PASSWORD}`, `{{ password }}`, `$(cat file)`, `<password>`, `[password]`
            Some(b'<' | b'{' | b'(' | b'[') if at == start || view.before(at) == Some(b'$') => {
                return Ok(Probe::No);
            }
            Some(b'@') => end = Some(at),
            Some(next) if has(&ENDS, next) => break,
            Some(_) => {}
            None => break,
        }
        at += 1;
    }
    let Some(end) = end else {
        return Ok(Probe::No);
    };
    let password = between(view, start, end);
    let is_host_behind = byte(view, end + 1)?.is_some_and(|next| {
        next.is_ascii_alphanumeric() || matches!(next, b'[' | b'$' | b'{' | b'<' | b'%' | b'/')
    });
    let user = between(view, user, start - 1);
    let is_one = is_host_behind && !stands_in(password) && !user.eq_ignore_ascii_case(password);
    Ok(if is_one {
        found(start, end, what("url_password", Level::Validated))
    } else {
        Probe::No
    })
}

/// Whether a password only shows where one would stand.
fn stands_in(password: &[u8]) -> bool {
    // `host:80?mail=a@b`: what looks like a password begins as a port does.
    let port = password
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let is_port = port > 0
        && password
            .get(port)
            .is_some_and(|byte| matches!(byte, b'?' | b'#'));
    password.len() < 4
        || is_port
        || is_placeholder(password)
        || [
            "postgres",
            "mysql",
            "redis",
            "rabbitmq",
            "mongo",
            "pswd",
            "x-oauth-basic",
            "word",
        ]
        .iter()
        .any(|word| password.eq_ignore_ascii_case(word.as_bytes()))
}
