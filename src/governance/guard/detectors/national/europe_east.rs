//! Poland, Czechia, Slovakia, Hungary, Romania, Bulgaria, Croatia, the states of former Yugoslavia, Russia, South Africa.

use super::check::{
    day_of_month, ddmmyy, digit, last, luhn, mod_11_10, small, uniform, value, weighted, yymmdd,
};
use super::number::Number;
use super::{Scheme, checked};

pub(super) const SCHEMES: &[Scheme] = &[
    checked(
        "pl_pesel",
        &["b", "6 5", "6-5"],
        pl_pesel,
        &["pesel", "numer ewidencyjny"],
    ),
    checked(
        "pl_nip",
        &["a", "3-3-2-2", "3-2-2-3", "3 3 2 2", "3 2 2 3"],
        pl_nip,
        &["nip", "identyfikacji podatkowej", "tax id"],
    ),
    checked(
        "cz_rodne_cislo",
        &["6/4", "a"],
        cz_rodne_cislo,
        &[
            "rodné číslo",
            "rodne cislo",
            "rodného čísla",
            "r.č",
            "birth number",
            "rodné č",
            "rč",
        ],
    ),
    checked(
        "hu_tax_id",
        &["a"],
        hu_tax_id,
        &["adóazonosító", "adoazonosito", "hungarian tax", "adószám"],
    ),
    checked(
        "hu_taj",
        &["3 3 3", "9", "3-3-3"],
        hu_taj,
        &["taj", "társadalombiztosítási"],
    ),
    checked(
        "ro_cnp",
        &["d"],
        ro_cnp,
        &["cnp", "cod numeric personal", "codul numeric"],
    ),
    checked(
        "bg_egn",
        &["a"],
        bg_egn,
        &["egn", "егн", "ЕГН", "единен граждански"],
    ),
    checked(
        "hr_oib",
        &["b"],
        hr_oib,
        &["oib", "osobni identifikacijski"],
    ),
    checked(
        "rs_jmbg",
        &["d"],
        rs_jmbg,
        &[
            "jmbg",
            "emso",
            "emšo",
            "EMŠO",
            "matični broj",
            "maticni broj",
            "ЈМБГ",
        ],
    ),
    checked("ru_inn", &["c"], ru_inn, &["inn", "инн", "ИНН"]),
    checked("ru_snils", &["b"], ru_snils, &["snils", "снилс", "СНИЛС"]),
    checked(
        "za_id",
        &["d", "6 4 3", "6 4 2 1", "6-4-3"],
        za_id,
        &[
            "south africa",
            "rsa id",
            "sa id",
            "id number",
            "identity",
            "id no",
        ],
    ),
];

/// A date whose month also says the century, and weights one, three, seven, nine.
fn pl_pesel(number: &Number) -> bool {
    let digits = number.digits();
    day_of_month(small(digits, 4, 6), small(digits, 2, 4) % 20)
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

fn pl_nip(number: &Number) -> bool {
    let digits = number.digits();
    digit(digits, 0) != 0
        && weighted(digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == last(digits)
        && !uniform(digits)
}

/// A date, fifty months later for women, divisible by eleven as a whole.
fn cz_rodne_cislo(number: &Number) -> bool {
    let digits = number.digits();
    let month = small(digits, 2, 4) % 50;
    let month = if month > 20 { month - 20 } else { month };
    let whole = value(digits, 0, 10);
    // Until 1985 a rest of ten was written as nought.
    day_of_month(small(digits, 4, 6), month)
        && (whole.is_multiple_of(11) || value(digits, 0, 9) % 11 == 10 && last(digits) == 0)
}

fn hu_tax_id(number: &Number) -> bool {
    let digits = number.digits();
    digit(digits, 0) == 8 && weighted(digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 == last(digits)
}

fn hu_taj(number: &Number) -> bool {
    let digits = number.digits();
    weighted(digits, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10 == last(digits) && !uniform(digits)
}

/// Sex and century, a date, a county, an order; a rest of ten is written as one.
fn ro_cnp(number: &Number) -> bool {
    let digits = number.digits();
    let rest = weighted(digits, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    digit(digits, 0) != 0 && yymmdd(digits, 1) && last(digits) == if rest == 10 { 1 } else { rest }
}

/// A date, twenty or forty months later in other centuries.
fn bg_egn(number: &Number) -> bool {
    let digits = number.digits();
    day_of_month(small(digits, 4, 6), small(digits, 2, 4) % 20)
        && weighted(digits, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == last(digits)
}

fn hr_oib(number: &Number) -> bool {
    let digits = number.digits();
    mod_11_10(digits) && !uniform(digits)
}

fn rs_jmbg(number: &Number) -> bool {
    let digits = number.digits();
    let rest = 11 - weighted(digits, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    ddmmyy(digits, 0) && last(digits) == if rest > 9 { 0 } else { rest }
}

fn ru_inn(number: &Number) -> bool {
    let digits = number.digits();
    weighted(digits, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == digit(digits, 10)
        && weighted(digits, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == digit(digits, 11)
}

fn ru_snils(number: &Number) -> bool {
    let digits = number.digits();
    let sum = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2, 1]);
    sum % 101 % 100 == small(digits, 9, 11) && !uniform(digits)
}

/// A date, an order, whether a citizen, Luhn.
fn za_id(number: &Number) -> bool {
    let digits = number.digits();
    yymmdd(digits, 0) && digit(digits, 10) < 3 && luhn(digits)
}
