//! Guards being asked, all at once: what they say is heard as it comes, and the first no is enough.
//!
//! Each is a task of this thread; whoever drops an [`Asking`] ends them. What comes of it is noted in the call's record
//! here, so that it is noted once and alike wherever it was waited for.

use super::opinion::{self, Opinion};
use super::{Consult, Fault, Kind, Question};
use crate::clock;
use crate::governance::audit::Found;
use crate::governance::policy::settings::OnError;
use crate::pipeline::screen::{Blocked, Screen};
use crate::pipeline::worker::Worker;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::JoinSet;

/// Guards being asked one question.
#[derive(Debug)]
pub(in crate::pipeline) struct Asking {
    screen: Rc<Screen>,
    on: &'static str,
    /// What is known without asking.
    known: Vec<Told>,
    tasks: JoinSet<Told>,
}

/// A guard and what it says.
type Told = (Arc<Consult>, Opinion);

/// Guards to be asked once the call is under way.
#[derive(Debug)]
pub(in crate::pipeline) struct Later {
    pub(super) screen: Rc<Screen>,
    pub(super) consults: Vec<Arc<Consult>>,
    pub(super) question: Question,
}

impl Later {
    /// Asks them.
    pub(in crate::pipeline) fn begin(self, worker: &Rc<Worker>) -> Asking {
        Asking::begin(worker, &self.screen, &self.consults, &self.question)
    }
}

impl Asking {
    /// Asks these guards.
    pub(in crate::pipeline) fn begin(
        worker: &Rc<Worker>,
        screen: &Rc<Screen>,
        consults: &[Arc<Consult>],
        question: &Question,
    ) -> Self {
        let mut asking = Self {
            screen: screen.clone(),
            on: question.on.name(),
            known: Vec::new(),
            tasks: JoinSet::new(),
        };
        for consult in consults.iter().filter(|consult| question.concerns(consult)) {
            asking.ask(worker, consult, question);
        }
        asking
    }

    fn ask(&mut self, worker: &Worker, consult: &Arc<Consult>, question: &Question) {
        let fault = match question.texts() {
            None => Some(Fault::Unheard),
            Some(_) => question.is_too_much().then_some(Fault::TooMuch),
        };
        if let Some(fault) = fault {
            self.known.push((consult.clone(), Opinion::Unknown(fault)));
            return;
        }
        let guards = self.screen.guards().clone();
        let cached = consult.cache.map(|holds| {
            (
                question.digest(consult, guards.elsewhere.cache.hasher()),
                holds,
            )
        });
        if let Some((digest, _)) = &cached
            && let Some(opinion) = guards.elsewhere.cache.get(digest, clock::since_start())
        {
            self.known.push((consult.clone(), opinion));
            return;
        }
        let lane = worker.lane(consult.post.base());
        let body = question.body(consult);
        let texts = question.texts().map_or(0, <[_]>::len);
        let consult = consult.clone();
        self.tasks.spawn_local(async move {
            let opinion = match consult.post.send(&lane, body, consult.timeout).await {
                Ok(body) => match consult.kind {
                    Kind::Webhook => opinion::webhook(&body),
                    Kind::Moderation => opinion::moderation(&body, texts),
                },
                Err(fault) => Opinion::Unknown(fault),
            };
            if let Some((digest, holds)) = cached {
                let now = clock::since_start();
                guards
                    .elsewhere
                    .cache
                    .keep(digest, &opinion, now.saturating_add(holds), now);
            }
            (consult, opinion)
        });
    }

    /// Waits until all have said yes, or one has said no.
    pub(in crate::pipeline) async fn verdict(&mut self) -> Result<(), Blocked> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The same, for those who poll.
    pub(in crate::pipeline) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Blocked>> {
        while let Some((consult, opinion)) = self.known.pop() {
            if let Err(blocked) = self.hear(&consult, opinion) {
                return Poll::Ready(Err(blocked));
            }
        }
        loop {
            let heard = match std::task::ready!(self.tasks.poll_join_next(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Ok((consult, opinion))) => self.hear(&consult, opinion),
                // Nobody knows any more which guard it was, nor what it would have said.
                Some(Err(_)) => Err(Blocked::guard(
                    "consult",
                    "a guard could not be asked".to_owned(),
                )),
            };
            if heard.is_err() {
                return Poll::Ready(heard);
            }
        }
    }

    /// What follows from what a guard says, noted for the record.
    fn hear(&self, consult: &Consult, opinion: Opinion) -> Result<(), Blocked> {
        let (found, note) = noted(consult, &opinion);
        self.screen.with_told(|told| {
            if let Some((kind, action)) = found {
                told.found.push(Found {
                    kind: kind.into(),
                    detector: consult.id.clone(),
                    on: self.on.into(),
                    action: action.into(),
                    count: 1,
                });
            }
            told.notes.extend(note);
        });
        ruling(consult, self.on, opinion)
    }
}

/// What the record says: a finding by kind and action, and a note.
pub(super) fn noted(
    consult: &Consult,
    opinion: &Opinion,
) -> (Option<(&'static str, &'static str)>, Option<Box<str>>) {
    let id = &consult.id;
    match (opinion, consult.on_error) {
        (Opinion::Allow, _) => (None, None),
        // Categories are words of the endpoint's own. A webhook's reason may quote what it read, and records hold no content.
        (Opinion::Deny(Some(reason)), _) if consult.kind == Kind::Moderation => {
            let note = format!("consult `{id}` denied: {reason}");
            (Some(("CONSULT", "block")), Some(note.into()))
        }
        (Opinion::Deny(_), _) => (
            Some(("CONSULT", "block")),
            Some(format!("consult `{id}` denied").into()),
        ),
        (Opinion::Unknown(fault), OnError::Pass) => {
            let note = format!("consult `{id}` {fault}: passed, as `on_error: allow` says");
            (Some(("CONSULT_ERROR", "flag")), Some(note.into()))
        }
        (Opinion::Unknown(fault), OnError::Block) => {
            let note = format!("consult `{id}` {fault}: denied, as `on_error: deny` says");
            (Some(("CONSULT_ERROR", "block")), Some(note.into()))
        }
    }
}

/// Whether it passes.
pub(super) fn ruling(consult: &Consult, on: &str, opinion: Opinion) -> Result<(), Blocked> {
    let (id, what) = (
        &consult.id,
        if on == "response" {
            "answer"
        } else {
            "request"
        },
    );
    let message = match opinion {
        Opinion::Allow => return Ok(()),
        Opinion::Deny(Some(reason)) => {
            format!("guard `{id}` does not let the {what} pass: {reason}")
        }
        Opinion::Deny(None) => {
            format!("guard `{id}` does not let the {what} pass: ask who keeps that policy")
        }
        Opinion::Unknown(_) if consult.on_error == OnError::Pass => return Ok(()),
        Opinion::Unknown(Fault::TooMuch) => format!(
            "guard `{id}` must be asked about the {what}, and its texts are longer than can be sent there: make it shorter"
        ),
        Opinion::Unknown(_) => format!(
            "guard `{id}` must be asked about the {what} and gave no answer, and policies say that nothing passes without one (`on_error: deny`): try again, or ask who keeps that policy"
        ),
    };
    Err(Blocked::guard(id, message))
}
