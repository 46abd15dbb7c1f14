//! Providers' credentials in the vault: what is known of them. What they are is not to be had here.

use super::call::{Call, Paged, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::vault::{
    self, CredentialChange, CredentialView, NewCredential, NewSecret,
};
use axum::http::{Method, StatusCode};

const READ: Access = Access::Known(Role::Viewer, Reach::Panel);
const CHANGE: Access = Access::Known(Role::Admin, Reach::Panel);

pub(super) fn routes() -> Vec<Route> {
    vec![
        read(
            "/api/v1/credentials",
            READ,
            "Providers' credentials in the vault, without their secrets.",
            async |call: Call, query: Paged| {
                let credentials = vault::list(&call.panel, query.page()?).await?;
                Ok(Reply::of(credentials))
            },
        ),
        write(
            (Method::POST, "/api/v1/credentials"),
            CHANGE,
            "Put a provider's credential into the vault; no answer ever shows its secret.",
            StatusCode::CREATED,
            async |call: Call, body: NewCredential| {
                let credential = vault::make(&call.panel, call.actor()?, body).await?;
                Ok(versioned(credential))
            },
        ),
        read(
            "/api/v1/credentials/{id}",
            READ,
            "A credential, without its secret.",
            async |call: Call, _: Nothing| {
                let credential = vault::get(&call.panel, call.id()).await?;
                Ok(versioned(credential))
            },
        ),
        write(
            (Method::PATCH, "/api/v1/credentials/{id}"),
            CHANGE,
            "Change what is said of a credential, and which gateways may have it.",
            StatusCode::OK,
            async |call: Call, body: CredentialChange| {
                let id = (call.id(), call.if_match()?);
                let credential = vault::change(&call.panel, call.actor()?, id, body).await?;
                Ok(versioned(credential))
            },
        )
        .if_match(),
        write(
            (Method::POST, "/api/v1/credentials/{id}/rotate"),
            CHANGE,
            "Give a credential another secret: gateways that are connected call with it at once.",
            StatusCode::OK,
            async |call: Call, body: NewSecret| {
                let rotated = vault::rotate(&call.panel, call.actor()?, call.id(), body).await?;
                Ok(versioned(rotated))
            },
        ),
        write(
            (Method::DELETE, "/api/v1/credentials/{id}"),
            CHANGE,
            "Take a credential out of the vault for good: gateways let go of it.",
            StatusCode::NO_CONTENT,
            async |call: Call, _: Nothing| {
                let id = (call.id(), call.if_match()?);
                vault::remove(&call.panel, call.actor()?, id).await?;
                Ok(Reply::of(()))
            },
        )
        .if_match(),
    ]
}

fn versioned(credential: CredentialView) -> Reply<CredentialView> {
    let revision = credential.revision;
    Reply::of(credential).version(revision)
}
