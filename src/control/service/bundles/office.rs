//! What a panel has at hand for bundles: who checks them, who signs, and what it remembers between two requests.

use super::super::{Fault, Outcome, ServiceError};
use crate::control::signer::Signer;
use crate::lease::bundle::{Files, Report};
use crate::lease::protocol::RouterId;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// What came of checking policies.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// The revision that gateways will show.
    pub revision: String,
    /// What keeps them from being used, each with its place.
    pub faults: Vec<Fault>,
    /// What somebody should look at.
    pub warnings: Vec<Fault>,
}

/// Checks policies and runs their tests, by the engine that gateways run.
pub type Checker = Arc<dyn Fn(&Files) -> Checked + Send + Sync>;

/// What a panel has at hand for bundles.
pub struct Office {
    checker: Checker,
    pub(super) signer: Option<Arc<Signer>>,
    /// Bundles checked at once: each takes a core for a moment.
    checking: Semaphore,
    /// The revision of what gateways are to run.
    pub(super) revision: AtomicU64,
    /// What gateways said, when, and was not written down yet.
    said: Mutex<BTreeMap<RouterId, (Report, i64)>>,
    /// The files of the last bundles that gateways asked for.
    files: Mutex<BTreeMap<i64, Arc<Files>>>,
}

/// So many bundles are at hand: the current one, and a candidate.
const AT_HAND: usize = 2;

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}

impl Default for Office {
    /// One where nobody knows what policies mean: it stores none.
    fn default() -> Self {
        let nobody = |_: &Files| Checked {
            faults: vec![Fault::new("files", "nobody here can check policies")],
            ..Checked::default()
        };
        Self {
            checker: Arc::new(nobody),
            signer: None,
            checking: Semaphore::new(1),
            revision: AtomicU64::new(0),
            said: Mutex::default(),
            files: Mutex::default(),
        }
    }
}

impl Office {
    /// With who checks and who signs.
    #[must_use]
    pub fn new(checker: Checker, signer: Signer) -> Self {
        Self {
            checker,
            signer: Some(Arc::new(signer)),
            ..Self::default()
        }
    }

    pub(super) async fn check(&self, files: &Files) -> Outcome<Checked> {
        let turn = self.checking.acquire().await;
        let (checker, files) = (Arc::clone(&self.checker), files.clone());
        let outcome = tokio::task::spawn_blocking(move || checker(&files)).await;
        drop(turn);
        outcome.map_err(|_| ServiceError::NoDigest)
    }

    /// Gateways are to run something else.
    pub(in super::super) fn rolled(&self, revision: i64) {
        let revision = u64::try_from(revision).unwrap_or(0);
        self.revision.fetch_max(revision, Ordering::AcqRel);
    }

    pub(super) fn said(&self) -> MutexGuard<'_, BTreeMap<RouterId, (Report, i64)>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn at_hand(&self, version: i64) -> Option<Arc<Files>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.get(&version).cloned()
    }

    pub(super) fn put_at_hand(&self, version: i64, new: Arc<Files>) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(version, new);
        while files.len() > AT_HAND {
            files.pop_first();
        }
    }
}
