//! Passwords by their place: options of commands, arguments of calls, fields of a line, the secret beside an AWS key's id.
//!
//! No name stands beside them; the command, the call or the neighbour says what they are.

use super::looks::{Census, is_placeholder, is_random};
use super::reading::{
    ALNUM, BASE64, BLANK, NAME, Set, Sure, between, byte, found, has, line_before, literal,
    mentions, opens, run, run_back, set, what,
};
use crate::governance::guard::finding::Level;
use crate::governance::guard::probe::{Probe, Trigger, View};

static VALUE: Set = set("0-9A-Za-z!#$%&*+,./=?@^_|~:-");

/// Options of commands that take a password.
pub(super) const OPTIONS: &[Trigger] = &[
    Trigger::Exact(" -u"),
    Trigger::Exact(" -p"),
    Trigger::Exact("--user"),
];

/// Reads `curl -u user:password`, `mysql -ppassword`, `sshpass -p password`.
pub(super) fn probe_option(view: &View<'_>, at: usize) -> Probe {
    let line = line_before(view, at, 160);
    let is_user = view.at(at + 2) == Some(b'u');
    let attached = mentions(line, "mysql") || mentions(line, "mariadb");
    let named = mentions(line, "sshpass")
        || mentions(line, "docker login")
        || mentions(line, "az login")
        || mentions(line, "redis-cli");
    let wanted = if is_user {
        mentions(line, "curl") || mentions(line, "wget") || mentions(line, "http")
    } else {
        attached || named
    };
    if !wanted {
        return Probe::No;
    }
    let option = at
        + if view.at(at) == Some(b'-') {
            "--user".len()
        } else {
            3
        };
    let mut from = view.bytes.len();
    option_value(view, option, is_user, attached && !named, &mut from)
        .unwrap_or(Probe::More { from })
}

fn option_value(
    view: &View<'_>,
    option: usize,
    is_user: bool,
    attached: bool,
    from: &mut usize,
) -> Sure<Probe> {
    let mut start = run(view, option, &BLANK, 4)?;
    if attached && !is_user && start > option {
        return Ok(Probe::No);
    }
    if !attached && !is_user && start == option {
        return Ok(Probe::No);
    }
    if byte(view, start)? == Some(b'=') {
        start += 1;
    }
    let quote = byte(view, start)?.filter(|byte| matches!(byte, b'"' | b'\''));
    if quote.is_some() {
        start += 1;
    }
    if is_user {
        let user = run(view, start, &VALUE_BEFORE_COLON, 96)?;
        if user == start || byte(view, user)? != Some(b':') {
            return Ok(Probe::No);
        }
        start = user + 1;
    }
    *from = start;
    let mut end = start;
    while end - start < 128 {
        match byte(view, end)? {
            Some(next) if quote.is_some() && Some(next) != quote && next >= 0x20 => end += 1,
            Some(next) if quote.is_none() && has(&VALUE, next) => end += 1,
            _ => break,
        }
    }
    let value = between(view, start, end);
    let is_one = value.len() >= 3
        && !is_placeholder(value)
        && !value.starts_with(b"-")
        && !value.contains(&b' ');
    let is_one = is_one && (is_user || value.iter().any(|byte| !byte.is_ascii_digit()));
    Ok(if is_one {
        found(start, end, what("command_password", Level::Contextual))
    } else {
        Probe::No
    })
}

static VALUE_BEFORE_COLON: Set = set("0-9A-Za-z!#%&*+,./=?@^_|~-");

/// The port of Postgres, as a line of `.pgpass` has it.
pub(super) const PGPASS: &[Trigger] = &[Trigger::Exact(":5432:")];

/// Reads `host:5432:database:user:password`.
pub(super) fn probe_pgpass(view: &View<'_>, at: usize) -> Probe {
    let host = run_back(view, at, &NAME, 80);
    if host == at
        || !view
            .before(host)
            .is_none_or(|byte| byte == b'\n' || byte == b' ' || byte == b'\'' || byte == b'"')
    {
        return Probe::No;
    }
    let mut from = view.bytes.len();
    pgpass(view, at + ":5432:".len(), &mut from).unwrap_or(Probe::More { from })
}

fn pgpass(view: &View<'_>, start: usize, from: &mut usize) -> Sure<Probe> {
    let mut at = start;
    for _ in 0..2 {
        let end = if literal(view, at, "*")? {
            at + 1
        } else {
            run(view, at, &NAME, 64)?
        };
        if end == at || byte(view, end)? != Some(b':') {
            return Ok(Probe::No);
        }
        at = end + 1;
    }
    *from = at;
    let end = run(view, at, &VALUE, 128)?;
    let value = between(view, at, end);
    Ok(if value.len() >= 3 && !is_placeholder(value) {
        found(at, end, what("pgpass_password", Level::Contextual))
    } else {
        Probe::No
    })
}

/// What an AWS access key's id begins with, again: its secret often stands beside it without a name.
pub(super) const AWS_PAIR: &[Trigger] = &[Trigger::Exact("AKIA"), Trigger::Exact("ASIA")];

/// Reads the secret beside an access key's id: forty characters of base64 within a few bytes.
pub(super) fn probe_aws_pair(view: &View<'_>, at: usize) -> Probe {
    let mut from = view.bytes.len();
    aws_pair(view, at, &mut from).unwrap_or(Probe::More { from })
}

fn aws_pair(view: &View<'_>, at: usize, from: &mut usize) -> Sure<Probe> {
    let id = run(view, at, &ALNUM, 21)?;
    if id - at != 20 || !opens(view, at) {
        return Ok(Probe::No);
    }
    // Words between them may name what follows: `AWS_SECRET_ACCESS_KEY=`, ` / `, `, secret: `.
    let mut place = id;
    while place < id + 64 {
        let end = run(view, place, &BASE64, 41)?;
        if end - place >= 40 {
            let value = between(view, place, place + 40);
            *from = place;
            let ends_there =
                end - place == 40 && !byte(view, end)?.is_some_and(|next| has(&ALNUM, next));
            return Ok(if ends_there && is_random(value, 40) {
                found(place, end, what("aws_secret_access_key", Level::Shaped))
            } else {
                Probe::No
            });
        }
        place = end;
        match byte(view, place)? {
            None => return Ok(Probe::No),
            Some(_) => place += 1,
        }
    }
    Ok(Probe::No)
}

/// Calls that take a user and a password, and the credentials of registries in base64.
pub(super) const PAIRS: &[Trigger] = &[
    Trigger::Exact("auth=("),
    Trigger::Exact("BasicAuth("),
    Trigger::Exact(".login("),
    Trigger::Exact("Credentials("),
];

/// Reads the second of two quoted arguments.
pub(super) fn probe_pair(view: &View<'_>, at: usize) -> Probe {
    let mut from = view.bytes.len();
    pair(view, at, &mut from).unwrap_or(Probe::More { from })
}

fn pair(view: &View<'_>, at: usize, from: &mut usize) -> Sure<Probe> {
    let open = (at..at + 16).find(|at| view.at(*at) == Some(b'('));
    let Some(open) = open else {
        return Ok(Probe::No);
    };
    let first = run(view, open + 1, &BLANK, 2)?;
    let Some(quote) = byte(view, first)?.filter(|byte| matches!(byte, b'"' | b'\'')) else {
        return Ok(Probe::No);
    };
    let user = run(view, first + 1, &USER, 96)?;
    if user == first + 1 || byte(view, user)? != Some(quote) || byte(view, user + 1)? != Some(b',')
    {
        return Ok(Probe::No);
    }
    let second = run(view, user + 2, &BLANK, 2)?;
    if byte(view, second)? != Some(quote) {
        return Ok(Probe::No);
    }
    let start = second + 1;
    *from = start;
    let mut end = start;
    while end - start < 128 && byte(view, end)?.is_some_and(|next| next != quote && next > b' ') {
        end += 1;
    }
    let value = between(view, start, end);
    let is_closed = byte(view, end)? == Some(quote);
    let is_one = is_closed
        && value.len() >= 5
        && !is_placeholder(value)
        && Census::of(value).digits + Census::of(value).symbols > 0;
    Ok(if is_one {
        found(start, end, what("password_argument", Level::Contextual))
    } else {
        Probe::No
    })
}

static USER: Set = set("0-9A-Za-z._@+-");
