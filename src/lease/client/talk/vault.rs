//! Asking the panel's vault for what this gateway needs: at the start, when an event says so, before it is over.

use super::{LOOK, Talk, backoff, spread};
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
        let mut failures = 0;
        loop {
            let due = vault.until_due(clock::now().wall, clock::since_boot());
            let due = due.unwrap_or(LOOK);
            let wait = spread(LOOK).min(due.max(Duration::from_millis(200)));
            let _ = timeout(wait, vault.look.notified()).await;
            if vault.expire(clock::now().wall, clock::since_boot()) {
                tracing::warn!(
                    "credentials of the control panel's vault are over and were not renewed: their providers are called no longer"
                );
            }
            if self.fetch_vault().await.is_err() {
                // What an event had asked for is asked for again, and not only when its time comes.
                failures += 1;
                sleep(backoff(failures)).await;
                vault.look.notify_one();
            } else {
                failures = 0;
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
        self.keep_vault();
        fetched
    }

    async fn ask_vault(&self) -> Result<(), ClientError> {
        let (client, vault) = (&self.client, &self.client.vault);
        let Some(router) = client.purse.router() else {
            return Ok(());
        };
        let (asked_at, asked_since_boot) = (clock::now().wall, clock::since_boot());
        let (asked, known) = vault.question(router, asked_at);
        if asked.is_empty() {
            vault.empty();
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
                }
                return Err(error);
            }
        };
        let credentials = question.open(router, &given)?;
        let answer = Answer {
            router,
            asked_at,
            asked_since_boot,
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
        }
        Ok(())
    }

    /// Keeps what is held, where the disk has something else. What fails is tried again at the next look.
    fn keep_vault(&self) {
        let (client, vault) = (&self.client, &self.client.vault);
        if vault.is_unkept()
            && let Err(error) = vault.keep(&client.store, &client.key)
        {
            tracing::warn!(%error, "what is held of the control panel's vault is not what the disk has of it");
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
