//! The keys a provider signs by, as it publishes them, and whether a signature is theirs.
//!
//! ring does the cryptography. Which algorithms there are is a closed list of three, all of them with a public key: there is no
//! way to say `none`, and none to have a public key taken for a shared secret. What a key is for is said by the key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// More keys are not looked at.
const MOST_KEYS: usize = 100;

/// How a token may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSA, PKCS #1 v1.5.
    Rs256,
    /// RSA-PSS.
    Ps256,
    /// ECDSA over P-256.
    Es256,
}

impl Algorithm {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
        }
    }
}

/// A key that signatures are checked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    id: Option<String>,
    /// The one algorithm it is for, where it says so.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
}

/// A key as it is published. What we do not know of it is none of ours.
#[derive(Deserialize)]
struct Published {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// The keys of a published set that can check signatures of ours. Others in it are passed over; none where it is no set.
pub(super) fn read(set: &[u8]) -> Option<Vec<Key>> {
    let set: Set = serde_json::from_slice(set).ok()?;
    let keys = set.keys.into_iter().take(MOST_KEYS);
    let keys = keys.filter_map(|key| serde_json::from_value(key).ok());
    Some(keys.filter_map(key).collect())
}

fn key(published: Published) -> Option<Key> {
    if published.purpose.is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?.trim_end_matches('=')).ok();
    let material = match published.kty.as_str() {
        "RSA" => {
            let mut modulus = bytes(published.n)?;
            // Some write the sign's zero.
            let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
            modulus.drain(..zeros);
            Material::Rsa {
                modulus,
                exponent: bytes(published.e)?,
            }
        }
        "EC" if published.crv.as_deref() == Some("P-256") => {
            let (x, y) = (bytes(published.x)?, bytes(published.y)?);
            if (x.len(), y.len()) != (32, 32) {
                return None;
            }
            Material::P256([vec![4], x, y].concat())
        }
        _ => return None,
    };
    Some(Key {
        id: published.kid,
        algorithm: published.alg,
        material,
    })
}

/// The key that a token names; where it names none, the only one there is for its algorithm.
pub(super) fn find<'a>(keys: &'a [Key], id: Option<&str>, algorithm: Algorithm) -> Option<&'a Key> {
    let mut fitting = keys.iter().filter(|key| key.fits(algorithm));
    if id.is_some() {
        return fitting.find(|key| key.id.as_deref() == id);
    }
    let only = fitting.next()?;
    fitting.next().is_none().then_some(only)
}

impl Key {
    fn fits(&self, algorithm: Algorithm) -> bool {
        let is_kind = match self.material {
            Material::Rsa { .. } => matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256),
            Material::P256(_) => algorithm == Algorithm::Es256,
        };
        let named = self.algorithm.as_deref();
        is_kind && named.is_none_or(|named| named == algorithm.name())
    }

    /// Whether this signature of a message is this key's.
    pub(super) fn signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        let verified = match &self.material {
            Material::Rsa { modulus, exponent } => {
                let key = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                let how = if algorithm == Algorithm::Ps256 {
                    &RSA_PSS_2048_8192_SHA256
                } else {
                    &RSA_PKCS1_2048_8192_SHA256
                };
                key.verify(how, message, signature)
            }
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}
