//! The United Kingdom and Ireland, as far as their numbers are digits; national insurance numbers are in `lettered`.

use super::check::{digit, last, uniform, weighted};
use super::number::Number;
use super::{Scheme, checked};

pub(super) const SCHEMES: &[Scheme] = &[
    checked(
        "uk_nhs",
        &["3 3 4", "3-3-4", "a"],
        uk_nhs,
        &[
            "nhs",
            "national health",
            "health service",
            "chi number",
            "patient number",
            "patient id",
        ],
    ),
    checked(
        "uk_utr",
        &["a", "5 5"],
        uk_utr,
        &["UTR", "unique taxpayer", "self assessment"],
    ),
    checked(
        "ie_pps",
        &["7A", "7AA"],
        ie_pps,
        &["PPS", "PPSN", "personal public service", "PSP", "RSI"],
    ),
];

/// Weights ten to two, modulo eleven; ten is not handed out.
fn uk_nhs(number: &Number) -> bool {
    let digits = number.digits();
    let sum = weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    (11 - sum % 11) % 11 == last(digits) && !uniform(digits)
}

/// The first digit checks the other nine.
fn uk_utr(number: &Number) -> bool {
    let digits = number.digits();
    let rest = digits.get(1..).unwrap_or_default();
    let sum = weighted(rest, &[6, 7, 8, 9, 10, 5, 4, 3, 2]);
    b"21987654321"
        .get(sum as usize % 11)
        .is_some_and(|&check| u32::from(check - b'0') == digit(digits, 0))
        && !uniform(digits)
}

/// A letter checks the seven digits, and the second letter if there is one.
fn ie_pps(number: &Number) -> bool {
    let [check, second] = number.letters;
    let extra = match second {
        0 | b'W' => 0,
        letter @ b'A'..=b'I' => u32::from(letter - b'@') * 9,
        _ => return false,
    };
    let sum = (weighted(number.digits(), &[8, 7, 6, 5, 4, 3, 2]) + extra) % 23;
    let expected = if sum == 0 {
        b'W'
    } else {
        b"ABCDEFGHIJKLMNOPQRSTUV"
            .get(sum as usize - 1)
            .copied()
            .unwrap_or(0)
    };
    check == expected
}
