//! The vault: providers' credentials, kept sealed, changed by administrators, given to the gateways that need them.
//!
//! What comes out of here for people is what is known of a credential: its name, its version, when it was rotated. The secret
//! itself leaves by one way, [`give`], to a gateway that may have it, and the door seals it to that gateway's own key.
//!
//! Each change makes the vault's revision grow in its own transaction, and is put on the bulletin after the commit: gateways
//! that listen ask at once, those that do not find the revision changed when they next ask.
//!
//! Not here: keys and ciphers (`keyring`), the seal on the way (`lease::vault`).

mod give;
mod keyring;

pub use give::give;
pub use keyring::{Keyring, KeyringError};

use super::access::Actor;
use super::audit::{self, Act};
use super::words::Check;
use super::{
    Db, Listing, Outcome, Page, Panel, ServiceError, found, secrets, settings, taken, words,
};
use crate::control::store::Change;
use crate::control::store::house::gateways as gateway_rows;
use crate::control::store::house::vault as rows;
use crate::control::store::house::webhooks as webhook_rows;
use crate::lease::directory::Event;
use crate::secret::{Secret, is_name};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// A secret is no longer.
const MOST_SECRET: usize = 4096;
/// A credential is for no more gateways by name.
const MOST_GATEWAYS: usize = 1000;
/// What a credential is where nobody says.
const USUAL_KIND: &str = "api-key";
/// All gateways, where a list of them is asked for.
const ALL: &str = "*";

/// A credential, without its secret: that is never shown again.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CredentialView {
    /// Its id.
    pub id: String,
    /// Its name: `vault:NAME` in a gateway's configuration.
    pub name: String,
    /// What it is: `api-key` where nobody said.
    pub kind: String,
    /// What people say of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The ids of the gateways that may have it; every gateway where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateways: Option<Vec<String>>,
    /// Which of its secrets is in force: grows with each rotation.
    pub version: i64,
    /// The version that a later `if-match` names.
    pub revision: i64,
    /// The key it is sealed with.
    pub key_id: String,
    /// Whether the panel has that key. Where not, gateways go on with what they hold of it.
    pub readable: bool,
    /// Since when.
    pub created: String,
    /// When it last got another secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated: Option<String>,
}

/// A secret as it comes from outside: it prints as stars, and is wiped when it is dropped.
#[derive(Debug, JsonSchema)]
#[schemars(transparent)]
pub struct Given(#[schemars(with = "String")] Secret<String>);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Secret::new(String::deserialize(deserializer)?)))
    }
}

/// A credential to be put into the vault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCredential {
    /// Its name: up to 64 letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The secret: what the provider knows us by.
    pub secret: Given,
    /// What it is; `api-key` where absent.
    #[serde(default)]
    pub kind: Option<String>,
    /// What people should know of it.
    #[serde(default)]
    pub note: Option<String>,
    /// The ids of the gateways that may have it; every gateway where absent, or with `*`.
    #[serde(default)]
    pub gateways: Option<Vec<String>>,
}

/// What is to be different about a credential.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialChange {
    /// What it is.
    #[serde(default)]
    pub kind: Option<String>,
    /// What people should know of it; nothing where empty.
    #[serde(default)]
    pub note: Option<String>,
    /// The ids of the gateways that may have it; every gateway with `*`.
    #[serde(default)]
    pub gateways: Option<Vec<String>>,
}

/// Another secret for a credential.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// The secret.
    pub secret: Given,
}

/// Whether something is sealed that a key must be there for.
///
/// # Errors
/// The books cannot be read.
pub async fn is_sealed(panel: &Panel) -> Outcome<bool> {
    let mut db = panel.read().await?;
    let all = rows::all(&mut db).await?;
    Ok(all.iter().any(|row| row.sealed.is_some()))
}

/// Opens the vault with its keys. What is sealed with a key from before is sealed with the one of now.
///
/// # Errors
/// The books cannot be read or written.
pub async fn open(panel: &Panel, keyring: Keyring) -> Outcome<()> {
    let keyring = panel.keyring.get_or_init(|| keyring);
    let mut change = panel.change().await?;
    let (mut resealed, mut unreadable) = (Vec::new(), Vec::new());
    for mut row in rows::all(change.db()).await? {
        if row.key_id == keyring.current() {
            continue;
        }
        let Some(secret) = keyring.unseal(&row) else {
            unreadable.push(row.name);
            continue;
        };
        let sealed = keyring.seal(&mut row, &secret, secrets::random()?);
        sealed.ok_or(ServiceError::NotSealed)?;
        rows::reseal(change.db(), &row).await?;
        resealed.push(row.name);
    }
    // What signs for a webhook is drawn from the key it was made with, and cannot be sealed anew.
    let mut signs = false;
    for (key, webhooks) in webhook_rows::keys(change.db()).await? {
        signs |= key != keyring.current();
        if !keyring.has(&key) {
            tracing::error!(
                webhooks,
                "the key of the vault that signs for webhooks is gone, so they get nothing: name it in `vault.previous`, or make them anew (`tollgate webhook list`)"
            );
        }
    }
    if !unreadable.is_empty() {
        tracing::error!(
            names = ?unreadable,
            "credentials in the vault are sealed with a key that this panel does not have: name it in `vault.previous`, or rotate them"
        );
    } else if keyring.has_own_besides && !signs {
        tracing::info!(
            "`vault.key` in the state directory is of no more use: remove it; earlier backups still open with it"
        );
    }
    if resealed.is_empty() {
        return Ok(());
    }
    tracing::info!(names = ?resealed, "the vault's credentials are sealed with its new key");
    let act = Act {
        action: "vault.reseal",
        target: keyring.current(),
        node: None,
        before: Value::Null,
        after: json!({ "credentials": resealed }),
    };
    // Also told to gateways: what could not be read before may be had now.
    tell(panel, change, &Actor::own("panel", "panel"), act).await
}

/// Puts a credential into the vault.
///
/// # Errors
/// The name is taken, or a gateway is none.
pub async fn make(panel: &Panel, actor: &Actor, new: NewCredential) -> Outcome<CredentialView> {
    let mut check = Check::default();
    let right = is_name(&new.name);
    check.that(
        right,
        "name",
        "up to 64 letters, digits, `-`, `_` and `.`, a letter or digit first",
    );
    let Given(secret) = new.secret;
    check_secret(&mut check, &secret);
    let kind = new.kind.unwrap_or_else(|| USUAL_KIND.to_owned());
    check_words(&mut check, Some(&kind), new.note.as_deref());
    check.done()?;
    let keyring = keyring(panel)?;
    let mut change = panel.change().await?;
    let gateways = listed(change.db(), new.gateways).await?;
    let before = rows::newest(change.db(), &new.name).await?;
    let mut row = rows::Credential {
        id: 0,
        uid: super::id(panel, "cred_")?,
        name: new.name,
        kind,
        note: new.note.filter(|note| !note.is_empty()),
        gateways,
        // Also where one of this name was removed: gateways must not take the new one for it.
        version: before.saturating_add(1),
        key_id: String::new(),
        sealed: None,
        rev: 1,
        created: panel.now().nanos(),
        rotated: None,
    };
    let sealed = keyring.seal(&mut row, &secret, secrets::random()?);
    sealed.ok_or(ServiceError::NotSealed)?;
    let inserted = rows::insert(change.db(), &row).await;
    inserted.map_err(|error| taken(error, "credential", &row.name))?;
    let view = view(keyring, &row)?;
    let act = act("credential.make", &row, Value::Null, json!(view));
    tell(panel, change, actor, act).await?;
    Ok(view)
}

/// What is in the vault.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, page: Page) -> Outcome<Listing<CredentialView>> {
    let keyring = keyring(panel)?;
    let mut db = panel.read().await?;
    let mut found = rows::list(&mut db, page.window()).await?;
    let is_more = found.len() > usize::from(page.limit);
    found.truncate(usize::from(page.limit));
    let last = found.last().filter(|_| is_more).map(|row| row.id);
    let views = found.iter().map(|row| view(keyring, row));
    Ok(Listing::new(views.collect::<Outcome<_>>()?, last))
}

/// One of it.
///
/// # Errors
/// There is none of this id.
pub async fn get(panel: &Panel, id: &str) -> Outcome<CredentialView> {
    let mut db = panel.read().await?;
    let row = found(rows::find(&mut db, id).await?, "credential")?;
    view(keyring(panel)?, &row)
}

/// Changes what is said of a credential that is as the caller read it, and who may have it.
///
/// # Errors
/// [`ServiceError::Changed`] where somebody else was faster.
pub async fn change(
    panel: &Panel,
    actor: &Actor,
    (id, revision): (&str, Option<i64>),
    asked: CredentialChange,
) -> Outcome<CredentialView> {
    let mut check = Check::default();
    check_words(&mut check, asked.kind.as_deref(), asked.note.as_deref());
    check.done()?;
    let keyring = keyring(panel)?;
    let mut change = panel.change().await?;
    let row = found(rows::find(change.db(), id).await?, "credential")?;
    let before = view(keyring, &row)?;
    let mut changed = row.clone();
    if let Some(kind) = asked.kind {
        changed.kind = kind;
    }
    if let Some(note) = asked.note {
        changed.note = Some(note).filter(|note| !note.is_empty());
    }
    if asked.gateways.is_some() {
        changed.gateways = listed(change.db(), asked.gateways).await?;
    }
    if !rows::describe(change.db(), &changed, revision.unwrap_or(row.rev)).await? {
        return Err(ServiceError::Changed);
    }
    changed.rev = row.rev.saturating_add(1);
    let view = view(keyring, &changed)?;
    let act = act("credential.change", &row, json!(before), json!(view));
    tell(panel, change, actor, act).await?;
    Ok(view)
}

/// Gives a credential another secret. Gateways that listen call with it at once.
///
/// # Errors
/// There is none of this id.
pub async fn rotate(
    panel: &Panel,
    actor: &Actor,
    id: &str,
    new: NewSecret,
) -> Outcome<CredentialView> {
    let Given(secret) = new.secret;
    let mut check = Check::default();
    check_secret(&mut check, &secret);
    check.done()?;
    let keyring = keyring(panel)?;
    let mut change = panel.change().await?;
    let mut row = found(rows::find(change.db(), id).await?, "credential")?;
    let before = view(keyring, &row)?;
    let now = panel.now().nanos();
    row.version = row.version.saturating_add(1);
    let sealed = keyring.seal(&mut row, &secret, secrets::random()?);
    sealed.ok_or(ServiceError::NotSealed)?;
    rows::rotate(change.db(), &row, now).await?;
    (row.rotated, row.rev) = (Some(now), row.rev.saturating_add(1));
    let view = view(keyring, &row)?;
    let act = act("credential.rotate", &row, json!(before), json!(view));
    tell(panel, change, actor, act).await?;
    Ok(view)
}

/// Takes a credential out of the vault, for good: gateways let go of it.
///
/// # Errors
/// [`ServiceError::Changed`] where somebody else was faster.
pub async fn remove(
    panel: &Panel,
    actor: &Actor,
    (id, revision): (&str, Option<i64>),
) -> Outcome<()> {
    let mut change = panel.change().await?;
    let row = found(rows::find(change.db(), id).await?, "credential")?;
    if revision.is_some_and(|revision| revision != row.rev) {
        return Err(ServiceError::Changed);
    }
    rows::remove(change.db(), row.id, panel.now().nanos()).await?;
    let before = view(keyring(panel)?, &row)?;
    let act = act("credential.remove", &row, json!(before), Value::Null);
    tell(panel, change, actor, act).await
}

pub(super) fn keyring(panel: &Panel) -> Outcome<&Keyring> {
    panel.keyring.get().ok_or(ServiceError::NoVault)
}

/// Makes a change last, and has gateways ask.
async fn tell(panel: &Panel, mut change: Change, actor: &Actor, act: Act<'_>) -> Outcome<()> {
    audit::append(change.db(), panel.now(), actor, act).await?;
    let revision = settings::grow(change.db(), settings::VAULT).await?;
    let turn = change.commit().await?;
    panel.publish(Event::Vault {
        revision: u64::try_from(revision).unwrap_or(0),
    });
    // Told in the order in which it was done.
    drop(turn);
    Ok(())
}

fn check_secret(check: &mut Check, secret: &Secret<String>) {
    let secret = secret.expose();
    let right = (1..=MOST_SECRET).contains(&secret.len())
        && secret.bytes().all(|byte| byte.is_ascii_graphic());
    let detail = "up to 4096 visible ASCII characters without spaces, as a header carries them: look for a stray line break";
    check.that(right, "secret", detail);
}

fn check_words(check: &mut Check, kind: Option<&str>, note: Option<&str>) {
    if let Some(kind) = kind {
        check.name("kind", kind);
    }
    if let Some(note) = note.filter(|note| !note.is_empty()) {
        check.sentence("note", note);
    }
}

/// The gateways that are named, as a row has them: each there, and not revoked. None for all of them.
async fn listed(db: &mut Db<'_>, gateways: Option<Vec<String>>) -> Outcome<Option<String>> {
    let Some(mut gateways) = gateways.filter(|gateways| *gateways != [ALL]) else {
        return Ok(None);
    };
    gateways.sort_unstable();
    gateways.dedup();
    let mut check = Check::default();
    let right = (1..=MOST_GATEWAYS).contains(&gateways.len());
    check.that(
        right,
        "gateways",
        "from one gateway to a thousand, or `*` alone for all of them",
    );
    check.done()?;
    for gateway in &gateways {
        let row = gateway_rows::find(db, gateway).await?;
        if row.is_none_or(|row| row.revoked.is_some()) {
            return Err(ServiceError::field(
                "gateways",
                "one of them is no gateway, or was revoked",
            ));
        }
    }
    Ok(Some(json!(gateways).to_string()))
}

fn view(keyring: &Keyring, row: &rows::Credential) -> Outcome<CredentialView> {
    let gateways = row.gateways.as_deref().map(super::directory::list);
    Ok(CredentialView {
        id: row.uid.clone(),
        name: row.name.clone(),
        kind: row.kind.clone(),
        note: row.note.clone(),
        gateways: gateways.transpose()?,
        version: row.version,
        revision: row.rev,
        key_id: row.key_id.clone(),
        readable: keyring.opens(row),
        created: words::time(row.created),
        rotated: words::some_time(row.rotated),
    })
}

fn act<'a>(
    action: &'static str,
    row: &'a rows::Credential,
    before: Value,
    after: Value,
) -> Act<'a> {
    Act {
        action,
        target: &row.uid,
        node: None,
        before,
        after,
    }
}
