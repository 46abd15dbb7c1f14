//! Virtual keys: made here, shown once, known by their digest.

use super::access::Actor;
use super::audit::Act;
use super::directory::{Forest, list as json_list};
use super::words::Check;
use super::{Db, Listing, Outcome, Page, Panel, ServiceError, found, nodes, secrets, taken, words};
use crate::control::store::house::keys as rows;
use crate::governance::identity::Digest;
use crate::lease::directory::Event;
use crate::lease::protocol::LeafId;
use crate::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a key's secret begins.
const PREFIX: &str = "tg-";
/// A secret that was replaced is good no longer than this.
const MOST_GRACE: u64 = 30 * 24 * 3600;

/// A virtual key, without its secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct KeyView {
    /// Its id.
    pub id: String,
    /// Its number: the leaf that leases and the ledger name.
    pub number: i64,
    /// Its name; also the label `key`.
    pub name: String,
    /// The id of the node it belongs to.
    pub node: String,
    /// `acme/red/atlas`
    pub path: String,
    /// What its calls are labelled with.
    pub labels: BTreeMap<String, String>,
    /// The groups of its user.
    pub groups: Vec<String>,
    /// The models it may name; any where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// `active`, `rotating` (the secret before is still good), `expired` or `revoked`.
    pub state: String,
    /// Until when it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Until when the secret before is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<String>,
    /// Since when.
    pub created: String,
    /// When it last got another secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated: Option<String>,
    /// When it last called, as gateways tell; absent before it did, or before they told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
}

/// A key to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// The id of the node it belongs to.
    pub node: String,
    /// Its name, unique at its node.
    pub name: String,
    /// The person it belongs to.
    #[serde(default)]
    pub user: Option<String>,
    /// The groups of that person.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The models it may name, `*` allowed; every model when absent, none when empty.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// Until when it is good: `2027-06-30` or `2027-06-30T12:00:00Z`.
    #[serde(default)]
    pub expires: Option<String>,
}

/// How a key gets another secret.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// For how many seconds the secret before is still good.
    #[serde(default)]
    pub grace_s: u64,
}

/// A key with its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MadeKey {
    /// The key.
    pub key: KeyView,
    /// What callers present; shown once.
    pub secret: String,
}

/// Makes a key.
///
/// # Errors
/// The name is taken, or the node is none.
pub async fn make(panel: &Panel, actor: &Actor, new: NewKey) -> Outcome<MadeKey> {
    let secret = secret()?;
    let key = make_of(panel, actor, new, Digest::of(secret.expose().as_bytes())).await?;
    let secret = secret.expose().clone();
    Ok(MadeKey { key, secret })
}

/// Makes a key whose secret somebody has already.
///
/// # Errors
/// The name is taken.
pub(super) async fn make_of(
    panel: &Panel,
    actor: &Actor,
    new: NewKey,
    digest: Digest,
) -> Outcome<KeyView> {
    let now = panel.now();
    let mut check = Check::default();
    check.name("name", &new.name);
    if let Some(user) = &new.user {
        check.name("user", user);
    }
    for group in &new.groups {
        check.name("groups", group);
    }
    let models = new.models.iter().flatten();
    let plain = |model: &String| {
        !model.is_empty() && model.len() <= 128 && !model.chars().any(char::is_control)
    };
    check.that(
        models.clone().all(plain),
        "models",
        "a model's name has 1 to 128 bytes",
    );
    check.that(
        models.count() <= 100 && new.groups.len() <= 100,
        "models",
        "at most 100 models and 100 groups",
    );
    let expires = new.expires.as_deref();
    let expires = expires.map(|expires| check.future("expires", expires, now).nanos());
    check.done()?;
    let mut change = panel.change().await?;
    let (forest, node) = nodes::within(change.db(), actor, &new.node).await?;
    let key = rows::VirtualKey {
        id: 0,
        uid: super::id(panel, "key_")?,
        node: node.id,
        name: new.name,
        owner: new.user,
        groups: json!(new.groups).to_string(),
        models: new.models.map(|models| json!(models).to_string()),
        expires,
        digest: digest.to_string(),
        old_digest: None,
        old_until: None,
        created: now.nanos(),
        rotated: None,
        revoked: None,
        last_used: None,
    };
    let inserted = rows::insert(change.db(), &key).await;
    let number = inserted.map_err(|error| taken(error, "key", &key.name))?;
    let key = rows::VirtualKey { id: number, ..key };
    let view = view(&forest, &key, now.nanos())?;
    let act = act("key.make", &key, Value::Null, json!(view));
    panel.enact(change, actor, act, Vec::new()).await?;
    Ok(view)
}

/// Those in scope, revoked ones too.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, actor: &Actor, page: Page) -> Outcome<Listing<KeyView>> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let keys = rows::list(&mut db, actor.scope, page.window()).await?;
    let now = panel.now().nanos();
    let next = keys.get(usize::from(page.limit)).is_some();
    let keys = keys.iter().take(usize::from(page.limit));
    let last = keys.clone().next_back().filter(|_| next).map(|key| key.id);
    let views = keys.map(|key| view(&forest, key, now));
    Ok(Listing::new(views.collect::<Outcome<_>>()?, last))
}

/// One of them.
///
/// # Errors
/// There is none of this id in scope.
pub async fn get(panel: &Panel, actor: &Actor, id: &str) -> Outcome<KeyView> {
    let mut db = panel.read().await?;
    let (forest, key) = within(&mut db, actor, id).await?;
    view(&forest, &key, panel.now().nanos())
}

/// Gives a key another secret; the one before is good for the grace.
///
/// # Errors
/// It was revoked.
pub async fn rotate(panel: &Panel, actor: &Actor, id: &str, asked: &Rotation) -> Outcome<MadeKey> {
    let mut check = Check::default();
    check.that(asked.grace_s <= MOST_GRACE, "grace_s", "at most 30 days");
    check.done()?;
    let secret = secret()?;
    let digest = Digest::of(secret.expose().as_bytes());
    let key = rotate_to(panel, actor, id, asked, digest).await?;
    let secret = secret.expose().clone();
    Ok(MadeKey { key, secret })
}

/// Gives a key a secret that somebody has already.
///
/// # Errors
/// It was revoked.
pub(super) async fn rotate_to(
    panel: &Panel,
    actor: &Actor,
    id: &str,
    asked: &Rotation,
    digest: Digest,
) -> Outcome<KeyView> {
    let now = panel.now();
    let mut change = panel.change().await?;
    let (forest, key) = live(change.db(), actor, id).await?;
    let before = view(&forest, &key, now.nanos())?;
    let grace = Duration::from_secs(asked.grace_s);
    let until = (asked.grace_s > 0).then(|| super::after(now, grace).nanos());
    rows::rotate(
        change.db(),
        key.id,
        &digest.to_string(),
        (until, now.nanos()),
    )
    .await?;
    let key = found(rows::get(change.db(), key.id).await?, "key")?;
    let view = view(&forest, &key, now.nanos())?;
    let act = act("key.rotate", &key, json!(before), json!(view));
    panel.enact(change, actor, act, Vec::new()).await?;
    Ok(view)
}

/// Revokes a key for good.
///
/// # Errors
/// It was revoked before.
pub async fn revoke(panel: &Panel, actor: &Actor, id: &str) -> Outcome<KeyView> {
    let now = panel.now().nanos();
    let mut change = panel.change().await?;
    let (forest, key) = live(change.db(), actor, id).await?;
    let before = view(&forest, &key, now)?;
    rows::revoke(change.db(), key.id, now).await?;
    let key = found(rows::get(change.db(), key.id).await?, "key")?;
    let after = view(&forest, &key, now)?;
    let act = act("key.revoke", &key, json!(before), json!(after));
    let event = Event::Kill {
        leaves: vec![leaf(&key)],
        abort_streams: false,
    };
    panel.enact(change, actor, act, vec![event]).await?;
    Ok(after)
}

fn leaf(key: &rows::VirtualKey) -> LeafId {
    LeafId(super::directory::unsigned(key.id))
}

/// The key of this id, if the caller may know of it.
pub(super) async fn within(
    db: &mut Db<'_>,
    actor: &Actor,
    id: &str,
) -> Outcome<(Forest, rows::VirtualKey)> {
    let forest = Forest::load(db).await?;
    let key = rows::find(db, id).await?;
    let key = key.filter(|key| actor.covers(&forest, key.node));
    Ok((forest, found(key, "key")?))
}

async fn live(db: &mut Db<'_>, actor: &Actor, id: &str) -> Outcome<(Forest, rows::VirtualKey)> {
    let (forest, key) = within(db, actor, id).await?;
    if key.revoked.is_some() {
        return Err(ServiceError::Gone("key"));
    }
    Ok((forest, key))
}

fn secret() -> Outcome<Secret<String>> {
    secrets::token(PREFIX)
}

fn act<'a>(
    action: &'static str,
    key: &'a rows::VirtualKey,
    before: Value,
    after: Value,
) -> Act<'a> {
    Act {
        action,
        target: &key.uid,
        node: Some(key.node),
        before,
        after,
    }
}

fn view(forest: &Forest, key: &rows::VirtualKey, now: i64) -> Outcome<KeyView> {
    let labels = forest.labels(key.node);
    let labels = [
        ("org", labels.org),
        ("team", labels.team),
        ("project", labels.project),
        ("agent", labels.agent),
        ("user", key.owner.clone()),
    ];
    let labels = labels.into_iter();
    let old_until = key.old_until.filter(|until| *until > now);
    let state = match (key.revoked, key.expires.filter(|at| *at <= now), old_until) {
        (Some(_), _, _) => "revoked",
        (None, Some(_), _) => "expired",
        (None, None, Some(_)) => "rotating",
        (None, None, None) => "active",
    };
    Ok(KeyView {
        id: key.uid.clone(),
        number: key.id,
        name: key.name.clone(),
        node: forest.uid(key.node).unwrap_or_default(),
        path: forest.path(key.node),
        labels: labels
            .filter_map(|(label, value)| Some((label.to_owned(), value?)))
            .collect(),
        groups: json_list(&key.groups)?,
        models: key.models.as_deref().map(json_list).transpose()?,
        state: state.to_owned(),
        expires: words::some_time(key.expires),
        old_secret_until: words::some_time(old_until),
        created: words::time(key.created),
        rotated: words::some_time(key.rotated),
        last_used: words::some_time(key.last_used),
    })
}
