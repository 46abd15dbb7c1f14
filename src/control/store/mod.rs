//! Where the panel's books are kept: what a step changed is safe before its answer is sent.
//!
//! In one SQLite file, or in a PostgreSQL database that several panels share ([`Place`]). The statements are the same for both
//! (`sql`); what is really of one kind (opening, tables, backups, who holds the bank) is in `sqlite` and `postgres`.
//!
//! A batch of the bank's steps is one transaction (group commit): all their answers wait for one commit. The tables' own checks
//! hold what the bank promises, so that not even a mistake of ours writes an overdrawn account. The house around the bank
//! ([`Store`]) has a few connections of its own, and changes things one at a time.
//!
//! Times of leases are not kept: a panel that begins gives every open lease its whole time again, and is only later in
//! presuming that money is spent.
//!
//! Invariant: the store itself refuses rows that would overdraw an account, and forgets no line of the ledger.

mod error;
pub(in crate::control) mod house;
mod ledger;
mod load;
mod pool;
pub mod postgres;
pub mod set_back;
pub(in crate::control) mod sql;
pub mod sqlite;
#[cfg(test)]
pub(crate) mod support;
#[cfg(test)]
mod tests;
pub(in crate::control) mod usage;
mod write;

pub use error::StoreError;
pub use ledger::Ledger;
pub(in crate::control) use pool::Change;
pub use pool::Store;
pub(in crate::control) use sql::Db;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use std::fmt;
use std::path::{Path, PathBuf};

/// Where the books are.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a file.
    File(PathBuf),
    /// At a PostgreSQL server.
    Server(postgres::Server),
}

impl Place {
    /// The file, where they are in one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(file),
            Self::Server(_) => None,
        }
    }
}

impl From<PathBuf> for Place {
    fn from(file: PathBuf) -> Self {
        Self::File(file)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Server(server) => write!(f, "{server}"),
        }
    }
}

/// How tables came to be, step by step: number, name, statements.
type Step = (i64, &'static str, &'static str);

fn migrator(steps: &[Step]) -> Migrator {
    let step = |(version, name, sql): &Step| {
        let sql = SqlStr::from_static(sql);
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(steps.iter().map(step).collect())
}

/// A connection of one's own to books that are up to date. It may not lend: only the [`Ledger`] holds the bank.
async fn connect(place: &Place) -> Result<Db<'static>, StoreError> {
    match place {
        Place::File(file) => sqlite::open(file).await,
        Place::Server(server) => {
            let mut connection = server.connect().await?;
            server.migrate(&mut connection).await?;
            Ok(Db::Postgres(sql::Link::Own(Box::new(connection))))
        }
    }
}
