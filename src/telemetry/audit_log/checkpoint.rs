//! Signed checkpoints: at this time, the log's last line had this number and this digest.
//!
//! The chain shows an edit, unless everything behind it was written anew, `head` included. A checkpoint cannot be written
//! anew without the gateway's key: whoever changes a line below one must break a signature, or be seen.
//!
//! Invariant: what is signed names its purpose and every member of the line, so that no signature fits anything else.
//!
//! Not here: protection against whoever can read the key (the user the gateway runs as, and root), and of lines behind the
//! last checkpoint. Against both helps a copy of `checkpoints.jsonl`, or of its last line, on another machine.

use crate::governance::audit::Head;
use crate::ids::{hex, unhex};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// What a signature of ours is for; another purpose gets other words.
const PURPOSE: &str = "tollgate decision log checkpoint v1";

/// A point of the log, as signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last line at that time.
    pub head: Head,
    /// The number of the first line that was kept then.
    pub first: u64,
    /// When.
    pub at: String,
    /// The id of the key.
    pub key: String,
    signature: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    seq: u64,
    digest: String,
    first: u64,
    at: String,
    key: String,
    sig: String,
}

impl Checkpoint {
    /// Signs a point of the log.
    pub(super) fn sign(
        head: Head,
        first: u64,
        at: String,
        pair: &Ed25519KeyPair,
        key: &PublicKey,
    ) -> Self {
        let mut new = Self {
            head,
            first,
            at,
            key: key.id(),
            signature: Vec::new(),
        };
        new.signature = pair.sign(new.message().as_bytes()).as_ref().to_vec();
        new
    }

    /// Reads a line of `checkpoints.jsonl`; none if it is no checkpoint.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let written: Written = serde_json::from_str(line).ok()?;
        Some(Self {
            head: Head {
                seq: written.seq,
                digest: unhex(&written.digest)?.try_into().ok()?,
            },
            first: written.first,
            at: written.at,
            key: written.key,
            signature: unhex(&written.sig)?,
        })
    }

    /// As a line, its end included.
    pub(super) fn line(&self) -> String {
        let written = Written {
            seq: self.head.seq,
            digest: self.head.hex(),
            first: self.first,
            at: self.at.clone(),
            key: self.key.clone(),
            sig: hex(&self.signature),
        };
        // Texts and numbers always write.
        let mut line = serde_json::to_string(&written).unwrap_or_default();
        line.push('\n');
        line
    }

    fn message(&self) -> String {
        let Self {
            head,
            first,
            at,
            key,
            ..
        } = self;
        format!("{PURPOSE}\n{head}\n{first}\n{at}\n{key}\n")
    }
}

/// Why a checkpoint proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSeal {
    /// It is signed by a key nobody gave us.
    #[error("it is signed by key {0}, which is not among the public keys given")]
    UnknownKey(String),
    /// Its signature does not fit.
    #[error("its signature does not fit: it was changed, or not written by this gateway")]
    Signature,
}

/// The public half of a decision log's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    pub(super) fn of(pair: &Ed25519KeyPair) -> Option<Self> {
        use ring::signature::KeyPair as _;
        Some(Self(pair.public_key().as_ref().try_into().ok()?))
    }

    /// From 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        Some(Self(unhex(text.trim())?.try_into().ok()?))
    }

    /// In 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// Its id: the first 16 hexadecimal digits of its SHA-256.
    #[must_use]
    pub fn id(&self) -> String {
        let digest: [u8; 32] = sha2::Sha256::digest(self.0).into();
        hex(digest.get(..8).unwrap_or_default())
    }
}

/// The keys whose signatures count: of one log that went through several, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicKeys(pub Vec<PublicKey>);

impl PublicKeys {
    /// From a text with one key on each line; `#` begins a comment. None if a line is no key.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(PublicKey::from_hex)
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Whether one of them signed this checkpoint.
    ///
    /// # Errors
    /// None of them did.
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<(), BadSeal> {
        let key = (self.0.iter())
            .find(|key| key.id() == checkpoint.key)
            .ok_or_else(|| BadSeal::UnknownKey(checkpoint.key.clone()))?;
        UnparsedPublicKey::new(&ED25519, key.0)
            .verify(checkpoint.message().as_bytes(), &checkpoint.signature)
            .map_err(|_| BadSeal::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    fn key() -> (Ed25519KeyPair, PublicKey) {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        let public = PublicKey::of(&pair).unwrap();
        (pair, public)
    }

    fn signed(pair: &Ed25519KeyPair, public: &PublicKey) -> Checkpoint {
        let head = Head {
            seq: 7,
            digest: [3; 32],
        };
        let at = "2026-11-21T10:00:00.000000Z".to_owned();
        Checkpoint::sign(head, 1, at, pair, public)
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_written_and_its_signature_fits() {
        let (pair, public) = key();
        let one = signed(&pair, &public);
        let read = Checkpoint::read(one.line().trim_end()).unwrap();
        assert_eq!(read, one);
        let keys = PublicKeys::read(&format!("# ours\n{}\n", public.hex())).unwrap();
        assert_eq!(keys.check(&read), Ok(()));
    }

    #[test]
    fn no_member_can_be_changed_and_no_other_key_will_do() {
        let (pair, public) = key();
        let keys = PublicKeys(vec![public]);
        let check = |change: fn(&mut Checkpoint), expected: BadSeal| {
            let mut one = signed(&pair, &public);
            change(&mut one);
            assert_eq!(keys.check(&one), Err(expected));
        };
        check(|one| one.head.seq = 8, BadSeal::Signature);
        check(|one| one.head.digest[31] ^= 1, BadSeal::Signature);
        check(|one| one.first = 2, BadSeal::Signature);
        check(|one| one.at.push('0'), BadSeal::Signature);
        check(|one| one.signature[0] ^= 1, BadSeal::Signature);
        check(|one| one.key.clear(), BadSeal::UnknownKey(String::new()));
        let (other, stranger) = key();
        let theirs = signed(&other, &stranger);
        assert_eq!(keys.check(&theirs), Err(BadSeal::UnknownKey(stranger.id())));
    }

    #[test]
    fn a_key_is_64_small_hexadecimal_digits() {
        let (_, public) = key();
        assert_eq!(PublicKey::from_hex(&public.hex()), Some(public));
        assert_eq!(PublicKeys::read("no key"), None);
        assert_eq!(unhex("+f"), None);
        assert_eq!(unhex("abc"), None);
    }
}
