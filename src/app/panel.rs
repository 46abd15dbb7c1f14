//! The control panel in a running gateway: its keys in the plan, its money at the gate, its word in what is told.

use super::bundles::Ordered;
use super::policies::InForce;
use super::{Memory, tallies, vault};
use crate::clock;
use crate::config::Watcher;
use crate::governance::audit::Who;
use crate::governance::identity::Key;
use crate::lease::client::{Bundles, Client, Handle, Reach};
use crate::lease::directory::Directory;
use crate::pipeline;
use crate::provider::settings::Provider;
use crate::settings::Report;
use crate::telemetry::tallies::Tallies;
use arc_swap::ArcSwapOption;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::watch;

/// How long a call may wait for money while the panel answers.
const REFILL_WAIT: Duration = Duration::from_millis(200);
/// How often it is told what was spent while it runs in this very process: somebody looks on.
const HOME_TELLS: Duration = Duration::from_secs(2);
/// How long while it runs in this very process: if it is late, so is everything on this machine.
const HOME_WAIT: Duration = Duration::from_secs(2);
/// How long for money that is lent, and not on the disk yet.
const DISK_WAIT: Duration = Duration::from_secs(1);
/// How long a start waits for the panel before it goes on with what it knows.
const FIRST_WORD: Duration = Duration::from_secs(3);

/// A panel that this gateway borrows from.
#[derive(Debug)]
pub(super) struct Borrowing {
    pub(super) handle: Handle,
    refill_wait: Duration,
    bundles: Arc<Bundles>,
    /// The revision of the order that was tried last.
    tried: AtomicU64,
    directory: Arc<ArcSwapOption<Directory>>,
    /// The revision of the directory whose keys are in the plan.
    applied: AtomicU64,
    /// The revision of the directory whose keys are in the plan that was made last.
    planned: AtomicU64,
    pub(super) vault: Arc<vault::Window>,
    tallies: Arc<Tallies>,
    watcher: Arc<OnceLock<Weak<Watcher>>>,
}

impl Borrowing {
    /// Begins to talk to the panel, and waits a moment for its first word.
    pub(super) fn begin(
        client: Client,
        memory: Arc<Memory>,
        tallies: Arc<Tallies>,
        providers: &[Provider],
        at_home: bool,
    ) -> anyhow::Result<Self> {
        let directory = Arc::new(ArcSwapOption::new(client.directory()));
        let watcher: Arc<OnceLock<Weak<Watcher>>> = Arc::default();
        let bundles = client.bundles().clone();
        let (heard, wake, ordered) = (directory.clone(), watcher.clone(), watcher.clone());
        bundles.on_order(move || {
            if let Some(watcher) = ordered.get().and_then(Weak::upgrade) {
                watcher.again();
            }
        });
        let changed = move |newer: Arc<Directory>| {
            heard.store(Some(newer));
            // None yet: whoever makes the plan finds it.
            if let Some(watcher) = wake.get().and_then(Weak::upgrade) {
                watcher.again();
            }
        };
        client.vault().want(vault::wanted(providers));
        let window = Arc::<vault::Window>::default();
        let (shown, held) = (window.clone(), Arc::downgrade(client.vault()));
        client.vault().on_change(move || {
            if let Some(vault) = held.upgrade() {
                shown.dress(&vault);
            }
        });
        let reach: Reach = Box::new(move |sequence| {
            let journal = memory.journal();
            Box::pin(async move {
                match journal {
                    Some(journal) => journal.durable(sequence).await.is_ok(),
                    None => false,
                }
            })
        });
        let client = if at_home {
            client.telling_every(HOME_TELLS)
        } else {
            client
        };
        let client = client.counting(tallies::counting(tallies.clone()));
        let handle = client.start(reach, Box::new(changed))?;
        handle.first_word(FIRST_WORD);
        Ok(Self {
            handle,
            refill_wait: if at_home { HOME_WAIT } else { REFILL_WAIT },
            bundles,
            tried: AtomicU64::new(0),
            directory,
            applied: AtomicU64::new(0),
            planned: AtomicU64::new(0),
            vault: window,
            tallies,
            watcher,
        })
    }

    /// Has a changed directory brought into force by this watcher from now on.
    pub(super) fn follow(&self, watcher: &Arc<Watcher>) {
        let _ = self.watcher.set(Arc::downgrade(watcher));
        let ordered = self.bundles.reading().revision;
        if self.is_newer() || ordered != self.tried.load(Ordering::Relaxed) {
            watcher.again();
        }
    }

    /// The owner of a key, as records name it; if the panel knows the key, its calls are counted for it.
    pub(super) fn owner(&self, key: &Key) -> Who {
        let owner = Who::of(key);
        match key.leaf {
            Some(leaf) => owner.counted(self.tallies.used(leaf)),
            None => owner,
        }
    }

    /// The policies that the panel has this gateway run.
    pub(super) fn ordered(&self) -> Ordered {
        let (newest, last) = self.bundles.orders();
        let revision = newest.as_ref().map_or(0, |order| order.revision);
        self.tried.store(revision, Ordering::Relaxed);
        Ordered { newest, last }
    }

    /// Refuses to open without policies that this gateway ran before.
    pub(super) fn check_policies(&self) -> anyhow::Result<()> {
        match self.bundles.is_missing() {
            Some(why) => anyhow::bail!(why),
            None => Ok(()),
        }
    }

    /// Writes down which bundle is about to be in force: a start without the panel runs it, too. Refuses to go without one
    /// where this gateway ran one and cannot say which.
    pub(super) fn keep(&self, policies: &InForce) -> anyhow::Result<()> {
        if let (None, Some(why)) = (&policies.bundle, self.bundles.lost()) {
            anyhow::bail!(
                "{}: this gateway ran policies of its panel, what it kept of them cannot be used ({why}), and neither can what the panel orders now: {}",
                self.bundles.file().display(),
                policies
                    .bundle_fault
                    .as_deref()
                    .unwrap_or("it ordered nothing")
            );
        }
        Ok(self.bundles.keep(policies.bundle.as_ref())?)
    }

    /// This is in force now, and perhaps why it is not what was ordered last; the panel is told.
    pub(super) fn runs(&self, policies: &InForce, fault: Option<&str>) {
        let ordered = self.bundles.orders().0;
        let fault = fault.filter(|_| ordered != policies.bundle);
        if !self.bundles.ran(policies.bundle.as_ref(), fault) {
            return;
        }
        let version = policies.bundle.as_ref().map_or(0, |bundle| bundle.version);
        if let Some(fault) = fault {
            tracing::error!(%fault, version, "policies of the panel cannot be used here: the last good ones stay in force");
        } else {
            tracing::info!(
                version,
                "these policies of the panel are in force (0: none)"
            );
        }
    }

    /// The plan that was made last is in force, with the directory it was made of.
    pub(super) fn applied(&self) {
        self.applied
            .store(self.planned.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Whether a directory was heard that is not in force.
    pub(super) fn is_newer(&self) -> bool {
        let revision = self.directory.load().as_ref().map_or(0, |d| d.revision);
        revision != self.applied.load(Ordering::Relaxed)
    }

    /// All who may call: the keys of the file, then those of the panel. One that both know is as the file says, spends what the
    /// panel lends it besides, and is good no longer once the panel has revoked it.
    pub(super) fn keys(&self, own: &[Key]) -> Vec<Key> {
        let Some(directory) = self.directory.load_full() else {
            return own.to_vec();
        };
        self.planned.store(directory.revision, Ordering::Relaxed);
        merge(&directory, own)
    }
}

fn merge(directory: &Directory, own: &[Key]) -> Vec<Key> {
    let mut keys = own.to_vec();
    let places = own.iter().enumerate();
    let mut known: HashMap<_, _> = places
        .map(|(place, key)| (key.digest, Some(place)))
        .collect();
    for digest in &directory.revoked {
        let place = digest.parse().ok().and_then(|digest| known.get(&digest));
        if let Some(own) = place
            .copied()
            .flatten()
            .and_then(|place| keys.get_mut(place))
        {
            own.disabled = true;
        }
    }
    for card in &directory.keys {
        let complaints = RefCell::default();
        let key = card.key.compile(&Report::new(&complaints));
        if let Some(complaint) = complaints.take().into_iter().next() {
            tracing::warn!(key = %card.key.name, fault = %complaint.message, "a key of the control panel cannot be used");
            continue;
        }
        let Some(key) = key else { continue };
        let leaf = Some(card.leaf.0);
        match known.insert(key.digest, None) {
            None => keys.push(Key { leaf, ..key }),
            Some(Some(place)) => {
                if let Some(own) = keys.get_mut(place) {
                    own.leaf = leaf;
                    own.restrict(key);
                }
            }
            Some(None) => {
                tracing::warn!(key = %key.name, "a key of the control panel has the secret of another of its keys: that one counts");
            }
        }
    }
    keys
}

impl pipeline::Panel for Borrowing {
    fn changes(&self) -> watch::Receiver<u64> {
        self.handle.purse().changes()
    }

    fn patience(&self) -> Duration {
        if self.handle.purse().is_rising() {
            // For the disk, whether or not the panel is there.
            DISK_WAIT
        } else if self.handle.is_heard() {
            self.refill_wait
        } else {
            Duration::ZERO
        }
    }

    fn cuts(&self) -> watch::Receiver<u64> {
        self.handle.purse().cuts()
    }

    fn cut_since(&self, seen: u64) -> (u64, pipeline::Cut) {
        let (newest, cut) = self.handle.purse().cut_since(seen);
        let cut = match cut {
            None => pipeline::Cut {
                all: true,
                leaves: Vec::new(),
            },
            Some(leaves) => pipeline::Cut { all: false, leaves },
        };
        (newest, cut)
    }
}

impl Borrowing {
    /// What `/status` and `/metrics` tell.
    pub(super) fn status(&self) -> crate::gateway::admin::PanelStatus {
        use crate::gateway::admin::{LeaseStatus, PanelStatus};
        let reading = self.handle.reading();
        let leases = reading.leases.iter().map(|lease| LeaseStatus {
            lease: format!("{:032x}", lease.lease),
            leaf: lease.leaf.to_string(),
            granted: lease.granted,
            settled: lease.settled,
            reserved: lease.reserved,
            remaining: lease.remaining,
            expires_in_s: lease.expires_in.as_secs(),
        });
        PanelStatus {
            url: reading.url,
            router: reading.router,
            incarnation: reading.incarnation.map(|number| number.to_string()),
            connected: reading.connected,
            last_sync_s: reading.heard.map(|heard| heard.as_secs()),
            doubt: reading.doubt,
            directory_revision: reading.directory.to_string(),
            vault: self.vault_status(),
            leases: leases.collect(),
            policy: self.bundle_status(),
            error: reading.error,
        }
    }

    fn bundle_status(&self) -> crate::gateway::admin::BundleStatus {
        let reading = self.bundles.reading();
        crate::gateway::admin::BundleStatus {
            running: reading.running,
            ordered: reading.ordered,
            revision: reading.revision.to_string(),
            key: reading.key,
            error: reading.error,
        }
    }

    pub(super) fn metrics(&self) -> crate::telemetry::metrics::PanelReading {
        use crate::telemetry::metrics::{LeaseReading, PanelReading};
        let (reading, now) = (self.handle.reading(), clock::now().wall);
        let bundles = self.bundles.reading();
        let leases = reading.leases.iter().map(|lease| LeaseReading {
            leaf: lease.leaf,
            remaining: lease.remaining,
            expires: u64::try_from(now.secs())
                .unwrap_or(0)
                .saturating_add(lease.expires_in.as_secs()),
        });
        PanelReading {
            leases: leases.collect(),
            syncs: reading.syncs,
            unreachable: reading.unreachable,
            bundle: bundles.running,
            orders: bundles.orders,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::settings::KeySettings;
    use crate::lease::directory::KeyCard;
    use crate::lease::protocol::LeafId;

    fn card(name: &str, secret: &str, leaf: u64) -> KeyCard {
        KeyCard {
            leaf: LeafId(leaf),
            key: KeySettings {
                name: name.to_owned(),
                hash: Some(crate::config::digest_of(secret)),
                ..KeySettings::default()
            },
        }
    }

    #[test]
    fn of_a_key_that_both_know_the_stricter_of_both_holds() {
        let complaints = RefCell::default();
        let limited = |models: &[&str], expires: Option<&str>| KeySettings {
            models: Some(models.iter().map(ToString::to_string).collect()),
            expires: expires.map(ToString::to_string),
            ..card("shared", "one", 4).key
        };
        let own = limited(&["gpt-*"], None).compile(&Report::new(&complaints));
        let directory = Directory {
            keys: vec![KeyCard {
                leaf: LeafId(4),
                key: limited(&["*-mini"], Some("2027-06-30")),
            }],
            ..Directory::default()
        };
        let keys = merge(&directory, &[own.expect("a key")]);
        let [key] = keys.as_slice() else {
            panic!("{keys:?}");
        };
        let check =
            |model: &str, expected: bool| assert_eq!(key.may_use(model), expected, "{model}");
        check("gpt-4.1-mini", true);
        check("gpt-4.1", false);
        check("o4-mini", false);
        assert!(key.expires.is_some());
    }

    #[test]
    fn a_key_that_both_know_is_as_the_file_says_and_borrows_from_the_panel() {
        let complaints = RefCell::default();
        let own = [("own", "one"), ("left", "left")].map(|(name, secret)| {
            let key = card(name, secret, 0).key.compile(&Report::new(&complaints));
            key.expect("a key")
        });
        let broken = KeyCard {
            leaf: LeafId(9),
            key: KeySettings {
                name: "broken".to_owned(),
                hash: Some("sha256:no".to_owned()),
                ..KeySettings::default()
            },
        };
        let directory = Directory {
            revision: 3,
            keys: vec![
                card("same", "one", 4),
                broken,
                card("other", "two", 5),
                card("twin", "two", 6),
            ],
            revoked: vec![
                crate::config::digest_of("left"),
                crate::config::digest_of("gone"),
            ],
            budgets: Vec::new(),
        };
        let keys = merge(&directory, &own);
        let named = keys.iter().map(|key| (&*key.name, key.leaf, key.disabled));
        let expected = [
            ("own", Some(4), false),
            ("left", None, true),
            ("other", Some(5), false),
        ];
        assert_eq!(named.collect::<Vec<_>>(), expected);
    }
}
