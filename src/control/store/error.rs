//! Why the books cannot be used.

use sqlx::migrate::MigrateError;
use std::path::PathBuf;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The books cannot be opened.
    #[error("the panel's database {place} cannot be opened: {error}")]
    Open {
        /// Which.
        place: String,
        /// What SQLite or PostgreSQL says.
        error: sqlx::Error,
    },
    /// Its tables are those of another version, or were changed by hand.
    #[error("the panel's database {place} has other tables than this version knows: {error}")]
    Tables {
        /// Which.
        place: String,
        /// What is wrong.
        error: MigrateError,
    },
    /// It is a backup: a panel that began with it would lend once more what was lent since.
    #[error(
        "{0} is a backup, not a panel's own books: make a state directory of it with `tollgate panel restore`"
    )]
    Backup(PathBuf),
    /// The server could forget what it has said is safe.
    #[error("the panel's database {place} {why}")]
    Unsafe {
        /// Which.
        place: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// Another panel holds the bank in these books: there is one at a time.
    #[error("another panel holds the bank in {0}: this one stands by")]
    Held(String),
    /// This panel does not hold the bank any more: what it wanted to write was not written.
    #[error("this panel holds the bank no longer: nothing of this was written")]
    Deposed,
    /// The server does not answer. Whether what was asked last was written, nobody knows yet.
    #[error("the panel's database does not answer")]
    Silent,
    /// A change in which a statement failed was to be kept all the same: a mistake of ours.
    #[error("a statement of this change failed: nothing of it was written")]
    Broken,
    /// A statement failed; nothing of its batch was written.
    #[error("the panel's database: {0}")]
    Statement(#[from] sqlx::Error),
    /// A row cannot be what we wrote.
    #[error("the panel's database holds a {table} that cannot be: {what}")]
    Row {
        /// In which table.
        table: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

impl StoreError {
    /// Whether the books are out of reach for now: their server does not answer, or they are another panel's.
    pub(in crate::control) fn is_away(&self) -> bool {
        match self {
            Self::Deposed | Self::Silent | Self::Held(_) => true,
            Self::Statement(error) => match error {
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
                // The server ends, begins, or has too many sessions.
                sqlx::Error::Database(error) => error
                    .code()
                    .is_some_and(|code| code.starts_with("57P") || code == "53300"),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether there is such a row already.
    pub(in crate::control) fn is_taken(&self) -> bool {
        matches!(self, Self::Statement(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}
