//! Bare words that one reader of YAML takes for text and another for something else.
//!
//! `no` is a country or a denial, `07:00` a time or 420, `1e3` a name or a thousand: which it is depends on whether a tool
//! follows YAML 1.1 or 1.2. A policy must not, so where text is wanted such words are refused without quotes.

/// What some reader would take a bare word for; `None` where all agree that it is text.
pub(super) fn misread(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "true" | "yes" | "on" | "y" => return Some("true"),
        "false" | "no" | "off" | "n" => return Some("false"),
        "null" | "~" => return Some("no value"),
        ".inf" | "-.inf" | "+.inf" | ".nan" => return Some("a number"),
        _ => {}
    }
    let bare = lower.strip_prefix(['-', '+']).unwrap_or(&lower);
    if is_number(bare) {
        return Some("a number");
    }
    is_sexagesimal(bare).then_some("a number to the base of 60")
}

/// Whether a bare word without its sign is a number to YAML 1.1 or 1.2.
fn is_number(bare: &str) -> bool {
    let made_of = |text: &str, is: fn(&u8) -> bool| {
        text.bytes().any(|byte| is(&byte)) && text.bytes().all(|byte| is(&byte) || byte == b'_')
    };
    for (prefix, is) in [
        ("0x", u8::is_ascii_hexdigit as fn(&u8) -> bool),
        ("0o", |byte| (b'0'..=b'7').contains(byte)),
        ("0b", |byte| matches!(byte, b'0' | b'1')),
    ] {
        if let Some(rest) = bare.strip_prefix(prefix) {
            return made_of(rest, is);
        }
    }
    let (mantissa, exponent) = match bare.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (bare, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        made_of(
            exponent.strip_prefix(['-', '+']).unwrap_or(exponent),
            u8::is_ascii_digit,
        )
    });
    let starts_well = mantissa.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let without_point = mantissa.replacen('.', "", 1);
    starts_well && exponent_fits && made_of(&without_point, u8::is_ascii_digit)
}

/// Whether a bare word without its sign is digits and groups of sixty, like `07:00`.
fn is_sexagesimal(bare: &str) -> bool {
    let mut groups = bare.split(':');
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().is_some_and(digits);
    let mut more = false;
    let rest = groups.all(|group| {
        more = true;
        group.len() <= 2 && digits(group) && group.parse::<u8>().is_ok_and(|number| number < 60)
    });
    first && rest && more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_readers_disagree_about_are_known() {
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(misread(word), expected, "{word}");
        };
        check("no", Some("false"));
        check("On", Some("true"));
        check("NULL", Some("no value"));
        check("1e3", Some("a number"));
        check("-1_000.5", Some("a number"));
        check("0x1F", Some("a number"));
        check("0o17", Some("a number"));
        check(".5", Some("a number"));
        check("007", Some("a number"));
        check("07:00", Some("a number to the base of 60"));
        check("1:30:59", Some("a number to the base of 60"));
        check("07:60", None);
        check("gpt-4o", None);
        check("4o", None);
        check("e3", None);
        check("_1", None);
        check("0xyz", None);
        check("10.0.0.1", None);
        check("10.0.0.0/8", None);
        check("a:b", None);
        check("norway", None);
        check("", None);
    }
}
