//! Answers as people read them: columns and fields; and as programs do.

pub(in crate::cli) use super::problem::plain;
use crate::units::Money;
use serde_json::Value;
use std::io::{self, Write};

/// JSON as the panel gave it.
pub(in crate::cli) fn json(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    writeln!(out, "{value:#}")
}

/// Rows in columns as wide as they need.
#[derive(Debug)]
pub(in crate::cli) struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// With these headings; one that begins with `>` stands over numbers.
    pub(in crate::cli) fn new(heads: &[&str]) -> Self {
        let head = heads.iter().map(|head| head.trim_start_matches('>'));
        Self {
            rows: vec![head.map(str::to_owned).collect()],
            right: heads.iter().map(|head| head.starts_with('>')).collect(),
        }
    }

    pub(in crate::cli) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines, each without spaces at its end.
    pub(in crate::cli) fn lines(&self) -> Vec<String> {
        let mut widths = vec![0; self.right.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let lines = self.rows.iter().map(|row| {
            let columns = widths.iter().zip(&self.right);
            let cells = row.iter().zip(columns).map(|(cell, (width, right))| {
                if *right {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:width$}")
                }
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            line.trim_end().to_owned()
        });
        lines.collect()
    }

    /// Prints it, or what is to be said where it has no row.
    pub(in crate::cli) fn print(&self, out: &mut dyn Write, empty: &str) -> io::Result<()> {
        if self.rows.len() == 1 {
            return writeln!(out, "{empty}");
        }
        for line in self.lines() {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

/// Names and values, one pair a line.
pub(in crate::cli) fn fields(out: &mut dyn Write, pairs: &[(&str, String)]) -> io::Result<()> {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    for (name, value) in pairs {
        writeln!(out, "{name:width$}  {value}")?;
    }
    Ok(())
}

/// A field as text; empty where it is none.
pub(in crate::cli) fn text(thing: &Value, field: &str) -> String {
    plain(thing.get(field).and_then(Value::as_str).unwrap_or_default())
}

/// A field in a column.
pub(in crate::cli) fn cell(thing: &Value, field: &str) -> String {
    match thing.get(field) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => plain(text),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(Value::Array(all)) if all.is_empty() => "-".to_owned(),
        Some(Value::Array(all)) => {
            let all = all.iter().map(|one| match one {
                Value::String(text) => plain(text),
                other => other.to_string(),
            });
            all.collect::<Vec<_>>().join(",")
        }
        Some(other) => other.to_string(),
    }
}

/// An amount in a column.
pub(in crate::cli) fn dollars(thing: &Value, field: &str) -> String {
    match thing.get(field).and_then(Value::as_str) {
        Some(text) => format!("${}", plain(text)),
        None => "-".to_owned(),
    }
}

/// An amount.
pub(in crate::cli) fn money(thing: &Value, field: &str) -> Money {
    let text = thing.get(field).and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// A time in a column: to the second.
pub(in crate::cli) fn time(thing: &Value, field: &str) -> String {
    let time = cell(thing, field);
    match time.split_once('.') {
        Some((seconds, _)) if time.ends_with('Z') => format!("{seconds}Z"),
        _ => time,
    }
}
