//! Policies made live: read, tried by their own tests, and swapped in whole with what they need to look at texts.
//!
//! A bad file changes nothing: the policies in force stay, and `/status`, the log and a metric say what is wrong and where.
//! Every revision that was in force is kept beside the ledgers, so that `tollgate policy rollback` can bring it back.
//!
//! Not here: what policies decide (`governance::policy`), when files are read again (`live`).

use super::bundles::{self, Ordered};
use super::history::History;
use crate::clock::Wall;
use crate::config::policy::{
    Compiled, Format, Loaded, Report, Surroundings, Trusted, assemble_with, bundled,
};
use crate::config::{Config, resolve, write_private};
use crate::governance::budget::Absent;
use crate::governance::guard::Cache;
use crate::governance::guard::cache::DEFAULT_CAPACITY;
use crate::governance::guard::redact::{Hosts, ScopeKeys, Types};
use crate::governance::identity::{Key, Label, Selector};
use crate::governance::limit::Limit;
use crate::governance::policy::place::Place;
use crate::governance::policy::{Caller, Policies, Request};
use crate::lease::bundle::Order;
use crate::pattern::Pattern;
use crate::pipeline::{BodyKey, Elsewhere, Guards};
use crate::secret::Secret;
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What outlives an edit of the policies.
#[derive(Debug)]
pub(super) struct Police {
    secret: Secret<Vec<u8>>,
    cache: Arc<Cache>,
    history: Mutex<Option<History>>,
    /// What `${NAME}` stands for in headers of `consult:`. `None`: nobody is asked or told from here.
    env: Option<Vec<(String, String)>>,
}

/// Policies in force, and what to watch for changes.
#[derive(Debug, Clone, Default)]
pub(super) struct InForce {
    pub(super) guards: Option<Arc<Guards>>,
    pub(super) revision: Box<str>,
    pub(super) files: Vec<PathBuf>,
    /// The panel's bundle among them.
    pub(super) bundle: Option<Arc<Order>>,
    /// Why it is not the one that was ordered last.
    pub(super) bundle_fault: Option<String>,
}

/// Why policies cannot be used: everything that is wrong, as a text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

impl Police {
    /// Opens the gateway's secret for names of values, or makes one.
    pub(super) fn open(state_dir: &Path, env: Vec<(String, String)>) -> anyhow::Result<Self> {
        let secret = secret(&state_dir.join("guard.key"))?;
        Ok(Self {
            secret,
            cache: Arc::new(Cache::new(random()?, DEFAULT_CAPACITY)),
            history: Mutex::new(Some(History::open(&state_dir.join("policies")))),
            env: Some(env),
        })
    }

    /// For a look beside a running gateway: a secret of the moment, and nothing is kept.
    pub(super) fn passing() -> anyhow::Result<Self> {
        Ok(Self {
            secret: Secret::new(random::<32>()?.to_vec()),
            cache: Arc::new(Cache::new(random()?, DEFAULT_CAPACITY)),
            history: Mutex::new(None),
            env: None,
        })
    }

    /// Reads the policies a configuration names, and the panel's beside them. A bundle that cannot be used leaves the last one
    /// in its place.
    pub(super) fn load(
        &self,
        config: &Config,
        ordered: &Ordered,
        now: Wall,
    ) -> Result<InForce, Unusable> {
        let newest = ordered.newest.as_ref();
        let fault = match self.together(config, newest, now) {
            Ok(in_force) => return Ok(in_force),
            Err(fault) => fault,
        };
        if newest == ordered.last.as_ref() {
            return Err(fault);
        }
        // If the own files are at fault, they are so beside the last bundle, too.
        Ok(InForce {
            bundle_fault: Some(fault.to_string()),
            ..self.together(config, ordered.last.as_ref(), now)?
        })
    }

    fn together(
        &self,
        config: &Config,
        bundle: Option<&Arc<Order>>,
        now: Wall,
    ) -> Result<InForce, Unusable> {
        let around = surroundings(config);
        let shipped = bundle.map(|order| bundles::files(order));
        let assembled = assemble_with(
            &config.policies,
            &shipped.unwrap_or_default(),
            &Trusted::running(),
            &around,
            today(now),
        );
        let mut files = config.policies.clone();
        let on_disk = assembled.loaded.names.iter();
        files.extend(on_disk.filter(|name| !bundled::is(name)).cloned());
        let revision = assembled.loaded.revision.clone();
        let (names, texts) = (
            assembled.loaded.names.clone(),
            assembled.loaded.texts.clone(),
        );
        let compiled = assembled
            .usable()
            .map_err(|loaded| Unusable(told(&loaded)))?;
        let guards = match compiled {
            Some(compiled) => {
                let elsewhere = self.elsewhere(&compiled.policies, &names, &texts, &mut files)?;
                Some(Arc::new(self.guards(compiled, elsewhere)))
            }
            None => None,
        };
        if guards.is_some() {
            let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = history
                .as_mut()
                .map(|history| history.keep(&revision, &names, &texts));
            if let Some(Err(error)) = kept {
                tracing::warn!(%error, "this revision of the policies could not be kept for a rollback");
            }
        }
        Ok(InForce {
            guards,
            revision,
            files,
            bundle: bundle.cloned(),
            bundle_fault: None,
        })
    }

    /// Whom policies ask and tell, with their secrets; files that hold some are added to those that are watched.
    fn elsewhere(
        &self,
        policies: &Policies,
        names: &[PathBuf],
        texts: &[String],
        files: &mut Vec<PathBuf>,
    ) -> Result<Elsewhere, Unusable> {
        let Some(env) = &self.env else {
            return Ok(Elsewhere::default());
        };
        let mut resolve = |place: Place, text: &str| {
            let name = names.get(usize::from(place.file));
            if name.is_some_and(|name| bundled::is(name)) {
                return for_bundle(text, env);
            }
            let folder = name.and_then(|name| name.parent());
            let (text, read) = resolve(text, folder.unwrap_or(Path::new("")), env)?;
            files.extend(read);
            Ok(text)
        };
        Elsewhere::compile(policies, self.secret.expose(), &mut resolve).map_err(|diagnostics| {
            let report = Report {
                diagnostics: &diagnostics,
                names,
                texts,
            };
            Unusable(report.render(Format::Text))
        })
    }

    fn guards(&self, compiled: Compiled, elsewhere: Elsewhere) -> Guards {
        let Compiled {
            policies,
            catalogue,
            ..
        } = compiled;
        let custom: Vec<&str> = policies.custom_kinds().iter().map(AsRef::as_ref).collect();
        Guards {
            types: Arc::new(Types::new(&custom)),
            hosts: Arc::new(Hosts::default()),
            body_key: BodyKey::derive(self.secret.expose()),
            scopes: ScopeKeys::new(self.secret.clone()),
            cache: self.cache.clone(),
            headers: policies.headers_read(),
            elsewhere,
            catalogue,
            policies,
        }
    }
}

/// What a reference in a bundle stands for. Whoever may roll out policies is not who may read this machine's files and
/// credentials: of its environment a bundle sees what is meant for it, and of its files none.
fn for_bundle(text: &str, env: &[(String, String)]) -> Result<String, String> {
    const MEANT: &str = "TOLLGATE_POLICY_";
    if text.trim_start().starts_with("file:") {
        return Err("policies of the panel read no file of this machine".to_owned());
    }
    let meant = env.iter().filter(|(name, _)| name.starts_with(MEANT));
    let meant: Vec<_> = meant.cloned().collect();
    let (text, _) = resolve(text, Path::new(""), &meant).map_err(|fault| {
        format!("{fault} (policies of the panel see only variables whose names begin with {MEANT})")
    })?;
    Ok(text)
}

/// Bytes nobody can guess.
fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("no random numbers")?;
    Ok(bytes)
}

/// What a configuration says that policies are checked against.
pub(super) fn surroundings(config: &Config) -> Surroundings {
    let aliases = config.routes.iter().map(|route| route.pattern.as_str());
    Surroundings {
        models: config
            .prices
            .models()
            .into_iter()
            .chain(aliases.filter(|name| !name.contains('*')))
            .map(str::to_owned)
            .collect(),
        hard_budget: config.budgets.iter().any(|budget| budget.enforce),
    }
}

/// The day it is, in UTC.
pub(super) fn today(now: Wall) -> jiff::civil::Date {
    jiff::Timestamp::from_second(now.secs()).map_or(jiff::civil::Date::MIN, |time| {
        time.to_zoned(jiff::tz::TimeZone::UTC).date()
    })
}

/// Everything that is wrong, as on a terminal.
pub(super) fn told(loaded: &Loaded) -> String {
    loaded.report().render(Format::Text)
}

/// The rates that policies set, for each virtual key: one limit for all keys that share its figures.
pub(super) fn limits(policies: &Policies, keys: &[Key], now: Wall) -> Vec<Limit> {
    let mut groups: BTreeMap<(u64, u64, u64), Vec<Pattern>> = BTreeMap::new();
    for key in keys {
        let request = Request {
            caller: Caller::of(key),
            now,
            ..Request::default()
        };
        let limits = policies.decide(&request).limits;
        let figure = |cap: Option<crate::governance::policy::Cap>| cap.map_or(0, |cap| cap.value);
        let figures = (
            figure(limits.rpm),
            figure(limits.tpm),
            figure(limits.concurrency),
        );
        if figures != (0, 0, 0) {
            groups
                .entry(figures)
                .or_default()
                .push(Pattern::new(&key.name));
        }
    }
    let narrow = |figure: u64| NonZeroU32::new(u32::try_from(figure).unwrap_or(u32::MAX));
    let limit = |((rpm, tpm, concurrency), names)| Limit {
        name: format!("policy-{rpm}-{tpm}-{concurrency}").into(),
        selector: Selector(vec![(Label::Key, names)]),
        per: Some(Label::Key),
        absent: Absent::default(),
        rpm: narrow(rpm),
        tpm: NonZeroU64::new(tpm),
        concurrency: narrow(concurrency),
    };
    groups.into_iter().map(limit).collect()
}

/// The secret in a file of ours, made if there is none: 64 hexadecimal digits.
fn secret(path: &Path) -> anyhow::Result<Secret<Vec<u8>>> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().len() == 64 => return Ok(Secret::new(text.trim().into())),
        Ok(_) => anyhow::bail!(
            "`{}` is damaged: it should hold 64 digits. Remove it to have another made (names of replaced values change)",
            path.display()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
        }
    }
    let mut text = String::with_capacity(64);
    for byte in random::<32>()? {
        let _ = write!(text, "{byte:02x}");
    }
    write_private(path, &format!("{text}\n"))
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(Secret::new(text.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_sees_of_this_machine_what_is_meant_for_it() {
        let env = [
            ("OPENAI_API_KEY", "sk-secret"),
            ("TOLLGATE_POLICY_HOOK", "hunter2"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let resolved = |text: &str| for_bundle(text, &env);
        assert_eq!(
            resolved("Bearer ${TOLLGATE_POLICY_HOOK}").as_deref(),
            Ok("Bearer hunter2")
        );
        assert_eq!(resolved("plain").as_deref(), Ok("plain"));
        for text in [
            "${OPENAI_API_KEY}",
            "file:/etc/passwd",
            " file:guard.key",
            "x ${HOME}",
        ] {
            let refused = resolved(text).expect_err(text);
            assert!(!refused.contains("sk-secret"), "{refused}");
        }
    }
}
