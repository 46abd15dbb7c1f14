//! Many rows in one statement.
//!
//! A statement costs its way to SQLite's thread, or to PostgreSQL's server, and back, whatever it carries. SQLite gets the rows
//! as a list of `VALUES`; PostgreSQL gets each column as one array, so that the text is the same however many rows there are.
//!
//! PostgreSQL changes a row once in a statement: no two of the rows may be the same one.

use super::super::StoreError;
use super::{Db, Value, value};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe};

/// Rows in one statement: with the most columns a table has, as many parameters as SQLite takes.
const MOST_ROWS: usize = 1_500;

/// The values of one row, to be added to.
#[derive(Debug, Default)]
pub(in crate::control::store) struct Values(Vec<Value>);

impl Values {
    /// The next column.
    pub(in crate::control::store) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.0.push(value.into());
        self
    }
}

/// One column of many rows.
enum Column {
    Numbers(Vec<Option<i64>>),
    Flags(Vec<bool>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    fn of(first: &Value, rows: usize) -> Self {
        match first {
            Value::Number(_) => Self::Numbers(Vec::with_capacity(rows)),
            Value::Flag(_) => Self::Flags(Vec::with_capacity(rows)),
            Value::Text(_) => Self::Texts(Vec::with_capacity(rows)),
            Value::Bytes(_) => Self::Bytes(Vec::with_capacity(rows)),
        }
    }

    fn push(&mut self, value: Value) -> Result<(), StoreError> {
        match (self, value) {
            (Self::Numbers(all), Value::Number(one)) => all.push(one),
            (Self::Flags(all), Value::Flag(one)) => all.push(one),
            (Self::Texts(all), Value::Text(one)) => all.push(one),
            (Self::Bytes(all), Value::Bytes(one)) => all.push(one),
            _ => return Err(uneven()),
        }
        Ok(())
    }

    fn add_to(self, all: &mut PgArguments) -> Result<(), StoreError> {
        let added = match self {
            Self::Numbers(column) => all.add(column),
            Self::Flags(column) => all.add(column),
            Self::Texts(column) => all.add(column),
            Self::Bytes(column) => all.add(column),
        };
        Ok(added.map_err(sqlx::Error::Encode)?)
    }
}

/// Rows whose columns are not of one kind: a mistake of ours.
fn uneven() -> StoreError {
    StoreError::Row {
        table: "list of rows",
        what: "columns of several kinds".to_owned(),
    }
}

/// Inserts all rows, one statement for each [`MOST_ROWS`] of them. `conflict` says what is done with those that are there.
pub(in crate::control::store) async fn insert<T>(
    db: &mut Db<'_>,
    into: &'static str,
    rows: &[T],
    mut values: impl FnMut(&mut Values, &T),
    conflict: &'static str,
) -> Result<(), StoreError> {
    for rows in rows.chunks(MOST_ROWS) {
        let rows = rows.iter().map(|row| {
            let mut of_row = Values::default();
            values(&mut of_row, row);
            of_row.0
        });
        match db {
            Db::Sqlite(link) => {
                let rows: Vec<Vec<Value>> = rows.collect();
                let marks = marks(rows.first().map_or(0, Vec::len));
                let text = vec![marks; rows.len()].join(", ");
                let text = AssertSqlSafe(format!("{into}VALUES {text}{conflict}"));
                let query = sqlx::query_with(text, value::sqlite(rows.into_iter().flatten())?);
                // Another text for each number of rows: not to be kept.
                let query = query.persistent(false);
                let done = query.execute(link.connection()).await;
                link.heard(done)?;
            }
            Db::Postgres(link) => {
                let columns = turned(rows)?;
                let marks: Vec<String> = (1..=columns.len()).map(|at| format!("${at}")).collect();
                let marks = marks.join(", ");
                let text = format!("{into}SELECT * FROM unnest({marks}){conflict}");
                let query = sqlx::query_with(AssertSqlSafe(text), arrays(columns)?);
                let done = query.execute(link.connection()).await;
                link.heard(done)?;
            }
        }
    }
    Ok(())
}

/// Deletes what has one of these values: `from` ends with the column, `DELETE FROM leaf_account WHERE leaf`.
pub(in crate::control::store) async fn delete(
    db: &mut Db<'_>,
    from: &'static str,
    values: Vec<Value>,
) -> Result<(), StoreError> {
    for values in values.chunks(MOST_ROWS) {
        match db {
            Db::Sqlite(link) => {
                let text = AssertSqlSafe(format!("{from} IN {}", marks(values.len())));
                let query = sqlx::query_with(text, value::sqlite(values.iter().cloned())?);
                let query = query.persistent(false);
                let done = query.execute(link.connection()).await;
                link.heard(done)?;
            }
            Db::Postgres(link) => {
                let columns = turned(values.iter().map(|value| vec![value.clone()]))?;
                let text = AssertSqlSafe(format!("{from} = ANY($1)"));
                let query = sqlx::query_with(text, arrays(columns)?);
                let done = query.execute(link.connection()).await;
                link.heard(done)?;
            }
        }
    }
    Ok(())
}

/// `(?, ?, ?)`
fn marks(count: usize) -> String {
    format!("({})", vec!["?"; count].join(", "))
}

/// Rows as columns.
fn turned(rows: impl ExactSizeIterator<Item = Vec<Value>>) -> Result<Vec<Column>, StoreError> {
    let count = rows.len();
    let mut columns: Vec<Column> = Vec::new();
    for row in rows {
        if columns.is_empty() {
            columns = row.iter().map(|value| Column::of(value, count)).collect();
        }
        if row.len() != columns.len() {
            return Err(uneven());
        }
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value)?;
        }
    }
    Ok(columns)
}

fn arrays(columns: Vec<Column>) -> Result<PgArguments, StoreError> {
    let mut all = PgArguments::default();
    for column in columns {
        column.add_to(&mut all)?;
    }
    Ok(all)
}
