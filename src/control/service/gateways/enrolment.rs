//! How a gateway comes in, and what it is known by: what whoever ends TLS asks and tells.
//!
//! An administrator makes a one-time token; the first key that presents it is the gateway's from then on, and certificates
//! are issued for that key alone. So a token that is read on the way is of no use after the gateway was there, and one that
//! was used by somebody else is noticed by the gateway that comes second.

use super::{act, router};
use crate::clock::Wall;
use crate::control::service::access::Actor;
use crate::control::service::{Outcome, Panel, ServiceError, audit, found, secrets, words};
use crate::control::store::house::{gateways as rows, restored};
use crate::lease::protocol::RouterId;
use serde_json::{Value, json};

/// Lets a gateway in by its one-time token. The first time binds it to its key (`spki_sha256`, the SHA-256 of its public
/// key); the same key may come again, as one does whose answer got lost.
///
/// # Errors
/// [`ServiceError::UsedUp`] for a token that never was, is too old or is revoked, [`ServiceError::OtherKey`] for one that
/// another key has used.
pub async fn enrol_by_token(
    panel: &Panel,
    token: &str,
    spki_sha256: [u8; 32],
) -> Outcome<(RouterId, String)> {
    let now = panel.now();
    let good = |row: &rows::Gateway| {
        row.revoked.is_none() && row.token_until.is_some_and(|until| until > now.nanos())
    };
    let digest = secrets::digest(token);
    // Looked up without the turn: whoever guesses at tokens must not hold up those who change something.
    let known = rows::by_token(&mut panel.read().await?, &digest).await?;
    known.filter(good).ok_or(ServiceError::UsedUp)?;
    let mut change = panel.change().await?;
    let row = rows::by_token(change.db(), &digest).await?;
    let row = row.filter(good).ok_or(ServiceError::UsedUp)?;
    let actor = Actor::own("enrolment", "");
    match row.spki.as_deref() {
        // The bank writes to the same file: nobody waits for it with a change open.
        Some(bound) if bound == spki_sha256.as_slice() => drop(change),
        Some(_) => {
            let attempt = json!({ "other_key_sha256": words::hex(&spki_sha256) });
            let act = act("gateway.enrol_refused", &row, Value::Null, attempt);
            panel.keep(change, &actor, act).await?;
            return Err(ServiceError::OtherKey);
        }
        None => {
            rows::bind(change.db(), row.id, &spki_sha256, now.nanos()).await?;
            let bound = json!({ "key_sha256": words::hex(&spki_sha256) });
            let act = act("gateway.enrol", &row, Value::Null, bound);
            panel.keep(change, &actor, act).await?;
        }
    }
    panel.treasury.enrol(router(&row)).await?;
    Ok((router(&row), row.name))
}

/// Whether a gateway that is let in by its certificate may have another one for this key: the one it is bound to.
///
/// # Errors
/// [`ServiceError::Unauthenticated`] where it is not known any more, [`ServiceError::OtherKey`] for another key.
pub async fn may_renew(panel: &Panel, router: RouterId, spki_sha256: [u8; 32]) -> Outcome<String> {
    let mut db = panel.read().await?;
    let row = rows::by_router(&mut db, &router.0.to_be_bytes()).await?;
    let row = row.filter(|row| row.revoked.is_none());
    let row = row.ok_or(ServiceError::Unauthenticated)?;
    if row.spki.as_deref() == Some(spki_sha256.as_slice()) {
        Ok(row.name)
    } else {
        Err(ServiceError::OtherKey)
    }
}

/// A certificate was issued to a gateway for its key: it is known by that one, too. `fingerprint` is the SHA-256 of the
/// certificate.
///
/// # Errors
/// Nobody knows the gateway, or its key is another one by now.
pub async fn certificate_issued(
    panel: &Panel,
    (router, spki_sha256): (RouterId, [u8; 32]),
    fingerprint: [u8; 32],
    not_after: Wall,
) -> Outcome<()> {
    let now = panel.now();
    let mut change = panel.change().await?;
    let row = rows::by_router(change.db(), &router.0.to_be_bytes()).await?;
    let row = found(row.filter(|row| row.revoked.is_none()), "gateway")?;
    // Looked at again within the change: meanwhile its key may have been taken from it.
    if row.spki.as_deref() != Some(spki_sha256.as_slice()) {
        return Err(ServiceError::OtherKey);
    }
    let times = (now.nanos(), not_after.nanos());
    rows::certificate(change.db(), row.id, &fingerprint, times).await?;
    let told = json!({ "fingerprint": words::hex(&fingerprint), "not_after": words::time(not_after.nanos()) });
    let act = act("gateway.certificate", &row, Value::Null, told);
    let actor = Actor::own("enrolment", "");
    audit::append(change.db(), now, &actor, act).await?;
    change.commit().await?;
    Ok(())
}

/// Which gateway has this certificate; none where it is revoked or the certificate is over.
///
/// # Errors
/// The books cannot be read.
pub async fn router_of_certificate(
    panel: &Panel,
    fingerprint: &[u8; 32],
) -> Outcome<Option<RouterId>> {
    let now = panel.now().nanos();
    let mut db = panel.read().await?;
    let row = rows::by_certificate(&mut db, fingerprint, now).await?;
    Ok(row.as_ref().map(router))
}

/// Which gateway is bound to this key, at a panel whose books are a backup's: certificates renewed since, for the same key, are
/// in none of them. None at any other panel, and none where it is revoked.
///
/// # Errors
/// The books cannot be read.
pub async fn router_of_key(panel: &Panel, spki_sha256: &[u8; 32]) -> Outcome<Option<RouterId>> {
    let mut db = panel.read().await?;
    if restored::get(&mut db).await?.is_none() {
        return Ok(None);
    }
    let row = rows::by_key(&mut db, spki_sha256).await?;
    Ok(row.as_ref().map(router))
}

/// A gateway spoke, and said perhaps up to which event it has acted: what a kill switch's report calls confirmed. Written down
/// now and then, by [`Panel::note_seen`].
pub fn heard(panel: &Panel, router: RouterId, cursor: Option<u64>) {
    let now = panel.now().nanos();
    let mut remembered = panel.remembered();
    remembered.seen.insert(router, now);
    if let Some(cursor) = cursor {
        let heard = remembered.heard.entry(router).or_default();
        *heard = cursor.max(*heard);
    }
}

/// Whether a gateway is lent nothing: it was revoked, or its own switch is pulled.
pub(super) fn is_stopped(panel: &Panel, router: RouterId) -> bool {
    panel.remembered().stopped.contains(&router)
}
