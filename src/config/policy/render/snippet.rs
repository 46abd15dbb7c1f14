//! The lines around a place, with a caret below it.

use crate::governance::policy::place::{Place, Severity};
use std::fmt::Write as _;

/// Longer lines are cut.
const WIDEST: usize = 160;

/// Whether to use colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    pub coloured: bool,
}

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.coloured {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn severity(self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::Error => self.wrap("1;31", text),
            Severity::Warning => self.wrap("1;33", text),
        }
    }

    pub(super) fn aside(self, text: &str) -> String {
        self.wrap("1;36", text)
    }
}

/// The line of a place between its neighbours, and a caret under its column. Of a place without a line, nothing.
pub(super) fn snippet(source: &str, place: Place, paint: Paint, out: &mut String) {
    let Some(line) = usize::try_from(place.line).ok().filter(|line| *line > 0) else {
        return;
    };
    let first = line.saturating_sub(1).max(1);
    let width = line.saturating_add(1).to_string().len();
    let lines = source.lines().enumerate().skip(first.saturating_sub(1));
    for (index, text) in lines.take(line.saturating_add(2).saturating_sub(first)) {
        let number = index.saturating_add(1);
        let gutter = paint.aside(&format!("{number:>width$} |"));
        let shown = printable(text);
        let _ = writeln!(out, "  {gutter} {}", shown.trim_end());
        if number == line {
            let column = usize::try_from(place.column)
                .unwrap_or(1)
                .clamp(1, WIDEST.saturating_add(1));
            let before = " ".repeat(column.saturating_sub(1));
            let gutter = paint.aside(&format!("{:>width$} |", ""));
            let _ = writeln!(
                out,
                "  {gutter} {before}{}",
                paint.severity(Severity::Error, "^")
            );
        }
    }
}

/// A line as a terminal may show it: one column for each character, none that moves the cursor or the reading direction.
fn printable(line: &str) -> String {
    let harmless = |c: char| {
        let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
        if c == '\t' {
            ' '
        } else if c.is_control() || hidden {
            '\u{fffd}'
        } else {
            c
        }
    };
    let mut shown: String = line.chars().take(WIDEST).map(harmless).collect();
    if line.chars().nth(WIDEST).is_some() {
        shown.push('…');
    }
    shown
}
