//! The connections of the house: a few that read, one that writes.
//!
//! Whoever changes something has the turn until it is over, also while the bank is told: so the bank hears of changes in the
//! order in which they were made. The bank itself writes on its own connection, in between.

use super::{StoreError, open, options};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Connection as _, Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Connections at once.
const MOST_CONNECTIONS: u32 = 4;
/// How long somebody waits for one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The panel's database, for everything but the bank's own books.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    writer: Arc<Mutex<()>>,
}

/// The right to change things, until it is dropped.
pub(in crate::control) type Turn = OwnedMutexGuard<()>;

/// A change under way. Dropped before its commit it was never made.
pub(in crate::control) struct Change {
    turn: Turn,
    work: Transaction<'static, Sqlite>,
}

impl Store {
    /// Opens the file, or makes it, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        open(path).await?.close().await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(MOST_CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_with(options(path))
            .await?;
        Ok(Self {
            pool,
            writer: Arc::default(),
        })
    }

    /// A connection to read by.
    pub(in crate::control) async fn read(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        Ok(self.pool.acquire().await?)
    }

    /// Waits for the turn and begins a change.
    pub(in crate::control) async fn change(&self) -> Result<Change, StoreError> {
        let turn = Arc::clone(&self.writer).lock_owned().await;
        let work = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Change { turn, work })
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Change {
    /// The connection that sees what was changed so far.
    pub(in crate::control) fn db(&mut self) -> &mut SqliteConnection {
        &mut self.work
    }

    /// Makes it last. The turn is kept as long as what comes back.
    pub(in crate::control) async fn commit(self) -> Result<Turn, StoreError> {
        self.work.commit().await?;
        Ok(self.turn)
    }
}
