//! Refusals, as `application/problem+json` has them: the one table that gives each its status.
//!
//! The code is what programs go by; the detail is for people. Neither ever holds SQL, a secret, or what the caller sent.

use crate::control::service::{Fault, ServiceError};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

/// Why a request is not answered as it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("there is nothing at this path: see /api/v1/openapi.json")]
    NoRoute,
    #[error("this path does not answer to this method")]
    NoMethod,
    #[error("a body is JSON: say so with `content-type: application/json`")]
    NotJson,
    #[error("a body has at most {0} bytes here")]
    TooLarge(usize),
    #[error("the body did not come in time, or was cut off")]
    NoBody,
    #[error("this is no JSON: line {line}, column {column}")]
    Malformed { line: usize, column: usize },
    #[error("the query cannot be read: {0}")]
    Query(String),
    #[error("another site asks: only pages of this panel may use its cookie")]
    Csrf,
    #[error("`idempotency-key` has 1 to 200 visible ASCII characters")]
    BadKey,
    #[error("this `idempotency-key` was used for something else")]
    KeyReused,
    #[error(
        "this `idempotency-key` is in use by a request that has not ended: look at what it did before you try again"
    )]
    KeyUnfinished,
    #[error("the answer could not be written")]
    Unspeakable,
    #[error("the panel is stopping")]
    Stopping,
}

/// A refusal as clients read it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Problem {
    /// A name for this kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong, and what to do.
    detail: String,
    /// What a program goes by: stable.
    code: String,
    /// Names this one refusal, also in the panel's own log.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

impl Refusal {
    const fn code(&self) -> &'static str {
        match self {
            Self::Service(error) => error.code(),
            Self::NoRoute => "no_route",
            Self::NoMethod => "method_not_allowed",
            Self::NotJson => "not_json",
            Self::TooLarge(_) => "body_too_large",
            Self::NoBody => "body_incomplete",
            Self::Malformed { .. } => "malformed_json",
            Self::Query(_) => "malformed_query",
            Self::Csrf => "cross_site",
            Self::BadKey => "bad_idempotency_key",
            Self::KeyReused => "idempotency_key_reused",
            Self::KeyUnfinished => "idempotency_key_unfinished",
            Self::Unspeakable => "internal",
            Self::Stopping => "stopping",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Service(error) => of_service(error),
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::NoMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoBody => StatusCode::REQUEST_TIMEOUT,
            Self::Malformed { .. } | Self::Query(_) | Self::BadKey => StatusCode::BAD_REQUEST,
            Self::Csrf => StatusCode::FORBIDDEN,
            Self::KeyReused | Self::KeyUnfinished => StatusCode::CONFLICT,
            Self::Unspeakable => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer. What is the panel's own fault is logged under the same name.
    pub(super) fn response(&self, instance: &str) -> Response {
        let status = self.status();
        if status.is_server_error() {
            let cause = cause(self);
            tracing::error!(instance, code = self.code(), %cause, "a request of the admin API failed");
        }
        let problem = Problem {
            kind: format!("urn:tollgate:problem:{}", self.code()),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: self.detail(),
            code: self.code().to_owned(),
            instance: (!instance.is_empty()).then(|| instance.to_owned()),
            errors: match self {
                Self::Service(
                    ServiceError::Invalid(faults) | ServiceError::FaultyPolicies(faults),
                ) => faults.clone(),
                _ => Vec::new(),
            },
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(secs) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }

    /// What people read. The words of disks and databases stay here.
    fn detail(&self) -> String {
        match self {
            Self::Service(ServiceError::NotInForce(_)) => {
                "the change is stored, and will be in force as soon as the bank can be reached"
                    .to_owned()
            }
            Self::Service(ServiceError::Bank(_)) => {
                "the bank cannot be asked now: try again in a moment".to_owned()
            }
            Self::Service(ServiceError::Provider(_)) => {
                "the provider of sign-ins cannot be used now: the panel's log says why".to_owned()
            }
            other => other.to_string(),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Service(ServiceError::TooMany(secs)) => Some(*secs),
            Self::Service(ServiceError::TooManyStreams(_)) => Some(5),
            Self::Service(ServiceError::Bank(_) | ServiceError::NotInForce(_)) | Self::Stopping => {
                Some(1)
            }
            Self::Service(ServiceError::Store(error)) if error.is_away() => Some(1),
            _ => None,
        }
    }
}

/// All that is known of a fault, for the log.
fn cause(refusal: &Refusal) -> String {
    let mut text = refusal.to_string();
    let mut source = std::error::Error::source(refusal);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn of_service(error: &ServiceError) -> StatusCode {
    match error {
        ServiceError::NotFound(_) | ServiceError::NoOidc => StatusCode::NOT_FOUND,
        ServiceError::Invalid(_) | ServiceError::FaultyPolicies(_) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ServiceError::Unauthenticated | ServiceError::WrongPassword => StatusCode::UNAUTHORIZED,
        ServiceError::UsedUp
        | ServiceError::Role(_)
        | ServiceError::Scope
        | ServiceError::Beyond(_)
        | ServiceError::NeedsSession
        | ServiceError::OwnRequest
        | ServiceError::OtherKey
        | ServiceError::PasswordsOff(_)
        | ServiceError::StaleSignIn
        | ServiceError::ProviderRefused(_)
        | ServiceError::Token(_)
        | ServiceError::UnverifiedEmail
        | ServiceError::UnknownIdentity => StatusCode::FORBIDDEN,
        ServiceError::Provider(_) => StatusCode::BAD_GATEWAY,
        ServiceError::TooMany(_) | ServiceError::TooManyStreams(_) => StatusCode::TOO_MANY_REQUESTS,
        ServiceError::Taken { .. }
        | ServiceError::InUse(_)
        | ServiceError::Gone(_)
        | ServiceError::NotLost
        | ServiceError::TooEarly(_)
        | ServiceError::Decided
        | ServiceError::LastAdministrator
        | ServiceError::SetUp => StatusCode::CONFLICT,
        ServiceError::Changed => StatusCode::PRECONDITION_FAILED,
        ServiceError::NoIfMatch => StatusCode::PRECONDITION_REQUIRED,
        ServiceError::NotInForce(_) | ServiceError::Bank(_) => StatusCode::SERVICE_UNAVAILABLE,
        // Another panel answers, or this one does when the server is back.
        ServiceError::Store(error) if error.is_away() => StatusCode::SERVICE_UNAVAILABLE,
        ServiceError::Store(_)
        | ServiceError::NoRandom
        | ServiceError::NoVault
        | ServiceError::NotSealed
        | ServiceError::NoDigest => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
