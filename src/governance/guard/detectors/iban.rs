//! International bank account numbers: a country, the length it uses, and the remainder modulo 97.
//!
//! Not here: account numbers of one country, which have no common form.

use super::super::finding::{Kind, Level};
use super::super::probe::{Class, Detector, Match, Probe, Trigger, View};
use super::digits::mod97;
use super::read::{Sure, alnum, answer, byte, found, is};

/// International bank account numbers.
pub(super) const IBAN: Detector = Detector {
    name: "iban",
    kind: Kind::Iban,
    triggers: &[Trigger::Word(&[Class::Letter, Class::Letter, Class::Digit])],
    probe,
};

fn probe(view: &View<'_>, trigger: usize) -> Probe {
    answer(read(view, trigger), trigger)
}

fn read(view: &View<'_>, start: usize) -> Sure<Option<Match>> {
    let (Some(a), Some(b)) = (byte(view, start)?, byte(view, start + 1)?) else {
        return Ok(None);
    };
    let country = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let Some((_, length, digits)) = COUNTRIES
        .iter()
        .find(|(code, _, _)| code.as_bytes() == country)
    else {
        return Ok(None);
    };
    let mut separator = None;
    let mut signs = 0;
    let mut at = start;
    while signs < *length {
        if signs > 0 && signs % 4 == 0 {
            let width = separates(view, at, &mut separator, signs == 4)?;
            at += width;
        }
        let fits = |b: u8| {
            if signs > 1 && (signs < 4 || *digits) {
                b.is_ascii_digit()
            } else {
                alnum(b)
            }
        };
        if !is(view, at, fits)? {
            return Ok(None);
        }
        at += 1;
        signs += 1;
    }
    if is(view, at, alnum)? {
        return Ok(None);
    }
    let value = view.bytes.get(start..at).unwrap_or_default();
    if !mod97(value.iter().copied().filter(u8::is_ascii_alphanumeric)) {
        return Ok(None);
    }
    Ok(Some(found(start, at, Kind::Iban, "iban", Level::Validated)))
}

/// The width of the separator here. The first place for one says whether there are any, and which.
fn separates(
    view: &View<'_>,
    at: usize,
    separator: &mut Option<(u8, usize)>,
    first: bool,
) -> Sure<usize> {
    if first {
        *separator = match byte(view, at)? {
            Some(sign @ (b' ' | b'-')) => Some((sign, 1)),
            Some(sign @ 0xc2) if is(view, at + 1, |b| b == 0xa0)? => Some((sign, 2)),
            _ => None,
        };
    }
    match separator {
        Some((sign, width)) if byte(view, at)? == Some(*sign) => Ok(*width),
        _ => Ok(0),
    }
}

/// Countries, the length of their numbers, and whether these are digits only behind the country.
const COUNTRIES: [(&str, usize, bool); 89] = [
    ("AD", 24, false),
    ("AE", 23, true),
    ("AL", 28, false),
    ("AT", 20, true),
    ("AZ", 28, false),
    ("BA", 20, true),
    ("BE", 16, true),
    ("BG", 22, false),
    ("BH", 22, false),
    ("BI", 27, true),
    ("BR", 29, false),
    ("BY", 28, false),
    ("CH", 21, false),
    ("CR", 22, true),
    ("CY", 28, false),
    ("CZ", 24, true),
    ("DE", 22, true),
    ("DJ", 27, true),
    ("DK", 18, true),
    ("DO", 28, false),
    ("EE", 20, true),
    ("EG", 29, true),
    ("ES", 24, true),
    ("FI", 18, true),
    ("FK", 18, false),
    ("FO", 18, true),
    ("FR", 27, false),
    ("GB", 22, false),
    ("GE", 22, false),
    ("GI", 23, false),
    ("GL", 18, true),
    ("GR", 27, false),
    ("GT", 28, false),
    ("HN", 28, false),
    ("HR", 21, true),
    ("HU", 28, true),
    ("IE", 22, false),
    ("IL", 23, true),
    ("IQ", 23, false),
    ("IS", 26, true),
    ("IT", 27, false),
    ("JO", 30, false),
    ("KW", 30, false),
    ("KZ", 20, false),
    ("LB", 28, false),
    ("LC", 32, false),
    ("LI", 21, false),
    ("LT", 20, true),
    ("LU", 20, false),
    ("LV", 21, false),
    ("LY", 25, true),
    ("MC", 27, false),
    ("MD", 24, false),
    ("ME", 22, true),
    ("MK", 19, false),
    ("MN", 20, true),
    ("MR", 27, true),
    ("MT", 31, false),
    ("MU", 30, false),
    ("NI", 28, false),
    ("NL", 18, false),
    ("NO", 15, true),
    ("OM", 23, false),
    ("PK", 24, false),
    ("PL", 28, true),
    ("PS", 29, false),
    ("PT", 25, true),
    ("QA", 29, false),
    ("RO", 24, false),
    ("RS", 22, true),
    ("RU", 33, false),
    ("SA", 24, false),
    ("SC", 31, false),
    ("SD", 18, true),
    ("SE", 24, true),
    ("SI", 19, true),
    ("SK", 24, true),
    ("SM", 27, false),
    ("SO", 23, true),
    ("ST", 25, true),
    ("SV", 28, false),
    ("TL", 23, true),
    ("TN", 24, true),
    ("TR", 26, false),
    ("UA", 29, false),
    ("VA", 22, true),
    ("VG", 24, false),
    ("XK", 20, true),
    ("YE", 30, false),
];

#[cfg(test)]
mod tests {
    use super::super::testing::{finds, finds_none};

    #[test]
    fn numbers_of_many_countries_are_found_grouped_or_not() {
        for iban in [
            "DE89370400440532013000",
            "GB82WEST12345698765432",
            "FR1420041010050500013M02606",
            "CH9300762011623852957",
            "NL91ABNA0417164300",
            "NO9386011117947",
            "ES9121000418450200051332",
            "IT60X0542811101000000123456",
            "PL61109010140000071219812874",
            "MT84MALT011000012345MTLCAST001S",
            "SE4550000000058398257466",
            "BE68539007547034",
            "AT611904300234573201",
            "SA0380000000608010167519",
            "BR1800360305000010009795493C1",
            "LC55HEMM000100010012001200023015",
        ] {
            let grouped: Vec<_> = iban
                .as_bytes()
                .chunks(4)
                .map(|g| str::from_utf8(g).unwrap())
                .collect();
            for iban in [
                iban.to_owned(),
                iban.to_lowercase(),
                grouped.join(" "),
                grouped.join("-"),
                grouped.join("\u{a0}"),
            ] {
                finds(super::IBAN, &iban, &iban);
                finds(super::IBAN, &format!("IBAN: {iban}."), &iban);
                finds(super::IBAN, &format!("口座{iban}です"), &iban);
            }
        }
    }

    #[test]
    fn what_is_no_account_number_is_left_alone() {
        for text in [
            "DE89370400440532013001",
            "DE8937040044053201300",
            "XX89370400440532013000",
            "DE893704004405320130000",
            "aDE89370400440532013000",
            "DE89  3704 0044 0532 0130 00",
            "DE89-3704 0044 0532 0130 00",
            "de12 more words",
        ] {
            finds_none(super::IBAN, text);
        }
    }
}
