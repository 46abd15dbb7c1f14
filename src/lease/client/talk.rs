//! The talk: who says what to the panel, and when.
//!
//! One sync is under way at a time, and is said again unchanged until it is answered. It is said at once when a call waits,
//! soon when what was lent runs low, and else often enough that no lease ends unheard. Events only make it sooner: a kill
//! takes effect the moment it is heard, everything else is looked up. The loops share one thread and wait for nobody.
//!
//! Not here: what the answers mean for money (`purse`, `protocol`).

mod enrol;
mod news;
mod policy;
mod tally;
mod vault;

use super::purse::Hurry;
use super::reading::Notes;
use super::teller::Teller;
use super::{Changed, Client, ClientError, Reach};
use crate::clock;
use crate::lease::problem::{Code, Problem};
use crate::lease::protocol::{BankError, DiskId, RouterId};
use std::cell::Cell;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{self, Notify};
use tokio::time::{sleep, timeout};

/// How often the panel hears of a gateway that needs nothing.
pub(super) const EVERY: Duration = Duration::from_secs(15);
/// How soon it is asked again for what runs low.
const SOON: Duration = Duration::from_secs(1);
/// The longest wait after failures.
const LONGEST: Duration = Duration::from_secs(30);
/// How often the directory is looked at though no event says so.
const LOOK: Duration = Duration::from_mins(1);
/// How long the end waits for the panel.
const FAREWELL: Duration = Duration::from_secs(3);

/// Everything the loops share.
pub(super) struct Talk {
    client: Client,
    disk: DiskId,
    start: Cell<u64>,
    notes: Arc<Mutex<Notes>>,
    reach: Reach,
    changed: Changed,
    /// Told once, after the first word or failure.
    first: SyncSender<()>,
    revision: Cell<u64>,
    /// The directory is to be looked at.
    look: Notify,
    renew_at: Cell<i64>,
    /// The line was broken: what runs here is told anew.
    told_anew: Cell<bool>,
    teller: sync::Mutex<Teller>,
    /// A word of money was answered: now the counts.
    synced: Notify,
    /// The panel takes no counts, and that was said.
    is_unspoken: Cell<bool>,
}

impl Talk {
    pub(super) fn new(
        mut client: Client,
        (disk, start): (DiskId, u64),
        notes: Arc<Mutex<Notes>>,
        reach: Reach,
        changed: Changed,
        first: SyncSender<()>,
    ) -> Self {
        let revision = client.directory.as_ref().map_or(0, |known| known.revision);
        let member = client.member.as_ref();
        // Enrolled before panels had a key for policies: the next certificate brings it, and is asked for now.
        let renew_at = member.filter(|member| member.policy_key.is_some());
        let renew_at = renew_at.map_or(0, |member| member.renew_at);
        let counting = std::mem::replace(&mut client.counting, Box::new(Vec::new));
        Self {
            client,
            disk,
            start: Cell::new(start),
            notes,
            reach,
            changed,
            first,
            revision: Cell::new(revision),
            look: Notify::new(),
            renew_at: Cell::new(renew_at),
            told_anew: Cell::new(false),
            teller: sync::Mutex::new(Teller::new(counting)),
            synced: Notify::new(),
            is_unspoken: Cell::new(false),
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Talks until it is told to stop.
    pub(super) async fn run(self, stop: &Notify) {
        tokio::select! {
            () = self.life() => {}
            () = self.farewell(stop) => {}
        }
    }

    async fn life(&self) {
        let router = match &self.client.member {
            Some(member) => member.router,
            None => self.enrol_first().await.router,
        };
        self.client
            .purse
            .begin(router, self.disk, self.start.get(), false);
        let begun = async {
            self.fetch_directory().await?;
            self.fetch_policy().await
        };
        if let Err(error) = begun.await {
            self.failed(&error);
            self.client.bundles.look.notify_one();
        }
        // Before the first word of money, so that a start that waits for it has its credentials too.
        let _ = self.fetch_vault().await;
        tokio::join!(
            self.sync_loop(),
            self.tick_loop(),
            self.disk_loop(),
            self.event_loop(),
            self.directory_loop(),
            self.vault_loop(),
            self.renew_loop(),
            self.policy_loop(),
            self.report_loop(),
            self.tally_loop(),
        );
    }

    /// Waits to be told to stop; then what is not spent goes back.
    async fn farewell(&self, stop: &Notify) {
        stop.notified().await;
        let purse = &self.client.purse;
        let mut changes = purse.changes();
        purse.leave();
        let emptied = async {
            while !purse.is_empty() {
                purse.hurry();
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        if timeout(FAREWELL, emptied).await.is_err() {
            tracing::warn!(
                "the panel could not be told what became of its leases: it hears of them at the next start"
            );
            return;
        }
        // After the last call, and who hears of money hears this, too.
        let told = timeout(FAREWELL, self.tell_tallies()).await;
        let is_done = match &told {
            Ok(Ok(())) => true,
            Ok(Err(error)) => is_unspoken(error),
            Err(_) => false,
        };
        if !is_done {
            tracing::warn!(
                "the panel could not be told the last of what was refused and found: those counts end with this process"
            );
        }
    }

    fn failed(&self, error: &ClientError) {
        if self.notes().failed(error) {
            tracing::warn!(%error, "the control panel does not answer as it should");
        }
        let _ = self.first.try_send(());
    }

    async fn sync_loop(&self) {
        self.policies_known().await;
        let mut failures: u32 = 0;
        loop {
            let began = clock::since_start();
            let result = self.exchange().await;
            let done = clock::since_start();
            let next = match result {
                Ok(()) => {
                    failures = 0;
                    self.notes().answered();
                    self.synced.notify_one();
                    let _ = self.first.try_send(());
                    let ends = self.client.purse.first_end().unwrap_or(self.client.every);
                    done + spread(
                        self.client
                            .every
                            .min(ends / 2)
                            .max(Duration::from_millis(200)),
                    )
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    self.failed(&error);
                    if is_unknown(&error)
                        && self.client.panel.token.is_some()
                        && let Err(error) = self.rejoin().await
                    {
                        self.failed(&error);
                    }
                    done + backoff(failures)
                }
            };
            self.until_due(began, next, failures).await;
        }
    }

    /// Waits until the panel is to be asked: at `next`, or sooner if somebody is in a hurry.
    async fn until_due(&self, began: Duration, next: Duration, failures: u32) {
        loop {
            let due = match self.client.purse.how_soon() {
                Hurry::None => next,
                Hurry::Low => next.min(began + SOON),
                // Where nobody answers, those who wait do not make it more often than this.
                Hurry::Now if failures > 0 => next.min(began + SOON),
                Hurry::Now => return,
            };
            let left = due.saturating_sub(clock::since_start());
            if left == Duration::ZERO {
                return;
            }
            tokio::select! {
                () = sleep(left) => return,
                () = self.client.purse.hurried.notified() => {}
            }
        }
    }

    /// Says what is to be said, and takes the answer.
    async fn exchange(&self) -> Result<(), ClientError> {
        let (purse, line) = (&self.client.purse, &self.client.line);
        if let Some(hello) = purse.hello() {
            let answer = match line.hello(&hello).await {
                Err(ClientError::Refused(problem)) => return Err(self.turned_away(problem)),
                answer => answer?,
            };
            purse.heard(&answer, None, clock::now());
        }
        let Some(sync) = purse.sync(clock::since_boot()) else {
            return Ok(());
        };
        let answer = line.sync(&sync).await;
        let place = match &answer {
            Ok(_) => 0,
            Err(ClientError::Refused(_)) => 1,
            Err(_) => 2,
        };
        if let Some(count) = self.notes().reading.syncs.get_mut(place) {
            *count += 1;
        }
        match answer {
            Ok(answer) => {
                purse.heard(&answer, Some(&sync), clock::now());
                let told = line.policy_revision();
                if told > 0 && told != self.client.bundles.revision() {
                    self.client.bundles.look.notify_one();
                }
            }
            Err(ClientError::Refused(problem)) => return Err(self.turned_away(problem)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Takes a refusal as the state machine understands it.
    fn turned_away(&self, problem: Problem) -> ClientError {
        match problem.for_holder() {
            // The disk was set back: this start was used before.
            Some(BankError::OldStart { last, .. }) => {
                if let Some(router) = self.client.purse.router() {
                    self.begin_anew(router, last);
                }
            }
            Some(error) => self.client.purse.refused(&error),
            None => {}
        }
        ClientError::Refused(problem)
    }

    /// Begins as another process would, with a start after `last`.
    fn begin_anew(&self, router: RouterId, last: u64) {
        let after = self.start.get().max(last);
        // A disk that counts from before knows less than was spent: it is another disk from now on, and believed in nothing.
        let set_back = last > 0;
        match self.client.store.begin(set_back, after) {
            Ok((disk, start)) => {
                self.start.set(start);
                self.client.purse.begin(router, disk, start, set_back);
            }
            Err(error) => self.failed(&error),
        }
    }

    async fn tick_loop(&self) {
        loop {
            sleep(Duration::from_secs(1)).await;
            if self.client.purse.tick() {
                tracing::warn!(
                    "the panel took this process for one that was replaced: it begins anew"
                );
                if let Some(router) = self.client.purse.router() {
                    self.begin_anew(router, 0);
                }
                self.client.purse.hurry();
            }
        }
    }

    /// Tells the holder how far the disk is.
    async fn disk_loop(&self) {
        let purse = &self.client.purse;
        loop {
            let Some(made) = purse.next_rising() else {
                purse.rising.notified().await;
                continue;
            };
            if (self.reach)(made).await {
                purse.synced(made);
            } else {
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// Whether the panel says that it does not know who this is.
const fn is_unknown(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Refused(Problem {
            code: Code::UnknownRouter | Code::Unauthorized,
            ..
        })
    )
}

/// Whether the panel is of a version that does not speak of what it was asked.
const fn is_unspoken(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(problem) if problem.status == 404)
}

/// Somewhere around a time, so that many gateways do not come at once.
fn spread(time: Duration) -> Duration {
    time * 9 / 10 + part(time / 5)
}

/// How long to wait after so many failures: up to twice as long each time.
fn backoff(failures: u32) -> Duration {
    let most = Duration::from_millis(250)
        .saturating_mul(1 << failures.min(8))
        .min(LONGEST);
    most / 2 + part(most / 2)
}

/// A random part of a time.
fn part(most: Duration) -> Duration {
    let mut byte = [0];
    // Without random numbers all come at once: worse, but no fault.
    let _ = getrandom::fill(&mut byte);
    most * u32::from(byte[0]) / 256
}
