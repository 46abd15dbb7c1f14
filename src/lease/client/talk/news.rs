//! What the panel tells without being asked, and the directory that most of it is about.

use super::{LOOK, SOON, Talk, backoff, is_unknown, spread};
use crate::clock;
use crate::lease::client::ClientError;
use crate::lease::client::events::{Feed, Heard};
use crate::lease::directory::Event;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long a stream of events may be silent: heartbeats come every 15 s.
const SILENCE: Duration = Duration::from_secs(40);

impl Talk {
    pub(super) async fn event_loop(&self) {
        let (mut cursor, mut failures) = (None, 0);
        loop {
            let begun = clock::since_start();
            if let Err(error) = self.listen(&mut cursor).await {
                tracing::debug!(%error, "the panel's events broke off");
                if is_unknown(&error) {
                    // Shut out, perhaps: what is held of the vault goes at once, then.
                    self.client.vault.look.notify_one();
                }
            }
            // A stream that held for a while was a good one.
            let lasted = clock::since_start().saturating_sub(begun);
            failures = if lasted > SOON { 1 } else { failures + 1 };
            sleep(backoff(failures)).await;
        }
    }

    async fn listen(&self, cursor: &mut Option<u64>) -> Result<(), ClientError> {
        let mut response = self.client.line.events(*cursor).await?;
        // Whatever happened before is looked up.
        self.look.notify_one();
        self.client.bundles.look.notify_one();
        self.told_anew.set(true);
        self.client.bundles.tell.notify_one();
        self.client.vault.look.notify_one();
        self.client.purse.hurry();
        let mut feed = Feed::default();
        let silent = |_| ClientError::Unreachable("no event and no heartbeat".to_owned());
        while let Some(piece) = timeout(SILENCE, response.chunk()).await.map_err(silent)?? {
            let heard = feed.take(&piece);
            for heard in heard.map_err(|error| ClientError::Garbled(error.to_string()))? {
                match heard {
                    Heard::Cursor(at) => {
                        cursor.get_or_insert(at);
                    }
                    Heard::Missed(at) => {
                        *cursor = Some(at);
                        // Perhaps that a switch was let go. One that is pulled still is told next, and the bank says so.
                        self.client.purse.kill(&[], false);
                        self.look.notify_one();
                        self.client.bundles.look.notify_one();
                        self.client.vault.look.notify_one();
                    }
                    Heard::Event(at, event) => {
                        let over = self.happened(event);
                        *cursor = at.or(*cursor);
                        if let Some(at) = *cursor {
                            // The next sync says so, and is not far.
                            self.client.line.acted(at);
                            self.client.purse.hurry();
                        }
                        if over {
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Acts on an event; whether the line is to be given up.
    fn happened(&self, event: Event) -> bool {
        let purse = &self.client.purse;
        match event {
            Event::Kill {
                leaves,
                abort_streams,
            } => {
                purse.kill(&leaves, true);
                if abort_streams {
                    purse.cut(&leaves);
                }
            }
            Event::Unkill { leaves } => purse.kill(&leaves, false),
            Event::Directory { revision } => {
                if revision > self.revision.get() {
                    self.look.notify_one();
                }
            }
            Event::Policy { revision } => {
                if revision != self.client.bundles.revision() {
                    self.client.bundles.look.notify_one();
                }
            }
            Event::Vault { .. } => self.client.vault.look.notify_one(),
            Event::SyncNow => purse.ask_again(),
            Event::Goaway => return true,
        }
        false
    }

    pub(super) async fn directory_loop(&self) {
        loop {
            let _ = timeout(spread(LOOK), self.look.notified()).await;
            if let Err(error) = self.fetch_directory().await {
                tracing::debug!(%error, "the directory could not be fetched");
                // Syncs tell whether the panel is there: this only has to come round again.
                sleep(SOON).await;
            }
        }
    }

    pub(super) async fn fetch_directory(&self) -> Result<(), ClientError> {
        let client = &self.client;
        let Some(directory) = client.line.directory(self.revision.get()).await? else {
            return Ok(());
        };
        let directory = Arc::new(directory);
        self.revision.set(directory.revision);
        self.notes().reading.directory = directory.revision;
        client.purse.know(&directory);
        if let Err(error) = client.store.keep_directory(&client.key, &directory) {
            tracing::warn!(%error, "the directory could not be kept for a start without the panel");
        }
        (self.changed)(directory);
        Ok(())
    }
}
