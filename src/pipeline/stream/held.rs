//! A stream that may not leave yet: read and metered as it comes, and kept here until guards elsewhere have spoken.
//!
//! Two things hold one: guards that are asked about the request while the provider is at work (the answer waits for them,
//! head and all), and guards that want to hear the answer (it waits until it is whole). What is held is bounded; beyond it
//! the first kind leaves the rest at the provider, the second has not heard it, and `on_error` decides.
//!
//! Invariant: nothing that is held leaves before the last guard has said yes, and nothing of it after one has said no. It
//! was paid for all the same.
//!
//! Not here: who is asked and what an answer means (`consult`).

use super::{Flow, STOPPED, Stream};
use crate::clock;
use crate::governance::gate::Denial;
use crate::pipeline::consult::{Asking, Heard, of_answers};
use crate::pipeline::passage::Passage;
use crate::pipeline::screen::Blocked;
use crate::telemetry::event::Attempt;
use bytes::Bytes;
use http_body::Body as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes of an answer that are held.
const MOST: usize = 4 << 20;

/// What keeps a stream from leaving.
pub(super) struct Hold {
    /// Guards that have not all spoken.
    asking: Option<Asking>,
    /// What the answer says so far, for guards that want to hear it.
    heard: Option<Heard>,
    bytes: usize,
    end: Option<End>,
}

/// How the provider's side ended while its answer was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// In order.
    Orderly,
    /// It broke off.
    Broke,
    /// It stood still.
    Stalled,
    /// It has used up its reservation: nobody reads on.
    Enough,
}

/// Why a held answer does not leave.
pub(super) enum Kept {
    /// A guard said no.
    Back(Blocked),
    /// Its switch was pulled.
    Cut,
}

impl From<Blocked> for Kept {
    fn from(blocked: Blocked) -> Self {
        Self::Back(blocked)
    }
}

impl Hold {
    /// What holds the answer to this call, if anything does.
    pub(super) fn of(passage: &mut Passage) -> Option<Self> {
        let asking = passage.asking.take();
        let listens = passage
            .screen
            .as_ref()
            .is_some_and(|screen| !of_answers(screen).is_empty());
        (asking.is_some() || listens).then(|| Self {
            asking,
            heard: listens.then(|| Heard::new(passage.endpoint)),
            bytes: 0,
            end: None,
        })
    }
}

impl Hold {
    /// This is held too.
    pub(super) fn hears(&mut self, data: &Bytes) {
        self.bytes = self.bytes.saturating_add(data.len());
        if let Some(heard) = &mut self.heard {
            heard.push(data);
        }
    }
}

impl Stream {
    /// Waits for guards that are asked about the request: until then not even the head of the answer leaves.
    pub(in crate::pipeline) async fn may_begin(&mut self) -> Result<(), Box<Denial>> {
        if self.hold.as_ref().is_none_or(|hold| hold.asking.is_none()) {
            return Ok(());
        }
        match poll_fn(|cx| self.poll_held(cx)).await {
            Ok(()) => Ok(()),
            Err(Kept::Back(blocked)) => {
                self.withhold(&blocked, blocked.status.unwrap_or(400));
                Err(blocked.denial())
            }
            Err(Kept::Cut) => Err(self.cut_held(403)),
        }
    }

    /// Reads on while the answer may not leave. Ready when the guards at hand have spoken: it leaves, or is held for the
    /// next ones.
    pub(super) fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Kept>> {
        loop {
            let cutoff = self.flow.as_ref().map(|flow| &flow.passage.cutoff);
            if cutoff.is_some_and(|cutoff| cutoff.poll(cx).is_ready()) {
                return Poll::Ready(Err(Kept::Cut));
            }
            let Some(hold) = &mut self.hold else {
                return Poll::Ready(Ok(()));
            };
            if let Some(asking) = &mut hold.asking {
                if let Poll::Ready(verdict) = asking.poll(cx) {
                    hold.asking = None;
                    if verdict.is_ok() && hold.heard.is_none() {
                        self.release();
                    }
                    return Poll::Ready(verdict.map_err(Kept::from));
                }
            } else if hold.end.is_some() || hold.bytes > MOST {
                let whole = hold.end.is_some();
                let heard = hold
                    .heard
                    .take()
                    .and_then(|heard| heard.finish().filter(|_| whole));
                if let (Some(flow), Some(hold)) = (&self.flow, &mut self.hold) {
                    hold.asking = flow.passage.ask_about_answer(heard);
                }
                if self.hold.as_ref().is_some_and(|hold| hold.asking.is_none()) {
                    self.release();
                }
                continue;
            }
            if hold.end.is_some() || hold.bytes > MOST {
                return Poll::Pending;
            }
            let Some(flow) = &mut self.flow else {
                return Poll::Ready(Ok(()));
            };
            hold.end = match Pin::new(&mut flow.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data()
                        && let Err(blocked) = self.take_held(&data)
                    {
                        return Poll::Ready(Err(blocked.into()));
                    }
                    continue;
                }
                Poll::Ready(Some(Err(_))) => Some(End::Broke),
                Poll::Ready(None) => {
                    // Guards hear all of it, also what is told only at its end.
                    if let Err(blocked) = self.read_rest() {
                        return Poll::Ready(Err(blocked.into()));
                    }
                    if let Some(hold) = &mut self.hold {
                        hold.end = Some(End::Orderly);
                    }
                    continue;
                }
                Poll::Pending if flow.is_overdue(cx) => Some(End::Stalled),
                Poll::Pending => return Poll::Pending,
            };
        }
    }

    fn take_held(&mut self, data: &Bytes) -> Result<(), Blocked> {
        self.read(data)?;
        if let (Some(hold), true) = (
            &mut self.hold,
            self.flow.as_ref().is_some_and(Flow::is_spent),
        ) {
            hold.end = Some(End::Enough);
        }
        Ok(())
    }

    /// What was held may leave, and what ended meanwhile ends now.
    fn release(&mut self) {
        let Some(hold) = self.hold.take() else { return };
        if let Some(flow) = &mut self.flow {
            flow.last = clock::since_start();
        }
        self.weigh();
        match hold.end {
            Some(End::Orderly) => self.end(false, false),
            Some(End::Broke) => self.end(true, false),
            Some(End::Stalled) => self.end(true, true),
            Some(End::Enough) | None => {}
        }
    }

    /// Its switch was pulled: nothing that was held leaves. What its caller is told, where the head has not left.
    pub(super) fn cut_held(&mut self, status: u16) -> Box<Denial> {
        self.ready.clear();
        self.hold = None;
        let Some(mut flow) = self.flow.take() else {
            return Denial::cut("");
        };
        let denial = flow.passage.stopped();
        let code = denial.reason.code();
        let unsaid = flow.meter.unsaid();
        let error = unsaid.error_event(STOPPED, Some(code), &denial.message);
        self.ready.push_back(error.into());
        flow.withheld = Some(code);
        flow.status = status;
        flow.passage.attempted(Attempt::Cut);
        flow.conclude_by_own_count();
        denial
    }

    /// None of it may leave: what was held goes, and where the head has left already the caller gets an end that says so.
    pub(super) fn withhold(&mut self, blocked: &Blocked, status: u16) {
        self.ready.clear();
        let end = self.hold.take().and_then(|hold| hold.end);
        let Some(mut flow) = self.flow.take() else {
            return;
        };
        let usage = crate::pipeline::own_count(flow.passage.input(), flow.counted());
        self.ready
            .push_back(flow.meter.unsaid().filtered(usage, &blocked.message).into());
        flow.withheld = Some(blocked.reason.code());
        flow.status = status;
        if end == Some(End::Orderly) && (flow.meter.is_ended() || flow.meter.is_finished()) {
            if let Some(loan) = flow.loan.take() {
                loan.give_back(clock::since_start());
            }
            flow.passage.attempted(Attempt::Ok);
        } else {
            flow.passage.attempted(Attempt::Cut);
        }
        flow.conclude_by_own_count();
    }
}
