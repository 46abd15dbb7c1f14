//! Why a service does not do what it was asked.

use super::oidc::{ProviderError, TokenFault};
use crate::control::store::StoreError;
use crate::control::treasury::TreasuryError;
use schemars::JsonSchema;
use serde::Serialize;

/// One field that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// Which.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub detail: String,
}

impl Fault {
    /// This is wrong with that field.
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            detail: detail.into(),
        }
    }
}

/// Why a service does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is none, or it lies outside what the caller may see.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The fields say something that cannot be.
    #[error("some fields are not as they should be")]
    Invalid(Vec<Fault>),
    /// Policies that cannot be used: everything that is wrong with them, each with its file, line and column.
    #[error("the policies have faults: nothing was stored")]
    FaultyPolicies(Vec<Fault>),
    /// Nobody, or nobody any more.
    #[error("sign in, or present a token that is good")]
    Unauthenticated,
    /// Wrong address or password; which of them is not said.
    #[error("no user has this address and password")]
    WrongPassword,
    /// A link or token for one use was used, is too old, or never was.
    #[error("this link is good no longer: ask for another")]
    UsedUp,
    /// The caller's role does not reach so far.
    #[error("this takes the role `{0}`")]
    Role(&'static str),
    /// The caller's scope is a part of the tree, and this is about all of it.
    #[error("this is for users whose scope is the whole panel")]
    Scope,
    /// A right that the caller does not have cannot be given on.
    #[error("nobody gives more rights than they have: {0}")]
    Beyond(&'static str),
    /// Only a signed-in user can do this, a token cannot.
    #[error("this takes a user who signed in, not a token")]
    NeedsSession,
    /// A request decided by whoever made it.
    #[error("nobody decides their own request: ask somebody else")]
    OwnRequest,
    /// Too many attempts.
    #[error("too many attempts: try again in {0} seconds")]
    TooMany(u64),
    /// More streams of live events are open than one user may have, or all together.
    #[error(
        "a user has at most {0} live streams open at once, and all users together no more than the panel serves: close one"
    )]
    TooManyStreams(usize),
    /// The name is in use.
    #[error("there is a {what} `{name}` already")]
    Taken {
        /// What.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Something still hangs on it.
    #[error("this {0} is still in use: remove what is below it first")]
    InUse(&'static str),
    /// It was revoked, or is over.
    #[error("this {0} is good no longer")]
    Gone(&'static str),
    /// A lease whose holder may still tell what became of it.
    #[error("only a lost lease is written off: the holder of this one can still say what it spent")]
    NotLost,
    /// The panel was restored, and a gateway may still spend what it does not know of.
    #[error(
        "{0} gateways of the backup have not told everything, and those enrolled since are not known to it: wait until their leases are over; or for the former alone, if no gateway was enrolled since and you say so"
    )]
    TooEarly(usize),
    /// Somebody else has decided.
    #[error("this request was decided already")]
    Decided,
    /// Without this one nobody could let anybody in.
    #[error("this is the last administrator: make another one first")]
    LastAdministrator,
    /// There is an administrator.
    #[error("this panel is set up: sign in, or ask an administrator for an invitation")]
    SetUp,
    /// A gateway's token, presented with another key than the one it was used with.
    #[error("this token was used by another gateway: make a new one")]
    OtherKey,
    /// Somebody else changed it in the meantime.
    #[error("somebody else changed this in the meantime: read it again")]
    Changed,
    /// An update that does not say what it is based on.
    #[error("say in `if-match` which version you have read")]
    NoIfMatch,
    /// The change is in the books, and the bank could not be told yet.
    #[error("the change is stored and will be in force as soon as the bank can be written: {0}")]
    NotInForce(TreasuryError),
    /// The bank cannot do it now.
    #[error("{0}")]
    Bank(#[from] TreasuryError),
    /// The books cannot be read or written.
    #[error("the panel's books cannot be used")]
    Store(#[from] StoreError),
    /// No random numbers can be had.
    #[error("the system gives no random numbers")]
    NoRandom,
    /// The vault was not opened.
    #[error("the vault is not open: look into the panel's log")]
    NoVault,
    /// A credential could not be sealed.
    #[error("the credential cannot be sealed now")]
    NotSealed,
    /// A password could not be digested.
    #[error("the password cannot be checked now")]
    NoDigest,
    /// There is no provider of sign-ins.
    #[error("this panel has no provider to sign in at: sign in with a password")]
    NoOidc,
    /// People sign in at a provider alone.
    #[error("passwords do not work here: sign in by {0} (`tollgate login URL --sso`)")]
    PasswordsOff(String),
    /// A sign-in that was not begun here, is too old, or was ended before.
    #[error(
        "this sign-in was not begun in this browser, took more than ten minutes, or was ended before: begin again"
    )]
    StaleSignIn,
    /// The provider signed nobody in.
    #[error("the provider did not sign you in: {0}")]
    ProviderRefused(String),
    /// The provider cannot be used.
    #[error("the provider of sign-ins: {0}")]
    Provider(#[from] ProviderError),
    /// The provider's word is not believed.
    #[error("the provider's token is not accepted: {0}")]
    Token(#[from] TokenFault),
    /// An address that anybody could have told the provider.
    #[error(
        "the provider has not verified your address: have it verified there, and sign in again"
    )]
    UnverifiedEmail,
    /// An identity that no user has.
    #[error(
        "nobody on this panel is known by this identity: ask an administrator for an invitation, by the address that the provider has"
    )]
    UnknownIdentity,
}

impl ServiceError {
    /// What a program goes by. Never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::FaultyPolicies(_) => "policy_faults",
            Self::Invalid(_) => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::WrongPassword => "wrong_password",
            Self::UsedUp => "link_used_up",
            Self::Role(_) => "role_too_low",
            Self::Scope => "out_of_scope",
            Self::Beyond(_) => "beyond_own_rights",
            Self::NeedsSession => "session_needed",
            Self::OwnRequest => "own_request",
            Self::TooMany(_) => "too_many_attempts",
            Self::TooManyStreams(_) => "too_many_streams",
            Self::Taken { .. } => "name_taken",
            Self::InUse(_) => "in_use",
            Self::Gone(_) => "gone",
            Self::NotLost => "not_lost",
            Self::TooEarly(_) => "too_early",
            Self::Decided => "already_decided",
            Self::LastAdministrator => "last_administrator",
            Self::SetUp => "already_set_up",
            Self::OtherKey => "token_bound",
            Self::Changed => "changed_meanwhile",
            Self::NoIfMatch => "if_match_needed",
            Self::NotInForce(_) => "not_in_force",
            Self::Bank(_) => "bank_unavailable",
            Self::Store(_) => "store_failed",
            Self::NoRandom => "no_random",
            Self::NoVault => "vault_closed",
            Self::NotSealed => "not_sealed",
            Self::NoDigest => "no_digest",
            Self::NoOidc => "no_oidc",
            Self::PasswordsOff(_) => "passwords_off",
            Self::StaleSignIn => "sign_in_stale",
            Self::ProviderRefused(_) => "provider_refused",
            Self::Provider(_) => "provider_unavailable",
            Self::Token(_) => "id_token_refused",
            Self::UnverifiedEmail => "email_unverified",
            Self::UnknownIdentity => "identity_unknown",
        }
    }

    /// A refusal about one field.
    pub(in crate::control) fn field(field: &str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::new(field, detail)])
    }
}
