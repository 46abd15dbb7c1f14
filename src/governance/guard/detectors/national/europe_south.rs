//! Spain, Portugal, Italy, Greece, Turkey, Israel, as far as their numbers are digits; the others are in `lettered`.

use super::check::{ddmmyy, digit, last, luhn, uniform, value, weighted};
use super::number::Number;
use super::{Scheme, checked};

pub(super) const SCHEMES: &[Scheme] = &[
    checked(
        "es_nif",
        &["8A", "8-A", "2.3.3-A", "2.3.3A"],
        es_nif,
        &[
            "nif",
            "dni",
            "documento nacional",
            "identidad",
            "identificación fiscal",
            "identificacion fiscal",
        ],
    )
    .alone(&["8A", "8-A", "2.3.3-A", "2.3.3A"]),
    checked(
        "pt_nif",
        &["9", "3 3 3", "3.3.3", "3-3-3"],
        pt_nif,
        &[
            "nif",
            "contribuinte",
            "nipc",
            "identificação fiscal",
            "identificacao fiscal",
            "finanças",
        ],
    ),
    checked(
        "it_partita_iva",
        &["b"],
        it_partita_iva,
        &["partita iva", "p.iva", "p. iva", "piva", "vat"],
    ),
    checked(
        "gr_amka",
        &["b", "6 5", "6-5"],
        gr_amka,
        &["amka", "αμκα", "ΑΜΚΑ"],
    ),
    checked(
        "gr_afm",
        &["9"],
        gr_afm,
        &["afm", "αφμ", "ΑΦΜ", "α.φ.μ", "Α.Φ.Μ"],
    ),
    checked(
        "tr_tckn",
        &["b", "3 3 3 2"],
        tr_tckn,
        &["tckn", "kimlik", "t.c.", "tc no", "turkish id", "tc id"],
    ),
    checked(
        "il_id",
        &["9", "8-1"],
        il_id,
        &[
            "teudat zehut",
            "תעודת זהות",
            "ת.ז",
            "ת״ז",
            "מספר זהות",
            "israeli id",
            "mispar zehut",
            "zehut",
        ],
    ),
];

/// The letter is the rest of dividing the number by 23.
fn es_nif(number: &Number) -> bool {
    let digits = number.digits();
    number.capitals
        && nif_letter(value(digits, 0, 8)) == number.letters[0]
        && number.letters[1] == 0
        && !uniform(digits)
}

/// The letter of a Spanish number.
pub(super) fn nif_letter(number: u64) -> u8 {
    let rest = usize::try_from(number % 23).unwrap_or(0);
    b"TRWAGMYFPDXBNJZSQVHLCKE".get(rest).copied().unwrap_or(0)
}

fn pt_nif(number: &Number) -> bool {
    let digits = number.digits();
    let rest = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    digit(digits, 0) != 0
        && last(digits) == if rest < 2 { 0 } else { 11 - rest }
        && !uniform(digits)
}

fn it_partita_iva(number: &Number) -> bool {
    let digits = number.digits();
    luhn(digits) && !uniform(digits)
}

fn gr_amka(number: &Number) -> bool {
    let digits = number.digits();
    ddmmyy(digits, 0) && luhn(digits)
}

/// Powers of two from the right, modulo eleven, modulo ten.
fn gr_afm(number: &Number) -> bool {
    let digits = number.digits();
    weighted(digits, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == last(digits) && !uniform(digits)
}

/// Two check digits: one over odd and even places, one over all.
fn tr_tckn(number: &Number) -> bool {
    let digits = number.digits();
    let odd = weighted(digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(digits, &[0, 1, 0, 1, 0, 1, 0, 1]);
    let all = weighted(digits, &[1; 10]);
    digit(digits, 0) != 0
        && (odd * 7 + 100 - even) % 10 == digit(digits, 9)
        && all % 10 == last(digits)
}

fn il_id(number: &Number) -> bool {
    let digits = number.digits();
    luhn(digits) && !uniform(digits)
}
