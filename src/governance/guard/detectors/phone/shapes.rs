//! How regions write numbers without a country code.
//!
//! A shape alone is enough where hardly anything else is written so: an American area code and exchange, a nought in
//! front and groups a plan knows, a bracketed area code. Where other things look alike (`3 3 3`, `5 5`, `4 4`) a word must
//! say so. Dates, addresses of networks, grouped thousands and social security numbers are told apart here.

use super::countries::{america, plausible};
use super::dialled::Dialled;

/// What is needed to believe it, least sure first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sure {
    /// Digits in some groups: a strong word before it.
    AnyDigits,
    /// Ten or eleven digits in a row that could be dialled: a word on either side.
    Digits,
    /// A shape also used for other things: a word on either side.
    Word,
    /// Nothing more.
    Shape,
    /// `00` and a country's code: written in groups, or a word.
    International,
}

/// What so many groups look like, if they could be a telephone number at all.
pub(super) fn national(dialled: &Dialled, groups: usize) -> Option<Sure> {
    let digits = dialled.digits(groups);
    let shape = dialled.shape(groups);
    if !(7..=17).contains(&digits.len()) || otherwise(dialled, groups) {
        return None;
    }
    let sure = match digits {
        [0, 0, rest @ ..] => plausible(rest).then_some(Sure::International),
        [0, 1, 1, rest @ ..] if digits.len() > 11 && plausible(rest) => Some(Sure::International),
        [0, ..] => trunk(dialled, groups),
        _ => abroad(digits, shape),
    };
    sure.or_else(|| {
        let whole = digits.len() <= 15 && dialled.lengths(groups).skip(1).all(|length| length > 1);
        (whole && groups <= 6).then_some(Sure::AnyDigits)
    })
}

/// A nought in front: groups of a national number with its trunk prefix.
fn trunk(dialled: &Dialled, groups: usize) -> Option<Sure> {
    let digits = dialled.digits(groups);
    let shape = dialled.shape(groups);
    if groups == 1 {
        return matches!(digits.len(), 9..=11).then_some(Sure::Digits);
    }
    // Stockholm in pairs, and a mobile number of Argentina dialled from within.
    if matches!(shape, b"2-2 2 2" | b"3 2-4-4") {
        return Some(Sure::Shape);
    }
    let bracketed = shape.starts_with(b"(");
    let first = dialled.lengths(groups).next().unwrap_or(0);
    let hungarian = digits.starts_with(&[0, 6]) && first == 2;
    let even = dialled
        .lengths(groups)
        .skip(1)
        .enumerate()
        .all(|(place, length)| length > 1 || hungarian && place == 0);
    let length = digits.len();
    // Indonesia's mobile numbers, and Austria's and Germany's with an extension.
    let extended = matches!(shape, b"4 5 3" | b"5 5 3" | b"4 5-3" | b"5 5-3");
    let long =
        length == 12 && (groups == 2 || digits.get(1) == Some(&8) && groups == 3) || extended;
    let fits = (9..=11).contains(&length) || bracketed && (8..=13).contains(&length) || long;
    if !fits || !even || !(2..=6).contains(&first) {
        return None;
    }
    // Slashes and dots stand behind the area code only, or between pairs.
    let slashes = memchr::memchr_iter(b'/', shape).count();
    let pairs = dialled.lengths(groups).all(|length| length == 2);
    if slashes > 1 || shape.contains(&b'.') && !pairs && groups > 3 {
        return Some(Sure::Word);
    }
    let month_and_year = first == 2
        && small(digits, 0, 2) <= 12
        && dialled.lengths(groups).nth(1) == Some(4)
        && matches!(small(digits, 2, 6), 1900..=2099);
    let common = matches!(shape, b"3-3-3" | b"3 3 3" | b"3.3.3" | b"2-7");
    Some(if month_and_year && !bracketed || common {
        Sure::Word
    } else {
        Sure::Shape
    })
}

/// No nought in front.
fn abroad(digits: &[u8], shape: &[u8]) -> Option<Sure> {
    let lead = digits.first().copied().unwrap_or(0);
    let second = digits.get(1).copied().unwrap_or(0);
    let third = digits.get(2).copied().unwrap_or(0);
    match shape {
        b"3-3-4" | b"3.3.4" | b"3 3 4" | b"3 3-4" | b"3-3 4" | b"3/3-4" | b"(3) 3-4"
        | b"(3)3-4" | b"(3) 3 4" | b"(3)-3-4" | b"(3) 3.4" | b"(3)3 4" | b"(3) 7" | b"(3)7" => {
            let known = america(digits)
                || lead == 3
                || lead == 6 && second == 9
                || shape.starts_with(b"(")
                || shape == b"3-3-4";
            Some(if known { Sure::Shape } else { Sure::Word })
        }
        // North America's long distance, and Russia's.
        b"1-3-3-4" | b"1 (3) 3-4" | b"1-(3)-3-4" | b"1(3)3-4" | b"1 3-3-4" | b"1-3-7"
        | b"1-(3) 3-4" | b"1 (3)3-4" | b"1 (3) 3-2-2" | b"1(3)3-2-2" | b"1 3 3-2-2"
        | b"1-3-3-2-2" | b"1 (3) 3 2 2" | b"1 3 3 2 2" => {
            matches!(lead, 1 | 8).then_some(Sure::Shape)
        }
        b"1 3 3 4" | b"1.3.3.4" | b"1 (3) 3 4" => (lead == 8
            || lead == 1 && america(digits.get(1..).unwrap_or_default()))
        .then_some(Sure::Shape),
        // Brazil, Mexico, and other two-digit areas in brackets.
        b"(2) 5-4" | b"(2)5-4" | b"2 5-4" | b"(2) 5 4" | b"2 5 4" => {
            (third == 9 && second > 0).then_some(Sure::Shape)
        }
        // Spain.
        b"3 2 2 2" | b"3-2-2-2" | b"3.2.2.2" => (lead > 5).then_some(Sure::Shape),
        // Brazil, Mexico, Chile in brackets; Spain, Poland, Turkey.
        b"(2) 4-4" | b"(2)4-4" | b"(2) 4 4" | b"(2) 3 2 2" | b"(2) 3-2-2" | b"(2) 3 4"
        | b"(2) 3-4" | b"(2) 7" | b"(2) 8" | b"(1) 4 4" | b"2 3 2 2" | b"2-3-2-2" | b"2 3-2-2"
        | b"(3) 3 2 2" | b"(3) 3-2-2" | b"3 3 2 2" | b"3 3-2-2" | b"3-3-2-2" => Some(Sure::Shape),
        // Italy, Colombia: mobile numbers.
        b"3 7" | b"3-7" | b"3/7" => Some(if lead == 3 && second > 0 {
            Sure::Shape
        } else {
            Sure::Word
        }),
        // China.
        b"3 4 4" | b"3-4-4" => Some(if lead == 1 && second > 2 {
            Sure::Shape
        } else {
            Sure::Word
        }),
        // Australia's and others' service numbers.
        b"4 3 3" | b"4-3-3" => Some(if lead == 1 && (second == 3 || second == 8) && third == 0 {
            Sure::Shape
        } else {
            Sure::Word
        }),
        b"a" => america(digits).then_some(Sure::Digits),
        b"b" => (lead == 1 && (america(digits.get(1..).unwrap_or_default()) || second > 2))
            .then_some(Sure::Digits),
        b"3 3 3" | b"3-3-3" | b"2 2 2 2" | b"3 2 3" | b"4 4" | b"5 5" | b"5-5" | b"2 4 4"
        | b"2-4-4" | b"3 6" | b"1 4 4" | b"1 3 2 2" | b"2 3 4" | b"4 6" => Some(Sure::Word),
        _ => None,
    }
}

/// Whether it is surely something else.
fn otherwise(dialled: &Dialled, groups: usize) -> bool {
    let shape = dialled.shape(groups);
    let digits = dialled.digits(groups);
    let dots = memchr::memchr_iter(b'.', shape).count();
    match shape {
        // Social security and thousands.
        b"1 3 3" | b"2 3 3" | b"1 3 3 3" | b"2 3 3 3" => return digits.first() != Some(&0),
        b"3-2-4" | b"3 2 4" | b"3.2.4" | b"1.3.3" | b"2.3.3" | b"3.3.3" | b"1.3.3.3"
        | b"2.3.3.3" | b"4 4 4 4" | b"4-4-4-4" | b"2.7" | b"2.6" | b"3.6" | b"1.6" | b"1.7" => {
            return true;
        }
        b"4-4" | b"4 4" | b"4/4" => return year(digits, 0) && year(digits, 4),
        _ => {}
    }
    let small_groups = dialled.lengths(groups).all(|length| length < 4);
    if dots == 3
        && groups == 4
        && small_groups
        && !dialled.lengths(groups).all(|length| length == 2)
    {
        return true;
    }
    date(digits, shape)
}

/// Whether it begins with a date.
fn date(digits: &[u8], shape: &[u8]) -> bool {
    let (first, separator, second, third) = match shape {
        [first, one, second, other, third, ..] if one == other => (first, one, second, third),
        _ => return false,
    };
    if !matches!(separator, b'-' | b'.' | b'/') {
        return false;
    }
    let day_and_month = |day: usize, month: usize| {
        small(digits, day, day + 2) <= 31 && small(digits, month, month + 2) <= 31
    };
    match (first, second, third) {
        (b'4', b'2', b'2') => {
            year(digits, 0) && small(digits, 4, 6) <= 12 && small(digits, 6, 8) <= 31
        }
        (b'2', b'2', b'4') => year(digits, 4) && day_and_month(0, 2),
        _ => false,
    }
}

fn year(digits: &[u8], from: usize) -> bool {
    matches!(small(digits, from, from + 4), 1900..=2099)
}

fn small(digits: &[u8], from: usize, to: usize) -> u32 {
    digits
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .fold(0, |sum, &digit| sum * 10 + u32::from(digit))
}
