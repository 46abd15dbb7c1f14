//! Whole configurations: read, layered, checked as one, and every fault told at once.
//!
//! Built-in defaults < file < `TOLLGATE__SECTION__KEY` variables < flags. What each key means is the business of the room it
//! configures (`settings.rs` there); this room reads files, keeps places, and checks what concerns several rooms. A
//! [`Config`] exists only without a fault, and never changes.
//!
//! Not here: swapping a running configuration (`app`), the clock: a price book is not asked whether its day has come.

mod compile;
mod decode;
mod document;
mod fault;
pub mod flow;
mod keys;
mod layer;
mod litellm;
mod panel;
pub mod policy;
mod prices;
mod read;
mod settings;
mod watch;
mod yaml;

pub use crate::control::settings::Control;
pub use fault::{Fault, Faults};
pub use keys::{KeyFile, KeyFileError, as_written, digest_of, private_folder, write_private};
pub use litellm::{Fate, Imported, Note, Variable, import as import_litellm};
pub use panel::{is_panel, load_panel};
pub use prices::{
    Audit, Changed, Comparison, Part, audit as audit_prices, compare as compare_prices,
};
pub use read::resolve;
pub use settings::{KeyStore, Settings, config_schema, panel_schema, prices_schema};
pub use watch::{Prepared, WatchError, Watcher, prepare};

pub use crate::governance::pricing::PriceBook;
pub use crate::governance::settings::{KeySettings, LabelSettings, WindowSettings};

use crate::gateway::settings::{Gateway, Listen};
use crate::governance::budget::Budget;
use crate::governance::identity::Key;
use crate::governance::limit::Limit;
use crate::governance::pricing::UnknownPrice;
use crate::journal::settings::Journal;
use crate::lease::settings::Panel;
use crate::provider::settings::{Provider, Retries, Route, Timeouts};
use crate::telemetry::settings::Decisions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// One loaded configuration: all of it checked, none of it ever changed.
#[derive(Debug, Clone)]
pub struct Config {
    /// The first twelve hexadecimal digits of a digest of all that was read.
    pub revision: Box<str>,
    /// Every file that was read, or would have been had it been there: what to watch.
    pub files: Vec<PathBuf>,
    /// Where the door stands.
    pub listen: Vec<Listen>,
    /// Where metrics and health are.
    pub admin_listen: Option<SocketAddr>,
    /// Where ledgers and keys are kept.
    pub state_dir: PathBuf,
    /// The door.
    pub gateway: Gateway,
    /// How long each part of a call may take.
    pub timeouts: Timeouts,
    /// Repeating failed calls.
    pub retries: Retries,
    /// Who answers the calls.
    pub providers: Vec<Provider>,
    /// Which model goes where; the first that covers a call wins.
    pub routes: Vec<Route>,
    /// Who may call.
    pub keys: Vec<Key>,
    /// What may be spent.
    pub budgets: Vec<Budget>,
    /// How much at a time.
    pub limits: Vec<Limit>,
    /// What calls cost.
    pub prices: PriceBook,
    /// What to do with a call whose model has no price.
    pub unknown_price: UnknownPrice,
    /// How durable the ledgers' memory is.
    pub journal: Journal,
    /// The control panel that budgets are borrowed from.
    pub panel: Option<Panel>,
    /// Policy files, folders of them, and packs.
    pub policies: Vec<PathBuf>,
    /// The decision log.
    pub decisions: Decisions,
}

/// Where a configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file.
    pub file: Option<PathBuf>,
    /// The environment: what `${NAME}` stands for, and the `TOLLGATE__…` layer.
    pub env: Vec<(String, String)>,
    /// Flags, by dotted path; of two the later wins.
    pub flags: Vec<(String, String)>,
    /// What holds where nothing was written.
    pub fallbacks: Vec<Fallback>,
    /// A file that is in memory already, and the name to show for it; goes before `file`.
    pub text: Option<(PathBuf, String)>,
    /// The store of keys made by commands, read if it is there. `None`: `keys.yaml` in the state directory, unless the
    /// configuration is a `text`.
    pub keys_file: Option<PathBuf>,
}

/// A value that holds as long as nobody wrote anything it gives way to, in any layer.
#[derive(Debug, Clone)]
pub struct Fallback {
    /// The setting, by dotted path.
    pub path: String,
    /// Its value.
    pub value: String,
    /// The settings it gives way to.
    pub unless: Vec<String>,
}

/// Loads a configuration.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(sources: &Sources) -> Result<Config, Faults> {
    compile::load(sources)
}

/// Checks a price book alone.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_prices(file: &Path) -> Result<PriceBook, Faults> {
    prices::check(file)
}

/// Whether a file is a price book rather than a configuration, by its keys. A file without any of either is a configuration.
#[must_use]
pub fn is_price_book(file: &Path) -> bool {
    prices::is_book(file)
}

/// The environment of this process: the one place that reads it. Variables that are not text are left out.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests;
