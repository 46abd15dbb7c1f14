//! The bank at work: one thread that hears, decides, writes and only then answers.
//!
//! Whatever waits when it looks up is taken together: the steps are made in memory, all rows they changed go to the disk in one
//! transaction, and then everybody gets an answer. So one sync of the disk carries as many steps as came in while the last
//! one was under way, and nothing is ever said that a crash could unsay.
//!
//! Invariant: an answer is sent after the commit that holds what it says; one that changed nothing, after the books said that
//! the bank is held still. A commit that fails leaves memory ahead of the disk, so the bank is read back from the disk before it
//! hears anything else.
//!
//! Not here: what a step does (`lease::protocol`), who may ask for it (the doors).

mod work;

use super::store::{Ledger, Place, StoreError};
use super::tree::Tree;
use crate::lease::protocol::{Answer, Bank, BankError, Hello, LeaseId, RouterId, Sync, Terms};
use crate::units::Money;
use std::io;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot, watch};

/// Orders that wait. More are refused, so that a slow disk is felt at the door and not in memory.
const MOST_WAITING: usize = 4096;

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreasuryError {
    /// The bank does not answer such a message.
    #[error("{0}")]
    Refused(#[from] BankError),
    /// The disk fails: nothing was changed.
    #[error("the panel's books cannot be written: {0}")]
    Store(String),
    /// There is more to do than can be done.
    #[error("the panel has more to do than it can: ask again in a moment")]
    Busy,
    /// A restored bank that cannot be opened yet: so many gateways may still spend what it does not know.
    #[error(
        "{0} gateways of the backup, and those enrolled since, may still spend what the restored books do not know"
    )]
    TooEarly(usize),
    /// It is about to end.
    #[error("the panel is stopping")]
    Closed,
}

/// Why there is no bank.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The books cannot be opened or read, or another panel holds the bank.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no thread.
    #[error("no thread can be had: {0}")]
    Thread(#[from] io::Error),
}

type Reply<T> = oneshot::Sender<Result<T, TreasuryError>>;

/// What is asked of the thread.
enum Order {
    Hello(Hello, Reply<Answer>),
    Sync(Box<Sync>, Reply<Answer>),
    Govern(Tree, Reply<()>),
    Enrol(RouterId, Reply<()>),
    WriteOff(LeaseId, Reply<bool>),
    Drain(RouterId, Reply<usize>),
    OpenAgain(Vec<(u64, Money)>, bool, Reply<()>),
    Look(Box<dyn FnOnce(&Bank) + Send>),
    Close,
}

/// The bank, for whoever wants something of it.
#[derive(Debug)]
pub struct Treasury {
    terms: Terms,
    orders: mpsc::Sender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
    ended: watch::Receiver<bool>,
}

impl Treasury {
    /// Opens these books and starts the bank's thread over them. Blocks until the bank is read.
    ///
    /// # Errors
    /// The books cannot be read, another panel holds the bank, or no thread can be had.
    pub fn start(place: &Place, terms: Terms) -> Result<Self, StartError> {
        let (orders, waiting) = mpsc::channel(MOST_WAITING);
        // The books are opened where they are used: a session with a server belongs to its runtime.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (ledger, bank) = runtime.block_on(async {
            let mut ledger = Ledger::open(place).await?;
            let bank = ledger.load(terms, crate::clock::since_boot()).await?;
            Ok::<_, StoreError>((ledger, bank))
        })?;
        let (ending, ended) = watch::channel(false);
        let thread = thread::Builder::new()
            .name("treasury".into())
            .spawn(move || {
                runtime.block_on(work::run(ledger, bank, terms, waiting));
                let _ = ending.send(true);
            })?;
        Ok(Self {
            terms,
            orders,
            thread: Mutex::new(Some(thread)),
            ended,
        })
    }

    /// What its leases are like.
    #[must_use]
    pub const fn terms(&self) -> Terms {
        self.terms
    }

    /// Waits until the bank has come to its end: it was closed, or it is another panel's by now.
    pub async fn ended(&self) {
        // Gone without a word it has ended, too.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    async fn ask<T>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<T, TreasuryError> {
        let (reply, answer) = oneshot::channel();
        self.orders
            .try_send(order(reply))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => TreasuryError::Busy,
                mpsc::error::TrySendError::Closed(_) => TreasuryError::Closed,
            })?;
        answer.await.unwrap_or(Err(TreasuryError::Closed))
    }

    /// Gives a gateway's process its number.
    ///
    /// # Errors
    /// [`TreasuryError`].
    pub async fn hello(&self, hello: Hello) -> Result<Answer, TreasuryError> {
        self.ask(|reply| Order::Hello(hello, reply)).await
    }

    /// Hears what a gateway reports and lends what it needs.
    ///
    /// # Errors
    /// [`TreasuryError`].
    pub async fn sync(&self, sync: Sync) -> Result<Answer, TreasuryError> {
        self.ask(|reply| Order::Sync(Box::new(sync), reply)).await
    }

    /// Goes by this tree from now on, and turns its budgets to their next periods as the calendar says.
    ///
    /// # Errors
    /// [`TreasuryError`]: it goes by the tree before.
    pub async fn govern(&self, tree: Tree) -> Result<(), TreasuryError> {
        self.ask(|reply| Order::Govern(tree, reply)).await
    }

    /// Knows a gateway from now on.
    ///
    /// # Errors
    /// [`TreasuryError`].
    pub async fn enrol(&self, router: RouterId) -> Result<(), TreasuryError> {
        self.ask(|reply| Order::Enrol(router, reply)).await
    }

    /// Gives what a lost lease is presumed to have spent back to its budgets, on an administrator's word: the one act that
    /// can break the bank's promise. Whether there was such a lease.
    ///
    /// # Errors
    /// [`TreasuryError`].
    pub async fn write_off(&self, lease: LeaseId) -> Result<bool, TreasuryError> {
        self.ask(|reply| Order::WriteOff(lease, reply)).await
    }

    /// Lends a gateway nothing more on the leases it has. How many those are.
    ///
    /// # Errors
    /// [`TreasuryError`].
    pub async fn drain(&self, router: RouterId) -> Result<usize, TreasuryError> {
        self.ask(|reply| Order::Drain(router, reply)).await
    }

    /// Lets a restored bank lend again. What was charged to budgets, in their periods that are now, is booked where the books
    /// know of less. `none_since`: no gateway was enrolled that the backup does not know.
    ///
    /// # Errors
    /// [`TreasuryError`].
    pub async fn open_again(
        &self,
        charged: Vec<(u64, Money)>,
        none_since: bool,
    ) -> Result<(), TreasuryError> {
        self.ask(|reply| Order::OpenAgain(charged, none_since, reply))
            .await
    }

    /// Looks at the bank. What is seen may not be on the disk yet; the look must be short, for everybody waits.
    ///
    /// # Errors
    /// [`TreasuryError`].
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Bank) -> T + Send + 'static,
    ) -> Result<T, TreasuryError> {
        self.ask(|reply| {
            Order::Look(Box::new(move |bank| {
                let _ = reply.send(Ok(look(bank)));
            }))
        })
        .await
    }

    /// Finishes what waits and closes the books. Blocks until that is done.
    pub fn close(&self) {
        // A full queue is emptied in time; the thread is never gone before it was told.
        let _ = self.orders.blocking_send(Order::Close);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl From<&StoreError> for TreasuryError {
    fn from(error: &StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

#[cfg(test)]
mod tests;
