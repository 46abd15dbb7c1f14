//! Which gateway is to run which bundle, and what it says it runs.
//!
//! A candidate goes to those gateways whose lot is below its share. The lot is drawn from the gateway's id and the version,
//! so it stays what it is: a larger share adds gateways and takes none away, and another version tries its luck on others.

use super::super::{Db, Outcome, Panel, found, gateways, words};
use super::Office;
use crate::control::store::house::bundles as rows;
use crate::control::store::house::gateways as gateway_rows;
use crate::lease::bundle::{Order, PolicyKey, Report};
use crate::lease::protocol::RouterId;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a gateway tells is not kept at greater length.
const MOST_ERROR: usize = 4_100;

/// The policies of one gateway.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct PolicyView {
    /// The version it is to run; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<u64>,
    /// The version it said it runs; 0: none of the panel's; absent: it has not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<u64>,
    /// Why it does not run what it is to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported: Option<String>,
}

impl Panel {
    /// From now on it stores bundles that this office finds no fault with, and orders what was rolled out of them.
    ///
    /// # Errors
    /// The books cannot be read.
    pub async fn staff(&mut self, office: Office) -> Outcome<()> {
        let rollout = rows::rollout(&mut self.read().await?).await?;
        self.bundles = office;
        if let Some(rollout) = rollout {
            self.bundles.rolled(rollout.revision);
        }
        Ok(())
    }

    /// The revision of what gateways are to run; 0 before there was anything.
    #[must_use]
    pub fn policy_revision(&self) -> u64 {
        self.bundles.revision.load(Ordering::Acquire)
    }

    /// By which key gateways are to know what this panel orders.
    #[must_use]
    pub fn policy_key(&self) -> Option<PolicyKey> {
        self.bundles.signer.as_ref().map(|signer| signer.public())
    }
}

/// What a gateway is to run, signed for it; the files left out where it has them (`have` is their digest). None: this panel
/// cannot sign.
///
/// # Errors
/// It is not known, or the books cannot be read.
pub async fn order(panel: &Panel, router: RouterId, have: Option<&str>) -> Outcome<Option<Order>> {
    let Some(signer) = &panel.bundles.signer else {
        return Ok(None);
    };
    let mut db = panel.read().await?;
    let gateway = gateway_rows::by_router(&mut db, &router.0.to_be_bytes()).await?;
    let gateway = found(gateway, "gateway")?;
    let rollout = rows::rollout(&mut db).await?;
    let revision = rollout.as_ref().map_or(0, |rollout| rollout.revision);
    let wanted = rollout.and_then(|rollout| wanted(&rollout, &gateway.uid));
    let bundle = match wanted {
        Some(version) => Some(super::find(&mut db, version).await?),
        None => None,
    };
    let ordered = bundle
        .as_ref()
        .map(|bundle| (unsigned(bundle.version), bundle.digest.clone()));
    let sign = |message: &[u8]| signer.sign(message);
    let mut order = Order::signed((router, unsigned(revision)), ordered, signer.public(), sign);
    if let Some(bundle) = bundle.filter(|bundle| have != Some(bundle.digest.as_str())) {
        let files = match panel.bundles.at_hand(bundle.version) {
            Some(files) => files,
            None => Arc::new(super::files(&mut db, bundle.version).await?),
        };
        panel
            .bundles
            .put_at_hand(bundle.version, Arc::clone(&files));
        order.files = Some((*files).clone());
    }
    Ok(Some(order))
}

/// A gateway says what it runs. Written down by [`note_reports`].
pub fn report(panel: &Panel, router: RouterId, mut said: Report) {
    if let Some(error) = &mut said.error
        && error.len() > MOST_ERROR
    {
        let end = (0..=MOST_ERROR)
            .rev()
            .find(|at| error.is_char_boundary(*at));
        error.truncate(end.unwrap_or(0));
    }
    let now = panel.now().nanos();
    panel.bundles.said().insert(router, (said, now));
}

/// Writes down what gateways said, all of it in one change.
///
/// # Errors
/// The books cannot be written: it is tried again.
pub async fn note_reports(panel: &Panel) -> Outcome<()> {
    let said = panel.bundles.said().clone();
    if said.is_empty() {
        return Ok(());
    }
    let mut change = panel.change().await?;
    for (router, (report, at)) in &said {
        let row = rows::Reported {
            revision: i64::try_from(report.revision).unwrap_or(i64::MAX),
            running: i64::try_from(report.running).unwrap_or(i64::MAX),
            error: report.error.clone(),
            at: *at,
        };
        rows::report(change.db(), &router.0.to_be_bytes(), &row).await?;
    }
    change.commit().await?;
    // What was said meanwhile stays to be written.
    panel
        .bundles
        .said()
        .retain(|router, now| said.get(router) != Some(now));
    Ok(())
}

/// The policies of a gateway, as they are to be and as it said.
///
/// # Errors
/// The books cannot be read.
pub(in crate::control) async fn standing(
    panel: &Panel,
    db: &mut Db<'_>,
    gateway: &gateway_rows::Gateway,
    rollout: Option<&rows::Rollout>,
) -> Outcome<PolicyView> {
    let wanted = rollout.and_then(|rollout| wanted(rollout, &gateway.uid));
    let wanted = wanted.map(unsigned);
    let router = gateways::router(gateway);
    let heard = panel.bundles.said().get(&router).cloned();
    let (running, error, at) = match heard {
        Some((report, at)) => (report.running, report.error, at),
        None => match rows::reported(db, gateway.id).await? {
            Some(row) => (unsigned(row.running), row.error, row.at),
            None => {
                return Ok(PolicyView {
                    wanted,
                    ..PolicyView::default()
                });
            }
        },
    };
    Ok(PolicyView {
        wanted,
        running: Some(running),
        error,
        reported: Some(words::time(at)),
    })
}

/// The version that each of these gateways says it runs, by their numbers.
pub(in crate::control) async fn running(
    panel: &Panel,
    db: &mut Db<'_>,
    gateways: &[gateway_rows::Gateway],
) -> Outcome<BTreeMap<i64, u64>> {
    let kept = rows::running(db).await?.into_iter();
    let mut running: BTreeMap<i64, u64> =
        kept.map(|(id, version)| (id, unsigned(version))).collect();
    let said = panel.bundles.said();
    for gateway in gateways {
        if let Some((report, _)) = said.get(&gateways::router(gateway)) {
            running.insert(gateway.id, report.running);
        }
    }
    Ok(running)
}

/// The version that a gateway is to run.
fn wanted(rollout: &rows::Rollout, gateway: &str) -> Option<i64> {
    let candidate = rollout
        .candidate
        .filter(|version| lot(gateway, *version) < hundredths(rollout.percent));
    candidate.or(rollout.current)
}

fn hundredths(percent: i64) -> u64 {
    u64::try_from(percent).unwrap_or(0).saturating_mul(100)
}

/// Where a gateway stands among ten thousand, for one version.
fn lot(gateway: &str, version: i64) -> u64 {
    let digest = Sha256::digest(format!("{gateway}\n{version}"));
    let first = digest.iter().take(8);
    let number = first.fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    number % 10_000
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(version: i64, percent: i64) -> Vec<usize> {
        let rollout = rows::Rollout {
            revision: 1,
            current: Some(1),
            candidate: Some(version),
            percent,
            made_by: 1,
            at: 0,
        };
        let is_in = |number: &usize| wanted(&rollout, &format!("gw_{number}")) == Some(version);
        (0..2_000).filter(is_in).collect()
    }

    #[test]
    fn a_larger_share_only_adds_gateways_and_all_is_all() {
        let mut before = chosen(2, 0);
        assert_eq!(before, Vec::<usize>::new());
        for percent in 1..=100 {
            let now = chosen(2, percent);
            assert!(before.iter().all(|one| now.contains(one)), "{percent} %");
            before = now;
        }
        assert_eq!(before.len(), 2_000);
    }

    #[test]
    fn a_share_is_about_as_large_as_it_says_and_another_version_draws_other_lots() {
        let (one, other) = (chosen(2, 25), chosen(3, 25));
        for chosen in [&one, &other] {
            assert!((400..600).contains(&chosen.len()), "{}", chosen.len());
        }
        let both = one.iter().filter(|number| other.contains(number)).count();
        assert!((50..200).contains(&both), "{both}");
    }

    #[test]
    fn a_lot_is_the_same_for_ever() {
        assert_eq!(lot("gw_1", 2), lot("gw_1", 2));
        assert_ne!(lot("gw_1", 2), lot("gw_2", 2));
        // Written out, because a change would move gateways from one version to another.
        assert_eq!(lot("gw_0192f0c1", 7), 6389);
    }
}
