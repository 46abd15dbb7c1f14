//! What this gateway holds of the panel's vault: each credential with its version and its end, swapped whole.
//!
//! What is wanted is said by whoever reads the configuration; the talk asks for it, and tells here what came. A credential is
//! good until its end, by the wall clock and by the one that nobody sets, whether or not the panel is there; one that was taken
//! out of the vault, or from this gateway, goes at once, and so does one that comes from the future: a clock that was set back
//! prolongs nothing. What goes is wiped with the last call that holds it.
//!
//! Not here: how it travels (`lease::vault`), how it is kept on the disk (`store`), who calls with it (`app`).

use super::ClientError;
use super::store::Store;
use crate::clock::Wall;
use crate::lease::protocol::{RouterId, number};
use crate::lease::vault::{Credential, Missing, Why};
use crate::secret::Secret;
use rcgen::KeyPair;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use zeroize::Zeroize as _;

/// Told whenever something else is held.
type Changed = Box<dyn Fn() + Send + Sync>;

/// The credentials.
pub struct Vault {
    state: Mutex<State>,
    changed: OnceLock<Changed>,
    /// The panel is to be asked.
    pub(super) look: Notify,
}

#[derive(Debug, Default)]
struct State {
    wanted: BTreeSet<String>,
    /// What was asked for when it was answered last.
    asked: BTreeSet<String>,
    /// Whose it is.
    router: Option<RouterId>,
    revision: u64,
    items: BTreeMap<String, Item>,
    missing: BTreeMap<String, Why>,
    /// When half of the time is over: then it is asked for anew.
    half: i64,
    error: Option<String>,
    /// The disk has something else.
    unkept: bool,
}

/// A credential as it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    version: u64,
    secret: Secret<String>,
    /// Since when it is good, in seconds since the epoch.
    since: i64,
    /// When it is good no longer.
    ends: i64,
    /// The same since this machine was started.
    ends_since_boot: Duration,
}

/// Clocks are set right by a little.
const SET_RIGHT: i64 = 300;

fn is_good(since: i64, ends: i64, now: Wall) -> bool {
    now.secs() < ends && now.secs().saturating_add(SET_RIGHT) >= since
}

/// What is told of the vault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VaultReading {
    /// Its revision, as far as it was heard.
    pub revision: u64,
    /// All that is wanted, by name.
    pub items: Vec<ItemReading>,
    /// Why it could not be asked, as long as it cannot.
    pub error: Option<String>,
}

/// What is told of one credential: never what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemReading {
    /// Its name.
    pub name: String,
    /// Which of its secrets is here, and how long it is good; none where it is not here.
    pub held: Option<(u64, Duration)>,
    /// Why the panel does not give it.
    pub missing: Option<Why>,
}

/// What is kept on the disk, sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    router: RouterId,
    #[serde(with = "number")]
    revision: u64,
    items: Vec<KeptItem>,
}

#[derive(Serialize, Deserialize)]
struct KeptItem {
    name: String,
    #[serde(with = "number")]
    version: u64,
    secret: String,
    #[serde(default)]
    since: i64,
    ends: i64,
}

impl Drop for KeptItem {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// An answer of the panel, opened.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) router: RouterId,
    /// When it was asked.
    pub(super) asked_at: Wall,
    pub(super) asked_since_boot: Duration,
    pub(super) asked: BTreeSet<String>,
    pub(super) revision: u64,
    pub(super) lifetime: Duration,
    pub(super) credentials: Vec<Credential>,
    pub(super) missing: Vec<Missing>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

impl Vault {
    /// With what was kept for this gateway and is good still.
    pub(super) fn new(
        kept: Option<Kept>,
        router: Option<RouterId>,
        now: Wall,
        boot: Duration,
    ) -> Self {
        let mut state = State::default();
        let (kept, others) = match kept {
            Some(kept) if Some(kept.router) == router => (Some(kept), false),
            other => (None, other.is_some()),
        };
        if let Some(kept) = kept {
            state.router = router;
            state.revision = kept.revision;
            let count = kept.items.len();
            let good = kept.items.into_iter();
            let good = good.filter(|item| is_good(item.since, item.ends, now));
            let items = good.map(|mut item| {
                let left = item.ends.saturating_sub(now.secs());
                let left = Duration::from_secs(u64::try_from(left).unwrap_or(0));
                let held = Item {
                    version: item.version,
                    secret: Secret::new(std::mem::take(&mut item.secret)),
                    since: item.since,
                    ends: item.ends,
                    ends_since_boot: boot.saturating_add(left),
                };
                (std::mem::take(&mut item.name), held)
            });
            state.items = items.collect();
            // What is over goes from the disk, too.
            state.unkept = state.items.len() != count;
        } else {
            state.unkept = others;
        }
        Self {
            state: Mutex::new(state),
            changed: OnceLock::new(),
            look: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has somebody told whenever something else is held. Only the first is.
    pub fn on_change(&self, changed: impl Fn() + Send + Sync + 'static) {
        let _ = self.changed.set(Box::new(changed));
    }

    /// These are wanted from now on, and nothing else.
    pub fn want(&self, names: BTreeSet<String>) {
        let mut state = self.state();
        if state.wanted != names {
            state.wanted = names;
            drop(state);
            self.look.notify_one();
        }
    }

    /// The secret of this name, if it is here.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<Secret<String>> {
        let state = self.state();
        state.items.get(name).map(|item| item.secret.clone())
    }

    /// What is told of it.
    #[must_use]
    pub fn reading(&self, now: Wall) -> VaultReading {
        let state = self.state();
        let items = state.wanted.iter().map(|name| ItemReading {
            name: name.clone(),
            held: state.items.get(name).map(|item| {
                let left = item.ends.saturating_sub(now.secs());
                let left = Duration::from_secs(u64::try_from(left).unwrap_or(0));
                (item.version, left)
            }),
            missing: state.missing.get(name).copied(),
        });
        VaultReading {
            revision: state.revision,
            items: items.collect(),
            error: state.error.clone(),
        }
    }

    /// Whether the disk has something else than is held.
    pub(super) fn is_unkept(&self) -> bool {
        self.state().unkept
    }

    /// Whether all that is wanted is here.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let state = self.state();
        let here = |name: &String| state.items.contains_key(name);
        state.wanted.iter().all(here)
    }

    /// What is wanted, and the revision it is known by; 0 where it is to be had anew in any case.
    pub(super) fn question(&self, router: RouterId, now: Wall) -> (BTreeSet<String>, u64) {
        let state = self.state();
        // What the panel cannot read today it may read tomorrow, and its revision would not say so.
        let unread = state.missing.values().any(|why| *why == Why::Unreadable);
        let is_fresh = state.router == Some(router)
            && state.asked == state.wanted
            && now.secs() < state.half
            && !unread;
        (
            state.wanted.clone(),
            if is_fresh { state.revision } else { 0 },
        )
    }

    /// How long until something is over, or half of its time is.
    pub(super) fn until_due(&self, now: Wall, boot: Duration) -> Option<Duration> {
        let state = self.state();
        let by_boot = state
            .items
            .values()
            .map(|item| item.ends_since_boot.saturating_sub(boot));
        let by_boot = by_boot.min()?;
        let ends = state.items.values().map(|item| item.ends);
        let half = (!state.items.is_empty() && state.half > now.secs()).then_some(state.half);
        let due = ends.chain(half).min()?;
        let left = due.saturating_sub(now.secs());
        Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)).min(by_boot))
    }

    /// Takes an answer; whether something else is held now, also on the disk then.
    pub(super) fn take(&self, answer: Answer) -> bool {
        let mut state = self.state();
        let lifetime = i64::try_from(answer.lifetime.as_secs()).unwrap_or(i64::MAX);
        let ends = answer.asked_at.secs().saturating_add(lifetime);
        let mut items: BTreeMap<String, Item> = BTreeMap::new();
        for credential in answer.credentials {
            let item = Item {
                version: credential.version,
                secret: credential.secret,
                since: answer.asked_at.secs(),
                ends,
                ends_since_boot: answer.asked_since_boot.saturating_add(answer.lifetime),
            };
            items.insert(credential.name, item);
        }
        for missing in &answer.missing {
            // The panel cannot read it now: that says nothing against what it gave before.
            if missing.why == Why::Unreadable
                && let Some(item) = state.items.get(&missing.name)
            {
                items.insert(missing.name.clone(), item.clone());
            }
        }
        let missing = answer.missing.into_iter();
        state.missing = missing.map(|missing| (missing.name, missing.why)).collect();
        state.half = answer.asked_at.secs().saturating_add(lifetime / 2);
        state.router = Some(answer.router);
        state.asked = answer.asked;
        state.revision = answer.revision;
        state.error = None;
        self.swap(state, items)
    }

    /// Nothing is held any more; whether anything was.
    pub(super) fn empty(&self) -> bool {
        let mut state = self.state();
        state.asked.clear();
        state.missing.clear();
        state.revision = 0;
        self.swap(state, BTreeMap::new())
    }

    /// Lets go of what is over; whether anything was.
    pub(super) fn expire(&self, now: Wall, boot: Duration) -> bool {
        let state = self.state();
        let mut items = state.items.clone();
        items.retain(|_, item| is_good(item.since, item.ends, now) && boot < item.ends_since_boot);
        self.swap(state, items)
    }

    fn swap(&self, mut state: MutexGuard<'_, State>, items: BTreeMap<String, Item>) -> bool {
        let differs = state.items != items;
        // Not by the version alone: books that were set back count the same ones again.
        let same = |(name, item): (&String, &Item)| {
            let before = state.items.get(name);
            before.is_some_and(|before| {
                (before.version, &before.secret) == (item.version, &item.secret)
            })
        };
        let others = items.len() != state.items.len() || !items.iter().all(same);
        state.items = items;
        state.unkept |= differs;
        drop(state);
        if others && let Some(changed) = self.changed.get() {
            changed();
        }
        differs
    }

    /// Takes down why it could not be asked.
    pub(super) fn failed(&self, error: &ClientError) {
        self.state().error = Some(error.to_string());
    }

    /// The panel said that nothing changed.
    pub(super) fn answered(&self) {
        self.state().error = None;
    }

    /// Keeps what is held for a start without the panel.
    pub(super) fn keep(&self, store: &Store, key: &KeyPair) -> Result<(), ClientError> {
        let state = self.state();
        let items = state.items.iter().map(|(name, item)| KeptItem {
            name: name.clone(),
            version: item.version,
            secret: item.secret.expose().clone(),
            since: item.since,
            ends: item.ends,
        });
        let kept = state.router.map(|router| Kept {
            router,
            revision: state.revision,
            items: items.collect(),
        });
        drop(state);
        store.keep_vault(key, kept.as_ref().filter(|kept| !kept.items.is_empty()))?;
        // Nobody else changes what is held than the one who keeps it.
        self.state().unkept = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
