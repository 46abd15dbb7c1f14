//! Labels of sessions: what a session has read taints it (`untrusted`), and later rules ask for it.
//!
//! A label once set stays: a model cannot unread. Only sessions with labels are kept. A call without a session has only
//! the labels its own history earns: a request carries all its tool results each time, so whoever asks works them out
//! from the request and joins them to what [`Sessions::labels`] says. For the same reason a session that had to be
//! forgotten (the one used longest ago, when there are too many) gets its labels back with its next request, unless
//! the results that earned them are no longer in it.

use super::table::{Aged, Table};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// Labels there can be in one process.
const MOST: usize = 64;

/// One label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label(u8);

/// A set of labels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Labels(u64);

impl Labels {
    /// None.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, label: Label) -> Self {
        Self(self.0 | 1_u64.wrapping_shl(label.0 as u32))
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a label is among them.
    #[must_use]
    pub const fn has(self, label: Label) -> bool {
        self.0 & Self::NONE.with(label).0 != 0
    }

    /// Whether any of those is among these.
    #[must_use]
    pub const fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// There are more labels than are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there are already {MOST} labels: use fewer, or restart to forget those no policy names any more"
)]
pub struct TooManyLabels;

#[derive(Debug, Default)]
struct Session {
    labels: Labels,
    last_use: Duration,
}

impl Aged for Session {
    fn last_use(&self) -> Duration {
        self.last_use
    }

    fn is_pinned(&self, _: Duration) -> bool {
        false
    }
}

/// The labels of all sessions, and the names of labels.
#[derive(Debug)]
pub struct Sessions {
    table: Table<Session>,
    /// Only ever grows, so that a label means the same before and after a reload.
    names: RwLock<Vec<Box<str>>>,
}

impl Sessions {
    /// Keeps the labels of at most so many sessions.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            table: Table::new(most),
            names: RwLock::default(),
        }
    }

    /// The label of this name, made if there is none. Asked while a policy is compiled, not for each call.
    ///
    /// # Errors
    /// If there are too many labels already.
    pub fn label(&self, name: &str) -> Result<Label, TooManyLabels> {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let place = names.iter().position(|known| **known == *name);
        let place = place.unwrap_or(names.len());
        if place >= MOST {
            return Err(TooManyLabels);
        }
        if place == names.len() {
            names.push(name.into());
        }
        u8::try_from(place).map(Label).map_err(|_| TooManyLabels)
    }

    /// The names of labels, in the order in which they were first asked for.
    #[must_use]
    pub fn names(&self, labels: Labels) -> Vec<String> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let all = (0_u8..).zip(names.iter());
        all.filter(|(place, _)| labels.has(Label(*place)))
            .map(|(_, name)| name.to_string())
            .collect()
    }

    /// Adds labels to a session.
    pub fn taint(&self, session: &str, labels: Labels, now: Duration) {
        if labels.is_empty() || session.is_empty() {
            return;
        }
        let key = self.table.key(&session);
        self.table.with(key, now, |entry| {
            entry.labels = entry.labels.and(labels);
            entry.last_use = now;
        });
    }

    /// The labels of a session.
    #[must_use]
    pub fn labels(&self, session: &str, now: Duration) -> Labels {
        let key = self.table.key(&session);
        let labels = self.table.with_known(key, |entry| {
            entry.last_use = now;
            entry.labels
        });
        labels.unwrap_or_default()
    }

    /// How many sessions are kept.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.table.len()
    }
}
