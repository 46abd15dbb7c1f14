//! Who asks, and how far that reaches.
//!
//! A role says what kind of thing somebody may do, a scope in which part of the tree. A token has both, too, and reaches no
//! further than its user does now: one who is demoted takes all their tokens along.

use super::directory::Forest;
use super::{Outcome, Panel, ServiceError, secrets, sessions};
use crate::control::store::house::{tokens, users};
use crate::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What kind of thing somebody may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads, and asks for more budget.
    Viewer,
    /// Changes budgets and keys, decides requests, pulls switches.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Viewer => 0,
            Self::Operator => 1,
            Self::Admin => 2,
        }
    }

    /// The role of a row; what cannot be is the least.
    pub(super) const fn of(number: i64) -> Self {
        match number {
            1 => Self::Operator,
            2 => Self::Admin,
            _ => Self::Viewer,
        }
    }
}

/// By what somebody is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A session, by its id.
    Session(String),
    /// A token, by its id.
    Token(String),
    /// The panel itself, or a gateway.
    Own(&'static str),
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Actor {
    pub(super) user: i64,
    /// The user's id.
    pub uid: String,
    /// Whom people see in the audit log.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// In which part of the tree; all of it where none is named.
    pub(super) scope: Option<i64>,
    /// By what they are known.
    pub credential: Credential,
    /// From where they ask.
    pub origin: String,
    /// When what they are known by ends.
    pub(super) until: i64,
    /// The digest of what they presented.
    pub(super) proof: Secret<[u8; 32]>,
}

/// How seldom it is written down that a session or a token was used.
const TOUCH: Duration = Duration::from_mins(1);

impl Actor {
    /// Somebody without an account: a gateway that enrols, or the panel itself.
    pub(super) fn own(name: &'static str, origin: &str) -> Self {
        Self {
            user: 0,
            uid: String::new(),
            name: name.to_owned(),
            role: Role::Viewer,
            scope: None,
            credential: Credential::Own(name),
            origin: origin.to_owned(),
            until: i64::MAX,
            proof: Secret::new([0; 32]),
        }
    }

    /// A user who comes in another way than by a session: by a password, a link, a provider of sign-ins.
    pub(super) fn entering(name: &'static str, user: &users::User, origin: &str) -> Self {
        Self {
            uid: user.uid.clone(),
            name: user.email.clone(),
            ..Self::own(name, origin)
        }
    }

    /// Refuses whose role does not reach so far.
    ///
    /// # Errors
    /// [`ServiceError::Role`].
    pub fn needs(&self, role: Role) -> Outcome<()> {
        if self.role >= role {
            Ok(())
        } else {
            Err(ServiceError::Role(role.name()))
        }
    }

    /// Refuses whose scope is a part of the tree.
    ///
    /// # Errors
    /// [`ServiceError::Scope`].
    pub fn needs_all(&self) -> Outcome<()> {
        match self.scope {
            None => Ok(()),
            Some(_) => Err(ServiceError::Scope),
        }
    }

    /// Refuses tokens.
    ///
    /// # Errors
    /// [`ServiceError::NeedsSession`].
    pub fn needs_session(&self) -> Outcome<()> {
        match self.credential {
            Credential::Session(_) => Ok(()),
            _ => Err(ServiceError::NeedsSession),
        }
    }

    /// Whether a node lies in scope.
    pub(super) fn covers(&self, forest: &Forest, node: i64) -> bool {
        self.scope.is_none_or(|scope| forest.is_below(scope, node))
    }
}

/// Who presents this token or session, if anybody who may.
///
/// # Errors
/// [`ServiceError::Unauthenticated`], or the books cannot be read.
pub async fn authenticate(panel: &Panel, presented: &str, origin: &str) -> Outcome<Actor> {
    let digest = secrets::digest(presented);
    if presented.starts_with(sessions::PREFIX) {
        by_session(panel, digest, origin, true).await
    } else if presented.starts_with(super::tokens::PREFIX) {
        by_token(panel, digest, origin, true).await
    } else {
        Err(ServiceError::Unauthenticated)
    }
}

/// The same caller as they are now. This does not count as use: a stream that is only open keeps no session alive.
///
/// # Errors
/// [`ServiceError::Unauthenticated`] where they may do nothing any more, or the books cannot be read.
pub async fn again(panel: &Panel, actor: &Actor) -> Outcome<Actor> {
    let proof = *actor.proof.expose();
    match actor.credential {
        Credential::Session(_) => by_session(panel, proof, &actor.origin, false).await,
        Credential::Token(_) => by_token(panel, proof, &actor.origin, false).await,
        Credential::Own(_) => Err(ServiceError::Unauthenticated),
    }
}

async fn by_session(panel: &Panel, digest: [u8; 32], origin: &str, touch: bool) -> Outcome<Actor> {
    let now = panel.now();
    let mut db = panel.read().await?;
    let session = users::session(&mut db, &digest).await?;
    let session = session.ok_or(ServiceError::Unauthenticated)?;
    let idle = session.seen <= super::before(now, sessions::IDLE).nanos();
    let user = users::get(&mut db, session.user).await?;
    let user = user.filter(|user| !user.disabled && !idle && session.expires > now.nanos());
    let user = user.ok_or(ServiceError::Unauthenticated)?;
    drop(db);
    if touch && session.seen <= super::before(now, TOUCH).nanos() {
        let mut change = panel.change().await?;
        users::touch_session(change.db(), session.id, now.nanos()).await?;
        change.commit().await?;
    }
    Ok(Actor {
        user: user.id,
        uid: user.uid,
        name: user.email,
        role: Role::of(user.role),
        scope: user.scope,
        credential: Credential::Session(session.uid),
        origin: origin.to_owned(),
        until: session.expires,
        proof: Secret::new(digest),
    })
}

async fn by_token(panel: &Panel, digest: [u8; 32], origin: &str, touch: bool) -> Outcome<Actor> {
    let now = panel.now();
    let mut db = panel.read().await?;
    let token = tokens::by_digest(&mut db, &digest).await?;
    let good = |token: &tokens::Token| token.revoked.is_none() && token.expires > now.nanos();
    let token = token.filter(good).ok_or(ServiceError::Unauthenticated)?;
    let user = users::get(&mut db, token.user).await?;
    let user = user.filter(|user| !user.disabled);
    let user = user.ok_or(ServiceError::Unauthenticated)?;
    let scope = match (user.scope, token.scope) {
        (None, scope) | (scope, None) => scope,
        (Some(of_user), Some(of_token)) => {
            let forest = Forest::load(&mut db).await?;
            // A token for a part that its user has nothing to do with any more is good for nothing.
            if forest.is_below(of_user, of_token) {
                Some(of_token)
            } else {
                return Err(ServiceError::Unauthenticated);
            }
        }
    };
    drop(db);
    if touch && token.seen.unwrap_or(0) <= super::before(now, TOUCH).nanos() {
        let mut change = panel.change().await?;
        tokens::touch(change.db(), token.id, now.nanos()).await?;
        change.commit().await?;
    }
    Ok(Actor {
        user: user.id,
        uid: user.uid,
        name: user.email,
        role: Role::of(user.role).min(Role::of(token.role)),
        scope,
        credential: Credential::Token(token.uid),
        origin: origin.to_owned(),
        until: token.expires,
        proof: Secret::new(digest),
    })
}
