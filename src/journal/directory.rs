//! The state directory: ours alone, used by one process at a time.
//!
//! What is in it decides how much money may be spent, so it must not be writable, nor readable, by anybody else: a wider
//! mode, another owner or a symbolic link in its place is refused, with the command that mends it.

use super::JournalError;
use super::disk::Directory;
use rustix::fs::{self, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Where in the state directory the segments are.
const SEGMENTS: &str = "journal";

/// Held as long as this process uses the directory.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Makes a directory for the owner alone, or checks that it is one, and keeps every other process out of it.
pub(super) fn hold(path: &Path) -> Result<(OwnedFd, Lock), JournalError> {
    let failed = |error: io::Error| JournalError::Directory {
        path: path.to_owned(),
        error,
    };
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    match fs::mkdir(path, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(failed(error.into())),
    }
    let state = open(path)?;
    let lock = lock(&state, path)?;
    Ok((state, lock))
}

/// Opens (or makes) a state directory for this process alone.
pub(super) fn claim(path: &Path) -> Result<(Lock, Directory), JournalError> {
    let failed = |error: io::Error| JournalError::Directory {
        path: path.to_owned(),
        error,
    };
    let (state, lock) = hold(path)?;
    match fs::mkdirat(&state, SEGMENTS, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(failed(error.into())),
    }
    fs::fsync(&state).map_err(|error| failed(error.into()))?;
    let inner = path.join(SEGMENTS);
    Ok((lock, Directory::new(open(&inner)?, inner)))
}

/// Opens the segments of a state directory to read them, whoever else uses it and whosever it is.
pub(super) fn look(path: &Path) -> Result<Directory, JournalError> {
    let inner = path.join(SEGMENTS);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = fs::open(&inner, flags, Mode::empty()).map_err(|error| JournalError::Directory {
        path: path.to_owned(),
        error: error.into(),
    })?;
    Ok(Directory::new(fd, inner))
}

fn open(path: &Path) -> Result<OwnedFd, JournalError> {
    let failed = |error: Errno| JournalError::Directory {
        path: path.to_owned(),
        error: error.into(),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let link = fs::lstat(path).map_err(failed)?;
    if fs::FileType::from_raw_mode(link.st_mode) == fs::FileType::Symlink {
        return Err(JournalError::Link(path.to_owned()));
    }
    let fd = fs::open(path, flags, Mode::empty()).map_err(failed)?;
    // Asked of what was opened, not of what the name means by now.
    let found = fs::fstat(&fd).map_err(failed)?;
    let ours = rustix::process::geteuid().as_raw();
    if found.st_uid != ours {
        return Err(JournalError::Owner {
            path: path.to_owned(),
            owner: found.st_uid,
            ours,
        });
    }
    let mode = Mode::from_raw_mode(found.st_mode);
    if mode.intersects(Mode::RWXG | Mode::RWXO) {
        return Err(JournalError::Wide {
            path: path.to_owned(),
            mode: mode.as_raw_mode(),
        });
    }
    Ok(fd)
}

fn lock(state: &OwnedFd, path: &Path) -> Result<Lock, JournalError> {
    let failed = |error: io::Error| JournalError::Directory {
        path: path.join("lock"),
        error,
    };
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = fs::openat(state, "lock", flags, Mode::RUSR | Mode::WUSR)
        .map_err(|error| failed(error.into()))?;
    let mut file = File::from(fd);
    match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            // Who it is only helps the message: it may just be writing its name.
            let _ = (&file).take(20).read_to_string(&mut holder);
            return Err(JournalError::Locked {
                path: path.to_owned(),
                holder: holder.trim().parse().ok(),
            });
        }
        Err(error) => return Err(failed(error.into())),
    }
    // The lock is the flock; the number in it is for people and may be missing on a full disk.
    let _ = file.set_len(0);
    let _ = writeln!(file, "{}", std::process::id());
    Ok(Lock { _file: file })
}
