//! A PostgreSQL database that several panels may share: one of them holds the bank (`tenure`), the others stand by.
//!
//! What a session of ours promises itself: commits are on the server's disk before they are answered, nobody waits for a lock
//! for ever, and a transaction that its panel has left open ends by itself.
//!
//! Not here: which panel is reached by gateways, and what becomes of one that lost the bank (`app`).

mod tenure;
#[cfg(test)]
mod tests;

pub(super) use tenure::{Tenure, adopt};

use super::sql::{self, Db};
use super::{Step, StoreError, migrator, pool};
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, PgPool, Postgres};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// How the tables came to be, step by step: the same numbers as SQLite's, and what only a server has.
const STEPS: [Step; 12] = [
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
    (1000, "tenure", include_str!("migrations/1000_tenure.sql")),
];

/// The lock of whoever changes the house, over all panels: `tollgate` and a number, as digits.
const HOUSE: i64 = 0x746f_6c6c_6761_0001;
/// The lock of whoever holds the bank.
const BANK: i64 = 0x746f_6c6c_6761_0002;

/// Connections of the house at once.
const MOST_CONNECTIONS: u32 = 8;
/// The oldest server that ends sessions which say nothing any more.
const OLDEST: i64 = 140_000;

/// A database at a server, and the term in which this process holds its bank.
#[derive(Clone)]
pub struct Server {
    options: Arc<PgConnectOptions>,
    /// 0 as long as it does not hold the bank.
    term: Arc<AtomicI64>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self})")
    }
}

impl fmt::Display for Server {
    /// Without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let database = options.get_database().unwrap_or(options.get_username());
        if let Some(socket) = options.get_socket() {
            return write!(f, "postgres:///{database}?host={}", socket.display());
        }
        write!(
            f,
            "postgres://{}:{}/{database}",
            options.get_host(),
            options.get_port()
        )
    }
}

/// Why an address of a database has no meaning. Nothing of it is said that could be of a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// It is something else.
    #[error("it does not begin with `postgres://`")]
    Scheme,
    /// It has a parameter that says nothing to us.
    #[error("`{0}` is none of its parameters")]
    Parameter(String),
    /// It cannot be taken apart, or a value in it cannot be.
    #[error(
        "its parts cannot be told from each other, or one cannot be (in a password `%`, `/`, `?`, `#` and `@` are written \
         `%25`, `%2F`, `%3F`, `%23` and `%40`)"
    )]
    Parts,
}

/// What an address may say after its `?`. Others would be passed over, and logged with their values.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

impl FromStr for Server {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(NoAddress::Scheme);
        }
        let after = text.split_once('?').map_or("", |(_, after)| after);
        for pair in after.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split_once('=').ok_or(NoAddress::Parts)?.0;
            if !PARAMETERS.contains(&name) && !name.starts_with("options[") {
                // With an `@` after it, the `?` was one of a password.
                let name = named(name).filter(|_| !after.contains('@'));
                return Err(name.map_or(NoAddress::Parts, NoAddress::Parameter));
            }
        }
        let options = PgConnectOptions::from_str(text).map_err(|_| NoAddress::Parts)?;
        let database = options.get_database().unwrap_or_default();
        if database.contains(['@', '/']) {
            return Err(NoAddress::Parts); // the rest of a password
        }
        let options = options
            .application_name("tollgate panel")
            .options([
                ("client_min_messages", "warning"),
                ("lock_timeout", "10s"),
                ("idle_in_transaction_session_timeout", "10s"),
                // A panel that is gone with its machine is noticed before long.
                ("tcp_keepalives_idle", "5"),
                ("tcp_keepalives_interval", "2"),
                ("tcp_keepalives_count", "3"),
            ])
            .disable_statement_logging();
        Ok(Self {
            options: Arc::new(options),
            term: Arc::default(),
        })
    }
}

impl Server {
    /// Whether its password could be read on the way: TLS is not asked for, and it is not on this machine.
    #[must_use]
    pub fn is_in_the_clear(&self) -> bool {
        let host = self.options.get_host();
        let is_here = self.options.get_socket().is_some()
            || matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]")
            || host.starts_with('/');
        let is_sealed = matches!(
            self.options.get_ssl_mode(),
            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull
        );
        !is_here && !is_sealed
    }

    fn unusable(&self, error: sqlx::Error) -> StoreError {
        StoreError::Open {
            place: self.to_string(),
            error,
        }
    }

    /// A session of one's own, at a server that keeps what it says it has kept.
    pub(super) async fn connect(&self) -> Result<PgConnection, StoreError> {
        self.connect_with(&self.options).await
    }

    async fn connect_with(&self, options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
        let connection = options.connect().await;
        let mut connection = connection.map_err(|error| self.unusable(error))?;
        if let Some(why) = fault(&mut connection).await? {
            return Err(StoreError::Unsafe {
                place: self.to_string(),
                why,
            });
        }
        promise(&mut connection).await?;
        Ok(connection)
    }

    /// Brings the tables up to date.
    pub(super) async fn migrate(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let ran = migrator(&STEPS).run(connection).await;
        ran.map_err(|error| StoreError::Tables {
            place: self.to_string(),
            error,
        })
    }

    /// The house's connections.
    pub(super) async fn pool(&self) -> Result<PgPool, StoreError> {
        let pool = PoolOptions::<Postgres>::new()
            .max_connections(MOST_CONNECTIONS)
            .acquire_timeout(pool::PATIENCE)
            .after_connect(|connection, _| Box::pin(promise(connection)))
            .connect_with(PgConnectOptions::clone(&self.options));
        pool.await.map_err(|error| self.unusable(error))
    }

    /// Whether this process holds the bank still, as of this transaction, to whose end nobody else can take it.
    pub(super) async fn check(&self, work: &mut Db<'_>) -> Result<(), StoreError> {
        let term = self.term.load(Ordering::Acquire);
        let held = sql::query_scalar::<i64>("SELECT term FROM tenure WHERE term = ? FOR SHARE");
        match held.bind(term).fetch_optional(work).await? {
            Some(_) if term > 0 => Ok(()),
            _ => Err(StoreError::Deposed),
        }
    }
}

/// A parameter's name, if it can be one.
fn named(name: &str) -> Option<String> {
    let plain = |letter: char| letter.is_ascii_lowercase() || matches!(letter, '_' | '-');
    let is_name = (1..=40).contains(&name.len()) && name.chars().all(plain);
    is_name.then(|| name.to_owned())
}

/// Waits for the turn to change the house, over all panels. It is over with the transaction.
pub(super) async fn take_turn(work: &mut Db<'_>) -> Result<(), StoreError> {
    let turn = sql::query("SELECT pg_advisory_xact_lock(?)");
    turn.bind(HOUSE).execute(work).await?;
    Ok(())
}

/// Why a server cannot be trusted with books.
async fn fault(connection: &mut PgConnection) -> Result<Option<String>, StoreError> {
    let asked = "SELECT current_setting('server_version_num')::bigint, current_setting('fsync'), pg_is_in_recovery()";
    let (version, fsync, is_copy): (i64, String, bool) =
        sqlx::query_as(asked).fetch_one(connection).await?;
    Ok(if version < OLDEST {
        Some(format!(
            "is PostgreSQL {}: it takes 14 or later",
            version / 10_000
        ))
    } else if fsync != "on" {
        Some("runs with fsync off: after a crash it could have forgotten what was lent; turn fsync on".to_owned())
    } else if is_copy {
        Some("is a standby that cannot be written: name the primary".to_owned())
    } else {
        None
    })
}

/// Commits are on the disk before they are answered, and on the disk of a synchronous standby where there is one, whatever the
/// server does otherwise: a standby that takes over knows them.
async fn promise(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let asked = "SELECT current_setting('synchronous_commit')";
    let kept: String = sqlx::query_scalar(asked)
        .fetch_one(&mut *connection)
        .await?;
    if !matches!(kept.as_str(), "on" | "remote_apply") {
        sqlx::query("SET synchronous_commit TO on")
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Closes a session, whose locks are free then.
async fn close(connection: PgConnection) -> Result<(), StoreError> {
    Ok(connection.close().await?)
}
