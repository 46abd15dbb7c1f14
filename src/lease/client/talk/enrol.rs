//! Who this gateway is to the panel: enrolled once by a token, then renewed by the certificate it has.

use super::{LOOK, Talk, backoff};
use crate::clock;
use crate::lease::client::ClientError;
use crate::lease::client::line::Line;
use crate::lease::client::store::Member;
use std::time::Duration;
use tokio::time::sleep;

impl Talk {
    pub(super) async fn enrol_first(&self) -> Member {
        let mut failures = 0;
        loop {
            match self.enrol(true).await {
                Ok(member) => return member,
                Err(error) => self.failed(&error),
            }
            failures += 1;
            sleep(backoff(failures)).await;
        }
    }

    /// Asks for a certificate, by the token or by the certificate there is, and takes it into use.
    async fn enrol(&self, by_token: bool) -> Result<Member, ClientError> {
        let client = &self.client;
        let token = client.panel.token.as_ref().filter(|_| by_token);
        let enrolled = match token {
            // On a line of its own: a certificate that is no good any more must not be in the way.
            Some(token) => {
                let line = Line::stranger(&client.panel)?;
                line.enrol(&client.key, Some(token.expose())).await?
            }
            None => client.line.enrol(&client.key, None).await?,
        };
        let member = Member::of(enrolled);
        client.store.keep_member(&member)?;
        client.line.identify(&member, &client.key)?;
        client.bundles.know(&member);
        self.renew_at.set(member.renew_at);
        let mut notes = self.notes();
        notes.reading.router = Some(member.name.clone());
        notes.answered();
        drop(notes);
        tracing::info!(router = %member.name, "enrolled at the control panel");
        Ok(member)
    }

    /// The panel does not know this gateway: with a token it may come to know it anew. Whoever it is then begins as another
    /// process would; what the panel does not know of it has also forgotten lending.
    pub(super) async fn rejoin(&self) -> Result<(), ClientError> {
        let member = self.enrol(true).await?;
        if self.client.purse.router() != Some(member.router) {
            self.begin_anew(member.router, 0);
        }
        Ok(())
    }

    pub(super) async fn renew_loop(&self) {
        let mut failures = 0;
        loop {
            // By the wall clock, which certificates go by, and looked at often: it may jump.
            let left = self.renew_at.get().saturating_sub(clock::now().wall.secs());
            let left = Duration::from_secs(u64::try_from(left).unwrap_or(0));
            if left > Duration::ZERO {
                sleep(left.min(LOOK)).await;
                continue;
            }
            let renewed = match self.enrol(false).await {
                // What cannot be renewed any more can be asked for again, by whoever still has the token.
                Err(_) if self.client.panel.token.is_some() => self.enrol(true).await,
                renewed => renewed,
            };
            match renewed {
                Ok(_) => failures = 0,
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "the certificate for the control panel was not renewed");
                    sleep(backoff(failures)).await;
                }
            }
        }
    }
}
