//! The store of keys that commands change: `keys.yaml` in the state directory.
//!
//! It holds digests only: who reads it can call nobody. It is written anew and put in place of the old file in one step, so
//! that a gateway watching it sees the old keys or the new ones and nothing between; a lock beside it keeps two commands
//! from losing one another's change.
//!
//! Not here: what a key means (`governance::settings`), making secrets and talking to people (`cli`).

use super::document::Document;
use super::fault::Faults;
use super::read::Reader;
use super::settings::{KeyStore, Settings};
use crate::governance::identity::Digest;
use crate::governance::settings::{KeySettings, LabelSettings};
use crate::settings::Report;
use serde_json::json;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

const HEAD: &str = "# Virtual keys made by `tollgate key`, as digests: the secrets were shown once and are kept nowhere.
# `tollgate key` writes this file anew, comments are lost; a running gateway follows it.
";

/// Why the store cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It is there and not right.
    #[error("{0}")]
    Faulty(#[from] Faults),
    /// It holds a secret, and rewriting it could lose where that comes from.
    #[error(
        "key `{key}` in `{file}` has a `secret`, and this file holds digests only: put `hash:` in its place, as `tollgate key hash` prints it"
    )]
    HoldsSecret {
        /// The file.
        file: String,
        /// The key.
        key: String,
    },
    /// What was asked for is no key.
    #[error("{0}")]
    NotAKey(String),
    /// The disk does not play along.
    #[error("cannot write `{file}`: {cause}")]
    Disk {
        /// The file.
        file: String,
        /// Why.
        cause: io::Error,
    },
}

/// The store, as long as a command works on it.
#[derive(Debug)]
pub struct KeyFile {
    file: PathBuf,
    /// The keys.
    pub keys: Vec<KeySettings>,
    /// Held by the one command that may change the file.
    _lock: Option<File>,
}

impl KeyFile {
    /// Reads the store; one that is not there is empty.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(file: &Path) -> Result<Self, Faults> {
        let mut reader = Reader::new(&[]);
        let mut keys = Vec::new();
        if file.exists()
            && let Some(root) = reader.yaml(file, None)
        {
            let mut document = Document::new(root, &mut reader);
            keys = document.settings::<KeyStore>(&mut reader).keys;
            document.finish(&mut reader);
        }
        reader.places.finish()?;
        Ok(Self {
            file: file.to_owned(),
            keys,
            _lock: None,
        })
    }

    /// Reads the store to change it: nobody else does until this value is dropped. Makes its folder if need be.
    ///
    /// # Errors
    /// It is faulty, holds secrets, or cannot be locked.
    pub fn open(file: &Path) -> Result<Self, KeyFileError> {
        let disk = |cause| KeyFileError::Disk {
            file: file.display().to_string(),
            cause,
        };
        if let Some(folder) = file.parent() {
            private_folder(folder).map_err(disk)?;
        }
        let lock = options()
            .create(true)
            .truncate(false)
            .open(file.with_extension("lock"))
            .map_err(disk)?;
        lock.lock().map_err(disk)?;
        let store = Self::read(file)?;
        if let Some(key) = store.keys.iter().find(|key| key.secret.is_some()) {
            return Err(KeyFileError::HoldsSecret {
                file: file.display().to_string(),
                key: key.name.clone(),
            });
        }
        Ok(Self {
            _lock: Some(lock),
            ..store
        })
    }

    /// Puts these keys in place of those on disk, in one step and for the owner alone.
    ///
    /// # Errors
    /// A key is none, or the disk does not play along; then the file is as it was.
    pub fn save(&self) -> Result<(), KeyFileError> {
        self.check()?;
        write_private(&self.file, &render(&self.keys)).map_err(|cause| KeyFileError::Disk {
            file: self.file.display().to_string(),
            cause,
        })
    }

    /// Whether a gateway would read from the file what is meant here.
    fn check(&self) -> Result<(), KeyFileError> {
        let complaints = RefCell::default();
        for key in &self.keys {
            key.compile(&Report::new(&complaints));
        }
        if let Some(complaint) = complaints.take().into_iter().next() {
            let help = complaint
                .help
                .map_or_else(String::new, |help| format!("\n  help: {help}"));
            return Err(KeyFileError::NotAKey(format!(
                "{}: {}{help}",
                complaint.path.join("."),
                complaint.message
            )));
        }
        let text = render(&self.keys);
        let mut reader = Reader::new(&[]);
        let (_, root) = reader.text(&self.file, &text);
        let read = root.map(|root| {
            let mut document = Document::new(root, &mut reader);
            let store: KeyStore = document.settings(&mut reader);
            document.finish(&mut reader);
            render(&store.keys)
        });
        reader.places.finish()?;
        if read.as_deref() == Some(&text) {
            Ok(())
        } else {
            // A text that would be read as a reference (`file:…`, `${…}`).
            Err(KeyFileError::NotAKey(
                "a name, label or model cannot begin with `file:` or hold `${`".to_owned(),
            ))
        }
    }
}

/// A file as written, references resolved, no layers. What is wrong with it is for `load` to tell.
#[must_use]
pub fn as_written(file: &Path, env: &[(String, String)]) -> Settings {
    let mut reader = Reader::new(env);
    let Some(root) = reader.yaml(file, None) else {
        return Settings::default();
    };
    let mut document = Document::new(root, &mut reader);
    document.settings(&mut reader)
}

/// `sha256:…` of a secret, as `hash:` takes it.
#[must_use]
pub fn digest_of(secret: &str) -> String {
    Digest::of(secret.as_bytes()).to_string()
}

impl super::Config {
    /// The name of the key that has this secret.
    #[must_use]
    pub fn key_with_secret(&self, secret: &str) -> Option<&str> {
        let digest = Digest::of(secret.as_bytes());
        let key = self.keys.iter().find(|key| key.digest == digest)?;
        Some(&key.name)
    }
}

/// Every text is written as JSON writes it, which YAML reads as the same text.
fn render(keys: &[KeySettings]) -> String {
    let mut text = HEAD.to_owned();
    if keys.is_empty() {
        text.push_str("keys: []\n");
        return text;
    }
    text.push_str("keys:\n");
    for key in keys {
        let _ = writeln!(text, "  - name: {}", json!(key.name));
        for (name, value) in [
            ("hash", key.hash.as_ref().map(|hash| json!(hash))),
            ("labels", labels(&key.labels)),
            ("models", key.models.as_ref().map(|models| json!(models))),
            (
                "expires",
                key.expires.as_ref().map(|expires| json!(expires)),
            ),
            ("disabled", key.disabled.then_some(json!(true))),
        ] {
            if let Some(value) = value {
                let _ = writeln!(text, "    {name}: {value}");
            }
        }
    }
    text
}

fn labels(labels: &LabelSettings) -> Option<serde_json::Value> {
    let mut map = serde_json::Map::new();
    for (name, value) in [
        ("org", &labels.org),
        ("team", &labels.team),
        ("project", &labels.project),
        ("agent", &labels.agent),
        ("user", &labels.user),
    ] {
        if let Some(value) = value {
            map.insert(name.to_owned(), json!(value));
        }
    }
    if !labels.groups.is_empty() {
        map.insert("groups".to_owned(), json!(labels.groups));
    }
    (!map.is_empty()).then_some(serde_json::Value::Object(map))
}

/// Makes a folder, and those it is in, closed to others; one that is there stays as it is.
///
/// # Errors
/// Those of the file system.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    builder.create(folder)
}

/// Writes a file closed to others and puts it in place in one step.
///
/// # Errors
/// Those of the file system; then what was there still is.
pub fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let temporary = file.with_extension(format!("new-{}", std::process::id()));
    let written = options()
        .create(true)
        .truncate(true)
        .open(&temporary)
        .and_then(|mut open| {
            open.write_all(text.as_bytes())?;
            open.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, file));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
        return written;
    }
    // The new name, too, is to survive a power cut; a file system that cannot say so has done what it can.
    if let Some(folder) = file.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> KeySettings {
        KeySettings {
            name: name.to_owned(),
            hash: Some(digest_of(name)),
            ..KeySettings::default()
        }
    }

    #[test]
    fn the_store_reads_back_what_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/keys.yaml");
        let mut store = KeyFile::open(&file).unwrap();
        store.keys = vec![
            key("plain"),
            KeySettings {
                labels: LabelSettings {
                    team: Some("red: \"#1\"".to_owned()),
                    groups: vec!["a".to_owned(), "b".to_owned()],
                    ..LabelSettings::default()
                },
                models: Some(vec!["gpt-*".to_owned()]),
                expires: Some("2027-01-31".to_owned()),
                disabled: true,
                ..key("full")
            },
        ];
        store.save().unwrap();
        let again = KeyFile::read(&file).unwrap();
        assert_eq!(render(&again.keys), render(&store.keys));
    }

    #[test]
    fn a_key_that_reads_as_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = KeyFile::open(&folder.path().join("keys.yaml")).unwrap();
        store.keys = vec![KeySettings {
            models: Some(vec!["file:/etc/hostname".to_owned()]),
            ..key("sly")
        }];
        assert!(store.save().is_err());
        assert!(!folder.path().join("keys.yaml").exists());
    }

    #[test]
    fn a_store_with_a_secret_is_not_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.yaml");
        write_private(&file, "keys: [ { name: a, secret: \"tg-1\" } ]\n").unwrap();
        let error = KeyFile::open(&file).unwrap_err();
        assert!(error.to_string().contains("key `a`"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn the_store_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let store = KeyFile::open(&state.join("keys.yaml")).unwrap();
        store.save().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state), 0o700);
        assert_eq!(mode(&state.join("keys.yaml")), 0o600);
    }
}
