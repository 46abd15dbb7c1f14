//! The detectors for the command line: one JSON line in, one out; or files, as other checkers read them.
//!
//! Offsets in lines are Unicode code points, end exclusive; inside they are bytes. The same engine as the gate's: a stream
//! is scanned as streams are, names are given and put back as requests and answers have them.
//!
//! Not here: reading and writing (`cli`).

use crate::clock;
use crate::config::policy::{Surroundings, Trusted, assemble};
use crate::governance::guard::injection::{self, FLAG_AT};
use crate::governance::guard::redact::{
    Beside, Escaping, Hosts, Mapping, Method, Restorer, ScopeKey, Types, redact, replacement,
};
use crate::governance::guard::{Catalogue, Finding, Kind, Piece, Scanner};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is done with each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// A text: what is found in it.
    #[default]
    Whole,
    /// Chunks of a text: what is found, and what is let through.
    Stream,
    /// A text and a template of an answer: with names in it, and with them put back.
    Reversible,
    /// A text: whether it reads like an injection.
    Injection,
}

/// Detectors ready to be asked.
pub struct Scan {
    catalogue: Box<Catalogue>,
    types: Arc<Types>,
    key: ScopeKey,
    timings: bool,
}

/// Why a line cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is no JSON of the shape its mode takes.
    #[error("not a line of this mode: {0}")]
    Shape(#[from] serde_json::Error),
}

/// Why there are no detectors.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The policies whose patterns were asked for are at fault.
    #[error("{0}")]
    Policies(String),
    /// The system gave no random numbers.
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
}

/// One finding in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// Its kind.
    pub kind: String,
    /// The detector.
    pub detector: &'static str,
}

#[derive(Deserialize)]
struct WholeLine {
    #[serde(default)]
    id: Value,
    text: String,
}

#[derive(Deserialize)]
struct StreamLine {
    #[serde(default)]
    id: Value,
    chunks: Vec<String>,
}

#[derive(Deserialize)]
struct ReversibleLine {
    #[serde(default)]
    id: Value,
    text: String,
    #[serde(default)]
    reply_template: String,
}

impl Scan {
    /// The built-in detectors, and the patterns of these policies.
    ///
    /// # Errors
    /// The policies are at fault.
    pub fn new(policies: &[PathBuf], timings: bool) -> Result<Self, ScanError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(ScanError::Random)?;
        let mut catalogue =
            Catalogue::build(crate::governance::guard::catalogue::Selection::default());
        let mut custom: Vec<Box<str>> = Vec::new();
        if !policies.is_empty() {
            let today = super::policies::today(clock::now().wall);
            let assembled = assemble(
                policies,
                &Trusted::running(),
                &Surroundings::default(),
                today,
            );
            let compiled = assembled
                .usable()
                .map_err(|loaded| ScanError::Policies(super::policies::told(&loaded)))?;
            if let Some(compiled) = compiled {
                custom = compiled.policies.custom_kinds().to_vec();
                catalogue = compiled.catalogue;
            }
        }
        let custom: Vec<&str> = custom.iter().map(AsRef::as_ref).collect();
        Ok(Self {
            catalogue: Box::new(catalogue),
            types: Arc::new(Types::new(&custom)),
            key: ScopeKey::derive(&secret, "scan", None),
            timings,
        })
    }

    /// The answer to one line.
    ///
    /// # Errors
    /// The line is not one of this mode.
    pub fn line(&self, mode: Mode, line: &str) -> Result<Value, LineError> {
        let (mut answer, micros) = match mode {
            Mode::Whole => self.whole(&serde_json::from_str(line)?),
            Mode::Stream => self.stream(&serde_json::from_str(line)?),
            Mode::Reversible => self.reversible(&serde_json::from_str(line)?),
            Mode::Injection => injection(&serde_json::from_str(line)?),
        };
        if self.timings {
            answer["us"] = json!(micros);
        }
        Ok(answer)
    }

    /// What is found in a file.
    #[must_use]
    pub fn file(&self, text: &str) -> Vec<Located> {
        let mut located = Vec::new();
        let (mut line, mut begin, mut at) = (1, 0, 0);
        for finding in self.catalogue.scan(text) {
            let passed = text.get(at..finding.start).unwrap_or_default();
            if let Some(last) = passed.rfind('\n') {
                line += passed.matches('\n').count();
                begin = at + last + 1;
            }
            at = finding.start;
            let before = text.get(begin..finding.start).unwrap_or_default();
            located.push(Located {
                line,
                column: before.chars().count() + 1,
                kind: self.types.name(finding.kind).to_owned(),
                detector: finding.detector,
            });
        }
        located
    }

    fn whole(&self, line: &WholeLine) -> (Value, f64) {
        let (found, micros) = timed(|| self.catalogue.scan(&line.text));
        let spans = self.spans(&line.text, &found);
        (json!({ "id": line.id, "spans": spans }), micros)
    }

    fn stream(&self, line: &StreamLine) -> (Value, f64) {
        let mapping = Mapping::new(self.key.clone(), self.types.clone());
        let mut out = String::new();
        let mut found: Vec<Finding> = Vec::new();
        let mut most = 0;
        let ((), micros) = timed(|| {
            let mut scanner = Scanner::new();
            let mut take = |piece: Piece<'_>| match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Found { finding, value, .. } => {
                    out.push_str(&replacement(
                        finding.kind,
                        Method::Label,
                        value,
                        Beside::default(),
                        &mapping,
                    ));
                    found.push(finding);
                }
                Piece::Opened {
                    what, beginning, ..
                } => {
                    out.push_str(&replacement(
                        what.kind,
                        Method::Label,
                        beginning,
                        Beside::default(),
                        &mapping,
                    ));
                }
                Piece::Overran => {}
                Piece::Closed(finding) => found.push(finding),
            };
            for chunk in &line.chunks {
                scanner.push(&self.catalogue, chunk, &mut take);
                most = most.max(scanner.held_chars());
            }
            scanner.finish(&self.catalogue, &mut take);
        });
        let spans = self.spans(&line.chunks.concat(), &found);
        (
            json!({ "id": line.id, "spans": spans, "out": out, "max_hold": most }),
            micros,
        )
    }

    fn reversible(&self, line: &ReversibleLine) -> (Value, f64) {
        let mut mapping = Mapping::new(self.key.clone(), self.types.clone());
        let ((redacted, placeholders, restored), micros) = timed(|| {
            let found = self.catalogue.scan(&line.text);
            let redacted = redact(&line.text, &found, |_| Some(Method::Replace), &mut mapping).text;
            let placeholders: Vec<String> = found
                .iter()
                .map(|finding| {
                    let value = line
                        .text
                        .get(finding.start..finding.end)
                        .unwrap_or_default();
                    replacement(
                        finding.kind,
                        Method::Replace,
                        value,
                        Beside::default(),
                        &mapping,
                    )
                    .into_owned()
                })
                .collect();
            let mut reply = line.reply_template.clone();
            for (place, name) in placeholders.iter().enumerate() {
                reply = reply.replace(&format!("{{{{{place}}}}}"), name);
            }
            let mut back = Restorer::new(Escaping::Plain, Arc::new(Hosts::default()));
            let mut restored = String::new();
            back.push(&mapping, &reply, &mut restored);
            back.finish(&mapping, &mut restored);
            (redacted, placeholders, restored)
        });
        (
            json!({ "id": line.id, "redacted": redacted, "restored_reply": restored, "placeholders": placeholders }),
            micros,
        )
    }

    /// Findings with offsets in code points, in order.
    fn spans(&self, text: &str, found: &[Finding]) -> Vec<Value> {
        let (mut at, mut passed) = (0, 0);
        let mut count = |to: usize| {
            passed += text.get(at..to).unwrap_or_default().chars().count();
            at = at.max(to);
            passed
        };
        let spans = found.iter().map(|finding| {
            let start = count(finding.start);
            let end = count(finding.end);
            json!({
                "start": start, "end": end, "type": self.name(finding.kind),
                "detector": finding.detector, "level": finding.level.name(),
            })
        });
        spans.collect()
    }

    fn name(&self, kind: Kind) -> &str {
        self.types.name(kind)
    }
}

fn injection(line: &WholeLine) -> (Value, f64) {
    let (assessed, micros) = timed(|| injection::assess(&line.text, injection::Source::User));
    let score = f64::from(assessed.score_milli) / 1000.0;
    (
        json!({ "id": line.id, "flag": assessed.score_milli >= FLAG_AT, "score": score, "signals": assessed.signals.as_slice() }),
        micros,
    )
}

/// What something gives, and how many microseconds it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = clock::since_start();
    let value = work();
    let taken = clock::since_start().saturating_sub(began);
    (value, taken.as_secs_f64() * 1e6)
}

/// Whether a file is worth reading: text, by its first bytes.
#[must_use]
pub fn is_text(bytes: &[u8]) -> bool {
    !bytes.iter().take(8192).any(|byte| *byte == 0)
}

/// The name to show for a file.
#[must_use]
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}
