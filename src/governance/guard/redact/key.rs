//! Keyed digests: what names of values are made of, so that nobody without the key can go from a name to a value.
//!
//! HMAC-SHA-256 over parts that each carry their length: `("ab", "c")` and `("a", "bc")` are different things. The key of a
//! scope is itself derived from the gateway's secret, so two virtual keys (or two sessions, where a policy wants it) give
//! one value two names, and the provider cannot tell that they are the same.
//!
//! Not here: what a name looks like (`types`), which value has which (`mapping`).

use crate::secret::Secret;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The block of SHA-256, which HMAC pads its key to.
const BLOCK: usize = 64;

/// The key that names values for one scope. Wiped from memory when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ScopeKey([u8; 32]);

impl ScopeKey {
    /// Derives the key of a virtual key, or of one of its sessions, from the gateway's secret.
    #[must_use]
    pub fn derive(secret: &[u8], key_name: &str, session: Option<&str>) -> Self {
        let scope: &[u8] = if session.is_some() {
            b"session"
        } else {
            b"key"
        };
        let session = session.unwrap_or_default().as_bytes();
        Self(hmac(
            secret,
            &[b"tollgate scope 1", scope, key_name.as_bytes(), session],
        ))
    }

    /// The digest of these parts under this key.
    pub(super) fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        hmac(&self.0, parts)
    }
}

/// The keys of virtual keys, each derived when a call of it first comes. There are as many as the configuration has keys.
#[derive(Debug)]
pub struct ScopeKeys {
    secret: Secret<Vec<u8>>,
    known: RwLock<HashMap<Box<str>, ScopeKey>>,
}

impl ScopeKeys {
    /// The keys that belong to a gateway's secret.
    #[must_use]
    pub fn new(secret: Secret<Vec<u8>>) -> Self {
        let known = RwLock::default();
        Self { secret, known }
    }

    /// The key of a virtual key.
    #[must_use]
    pub fn of(&self, key_name: &str) -> ScopeKey {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.get(key_name) {
            return key.clone();
        }
        drop(known);
        let key = ScopeKey::derive(self.secret.expose(), key_name, None);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(key_name.into(), key.clone());
        key
    }
}

impl std::fmt::Debug for ScopeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScopeKey(***)")
    }
}

/// HMAC-SHA-256 of the parts, each behind its length.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut inner = Sha256::new();
    let mut outer = Sha256::new();
    pad(key, 0x36, &mut inner);
    pad(key, 0x5c, &mut outer);
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        inner.update(length.to_le_bytes());
        inner.update(part);
    }
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// Feeds the key, brought to the length of a block and changed by `with`.
fn pad(key: &[u8], with: u8, into: &mut Sha256) {
    let mut block = Zeroizing::new([0_u8; BLOCK]);
    if key.len() > BLOCK {
        let short = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(key)));
        block
            .iter_mut()
            .zip(short.iter())
            .for_each(|(b, k)| *b = *k);
    } else {
        block.iter_mut().zip(key).for_each(|(b, k)| *b = *k);
    }
    block.iter_mut().for_each(|byte| *byte ^= with);
    into.update(block.as_slice());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// HMAC of bytes without lengths, as the RFC has it.
    fn plain(key: &[u8], message: &[u8]) -> String {
        let mut inner = Sha256::new();
        let mut outer = Sha256::new();
        pad(key, 0x36, &mut inner);
        pad(key, 0x5c, &mut outer);
        inner.update(message);
        outer.update(inner.finalize());
        outer
            .finalize()
            .iter()
            .fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").expect("a string takes it");
                hex
            })
    }

    #[test]
    fn the_digest_is_the_one_of_rfc_4231() {
        assert_eq!(
            plain(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = [0xaa; 131];
        assert_eq!(
            plain(
                &long,
                b"Test Using Larger Than Block-Size Key - Hash Key First"
            ),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn each_key_and_session_has_a_scope_of_its_own() {
        let digest = |name: &str, session| {
            ScopeKey::derive(b"secret", name, session).digest(&[b"ana@acme.io"])
        };
        assert_eq!(digest("a", None), digest("a", None));
        assert_ne!(digest("a", None), digest("b", None));
        assert_ne!(digest("a", None), digest("a", Some("")));
        assert_ne!(digest("a", Some("1")), digest("a1", Some("")));
        assert_ne!(
            ScopeKey::derive(b"other", "a", None).digest(&[b"x"]),
            ScopeKey::derive(b"secret", "a", None).digest(&[b"x"])
        );
    }

    #[test]
    fn a_key_does_not_print() {
        let key = ScopeKey::derive(b"secret", "a", None);
        assert_eq!(format!("{key:?}"), "ScopeKey(***)");
    }
}
