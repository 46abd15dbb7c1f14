//! The panel's vault in a running gateway: which credentials its providers want, and what is told of them.
//!
//! Not here: what is held (`lease::client::vault`), how a plan comes into force (`live`).

use super::panel::Borrowing;
use crate::clock;
use crate::gateway::admin::{CredentialStatus, VaultStatus};
use crate::lease::client::{ItemReading, Vault};
use crate::lease::vault::Why;
use crate::provider::settings::Provider;
use crate::provider::upstream::Shown;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What these providers want of the vault.
pub(super) fn wanted(providers: &[Provider]) -> BTreeSet<String> {
    let names = providers.iter().filter_map(Provider::in_vault);
    names.map(ToString::to_string).collect()
}

/// What is shown to providers, by its name in the vault. It stands beside every plan: what is held changes while calls are made,
/// and no plan that cannot be made keeps it from doing so.
#[derive(Debug, Default)]
pub(super) struct Window(Mutex<BTreeMap<Arc<str>, Arc<Shown>>>);

impl Window {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Shown>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is shown under a name, now and whenever it changes.
    fn of(&self, vault: &Vault, name: &Arc<str>) -> Arc<Shown> {
        let mut all = self.all();
        let shown = all.entry(name.clone()).or_default();
        show(vault, name, shown);
        shown.clone()
    }

    /// Shows what is held now.
    pub(super) fn dress(&self, vault: &Vault) {
        let mut all = self.all();
        // Those that no plan shows any more go.
        all.retain(|_, shown| Arc::strong_count(shown) > 1);
        for (name, shown) in all.iter() {
            show(vault, name, shown);
        }
    }
}

fn show(vault: &Vault, name: &Arc<str>, shown: &Shown) {
    if let Err(error) = shown.show(vault.secret(name).as_ref()) {
        tracing::error!(name = %name, %error, "what the control panel's vault has cannot be shown to a provider");
    }
}

impl Borrowing {
    /// A plan with these providers is in force.
    pub(super) fn serves(&self, providers: &[Provider]) {
        self.handle.vault().want(wanted(providers));
        self.applied();
    }

    /// What the vault has for a provider, now and whenever it changes.
    pub(super) fn shown(&self, provider: &Provider) -> Option<Arc<Shown>> {
        Some(self.vault.of(self.handle.vault(), provider.in_vault()?))
    }

    /// Whether everything that is wanted of the vault is here.
    pub(super) fn has_credentials(&self) -> bool {
        self.handle.vault().is_whole()
    }

    /// What `/status` tells.
    pub(super) fn vault_status(&self) -> Option<VaultStatus> {
        let reading = self.handle.vault().reading(clock::now().wall);
        (!reading.items.is_empty()).then(|| VaultStatus {
            revision: reading.revision.to_string(),
            credentials: reading.items.into_iter().map(told).collect(),
            error: reading.error,
        })
    }
}

fn told(item: ItemReading) -> CredentialStatus {
    let why = match (item.held, item.missing) {
        (Some(_), None) => None,
        (Some(_), Some(_)) => {
            Some("the panel cannot read it now: what is here is good until its end")
        }
        (None, Some(Why::NotForYou)) => {
            Some("there is none of this name, or it is not for this gateway")
        }
        (None, Some(Why::Unreadable)) => {
            Some("the panel cannot open it: it has not the key, or what it kept is damaged")
        }
        (None, Some(Why::Unknown)) => Some("the panel does not give it"),
        (None, None) => Some("the panel was not heard yet, or not in time"),
    };
    CredentialStatus {
        name: item.name,
        held: item.held.is_some(),
        version: item.held.map(|(version, _)| version.to_string()),
        expires_in_s: item.held.map(|(_, left)| left.as_secs()),
        why: why.map(str::to_owned),
    }
}
