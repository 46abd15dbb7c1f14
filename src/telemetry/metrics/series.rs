//! The series there are, found by name once and then kept.
//!
//! Everything is capped: beyond its cap a project or model counts as `other`, so no caller can grow the scrape or the
//! memory. Series are never removed; there are only as many as configurations have named.

use super::cells::Cells;
use super::layout::gen_ai;
use super::names::OTHER;
use crate::telemetry::event::Attempt;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Cell of a provider that counts retries; the outcomes come before it.
pub(super) const RETRIES: usize = Attempt::ALL.len();

/// More than this many series of a kind share one.
const MOST_SERIES: usize = 1_000;
/// More combinations than this are put together anew each time.
const MOST_KEPT: usize = 50_000;
const MOST_PROJECTS: usize = 200;

#[derive(Debug)]
pub(super) struct Provider {
    pub(super) name: Arc<str>,
    pub(super) cells: Cells,
}

#[derive(Debug)]
pub(super) struct GenAi {
    pub(super) provider: Arc<str>,
    pub(super) model: Arc<str>,
    pub(super) operation: &'static str,
    pub(super) cells: Cells,
}

#[derive(Debug)]
pub(super) struct Spend {
    pub(super) project: Arc<str>,
    pub(super) model: Arc<str>,
    pub(super) cells: Cells,
}

/// Every cell that calls of one provider, model, operation and project count in. Keep it beside the route.
#[derive(Debug)]
pub struct Series {
    pub(super) provider: Arc<Provider>,
    pub(super) gen_ai: Arc<GenAi>,
    pub(super) spend: Arc<Spend>,
    /// The model it was asked for; beyond the cap the cells are those of `other`.
    model: Box<str>,
}

impl Series {
    /// The provider's name.
    pub fn provider(&self) -> &Arc<str> {
        &self.provider.name
    }

    /// What stands for the model in labels.
    pub fn model(&self) -> &Arc<str> {
        &self.gen_ai.model
    }

    fn is(&self, provider: &str, model: &str, operation: &str, project: &str) -> bool {
        *self.provider.name == *provider
            && *self.model == *model
            && self.gen_ai.operation == operation
            && *self.spend.project == *project
    }
}

#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) providers: Vec<Arc<Provider>>,
    pub(super) gen_ai: Vec<Arc<GenAi>>,
    pub(super) spends: Vec<Arc<Spend>>,
    pub(super) projects: Vec<Arc<str>>,
    series: HashMap<u64, Vec<Arc<Series>>>,
    kept: usize,
    hasher: RandomState,
}

impl Table {
    /// The series, if there is one.
    pub(super) fn find(
        &self,
        provider: &str,
        model: &str,
        operation: &'static str,
        project: &str,
    ) -> Option<Arc<Series>> {
        let known = self.projects.iter().any(|known| **known == *project);
        let project = if known {
            project
        } else if self.projects.len() >= MOST_PROJECTS {
            OTHER
        } else {
            return None;
        };
        let hash = self.hasher.hash_one((provider, model, operation, project));
        let same = self.series.get(&hash)?;
        same.iter()
            .find(|series| series.is(provider, model, operation, project))
            .map(Arc::clone)
    }

    /// The series, made if need be.
    pub(super) fn enter(
        &mut self,
        provider: &str,
        model: &str,
        operation: &'static str,
        project: &str,
    ) -> Arc<Series> {
        if let Some(faster) = self.find(provider, model, operation, project) {
            return faster; // another thread made it between our two locks
        }
        let project = self.project(project);
        let hash = self
            .hasher
            .hash_one((provider, model, operation, &*project));
        let provider = self.provider(provider);
        let gen_ai = self.gen_ai(&provider.name, model, operation);
        let spend = self.spend(&project, model);
        let series = Arc::new(Series {
            provider,
            gen_ai,
            spend,
            model: model.into(),
        });
        if self.kept < MOST_KEPT {
            self.kept += 1;
            self.series
                .entry(hash)
                .or_default()
                .push(Arc::clone(&series));
        }
        series
    }

    fn project(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.projects.iter().find(|known| ***known == *name) {
            return Arc::clone(known);
        }
        if self.projects.len() >= MOST_PROJECTS {
            return Arc::from(OTHER);
        }
        let name: Arc<str> = Arc::from(name);
        self.projects.push(Arc::clone(&name));
        name
    }

    fn provider(&mut self, name: &str) -> Arc<Provider> {
        if let Some(known) = self.providers.iter().find(|known| *known.name == *name) {
            return Arc::clone(known);
        }
        let provider = Arc::new(Provider {
            name: Arc::from(name),
            cells: Cells::new(RETRIES + 1),
        });
        self.providers.push(Arc::clone(&provider));
        provider
    }

    fn gen_ai(&mut self, provider: &Arc<str>, model: &str, operation: &'static str) -> Arc<GenAi> {
        let full = self.gen_ai.len() >= MOST_SERIES;
        let found = |model: &str| {
            self.gen_ai
                .iter()
                .find(|known| {
                    *known.provider == **provider
                        && *known.model == *model
                        && known.operation == operation
                })
                .map(Arc::clone)
        };
        let model = if full && found(model).is_none() {
            OTHER
        } else {
            model
        };
        if let Some(known) = found(model) {
            return known;
        }
        let new = Arc::new(GenAi {
            provider: Arc::clone(provider),
            model: Arc::from(model),
            operation,
            cells: Cells::new(gen_ai::COUNT),
        });
        self.gen_ai.push(Arc::clone(&new));
        new
    }

    fn spend(&mut self, project: &Arc<str>, model: &str) -> Arc<Spend> {
        let full = self.spends.len() >= MOST_SERIES;
        let found = |model: &str| {
            self.spends
                .iter()
                .find(|known| *known.project == **project && *known.model == *model)
                .map(Arc::clone)
        };
        let model = if full && found(model).is_none() {
            OTHER
        } else {
            model
        };
        if let Some(known) = found(model) {
            return known;
        }
        let new = Arc::new(Spend {
            project: Arc::clone(project),
            model: Arc::from(model),
            cells: Cells::new(1),
        });
        self.spends.push(Arc::clone(&new));
        new
    }
}
