//! Takes news to webhooks: one POST each, no redirect followed, nothing of the answer read but its status.
//!
//! An address was checked when it was written down, and is again before each connection: `https` anywhere, `http` to this
//! machine itself and nowhere else (`outgoing`). What fails is tried again later, by the queue.

use super::outgoing::{Outgoing, OutgoingError};
use super::service::webhooks::{self, Delivery, Signed};
use super::service::{Outcome, Panel};
use axum::http::{Request, Uri, header};
use bytes::Bytes;
use http_body_util::Full;
use tokio::task::JoinSet;

/// Why something could not be taken there.
#[derive(Debug, thiserror::Error)]
enum CourierError {
    #[error("news do not go to such an address")]
    Address,
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
    #[error("the key of the vault that signs for it is gone: make another webhook in its place")]
    KeyGone,
    #[error("it answered {0}")]
    Status(u16),
}

/// Whoever takes news to webhooks.
#[derive(Debug, Clone)]
pub struct Courier {
    outgoing: Outgoing,
}

impl Default for Courier {
    fn default() -> Self {
        Self::new()
    }
}

impl Courier {
    /// One that trusts the public authorities.
    #[must_use]
    pub fn new() -> Self {
        Self {
            outgoing: Outgoing::new(),
        }
    }

    /// Takes everything that is due now to where it goes, all at once. How many arrived. Once a second or so.
    ///
    /// # Errors
    /// The books cannot be read or written.
    pub async fn deliver(&self, panel: &Panel) -> Outcome<usize> {
        let mut under_way = JoinSet::new();
        for delivery in webhooks::due(panel).await? {
            let courier = self.clone();
            under_way.spawn(async move {
                let sent = courier.send(&delivery).await;
                (delivery, sent)
            });
        }
        let mut arrived = 0_usize;
        while let Some(done) = under_way.join_next().await {
            let Ok((delivery, sent)) = done else { continue };
            arrived = arrived.saturating_add(usize::from(sent.is_ok()));
            let said = sent.map_err(|error| error.to_string());
            let said = said.as_ref().copied().map_err(String::as_str);
            webhooks::sent(panel, &delivery, said).await?;
        }
        Ok(arrived)
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), CourierError> {
        let uri: Uri = delivery.url.parse().map_err(|_| CourierError::Address)?;
        if !webhooks::is_safe(&delivery.url) {
            return Err(CourierError::Address);
        }
        let mut request = Request::post("/").header(header::CONTENT_TYPE, "application/json");
        request = match &delivery.signed {
            Signed::By(id, at, signature) => request
                .header("webhook-id", id)
                .header("webhook-timestamp", *at)
                .header("webhook-signature", signature),
            Signed::Not => request,
            Signed::KeyGone => return Err(CourierError::KeyGone),
        };
        let request = request.body(Full::new(Bytes::from(delivery.body.clone())));
        let request = request.map_err(|_| CourierError::Address)?;
        let status = self.outgoing.told(&uri, request).await?;
        if status.is_success() {
            Ok(())
        } else {
            Err(CourierError::Status(status.as_u16()))
        }
    }
}
