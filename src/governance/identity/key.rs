//! Virtual keys: found by a digest, compared in constant time, never kept in the clear.
//!
//! A presented secret is hashed with SHA-256 (which is also how `hash: "sha256:…"` writes it) and looked up in a table
//! whose own hash is keyed anew in every process; the digest found is then compared in constant time. A secret we do not
//! know takes the same way, against a digest nobody has. Nothing on this way depends on how much of a secret was right.

use super::{Caller, Labels};
use crate::clock::Wall;
use crate::pattern::Pattern;
use sha2::Digest as _;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;

/// SHA-256 of a key's secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// Longer secrets are refused before they are hashed.
pub const MAX_SECRET: usize = 512;

impl Digest {
    /// The digest of a secret.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        Self(sha2::Sha256::digest(secret).into())
    }
}

/// `sha256:` and 64 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(***)")
    }
}

impl FromStr for Digest {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix("sha256:").ok_or(())?;
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(());
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| ())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| ())?;
        }
        Ok(Self(digest))
    }
}

/// A virtual key: ours, given to a caller in place of the provider's credential.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its name, for people; also the label `key`.
    pub name: Box<str>,
    /// What its secret hashes to.
    pub digest: Digest,
    /// What it is labelled with.
    pub labels: Labels,
    /// The models it may name: those that are in each of these lists; any where there is none.
    pub models: Vec<Vec<Pattern>>,
    /// From when on it is refused.
    pub expires: Option<Wall>,
    /// Whether it is refused now.
    pub disabled: bool,
    /// Where its spending is counted at the control panel, whose money pays for it; `None`: only the budgets of this gateway
    /// hold.
    pub leaf: Option<u64>,
}

impl Key {
    /// Whether the key's rights cover this model.
    #[must_use]
    pub fn may_use(&self, model: &str) -> bool {
        let named = |list: &Vec<Pattern>| list.iter().any(|pattern| pattern.matches(model));
        self.models.iter().all(named)
    }

    /// The same key as somebody else has it: what both say holds.
    pub fn restrict(&mut self, other: Self) {
        self.models.extend(other.models);
        self.expires = [self.expires, other.expires].into_iter().flatten().min();
        self.disabled |= other.disabled;
    }

    /// Whether it is good at `now`.
    #[must_use]
    pub fn is_valid(&self, now: Wall) -> bool {
        !self.disabled && self.expires.is_none_or(|end| now < end)
    }

    /// The key as a caller without a request: what its labels alone say.
    #[must_use]
    pub fn caller(&self) -> Caller<'_> {
        Caller {
            key: self,
            run: None,
            session: None,
            end_user: None,
            tags: None,
            model: "",
        }
    }
}

/// Which key, by its place in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyIndex(pub u32);

/// All keys of a configuration.
#[derive(Debug, Default)]
pub struct Keys {
    keys: Vec<Key>,
    by_digest: HashMap<Digest, KeyIndex>,
}

impl Keys {
    /// The table of these keys; of two with the same digest the first wins (`config` refuses such a file).
    #[must_use]
    pub fn new(keys: Vec<Key>) -> Self {
        let mut by_digest = HashMap::with_capacity(keys.len());
        for (index, key) in keys.iter().enumerate() {
            if let Ok(index) = u32::try_from(index) {
                by_digest.entry(key.digest).or_insert(KeyIndex(index));
            }
        }
        Self { keys, by_digest }
    }

    /// Every key with its place.
    pub fn iter(&self) -> impl Iterator<Item = (KeyIndex, &Key)> {
        (0..).map(KeyIndex).zip(&self.keys)
    }

    /// The key at a place.
    #[must_use]
    pub fn get(&self, index: KeyIndex) -> Option<&Key> {
        self.keys.get(usize::try_from(index.0).ok()?)
    }

    /// The key whose secret was presented, if it is known and good at `now`. Unknown, disabled and expired look the same.
    #[must_use]
    pub fn find(&self, secret: &[u8], now: Wall) -> Option<KeyIndex> {
        if secret.len() > MAX_SECRET {
            return None;
        }
        let presented = Digest::of(secret);
        let index = self.by_digest.get(&presented).copied();
        let key = index.and_then(|index| self.get(index));
        let kept = key.map_or([0; 32], |key| key.digest.0);
        let same = bool::from(kept.ct_eq(&presented.0));
        let valid = key.is_some_and(|key| key.is_valid(now));
        index.filter(|_| same & valid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, secret: &str) -> Key {
        let digest = Digest::of(secret.as_bytes());
        Key {
            name: name.into(),
            digest,
            labels: Labels::default(),
            models: Vec::new(),
            expires: None,
            disabled: false,
            leaf: None,
        }
    }

    #[test]
    fn a_key_is_found_by_its_secret_alone() {
        let expired = Key {
            expires: Some(Wall::from_secs(10)),
            ..key("old", "three")
        };
        let disabled = Key {
            disabled: true,
            ..key("off", "four")
        };
        let keys = Keys::new(vec![key("a", "one"), key("b", "two"), expired, disabled]);
        let check = |secret: &str, at: i64, expected: Option<u32>| {
            assert_eq!(
                keys.find(secret.as_bytes(), Wall::from_secs(at)),
                expected.map(KeyIndex),
                "{secret} at {at}"
            );
        };
        check("one", 0, Some(0));
        check("two", 0, Some(1));
        check("three", 9, Some(2));
        check("three", 10, None);
        check("four", 0, None);
        check("", 0, None);
        check(&"x".repeat(MAX_SECRET + 1), 0, None);
    }

    #[test]
    fn a_digest_reads_back_as_written_and_hides_in_debug() {
        let digest = Digest::of(b"secret");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(format!("{digest:?}"), "Digest(***)");
        assert!("sha256:abc".parse::<Digest>().is_err());
    }
}
