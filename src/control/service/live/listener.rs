//! One who listens: what of each look is for them, and whether they may listen still.

use super::super::access::{self, Actor};
use super::Place;
use super::events::{Batch, News, Sight, Snapshot, SpendNews, Told};
use super::picture::Picture;
use crate::clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;

/// Who is told nothing for so long hears that the panel is there.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Something that is said to a listener.
#[derive(Debug, Clone)]
pub enum Said {
    /// That the panel is there.
    Here,
    /// News, with the number to go on from.
    News(i64, News),
}

/// One who listens.
#[derive(Debug)]
pub struct Listener {
    place: Place,
    actor: Actor,
    heard: Receiver<Arc<Batch>>,
    /// What is said first.
    first: Vec<Said>,
    /// Lines of the audit log up to here were told.
    told: i64,
    /// Up to which line it is known that they may listen; nothing is known at first.
    checked: Option<i64>,
    /// When that was looked up.
    asked: Duration,
    /// When something was said last.
    said: Duration,
}

impl Listener {
    pub(super) fn new(
        (place, actor): (Place, Actor),
        heard: Receiver<Arc<Batch>>,
        (snapshot, missed, picture): (Snapshot, Vec<Told>, &Picture),
    ) -> Self {
        // Whoever is cut off before what was missed is told must be able to ask for it again.
        let number = missed
            .first()
            .map_or(picture.head, |told| told.number.saturating_sub(1));
        let mut first = vec![Said::News(number, News::Snapshot(Box::new(snapshot)))];
        let visible = |told: &Told| told.sight.of(&actor, &picture.forest);
        let missed = missed.into_iter().filter(visible);
        first.extend(missed.map(|told| Said::News(told.number, told.news)));
        Self {
            place,
            actor,
            heard,
            first,
            told: picture.head,
            checked: None,
            asked: clock::since_start(),
            said: clock::since_start(),
        }
    }

    /// What is said next; none where the stream ends: they may listen no longer, were too slow, or the panel stops.
    pub async fn next(&mut self) -> Option<Vec<Said>> {
        if !self.first.is_empty() {
            return Some(std::mem::take(&mut self.first));
        }
        loop {
            let batch = self.heard.recv().await.ok()?;
            let now = clock::since_start();
            let is_old = now.saturating_sub(self.asked) >= HEARTBEAT;
            if is_old || self.checked != Some(batch.head) {
                self.may_listen().await?;
                (self.checked, self.asked) = (Some(batch.head), now);
            }
            if self.actor.until <= self.place.panel.now().nanos() {
                return None;
            }
            let mut said = self.of(&batch);
            if said.is_empty() {
                if now.saturating_sub(self.said) < HEARTBEAT {
                    continue;
                }
                said.push(Said::Here);
            }
            self.said = now;
            return Some(said);
        }
    }

    /// None where they may listen no longer, or not to the same.
    async fn may_listen(&self) -> Option<()> {
        let now = access::again(&self.place.panel, &self.actor).await.ok()?;
        (now.role == self.actor.role && now.scope == self.actor.scope).then_some(())
    }

    /// What of a look is for them.
    fn of(&mut self, batch: &Batch) -> Vec<Said> {
        let (actor, forest) = (&self.actor, &*batch.forest);
        let mut said = Vec::new();
        for told in &batch.told {
            if told.number > self.told && told.sight.of(actor, forest) {
                said.push(Said::News(told.number, told.news.clone()));
            }
        }
        self.told = self.told.max(batch.head);
        let spend = batch.spend.iter();
        let own = spend.filter(|(node, _)| Sight::In(*node).of(actor, forest));
        let budgets: Vec<_> = own.map(|(_, view)| view.clone()).collect();
        if !budgets.is_empty() {
            said.push(Said::News(self.told, News::Spend(SpendNews { budgets })));
        }
        if Sight::Whole.of(actor, forest) {
            let gateways = batch.gateways.iter().cloned();
            said.extend(gateways.map(|one| Said::News(self.told, News::Gateway(one))));
        }
        said
    }
}
