//! The schemes of numbers with letters in them.
//!
//! They read a [`Token`]. Written in small letters, none of them is unmistakable.
//!
//! Not here: where such a token begins and ends (`lettered`).

use super::Scheme;
use super::check::{day_of_month, ddmmyy, digit, last, small, value, weighted, yymmdd};
use super::context::Words;
use super::europe_south::nif_letter;
use super::token::Token;
use crate::governance::guard::finding::Level;

/// A scheme, and how a token is told to be of it.
struct Lettered {
    scheme: Scheme,
    holds: fn(&Token) -> bool,
}

const fn lettered(
    name: &'static str,
    level: Level,
    alone: &'static [&'static str],
    holds: fn(&Token) -> bool,
    words: &'static [&'static str],
) -> Lettered {
    Lettered {
        scheme: Scheme {
            name,
            shapes: &[],
            marks: 0,
            alone,
            holds: |_| false,
            level,
            words: Words::of(words),
        },
        holds,
    }
}

const SET: &[&str] = &["token", "groups", "pairs"];

static LETTERED: &[Lettered] = &[
    lettered(
        "uk_nino",
        Level::Shaped,
        &["pairs"],
        uk_nino,
        &[
            "nino",
            "national insurance",
            "NI number",
            "NI no",
            "nat ins",
            "NI",
            "insurance number",
            "insurance no",
        ],
    ),
    lettered(
        "es_nie",
        Level::Validated,
        SET,
        es_nie,
        &["nie", "extranjero", "nif", "dni"],
    ),
    lettered("es_cif", Level::Validated, &[], es_cif, &["cif", "nif"]),
    lettered(
        "sg_nric",
        Level::Validated,
        SET,
        sg_nric,
        &["nric", "FIN", "singapore", "fin no", "fin number", "uinfin"],
    ),
    lettered(
        "hk_hkid",
        Level::Validated,
        &["brackets"],
        hk_hkid,
        &["hkid", "hong kong", "身份證", "香港"],
    ),
    lettered(
        "tw_id",
        Level::Validated,
        &[],
        tw_id,
        &["taiwan", "身分證", "身份證", "身分证", "統一編號"],
    ),
    lettered(
        "in_pan",
        Level::Shaped,
        &[],
        in_pan,
        &[
            "PAN",
            "permanent account",
            "income tax",
            "pan card",
            "pan number",
            "pan no",
            "पैन",
            "tax id",
            "taxpayer",
        ],
    ),
    lettered(
        "in_gstin",
        Level::Validated,
        SET,
        in_gstin,
        &["gst", "gstin"],
    ),
    lettered(
        "in_voter_id",
        Level::Contextual,
        &[],
        |token| token.is("AAA9999999"),
        &["voter", "EPIC", "election", "elector", "मतदाता"],
    ),
    lettered(
        "pl_dowod",
        Level::Validated,
        &[],
        pl_dowod,
        &["dowód", "dowodu", "dowod", "id card", "identity card"],
    ),
    lettered(
        "mx_curp",
        Level::Validated,
        SET,
        mx_curp,
        &["curp", "registro de población"],
    ),
    lettered(
        "mx_rfc",
        Level::Shaped,
        &[],
        mx_rfc,
        &["rfc", "contribuyente"],
    ),
    lettered(
        "it_codice_fiscale",
        Level::Validated,
        SET,
        it_codice_fiscale,
        &[
            "codice fiscale",
            "cod. fisc",
            "c.f.",
            "CF",
            "fiscal code",
            "tax code",
            "cod fiscale",
        ],
    ),
    lettered(
        "uk_driving_licence",
        Level::Contextual,
        &[],
        uk_driving_licence,
        &["driving", "licence", "license", "dvla"],
    ),
    lettered(
        "de_personalausweis",
        Level::Contextual,
        &[],
        de_personalausweis,
        &["personalausweis", "ausweis", "perso"],
    ),
    lettered(
        "fi_hetu",
        Level::Validated,
        SET,
        fi_hetu,
        &["hetu", "henkilötunnus", "henkilotunnus", "finnish"],
    ),
    lettered(
        "de_svnr",
        Level::Validated,
        SET,
        de_svnr,
        &[
            "sozialversicherung",
            "rentenversicherung",
            "versicherungsnummer",
            "svnr",
            "sv-nummer",
            "rvnr",
        ],
    ),
    lettered(
        "us_mbi",
        Level::Shaped,
        &["groups"],
        us_mbi,
        &["medicare", "MBI", "beneficiary"],
    ),
];

/// The schemes a token may be of.
pub(super) fn schemes(token: &Token) -> impl Iterator<Item = &'static Scheme> {
    LETTERED
        .iter()
        .filter(move |known| (known.holds)(token))
        .map(|known| &known.scheme)
}

/// Two letters that are handed out (or `QQ`, as in forms), six digits, a letter up to D.
fn uk_nino(token: &Token) -> bool {
    let (first, second) = (token.byte(0), token.byte(1));
    token.is("AA999999A")
        && matches!(token.byte(8), b'A'..=b'D')
        && (first == b'Q' && second == b'Q'
            || !b"DFIQUV".contains(&first)
                && !b"DFIOQUV".contains(&second)
                && ![*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"]
                    .contains(&[first, second]))
}

/// X, Y or Z stands for nought, one or two.
fn es_nie(token: &Token) -> bool {
    let lead = match token.byte(0) {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        _ => return false,
    };
    token.is("A9999999A")
        && nif_letter(lead * 10_000_000 + value(token.digits(1, 8).all(), 0, 7)) == token.byte(8)
}

/// Luhn over the seven digits, as a digit or as a letter.
fn es_cif(token: &Token) -> bool {
    let digits = token.digits(1, 8);
    // Seen from a check digit still to come, the doubled places are the odd ones.
    let sum: u32 = digits
        .all()
        .iter()
        .enumerate()
        .map(|(place, &digit)| {
            let doubled = u32::from(digit) << ((place + 1) % 2);
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    let check = (10 - sum % 10) % 10;
    token.is("A9999999X")
        && b"ABCDEFGHJNPQRSUVW".contains(&token.byte(0))
        && (u32::from(token.byte(8)) == u32::from(b'0') + check
            || b"JABCDEFGHI".get(check as usize) == Some(&token.byte(8)))
}

fn sg_nric(token: &Token) -> bool {
    let (more, row) = match token.byte(0) {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let sum = more + weighted(token.digits(1, 8).all(), &[2, 7, 6, 5, 4, 3, 2]);
    token.is("A9999999A") && row.get(sum as usize % 11) == Some(&token.byte(8))
}

/// Letters from ten, weights nine down, a space (36) before a single letter; ten is written A.
fn hk_hkid(token: &Token) -> bool {
    let two = usize::from(token.is("AA999999X"));
    if two == 0 && !token.is("A999999X") {
        return false;
    }
    let lead = if two == 1 { token.base36(0) } else { 36 };
    let sum = 9 * lead
        + 8 * token.base36(two)
        + weighted(token.digits(two + 1, two + 7).all(), &[7, 6, 5, 4, 3, 2]);
    let check = token.base36(two + 7);
    check <= 10 && (sum + check).is_multiple_of(11)
}

fn tw_id(token: &Token) -> bool {
    const ORDER: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let Some(place) = ORDER.iter().position(|&letter| letter == token.byte(0)) else {
        return false;
    };
    let lead = u32::try_from(place).unwrap_or(0) + 10;
    let digits = token.digits(1, 10);
    token.is("A999999999")
        && matches!(digit(digits.all(), 0), 1 | 2 | 8 | 9)
        && (lead / 10 + lead % 10 * 9 + weighted(digits.all(), &[8, 7, 6, 5, 4, 3, 2, 1, 1]))
            .is_multiple_of(10)
}

/// The fourth letter says what kind of holder; the check letter's sum is not public.
fn in_pan(token: &Token) -> bool {
    token.is("AAAAA9999A") && b"ABCFGHJLPT".contains(&token.byte(3))
}

/// A state, the holder's number, an entity, Z, and a check character in base 36.
fn in_gstin(token: &Token) -> bool {
    if !token.is("99AAAAA9999AXAX") {
        return false;
    }
    let sum: u32 = (0..14_u32)
        .map(|place| {
            let product = token.base36(place as usize) * (1 + place % 2);
            product / 36 + product % 36
        })
        .sum();
    matches!(small(token.digits(0, 2).all(), 0, 2), 1..=38 | 97 | 99)
        && (36 - sum % 36) % 36 == token.base36(14)
}

fn pl_dowod(token: &Token) -> bool {
    const WEIGHTS: [u32; 9] = [7, 3, 1, 9, 7, 3, 1, 7, 3];
    let sum: u32 = WEIGHTS
        .iter()
        .enumerate()
        .map(|(place, weight)| weight * token.base36(place))
        .sum();
    token.is("AAA999999") && sum.is_multiple_of(10)
}

/// Initials, date, sex, state, consonants, and a check digit over an alphabet with Ñ after N.
fn mx_curp(token: &Token) -> bool {
    if !token.is("AAAA999999AAAAAAX9") || !matches!(token.byte(10), b'H' | b'M' | b'X') {
        return false;
    }
    let sum: u32 = (0..17)
        .map(|place: usize| {
            let value = token.base36(place);
            let value = if value > 23 { value + 1 } else { value };
            value * u32::try_from(18 - place).unwrap_or(0)
        })
        .sum();
    yymmdd(token.digits(4, 10).all(), 0) && (10 - sum % 10) % 10 == token.base36(17)
}

fn mx_rfc(token: &Token) -> bool {
    token.is("AAAA999999XXX") && yymmdd(token.digits(4, 10).all(), 0)
        || token.is("AAA999999XXX") && yymmdd(token.digits(3, 9).all(), 0)
}

/// Sixteen characters whose check letter adds up odd places by a table of their own; digits may be written as letters
/// where two people would share a number.
fn it_codice_fiscale(token: &Token) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let numeric = [6, 7, 9, 10, 12, 13, 14].iter().all(|&place| {
        let byte = token.byte(place);
        byte.is_ascii_digit() || b"LMNPQRSTUV".contains(&byte)
    });
    if !token.is("AAAAAAXXAXXAXXXA") || !numeric || !b"ABCDEHLMPRST".contains(&token.byte(8)) {
        return false;
    }
    let sum: u32 = (0..15)
        .map(|place| {
            let byte = token.byte(place);
            let value = if byte.is_ascii_digit() {
                byte - b'0'
            } else {
                byte - b'A'
            };
            if place % 2 == 0 {
                ODD.get(usize::from(value)).copied().unwrap_or(0)
            } else {
                u32::from(value)
            }
        })
        .sum();
    sum % 26 == u32::from(token.byte(15) - b'A')
}

/// Five letters of the name, decade, month (fifty later for women), day, year, initials.
fn uk_driving_licence(token: &Token) -> bool {
    let digits = token.digits(5, 11);
    token.is("XXXXX999999AXXAA")
        && digits.all().len() == 6
        && day_of_month(small(digits.all(), 3, 5), small(digits.all(), 1, 3) % 50)
}

/// Nine characters without vowels, and perhaps a check digit by weights seven, three, one.
fn de_personalausweis(token: &Token) -> bool {
    let readable = token
        .text()
        .iter()
        .all(|byte| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte));
    let sum: u32 = (0..9)
        .map(|place: usize| token.base36(place) * [7, 3, 1].get(place % 3).copied().unwrap_or(0))
        .sum();
    readable
        && b"CFGHJKLMNPRTVWXYZ".contains(&token.byte(0))
        && (token.is("AXXXXXXXX") || token.is("AXXXXXXXX9") && sum % 10 == token.base36(9))
}

/// A date, a sign for the century, an order, and a check character for the rest of dividing by 31.
fn fi_hetu(token: &Token) -> bool {
    let digits = token.digits(0, 6);
    let order = token.text().len().saturating_sub(4);
    let number =
        value(digits.all(), 0, 6) * 1000 + value(token.digits(order, order + 3).all(), 0, 3);
    let rest = usize::try_from(number % 31).unwrap_or(0);
    (token.is("999999A999X") && b"ABCDEFUVWXY".contains(&token.byte(6)) || token.is("999999999X"))
        && ddmmyy(digits.all(), 0)
        && b"0123456789ABCDEFHJKLMNPRSTUVWXY".get(rest) == Some(&token.byte(order + 3))
}

/// An area, a date, the initial of the name at birth as two digits, an order, a check over digit sums.
fn de_svnr(token: &Token) -> bool {
    const WEIGHTS: [u32; 12] = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    if !token.is("99999999A999") {
        return false;
    }
    let letter = u32::from(token.byte(8) - b'A') + 1;
    let digits = token.digits(0, 12);
    let (head, tail) = digits.all().split_at_checked(8).unwrap_or_default();
    let spread = head
        .iter()
        .map(|&digit| u32::from(digit))
        .chain([letter / 10, letter % 10])
        .chain(tail.iter().take(2).map(|&digit| u32::from(digit)));
    let sum: u32 = spread
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight / 10 + digit * weight % 10)
        .sum();
    ddmmyy(digits.all(), 2) && sum % 10 == last(digits.all())
}

/// Digits and letters in fixed places, without those easily mistaken.
fn us_mbi(token: &Token) -> bool {
    token.is("9AX9AX9AA99")
        && token.byte(0) != b'0'
        && !token.text().iter().any(|byte| b"SLOIBZ".contains(byte))
}
