//! What the admin port tells about a running gateway.

use super::Memory;
use super::panel::Borrowing;
use crate::clock;
use crate::gateway::admin::{
    BudgetStatus, JournalStatus, ProviderStatus, Readiness, RecoveredStatus, Revision, Status,
    StatusSource,
};
use crate::journal::{Health, Recovery};
use crate::pipeline::Desk;
use crate::telemetry::metrics::BudgetReading;
use std::sync::{Arc, Mutex, PoisonError};

/// How far the gateway is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Starting,
    Answering,
    Draining,
}

/// The notice board: what changed since the start, and who to ask for the rest.
#[derive(Debug)]
pub(super) struct Board {
    desk: Arc<Desk>,
    memory: Arc<Memory>,
    panel: Option<Arc<Borrowing>>,
    recovered: RecoveredStatus,
    notes: Mutex<Notes>,
}

#[derive(Debug)]
struct Notes {
    stage: Stage,
    /// Why a newer configuration is not in force.
    config_fault: Option<String>,
    /// Why newer policies are not.
    policy_fault: Option<String>,
}

impl Board {
    pub(super) fn new(
        desk: Arc<Desk>,
        memory: Arc<Memory>,
        panel: Option<Arc<Borrowing>>,
        recovery: &Recovery,
    ) -> Self {
        let files = recovery.set_aside.iter();
        let recovered = RecoveredStatus {
            clean: recovery.clean,
            records: recovery.records,
            torn_bytes: recovery.torn.as_ref().map_or(0, |torn| torn.bytes),
            in_flight: recovery.in_flight,
            uncertain: recovery.uncertain.iter().cloned().collect(),
            damaged: files.map(|file| file.display().to_string()).collect(),
        };
        let notes = Mutex::new(Notes {
            stage: Stage::Starting,
            config_fault: None,
            policy_fault: None,
        });
        Self {
            desk,
            memory,
            panel,
            recovered,
            notes,
        }
    }

    pub(super) fn ready(&self) {
        self.note(|notes| notes.stage = Stage::Answering);
    }

    pub(super) fn draining(&self) {
        self.note(|notes| notes.stage = Stage::Draining);
    }

    /// Tells what is wrong with the configuration, or that nothing is; whether anything was.
    pub(super) fn config_fault(&self, fault: Option<String>) -> bool {
        self.note(|notes| std::mem::replace(&mut notes.config_fault, fault).is_some())
    }

    pub(super) fn policy_fault(&self, fault: Option<String>) {
        self.note(|notes| notes.policy_fault = fault);
    }

    fn note<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> T {
        change(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn journal(&self) -> JournalStatus {
        let Some(journal) = self.memory.journal() else {
            return JournalStatus {
                state: "closed",
                ..JournalStatus::default()
            };
        };
        let (records, _) = journal.counts();
        let (state, error) = match journal.health() {
            Health::Ok => ("ok", None),
            Health::Failed { error, .. } => ("suspended", Some(error.to_string())),
        };
        JournalStatus {
            state,
            error,
            records,
            recovered: self.recovered.clone(),
        }
    }
}

impl StatusSource for Board {
    fn readiness(&self) -> Readiness {
        let (stage, config_fault, policy_fault) = self.note(|notes| {
            (
                notes.stage,
                notes.config_fault.is_some(),
                notes.policy_fault.is_some(),
            )
        });
        let journal_failed = self.journal().state != "ok";
        let mut degraded = Vec::new();
        match stage {
            Stage::Starting => degraded.push("starting".to_owned()),
            Stage::Draining => degraded.push("draining".to_owned()),
            Stage::Answering => {}
        }
        if journal_failed {
            degraded.push("journal".to_owned());
        }
        if config_fault {
            degraded.push("config".to_owned());
        }
        let panels = self.panel.as_ref().map(|panel| panel.status().policy);
        if policy_fault || panels.is_some_and(|policy| policy.error.is_some()) {
            degraded.push("policies".to_owned());
        }
        // Ready all the same: local budgets are served, and what was lent.
        let connected = |panel: &Arc<Borrowing>| panel.handle.reading().connected;
        if !self.panel.as_ref().is_none_or(connected) {
            degraded.push("panel".to_owned());
        }
        let has_credentials = |panel: &Arc<Borrowing>| panel.has_credentials();
        if !self.panel.as_ref().is_none_or(has_credentials) {
            degraded.push("vault".to_owned());
        }
        Readiness {
            ready: stage == Stage::Answering && !journal_failed,
            degraded,
        }
    }

    fn status(&self) -> Status {
        let now = clock::now();
        let plan = self.desk.plan.load();
        let revision = |text: &str| Revision {
            revision: text.to_owned(),
            error: None,
        };
        let standings = self.desk.gate.books().standings(now);
        let budgets = standings.into_iter().map(|standing| {
            let enforce = standing.enforce;
            BudgetStatus::of(
                &BudgetReading {
                    per: standing.per,
                    standing,
                },
                enforce,
                now.wall.secs(),
            )
        });
        Status {
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: now.since_start.as_secs(),
            config: Revision {
                error: self.note(|notes| notes.config_fault.clone()),
                ..revision(&plan.revisions.config)
            },
            policies: Revision {
                error: self.note(|notes| notes.policy_fault.clone()),
                ..revision(&plan.revisions.policy)
            },
            prices: revision(&plan.revisions.prices),
            budgets: budgets.collect(),
            providers: plan
                .upstreams
                .iter()
                .map(|upstream| ProviderStatus {
                    name: upstream.name.to_string(),
                    circuit: (self.desk.healths)
                        .worst(&upstream.name, &upstream.breaker, now.since_start)
                        .name(),
                })
                .collect(),
            journal: self.journal(),
            panel: self.panel.as_ref().map(|panel| panel.status()),
        }
    }
}
