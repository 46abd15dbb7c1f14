//! Reading: files within a bound, their permissions, and the references in values.
//!
//! Whatever is read is remembered: which files, so that they can be watched, and a digest of all bytes, which is the
//! revision of the configuration.

use super::decode::about;
use super::fault::{Place, Places, SourceId, UNREADABLE, suggest};
use super::yaml::{self, Kind, Node, Scalar, Style};
use crate::settings::Path as Setting;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// What was read so far.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) places: Places,
    pub(super) files: Vec<PathBuf>,
    digest: Sha256,
    env: BTreeMap<&'a str, &'a str>,
    /// Of each file on disk, who may look into it.
    open: Vec<(SourceId, u32)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(env: &'a [(String, String)]) -> Self {
        Self {
            places: Places::default(),
            files: Vec::new(),
            digest: Sha256::new(),
            env: env
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            open: Vec::new(),
        }
    }

    /// The first twelve hexadecimal digits of the digest of all that was read.
    pub(super) fn revision(&self) -> Box<str> {
        let digest = self.digest.clone().finalize();
        let mut revision = String::new();
        for byte in digest.iter().take(6) {
            let _ = write!(revision, "{byte:02x}");
        }
        revision.into()
    }

    /// Counts bytes in the revision, their length first, so that no two readings run into one another.
    pub(super) fn count(&mut self, bytes: &[u8]) {
        self.digest.update(bytes.len().to_le_bytes());
        self.digest.update(bytes);
    }

    /// A YAML file on disk. Its own faults are at `file`; that it cannot be read at all is a fault at `named`, if given.
    pub(super) fn yaml(&mut self, file: &Path, named: Option<Place>) -> Option<Node> {
        let source = self
            .places
            .add(file, file.parent().unwrap_or(Path::new("")));
        self.watch(file);
        let (bytes, metadata) = match read(file) {
            Ok(read) => read,
            Err(error) => {
                let message = format!("cannot read `{}`: {error}", file.display());
                match named {
                    Some(place) => self.places.fault(place, "missing_file", message, None),
                    None => self
                        .places
                        .fault(Place::whole(source), UNREADABLE, message, None),
                }
                return None;
            }
        };
        self.permissions(source, &metadata);
        self.count(&bytes);
        if bytes.trim_ascii().is_empty() {
            // An editor that saves in place leaves a file empty for a moment: that must not set everything back to its default.
            let message = format!("`{}` is empty", file.display());
            let help = "write `{}` where nothing is to be set".to_owned();
            let place = Place::whole(source);
            self.places.fault(place, "empty_file", message, Some(help));
            return None;
        }
        self.parse(&bytes, source)
    }

    /// A YAML text that is in memory already.
    pub(super) fn text(&mut self, name: &Path, text: &str) -> (SourceId, Option<Node>) {
        let source = self
            .places
            .add(name, name.parent().unwrap_or(Path::new("")));
        self.count(text.as_bytes());
        (source, self.parse(text.as_bytes(), source))
    }

    fn parse(&mut self, bytes: &[u8], source: SourceId) -> Option<Node> {
        match std::str::from_utf8(bytes) {
            Ok(text) => yaml::parse(text, source, &mut self.places),
            Err(error) => {
                let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let good = String::from_utf8_lossy(good);
                let line = good.matches('\n').count() + 1;
                let column = good.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                let place = Place {
                    source,
                    line: number(line),
                    column: number(column),
                };
                self.places
                    .fault(place, "not_utf8", "not UTF-8 text from here on", None);
                None
            }
        }
    }

    pub(super) fn watch(&mut self, file: &Path) {
        if !self.files.iter().any(|known| known == file) {
            self.files.push(file.to_owned());
        }
    }

    #[cfg(unix)]
    fn permissions(&mut self, source: SourceId, metadata: &Metadata) {
        use std::os::unix::fs::MetadataExt as _;
        let mode = metadata.mode() & 0o777;
        self.open.push((source, mode));
        if mode & 0o022 != 0 {
            let name = self.places.name(source).display().to_string();
            let message = format!(
                "`{name}` can be changed by others (mode {mode:04o}): whoever can, rules this gate"
            );
            self.places.fault(
                Place::whole(source),
                "writable_by_others",
                message,
                Some(format!("chmod go-w {name}")),
            );
        }
    }

    #[cfg(not(unix))]
    fn permissions(&mut self, _: SourceId, _: &Metadata) {}

    /// A secret written at `path` must not stand in a file that others may read.
    pub(super) fn secret(&mut self, root: &Node, path: &[&str]) {
        let path: Setting = path.iter().map(|step| (*step).into()).collect();
        let (node, steps) = root.walk(&path);
        let Kind::Scalar(Scalar {
            style: Style::Plain | Style::Quoted,
            text,
        }) = &node.kind
        else {
            return;
        };
        if steps < path.len() || text.is_empty() {
            return;
        }
        let source = node.place.source;
        let Some(found) = self
            .open
            .iter()
            .position(|(known, mode)| *known == source && mode & 0o077 != 0)
        else {
            return;
        };
        // Once for each file is enough.
        let (_, mode) = self.open.swap_remove(found);
        let name = self.places.name(source).display().to_string();
        let message = about(
            &path,
            &format!("a secret in a file that others may read (mode {mode:04o})"),
        );
        let help = format!("chmod 600 {name}, or refer to it: \"${{NAME}}\" or file:PATH");
        self.places
            .fault(node.place, "readable_secret", message, Some(help));
    }

    /// Puts what references stand for in their place. Settings with a broken one are added to `faulted`.
    pub(super) fn references(
        &mut self,
        node: &mut Node,
        path: &mut Setting,
        faulted: &mut HashSet<Setting>,
    ) {
        match &mut node.kind {
            Kind::Scalar(scalar) => {
                if let Some(fault) = self.reference(scalar, node.place) {
                    let message = about(path, &fault.message);
                    self.places
                        .fault(node.place, fault.code, message, fault.help);
                    faulted.insert(path.clone());
                }
            }
            Kind::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    path.push(index.to_string().into());
                    self.references(item, path, faulted);
                    path.pop();
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    path.push(entry.key.as_str().into());
                    self.references(&mut entry.value, path, faulted);
                    path.pop();
                }
            }
        }
    }

    fn reference(&mut self, scalar: &mut Scalar, place: Place) -> Option<Broken> {
        let file = scalar.text.strip_prefix("file:").map(str::to_owned);
        let text = file.as_deref().unwrap_or(&scalar.text);
        let expanded = if text.contains("${") {
            match self.expand(text) {
                Ok(text) => Some(text),
                Err(broken) => return Some(broken),
            }
        } else {
            None
        };
        let Some(file) = file else {
            if let Some(text) = expanded {
                *scalar = Scalar {
                    text,
                    style: Style::Given,
                };
            }
            return None;
        };
        let file = self
            .places
            .resolve(place.source, Path::new(&expanded.unwrap_or(file)));
        self.watch(&file);
        let text = read(&file).and_then(|(bytes, _)| {
            self.count(&bytes);
            String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))
        });
        match text {
            Ok(mut text) => {
                // One line break at the end is the editor's, not the value's.
                if text.ends_with('\n') {
                    text.pop();
                    if text.ends_with('\r') {
                        text.pop();
                    }
                }
                *scalar = Scalar {
                    text,
                    style: Style::Given,
                };
                None
            }
            Err(error) => Some(Broken {
                code: "missing_file",
                message: format!("cannot read `{}`: {error}", file.display()),
                help: None,
            }),
        }
    }

    /// Puts variables in the place of `${NAME}`; `$${` is `${` itself. What a variable holds is not looked into again.
    fn expand(&self, text: &str) -> Result<String, Broken> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, after) = rest.split_at(at);
            let after = after.strip_prefix("${").unwrap_or(after);
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
            out.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                return Err(Broken {
                    code: "bad_reference",
                    message: "`${` without its `}`".to_owned(),
                    help: Some("for the characters themselves, write `$${`".to_owned()),
                });
            };
            let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !starts_well
                || !name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                return Err(Broken {
                    code: "bad_reference",
                    message: "what stands between `${` and `}` is not the name of a variable"
                        .to_owned(),
                    help: Some("for the characters themselves, write `$${`".to_owned()),
                });
            }
            let Some(value) = self.env.get(name) else {
                let near =
                    suggest(name, self.env.keys().copied()).filter(|help| help.starts_with("did"));
                return Err(Broken {
                    code: "unset_variable",
                    message: format!("the environment variable `{name}` is not set"),
                    help: near
                        .or_else(|| Some(format!("export {name}=…, or remove what needs it"))),
                });
            };
            out.push_str(value);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// What a value outside a configuration stands for, if it is a reference (`${NAME}`, or `file:PATH` from `folder`), and
/// the files that were read for it.
///
/// # Errors
/// It leads nowhere: why, and what to do about it.
pub fn resolve(
    text: &str,
    folder: &Path,
    env: &[(String, String)],
) -> Result<(String, Vec<PathBuf>), String> {
    let mut reader = Reader::new(env);
    let source = reader.places.add(folder, folder);
    let mut scalar = Scalar {
        text: text.to_owned(),
        style: Style::Quoted,
    };
    match reader.reference(&mut scalar, Place::whole(source)) {
        None => Ok((scalar.text, reader.files)),
        Some(broken) => Err(match broken.help {
            Some(help) => format!("{}: {help}", broken.message),
            None => broken.message,
        }),
    }
}

/// A reference that leads nowhere.
struct Broken {
    code: &'static str,
    message: String,
    help: Option<String>,
}

/// The content of a file, within the bound, and what the system says of it.
pub(super) fn read(file: &Path) -> io::Result<(Vec<u8>, Metadata)> {
    let opened = File::open(file)?;
    let metadata = opened.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    let most = u64::try_from(yaml::MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    opened
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() > yaml::MAX_BYTES {
        return Err(io::Error::other(format!("it is larger than {most} bytes")));
    }
    Ok((bytes, metadata))
}
