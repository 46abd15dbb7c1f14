//! What goes on, as server-sent events.
//!
//! A stream takes a place of its user's and no connection to the books: what it is told comes from the one ticker. Whoever
//! reads too slowly is let go, so nothing gathers here; a browser comes back by itself and says what it heard last.

use super::call::{Call, Events};
use super::route::{Access, Nothing, Reach, Route, events};
use crate::control::pieces::Pieces;
use crate::control::service::access::Role;
use crate::control::service::live::{self, Listener, News, Said};
use axum::body::Bytes;
use std::fmt::Write as _;
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::timeout;

/// After how many milliseconds a browser is to come back.
const RETRY: u32 = 2000;
/// Pieces that wait for who reads slowly.
const MOST_WAITING: usize = 8;
/// How long the next one waits for a place among them.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn routes() -> Vec<Route> {
    vec![events::<Nothing, News, _, _>(
        "/api/v1/live",
        Access::Known(Role::Viewer, Reach::Scope),
        "What goes on, as server-sent events: first a `snapshot` of budgets, gateways, switches in force and open requests; \
         then `spend`, `gateway`, `kill`, `request` and, for administrators of the whole panel, `audit`. Ids are numbers of \
         the audit log: with `last-event-id`, switches, requests and lines that were missed follow the snapshot, whose \
         `resumed` says whether that is all of them. A comment comes every 15 seconds where nothing else does. The stream \
         ends when its session or token does, or its user's role or scope changes. A user has eight at once.",
        async |call: Call, _: Nothing| {
            let after = call.headers.get("last-event-id");
            let after = after.and_then(|id| id.to_str().ok()?.trim().parse().ok());
            let actor = call.actor()?.clone();
            let listener = live::listen(&call.panel, actor, after).await?;
            let (pieces, body) = channel(MOST_WAITING);
            #[expect(
                clippy::disallowed_methods,
                reason = "it ends with its connection: nobody takes its pieces any more"
            )]
            tokio::spawn(async move {
                let first = Bytes::from(format!("retry: {RETRY}\n\n"));
                if pieces.send(first).await.is_ok() {
                    tell(listener, pieces, PATIENCE).await;
                }
            });
            Ok(Events::new(Pieces(body)))
        },
    )]
}

/// What a stream is told by.
trait Source: Send {
    /// What comes next; nothing at the end.
    fn next(&mut self) -> impl Future<Output = Option<Vec<Said>>> + Send;
}

impl Source for Listener {
    fn next(&mut self) -> impl Future<Output = Option<Vec<Said>>> + Send {
        Self::next(self)
    }
}

/// Tells what comes next, until nothing does, or nobody listens or reads fast enough.
async fn tell(mut source: impl Source, pieces: Sender<Bytes>, patience: Duration) {
    loop {
        let said = tokio::select! {
            biased;
            () = pieces.closed() => return,
            said = source.next() => said,
        };
        let Some(said) = said else { return };
        let piece = Bytes::from(spelled(&said));
        match timeout(patience, pieces.send(piece)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::debug!("a live stream was read too slowly and is let go");
                return;
            }
        }
    }
}

fn spelled(said: &[Said]) -> String {
    let mut text = String::new();
    for said in said {
        match said {
            Said::Here => text.push_str(": here\n\n"),
            Said::News(number, news) => {
                // JSON has no line breaks of its own, and these shapes none that could fail.
                let data = serde_json::to_string(news).unwrap_or_default();
                let name = news.name();
                let _ = write!(text, "id: {number}\nevent: {name}\ndata: {data}\n\n");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says something at once so often, and then nothing more for ever.
    struct Talk(usize);

    impl Source for Talk {
        async fn next(&mut self) -> Option<Vec<Said>> {
            match self.0.checked_sub(1) {
                Some(left) => self.0 = left,
                None => std::future::pending().await,
            }
            Some(vec![Said::Here])
        }
    }

    #[tokio::test]
    async fn who_does_not_read_is_let_go_and_nothing_gathers() {
        let (pieces, mut body) = channel(MOST_WAITING);
        tell(Talk(1000), pieces, Duration::from_millis(1)).await;
        let mut kept = 0;
        while body.recv().await.is_some() {
            kept += 1;
        }
        assert_eq!(kept, MOST_WAITING);
    }

    #[tokio::test]
    async fn who_hangs_up_is_told_nothing_more() {
        let (pieces, body) = channel(MOST_WAITING);
        drop(body);
        tell(Talk(0), pieces, PATIENCE).await;
    }
}
