//! One SQLite file: WAL, synced at each commit, one writer.
//!
//! A batch of steps is one transaction (group commit): all their answers wait for one sync of the disk. The file's own checks
//! hold what the bank promises, so that not even a mistake of ours writes an overdrawn account.
//!
//! The house around the bank ([`Store`]) has a few connections of its own to the same file, and changes it one at a time.
//!
//! Times of leases are not kept: a panel that begins gives every open lease its whole time again, and is only later in
//! presuming that money is spent.

pub mod backup;
pub(in crate::control) mod house;
mod load;
mod pool;
#[cfg(test)]
mod tests;
pub(in crate::control) mod usage;
mod write;

pub(in crate::control) use pool::Change;
pub use pool::Store;

use crate::clock::Wall;
use crate::lease::protocol::{Bank, Rows, SetBack, Terms};
use house::{restored, settings};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlStr, SqliteConnection};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the tables came to be, step by step.
const STEPS: [(i64, &str, &str); 9] = [
    (1, "bank", include_str!("migrations/0001_bank.sql")),
    (2, "house", include_str!("migrations/0002_house.sql")),
    (3, "alerts", include_str!("migrations/0003_alerts.sql")),
    (4, "vault", include_str!("migrations/0004_vault.sql")),
    (5, "bundles", include_str!("migrations/0005_bundles.sql")),
    (6, "usage", include_str!("migrations/0006_usage.sql")),
    (7, "notices", include_str!("migrations/0007_notices.sql")),
    (8, "oidc", include_str!("migrations/0008_oidc.sql")),
    (9, "lending", include_str!("migrations/0009_lending.sql")),
];

fn migrations() -> Migrator {
    let step = |(version, name, sql): (i64, &'static str, &'static str)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(STEPS.into_iter().map(step).collect())
}

/// How the file is opened, whoever opens it.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // What is rotated or removed leaves no piece in the file.
        .pragma("secure_delete", "ON")
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
}

/// Makes the file if there is none, and brings its tables up to date.
async fn open(path: &Path) -> Result<SqliteConnection, StoreError> {
    let connection = options(path).connect().await;
    let mut connection = connection.map_err(|error| StoreError::Open {
        path: path.into(),
        error,
    })?;
    let ran = migrations().run(&mut connection).await;
    ran.map_err(|error| StoreError::Tables {
        path: path.into(),
        error,
    })?;
    Ok(connection)
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened.
    #[error("the panel's database {path} cannot be opened: {error}")]
    Open {
        /// Which.
        path: PathBuf,
        /// What SQLite says.
        error: sqlx::Error,
    },
    /// Its tables are those of another version, or were changed by hand.
    #[error("the panel's database {path} has other tables than this version knows: {error}")]
    Tables {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        error: MigrateError,
    },
    /// It is a backup: a panel that began with it would lend once more what was lent since.
    #[error(
        "{0} is a backup, not a panel's own books: make a state directory of it with `tollgate panel restore`"
    )]
    Backup(PathBuf),
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

/// The bank's books in a file.
#[derive(Debug)]
pub struct Ledger {
    connection: SqliteConnection,
}

impl Ledger {
    /// Opens the file, or makes it, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = open(path).await?;
        if settings::number(&mut connection, restored::BACKUP).await? > 0 {
            return Err(StoreError::Backup(path.into()));
        }
        Ok(Self { connection })
    }

    /// Writes the rows of one or more steps: all of them, or none. They are safe when this is done.
    ///
    /// # Errors
    /// [`StoreError::Statement`]: the disk fails, or a row breaks a promise.
    pub async fn write(&mut self, batch: &[Rows], at: Wall) -> Result<(), StoreError> {
        let mut work = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        for rows in batch {
            write::rows(&mut work, rows, at).await?;
        }
        work.commit().await?;
        Ok(())
    }

    /// The bank as the file has it, its open leases with their whole time ahead of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(&mut self, terms: Terms, now: Duration) -> Result<Bank, StoreError> {
        let rows = load::rows(&mut self.connection).await?;
        let mut bank = Bank::restore(terms, rows, 1);
        bank.wake(now);
        let longest = self.longest(terms).await?;
        if let Some(books) = restored::get(&mut self.connection).await? {
            let is_open = books.opened.is_some();
            let books = SetBack {
                below: u64::try_from(books.below).unwrap_or(u64::MAX),
                is_open,
                has_begun: books.starts > 0,
                longest,
            };
            bank.set_back(books, now);
            if !is_open {
                restored::begun(&mut self.connection).await?;
            }
        }
        Ok(bank)
    }

    /// How long a lease could be spent at most by the terms of today and of all days before, calls under way included. A panel
    /// that is restored goes by what was lent, not by what its configuration says then.
    async fn longest(&mut self, terms: Terms) -> Result<Duration, StoreError> {
        let whole = terms.valid_for.saturating_add(terms.drain_for);
        let whole = i64::try_from(whole.as_nanos()).unwrap_or(i64::MAX);
        let known = settings::number(&mut self.connection, restored::LONGEST).await?;
        if whole > known {
            settings::set_number(&mut self.connection, restored::LONGEST, whole).await?;
        }
        Ok(Duration::from_nanos(whole.max(known).unsigned_abs()))
    }

    /// Recomputes every account from the ledger's lines. Comes back with those that differ.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn verify(&mut self) -> Result<Vec<(i64, i64)>, StoreError> {
        let differing = sqlx::query_as(
            "SELECT a.budget, a.period FROM account a LEFT JOIN \
             (SELECT budget, period, sum(spent) AS s, sum(held) AS h, sum(uncertain) AS u, sum(overrun) AS o \
              FROM entry GROUP BY budget, period) e \
             ON e.budget = a.budget AND e.period = a.period \
             WHERE a.spent <> coalesce(e.s, 0) OR a.held <> coalesce(e.h, 0) \
                OR a.uncertain <> coalesce(e.u, 0) OR a.overrun <> coalesce(e.o, 0) \
             ORDER BY a.budget, a.period",
        );
        Ok(differing.fetch_all(&mut self.connection).await?)
    }

    /// Closes the file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }
}
