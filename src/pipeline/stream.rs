//! A stream on its way to the caller: passed on as it comes, metered, and booked at its end, whoever ends it.
//!
//! The first byte is not delayed and nothing is copied; what is looked at is looked at on the way through. Five things can
//! end a stream: its provider (settled by the usage it reports), a provider that breaks off or stands still (a terminal
//! error event, settled by our own count), its reservation (a well-formed end, the provider is hung up on), a switch
//! at the control panel (a terminal error event, the provider is hung up on), and a caller who goes away (drained for a
//! moment, so that the usage may still come).
//!
//! Guards elsewhere may want to be asked first: then it is `held`, and all of the above happens once it may leave.
//!
//! Not here: what events mean (`provider::vendor`), what is booked (`passage`).

mod held;

use super::passage::{Ending, Passage};
use super::patience::PATIENCE;
use super::screen::{Blocked, Guarded};
use crate::clock;
use crate::provider::transport::Loan;
use crate::provider::vendor::{Release, StreamMeter, last_event, translate};
use crate::telemetry::event::Attempt;
use crate::units::{Money, Tokens};
use bytes::{Bytes, BytesMut};
use held::{Hold, Kept};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, timeout};

/// The type of the error that ends a stream whose switch was pulled.
const STOPPED: &str = "permission_error";

type Wait = Pin<Box<dyn Future<Output = ()>>>;

/// An answer as it comes. See the module.
pub struct Stream {
    /// What may go to the caller.
    ready: VecDeque<Bytes>,
    /// Holds back what is ready until the settlement is on the disk, where the journal is so configured.
    wait: Option<Wait>,
    /// Keeps all of it back until guards elsewhere have spoken.
    hold: Option<Hold>,
    flow: Option<Flow>,
}

/// The provider's side, as long as it lasts.
struct Flow {
    passage: Box<Passage>,
    body: Incoming,
    loan: Option<Loan>,
    meter: StreamMeter,
    /// Puts what comes into the caller's words, where those are others, and meters it in the provider's own.
    interpreter: Option<Box<translate::Stream>>,
    /// Looks at what passes, where policies ask for it.
    guard: Option<Guarded>,
    /// Why the caller does not get all of it.
    withheld: Option<&'static str>,
    /// The status the caller sees.
    status: u16,
    /// Output tokens beyond which the reservation is used up.
    most: u64,
    /// When it began to flow.
    opened: Duration,
    /// When the last bytes came.
    last: Duration,
    /// When the whole call must be over.
    over: Duration,
    timer: Pin<Box<Sleep>>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("ready", &self.ready.len())
            .field("flowing", &self.flow.is_some())
            .finish_non_exhaustive()
    }
}

impl Stream {
    pub(super) fn new(mut passage: Box<Passage>, body: Incoming, loan: Loan) -> Self {
        let hold = Hold::of(&mut passage);
        let now = clock::since_start();
        let (timeouts, over) = (passage.plan.timeouts, passage.due.over);
        let meter = StreamMeter::new(passage.endpoint, passage.hides_usage(), true);
        let most = passage.cap().tokens.times(passage.choices).0;
        let timer = Box::pin(sleep(timeouts.idle.min(over.saturating_sub(now))));
        let screen = passage
            .screen
            .clone()
            .filter(|screen| screen.concerns_answers());
        let guard = screen.map(|screen| Guarded::new(screen, passage.endpoint));
        let interpreter = passage.interpreter();
        let flow = Flow {
            passage,
            body,
            loan: Some(loan),
            meter,
            interpreter,
            guard,
            withheld: None,
            status: 200,
            most,
            opened: now,
            last: now,
            over,
            timer,
        };
        Self {
            ready: VecDeque::new(),
            wait: None,
            hold,
            flow: Some(flow),
        }
    }

    /// Bytes came: passes them on, and ends the stream if they use up the reservation.
    fn take(&mut self, data: &Bytes) {
        match self.read(data) {
            Ok(()) => self.weigh(),
            Err(blocked) => self.block(&blocked),
        }
    }

    /// Puts what came into the caller's words, and reads it.
    fn read(&mut self, data: &Bytes) -> Result<(), Blocked> {
        let Some(flow) = &mut self.flow else {
            return Ok(());
        };
        let now = clock::since_start();
        flow.passage.first_byte_came(now);
        flow.last = now;
        match &mut flow.interpreter {
            None => self.pass(data),
            Some(interpreter) => {
                let told = interpreter.push(data);
                self.pass(&told)
            }
        }
    }

    /// Reads what is still to be told once the provider has ended in order.
    fn read_rest(&mut self) -> Result<(), Blocked> {
        let interpreter = self
            .flow
            .as_mut()
            .and_then(|flow| flow.interpreter.as_mut());
        match interpreter {
            None => Ok(()),
            Some(interpreter) => {
                let told = interpreter.finish();
                self.pass(&told)
            }
        }
    }

    /// Meters the caller's words, and lets go of what the guard lets go.
    fn pass(&mut self, data: &Bytes) -> Result<(), Blocked> {
        if let Some(hold) = &mut self.hold {
            hold.hears(data);
        }
        let Some(flow) = &mut self.flow else {
            return Ok(());
        };
        let ready = &mut self.ready;
        if let Some(guard) = &mut flow.guard {
            let mut fate = Ok(());
            flow.meter.push(data, &mut |release| {
                if fate.is_ok() {
                    fate = guard.take(&released(release, data), ready);
                }
            });
            fate?;
        } else {
            flow.meter.push(data, &mut |release| {
                ready.push_back(released(release, data));
            });
        }
        Ok(())
    }

    /// What follows from what was metered: the end, if the reservation is used up; the word on its cost, if it is over.
    fn weigh(&mut self) {
        let Some(flow) = &mut self.flow else { return };
        if flow.is_spent() {
            self.cut();
        } else if flow.passage.cost_comment && flow.meter.is_ended() && flow.told().is_told() {
            self.comment_on_cost();
        }
    }

    /// Something may not leave: the caller gets a well-formed end that says so, the provider is hung up on.
    fn block(&mut self, blocked: &Blocked) {
        let Some(mut flow) = self.flow.take() else {
            return;
        };
        flow.discard();
        if let Some(guard) = &flow.guard {
            flow.meter.caller_has(guard.outline());
        }
        let usage = super::own_count(flow.passage.input(), flow.counted());
        let ending = flow.meter.filtered(usage, &blocked.message);
        self.ready.push_back(ending.into());
        flow.withheld = Some(blocked.reason.code());
        flow.passage.attempted(Attempt::Cut);
        flow.conclude_by_own_count();
    }

    /// The reservation is used up: the caller gets a well-formed end, the provider is hung up on.
    fn cut(&mut self) {
        let Some(mut flow) = self.flow.take() else {
            return;
        };
        flow.discard();
        if let Some(guard) = &mut flow.guard
            && let Err(blocked) = guard.finish(&mut self.ready)
        {
            self.flow = Some(flow);
            self.block(&blocked);
            return;
        }
        let usage = super::own_count(flow.passage.input(), flow.counted());
        self.ready.push_back(flow.meter.ending(usage).into());
        flow.passage.attempted(Attempt::Cut);
        flow.conclude_by_own_count();
    }

    /// Its switch was pulled, by somebody who wants what is under way cut: the caller gets an error, the provider is hung
    /// up on. What is held back of the answer stays where it is.
    fn abort(&mut self) {
        let Some(mut flow) = self.flow.take() else {
            return;
        };
        flow.discard();
        let denial = flow.passage.stopped();
        let error = flow
            .meter
            .error_event(STOPPED, Some(denial.reason.code()), &denial.message);
        self.ready.push_back(error.into());
        flow.withheld = Some(denial.reason.code());
        flow.passage.attempted(Attempt::Cut);
        flow.conclude_by_own_count();
    }

    /// Says what the call cost, before the last event.
    fn comment_on_cost(&mut self) {
        let Some(flow) = &mut self.flow else { return };
        let Some(cost) = flow.settle(clock::since_start()).0 else {
            return;
        };
        let comment = Bytes::from(format!(": x-tollgate-cost-usd {cost}\n\n"));
        // The last event may have come in two pieces.
        let pieces = self.ready.drain(..);
        let whole = pieces.fold(BytesMut::new(), |mut whole, piece| {
            whole.extend_from_slice(&piece);
            whole
        });
        let whole = whole.freeze();
        let at = last_event(&whole);
        self.ready
            .extend([whole.slice(..at), comment, whole.slice(at..)]);
    }

    /// The provider's stream is over, in order or not.
    fn end(&mut self, broke: bool, stalled: bool) {
        if !broke && let Err(blocked) = self.read_rest() {
            self.block(&blocked);
            return;
        }
        let Some(mut flow) = self.flow.take() else {
            return;
        };
        let now = clock::since_start();
        if !broke {
            let ready = &mut self.ready;
            let mut fate = Ok(());
            let guard = &mut flow.guard;
            flow.meter.finish(&mut |release| {
                if let Release::Held(bytes) = release {
                    let bytes = Bytes::copy_from_slice(bytes);
                    match guard {
                        Some(guard) if fate.is_ok() => fate = guard.take(&bytes, ready),
                        Some(_) => {}
                        None => ready.push_back(bytes),
                    }
                }
            });
            // What is still held when a provider broke off stays where it is: the beginning of something, perhaps.
            if let (Some(guard), Ok(())) = (guard, &fate) {
                fate = guard.finish(ready);
            }
            if let Err(blocked) = fate {
                self.flow = Some(flow);
                self.block(&blocked);
                return;
            }
        }
        if flow.meter.is_ended() || (!broke && flow.meter.is_finished()) {
            if let (false, Some(loan)) = (broke, flow.loan.take()) {
                loan.give_back(now);
            }
            flow.passage.attempted(Attempt::Ok);
            if flow.told().usage().is_none() {
                flow.conclude_by_own_count();
                return;
            }
            let (_, sequence) = flow.settle(now);
            let desk = flow.passage.worker.desk.clone();
            if desk.durable.before_answers() {
                self.wait = Some(Box::pin(async move {
                    let _ = desk.durable.reach(sequence).await;
                }));
            }
            return;
        }
        flow.discard();
        let name = &flow.passage.target.destination.upstream.name;
        let message = if stalled {
            format!(
                "provider `{name}` stopped sending in the middle of its answer: what came so far is booked; try again"
            )
        } else {
            format!(
                "provider `{name}` broke off in the middle of its answer: what came so far is booked; try again"
            )
        };
        // The provider's own word on what went wrong is enough, where it has left.
        if broke || !flow.meter.is_error() {
            let error = flow
                .meter
                .error_event("upstream_error", Some("upstream_error"), &message);
            self.ready.push_back(error.into());
        }
        flow.passage.attempted(if stalled {
            Attempt::Timeout
        } else {
            Attempt::Cut
        });
        flow.conclude_by_own_count();
    }
}

/// Bytes the meter lets pass.
fn released(release: Release<'_>, data: &Bytes) -> Bytes {
    match release {
        Release::Held(bytes) => Bytes::copy_from_slice(bytes),
        Release::Chunk(range) => data.slice(range),
    }
}

impl Flow {
    /// The meter of what the provider told, in its own words.
    fn told(&self) -> &StreamMeter {
        self.interpreter
            .as_ref()
            .map_or(&self.meter, |interpreter| interpreter.meter())
    }

    /// Meters what nobody gets any more.
    fn hear(&mut self, data: &Bytes) {
        match &mut self.interpreter {
            None => self.meter.push(data, &mut |_| {}),
            Some(interpreter) => {
                interpreter.push(data);
            }
        }
    }

    /// The beginning of an event stays where it is, and is counted.
    fn discard(&mut self) {
        self.meter.discard();
        if let Some(interpreter) = &mut self.interpreter {
            interpreter.discard();
        }
    }

    /// Whether it stood still for too long; sets the timer to when it next could have.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = clock::since_start();
            let due = self
                .last
                .saturating_add(self.passage.plan.timeouts.idle)
                .min(self.over);
            let left = due.saturating_sub(now);
            if left.is_zero() {
                return true;
            }
            self.timer.as_mut().reset(Instant::now() + left);
        }
        false
    }

    /// Whether its output has used up the reservation.
    fn is_spent(&self) -> bool {
        self.told().output_tokens_low() > self.most
            && !self.meter.is_finished()
            && !self.meter.is_ended()
    }

    /// The output by our own count.
    fn counted(&self) -> u64 {
        let told = self.told();
        let bounds = (told.output_tokens_low(), told.output_tokens_high());
        let counted = self.passage.counted(bounds);
        if told.unseen().thinking {
            // What it thought so far may be all that it may think: nothing that came is a measure of it.
            return counted.max(self.passage.most_thought());
        }
        counted
    }

    /// Books what the provider reported; says what that cost, and which entry says so.
    fn settle(&mut self, now: Duration) -> (Option<Money>, u64) {
        // While it flows the provider's time and the caller's are the same time.
        self.passage.waited(now.saturating_sub(self.opened));
        // A usage that came before the end says what was used so far: what came after it is counted.
        let told = self.told();
        let ended = told.is_ended() || told.is_finished();
        let partial = !ended || !told.is_told();
        let (mut usage, unseen) = (told.usage(), told.unseen());
        let counted = self.counted();
        if let Some(usage) = usage.as_mut().filter(|_| partial) {
            usage.output = usage.output.max(Tokens(counted));
            if unseen.tools {
                // What its tools found was read, too: as much as the call was weighed with, at the most.
                usage.input = usage.input.max(self.passage.input());
            }
        }
        let ending = Ending {
            usage,
            counted,
            partial,
            status: self.status,
            withheld: self.withheld,
        };
        let (facts, sequence) = self.passage.settle(ending, now);
        (facts.cost, sequence)
    }

    /// Books what we counted ourselves. The input is counted exactly where that is possible, so not on this thread.
    fn conclude_by_own_count(mut self) {
        drop(self.loan.take());
        // Also the beginning of an event whose end never came is output.
        self.discard();
        if self.passage.worker.is_leaving() {
            self.settle(clock::since_start());
            return;
        }
        tokio::task::spawn_local(async move {
            self.passage.count_input().await;
            self.settle(clock::since_start());
        });
    }

    /// Nobody listens any more: reads on for a moment, in case the usage still comes.
    async fn drain(mut self) {
        let rest = async {
            while let Some(Ok(frame)) = self.body.frame().await {
                if let Some(data) = frame.data_ref() {
                    self.hear(data);
                }
                if self.told().output_tokens_low() > self.most {
                    break;
                }
            }
        };
        let _ = timeout(PATIENCE, rest).await;
        if self.told().is_told() {
            self.passage.attempted(Attempt::Ok);
            self.settle(clock::since_start());
        } else {
            self.passage.attempted(Attempt::Abandoned);
            self.conclude_by_own_count();
        }
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        loop {
            if let Some(wait) = &mut this.wait {
                std::task::ready!(wait.as_mut().poll(cx));
                this.wait = None;
            }
            if this.hold.is_some() {
                match std::task::ready!(this.poll_held(cx)) {
                    Ok(()) => {}
                    Err(Kept::Back(blocked)) => this.withhold(&blocked, 200),
                    Err(Kept::Cut) => {
                        this.cut_held(200);
                    }
                }
                continue;
            }
            if let Some(bytes) = this.ready.pop_front() {
                if bytes.is_empty() {
                    continue;
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let Some(flow) = &mut this.flow else {
                return Poll::Ready(None);
            };
            // Behind an end that was passed on there is nothing to cut.
            if !flow.meter.is_ended() && flow.passage.cutoff.poll(cx).is_ready() {
                this.abort();
                continue;
            }
            match Pin::new(&mut flow.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        this.take(&data);
                    }
                }
                Poll::Ready(Some(Err(_))) => this.end(true, false),
                Poll::Ready(None) => this.end(false, false),
                Poll::Pending if flow.is_overdue(cx) => this.end(true, true),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.flow.is_none() && self.ready.is_empty() && self.wait.is_none()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Some(mut flow) = self.flow.take() else {
            return;
        };
        if flow.told().is_told() && flow.meter.is_ended() {
            flow.passage.attempted(Attempt::Ok);
            flow.settle(clock::since_start());
        } else if !flow.passage.worker.is_leaving() && tokio::runtime::Handle::try_current().is_ok()
        {
            tokio::task::spawn_local(flow.drain());
        }
    }
}
