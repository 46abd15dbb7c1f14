//! What a detector found: where, of which kind, and how sure it is.

use std::fmt;

/// What kind of thing a value is. The order is the one in which overlapping findings win, all else being equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Keys, tokens, passwords, private keys.
    Secret,
    /// International bank account numbers.
    Iban,
    /// Payment cards.
    CreditCard,
    /// Social security numbers of the United States.
    UsSsn,
    /// Numbers states give people and companies.
    NationalId,
    /// Addresses of cryptocurrencies.
    CryptoAddress,
    /// Mail addresses.
    Email,
    /// IPv4 and IPv6 addresses.
    IpAddress,
    /// Hardware addresses.
    MacAddress,
    /// Telephone numbers.
    Phone,
    /// Dates of birth.
    DateOfBirth,
    /// A pattern of the policy's own, by its place among them.
    Custom(u16),
}

impl Kind {
    /// Every kind that is built in.
    pub const BUILT_IN: [Self; 11] = [
        Self::Secret,
        Self::Iban,
        Self::CreditCard,
        Self::UsSsn,
        Self::NationalId,
        Self::CryptoAddress,
        Self::Email,
        Self::IpAddress,
        Self::MacAddress,
        Self::Phone,
        Self::DateOfBirth,
    ];

    /// Its name in policies and logs; a custom one is named by its policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret => "SECRET",
            Self::Iban => "IBAN",
            Self::CreditCard => "CREDIT_CARD",
            Self::UsSsn => "US_SSN",
            Self::NationalId => "NATIONAL_ID",
            Self::CryptoAddress => "CRYPTO_ADDRESS",
            Self::Email => "EMAIL",
            Self::IpAddress => "IP_ADDRESS",
            Self::MacAddress => "MAC_ADDRESS",
            Self::Phone => "PHONE",
            Self::DateOfBirth => "DATE_OF_BIRTH",
            Self::Custom(_) => "CUSTOM",
        }
    }

    /// The built-in kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How sure a detector is: three levels, because a float would promise more than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// A word nearby says what it is; its shape alone would not.
    Contextual,
    /// Its shape says what it is.
    Shaped,
    /// Its shape and its check digits, or a vendor's prefix and length.
    Validated,
}

impl Level {
    /// Its name in policies and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contextual => "contextual",
            Self::Shaped => "shaped",
            Self::Validated => "validated",
        }
    }
}

/// One thing found in a text. Offsets are bytes of the decoded text, counted from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// Where it begins.
    pub start: usize,
    /// The first byte behind it.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
    /// Which detector says so (`us_itin`, `aws_access_key_id`, …).
    pub detector: &'static str,
    /// How sure it is.
    pub level: Level,
}
