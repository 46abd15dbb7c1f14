//! The one way by which secrets leave the vault: to a gateway that may have them.

use super::{keyring, rows};
use crate::control::service::directory::{list, unsigned};
use crate::control::service::{Outcome, Panel, gateway_rows, settings};
use crate::lease::protocol::RouterId;
use crate::lease::vault::{Allowed, Credential, Missing, Why};

/// What a gateway may have of these names; none where it knows this revision. A name that is not there and one that is not
/// for this gateway are told alike.
///
/// # Errors
/// The books cannot be read.
pub async fn give(
    panel: &Panel,
    router: RouterId,
    names: &[String],
    known: u64,
) -> Outcome<Option<Allowed>> {
    let keyring = keyring(panel)?;
    let mut db = panel.read().await?;
    // One view of all tables, whatever is written meanwhile.
    let mut db = db.view().await?;
    let revision = unsigned(settings::number(&mut db, settings::VAULT).await?);
    if known == revision && known > 0 {
        return Ok(None);
    }
    let mut allowed = Allowed {
        revision,
        lifetime: keyring.lifetime,
        ..Allowed::default()
    };
    let gateway = gateway_rows::by_router(&mut db, &router.0.to_be_bytes()).await?;
    let gateway = gateway.filter(|gateway| gateway.revoked.is_none());
    for name in names {
        let mut missing = |why| {
            let name = name.clone();
            allowed.missing.push(Missing { name, why });
        };
        let row = rows::named(&mut db, name).await?;
        let (Some(row), Some(gateway)) = (row, &gateway) else {
            missing(Why::NotForYou);
            continue;
        };
        let listed: Option<Vec<String>> = row.gateways.as_deref().map(list).transpose()?;
        if listed.is_some_and(|listed| !listed.contains(&gateway.uid)) {
            missing(Why::NotForYou);
            continue;
        }
        let Some(secret) = keyring.unseal(&row) else {
            missing(Why::Unreadable);
            continue;
        };
        allowed.credentials.push(Credential {
            name: row.name,
            version: unsigned(row.version),
            secret,
        });
    }
    Ok(Some(allowed))
}
