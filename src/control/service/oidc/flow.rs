//! Sign-ins under way, and codes for command lines: in memory, for some minutes, each for one use.
//!
//! What somebody brings back is looked up by its digest, so that no comparison tells how much of a guess was right; whoever
//! comes with it has it no longer, whatever comes of it.

use super::super::{nanos, secrets};
use crate::clock::Wall;
use crate::secret::Secret;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// So many of a kind are kept: the oldest makes room.
const MOST: usize = 4096;

/// Where somebody goes who has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Goal {
    /// A page of this panel.
    Page(String),
    /// A command line that listens on this machine's port, and the digest of what it will show.
    Terminal { port: u16, challenge: String },
}

/// A sign-in that was begun.
#[derive(Debug)]
pub(super) struct Pending {
    /// The digest of what the browser that began it holds.
    pub(super) browser: [u8; 32],
    pub(super) nonce: String,
    pub(super) verifier: Secret<String>,
    pub(super) goal: Goal,
}

/// Somebody who has signed in for a command line.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) user: i64,
    pub(super) subject: String,
    pub(super) challenge: String,
}

/// Things for one use, by the digest of what names them.
#[derive(Debug)]
pub(super) struct Once<T> {
    lasts: Duration,
    kept: Mutex<HashMap<[u8; 32], (i64, T)>>,
}

impl<T> Once<T> {
    pub(super) fn new(lasts: Duration) -> Self {
        Self {
            lasts,
            kept: Mutex::default(),
        }
    }

    /// Keeps one. What is over goes; where there are too many, the oldest.
    pub(super) fn keep(&self, name: &str, thing: T, now: Wall) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.retain(|_, (begun, _)| !is_over(*begun, self.lasts, now));
        }
        if kept.len() >= MOST {
            let oldest = kept.iter().min_by_key(|(_, (begun, _))| *begun);
            if let Some(oldest) = oldest.map(|(name, _)| *name) {
                kept.remove(&oldest);
            }
        }
        kept.insert(secrets::digest(name), (now.nanos(), thing));
    }

    /// Takes it, if it is there and not too old.
    pub(super) fn take(&self, name: &str, now: Wall) -> Option<T> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, thing) = kept.remove(&secrets::digest(name))?;
        (!is_over(begun, self.lasts, now)).then_some(thing)
    }
}

fn is_over(begun: i64, lasts: Duration, now: Wall) -> bool {
    now.nanos().saturating_sub(begun) >= nanos(lasts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_there_once_for_a_while_and_the_oldest_makes_room() {
        let once = Once::new(Duration::from_mins(1));
        let at = Wall::from_secs;
        once.keep("a", 1, at(0));
        assert_eq!(once.take("b", at(1)), None);
        assert_eq!(once.take("a", at(59)), Some(1));
        assert_eq!(once.take("a", at(59)), None);
        once.keep("a", 1, at(0));
        assert_eq!(once.take("a", at(60)), None);
        for number in 0..=MOST {
            let begun = i64::try_from(number).expect("few");
            once.keep(&number.to_string(), number, Wall(begun));
        }
        assert_eq!(once.take("0", at(1)), None);
        assert_eq!(once.take("1", at(1)), Some(1));
        assert_eq!(once.take(&MOST.to_string(), at(1)), Some(MOST));
    }
}
