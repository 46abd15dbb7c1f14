//! Asia and Oceania, as far as their numbers are digits; Singapore, Taiwan, Hong Kong and India's letters are in `lettered`.

use super::check::{
    day_of_month, digit, last, luhn, small, uniform, verhoeff, weighted, yymmdd, yyyymmdd,
};
use super::number::Number;
use super::{Scheme, checked};
use crate::governance::guard::finding::Level;

pub(super) const SCHEMES: &[Scheme] = &[
    checked(
        "in_aadhaar",
        &["c", "4 4 4", "4-4-4", "4.4.4"],
        in_aadhaar,
        &[
            "aadhaar",
            "aadhar",
            "adhaar",
            "adhar",
            "uidai",
            "UID",
            "आधार",
            "unique identification",
        ],
    ),
    checked(
        "au_tfn",
        &["9", "8", "3 3 3", "3-3-3", "2 3 3"],
        au_tfn,
        &["tfn", "tax file"],
    ),
    checked(
        "au_abn",
        &["b", "2 3 3 3", "2-3-3-3"],
        au_abn,
        &["abn", "australian business", "business number"],
    ),
    checked(
        "au_acn",
        &["9", "3 3 3", "3-3-3"],
        au_acn,
        &["acn", "australian company", "company number"],
    ),
    checked(
        "au_medicare",
        &["a", "4 5 1", "4-5-1"],
        au_medicare,
        &["medicare"],
    ),
    checked(
        "nz_ird",
        &["9", "8", "3-3-3", "2-3-3", "3 3 3", "2 3 3"],
        nz_ird,
        &["ird", "inland revenue"],
    ),
    checked(
        "kr_rrn",
        &["6-7", "d"],
        kr_rrn,
        &[
            "주민등록",
            "주민번호",
            "외국인등록",
            "rrn",
            "resident registration",
            "korean id",
            "jumin",
        ],
    )
    .level(Level::Shaped),
    checked(
        "kr_rrn",
        &["6-7"],
        kr_rrn_checked,
        &["주민", "rrn", "resident registration"],
    )
    .alone(&["6-7"]),
    checked(
        "cn_resident_id",
        &["i", "hA"],
        cn_resident_id,
        &[
            "身份证",
            "身份證",
            "resident id",
            "chinese id",
            "公民身份",
            "居民身份",
        ],
    )
    .alone(&["i", "hA"]),
    checked(
        "jp_my_number",
        &["c", "4 4 4", "4-4-4"],
        jp_my_number,
        &["my number", "マイナンバー", "個人番号", "individual number"],
    ),
    checked(
        "th_id",
        &["d", "1-4-5-2-1", "1 4 5 2 1"],
        th_id,
        &["thai", "เลขประจำตัว", "บัตรประชาชน"],
    )
    .alone(&["1-4-5-2-1"]),
    checked(
        "my_nric",
        &["6-2-4", "c"],
        my_nric,
        &[
            "mykad",
            "nric",
            "IC",
            "kad pengenalan",
            "ic number",
            "ic no",
        ],
    )
    .level(Level::Contextual),
    checked(
        "id_nik",
        &["g"],
        id_nik,
        &["NIK", "KTP", "nomor induk", "kependudukan"],
    )
    .level(Level::Contextual),
    checked(
        "pk_cnic",
        &["5-7-1", "d"],
        |number| digit(number.digits(), 0) != 0,
        &["cnic", "nicop", "nadra"],
    )
    .level(Level::Contextual),
    checked(
        "ae_emirates_id",
        &["3-4-7-1", "f"],
        ae_emirates_id,
        &["emirates id", "eid", "الهوية"],
    )
    .alone(&["3-4-7-1"]),
    checked(
        "sa_id",
        &["a"],
        sa_id,
        &["saudi", "iqama", "الهوية", "national id"],
    ),
];

/// Verhoeff, not beginning with nought or one, not the same backwards.
fn in_aadhaar(number: &Number) -> bool {
    let digits = number.digits();
    digit(digits, 0) > 1 && verhoeff(digits) && !digits.iter().eq(digits.iter().rev())
}

fn au_tfn(number: &Number) -> bool {
    let digits = number.digits();
    let sum = if digits.len() == 8 {
        weighted(digits, &[10, 7, 8, 4, 6, 3, 5, 1])
    } else {
        weighted(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10])
    };
    sum % 11 == 0 && !uniform(digits)
}

/// One less in the first digit, then weights, modulo 89.
fn au_abn(number: &Number) -> bool {
    let digits = number.digits();
    digit(digits, 0) != 0
        && (weighted(digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10).is_multiple_of(89)
}

fn au_acn(number: &Number) -> bool {
    let digits = number.digits();
    (10 - weighted(digits, &[8, 7, 6, 5, 4, 3, 2, 1]) % 10) % 10 == last(digits) && !uniform(digits)
}

/// The ninth digit checks the first eight; the tenth counts cards.
fn au_medicare(number: &Number) -> bool {
    let digits = number.digits();
    matches!(digit(digits, 0), 2..=6)
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == digit(digits, 8)
}

/// Two rows of weights, the second where the first gives ten.
fn nz_ird(number: &Number) -> bool {
    let digits = number.digits();
    let Some((&check, body)) = digits.split_last() else {
        return false;
    };
    // Eight digits are read with a nought before them.
    let skip = 8 - body.len().min(8);
    let row = |weights: [u32; 8]| {
        (11 - weighted(body, weights.get(skip..).unwrap_or_default()) % 11) % 11
    };
    let first = row([3, 2, 7, 6, 5, 4, 3, 2]);
    let sum = if first == 10 {
        row([7, 4, 3, 2, 5, 2, 7, 6])
    } else {
        first
    };
    sum == u32::from(check) && !uniform(digits)
}

/// A date, a digit for sex and century; since 2020 nothing checks the rest.
fn kr_rrn(number: &Number) -> bool {
    yymmdd(number.digits(), 0)
}

fn kr_rrn_checked(number: &Number) -> bool {
    let digits = number.digits();
    kr_rrn(number)
        && (11 - weighted(digits, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11) % 10 == last(digits)
}

/// A region, a date, an order; the check is a digit or X for ten.
fn cn_resident_id(number: &Number) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = number.digits();
    let check = match (digits.len(), number.letters) {
        (18, [0, 0]) => last(digits),
        (17, [b'X', 0]) => 10,
        _ => return false,
    };
    matches!(small(digits, 0, 2), 11..=65 | 71 | 81..=83 | 91)
        && yyyymmdd(digits, 6)
        && (12 - weighted(digits, &WEIGHTS) % 11) % 11 == check
}

fn jp_my_number(number: &Number) -> bool {
    let digits = number.digits();
    let rest = weighted(digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    last(digits) == if rest < 2 { 0 } else { 11 - rest } && !uniform(digits)
}

fn th_id(number: &Number) -> bool {
    let digits = number.digits();
    digit(digits, 0) != 0
        && (11 - weighted(digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 10
            == last(digits)
}

fn my_nric(number: &Number) -> bool {
    yymmdd(number.digits(), 0)
}

/// A region, then a date, forty days later for women.
fn id_nik(number: &Number) -> bool {
    let digits = number.digits();
    let day = small(digits, 6, 8);
    matches!(small(digits, 0, 2), 11..=94)
        && day_of_month(if day > 40 { day - 40 } else { day }, small(digits, 8, 10))
}

fn ae_emirates_id(number: &Number) -> bool {
    let digits = number.digits();
    small(digits, 0, 3) == 784 && luhn(digits)
}

fn sa_id(number: &Number) -> bool {
    let digits = number.digits();
    matches!(digit(digits, 0), 1 | 2) && luhn(digits)
}
