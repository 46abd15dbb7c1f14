//! Addresses of the Internet protocol, versions 4 and 6.
//!
//! Versions of programs, object identifiers and paths in code look alike; what stands before and behind tells them apart.
//! Addresses that name nobody (unspecified, loopback, netmasks, broadcast) are not reported.
//!
//! Not here: ports and prefix lengths, which are not part of the address.

use core::net::Ipv6Addr;

use super::super::finding::{Kind, Level};
use super::super::probe::{Class, Detector, Match, Probe, Trigger, View};
use super::read::{
    Sure, alnum, answer, behind, byte, digit, found, has_word, hex, is, near, opens, run,
    run_before,
};

/// Addresses of version 4.
pub(super) const IPV4: Detector = Detector {
    name: "ipv4",
    kind: Kind::IpAddress,
    triggers: &[Trigger::Shape(&[
        Class::Digit,
        Class::Byte(b'.'),
        Class::Digit,
    ])],
    probe: probe_v4,
};

/// Addresses of version 6.
pub(super) const IPV6: Detector = Detector {
    name: "ipv6",
    kind: Kind::IpAddress,
    triggers: &[
        Trigger::Shape(&[Class::Hex, Class::Byte(b':'), Class::Hex]),
        Trigger::Shape(&[Class::Hex, Class::Byte(b':'), Class::Byte(b':')]),
        Trigger::Shape(&[Class::Byte(b':'), Class::Byte(b':'), Class::Hex]),
    ],
    probe: probe_v6,
};

/// Words before a number of four parts that say it is something else.
const NO_ADDRESS: &[&str] = &[
    "version",
    "versions",
    "ver",
    "ver.",
    "v",
    "release",
    "build",
    "rev",
    "revision",
    "firmware",
    "fw",
    "oid",
    "section",
    "chapter",
    "clause",
    "fileversion",
    "assemblyversion",
    "productversion",
    "upgrade",
    "upgraded",
    "changelog",
];

/// Where well-known object identifiers begin: X.509 attributes and extensions, the Internet's own.
const ARCS: [&str; 3] = ["2.5.4.", "2.5.29.", "1.3.6.1"];

fn probe_v4(view: &View<'_>, trigger: usize) -> Probe {
    let start = trigger - run_before(view, trigger, 3, digit).min(trigger);
    let touched = !opens(view, start)
        || view
            .before(start)
            .is_some_and(|b| matches!(b, b'.' | b'_' | b'^' | b'~'))
            && !behind(view, start, |b| b == b'.', |b| !b.is_ascii_digit());
    if touched {
        Probe::No
    } else {
        answer(read_v4(view, start), start)
    }
}

fn read_v4(view: &View<'_>, start: usize) -> Sure<Option<Match>> {
    let Some(end) = quad(view, start)? else {
        return Ok(None);
    };
    if is(view, end, |b| alnum(b) || b == b'_')?
        || is(view, end, |b| matches!(b, b'.' | b'-' | b'+'))?
            && is(view, end + 1, |b| {
                if view.at(end) == Some(b'-') {
                    b.is_ascii_alphabetic()
                } else {
                    b.is_ascii_digit()
                }
            })?
    {
        return Ok(None);
    }
    let value = view.bytes.get(start..end).unwrap_or_default();
    if ARCS.iter().any(|arc| value.starts_with(arc.as_bytes()))
        || value.starts_with(b"0.")
        || value.starts_with(b"127.")
        || value.starts_with(b"255.")
        || is_version(view, start)
    {
        return Ok(None);
    }
    Ok(Some(found(
        start,
        end,
        Kind::IpAddress,
        "ipv4",
        Level::Shaped,
    )))
}

/// Where four numbers up to 255 with dots between them end.
fn quad(view: &View<'_>, start: usize) -> Sure<Option<usize>> {
    let mut at = start;
    for part in 0..4 {
        if part > 0 {
            if !is(view, at, |b| b == b'.')? {
                return Ok(None);
            }
            at += 1;
        }
        let length = run(view, at, 4, digit)?;
        let digits = view.bytes.get(at..at + length).unwrap_or_default();
        let number = digits
            .iter()
            .fold(0, |sum, d| sum * 10 + u32::from(d - b'0'));
        if !(1..=3).contains(&length) || number > 255 || length > 1 && digits.first() == Some(&b'0')
        {
            return Ok(None);
        }
        at += length;
    }
    Ok(Some(at))
}

/// Whether what stands before says that this is the version of something.
fn is_version(view: &View<'_>, start: usize) -> bool {
    let before = near(view, start);
    // `Name/1.2.3.4`, as browsers write it; but not `host.name/1.2.3.4` or `//1.2.3.4`.
    if let Some(rest) = before.strip_suffix(b"/") {
        let name = rest.iter().rev().take_while(|b| alnum(**b)).count();
        let lone = !rest
            .iter()
            .rev()
            .nth(name)
            .is_some_and(|b| matches!(b, b'.' | b'/' | b'-'));
        let name = rest.get(rest.len() - name..).unwrap_or_default();
        return lone && !name.is_empty() && !name.eq_ignore_ascii_case(b"localhost");
    }
    if before.ends_with(b"==")
        || before.ends_with(b">=")
        || before.ends_with(b"<=")
        || before.ends_with(b"~=")
    {
        let rest = before.get(..before.len() - 2).unwrap_or_default();
        let name = rest
            .iter()
            .rev()
            .take_while(|b| alnum(**b) || matches!(b, b'.' | b'_'))
            .count();
        let name = rest
            .get(rest.len() - name..)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let named = [&b"ip"[..], b"addr", b"host", b"src", b"dst"]
            .iter()
            .any(|word| memchr::memmem::find(&name, word).is_some());
        return !named && !name.is_empty();
    }
    let line = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(before, |at| before.get(at + 1..).unwrap_or_default());
    let close = line
        .get(line.len().saturating_sub(24)..)
        .unwrap_or_default();
    has_word(close, NO_ADDRESS) && !has_word(close, &["ip", "address", "host", "server", "from"])
}

fn probe_v6(view: &View<'_>, trigger: usize) -> Probe {
    let start = if view.at(trigger) == Some(b':') {
        trigger
    } else {
        trigger - run_before(view, trigger, 4, hex).min(trigger)
    };
    let touched = !opens(view, start)
        || view
            .before(start)
            .is_some_and(|b| matches!(b, b':' | b'_' | b'.'));
    if touched {
        Probe::No
    } else {
        answer(read_v6(view, start), start)
    }
}

fn read_v6(view: &View<'_>, start: usize) -> Sure<Option<Match>> {
    let mut at = start;
    let mut groups = 0;
    let mut packed = None;
    loop {
        let group = run(view, at, 5, hex)?;
        if group > 4 {
            return Ok(None);
        }
        if group > 0 {
            // The last 32 bits may be written as version 4.
            if groups > 0
                && is(view, at + group, |b| b == b'.')?
                && is(view, at + group + 1, digit)?
            {
                let Some(end) = quad(view, at)? else {
                    return Ok(None);
                };
                groups += 2;
                at = end;
                break;
            }
            groups += 1;
            at += group;
        }
        if groups > 8 || !is(view, at, |b| b == b':')? {
            break;
        }
        if is(view, at + 1, |b| b == b':')? {
            if packed.is_some() {
                return Ok(None);
            }
            packed = Some(groups);
            at += 2;
            if !is(view, at, hex)? {
                break;
            }
        } else if is(view, at + 1, hex)? {
            at += 1;
        } else {
            break;
        }
    }
    if is(view, at, |b| alnum(b) || b == b'_')?
        || is(view, at, |b| b == b':')? && is(view, at + 1, |b| alnum(b) || b == b':')?
    {
        return Ok(None);
    }
    let Some(text) = view
        .bytes
        .get(start..at)
        .and_then(|b| str::from_utf8(b).ok())
    else {
        return Ok(None);
    };
    if !plausible(text, groups, packed.is_some()) || text.parse::<Ipv6Addr>().is_err() {
        return Ok(None);
    }
    if byte(view, at)? == Some(b'<') && text.ends_with(':') {
        return Ok(None); // `a::<T>`
    }
    Ok(Some(found(
        start,
        at,
        Kind::IpAddress,
        "ipv6",
        Level::Shaped,
    )))
}

/// Whether this looks like an address and not like a path in code, a time, or a longer hardware address.
fn plausible(text: &str, groups: usize, packed: bool) -> bool {
    if !packed {
        return groups == 8 && text.split(':').any(|group| group.len() != 2);
    }
    let first = text.split(':').next().unwrap_or_default();
    let routed = first.len() == 4
        && (first.starts_with(['2', '3'])
            || ["fe", "fc", "fd", "ff"].iter().any(|start| {
                first
                    .get(..2)
                    .is_some_and(|two| two.eq_ignore_ascii_case(start))
            }));
    let mapped = text.contains('.') && text.starts_with("::");
    let numbered = text.bytes().any(|b| b.is_ascii_digit());
    routed && numbered || mapped || groups >= 3 && numbered && first.len() > 1
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finds, finds_none};

    #[test]
    fn addresses_of_version_4_are_found() {
        for (before, behind) in [
            ("", ""),
            ("from ", "."),
            ("http://", ":8080/x"),
            ("", "/24"),
            ("ip=", "&x"),
            ("[", "]"),
            ("地址", "。"),
            ("root@", ":"),
            ("\"", "\""),
            ("ip.addr==", ""),
            ("-", "-10.0.0.9"),
            ("localhost/", ""),
        ] {
            let text = format!("{before}10.20.30.40{behind}");
            let found = super::super::testing::values(super::IPV4, &text);
            assert_eq!(
                found.first().map(String::as_str),
                Some("10.20.30.40"),
                "{text}"
            );
        }
    }

    #[test]
    fn versions_identifiers_and_masks_are_left_alone() {
        for text in [
            "version 1.2.3.4",
            "v1.2.3.4",
            "Version: 10.0.0.1",
            "1.3.6.1.4.1",
            "1.2.3",
            "1.2.3.256",
            "01.2.3.4",
            "1.2.3.4.5",
            "Chrome/120.0.0.0",
            "pkg==1.2.3.4",
            "1.2.3.4-beta",
            "1.2.3.4a",
            "0.0.0.0",
            "127.0.0.1",
            "255.255.255.0",
            "a1.2.3.4",
            "1.2.3.4_x",
            "12.5 1.5",
            "firmware 1.20.3.4",
            "extension 2.5.29.14 (OID)",
        ] {
            finds_none(super::IPV4, text);
        }
    }

    #[test]
    fn addresses_of_version_6_are_found() {
        for address in [
            "2001:db8::1",
            "fe80::1",
            "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
            "fd12:3456:789a:1::1",
            "::ffff:192.0.2.1",
            "2001:db8::",
            "FE80::0202:B3FF:FE1E:8329",
            "2a00:1450:4001:81b::200e",
            "64:ff9b::192.0.2.33",
        ] {
            for (before, behind) in [
                ("", ""),
                ("at ", "."),
                ("[", "]:443"),
                ("", "/64"),
                ("", "%eth0"),
                ("地址", "。"),
                ("", ", x"),
                ("", ": up"),
            ] {
                finds(super::IPV6, &format!("{before}{address}{behind}"), address);
            }
        }
    }

    #[test]
    fn paths_times_and_fingerprints_are_left_alone() {
        for text in [
            "a::b",
            "std::fmt",
            "dead::beef",
            "12:30:45",
            "::1",
            "::",
            "std::cafe::f00",
            "abc::d1",
            "00:11:22:33:44:55:66:77",
            "Vec::<u8>",
            "fe80::1::2",
            "1:2:3:4:5:6:7",
            "{\"a\":1}",
            "1:2:3:4:5:6:7:8:9",
            "16:27:ac:a5:76:28:2d:36:63:1b",
        ] {
            finds_none(super::IPV6, text);
        }
    }
}
