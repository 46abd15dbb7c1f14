//! What policies and guards did, counted: how much could be looked at, what was found, what stood in shadow.
//!
//! Only calls under policies come here, so a lock and a map do. Rules and detectors are named by configuration; beyond a
//! number they count as `other`.

use super::catalogue::{self, Family};
use super::names::OTHER;
use crate::governance::audit::Ruled;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// More pairs of labels than this are counted as one.
const MOST: usize = 2_000;

/// Counters by two labels.
#[derive(Debug, Default)]
struct Pairs(BTreeMap<(Box<str>, Box<str>), u64>);

impl Pairs {
    fn add(&mut self, one: &str, other: &str, count: u64) {
        let known = self.0.len() < MOST || self.0.contains_key(&(one.into(), other.into()));
        let key = if known {
            (one.into(), other.into())
        } else {
            (OTHER.into(), OTHER.into())
        };
        let cell = self.0.entry(key).or_default();
        *cell = cell.saturating_add(count);
    }
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    scans: Mutex<BTreeMap<Box<str>, u64>>,
    findings: Mutex<Pairs>,
    shadows: Mutex<Pairs>,
}

impl Counters {
    /// Counts one call.
    pub(super) fn count(&self, ruled: &Ruled) {
        if !ruled.scan.is_empty() {
            let mut scans = self.scans.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = scans.get_mut(&*ruled.scan) {
                *count += 1;
            } else {
                scans.insert(ruled.scan.clone(), 1);
            }
        }
        if !ruled.findings.is_empty() {
            let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
            for found in &ruled.findings {
                findings.add(&found.detector, &found.action, found.count);
            }
        }
        if !ruled.shadow.is_empty() {
            let mut shadows = self.shadows.lock().unwrap_or_else(PoisonError::into_inner);
            for shadowed in &ruled.shadow {
                shadows.add(&shadowed.rule, &shadowed.would, 1);
            }
        }
    }

    /// Tells every counter: its family, labels and value.
    pub(super) fn each(&self, mut tell: impl FnMut(&'static Family, &[&str], u64)) {
        let scans = self.scans.lock().unwrap_or_else(PoisonError::into_inner);
        for state in ["full", "partial", "none"] {
            tell(
                &catalogue::SCANS,
                &[state],
                scans.get(state).copied().unwrap_or(0),
            );
        }
        for (family, pairs) in [
            (&catalogue::FINDINGS, &self.findings),
            (&catalogue::SHADOWS, &self.shadows),
        ] {
            let pairs = pairs.lock().unwrap_or_else(PoisonError::into_inner);
            for ((one, other), count) in &pairs.0 {
                tell(family, &[one, other], *count);
            }
        }
    }
}
