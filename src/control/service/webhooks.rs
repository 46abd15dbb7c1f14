//! Where news go that somebody should see soon: what is to be sent is written down with the change it tells of.
//!
//! Only `https` and this machine itself: a panel that could be made to ask other addresses of its network in the clear would
//! be a way into it. No content, no key, no secret goes out. Who gets them can tell that they are the panel's: they are signed
//! as standardwebhooks.com has it.

use super::access::Actor;
use super::audit::Act;
use super::vault::keyring;
use super::words::Check;
use super::{Db, Listing, Outcome, Page, Panel, ServiceError, found, words};
use crate::control::store::house::webhooks as rows;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// How often something is tried before it is given up: for about a day.
const MOST_ATTEMPTS: u32 = 12;
/// Sent at once.
const TOGETHER: i64 = 20;

/// A webhook.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WebhookView {
    /// Its id.
    pub id: String,
    /// Where news go.
    pub url: String,
    /// Since when.
    pub created: String,
    /// Whether news to it are signed: not where it was made before there were signatures, or where the key of the vault that signs
    /// for it is gone. Then make another in its place.
    pub signed: bool,
}

/// A webhook with its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MadeWebhook {
    /// The webhook.
    pub webhook: WebhookView,
    /// What signs for the panel, `whsec_…`; shown once.
    pub secret: String,
}

/// A webhook to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where news go: `https://…`, or `http://` to this machine itself.
    pub url: String,
}

/// Something to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number; say it back with what became of it.
    pub number: i64,
    /// Where to.
    pub url: String,
    /// What: JSON.
    pub body: String,
    /// What shows whose it is.
    pub signed: Signed,
    attempts: u32,
}

/// What shows whose something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// Its id, when it was signed, in seconds, and the signature over both and the body, as `webhook-signature` has it.
    By(String, i64, String),
    /// Nothing: the webhook is older than signatures.
    Not,
    /// Nothing, and it must not go: the key that signs for this webhook is gone.
    KeyGone,
}

/// Makes a webhook.
///
/// # Errors
/// The address is neither `https` nor this machine.
pub async fn make(panel: &Panel, actor: &Actor, new: NewWebhook) -> Outcome<MadeWebhook> {
    let mut check = Check::default();
    let detail =
        "https://…, or http:// to 127.0.0.1, [::1] or localhost; without a user or a password";
    check.that(is_safe(&new.url), "url", detail);
    check.done()?;
    let now = panel.now().nanos();
    let keyring = keyring(panel)?;
    let row = rows::Webhook {
        id: 0,
        uid: super::id(panel, "hook_")?,
        url: new.url,
        created: now,
        key_id: Some(keyring.current().to_owned()),
    };
    let secret = keyring.signing(keyring.current(), &row.uid);
    let secret = secret.ok_or(ServiceError::NotSealed)?;
    let mut change = panel.change().await?;
    rows::insert(change.db(), &row).await?;
    let told = json!({ "url": row.url });
    let act = Act::of_panel("webhook.make", &row.uid, Value::Null, told);
    panel.keep(change, actor, act).await?;
    Ok(MadeWebhook {
        webhook: view(panel, row),
        secret: format!("whsec_{}", STANDARD.encode(secret.as_slice())),
    })
}

fn view(panel: &Panel, row: rows::Webhook) -> WebhookView {
    let key = row.key_id.as_deref();
    WebhookView {
        signed: key.is_some_and(|key| secret(panel, key, &row.uid).is_some()),
        id: row.uid,
        url: row.url,
        created: words::time(row.created),
    }
}

fn secret(panel: &Panel, key: &str, webhook: &str) -> Option<hmac::Key> {
    let secret = keyring(panel).ok()?.signing(key, webhook)?;
    Some(hmac::Key::new(hmac::HMAC_SHA256, secret.as_slice()))
}

/// All webhooks.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, page: Page) -> Outcome<Listing<WebhookView>> {
    let mut db = panel.read().await?;
    let hooks = rows::list(&mut db, page.window()).await?;
    Ok(page.of(hooks, |row| row.id, |row| view(panel, row)))
}

/// Removes a webhook.
///
/// # Errors
/// There is none of this id.
pub async fn remove(panel: &Panel, actor: &Actor, id: &str) -> Outcome<()> {
    let mut change = panel.change().await?;
    let url = rows::remove(change.db(), id, panel.now().nanos()).await?;
    let url = found(url, "webhook")?;
    let act = Act::of_panel("webhook.remove", id, json!({ "url": url }), Value::Null);
    panel.keep(change, actor, act).await
}

/// Writes down what is to be sent.
pub(super) async fn queue(
    panel: &Panel,
    db: &mut Db<'_>,
    event: &str,
    what: &Value,
) -> Outcome<()> {
    let now = panel.now().nanos();
    let body = json!({
        "id": super::id(panel, "evt_")?, "event": event, "at": words::time(now), "data": what,
    });
    rows::queue(db, &body.to_string(), now).await?;
    Ok(())
}

/// What is to be sent now.
///
/// # Errors
/// The books cannot be read.
pub async fn due(panel: &Panel) -> Outcome<Vec<Delivery>> {
    let mut db = panel.read().await?;
    let now = panel.now();
    let due = rows::due(&mut db, now.nanos(), TOGETHER).await?;
    let delivery = |row: rows::Delivery| Delivery {
        number: row.id,
        signed: sign(panel, &row, now.secs()),
        url: row.url,
        body: row.body,
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
    };
    Ok(due.into_iter().map(delivery).collect())
}

/// Signs for the panel, as of now: whoever gets it can refuse what is old.
fn sign(panel: &Panel, row: &rows::Delivery, at: i64) -> Signed {
    let Some(key) = row.key_id.as_deref() else {
        return Signed::Not;
    };
    let Some(key) = secret(panel, key, &row.webhook) else {
        return Signed::KeyGone;
    };
    let body: Value = serde_json::from_str(&row.body).unwrap_or_default();
    let id = body.get("id").and_then(Value::as_str).unwrap_or_default();
    let signature = hmac::sign(&key, format!("{id}.{at}.{}", row.body).as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(signature));
    Signed::By(id.to_owned(), at, signature)
}

/// What became of it. What failed is tried again, each time after twice as long, until it is given up.
///
/// # Errors
/// The books cannot be written.
pub async fn sent(panel: &Panel, delivery: &Delivery, outcome: Result<(), &str>) -> Outcome<()> {
    let now = panel.now();
    let mut change = panel.change().await?;
    match outcome {
        Ok(()) => rows::done(change.db(), delivery.number, None, now.nanos()).await?,
        Err(error) if delivery.attempts.saturating_add(1) >= MOST_ATTEMPTS => {
            rows::done(change.db(), delivery.number, Some(error), now.nanos()).await?;
        }
        Err(error) => {
            let pause = Duration::from_secs(10_u64.saturating_mul(1 << delivery.attempts.min(12)));
            let next = super::after(now, pause).nanos();
            rows::again(change.db(), delivery.number, error, next).await?;
        }
    }
    change.commit().await?;
    Ok(())
}

/// Whether news may go to an address: `https` anywhere, `http` to this machine itself. Whoever sends checks again where a
/// name leads, and follows nothing.
#[must_use]
pub fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<axum::http::Uri>() else {
        return false;
    };
    let Some(authority) = uri.authority() else {
        return false;
    };
    let plain = url.len() <= 512 && !authority.as_str().contains('@');
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let address = host.parse::<std::net::IpAddr>().ok();
    let is_here = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    match uri.scheme_str() {
        // An address in place of a name says nothing of who answers there.
        Some("https") => plain && (is_here || address.is_none()),
        Some("http") => plain && is_here,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_go_out_encrypted_or_not_at_all() {
        let check = |url: &str, expected: bool| assert_eq!(is_safe(url), expected, "{url}");
        check("https://hooks.example.com/a?b=c", true);
        check("http://127.0.0.1:8080/", true);
        check("http://[::1]/", true);
        check("http://localhost/x", true);
        check("http://hooks.example.com/", false);
        check("http://169.254.169.254/latest", false);
        check("https://169.254.169.254/latest", false);
        check("https://10.0.0.1/", false);
        check("https://user:secret@hooks.example.com/", false);
        check("file:///etc/passwd", false);
        check("gopher://127.0.0.1/", false);
        check("/relative", false);
        check("", false);
    }
}
