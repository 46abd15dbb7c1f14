//! Why a call got no answer, as facts; the door finds the words and the status.

use crate::chat::{Dialect, LookError};
use crate::governance::gate::Denial;
use crate::provider::transport::TransportError;
use crate::provider::vendor::translate::Fault;
use std::sync::Arc;
use std::time::Duration;

/// A call that was not answered by its provider.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The body is not what the endpoint takes.
    #[error("malformed request")]
    Malformed(#[from] LookError),
    /// No route covers the model.
    #[error("no route for the model")]
    ModelNotFound {
        /// As the caller named it.
        model: Box<str>,
    },
    /// The model's provider is called in another dialect than the call is spoken in.
    #[error("provider {provider} does not speak the dialect of the call")]
    OtherDialect {
        /// The model, as it would be asked for.
        model: Box<str>,
        /// Who serves it.
        provider: Arc<str>,
        /// The dialect the call is spoken in.
        spoken: Dialect,
        /// The one its provider is called in.
        other: Dialect,
    },
    /// The call cannot be put into its provider's words.
    #[error("the call cannot be translated for provider {provider}: {fault}")]
    Untranslatable {
        /// Whose words.
        provider: Arc<str>,
        /// What cannot.
        fault: Box<Fault>,
        /// Whether the provider's configuration could allow that it is left out.
        droppable: bool,
    },
    /// The gate said no.
    #[error("denied: {}", .0.reason.code())]
    Denied(Box<Denial>),
    /// Decisions cannot be recorded fast enough: no call goes unrecorded.
    #[error("the decision log is full")]
    Unrecorded,
    /// The provider's credential is not here yet: nothing was asked.
    #[error("provider {provider} has no credential yet")]
    NoCredential {
        /// Which one.
        provider: Arc<str>,
        /// The credential's name in the control panel's vault.
        name: Arc<str>,
    },
    /// The provider failed, after every attempt.
    #[error("provider {provider} failed: {failure}")]
    Upstream {
        /// Which one.
        provider: Arc<str>,
        /// How often it was tried.
        attempts: u32,
        /// How it failed at last.
        failure: Failure,
        /// The model's other targets, where it has any, and why none of them answered.
        others: Box<[Other]>,
    },
}

/// A target that did not answer, besides the one that failed last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Whose it is.
    pub provider: Arc<str>,
    /// What kept it from answering.
    pub why: Why,
}

/// What kept a target from answering.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It was asked and failed.
    #[error("{0}")]
    Failed(#[from] Failure),
    /// It was left alone: it failed too often lately, or asked for it.
    #[error("it is being left alone for a moment")]
    Shut,
    /// Its credential is not here.
    #[error("it has no credential yet")]
    NoCredential,
    /// It is called in another dialect, which has no words for this call.
    #[error("{0}")]
    Unfit(Box<Fault>),
    /// It is called in another dialect.
    #[error("it does not speak the dialect of this call")]
    OtherDialect,
}

/// Whether this is the status of a gateway before the provider that lost patience: nobody saw the answer, which says nothing
/// about the work, and asking twice would be paid twice.
pub(super) const fn is_unseen(status: u16) -> bool {
    matches!(status, 504 | 524)
}

/// How a provider failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There was no answer.
    #[error("{0}")]
    Transport(#[from] TransportError),
    /// It answered with this status, which is its fault and not the caller's, and may have said how long to stay away.
    #[error("it answered with status {0}")]
    Status(u16, Option<Duration>),
    /// Its answer broke off.
    #[error("its answer broke off")]
    Cut,
    /// Its answer stood still, or took, for too long.
    #[error("its answer stood still for too long")]
    Stalled,
    /// Its answer is longer than any answer may be.
    #[error("its answer is too long")]
    TooLong,
    /// Its answer had to be translated and is none that can be read.
    #[error("its answer is none that could be read and translated")]
    Unreadable,
}

impl Failure {
    /// Whether the provider surely did no work that it bills.
    #[must_use]
    pub const fn surely_undone(self) -> bool {
        match self {
            Self::Transport(error) => error.surely_undone(),
            Self::Status(status, _) => !is_unseen(status),
            Self::Cut | Self::Stalled | Self::TooLong | Self::Unreadable => false,
        }
    }

    /// Whether it was a matter of time: 504 instead of 502.
    #[must_use]
    pub const fn is_timeout(self) -> bool {
        match self {
            Self::Transport(error) => error.is_timeout(),
            Self::Stalled => true,
            Self::Status(..) | Self::Cut | Self::TooLong | Self::Unreadable => false,
        }
    }
}
