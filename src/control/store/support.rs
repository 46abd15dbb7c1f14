//! Books for tests, in either kind: a file, or a database of its own at a server that is only there for tests.
//!
//! `TOLLGATE_TEST_STORE=postgres` has tests of the panel keep their books in PostgreSQL. The server is the one that
//! `TOLLGATE_TEST_POSTGRES` names, by a superuser's address; where it names none, one is started (`tests/postgres/server`).
//! `TOLLGATE_TEST_TEMPLATE` names a database there whose tables are made already: new books are copies of it.

use super::{Place, Store};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::runtime::Builder;

/// Names the database that new ones are copies of.
const TEMPLATE: &str = "TOLLGATE_TEST_TEMPLATE";

/// Books that go with the test.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) place: Place,
    database: Option<String>,
}

impl Books {
    /// New ones of the kind that this run is about; a file is in this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        if is_postgres() {
            return Self::at_server(setting(TEMPLATE).as_deref());
        }
        Self {
            place: Place::File(folder.join("panel.db")),
            database: None,
        }
    }

    /// A copy of others, which nobody has open.
    pub(crate) fn copy_of(&self, folder: &Path) -> Self {
        match (&self.place, self.database.as_deref()) {
            (Place::File(file), _) => {
                let copy = folder.join("panel.db");
                std::fs::copy(file, &copy).expect("copied");
                Self {
                    place: Place::File(copy),
                    database: None,
                }
            }
            (Place::Server(_), from) => Self::at_server(from),
        }
    }

    /// A database that others can be copies of, so that not each has to make its tables.
    pub(crate) fn template() -> Self {
        let books = Self::at_server(None);
        let place = books.place.clone();
        on_a_thread(move || async move {
            let store = Store::open(&place).await.expect("its tables");
            store.close().await;
        });
        books
    }

    /// Has a process make its books by this template.
    pub(crate) fn is_template_of(&self, process: &mut Command) {
        process.env(TEMPLATE, self.database.as_deref().expect("a database"));
    }

    /// A database of its own.
    pub(crate) fn at_server(template: Option<&str>) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("tollgate_test_{}_{number}", std::process::id());
        let template = template.map_or(String::new(), |template| format!(" TEMPLATE {template}"));
        administer(format!("CREATE DATABASE {name}{template}"));
        Self {
            place: Place::Server(address(&name).parse().expect("an address")),
            database: Some(name),
        }
    }

    /// Whether this is written somewhere in them, also where nothing reads it.
    pub(crate) fn holds(&self, needle: &[u8]) -> bool {
        match &self.place {
            Place::File(file) => ["", "-wal", "-shm"].iter().any(|end| {
                let mut name = file.as_os_str().to_owned();
                name.push(end);
                let bytes = std::fs::read(name).unwrap_or_default();
                memchr::memmem::find(&bytes, needle).is_some()
            }),
            Place::Server(_) => {
                let name = self.database.clone().expect("a database");
                let hex: String = needle
                    .iter()
                    .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
                let texts = on_a_thread(move || async move {
                    let connection = PgConnection::connect(&address(&name)).await;
                    let mut connection = connection.expect("the server for tests");
                    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
                    let tables: Vec<String> = sqlx::query_scalar(tables)
                        .fetch_all(&mut connection)
                        .await
                        .expect("tables");
                    let mut texts = Vec::new();
                    for table in tables {
                        let rows = format!("SELECT t::text FROM \"{table}\" t");
                        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(rows))
                            .fetch_all(&mut connection)
                            .await
                            .expect("rows");
                        texts.extend(rows);
                    }
                    texts
                });
                texts.iter().any(|text| {
                    text.contains(&hex) || memchr::memmem::find(text.as_bytes(), needle).is_some()
                })
            }
        }
    }

    /// Where they are, for whoever opens them as a process of its own would.
    pub(crate) fn elsewhere(&self) -> Place {
        match &self.database {
            Some(name) => Place::Server(address(name).parse().expect("an address")),
            None => self.place.clone(),
        }
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        if let Some(name) = self.database.take() {
            administer(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// Whether this run is about books in PostgreSQL.
pub(crate) fn is_postgres() -> bool {
    setting("TOLLGATE_TEST_STORE").is_some_and(|store| store == "postgres")
}

/// Whether tests are to do without PostgreSQL, because somebody said so: then what is not run says so.
pub(crate) fn is_off(what: &str) -> bool {
    let is_off = setting("TOLLGATE_TEST_POSTGRES").is_some_and(|server| server == "off");
    if is_off {
        let line = format!("not run here: {what} (TOLLGATE_TEST_POSTGRES=off)\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    is_off
}

fn setting(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "tests are told by their runner")]
    std::env::var(name).ok()
}

/// The server's address with this database.
fn address(database: &str) -> String {
    let (before, after) = match server().split_once('?') {
        Some((before, after)) => (before, format!("?{after}")),
        None => (server(), String::new()),
    };
    let end = before.rfind('/').expect("an address with a database");
    format!("{}/{database}{after}", &before[..end])
}

/// The server for tests.
fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| {
        if let Some(named) = setting("TOLLGATE_TEST_POSTGRES") {
            assert_ne!(named, "off", "this test needs PostgreSQL, and was told to do without");
            return named;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/server");
        let pid = std::process::id().to_string();
        let started = Command::new(script).arg(pid).output().expect("bash");
        let (out, err) = (
            String::from_utf8_lossy(&started.stdout),
            String::from_utf8_lossy(&started.stderr),
        );
        assert!(
            started.status.success(),
            "no PostgreSQL for this test: {err}\nInstall it (Debian: `postgresql`), name one in TOLLGATE_TEST_POSTGRES, \
             or say TOLLGATE_TEST_POSTGRES=off"
        );
        out.trim().to_owned()
    })
}

/// Carries a statement out at the server.
fn administer(statement: String) {
    on_a_thread(|| async move {
        let connection = PgConnection::connect(server()).await;
        let mut connection = connection.expect("the server for tests");
        let done = sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await;
        done.expect("carried out");
        connection.close().await.expect("closed");
    });
}

/// On a thread of its own: whoever asks may be within a runtime.
fn on_a_thread<T, F>(what: impl FnOnce() -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let thread = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(what())
    });
    thread.join().expect("no panic")
}
