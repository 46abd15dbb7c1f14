//! Check digits: the few sums that most countries' numbers are built on, over digits as values.
//!
//! Not here: which number uses which; that stands beside each scheme.

/// The sum of digits times weights, as far as both go.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(&digit, weight)| u32::from(digit) * weight)
        .sum()
}

/// The digit at a place; ten where there is none, so that it equals no digit.
pub(super) fn digit(digits: &[u8], place: usize) -> u32 {
    digits.get(place).map_or(10, |&digit| u32::from(digit))
}

/// The last digit; ten where there is none.
pub(super) fn last(digits: &[u8]) -> u32 {
    digits.last().map_or(10, |&digit| u32::from(digit))
}

/// Some digits read as a number.
pub(super) fn value(digits: &[u8], from: usize, to: usize) -> u64 {
    digits
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .fold(0, |sum, &digit| sum * 10 + u64::from(digit))
}

/// Some digits read as a small number.
pub(super) fn small(digits: &[u8], from: usize, to: usize) -> u32 {
    u32::try_from(value(digits, from, to)).unwrap_or(u32::MAX)
}

/// Whether all digits are the same.
pub(super) fn uniform(digits: &[u8]) -> bool {
    digits.windows(2).all(|pair| pair.first() == pair.last())
}

/// Luhn: every second digit from the right doubled, its digits added.
pub(super) fn luhn(digits: &[u8]) -> bool {
    luhn_sum(digits).is_multiple_of(10)
}

/// The sum Luhn takes modulo ten.
pub(super) fn luhn_sum(digits: &[u8]) -> u32 {
    digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| {
            let doubled = u32::from(digit) << (place % 2);
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum()
}

/// ISO 7064 modulo 11, 10 (Germany, Croatia).
pub(super) fn mod_11_10(digits: &[u8]) -> bool {
    let mut rest = 10;
    let Some((&check, body)) = digits.split_last() else {
        return false;
    };
    for &digit in body {
        let sum = (rest + u32::from(digit)) % 10;
        rest = (if sum == 0 { 10 } else { sum } * 2) % 11;
    }
    (11 - rest) % 10 == u32::from(check)
}

/// Verhoeff: the dihedral group of the pentagon (India).
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    // A digit below five turns, one above reflects; the permutation (1 5 8 9 4 2 7 0)(3 6) is applied once per place.
    const TURNED: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut sum = 0;
    for (place, &digit) in digits.iter().rev().enumerate() {
        let mut moved = digit;
        for _ in 0..place % 8 {
            moved = TURNED.get(usize::from(moved)).copied().unwrap_or(0);
        }
        sum = dihedral(sum, moved);
    }
    sum == 0
}

/// The product of two elements of the group.
const fn dihedral(left: u8, right: u8) -> u8 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => (left + right - 5) % 5 + 5,
        (false, true) => (left + 5 - right) % 5 + 5,
        (false, false) => (left + 5 - right) % 5,
    }
}

/// Whether a month has such a day, in some year.
pub(super) const fn day_of_month(day: u32, month: u32) -> bool {
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 29,
        _ => 0,
    };
    day >= 1 && day <= longest
}

/// Whether six digits from a place are a date written year, month, day.
pub(super) fn yymmdd(digits: &[u8], from: usize) -> bool {
    day_of_month(
        small(digits, from + 4, from + 6),
        small(digits, from + 2, from + 4),
    )
}

/// Whether six digits from a place are a date written day, month, year.
pub(super) fn ddmmyy(digits: &[u8], from: usize) -> bool {
    day_of_month(
        small(digits, from, from + 2),
        small(digits, from + 2, from + 4),
    )
}

/// Whether eight digits from a place are a date written year, month, day, of someone who may live.
pub(super) fn yyyymmdd(digits: &[u8], from: usize) -> bool {
    matches!(value(digits, from, from + 4), 1880..=2040)
        && day_of_month(
            small(digits, from + 6, from + 8),
            small(digits, from + 4, from + 6),
        )
}
