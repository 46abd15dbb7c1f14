//! Looking at every text of a request: what is found where, and how much could be looked at.
//!
//! A detector that panics or takes longer than it may is no reason to let a text pass unseen: it is said, and policies
//! decide (`on_detector_error`).
//!
//! Not here: what becomes of findings (`changes`), how long a look may take (`patience`).

use super::Guards;
use super::patience::{FAILED, Patience, TOO_LONG};
use crate::chat::json::{Part, Pieces};
use crate::chat::{Conversation, Source, TextPart};
use crate::governance::guard::catalogue::Catalogue;
use crate::governance::guard::injection::{self, Assessment};
use crate::governance::guard::scanner::GivenUp;
use crate::governance::guard::{Finding, Kind};
use crate::governance::policy::settings::{ScanState, Site};
use crate::governance::policy::{Outcome, Policies};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One text in which there is something, or that must be changed all the same.
#[derive(Debug)]
pub(super) struct Inspected {
    pub(super) part: TextPart,
    pub(super) site: Site,
    pub(super) segments: Vec<Segment>,
    /// Whether these are arguments whose strings are segments of their own.
    pub(super) json: bool,
}

/// A stretch of a text that is looked at by itself.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) text: String,
    /// Whether it stands inside a string of JSON arguments.
    pub(super) inside: bool,
    pub(super) findings: Vec<Finding>,
}

/// What a look at all texts showed.
#[derive(Debug, Default)]
pub(super) struct Inspection {
    pub(super) texts: Vec<Inspected>,
    /// How often each kind was found, at any site.
    pub(super) counts: Vec<(Kind, u32)>,
    /// The same by site, for taints: site, place of the tool's answer if it is one, kind.
    pub(super) by_site: Vec<(Site, Kind, u32)>,
    pub(super) injections: Vec<(Site, Assessment)>,
    pub(super) state: Option<ScanState>,
    /// Why not everything that is text was looked at.
    pub(super) fault: Option<&'static str>,
}

/// Looking for signs of injection takes so many times as long as looking for values.
const SIGNS_ARE_DEARER: usize = 16;

/// The site of a request's text.
pub(super) const fn site_of(source: Source) -> Site {
    match source {
        Source::System | Source::User | Source::Assistant | Source::ToolArguments => Site::Request,
        Source::ToolResult => Site::ToolResult,
        Source::ToolDefinition => Site::ToolDefinition,
    }
}

impl Guards {
    /// Looks at the texts of a request, as far as anybody asks.
    pub(super) fn inspect(
        &self,
        conversation: &Conversation,
        body: &[u8],
        outcome: &Outcome,
    ) -> Inspection {
        let mut seen = Inspection {
            state: Some(state(conversation)),
            ..Inspection::default()
        };
        let wanted = Wanted::of(&self.policies, outcome);
        let all: usize = conversation
            .texts
            .iter()
            .map(|part| part.text.span.range().len())
            .sum();
        let mut patience = Patience::new(all, self.policies.scan_budget(outcome));
        for part in &conversation.texts {
            let site = site_of(part.source);
            let look = catch_unwind(AssertUnwindSafe(|| {
                self.text(part, site, body, &wanted, &mut patience, &mut seen);
            }));
            seen.fault = match look {
                Err(_) => Some(FAILED),
                Ok(()) if patience.gave_up() => Some(TOO_LONG),
                Ok(()) => None,
            };
            if seen.fault.is_some() {
                // Where that passes it is not said to have been seen.
                seen.state = Some(ScanState::Partial);
                return seen;
            }
        }
        seen
    }

    fn text(
        &self,
        part: &TextPart,
        site: Site,
        body: &[u8],
        wanted: &Wanted,
        patience: &mut Patience,
        seen: &mut Inspection,
    ) {
        if !patience.lasts(0) {
            return;
        }
        let decoded = super::answer::decoded(body, part.text);
        if wanted.injection(site) {
            let assessed = self.cache.assess(&decoded, told_by(site));
            patience.spend(decoded.len().saturating_mul(SIGNS_ARE_DEARER));
            if assessed.score_milli > 0 {
                seen.injections.push((site, assessed));
            }
        }
        let segments = if is_json(part, &decoded) {
            self.arguments(&decoded, patience)
        } else {
            let findings = self.find(&decoded, patience);
            if findings.is_empty() && !self.types.occur_in(&decoded) {
                return;
            }
            vec![Segment {
                text: decoded.clone().into_owned(),
                inside: false,
                findings,
            }]
        };
        let json = segments.len() > 1 || part.bare_json;
        for finding in segments.iter().flat_map(|segment| &segment.findings) {
            count(seen, site, finding.kind);
        }
        let names = |segment: &Segment| self.types.occur_in(&segment.text);
        if segments
            .iter()
            .any(|segment| !segment.findings.is_empty() || names(segment))
        {
            seen.texts.push(Inspected {
                part: *part,
                site,
                segments,
                json,
            });
        }
    }

    /// The strings of JSON arguments and what stands between them, each looked at with its key before it.
    pub(super) fn arguments(&self, text: &str, patience: &mut Patience) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::new();
        let mut contexts: Vec<String> = Vec::new();
        let mut pieces = Pieces::default();
        let mut open = |inside: bool, context: String, segments: &mut Vec<Segment>| {
            segments.push(Segment {
                text: String::new(),
                inside,
                findings: Vec::new(),
            });
            contexts.push(context);
        };
        let mut tell = |at: &Pieces, part: Part<'_>| match part {
            Part::Outside(text) => {
                if segments.last().is_none_or(|last| last.inside) {
                    open(
                        false,
                        super::arguments::context(at.key(), ""),
                        &mut segments,
                    );
                }
                if let Some(last) = segments.last_mut() {
                    last.text.push_str(text);
                }
            }
            Part::Begin { key } => {
                let context = if key {
                    String::new()
                } else {
                    super::arguments::context(at.key(), ": \"")
                };
                open(true, context, &mut segments);
            }
            Part::Inside(text) => {
                if let Some(last) = segments.last_mut() {
                    last.text.push_str(text);
                }
            }
            // What follows is a segment of its own, also if it is empty: quotes stand around what is inside.
            Part::End => {}
        };
        pieces.push(text, &mut tell);
        pieces.finish(&mut tell);
        for (segment, context) in segments.iter_mut().zip(&contexts) {
            segment.findings = self.find_behind(context, &segment.text, patience);
        }
        segments
    }

    /// What is found in a text behind what stands before it.
    fn find_behind(&self, context: &str, text: &str, patience: &mut Patience) -> Vec<Finding> {
        if context.is_empty() {
            return self.find(text, patience);
        }
        let before = context.len();
        let whole = format!("{context}{text}");
        let found = self.find(&whole, patience).into_iter();
        found
            .filter(|finding| finding.end > before)
            .map(|finding| Finding {
                start: finding.start.saturating_sub(before),
                end: finding.end.saturating_sub(before),
                ..finding
            })
            .collect()
    }

    /// What is found in a text, remembered for the next time it comes.
    pub(super) fn find(&self, text: &str, patience: &mut Patience) -> Vec<Finding> {
        if !patience.lasts(0) {
            return Vec::new();
        }
        let mut told = 0;
        let mut go_on = || {
            told += Catalogue::SLICE;
            patience.lasts(Catalogue::SLICE)
        };
        let found = self.cache.scan_while(&self.catalogue, text, &mut go_on);
        patience.spend(text.len().saturating_sub(told));
        found.unwrap_or_else(GivenUp::found)
    }
}

/// What anybody wants to know about texts.
struct Wanted {
    injection: [bool; 5],
}

impl Wanted {
    fn of(policies: &Policies, outcome: &Outcome) -> Self {
        Self {
            injection: SITES.map(|site| policies.injection(outcome, site).is_some()),
        }
    }

    fn injection(&self, site: Site) -> bool {
        SITES
            .iter()
            .zip(self.injection)
            .any(|(one, wanted)| *one == site && wanted)
    }
}

const SITES: [Site; 5] = [
    Site::Request,
    Site::ToolResult,
    Site::ToolDefinition,
    Site::Response,
    Site::ToolArgs,
];

/// Who says a text, as signals of injection tell it apart.
const fn told_by(site: Site) -> injection::Source {
    match site {
        Site::ToolResult => injection::Source::ToolResult,
        _ => injection::Source::User,
    }
}

fn count(seen: &mut Inspection, site: Site, kind: Kind) {
    match seen.counts.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, count)) => *count = count.saturating_add(1),
        None => seen.counts.push((kind, 1)),
    }
    let same = |(at, known, _): &&mut (Site, Kind, u32)| (*at, *known) == (site, kind);
    match seen.by_site.iter_mut().find(same) {
        Some((.., count)) => *count = count.saturating_add(1),
        None => seen.by_site.push((site, kind, 1)),
    }
}

/// How much of a request could be looked at.
pub(super) fn state(conversation: &Conversation) -> ScanState {
    match (conversation.texts.is_empty(), conversation.unread.any()) {
        (_, false) => ScanState::Full,
        (false, true) => ScanState::Partial,
        (true, true) => ScanState::None,
    }
}

/// Whether a text is the JSON of a tool's arguments, whose strings are looked at one by one.
pub(super) fn is_json(part: &TextPart, text: &str) -> bool {
    part.source == Source::ToolArguments
        && matches!(text.trim_start().bytes().next(), Some(b'{' | b'[' | b'"'))
}
