//! One SQLite file: WAL, synced at each commit, one writer.

pub mod backup;

use super::sql::{Db, Link};
use super::{Step, StoreError, migrator};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use std::path::Path;
use std::time::Duration;

/// How the tables came to be, step by step.
const STEPS: [Step; 11] = [
    (1, "bank", include_str!("migrations/0001_bank.sql")),
    (2, "house", include_str!("migrations/0002_house.sql")),
    (3, "alerts", include_str!("migrations/0003_alerts.sql")),
    (4, "vault", include_str!("migrations/0004_vault.sql")),
    (5, "bundles", include_str!("migrations/0005_bundles.sql")),
    (6, "usage", include_str!("migrations/0006_usage.sql")),
    (7, "notices", include_str!("migrations/0007_notices.sql")),
    (8, "oidc", include_str!("migrations/0008_oidc.sql")),
    (9, "lending", include_str!("migrations/0009_lending.sql")),
    (10, "tallies", include_str!("migrations/0010_tallies.sql")),
    (11, "signed", include_str!("migrations/0011_signed.sql")),
];

/// How the file is opened, whoever opens it.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
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
pub(super) async fn open(path: &Path) -> Result<Db<'static>, StoreError> {
    let connection = options(path).connect().await;
    let mut connection = connection.map_err(|error| StoreError::Open {
        place: path.display().to_string(),
        error,
    })?;
    let ran = migrator(&STEPS).run(&mut connection).await;
    ran.map_err(|error| StoreError::Tables {
        place: path.display().to_string(),
        error,
    })?;
    Ok(Db::Sqlite(Link::Own(Box::new(connection))))
}
