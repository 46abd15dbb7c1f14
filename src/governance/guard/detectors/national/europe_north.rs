//! Sweden, Denmark, Norway, Iceland, the Baltic states; Finland's letter stands in the middle and is in `lettered`.

use super::check::{day_of_month, ddmmyy, digit, last, luhn, small, value, weighted, yymmdd};
use super::number::Number;
use super::{Scheme, checked};
use crate::governance::guard::finding::Level;

pub(super) const SCHEMES: &[Scheme] = &[
    checked(
        "se_personnummer",
        &["6-4", "8-4", "a", "c", "6 4"],
        se_personnummer,
        &[
            "personnummer",
            "personnr",
            "person nr",
            "personal number",
            "personal identity",
            "samordningsnummer",
            "swedish id",
            "pnr",
            "födelsenummer",
            "social security",
        ],
    ),
    checked(
        "se_organisationsnummer",
        &["6-4", "a"],
        se_company,
        &["organisationsn", "org.nr", "orgnr", "org nr"],
    ),
    checked(
        "dk_cpr",
        &["6-4", "a", "6 4"],
        dk_cpr,
        &["cpr", "personnummer", "civil registration"],
    )
    .level(Level::Shaped),
    checked(
        "no_fnr",
        &["b", "6 5", "6-5"],
        no_fnr,
        &[
            "fødselsn",
            "fodselsn",
            "fnr",
            "personnummer",
            "birth number",
            "d-nummer",
            "norwegian id",
        ],
    ),
    checked(
        "is_kennitala",
        &["6-4", "a"],
        is_kennitala,
        &["kennitala", "kt.", "icelandic id"],
    ),
    checked(
        "ee_isikukood",
        &["b"],
        baltic,
        &[
            "isikukood",
            "asmens kod",
            "estonian",
            "lithuanian",
            "personal code",
        ],
    ),
    checked(
        "lv_personas_kods",
        &["6-5", "b"],
        lv_personas_kods,
        &["personas kods", "latvian", "personal code"],
    ),
];

/// Luhn over the last ten digits, of which six are a date; days of coordination numbers are sixty higher.
fn se_personnummer(number: &Number) -> bool {
    let digits = number.digits();
    let century = digits.len() == 12;
    if century && !matches!(small(digits, 0, 2), 18..=20) {
        return false;
    }
    let short = digits
        .get(if century { 2.. } else { 0.. })
        .unwrap_or_default();
    let day = small(short, 4, 6);
    let day = if day > 60 { day - 60 } else { day };
    day_of_month(day, small(short, 2, 4)) && luhn(short)
}

/// The same sum, where the month would be at least twenty.
fn se_company(number: &Number) -> bool {
    let digits = number.digits();
    small(digits, 2, 4) >= 20 && luhn(digits)
}

/// A date and an order; the old check digits ran out in 2007.
fn dk_cpr(number: &Number) -> bool {
    ddmmyy(number.digits(), 0)
}

/// Two check digits; days of D numbers are forty higher, months of test numbers forty or eighty.
fn no_fnr(number: &Number) -> bool {
    let digits = number.digits();
    let day = small(digits, 0, 2);
    let month = small(digits, 2, 4) % 40;
    day_of_month(if day > 40 { day - 40 } else { day }, month)
        && weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

fn is_kennitala(number: &Number) -> bool {
    let digits = number.digits();
    let day = small(digits, 0, 2);
    day_of_month(if day > 40 { day - 40 } else { day }, small(digits, 2, 4))
        && matches!(digit(digits, 9), 0 | 8 | 9)
        && weighted(digits, &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Sex and century, a date, an order; a second row of weights where the first gives ten.
fn baltic(number: &Number) -> bool {
    let digits = number.digits();
    let first = weighted(digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let second = weighted(digits, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10;
    matches!(digit(digits, 0), 1..=8)
        && yymmdd(digits, 1)
        && last(digits) == if first < 10 { first } else { second }
}

/// Either new, under 32 and without meaning, or a date with a check digit.
fn lv_personas_kods(number: &Number) -> bool {
    let digits = number.digits();
    let sum = weighted(digits, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]);
    matches!(value(digits, 0, 2), 32..=39)
        || ddmmyy(digits, 0) && (1 + sum) % 11 % 10 == last(digits)
}
