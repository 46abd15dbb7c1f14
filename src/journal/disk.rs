//! What the journal asks of a disk, small enough to be replaced by one that fails on demand.
//!
//! Every name is opened relative to the journal's own directory and never through a symbolic link.
//!
//! Invariant: after an error on a file it is never written again; the writer starts another one.

use rustix::fs::{self, AtFlags, FallocateFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

/// One directory of segments.
pub(super) trait Disk: Send {
    /// The names in it.
    fn list(&self) -> io::Result<Vec<String>>;
    /// All of a file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    /// A new, empty file with room for `size` bytes where the file system can promise it.
    fn create(&self, name: &str, size: u64) -> io::Result<Box<dyn Tape>>;
    /// Gives a file another name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Shortens a file, durably.
    fn cut(&self, name: &str, len: u64) -> io::Result<()>;
    /// Makes creations, renames and removals durable.
    fn sync(&self) -> io::Result<()>;
    /// Where a file is, for messages.
    fn path(&self, name: &str) -> PathBuf;
}

/// A file that is only ever appended to.
pub(super) trait Tape: Send {
    /// Writes behind what was written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes it durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// The disk of this machine.
pub(super) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// A directory that was opened and found to be ours.
    pub(super) const fn new(fd: OwnedFd, path: PathBuf) -> Self {
        Self { fd, path }
    }

    fn open(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(File::from(fd))
    }
}

impl Disk for Directory {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.fd)? {
            // A name that is no text is none of ours.
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(name, OFlags::RDONLY)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, name: &str, size: u64) -> io::Result<Box<dyn Tape>> {
        let file = self.open(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        match fs::fallocate(&file, FallocateFlags::empty(), 0, size) {
            // Without the promise a sync is dearer and a full disk shows later: slower, not less safe.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Box::new(Appended { file, len: 0 }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(fs::renameat(&self.fd, from, &self.fd, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    fn cut(&self, name: &str, len: u64) -> io::Result<()> {
        let file = self.open(name, OFlags::WRONLY)?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn sync(&self) -> io::Result<()> {
        Ok(fs::fsync(&self.fd)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

struct Appended {
    file: File,
    len: u64,
}

impl Tape for Appended {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.len)?;
        self.len = self.len.saturating_add(bytes.len() as u64);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
pub(super) mod memory;
