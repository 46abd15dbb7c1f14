//! Falling back: a target that failed is left for the next one that may be asked.
//!
//! Only before the first byte, and only while the one that failed surely did no work that it bills: a call whose fate is
//! unknown is not made again elsewhere, because it could be paid twice. The promise of the failed attempt is given back
//! first, then the gate is asked again on the next target's terms: its price, its name, its own credential. The rate limits
//! are not: to them it is one call. It stays one decision, told once, with the target that came last.

use super::attempt::{Reached, Stop, retry_after};
use super::passage::Passage;
use super::refusal::{Other, Why};
use super::way::{Course, Errand};
use super::worker::Worker;
use super::{Call, Draft, Failure, Refusal, Seen};
use crate::clock;
use crate::provider::transport::Outgoing;
use http::{HeaderMap, StatusCode};
use std::time::Duration;

/// The other targets of a call, beside the one it is with.
#[derive(Debug)]
pub(super) enum Company {
    /// There are none.
    None,
    /// They may be asked yet.
    Others(Box<Others>),
    /// There were some; one has answered, or the last has failed.
    Past,
}

impl Company {
    /// Whether several could have answered.
    pub(super) const fn was_any(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Nobody else will be asked: what was kept for that is let go.
    pub(super) fn part(&mut self) {
        self.take();
    }

    /// Whether there is another who fares well.
    pub(super) fn has_better(&mut self) -> bool {
        match self {
            Self::Others(others) => others.has_better(),
            Self::None | Self::Past => false,
        }
    }

    /// Whether targets are chosen by how soon they answer.
    pub(super) fn goes_by_pace(&self) -> bool {
        matches!(self, Self::Others(others) if others.course.goes_by_pace())
    }

    fn take(&mut self) -> Option<Box<Others>> {
        if matches!(self, Self::None) {
            return None;
        }
        match std::mem::replace(self, Self::Past) {
            Self::Others(others) => Some(others),
            Self::None | Self::Past => None,
        }
    }
}

/// What another target is asked with: the course there, the call as it came, and what was made of it.
#[derive(Debug)]
pub(super) struct Others {
    course: Course,
    call: Box<Call>,
    seen: Box<Seen>,
    told: Vec<Other>,
}

impl Others {
    pub(super) fn new(course: Course, call: Box<Call>, seen: Box<Seen>) -> Self {
        Self {
            course,
            call,
            seen,
            told: Vec::new(),
        }
    }

    /// What the request is made of; a copy, as it may have to be made again.
    pub(super) fn draft(&self) -> Draft<'_> {
        Draft {
            look: &self.seen.look,
            translated: self.seen.translated.as_deref(),
            edits: self.seen.edits.clone(),
            headers: self.call.headers.clone(),
            body: self.call.body.clone(),
            compressed: self.call.compressed.clone(),
        }
    }

    /// Whether there is one who fares well and can be asked this.
    fn has_better(&mut self) -> bool {
        let (call, seen) = (&self.call, &self.seen);
        let fits = |target: &_| seen.put(call, target).map(|_| ());
        self.course.has_better(Errand::of(call), fits)
    }

    /// Turns to the next target, in its own words; `false` if there is none.
    fn turn(&mut self, worker: &Worker) -> bool {
        while let Some(target) = self.course.next(Errand::of(&self.call), worker) {
            match self.seen.put(&self.call, &target) {
                Ok(translated) => {
                    self.seen.translated = translated;
                    self.seen.target = target;
                    return true;
                }
                Err(unfit) => self.course.pass_over(unfit),
            }
        }
        false
    }
}

impl Passage {
    /// The request to the next target, weighed and paid for anew; `None` if what came stands.
    pub(super) async fn fall_back(
        &mut self,
        came: &Result<Reached, Stop>,
    ) -> Result<Option<(HeaderMap, Outgoing)>, Refusal> {
        let Some(why) = reason_to_leave(came).filter(|_| self.may_go_on()) else {
            return Ok(None);
        };
        // It is not the passage's while the gate is asked: the caller may be gone meanwhile.
        let Some(mut others) = self.company.take() else {
            return Ok(None);
        };
        if !others.turn(&self.worker) {
            self.company = Company::Others(others);
            return Ok(None);
        }
        others.told.push(Other {
            provider: self.target.destination.upstream.name.clone(),
            why,
        });
        let places = self.give_back();
        let (worker, plan) = (self.worker.clone(), self.plan.clone());
        let permit = worker.decide(&plan, &others.call, &others.seen, places);
        let permit = tokio::select! {
            biased;
            permit = permit => permit,
            () = self.cutoff.cut() => return Err(self.cut_off()),
        };
        match permit {
            Ok(permit) => self.turn_to(&others.call, &others.seen, permit),
            Err(refusal) => {
                let (reason, status) = told_as(&refusal);
                self.release(reason, status, clock::since_start());
                return Err(refusal);
            }
        }
        let out = self.outgoing(others.draft());
        self.company = Company::Others(others);
        Ok(Some(out))
    }

    /// Whether there is somebody who waits, and time.
    fn may_go_on(&self) -> bool {
        !self.gone.get() && self.due.allows(Duration::ZERO, clock::since_start())
    }

    /// What is told of the other targets when the last one failed.
    pub(super) fn others_told(&mut self) -> Box<[Other]> {
        let Some(others) = self.company.take() else {
            return Box::default();
        };
        let unasked = others.course.unasked(others.call.endpoint);
        others.told.into_iter().chain(unasked).collect()
    }
}

/// How the record tells that the gate does not let the call go to another target.
fn told_as(refusal: &Refusal) -> (&'static str, u16) {
    let Refusal::Denied(denial) = refusal else {
        return ("budget_unavailable", 503);
    };
    let status = denial.status.unwrap_or(denial.reason.status());
    (denial.reason.code(), status)
}

/// Why this target is left for the next one; `None` if what came of it stands.
fn reason_to_leave(came: &Result<Reached, Stop>) -> Option<Why> {
    let failure = match came {
        Ok((response, ..)) => {
            let status = response.status();
            let refused = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            if !refused {
                return None;
            }
            Failure::Status(status.as_u16(), retry_after(response.headers()))
        }
        Err(Stop::Failed(failure, _)) => *failure,
        Err(Stop::Shut) => return Some(Why::Shut),
        Err(Stop::Unproven(_)) => return Some(Why::NoCredential),
        Err(Stop::Cut) => return None,
    };
    failure.surely_undone().then_some(Why::Failed(failure))
}
