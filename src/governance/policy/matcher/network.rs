//! Addresses in CIDR: `10.0.0.0/8`, `2001:db8::/32`, or one address alone.

use core::net::IpAddr;

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    bits: u128,
    mask: u128,
    v4: bool,
}

/// A compiled list of ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Networks {
    of: Box<[(Network, bool)]>,
    open: bool,
    text: Box<str>,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let (bits, v4) = bits(address.parse().ok()?);
        let width: u32 = if v4 { 32 } else { 128 };
        let host = width.checked_sub(length.unwrap_or(width))?;
        let mask = u128::MAX.checked_shl(host).unwrap_or_default();
        Some(Self {
            bits: bits & mask,
            mask,
            v4,
        })
    }
}

/// An address as a number. A v4 address in v6 clothes (`::ffff:10.0.0.1`, how a dual-stack socket shows it) is a v4 address.
fn bits(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), true),
        IpAddr::V6(v6) => (v6.to_bits(), false),
    }
}

impl Networks {
    /// The list of these ranges; `Err` names the first that is none.
    pub(in super::super) fn new<'a>(
        entries: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, &'a str> {
        let mut of = Vec::new();
        let mut texts = Vec::new();
        for entry in entries {
            let (negated, rest) = match entry.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, entry),
            };
            of.push((Network::parse(rest).ok_or(entry)?, negated));
            texts.push(entry);
        }
        Ok(Self {
            open: of.iter().all(|(_, negated)| *negated),
            of: of.into(),
            text: format!("[{}]", texts.join(", ")).into(),
        })
    }

    /// Whether the address lies in one of them and in none that is left out. No address lies nowhere.
    pub(in super::super) fn covers(&self, address: Option<IpAddr>) -> bool {
        let Some(address) = address else {
            return false;
        };
        let (bits, v4) = bits(address);
        let within = |network: &Network| network.v4 == v4 && bits & network.mask == network.bits;
        let any = |negated: bool| {
            self.of
                .iter()
                .any(|(network, not)| *not == negated && within(network))
        };
        (self.open || any(false)) && !any(true)
    }
}

impl std::fmt::Display for Networks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lies_in_its_network() {
        let check = |list: &[&str], address: &str, expected: bool| {
            let networks = Networks::new(list.iter().copied()).expect("networks");
            let address = address.parse().ok();
            assert_eq!(networks.covers(address), expected, "{list:?} {address:?}");
        };
        check(&["10.0.0.0/8"], "10.2.3.4", true);
        check(&["10.0.0.0/8"], "::ffff:10.2.3.4", true);
        check(&["10.0.0.0/8"], "11.0.0.0", false);
        check(&["10.0.0.0/8", "!10.9.0.0/16"], "10.9.0.1", false);
        check(&["!10.0.0.0/8"], "192.168.0.1", true);
        check(&["2001:db8::/32"], "2001:db8:1::1", true);
        check(&["2001:db8::/32"], "2001:db9::1", false);
        check(&["0.0.0.0/0"], "8.8.8.8", true);
        check(&["0.0.0.0/0"], "::1", false);
        check(&["::/0"], "::1", true);
        check(&["127.0.0.1"], "127.0.0.1", true);
        check(&["127.0.0.1"], "unix", false);
        check(&["!127.0.0.1"], "unix", false);
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in ["10.0.0.0/33", "10.0.0/8", "x", "::/129", "10.0.0.0/-1"] {
            assert_eq!(Networks::new([text]), Err(text));
        }
    }
}
