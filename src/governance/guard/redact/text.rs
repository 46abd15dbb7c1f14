//! Redacting a whole text: what was found goes, what replaces it comes, all else stays byte for byte.

use super::one_way::{Beside, replacement};
use super::urls::{Standing, Urls};
use super::{Mapping, Method};
use crate::governance::guard::finding::{Finding, Kind};
use smallvec::SmallVec;

/// A text as it may be sent on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// The text.
    pub text: String,
    /// How many values of each kind were taken out.
    pub counts: SmallVec<[(Kind, u32); 4]>,
}

/// Takes what was found out of a text. `method` says how, or `None` to leave it; a secret is masked where it would be
/// replaced. Findings that overlap are cut where the one before ends.
///
/// Placeholders the text itself contains are replaced by names of their own, findings or not: a text that goes to the
/// provider without passing here could name a value of another text.
pub fn redact(
    text: &str,
    findings: &[Finding],
    method: impl Fn(&Finding) -> Option<Method>,
    mapping: &mut Mapping,
) -> Redacted {
    let mut ordered: SmallVec<[&Finding; 16]> = findings.iter().collect();
    ordered.sort_by_key(|finding| (finding.start, finding.end));
    let mut writer = Writer::new(text, mapping);
    for finding in ordered {
        let Some(method) = method(finding) else {
            continue;
        };
        writer.take_out(finding, method, mapping);
    }
    writer.finish(mapping)
}

struct Writer<'a> {
    text: &'a str,
    /// Everything before is written.
    at: usize,
    out: String,
    /// The next placeholder of the text itself.
    literal: Option<std::ops::Range<usize>>,
    /// Looks for URLs in what was written, and how much of that it has seen. Only asked where a name is written.
    urls: Urls,
    seen: usize,
    counts: SmallVec<[(Kind, u32); 4]>,
}

impl<'a> Writer<'a> {
    fn new(text: &'a str, mapping: &Mapping) -> Self {
        Self {
            text,
            at: 0,
            out: String::with_capacity(text.len()),
            literal: mapping.types().next_in(text, 0),
            urls: Urls::default(),
            seen: 0,
            counts: SmallVec::new(),
        }
    }

    fn take_out(&mut self, finding: &Finding, method: Method, mapping: &mut Mapping) {
        // On doubt too much: an offset inside a character takes all of it.
        let start = self.text.floor_char_boundary(finding.start);
        let end = self.text.ceil_char_boundary(finding.end);
        while let Some(literal) = self.literal_before(end, mapping) {
            let whole_finding = literal.start <= start && literal.end >= end;
            if literal.end > start && !whole_finding {
                break;
            }
            self.literal(&literal, mapping);
        }
        let start = start.max(self.at);
        let Some(value) = self.text.get(start..end).filter(|value| !value.is_empty()) else {
            return;
        };
        self.copy_to(start);
        if mapping.types().is_marks_only(value) {
            self.copy_to(end);
            return;
        }
        self.at = end;
        let beside = Beside::of(self.text, start, end);
        let name = match method {
            Method::Replace => mapping
                .placeholder_for(finding.kind, value)
                .map(str::to_owned),
            _ => None,
        };
        match name {
            Some(name) => self.name(&name, mapping),
            None => self
                .out
                .push_str(&replacement(finding.kind, method, value, beside, mapping)),
        }
        self.count(finding.kind);
    }

    fn finish(mut self, mapping: &mut Mapping) -> Redacted {
        while let Some(literal) = self.literal_before(self.text.len(), mapping) {
            self.literal(&literal, mapping);
        }
        self.copy_to(self.text.len());
        Redacted {
            text: self.out,
            counts: self.counts,
        }
    }

    /// The next placeholder of the text itself, if it begins before `end`.
    fn literal_before(&mut self, end: usize, mapping: &Mapping) -> Option<std::ops::Range<usize>> {
        if self.literal.as_ref()?.start < self.at {
            self.literal = mapping.types().next_in(self.text, self.at);
        }
        self.literal.clone().filter(|literal| literal.start < end)
    }

    fn literal(&mut self, place: &std::ops::Range<usize>, mapping: &mut Mapping) {
        self.copy_to(place.start);
        if let Some(written) = self.text.get(place.clone()) {
            self.at = place.end;
            let name = mapping.literal(written).to_owned();
            self.name(&name, mapping);
        }
    }

    fn copy_to(&mut self, end: usize) {
        if let Some(gap) = self.text.get(self.at..end) {
            self.out.push_str(gap);
            self.at = end;
        }
    }

    /// Writes a name, and remembers whose URL it stands in.
    fn name(&mut self, name: &str, mapping: &mut Mapping) {
        self.urls
            .read(self.out.get(self.seen..).unwrap_or_default());
        match self.urls.standing() {
            Standing::Inside { host, .. } => mapping.stands_with(name, host),
            Standing::Authority(before) => mapping.stands_behind(name, before),
            Standing::Outside => {}
        }
        self.urls.read(name);
        self.out.push_str(name);
        self.seen = self.out.len();
    }

    fn count(&mut self, kind: Kind) {
        match self.counts.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.counts.push((kind, 1)),
        }
    }
}
