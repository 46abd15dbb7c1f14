//! A whole answer on its way to the caller.
//!
//! Every text is looked at and names are put back; what changes is spliced, all else stays as it came. `logprobs` repeat the
//! text token by token, so they go where anything was changed.
//!
//! Not here: streams (`stream`), what the answer cost (settled before, whatever becomes of it here).

use super::arguments::Arguments;
use super::voice::Voice;
use super::{Blocked, Screen};
use crate::chat::Span;
use crate::chat::json::{Text, escaped};
use crate::governance::policy::settings::{Action, Site};
use crate::provider::openai::{Called, Reading};
use bytes::Bytes;
use std::borrow::Cow;

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
        for said in &reading.said {
            self.whole(body, said.text, said.arguments, &mut splices)?;
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
        for finding in self.catalogue().scan(&text) {
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
        text: Text,
        arguments: bool,
        splices: &mut Splices,
    ) -> Result<(), Blocked> {
        let decoded = decoded(payload, text);
        if !arguments && self.mapping().is_empty() && self.finds_nothing(&decoded) {
            return Ok(());
        }
        let mut out = String::with_capacity(decoded.len());
        let acted = if arguments {
            let mut all = Arguments::new(Site::ToolArgs);
            all.push(self, &decoded, &mut out)?;
            all.finish(self, &mut out)?;
            // Arguments are written anew, which may spell an escape differently: only where something was done to them.
            all.acted() || (!self.mapping().is_empty() && self.mapping().types().occur_in(&decoded))
        } else {
            let mut voice = Voice::new(self, Site::Response, "");
            voice.push(self, &decoded, &mut out)?;
            voice.finish(self, &mut out)?;
            true
        };
        if acted && out != *decoded {
            splices.push((text.span, escaped(out)));
        }
        Ok(())
    }

    /// Whether there is nothing in a whole text, by the scanner's shorter way: in one piece, and without what leaves.
    fn finds_nothing(&self, text: &str) -> bool {
        !self.looks_at(Site::Response) || self.catalogue().scan(text).is_empty()
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
