//! What the bank's thread does: take all that waits, make the steps, write, answer.

use super::{Order, Reply, TreasuryError};
use crate::clock::{self, Moment};
use crate::control::store::{Ledger, StoreError};
use crate::control::tree::{Accounts, Tree};
use crate::lease::protocol::{Bank, Terms};
use crate::units::Money;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Orders taken together.
const MOST_TOGETHER: usize = 256;
/// How often time passes for the bank.
const TICK: Duration = Duration::from_secs(1);
/// How long it waits after the books failed.
const RETRY: Duration = Duration::from_secs(1);
/// For so long it tries to come back to books at a server. Whoever stands by has taken the bank by then, and gateways that reach
/// a panel without books are better off with another one.
const LOST: Duration = Duration::from_secs(20);

/// An answer that waits for the commit.
type Held = Box<dyn FnOnce(Result<(), TreasuryError>) + Send>;

struct Desk {
    bank: Bank,
    terms: Terms,
    tree: Tree,
    accounts: Accounts,
    ticked: Duration,
}

/// Runs until it is told to close, or nobody can ask any more.
pub(super) async fn run(
    mut ledger: Ledger,
    bank: Bank,
    terms: Terms,
    mut waiting: mpsc::Receiver<Order>,
) {
    let mut desk = Desk {
        bank,
        terms,
        tree: Tree::default(),
        accounts: Accounts::default(),
        ticked: Duration::ZERO,
    };
    let mut orders = Vec::new();
    let mut open = true;
    let mut kept = clock::since_boot();
    while open {
        let came = timeout(TICK, waiting.recv_many(&mut orders, MOST_TOGETHER)).await;
        open = came != Ok(0);
        let now = clock::now();
        let mut held = Vec::new();
        desk.turn(now);
        for order in orders.drain(..) {
            if matches!(order, Order::Close) {
                open = false;
            } else {
                held.extend(desk.carry_out(order));
            }
        }
        let rows = desk.bank.take_rows();
        let boot = clock::since_boot();
        let written = if !rows.is_empty() {
            kept = boot;
            ledger.write(&[rows], now.wall).await
        } else if !held.is_empty() || boot >= kept.saturating_add(TICK) {
            // What changed nothing is said from memory, which is as good as the books only while the bank is held.
            kept = boot;
            ledger.keep().await
        } else {
            Ok(())
        };
        let outcome = match &written {
            Ok(()) => Ok(()),
            Err(error) => Err(TreasuryError::from(error)),
        };
        for answer in held {
            answer(outcome.clone());
        }
        if let Err(error) = written {
            tracing::error!(%error, "the bank's books cannot be written: nothing is lent until they can");
            if desk.read_back(&mut ledger).await.is_err() {
                tracing::error!("this panel holds the bank no longer");
                return;
            }
        }
    }
    if let Err(error) = ledger.close().await {
        tracing::error!(%error, "the bank's books were not closed in order");
    }
}

impl Desk {
    /// Lets time pass, and turns budgets to their next period.
    fn turn(&mut self, now: Moment) {
        // A look at every lease there is: not with each handful of orders.
        let boot = clock::since_boot();
        if boot >= self.ticked.saturating_add(TICK) {
            self.ticked = boot;
            self.bank.tick(boot);
        }
        if self
            .accounts
            .until
            .is_some_and(|until| now.wall.secs() >= until)
        {
            self.govern(now);
        }
    }

    /// Makes the bank what the tree says.
    fn govern(&mut self, now: Moment) {
        let boot = clock::since_boot();
        self.accounts = self.tree.accounts(now.wall);
        for account in self.accounts.by_budget.values() {
            let known = self.bank.account(account.id);
            if known.is_none_or(|known| (known.limit, known.hard) != (account.limit, account.hard))
            {
                self.bank
                    .set_account(account.id, account.limit, account.hard);
            }
            self.bank.set_lending(account.id, account.lending);
            let left = account.ends.map(|ends| left(ends, now));
            self.bank
                .set_end(account.id, left.map(|left| boot.saturating_add(left)));
        }
        let mut named = BTreeSet::new();
        for leaf in &self.tree.leaves {
            named.insert(leaf.id);
            self.bank.set_leaf(leaf.id, self.accounts.of(leaf));
            if self.bank.is_killed(leaf.id) != leaf.killed {
                self.bank.kill(leaf.id, leaf.killed);
            }
        }
        let gone: Vec<_> = self
            .bank
            .leaves()
            .filter(|(id, leaf)| !leaf.killed && !named.contains(id))
            .map(|(id, _)| id)
            .collect();
        for leaf in gone {
            self.bank.kill(leaf, true);
        }
        self.bank.stop(self.tree.stopped.clone());
    }

    /// Makes one step; its answer is held back until the commit.
    fn carry_out(&mut self, order: Order) -> Option<Held> {
        match order {
            Order::Hello(hello, reply) => {
                let answer = self.bank.hello(&hello).map_err(TreasuryError::from);
                Some(hold(reply, answer))
            }
            Order::Sync(sync, reply) => {
                let answer = self.bank.sync(&sync, clock::since_boot());
                Some(hold(reply, answer.map_err(TreasuryError::from)))
            }
            Order::Govern(tree, reply) => {
                self.tree = tree;
                self.govern(clock::now());
                Some(hold(reply, Ok(())))
            }
            Order::Enrol(router, reply) => {
                self.bank.enrol(router);
                Some(hold(reply, Ok(())))
            }
            Order::WriteOff(lease, reply) => Some(hold(reply, Ok(self.bank.write_off(lease)))),
            Order::Drain(router, reply) => Some(hold(reply, Ok(self.bank.drain(router)))),
            Order::OpenAgain(charged, none_since, reply) => {
                Some(hold(reply, self.open_again(&charged, none_since)))
            }
            Order::Look(look) => {
                look(&self.bank);
                None
            }
            Order::Close => None,
        }
    }

    fn open_again(
        &mut self,
        charged: &[(u64, Money)],
        none_since: bool,
    ) -> Result<(), TreasuryError> {
        let account = |budget: &u64| Some(self.accounts.by_budget.get(budget)?.id);
        let charged = charged.iter();
        let charged: Vec<_> = charged
            .filter_map(|(budget, amount)| Some((account(budget)?, *amount)))
            .collect();
        let opened = self
            .bank
            .open_again(&charged, none_since, clock::since_boot());
        opened.map_err(|early| TreasuryError::TooEarly(early.0.unheard.len()))
    }

    /// Memory is ahead of the books: what they say counts. An error where they are another panel's by now.
    async fn read_back(&mut self, ledger: &mut Ledger) -> Result<(), StoreError> {
        let begun = clock::since_boot();
        loop {
            let read = async {
                ledger.again().await?;
                ledger.load(self.terms, clock::since_boot()).await
            };
            match read.await {
                Ok(mut bank) => {
                    bank.wait_like(&self.bank);
                    self.bank = bank;
                    self.govern(clock::now());
                    return Ok(());
                }
                Err(error) => {
                    tracing::error!(%error, "the bank's books cannot be read");
                    let is_lost =
                        ledger.is_shared() && clock::since_boot() >= begun.saturating_add(LOST);
                    if is_lost || matches!(error, StoreError::Deposed) {
                        return Err(error);
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

fn hold<T: Send + 'static>(reply: Reply<T>, answer: Result<T, TreasuryError>) -> Held {
    Box::new(move |written| {
        // Whoever asked may be gone: the step is made all the same.
        let _ = reply.send(written.and(answer));
    })
}

/// How long it is until a second of the calendar.
fn left(ends: i64, now: Moment) -> Duration {
    let nanos = i128::from(ends)
        .saturating_mul(1_000_000_000)
        .saturating_sub(i128::from(now.wall.nanos()));
    Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}
