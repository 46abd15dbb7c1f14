//! The one layout of a policy: two spaces a level, no trailing white space, a blank line between sections.
//!
//! Only white space is ever touched: every other character, comments and quotes included, stays what and in the order it
//! was. Lines within block scalars, quoted texts and brackets over several lines move as a whole with the line they begin
//! on, so what they say stays the same.
//!
//! Invariant: what comes out has the digest of what went in. It is compared before it is handed out, and a layout nobody
//! thought of is handed back as it came.

use super::{digest, parse};
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::collections::BTreeMap;

/// Spaces a level.
const STEP: usize = 2;

/// The text of a policy in the one layout; `None` if its form is not that of a policy.
#[must_use]
pub fn format(text: &str) -> Option<String> {
    let before = content(text)?;
    let unix = text.replace("\r\n", "\n");
    let inner = continued(&unix)?;
    let formatted = spaced(indented(&unix, &inner));
    let same = letters(text).eq(letters(&formatted)) && content(&formatted) == Some(before);
    Some(if same { formatted } else { text.to_owned() })
}

/// The digest of what a text says, if its form is good.
fn content(text: &str) -> Option<digest::Content> {
    let mut faults = Vec::new();
    let (_, root) = parse::parse(text.as_bytes(), 0, &mut faults)?;
    let root = root.filter(|_| faults.is_empty())?;
    Some(digest::content(&root))
}

/// All that is not white space.
fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_whitespace())
}

/// How a line belongs to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inner {
    /// A line of a block scalar or of a quoted text: white space at its end counts, or might.
    Text,
    /// A line within brackets or of a bare text.
    Loose,
}

/// The lines that do not begin anything of their own, by their numbers from 0.
fn continued(text: &str) -> Option<BTreeMap<usize, Inner>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut inner = BTreeMap::new();
    let mut open = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        let (first, last) = (
            span.start.line().saturating_sub(1),
            span.end.line().saturating_sub(1),
        );
        match event {
            Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..) => {
                let is_blank = |at: usize| lines.get(at).is_none_or(|line| line.trim().is_empty());
                // The span begins at the first letter: what is between it and the header is part of it.
                let mut header = first;
                while header > 0 {
                    header = header.saturating_sub(1);
                    if !is_blank(header) {
                        break;
                    }
                }
                // It ends where the next thing begins, or with the file.
                let ends_before = lines
                    .get(last)
                    .is_none_or(|line| indentation(line) >= span.end.col());
                let mut end = if ends_before {
                    last
                } else {
                    last.saturating_add(1)
                };
                let keeps = lines.get(header).is_some_and(|line| {
                    let head = line.split(" #").next().unwrap_or_default();
                    let sign = head.split_whitespace().last().unwrap_or_default();
                    sign.starts_with(['|', '>']) && sign.contains('+')
                });
                while !keeps && end > first && is_blank(end.saturating_sub(1)) {
                    end = end.saturating_sub(1);
                }
                inner.extend((header.saturating_add(1)..end).map(|line| (line, Inner::Text)));
            }
            Event::Scalar(_, style, ..) => {
                let kind = if style == ScalarStyle::Plain {
                    Inner::Loose
                } else {
                    Inner::Text
                };
                inner.extend((first.saturating_add(1)..=last).map(|line| (line, kind)));
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let line = lines.get(first).copied().unwrap_or_default();
                let bracket = line.chars().nth(span.start.col());
                open.push((first, matches!(bracket, Some('[' | '{'))));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (begin, is_flow) = open.pop()?;
                if is_flow {
                    for line in begin.saturating_add(1)..=last {
                        inner.entry(line).or_insert(Inner::Loose);
                    }
                }
            }
            _ => {}
        }
    }
    Some(inner)
}

/// A line with its new indentation.
#[derive(Debug)]
struct Line {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank,
    Comment,
    /// A key of the file itself.
    Section,
    Other,
}

/// A column at which something begins: where it was, and where it goes.
#[derive(Debug, Clone, Copy)]
struct Level {
    old: usize,
    new: usize,
    dash: bool,
}

#[derive(Debug, Default)]
struct Levels(Vec<Level>);

impl Levels {
    /// Where something that begins at column `old` goes.
    fn enter(&mut self, old: usize, dash: bool) -> usize {
        while let Some(top) = self.0.last().copied() {
            if top.old < old {
                break;
            }
            if top.old == old && top.dash == dash {
                return top.new;
            }
            // The items of a list may stand right below its key.
            if top.old == old && dash {
                break;
            }
            self.0.pop();
        }
        let new = self.0.last().map_or(0, |top| top.new.saturating_add(STEP));
        self.0.push(Level { old, new, dash });
        new
    }

    /// Where something goes that belongs to no level by itself: a comment.
    fn at(&self, old: usize) -> Option<usize> {
        let level = self.0.iter().find(|level| level.old == old)?;
        Some(level.new)
    }
}

/// Every line at its level.
fn indented(text: &str, inner: &BTreeMap<usize, Inner>) -> Vec<Line> {
    let mut levels = Levels::default();
    let mut out: Vec<Line> = Vec::new();
    // Comments whose level is known with the next line that begins something.
    let mut waiting: Vec<(usize, usize)> = Vec::new();
    // How far the line moved that lines within it move with.
    let (mut old, mut new) = (0, 0);
    for (number, line) in text.lines().enumerate() {
        let bare = line.trim_matches([' ', '\t']);
        let column = indentation(line);
        if let Some(kind) = inner.get(&number) {
            let text = match kind {
                Inner::Loose => bare,
                Inner::Text => line.get(column..).unwrap_or_default(),
            };
            let moved = match kind {
                _ if line.is_empty() => 0,
                Inner::Loose if text.is_empty() => 0,
                _ => column.saturating_add(new).saturating_sub(old),
            };
            out.push(Line {
                text: at(moved, text),
                kind: Kind::Other,
            });
        } else if bare.is_empty() {
            out.push(Line {
                text: String::new(),
                kind: Kind::Blank,
            });
        } else if bare.starts_with('#') {
            waiting.push((out.len(), column));
            out.push(Line {
                text: bare.to_owned(),
                kind: Kind::Comment,
            });
        } else {
            let before = levels.0.clone();
            let first = if matches!(bare, "---" | "...") || bare.starts_with('%') {
                out.push(Line {
                    text: bare.to_owned(),
                    kind: Kind::Other,
                });
                0
            } else {
                let (first, text);
                (first, text, old, new) = structural(bare, column, &mut levels);
                let is_section = first == 0 && !bare.starts_with("- ") && bare != "-";
                out.push(Line {
                    text,
                    kind: if is_section {
                        Kind::Section
                    } else {
                        Kind::Other
                    },
                });
                first
            };
            let before = Levels(before);
            for (index, was) in waiting.drain(..) {
                let to = if was == column {
                    first
                } else {
                    before.at(was).unwrap_or(first)
                };
                move_to(&mut out, index, to);
            }
        }
    }
    for (index, was) in waiting {
        let to = levels.at(was).unwrap_or(0);
        move_to(&mut out, index, to);
    }
    out
}

fn move_to(out: &mut [Line], index: usize, to: usize) {
    if let Some(line) = out.get_mut(index) {
        line.text = at(to, &line.text);
    }
}

fn at(column: usize, text: &str) -> String {
    format!("{}{text}", " ".repeat(column))
}

fn indentation(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}

/// A line that begins something: its column, its text, and where its content was and is.
fn structural(bare: &str, column: usize, levels: &mut Levels) -> (usize, String, usize, usize) {
    let (mut rest, mut old) = (bare, column);
    let mut first = None;
    let mut text = String::new();
    loop {
        let is_dash = rest == "-" || rest.starts_with("- ");
        let new = levels.enter(old, is_dash);
        if first.is_none() {
            text.push_str(&at(new, ""));
        }
        let first = *first.get_or_insert(new);
        if !is_dash {
            text.push_str(rest);
            return (first, text, old, new);
        }
        let behind = rest.get(1..).unwrap_or_default();
        let gap = indentation(behind);
        rest = behind.get(gap..).unwrap_or_default();
        if rest.is_empty() || rest.starts_with('#') {
            text.push_str(if rest.is_empty() { "-" } else { "- " });
            text.push_str(rest);
            return (first, text, old, new);
        }
        text.push_str("- ");
        old = old.saturating_add(1).saturating_add(gap);
    }
}

/// The lines with one blank line where there were several, none at the ends, and one between sections of several lines.
fn spaced(lines: Vec<Line>) -> String {
    // What stands between two blank lines or sections belongs together.
    let mut sections: Vec<Vec<Line>> = vec![Vec::new()];
    for line in lines {
        if line.kind == Kind::Section
            && let Some(last) = sections.last_mut()
        {
            let above = last
                .iter()
                .rev()
                .take_while(|line| line.kind == Kind::Comment && !line.text.starts_with(' '));
            let above = last.len().saturating_sub(above.count());
            let mut next = last.split_off(above);
            next.push(line);
            sections.push(next);
        } else if let Some(last) = sections.last_mut() {
            last.push(line);
        }
    }
    let mut out = String::new();
    let mut was_long = false;
    let mut blank = false;
    for section in &sections {
        let is_long = section
            .iter()
            .filter(|line| line.kind != Kind::Blank)
            .count()
            > 1;
        blank |= is_long || was_long;
        for line in section {
            if line.kind == Kind::Blank {
                blank = true;
                continue;
            }
            if blank && !out.is_empty() {
                out.push('\n');
            }
            blank = false;
            out.push_str(line.text.as_str());
            out.push('\n');
        }
        was_long = is_long;
    }
    out
}
