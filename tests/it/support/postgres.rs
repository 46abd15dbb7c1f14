//! A PostgreSQL database that goes with the test, at the server for tests (`tests/postgres/server`).

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Databases of this process so far.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A database.
pub(crate) struct Database {
    /// Its address.
    pub(crate) url: String,
    name: String,
    server: String,
}

impl Database {
    /// A new one; none where this run is to do without.
    pub(crate) fn new() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "tests are told by their runner")]
        let named = std::env::var("TOLLGATE_TEST_POSTGRES").ok();
        let server = match named.as_deref() {
            Some("off") => {
                eprintln!("not run here: panels on PostgreSQL (TOLLGATE_TEST_POSTGRES=off)");
                return None;
            }
            Some(server) => server.to_owned(),
            None => started(),
        };
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("tollgate_it_{}_{number}", std::process::id());
        administer(&server, format!("CREATE DATABASE {name}"));
        let (before, after) = match server.split_once('?') {
            Some((before, after)) => (before, format!("?{after}")),
            None => (server.as_str(), String::new()),
        };
        let end = before.rfind('/').expect("an address with a database");
        let url = format!("{}/{name}{after}", &before[..end]);
        Some(Self { url, name, server })
    }

    /// What the database has for this.
    pub(crate) fn number(&self, statement: &'static str) -> i64 {
        runtime().block_on(async {
            let connection = PgConnection::connect(&self.url).await;
            let mut connection = connection.expect("the database");
            let number = sqlx::query_scalar(statement).fetch_one(&mut connection);
            number.await.expect("a number")
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let gone = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        administer(&self.server, gone);
    }
}

fn started() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/server");
    let pid = std::process::id().to_string();
    let started = Command::new(script).arg(pid).output().expect("bash");
    assert!(
        started.status.success(),
        "no PostgreSQL for this test: {}\nInstall it (Debian: `postgresql`), name one in TOLLGATE_TEST_POSTGRES, or say \
         TOLLGATE_TEST_POSTGRES=off",
        String::from_utf8_lossy(&started.stderr)
    );
    String::from_utf8_lossy(&started.stdout).trim().to_owned()
}

fn administer(server: &str, statement: String) {
    runtime().block_on(async {
        let connection = PgConnection::connect(server).await;
        let mut connection = connection.expect("the server for tests");
        let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection);
        done.await.expect("carried out");
    });
}

fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime")
}
