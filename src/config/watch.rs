//! Watching the files a configuration was read from.
//!
//! Folders are watched, not files: editors rename over a file, and Kubernetes swaps a symlink two steps away. An event means
//! no more than "look": what counts is whether the content of any file differs from what it was. Where the system tells of
//! nothing (network file systems, no watches left) a look every two seconds does.
//!
//! Not here: loading (`load`), and what becomes of a change (`app`).

use super::read::read;
use crate::clock;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often to look without being told.
const POLL: Duration = Duration::from_secs(2);
/// How long it must have been quiet: writers write more than once.
const QUIET: Duration = Duration::from_millis(100);
/// How long to wait for that at most.
const PATIENCE: Duration = Duration::from_millis(500);
/// Wake-ups that may wait; one would do, since all of them mean "look".
const WAITING: usize = 4;

/// Why files cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system gave no thread.
    #[error("cannot start the thread that watches the configuration: {0}")]
    Thread(std::io::Error),
}

/// Watches files until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the watch"]
pub struct Watcher {
    wake: SyncSender<()>,
    orders: Arc<Mutex<Orders>>,
}

/// What the watching thread is told.
#[derive(Debug, Default)]
struct Orders {
    files: Option<Vec<PathBuf>>,
    again: bool,
    stop: bool,
}

impl Watcher {
    /// Watches these files from now on. Of a file that was watched already the last content seen stays what it is compared
    /// with, so that a change made meanwhile is not missed.
    pub fn replace(&self, files: Vec<PathBuf>) {
        self.order(|orders| orders.files = Some(files));
    }

    /// Has everything loaded anew though no file changed: something that is not a file did.
    pub fn again(&self) {
        self.order(|orders| orders.again = true);
    }

    fn order(&self, order: impl FnOnce(&mut Orders)) {
        order(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner));
        // A full queue wakes as well as one more in it.
        let _ = self.wake.try_send(());
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.order(|orders| orders.stop = true);
    }
}

/// Files whose content was looked at, to be watched: what changes from here on is not missed, however long it takes until
/// somebody can act on it.
#[must_use = "nothing is watched until it is started"]
pub struct Prepared {
    wake: SyncSender<()>,
    woken: Receiver<()>,
    watching: Watching,
}

/// Looks at files as they are now.
pub fn prepare(files: Vec<PathBuf>) -> Prepared {
    let (wake, woken) = sync_channel(WAITING);
    let mut watching = Watching::new(wake.clone());
    watching.files(files);
    Prepared {
        wake,
        woken,
        watching,
    }
}

impl Prepared {
    /// Calls `changed`, on a thread of its own, whenever the content of any of these files differs from what it was.
    ///
    /// # Errors
    /// If there is no thread to do it.
    pub fn start(self, changed: impl FnMut() + Send + 'static) -> Result<Watcher, WatchError> {
        let Self {
            wake,
            woken,
            watching,
        } = self;
        let orders = Arc::new(Mutex::new(Orders::default()));
        let thread_orders = Arc::clone(&orders);
        std::thread::Builder::new()
            .name("tollgate-watch".to_owned())
            .spawn(move || watching.run(&woken, &thread_orders, changed))
            .map_err(WatchError::Thread)?;
        Ok(Watcher { wake, orders })
    }
}

/// The state of the watching thread.
struct Watching {
    /// `None` where the system has no watches left: then the look every [`POLL`] does.
    events: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    seen: BTreeMap<PathBuf, Option<[u8; 32]>>,
}

impl Watching {
    fn new(wake: SyncSender<()>) -> Self {
        let events = notify::recommended_watcher(move |_| {
            let _ = wake.try_send(());
        });
        Self {
            events: events.ok(),
            folders: BTreeSet::new(),
            seen: BTreeMap::new(),
        }
    }

    fn files(&mut self, files: Vec<PathBuf>) {
        let mut seen = BTreeMap::new();
        for file in files {
            let content = self.seen.remove(&file).unwrap_or_else(|| digest(&file));
            seen.insert(file, content);
        }
        self.seen = seen;
        self.follow();
    }

    /// Watches the folder of each file and, of a link, that of what it leads to.
    fn follow(&mut self) {
        let folder = |file: &Path| match file.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Some(PathBuf::from(".")),
            Some(folder) => Some(folder.to_owned()),
            None => None,
        };
        let wanted: BTreeSet<PathBuf> = self
            .seen
            .keys()
            .flat_map(|file| {
                [
                    folder(file),
                    file.canonicalize().ok().and_then(|file| folder(&file)),
                    file.is_dir().then(|| file.clone()),
                ]
            })
            .flatten()
            .collect();
        let Some(events) = &mut self.events else {
            return;
        };
        for gone in self.folders.difference(&wanted) {
            let _ = events.unwatch(gone);
        }
        // A folder that cannot be watched (not there yet) is tried again at the next change.
        self.folders = wanted
            .into_iter()
            .filter(|folder| {
                self.folders.contains(folder)
                    || events.watch(folder, RecursiveMode::NonRecursive).is_ok()
            })
            .collect();
    }

    fn run(mut self, woken: &Receiver<()>, orders: &Mutex<Orders>, mut changed: impl FnMut()) {
        let mut day = today();
        loop {
            match woken.recv_timeout(POLL) {
                Ok(()) => settle(woken),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let differs = self.look_until_steady(|| std::thread::sleep(QUIET));
            let orders =
                std::mem::take(&mut *orders.lock().unwrap_or_else(PoisonError::into_inner));
            if orders.stop {
                return;
            }
            if let Some(files) = orders.files {
                self.files(files);
            }
            // Dates in policies come and go with the day, though no file changes.
            let next_day = std::mem::replace(&mut day, today()) != day;
            if differs || self.look() || next_day || orders.again {
                self.follow();
                changed();
            }
        }
    }

    /// Looks until a look finds no more difference: what was caught while it was being written, half of it or empty, is not
    /// to be loaded. A file that never rests is told of after [`PATIENCE`] all the same.
    fn look_until_steady(&mut self, mut pause: impl FnMut()) -> bool {
        let looks = PATIENCE.as_millis() / QUIET.as_millis();
        let mut differs = false;
        for _ in 0..looks {
            if !self.look() {
                break;
            }
            differs = true;
            pause();
        }
        differs
    }

    /// Looks at every file; whether any differs from what it was.
    fn look(&mut self) -> bool {
        let mut differs = false;
        for (file, seen) in &mut self.seen {
            let now = digest(file);
            differs |= now != *seen;
            *seen = now;
        }
        differs
    }
}

/// The day it is in UTC, by number.
fn today() -> i64 {
    clock::now().wall.secs().div_euclid(86_400)
}

/// Waits until no wake-up came for a while.
fn settle(woken: &Receiver<()>) {
    let start = clock::since_start();
    while clock::since_start().saturating_sub(start) < PATIENCE {
        if woken.recv_timeout(QUIET).is_err() {
            return;
        }
    }
}

fn digest(file: &Path) -> Option<[u8; 32]> {
    if file.is_dir() {
        return listing(file, 0);
    }
    read(file)
        .ok()
        .map(|(bytes, _)| Sha256::digest(&bytes).into())
}

/// What is in a folder and those below, names and contents: a file that is only known once the folder was read is not
/// missed when it changes before it is watched by itself.
fn listing(folder: &Path, depth: usize) -> Option<[u8; 32]> {
    const MAX_DEPTH: usize = 8;
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    entries.sort_unstable();
    let mut hash = Sha256::new();
    for entry in entries {
        hash.update(entry.as_os_str().as_encoded_bytes());
        hash.update([0]);
        if entry.is_dir() {
            if depth < MAX_DEPTH {
                hash.update(listing(&entry, depth + 1).unwrap_or_default());
            }
        } else if let Ok((bytes, _)) = read(&entry) {
            hash.update(Sha256::digest(&bytes));
        }
    }
    Some(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A watch and what it tells; the wait is for a failure alone.
    fn start(files: Vec<PathBuf>) -> (Watcher, Receiver<()>) {
        let (tell, told) = sync_channel(64);
        let watcher = prepare(files)
            .start(move || tell.send(()).unwrap_or_default())
            .unwrap();
        (watcher, told)
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_file_written_renamed_over_removed_or_made_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tollgate.yaml");
        fs::write(&file, "one").unwrap();
        let (_watcher, told) = start(vec![file.clone()]);
        fs::write(&file, "two").unwrap();
        told.recv_timeout(LONG).expect("written");
        fs::write(folder.path().join("new"), "three").unwrap();
        fs::rename(folder.path().join("new"), &file).unwrap();
        told.recv_timeout(LONG).expect("renamed over");
        fs::remove_file(&file).unwrap();
        told.recv_timeout(LONG).expect("removed");
        fs::write(&file, "four").unwrap();
        told.recv_timeout(LONG).expect("made");
    }

    #[test]
    fn a_change_before_the_start_is_told_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tollgate.yaml");
        fs::write(&file, "one").unwrap();
        let prepared = prepare(vec![file.clone()]);
        fs::write(&file, "two").unwrap();
        let (tell, told) = sync_channel(64);
        let _watcher = prepared
            .start(move || tell.send(()).unwrap_or_default())
            .unwrap();
        told.recv_timeout(LONG).expect("written");
    }

    #[cfg(unix)]
    #[test]
    fn a_swapped_link_is_told() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (version, text) in [("v1", "one"), ("v2", "two")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("tollgate.yaml"), text).unwrap();
        }
        symlink("v1", at("data")).unwrap();
        symlink("data/tollgate.yaml", at("tollgate.yaml")).unwrap();
        let (_watcher, told) = start(vec![at("tollgate.yaml")]);
        symlink("v2", at("data-new")).unwrap();
        fs::rename(at("data-new"), at("data")).unwrap();
        told.recv_timeout(LONG).expect("swapped");
    }

    #[test]
    fn a_file_that_appears_in_a_watched_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let watched = folder.path().join("policies");
        fs::create_dir(&watched).unwrap();
        let (_watcher, told) = start(vec![watched.clone()]);
        fs::write(watched.join("org.yaml"), "version: 1").unwrap();
        told.recv_timeout(LONG).expect("made");
        fs::remove_file(watched.join("org.yaml")).unwrap();
        told.recv_timeout(LONG).expect("removed");
    }

    #[test]
    fn only_a_difference_in_content_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tollgate.yaml");
        fs::write(&file, "same").unwrap();
        let mut watching = Watching::new(sync_channel(1).0);
        watching.files(vec![file.clone()]);
        fs::write(&file, "same").unwrap();
        fs::write(folder.path().join("other"), "x").unwrap();
        assert!(!watching.look());
        fs::write(&file, "else").unwrap();
        assert!(watching.look());
        assert!(!watching.look());
    }

    #[test]
    fn what_is_still_being_written_is_not_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tollgate.yaml");
        fs::write(&file, "one").unwrap();
        let mut watching = Watching::new(sync_channel(1).0);
        watching.files(vec![file.clone()]);
        assert!(!watching.look_until_steady(|| panic!("nothing changed")));
        let mut rest = vec!["two, whole", "two", ""];
        fs::write(&file, rest.pop().unwrap()).unwrap();
        assert!(watching.look_until_steady(|| {
            if let Some(text) = rest.pop() {
                fs::write(&file, text).unwrap();
            }
        }));
        assert_eq!(rest.len(), 0, "told while it was still being written");
        assert!(!watching.look());
        // One that never rests is told of at last.
        let mut turn = 0;
        fs::write(&file, "never").unwrap();
        assert!(watching.look_until_steady(|| {
            turn += 1;
            fs::write(&file, format!("{turn}")).unwrap();
        }));
        assert_eq!(turn, PATIENCE.as_millis() / QUIET.as_millis());
    }

    #[test]
    fn replaced_files_are_watched_and_what_changed_meanwhile_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, "1").unwrap();
        fs::write(&new, "1").unwrap();
        let mut watching = Watching::new(sync_channel(1).0);
        watching.files(vec![old.clone()]);
        fs::write(&old, "2").unwrap();
        watching.files(vec![old, new.clone()]);
        assert!(watching.look());
        fs::write(&new, "2").unwrap();
        assert!(watching.look());
    }
}
