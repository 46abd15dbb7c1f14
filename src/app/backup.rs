//! A panel's backup, and a panel's state directory made from one.
//!
//! A backup is a folder: the books as they were at one moment, and beside them the other files of the state directory, the
//! authority's key among them. It is as secret as the directory itself.

use super::control::DATABASE;
use crate::clock;
use crate::config;
use crate::control::store::sqlite::backup;
use crate::control::store::{Ledger, Place, StoreError, set_back};
use anyhow::{Context as _, bail};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::{fs, io};
use tokio::runtime::Builder;

/// What says that a state directory is in use.
const LOCK: &str = "lock";

/// Copies a panel's state into a folder that is not there yet; the panel may run meanwhile.
///
/// # Errors
/// There is no panel's state, the folder is there, or it cannot be written.
pub fn make(state: &Path, to: &Path) -> anyhow::Result<()> {
    let database = state.join(DATABASE);
    if !database.is_file() {
        bail!(
            "there is no {}: name the panel's state directory with --state-dir (books at a PostgreSQL server are copied with \
             pg_dump, beside a copy of that directory)",
            database.display()
        );
    }
    if to.exists() {
        bail!(
            "{} is there already: name a folder that is not",
            to.display()
        );
    }
    let part = unfinished(to)?;
    let copied = (|| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(backup::copy(
            &database,
            &part.join(DATABASE),
            clock::now().wall,
        ))?;
        close(&part.join(DATABASE))?;
        files(state, &part)?;
        named(&part, to)
    })();
    if copied.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    copied
}

/// Makes a panel's state directory from a backup. The panel that begins with it knows that its books are old.
///
/// # Errors
/// There is no backup, the directory is in use, or it cannot be written.
pub fn restore(from: &Path, state: &Path) -> anyhow::Result<()> {
    let books = from.join(DATABASE);
    if !books.is_file() {
        bail!(
            "there is no {}: name a folder that `tollgate panel backup` made (books at a PostgreSQL server are restored with \
             pg_restore, and then marked with `tollgate panel set-back`)",
            books.display()
        );
    }
    let is_empty = fs::read_dir(state).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty {
        bail!(
            "{} is not empty: stop the panel and move it away first, nothing in it is overwritten",
            state.display()
        );
    }
    let part = unfinished(state)?;
    let restored = (|| {
        copy(&books, &part.join(DATABASE))?;
        files(from, &part)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let marked = Place::File(part.join(DATABASE));
        runtime.block_on(set_back::mark(&marked, clock::now().wall))?;
        let _ = fs::remove_dir(state);
        named(&part, state)
    })();
    if restored.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    restored
}

/// Tells books at a server that they were set back: by `pg_restore`, by recovery to a point in time, or by a failover that lost
/// commits. The panel that begins with them knows it. Or that they are `complete`: a copy that took over without losing a commit.
/// Comes back with where they are.
///
/// # Errors
/// The configuration is faulty, the books are no server's, or a panel runs over them.
pub fn set_back(sources: &config::Sources, complete: bool) -> anyhow::Result<String> {
    let control = config::load_panel(sources).map_err(super::StartError::Configuration)?;
    let Some(server) = control.server else {
        bail!(
            "this panel keeps its books in SQLite: make its state directory from a backup with `tollgate panel restore`"
        );
    };
    let place = Place::Server(server.clone());
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Nobody begins meanwhile.
        let held = Ledger::amend(&server).await;
        let held = held.map_err(|error| match error {
            StoreError::Held(_) => {
                anyhow::anyhow!("a panel runs over {place}: stop all of them first")
            }
            error => error.into(),
        })?;
        if complete {
            set_back::complete(&server).await?;
        } else {
            set_back::mark(&place, clock::now().wall).await?;
        }
        held.close().await?;
        anyhow::Ok(())
    })?;
    Ok(place.to_string())
}

/// A new folder of our own beside this one, where it is made before it gets its name.
fn unfinished(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).context("no random numbers")?;
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", u64::from_be_bytes(random)));
    let part = folder.with_file_name(name);
    if let Some(parent) = part.parent() {
        config::private_folder(parent)?;
    }
    // One that is there already is somebody else's.
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&part)
        .with_context(|| format!("cannot make {}", part.display()))?;
    Ok(part)
}

/// Gives a folder its name when all that is in it is on the disk.
fn named(part: &Path, name: &Path) -> anyhow::Result<()> {
    fs::File::open(part)?.sync_all()?;
    fs::rename(part, name).with_context(|| format!("cannot make {}", name.display()))?;
    if let Some(parent) = name
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Copies all files but the books, what the books leave beside themselves, and the lock.
fn files(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_left = name
            .to_str()
            .is_some_and(|name| name.starts_with(DATABASE) || name == LOCK);
        // What a link leads to is the panel's, too: a key may be mounted from elsewhere.
        if is_left || !fs::metadata(entry.path())?.is_file() {
            continue;
        }
        copy(&entry.path(), &to.join(&name))
            .with_context(|| format!("cannot copy {}", entry.path().display()))?;
    }
    Ok(())
}

/// Copies a file for the owner alone, to where none is.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = fs::File::open(from)?;
    let mut options = fs::OpenOptions::new();
    let mut to = options.write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()
}

/// Nobody else reads it, and it is on the disk.
fn close(file: &Path) -> io::Result<()> {
    let open = fs::File::open(file)?;
    open.set_permissions(fs::Permissions::from_mode(0o600))?;
    open.sync_all()
}
