//! What was refused and found, told after each word of money, where there is anything to tell.
//!
//! It goes by itself: what becomes of it holds up no money, and no call waits for it.

use super::{SOON, Talk, backoff, is_unspoken};
use crate::lease::client::ClientError;
use std::time::Duration;
use tokio::time::sleep;

/// How soon a panel that does not take them is tried again: somebody may have renewed it.
const LATER: Duration = Duration::from_mins(5);

impl Talk {
    pub(super) async fn tally_loop(&self) {
        let mut failures: u32 = 0;
        loop {
            self.synced.notified().await;
            match self.tell_tallies().await {
                Ok(()) => {
                    failures = 0;
                    sleep(SOON).await;
                }
                Err(error) if is_unspoken(&error) => {
                    if !self.is_unspoken.replace(true) {
                        tracing::warn!(
                            "the panel is of a version that takes no counts of refusals and findings: they are told when it does"
                        );
                    }
                    sleep(LATER).await;
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::debug!(%error, "the panel could not be told what was refused and found");
                    sleep(backoff(failures)).await;
                    self.synced.notify_one();
                }
            }
        }
    }

    /// Tells all that grew.
    pub(super) async fn tell_tallies(&self) -> Result<(), ClientError> {
        let Some((router, incarnation)) = self.client.purse.process() else {
            return Ok(());
        };
        // One round at a time, also at the end.
        let mut teller = self.teller.lock().await;
        for told in teller.round(router, incarnation) {
            let heard = self.client.line.tallies(&told).await?;
            teller.heard(&told, heard);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::control::authority::{Authority, CERTIFICATE};
    use crate::control::door::{Certificates, serve};
    use crate::lease::client::line::Line;
    use crate::lease::protocol::RouterId;
    use crate::lease::settings::Panel;
    use crate::lease::tally::Tallies;
    use axum::http::StatusCode;
    use axum::routing::post;
    use std::sync::Arc;
    use tokio::sync::watch;

    /// What a gateway makes of a panel that has these routes.
    async fn told_to(router: axum::Router) -> Result<(), bool> {
        let folder = tempfile::tempdir().expect("a folder");
        let now = clock::now().wall;
        let authority = Authority::open(folder.path(), now).expect("an authority");
        let names = vec!["localhost".to_owned()];
        let certificates = Certificates::new(Arc::new(authority), names, now);
        let certificates = Arc::new(certificates.expect("certificates"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (_stop, stopped) = watch::channel(false);
        let ca = std::fs::read_to_string(folder.path().join(CERTIFICATE)).expect("PEM");
        let line = Line::stranger(&Panel {
            url: format!("https://localhost:{port}").into(),
            token: None,
            ca: ca.into(),
            policy_key: None,
        });
        let line = line.expect("a line");
        let told = Tallies {
            router: RouterId(7),
            incarnation: 1,
            seq: 1,
            lines: Vec::new(),
        };
        tokio::select! {
            () = serve(listener, certificates, router, stopped) => panic!("it serves on"),
            heard = line.tallies(&told) => heard.map(|_| ()).map_err(|error| is_unspoken(&error)),
        }
    }

    #[tokio::test]
    async fn a_panel_that_knows_no_counts_is_told_from_one_that_refuses_them() {
        let heard = axum::Json(serde_json::json!({ "seq": "1", "last": "0" }));
        let takes = axum::Router::new().route("/v1/tallies", post(async || heard));
        assert_eq!(told_to(takes).await, Ok(()));
        let older = axum::Router::new().route("/v1/sync", post(async || "{}"));
        assert_eq!(told_to(older).await, Err(true));
        let busy = post(async || StatusCode::SERVICE_UNAVAILABLE);
        let busy = axum::Router::new().route("/v1/tallies", busy);
        assert_eq!(told_to(busy).await, Err(false));
    }
}
