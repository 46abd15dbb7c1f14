//! Sound on its way to the caller: passed on as it comes, and booked at its end, whoever ends it.
//!
//! Nothing in it tells what it cost. What is priced by the characters that are spoken is known before it begins, so it is
//! booked the same however it ends; what is priced by tokens is booked by what the text can take.
//!
//! Not here: speech that comes as events and tells its usage (`stream`), what is booked where nothing is told (`untold`).

use super::passage::{Ending, Passage};
use super::screen::Blocked;
use super::{Answer, Body, Refusal};
use crate::clock;
use crate::governance::policy::settings::ScanState;
use crate::provider::transport::Loan;
use crate::telemetry::event::Attempt;
use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Frame;
use hyper::body::Incoming;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

type Wait = Pin<Box<dyn Future<Output = ()>>>;

/// A body that ends before its time: the connection is closed, so that nobody takes a part of it for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off")]
pub struct Torn;

/// An answer nobody reads, as it comes. See the module.
pub struct Sound {
    flow: Option<Flow>,
    /// Holds the end back until the settlement is on the disk, where the journal is so configured.
    wait: Option<Wait>,
}

struct Flow {
    passage: Box<Passage>,
    body: Incoming,
    loan: Option<Loan>,
    opened: Duration,
    last: Duration,
    timer: Pin<Box<Sleep>>,
    status: u16,
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sound")
            .field("flowing", &self.flow.is_some())
            .finish_non_exhaustive()
    }
}

impl Passage {
    /// Passes sound on once nobody objects to its being said.
    pub(super) async fn sounded(
        mut self: Box<Self>,
        response: Response<Incoming>,
        loan: Loan,
    ) -> Result<Answer, Refusal> {
        let (parts, body) = response.into_parts();
        let now = clock::since_start();
        let status = parts.status.as_u16();
        let asked = self.objection(&parts.headers).await;
        let patience = self.patience(now, clock::since_start());
        let mut flow = Flow {
            status,
            opened: now,
            last: now,
            timer: Box::pin(sleep(patience)),
            body,
            loan: Some(loan),
            passage: self,
        };
        if let Err(blocked) = asked {
            flow.loan = None;
            flow.passage.attempted(Attempt::Cut);
            flow.status = blocked.status.unwrap_or(400);
            flow.settle(Some(blocked.reason.code()));
            return Err(Refusal::Denied(blocked.denial()));
        }
        flow.passage.tell_unheard();
        let facts = flow.passage.facts_so_far(clock::since_start());
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: Body::Sound(Box::new(Sound {
                flow: Some(flow),
                wait: None,
            })),
            facts,
        })
    }

    /// What guards elsewhere say: they are asked before anything leaves, and told that this is nothing to read.
    async fn objection(&mut self, headers: &HeaderMap) -> Result<(), Blocked> {
        if self.consults() {
            return Box::pin(self.consulted(headers, &Bytes::new())).await;
        }
        Ok(())
    }

    /// Where answers are looked at, this one is not.
    fn tell_unheard(&self) {
        let screen = self.screen.as_ref();
        if let Some(screen) = screen.filter(|screen| screen.concerns_answers()) {
            screen.with_told(|told| {
                if told.scan != Some(ScanState::None) {
                    told.scan = Some(ScanState::Partial);
                }
            });
        }
    }

    /// How long the next piece may take.
    fn patience(&self, last: Duration, now: Duration) -> Duration {
        let due = last.saturating_add(self.plan.timeouts.idle);
        due.min(self.due.over).saturating_sub(now)
    }
}

impl Flow {
    /// Books it; says which entry of the journal does.
    fn settle(&mut self, withheld: Option<&'static str>) -> u64 {
        let now = clock::since_start();
        // While it flows the provider's time and the caller's are the same time.
        self.passage.waited(now.saturating_sub(self.opened));
        let ending = Ending {
            usage: self.passage.untold(None),
            counted: 0,
            partial: true,
            status: self.status,
            withheld,
        };
        self.passage.settle(ending, now).1
    }

    /// Whether it stood still for too long; sets the timer to when it next could have.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let left = self.passage.patience(self.last, clock::since_start());
            if left.is_zero() {
                return true;
            }
            self.timer.as_mut().reset(Instant::now() + left);
        }
        false
    }
}

impl Sound {
    /// It came whole.
    fn end(&mut self) {
        let Some(mut flow) = self.flow.take() else {
            return;
        };
        if let Some(loan) = flow.loan.take() {
            loan.give_back(clock::since_start());
        }
        flow.passage.attempted(Attempt::Ok);
        let sequence = flow.settle(None);
        let desk = flow.passage.worker.desk.clone();
        if desk.durable.before_answers() {
            self.wait = Some(Box::pin(async move {
                let _ = desk.durable.reach(sequence).await;
            }));
        }
    }

    /// It goes no further; the provider is hung up on.
    fn tear(&mut self, attempt: Attempt, why: Option<&'static str>) {
        if let Some(mut flow) = self.flow.take() {
            flow.passage.attempted(attempt);
            flow.settle(why);
        }
    }
}

impl http_body::Body for Sound {
    type Data = Bytes;
    type Error = Torn;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        let this = self.get_mut();
        loop {
            if let Some(wait) = &mut this.wait {
                ready!(wait.as_mut().poll(cx));
                this.wait = None;
            }
            let Some(flow) = &mut this.flow else {
                return Poll::Ready(None);
            };
            if flow.passage.cutoff.poll(cx).is_ready() {
                let denial = flow.passage.stopped();
                this.tear(Attempt::Cut, Some(denial.reason.code()));
                return Poll::Ready(Some(Err(Torn)));
            }
            match Pin::new(&mut flow.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let now = clock::since_start();
                    flow.passage.first_byte_came(now);
                    flow.last = now;
                    if frame.is_data() {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Poll::Ready(Some(Err(_))) => {
                    this.tear(Attempt::Cut, None);
                    return Poll::Ready(Some(Err(Torn)));
                }
                Poll::Ready(None) => this.end(),
                Poll::Pending if flow.is_overdue(cx) => {
                    this.tear(Attempt::Timeout, None);
                    return Poll::Ready(Some(Err(Torn)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.flow.is_none() && self.wait.is_none()
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        self.tear(Attempt::Abandoned, None);
    }
}
