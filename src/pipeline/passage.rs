//! A call that was let through: what it holds, and how every one of its endings is booked and told.
//!
//! Invariant: a passage is concluded exactly once. Dropped without a conclusion (its thread ended, patience ran out) the
//! whole promise stays booked, and that is told too.

use super::consult::{Asking, On, Question, of_answers};
use super::cutoff::Cutoff;
use super::deadline::Due;
use super::fallback::Company;
use super::plan::Plan;
use super::screen::Screen;
use super::translation::Retelling;
use super::untold::kept;
use super::worker::{Target, Worker};
use super::{Call, Facts, Note, Refusal, Seen, own_count, spoken};
use crate::chat::{Endpoint, IncludeUsage, Spoken, Usage, Version};
use crate::clock::{self, Moment};
use crate::governance::audit::Ruled;
use crate::governance::budget::Bill;
use crate::governance::gate::{Cap, Denial, InFlight, Permit, Receipt};
use crate::governance::identity::KeyIndex;
use crate::governance::limit::{Admission, Headroom};
use crate::ids::PassageId;
use crate::telemetry::Passing;
use crate::telemetry::event::{self, Attempt};
use crate::telemetry::metrics::Series;
use crate::units::{Money, Tokens};
use bytes::Bytes;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// One call on its way.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) worker: Rc<Worker>,
    pub(super) plan: Arc<Plan>,
    pub(super) target: Rc<Target>,
    pub(super) endpoint: Endpoint,
    pub(super) streaming: bool,
    pub(super) cost_comment: bool,
    pub(super) query: Option<Box<str>>,
    pub(super) version: Version,
    /// How it goes there and back, where its provider speaks otherwise than its caller.
    pub(super) retelling: Option<Box<Retelling>>,
    /// Whether the caller did not ask for usage at the stream's end, and must not see what we asked for.
    hidden_usage: bool,
    pub(super) choices: u64,
    /// Whether the caller has left: nothing new is begun for nobody.
    pub(super) gone: Rc<Cell<bool>>,
    id: PassageId,
    began: Moment,
    key: KeyIndex,
    model: Box<str>,
    run: Option<Box<str>>,
    session: Option<Box<str>>,
    series: Arc<Series>,
    look: Duration,
    decide: Duration,
    /// Time spent waiting for the caller's body and for the provider, as far as it is over.
    waited: Duration,
    first_byte: Option<Duration>,
    cap: Cap,
    /// What of the output is set aside for thinking.
    thinking: Option<Tokens>,
    input: Tokens,
    /// What is spoken.
    pub(super) spoken: Spoken,
    /// The body of a stream and how many messages it holds, for counting should no usage come.
    kept: Option<(Bytes, u32)>,
    headroom: Headroom,
    money: Held,
    /// What policies want to see of the answer.
    pub(super) screen: Option<Rc<Screen>>,
    /// Guards elsewhere that are asked while the call is under way.
    pub(super) asking: Option<Asking>,
    /// Whether somebody pulled its switch, and wants it cut.
    pub(super) cutoff: Cutoff,
    /// How the attempt under way is told to have ended, if nobody says it better.
    untold: Option<Attempt>,
    /// When it must have got how far.
    pub(super) due: Due,
    /// The other targets, where there are any.
    pub(super) company: Company,
    _passing: Passing,
}

/// The promise, as the call goes.
#[derive(Debug)]
enum Held {
    /// Not sent yet, or surely not worked on.
    Permit(Permit),
    /// Sent.
    InFlight(InFlight),
    /// Given back, and not set aside anew yet: another target is weighed.
    Between,
    /// Concluded.
    Nothing,
}

/// How a call that was answered, wholly or in part, is booked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    /// What the provider said it used; `None`: our own count of the output.
    pub(super) usage: Option<Usage>,
    /// Output tokens by our own count.
    pub(super) counted: u64,
    /// Whether what the provider said was not its last word.
    pub(super) partial: bool,
    /// The status the caller sees.
    pub(super) status: u16,
    /// Why the caller does not get it, or not all of it.
    pub(super) withheld: Option<&'static str>,
}

impl Passage {
    pub(super) fn new(
        worker: Rc<Worker>,
        plan: Arc<Plan>,
        call: &Call,
        seen: &Seen,
        note: &Note,
        permit: Permit,
    ) -> Box<Self> {
        let model = seen.look.model(&call.body);
        let payer = plan.charter.keys().get(call.key);
        let cutoff = worker.cutoffs().begin(payer.and_then(|key| key.leaf));
        let series = match payer {
            Some(key) => worker.series(&seen.target, model, call.endpoint.operation(), key),
            None => worker.desk.telemetry.series(
                &seen.target.destination.upstream.name,
                model,
                call.endpoint.operation(),
                None,
            ),
        };
        let passing = worker.desk.telemetry.passing();
        // Handed on from future to future, and too large to be copied each time.
        Box::new(Self {
            target: seen.target.clone(),
            endpoint: call.endpoint,
            streaming: seen.look.stream,
            cost_comment: call.cost_comment,
            query: call.query.clone(),
            version: call
                .addressed
                .as_ref()
                .map(|addressed| addressed.version)
                .unwrap_or_default(),
            retelling: Retelling::of(seen, call),
            hidden_usage: seen.look.stream && seen.look.include_usage != IncludeUsage::On,
            choices: seen.look.choices,
            gone: Rc::default(),
            id: call.id,
            began: call.began,
            key: call.key,
            model: note.model.clone(),
            run: call.labels.run.clone(),
            session: call.labels.session.clone(),
            series,
            look: note.look,
            decide: note.decide,
            waited: call.arrived.saturating_sub(call.began.since_start),
            first_byte: None,
            cap: permit.cap,
            thinking: seen.weighed().thinking.map(Tokens),
            input: permit.input,
            spoken: spoken(seen),
            kept: kept(call, seen),
            headroom: permit.headroom(),
            money: Held::Permit(permit),
            screen: seen.screen.clone(),
            asking: None,
            cutoff,
            untold: None,
            due: Due::of(call.deadlines, &plan.timeouts, call.began.since_start),
            company: Company::None,
            worker,
            plan,
            _passing: passing,
        })
    }

    /// Asks the guards that want to hear the answer; `None` for texts nobody could read.
    pub(super) fn ask_about_answer(
        &self,
        texts: Option<Vec<super::consult::Spoken>>,
    ) -> Option<Asking> {
        let screen = self.screen.as_ref()?;
        let consults = of_answers(screen);
        if consults.is_empty() {
            return None;
        }
        let (plan, on) = (&self.plan, On::Response);
        let question = Question::of(
            plan,
            self.key,
            self.id,
            self.endpoint,
            &self.model,
            on,
            texts,
        );
        Some(Asking::begin(&self.worker, screen, &consults, &question))
    }

    /// The input it was weighed with.
    pub(super) const fn input(&self) -> Tokens {
        self.input
    }

    /// Counts the input exactly, where that is possible: what a stream that tells no usage is booked by.
    pub(super) async fn count_input(&mut self) {
        if let Some((body, messages)) = self.kept.take()
            && let Some(encoding) = self.target.destination.encoding
            && let Some(counted) = super::count(body, encoding, messages).await
        {
            self.input = self.input.min(counted);
        }
    }

    /// The output cap that holds.
    pub(super) const fn cap(&self) -> Cap {
        self.cap
    }

    /// What is booked for output nobody told the amount of, between a lower and an upper bound of it. A guess is no
    /// evidence that a provider went beyond its cap; only the lower bound can be.
    pub(super) fn counted(&self, (low, high): (u64, u64)) -> u64 {
        let most = self.cap.tokens.times(self.choices).0;
        if low > most { high } else { high.min(most) }
    }

    /// The most output that a thought can be, shown or not.
    pub(super) fn most_thought(&self) -> u64 {
        let cap = self.cap.tokens;
        self.thinking.map_or(cap, |thinking| thinking.min(cap)).0
    }

    /// Whether usage is asked for on the caller's behalf and hidden again.
    pub(super) const fn hides_usage(&self) -> bool {
        self.hidden_usage
    }

    /// The call leaves: from here on it costs something until proved otherwise.
    pub(super) fn dispatch(&mut self) {
        self.untold = Some(Attempt::Abandoned);
        self.money = match std::mem::replace(&mut self.money, Held::Nothing) {
            Held::Permit(permit) => Held::InFlight(permit.dispatch()),
            other => other,
        };
    }

    /// The provider surely did no work: until the next attempt, a drop is free.
    pub(super) fn recall(&mut self) {
        self.money = match std::mem::replace(&mut self.money, Held::Nothing) {
            Held::InFlight(call) => Held::Permit(call.recall()),
            other => other,
        };
    }

    /// Gives the promise back, as the provider surely did no work, and keeps the places: another target is asked.
    pub(super) fn give_back(&mut self) -> Option<Admission> {
        let permit = match std::mem::replace(&mut self.money, Held::Between) {
            Held::InFlight(call) => call.recall(),
            Held::Permit(permit) => permit,
            Held::Between | Held::Nothing => return None,
        };
        Some(permit.give_back())
    }

    /// From here on the call is the target's that it was put to, on the terms of its permit.
    pub(super) fn turn_to(&mut self, call: &Call, seen: &Seen, permit: Permit) {
        let target = seen.target.clone();
        let payer = self.plan.charter.keys().get(self.key);
        let operation = self.endpoint.operation();
        if let Some(key) = payer {
            self.series = self.worker.series(&target, &self.model, operation, key);
        }
        self.target = target;
        self.retelling = Retelling::of(seen, call);
        self.kept = kept(call, seen);
        self.thinking = seen.weighed().thinking.map(Tokens);
        self.cap = permit.cap;
        self.input = permit.input;
        self.spoken = spoken(seen);
        self.money = Held::Permit(permit);
    }

    /// Tells how the attempt under way ended. Only the first word on it counts, so each is told once.
    pub(super) fn attempted(&mut self, attempt: Attempt) {
        if self.untold.take().is_some() {
            self.worker.desk.telemetry.attempted(&self.series, attempt);
        }
    }

    pub(super) fn retried(&self) {
        self.worker.desk.telemetry.metrics().retried(&self.series);
    }

    /// Time the provider took is not ours.
    pub(super) fn waited(&mut self, time: Duration) {
        self.waited = self.waited.saturating_add(time);
    }

    pub(super) fn first_byte_came(&mut self, now: Duration) {
        self.first_byte
            .get_or_insert(now.saturating_sub(self.began.since_start));
    }

    /// What the caller is told before the end is known.
    pub(super) fn facts_so_far(&self, now: Duration) -> Facts {
        let tightest = match &self.money {
            Held::InFlight(call) => call.tightest(),
            _ => None,
        };
        Facts {
            provider: self.named(),
            cost: None,
            clamped: self.clamped(),
            tightest,
            headroom: self.headroom,
            overhead: self.overhead(now),
            lost: self.lost(),
        }
    }

    /// Who answers, where several could.
    fn named(&self) -> Option<Arc<str>> {
        let name = || self.target.destination.upstream.name.clone();
        self.company.was_any().then(name)
    }

    fn clamped(&self) -> Option<Tokens> {
        self.cap.clamped.then_some(self.cap.tokens)
    }

    fn overhead(&self, now: Duration) -> Duration {
        now.saturating_sub(self.began.since_start)
            .saturating_sub(self.waited)
    }

    /// Books an answer: by the provider's word, or by our own count and flagged. Returns what to tell the caller, and the
    /// journal's entry that says so.
    pub(super) fn settle(&mut self, ending: Ending, now: Duration) -> (Facts, u64) {
        let Held::InFlight(call) = std::mem::replace(&mut self.money, Held::Nothing) else {
            return (Facts::default(), 0);
        };
        let told = ending.usage.or_else(|| self.untold(None));
        let mut usage = told.unwrap_or_else(|| own_count(self.input, ending.counted));
        usage.characters = self.spoken.characters;
        let estimated = ending.usage.is_none() || ending.partial;
        let cost = match &self.target.destination.rate {
            _ if self.endpoint.is_free() => Money::ZERO,
            Some(rate) => rate.cost(&usage),
            None => call.reserved(),
        };
        if usage.searches > 0 && self.has_no_price_for_searches() {
            tracing::warn!(
                request = %self.id.request(),
                model = %self.working(),
                searches = usage.searches,
                "a call searched the web, and no price of a search is known: it is not in its cost (`web_search` in the price book)"
            );
        }
        let bill = Bill {
            cost,
            input: usage.input,
            output: usage.output,
            estimated,
        };
        let receipt = call.settle(
            bill,
            self.working(),
            Moment {
                since_start: now,
                ..self.began
            },
        );
        self.burned(receipt.cost, now);
        self.ring();
        self.tell_settled(
            &receipt,
            (ending.status, ending.withheld),
            usage,
            estimated,
            now,
        );
        let facts = Facts {
            provider: self.named(),
            cost: Some(cost),
            clamped: self.clamped(),
            tightest: receipt.settlement.tightest,
            headroom: self.headroom,
            overhead: self.overhead(now),
            lost: self.lost(),
        };
        (facts, receipt.settlement.sequence)
    }

    fn has_no_price_for_searches(&self) -> bool {
        let rate = self.target.destination.rate.as_ref();
        rate.is_some_and(|rate| rate.web_search.is_none())
    }

    /// The model that works for it, by its provider's name.
    pub(super) fn working(&self) -> &str {
        let there = self.target.destination.model.as_deref();
        there.unwrap_or(&self.model)
    }

    /// What the call cost counts against those who burn too fast.
    fn burned(&self, cost: Money, now: Duration) {
        if let Some(screen) = &self.screen {
            let named = screen.named(self.run.as_deref(), self.session.as_deref());
            let vigil = &self.worker.desk.vigil;
            vigil.settled(screen.guards(), screen.outcome(), &named, cost, now);
        }
    }

    /// Rings the alerts of rules about the calls it made.
    fn ring(&self) {
        if let Some(screen) = &self.screen {
            self.worker.alarm_of_calls(self.id, screen);
        }
    }

    /// What the record says of policies.
    fn ruled(&self) -> Option<Arc<Ruled>> {
        self.screen.as_ref().map(|screen| screen.ruled())
    }

    fn tell_settled(
        &self,
        receipt: &Receipt,
        (status, withheld): (u16, Option<&'static str>),
        usage: Usage,
        estimated: bool,
        now: Duration,
    ) {
        let telemetry = &self.worker.desk.telemetry;
        let ruled = self.ruled();
        telemetry.settled(
            &self.series,
            &event::Settled {
                passage: self.event(now, ruled.as_ref()),
                withheld,
                clamped: self.cap.clamped,
                status,
                usage,
                cost: receipt.cost,
                reserved: receipt.reserved,
                estimated,
                overrun: receipt.settlement.overrun > Money::ZERO,
                first_byte: self.first_byte,
                overhead: self.overhead(now),
            },
        );
        for standing in &receipt.settlement.crossed {
            tracing::warn!(
                budget = %standing,
                percent = standing.soft,
                spent = %standing.spent,
                limit = %standing.limit,
                "a budget crossed a soft threshold"
            );
        }
        if receipt.settlement.overrun > Money::ZERO {
            tracing::warn!(
                request = %self.id.request(),
                provider = %self.target.destination.upstream.name,
                over = %receipt.settlement.overrun,
                "a call cost more than was promised for it: the provider reported more than its cap or our prices are wrong"
            );
        }
    }

    /// The provider refused, or was never reached: nothing is booked.
    pub(super) fn release(&mut self, reason: &'static str, status: u16, now: Duration) -> Facts {
        let at = Moment {
            since_start: now,
            ..self.began
        };
        let receipt = match std::mem::replace(&mut self.money, Held::Nothing) {
            Held::InFlight(call) => call.release(at),
            Held::Permit(permit) => permit.dispatch().release(at),
            Held::Between => Receipt::default(),
            Held::Nothing => return Facts::default(),
        };
        self.tell_failed(&receipt, reason, status, now);
        Facts {
            provider: self.named(),
            cost: Some(Money::ZERO),
            clamped: self.clamped(),
            tightest: receipt.settlement.tightest,
            headroom: self.headroom,
            overhead: self.overhead(now),
            lost: self.lost(),
        }
    }

    /// Nobody knows what the provider did: the whole promise stays booked.
    pub(super) fn expire(&mut self, reason: &'static str, status: u16, now: Duration) {
        if let Held::InFlight(call) = std::mem::replace(&mut self.money, Held::Nothing) {
            let receipt = call.expire(self.working());
            self.burned(receipt.cost, now);
            self.ring();
            self.tell_failed(&receipt, reason, status, now);
        }
    }

    /// Its switch was pulled before anybody had an answer: booked by what is known of the provider's work.
    pub(super) fn cut_off(&mut self) -> Refusal {
        let now = clock::since_start();
        let denial = self.stopped();
        let reason = denial.reason.code();
        self.attempted(Attempt::Cut);
        match &self.money {
            Held::InFlight(_) => self.expire(reason, 403, now),
            Held::Permit(_) | Held::Between | Held::Nothing => {
                self.release(reason, 403, now);
            }
        }
        Refusal::Denied(denial)
    }

    /// What its caller is told when its switch is pulled while it is under way.
    pub(super) fn stopped(&self) -> Box<Denial> {
        let key = self.plan.charter.keys().get(self.key);
        Denial::cut(key.map_or("", |key| &key.name))
    }

    fn tell_failed(&self, receipt: &Receipt, reason: &'static str, status: u16, now: Duration) {
        let ruled = self.ruled();
        self.worker.desk.telemetry.failed(
            &self.series,
            &event::Failed {
                passage: self.event(now, ruled.as_ref()),
                reason,
                status,
                usage: Usage::default(),
                cost: receipt.cost,
                reserved: receipt.reserved,
                estimated: receipt.cost > Money::ZERO,
                overhead: self.overhead(now),
            },
        );
    }

    fn event<'a>(&'a self, now: Duration, ruled: Option<&'a Arc<Ruled>>) -> event::Passage<'a> {
        event::Passage {
            id: self.id,
            at: self.began.wall,
            who: self.plan.owner(self.key),
            run: self.run.as_deref(),
            session: self.session.as_deref(),
            endpoint: Some(self.endpoint),
            model: &self.model,
            streaming: self.streaming,
            revisions: &self.plan.revisions,
            look: self.look,
            decide: self.decide,
            total: now.saturating_sub(self.began.since_start),
            ruled,
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.attempted(Attempt::Abandoned);
        match &self.money {
            Held::Nothing => {}
            // Status 499: the caller was gone before there was one.
            Held::InFlight(_) => self.expire("abandoned", 499, clock::since_start()),
            Held::Permit(_) | Held::Between => {
                self.release("abandoned", 499, clock::since_start());
            }
        }
    }
}
