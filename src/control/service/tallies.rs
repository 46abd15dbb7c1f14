//! What gateways refused and found, and when keys were last used: heard from them, and kept.
//!
//! Messages that wait for the turn to write are written together, in one commit: with many gateways that is what one disk can
//! do. A line that cannot be, of a key that there never was, or beyond what a process can have, is passed over and told in
//! the log: what gateways count is no reason to refuse what else they count.
//!
//! Not here: sums that somebody asks for (`analytics::counts`), who the gateway is (`door`).

use super::{Outcome, Panel, ServiceError};
use crate::control::store::house::{gateways as gateway_rows, keys as key_rows, tallies as rows};
use crate::control::store::usage::HOUR;
use crate::control::store::{Db, StoreError};
use crate::control::treasury::TreasuryError;
use crate::lease::tally::{Heard, Kind, MOST_LINES, MOST_TOLD, Tallies};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Messages that wait: one of each gateway, so a gateway that says many at once holds no memory with them.
const MOST_WAITING: usize = 4_096;
/// A second, in the nanoseconds of the books.
const SECOND: i64 = 1_000_000_000;
/// Messages written together.
const MOST_TOGETHER: usize = 256;

/// What is heard of a message; nothing where it is of no process that the panel knows, or of one long gone.
type Answer = Option<Heard>;

/// Messages that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Desk {
    waiting: Mutex<Vec<(Tallies, oneshot::Sender<Answer>)>>,
    turn: tokio::sync::Mutex<()>,
}

impl Desk {
    fn waiting(&self) -> MutexGuard<'_, Vec<(Tallies, oneshot::Sender<Answer>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, told: Tallies) -> Outcome<oneshot::Receiver<Answer>> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.waiting();
        let router = told.router;
        if waiting.len() >= MOST_WAITING || waiting.iter().any(|(told, _)| told.router == router) {
            return Err(ServiceError::Bank(TreasuryError::Busy));
        }
        waiting.push((told, reply));
        Ok(answer)
    }

    fn take(&self) -> Vec<(Tallies, oneshot::Sender<Answer>)> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(MOST_TOGETHER);
        waiting.drain(..count).collect()
    }
}

/// Hears a gateway's message, whose own it is. What was answered is safe.
///
/// # Errors
/// [`ServiceError`]: it is not written, and may be said again.
pub async fn hear(panel: &Panel, told: Tallies) -> Outcome<Answer> {
    let newest = panel.treasury.look({
        let router = told.router;
        move |bank| bank.router(router).map(|router| router.incarnation)
    });
    if newest.await?.is_none_or(|newest| told.incarnation > newest) {
        return Ok(None);
    }
    let mut answer = panel.tallies.put(told)?;
    loop {
        let turn = panel.tallies.turn.lock().await;
        // Whoever had the turn before may have written it along.
        match answer.try_recv() {
            Ok(heard) => return Ok(heard),
            Err(oneshot::error::TryRecvError::Empty) => {}
            // It was not written, and its sender heard why.
            Err(oneshot::error::TryRecvError::Closed) => return Err(StoreError::Broken.into()),
        }
        write(panel).await?;
        drop(turn);
    }
}

/// Nothing is written before what this answers is dropped.
#[cfg(test)]
pub(in crate::control) async fn hold(panel: &Panel) -> tokio::sync::MutexGuard<'_, ()> {
    panel.tallies.turn.lock().await
}

/// Writes what waits.
async fn write(panel: &Panel) -> Outcome<()> {
    let batch = panel.tallies.take();
    let mut change = panel.change().await?;
    let mut heard = Vec::with_capacity(batch.len());
    for (told, _) in &batch {
        heard.push(merge(change.db(), told, panel.now().nanos()).await?);
    }
    change.commit().await?;
    for ((_, reply), heard) in batch.into_iter().zip(heard) {
        // Whoever asked may be gone: it is written all the same.
        let _ = reply.send(heard);
    }
    Ok(())
}

/// What is new in a message.
#[derive(Debug, Default)]
struct New {
    /// What is known of its lines from now on.
    known: Vec<rows::Row>,
    /// What each has more.
    more: Vec<rows::Row>,
    /// When keys were used.
    used: BTreeMap<i64, i64>,
    passed_over: usize,
}

async fn merge(db: &mut Db<'_>, told: &Tallies, now: i64) -> Outcome<Answer> {
    let gateway = gateway_rows::by_router(db, &told.router.0.to_be_bytes()).await?;
    let (Some(gateway), Ok(own), Ok(seq)) = (
        gateway,
        i64::try_from(told.incarnation),
        i64::try_from(told.seq),
    ) else {
        return Ok(None);
    };
    let process = (gateway.id, own);
    let last = rows::heard(db, process).await?;
    if last.is_none()
        && let Some(oldest) = rows::oldest(db, gateway.id).await?
    {
        if own < oldest {
            return Ok(None);
        }
        rows::forget_before(db, (gateway.id, oldest.saturating_add(1))).await?;
    }
    rows::hear(db, process, seq).await?;
    let new = new(db, process, told, now).await?;
    if new.passed_over > 0 {
        let lines = new.passed_over;
        tracing::warn!(
            gateway = gateway.name,
            lines,
            "a gateway told of refusals or findings that cannot be: those lines are passed over"
        );
    }
    rows::keep(db, process, &new.known).await?;
    let hour = now.div_euclid(HOUR).saturating_mul(HOUR);
    rows::add(db, gateway.id, hour, &new.more).await?;
    let used: Vec<_> = new.used.into_iter().collect();
    rows::used(db, &used).await?;
    let last = u64::try_from(last.unwrap_or(0)).unwrap_or(0);
    Ok(Some(Heard {
        seq: told.seq,
        last,
    }))
}

/// What a message has beyond what is known of its process.
async fn new(db: &mut Db<'_>, process: rows::Process, told: &Tallies, now: i64) -> Outcome<New> {
    let mut known = BTreeMap::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut keys = BTreeSet::from([0]);
    for (kind, leaf, what, how, times) in rows::known(db, process).await? {
        *counts.entry(kind.clone()).or_default() += 1;
        keys.insert(leaf);
        known.insert((kind, leaf, what, how), times);
    }
    let mut lines = BTreeMap::new();
    let mut new = New {
        passed_over: told.lines.len().saturating_sub(MOST_TOLD),
        ..New::default()
    };
    for line in told.lines.iter().take(MOST_TOLD) {
        let row = rows::row(&line.name).filter(|_| line.name.can_be());
        let Some(name @ (_, leaf, ..)) = row else {
            new.passed_over += 1;
            continue;
        };
        if !keys.contains(&leaf) {
            if key_rows::get(db, leaf).await?.is_none() {
                new.passed_over += 1;
                continue;
            }
            keys.insert(leaf);
        }
        let before = known.get(&name).copied();
        if before.is_none() && line.name.kind != Kind::Call {
            let count = counts.entry(name.0.clone()).or_default();
            if *count >= MOST_LINES {
                new.passed_over += 1;
                continue;
            }
            *count += 1;
        }
        let before = before.unwrap_or(0);
        let more = line.beyond(u64::try_from(before).unwrap_or(0));
        let more = i64::try_from(more).unwrap_or(0);
        if more == 0 {
            continue;
        }
        if let (Kind::Call, Some(idle)) = (line.name.kind, line.idle()) {
            let idle = i64::try_from(idle).unwrap_or(i64::MAX);
            let at = now.saturating_sub(idle.saturating_mul(SECOND));
            let used = new.used.entry(leaf).or_insert(at);
            *used = at.max(*used);
        }
        known.insert(name.clone(), before.saturating_add(more));
        let line = lines.entry(name).or_insert((before, 0_i64));
        line.1 = line.1.saturating_add(more);
    }
    for ((kind, leaf, what, how), (before, more)) in lines {
        let times = before.saturating_add(more);
        new.known
            .push((kind.clone(), leaf, what.clone(), how.clone(), times));
        new.more.push((kind, leaf, what, how, more));
    }
    Ok(new)
}
