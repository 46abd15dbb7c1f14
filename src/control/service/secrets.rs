//! Secrets the panel makes, and passwords people make up.
//!
//! A token of ours is 256 random bits, so its SHA-256 may be kept and looked up. A password is guessed more easily: it is
//! kept as argon2id, with the least that OWASP recommends.

use super::{Outcome, ServiceError};
use crate::secret::Secret;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest as _;
use subtle::ConstantTimeEq as _;

/// What a guess at a password costs.
#[derive(Debug, Clone, Copy)]
pub(in crate::control) struct Cost {
    memory_kib: u32,
    passes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
        }
    }
}

#[cfg(test)]
impl Cost {
    /// For tests, which hash often and have nothing to hide.
    pub(in crate::control) const CHEAP: Self = Self {
        memory_kib: 8,
        passes: 1,
    };
}

const SALT: usize = 16;
const DIGEST: usize = 32;

/// Random bytes.
pub(in crate::control) fn random<const N: usize>() -> Outcome<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| ServiceError::NoRandom)?;
    Ok(bytes)
}

/// A random number.
pub(super) fn random_number() -> Outcome<u128> {
    random().map(u128::from_be_bytes)
}

/// A new token with this prefix.
pub(in crate::control) fn token(prefix: &str) -> Outcome<Secret<String>> {
    let bytes: [u8; 32] = random()?;
    let text = URL_SAFE_NO_PAD.encode(bytes);
    Ok(Secret::new(format!("{prefix}{text}")))
}

/// What is kept of a token.
pub(in crate::control) fn digest(token: &str) -> [u8; 32] {
    sha2::Sha256::digest(token.as_bytes()).into()
}

/// The digest of a password as it is kept: algorithm, cost, salt, digest.
pub(super) fn hash(password: &str, cost: Cost) -> Outcome<String> {
    let salt: [u8; SALT] = random()?;
    let digest = argon2id(password, &salt, cost)?;
    let (memory, passes) = (cost.memory_kib, cost.passes);
    let (salt, digest) = (URL_SAFE_NO_PAD.encode(salt), URL_SAFE_NO_PAD.encode(digest));
    Ok(format!("argon2id:{memory}:{passes}:{salt}:{digest}"))
}

/// Whether a password is the one that was kept. Without one it takes as long, and is not.
pub(super) fn verify(password: &str, kept: Option<&str>, cost: Cost) -> Outcome<bool> {
    let Some((salt, expected, cost)) = kept.and_then(read) else {
        argon2id(password, &[0; SALT], cost)?;
        return Ok(false);
    };
    let digest = argon2id(password, &salt, cost)?;
    Ok(bool::from(digest.as_slice().ct_eq(&expected)))
}

fn read(kept: &str) -> Option<(Vec<u8>, Vec<u8>, Cost)> {
    let mut parts = kept.strip_prefix("argon2id:")?.split(':');
    let cost = Cost {
        memory_kib: parts.next()?.parse().ok()?,
        passes: parts.next()?.parse().ok()?,
    };
    let salt = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
    let digest = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
    Some((salt, digest, cost))
}

fn argon2id(password: &str, salt: &[u8], cost: Cost) -> Outcome<[u8; DIGEST]> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(DIGEST));
    let params = params.map_err(|_| ServiceError::NoDigest)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut digest = [0; DIGEST];
    let hashed = argon2.hash_password_into(password.as_bytes(), salt, &mut digest);
    hashed.map_err(|_| ServiceError::NoDigest)?;
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other() {
        let kept = hash("correct horse", Cost::CHEAP).expect("a digest");
        assert!(!kept.contains("horse"));
        let check = |password: &str, kept: Option<&str>, expected: bool| {
            let verified = verify(password, kept, Cost::CHEAP).expect("a digest");
            assert_eq!(verified, expected, "{password}");
        };
        check("correct horse", Some(&kept), true);
        check("correct horsf", Some(&kept), false);
        check("correct horse", None, false);
        check("correct horse", Some("argon2id:8:1:AAAA"), false);
        assert_ne!(kept, hash("correct horse", Cost::CHEAP).expect("a digest"));
    }
}
