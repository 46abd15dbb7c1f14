//! Users, their identities elsewhere, and the tokens of their programs.

use super::call::{Call, Paged, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::oidc;
use crate::control::service::tokens::{self, NewToken};
use crate::control::service::users::{self, NewUser, UserChange};
use axum::http::{Method, StatusCode};

const OWN: Access = Access::Known(Role::Viewer, Reach::Own);
const ADMIN: Access = Access::Known(Role::Admin, Reach::Panel);

pub(super) fn routes() -> Vec<Route> {
    vec![
        read(
            "/api/v1/users",
            ADMIN,
            "All users.",
            async |call: Call, query: Paged| {
                let users = users::list(&call.panel, query.page()?).await?;
                Ok(Reply::of(users))
            },
        ),
        write(
            (Method::POST, "/api/v1/users"),
            ADMIN,
            "Invite somebody: the answer has the one-time token of the link, once.",
            StatusCode::CREATED,
            async |call: Call, body: NewUser| {
                let invited = users::invite(&call.panel, call.actor()?, body).await?;
                Ok(Reply::of(invited))
            },
        ),
        read(
            "/api/v1/users/{id}",
            ADMIN,
            "A user.",
            async |call: Call, _: Nothing| {
                let user = users::get(&call.panel, call.id()).await?;
                Ok(Reply::of(user))
            },
        ),
        write(
            (Method::PATCH, "/api/v1/users/{id}"),
            ADMIN,
            "Change a user's name, role or scope, or keep them out. Whose rights change is signed out.",
            StatusCode::OK,
            async |call: Call, body: UserChange| {
                let user = users::change(&call.panel, call.actor()?, call.id(), body).await?;
                Ok(Reply::of(user))
            },
        ),
        write(
            (Method::POST, "/api/v1/users/{id}/invitation"),
            ADMIN,
            "Another link to set a password with.",
            StatusCode::CREATED,
            async |call: Call, _: Nothing| {
                let invited = users::invite_again(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(invited))
            },
        ),
        write(
            (Method::DELETE, "/api/v1/users/{id}/identity"),
            ADMIN,
            "Take a user's identity at the provider of sign-ins away: all their sessions end, and they may be linked anew.",
            StatusCode::NO_CONTENT,
            async |call: Call, _: Nothing| {
                oidc::unlink(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(()))
            },
        ),
        read(
            "/api/v1/tokens",
            OWN,
            "The caller's API tokens; everybody's for administrators of the whole panel.",
            async |call: Call, query: Paged| {
                let tokens = tokens::list(&call.panel, call.actor()?, query.page()?).await?;
                Ok(Reply::of(tokens))
            },
        ),
        write(
            (Method::POST, "/api/v1/tokens"),
            OWN,
            "Make an API token of the caller's; its secret is shown once.",
            StatusCode::CREATED,
            async |call: Call, body: NewToken| {
                let made = tokens::make(&call.panel, call.actor()?, body).await?;
                Ok(Reply::of(made))
            },
        ),
        write(
            (Method::DELETE, "/api/v1/tokens/{id}"),
            OWN,
            "Revoke an API token.",
            StatusCode::NO_CONTENT,
            async |call: Call, _: Nothing| {
                tokens::revoke(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(()))
            },
        ),
    ]
}
