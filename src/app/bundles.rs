//! Bundles of policies: a panel checks them by the engine of its gateways.
//!
//! Not here: reading and compiling (`policies`).

use super::policies::today;
use super::workshop::diagnosed;
use crate::clock;
use crate::config;
use crate::config::policy::{Surroundings, assemble_texts};
use crate::control::service::Fault;
use crate::control::service::bundles::{Checked, Checker};
use crate::lease::bundle::Files;
use std::path::Path;
use std::sync::Arc;

/// Checks policies as `tollgate policy check` does: every fault, and what comes of their tests. Prices and budgets are each
/// gateway's own, so here every model has a price.
pub(crate) fn checker() -> Checker {
    Arc::new(|files: &Files| {
        let texts = files.iter();
        let texts = texts.map(|(path, text)| (Path::new(path), text.as_bytes()));
        let today = today(clock::now().wall);
        let loaded = assemble_texts(texts, &Surroundings::default(), today).loaded;
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
