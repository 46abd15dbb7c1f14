//! What goes wrong between a gateway and its panel.

use crate::lease::problem::Problem;
use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why the panel could not be asked, or did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// What has to be kept cannot be.
    #[error("{path}: {error}")]
    Disk {
        /// Where.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// There is nothing to say who we are by.
    #[error(
        "this gateway is not enrolled at the panel: set `panel.token` to the one-time token that the panel gave out for it"
    )]
    NotEnrolled,
    /// The system gives no random numbers.
    #[error("no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// No key or signing request could be made.
    #[error("the key of this gateway cannot be used: {0}")]
    Key(#[from] rcgen::Error),
    /// Certificates or keys that do not fit together.
    #[error("certificates for the panel cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// A text that is no certificate or key.
    #[error("a certificate or key is not readable as PEM: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// There was no answer.
    #[error("the panel cannot be reached: {0}")]
    Unreachable(String),
    /// It said no.
    #[error("the panel refused ({}): {}", .0.status, .0.detail)]
    Refused(Problem),
    /// It answered, and not as the treaty says.
    #[error("the panel's answer cannot be read: {0}")]
    Garbled(String),
}

impl From<reqwest::Error> for ClientError {
    fn from(error: reqwest::Error) -> Self {
        // What it was about is in the causes: the error itself only says that sending failed.
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        Self::Unreachable(words)
    }
}
