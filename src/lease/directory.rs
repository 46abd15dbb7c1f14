//! What a panel tells its gateways besides money: who may call and whose budget pays, what has just happened, and how a
//! gateway comes to a name of its own.
//!
//! A directory is absolute: a gateway that has one with the newest revision has missed nothing. Events only say that
//! something is to be looked at sooner than at the next sync; one that gets lost costs time, never money.
//!
//! Not here: money ([`super::protocol`]), how any of it travels.

use super::protocol::{LeafId, RouterId, nanos, number};
use crate::governance::settings::KeySettings;
use crate::units::Money;
use serde::{Deserialize, Serialize};

/// The version of the treaty that this program speaks, as the header [`VERSION_HEADER`] has it.
pub const VERSION: &str = "1";
/// The header that names the treaty's version.
pub const VERSION_HEADER: &str = "protocol-version";
/// The header of an answer to a sync that names the revision of what gateways are to run: so who missed an event learns of it.
pub const POLICY_HEADER: &str = "policy-revision";

/// Who may call through a gateway, and which budgets pay.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Directory {
    /// Grows with every change.
    #[serde(with = "number")]
    pub revision: u64,
    /// The keys.
    pub keys: Vec<KeyCard>,
    /// Digests of keys that were revoked: good nowhere any more, also where a gateway's own file has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<String>,
    /// The budgets that the keys' spending is charged to, so that a refusal can say whose money it was.
    pub budgets: Vec<BudgetCard>,
}

/// A virtual key, by its digest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyCard {
    /// Where its spending is counted.
    pub leaf: LeafId,
    /// The key, as a configuration file would have it.
    pub key: KeySettings,
}

/// A budget, by the name it has in refusals.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BudgetCard {
    /// Its number, as denials name it.
    #[serde(with = "number")]
    pub id: u64,
    /// `acme/red/atlas 1d`
    pub name: String,
    /// How long its period is: `1d`, `total`.
    pub window: String,
    /// How much there is in a period.
    #[serde(rename = "limit_nanos", with = "nanos")]
    pub limit: Money,
    /// Whether the limit binds.
    pub hard: bool,
    /// Whether a call that does not fit may be made smaller.
    pub clamp: bool,
    /// At how many per cent callers are told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub soft: Vec<u8>,
}

/// Something happened that a gateway is to look at now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// No call of these leaves begins any more.
    Kill {
        /// Which; all of them where none is named.
        leaves: Vec<LeafId>,
        /// Whether streams under way are cut.
        abort_streams: bool,
    },
    /// They may spend again.
    Unkill {
        /// Which; all of them where none is named.
        leaves: Vec<LeafId>,
    },
    /// There is a newer directory.
    Directory {
        /// Its revision.
        #[serde(with = "number")]
        revision: u64,
    },
    /// What gateways are to run may have changed.
    Policy {
        /// The revision of what they are to run.
        #[serde(with = "number")]
        revision: u64,
    },
    /// Something changed in the vault.
    Vault {
        /// Its revision.
        #[serde(with = "number")]
        revision: u64,
    },
    /// There may be money now where there was none.
    SyncNow,
    /// This panel is about to stop: ask another, or this one again a little later.
    Goaway,
}

/// A gateway asks for a certificate. The first time its one-time token says who it is, later its certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Enrol {
    /// A certificate signing request, as PEM. Only its public key counts.
    pub csr: String,
}

/// It got one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Enrolled {
    /// Who it is from now on.
    #[serde(rename = "router_id")]
    pub router: RouterId,
    /// Its name, for people.
    pub name: String,
    /// Its certificate, as PEM.
    pub certificate: String,
    /// The certificates of the panel's own authority, as PEM: whom to trust from now on.
    pub ca: String,
    /// When to ask for the next one, in seconds.
    pub renew_in_s: u64,
    /// The key by which to know policies of this panel, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_key: Option<String>,
}
