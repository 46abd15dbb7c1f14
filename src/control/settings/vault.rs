//! The keys of the vault, as written and as meant.

use super::time;
use crate::secret::Secret;
use crate::settings::Report;
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::Duration;
use zeroize::Zeroizing;

/// A key of so many bytes.
pub const KEY: usize = 32;
/// Of 32 random bytes about thirty differ from one another, and as good as never fewer than these.
const FEWEST: usize = 16;
const USUAL: Duration = Duration::from_hours(24);
const REMEDY: &str =
    "draw one by `openssl rand -base64 32` and refer to it: \"${NAME}\" or file:PATH";

/// A key of the vault.
pub type MasterKey = Secret<[u8; KEY]>;

/// The vault, in which providers' credentials are kept.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultSettings {
    /// What credentials are sealed with: 32 random bytes as base64 or hexadecimal digits, best as a reference: `"${NAME}"` or
    /// `file:PATH`. Where none is named, `vault.key` in the state directory is made at the first start.
    pub key: Option<String>,
    /// Keys that were in use before: what is sealed with them is sealed with `key` at the next start.
    #[serde(default)]
    pub previous: Vec<String>,
    /// How long a gateway may use a credential after the panel gave it; it asks anew at half of that. `24h` unless said
    /// otherwise.
    pub lifetime: Option<String>,
}

/// The vault's keys, as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultKeys {
    /// What is sealed with; the state directory's own where there is none.
    pub key: Option<MasterKey>,
    /// What may still be sealed with.
    pub previous: Vec<MasterKey>,
    /// How long a gateway may use a credential.
    pub lifetime: Duration,
}

impl Default for VaultKeys {
    fn default() -> Self {
        Self {
            key: None,
            previous: Vec::new(),
            lifetime: USUAL,
        }
    }
}

impl VaultSettings {
    /// As meant.
    pub(super) fn compile(&self, report: &Report<'_>) -> VaultKeys {
        let key = self.key.as_deref();
        let key = key.and_then(|text| told(text, &report.at("key")));
        let previous = self.previous.iter().enumerate();
        let previous =
            previous.filter_map(|(index, text)| told(text, &report.at("previous").at(index)));
        VaultKeys {
            key,
            previous: previous.collect(),
            lifetime: time(
                self.lifetime.as_deref(),
                USUAL,
                (Duration::from_mins(1), Duration::from_hours(24 * 90)),
                &report.at("lifetime"),
            ),
        }
    }
}

fn told(text: &str, report: &Report<'_>) -> Option<MasterKey> {
    let key = master_key(text);
    // Without what was written: it may be most of a key.
    key.map_err(|weakness| report.fault_with("vault_key", weakness, REMEDY))
        .ok()
}

/// Why something is no key of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Neither base64 nor hexadecimal digits.
    #[error("the vault's key is neither base64 nor hexadecimal digits")]
    Unreadable,
    /// Not of the right length.
    #[error("the vault's key has {0} bytes, not 32")]
    Length(usize),
    /// Not random.
    #[error("the vault's key was not drawn by chance: it repeats itself, or is made of letters")]
    Guessable,
}

/// Reads a key.
///
/// # Errors
/// [`Weakness`].
pub fn master_key(text: &str) -> Result<MasterKey, Weakness> {
    let text = text.trim();
    let bytes = Zeroizing::new(decoded(text).ok_or(Weakness::Unreadable)?);
    let Ok(key) = <[u8; KEY]>::try_from(bytes.as_slice()) else {
        return Err(Weakness::Length(bytes.len()));
    };
    let key = Secret::new(key);
    let bytes = key.expose();
    let different: BTreeSet<u8> = bytes.iter().copied().collect();
    let is_text = bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    if different.len() < FEWEST || is_text {
        return Err(Weakness::Guessable);
    }
    Ok(key)
}

/// Hexadecimal digits where it is nothing else, else base64 of either alphabet, padded or not.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && !text.is_empty() && text.len().is_multiple_of(2) {
        let pairs = text.as_bytes().chunks_exact(2);
        let pairs = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        return pairs.collect();
    }
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let url_safe = GeneralPurpose::new(&base64::alphabet::URL_SAFE, config);
    let decoded = standard.decode(text).or_else(|_| url_safe.decode(text));
    decoded.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_thirty_two_random_bytes_however_they_are_written() {
        let bytes: Vec<u8> = (0..32_u8).map(|n| n.wrapping_mul(151) ^ 0xa5).collect();
        let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
        let hex: String = hex.collect();
        let standard = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let bare = standard.trim_end_matches('=').to_owned();
        let url = standard.replace('+', "-").replace('/', "_");
        for text in [
            &hex,
            &hex.to_uppercase(),
            &standard,
            &bare,
            &url,
            &format!("{standard}\n"),
        ] {
            let key = master_key(text).expect(text);
            assert_eq!(key.expose().as_slice(), bytes);
            assert_eq!(format!("{key:?}"), "***");
        }
    }

    #[test]
    fn a_key_that_could_be_guessed_is_refused() {
        let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let check = |text: &str, expected: Weakness| {
            assert_eq!(master_key(text).err(), Some(expected), "{text}");
        };
        check("hunter2!", Weakness::Unreadable);
        check("", Weakness::Length(0));
        check(&base64(&[7; 16]), Weakness::Length(16));
        check(&"ab".repeat(31), Weakness::Length(31));
        check(&base64(&[0; 32]), Weakness::Guessable);
        check(&"0123456789abcdef".repeat(4), Weakness::Guessable);
        check(
            &base64(b"correct horse battery staple, 1!"),
            Weakness::Guessable,
        );
    }
}
