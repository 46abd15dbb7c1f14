//! Numbers as LiteLLM writes them (`2.5e-06`, `0.0000025`, `30d`), read exactly.

/// A number times ten to the power of `shift`, as plain decimal digits; `None` if it is no number that is not below zero.
pub(super) fn decimal(text: &str, shift: i32) -> Option<String> {
    const MOST: i32 = 40;
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let mantissa = mantissa.strip_prefix('+').unwrap_or(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let places = i32::try_from(fraction.len()).ok()?;
    // How many of the digits stand before the point.
    let point = i32::try_from(digits.len())
        .ok()?
        .checked_sub(places)?
        .checked_add(exponent)?
        .checked_add(shift)?;
    if !(-MOST..=MOST).contains(&point) || digits.len() > 60 {
        return None;
    }
    let (whole, fraction) = match usize::try_from(point) {
        Ok(point) if point >= digits.len() => (format!("{digits:0<point$}"), String::new()),
        Ok(point) => {
            let (whole, fraction) = digits.split_at(point);
            (whole.to_owned(), fraction.to_owned())
        }
        Err(_) => {
            let zeros = usize::try_from(-point).ok()?;
            (String::new(), format!("{}{digits}", "0".repeat(zeros)))
        }
    };
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    })
}

/// The window for a duration like `30d`, and whether it is as long.
pub(super) fn window(text: &str) -> Option<(&'static str, bool)> {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "" | "s" => number,
        "m" => number.checked_mul(60)?,
        "h" => number.checked_mul(HOUR)?,
        "d" => number.checked_mul(DAY)?,
        "w" => number.checked_mul(7 * DAY)?,
        "mo" => number.checked_mul(30 * DAY)?,
        _ => return None,
    };
    // The next longer one, where there is none of that length: the same money for more time is never more money.
    Some(match seconds {
        0 => return None,
        HOUR => ("1h", true),
        DAY => ("1d", true),
        _ if seconds == 7 * DAY => ("1w", true),
        _ if (28 * DAY..=31 * DAY).contains(&seconds) => ("1mo", true),
        _ if seconds < HOUR => ("1h", false),
        _ if seconds < DAY => ("1d", false),
        _ if seconds < 7 * DAY => ("1w", false),
        _ if seconds < 28 * DAY => ("1mo", false),
        _ => ("total", false),
    })
}

/// A length of time in seconds (`600`, `30.5`) as settings write it.
pub(super) fn seconds(text: &str) -> Option<String> {
    let millis: u64 = decimal(text, 3)?.parse().ok()?;
    match millis {
        0 => None,
        _ if millis.is_multiple_of(1000) => Some(format!("{}s", millis / 1000)),
        _ => Some(format!("{millis}ms")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_of_a_token_become_prices_of_a_million_exactly() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(decimal(text, 6).as_deref(), expected, "{text}");
        };
        check("0.0000025", Some("2.5"));
        check("2.5e-06", Some("2.5"));
        check("2.5E-6", Some("2.5"));
        check("1e-05", Some("10"));
        check(".00000015", Some("0.15"));
        check("3.75e-8", Some("0.0375"));
        check("1.234567891e-9", Some("0.001234567891"));
        check("0", Some("0"));
        check("0.0", Some("0"));
        check("1", Some("1000000"));
        check("12", Some("12000000"));
        check("-1e-6", None);
        check("1e-999999999999", None);
        check("1e99", None);
        check("one", None);
        check("", None);
        check(".", None);
    }

    #[test]
    fn windows_are_never_shorter_than_what_they_stand_for() {
        let check = |text: &str, expected: Option<(&str, bool)>| {
            assert_eq!(window(text), expected, "{text}");
        };
        check("1h", Some(("1h", true)));
        check("60m", Some(("1h", true)));
        check("24h", Some(("1d", true)));
        check("1d", Some(("1d", true)));
        check("7d", Some(("1w", true)));
        check("30d", Some(("1mo", true)));
        check("1mo", Some(("1mo", true)));
        check("30s", Some(("1h", false)));
        check("2d", Some(("1w", false)));
        check("14d", Some(("1mo", false)));
        check("90d", Some(("total", false)));
        check("0d", None);
        check("soon", None);
        check("99999999999999999999d", None);
    }

    #[test]
    fn times_are_whole_milliseconds() {
        assert_eq!(seconds("600").as_deref(), Some("600s"));
        assert_eq!(seconds("30.5").as_deref(), Some("30500ms"));
        assert_eq!(seconds("0"), None);
        assert_eq!(seconds("0.00001"), None);
        assert_eq!(seconds("none"), None);
    }
}
