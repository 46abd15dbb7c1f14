//! A call whose target speaks another dialect than its caller, on its way there and back.
//!
//! It is looked at and guarded in the caller's words, with the policies' changes in it. Only then is it put into the
//! target's, and looked at once more: what is promised covers the dearer of the two readings, because one vendor's request
//! may be longer, or hold what has no bound, where the other's does not. Every target is put to anew, from what the caller
//! said: what one of them would lose is none of the next one's matter, and a target that cannot be asked without a loss it
//! does not allow is passed over where there is another. What the provider answers is metered in its
//! own words and told in the caller's before anybody else here reads it, so guards, cuts and endings know one dialect.
//!
//! Not here: how anything is spelled (`dialect::translate`), whether it may go (`governance`).

use super::passage::{Ending, Passage};
use super::reading::plain;
use super::refusal::{Other, Why};
use super::way::Errand;
use super::worker::{Target, Worker};
use super::{Call, Failure, Refusal, Seen, cap_field, policy_cap};
use crate::chat::{Addressed, Dialect, Endpoint, Look, Version, look_at};
use crate::governance::gate::Cap;
use crate::provider::settings::Lossy;
use crate::provider::transport::Outgoing;
use crate::provider::upstream::{self, leave_behind};
use crate::provider::vendor::translate::{self, Asked, Fault, Terms};
use crate::provider::vendor::{self, Usages};
use crate::telemetry::event::Attempt;
use crate::units::Tokens;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// How Anthropic names a request, and how everybody else does.
static ITS_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Losses that a header tells by name; of more it says that there are more.
const MOST_TOLD: usize = 8;

/// A cap that nobody set.
const NO_CAP: Tokens = Tokens(u64::MAX);

/// A request in its target's words.
#[derive(Debug)]
pub(super) struct Translated {
    asked: Asked,
    there: Endpoint,
    /// The body but for what the gate decides.
    body: Bytes,
    /// The look at the caller's words, with what is dearer in these.
    weighed: Look,
    lost: Option<Arc<str>>,
}

/// Why a target cannot be asked a call.
#[derive(Debug)]
pub(super) struct Unfit {
    provider: Arc<str>,
    fault: Box<Fault>,
    /// Whether its configuration could allow that something is left out.
    droppable: bool,
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        let Unfit {
            provider,
            fault,
            droppable,
        } = unfit;
        Self::Untranslatable {
            provider,
            fault,
            droppable,
        }
    }
}

impl From<Unfit> for Other {
    fn from(unfit: Unfit) -> Self {
        Self {
            provider: unfit.provider,
            why: Why::Unfit(unfit.fault),
        }
    }
}

/// What a call keeps of its translation for the answer.
#[derive(Debug, Clone)]
pub(super) struct Retelling {
    /// Which of its provider's calls it is.
    pub(super) there: Endpoint,
    /// What was left out, for the caller.
    pub(super) lost: Option<Arc<str>>,
    /// When it was made, in seconds.
    created: u64,
}

/// As which of a target's calls a call goes, where it is not the caller's own.
fn counterpart(target: &Target, endpoint: Endpoint) -> Option<Endpoint> {
    let kind = target.destination.upstream.kind;
    translate::counterpart(endpoint, kind.native())
}

/// Whether a target speaks the dialect of such calls.
fn speaks(target: &Target, endpoint: Endpoint) -> bool {
    target.destination.upstream.kind.speaks(endpoint.dialect())
}

/// Whether a target can be asked calls of this kind, in their own words or in others.
pub(super) fn reaches(target: &Target, endpoint: Endpoint) -> bool {
    speaks(target, endpoint) || counterpart(target, endpoint).is_some()
}

impl Seen {
    /// Puts the call to its target, or, if that cannot be asked it, to the next one that can.
    pub(super) fn address(&mut self, worker: &Worker, call: &Call) -> Result<(), Refusal> {
        loop {
            let unfit = match self.put(call, &self.target) {
                Ok(translated) => {
                    self.translated = translated;
                    return Ok(());
                }
                Err(unfit) => unfit,
            };
            let Some(mut course) = self.course.take() else {
                return Err(unfit.into());
            };
            let Some(next) = course.next(Errand::of(call), worker) else {
                return Err(course.refusal(unfit));
            };
            course.pass_over(unfit);
            self.target = next;
            self.course = Some(course);
        }
    }

    /// The call in a target's words, where those are others than the caller's, weighed in both.
    pub(super) fn put(
        &self,
        call: &Call,
        target: &Target,
    ) -> Result<Option<Box<Translated>>, Unfit> {
        if speaks(target, call.endpoint) {
            return Ok(None);
        }
        // Nobody is chosen whose calls have no counterpart.
        let Some(there) = counterpart(target, call.endpoint) else {
            return Ok(None);
        };
        let upstream = &target.destination.upstream;
        let unfit = |fault, droppable| Unfit {
            provider: upstream.name.clone(),
            fault: Box::new(fault),
            droppable,
        };
        let body = self.spoken(call);
        let asked = Asked::read(&body, call.endpoint, there);
        let asked = asked.map_err(|fault| unfit(fault, false))?;
        let asked = asked.streamed(self.look.stream);
        if upstream.lossy == Lossy::Deny {
            asked.complete().map_err(|fault| unfit(fault, true))?;
        }
        if there == Endpoint::Messages && self.is_capless(target) {
            return Err(unfit(no_cap(call.endpoint), false));
        }
        let model = self.look.model(&call.body);
        let body = Bytes::from(asked.body(&Terms {
            model,
            cap: None,
            cap_field: cap_field(there, upstream.habits),
            asks_usage: upstream.habits.asks_usage,
        }));
        let path = Addressed {
            model: model.into(),
            stream: self.look.stream,
            version: Version::default(),
        };
        let path = (there.dialect() == Dialect::Gemini).then_some(&path);
        let there_seen = look_at(there, path, &body);
        let there_seen = there_seen.map_err(|error| unfit(error.into(), false))?;
        let mut weighed = self.look.clone();
        dearer(&mut weighed, &there_seen);
        let lost = told(&asked);
        Ok(Some(Box::new(Translated {
            asked,
            there,
            body,
            weighed,
            lost,
        })))
    }

    /// Whether the gate could find no cap for the call at this target: neither the caller's own, nor one that is configured,
    /// nor the model's.
    fn is_capless(&self, target: &Target) -> bool {
        let rate = target.destination.rate.as_ref();
        self.look.output_cap.is_none()
            && policy_cap(self, target).is_none()
            && rate.and_then(|rate| rate.max_output).is_none()
    }
}

/// Messages have to say how much they may write.
fn no_cap(here: Endpoint) -> Fault {
    let param = match here {
        Endpoint::GenerateContent => "generationConfig.maxOutputTokens",
        _ => "max_tokens",
    };
    Fault::Wrong {
        param: param.to_owned(),
        must_be: "given: the provider of this model asks for it, and neither its route (`max_output`) nor the price book (`max_output`) says how much it may write",
    }
}

/// The look takes over what is more in the other reading.
fn dearer(look: &mut Look, there: &Look) {
    look.input_bound = look.input_bound.max(there.input_bound);
    look.messages = look.messages.max(there.messages);
    look.audio |= there.audio;
    look.thinking = there.thinking.or(look.thinking);
    let (here, there) = (&mut look.references, &there.references);
    here.images = here.images.max(there.images);
    here.searches = here.searches.max(there.searches);
    here.opaque = here.opaque.or(there.opaque);
    here.unpriced = here.unpriced.or(there.unpriced);
    here.rereads = here.rereads.max(there.rereads);
}

/// The names of what was left out, for a header.
fn told(asked: &Asked) -> Option<Arc<str>> {
    let names = asked.lost.iter().take(MOST_TOLD);
    let names: Vec<&str> = names.map(|loss| loss.param.as_str()).collect();
    let more = asked.lost.len().saturating_sub(MOST_TOLD);
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(format!("not translated: {}", names.join(", ")).into()),
        (false, more) => {
            Some(format!("not translated: {} and {more} more", names.join(", ")).into())
        }
    }
}

impl Translated {
    /// The body as it would be counted.
    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    /// By what it is weighed.
    pub(super) fn weighed(&self) -> &Look {
        &self.weighed
    }

    /// The request as it goes up.
    pub(super) fn outgoing(
        &self,
        target: &Target,
        model: &str,
        cap: Cap,
        headers: &mut HeaderMap,
    ) -> Outgoing {
        let upstream = &target.destination.upstream;
        let body = self.asked.body(&Terms {
            model,
            cap: Some(cap.tokens)
                .filter(|cap| *cap != NO_CAP)
                .map(|cap| cap.0),
            cap_field: cap_field(self.there, upstream.habits),
            asks_usage: upstream.habits.asks_usage,
        });
        let body = Outgoing::whole(Bytes::from(body));
        headers.remove(CONTENT_ENCODING);
        leave_behind(headers);
        upstream.dress(headers, true, body.len());
        body
    }
}

impl Retelling {
    /// Of a call that is put to its target; none where both speak alike.
    pub(super) fn of(seen: &Seen, call: &Call) -> Option<Box<Self>> {
        let translated = seen.translated.as_ref()?;
        Some(Box::new(Self {
            there: translated.there,
            lost: translated.lost.clone(),
            created: u64::try_from(call.began.wall.secs()).unwrap_or_default(),
        }))
    }
}

impl Passage {
    /// Which of its provider's calls this is.
    pub(super) fn there(&self) -> Endpoint {
        let retelling = self.retelling.as_ref();
        retelling.map_or(self.endpoint, |retelling| retelling.there)
    }

    /// What is asked of the provider.
    pub(super) fn asked(&self) -> upstream::Asked<'_> {
        upstream::Asked {
            endpoint: self.there(),
            model: self.working(),
            streaming: self.streaming,
            version: self.version,
            query: self.asked_after(),
        }
    }

    /// What of the request was not translated.
    pub(super) fn lost(&self) -> Option<Arc<str>> {
        self.retelling.as_ref()?.lost.clone()
    }

    /// What stands behind the `?`: it is said to one vendor.
    fn asked_after(&self) -> Option<&str> {
        self.query.as_deref().filter(|_| self.retelling.is_none())
    }

    /// Translates its stream, where the caller speaks otherwise.
    pub(super) fn interpreter(&self) -> Option<Box<translate::Stream>> {
        let retelling = self.retelling.as_ref()?;
        translate::Stream::new(retelling.there, self.endpoint, retelling.created).map(Box::new)
    }

    /// A refusal of the provider's in the caller's words.
    pub(super) fn retell_refusal(
        &self,
        status: StatusCode,
        headers: &mut HeaderMap,
        body: Bytes,
    ) -> Bytes {
        let Some(retelling) = &self.retelling else {
            return body;
        };
        let text = plain(headers, &body).unwrap_or_default();
        let told = translate::error(&text, status.as_u16(), retelling.there, self.endpoint);
        rewrite(headers);
        Bytes::from(told)
    }

    /// A whole answer in the caller's words, and what it reports in the provider's own; that only where it was translated.
    /// One that nobody can read is booked by what it says it used, or by its length.
    pub(super) fn retell(
        &mut self,
        headers: &mut HeaderMap,
        body: Bytes,
        now: Duration,
        attempts: u32,
    ) -> Result<(Bytes, Option<Usages>), Refusal> {
        let Some(retelling) = self.retelling.clone() else {
            return Ok((body, None));
        };
        let text = plain(headers, &body);
        let reading = text
            .as_ref()
            .and_then(|text| vendor::read(text, retelling.there).ok());
        let told = text.and_then(|text| {
            translate::answer(&text, retelling.there, self.endpoint, retelling.created)
        });
        if let (Some(told), Some(reading)) = (told, reading) {
            rewrite(headers);
            return Ok((Bytes::from(told), Some(reading)));
        }
        self.attempted(Attempt::Malformed);
        let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let bounds = reading.as_ref().map_or((0, length), vendor::output_bounds);
        let ending = Ending {
            usage: reading.and_then(|reading| reading.usage),
            counted: self.counted(bounds),
            partial: false,
            status: 502,
            withheld: Some("upstream_error"),
        };
        self.settle(ending, now);
        Err(self.upstream(Failure::Unreadable, attempts))
    }

    /// What stands above an answer that was translated.
    pub(super) fn rename_headers(&self, headers: &mut HeaderMap) {
        if self.retelling.is_some()
            && let Some(theirs) = headers.remove(&ITS_REQUEST_ID)
        {
            headers.insert(REQUEST_ID.clone(), theirs);
        }
    }
}

/// What is said of a body that was written anew.
fn rewrite(headers: &mut HeaderMap) {
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
}
