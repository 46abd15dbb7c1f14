//! Why a panel could not be asked, or did not do what it was asked: in words that say what to do.

use super::problem::Problem;
use std::io;
use std::path::PathBuf;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Fault {
    /// Nobody said which panel.
    #[error(
        "not logged in to a panel\n  help: `tollgate login URL`, or set TOLLGATE_PANEL_URL and TOLLGATE_PANEL_TOKEN"
    )]
    NotLoggedIn,
    /// A panel without anything to present there.
    #[error(
        "nothing to present at {0}\n  help: `tollgate login {0}`, or set TOLLGATE_PANEL_TOKEN to an API token of that panel"
    )]
    NoToken(String),
    /// What was given cannot be.
    #[error("{0}")]
    Usage(String),
    /// A file that cannot be read or written.
    #[error("{}: {error}", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file that is not what it should be.
    #[error("{}: {what}", .file.display())]
    NotAFileOf {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The certificates named cannot be used.
    #[error("the certificate to trust the panel by cannot be used: {0}")]
    Ca(String),
    /// This process cannot have what it needs.
    #[error("{0}")]
    System(#[from] io::Error),
    /// There was no answer.
    #[error("cannot reach the panel at {url}: {words}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        words: String,
    },
    /// Whoever answered is not known to be the panel.
    #[error("{url} is not known to be the panel: {words}\n  help: {help}")]
    Untrusted {
        /// Where.
        url: String,
        /// Why.
        words: String,
        /// What to do.
        help: String,
    },
    /// It said no.
    #[error("{0}")]
    Refused(Problem),
    /// Somebody else answered.
    #[error(
        "{url} answered {status} and gave no reason that a panel gives\n  help: is this a tollgate panel? What stands between may have answered"
    )]
    Strange {
        /// Where.
        url: String,
        /// With what.
        status: String,
    },
    /// It answered with something else than was asked for.
    #[error("the panel's answer cannot be read: {0}")]
    Garbled(String),
    /// A list too long to be gathered.
    #[error("the list has more than {0} entries: ask for a part of it")]
    TooMany(usize),
    /// There is none of this name.
    #[error("{0}")]
    Unknown(String),
    /// There are several of this name.
    #[error("{0}")]
    Ambiguous(String),
    /// A sign-in in a browser that did not come to its end.
    #[error(
        "nobody signed in within {0} minutes\n  help: the browser has to be on this machine; elsewhere use a password, or an API token (`--token`)"
    )]
    NobodyCame(u64),
    /// A sign-in in a browser that was refused.
    #[error(
        "you were not signed in ({0})\n  help: `identity_unknown`: an administrator invites you (`tollgate user invite`); `email_unverified`: have your address verified at the provider; else the panel's log and `tollgate admin-audit list` say more"
    )]
    NotSignedIn(String),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl Fault {
    /// Whether it is how the command was called, or what it was given, that is wrong.
    pub(super) const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NotLoggedIn
                | Self::NoToken(_)
                | Self::Usage(_)
                | Self::File { .. }
                | Self::NotAFileOf { .. }
                | Self::Ca(_)
        )
    }

    /// The panel's code for its refusal.
    pub(in crate::cli) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }
}
