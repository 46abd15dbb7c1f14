//! What a policy wants kept of a request in the decision log: its texts, with all that detectors find masked.
//!
//! More is masked than what goes up has redacted: the log is read by more people than the provider is, and for longer.
//!
//! Not here: which calls those are (`capture:`, decided with the rules), answers (nothing is kept of them).

use super::Guards;
use super::answer::decoded;
use super::inspect::{is_json, site_of};
use super::patience::Patience;
use crate::chat::{Conversation, TextPart};
use crate::governance::guard::Finding;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes kept of a request at most: a record is one line, and a log full of histories is read by nobody.
const MOST: usize = 16 * 1024;

impl Guards {
    /// The texts of a request, a paragraph each behind where it stands, values as `[EMAIL]`.
    pub(super) fn capture(&self, talk: &Conversation, body: &[u8]) -> Box<str> {
        let mut out = String::new();
        let mut kept = 0;
        for part in &talk.texts {
            if out.len() >= MOST {
                break;
            }
            kept += 1;
            let masked = catch_unwind(AssertUnwindSafe(|| self.masked(part, body)));
            let masked = masked.unwrap_or_else(|_| "(could not be looked at)".into());
            let site = super::name_of(site_of(part.source));
            // Writing to a string does not fail.
            let _ = writeln!(out, "{site}: {masked}");
        }
        let cut = out.len() > MOST;
        // Cut behind masking, so that no half of a value stands at the end.
        out.truncate(out.floor_char_boundary(MOST));
        let left = talk.texts.len() - kept;
        if cut || left > 0 {
            let _ = write!(out, "… (cut at {MOST} bytes, {left} texts more)");
        }
        out.into()
    }

    fn masked(&self, part: &TextPart, body: &[u8]) -> String {
        let text = decoded(body, part.text);
        let mut out = String::with_capacity(text.len());
        if is_json(part, &text) {
            for segment in self.arguments(&text, &mut Patience::endless()) {
                self.mask(&segment.text, &segment.findings, &mut out);
            }
        } else {
            let found = self.find(&text, &mut Patience::endless());
            self.mask(&text, &found, &mut out);
        }
        out
    }

    fn mask(&self, text: &str, findings: &[Finding], out: &mut String) {
        let mut at = 0;
        for finding in findings {
            // Of findings that overlap the first hides the beginning of the next, too.
            if let Some(before) = text.get(at..finding.start.max(at)) {
                out.push_str(before);
            }
            out.push('[');
            out.push_str(self.policies.kind_name(finding.kind));
            out.push(']');
            at = at.max(finding.end);
        }
        out.push_str(text.get(at..).unwrap_or_default());
    }
}
