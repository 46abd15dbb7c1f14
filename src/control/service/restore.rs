//! A panel restored from a backup: what it waits for, and who lets it lend again.

use super::access::Actor;
use super::audit::Act;
use super::words::Check;
use super::{Outcome, Panel, ServiceError, budgets, found, words};
use crate::clock;
use crate::control::store::house::{Window, gateways as gateway_rows, restored as rows};
use crate::control::treasury::TreasuryError;
use crate::lease::directory::Event;
use crate::units::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How far a restored panel has come.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RestoreView {
    /// Whether nothing is lent of hard budgets until it is opened again.
    pub waiting: bool,
    /// When it was restored from a backup; absent where it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<String>,
    /// When it was opened again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<String>,
    /// Whether it may be opened now, whoever is silent.
    pub ready: bool,
    /// What gateways report of leases whose budgets these books do not know, in dollars.
    pub unattributed: String,
    /// Gateways of the backup that have not told everything yet, by name.
    pub unheard: Vec<String>,
    /// When none of them can spend any more, so that it may be opened without them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A panel to be opened again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reopen {
    /// What the provider says was charged, by budget. Where the books know of less, the difference is booked as spent.
    #[serde(default)]
    pub charged: Vec<Charged>,
    /// No gateway was enrolled since the backup. Then it can be opened as soon as all have told everything.
    #[serde(default)]
    pub none_enrolled_since: bool,
    /// By what it is known that nothing else was spent.
    pub reason: String,
}

/// What the provider says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Charged {
    /// The id of a budget.
    pub budget: String,
    /// What was charged to it in its period that is now, in dollars.
    pub amount: String,
}

/// How far it has come.
///
/// # Errors
/// The books cannot be read.
pub async fn status(panel: &Panel) -> Outcome<RestoreView> {
    let mut db = panel.read().await?;
    let restored = rows::get(&mut db).await?;
    let waits = panel
        .treasury
        .look(|bank| bank.restoring(clock::since_boot()))
        .await?;
    let mut unheard = Vec::new();
    if let Some(waits) = &waits {
        for gateway in gateway_rows::list(&mut db, Window::ALL).await? {
            if waits.unheard.contains(&super::gateways::router(&gateway)) {
                unheard.push(gateway.name);
            }
        }
    }
    let until = waits.as_ref().map(|waits| {
        let left = waits.until.saturating_sub(clock::since_boot());
        words::time(super::after(panel.now(), left).nanos())
    });
    Ok(RestoreView {
        waiting: waits.is_some(),
        restored: restored.map(|restored| words::time(restored.at)),
        opened: words::some_time(restored.and_then(|restored| restored.opened)),
        ready: waits.as_ref().is_some_and(|waits| waits.is_over),
        unattributed: waits
            .map_or(Money::ZERO, |waits| waits.unattributed)
            .to_string(),
        unheard,
        until,
    })
}

/// Lets the bank lend again.
///
/// # Errors
/// It never was restored, a gateway may still spend what the books do not know, or there is no such budget.
pub async fn open(panel: &Panel, actor: &Actor, asked: Reopen) -> Outcome<RestoreView> {
    let mut check = Check::default();
    check.sentence("reason", &asked.reason);
    let amounts: Vec<_> = (0_usize..)
        .zip(&asked.charged)
        .map(|(place, charged)| check.money(&format!("charged.{place}.amount"), &charged.amount))
        .collect();
    check.done()?;
    let mut db = panel.read().await?;
    let mut charged = Vec::new();
    for (one, amount) in asked.charged.iter().zip(amounts) {
        let (_, budget) = budgets::within(&mut db, actor, &one.budget).await?;
        charged.push((super::directory::unsigned(budget.id), amount));
    }
    found(rows::get(&mut db).await?, "restored panel")?;
    // The bank writes to the same file: nobody waits for it with a change open.
    drop(db);
    // The bank first: a bill booked twice is booked once, a bank said to be open that is not would be a lie.
    let opened = panel
        .treasury
        .open_again(charged, asked.none_enrolled_since)
        .await;
    opened.map_err(|error| match error {
        TreasuryError::TooEarly(unheard) => ServiceError::TooEarly(unheard),
        other => other.into(),
    })?;
    let mut change = panel.change().await?;
    rows::opened(change.db(), panel.now().nanos()).await?;
    let bill = asked
        .charged
        .iter()
        .map(|one| json!({ "budget": one.budget, "amount": one.amount }));
    let act = Act {
        action: "restore.open",
        target: "panel",
        node: None,
        before: Value::Null,
        after: json!({ "reason": asked.reason, "none_enrolled_since": asked.none_enrolled_since, "charged": bill.collect::<Vec<_>>() }),
    };
    panel.keep(change, actor, act).await?;
    panel.publish(Event::SyncNow);
    status(panel).await
}
