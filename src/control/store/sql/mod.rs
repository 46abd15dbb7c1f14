//! Statements, written once for both kinds of books.
//!
//! A statement is text in what SQLite and PostgreSQL have in common, its parameters written `?`, or `?1` where one comes twice.
//! Where the two must differ, both texts stand side by side in an [`Apart`]. What a statement is carried out on, a [`Db`], knows
//! which of the two it is; nobody else has to.
//!
//! What they have in common, and must be kept to: `"user"` in quotes, `NOT disabled` for a flag, `IS NOT DISTINCT FROM` for what
//! may be null, `ON CONFLICT` for rows that are there, `CASE` for the greater of two, `CAST(sum(…) AS bigint)`, `RETURNING` for
//! the number of a new row. Whole numbers are 64 bits wide everywhere.
//!
//! Not here: which statements there are (`house`, `write`, `load`), how books are opened (`sqlite`, `postgres`).

mod batch;
mod text;
mod value;

pub(super) use batch::{Values, delete, insert};
pub(in crate::control) use text::{Apart, Text};
pub(in crate::control) use value::Value;

use super::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Database, FromRow, PgPool, Postgres, Sqlite, SqlitePool, Transaction};
use std::marker::PhantomData;

/// How a transaction that writes begins at a server, whatever it does otherwise: who waited for the turn sees all that was
/// written before it came.
const WRITES: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// What statements are carried out on: one connection to the books, of one kind or the other.
pub(in crate::control) enum Db<'c> {
    Sqlite(Link<'c, Sqlite>),
    Postgres(Link<'c, Postgres>),
}

/// A connection, however it was come by.
pub(in crate::control) enum Link<'c, D: Database> {
    /// Opened for whoever has it.
    Own(Box<D::Connection>),
    /// Lent by a pool.
    Pooled(PoolConnection<D>),
    /// With a transaction under way. Dropped before its commit it never was.
    Work(Work<'c, D>),
}

/// A transaction, and whether all went well in it. After a statement that failed PostgreSQL answers a commit with silence and
/// takes all of it back, where SQLite keeps the rest: here neither commits.
pub(in crate::control) struct Work<'c, D: Database> {
    transaction: Transaction<'c, D>,
    is_whole: bool,
}

impl<'c, D: Database> Link<'c, D> {
    fn connection(&mut self) -> &mut D::Connection {
        match self {
            Self::Own(connection) => connection,
            Self::Pooled(connection) => connection,
            Self::Work(work) => &mut work.transaction,
        }
    }

    const fn work(transaction: Transaction<'c, D>) -> Self {
        Self::Work(Work {
            transaction,
            is_whole: true,
        })
    }

    /// What a statement came to.
    fn heard<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if let (Self::Work(work), Err(_)) = (self, &outcome) {
            work.is_whole = false;
        }
        outcome
    }

    async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Work(work) if work.is_whole => Ok(work.transaction.commit().await?),
            Self::Work(_) => Err(StoreError::Broken),
            Self::Own(_) | Self::Pooled(_) => Ok(()),
        }
    }
}

impl Db<'_> {
    /// One view of all tables, whatever is written meanwhile.
    pub(in crate::control) async fn view(&mut self) -> Result<Db<'_>, StoreError> {
        Ok(match self {
            Self::Sqlite(link) => Db::Sqlite(Link::work(link.connection().begin().await?)),
            Self::Postgres(link) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Db::Postgres(Link::work(link.connection().begin_with(begin).await?))
            }
        })
    }

    /// A transaction that writes.
    pub(super) async fn work(&mut self) -> Result<Db<'_>, StoreError> {
        Ok(match self {
            Self::Sqlite(link) => {
                let work = link.connection().begin_with("BEGIN IMMEDIATE");
                Db::Sqlite(Link::work(work.await?))
            }
            Self::Postgres(link) => {
                Db::Postgres(Link::work(link.connection().begin_with(WRITES).await?))
            }
        })
    }

    /// A transaction that writes, on a connection of this pool.
    pub(super) async fn work_of_pool(pool: &PgPool) -> Result<Db<'static>, StoreError> {
        Ok(Db::Postgres(Link::work(pool.begin_with(WRITES).await?)))
    }

    /// The same in a file.
    pub(super) async fn work_of_file(pool: &SqlitePool) -> Result<Db<'static>, StoreError> {
        let work = pool.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Db::Sqlite(Link::work(work)))
    }

    /// Makes a transaction last.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(link) => link.commit().await,
            Self::Postgres(link) => link.commit().await,
        }
    }

    /// Closes a connection of one's own in order.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(Link::Own(connection)) => connection.close().await?,
            Self::Postgres(Link::Own(connection)) => connection.close().await?,
            Self::Sqlite(_) | Self::Postgres(_) => {}
        }
        Ok(())
    }
}

/// Something that a row of either kind of books can be read as.
pub(in crate::control) trait Record:
    Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>
{
}

impl<T> Record for T where
    T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>
{
}

/// A statement that is not asked for rows.
#[must_use = "a statement does nothing before it is carried out"]
pub(in crate::control) struct Query {
    text: Text,
    values: Vec<Value>,
}

/// A statement whose rows are read as structs or tuples.
#[must_use = "a statement does nothing before it is carried out"]
pub(in crate::control) struct QueryAs<T> {
    query: Query,
    row: PhantomData<fn() -> T>,
}

/// A statement whose rows are one value each.
#[must_use = "a statement does nothing before it is carried out"]
pub(in crate::control) struct QueryScalar<T>(QueryAs<(T,)>);

/// A statement that is not asked for rows.
pub(in crate::control) fn query(text: impl Into<Text>) -> Query {
    Query {
        text: text.into(),
        values: Vec::new(),
    }
}

/// A statement whose rows are read as structs or tuples.
pub(in crate::control) fn query_as<T>(text: impl Into<Text>) -> QueryAs<T> {
    QueryAs {
        query: query(text),
        row: PhantomData,
    }
}

/// A statement whose rows are one value each.
pub(in crate::control) fn query_scalar<T>(text: impl Into<Text>) -> QueryScalar<T> {
    QueryScalar(query_as(text))
}

impl Query {
    /// The next parameter.
    pub(in crate::control) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// How many rows it changed.
    pub(in crate::control) async fn execute(self, db: &mut Db<'_>) -> Result<u64, sqlx::Error> {
        match db {
            Db::Sqlite(link) => {
                let query = sqlx::query_with(self.text.sqlite(), value::sqlite(self.values)?);
                let done = query.execute(link.connection()).await;
                Ok(link.heard(done)?.rows_affected())
            }
            Db::Postgres(link) => {
                let query = sqlx::query_with(self.text.postgres(), value::postgres(self.values)?);
                let done = query.execute(link.connection()).await;
                Ok(link.heard(done)?.rows_affected())
            }
        }
    }
}

/// Carries a statement out with the same method on either kind of connection.
macro_rules! fetch {
    ($query:expr, $db:expr, $row:ty, $method:ident) => {{
        let Query { text, values } = $query;
        match $db {
            Db::Sqlite(link) => {
                let query =
                    sqlx::query_as_with::<_, $row, _>(text.sqlite(), value::sqlite(values)?);
                let found = query.$method(link.connection()).await;
                link.heard(found)?
            }
            Db::Postgres(link) => {
                let query =
                    sqlx::query_as_with::<_, $row, _>(text.postgres(), value::postgres(values)?);
                let found = query.$method(link.connection()).await;
                link.heard(found)?
            }
        }
    }};
}

impl<T: Record> QueryAs<T> {
    /// The next parameter.
    pub(in crate::control) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.query = self.query.bind(value);
        self
    }

    /// All rows.
    pub(in crate::control) async fn fetch_all(
        self,
        db: &mut Db<'_>,
    ) -> Result<Vec<T>, sqlx::Error> {
        Ok(fetch!(self.query, db, T, fetch_all))
    }

    /// The row there may be.
    pub(in crate::control) async fn fetch_optional(
        self,
        db: &mut Db<'_>,
    ) -> Result<Option<T>, sqlx::Error> {
        Ok(fetch!(self.query, db, T, fetch_optional))
    }

    /// The row there is.
    pub(in crate::control) async fn fetch_one(self, db: &mut Db<'_>) -> Result<T, sqlx::Error> {
        Ok(fetch!(self.query, db, T, fetch_one))
    }
}

impl<T> QueryScalar<T>
where
    (T,): Record,
{
    /// The next parameter.
    pub(in crate::control) fn bind(self, value: impl Into<Value>) -> Self {
        Self(self.0.bind(value))
    }

    /// All values.
    pub(in crate::control) async fn fetch_all(
        self,
        db: &mut Db<'_>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let rows = self.0.fetch_all(db).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// The value there may be.
    pub(in crate::control) async fn fetch_optional(
        self,
        db: &mut Db<'_>,
    ) -> Result<Option<T>, sqlx::Error> {
        Ok(self.0.fetch_optional(db).await?.map(|row| row.0))
    }

    /// The value there is.
    pub(in crate::control) async fn fetch_one(self, db: &mut Db<'_>) -> Result<T, sqlx::Error> {
        Ok(self.0.fetch_one(db).await?.0)
    }
}
