//! Faults: what is wrong, where, and what to do about it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// One thing wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, or `environment:NAME` or `flag:PATH`.
    pub file: PathBuf,
    /// The line, from 1; 0 where there are no lines (an environment variable, a file that cannot be read).
    pub line: u32,
    /// The column in characters, from 1; 0 where there are no lines.
    pub column: u32,
    /// A stable name for this kind of fault.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Fault {
    /// Where it is, as `file:line:col`.
    #[must_use]
    pub fn place(&self) -> String {
        if self.line == 0 {
            self.file.display().to_string()
        } else {
            format!("{}:{}:{}", self.file.display(), self.line, self.column)
        }
    }

    /// Whether it is the reading itself that failed.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.code == UNREADABLE
    }
}

/// The code of a file that cannot be read at all.
pub(super) const UNREADABLE: &str = "unreadable";

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Everything wrong with a configuration, sorted by place; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// Which of the texts read, by its place in [`Places`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SourceId(u16);

impl SourceId {
    /// The text of this number: for texts that are counted elsewhere.
    pub(super) const fn nth(number: u16) -> Self {
        Self(number)
    }

    /// Its number.
    pub(super) const fn number(self) -> u16 {
        self.0
    }
}

/// A place in one of the texts read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub source: SourceId,
    pub line: u32,
    pub column: u32,
}

impl Place {
    /// The text as a whole.
    pub(super) const fn whole(source: SourceId) -> Self {
        Self {
            source,
            line: 0,
            column: 0,
        }
    }

    /// Where a text begins.
    pub(super) const fn start(source: SourceId) -> Self {
        Self {
            source,
            line: 1,
            column: 1,
        }
    }
}

/// The texts read and what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Places {
    names: Vec<PathBuf>,
    /// What relative file names in each of them are relative to.
    folders: Vec<PathBuf>,
    faults: Vec<Fault>,
}

impl Places {
    /// A text to read, by the name people know it by.
    pub(super) fn add(&mut self, name: &Path, folder: &Path) -> SourceId {
        // Bounded by the caller: at most a few hundred files and variables are ever read.
        let id = SourceId(u16::try_from(self.names.len()).unwrap_or(u16::MAX));
        self.names.push(name.to_owned());
        self.folders.push(folder.to_owned());
        id
    }

    pub(super) fn name(&self, source: SourceId) -> &Path {
        self.names
            .get(usize::from(source.0))
            .map_or(Path::new(""), PathBuf::as_path)
    }

    /// What a file name written in `source` means.
    pub(super) fn resolve(&self, source: SourceId, written: &Path) -> PathBuf {
        match self.folders.get(usize::from(source.0)) {
            Some(folder) => folder.join(written),
            None => written.to_owned(),
        }
    }

    pub(super) fn fault(
        &mut self,
        place: Place,
        code: &'static str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.faults.push(Fault {
            file: self.name(place.source).to_owned(),
            line: place.line,
            column: place.column,
            code,
            message: message.into(),
            help,
        });
    }

    /// Nothing, or everything that was wrong, in the order of the texts and within them.
    pub(super) fn finish(self) -> Result<(), Faults> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let order = |fault: &Fault| {
            let source = self.names.iter().position(|name| *name == fault.file);
            (source, fault.line, fault.column)
        };
        let mut faults = self.faults.clone();
        faults.sort_by_key(order);
        faults.dedup();
        Err(Faults(faults))
    }
}

/// A remedy: the known name nearest to `given`, or, where none is near, all of them.
pub(super) fn suggest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    const MANY: usize = 12;
    let known: BTreeSet<&str> = known.into_iter().collect();
    let lower = given.to_ascii_lowercase();
    let near = known
        .iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&lower, &name.to_ascii_lowercase()),
                *name,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        // A third of the letters may be wrong; more is another word.
        .filter(|(distance, name)| *distance <= name.chars().count().max(3) / 3);
    match near {
        Some((_, name)) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() || known.len() > MANY => None,
        None => {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            Some(format!("known here: {}", names.join(", ")))
        }
    }
}
