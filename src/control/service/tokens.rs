//! API tokens: what programs present instead of a password.

use super::access::{Actor, Role};
use super::audit::Act;
use super::directory::Forest;
use super::words::Check;
use super::{Listing, Outcome, Page, Panel, ServiceError, found, secrets, words};
use crate::control::store::house::{nodes, tokens as rows};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How a token begins.
pub const PREFIX: &str = "tgp_";

/// A token, without its secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TokenView {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it may do, as long as its user may.
    pub role: Role,
    /// In which part of the tree, by the id of its node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `active`, `expired` or `revoked`.
    pub state: String,
    /// Since when.
    pub created: String,
    /// Until when.
    pub expires: String,
    /// Last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
}

/// A token to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Its name, for people.
    pub name: String,
    /// What it may do; no more than its user.
    pub role: Role,
    /// In which part of the tree, by the id of its node; its user's where absent.
    #[serde(default)]
    pub scope: Option<String>,
    /// Until when: `2027-06-30` or `2027-06-30T12:00:00Z`.
    pub expires: String,
}

/// A token with its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MadeToken {
    /// The token.
    pub token: TokenView,
    /// What to present; shown once.
    pub secret: String,
}

/// Makes a token for the caller.
///
/// # Errors
/// It would reach further than the caller does.
pub async fn make(panel: &Panel, actor: &Actor, new: NewToken) -> Outcome<MadeToken> {
    let now = panel.now();
    let mut check = Check::default();
    check.name("name", &new.name);
    let expires = check.future("expires", &new.expires, now);
    check.done()?;
    if new.role > actor.role {
        return Err(ServiceError::Beyond("role"));
    }
    // A token's child does not outlive it; a session's may, that is what tokens are for.
    if actor.needs_session().is_err() && expires.nanos() > actor.until {
        return Err(ServiceError::Beyond("expires"));
    }
    let secret = secrets::token(PREFIX)?;
    let mut change = panel.change().await?;
    let forest = Forest::load(change.db()).await?;
    let scope = match new.scope.as_deref() {
        None => actor.scope,
        Some(node) => {
            let node = nodes::find(change.db(), node).await?;
            let node = node.filter(|node| actor.covers(&forest, node.id));
            let unknown = || ServiceError::field("scope", "there is no such node");
            Some(node.ok_or_else(unknown)?.id)
        }
    };
    let token = rows::Token {
        id: 0,
        uid: super::id(panel, "tok_")?,
        user: actor.user,
        name: new.name,
        role: new.role.number(),
        scope,
        created: now.nanos(),
        expires: expires.nanos(),
        revoked: None,
        seen: None,
    };
    rows::insert(change.db(), &token, &secrets::digest(secret.expose())).await?;
    let view = view(&forest, &token, now.nanos());
    let act = Act {
        action: "token.make",
        target: &token.uid,
        node: scope,
        before: Value::Null,
        after: json!(view),
    };
    panel.keep(change, actor, act).await?;
    Ok(MadeToken {
        token: view,
        secret: secret.expose().clone(),
    })
}

/// The caller's tokens; those of all for whoever may do everything.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, actor: &Actor, page: Page) -> Outcome<Listing<TokenView>> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let user = Some(actor.user).filter(|_| !sees_all(actor));
    let tokens = rows::list(&mut db, user, page.window()).await?;
    let now = panel.now().nanos();
    Ok(page.of(tokens, |token| token.id, |token| view(&forest, &token, now)))
}

/// Revokes a token.
///
/// # Errors
/// There is none of this id, or it is somebody else's.
pub async fn revoke(panel: &Panel, actor: &Actor, id: &str) -> Outcome<()> {
    let mut change = panel.change().await?;
    let token = rows::find(change.db(), id).await?;
    let token = token.filter(|token| token.user == actor.user || sees_all(actor));
    let token = found(token, "token")?;
    rows::revoke(change.db(), token.id, panel.now().nanos()).await?;
    let act = Act {
        action: "token.revoke",
        target: id,
        node: token.scope,
        before: Value::Null,
        after: Value::Null,
    };
    panel.keep(change, actor, act).await
}

fn sees_all(actor: &Actor) -> bool {
    actor.needs(Role::Admin).is_ok() && actor.needs_all().is_ok()
}

fn view(forest: &Forest, token: &rows::Token, now: i64) -> TokenView {
    let state = match (token.revoked, token.expires <= now) {
        (Some(_), _) => "revoked",
        (None, true) => "expired",
        (None, false) => "active",
    };
    TokenView {
        id: token.uid.clone(),
        name: token.name.clone(),
        role: Role::of(token.role),
        scope: token.scope.and_then(|scope| forest.uid(scope)),
        state: state.to_owned(),
        created: words::time(token.created),
        expires: words::time(token.expires),
        last_used: words::some_time(token.seen),
    }
}
