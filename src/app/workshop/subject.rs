//! Which policies a command is about, and what they are held against.

use crate::app::policies::{surroundings, today};
use crate::clock;
use crate::config::policy::{Assembled, Loaded, Surroundings, Trusted, assemble, packs};
use crate::config::{self, Config, Fault, Faults, Sources};
use crate::governance::guard::{Kind, Level};
use crate::governance::policy::place::{Diagnostic, Severity};
use crate::governance::policy::settings::Site;
use crate::governance::policy::{Mutation, mutate};
use crate::pipeline::Elsewhere;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Policies a command is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Files, folders of them, and packs.
    pub paths: Vec<PathBuf>,
    /// The configuration they are held against. Without one every model has a price and no budget refuses.
    pub config: Option<Config>,
}

impl Subject {
    /// The policies at these paths; without paths those the configuration names.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(paths: &[PathBuf], sources: Option<&Sources>) -> Result<Self, Faults> {
        let config = sources.map(config::load).transpose()?;
        let named = config.as_ref().map(|config| config.policies.clone());
        let paths = if paths.is_empty() {
            named.unwrap_or_default()
        } else {
            paths.to_vec()
        };
        Ok(Self { paths, config })
    }

    /// What the policies are held against.
    #[must_use]
    pub fn surroundings(&self) -> Surroundings {
        self.config.as_ref().map(surroundings).unwrap_or_default()
    }

    /// Reads, checks, compiles and tests them.
    #[must_use]
    pub fn assemble(&self) -> Assembled {
        let today = today(clock::now().wall);
        let assembled = assemble(
            &self.paths,
            &Trusted::running(),
            &self.surroundings(),
            today,
        );
        with_addresses(assembled)
    }
}

/// Adds what is wrong with addresses that policies name, as far as it can be told away from the gateway.
pub(in crate::app) fn with_addresses(mut assembled: Assembled) -> Assembled {
    if let Some(compiled) = &assembled.compiled {
        let found = Elsewhere::faults(&compiled.policies);
        if !found.is_empty() {
            assembled.loaded.add(found);
            assembled.compiled = None;
        }
    }
    assembled
}

/// Changes each rule in turn and asks the tests whether they notice. `progress` is told how many are done, of how many.
///
/// # Errors
/// The tests that fail already: then nothing can be learnt.
pub fn mutations(
    assembled: &Assembled,
    progress: impl FnMut(usize, usize),
) -> Result<Mutation, Vec<Diagnostic>> {
    let Some(compiled) = &assembled.compiled else {
        return Err(assembled.loaded.diagnostics.clone());
    };
    let detect = |_: Site, text: &str| -> Vec<(Kind, Level)> {
        let found = compiled.catalogue.scan(text);
        found.iter().map(|one| (one.kind, one.level)).collect()
    };
    let names = assembled.loaded.names.iter();
    let names: Vec<String> = names.map(|name| name.display().to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    mutate(&assembled.loaded.files, &names, &detect, progress)
}

/// What is wrong with policies, in the form of what is wrong with configurations: errors, then warnings.
#[must_use]
pub fn diagnosed(loaded: &Loaded) -> (Vec<Fault>, Vec<Fault>) {
    let fault = |one: &Diagnostic| Fault {
        file: name_of(loaded, one.place.file),
        line: one.place.line,
        column: one.place.column,
        code: if loaded.unreadable
            && one.code == "TG006"
            && one.message.starts_with("cannot be read")
        {
            "unreadable"
        } else {
            one.code
        },
        message: one.message.clone(),
        help: one.help.clone(),
    };
    let (errors, warnings): (Vec<_>, Vec<_>) = loaded
        .diagnostics
        .iter()
        .partition(|one| one.severity == Severity::Error);
    (
        errors.into_iter().map(fault).collect(),
        warnings.into_iter().map(fault).collect(),
    )
}

fn name_of(loaded: &Loaded, file: u16) -> PathBuf {
    let name = loaded.names.get(usize::from(file)).cloned();
    name.unwrap_or_else(|| PathBuf::from("?"))
}

/// The most of a file that is looked at to tell what it is.
const LOOKED_AT: u64 = 1 << 20;

/// Keys only a policy has.
const OF_POLICIES: [&str; 15] = [
    "version",
    "scope",
    "lists",
    "windows",
    "defaults",
    "rules",
    "redact",
    "patterns",
    "injection",
    "taint",
    "breakers",
    "consult",
    "capture",
    "overrides",
    "tests",
];
/// Keys only a configuration or a price book has.
const OF_OTHERS: [&str; 8] = [
    "providers",
    "listen",
    "models",
    "keys",
    "policies",
    "prices",
    "state_dir",
    "revision",
];

/// Whether a path is a policy, a folder of policies or a pack, rather than a configuration or a price book: a file is told
/// by the keys at its left margin.
#[must_use]
pub fn is_policy(path: &Path) -> bool {
    if packs::named(path).is_some() || path.is_dir() {
        return true;
    }
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut text));
    if read.is_err() {
        return false;
    }
    let text = String::from_utf8_lossy(&text);
    let keys: Vec<&str> = text
        .lines()
        .filter_map(|line| Some(line.split_once(':')?.0.trim_end()))
        .collect();
    let any = |of: &[&str]| keys.iter().any(|key| of.contains(key));
    any(&OF_POLICIES) && !any(&OF_OTHERS)
}

/// Writes a file in one step, so that whoever watches it sees the old text or the new one: beside it first, with the modes
/// it has, then in its place. Where the path is a link, what it leads to is written.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut beside = path.clone().into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = (|| {
        let mut file = File::create(&beside)?;
        if let Ok(old) = fs::metadata(&path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
