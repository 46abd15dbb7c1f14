//! The panel's vault in a running gateway: which credentials its providers want, and what is told of them.
//!
//! Not here: what is held (`lease::client::vault`), how a plan comes into force (`live`).

use super::panel::Borrowing;
use crate::clock;
use crate::gateway::admin::{CredentialStatus, VaultStatus};
use crate::lease::client::ItemReading;
use crate::lease::vault::Why;
use crate::provider::settings::Provider;
use crate::secret::Secret;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

/// What these providers want of the vault.
pub(super) fn wanted(providers: &[Provider]) -> BTreeSet<String> {
    let names = providers.iter().filter_map(Provider::in_vault);
    names.map(ToString::to_string).collect()
}

/// Which of the vault's contents is in the plan.
#[derive(Debug, Default)]
pub(super) struct Applied(AtomicU64);

impl Applied {
    /// A plan is being made of what is held now.
    pub(super) fn is(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    /// Whether the plan is of something else.
    pub(super) fn differs(&self, number: u64) -> bool {
        self.0.load(Ordering::Relaxed) != number
    }
}

impl Borrowing {
    /// Says what a plan with these providers wants, and that it is made of what is held now.
    pub(super) fn plan_with(&self, providers: &[Provider]) {
        let vault = self.handle.vault();
        // Noted first: what comes while the plan is made makes another one.
        self.vault.is(vault.number());
        vault.want(wanted(providers));
    }

    /// What the vault has for a provider.
    pub(super) fn credential(&self, provider: &Provider) -> Option<Secret<String>> {
        self.handle.vault().secret(provider.in_vault()?)
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
        (None, Some(Why::Unreadable)) => Some("the panel has not the key it is sealed with"),
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
