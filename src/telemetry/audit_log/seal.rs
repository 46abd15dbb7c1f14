//! The gateway's key for its decision log, and the file of checkpoints it signs.
//!
//! The key (PKCS#8, Ed25519) is made at the first start and is for its owner alone; its public half lies beside it, one line
//! for each key this log ever had, so that older checkpoints still prove something after a key was lost.

use super::checkpoint::{Checkpoint, PublicKey, PublicKeys};
use super::files::{CHECKPOINTS, fault, last_line, open};
use super::{LogFault, Settings};
use crate::clock::Wall;
use crate::governance::audit::{Head, stamp};
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A private key is some 85 bytes, a line of public keys 65.
const LONGEST_KEY_FILE: u64 = 1 << 16;

#[derive(Debug)]
pub(super) struct Seal {
    pair: Ed25519KeyPair,
    public: PublicKey,
    path: PathBuf,
    file: File,
    length: u64,
    torn: bool,
    last: Option<Checkpoint>,
}

impl Seal {
    /// Takes the key (or makes one) and the checkpoints there are.
    pub(super) fn open(settings: &Settings) -> Result<Self, LogFault> {
        let pair = key(&settings.key)?;
        let public = PublicKey::of(&pair).ok_or_else(|| LogFault::Key(settings.key.clone()))?;
        let keys = publish(&settings.public_key(), public)?;
        let path = settings.dir.join(CHECKPOINTS);
        let file = open(&path, true).map_err(fault("open", &path))?;
        let (last, torn) = last_line(&file).map_err(fault("read", &path))?;
        let length = file.metadata().map_err(fault("read", &path))?.len() - torn;
        let last = last
            .and_then(|line| Checkpoint::read(std::str::from_utf8(&line).ok()?))
            .filter(|checkpoint| keys.check(checkpoint).is_ok());
        Ok(Self {
            pair,
            public,
            path,
            file,
            length,
            torn: torn > 0,
            last,
        })
    }

    /// The newest checkpoint.
    pub(super) fn last(&self) -> Option<&Checkpoint> {
        self.last.as_ref()
    }

    /// Signs `head`, which must be on the disk.
    pub(super) fn write(&mut self, head: Head, first: u64, now: Wall) -> io::Result<()> {
        let new = Checkpoint::sign(head, first, stamp(now), &self.pair, &self.public);
        let line = new.line();
        if self.torn {
            self.file.set_len(self.length)?;
        }
        self.torn = true;
        self.file.write_all(line.as_bytes())?;
        self.torn = false;
        self.length += line.len() as u64;
        self.last = Some(new);
        self.file.sync_data()
    }

    /// Forgets checkpoints of lines before `first`, but for the newest of them: the one that `first` continues.
    pub(super) fn forget_before(&mut self, first: u64) -> io::Result<()> {
        let text = std::fs::read_to_string(&self.path)?;
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let seq =
            |line: &&str| Checkpoint::read(line.trim_end()).map_or(u64::MAX, |one| one.head.seq);
        let old = lines.iter().take_while(|line| seq(line) < first).count();
        if old < 2 {
            return Ok(());
        }
        let kept = lines.get(old - 1..).unwrap_or_default().concat();
        let new = self.path.with_extension("new");
        let mut file = open(&new, false)?;
        file.set_len(0)?;
        file.write_all(kept.as_bytes())?;
        file.sync_data()?;
        std::fs::rename(&new, &self.path)?;
        self.file = open(&self.path, true)?;
        self.length = kept.len() as u64;
        self.torn = false;
        Ok(())
    }
}

/// The key in this file; made if there is none.
fn key(path: &Path) -> Result<Ed25519KeyPair, LogFault> {
    let mut bytes = Zeroizing::new(Vec::new());
    if path.exists() {
        let file = open(path, false).map_err(fault("open", path))?;
        file.take(LONGEST_KEY_FILE)
            .read_to_end(&mut bytes)
            .map_err(fault("read", path))?;
    } else {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| LogFault::Key(path.to_owned()))?;
        bytes.extend_from_slice(made.as_ref());
        // Under another name first: half a key is none.
        let new = path.with_extension("key.new");
        let write = || {
            let mut file = open(&new, false)?;
            file.set_len(0)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&new, path)?;
            sync_parent(path)
        };
        write().map_err(fault("write", path))?;
    }
    Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| LogFault::Key(path.to_owned()))
}

/// Puts our public key among those in this file.
fn publish(path: &Path, ours: PublicKey) -> Result<PublicKeys, LogFault> {
    let mut file = open(path, true).map_err(fault("open", path))?;
    let mut text = String::new();
    (&file)
        .take(LONGEST_KEY_FILE)
        .read_to_string(&mut text)
        .map_err(fault("read", path))?;
    // What is no key there keeps nobody from adding ours; `audit verify` complains of it.
    let mut keys = PublicKeys::read(&text).unwrap_or_default();
    if !keys.0.contains(&ours) {
        let start = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        file.write_all(format!("{start}{}\n", ours.hex()).as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(fault("write", path))?;
        keys.0.push(ours);
    }
    Ok(keys)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
