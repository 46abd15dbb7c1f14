//! A panel's backup, and a panel's state directory made from one.
//!
//! A backup is a folder: the books as they were at one moment, and beside them the other files of the state directory, the
//! authority's key among them. It is as secret as the directory itself.

use super::control::DATABASE;
use crate::clock;
use crate::config;
use crate::control::store::sqlite::backup;
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};
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
            "there is no {}: name the panel's state directory with --state-dir",
            database.display()
        );
    }
    if to.exists() {
        bail!(
            "{} is there already: name a folder that is not",
            to.display()
        );
    }
    let part = unfinished(to);
    config::private_folder(&part).with_context(|| format!("cannot make {}", part.display()))?;
    let copied = (|| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(backup::copy(&database, &part.join(DATABASE)))?;
        close(&part.join(DATABASE))?;
        files(state, &part)?;
        fs::rename(&part, to).with_context(|| format!("cannot make {}", to.display()))
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
            "there is no {}: name a folder that `tollgate panel backup` made",
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
    let part = unfinished(state);
    config::private_folder(&part).with_context(|| format!("cannot make {}", part.display()))?;
    let restored = (|| {
        fs::copy(&books, part.join(DATABASE))?;
        close(&part.join(DATABASE))?;
        files(from, &part)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(backup::mark(&part.join(DATABASE), clock::now().wall))?;
        let _ = fs::remove_dir(state);
        fs::rename(&part, state).with_context(|| format!("cannot make {}", state.display()))
    })();
    if restored.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    restored
}

/// Where something is made before it gets its name.
fn unfinished(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    folder.with_file_name(name)
}

/// Copies all files but the books, what the books leave beside themselves, and the lock.
fn files(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_left = name
            .to_str()
            .is_some_and(|name| name.starts_with(DATABASE) || name == LOCK);
        if is_left || !entry.file_type()?.is_file() {
            continue;
        }
        let copy = to.join(&name);
        fs::copy(entry.path(), &copy)
            .with_context(|| format!("cannot copy {}", entry.path().display()))?;
        close(&copy)?;
    }
    Ok(())
}

/// Nobody else reads it, and it is on the disk.
fn close(file: &Path) -> std::io::Result<()> {
    let open = fs::File::open(file)?;
    #[cfg(unix)]
    open.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    open.sync_all()
}
