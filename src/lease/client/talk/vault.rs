//! Asking the panel's vault for what this gateway needs: at the start, when an event says so, before it is over.

use super::{LOOK, SOON, Talk, spread};
use crate::clock;
use crate::lease::client::ClientError;
use crate::lease::client::vault::Answer;
use crate::lease::problem::{Code, Problem};
use crate::lease::vault::{Ask, MOST_NAMES, Question, SealError};
use std::time::Duration;
use tokio::time::{sleep, timeout};

impl From<SealError> for ClientError {
    fn from(error: SealError) -> Self {
        Self::Garbled(error.to_string())
    }
}

impl Talk {
    pub(super) async fn vault_loop(&self) {
        let vault = &self.client.vault;
        loop {
            let due = vault.until_due(clock::now().wall).unwrap_or(LOOK);
            let wait = spread(LOOK).min(due.max(Duration::from_millis(200)));
            let _ = timeout(wait, vault.look.notified()).await;
            if vault.expire(clock::now().wall) {
                tracing::warn!(
                    "credentials of the control panel's vault are over and were not renewed: their providers are called no longer"
                );
                self.keep_vault();
            }
            if self.fetch_vault().await.is_err() {
                sleep(SOON).await;
            }
        }
    }

    /// Asks for what is wanted, if anything is, and takes what comes.
    pub(super) async fn fetch_vault(&self) -> Result<(), ClientError> {
        let fetched = self.ask_vault().await;
        if let Err(error) = &fetched {
            tracing::debug!(%error, "the vault could not be asked");
            self.client.vault.failed(error);
        }
        fetched
    }

    async fn ask_vault(&self) -> Result<(), ClientError> {
        let (client, vault) = (&self.client, &self.client.vault);
        let Some(router) = client.purse.router() else {
            return Ok(());
        };
        let asked_at = clock::now().wall;
        let (asked, known) = vault.question(router, asked_at);
        if asked.is_empty() {
            if vault.empty() {
                self.keep_vault();
            }
            return Ok(());
        }
        if asked.len() > MOST_NAMES {
            let words = format!("more than {MOST_NAMES} credentials are wanted of the vault");
            return Err(ClientError::Garbled(words));
        }
        let question = Question::new()?;
        let ask = Ask {
            router,
            known,
            key: question.key.clone(),
            names: asked.iter().cloned().collect(),
        };
        let given = match client.line.credentials(&ask).await {
            Ok(Some(given)) => given,
            Ok(None) => {
                vault.answered();
                return Ok(());
            }
            Err(error) => {
                if is_shut_out(&error) && vault.empty() {
                    tracing::warn!(
                        "the control panel does not let this gateway in any longer: it lets go of the vault's credentials"
                    );
                    self.keep_vault();
                }
                return Err(error);
            }
        };
        let credentials = question.open(router, &given)?;
        let answer = Answer {
            router,
            asked_at,
            asked,
            revision: given.revision,
            lifetime: Duration::from_secs(given.lifetime_s),
            credentials,
            missing: given.missing,
        };
        for missing in &answer.missing {
            tracing::warn!(name = %missing.name, why = ?missing.why, "the control panel's vault does not give this credential");
        }
        let held: Vec<String> = answer
            .credentials
            .iter()
            .map(|held| format!("{} v{}", held.name, held.version))
            .collect();
        if vault.take(answer) {
            tracing::info!(
                ?held,
                revision = given.revision,
                "credentials of the control panel's vault"
            );
            self.keep_vault();
        }
        Ok(())
    }

    fn keep_vault(&self) {
        if let Err(error) = self.client.vault.keep(&self.client.store, &self.client.key) {
            tracing::warn!(%error, "the vault's credentials could not be kept for a start without the panel");
        }
    }
}

/// Whether the panel says that this is none of its gateways, or was one.
const fn is_shut_out(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Refused(Problem {
            code: Code::UnknownRouter,
            ..
        })
    )
}
