//! The detectors: each says what wakes it, and what stands there.
//!
//! Boundaries are those of ASCII: a letter of another script beside a value does not hide it. Spans are the value alone.
//!
//! Not here: how a text is searched for what wakes them (`scanner`).

pub(super) mod digits;

mod base58;
mod bech32;
mod birth;
mod card;
mod crypto;
mod email;
mod iban;
mod ip;
mod mac;
mod national;
mod phone;
mod read;
mod secrets;
mod ssn;
mod tld;

#[cfg(test)]
mod testing;

use super::probe::Detector;

/// Detectors of personal data that have no folder of their own.
static PERSONAL: &[Detector] = &[
    iban::IBAN,
    card::CARD,
    ssn::SSN,
    crypto::BASE58,
    crypto::BECH32,
    crypto::ETHEREUM,
    crypto::SOLANA,
    email::EMAIL,
    ip::IPV4,
    ip::IPV6,
    mac::MAC,
];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Detector> {
    PERSONAL
        .iter()
        .chain(secrets::DETECTORS)
        .chain(national::DETECTORS)
        .chain(phone::DETECTORS)
        .chain(birth::DETECTORS)
}
