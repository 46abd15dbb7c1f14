//! The metrics: what is counted, where it is kept, and how a request finds it.
//!
//! Names are looked up once per (provider, model, operation, project): the [`Series`] found then holds every cell that such
//! calls count in, and a request only adds. What others already count (budgets, the journal, the decision log) is asked for
//! at the scrape. Every label is bounded: models and projects to what configuration names and to a number, reasons to our
//! own codes.
//!
//! Not here: the text format (`exposition`, with the `prometheus` crate), what one decision was (`audit_log`).

mod catalogue;
mod cells;
mod exposition;
mod layout;
mod names;
mod process;
mod ruled;
mod series;
#[cfg(test)]
mod tests;

pub use catalogue::{ALL, Family, Kind};
pub(super) use exposition::Exposition;
pub use exposition::{
    BudgetReading, JournalReading, LeaseReading, LogReading, PanelReading, Sources,
};
pub use names::ModelNames;
pub use series::Series;

use super::event::{Attempt, Denied, Failed, Settled};
use crate::clock::Wall;
use crate::governance::audit::{Ruled, Verdict};
use cells::Cells;
use layout::{gen_ai, whole};
use names::OTHER;
use series::{RETRIES, Table};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

/// More reasons than this are counted as one.
const MOST_REASONS: usize = 64;

/// One value of `tollgate_decisions_total`'s labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decision {
    verdict: Verdict,
    reason: &'static str,
    source: &'static str,
}

/// Why a call went as it came.
pub(super) const ALLOWED_REASON: &str = "ok";
/// Why a call went with a smaller cap.
pub(super) const CLAMPED_REASON: &str = "output_cap_lowered";

/// The first entries of the table of decisions, always there.
const ALLOWED: usize = 0;
const CLAMPED: usize = 1;
const FIRST_DECISIONS: [Decision; 2] = [
    Decision {
        verdict: Verdict::Allow,
        reason: ALLOWED_REASON,
        source: "gate",
    },
    Decision {
        verdict: Verdict::Clamp,
        reason: CLAMPED_REASON,
        source: "budget",
    },
];
const OTHER_DECISION: Decision = Decision {
    verdict: Verdict::Deny,
    reason: OTHER,
    source: OTHER,
};

/// All metrics of one gateway.
#[derive(Debug)]
pub struct Metrics {
    whole: Cells,
    decisions: Vec<OnceLock<Decision>>,
    decision_cells: Cells,
    table: RwLock<Table>,
    models: RwLock<ModelNames>,
    policy_revision: RwLock<Box<str>>,
    ruled: ruled::Counters,
    sources: OnceLock<Sources>,
    started: Wall,
}

impl Metrics {
    /// All numbers zero; `started` is when the process did.
    #[must_use]
    pub fn new(started: Wall, models: ModelNames) -> Self {
        let decisions: Vec<_> = (0..MOST_REASONS).map(|_| OnceLock::new()).collect();
        for (slot, decision) in decisions.iter().zip(FIRST_DECISIONS) {
            slot.get_or_init(|| decision);
        }
        if let Some(last) = decisions.last() {
            last.get_or_init(|| OTHER_DECISION);
        }
        Self {
            whole: Cells::new(whole::COUNT),
            decisions,
            decision_cells: Cells::new(MOST_REASONS),
            table: RwLock::default(),
            models: RwLock::new(models),
            policy_revision: RwLock::default(),
            ruled: ruled::Counters::default(),
            sources: OnceLock::new(),
            started,
        }
    }

    /// Where the numbers come from that others count. The first call wins.
    pub fn attach(&self, sources: Sources) {
        let _ = self.sources.set(sources);
    }

    /// Takes the model names of a new configuration; series that exist stay.
    pub fn name_models(&self, models: ModelNames) {
        *self.models.write().unwrap_or_else(PoisonError::into_inner) = models;
    }

    /// The series for calls of this provider, model, operation and project. About 0.1 µs: keep what it returns.
    pub fn series(
        &self,
        provider: &str,
        model: &str,
        operation: &'static str,
        project: Option<&str>,
    ) -> Arc<Series> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let model = models.label(model);
        let project = project.unwrap_or_default();
        let known = self
            .table
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .find(provider, model, operation, project);
        known.unwrap_or_else(|| {
            self.table
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .enter(provider, model, operation, project)
        })
    }

    /// Counts a call that was answered.
    pub fn settled(&self, series: &Series, event: &Settled<'_>) {
        let passage = &event.passage;
        self.count_ruled(passage.ruled);
        let decision = match event.withheld {
            Some(reason) => self.decision(Decision {
                verdict: Verdict::Deny,
                reason,
                source: "guard",
            }),
            None if event.clamped => CLAMPED,
            None => ALLOWED,
        };
        self.decision_cells.add(decision, 1);
        self.whole.observe(&whole::LOOK, nanos(passage.look));
        self.whole.observe(&whole::DECIDE, nanos(passage.decide));
        self.overhead(passage.streaming, event.overhead);
        for (is, cell) in [
            (event.clamped, whole::CLAMPED),
            (event.estimated, whole::ESTIMATED),
            (event.overrun, whole::OVERRUN),
        ] {
            if is {
                self.whole.add(cell, 1);
            }
        }
        spend(series, event.cost.nanos());
        let cells = &series.gen_ai.cells;
        cells.observe(&gen_ai::INPUT, event.usage.input.0);
        cells.observe(&gen_ai::OUTPUT, event.usage.output.0);
        cells.observe(&gen_ai::DURATION, nanos(passage.total));
        if let Some(first) = event.first_byte {
            cells.observe(&gen_ai::FIRST_TOKEN, nanos(first));
        }
    }

    /// Counts a call that was refused.
    pub fn denied(&self, event: &Denied<'_>) {
        let index = self.decision(Decision {
            verdict: Verdict::Deny,
            reason: event.reason,
            source: event.source,
        });
        self.count_ruled(event.passage.ruled);
        self.decision_cells.add(index, 1);
        self.whole.observe(&whole::LOOK, nanos(event.passage.look));
        self.whole
            .observe(&whole::DECIDE, nanos(event.passage.decide));
        if event.reason == "price_unknown" {
            self.whole.add(whole::PRICE_UNKNOWN, 1);
        }
        if event.reason == "invalid_api_key" {
            self.whole.add(whole::AUTH_FAILURES, 1);
        }
    }

    /// Counts a call that failed for good.
    pub fn failed(&self, series: &Series, event: &Failed<'_>) {
        let index = self.decision(Decision {
            verdict: Verdict::Error,
            reason: event.reason,
            source: "provider",
        });
        self.count_ruled(event.passage.ruled);
        self.decision_cells.add(index, 1);
        self.whole.observe(&whole::LOOK, nanos(event.passage.look));
        self.whole
            .observe(&whole::DECIDE, nanos(event.passage.decide));
        self.overhead(event.passage.streaming, event.overhead);
        if event.estimated {
            self.whole.add(whole::ESTIMATED, 1);
        }
        spend(series, event.cost.nanos());
        series
            .gen_ai
            .cells
            .observe(&gen_ai::DURATION, nanos(event.passage.total));
    }

    /// Counts one attempt at a provider.
    pub fn attempted(&self, series: &Series, attempt: Attempt) {
        series.provider.cells.add(attempt.index(), 1);
    }

    /// Counts an attempt that is made again at the same provider.
    pub fn retried(&self, series: &Series) {
        series.provider.cells.add(RETRIES, 1);
    }

    /// A call came in.
    pub fn entered(&self) {
        self.whole.add(whole::IN_FLIGHT, 1);
    }

    /// A call that came in is done, however.
    pub fn left(&self) {
        self.whole.take_one(whole::IN_FLIGHT);
    }

    /// A caller connected.
    pub fn connected(&self) {
        self.whole.add(whole::CONNECTIONS, 1);
    }

    /// A caller's connection ended.
    pub fn disconnected(&self) {
        self.whole.take_one(whole::CONNECTIONS);
    }

    /// The configuration was read again: taken, or turned down.
    pub fn config_reloaded(&self, taken: bool) {
        let cell = if taken {
            whole::CONFIG_OK
        } else {
            whole::CONFIG_ERROR
        };
        self.whole.add(cell, 1);
    }

    /// The policies were read again: taken, or turned down.
    pub fn policies_reloaded(&self, taken: bool) {
        let cell = if taken {
            whole::POLICY_OK
        } else {
            whole::POLICY_ERROR
        };
        self.whole.add(cell, 1);
    }

    /// What became of an alert.
    pub fn alerted(&self, end: AlertEnd) {
        let cell = match end {
            AlertEnd::Sent => whole::ALERTS_SENT,
            AlertEnd::Failed => whole::ALERTS_FAILED,
            AlertEnd::Dropped => whole::ALERTS_DROPPED,
        };
        self.whole.add(cell, 1);
    }

    /// These policies are in force now.
    pub fn policies_are(&self, revision: &str) {
        *self
            .policy_revision
            .write()
            .unwrap_or_else(PoisonError::into_inner) =
            crate::governance::audit::bounded(revision).into();
    }

    fn count_ruled(&self, ruled: Option<&Arc<Ruled>>) {
        if let Some(ruled) = ruled {
            self.ruled.count(ruled);
        }
    }

    fn overhead(&self, streaming: bool, time: Duration) {
        let histogram = if streaming {
            &whole::OVERHEAD_STREAM
        } else {
            &whole::OVERHEAD
        };
        self.whole.observe(histogram, nanos(time));
    }

    /// The place of a decision; beyond the table's end they share the last.
    fn decision(&self, decision: Decision) -> usize {
        self.decisions
            .iter()
            .position(|slot| *slot.get_or_init(|| decision) == decision)
            .unwrap_or(MOST_REASONS - 1)
    }
}

/// What became of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertEnd {
    /// It was taken.
    Sent,
    /// It was not, after every attempt.
    Failed,
    /// It was not sent: too many waited.
    Dropped,
}

fn spend(series: &Series, nanos: i64) {
    // A correction downwards never reaches here: a cost is what was booked for one call.
    series.spend.cells.add(0, u64::try_from(nanos).unwrap_or(0));
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
