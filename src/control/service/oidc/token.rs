//! An id token: whether it is the provider's word, of now, for this panel, about the sign-in that was begun.
//!
//! Claims are read strictly: one that is there and is not of its kind refuses the token, as if it said the worst. The time is
//! the panel's own.

use super::keys::{self, Algorithm, Key};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

/// How far the provider's clock may be from ours.
const LEEWAY: i64 = 60;
/// A subject is no longer.
const MOST_SUBJECT: usize = 255;

/// What a token has to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) nonce: &'a str,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// Who somebody is, by the provider's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) subject: String,
    pub(super) email: Option<String>,
    /// Whether the provider knows that the address is theirs.
    pub(super) verified: bool,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It is none.
    #[error("it is no token")]
    Malformed,
    /// It is signed in a way that is not accepted here, or not at all.
    #[error("it is not signed by RS256, PS256 or ES256")]
    Algorithm,
    /// It names a key that the provider does not publish.
    #[error("the provider publishes no such key")]
    UnknownKey,
    /// Its signature is not by that key.
    #[error("its signature is wrong")]
    Signature,
    /// It is somebody else's word.
    #[error("it comes from another issuer")]
    Issuer,
    /// It is for somebody else.
    #[error("it is for another client")]
    Audience,
    /// It is too old.
    #[error("it has expired")]
    Expired,
    /// It is from the future.
    #[error("it is not good yet: look at the clocks")]
    Early,
    /// It is about another sign-in.
    #[error("it belongs to another sign-in")]
    Nonce,
}

impl TokenFault {
    /// What the audit log has.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::Algorithm => "token_algorithm",
            Self::UnknownKey => "token_key",
            Self::Signature => "token_signature",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::Early => "token_early",
            Self::Nonce => "token_nonce",
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// What has to be understood: there is nothing of the kind here.
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    nonce: String,
    email: Option<String>,
    email_verified: Option<Verified>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Most say `true`, some `"true"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Verified {
    Said(bool),
    Written(String),
}

/// Believes a token, or says why not.
pub(super) fn believed(
    token: &str,
    keys: &[Key],
    expected: &Expected<'_>,
) -> Result<Identity, TokenFault> {
    let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(TokenFault::Malformed)?;
    let part = |text: &str| {
        URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| TokenFault::Malformed)
    };
    let header: Header =
        serde_json::from_slice(&part(header)?).map_err(|_| TokenFault::Malformed)?;
    let algorithm = Algorithm::of(&header.alg).ok_or(TokenFault::Algorithm)?;
    if header.crit.is_some() {
        return Err(TokenFault::Malformed);
    }
    let key = keys::find(keys, header.kid.as_deref(), algorithm);
    let key = key.ok_or(TokenFault::UnknownKey)?;
    if !key.signed(algorithm, message.as_bytes(), &part(signature)?) {
        return Err(TokenFault::Signature);
    }
    // Not a word of it is looked at before.
    let claims: Claims =
        serde_json::from_slice(&part(claims)?).map_err(|_| TokenFault::Malformed)?;
    claims.hold(expected)
}

impl Claims {
    fn hold(self, expected: &Expected<'_>) -> Result<Identity, TokenFault> {
        if self.iss != expected.issuer {
            return Err(TokenFault::Issuer);
        }
        let (is_for_us, several) = match &self.aud {
            Audience::One(one) => (one == expected.client, false),
            Audience::Several(all) => (all.iter().any(|one| one == expected.client), all.len() > 1),
        };
        let is_ours = match &self.azp {
            Some(party) => party == expected.client,
            None => !several,
        };
        if !is_for_us || !is_ours {
            return Err(TokenFault::Audience);
        }
        let (oldest, newest) = (
            expected.now.saturating_sub(LEEWAY),
            expected.now.saturating_add(LEEWAY),
        );
        if self.exp <= oldest {
            return Err(TokenFault::Expired);
        }
        if self.iat > newest || self.nbf.is_some_and(|start| start > newest) {
            return Err(TokenFault::Early);
        }
        let nonce = self.nonce.as_bytes();
        if !bool::from(nonce.ct_eq(expected.nonce.as_bytes())) {
            return Err(TokenFault::Nonce);
        }
        let plain = |text: &str| !text.chars().any(char::is_control);
        if self.sub.is_empty() || self.sub.len() > MOST_SUBJECT || !plain(&self.sub) {
            return Err(TokenFault::Malformed);
        }
        let verified = match self.email_verified {
            Some(Verified::Said(said)) => said,
            Some(Verified::Written(written)) => written == "true",
            None => false,
        };
        Ok(Identity {
            subject: self.sub,
            email: self.email,
            verified,
        })
    }
}

#[cfg(test)]
mod tests;
