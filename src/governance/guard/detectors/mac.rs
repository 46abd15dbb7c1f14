//! Hardware addresses: six (or eight) pairs with colons or dashes, or three groups of four with dots.
//!
//! Not here: fingerprints of keys, which are longer runs of the same pairs.

use super::super::finding::{Kind, Level};
use super::super::probe::{Class, Detector, Match, Probe, Trigger, View};
use super::read::{Sure, alnum, answer, found, has_word, hex, is, near};

/// Hardware addresses.
pub(super) const MAC: Detector = Detector {
    name: "mac_address",
    kind: Kind::MacAddress,
    triggers: &[
        Trigger::Shape(&[Class::Hex, Class::Hex, Class::AnyOf(":-"), Class::Hex]),
        Trigger::Shape(&[Class::Hex, Class::Hex, Class::Byte(b'.'), Class::Hex]),
    ],
    probe,
};

fn probe(view: &View<'_>, trigger: usize) -> Probe {
    let Some(sign) = view.at(trigger + 2) else {
        return Probe::No;
    };
    let (start, width, least) = if sign == b'.' {
        let Some(start) = trigger.checked_sub(2) else {
            return Probe::No;
        };
        (start, 4, 3)
    } else {
        (trigger, 2, 6)
    };
    let touched = view
        .before(start)
        .is_some_and(|b| alnum(b) || b == sign || b == b'_');
    if touched {
        Probe::No
    } else {
        answer(read(view, start, sign, width, least), start)
    }
}

fn read(
    view: &View<'_>,
    start: usize,
    sign: u8,
    width: usize,
    least: usize,
) -> Sure<Option<Match>> {
    let mut at = start;
    let mut groups = 0;
    loop {
        for place in at..at + width {
            if !is(view, place, hex)? {
                return Ok(None);
            }
        }
        at += width;
        groups += 1;
        // In prose a sign behind the address ends it; a further group makes it something longer.
        if !is(view, at, |b| b == sign)? || groups >= least && !is(view, at + 1, alnum)? {
            break;
        }
        if groups > 8 {
            return Ok(None);
        }
        at += 1;
    }
    let whole = groups == least || groups == 8 && width == 2;
    if !whole || is(view, at, |b| alnum(b) || b == b'_')? {
        return Ok(None);
    }
    let value = view.bytes.get(start..at).unwrap_or_default();
    let mut signs = value
        .iter()
        .filter(|b| alnum(**b))
        .map(u8::to_ascii_lowercase);
    let first = signs.next();
    let one_sign = signs.all(|b| Some(b) == first);
    // Digits alone, with dashes or dots, may number anything.
    let plain = sign == b':'
        || value.iter().any(u8::is_ascii_alphabetic)
        || value.starts_with(b"0") && width == 2;
    if one_sign || !plain && !has_word(near(view, start), &["mac", "ethernet", "hwaddr", "bssid"]) {
        return Ok(None);
    }
    Ok(Some(found(
        start,
        at,
        Kind::MacAddress,
        "mac_address",
        Level::Shaped,
    )))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finds, finds_none};

    #[test]
    fn addresses_are_found_in_every_notation() {
        for mac in [
            "00:1A:2B:3C:4D:5E",
            "00-1a-2b-3c-4d-5e",
            "001a.2b3c.4d5e",
            "3c:22:fb:12:34:56:78:9a",
            "12:34:56:78:90:12",
        ] {
            finds(super::MAC, mac, mac);
            finds(super::MAC, &format!("ether {mac}, up."), mac);
            finds(super::MAC, &format!("ether {mac}."), mac);
            finds(super::MAC, &format!("地址{mac}。"), mac);
            finds(super::MAC, &format!("{mac}: up"), mac);
        }
    }

    #[test]
    fn fingerprints_hashes_and_the_broadcast_are_left_alone() {
        for text in [
            "00:1A:2B:3C:4D",
            "00:1A:2B:3C:4D:5E:6F",
            "00:1A:2B-3C:4D:5E",
            "ff:ff:ff:ff:ff:ff",
            "00:00:00:00:00:00",
            "16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
            "g0:1A:2B:3C:4D:5E",
            "12:34:56",
            "2024-11-27",
            "12-34-56-78-90-12",
            "1234.5678.9012",
            "123e4567-e89b-12d3-a456-426614174000",
            "001a.2b3c.4d5e.6f70",
        ] {
            finds_none(super::MAC, text);
        }
    }
}
