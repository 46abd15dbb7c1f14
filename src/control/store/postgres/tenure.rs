//! Who holds the bank, and for how long.
//!
//! A panel holds the bank by a lock of its session, and writes the bank's books in that same session: a session that breaks
//! takes both away at once. Whoever gets the lock begins a new term, a number that goes up; each transaction, also of the house,
//! names its term and keeps the next one from beginning before it is over. So a panel that was stopped for a while, or whose
//! lock was lost behind a proxy of connections, commits nothing after somebody else began.
//!
//! A standby that took over from its primary may lack the last commits, and a restored copy lacks more: leases that gateways
//! spend from by now. Either has another history than the books were begun with, and no panel goes on with it before it
//! is told what became of them (`set_back`).
//!
//! A session that says nothing for [`SILENCE`] is ended by the server, so a panel that hangs holds nothing for ever. One that
//! lost its session may come back to the bank if nobody held it meanwhile: then its memory is as good as the books.

use super::super::StoreError;
use super::super::sql::{self, Db, Link};
use super::{BANK, Server, close};
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::timeout;

/// For so long the session that holds the bank may say nothing, in seconds. It says something each second.
const SILENCE: &str = "10s";
/// How long the server may take for one thing, before it is taken for lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// The server, and its timeline: each copy of it that takes over begins another.
const HISTORY: &str = "SELECT CAST(system_identifier AS text) || '/' || \
                       CAST(CAST('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS bit(32)) AS int), \
                       (SELECT history FROM tenure) FROM pg_control_system()";

/// The bank, held.
pub(in crate::control::store) struct Tenure {
    server: Server,
    term: i64,
    /// None from when the session was lost until there is another.
    session: Option<Db<'static>>,
}

impl Tenure {
    /// Takes the bank, and brings the tables up to date.
    pub(in crate::control::store) async fn begin(server: &Server) -> Result<Self, StoreError> {
        let mut session = hold(server).await?;
        if let Err(error) = same(server, &mut session).await {
            leave(session).await?;
            return Err(error);
        }
        Self::of(server, session).await
    }

    /// Takes it also where the books are not those that it was begun with: to say what became of them.
    pub(in crate::control::store) async fn amend(server: &Server) -> Result<Self, StoreError> {
        let session = hold(server).await?;
        Self::of(server, session).await
    }

    async fn of(server: &Server, mut session: Db<'static>) -> Result<Self, StoreError> {
        let term = next(&mut session, None).await?;
        server.term.store(term, Ordering::Release);
        Ok(Self {
            server: server.clone(),
            term,
            session: Some(session),
        })
    }

    pub(in crate::control::store) fn db(&mut self) -> Result<&mut Db<'static>, StoreError> {
        self.session.as_mut().ok_or(StoreError::Silent)
    }

    /// Carries this out in one transaction of this term.
    pub(in crate::control::store) async fn write(
        &mut self,
        what: impl AsyncFnOnce(&mut Db<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let server = self.server.clone();
        let db = self.db()?;
        let written = timeout(PATIENCE, async {
            let mut work = db.work().await?;
            server.check(&mut work).await?;
            what(&mut work).await?;
            work.commit().await
        });
        let written = written.await.unwrap_or(Err(StoreError::Silent));
        self.heard(written)
    }

    /// Says something, and hears whether the term is this one still.
    pub(in crate::control::store) async fn keep(&mut self) -> Result<(), StoreError> {
        let term = self.term;
        let db = self.db()?;
        let kept = timeout(PATIENCE, async {
            let now = sql::query_scalar::<i64>("SELECT term FROM tenure");
            match now.fetch_one(db).await? {
                now if now == term => Ok(()),
                _ => Err(StoreError::Deposed),
            }
        });
        let kept = kept.await.unwrap_or(Err(StoreError::Silent));
        self.heard(kept)
    }

    /// A session that failed otherwise than by the server's word about a statement is not gone on with.
    fn heard(&mut self, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
        let is_well = match &outcome {
            Ok(()) | Err(StoreError::Row { .. }) => true,
            // 57P…: the server ends, or has ended this session.
            Err(StoreError::Statement(sqlx::Error::Database(error))) => {
                !error.code().is_some_and(|code| code.starts_with("57P"))
            }
            Err(_) => false,
        };
        if !is_well {
            self.session = None;
        }
        outcome
    }

    /// Comes back with a new session, if nobody held the bank meanwhile.
    pub(in crate::control::store) async fn again(&mut self) -> Result<(), StoreError> {
        if self.session.is_some() {
            return self.keep().await;
        }
        let again = timeout(PATIENCE, async {
            let mut connection = session(&self.server).await?;
            let is_free = take(&mut connection).await?;
            let mut session = Db::Postgres(Link::Own(Box::new(connection)));
            if !is_free {
                // The session that was lost may not have ended yet; somebody else's term is another one.
                let now = sql::query_scalar::<i64>("SELECT term FROM tenure");
                let now = now.fetch_one(&mut session).await?;
                session.close().await?;
                return Err(if now == self.term {
                    StoreError::Held(self.server.to_string())
                } else {
                    StoreError::Deposed
                });
            }
            same(&self.server, &mut session).await?;
            let term = next(&mut session, Some(self.term)).await?;
            Ok((term, session))
        });
        let (term, session) = again.await.unwrap_or(Err(StoreError::Silent))?;
        self.server.term.store(term, Ordering::Release);
        self.term = term;
        self.session = Some(session);
        Ok(())
    }

    /// Lets go of the bank.
    pub(in crate::control::store) async fn end(mut self) -> Result<(), StoreError> {
        match self.session.take() {
            Some(session) => leave(session).await,
            None => Ok(()),
        }
    }
}

impl Drop for Tenure {
    /// What this process still has open changes nothing any more.
    fn drop(&mut self) {
        self.server.term.store(0, Ordering::Release);
    }
}

/// A session that ends when its panel hangs.
async fn session(server: &Server) -> Result<PgConnection, StoreError> {
    let options = PgConnectOptions::clone(&server.options);
    let options = options.options([("idle_session_timeout", SILENCE)]);
    server.connect_with(&options).await
}

/// Takes the bank's lock, if it is free.
async fn take(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let taken = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(BANK);
    Ok(taken.fetch_one(connection).await?)
}

/// The bank's lock, in a session over tables that are up to date.
async fn hold(server: &Server) -> Result<Db<'static>, StoreError> {
    let mut connection = session(server).await?;
    if !take(&mut connection).await? {
        close(connection).await?;
        return Err(StoreError::Held(server.to_string()));
    }
    // Not before: whoever holds the bank may be of an older version still.
    server.migrate(&mut connection).await?;
    Ok(Db::Postgres(Link::Own(Box::new(connection))))
}

/// Lets go of the bank's lock and then of the session: a server takes a moment to notice that a session has ended, and whoever
/// comes next would find the bank held.
async fn leave(mut session: Db<'static>) -> Result<(), StoreError> {
    let free = sql::query_scalar::<bool>("SELECT pg_advisory_unlock(?)").bind(BANK);
    let freed = timeout(PATIENCE, free.fetch_one(&mut session)).await;
    session.close().await?;
    freed.map_err(|_| StoreError::Silent)??;
    Ok(())
}

/// Goes on only with the books that the panels before this one wrote.
async fn same(server: &Server, session: &mut Db<'_>) -> Result<(), StoreError> {
    let (now, known) = history(session).await?;
    match known {
        None => own(session, &now).await,
        Some(known) if known == now => Ok(()),
        Some(known) => Err(StoreError::Unsafe {
            place: server.to_string(),
            why: format!(
                "goes on from a copy of the books (history {now}, before {known}), in which what was lent last may be missing: \
                 stop all panels and run `tollgate panel set-back`, or `tollgate panel set-back --complete` where the copy surely \
                 has every commit"
            ),
        }),
    }
}

/// What its history is, and what it was when a panel began with these books.
async fn history(db: &mut Db<'_>) -> Result<(String, Option<String>), StoreError> {
    Ok(sql::query_as(HISTORY).fetch_one(db).await?)
}

async fn own(db: &mut Db<'_>, history: &str) -> Result<(), StoreError> {
    let own = sql::query("UPDATE tenure SET history = ?");
    own.bind(history).execute(db).await?;
    Ok(())
}

/// Has these books be the ones to go on with.
pub(in crate::control::store) async fn adopt(db: &mut Db<'_>) -> Result<(), StoreError> {
    let (now, _) = history(db).await?;
    own(db, &now).await
}

/// Begins the next term, when all that is under way in the last one is over.
async fn next(session: &mut Db<'_>, after: Option<i64>) -> Result<i64, StoreError> {
    let next = sql::query_scalar(
        "UPDATE tenure SET term = term + 1 WHERE ?1 IS NULL OR term = ?1 RETURNING term",
    );
    let next = next.bind(after).fetch_optional(session).await?;
    next.ok_or(StoreError::Deposed)
}
