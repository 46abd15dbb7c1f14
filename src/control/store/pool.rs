//! The connections of the house: a few that read, one that writes.
//!
//! Whoever changes something has the turn until it is over, also while the bank is told: so the bank hears of changes in the
//! order in which they were made. The bank itself writes on its own connection, in between. In PostgreSQL the turn is one over
//! all panels, and a panel that holds the bank no longer changes nothing.

use super::postgres::{self, Server};
use super::sql::{Db, Link};
use super::{Place, StoreError, connect, sqlite};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{PgPool, SqlitePool};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Connections at once.
const MOST_CONNECTIONS: u32 = 4;
/// How long somebody waits for one.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The panel's database, for everything but the bank's own books.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    writer: Arc<Mutex<()>>,
}

#[derive(Debug, Clone)]
enum Pool {
    File(SqlitePool),
    Server(PgPool, Server),
}

/// The right to change things, until it is dropped.
pub(in crate::control) type Turn = OwnedMutexGuard<()>;

/// A change under way. Dropped before its commit it was never made.
pub(in crate::control) struct Change {
    turn: Turn,
    work: Db<'static>,
}

impl Store {
    /// Opens the books, or makes them, and brings their tables up to date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(place: &Place) -> Result<Self, StoreError> {
        connect(place).await?.close().await?;
        let pool = match place {
            Place::File(file) => Pool::File(
                SqlitePoolOptions::new()
                    .max_connections(MOST_CONNECTIONS)
                    .acquire_timeout(PATIENCE)
                    .connect_with(sqlite::options(file))
                    .await?,
            ),
            Place::Server(server) => Pool::Server(server.pool().await?, server.clone()),
        };
        Ok(Self {
            pool,
            writer: Arc::default(),
        })
    }

    /// A connection to read by.
    pub(in crate::control) async fn read(&self) -> Result<Db<'static>, StoreError> {
        Ok(match &self.pool {
            Pool::File(pool) => Db::Sqlite(Link::Pooled(pool.acquire().await?)),
            Pool::Server(pool, _) => Db::Postgres(Link::Pooled(pool.acquire().await?)),
        })
    }

    /// Waits for the turn and begins a change.
    pub(in crate::control) async fn change(&self) -> Result<Change, StoreError> {
        let turn = Arc::clone(&self.writer).lock_owned().await;
        let work = match &self.pool {
            Pool::File(pool) => Db::work_of_file(pool).await?,
            Pool::Server(pool, server) => {
                let mut work = Db::work_of_pool(pool).await?;
                postgres::take_turn(&mut work).await?;
                server.check(&mut work).await?;
                work
            }
        };
        Ok(Change { turn, work })
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match &self.pool {
            Pool::File(pool) => pool.close().await,
            Pool::Server(pool, _) => pool.close().await,
        }
    }
}

impl Change {
    /// The connection that sees what was changed so far.
    pub(in crate::control) fn db(&mut self) -> &mut Db<'static> {
        &mut self.work
    }

    /// Makes it last. The turn is kept as long as what comes back.
    pub(in crate::control) async fn commit(self) -> Result<Turn, StoreError> {
        self.work.commit().await?;
        Ok(self.turn)
    }
}
