//! Mail addresses: a local part, an `@`, and a domain under a top-level domain that exists.
//!
//! The list of top-level domains is what tells them from packages with versions, images with digests and places in a
//! repository. The domain ends where it stops being one, so prose around it, of any script, is not part of it.
//!
//! Not here: user and password in a URL (`secrets`); quoted local parts, which nobody uses.

use super::super::finding::{Kind, Level};
use super::super::probe::{Detector, Match, Probe, Trigger, View};
use super::super::scanner::lead;
use super::read::{Sure, alnum, answer, found, hex, is, run};
use super::tld::is_top_level;

/// Mail addresses.
pub(super) const EMAIL: Detector = Detector {
    name: "email",
    kind: Kind::Email,
    triggers: &[Trigger::Exact("@")],
    probe,
};

/// The longest domain, in bytes.
const LONGEST_DOMAIN: usize = 253;
const LONGEST_LABEL: usize = 63;
/// As many hexadecimal digits in a row are no name.
const LONGEST_HEX: usize = 20;

fn probe(view: &View<'_>, trigger: usize) -> Probe {
    let start = local(view, trigger);
    if start == trigger || is_userinfo(view, start) {
        return Probe::No;
    }
    answer(read(view, start, trigger), start)
}

/// Where the local part begins.
fn local(view: &View<'_>, at: usize) -> usize {
    let before = view.bytes.get(..at).unwrap_or_default();
    let mut start = lead::start(view.bytes, at);
    // A bracket or a quote in front belongs to the text, and so does all before it.
    if let Some(bracket) = before.iter().rposition(|b| *b == b'(')
        && bracket >= start
    {
        start = bracket + 1;
    }
    while before
        .get(start)
        .is_some_and(|b| matches!(b, b'.' | b'\'' | b'%' | b'+' | b'-'))
    {
        let escaped = before.get(start) == Some(&b'%');
        start += if escaped && before.get(start + 1..start + 3) == Some(b"40") {
            3
        } else {
            1
        };
    }
    let ends_in_letter = before
        .last()
        .is_some_and(|b| alnum(*b) || matches!(b, b'_' | b'-' | b'+' | b'%'));
    let doubled = before
        .get(start..)
        .is_some_and(|local| memchr::memmem::find(local, b"..").is_some());
    if ends_in_letter && !doubled {
        start.min(at)
    } else {
        at
    }
}

/// Whether what stands before the `@` is user and password of a URL, or an escape of JSON's before a letter.
fn is_userinfo(view: &View<'_>, start: usize) -> bool {
    let before = view.bytes.get(..start).unwrap_or_default();
    if before.ends_with(b"://") {
        return true;
    }
    if before.last() != Some(&b':') {
        return false;
    }
    let word = before
        .iter()
        .rev()
        .take(64)
        .take_while(|b| b.is_ascii_graphic() && **b != b'"')
        .count();
    let word = before.get(before.len() - word..).unwrap_or_default();
    memchr::memmem::find(word, b"://")
        .is_some_and(|at| !word.get(at + 3..).unwrap_or_default().contains(&b'/'))
}

fn read(view: &View<'_>, start: usize, at: usize) -> Sure<Option<Match>> {
    let from = at + 1;
    // A commit or a digest, which no name of a host is.
    if run(view, from, LONGEST_HEX, hex)? == LONGEST_HEX {
        return Ok(None);
    }
    let ascii = run(view, from, LONGEST_DOMAIN, |b| {
        alnum(b) || matches!(b, b'-' | b'.')
    })?;
    let mut end = domain_end(view, from, from + ascii);
    if is(view, from + ascii, |b| !b.is_ascii())?
        && ascii < LONGEST_DOMAIN
        && end != Some(from + ascii)
    {
        let native = run(view, from, LONGEST_DOMAIN, |b| {
            alnum(b) || !b.is_ascii() || matches!(b, b'-' | b'.')
        })?;
        end = native_end(view, from, from + native).or(end);
    }
    let Some(end) = end else { return Ok(None) };
    let local = view.bytes.get(start..at).unwrap_or_default();
    // A place in a repository, as git and scp write it.
    if is(view, end, |b| b == b':')? {
        let path = run(view, end + 1, 64, |b| {
            alnum(b) || matches!(b, b'.' | b'-' | b'_' | b'~')
        })?;
        let slashed =
            is(view, end + 1 + path, |b| b == b'/')? && (path > 0 || is(view, end + 2, alnum)?);
        if slashed || path > 0 && matches!(local, b"git" | b"hg" | b"svn") {
            return Ok(None);
        }
    }
    if local == b"git" && is(view, end, |b| b == b'/')? {
        return Ok(None);
    }
    Ok(Some(found(start, end, Kind::Email, "email", Level::Shaped)))
}

/// Where a domain in ASCII ends: behind the last label that is a top-level domain and has one before it.
fn domain_end(view: &View<'_>, from: usize, to: usize) -> Option<usize> {
    let domain = str::from_utf8(view.bytes.get(from..to)?).ok()?;
    let mut at = 0;
    let mut end = None;
    for (place, label) in domain.split('.').enumerate() {
        let trimmed = label.trim_end_matches('-');
        if !is_label(trimmed) {
            break;
        }
        // A capital behind a full stop begins a sentence.
        if end.is_some()
            && label.starts_with(|c: char| c.is_ascii_uppercase())
            && !domain.get(..at)?.contains(|c: char| c.is_ascii_uppercase())
        {
            break;
        }
        if place == 1 && matches!(domain.get(..at - 1), Some("2x" | "3x" | "1x" | "4x")) {
            break;
        }
        if place > 0 && is_top_level(trimmed) {
            end = Some(from + at + trimmed.len());
        }
        if trimmed.len() < label.len() {
            break;
        }
        at += label.len() + 1;
    }
    end
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.len() <= LONGEST_LABEL && !label.starts_with('-')
}

/// Where a domain with letters of other scripts ends: at the longest stretch whose last label is a top-level domain, of its own
/// script or of ASCII. Letters that go on behind a domain of ASCII are text.
fn native_end(view: &View<'_>, from: usize, to: usize) -> Option<usize> {
    let mut to = to;
    while view.bytes.get(to).is_some_and(|b| b & 0xc0 == 0x80) {
        to -= 1;
    }
    let domain = str::from_utf8(view.bytes.get(from..to)?).ok()?;
    let stop = domain
        .find(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '-'))
        .unwrap_or(domain.len());
    let mut at = 0;
    let mut end = None;
    for (place, label) in domain.get(..stop)?.split('.').enumerate() {
        if !is_label(label) {
            break;
        }
        if place > 0 {
            let ascii = label
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .unwrap_or(label.len());
            let native = label.find(|c: char| c.is_ascii()).unwrap_or(label.len());
            let length = [label.len(), ascii, native]
                .into_iter()
                .find(|length| label.get(..*length).is_some_and(is_top_level));
            if let Some(length) = length {
                end = Some(from + at + length);
                if length < label.len() {
                    break;
                }
            }
        }
        at += label.len() + 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finds, finds_none};

    #[test]
    fn addresses_are_found_whatever_stands_around_them() {
        for mail in [
            "jane@example.com",
            "jane.doe+news@mail.example.co.uk",
            "o'brien@acme.io",
            "x_1-2%y@a-b.museum",
            "JANE@EXAMPLE.COM",
            "a@b.xn--p1ai",
            "info@m\u{fc}ller.de",
            "post@\u{43f}\u{43e}\u{447}\u{442}\u{430}.\u{440}\u{444}",
        ] {
            for (before, behind) in [
                ("", ""),
                ("mail ", "."),
                ("<", ">"),
                ("mailto:", "?subject=x"),
                ("(", ")"),
                ("'", "'"),
                ("\"", "\","),
                ("邮箱", "。"),
                ("[x](mailto:", ")"),
                ("to=", "&cc="),
                ("**", "**"),
                ("{\\\"m\\\":\\\"", "\\\"}"),
                ("für ", ", und"),
                ("", ". Then"),
                ("", "..."),
                ("", ":"),
                ("", "/"),
                ("", "\\n"),
            ] {
                finds(super::EMAIL, &format!("{before}{mail}{behind}"), mail);
            }
        }
        finds(super::EMAIL, "jane@example.com地址", "jane@example.com");
        finds(super::EMAIL, "jane@example.comさん", "jane@example.com");
        finds(super::EMAIL, "bob@acme.io.Is it", "bob@acme.io");
        finds(super::EMAIL, "bob@acme.io-", "bob@acme.io");
        finds(super::EMAIL, "bob@acme.io:hunter2", "bob@acme.io");
        finds(
            super::EMAIL,
            "https://x.com/?u=bob%40x&m=bob@acme.io",
            "bob@acme.io",
        );
    }

    #[test]
    fn packages_images_and_places_in_repositories_are_left_alone() {
        for text in [
            "git@github.com:org/repo.git",
            "git@gitlab.example.com:x",
            "deploy@web1.example.com:/srv/www",
            "pkg@1.2.3",
            "lodash@4.17.21",
            "image@sha256:deadbeef",
            "user@localhost",
            "@user",
            "@acme.io",
            "jane@",
            "jane @ acme.io",
            "a@b",
            "icon@2x.png",
            "ssh://git@github.com/x",
            "https://u:p@example.com/",
            "ftp://jane@example.com",
            "x@-a.com",
            "jane@@example.com",
            "a..b@example.com",
            "@Component.Name",
            "foo@bar.localdomain",
            "host@10.0.0.1",
            "acme/x@e9b3a8615492e83f355d31c08086bba4e4a971e4",
        ] {
            finds_none(super::EMAIL, text);
        }
    }
}
