//! What a panel does while nobody asks: what comes due comes due, what failed is tried again, news are taken away.
//!
//! What fails here is logged and tried again at the next round; nothing of it holds up an answer.

use super::courier::Courier;
use super::service::{Outcome, Panel, alerts, bundles};
use std::time::Duration;

/// How often it looks.
const ROUND: Duration = Duration::from_secs(1);
/// Rounds between two looks at what budgets have left.
const ALERTS: u32 = 5;
/// Rounds between two notes of who spoke.
const SEEN: u32 = 30;
/// Rounds between two clean-ups.
const TIDY: u32 = 3600;

/// Goes on until it is dropped.
pub async fn run(panel: &Panel) {
    let courier = Courier::new();
    // A webhook that answers slowly must not keep a key alive that has expired.
    tokio::join!(tend(panel), deliver(panel, &courier));
}

async fn tend(panel: &Panel) {
    let mut round = 0_u32;
    loop {
        told("tending", panel.tend().await);
        told("noting policies", bundles::note_reports(panel).await);
        if round.is_multiple_of(ALERTS) {
            told("looking at thresholds", alerts::look(panel).await);
            told("watching", alerts::watch(panel).await);
        }
        if round.is_multiple_of(SEEN) {
            told("noting who spoke", panel.note_seen().await);
        }
        if round.is_multiple_of(TIDY) {
            told("tidying", panel.tidy().await);
        }
        round = round.wrapping_add(1);
        tokio::time::sleep(ROUND).await;
    }
}

async fn deliver(panel: &Panel, courier: &Courier) {
    loop {
        told("delivering news", courier.deliver(panel).await);
        tokio::time::sleep(ROUND).await;
    }
}

fn told<T>(what: &'static str, outcome: Outcome<T>) {
    if let Err(error) = outcome {
        let code = error.code();
        tracing::warn!(what, code, %error, "the panel's upkeep failed and is tried again");
    }
}
