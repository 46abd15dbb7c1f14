//! Who somebody is to the panel whom the provider knows: the user of that identity, or one who is linked to it now.
//!
//! Whoever is refused stands in the audit log, with the reason and without what they brought.

use super::flow::Pending;
use super::provider::{NoIdentity, is_code};
use super::token::Identity;
use super::{Desk, MOST_CODE, Returned, issuer};
use crate::control::service::access::Actor;
use crate::control::service::audit::Act;
use crate::control::service::{Outcome, Panel, ServiceError, found};
use crate::control::store::house::{oidc as rows, users};
use serde_json::{Value, json};

/// Who came back. Whoever is refused here stands in the audit log.
pub(super) async fn known(
    panel: &Panel,
    desk: &Desk,
    returned: &Returned<'_>,
    pending: &Pending,
    origin: &str,
) -> Outcome<(users::User, Identity)> {
    let issuer = desk.provider.settings.issuer.as_str();
    if let Some(error) = returned.error {
        // What the provider says of it besides may be anybody's words.
        let error = if is_code(error) {
            error
        } else {
            "another_error"
        };
        refuse(panel, "provider_refused", None, origin).await?;
        return Err(ServiceError::ProviderRefused(error.to_owned()));
    }
    if returned.issuer.is_some_and(|named| named != issuer) {
        refuse(panel, "other_issuer", None, origin).await?;
        return Err(ServiceError::StaleSignIn);
    }
    let code = returned
        .code
        .filter(|code| (1..=MOST_CODE).contains(&code.len()));
    let code = code.ok_or_else(|| ServiceError::field("code", "is missing"))?;
    let shown = (code, &pending.verifier);
    let identity = desk.provider.identity(shown, &pending.nonce, panel.now());
    let identity = match identity.await {
        Ok(identity) => identity,
        Err(NoIdentity::Provider(error)) => {
            refuse(panel, error.code(), None, origin).await?;
            return Err(error.into());
        }
        Err(NoIdentity::Token(fault)) => {
            refuse(panel, fault.code(), None, origin).await?;
            return Err(fault.into());
        }
    };
    match user_of(panel, issuer, &identity, origin).await? {
        Ok(user) => Ok((user, identity)),
        Err((reason, error)) => {
            refuse(panel, reason, Some(&identity.subject), origin).await?;
            Err(error)
        }
    }
}

/// The user of an identity, which is linked if it was not; or why there is none, for the log and for them.
async fn user_of(
    panel: &Panel,
    issuer: &str,
    identity: &Identity,
    origin: &str,
) -> Outcome<Result<users::User, (&'static str, ServiceError)>> {
    let subject = identity.subject.as_str();
    let unknown = |reason| Ok(Err((reason, ServiceError::UnknownIdentity)));
    let mut change = panel.change().await?;
    if let Some(user) = rows::user(change.db(), issuer, subject).await? {
        return if user.disabled {
            unknown("disabled")
        } else {
            Ok(Ok(user))
        };
    }
    let Some(email) = &identity.email else {
        return unknown("no_email");
    };
    if !identity.verified {
        return Ok(Err(("email_unverified", ServiceError::UnverifiedEmail)));
    }
    // Letters of ASCII alone: others that look alike when they are small are not the same address.
    let user = users::by_email(change.db(), &email.to_ascii_lowercase()).await?;
    let Some(user) = user else {
        return unknown("no_user");
    };
    if user.disabled {
        return unknown("disabled");
    }
    if rows::is_linked(change.db(), issuer, user.id).await? {
        return unknown("other_identity");
    }
    let now = panel.now().nanos();
    rows::link(change.db(), (issuer, subject), user.id, now).await?;
    let accepted = users::end_invitations(change.db(), user.id, now).await?;
    let actor = Actor::entering("oidc", &user, origin);
    let act = Act {
        action: "user.link",
        target: &user.uid,
        node: user.scope,
        before: Value::Null,
        after: json!({ "issuer": issuer, "subject": subject, "invitation": accepted }),
    };
    panel.keep(change, &actor, act).await?;
    Ok(Ok(user))
}

/// Writes down that somebody was refused.
pub(super) async fn refuse(
    panel: &Panel,
    reason: &str,
    subject: Option<&str>,
    origin: &str,
) -> Outcome<()> {
    let change = panel.change().await?;
    let actor = Actor::own("oidc", origin);
    let mut after = json!({ "reason": reason, "issuer": issuer(panel) });
    if let Some(subject) = subject {
        after["subject"] = json!(subject);
    }
    let act = Act {
        action: "session.refuse",
        target: "oidc",
        node: None,
        before: Value::Null,
        after,
    };
    panel.keep(change, &actor, act).await
}

/// Takes a user's identities away, and ends their sessions: they may be linked anew.
///
/// # Errors
/// There is no such user, or they have none; [`ServiceError::LastAdministrator`].
pub async fn unlink(panel: &Panel, actor: &Actor, id: &str) -> Outcome<()> {
    let mut change = panel.change().await?;
    let user = found(users::find(change.db(), id).await?, "user")?;
    if !rows::unlink(change.db(), user.id).await? {
        return Err(ServiceError::NotFound("identity"));
    }
    if users::administrators(change.db(), issuer(panel)).await? == 0 {
        return Err(ServiceError::LastAdministrator);
    }
    users::end_sessions(change.db(), user.id).await?;
    let act = Act {
        action: "user.unlink",
        target: id,
        node: user.scope,
        before: Value::Null,
        after: Value::Null,
    };
    panel.keep(change, actor, act).await
}
