//! Following a log as it grows, across rotations.
//!
//! Only whole lines are taken: the end of a line that is just being written may yet be cut off and written anew. When the
//! file is renamed, what is left in it comes first, then the files numbered after it, then the new current one.

use super::files::{CURRENT, numbered};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Most bytes taken at once.
const PIECE: usize = 1 << 20;

/// Somebody who reads a log's lines as they come.
#[derive(Debug)]
pub struct Follower {
    dir: PathBuf,
    file: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    inode: u64,
    /// Where the first line not taken yet begins.
    next: u64,
}

impl Open {
    fn at(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let inode = file.metadata()?.ino();
        Ok(Some(Self {
            file,
            inode,
            next: 0,
        }))
    }

    /// Takes whole lines, their ends included.
    fn take(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        let mut piece = vec![0; PIECE];
        let count = self.file.read_at(&mut piece, self.next)?;
        let end = memchr::memrchr(b'\n', piece.get(..count).unwrap_or_default());
        let whole = end.map_or(0, |end| end + 1);
        out.extend_from_slice(piece.get(..whole).unwrap_or_default());
        self.next += whole as u64;
        Ok(whole)
    }
}

impl Follower {
    /// Follows the log in `dir` from its end on.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn from_end(dir: &Path) -> io::Result<Self> {
        let mut file = Open::at(&dir.join(CURRENT))?;
        if let Some(open) = &mut file {
            let (_, torn) = super::files::last_line(&open.file)?;
            open.next = open.file.metadata()?.len().saturating_sub(torn);
        }
        Ok(Self {
            dir: dir.to_owned(),
            file,
        })
    }

    /// Appends the lines that came since, their ends included; none if there are none yet.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn take(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        loop {
            // Looked at before the file is read to its end: a file that has another name by then gets nothing more.
            let now = std::fs::metadata(self.dir.join(CURRENT)).map(|found| found.ino());
            if let Some(open) = &mut self.file {
                while open.take(out)? > 0 {}
                if now.is_ok_and(|inode| inode == open.inode) {
                    return Ok(());
                }
            }
            match self.after()? {
                Some(next) => self.file = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// The file after the one that was read to its end.
    fn after(&self) -> io::Result<Option<Open>> {
        let current = self.dir.join(CURRENT);
        let Some(done) = &self.file else {
            return Open::at(&current);
        };
        let inode = |path: &PathBuf| path.metadata().map(|found| found.ino()).ok();
        let numbered = numbered(&self.dir);
        let at = numbered
            .iter()
            .position(|path| inode(path) == Some(done.inode));
        // A file that is gone was older than all that are left.
        let later = numbered.get(at.map_or(0, |at| at + 1));
        let next = Open::at(later.unwrap_or(&current))?;
        Ok(next.filter(|next| next.inode != done.inode))
    }
}
