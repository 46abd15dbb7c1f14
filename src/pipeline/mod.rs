//! One request's passage. All the gate does is visible here; the rooms hold the how.
//!
//! look → decide → call → settle → answer. A caller who goes away does not stop it at once: the provider may have worked,
//! so the answer is waited for a little longer, and what it cost is booked.
//!
//! Not here: HTTP to the caller (`gateway`), what a call may do (`governance`), connections (`provider`).

mod alarm;
mod attempt;
mod consult;
mod cutoff;
mod deadline;
mod explain;
mod fallback;
mod fare;
mod passage;
mod patience;
mod plan;
mod quote;
mod reading;
mod refill;
mod refusal;
mod screen;
mod screening;
mod sound;
mod stream;
mod translation;
mod untold;
mod vigil;
mod way;
mod worker;

pub use alarm::Alarm;
pub use consult::{Elsewhere, Resolve};
pub use cutoff::Cut;
pub use deadline::Deadlines;
pub use explain::Explained;
pub use plan::{Destination, Plan};
pub use quote::{Quote, QuoteLine};
pub use refill::Panel;
pub use refusal::{Failure, Other, Refusal, Why};
pub use screen::{BodyKey, Guards};
pub use sound::{Sound, Torn};
pub use stream::Stream;
pub use vigil::Vigil;
pub use worker::{Desk, Durable, Worker};

use crate::chat::tokenizer::{self, Encoding};
use crate::chat::{Addressed, CapField, Edits, Endpoint, Look, Piece, Spoken, Usage, look_at};
use crate::clock::{self, Moment};
use crate::governance::audit::Ruled;
use crate::governance::budget::Standing;
use crate::governance::gate::{Ask, Decision, Denial, Permit};
use crate::governance::identity::{Caller, Key, KeyIndex};
use crate::governance::limit::{Admission, Headroom};
use crate::ids::PassageId;
use crate::provider::settings::Habits;
use crate::provider::transport::Outgoing;
use crate::units::{Money, Tokens};
use bytes::Bytes;
use fallback::{Company, Others};
use http::{HeaderMap, StatusCode};
use passage::Passage;
use patience::Patient;
use refill::Refill;
use screen::{Screen, scan_name};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use translation::Translated;
use way::{Course, chosen};
use worker::Target;

/// A request as the door hands it in: read whole, its caller known.
#[derive(Debug)]
pub struct Call {
    /// Names it.
    pub id: PassageId,
    /// When its head was read.
    pub began: Moment,
    /// When its body was there: until then the caller's time ran, not ours.
    pub arrived: Duration,
    /// Which call of the API.
    pub endpoint: Endpoint,
    /// What its path says of it, where that names the model.
    pub addressed: Option<Addressed>,
    /// The caller's headers.
    pub headers: HeaderMap,
    /// What followed the `?`.
    pub query: Option<Box<str>>,
    /// The body, as text.
    pub body: Bytes,
    /// The body as it came, where that was compressed.
    pub compressed: Option<Bytes>,
    /// Who calls.
    pub key: KeyIndex,
    /// Where the caller is; nowhere on a Unix socket.
    pub peer: Option<IpAddr>,
    /// What the request says of itself.
    pub labels: RequestLabels,
    /// Whether the stream is to end with a comment that says what it cost.
    pub cost_comment: bool,
    /// How long the caller will wait.
    pub deadlines: Deadlines,
}

/// Labels a request brings along.
#[derive(Debug, Clone, Default)]
pub struct RequestLabels {
    /// `x-tollgate-run`.
    pub run: Option<Box<str>>,
    /// `x-tollgate-session`.
    pub session: Option<Box<str>>,
    /// `x-tollgate-end-user`.
    pub end_user: Option<Box<str>>,
    /// `x-tollgate-tags`.
    pub tags: Option<Box<str>>,
}

/// An answer, and what the caller is told about it.
#[derive(Debug)]
pub struct Answer {
    /// The provider's status.
    pub status: StatusCode,
    /// The provider's headers.
    pub headers: HeaderMap,
    /// The provider's body.
    pub body: Body,
    /// What it was about.
    pub facts: Facts,
}

/// An answer's body.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// As it comes.
    Stream(Box<Stream>),
    /// As it comes, and nobody reads it.
    Sound(Box<Sound>),
}

/// What an answer's headers tell about governance.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Who answered, where several could have.
    pub provider: Option<Arc<str>>,
    /// What it cost; on a stream nobody knows yet.
    pub cost: Option<Money>,
    /// The output cap, if it was lowered.
    pub clamped: Option<Tokens>,
    /// Where the tightest budget stands.
    pub tightest: Option<Standing>,
    /// What the rate limits have left.
    pub headroom: Headroom,
    /// The time we added.
    pub overhead: Duration,
    /// What of the request was not translated.
    pub lost: Option<Arc<str>>,
}

/// A look at a request, with where it would go, and what policies made of it.
#[derive(Debug)]
struct Seen {
    look: Look,
    target: Rc<Target>,
    /// The course to the other targets, where there are any.
    course: Option<Course>,
    edits: Edits,
    screen: Option<Rc<Screen>>,
    /// The call in its target's words, where those are others than the caller's.
    translated: Option<Box<Translated>>,
}

impl Seen {
    /// What the caller said, with what policies made of it.
    fn spoken(&self, call: &Call) -> Bytes {
        if self.edits.is_empty() {
            call.body.clone()
        } else {
            self.edits.apply(&call.body).into()
        }
    }

    /// The body as it will be forwarded, apart from what the gate may change.
    fn forwarded(&self, call: &Call) -> Bytes {
        match &self.translated {
            Some(translated) => translated.body().clone(),
            None => self.spoken(call),
        }
    }

    /// By what the call is weighed.
    fn weighed(&self) -> &Look {
        let translated = self.translated.as_ref();
        translated.map_or(&self.look, |translated| translated.weighed())
    }
}

/// How far a call came on its way in.
#[derive(Debug, Default)]
pub struct Note {
    /// The model, as the caller named it.
    pub model: Box<str>,
    /// Whether a stream was asked for.
    pub streaming: bool,
    /// How long reading and the look took.
    pub look: Duration,
    /// How long the decision took.
    pub decide: Duration,
    /// What policies had to do with a call they turned back.
    ruled: Option<Arc<Ruled>>,
    /// What they want of a call they let pass.
    screen: Option<Rc<Screen>>,
    /// How much of its texts could be looked at, before there was an answer.
    scan: Option<&'static str>,
    /// Rules that want somebody told.
    alerts: Vec<Arc<alarm::Alert>>,
}

impl Note {
    /// How much of the call's texts could be looked at, as far as it has come.
    #[must_use]
    pub fn scan(&self) -> Option<&'static str> {
        let screen = self.screen.as_ref();
        let now = screen.and_then(|screen| screen.with_told(|told| told.scan));
        now.map(scan_name).or(self.scan)
    }

    /// What the record says of policies, as far as the call has come.
    #[must_use]
    pub fn ruled(&self) -> Option<Arc<Ruled>> {
        let passing = || self.screen.as_ref().map(|screen| screen.ruled());
        self.ruled.clone().or_else(passing)
    }
}

/// A call that may go.
#[derive(Debug)]
#[must_use = "a call that was let through and is not made gives back what it holds"]
pub struct Admitted {
    passage: Box<Passage>,
    seen: Box<Seen>,
}

impl Admitted {
    /// Makes the call.
    ///
    /// # Errors
    /// The provider did not answer.
    pub async fn make(self, call: Box<Call>) -> Result<Answer, Refusal> {
        let Self { mut passage, seen } = self;
        let (headers, body) = passage.set_out(call, seen);
        let gone = passage.gone.clone();
        Patient::new(passage.complete(headers, body), gone).await
    }
}

impl Worker {
    /// Looks at a call and asks the gate. `note` says how far that came, whatever it ends in.
    ///
    /// # Errors
    /// [`Refusal`]: the request is malformed, has no route, or the gate said no.
    pub async fn admit(
        self: &Rc<Self>,
        plan: &Arc<Plan>,
        call: &Call,
        note: &mut Note,
    ) -> Result<Admitted, Refusal> {
        let mut seen = self.see(plan, call, note)?;
        if !self.desk.telemetry.has_room() {
            return Err(Refusal::Unrecorded);
        }
        if let Some(guards) = &plan.guards {
            let screened = self.screen(plan, guards, call, &mut seen, note).await;
            self.alarm(plan, call, &seen, note, screened.as_ref().err());
            screened?;
        }
        seen.address(self, call)?;
        let during = self.consult(plan, call, &seen, note).await?;
        let permit = self.decide(plan, call, &seen, None).await;
        note.decide = clock::since_start()
            .saturating_sub(call.arrived)
            .saturating_sub(note.look);
        let mut passage = Passage::new(self.clone(), plan.clone(), call, &seen, note, permit?);
        passage.asking = during.map(|during| during.begin(self));
        Ok(Admitted { passage, seen })
    }

    fn see(&self, plan: &Arc<Plan>, call: &Call, note: &mut Note) -> Result<Box<Seen>, Refusal> {
        let look = look_at(call.endpoint, call.addressed.as_ref(), &call.body)?;
        let model = look.model(&call.body);
        note.model = model.into();
        note.streaming = look.stream;
        note.look = clock::since_start().saturating_sub(call.arrived);
        let (target, course) = chosen(self, self.way(plan, model), call, model)?;
        Ok(Box::new(Seen {
            look,
            target,
            course,
            edits: Edits::new(),
            screen: None,
            translated: None,
        }))
    }

    /// Asks the gate, waiting outside for what it may not wait for: a ceiling on the disk, the control panel, an exact count.
    /// `held` is what the rate limits let through already, where the same call is sent to another target.
    async fn decide(
        &self,
        plan: &Plan,
        call: &Call,
        seen: &Seen,
        mut held: Option<Admission>,
    ) -> Result<Permit, Refusal> {
        let key = plan
            .charter
            .keys()
            .get(call.key)
            .ok_or(Refusal::Unrecorded)?;
        let mut counted = None;
        let mut refill = Refill::default();
        loop {
            let ask = ask(call, key, seen, counted);
            let now = call.began.later(clock::since_start());
            match self.desk.gate.decide(&plan.charter, &ask, held.take(), now) {
                Decision::Allow(permit) => return Ok(permit),
                Decision::Deny(denial) => return Err(Refusal::Denied(denial)),
                Decision::Wait(sequence, admission) => {
                    held = Some(admission);
                    if !self.desk.durable.reach(sequence).await {
                        return Err(Refusal::Denied(Denial::suspended()));
                    }
                }
                Decision::Borrow(admission) => {
                    held = Some(admission);
                    if !refill.wait(self.desk.panel.as_deref()).await {
                        return Err(Refusal::Denied(Denial::not_lent(None)));
                    }
                }
                Decision::Count(admission) => {
                    held = Some(admission);
                    let exact = match seen.target.destination.encoding {
                        Some(encoding) => {
                            count(seen.forwarded(call), encoding, seen.weighed().messages).await
                        }
                        None => None,
                    };
                    let bound = ask.input_bound;
                    counted = Some(exact.map_or(bound, |exact| exact.min(bound)));
                }
            }
        }
    }
}

fn ask<'a>(call: &'a Call, key: &'a Key, seen: &'a Seen, counted: Option<Tokens>) -> Ask<'a> {
    let (look, destination) = (seen.weighed(), &seen.target.destination);
    Ask {
        caller: Caller {
            key,
            run: call.labels.run.as_deref(),
            session: call.labels.session.as_deref(),
            end_user: call.labels.end_user.as_deref(),
            tags: call.labels.tags.as_deref(),
            model: look.model(&call.body),
        },
        key: call.key,
        endpoint: call.endpoint,
        rate: destination.rate.as_deref(),
        // What was put in may be longer than what it replaced.
        input_bound: look.input_bound.plus(Tokens(
            u64::try_from(seen.edits.growth()).unwrap_or(u64::MAX),
        )),
        counted,
        countable: destination.encoding.is_some(),
        images: look.references.images,
        opaque: look.references.opaque,
        searches: look.references.searches,
        characters: spoken(seen).characters,
        unpriced: look.references.unpriced,
        rereads: look.references.rereads,
        thinking: look.thinking.map(Tokens),
        audio: look.audio,
        choices: look.choices,
        asked_cap: look.output_cap.map(|cap| Tokens(cap.tokens)),
        policy_cap: policy_cap(seen, &seen.target),
    }
}

/// What is to be spoken, with what was put in for what it replaced.
fn spoken(seen: &Seen) -> Spoken {
    let Spoken { characters, bytes } = seen.weighed().spoken;
    let more = u64::try_from(seen.edits.growth()).unwrap_or_default();
    if characters == 0 {
        return Spoken::default();
    }
    Spoken {
        characters: characters.saturating_add(more),
        bytes: bytes.saturating_add(more),
    }
}

/// The most output that the route to a target and policies allow.
fn policy_cap(seen: &Seen, target: &Target) -> Option<Tokens> {
    let screen = seen.screen.as_ref();
    match (
        target.destination.policy_cap,
        screen.and_then(|screen| screen.most_output()),
    ) {
        (Some(route), Some(policy)) => Some(route.min(policy)),
        (route, policy) => route.or(policy),
    }
}

/// How many exact counts may run at once.
static COUNTING: Semaphore = Semaphore::const_new(2);

/// Counts the input's tokens off this thread; `None` where nobody can.
async fn count(body: Bytes, encoding: Encoding, messages: u32) -> Option<Tokens> {
    // A count takes memory and a core: two at a time, over all threads. Who waits holds nothing but its body.
    let _place = COUNTING.acquire().await.ok()?;
    let counted = tokio::task::spawn_blocking(move || {
        let text = std::str::from_utf8(&body).ok()?;
        match encoding {
            Encoding::Simulator => Some(crate::provider::simulator::bound(text, messages)),
            other => tokenizer::count(other, text, messages),
        }
    });
    counted.await.ok().flatten()
}

/// What a request to a provider is made of.
struct Draft<'a> {
    look: &'a Look,
    /// It in the target's words, where those are others than the caller's.
    translated: Option<&'a Translated>,
    edits: Edits,
    headers: HeaderMap,
    body: Bytes,
    compressed: Option<Bytes>,
}

/// The field a cap is written in where the caller wrote none.
const fn cap_field(endpoint: Endpoint, habits: Habits) -> CapField {
    match endpoint {
        Endpoint::Responses => CapField::MaxOutputTokens,
        Endpoint::Chat => habits.cap,
        Endpoint::GenerateContent => CapField::GenerationConfig,
        _ => CapField::MaxTokens,
    }
}

impl Passage {
    /// The headers as they go up, and the body with them. Where another target may be asked for the same, the call is kept.
    fn set_out(&mut self, mut call: Box<Call>, mut seen: Box<Seen>) -> (HeaderMap, Outgoing) {
        if let Some(course) = seen.course.take() {
            let others = Others::new(course, call, seen);
            let out = self.outgoing(others.draft());
            self.company = Company::Others(Box::new(others));
            return out;
        }
        self.outgoing(Draft {
            edits: std::mem::take(&mut seen.edits),
            headers: std::mem::take(&mut call.headers),
            body: std::mem::take(&mut call.body),
            compressed: call.compressed.take(),
            look: &seen.look,
            translated: seen.translated.as_deref(),
        })
    }

    /// The call as its target is to see it: the caller's bytes, apart from what governance changed.
    fn outgoing(&self, draft: Draft<'_>) -> (HeaderMap, Outgoing) {
        let Draft {
            look,
            translated,
            mut edits,
            mut headers,
            body,
            compressed,
        } = draft;
        if let Some(translated) = translated {
            let body = translated.outgoing(&self.target, self.working(), self.cap(), &mut headers);
            return (headers, body);
        }
        let destination = &self.target.destination;
        match &destination.model {
            Some(name) => edits.rename_model(look, name),
            // What the call was weighed as is what answers it, whatever its provider would have taken for it.
            None if look.implies_model() => edits.rename_model(look, self.working()),
            None => {}
        }
        let cap = self.cap();
        if cap.write {
            edits.set_cap(
                look,
                cap_field(self.endpoint, destination.upstream.habits),
                cap.tokens.0,
            );
        }
        if look.stream && self.hides_usage() && destination.upstream.habits.asks_usage {
            edits.include_usage(look);
        }
        let read = look.stream
            || self
                .screen
                .as_ref()
                .is_some_and(|screen| screen.concerns_answers());
        let body = match (edits.is_empty(), compressed) {
            (true, Some(compressed)) => Outgoing::whole(compressed),
            (true, None) => Outgoing::whole(body),
            (false, compressed) => {
                if compressed.is_some() {
                    headers.remove(http::header::CONTENT_ENCODING);
                }
                let pieces = edits.pieces(body.len());
                let parts = pieces.map(|piece| match piece {
                    Piece::Keep(range) => body.slice(range),
                    Piece::Put(bytes) => Bytes::copy_from_slice(bytes),
                });
                Outgoing::of(parts.collect())
            }
        };
        destination.upstream.dress(&mut headers, read, body.len());
        (headers, body)
    }
}

/// Usage as far as we know it without the provider's word: the input as it was weighed, the output as it was seen.
fn own_count(input: Tokens, output: u64) -> Usage {
    Usage {
        input,
        output: Tokens(output),
        ..Usage::default()
    }
}
