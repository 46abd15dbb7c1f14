//! Gateways: how one is made known, what it holds, and how it is stopped.
//!
//! Not here: how one comes in (`enrolment`).

mod enrolment;

pub use enrolment::{
    certificate_issued, enrol_by_token, heard, may_renew, router_of_certificate, router_of_key,
};

use super::access::Actor;
use super::audit::Act;
use super::bundles::{self, PolicyView};
use super::words::Check;
use super::{Db, Listing, Outcome, Page, Panel, ServiceError, found, secrets, taken, words};
use crate::control::store::house::bundles as bundle_rows;
use crate::control::store::house::gateways as rows;
use crate::lease::directory::Event;
use crate::lease::protocol::{RouterId, Stage};
use crate::units::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a one-time token begins.
const PREFIX: &str = "tge_";
/// How long one is good where nobody says.
const USUAL: u64 = 24 * 3600;
/// How long one is good at most.
const MOST: u64 = 30 * 24 * 3600;

/// A gateway.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GatewayView {
    /// Its id.
    pub id: String,
    /// Its id in the treaty, in hexadecimal digits.
    pub router_id: String,
    /// Its name.
    pub name: String,
    /// `invited` (its token was not used), `token_expired`, `enrolled`, `stopped` (it may borrow nothing) or `revoked`.
    pub state: String,
    /// Its process, by number; 0 before the first.
    pub incarnation: u64,
    /// When it last spoke, to half a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// When it first came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolled: Option<String>,
    /// SHA-256 of its public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_sha256: Option<String>,
    /// Its certificates.
    pub certificates: Vec<CertificateView>,
    /// Leases it has that are not closed.
    pub leases: u64,
    /// What it holds, in dollars.
    pub held: String,
    /// The policies it is to run, and those it says it runs.
    pub policy: PolicyView,
    /// Since when it is known.
    pub created: String,
}

/// A certificate of a gateway.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CertificateView {
    /// SHA-256 of it.
    pub fingerprint: String,
    /// Since when.
    pub issued: String,
    /// Until when.
    pub not_after: String,
}

/// A gateway to be made known.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGateway {
    /// Its name.
    pub name: String,
    /// For how many seconds its token is good; a day where absent.
    #[serde(default)]
    pub token_lasts_s: Option<u64>,
}

/// A gateway with its one-time token.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MadeGateway {
    /// The gateway.
    pub gateway: GatewayView,
    /// What it presents the first time; shown once.
    pub token: String,
    /// Until when it is good.
    pub expires: String,
}

/// How many leases were affected.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Drained {
    /// Leases that bring nothing new.
    pub leases: u64,
}

/// Makes a gateway known.
///
/// # Errors
/// The name is taken.
pub async fn make(panel: &Panel, actor: &Actor, new: NewGateway) -> Outcome<MadeGateway> {
    let mut check = Check::default();
    check.name("name", &new.name);
    let lasts = lasts(&mut check, new.token_lasts_s);
    check.done()?;
    let now = panel.now();
    let token = secrets::token(PREFIX)?;
    let until = super::after(now, lasts).nanos();
    let row = rows::Gateway {
        id: 0,
        uid: super::id(panel, "gw_")?,
        router: secrets::random::<16>()?.to_vec(),
        name: new.name,
        token_until: Some(until),
        spki: None,
        enrolled: None,
        seen: None,
        created: now.nanos(),
        revoked: None,
    };
    let mut change = panel.change().await?;
    let inserted = rows::insert(change.db(), &row, &secrets::digest(token.expose())).await;
    inserted.map_err(|error| taken(error, "gateway", &row.name))?;
    let act = act(
        "gateway.make",
        &row,
        Value::Null,
        json!({ "name": row.name }),
    );
    panel.keep(change, actor, act).await?;
    Ok(MadeGateway {
        gateway: get(panel, &row.uid).await?,
        token: token.expose().clone(),
        expires: words::time(until),
    })
}

/// Another one-time token for a gateway that lost its key or never came: its certificates are good no longer.
///
/// # Errors
/// It was revoked.
pub async fn new_token(panel: &Panel, actor: &Actor, id: &str) -> Outcome<MadeGateway> {
    let token = secrets::token(PREFIX)?;
    let until = super::after(panel.now(), Duration::from_secs(USUAL)).nanos();
    let mut change = panel.change().await?;
    let row = live(change.db(), id).await?;
    rows::renew_token(change.db(), row.id, &secrets::digest(token.expose()), until).await?;
    rows::forget_certificates(change.db(), row.id).await?;
    let act = act("gateway.new_token", &row, Value::Null, Value::Null);
    panel.keep(change, actor, act).await?;
    Ok(MadeGateway {
        gateway: get(panel, id).await?,
        token: token.expose().clone(),
        expires: words::time(until),
    })
}

/// All gateways.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, page: Page) -> Outcome<Listing<GatewayView>> {
    let mut db = panel.read().await?;
    let mut gateways = rows::list(&mut db, page.window()).await?;
    let is_more = gateways.len() > usize::from(page.limit);
    gateways.truncate(usize::from(page.limit));
    let last = gateways.last().filter(|_| is_more).map(|row| row.id);
    let views = views(panel, &mut db, gateways).await?;
    Ok(Listing::new(views, last))
}

/// One of them.
///
/// # Errors
/// There is none of this id.
pub async fn get(panel: &Panel, id: &str) -> Outcome<GatewayView> {
    let mut db = panel.read().await?;
    let row = found(rows::find(&mut db, id).await?, "gateway")?;
    let views = views(panel, &mut db, vec![row]).await?;
    found(views.into_iter().next(), "gateway")
}

/// Revokes a gateway for good: its certificates are good no longer, and its leases bring nothing new. What it holds stays
/// held until its leases are over; what it then cannot tell is presumed spent.
///
/// # Errors
/// It was revoked before.
pub async fn revoke(panel: &Panel, actor: &Actor, id: &str) -> Outcome<GatewayView> {
    let mut change = panel.change().await?;
    let row = live(change.db(), id).await?;
    rows::revoke(change.db(), row.id, panel.now().nanos()).await?;
    let act = act("gateway.revoke", &row, Value::Null, Value::Null);
    // The bank lends it nothing from now on, and is told so again where it could not be told.
    panel.enact(change, actor, act, Vec::new()).await?;
    panel.publish(Event::SyncNow);
    get(panel, id).await
}

/// Has a gateway's leases bring nothing new: what is not spent comes back, and new leases take their place where it goes on.
///
/// # Errors
/// There is none of this id.
pub async fn drain(panel: &Panel, actor: &Actor, id: &str) -> Outcome<Drained> {
    let mut change = panel.change().await?;
    let row = live(change.db(), id).await?;
    let act = act("gateway.drain", &row, Value::Null, Value::Null);
    panel.keep(change, actor, act).await?;
    let drained = panel.treasury.drain(router(&row)).await;
    let leases = drained.map_err(ServiceError::NotInForce)?;
    panel.publish(Event::SyncNow);
    Ok(Drained {
        leases: u64::try_from(leases).unwrap_or(u64::MAX),
    })
}

/// What the treaty calls a gateway.
pub(super) fn router(row: &rows::Gateway) -> RouterId {
    let bytes: [u8; 16] = row.router.as_slice().try_into().unwrap_or_default();
    RouterId(u128::from_be_bytes(bytes))
}

async fn live(db: &mut Db<'_>, id: &str) -> Outcome<rows::Gateway> {
    let row = found(rows::find(db, id).await?, "gateway")?;
    if row.revoked.is_some() {
        return Err(ServiceError::Gone("gateway"));
    }
    Ok(row)
}

fn lasts(check: &mut Check, asked: Option<u64>) -> Duration {
    let secs = asked.unwrap_or(USUAL);
    let right = (60..=MOST).contains(&secs);
    check.that(
        right,
        "token_lasts_s",
        "from a minute to 30 days, in seconds",
    );
    Duration::from_secs(secs.min(MOST))
}

fn act<'a>(action: &'static str, row: &'a rows::Gateway, before: Value, after: Value) -> Act<'a> {
    Act {
        action,
        target: &row.uid,
        node: None,
        before,
        after,
    }
}

/// How far a gateway has come.
pub(super) fn state(panel: &Panel, row: &rows::Gateway) -> &'static str {
    let now = panel.now().nanos();
    if row.revoked.is_some() {
        "revoked"
    } else if enrolment::is_stopped(panel, router(row)) {
        "stopped"
    } else if row.spki.is_some() {
        "enrolled"
    } else if row.token_until.is_some_and(|until| until <= now) {
        "token_expired"
    } else {
        "invited"
    }
}

/// When a gateway last spoke.
pub(super) fn last_seen(panel: &Panel, row: &rows::Gateway) -> Option<i64> {
    let remembered = panel.remembered().seen.get(&router(row)).copied();
    remembered.max(row.seen)
}

/// What the bank has of a gateway.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing {
    incarnation: u64,
    pub(super) leases: u64,
    pub(super) held: Money,
}

async fn views(
    panel: &Panel,
    db: &mut Db<'_>,
    rows: Vec<rows::Gateway>,
) -> Outcome<Vec<GatewayView>> {
    let routers = rows.iter().map(router).collect();
    let standings = standings(panel, routers).await?;
    let mut views = Vec::with_capacity(rows.len());
    let rollout = bundle_rows::rollout(db).await?;
    for row in rows {
        let certificates = rows::certificates(db, row.id).await?;
        let standing = standings.get(&router(&row)).copied().unwrap_or_default();
        let policy = bundles::standing(panel, db, &row, rollout.as_ref()).await?;
        views.push(GatewayView {
            policy,
            ..view(panel, row, &certificates, standing)
        });
    }
    Ok(views)
}

/// What the bank has of these.
pub(super) async fn standings(
    panel: &Panel,
    routers: Vec<RouterId>,
) -> Outcome<BTreeMap<RouterId, Standing>> {
    let mut standings: BTreeMap<RouterId, Standing> = BTreeMap::new();
    standings.extend(
        routers
            .into_iter()
            .map(|router| (router, Standing::default())),
    );
    let standings = panel.treasury.look(move |bank| {
        for (id, standing) in &mut standings {
            standing.incarnation = bank.router(*id).map_or(0, |router| router.incarnation);
        }
        for (_, lease) in bank.leases() {
            if lease.stage != Stage::Closed
                && let Some(standing) = standings.get_mut(&lease.router)
            {
                standing.leases = standing.leases.saturating_add(1);
                standing.held = standing.held.plus(lease.held());
            }
        }
        standings
    });
    Ok(standings.await?)
}

fn view(
    panel: &Panel,
    row: rows::Gateway,
    certificates: &[(Vec<u8>, i64, i64)],
    standing: Standing,
) -> GatewayView {
    let state = state(panel, &row);
    let last_seen = last_seen(panel, &row);
    let certificates = certificates.iter().map(|certificate| CertificateView {
        fingerprint: words::hex(&certificate.0),
        issued: words::time(certificate.1),
        not_after: words::time(certificate.2),
    });
    GatewayView {
        id: row.uid,
        router_id: format!(
            "{:032x}",
            u128::from_be_bytes(row.router.as_slice().try_into().unwrap_or_default())
        ),
        name: row.name,
        state: state.to_owned(),
        incarnation: standing.incarnation,
        last_seen: words::some_time(last_seen),
        enrolled: words::some_time(row.enrolled),
        key_sha256: row.spki.as_deref().map(words::hex),
        certificates: certificates.collect(),
        leases: standing.leases,
        held: standing.held.to_string(),
        policy: PolicyView::default(),
        created: words::time(row.created),
    }
}
