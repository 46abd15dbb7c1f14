//! Bundles of policies on both sides: a panel checks them by the engine of its gateways, a gateway puts them in force.
//!
//! What the panel orders is tried together with the gateway's own files, and swapped in with them, whole. What cannot be used
//! changes nothing: the bundle that was in force stays, and the panel, `/status`, the log and a metric say why.
//!
//! Not here: whom to believe and what is kept (`lease::client`), reading and compiling (`policies`).

use super::policies::today;
use super::workshop::{diagnosed, with_addresses};
use crate::clock;
use crate::config::policy::{Surroundings, assemble_texts, bundled};
use crate::config::{self, Config};
use crate::control::service::Fault;
use crate::control::service::bundles::{Checked, Checker};
use crate::lease::bundle::{Files, Order};
use crate::lease::client::Bundles;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Checks policies as `tollgate policy check` does: every fault, and what comes of their tests. Prices and budgets are each
/// gateway's own, so here every model has a price.
pub(crate) fn checker() -> Checker {
    Arc::new(|files: &Files| {
        let texts = files.iter();
        let texts = texts.map(|(path, text)| (Path::new(path), text.as_bytes()));
        let today = today(clock::now().wall);
        let assembled = assemble_texts(texts, &Surroundings::default(), today);
        let loaded = with_addresses(assembled).loaded;
        let (faults, warnings) = diagnosed(&loaded);
        Checked {
            revision: loaded.revision.into(),
            faults: faults.into_iter().map(|one| told("error", one)).collect(),
            warnings: warnings
                .into_iter()
                .map(|one| told("warning", one))
                .collect(),
        }
    })
}

fn told(severity: &str, fault: config::Fault) -> Fault {
    let place = fault.place();
    let help = fault.help.map(|help| format!(" (help: {help})"));
    let detail = format!(
        "{severity}[{}]: {}{}",
        fault.code,
        fault.message,
        help.unwrap_or_default()
    );
    Fault::new(place, detail)
}

/// The bundles that a gateway may run: what was ordered last, and what was in force last.
#[derive(Debug, Clone, Default)]
pub(super) struct Ordered {
    pub(super) newest: Option<Arc<Order>>,
    pub(super) last: Option<Arc<Order>>,
}

impl Ordered {
    /// What a gateway of this configuration runs, as its state directory has it, for a look beside it.
    pub(super) fn beside(config: &Config) -> Self {
        let panel = config.panel.as_ref();
        let kept = panel.and_then(|panel| Bundles::peek(panel, &config.state_dir));
        Self {
            newest: kept.clone(),
            last: kept,
        }
    }
}

/// The files of an order, each under the name it has on this machine.
pub(super) fn files(order: &Order) -> Vec<(PathBuf, String)> {
    let files = order.files.iter().flatten();
    files
        .map(|(path, text)| (bundled::name(order.version, path), text.clone()))
        .collect()
}
