//! Policy files on disk: which there are, and whether what they say may be trusted.
//!
//! Whoever can change a policy rules this gate. So a file is opened first and then asked what it is, never the other way
//! round: a regular file of root or the running user that nobody else may write. Symbolic links are followed, since
//! Kubernetes mounts files through two of them, but only to what lies below the path the configuration names; on the way
//! there no step is a link any more, so none can be put in between.
//!
//! Not here: what files say (`load`).

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, open, openat};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// A larger file is refused.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// More files than this are not policies but a mistaken path.
const MAX_FILES: usize = 1_024;
/// Folders within folders, at most.
const MAX_DEPTH: usize = 16;

/// Whose files are trusted.
#[derive(Debug, Clone)]
pub struct Trusted {
    users: Vec<u32>,
}

impl Trusted {
    /// Root and the user this process runs as.
    #[must_use]
    pub fn running() -> Self {
        Self::users(vec![0, rustix::process::geteuid().as_raw()])
    }

    /// These users, by number.
    #[must_use]
    pub const fn users(users: Vec<u32>) -> Self {
        Self { users }
    }
}

/// What is wrong with a file or folder as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: &'static str,
    pub message: String,
    pub help: Option<String>,
    /// Whether it is the reading itself that failed.
    pub unreadable: bool,
}

impl Refusal {
    fn new(message: impl Into<String>, help: impl Into<Option<String>>) -> Self {
        Self {
            code: "TG006",
            message: message.into(),
            help: help.into(),
            unreadable: false,
        }
    }

    /// A pack nobody ships.
    pub(super) fn no_pack(name: &str) -> Self {
        let known = super::packs::PACKS.iter().map(|(known, _)| *known);
        let (near, others) = super::scalar::near(name, known);
        Self {
            unreadable: true,
            ..Self::new(
                format!("there is no pack `{}`{near}", super::scalar::shown(name)),
                others,
            )
        }
    }

    fn unreadable(error: &io::Error) -> Self {
        Self {
            unreadable: true,
            ..Self::new(format!("cannot be read: {error}"), None)
        }
    }
}

/// A file that was found.
#[derive(Debug)]
pub(super) struct Found {
    /// As the configuration names it, or below what it names.
    pub name: PathBuf,
    /// What it says, or why it is not asked.
    pub content: Result<Vec<u8>, Refusal>,
}

/// Every policy file at these paths, in their order, those of a folder sorted by name. A file that two paths lead to is
/// read once.
pub(super) fn read_all(paths: &[PathBuf], trusted: &Trusted) -> Vec<Found> {
    let mut search = Search {
        trusted,
        seen: BTreeSet::new(),
        found: Vec::new(),
    };
    for path in paths {
        search.path(path);
    }
    search.found
}

struct Search<'a> {
    trusted: &'a Trusted,
    /// Every file and folder met, by its path without links.
    seen: BTreeSet<PathBuf>,
    found: Vec<Found>,
}

impl Search<'_> {
    fn refuse(&mut self, name: &Path, refusal: Refusal) {
        self.found.push(Found {
            name: name.to_owned(),
            content: Err(refusal),
        });
    }

    /// A path the configuration names.
    fn path(&mut self, path: &Path) {
        let is_folder = match std::fs::metadata(path) {
            Ok(metadata) => metadata.is_dir(),
            Err(error) => return self.refuse(path, Refusal::unreadable(&error)),
        };
        // A file's links may lead to what lies beside it, a folder's to what lies in it.
        let named = match path.parent() {
            _ if is_folder => path,
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => path,
        };
        match named.canonicalize() {
            Ok(root) if is_folder => self.folder(path, &root, &root, 0),
            Ok(root) => self.file(path, &root),
            Err(error) => self.refuse(path, Refusal::unreadable(&error)),
        }
    }

    /// The files below a folder: `name` as people know it, `real` without links.
    fn folder(&mut self, name: &Path, real: &Path, root: &Path, depth: usize) {
        if !self.seen.insert(real.to_owned()) {
            return;
        }
        if depth > MAX_DEPTH {
            let message = format!("folders within folders, more than {MAX_DEPTH} of them");
            return self.refuse(name, Refusal::new(message, None));
        }
        let mut names = match std::fs::read_dir(real).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<io::Result<Vec<_>>>()
        }) {
            Ok(names) => names,
            Err(error) => return self.refuse(name, Refusal::unreadable(&error)),
        };
        names.sort();
        for entry in names {
            // Hidden ones, and with them `..data` and its like: what Kubernetes' links lead through.
            if entry.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = name.join(&entry);
            let real = match real.join(&entry).canonicalize() {
                Ok(real) => real,
                // A link to nowhere is not a policy unless it is called one.
                Err(error) if is_policy(&path) => {
                    self.refuse(&path, Refusal::unreadable(&error));
                    continue;
                }
                Err(_) => continue,
            };
            if real.is_dir() {
                if real.starts_with(root) {
                    self.folder(&path, &real, root, depth.saturating_add(1));
                } else {
                    self.refuse(&path, outside(&real));
                }
            } else if is_policy(&path) {
                self.file(&path, root);
            }
        }
    }

    fn file(&mut self, name: &Path, root: &Path) {
        if self.found.len() >= MAX_FILES {
            if self.found.len() == MAX_FILES {
                let message = format!("more than {MAX_FILES} policy files");
                let help = "does `policies` name the right folder?".to_owned();
                self.refuse(name, Refusal::new(message, help));
            }
            return;
        }
        let real = match name.canonicalize() {
            Ok(real) => real,
            Err(error) => return self.refuse(name, Refusal::unreadable(&error)),
        };
        let Ok(below) = real.strip_prefix(root) else {
            return self.refuse(name, outside(&real));
        };
        if self.seen.insert(real.clone()) {
            let content = read(root, below, name, self.trusted);
            self.found.push(Found {
                name: name.to_owned(),
                content,
            });
        }
    }
}

/// Whether a file is a policy by its name.
fn is_policy(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn outside(real: &Path) -> Refusal {
    Refusal::new(
        format!(
            "a symbolic link leads out of its folder, to `{}`",
            real.display()
        ),
        "put the file itself there, or name the other folder in `policies`".to_owned(),
    )
}

/// The content of the file at `below`, step by step from `root`, none of them a link.
fn read(root: &Path, below: &Path, name: &Path, trusted: &Trusted) -> Result<Vec<u8>, Refusal> {
    let failed = |error: Errno| Refusal::unreadable(&io::Error::from(error));
    let step = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder =
        open(root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
    let mut steps = below.components().peekable();
    while let Some(Component::Normal(part)) = steps.next() {
        if steps.peek().is_some() {
            folder = openat(&folder, part, step, Mode::empty()).map_err(failed)?;
            continue;
        }
        // A pipe nobody writes to must not stop the gate.
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&folder, part, how, Mode::empty()).map_err(failed)?;
        vouch(&fstat(&file).map_err(failed)?, name, trusted)?;
        let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        File::from(file)
            .take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| Refusal::unreadable(&error))?;
        return Ok(bytes);
    }
    Err(Refusal::new("this is not a regular file", None))
}

/// Whether an open file is one to trust.
fn vouch(stat: &Stat, name: &Path, trusted: &Trusted) -> Result<(), Refusal> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Refusal::new("this is not a regular file", None));
    }
    let name = name.display();
    if !trusted.users.contains(&stat.st_uid) {
        return Err(Refusal::new(
            format!(
                "belongs to user {}, who is neither root nor the user tollgate runs as",
                stat.st_uid
            ),
            format!("chown root {name}"),
        ));
    }
    let mode = stat.st_mode & 0o777;
    if mode & 0o022 != 0 {
        return Err(Refusal::new(
            format!("can be changed by others (mode {mode:04o}): whoever can, rules this gate"),
            format!("chmod go-w {name}"),
        ));
    }
    Ok(())
}
