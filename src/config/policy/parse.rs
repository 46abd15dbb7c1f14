//! From bytes to a tree, or to what is wrong with their form.

use super::conform::place;
use super::files::MAX_BYTES;
use crate::config::fault::SourceId;
use crate::config::yaml::{Bounds, Flaw, Node, parse_within};
use crate::governance::policy::place::{Diagnostic, Place};

/// How much one policy may hold.
const BOUNDS: Bounds = Bounds {
    bytes: MAX_BYTES,
    depth: 32,
    nodes: 20_000,
};

/// The text of a file, and its tree if its form is good.
pub(super) fn parse(
    bytes: &[u8],
    file: u16,
    found: &mut Vec<Diagnostic>,
) -> Option<(String, Option<Node>)> {
    if bytes.len() > BOUNDS.bytes {
        let message = format!("more than the {MAX_BYTES} bytes a policy may have");
        found.push(Diagnostic::error("TG003", whole(file), message));
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let good = String::from_utf8_lossy(good);
            let message = "this is not UTF-8 text from here on";
            found.push(Diagnostic::error("TG001", behind(&good, file), message));
            return None;
        }
    };
    let before = found.len();
    found.extend(characters(&text, file));
    if found.len() > before {
        return Some((text, None));
    }
    // What an alias stands for is not known: what is around it cannot be judged.
    let mut readable = true;
    let root = parse_within(BOUNDS, &text, SourceId::nth(file), &mut |flaw| {
        readable &= flaw.code != "alias";
        found.push(diagnostic(flaw));
    });
    Some((text, root.filter(|_| readable)))
}

/// A file as a whole.
pub(super) const fn whole(file: u16) -> Place {
    Place {
        file,
        line: 0,
        column: 0,
    }
}

/// The place behind a text.
fn behind(text: &str, file: u16) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let last = text.rsplit('\n').next().unwrap_or_default();
    Place {
        file,
        line: number(text.matches('\n').count()).saturating_add(1),
        column: number(last.chars().count()).saturating_add(1),
    }
}

/// The first characters of each kind that no policy may have.
fn characters(text: &str, file: u16) -> Vec<Diagnostic> {
    let at = |offset: usize| behind(text.get(..offset).unwrap_or_default(), file);
    let mut found = Vec::new();
    let mut complain = |offset: Option<usize>, message: &str, help: &str| {
        if let Some(offset) = offset {
            found.push(Diagnostic::error("TG001", at(offset), message).with_help(help));
        }
    };
    complain(
        text.find('\u{feff}'),
        "there is a byte order mark here",
        "save the file as UTF-8 without one",
    );
    complain(
        text.find('\0'),
        "there is a NUL character here",
        "remove it",
    );
    let indented_by_tab = text.split_inclusive('\n').scan(0_usize, |start, line| {
        let begins = *start;
        *start = start.saturating_add(line.len());
        let indentation = line
            .find(|c: char| !c.is_ascii_whitespace())
            .and_then(|end| line.get(..end))
            .unwrap_or_default();
        Some(indentation.find('\t').map(|tab| begins.saturating_add(tab)))
    });
    complain(
        indented_by_tab.flatten().next(),
        "this line is indented by a tab",
        "indent by spaces",
    );
    found
}

/// A fault of form by its code.
fn diagnostic(flaw: Flaw) -> Diagnostic {
    let code = match flaw.code {
        "too_large" | "too_deep" => "TG003",
        "alias" | "anchor" | "tag" => "TG004",
        "second_document" => "TG005",
        "duplicate_key" => "TG103",
        _ => "TG002",
    };
    let mut diagnostic = Diagnostic::error(code, place(flaw.place), flaw.message);
    diagnostic.help = flaw.help.map(str::to_owned);
    diagnostic.also = flaw
        .first
        .map(|first| (place(first), "the first is here".to_owned()));
    diagnostic
}
