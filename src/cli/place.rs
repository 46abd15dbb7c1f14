//! Which gateway a command is about: a configuration file, or the state directory of `tollgate up`.
//!
//! Named by nothing, it is `tollgate.yaml` where there is one, else the state directory `.tollgate`: the same that `serve`
//! and `up` take when nothing is named.

use super::up;
use crate::config::{self, Sources};
use std::path::{Path, PathBuf};

/// The configuration taken when none is named.
pub(super) const DEFAULT_FILE: &str = "tollgate.yaml";
/// The state directory taken when none is named.
pub(super) const DEFAULT_STATE: &str = ".tollgate";

/// Which gateway.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Place {
    /// The gateway's configuration [default: tollgate.yaml, if it is there]
    #[arg(short, long, value_name = "FILE", conflicts_with = "state_dir")]
    config: Option<PathBuf>,
    /// The gateway's state directory [default: that of `tollgate up`, .tollgate]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// A gateway that was found.
#[derive(Debug)]
pub(super) enum Gate {
    /// By its configuration.
    File(PathBuf),
    /// By its state directory.
    State(PathBuf),
}

impl Place {
    /// The gateway with this configuration.
    #[cfg(test)]
    pub(super) fn of_file(file: PathBuf) -> Self {
        Self {
            config: Some(file),
            state_dir: None,
        }
    }

    /// The gateway with this state directory.
    #[cfg(test)]
    pub(super) fn of_state(dir: PathBuf) -> Self {
        Self {
            config: None,
            state_dir: Some(dir),
        }
    }

    /// Whether it was named at all.
    pub(super) const fn is_named(&self) -> bool {
        self.config.is_some() || self.state_dir.is_some()
    }

    /// The gateway a command is about.
    pub(super) fn gate(&self, env: &[(String, String)]) -> Gate {
        match (&self.config, &self.state_dir) {
            (Some(file), _) => Gate::File(file.clone()),
            (None, Some(state)) => Gate::State(state.clone()),
            (None, None) if Path::new(DEFAULT_FILE).is_file() => {
                Gate::File(PathBuf::from(DEFAULT_FILE))
            }
            (None, None) => Gate::State(state_dir(None, env)),
        }
    }
}

impl Gate {
    /// What its configuration comes from.
    pub(super) fn sources(&self, env: Vec<(String, String)>) -> Sources {
        match self {
            Self::File(file) => Sources {
                file: Some(file.clone()),
                env,
                ..Sources::default()
            },
            Self::State(state) => up::sources(state, Vec::new(), env),
        }
    }

    /// Its own file, in which keys may be written by hand, and its state directory.
    pub(super) fn files(
        &self,
        env: &[(String, String)],
    ) -> Result<(PathBuf, PathBuf), config::Faults> {
        match self {
            Self::File(file) => {
                let state = config::load(&self.sources(env.to_vec()))?.state_dir;
                Ok((file.clone(), state))
            }
            Self::State(state) => Ok((state.join(up::FILE), state.clone())),
        }
    }
}

/// The state directory: named, or by the environment, or the usual one.
pub(super) fn state_dir(named: Option<PathBuf>, env: &[(String, String)]) -> PathBuf {
    named.unwrap_or_else(|| {
        PathBuf::from(value(env, "TOLLGATE__STATE_DIR").unwrap_or(DEFAULT_STATE))
    })
}

/// The value of a variable, if it has one.
pub(super) fn value<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let (_, value) = env.iter().find(|(known, _)| known == name)?;
    (!value.is_empty()).then_some(value)
}
