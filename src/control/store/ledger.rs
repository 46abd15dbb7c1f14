//! The bank's own books: one connection, which writes what the bank's steps changed.
//!
//! In PostgreSQL that connection is also what the bank is held by: with it the lock is gone, and nothing can be written over
//! another one. Every transaction says besides whose term it is.

use super::house::{restored, settings};
use super::postgres::{Server, Tenure};
use super::sql::{self, Db};
use super::{Place, StoreError, load, sqlite, write};
use crate::clock::Wall;
use crate::lease::protocol::{Bank, Rows, SetBack, Terms};
use std::time::Duration;

/// The bank's books.
#[derive(Debug)]
pub struct Ledger {
    books: Books,
}

enum Books {
    File(Db<'static>),
    Server(Tenure),
}

impl std::fmt::Debug for Books {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::File(_) => "File",
            Self::Server(_) => "Server",
        })
    }
}

impl Ledger {
    /// Opens the books, or makes them, and brings their tables up to date. In PostgreSQL the bank is held from here on.
    ///
    /// # Errors
    /// [`StoreError`]: [`StoreError::Held`] where another panel holds the bank.
    pub async fn open(place: &Place) -> Result<Self, StoreError> {
        let mut ledger = Self {
            books: match place {
                Place::File(file) => Books::File(sqlite::open(file).await?),
                Place::Server(server) => Books::Server(Tenure::begin(server).await?),
            },
        };
        if let Place::File(file) = place
            && settings::number(ledger.db()?, restored::BACKUP).await? > 0
        {
            return Err(StoreError::Backup(file.clone()));
        }
        Ok(ledger)
    }

    /// Opens books that may be a copy of those the panels before wrote, to say so; no panel goes on with them meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: [`StoreError::Held`] where a panel holds the bank.
    pub async fn amend(server: &Server) -> Result<Self, StoreError> {
        let books = Books::Server(Tenure::amend(server).await?);
        Ok(Self { books })
    }

    /// Whether another panel could hold the bank in these books.
    pub(in crate::control) const fn is_shared(&self) -> bool {
        matches!(self.books, Books::Server(_))
    }

    pub(super) fn db(&mut self) -> Result<&mut Db<'static>, StoreError> {
        match &mut self.books {
            Books::File(db) => Ok(db),
            Books::Server(tenure) => tenure.db(),
        }
    }

    /// Writes the rows of one or more steps: all of them, or none. They are safe when this is done.
    ///
    /// # Errors
    /// [`StoreError`]: the disk or the server fails, a row breaks a promise, or the bank is another panel's by now.
    pub async fn write(&mut self, batch: &[Rows], at: Wall) -> Result<(), StoreError> {
        self.change(async |work| {
            for rows in batch {
                write::rows(work, rows, at).await?;
            }
            Ok(())
        })
        .await
    }

    /// Carries this out in one transaction, if the bank is held still.
    async fn change(
        &mut self,
        what: impl AsyncFnOnce(&mut Db<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match &mut self.books {
            Books::File(db) => {
                let mut work = db.work().await?;
                what(&mut work).await?;
                work.commit().await
            }
            Books::Server(tenure) => tenure.write(what).await,
        }
    }

    /// Whether the books are there still, with nothing to be written.
    ///
    /// # Errors
    /// [`StoreError`]: the bank is held no longer.
    pub async fn keep(&mut self) -> Result<(), StoreError> {
        match &mut self.books {
            Books::File(_) => Ok(()),
            Books::Server(tenure) => tenure.keep().await,
        }
    }

    /// Comes back to the books after they failed, if nobody else held the bank meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: [`StoreError::Deposed`] where somebody did; otherwise it may be tried again.
    pub async fn again(&mut self) -> Result<(), StoreError> {
        match &mut self.books {
            Books::File(_) => Ok(()),
            Books::Server(tenure) => tenure.again().await,
        }
    }

    /// The bank as the books have it, its open leases with their whole time ahead of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(&mut self, terms: Terms, now: Duration) -> Result<Bank, StoreError> {
        let mut view = self.db()?.view().await?;
        let rows = load::rows(&mut view).await?;
        let restored = restored::get(&mut view).await?;
        let known = settings::number(&mut view, restored::LONGEST).await?;
        drop(view);
        let longest = known.max(longest(terms));
        let begins = restored.is_some_and(|books| books.opened.is_none());
        if longest > known || begins {
            self.change(async |work| {
                settings::set_number(work, restored::LONGEST, longest).await?;
                if begins {
                    restored::begun(work).await?;
                }
                Ok(())
            })
            .await?;
        }
        let mut bank = Bank::restore(terms, rows, 1);
        bank.wake(now);
        if let Some(books) = restored {
            let is_open = books.opened.is_some();
            let books = SetBack {
                below: u64::try_from(books.below).unwrap_or(u64::MAX),
                is_open,
                has_begun: books.starts > 0,
                longest: Duration::from_nanos(longest.unsigned_abs()),
            };
            bank.set_back(books, now);
        }
        Ok(bank)
    }

    /// Recomputes every account from the ledger's lines. Comes back with those that differ.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn verify(&mut self) -> Result<Vec<(i64, i64)>, StoreError> {
        let differing = sql::query_as(
            "SELECT a.budget, a.period FROM account a LEFT JOIN \
             (SELECT budget, period, sum(spent) AS s, sum(held) AS h, sum(uncertain) AS u, sum(overrun) AS o \
              FROM entry GROUP BY budget, period) e \
             ON e.budget = a.budget AND e.period = a.period \
             WHERE a.spent <> coalesce(e.s, 0) OR a.held <> coalesce(e.h, 0) \
                OR a.uncertain <> coalesce(e.u, 0) OR a.overrun <> coalesce(e.o, 0) \
             ORDER BY a.budget, a.period",
        );
        Ok(differing.fetch_all(self.db()?).await?)
    }

    /// Closes the books; in PostgreSQL another panel may hold the bank from then on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close(self) -> Result<(), StoreError> {
        match self.books {
            Books::File(db) => db.close().await,
            Books::Server(tenure) => tenure.end().await,
        }
    }
}

/// How long a lease can be spent at most by these terms, calls under way included, in nanoseconds. The books keep the longest of
/// all days: a panel that is restored goes by what was lent, not by what its configuration says then.
fn longest(terms: Terms) -> i64 {
    let whole = terms.valid_for.saturating_add(terms.drain_for);
    i64::try_from(whole.as_nanos()).unwrap_or(i64::MAX)
}
