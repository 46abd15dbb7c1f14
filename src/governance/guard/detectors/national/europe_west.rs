//! Germany, Austria, Switzerland, France, Belgium, the Netherlands.

use super::check::{day_of_month, ddmmyy, digit, last, mod_11_10, small, uniform, value, weighted};
use super::number::Number;
use super::{Scheme, checked};

pub(super) const SCHEMES: &[Scheme] = &[
    checked(
        "de_tax_id",
        &["b", "2 3 3 3", "2-3-3-3", "2/3/3/3", "2.3.3.3"],
        de_tax_id,
        &[
            "steuer",
            "idnr",
            "id-nr",
            "tin",
            "tax id",
            "taxpayer id",
            "german tax",
            "tax identification",
            "IdNr",
        ],
    ),
    checked(
        "at_svnr",
        &["4 6", "a", "4-6", "4/6", "4 2 2 2"],
        at_svnr,
        &[
            "svnr",
            "sv-nr",
            "sv nummer",
            "sozialversicherung",
            "versicherungsnummer",
            "social security",
            "social insurance",
            "vsnr",
        ],
    ),
    checked(
        "ch_ahv",
        &["3.4.4.2", "d", "3 4 4 2", "3-4-4-2"],
        ch_ahv,
        &[
            "ahv",
            "avs",
            "navs",
            "sozialversicherung",
            "versichertennummer",
            "assurance sociale",
            "social security",
            "ssn",
            "oasi",
        ],
    )
    .alone(&["3.4.4.2"]),
    checked(
        "fr_nir",
        &[
            "f",
            "d-2",
            "1 2 2 2 3 3 2",
            "1-2-2-2-3-3-2",
            "1.2.2.2.3.3.2",
        ],
        fr_nir,
        &[
            "nir",
            "insee",
            "sécurité sociale",
            "securite sociale",
            "sécu",
            "social security",
            "numéro de sécu",
            "carte vitale",
            "numero de secu",
        ],
    )
    .alone(&["1 2 2 2 3 3 2"]),
    checked(
        "fr_spi",
        &["d", "2 2 3 3 3"],
        fr_spi,
        &[
            "numéro fiscal",
            "numero fiscal",
            "spi",
            "fiscal",
            "impôt",
            "impot",
        ],
    ),
    checked(
        "be_nrn",
        &["2.2.2-3.2", "b", "6-3.2", "6-3-2", "6 3 2", "2 2 2 3 2"],
        be_nrn,
        &[
            "rijksregister",
            "registre national",
            "numéro national",
            "numero national",
            "nationaal nummer",
            "niss",
            "insz",
            "rrn",
            "national register",
            "nrn",
            "nationalregister",
            "national number",
        ],
    )
    .alone(&["2.2.2-3.2"]),
    checked(
        "nl_bsn",
        &["9", "3 3 3", "4 2 3", "4.2.3", "3.3.3", "3-3-3"],
        nl_bsn,
        &[
            "bsn",
            "burgerservice",
            "sofi",
            "citizen service",
            "burger service",
            "citizen number",
        ],
    ),
];

/// ISO 7064, and among the first ten digits exactly one stands twice or thrice.
fn de_tax_id(number: &Number) -> bool {
    let digits = number.digits();
    let body = digits.get(..10).unwrap_or_default();
    let repeated = (0..10)
        .map(|digit| memchr::memchr_iter(digit, body).count())
        .filter(|&times| times > 1)
        .try_fold(0, |seen, times| (seen == 0 && times <= 3).then_some(times));
    digit(digits, 0) != 0 && repeated.is_some_and(|times| times > 0) && mod_11_10(digits)
}

/// The fourth digit checks the others, of which the last six are a date (of a thirteenth month where it is unknown).
fn at_svnr(number: &Number) -> bool {
    let digits = number.digits();
    let sum = weighted(digits, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    digit(digits, 0) != 0
        && sum % 11 == digit(digits, 3)
        && (ddmmyy(digits, 4) || matches!(small(digits, 6, 8), 13..=15))
}

/// Thirteen digits under the country's prefix, checked like a barcode.
fn ch_ahv(number: &Number) -> bool {
    let digits = number.digits();
    small(digits, 0, 3) == 756
        && weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// Sex, year, month, place, order; 97 less the rest of dividing all that by 97.
fn fr_nir(number: &Number) -> bool {
    let digits = number.digits();
    matches!(digit(digits, 0), 1..=4 | 7 | 8)
        && matches!(small(digits, 3, 5), 1..=12 | 20..=42 | 50..=99)
        && 97 - value(digits, 0, 13) % 97 == value(digits, 13, 15)
}

/// The last three digits are the rest of dividing the first ten by 511.
fn fr_spi(number: &Number) -> bool {
    let digits = number.digits();
    digit(digits, 0) < 4 && value(digits, 0, 10) % 511 == value(digits, 10, 13)
}

/// A date and an order; 97 less the rest, with a two before those born since 2000.
fn be_nrn(number: &Number) -> bool {
    let digits = number.digits();
    let body = value(digits, 0, 9);
    let check = value(digits, 9, 11);
    let month = small(digits, 2, 4) % 20;
    let day = small(digits, 4, 6);
    (day == 0 || month == 0 || day_of_month(day, month))
        && body > 0
        && (97 - body % 97 == check || 97 - (2_000_000_000 + body) % 97 == check)
}

/// Weights nine to two and minus one for the last.
fn nl_bsn(number: &Number) -> bool {
    let digits = number.digits();
    let sum = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum % 11 == last(digits) && sum > 0 && !uniform(digits)
}
