//! A disk in memory that fails on demand, and forgets on demand what was not synced.

use super::{Disk, Tape};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a crash leaves of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) enum Kept {
    /// All of it: the process was killed.
    All,
    /// The first half of it.
    Half,
    /// All but a piece in the middle: pages reach a disk in any order.
    Holed,
    /// Nothing: the machine lost power.
    Nothing,
}

impl Kept {
    pub(in crate::journal) const EACH: [Self; 4] =
        [Self::All, Self::Half, Self::Holed, Self::Nothing];
}

type Act = Box<dyn Fn() + Send>;

/// The disk; its clones are the same disk.
#[derive(Clone, Default)]
pub(in crate::journal) struct Memory {
    inner: Arc<Mutex<Inner>>,
    /// What other threads do while a sync is under way.
    meanwhile: Arc<Mutex<Option<Act>>>,
}

#[derive(Default, Clone)]
struct Inner {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    operations: u64,
    crash_at: Option<u64>,
    dead: bool,
    full: bool,
    sync_fails: bool,
    syncs: u64,
    /// No operation of ours may touch these again.
    given_up: Vec<usize>,
}

#[derive(Default, Clone)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no test panics under it")
    }

    /// Every operation from the `at`th on fails, the first of them half done.
    pub(in crate::journal) fn crash_at(&self, at: u64) {
        let mut inner = self.lock();
        inner.crash_at = Some(inner.operations + at);
    }

    /// Does `act` each time a sync is under way.
    pub(in crate::journal) fn meanwhile(&self, act: impl Fn() + Send + 'static) {
        *self.meanwhile.lock().expect("no test panics under it") = Some(Box::new(act));
    }

    pub(in crate::journal) fn is_dead(&self) -> bool {
        self.lock().dead
    }

    pub(in crate::journal) fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// Whether there is no room left.
    pub(in crate::journal) fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    pub(in crate::journal) fn set_sync_fails(&self, fails: bool) {
        self.lock().sync_fails = fails;
    }

    /// The disk as the next process finds it.
    pub(in crate::journal) fn after_crash(&self, kept: Kept) -> Self {
        let old = self.lock();
        let mut inner = Inner {
            files: old.files.clone(),
            ..Inner::default()
        };
        let names = if kept == Kept::Nothing {
            &old.durable_names
        } else {
            &old.names
        };
        inner.names.clone_from(names);
        for file in &mut inner.files {
            let differ = |at: &usize| file.now.get(*at) != file.durable.get(*at);
            let first = (0..file.now.len()).find(differ).unwrap_or(0);
            let last = (0..file.now.len()).rfind(differ).map_or(0, |at| at + 1);
            let middle = first + (last - first) / 2;
            let mut left = file.now.clone();
            let mut lose = |range: std::ops::Range<usize>| {
                for at in range {
                    left[at] = file.durable.get(at).copied().unwrap_or(0);
                }
            };
            match kept {
                Kept::All => {}
                Kept::Half => lose(middle..last),
                Kept::Holed => lose(first + (last - first) / 3..middle),
                Kept::Nothing => left = file.durable.clone(),
            }
            (file.now, file.durable) = (left.clone(), left);
        }
        inner.durable_names = inner.names.clone();
        Self {
            inner: Arc::new(Mutex::new(inner)),
            meanwhile: Arc::default(),
        }
    }

    /// What a file holds.
    pub(in crate::journal) fn content(&self, name: &str) -> Vec<u8> {
        let inner = self.lock();
        inner.files[inner.names[name]].now.clone()
    }

    /// Puts a file there.
    pub(in crate::journal) fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut inner = self.lock();
        let place = inner.files.len();
        inner.files.push(Content {
            now: bytes.clone(),
            durable: bytes,
        });
        inner.names.insert(name.into(), place);
        inner.durable_names.insert(name.into(), place);
    }

    /// How many bytes all files take.
    pub(in crate::journal) fn size(&self) -> usize {
        let inner = self.lock();
        let files = inner.names.values();
        files.map(|place| inner.files[*place].now.len()).sum()
    }
}

impl Inner {
    /// Counts an operation; says whether it is the one that is interrupted.
    fn begin(&mut self) -> io::Result<bool> {
        if self.dead {
            return Err(io::Error::other("dead"));
        }
        self.operations += 1;
        self.dead = self.crash_at == Some(self.operations);
        Ok(self.dead)
    }

    fn step(&mut self) -> io::Result<()> {
        if self.begin()? {
            return Err(io::Error::other("dead"));
        }
        Ok(())
    }

    fn place(&self, name: &str) -> io::Result<usize> {
        let found = self.names.get(name).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for Memory {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let inner = self.lock();
        Ok(inner.files[inner.place(name)?].now.clone())
    }

    fn create(&self, name: &str, size: u64) -> io::Result<Box<dyn Tape>> {
        let mut inner = self.lock();
        inner.step()?;
        if inner.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        assert!(!inner.names.contains_key(name), "{name} exists");
        let place = inner.files.len();
        inner.files.push(Content {
            now: vec![0; usize::try_from(size).expect("small")],
            durable: Vec::new(),
        });
        inner.names.insert(name.into(), place);
        Ok(Box::new(MemoryTape {
            disk: self.clone(),
            place,
            len: 0,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.lock();
        inner.step()?;
        let place = inner.place(from)?;
        inner.names.remove(from);
        inner.names.insert(to.into(), place);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inner = self.lock();
        inner.step()?;
        inner.place(name)?;
        inner.names.remove(name);
        Ok(())
    }

    fn cut(&self, name: &str, len: u64) -> io::Result<()> {
        let mut inner = self.lock();
        inner.step()?;
        let place = inner.place(name)?;
        let len = usize::try_from(len).expect("small");
        inner.files[place].now.truncate(len);
        inner.files[place].durable = inner.files[place].now.clone();
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.lock();
        inner.step()?;
        inner.durable_names = inner.names.clone();
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("/memory").join(name)
    }
}

struct MemoryTape {
    disk: Memory,
    place: usize,
    len: usize,
}

impl Tape for MemoryTape {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.disk.lock();
        let interrupted = inner.begin()?;
        assert!(
            !inner.given_up.contains(&self.place),
            "written after an error"
        );
        let fails = interrupted || inner.full;
        let done = if fails { bytes.len() / 2 } else { bytes.len() };
        let file = &mut inner.files[self.place].now;
        let end = self.len + done;
        file.resize(file.len().max(end), 0);
        file[self.len..end].copy_from_slice(&bytes[..done]);
        self.len = end;
        if fails {
            inner.given_up.push(self.place);
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let meanwhile = self.disk.meanwhile.lock().expect("no test panics under it");
        meanwhile.iter().for_each(|act| act());
        let mut inner = self.disk.lock();
        let interrupted = inner.begin()?;
        assert!(
            !inner.given_up.contains(&self.place),
            "synced after an error"
        );
        if interrupted || inner.sync_fails {
            inner.given_up.push(self.place);
            return Err(io::Error::other("I/O error"));
        }
        inner.syncs += 1;
        inner.files[self.place].durable = inner.files[self.place].now.clone();
        Ok(())
    }
}
