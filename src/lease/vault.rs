//! Credentials of the panel's vault on their way to one gateway: what is asked, what is answered, how it is sealed.
//!
//! The line is TLS with a certificate on both ends already. The seal is there besides, so that who only reads along between the
//! vault and the memory of the gateway that asks (a log of bodies, a core file) holds no credential: it opens with a key that was
//! drawn for this one question and is nowhere else. Who could change messages within that TLS could put a key of their own there. HPKE (RFC 9180: X25519, HKDF-SHA256,
//! ChaCha20-Poly1305) in its base mode, for who asks is known by certificate. What is sealed is bound to the gateway, the
//! revision and the lifetime, and each credential to its name and version: none can be taken for another.
//!
//! Not here: who may have what (`control::service::vault`), what a gateway does with it (`client`).

use super::protocol::{RouterId, number};
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hpke::aead::{AeadCtxR, AeadCtxS, ChaCha20Poly1305};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use zeroize::{Zeroize as _, Zeroizing};

/// A gateway asks for no more names at once.
pub const MOST_NAMES: usize = 256;
/// What the seal is for.
const PURPOSE: &[u8] = b"tollgate vault 1";

type Kem = X25519HkdfSha256;
type Sealer = AeadCtxS<ChaCha20Poly1305, HkdfSha256, Kem>;
type Opener = AeadCtxR<ChaCha20Poly1305, HkdfSha256, Kem>;

/// A gateway asks for credentials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ask {
    /// Who asks.
    #[serde(rename = "router_id")]
    pub router: RouterId,
    /// The vault's revision that it has heard; 0 for none. Where that is still the one, there is nothing to answer.
    #[serde(default, with = "number")]
    pub known: u64,
    /// The public key to seal to, drawn for this question: X25519, in base64.
    pub key: String,
    /// What it needs.
    pub names: Vec<String>,
}

/// The answer: all that the gateway may have of what it asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Given {
    /// The vault's revision.
    #[serde(with = "number")]
    pub revision: u64,
    /// For how many seconds from the question on they may be used.
    pub lifetime_s: u64,
    /// The encapsulated key, in base64.
    pub enc: String,
    /// The credentials, in the order they were sealed in.
    pub credentials: Vec<Sealed>,
    /// What it cannot have.
    #[serde(default)]
    pub missing: Vec<Missing>,
}

/// A credential, sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sealed {
    /// Its name.
    pub name: String,
    /// Which of its secrets: grows with each rotation.
    #[serde(with = "number")]
    pub version: u64,
    /// The secret, sealed, in base64.
    pub sealed: String,
}

/// Something that was asked for and is not given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// Why not.
    pub why: Why,
}

/// Why a credential is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// There is none of this name, or this gateway may not have it: which of the two is not its business.
    NotForYou,
    /// It is there, and the panel has not the key it is sealed with: what the gateway holds of it stays good.
    Unreadable,
    /// A word this version does not know.
    #[serde(other)]
    Unknown,
}

/// A credential in the clear: in memory, and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its name.
    pub name: String,
    /// Which of its secrets.
    pub version: u64,
    /// The secret.
    pub secret: Secret<String>,
}

/// All that a gateway may have of what it asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    /// The vault's revision.
    pub revision: u64,
    /// How long it may be used.
    pub lifetime: Duration,
    /// The credentials.
    pub credentials: Vec<Credential>,
    /// What it cannot have.
    pub missing: Vec<Missing>,
}

/// Why something cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No public key of the right kind.
    #[error("`key` is no X25519 public key in base64")]
    Key,
    /// It was sealed for somebody else, for another question, or changed on the way.
    #[error(
        "what the vault sent does not open: it was sealed for another question, or changed on the way"
    )]
    Broken,
    /// It opens, and is no text.
    #[error("what the vault sent is no credential")]
    NoText,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
}

/// Seals what a gateway may have to the key it asked with.
///
/// # Errors
/// [`SealError::Key`].
pub fn seal(router: RouterId, key: &str, allowed: &Allowed) -> Result<Given, SealError> {
    let key = STANDARD.decode(key).map_err(|_| SealError::Key)?;
    let key = <Kem as hpke::Kem>::PublicKey::from_bytes(&key).map_err(|_| SealError::Key)?;
    let lifetime_s = allowed.lifetime.as_secs();
    let purpose = purpose(router, allowed.revision, lifetime_s);
    let (enc, mut outgoing): (_, Sealer) =
        hpke::setup_sender(&OpModeS::Base, &key, &purpose).map_err(|_| SealError::Key)?;
    let sealed = allowed.credentials.iter().map(|credential| {
        let secret = credential.secret.expose().as_bytes();
        let bound = bound(&credential.name, credential.version);
        let sealed = outgoing
            .seal(secret, &bound)
            .map_err(|_| SealError::Broken)?;
        Ok(Sealed {
            name: credential.name.clone(),
            version: credential.version,
            sealed: STANDARD.encode(sealed),
        })
    });
    Ok(Given {
        revision: allowed.revision,
        lifetime_s,
        credentials: sealed.collect::<Result<_, _>>()?,
        enc: STANDARD.encode(enc.to_bytes()),
        missing: allowed.missing.clone(),
    })
}

/// A key drawn for one question.
pub struct Question {
    private: <Kem as hpke::Kem>::PrivateKey,
    /// Its public half, as it is sent.
    pub key: String,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").finish_non_exhaustive()
    }
}

impl Question {
    /// Draws a key.
    ///
    /// # Errors
    /// [`SealError::NoRandom`].
    pub fn new() -> Result<Self, SealError> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| SealError::NoRandom)?;
        let (private, public) = Kem::derive_keypair(seed.as_slice());
        Ok(Self {
            private,
            key: STANDARD.encode(public.to_bytes()),
        })
    }

    /// Opens the answer: all of it, or nothing.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, router: RouterId, given: &Given) -> Result<Vec<Credential>, SealError> {
        let enc = STANDARD.decode(&given.enc).map_err(|_| SealError::Broken)?;
        let enc =
            <Kem as hpke::Kem>::EncappedKey::from_bytes(&enc).map_err(|_| SealError::Broken)?;
        let purpose = purpose(router, given.revision, given.lifetime_s);
        let mut incoming: Opener =
            hpke::setup_receiver(&OpModeR::Base, &self.private, &enc, &purpose)
                .map_err(|_| SealError::Broken)?;
        let opened = given.credentials.iter().map(|sealed| {
            let bound = bound(&sealed.name, sealed.version);
            let text = STANDARD
                .decode(&sealed.sealed)
                .map_err(|_| SealError::Broken)?;
            let text = incoming
                .open(&text, &bound)
                .map_err(|_| SealError::Broken)?;
            let secret = String::from_utf8(text).map_err(|error| {
                error.into_bytes().zeroize();
                SealError::NoText
            })?;
            Ok(Credential {
                name: sealed.name.clone(),
                version: sealed.version,
                secret: Secret::new(secret),
            })
        });
        opened.collect()
    }
}

/// What a whole answer is bound to.
fn purpose(router: RouterId, revision: u64, lifetime_s: u64) -> Vec<u8> {
    [
        PURPOSE,
        &router.0.to_be_bytes(),
        &revision.to_be_bytes(),
        &lifetime_s.to_be_bytes(),
    ]
    .concat()
}

/// What one credential of it is bound to.
fn bound(name: &str, version: u64) -> Vec<u8> {
    [&version.to_be_bytes(), name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: RouterId = RouterId(7);

    fn credential(name: &str, version: u64, secret: &str) -> Credential {
        Credential {
            name: name.to_owned(),
            version,
            secret: Secret::new(secret.to_owned()),
        }
    }

    fn sealed(question: &Question) -> (Given, Allowed) {
        let allowed = Allowed {
            revision: 9,
            lifetime: Duration::from_hours(1),
            credentials: vec![
                credential("openai", 3, "sk-canary-one"),
                credential("vllm", 1, "sk-canary-two"),
            ],
            missing: vec![Missing {
                name: "other".to_owned(),
                why: Why::NotForYou,
            }],
        };
        let given = seal(ROUTER, &question.key, &allowed).expect("sealed");
        (given, allowed)
    }

    #[test]
    fn what_is_given_opens_for_who_asked_and_for_nobody_else() {
        let question = Question::new().expect("a key");
        let (given, allowed) = sealed(&question);
        let wire = serde_json::to_string(&given).expect("JSON");
        assert!(!wire.contains("canary"), "{wire}");
        let heard: Given = serde_json::from_str(&wire).expect("an answer");
        assert_eq!(question.open(ROUTER, &heard), Ok(allowed.credentials));
        let other = Question::new().expect("a key");
        assert_eq!(other.open(ROUTER, &heard), Err(SealError::Broken));
        assert_eq!(question.open(RouterId(8), &heard), Err(SealError::Broken));
    }

    #[test]
    fn nothing_of_an_answer_can_be_changed_or_taken_for_something_else() {
        let question = Question::new().expect("a key");
        let check = |change: &dyn Fn(&mut Given)| {
            let (mut given, _) = sealed(&question);
            change(&mut given);
            assert_eq!(question.open(ROUTER, &given), Err(SealError::Broken));
        };
        check(&|given| given.revision += 1);
        check(&|given| given.lifetime_s *= 2);
        check(&|given| given.credentials.swap(0, 1));
        check(&|given| given.credentials[0].name = "vllm".to_owned());
        check(&|given| given.credentials[0].version = 4);
        check(&|given| {
            let other = given.credentials[1].sealed.clone();
            given.credentials[0].sealed = other;
        });
        check(&|given| given.enc = STANDARD.encode([0; 32]));
        check(&|given| given.enc = "?".to_owned());
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        for key in ["", "AAAA", "not base64", &STANDARD.encode([0; 32])] {
            let sealed = seal(ROUTER, key, &Allowed::default());
            assert_eq!(sealed.err(), Some(SealError::Key), "{key}");
        }
    }

    #[test]
    fn a_word_of_a_newer_panel_is_no_fault() {
        let missing: Missing =
            serde_json::from_str(r#"{"name":"a","why":"too_dear"}"#).expect("missing");
        assert_eq!(missing.why, Why::Unknown);
    }
}
