//! Policies that the panel has this gateway run: what it ordered, what of it is believed, what is kept for a start without it.
//!
//! The talk puts orders in, the wiring takes them out, tries them, and says what came of it; neither waits for the other.
//! An order that is not believed, or cannot be used, changes nothing: what ran before stays, here and on the disk. What is in
//! force is written down before it is: a gateway that ran a bundle never starts without one again, unless its panel says so
//! or somebody removes the file.
//!
//! Not here: what the files say (`app`), how orders travel (`talk`).

use super::ClientError;
use super::store::{Member, Store};
use crate::lease::bundle::{NotTrusted, Order, PolicyKey, Report};
use crate::lease::protocol::RouterId;
use crate::lease::settings::Panel;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::Notify;

/// Errors are not told at greater length.
const MOST_ERROR: usize = 4_000;

/// Told that there is a new order.
type Wake = Box<dyn Fn() + Send + Sync>;

/// What a panel has this gateway run.
pub struct Bundles {
    store: Store,
    /// The key that the configuration names: no other counts.
    pinned: Option<PolicyKey>,
    state: Mutex<State>,
    /// The panel is to be asked.
    pub(super) look: Notify,
    /// There is something to tell it.
    pub(super) tell: Notify,
    /// It became known what it has this gateway run.
    pub(super) known: Notify,
    wake: OnceLock<Wake>,
}

#[derive(Debug, Default)]
struct State {
    router: Option<RouterId>,
    key: Option<PolicyKey>,
    /// The newest order that is believed.
    ordered: Option<Arc<Order>>,
    /// What was in force last, as the disk has it.
    kept: Option<Arc<Order>>,
    /// Why what the disk has cannot be used.
    unusable: Option<String>,
    /// The bundle in force, once something is.
    running: Option<u64>,
    /// Why the newest order is not believed.
    refused: Option<String>,
    /// Why the newest of those that are cannot be used.
    faulty: Option<String>,
    /// The panel does not speak of policies.
    unspoken: bool,
    tell: bool,
    counts: [u64; 3],
}

/// How it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BundleReading {
    /// The bundle in force; none where 0.
    pub running: u64,
    /// The bundle that was ordered; none where 0.
    pub ordered: u64,
    /// The revision of that order.
    pub revision: u64,
    /// The id of the key that orders are believed by.
    pub key: Option<String>,
    /// Why what was ordered is not in force.
    pub error: Option<String>,
    /// Orders by what became of them: in force, not to be used, not believed.
    pub orders: [u64; 3],
}

impl fmt::Debug for Bundles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundles").finish_non_exhaustive()
    }
}

impl Bundles {
    /// What the disk has of it.
    pub(super) fn open(
        store: Store,
        pinned: Option<PolicyKey>,
        member: Option<&Member>,
    ) -> Result<Self, ClientError> {
        let mut state = State {
            router: member.map(|member| member.router),
            key: pinned.or(member.and_then(|member| member.policy_key)),
            ..State::default()
        };
        if let Some(text) = store.order()? {
            let read = serde_json::from_slice::<Order>(&text).map_err(|error| error.to_string());
            let believed = read.and_then(|order| {
                let known = state.key.zip(state.router);
                let (key, router) = known.ok_or(NotTrusted::NoKey.to_string())?;
                let (checked, version) = (order.check(key, router), order.version);
                checked
                    .map(|()| Arc::new(order))
                    .map_err(|fault| fault.told(version))
            });
            match believed {
                Ok(order) => {
                    state.ordered = Some(order.clone());
                    state.kept = Some(order);
                }
                Err(why) => state.unusable = Some(why),
            }
        }
        Ok(Self {
            store,
            pinned,
            state: Mutex::new(state),
            look: Notify::new(),
            tell: Notify::new(),
            known: Notify::new(),
            wake: OnceLock::new(),
        })
    }

    /// What was in force last by what a state directory says, for a look beside a running gateway.
    #[must_use]
    pub fn peek(panel: &Panel, state_dir: &Path) -> Option<Arc<Order>> {
        let store = Store::beside(state_dir)?;
        let member = store.member().ok()??;
        let bundles = Self::open(store, panel.policy_key, Some(&member)).ok()?;
        bundles.orders().1
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls this whenever there is a new order, from now on.
    pub fn on_order(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.wake.set(Box::new(wake));
    }

    /// The newest order that is believed, and the one that was in force last.
    #[must_use]
    pub fn orders(&self) -> (Option<Arc<Order>>, Option<Arc<Order>>) {
        let state = self.state();
        (state.ordered.clone(), state.kept.clone())
    }

    /// Why this gateway may not open: it ran a bundle, what it kept of it is of no use, and the panel gave no other.
    #[must_use]
    pub fn is_missing(&self) -> Option<String> {
        let state = self.state();
        let why = state.unusable.as_ref()?;
        state.ordered.is_none().then(|| {
            format!(
                "{}: this gateway ran policies of its panel, and what it kept of them cannot be used: {why}. Start it where the panel can be reached, or remove the file to go without them",
                self.file().display()
            )
        })
    }

    /// Why the policies in force may not be the last that this gateway goes by: it ran a bundle, and what it kept is of no use.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        self.state().unusable.clone()
    }

    /// Whether it is known what the panel has this gateway run, be it nothing. Before that it is lent no money.
    pub(super) fn is_known(&self) -> bool {
        let state = self.state();
        state.ordered.is_some() || state.unspoken
    }

    /// The panel does not speak of policies.
    pub(super) fn unspoken(&self) {
        self.state().unspoken = true;
        self.known.notify_one();
    }

    /// Where it is kept.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.store.order_file()
    }

    /// Who this gateway is, and whose orders it follows from now on.
    pub(super) fn know(&self, member: &Member) {
        let mut state = self.state();
        let key = self.pinned.or(member.policy_key);
        if state.key.is_some() && state.key != key {
            tracing::warn!(
                key = key.map(|key| key.id()),
                "the panel has another key for policies than before"
            );
        }
        let same = (state.router, state.key) == (Some(member.router), key);
        (state.router, state.key) = (Some(member.router), key);
        drop(state);
        if !same {
            self.look.notify_one();
        }
    }

    /// The newest order as the panel is asked about it, and the digest of the files that are here.
    pub(super) fn known(&self) -> Option<(String, String)> {
        let state = self.state();
        let order = state.ordered.as_ref()?;
        Some((order.tag(), order.digest.clone()))
    }

    /// The newest revision that is believed.
    pub(super) fn revision(&self) -> u64 {
        self.state()
            .ordered
            .as_ref()
            .map_or(0, |order| order.revision)
    }

    /// Takes an order, if it is to be believed.
    pub(super) fn take(&self, mut order: Order) -> Result<(), NotTrusted> {
        let mut state = self.state();
        let before = state.ordered.clone();
        if let Some(before) = &before
            && order.files.is_none()
            && order.digest == before.digest
        {
            order.files.clone_from(&before.files);
        }
        let known = state.key.zip(state.router);
        let checked = known.ok_or(NotTrusted::NoKey).and_then(|(key, router)| {
            order.check(key, router)?;
            let followed = before.as_ref().map_or(0, |before| before.revision);
            if order.revision < followed {
                let revision = order.revision;
                return Err(NotTrusted::Older { revision, followed });
            }
            Ok(())
        });
        if let Err(fault) = checked {
            let told = fault.told(order.version);
            let words = bounded(format!("what the panel ordered is not believed: {told}"));
            if state.refused.as_ref() != Some(&words) {
                state.refused = Some(words);
                state.tell = true;
                state.count(2);
                tracing::error!(version = order.version, revision = order.revision, %fault, "policies of the panel are refused: the last good ones stay in force");
            }
            drop(state);
            self.tell.notify_one();
            return Err(fault);
        }
        state.ordered = Some(Arc::new(order));
        state.tell |= state.refused.take().is_some();
        drop(state);
        self.known.notify_one();
        if let Some(wake) = self.wake.get() {
            wake();
        }
        Ok(())
    }

    /// Writes an order down that is about to be in force.
    ///
    /// # Errors
    /// The disk.
    pub fn keep(&self, order: Option<&Arc<Order>>) -> Result<(), ClientError> {
        let Some(order) = order else { return Ok(()) };
        let state = self.state();
        let is_news = state.kept.as_ref() != Some(order);
        // Who never ran a bundle need not know that it runs none.
        let matters = order.version > 0 || state.kept.is_some() || state.unusable.is_some();
        drop(state);
        if !is_news || !matters {
            return Ok(());
        }
        self.store.keep_order(order)?;
        let mut state = self.state();
        state.kept = Some(order.clone());
        state.unusable = None;
        Ok(())
    }

    /// This is in force now; and, if it is not what was ordered last, why. Whether that is news.
    pub fn ran(&self, order: Option<&Arc<Order>>, fault: Option<&str>) -> bool {
        let mut state = self.state();
        let running = order.map_or(0, |order| order.version);
        let before = (
            state.running.replace(running),
            std::mem::replace(
                &mut state.faulty,
                fault.map(|fault| bounded(fault.to_owned())),
            ),
        );
        let is_news = before != (state.running, state.faulty.clone());
        if is_news {
            state.tell = true;
            let place = usize::from(state.faulty.is_some());
            state.count(place);
        }
        // That a start runs none of the panel's, as ever, goes without saying.
        let is_plain = before.0.is_none() && running == 0 && state.faulty.is_none();
        drop(state);
        self.tell.notify_one();
        is_news && !is_plain
    }

    /// What the panel is to hear, if there is something. `again`: also if it was told.
    pub(super) fn report(&self, again: bool) -> Option<Report> {
        let mut state = self.state();
        let told = std::mem::take(&mut state.tell) || again;
        let running = state.running.filter(|_| told)?;
        Some(Report {
            revision: state.ordered.as_ref().map_or(0, |order| order.revision),
            running,
            error: state.error(),
        })
    }

    /// It could not be told.
    pub(super) fn untold(&self) {
        self.state().tell = true;
    }

    /// How it stands.
    #[must_use]
    pub fn reading(&self) -> BundleReading {
        let state = self.state();
        let ordered = state.ordered.as_deref();
        BundleReading {
            running: state.running.unwrap_or(0),
            ordered: ordered.map_or(0, |order| order.version),
            revision: ordered.map_or(0, |order| order.revision),
            key: state.key.map(|key| key.id()),
            error: state.error(),
            orders: state.counts,
        }
    }
}

impl State {
    fn error(&self) -> Option<String> {
        self.refused.clone().or_else(|| self.faulty.clone())
    }

    fn count(&mut self, place: usize) {
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
    }
}

fn bounded(mut words: String) -> String {
    if words.len() > MOST_ERROR {
        let end = (0..=MOST_ERROR)
            .rev()
            .find(|at| words.is_char_boundary(*at));
        words.truncate(end.unwrap_or(0));
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::bundle::Files;
    use crate::lease::bundle::tests::{ROUTER, key, order};

    fn member(key: Option<PolicyKey>) -> Member {
        Member {
            router: ROUTER,
            name: "edge".to_owned(),
            certificate: String::new(),
            ca: String::new(),
            renew_at: 0,
            policy_key: key,
        }
    }

    fn open(folder: &std::path::Path, key: PolicyKey) -> Bundles {
        let store = Store::open(folder).expect("opens");
        Bundles::open(store, None, Some(&member(Some(key)))).expect("opens")
    }

    fn in_force(bundles: &Bundles) {
        let (ordered, _) = bundles.orders();
        bundles.keep(ordered.as_ref()).expect("written");
        bundles.ran(ordered.as_ref(), None);
    }

    #[test]
    fn a_bundle_that_was_changed_is_refused_and_the_last_good_one_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (pair, key) = key();
        let bundles = open(folder.path(), key);
        bundles
            .take(order(&pair, key, 3, "version: 1\n"))
            .expect("good");
        in_force(&bundles);
        let report = bundles.report(false).expect("news");
        assert_eq!((report.running, report.error), (3, None));
        let mut forged = order(&pair, key, 4, "version: 1\n");
        let text = "version: 1\nrules: []\n".to_owned();
        forged.files = Some(Files::from([("org.yaml".to_owned(), text)]));
        assert_eq!(bundles.take(forged), Err(NotTrusted::Content));
        let old = order(&pair, key, 2, "version: 1\n");
        assert!(matches!(bundles.take(old), Err(NotTrusted::Older { .. })));
        let (other, stranger) = self::key();
        let theirs = order(&other, stranger, 9, "version: 1\n");
        assert!(matches!(
            bundles.take(theirs),
            Err(NotTrusted::OtherKey { .. })
        ));
        let reading = bundles.reading();
        assert_eq!((reading.running, reading.ordered), (3, 3));
        assert_eq!(reading.orders, [1, 0, 3]);
        assert!(
            reading
                .error
                .is_some_and(|error| error.contains(&stranger.id()))
        );
        let report = bundles.report(false).expect("news");
        assert!(report.running == 3 && report.error.is_some());
        assert_eq!(
            bundles.report(false),
            None,
            "what was told is not told again"
        );
    }

    #[test]
    fn what_was_in_force_is_there_at_the_next_start_and_nothing_else_will_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let (pair, key) = key();
        let first = open(folder.path(), key);
        assert_eq!(first.is_missing(), None);
        first
            .take(order(&pair, key, 3, "version: 1\n"))
            .expect("good");
        in_force(&first);
        let second = open(folder.path(), key);
        assert_eq!(second.orders().1.expect("kept").version, 3);
        // Changed on the disk, or kept under another key: it does not count, and there is no going on without it.
        let (_, stranger) = self::key();
        assert!(open(folder.path(), stranger).is_missing().is_some());
        let file = second.file();
        let text = std::fs::read_to_string(&file).expect("a file");
        std::fs::write(&file, text.replace("version: 1", "version: 2")).expect("written");
        let third = open(folder.path(), key);
        let why = third.is_missing().expect("missing");
        assert!(
            why.contains("order.json: ") && why.contains("those that were signed"),
            "{why}"
        );
        third
            .take(order(&pair, key, 4, "version: 1\n"))
            .expect("good");
        assert_eq!(third.is_missing(), None);
        in_force(&third);
        assert_eq!(open(folder.path(), key).is_missing(), None);
    }

    #[test]
    fn who_never_ran_a_bundle_keeps_nothing_of_running_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let (pair, key) = key();
        let bundles = open(folder.path(), key);
        let sign = |message: &[u8]| pair.sign(message).as_ref().to_vec();
        let none = Order::signed((ROUTER, 1), None, key, sign);
        bundles.take(none).expect("good");
        in_force(&bundles);
        assert!(!bundles.file().exists());
    }

    #[test]
    fn a_key_of_the_configuration_goes_before_one_that_the_panel_tells() {
        let folder = tempfile::tempdir().expect("a folder");
        let ((pair, pinned), (other, told)) = (key(), key());
        let store = Store::open(folder.path()).expect("opens");
        let bundles = Bundles::open(store, Some(pinned), Some(&member(Some(told))));
        let bundles = bundles.expect("opens");
        assert!(
            bundles
                .take(order(&other, told, 3, "version: 1\n"))
                .is_err()
        );
        bundles
            .take(order(&pair, pinned, 3, "version: 1\n"))
            .expect("good");
        bundles.know(&member(Some(told)));
        assert!(
            bundles
                .take(order(&other, told, 4, "version: 1\n"))
                .is_err()
        );
    }
}
