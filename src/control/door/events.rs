//! The stream of events, as server-sent events: what a gateway hears at once instead of at its next sync.
//!
//! A gateway says the last number it heard and gets what came after. One that missed more than is kept hears `missed`, and asks
//! for everything anew; what nobody else would tell it, the switches that cut calls under way, it hears again there. A line now and then shows both ends that the other is there.

use super::From;
use super::treaty::{Treaty, problem};
use crate::control::bulletin::{News, Numbered};
use crate::control::pieces::Pieces;
use crate::lease::directory::Event;
use crate::lease::problem::{Code, Problem};
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// A line is said at least so often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Pieces that wait for a gateway that reads slowly.
const MOST_WAITING: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    /// The last event that was heard.
    cursor: Option<u64>,
}

pub(super) async fn events(
    State(treaty): State<Arc<Treaty>>,
    Extension(from): Extension<From>,
    headers: HeaderMap,
    query: Result<Query<After>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    treaty.who(from).await?;
    let Query(after) = query.map_err(|error| problem(400, Code::Malformed, error))?;
    let last = headers.get("last-event-id");
    let last = last.and_then(|value| value.to_str().ok()?.parse().ok());
    let newest = treaty.bulletin.subscribe();
    let cursor = last.or(after.cursor);
    let (pieces, body) = tokio::sync::mpsc::channel(MOST_WAITING);
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with its connection: nobody takes its pieces any more"
    )]
    tokio::spawn(tell((treaty, from), newest, cursor, pieces));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::new(Pieces(body))).into_response())
}

/// Tells one gateway, until it hangs up or is shut out.
async fn tell(
    (treaty, from): (Arc<Treaty>, From),
    mut newest: watch::Receiver<u64>,
    cursor: Option<u64>,
    pieces: tokio::sync::mpsc::Sender<Bytes>,
) {
    let is_new = cursor.is_none();
    let mut cursor = cursor.unwrap_or_else(|| *newest.borrow_and_update());
    let mut first = format!("event: cursor\ndata: {{\"cursor\":\"{cursor}\"}}\n\n");
    if is_new {
        // What was told before it came it would hear from nobody.
        let Ok(aborting) = treaty.registrar.aborting().await else {
            return;
        };
        first.extend(aborting.iter().map(|event| spelled(None, event)));
    }
    if pieces.send(first.into()).await.is_err() {
        return;
    }
    loop {
        newest.borrow_and_update();
        if treaty.who(from).await.is_err() {
            return;
        }
        let said = match treaty.bulletin.since(cursor) {
            News::Missed(last) => {
                let Ok(aborting) = treaty.registrar.aborting().await else {
                    return;
                };
                cursor = last;
                let again = aborting.iter().map(|event| spelled(None, event));
                format!("id: {last}\nevent: missed\ndata: {{}}\n\n") + &again.collect::<String>()
            }
            News::Events(events) => {
                cursor = events.last().map_or(cursor, |one| one.cursor);
                let spelled = |one: &Numbered| spelled(Some(one.cursor), &one.event);
                events.iter().map(spelled).collect()
            }
        };
        if !said.is_empty() && pieces.send(said.into()).await.is_err() {
            return;
        }
        match timeout(HEARTBEAT, newest.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                if pieces
                    .send(Bytes::from_static(b": here\n\n"))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        }
    }
}

fn spelled(cursor: Option<u64>, event: &Event) -> String {
    let kind = match event {
        Event::Kill { .. } => "kill",
        Event::Unkill { .. } => "unkill",
        Event::Directory { .. } => "directory",
        Event::Policy { .. } => "policy",
        Event::Vault { .. } => "vault",
        Event::SyncNow => "sync_now",
        Event::Goaway => "goaway",
    };
    // Numbers, names of kinds and ids: nothing that could fail to be JSON.
    let data = serde_json::to_string(event).unwrap_or_default();
    let id = cursor.map_or_else(String::new, |cursor| format!("id: {cursor}\n"));
    format!("{id}event: {kind}\ndata: {data}\n\n")
}
