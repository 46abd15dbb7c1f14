//! The policies that the panel has this gateway run: asked for when they may have changed, and told what became of them.

use super::{LOOK, SOON, Talk, is_unspoken, spread};
use crate::lease::client::ClientError;
use tokio::time::{sleep, timeout};

impl Talk {
    pub(super) async fn policy_loop(&self) {
        let bundles = &self.client.bundles;
        loop {
            let _ = timeout(spread(LOOK), bundles.look.notified()).await;
            match self.fetch_policy().await {
                Ok(()) => {}
                Err(error) => {
                    if !bundles.is_known() {
                        self.failed(&error);
                    }
                    tracing::debug!(%error, "the panel's policies could not be asked for");
                    sleep(SOON).await;
                    bundles.look.notify_one();
                }
            }
        }
    }

    pub(super) async fn fetch_policy(&self) -> Result<(), ClientError> {
        let client = &self.client;
        let order = match client.line.policy(client.bundles.known()).await {
            Err(error) if is_unspoken(&error) => {
                client.bundles.unspoken();
                return Ok(());
            }
            order => order?,
        };
        if let Some(order) = order {
            // What is not believed was told where it was refused, and is asked for again with the next sync.
            let _ = client.bundles.take(order);
        }
        Ok(())
    }

    /// Waits until it is known which policies the panel has this gateway run: keys of the panel spend nothing without them.
    pub(super) async fn policies_known(&self) {
        let bundles = &self.client.bundles;
        while !bundles.is_known() {
            bundles.known.notified().await;
        }
    }

    /// Says what runs, whenever that changes, and each time the line was broken: the panel may have forgotten.
    pub(super) async fn report_loop(&self) {
        let bundles = &self.client.bundles;
        loop {
            bundles.tell.notified().await;
            let Some(report) = bundles.report(self.told_anew.take()) else {
                continue;
            };
            if let Err(error) = self.client.line.report(&report).await
                && !is_unspoken(&error)
            {
                tracing::debug!(%error, "the panel could not be told which policies run here");
                bundles.untold();
                sleep(SOON).await;
                bundles.tell.notify_one();
            }
        }
    }
}
