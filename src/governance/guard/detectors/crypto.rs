//! Addresses of cryptocurrencies, by their check sums: whatever passes one is one.
//!
//! Not here: keys and seed phrases, which are secrets.

use sha2::{Digest, Sha256};

use super::super::finding::{Kind, Level};
use super::super::probe::{Class, Detector, Match, Probe, Trigger, View};
use super::base58::{self, BITCOIN, RIPPLE};
use super::bech32;
use super::read::{Sure, alnum, answer, found, is, run};

/// A word of fourteen letters and digits that begins like an address; those have at least twenty-five.
const LONG: [Class; 14] = {
    let mut classes = [Class::Alnum; 14];
    classes[0] = Class::AnyOf("1r");
    classes
};

/// Addresses in base 58: Bitcoin and its kin, Tron, Ripple, Monero.
pub(super) const BASE58: Detector = Detector {
    name: "base58_address",
    kind: Kind::CryptoAddress,
    triggers: &[
        // The second sign is as narrow as the first bytes of the decoded address make it. Where that is not narrow at all,
        // the word must be longer than most that begin so.
        Trigger::Word(&LONG),
        Trigger::Word(&[
            Class::AnyOf("ADMT9348"),
            Class::AnyOf("123456789ABCDEFGHJKLMNPQRSTUVWXYZ"),
            Class::Alnum,
        ]),
        Trigger::Word(&[
            Class::Byte(b'L'),
            Class::AnyOf("KLMNPQRSTUVWXYZabcdefgh"),
            Class::Alnum,
        ]),
        Trigger::Word(&[
            Class::Byte(b'X'),
            Class::AnyOf("abcdefghijkmnopqrstuvwxyz"),
            Class::Alnum,
        ]),
        Trigger::Word(&[Class::Byte(b't'), Class::AnyOf("13"), Class::Alnum]),
    ],
    probe: probe_base58,
};

/// Addresses in bech32: Bitcoin, Litecoin, Cardano and others.
pub(super) const BECH32: Detector = Detector {
    name: "bech32_address",
    kind: Kind::CryptoAddress,
    triggers: &[
        Trigger::AnyCase("bc1"),
        Trigger::AnyCase("tb1"),
        Trigger::AnyCase("ltc1"),
        Trigger::AnyCase("addr1"),
        Trigger::AnyCase("stake1"),
        Trigger::AnyCase("cosmos1"),
    ],
    probe: probe_bech32,
};

/// Addresses of Ethereum.
pub(super) const ETHEREUM: Detector = Detector {
    name: "ethereum_address",
    kind: Kind::CryptoAddress,
    triggers: &[Trigger::Exact("0x"), Trigger::Exact("0X")],
    probe: probe_ethereum,
};

/// Addresses of Solana, which have no check digits: a word must say what they are.
pub(super) const SOLANA: Detector = Detector {
    name: "solana_address",
    kind: Kind::CryptoAddress,
    triggers: &[
        Trigger::AnyCase("solana"),
        Trigger::AnyCase("phantom"),
        Trigger::AnyCase("sol "),
    ],
    probe: probe_solana,
};

/// The longest address in base 58 (Monero, with a payment id).
const LONGEST_BASE58: usize = 106;
/// The longest address in bech32 (Cardano).
const LONGEST_BECH32: usize = 128;

fn touched(view: &View<'_>, start: usize) -> bool {
    view.before(start).is_some_and(|b| alnum(b) || b == b'_')
}

fn closes(view: &View<'_>, end: usize) -> Sure<bool> {
    Ok(!is(view, end, |b| alnum(b) || b == b'_')?)
}

fn probe_base58(view: &View<'_>, trigger: usize) -> Probe {
    if touched(view, trigger) {
        return Probe::No;
    }
    answer(read_base58(view, trigger), trigger)
}

fn read_base58(view: &View<'_>, start: usize) -> Sure<Option<Match>> {
    let most = if is(view, start, |b| b == b'4' || b == b'8')? {
        LONGEST_BASE58
    } else {
        35
    };
    let length = run(view, start, most + 1, base58::is_sign)?;
    let end = start + length;
    if !(25..=most).contains(&length) || !closes(view, end)? {
        return Ok(None);
    }
    let text = view.bytes.get(start..end).unwrap_or_default();
    match coin(text) {
        Some(name) => Ok(Some(found(
            start,
            end,
            Kind::CryptoAddress,
            name,
            Level::Validated,
        ))),
        None => Ok(None),
    }
}

/// Whose address this is, if its check sum holds.
fn coin(text: &[u8]) -> Option<&'static str> {
    if text.first() == Some(&b'r') {
        let bytes = base58::decode(RIPPLE, text)?;
        return (bytes.len() == 25 && bytes.first() == Some(&0) && base58::checked(&bytes))
            .then_some("ripple_address");
    }
    if text.len() >= 95 {
        return monero(text).then_some("monero_address");
    }
    let bytes = base58::decode(BITCOIN, text)?;
    if !base58::checked(&bytes) {
        return None;
    }
    match (bytes.len(), bytes.as_slice()) {
        (25, [0x00 | 0x05, ..]) => Some("bitcoin_address"),
        (25, [0x30 | 0x32, ..]) => Some("litecoin_address"),
        (25, [0x1e | 0x16, ..]) => Some("dogecoin_address"),
        (25, [0x41, ..]) => Some("tron_address"),
        (25, [0x4c | 0x10, ..]) => Some("dash_address"),
        (26, [0x1c, 0xb8 | 0xbd, ..]) => Some("zcash_address"),
        _ => None,
    }
}

/// Whether a Monero address holds: its last four bytes are the beginning of the Keccak digest of the rest.
fn monero(text: &[u8]) -> bool {
    let Some(bytes) = base58::decode_blocks(text) else {
        return false;
    };
    let Some((body, sum)) = bytes.split_last_chunk::<4>() else {
        return false;
    };
    matches!(bytes.first(), Some(18 | 19 | 42)) && keccak(body).get(..4) == Some(&sum[..])
}

fn keccak(bytes: &[u8]) -> [u8; 32] {
    let mut hash = sha3::Keccak256::new();
    hash.update(bytes);
    hash.finalize().into()
}

/// The first four bytes of the double digest, as Bitcoin checks its addresses.
pub(super) fn double_sha(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(Sha256::digest(bytes)).into()
}

fn probe_bech32(view: &View<'_>, trigger: usize) -> Probe {
    if touched(view, trigger) {
        return Probe::No;
    }
    answer(read_bech32(view, trigger), trigger)
}

fn read_bech32(view: &View<'_>, start: usize) -> Sure<Option<Match>> {
    let length = run(view, start, LONGEST_BECH32 + 1, alnum)?;
    let end = start + length;
    if !(14..=LONGEST_BECH32).contains(&length) || !closes(view, end)? {
        return Ok(None);
    }
    let text = view.bytes.get(start..end).unwrap_or_default();
    match bech32::prefix(text).as_deref() {
        Some("bc" | "tb") => Ok(Some(found(
            start,
            end,
            Kind::CryptoAddress,
            "bitcoin_address",
            Level::Validated,
        ))),
        Some("ltc") => Ok(Some(found(
            start,
            end,
            Kind::CryptoAddress,
            "litecoin_address",
            Level::Validated,
        ))),
        Some("addr" | "stake") => Ok(Some(found(
            start,
            end,
            Kind::CryptoAddress,
            "cardano_address",
            Level::Validated,
        ))),
        Some("cosmos") => Ok(Some(found(
            start,
            end,
            Kind::CryptoAddress,
            "cosmos_address",
            Level::Validated,
        ))),
        _ => Ok(None),
    }
}

fn probe_ethereum(view: &View<'_>, trigger: usize) -> Probe {
    if touched(view, trigger) {
        return Probe::No;
    }
    answer(read_ethereum(view, trigger), trigger)
}

fn read_ethereum(view: &View<'_>, start: usize) -> Sure<Option<Match>> {
    let end = start + 42;
    if run(view, start + 2, 41, |b| b.is_ascii_hexdigit())? != 40 || !closes(view, end)? {
        return Ok(None);
    }
    let digits = view.bytes.get(start + 2..end).unwrap_or_default();
    let low = digits.iter().any(u8::is_ascii_lowercase);
    let high = digits.iter().any(u8::is_ascii_uppercase);
    let various = digits.iter().filter(|b| digits.first() != Some(b)).count() > 8;
    if !various || low && high && !is_eip55(digits) {
        return Ok(None);
    }
    let level = if low && high {
        Level::Validated
    } else {
        Level::Shaped
    };
    Ok(Some(found(
        start,
        end,
        Kind::CryptoAddress,
        "ethereum_address",
        level,
    )))
}

/// Whether the capitals among the digits are the ones EIP-55 asks for.
fn is_eip55(digits: &[u8]) -> bool {
    let hash = keccak(&digits.to_ascii_lowercase());
    digits.iter().enumerate().all(|(place, digit)| {
        let pair = hash.get(place / 2).copied().unwrap_or_default();
        let nibble = if place % 2 == 0 { pair >> 4 } else { pair & 15 };
        !digit.is_ascii_alphabetic() || digit.is_ascii_uppercase() == (nibble >= 8)
    })
}

fn probe_solana(view: &View<'_>, trigger: usize) -> Probe {
    let mut at = trigger;
    while view.at(at).is_some_and(|b| b.is_ascii_alphabetic()) {
        at += 1;
    }
    if touched(view, trigger) || view.at(at).is_none() && !view.complete {
        return if touched(view, trigger) {
            Probe::No
        } else {
            Probe::More { from: at }
        };
    }
    // Words up to forty bytes on; the first that has the form is it.
    let limit = at + 40;
    while at < limit {
        let Some(byte) = view.at(at) else {
            return if view.complete {
                Probe::No
            } else {
                Probe::More { from: at }
            };
        };
        if !alnum(byte) {
            at += 1;
            continue;
        }
        match read_solana(view, at) {
            Ok((_, Some(address))) => return Probe::Found(address),
            Ok((length, None)) => at += length,
            Err(_) => return Probe::More { from: at },
        }
    }
    Probe::No
}

/// The length of the word here, and the address it is.
fn read_solana(view: &View<'_>, start: usize) -> Sure<(usize, Option<Match>)> {
    let length = run(view, start, 64, alnum)?;
    let end = start + length;
    let text = view.bytes.get(start..end).unwrap_or_default();
    let mixed = text.iter().any(u8::is_ascii_uppercase) && text.iter().any(u8::is_ascii_lowercase);
    let fits = (32..=44).contains(&length)
        && mixed
        && closes(view, end)?
        && base58::decode(BITCOIN, text).is_some_and(|bytes| bytes.len() == 32);
    Ok((
        length,
        if fits {
            Some(found(
                start,
                end,
                Kind::CryptoAddress,
                "solana_address",
                Level::Contextual,
            ))
        } else {
            None
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finds, finds_none};

    #[test]
    fn addresses_in_base58_are_found() {
        for address in [
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
            "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1",
            "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L",
            "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8",
            "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
            "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H",
        ] {
            for (before, behind) in [
                ("", ""),
                ("to ", "."),
                ("bitcoin:", "?amount=1"),
                ("\"", "\""),
                ("钱包", "。"),
                ("`", "`"),
            ] {
                finds(
                    super::BASE58,
                    &format!("{before}{address}{behind}"),
                    address,
                );
            }
            let mut broken = address.to_owned();
            broken.replace_range(10..11, if &address[10..11] == "z" { "y" } else { "z" });
            finds_none(super::BASE58, &broken);
        }
    }

    #[test]
    fn addresses_in_bech32_are_found() {
        for address in [
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
            "ltc1qg42tkwuuxefutzxezdkdel39gfstuap288mfea",
            "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8",
        ] {
            finds(super::BECH32, &format!("pay {address}, now"), address);
        }
        finds_none(super::BECH32, "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp");
        finds_none(super::BECH32, "Bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq");
    }

    #[test]
    fn addresses_of_ethereum_are_found() {
        for address in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359",
            "0xFB6916095CA1DF60BB79CE92CE3EA74C37C5D359",
        ] {
            finds(super::ETHEREUM, &format!("({address})."), address);
        }
        for text in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaedd",
            "0x0000000000000000000000000000000000000000",
            "0xff",
        ] {
            finds_none(super::ETHEREUM, text);
        }
    }

    #[test]
    fn addresses_of_solana_need_a_word() {
        let address = "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T";
        finds(
            super::SOLANA,
            &format!("my Solana wallet is {address}."),
            address,
        );
        finds_none(super::SOLANA, &format!("my wallet is {address}."));
        finds_none(super::SOLANA, "Solana is fast");
    }
}
