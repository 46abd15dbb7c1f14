//! Social security numbers of the United States.
//!
//! They carry no check digit. What can be told is which were never issued: areas 000, 666 and 900 to 999 (those are tax
//! numbers of another kind), group 00, serial 0000. Nine digits in a row are one only if a word nearby says so.
//!
//! Not here: individual taxpayer numbers, which are national ids.

use super::super::finding::{Kind, Level};
use super::super::probe::{Detector, Match, Probe, Trigger, View};
use super::read::{
    Sure, alnum, answer, behind, byte, digit, found, has_word, is, near, opens, run,
};

/// Social security numbers of the United States.
pub(super) const SSN: Detector = Detector {
    name: "us_ssn",
    kind: Kind::UsSsn,
    triggers: &[Trigger::Digits(3)],
    probe,
};

/// Words that say what nine digits are.
const WORDS: &[&str] = &[
    "ssn",
    "ssns",
    "ss#",
    "ss",
    "social security",
    "social-security",
    "social_security",
    "socialsecurity",
    "soc sec",
    "soc. sec",
];

fn probe(view: &View<'_>, trigger: usize) -> Probe {
    let touched = !opens(view, trigger)
        || view
            .before(trigger)
            .is_some_and(|b| matches!(b, b'+' | b'$'))
        || behind(view, trigger, |b| b == b'-', alnum)
        || behind(view, trigger, |b| matches!(b, b'.' | b'/'), digit);
    if touched {
        Probe::No
    } else {
        answer(read(view, trigger), trigger)
    }
}

fn read(view: &View<'_>, start: usize) -> Sure<Option<Match>> {
    let first = run(view, start, 10, digit)?;
    if first == 9 {
        let end = start + 9;
        let named = closes(view, end)?
            && issued(view, start, start + 3, start + 5)
            && has_word(near(view, start), WORDS);
        return if named {
            Ok(Some(found(
                start,
                end,
                Kind::UsSsn,
                "us_ssn",
                Level::Contextual,
            )))
        } else {
            Ok(None)
        };
    }
    if first != 3 {
        return Ok(None);
    }
    let Some(separator @ (b'-' | b' ' | b'.')) = byte(view, start + 3)? else {
        return Ok(None);
    };
    if run(view, start + 4, 3, digit)? != 2
        || byte(view, start + 6)? != Some(separator)
        || run(view, start + 7, 5, digit)? != 4
    {
        return Ok(None);
    }
    let end = start + 11;
    if !closes(view, end)? || !issued(view, start, start + 4, start + 7) {
        return Ok(None);
    }
    let named = has_word(near(view, start), WORDS);
    if separator != b'-' && !named {
        let crowded = behind(view, start, |b| b == separator, digit)
            || is(view, end, |b| b == separator)? && is(view, end + 1, digit)?;
        if crowded || separator == b'.' {
            return Ok(None);
        }
    }
    Ok(Some(found(
        start,
        end,
        Kind::UsSsn,
        "us_ssn",
        Level::Shaped,
    )))
}

fn closes(view: &View<'_>, end: usize) -> Sure<bool> {
    if is(view, end, |b| alnum(b) || b == b'_')? {
        return Ok(false);
    }
    Ok(!(is(view, end, |b| matches!(b, b'-' | b'.' | b'/'))? && is(view, end + 1, alnum)?))
}

/// Whether area, group and serial, beginning at these offsets, were ever given together.
fn issued(view: &View<'_>, area: usize, group: usize, serial: usize) -> bool {
    let part = |from: usize, length: usize| view.bytes.get(from..from + length).unwrap_or_default();
    let area = part(area, 3);
    area != b"000"
        && area != b"666"
        && area.first() != Some(&b'9')
        && part(group, 2) != b"00"
        && part(serial, 4) != b"0000"
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finds, finds_none};

    #[test]
    fn numbers_are_found_by_their_shape() {
        for text in [
            "536-22-1841",
            "SSN: 536-22-1841.",
            "ssn=536-22-1841&x=1",
            "社保536-22-1841号",
            "<ssn>536-22-1841</ssn>",
            "$ssn = '536-22-1841';",
            "pavel@data.cloud,536-22-1841",
            "- name: SOCIAL_SECURITY_NUMBER\n          value: \"536-22-1841\"",
        ] {
            finds(super::SSN, text, "536-22-1841");
        }
        finds(super::SSN, "my ssn is 536 22 1841", "536 22 1841");
        finds(super::SSN, "536 22 1841", "536 22 1841");
        finds(super::SSN, "SSN 536.22.1841", "536.22.1841");
    }

    #[test]
    fn nine_digits_need_a_word() {
        finds(super::SSN, "Social Security number: 536221841", "536221841");
        finds(super::SSN, r#""ssn":"536221841""#, "536221841");
        finds(super::SSN, "socialSecurityNumber = 536221841", "536221841");
        finds(super::SSN, "customerSsn=536221841", "536221841");
        finds_none(super::SSN, "order 536221841");
        finds_none(super::SSN, "assnage 536221841");
        finds_none(
            super::SSN,
            "ssn is a thing that has been written about at length 536221841",
        );
    }

    #[test]
    fn numbers_never_issued_and_parts_of_longer_ones_are_left_alone() {
        for text in [
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "536-00-1841",
            "536-22-0000",
            "1536-22-1841",
            "536-22-18411",
            "536-22-1841-1",
            "1-536-22-1841",
            "536-22 1841",
            "5362-2-1841",
            "ssn 666221841",
            "+1 536-2218",
            "1 536 22 1841",
            "536 22 1841 7",
            "x536-22-1841",
            "978-53-6221-8",
        ] {
            finds_none(super::SSN, text);
        }
    }
}
