//! Guards elsewhere: who is asked about a call, over HTTP, and what becomes of it when they do not answer.
//!
//! A policy's `consult:` names an address; it is asked about the texts of a request (before the gate reserves anything, or
//! with `during` while the provider is at work) and about the texts of an answer (before any of it leaves). It says yes or
//! no. Everything else (no answer in time, another status, words nobody understands, texts beyond the bound) is no answer,
//! and the entry itself says what then: `on_error: allow` or `deny`; there is no default.
//!
//! Invariant: a guard sees no more than the provider does. Of a request it gets the texts as they are forwarded, after
//! redaction; of an answer the texts as the provider said them, before any name is put back. It is called where the policy
//! says and nowhere else: redirects are not followed.
//!
//! A streamed answer that a guard wants to hear is held until it is whole, so its first byte comes with its last: that is
//! the price of a guard elsewhere over answers, and detectors of this gateway's own do not have it.
//!
//! Not here: when a policy's entry applies (`governance::policy`), how a stream is held (`stream::held`).

mod address;
mod asking;
mod cache;
mod heard;
mod opinion;
mod post;
mod question;
#[cfg(test)]
mod tests;

pub(super) use address::Address;
pub(super) use asking::{Asking, Later};
pub(super) use heard::{Heard, whole_answer};
pub(super) use post::{Fault, Post};
pub(super) use question::{Question, Spoken};

use super::alarm::Alert;
use super::plan::Plan;
use super::screen::Screen;
use super::worker::Worker;
use super::{Call, Note, Refusal, Seen};
use crate::chat::conversation;
use crate::governance::policy::place::{Diagnostic, Place, Spanned};
use crate::governance::policy::settings::{self, OnError, Site};
use crate::governance::policy::{Outcome, Policies, Rule};
use cache::Cache;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How long an answer is waited for where the policy does not say.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Headers that are ours to write: the length and the ways of one connection.
const OURS: [&str; 6] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
];

/// Who is asked and who is told outside of this gateway: the addresses that policies name, with their secrets.
#[derive(Debug, Default)]
pub struct Elsewhere {
    consults: HashMap<(u16, u16), Arc<Consult>>,
    alerts: HashMap<Place, Arc<Alert>>,
    cache: Cache,
}

/// One guard elsewhere.
#[derive(Debug)]
pub(super) struct Consult {
    id: Box<str>,
    /// Tells it apart from others in the memory of answers.
    number: u32,
    kind: Kind,
    post: Post,
    request: bool,
    response: bool,
    during: bool,
    timeout: Duration,
    cache: Option<Duration>,
    on_error: OnError,
}

/// How a guard is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// In words of our own.
    Webhook,
    /// As moderation endpoints are.
    Moderation,
}

/// What a guard is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// The request.
    Request,
    /// The answer.
    Response,
}

impl On {
    const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// Puts what a reference in an address or a header (`${NAME}`, `file:PATH`) stands for in its place.
pub type Resolve<'a> = dyn FnMut(Place, &str) -> Result<String, String> + 'a;

impl Elsewhere {
    /// Prepares every address the policies name. `secret` keys the memory of answers.
    ///
    /// # Errors
    /// An address nobody can call, a header no request can carry, or a reference that leads nowhere.
    pub fn compile(
        policies: &Policies,
        secret: &[u8],
        resolve: &mut Resolve<'_>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let mut elsewhere = Self {
            cache: Cache::new(secret),
            ..Self::default()
        };
        for (number, (at, written)) in (0..).zip(policies.every_consult()) {
            if let Some(consult) = consult(number, written, resolve, &mut found) {
                elsewhere.consults.insert(at, Arc::new(consult));
            }
        }
        for (_, rule) in policies.rules() {
            let Some(url) = rule.alert() else { continue };
            match address(rule.place(), url, resolve) {
                Ok(address) => {
                    let alert = Alert::new(rule.id(), Post::new(address, HeaderMap::new()));
                    elsewhere.alerts.insert(rule.place(), Arc::new(alert));
                }
                Err(fault) => found.push(*fault),
            }
        }
        if found.is_empty() {
            Ok(elsewhere)
        } else {
            Err(found)
        }
    }

    /// What is wrong with addresses and headers as they are written, whatever the references in them stand for.
    #[must_use]
    pub fn faults(policies: &Policies) -> Vec<Diagnostic> {
        let mut resolve = |_, text: &str| Ok(address::as_if_known(text));
        let compiled = Self::compile(policies, &[], &mut resolve);
        compiled.err().unwrap_or_default()
    }

    /// The alerts that go off with an outcome.
    pub(super) fn alerts(&self, policies: &Policies, outcome: &Outcome) -> Vec<Arc<Alert>> {
        if self.alerts.is_empty() {
            return Vec::new();
        }
        self.of_rules(policies.alerts(outcome))
    }

    /// The alerts that go off with what was said of a call the model makes.
    pub(super) fn alerts_of_calls(
        &self,
        policies: &Policies,
        outcome: &Outcome,
    ) -> Vec<Arc<Alert>> {
        if self.alerts.is_empty() {
            return Vec::new();
        }
        self.of_rules(policies.alerts_of_calls(outcome))
    }

    fn of_rules<'a>(&self, rules: impl Iterator<Item = &'a Rule>) -> Vec<Arc<Alert>> {
        rules
            .filter_map(|rule| self.alerts.get(&rule.place()).cloned())
            .collect()
    }

    /// The guards that are asked about a call.
    fn of<'a>(&'a self, outcome: &'a Outcome) -> impl Iterator<Item = &'a Arc<Consult>> {
        outcome
            .consults
            .iter()
            .filter_map(|at| self.consults.get(at))
    }
}

fn consult(
    number: u32,
    written: &settings::Consult,
    resolve: &mut Resolve<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<Consult> {
    let before = found.len();
    let address = address(written.url.place, &written.url.value, resolve)
        .map_err(|fault| found.push(*fault))
        .ok();
    let mut headers = HeaderMap::new();
    for (name, value) in &written.headers {
        match header(name, value, resolve) {
            Ok((name, value)) => _ = headers.append(name, value),
            Err(fault) => found.push(*fault),
        }
    }
    if found.len() > before {
        return None;
    }
    let is = |site: Site| written.on.iter().any(|on| on.value == site);
    let response = is(Site::Response);
    Some(Consult {
        id: written.id.value.as_str().into(),
        number,
        kind: match written.kind.as_ref().map(|kind| kind.value.as_str()) {
            Some("moderation") => Kind::Moderation,
            _ => Kind::Webhook,
        },
        post: Post::new(address?, headers),
        request: !response || is(Site::Request),
        response,
        during: written.during.is_some_and(|during| during.value),
        timeout: written.timeout.map_or(TIMEOUT, |timeout| timeout.value),
        cache: written
            .cache
            .map(|cache| cache.value)
            .filter(|cache| !cache.is_zero()),
        // The key is required; were it missing all the same, nothing would pass unasked.
        on_error: written
            .on_error
            .map_or(OnError::Block, |on_error| on_error.value),
    })
}

fn header(
    name: &Spanned<String>,
    value: &Spanned<String>,
    resolve: &mut Resolve<'_>,
) -> Result<(HeaderName, HeaderValue), Box<Diagnostic>> {
    let fault = |place, message: String| Box::new(Diagnostic::error("TG104", place, message));
    let written = HeaderName::try_from(name.value.as_str()).map_err(|_| {
        fault(
            name.place,
            format!("`{}` is not the name of a header", name.value),
        )
    })?;
    if OURS.contains(&written.as_str()) {
        return Err(fault(
            name.place,
            format!("the header `{written}` is not for a policy to set"),
        ));
    }
    let text = resolve(value.place, &value.value)
        .map_err(|reason| Box::new(Diagnostic::error("TG201", value.place, reason)))?;
    let mut held = HeaderValue::try_from(text).map_err(|_| {
        let message = format!("the value of `{written}` holds a character no header can carry");
        fault(value.place, message)
    })?;
    held.set_sensitive(true);
    Ok((written, held))
}

/// An address, which may be a secret itself, as those of chat rooms are.
fn address(
    place: Place,
    written: &str,
    resolve: &mut Resolve<'_>,
) -> Result<Address, Box<Diagnostic>> {
    let text = resolve(place, written)
        .map_err(|reason| Box::new(Diagnostic::error("TG201", place, reason)))?;
    Address::read(&text).ok_or_else(|| Box::new(bad_address(place)))
}

fn bad_address(place: Place) -> Diagnostic {
    Diagnostic::error("TG104", place, "this is not an address the gateway can call")
        .with_help("write it like `https://guard.example/check`: http or https, a host, and a path; a credential belongs in `headers`")
}

impl Worker {
    /// Asks who must be asked before the call goes; gives back who is asked while it is under way.
    pub(super) async fn consult(
        self: &Rc<Self>,
        plan: &Plan,
        call: &Call,
        seen: &Seen,
        note: &mut Note,
    ) -> Result<Option<Later>, Refusal> {
        let Some(screen) = seen
            .screen
            .as_ref()
            .filter(|screen| !screen.outcome().consults.is_empty())
        else {
            return Ok(None);
        };
        let asked = |during: bool| -> Vec<Arc<Consult>> {
            let all = screen.guards().elsewhere.of(screen.outcome());
            all.filter(|one| one.request && one.during == during)
                .cloned()
                .collect()
        };
        let (before, during) = (asked(false), asked(true));
        if before.is_empty() && during.is_empty() {
            return Ok(None);
        }
        let question = Question::of(
            plan,
            call.key,
            call.id,
            call.endpoint,
            &note.model,
            On::Request,
            request_texts(call, seen),
        );
        if let Err(blocked) = Asking::begin(self, screen, &before, &question)
            .verdict()
            .await
        {
            return Err(Refusal::Denied(blocked.denial()));
        }
        Ok((!during.is_empty()).then(|| Later {
            screen: screen.clone(),
            consults: during,
            question,
        }))
    }
}

/// The guards that want to hear the answer.
pub(super) fn of_answers(screen: &Screen) -> Vec<Arc<Consult>> {
    let all = screen.guards().elsewhere.of(screen.outcome());
    all.filter(|one| one.response).cloned().collect()
}

/// The texts of a request as they are forwarded, in the caller's dialect.
fn request_texts(call: &Call, seen: &Seen) -> Vec<Spoken> {
    let body = seen.spoken(call);
    let talk = conversation(call.endpoint, &body);
    let texts = talk.texts.iter();
    texts
        .map(|part| Spoken::new(question::source_name(part.source), part.text, &body))
        .filter(|spoken| !spoken.text.is_empty())
        .collect()
}
