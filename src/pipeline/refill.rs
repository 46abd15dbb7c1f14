//! Waiting for money that the control panel is asked for.
//!
//! The gate only says that it is asked for ([`Decision::Borrow`](crate::governance::gate::Decision)); a call waits here, for a
//! short time and only where the panel was heard of lately, and then asks the gate again. However many wait, one sync is
//! under way: who wakes finds money or does not.

use super::cutoff::Cut;
use crate::clock;
use std::fmt;
use std::time::Duration;
use tokio::sync::watch;

/// The control panel, as far as a call waits for it. Declared here, implemented where the lease is known.
pub trait Panel: Send + Sync + fmt::Debug {
    /// Changes whenever there may be money where there was none, or a word that there is none.
    fn changes(&self) -> watch::Receiver<u64>;

    /// How long a call may wait for that: nothing where the panel was not heard of lately.
    fn patience(&self) -> Duration;

    /// Grows whenever calls under way are to be cut.
    fn cuts(&self) -> watch::Receiver<u64>;

    /// Which calls were to be cut since then, and the newest number.
    fn cut_since(&self, seen: u64) -> (u64, Cut);
}

/// One call's wait.
#[derive(Debug, Default)]
pub(super) struct Refill(Option<(watch::Receiver<u64>, Duration)>);

impl Refill {
    /// Waits until asking again may come to something else; `false` when it has waited long enough.
    pub(super) async fn wait(&mut self, panel: Option<&dyn Panel>) -> bool {
        if let Some((changes, until)) = &mut self.0 {
            let left = until.saturating_sub(clock::since_start());
            return matches!(
                tokio::time::timeout(left, changes.changed()).await,
                Ok(Ok(()))
            );
        }
        let Some(panel) = panel else {
            return false;
        };
        // What changed between the gate's word and this moment is not missed: the next round asks once more before it waits.
        let until = clock::since_start().saturating_add(panel.patience());
        self.0 = Some((panel.changes(), until));
        true
    }
}
