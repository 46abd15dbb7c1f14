//! Users: the first administrator, invitations, what may change of a user.

use super::access::{Actor, Role};
use super::audit::Act;
use super::directory::Forest;
use super::sessions::SignedIn;
use super::words::Check;
use super::{
    Db, Listing, Outcome, Page, Panel, ServiceError, found, oidc, secrets, sessions, taken, words,
};
use crate::control::store::house::{nodes, settings, users as rows};
use crate::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// How an invitation's token begins.
const INVITATION: &str = "tgi_";
/// How the token that sets a panel up begins.
const SET_UP: &str = "tgf_";
/// The digest of that token, among the settings.
const SET_UP_DIGEST: &str = "set_up";
/// How long an invitation is good.
const INVITED_FOR: Duration = Duration::from_hours(7 * 24);

/// A user.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UserView {
    /// The id.
    pub id: String,
    /// The address they sign in with.
    pub email: String,
    /// The name, for people.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// In which part of the tree, by the id of its node; all of it where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `active`, `invited` (never signed in yet) or `disabled`.
    pub state: String,
    /// Whether they are known by an identity at the provider of sign-ins.
    pub linked: bool,
    /// Since when.
    pub created: String,
}

/// The first administrator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstAdmin {
    /// The one-time token that the panel printed.
    pub token: String,
    /// The address to sign in with.
    pub email: String,
    /// The name, for people.
    pub name: String,
    /// At least 12 characters.
    pub password: String,
}

/// Somebody who is to have an account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The address they will sign in with.
    pub email: String,
    /// The name, for people.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// In which part of the tree, by the id of its node; all of it where absent.
    #[serde(default)]
    pub scope: Option<String>,
}

/// A user who can set a password by a link, once.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Invited {
    /// The user.
    pub user: UserView,
    /// The one-time token of the link; shown once.
    pub token: String,
    /// Until when it is good.
    pub expires: String,
}

/// What changes of a user; what is absent stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// The name.
    #[serde(default)]
    pub name: Option<String>,
    /// The role.
    #[serde(default)]
    pub role: Option<Role>,
    /// The id of a node, or `*` for everything.
    #[serde(default)]
    pub scope: Option<String>,
    /// Whether they are kept out.
    #[serde(default)]
    pub disabled: Option<bool>,
}

/// The one-time token with which the first administrator makes an account; none once there is one. A new one each time: the
/// one before is good no longer.
///
/// # Errors
/// The books cannot be written.
pub async fn first_admin_link(panel: &Panel) -> Outcome<Option<Secret<String>>> {
    let mut change = panel.change().await?;
    let issuer = oidc::issuer(panel);
    if rows::administrators(change.db(), issuer).await? > 0 {
        return Ok(None);
    }
    let token = secrets::token(SET_UP)?;
    let digest = secrets::digest(token.expose());
    settings::set_bytes(change.db(), SET_UP_DIGEST, &digest).await?;
    change.commit().await?;
    Ok(Some(token))
}

/// Makes the first administrator, and signs them in.
///
/// # Errors
/// [`ServiceError::SetUp`] where there is one, [`ServiceError::UsedUp`] with another token.
pub async fn set_up(panel: &Panel, first: FirstAdmin, origin: &str) -> Outcome<SignedIn> {
    // By address alone, in effect: whoever tries other tokens must not keep out who has the right one.
    let attempt = panel.throttle.attempt(&first.token, origin, panel.now());
    attempt.map_err(ServiceError::TooMany)?;
    let presented = secrets::digest(&first.token);
    let link = first.token;
    let mut db = panel.read().await?;
    let issuer = oidc::issuer(panel);
    is_open(&mut db, issuer, &presented).await?;
    drop(db);
    let mut check = Check::default();
    let email = check.email("email", &first.email);
    check.name("name", &first.name);
    check.done()?;
    let password = sessions::digest(panel, Secret::new(first.password)).await?;
    let now = panel.now();
    let uid = super::id(panel, "usr_")?;
    let mut change = panel.change().await?;
    is_open(change.db(), issuer, &presented).await?;
    let rights = (Role::Admin.number(), None);
    let inserted = rows::insert(change.db(), &uid, &email, &first.name, rights, now.nanos()).await;
    let number = inserted.map_err(|error| taken(error, "user", &email))?;
    rows::set_password(change.db(), number, &password).await?;
    settings::clear(change.db(), SET_UP_DIGEST).await?;
    let actor = Actor::own("set-up", origin);
    let act = Act {
        action: "user.set_up",
        target: &uid,
        node: None,
        before: Value::Null,
        after: json!({ "email": email, "role": Role::Admin }),
    };
    panel.keep(change, &actor, act).await?;
    panel.throttle.succeeded(&link, origin);
    let mut db = panel.read().await?;
    let user = found(rows::get(&mut db, number).await?, "user")?;
    drop(db);
    sessions::open(panel, &user, origin).await
}

async fn is_open(db: &mut Db<'_>, issuer: Option<&str>, presented: &[u8]) -> Outcome<()> {
    if rows::administrators(db, issuer).await? > 0 {
        return Err(ServiceError::SetUp);
    }
    let kept = settings::bytes(db, SET_UP_DIGEST).await?;
    if kept.as_deref() == Some(presented) {
        Ok(())
    } else {
        Err(ServiceError::UsedUp)
    }
}

/// Invites somebody.
///
/// # Errors
/// There is such a user, or the scope is no node.
pub async fn invite(panel: &Panel, actor: &Actor, new: NewUser) -> Outcome<Invited> {
    let mut check = Check::default();
    let email = check.email("email", &new.email);
    check.name("name", &new.name);
    check.done()?;
    let now = panel.now();
    let uid = super::id(panel, "usr_")?;
    let mut change = panel.change().await?;
    let scope = scope_of(change.db(), new.scope.as_deref()).await?;
    let rights = (new.role.number(), scope);
    let inserted = rows::insert(change.db(), &uid, &email, &new.name, rights, now.nanos()).await;
    let number = inserted.map_err(|error| taken(error, "user", &email))?;
    let (token, expires) = invitation(panel, change.db(), number).await?;
    let user = found(rows::get(change.db(), number).await?, "user")?;
    let view = view(&Forest::load(change.db()).await?, &user);
    let act = Act {
        action: "user.invite",
        target: &uid,
        node: scope,
        before: Value::Null,
        after: json!(view),
    };
    panel.keep(change, actor, act).await?;
    Ok(Invited {
        user: view,
        token: token.expose().clone(),
        expires,
    })
}

/// Invites a user again: another link, also for one who forgot the password. The one before is good no longer.
///
/// # Errors
/// There is no such user, or they are disabled.
pub async fn invite_again(panel: &Panel, actor: &Actor, id: &str) -> Outcome<Invited> {
    let mut change = panel.change().await?;
    let user = found(rows::find(change.db(), id).await?, "user")?;
    if user.disabled {
        return Err(ServiceError::Gone("user"));
    }
    let (token, expires) = invitation(panel, change.db(), user.id).await?;
    let view = view(&Forest::load(change.db()).await?, &user);
    let act = Act {
        action: "user.invite_again",
        target: id,
        node: user.scope,
        before: Value::Null,
        after: Value::Null,
    };
    panel.keep(change, actor, act).await?;
    Ok(Invited {
        user: view,
        token: token.expose().clone(),
        expires,
    })
}

async fn invitation(
    panel: &Panel,
    db: &mut Db<'_>,
    user: i64,
) -> Outcome<(Secret<String>, String)> {
    let now = panel.now();
    let token = secrets::token(INVITATION)?;
    let expires = super::after(now, INVITED_FOR).nanos();
    let digest = secrets::digest(token.expose());
    rows::invite(db, user, &digest, (expires, now.nanos())).await?;
    Ok((token, words::time(expires)))
}

/// Sets a password by an invitation, and signs in. Sessions from before end.
///
/// # Errors
/// [`ServiceError::UsedUp`].
pub async fn accept(
    panel: &Panel,
    token: &str,
    password: Secret<String>,
    origin: &str,
) -> Outcome<SignedIn> {
    oidc::passwords_work(panel)?;
    let attempt = panel.throttle.attempt(token, origin, panel.now());
    attempt.map_err(ServiceError::TooMany)?;
    let now = panel.now();
    let digest = secrets::digest(token);
    // Digesting a password takes long: nobody without an invitation has it done.
    let mut db = panel.read().await?;
    if !rows::is_invited(&mut db, &digest, now.nanos()).await? {
        return Err(ServiceError::UsedUp);
    }
    drop(db);
    let password = sessions::digest(panel, password).await?;
    let mut change = panel.change().await?;
    let number = rows::use_invitation(change.db(), &digest, now.nanos()).await?;
    let number = number.ok_or(ServiceError::UsedUp)?;
    let user = rows::get(change.db(), number).await?;
    let user = user.filter(|user| !user.disabled);
    let user = user.ok_or(ServiceError::UsedUp)?;
    rows::set_password(change.db(), number, &password).await?;
    rows::end_sessions(change.db(), number).await?;
    let actor = Actor::entering("invitation", &user, origin);
    let act = Act {
        action: "user.set_password",
        target: &user.uid,
        node: user.scope,
        before: Value::Null,
        after: Value::Null,
    };
    panel.keep(change, &actor, act).await?;
    panel.throttle.succeeded(token, origin);
    sessions::open(panel, &user, origin).await
}

/// Changes the caller's own password. All their sessions end, this one too.
///
/// # Errors
/// The password that is in force is another one.
pub async fn change_password(
    panel: &Panel,
    actor: &Actor,
    (old, new): (Secret<String>, Secret<String>),
) -> Outcome<()> {
    actor.needs_session()?;
    oidc::passwords_work(panel)?;
    let attempt = panel
        .throttle
        .attempt(&actor.name, &actor.origin, panel.now());
    attempt.map_err(ServiceError::TooMany)?;
    let mut db = panel.read().await?;
    let user = found(rows::get(&mut db, actor.user).await?, "user")?;
    drop(db);
    if !sessions::check(panel, old, user.password).await? {
        return Err(ServiceError::WrongPassword);
    }
    let password = sessions::digest(panel, new).await?;
    let mut change = panel.change().await?;
    rows::set_password(change.db(), user.id, &password).await?;
    rows::end_sessions(change.db(), user.id).await?;
    let act = Act {
        action: "user.set_password",
        target: &user.uid,
        node: user.scope,
        before: Value::Null,
        after: Value::Null,
    };
    panel.keep(change, actor, act).await
}

/// Changes a user. Whose rights shrink is signed out at once.
///
/// # Errors
/// [`ServiceError::LastAdministrator`], or there is no such user or node.
pub async fn change(
    panel: &Panel,
    actor: &Actor,
    id: &str,
    asked: UserChange,
) -> Outcome<UserView> {
    let mut check = Check::default();
    if let Some(name) = &asked.name {
        check.name("name", name);
    }
    check.done()?;
    let mut change = panel.change().await?;
    let forest = Forest::load(change.db()).await?;
    let user = found(rows::find(change.db(), id).await?, "user")?;
    let before = view(&forest, &user);
    let mut changed = user.clone();
    if let Some(name) = asked.name {
        changed.name = name;
    }
    if let Some(role) = asked.role {
        changed.role = role.number();
    }
    match asked.scope.as_deref() {
        None => {}
        Some("*") => changed.scope = None,
        Some(node) => changed.scope = scope_of(change.db(), Some(node)).await?,
    }
    changed.disabled = asked.disabled.unwrap_or(user.disabled);
    rows::update(change.db(), &changed).await?;
    if rows::administrators(change.db(), oidc::issuer(panel)).await? == 0 {
        return Err(ServiceError::LastAdministrator);
    }
    let is_other = changed.scope != user.scope || changed.role != user.role;
    if changed.disabled || is_other {
        rows::end_sessions(change.db(), user.id).await?;
    }
    let after = view(&forest, &changed);
    let act = Act {
        action: "user.change",
        target: id,
        node: changed.scope,
        before: json!(before),
        after: json!(after),
    };
    panel.keep(change, actor, act).await?;
    Ok(after)
}

/// All users.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, page: Page) -> Outcome<Listing<UserView>> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let users = rows::list(&mut db, page.window()).await?;
    Ok(page.of(users, |user| user.id, |user| view(&forest, &user)))
}

/// One user.
///
/// # Errors
/// There is none of this id.
pub async fn get(panel: &Panel, id: &str) -> Outcome<UserView> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let user = found(rows::find(&mut db, id).await?, "user")?;
    Ok(view(&forest, &user))
}

/// The caller.
///
/// # Errors
/// The books cannot be read.
pub async fn me(panel: &Panel, actor: &Actor) -> Outcome<UserView> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let user = found(rows::get(&mut db, actor.user).await?, "user")?;
    Ok(UserView {
        role: actor.role,
        scope: actor.scope.and_then(|scope| forest.uid(scope)),
        ..view(&forest, &user)
    })
}

/// The number of the node with this id.
async fn scope_of(db: &mut Db<'_>, scope: Option<&str>) -> Outcome<Option<i64>> {
    let Some(scope) = scope else { return Ok(None) };
    let node = nodes::find(db, scope).await?;
    let node = node.ok_or_else(|| ServiceError::field("scope", "there is no such node"))?;
    Ok(Some(node.id))
}

fn view(forest: &Forest, user: &rows::User) -> UserView {
    let state = match (user.disabled, user.password.is_some() || user.linked) {
        (true, _) => "disabled",
        (false, false) => "invited",
        (false, true) => "active",
    };
    UserView {
        id: user.uid.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
        role: Role::of(user.role),
        scope: user.scope.and_then(|scope| forest.uid(scope)),
        state: state.to_owned(),
        linked: user.linked,
        created: words::time(user.created),
    }
}
