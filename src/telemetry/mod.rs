//! What the rim tells the world: events become metrics, log lines, the decision log, and counts for the control panel.
//!
//! [`Telemetry`] is shared by all threads. The way through builds one event per ending (`event`) and hands it over; that
//! costs some twenty additions and one move into a queue, and nothing is formatted on the request's thread.
//!
//! Not here: deciding anything. Telemetry can only refuse through [`Telemetry::has_room`], which the pipeline asks before
//! it lets a call in.

pub mod audit_log;
pub mod event;
pub mod logs;
pub mod metrics;
pub mod quiet;
pub mod settings;
pub mod tallies;

use crate::clock::Wall;
use crate::governance::audit::{Record, Verdict, bounded};
use crate::units::Money;
use audit_log::AuditLog;
use event::{Attempt, Denied, Failed, Passage, Settled};
use metrics::{Metrics, ModelNames, Series};
use quiet::Quiet;
use std::sync::Arc;
use std::time::Duration;
use tallies::Tallies;

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The metrics contradict each other.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Metrics and decision log of one gateway.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Arc<Metrics>,
    exposition: metrics::Exposition,
    log: Option<Arc<AuditLog>>,
    /// What a control panel is to hear of; none where there is no panel.
    tallies: Option<Arc<Tallies>>,
}

impl Telemetry {
    /// Telemetry of a process that started at `started`; without a log, decisions are only counted.
    ///
    /// # Errors
    /// The metrics contradict each other.
    pub fn new(
        started: Wall,
        models: ModelNames,
        log: Option<Arc<AuditLog>>,
    ) -> Result<Self, TelemetryError> {
        let metrics = Arc::new(Metrics::new(started, models));
        let exposition = metrics::Exposition::new(Arc::clone(&metrics))?;
        Ok(Self {
            metrics,
            exposition,
            log,
            tallies: None,
        })
    }

    /// Counts there besides, for a control panel.
    #[must_use]
    pub fn with_tallies(self, tallies: Arc<Tallies>) -> Self {
        Self {
            tallies: Some(tallies),
            ..self
        }
    }

    /// The metrics, for what is not a request's ending: connections, attempts, reloads.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The decision log.
    pub fn log(&self) -> Option<&Arc<AuditLog>> {
        self.log.as_ref()
    }

    /// What `/metrics` answers.
    ///
    /// # Errors
    /// The metrics contradict each other.
    pub fn exposition(&self) -> Result<Vec<u8>, TelemetryError> {
        Ok(self.exposition.text()?)
    }

    /// The series for calls of this provider, model, operation and project: keep it beside the route.
    pub fn series(
        &self,
        provider: &str,
        model: &str,
        operation: &'static str,
        project: Option<&str>,
    ) -> Arc<Series> {
        self.metrics.series(provider, model, operation, project)
    }

    /// Whether a new call may be let in; if not, refuse it with 503: its decision could not be recorded.
    pub fn has_room(&self) -> bool {
        self.log.as_ref().is_none_or(|log| log.has_room())
    }

    /// Counts a call as on its way until the guard is dropped.
    #[must_use = "the call is on its way as long as this lives"]
    pub fn passing(self: &Arc<Self>) -> Passing {
        self.metrics.entered();
        Passing(Arc::clone(self))
    }

    /// Counts a connection as open until the guard is dropped.
    #[must_use = "the connection is open as long as this lives"]
    pub fn connection(self: &Arc<Self>) -> Connection {
        self.metrics.connected();
        Connection(Arc::clone(self))
    }

    /// One attempt at a provider ended.
    pub fn attempted(&self, series: &Series, attempt: Attempt) {
        self.metrics.attempted(series, attempt);
    }

    /// A call was answered and booked.
    pub fn settled(&self, series: &Series, event: &Settled<'_>) {
        self.metrics.settled(series, event);
        if let Some(tallies) = &self.tallies {
            tallies.settled(event);
        }
        let (verdict, reason) = if let Some(reason) = event.withheld {
            (Verdict::Deny, reason)
        } else if event.clamped {
            (Verdict::Clamp, metrics::CLAMPED_REASON)
        } else {
            (Verdict::Allow, metrics::ALLOWED_REASON)
        };
        self.write(|| Record {
            status: event.status,
            usage: event.usage,
            cost: event.cost,
            reserved: event.reserved,
            estimated: event.estimated,
            first_byte: event.first_byte,
            ..called(series, &event.passage, verdict, reason)
        });
    }

    /// A call was refused.
    pub fn denied(&self, event: &Denied<'_>) {
        self.metrics.denied(event);
        if let Some(tallies) = &self.tallies {
            tallies.denied(event);
        }
        self.write(|| Record {
            status: event.status,
            scope: event.scope.map(Arc::clone),
            ..record(
                &event.passage,
                Verdict::Deny,
                event.reason,
                Arc::from(bounded(event.passage.model)),
                None,
            )
        });
    }

    /// A call that was let go failed for good.
    pub fn failed(&self, series: &Series, event: &Failed<'_>) {
        self.metrics.failed(series, event);
        if let Some(tallies) = &self.tallies {
            tallies.failed(event);
        }
        self.write(|| Record {
            status: event.status,
            usage: event.usage,
            cost: event.cost,
            reserved: event.reserved,
            estimated: event.estimated,
            ..called(series, &event.passage, Verdict::Error, event.reason)
        });
    }

    fn write(&self, record: impl FnOnce() -> Record) {
        static FULL: Quiet = Quiet::per(Duration::from_secs(1));
        let Some(log) = &self.log else { return };
        if log.push(record()).is_err()
            && let Some(held_back) = FULL.now()
        {
            tracing::error!(
                held_back,
                "a decision could not be recorded: the decision log's queue is full"
            );
        }
    }
}

/// The record of a call somebody was asked for; shares the names its series holds.
fn called(
    series: &Series,
    passage: &Passage<'_>,
    verdict: Verdict,
    reason: &'static str,
) -> Record {
    let model = if **series.model() == *passage.model {
        Arc::clone(series.model())
    } else {
        Arc::from(bounded(passage.model))
    };
    let provider = Some(Arc::clone(series.provider()));
    record(passage, verdict, reason, model, provider)
}

fn record(
    passage: &Passage<'_>,
    verdict: Verdict,
    reason: &'static str,
    model: Arc<str>,
    provider: Option<Arc<str>>,
) -> Record {
    Record {
        id: passage.id,
        at: passage.at,
        who: Arc::clone(passage.who),
        run: passage.run.map(|run| bounded(run).into()),
        session: passage.session.map(|session| bounded(session).into()),
        endpoint: passage.endpoint,
        streaming: passage.streaming,
        model,
        provider,
        verdict,
        reason,
        scope: None,
        status: 0,
        revisions: Arc::clone(passage.revisions),
        usage: crate::chat::Usage::default(),
        cost: Money::ZERO,
        reserved: Money::ZERO,
        estimated: false,
        decide: passage.decide,
        first_byte: None,
        total: passage.total,
        ruled: passage.ruled.map(Arc::clone),
    }
}

/// A call on its way.
#[derive(Debug)]
pub struct Passing(Arc<Telemetry>);

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.metrics.left();
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Connection(Arc<Telemetry>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.metrics.disconnected();
    }
}
