//! What is kept of a run, so that it can go on: one file of lines, each on the disk before anything that depends on it begins.
//!
//! The first line names the workflow by its hash and holds what the run was given, the others are its records. A last line
//! that is torn was not told to anybody, and is cut off.

use crate::clock::Wall;
use crate::ids;
use crate::workflow::exec::{Record, Records};
use crate::workflow::value::Dict;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The folder, in the state directory.
const FOLDER: &str = "flows";

/// Why a run's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptFault {
    /// The disk said no.
    #[error("cannot keep the run in {}: {error}", file.display())]
    Io {
        /// Where.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is no such run.
    #[error("there is no run `{run}` in {}: `tollgate flow run` names its run when it begins", folder.display())]
    Unknown {
        /// As it was asked for.
        run: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// It is not one of ours.
    #[error("{}:{line}: not a line of a run: {message}", file.display())]
    Garbled {
        /// Where.
        file: PathBuf,
        /// Which line.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// It was another workflow.
    #[error(
        "run `{run}` was begun with another workflow (its hash was {was}, now it is {is}): what it has done cannot be taken over"
    )]
    OtherFlow {
        /// Which run.
        run: String,
        /// The hash it was begun with.
        was: String,
        /// The one of now.
        is: String,
    },
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    run: String,
    flow: String,
    hash: String,
    inputs: crate::workflow::value::Value,
}

/// A run's file.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    head: Head,
    records: Vec<Record>,
    file: Mutex<Option<File>>,
    is_new: bool,
}

impl Kept {
    /// Of a new run. Nothing is written yet.
    pub(super) fn new(
        state_dir: &Path,
        at: Wall,
        flow: &str,
        hash: &str,
        inputs: Dict,
    ) -> Result<Self, KeptFault> {
        let mut random = [0; 16];
        let folder = state_dir.join(FOLDER);
        getrandom::fill(&mut random).map_err(|error| KeptFault::Io {
            file: folder.clone(),
            error: io::Error::other(error.to_string()),
        })?;
        let run = ids::written("run_", at, u128::from_le_bytes(random));
        Ok(Self {
            path: folder.join(format!("{run}.jsonl")),
            head: Head {
                run,
                flow: flow.to_owned(),
                hash: hash.to_owned(),
                inputs: crate::workflow::value::Value::Dict(inputs),
            },
            records: Vec::new(),
            file: Mutex::new(None),
            is_new: true,
        })
    }

    /// Of a run that is gone on with.
    pub(super) fn again(state_dir: &Path, run: &str, hash: &str) -> Result<Self, KeptFault> {
        let folder = state_dir.join(FOLDER);
        let unknown = || KeptFault::Unknown {
            run: run.to_owned(),
            folder: folder.clone(),
        };
        let is_name = run
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if !is_name || run.is_empty() {
            return Err(unknown());
        }
        let path = folder.join(format!("{run}.jsonl"));
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => unknown(),
            _ => KeptFault::Io {
                file: path.clone(),
                error,
            },
        })?;
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        let garbled = |line: usize, message: String| KeptFault::Garbled {
            file: path.clone(),
            line,
            message,
        };
        let mut lines = text.get(..whole).unwrap_or_default().lines().enumerate();
        let (_, first) = lines.next().unwrap_or_default();
        let head: Head =
            serde_json::from_str(first).map_err(|error| garbled(1, error.to_string()))?;
        if head.hash != hash {
            return Err(KeptFault::OtherFlow {
                run: run.to_owned(),
                was: head.hash,
                is: hash.to_owned(),
            });
        }
        let mut records = Vec::new();
        for (number, line) in lines {
            let record = serde_json::from_str(line);
            records.push(record.map_err(|error| garbled(number + 1, error.to_string()))?);
        }
        if whole < text.len() {
            let cut = OpenOptions::new().write(true).open(&path);
            let length = u64::try_from(whole).unwrap_or(u64::MAX);
            cut.and_then(|file| file.set_len(length))
                .map_err(|error| KeptFault::Io {
                    file: path.clone(),
                    error,
                })?;
        }
        Ok(Self {
            path,
            head,
            records,
            file: Mutex::new(None),
            is_new: false,
        })
    }

    /// Opens the file, and begins it where it is new.
    pub(super) fn begin(&mut self) -> Result<(), KeptFault> {
        let opened = (|| {
            if let Some(folder) = self.path.parent() {
                crate::config::private_folder(folder)?;
            }
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&self.path)?;
            if self.is_new {
                append(&mut file, &self.head)?;
            }
            Ok(file)
        })();
        let file = opened.map_err(|error| KeptFault::Io {
            file: self.path.clone(),
            error,
        })?;
        self.file = Mutex::new(Some(file));
        Ok(())
    }

    /// The run's name.
    pub(super) fn run(&self) -> &str {
        &self.head.run
    }

    /// What it was given.
    pub(super) fn inputs(&self) -> Dict {
        match &self.head.inputs {
            crate::workflow::value::Value::Dict(entries) => entries.clone(),
            _ => Dict::new(),
        }
    }

    /// What it has done.
    pub(super) fn records(&self) -> Records {
        self.records.iter().cloned().collect()
    }

    /// Keeps one more: it is on the disk when this returns.
    pub(super) fn add(&self, record: &Record) -> io::Result<()> {
        let mut file = self
            .file
            .lock()
            .map_err(|_| io::Error::other("an earlier write broke off"))?;
        match &mut *file {
            Some(file) => append(file, record),
            None => Err(io::Error::other("the run has not begun")),
        }
    }
}

fn append(file: &mut File, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::exec::Spent;
    use crate::workflow::value::Value;

    fn record(step: &str) -> Record {
        Record {
            step: step.to_owned(),
            node: "n".to_owned(),
            writes: Value::dict([("x", Value::Float(1.0))]),
            spent: Spent::default(),
        }
    }

    #[test]
    fn what_was_kept_is_there_again_but_for_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let inputs: Dict = [("a".to_owned(), Value::Int(1))].into_iter().collect();
        let mut kept = Kept::new(
            folder.path(),
            crate::clock::now().wall,
            "f",
            "h",
            inputs.clone(),
        )
        .unwrap();
        kept.begin().unwrap();
        kept.add(&record("0")).unwrap();
        kept.add(&record("1")).unwrap();
        let mut file = OpenOptions::new().append(true).open(&kept.path).unwrap();
        file.write_all(b"{\"step\":\"2\",\"no").unwrap();
        let run = kept.run().to_owned();
        let mut again = Kept::again(folder.path(), &run, "h").unwrap();
        assert_eq!((again.inputs(), again.records().len()), (inputs, 2));
        again.begin().unwrap();
        again.add(&record("2")).unwrap();
        let third = Kept::again(folder.path(), &run, "h").unwrap();
        assert_eq!(third.records, [record("0"), record("1"), record("2")]);
    }

    #[test]
    fn what_cannot_be_gone_on_with_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = Kept::new(
            folder.path(),
            crate::clock::now().wall,
            "f",
            "h",
            Dict::new(),
        )
        .unwrap();
        kept.begin().unwrap();
        let told = |run: &str, hash: &str| Kept::again(folder.path(), run, hash).unwrap_err();
        assert!(matches!(
            told(kept.run(), "other"),
            KeptFault::OtherFlow { .. }
        ));
        assert!(matches!(told("run_x", "h"), KeptFault::Unknown { .. }));
        assert!(matches!(told("../x", "h"), KeptFault::Unknown { .. }));
        let mut file = OpenOptions::new().append(true).open(&kept.path).unwrap();
        file.write_all(b"no\n").unwrap();
        assert!(matches!(
            told(kept.run(), "h"),
            KeptFault::Garbled { line: 2, .. }
        ));
    }
}
