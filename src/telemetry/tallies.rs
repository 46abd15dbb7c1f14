//! What a control panel is to hear of besides money: refusals by key, code and rule; findings by key, detector and action;
//! and of each key how many calls were let through and when the last one came. Counted where the metrics count.
//!
//! Counts only grow as long as the process lives. A call that is let through and clean adds to two numbers that its key's
//! owner holds ([`Used`]); refusals and findings take a lock for a moment.
//!
//! Invariant: every event is in exactly one line. Beyond `MOST` lines of a kind those of further names are in one called
//! `other`, whoever's they are; a key has its numbers as long as the process lives, so no plan made anew sets them back.
//!
//! Not here: telling the panel (`lease::client`), which counts it has heard.

use super::event::{Denied, Failed, Settled};
use crate::clock::Wall;
use crate::governance::audit::{Ruled, Used, bounded};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Lines of a kind that are told apart.
const MOST: usize = 2_000;
/// What the others are counted under.
const OTHER: &str = "other";

/// Whose it is: where the panel counts what the key does; nobody's that the panel knows where absent.
type Leaf = Option<u64>;

/// Whose, the code, and the rule.
type Refusal = (Leaf, &'static str, Option<Arc<str>>);
/// Whose, the detector, and what became of it.
type Finding = (Leaf, Box<str>, Box<str>);

/// The counts of one process.
#[derive(Debug, Default)]
pub struct Tallies {
    refusals: Mutex<Lines<Refusal>>,
    findings: Mutex<Lines<Finding>>,
    used: Mutex<BTreeMap<u64, Arc<Used>>>,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted<'a> {
    /// Calls that were refused.
    Refused {
        /// Whose they were.
        leaf: Leaf,
        /// Why: the error's code.
        code: &'a str,
        /// The rule of a policy that refused them, if one did.
        rule: Option<&'a str>,
    },
    /// What guards found.
    Found {
        /// In whose calls.
        leaf: Leaf,
        /// The detector.
        detector: &'a str,
        /// What became of it.
        action: &'a str,
    },
    /// Calls that were let through.
    Passed {
        /// Whose they were.
        leaf: u64,
        /// When the last one came.
        last: Wall,
    },
}

/// Counts by name, of a bounded number of names.
#[derive(Debug)]
struct Lines<K>(HashMap<K, u64>);

impl<K> Default for Lines<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Lines<K> {
    fn add(&mut self, name: K, other: impl FnOnce() -> K, count: u64) {
        let has_room = self.0.len() < MOST || self.0.contains_key(&name);
        let name = if has_room { name } else { other() };
        let line = self.0.entry(name).or_default();
        *line = line.saturating_add(count);
    }
}

impl Tallies {
    /// Where calls of this key that are let through are counted: always the same place.
    #[must_use]
    pub fn used(&self, leaf: u64) -> Arc<Used> {
        Arc::clone(lock(&self.used).entry(leaf).or_default())
    }

    /// Counts a call that was answered.
    pub(super) fn settled(&self, event: &Settled<'_>) {
        let passage = &event.passage;
        passage.who.used(passage.at);
        self.ruled(passage.who.leaf(), passage.ruled);
        if let Some(code) = event.withheld {
            self.refused(passage.who.leaf(), code, None);
        }
    }

    /// Counts a call that was refused.
    pub(super) fn denied(&self, event: &Denied<'_>) {
        let leaf = event.passage.who.leaf();
        self.ruled(leaf, event.passage.ruled);
        self.refused(leaf, event.reason, event.rule());
    }

    /// Counts a call that was let through and failed.
    pub(super) fn failed(&self, event: &Failed<'_>) {
        let passage = &event.passage;
        passage.who.used(passage.at);
        self.ruled(passage.who.leaf(), passage.ruled);
    }

    fn refused(&self, leaf: Leaf, code: &'static str, rule: Option<&Arc<str>>) {
        let rule = rule.map(|rule| match bounded(rule) {
            short if short.len() < rule.len() => Arc::from(short),
            _ => Arc::clone(rule),
        });
        lock(&self.refusals).add((leaf, code, rule), || (None, OTHER, None), 1);
    }

    fn ruled(&self, leaf: Leaf, ruled: Option<&Arc<Ruled>>) {
        let Some(ruled) = ruled.filter(|ruled| !ruled.findings.is_empty()) else {
            return;
        };
        let mut findings = lock(&self.findings);
        for found in &ruled.findings {
            let (detector, action) = (bounded(&found.detector), bounded(&found.action));
            let other = || (None, OTHER.into(), OTHER.into());
            findings.add((leaf, detector.into(), action.into()), other, found.count);
        }
    }

    /// Tells every line, and what it counts.
    pub fn each(&self, mut tell: impl FnMut(Counted<'_>, u64)) {
        for ((leaf, code, rule), count) in &lock(&self.refusals).0 {
            let (leaf, rule) = (*leaf, rule.as_deref());
            tell(Counted::Refused { leaf, code, rule }, *count);
        }
        for ((leaf, detector, action), count) in &lock(&self.findings).0 {
            let leaf = *leaf;
            let found = Counted::Found {
                leaf,
                detector,
                action,
            };
            tell(found, *count);
        }
        for (leaf, used) in &*lock(&self.used) {
            let (calls, last) = used.read();
            // Between the two additions of the first call there is nothing to tell yet.
            if calls > 0 && last.secs() > 0 {
                tell(Counted::Passed { leaf: *leaf, last }, calls);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
