//! The Americas: the United States apart from social security numbers, Canada, Brazil, Chile, Argentina, Ecuador.

use super::check::{digit, last, luhn, luhn_sum, small, uniform, weighted};
use super::number::Number;
use super::{Scheme, checked};
use crate::governance::guard::finding::Level;

pub(super) const SCHEMES: &[Scheme] = &[
    checked(
        "us_itin",
        &["3-2-4", "3 2 4", "9"],
        us_itin,
        &[
            "itin",
            "individual taxpayer",
            "taxpayer id",
            "tax id",
            "tax payer id",
            "TIN",
        ],
    )
    .level(Level::Shaped),
    checked(
        "us_npi",
        &["a", "4 3 3", "4-3-3", "3-3-4", "3 3 4"],
        us_npi,
        &[
            "npi",
            "national provider",
            "provider id",
            "provider number",
            "npi id",
        ],
    ),
    checked(
        "us_ein",
        &["2-7", "9"],
        us_ein,
        &[
            "EIN",
            "FEIN",
            "employer id",
            "employer's id",
            "federal tax id",
            "federal id",
            "business tax id",
        ],
    )
    .level(Level::Contextual),
    checked(
        "ca_sin",
        &["3 3 3", "3-3-3", "9"],
        ca_sin,
        &[
            "SIN",
            "social insurance",
            "assurance sociale",
            "NAS",
            "canadian sin",
            "canada sin",
        ],
    ),
    checked(
        "br_cpf",
        &["3.3.3-2", "9-2", "b", "3 3 3 2"],
        br_cpf,
        &[
            "cpf",
            "cadastro de pessoa",
            "cadastro de pessoas",
            "contribuinte",
        ],
    )
    .alone(&["3.3.3-2"]),
    checked(
        "br_cnpj",
        &["2.3.3/4-2", "8/4-2", "e"],
        br_cnpj,
        &["cnpj", "cadastro nacional"],
    )
    .alone(&["2.3.3/4-2", "8/4-2"]),
    checked(
        "cl_rut",
        &[
            "2.3.3-1", "1.3.3-1", "8-1", "7-1", "2.3.3-A", "1.3.3-A", "8-A", "7-A", "9", "8A",
        ],
        cl_rut,
        &[
            "RUT",
            "RUN",
            "rol unico",
            "rol único",
            "rol nacional",
            "cédula de identidad",
            "cedula",
        ],
    )
    .alone(&["2.3.3-1", "1.3.3-1", "2.3.3-A", "1.3.3-A"]),
    checked(
        "ar_cuit",
        &["2-8-1", "b"],
        ar_cuit,
        &["cuit", "cuil", "clave única", "clave unica"],
    ),
    checked("ec_cedula", &["a", "9-1"], ec_cedula, &["cédula", "cedula"]),
];

/// Begins with nine; the middle group is one of those handed out.
fn us_itin(number: &Number) -> bool {
    let digits = number.digits();
    digit(digits, 0) == 9
        && matches!(small(digits, 3, 5), 50..=65 | 70..=88 | 90..=92 | 94..=99)
        && !uniform(digits)
}

/// Luhn over the card issuer's prefix 80840 and the number.
fn us_npi(number: &Number) -> bool {
    let digits = number.digits();
    // The prefix adds 24 to the sum, whatever follows.
    matches!(digit(digits, 0), 1 | 2) && (luhn_sum(digits) + 24).is_multiple_of(10)
}

/// No check digit: the campus that handed it out is one of those there are.
fn us_ein(number: &Number) -> bool {
    let digits = number.digits();
    !uniform(digits)
        && !matches!(
            small(digits, 0, 2),
            0 | 7..=9 | 17..=19 | 28 | 29 | 49 | 69 | 70 | 78 | 79 | 89 | 96 | 97
        )
}

fn ca_sin(number: &Number) -> bool {
    let digits = number.digits();
    digit(digits, 0) != 8 && luhn(digits) && !uniform(digits)
}

fn br_cpf(number: &Number) -> bool {
    let digits = number.digits();
    let check = |sum: u32| if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
    !uniform(digits)
        && check(weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2])) == digit(digits, 9)
        && check(weighted(digits, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2])) == digit(digits, 10)
}

fn br_cnpj(number: &Number) -> bool {
    let digits = number.digits();
    let check = |sum: u32| if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
    !uniform(digits)
        && check(weighted(digits, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])) == digit(digits, 12)
        && check(weighted(digits, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])) == digit(digits, 13)
}

/// Weights two to seven from the right; a check of ten is written `K`.
fn cl_rut(number: &Number) -> bool {
    let [letter, second] = number.letters;
    let digits = number.digits();
    let (body, check) = match (letter, second) {
        (b'K', 0) => (digits, 10),
        (0, 0) => (
            digits.split_last().map_or(digits, |(_, body)| body),
            last(digits),
        ),
        _ => return false,
    };
    let sum: u32 = body
        .iter()
        .rev()
        .zip([2, 3, 4, 5, 6, 7].into_iter().cycle())
        .map(|(&digit, weight)| u32::from(digit) * weight)
        .sum();
    !uniform(body) && (11 - sum % 11) % 11 == check
}

fn ar_cuit(number: &Number) -> bool {
    let digits = number.digits();
    let check = 11 - weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    matches!(
        small(digits, 0, 2),
        20 | 23..=27 | 30 | 33 | 34 | 50 | 51 | 55
    ) && (if check == 10 { 9 } else { check % 11 }) == last(digits)
}

/// A province, a third digit below six, and Luhn from the left.
fn ec_cedula(number: &Number) -> bool {
    let digits = number.digits();
    matches!(small(digits, 0, 2), 1..=24 | 30) && digit(digits, 2) < 6 && luhn(digits)
}
