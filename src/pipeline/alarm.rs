//! Telling somebody outside that a rule matched: `alert: {webhook: URL}`.
//!
//! An alert says which rule, whose call and what became of it; never what the call held. It is sent by a task of its own,
//! so no call waits for it. Three bounds keep a storm from becoming another one: one alert a minute for a rule and a key,
//! so many on their way at once, and so many waiting; what is beyond is dropped and counted. What a gateway that stops has
//! not sent by then is lost: the decision log is the record, an alert only rings.
//!
//! Not here: whether a rule matches (`governance::policy`), what is remembered of runaways (`vigil`).

use super::consult::Post;
use super::plan::Plan;
use super::refusal::Refusal;
use super::screen::{Rung, Screen};
use super::worker::Worker;
use super::{Call, Note, Seen};
use crate::clock::{self, Wall};
use crate::governance::gate::Denial;
use crate::governance::policy::Caller;
use crate::ids::PassageId;
use crate::telemetry::metrics::AlertEnd;
use crate::telemetry::quiet::Quiet;
use serde::Serialize;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// No rule tells of a key more often.
const PAUSE: Duration = Duration::from_mins(1);
/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// An alert is sent once more if it did not arrive.
const ATTEMPTS: u32 = 2;
/// Alerts on their way or waiting.
const MOST_PENDING: usize = 256;
/// Alerts on their way at once.
const MOST_SENDING: usize = 4;
/// Pairs of rule and key whose last alert is remembered.
const MOST_REMEMBERED: usize = 16_384;

/// A rule that tells, and where.
#[derive(Debug)]
pub(super) struct Alert {
    rule: Box<str>,
    post: Post,
}

impl Alert {
    pub(super) fn new(rule: &str, post: Post) -> Self {
        Self {
            rule: rule.into(),
            post,
        }
    }
}

/// A rule and a key.
type Pair = (Box<str>, Box<str>);

/// What bounds alerts, over all threads.
#[derive(Debug)]
pub struct Alarm {
    /// When each rule last told of each key.
    told: Mutex<HashMap<Pair, Duration>>,
    pending: AtomicUsize,
    sending: Semaphore,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            told: Mutex::default(),
            pending: AtomicUsize::new(0),
            sending: Semaphore::new(MOST_SENDING),
        }
    }
}

impl Alarm {
    /// Whether this rule may tell of this key now; if so, it did.
    fn is_due(&self, rule: &str, key: &str, now: Duration) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |last: &Duration| now.saturating_sub(*last) < PAUSE;
        let pair = (rule.into(), key.into());
        if told.get(&pair).is_some_and(recent) {
            return false;
        }
        if told.len() >= MOST_REMEMBERED {
            told.retain(|_, last| recent(last));
        }
        // So many different ones within a minute: that has rung often enough.
        if told.len() >= MOST_REMEMBERED {
            return false;
        }
        told.insert(pair, now);
        true
    }

    /// Takes a place among those that wait, if there is one.
    fn enter(&self) -> bool {
        let more = |pending: usize| (pending < MOST_PENDING).then(|| pending.saturating_add(1));
        self.pending
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, more)
            .is_ok()
    }
}

/// An alert's place among those that wait.
struct Pending(Rc<Worker>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.desk.alarm.pending.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What is told.
#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    rule: &'a str,
    at: String,
    decision: &'static str,
    key: Option<&'a str>,
    team: Option<&'a str>,
    project: Option<&'a str>,
    model: &'a str,
    message: &'a str,
}

/// What an alert is about.
struct About<'a> {
    id: PassageId,
    at: Wall,
    caller: Caller<'a>,
    model: &'a str,
    /// What became of it, if it was denied.
    denial: Option<&'a Denial>,
}

impl Worker {
    /// Tells whom rules that matched want told; `refusal` is what became of the call before the gate, if it ended there.
    pub(super) fn alarm(
        self: &Rc<Self>,
        plan: &Plan,
        call: &Call,
        seen: &Seen,
        note: &mut Note,
        refusal: Option<&Refusal>,
    ) {
        warn_of_runaways(call, seen);
        if note.alerts.is_empty() {
            return;
        }
        let key = plan.charter.keys().get(call.key);
        let about = About {
            id: call.id,
            at: call.began.wall,
            caller: key.map(Caller::of).unwrap_or_default(),
            model: &note.model,
            denial: match refusal {
                Some(Refusal::Denied(denial)) => Some(denial),
                _ => None,
            },
        };
        self.ring(&about, std::mem::take(&mut note.alerts));
    }

    /// Tells whom rules about the calls a model made want told.
    pub(super) fn alarm_of_calls(self: &Rc<Self>, id: PassageId, screen: &Screen) {
        let whose = screen.whose();
        let rung = screen.rung();
        // Of an answer that holds a call which may not be made nothing counts as let through.
        let denied = rung.iter().find_map(|one| one.denial.clone());
        for Rung { alerts, denial } in rung {
            let denial = denial.or_else(|| denied.clone());
            let about = About {
                id,
                at: whose.at,
                caller: whose.caller(),
                model: &whose.model,
                denial: denial.as_deref(),
            };
            self.ring(&about, alerts);
        }
    }

    fn ring(self: &Rc<Self>, about: &About<'_>, alerts: Vec<Arc<Alert>>) {
        let (now, id, caller) = (clock::since_start(), about.id.decision(), &about.caller);
        for alert in alerts {
            let key = caller.key.unwrap_or_default();
            if !self.desk.alarm.is_due(&alert.rule, key, now) {
                continue;
            }
            // A thread that leaves sends nothing more.
            if self.is_leaving() || tokio::runtime::Handle::try_current().is_err() {
                self.alert_ended(AlertEnd::Dropped, &alert, "the gateway is stopping");
                continue;
            }
            if !self.desk.alarm.enter() {
                self.alert_ended(AlertEnd::Dropped, &alert, "too many alerts wait to be sent");
                continue;
            }
            let own = about
                .denial
                .filter(|denial| denial.rule.as_deref() == Some(&*alert.rule));
            let matched = format!("rule `{}` matched a call", alert.rule);
            let told = Told {
                id: id.as_str(),
                rule: &alert.rule,
                at: written(about.at),
                decision: if about.denial.is_some() {
                    "deny"
                } else {
                    "allow"
                },
                key: caller.key,
                team: caller.team,
                project: caller.project,
                model: about.model,
                message: own.map_or(&matched, |denial| &denial.message),
            };
            // Texts always write: there is no error to lose.
            let body = bytes::Bytes::from(serde_json::to_vec(&told).unwrap_or_default());
            let pending = Pending(self.clone());
            tokio::task::spawn_local(async move {
                let worker = &pending.0;
                let Ok(_place) = worker.desk.alarm.sending.acquire().await else {
                    return;
                };
                let lane = worker.lane(alert.post.base());
                let mut attempt = 1;
                loop {
                    match alert.post.send(&lane, body.clone(), TIMEOUT).await {
                        Ok(_) => return worker.alert_ended(AlertEnd::Sent, &alert, ""),
                        Err(_) if attempt < ATTEMPTS => attempt += 1,
                        Err(fault) => {
                            return worker.alert_ended(
                                AlertEnd::Failed,
                                &alert,
                                &fault.to_string(),
                            );
                        }
                    }
                }
            });
        }
    }

    /// Counts what became of an alert, and says so where it did not arrive.
    fn alert_ended(&self, end: AlertEnd, alert: &Alert, fault: &str) {
        static LOST: Quiet = Quiet::per(Duration::from_secs(1));
        self.desk.telemetry.metrics().alerted(end);
        if end != AlertEnd::Sent
            && let Some(held_back) = LOST.now()
        {
            tracing::warn!(
                rule = &*alert.rule,
                host = &*alert.post.base().host,
                fault,
                held_back,
                "an alert was not delivered"
            );
        }
    }
}

/// What breakers warned of goes to the log as well: a warning changes nothing for the caller.
fn warn_of_runaways(call: &Call, seen: &Seen) {
    static WARNED: Quiet = Quiet::per(Duration::from_secs(1));
    let Some(screen) = &seen.screen else { return };
    screen.with_told(|told| {
        for note in &told.notes {
            if let Some(held_back) = WARNED.now() {
                tracing::warn!(decision = %call.id.decision(), held_back, "{note}");
            }
        }
    });
}

/// A moment as alerts write it: RFC 3339 in UTC.
fn written(at: Wall) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at.nanos()))
        .unwrap_or_default()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::{Alarm, MOST_PENDING, MOST_REMEMBERED, written};
    use crate::clock::Wall;
    use std::time::Duration;

    #[test]
    fn a_rule_tells_of_a_key_once_a_minute() {
        let alarm = Alarm::default();
        let due = |rule, key, at| alarm.is_due(rule, key, Duration::from_secs(at));
        assert!(due("r", "ana", 0));
        assert!(!due("r", "ana", 59));
        assert!(due("r", "bo", 59));
        assert!(due("q", "ana", 59));
        assert!(due("r", "ana", 60));
    }

    #[test]
    fn a_storm_of_keys_rings_no_longer() {
        let alarm = Alarm::default();
        let rung = (0..MOST_REMEMBERED + 10)
            .filter(|key| alarm.is_due("r", &key.to_string(), Duration::ZERO));
        assert_eq!(rung.count(), MOST_REMEMBERED);
        assert!(alarm.is_due("r", "later", Duration::from_mins(1)));
    }

    #[test]
    fn only_so_many_wait() {
        let alarm = Alarm::default();
        assert_eq!(
            (0..MOST_PENDING + 10).filter(|_| alarm.enter()).count(),
            MOST_PENDING
        );
    }

    #[test]
    fn a_moment_is_written_in_utc() {
        assert_eq!(
            written(Wall(1_763_500_000_250_000_000)),
            "2025-11-18T21:06:40.25Z"
        );
    }
}
