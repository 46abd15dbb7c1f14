//! A whole answer on its way to the caller.
//!
//! Every text is looked at and names are put back; what changes is spliced, all else stays as it came. `logprobs` repeat the
//! text token by token, so they go where anything was changed. An answer is given as much time as its request (`scan_budget`);
//! what could not be looked at does not pass a guard that is in force, unless policies say so.
//!
//! Not here: streams (`stream`), what the answer cost (settled before, whatever becomes of it here).

use super::patience::{FAILED, Patience, TOO_LONG, spoken};
use super::speech::Speech;
use super::{Blocked, Screen, said_of};
use crate::chat::Span;
use crate::chat::json::{Text, escaped};
use crate::governance::guard::Finding;
use crate::governance::guard::catalogue::Catalogue;
use crate::governance::guard::scanner::GivenUp;
use crate::governance::policy::settings::{Action, ScanState, Site};
use crate::provider::vendor::{Called, Reading, Said};
use bytes::Bytes;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What of a payload changes, in order.
pub(super) type Splices = Vec<(Span, String)>;

impl Screen {
    /// The answer as the caller gets it, by what was read in it; `None`: it is no answer anybody can read.
    pub(in crate::pipeline) fn answer(
        &self,
        body: &Bytes,
        reading: Option<&Reading>,
    ) -> Result<Bytes, Blocked> {
        let Some(reading) = reading else {
            return self.unreadable(body).map(|()| body.clone());
        };
        if self.judges_calls() {
            for called in &reading.calls {
                self.judge_call(body, called)?;
            }
        }
        let mut splices = Splices::new();
        let mut patience = self.patience(body.len());
        for said in &reading.said {
            self.whole(body, said, &mut patience, &mut splices)?;
        }
        if splices.is_empty() {
            return Ok(body.clone());
        }
        splices.extend(
            reading
                .logprobs
                .iter()
                .map(|span| (*span, "null".to_owned())),
        );
        Ok(spliced(body, splices).into())
    }

    /// What cannot be read can still be looked at: bytes in which a guard finds something do not pass.
    pub(super) fn unreadable(&self, bytes: &[u8]) -> Result<(), Blocked> {
        if !self.looks_at(Site::Response) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(bytes);
        let mut patience = self.patience(text.len());
        let look = || self.look(&text, &mut patience);
        let found = match catch_unwind(AssertUnwindSafe(look)) {
            Ok(Ok(found)) => found,
            Ok(Err(given_up)) => {
                self.not_seen(Site::Response, TOO_LONG)?;
                given_up.found()
            }
            Err(_) => {
                self.not_seen(Site::Response, FAILED)?;
                Vec::new()
            }
        };
        for finding in found {
            if let Some(ruling) = self.ruling(Site::Response, &finding)
                && ruling.action != Action::Flag
            {
                return Err(ruling.blocked(Site::Response, self.kind_name(finding.kind)));
            }
        }
        Ok(())
    }

    /// One whole text of a payload.
    pub(super) fn whole(
        &self,
        payload: &[u8],
        said: &Said,
        patience: &mut Patience,
        splices: &mut Splices,
    ) -> Result<(), Blocked> {
        let Said {
            text, arguments, ..
        } = *said;
        let decoded = decoded(payload, text);
        let site = if arguments {
            Site::ToolArgs
        } else {
            Site::Response
        };
        let look = || self.may_leave(&decoded, arguments, patience);
        let may_leave = if let Ok(may_leave) = catch_unwind(AssertUnwindSafe(look)) {
            may_leave?
        } else {
            self.not_seen(site, FAILED)?;
            self.put_back(&decoded, arguments)?
        };
        if patience.gave_up() && self.looks_at(site) {
            self.not_seen(site, TOO_LONG)?;
        }
        if let Some(may_leave) = may_leave {
            let put = if said.bare_json {
                may_leave
            } else {
                escaped(may_leave)
            };
            splices.push((text.span, put));
        }
        Ok(())
    }

    /// What leaves of a whole text; `None`: it leaves as it came.
    fn may_leave(
        &self,
        text: &str,
        arguments: bool,
        patience: &mut Patience,
    ) -> Result<Option<String>, Blocked> {
        let mut seen = text.len();
        if !arguments && self.mapping().is_empty() {
            seen = match self.look(text, patience) {
                Ok(found) if found.is_empty() => return Ok(None),
                Ok(_) => seen,
                // What was found until then is acted on.
                Err(given_up) => match given_up.found().last() {
                    Some(last) => last.end,
                    None => return Ok(None),
                },
            };
        } else if !patience.lasts(0) {
            seen = 0;
        }
        let mut out = String::with_capacity(text.len());
        let mut speech = Speech::new(self, arguments);
        let (mut rest, behind) = text.split_at(text.floor_char_boundary(seen));
        while !rest.is_empty() {
            let (slice, more) = rest.split_at(rest.floor_char_boundary(Catalogue::SLICE));
            speech.push(self, slice, &mut out)?;
            rest = more;
            if !rest.is_empty() && !patience.gave_up() && !patience.lasts(slice.len()) {
                break;
            }
        }
        if !(rest.is_empty() && behind.is_empty()) {
            speech.look_no_further(self, &mut out)?;
            speech.push(self, rest, &mut out)?;
            speech.push(self, behind, &mut out)?;
        }
        speech.finish(self, &mut out)?;
        // Arguments are written anew, which may spell an escape differently: only where something was done to them.
        let acted = !arguments || speech.acted() || self.has_names(text);
        Ok((acted && out != text).then_some(out))
    }

    /// A whole text with its names put back, which nobody looked at; `None`: it leaves as it came.
    fn put_back(&self, text: &str, arguments: bool) -> Result<Option<String>, Blocked> {
        if !self.has_names(text) {
            return Ok(None);
        }
        let mut out = String::with_capacity(text.len());
        let mut speech = Speech::unseen(self, arguments);
        speech.push(self, text, &mut out)?;
        speech.finish(self, &mut out)?;
        Ok(Some(out))
    }

    fn has_names(&self, text: &str) -> bool {
        !self.mapping().is_empty() && self.mapping().types().occur_in(text)
    }

    /// What is in a whole text, by the scanner's shorter way: in one piece, and without what leaves.
    fn look(&self, text: &str, patience: &mut Patience) -> Result<Vec<Finding>, GivenUp> {
        if !self.looks_at(Site::Response) {
            return Ok(Vec::new());
        }
        if !patience.lasts(0) {
            return Err(GivenUp::default());
        }
        let mut told = 0;
        let mut go_on = || {
            told += Catalogue::SLICE;
            patience.lasts(Catalogue::SLICE)
        };
        let found = self.catalogue().scan_while(text, &mut go_on);
        patience.spend(text.len().saturating_sub(told));
        found
    }

    /// The time that looking at an answer may take: what its request could take.
    fn patience(&self, bytes: usize) -> Patience {
        if self.looks_at(Site::Response) || self.looks_at(Site::ToolArgs) {
            Patience::new(bytes, self.guards().policies.scan_budget(self.outcome()))
        } else {
            Patience::endless()
        }
    }

    /// What follows where not all of an answer was looked at: it does not pass where a guard is in force there, unless
    /// policies say so; else it is told.
    fn not_seen(&self, site: Site, why: &str) -> Result<(), Blocked> {
        let policies = &self.guards().policies;
        let in_force = policies.guards_at(self.outcome(), site);
        if in_force && !policies.passes_on_detector_error(self.outcome()) {
            let message = format!(
                "{why}, and policies say that nothing passes unseen (`on_detector_error: block`): ask for a shorter answer, or raise `scan_budget` ({} now)",
                spoken(policies.scan_budget(self.outcome()))
            );
            return Err(Blocked::guard("on_detector_error", message));
        }
        self.with_told(|told| {
            let note = format!("not all of the {} was looked at: {why}", said_of(site));
            if told.scan != Some(ScanState::None) {
                told.scan = Some(ScanState::Partial);
            }
            if !told.notes.iter().any(|known| **known == *note) {
                told.notes.push(note.into());
            }
        });
        Ok(())
    }

    /// Whether rules let the model make this call.
    fn judge_call(&self, payload: &[u8], called: &Called) -> Result<(), Blocked> {
        let text = |text: Option<Text>| text.map(|text| decoded(payload, text)).unwrap_or_default();
        self.judge(&text(called.name), &text(called.arguments))
    }
}

/// A text as it reads. What is not UTF-8 reads as replacement characters.
pub(super) fn decoded(payload: &[u8], text: Text) -> Cow<'_, str> {
    match text.decoded(payload) {
        // Checked whole before it is read byte by byte: nearly every text is what it should be.
        Cow::Borrowed(bytes) => match str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(bytes),
        },
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Cow::Owned(text),
            Err(error) => Cow::Owned(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        },
    }
}

/// A payload with what changes put in. Spans do not overlap.
pub(super) fn spliced(payload: &[u8], splices: Splices) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 64);
    splice_into(&mut out, payload, splices);
    out
}

/// The same, written behind what is there.
pub(super) fn splice_into(out: &mut Vec<u8>, payload: &[u8], mut splices: Splices) {
    if splices.len() > 1 {
        splices.sort_by_key(|(span, _)| span.start);
    }
    let mut at = 0;
    for (span, text) in splices {
        let over = span.range();
        out.extend_from_slice(payload.get(at..over.start).unwrap_or_default());
        out.extend_from_slice(text.as_bytes());
        at = over.end;
    }
    out.extend_from_slice(payload.get(at..).unwrap_or_default());
}
