//! Check digits shared by several kinds of numbers.
//!
//! Not here: the check digits of national numbers (`national`).

/// Whether digits pass the Luhn sum; at least two of them.
pub(in crate::governance::guard) fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let mut sum = 0;
    let mut count = 0_u32;
    for digit in digits.rev() {
        let value = u32::from(digit.wrapping_sub(b'0'));
        let doubled = if count % 2 == 1 { value * 2 } else { value };
        sum += if doubled > 9 { doubled - 9 } else { doubled };
        count += 1;
    }
    count > 1 && sum % 10 == 0
}

/// Whether letters and digits, the first four moved to the end, are 1 modulo 97 (letters count 10 to 35).
pub(in crate::governance::guard) fn mod97(signs: impl Iterator<Item = u8> + Clone) -> bool {
    let turned = signs.clone().skip(4).chain(signs.clone().take(4));
    let mut rest = 0_u32;
    for sign in turned {
        let Some(value) = char::from(sign).to_digit(36) else {
            return false;
        };
        rest = (rest * if value > 9 { 100 } else { 10 } + value) % 97;
    }
    rest == 1 && signs.skip(4).count() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_hold_for_published_examples_and_break_with_a_digit() {
        assert!(luhn(b"4111111111111111".iter().copied()));
        assert!(!luhn(b"4111111111111112".iter().copied()));
        assert!(!luhn(b"0".iter().copied()));
        assert!(mod97(b"GB82WEST12345698765432".iter().copied()));
        assert!(mod97(b"gb82west12345698765432".iter().copied()));
        assert!(!mod97(b"GB82WEST12345698765433".iter().copied()));
        assert!(!mod97(b"".iter().copied()));
    }
}
