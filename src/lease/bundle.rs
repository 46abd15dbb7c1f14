//! Policies that a panel has its gateways run, and how a gateway knows that it was its panel who said so.
//!
//! A bundle is a set of policy files under one number. What a gateway gets is an [`Order`]: run this bundle, or none. It is
//! signed for that gateway alone, and names a revision that grows with each change of what gateways are to run, so that an
//! older order, or another gateway's, is worth nothing, also to somebody who has seen it. The signature covers the files by
//! their digest.
//!
//! Not here: who may order what (`control`), what the files say (`config::policy`), how any of it travels (`client`, `control`).

use super::protocol::{RouterId, number};
use crate::ids::{hex, unhex};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What a signature is for; another purpose gets other words.
const PURPOSE: &str = "tollgate policy order v1";

/// The files of a bundle: the text of each by its path.
pub type Files = BTreeMap<String, String>;

/// The digest of some files: of every path and every text, in order, each with its length before it.
#[must_use]
pub fn digest(files: &Files) -> String {
    let mut hash = Sha256::new();
    for part in files.iter().flat_map(|(path, text)| [path, text]) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// What one gateway is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Which gateway.
    #[serde(rename = "router_id")]
    pub router: RouterId,
    /// Grows with every change of what any gateway is to run.
    #[serde(with = "number")]
    pub revision: u64,
    /// The bundle's number; 0: none.
    #[serde(with = "number")]
    pub version: u64,
    /// The digest of its files; empty where there is none.
    pub digest: String,
    /// The files, unless the gateway said that it has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
    /// The id of the key it is signed by.
    pub key: String,
    /// The signature, in hexadecimal digits.
    pub signature: String,
}

impl Order {
    /// An order signed by `sign`, whose public half is `key`.
    pub fn signed(
        (router, revision): (RouterId, u64),
        bundle: Option<(u64, String)>,
        key: PolicyKey,
        sign: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Self {
        let (version, digest) = bundle.unwrap_or_default();
        let mut order = Self {
            router,
            revision,
            version,
            digest,
            files: None,
            key: key.id(),
            signature: String::new(),
        };
        order.signature = hex(&sign(order.message().as_bytes()));
        order
    }

    /// What tells it from others of its gateway, as `if-none-match` has it.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("{}.{}.{:032x}", self.revision, self.key, self.router.0)
    }

    fn message(&self) -> String {
        let Self {
            router,
            revision,
            version,
            digest,
            key,
            ..
        } = self;
        format!(
            "{PURPOSE}\n{:032x}\n{revision}\n{version}\n{digest}\n{key}\n",
            router.0
        )
    }

    /// Whether it is this gateway's, by this key, and its files are those it was signed for.
    ///
    /// # Errors
    /// [`NotTrusted`].
    pub fn check(&self, key: PolicyKey, router: RouterId) -> Result<(), NotTrusted> {
        if self.key != key.id() {
            return Err(NotTrusted::OtherKey {
                by: shown(&self.key),
                trusted: key.id(),
            });
        }
        let signature = unhex(&self.signature).ok_or(NotTrusted::Signature)?;
        UnparsedPublicKey::new(&ED25519, key.0)
            .verify(self.message().as_bytes(), &signature)
            .map_err(|_| NotTrusted::Signature)?;
        if self.router != router {
            return Err(NotTrusted::OtherGateway);
        }
        let right = match &self.files {
            Some(files) if self.version > 0 => digest(files) == self.digest,
            Some(files) => files.is_empty(),
            None => self.version == 0,
        };
        if right {
            Ok(())
        } else {
            Err(NotTrusted::Content)
        }
    }
}

/// Why an order is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTrusted {
    /// Nobody has said yet by which key the panel signs.
    #[error("the panel's key for policies is not known yet: it comes with the next certificate")]
    NoKey,
    /// It is signed by another key.
    #[error(
        "it is signed by key {by}, and this gateway trusts {trusted}: if the panel has a new key, set it as `panel.policy_key` or enrol again"
    )]
    OtherKey {
        /// The key it says.
        by: String,
        /// The key that counts.
        trusted: String,
    },
    /// The signature does not fit.
    #[error("its signature does not fit: it was changed, or is not the panel's")]
    Signature,
    /// It is for another gateway.
    #[error("it is signed for another gateway")]
    OtherGateway,
    /// The files are others than those that were signed.
    #[error("its files are not those that were signed")]
    Content,
    /// It is older than one that was followed.
    #[error("it is older (revision {revision}) than the last one that was followed ({followed})")]
    Older {
        /// Its revision.
        revision: u64,
        /// That of the last.
        followed: u64,
    },
}

impl NotTrusted {
    /// As a fault of a policy is told: a signature that is missing or wrong is one of the bundle's, at its first place.
    #[must_use]
    pub fn told(&self, version: u64) -> String {
        match self {
            Self::OtherKey { .. } | Self::Signature | Self::OtherGateway | Self::Content => {
                format!("panel:{version}:1:1: error[TG007]: {self}")
            }
            Self::NoKey | Self::Older { .. } => self.to_string(),
        }
    }
}

/// The public half of the key that a panel signs orders with: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PolicyKey([u8; 32]);

impl PolicyKey {
    /// Of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its id: the first 16 hexadecimal digits of its SHA-256.
    #[must_use]
    pub fn id(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(self.0).into();
        hex(digest.get(..8).unwrap_or_default())
    }
}

impl fmt::Display for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyKey({self})")
    }
}

impl FromStr for PolicyKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = unhex(text).ok_or(())?;
        bytes.try_into().map(Self).map_err(|_| ())
    }
}

/// What a gateway tells of the bundle it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The revision of the newest order it has heard.
    #[serde(with = "number")]
    pub revision: u64,
    /// The bundle that is in force; 0: none.
    #[serde(with = "number")]
    pub running: u64,
    /// Why it is not the one that was ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What somebody else wrote, as a message may show it.
fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(64).map(plain).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    pub(crate) const ROUTER: RouterId = RouterId(0x77);

    /// A panel's key, and the half that gateways know.
    pub(crate) fn key() -> (Ed25519KeyPair, PolicyKey) {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(made.as_ref()).expect("a key");
        let public = pair.public_key().as_ref().try_into().expect("32 bytes");
        (pair, PolicyKey(public))
    }

    /// An order for [`ROUTER`] to run one file.
    pub(crate) fn order(pair: &Ed25519KeyPair, key: PolicyKey, revision: u64, text: &str) -> Order {
        let files = Files::from([("org.yaml".to_owned(), text.to_owned())]);
        let bundle = Some((revision, digest(&files)));
        let sign = |message: &[u8]| pair.sign(message).as_ref().to_vec();
        Order {
            files: Some(files),
            ..Order::signed((ROUTER, revision), bundle, key, sign)
        }
    }

    #[test]
    fn nothing_of_an_order_can_be_changed() {
        let (pair, key) = key();
        let (other, stranger) = self::key();
        let check = |change: &dyn Fn(&mut Order), expected: Result<(), NotTrusted>| {
            let mut order = order(&pair, key, 3, "version: 1\n");
            change(&mut order);
            assert_eq!(order.check(key, ROUTER), expected, "{order:?}");
        };
        check(&|_| {}, Ok(()));
        check(&|order| order.revision = 4, Err(NotTrusted::Signature));
        check(&|order| order.version = 0, Err(NotTrusted::Signature));
        check(&|order| order.digest.clear(), Err(NotTrusted::Signature));
        check(&|order| order.signature.clear(), Err(NotTrusted::Signature));
        check(
            &|order| order.router = RouterId(1),
            Err(NotTrusted::Signature),
        );
        check(&|order| order.files = None, Err(NotTrusted::Content));
        check(
            &|order| {
                let files = order.files.get_or_insert_default();
                files.insert("org.yaml".to_owned(), "version: 1 \n".to_owned());
            },
            Err(NotTrusted::Content),
        );
        check(
            &|order| {
                let files = order.files.get_or_insert_default();
                files.insert("more.yaml".to_owned(), "version: 1\n".to_owned());
            },
            Err(NotTrusted::Content),
        );
        let theirs = NotTrusted::OtherKey {
            by: stranger.id(),
            trusted: key.id(),
        };
        check(
            &|order| *order = self::order(&other, stranger, 3, "version: 1\n"),
            Err(theirs),
        );
        // Who only says that it is ours has not signed it with ours.
        check(
            &|order| *order = self::order(&other, key, 3, "version: 1\n"),
            Err(NotTrusted::Signature),
        );
    }

    #[test]
    fn a_signature_that_is_missing_or_wrong_is_told_as_a_fault_of_the_bundle() {
        let (pair, key) = key();
        let mut told = Vec::new();
        let mut check = |change: &dyn Fn(&mut Order)| {
            let mut order = order(&pair, key, 3, "version: 1\n");
            change(&mut order);
            let fault = order.check(key, ROUTER).expect_err("a fault");
            told.push(fault.told(order.version));
        };
        check(&|order| order.signature.clear());
        check(&|order| order.revision = 4);
        check(&|order| order.files = None);
        told.push(NotTrusted::OtherGateway.told(7));
        let (by, trusted) = ("00ff".to_owned(), "ff00".to_owned());
        told.push(NotTrusted::OtherKey { by, trusted }.told(7));
        // These say nothing about a signature.
        told.push(NotTrusted::NoKey.told(7));
        let (revision, followed) = (3, 4);
        told.push(NotTrusted::Older { revision, followed }.told(7));
        insta::assert_snapshot!("tg007", told.join("\n"));
    }

    #[test]
    fn another_gateways_order_is_worth_nothing() {
        let (pair, key) = key();
        let order = order(&pair, key, 3, "version: 1\n");
        assert_eq!(
            order.check(key, RouterId(0x78)),
            Err(NotTrusted::OtherGateway)
        );
    }

    #[test]
    fn two_ways_to_cut_the_same_letters_into_files_are_two_digests() {
        let files = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            digest(
                &pairs
                    .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                    .collect(),
            )
        };
        assert_ne!(files(&[("a", "bc")]), files(&[("ab", "c")]));
        assert_ne!(files(&[("a", ""), ("b", "")]), files(&[("a", "b")]));
    }

    #[test]
    fn an_order_to_run_none_is_signed_as_well() {
        let (pair, key) = key();
        let sign = |message: &[u8]| pair.sign(message).as_ref().to_vec();
        let none = Order::signed((ROUTER, 9), None, key, sign);
        assert_eq!(none.check(key, ROUTER), Ok(()));
        let said = serde_json::to_string(&none).expect("JSON");
        let heard: Order = serde_json::from_str(&said).expect("an order");
        assert_eq!(heard, none);
    }

    #[test]
    fn a_key_is_64_small_hexadecimal_digits() {
        let (_, key) = key();
        assert_eq!(key.to_string().parse(), Ok(key));
        for text in ["", "zz", "AB", "0123"] {
            assert_eq!(text.parse::<PolicyKey>(), Err(()), "{text}");
        }
    }
}
