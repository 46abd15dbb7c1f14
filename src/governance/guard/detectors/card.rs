//! Payment cards: a brand's prefix and length, its way of grouping, and the Luhn sum.
//!
//! The sum alone passes one number in ten, and every IMEI; so the length must be one the brand issues. Lengths that hardly
//! occur (12 to 15 digits of Maestro, 17 and 18 of all) need a word nearby, because identifiers of messages have them, too.
//!
//! Not here: the numbers on a card beside its own (dates, security codes).

use super::super::finding::{Kind, Level};
use super::super::probe::{Detector, Match, Probe, Trigger, View};
use super::digits::luhn;
use super::read::{Sure, alnum, answer, behind, digit, found, has_word, is, near, opens, run};

/// Payment cards.
pub(super) const CARD: Detector = Detector {
    name: "credit_card",
    kind: Kind::CreditCard,
    triggers: &[Trigger::Digits(4)],
    probe,
};

/// Words that say a number is a card's.
const CARDS: &[&str] = &[
    "card", "cards", "maestro", "debit", "credit", "unionpay", "pan",
];
/// Words that say it is something else's.
const OTHERS: &[&str] = &[
    "imei", "imeisv", "tracking", "isbn", "usps", "ups", "fedex", "dhl",
];

/// The most digits of a card.
const MOST: usize = 19;
/// Ways in which cards are grouped.
const GROUPINGS: [&[usize]; 8] = [
    &[4, 4, 4, 4],
    &[4, 4, 4, 4, 3],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 4, 1],
    &[4, 3, 3, 3],
    &[6, 13],
    &[8, 8],
];

fn probe(view: &View<'_>, trigger: usize) -> Probe {
    let touched =
        !opens(view, trigger) || behind(view, trigger, |b| matches!(b, b'.' | b',' | b'-'), digit);
    if touched {
        Probe::No
    } else {
        answer(read(view, trigger), trigger)
    }
}

fn read(view: &View<'_>, start: usize) -> Sure<Option<Match>> {
    let first = run(view, start, MOST + 1, digit)?;
    if first > MOST {
        return Ok(None);
    }
    if first >= 12 {
        let end = start + first;
        if !closes(view, end)? {
            return Ok(None);
        }
        return Ok(judge(view, start, end));
    }
    let Some((separator, width)) = separator(view, start + first)? else {
        return Ok(None);
    };
    // The longest way of grouping that fits wins; a code or date behind the card is not part of it.
    let mut groups = vec![first];
    let mut best = None;
    let mut at = start + first;
    loop {
        if GROUPINGS.contains(&groups.as_slice())
            && closes(view, at)?
            && let Some(card) = judge(view, start, at)
        {
            best = Some(card);
        }
        if !GROUPINGS
            .iter()
            .any(|way| way.len() > groups.len() && way.starts_with(&groups))
        {
            return Ok(best);
        }
        if separator_at(view, at, separator, width)? {
            let group = run(view, at + width, MOST, digit)?;
            if group == 0 {
                return Ok(best);
            }
            groups.push(group);
            at += width + group;
        } else {
            return Ok(best);
        }
    }
}

/// What separates the first group from the second: a space, a dash, or a space that does not break.
fn separator(view: &View<'_>, at: usize) -> Sure<Option<(u8, usize)>> {
    for (sign, width) in [(b' ', 1), (b'-', 1), (0xc2, 2)] {
        if separator_at(view, at, sign, width)? && is(view, at + width, digit)? {
            return Ok(Some((sign, width)));
        }
    }
    Ok(None)
}

fn separator_at(view: &View<'_>, at: usize, sign: u8, width: usize) -> Sure<bool> {
    Ok(is(view, at, |b| b == sign)? && (width == 1 || is(view, at + 1, |b| b == 0xa0)?))
}

/// Whether a number ends here: no letter, no digit, no fraction.
fn closes(view: &View<'_>, end: usize) -> Sure<bool> {
    if is(view, end, alnum)? {
        return Ok(false);
    }
    Ok(!(is(view, end, |b| matches!(b, b'.' | b','))? && is(view, end + 1, digit)?))
}

fn judge(view: &View<'_>, start: usize, end: usize) -> Option<Match> {
    let digits = view
        .bytes
        .get(start..end)?
        .iter()
        .copied()
        .filter(u8::is_ascii_digit);
    let count = digits.clone().count();
    let prefix = digits
        .clone()
        .take(6)
        .fold(0, |sum, d| sum * 10 + u32::from(d - b'0'));
    let usual = issued(prefix, count)?;
    if !luhn(digits.collect::<Vec<_>>().into_iter()) {
        return None;
    }
    let context = near(view, start);
    let named = has_word(context, CARDS);
    if !named && (!usual || has_word(context, OTHERS)) {
        return None;
    }
    Some(found(
        start,
        end,
        Kind::CreditCard,
        "credit_card",
        Level::Validated,
    ))
}

/// Whether a brand issues cards with these first six digits in this length, and whether that is usual.
fn issued(prefix: u32, length: usize) -> Option<bool> {
    let brand: (&[usize], &[usize]) = match prefix {
        // Visa.
        400_000..=499_999 => (&[13, 16, 19], &[]),
        // American Express.
        340_000..=349_999 | 370_000..=379_999 => (&[15], &[]),
        // Diners.
        300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999 => {
            (&[14], &[16, 19])
        }
        // JCB and Mir.
        352_800..=358_999 | 220_000..=220_499 => (&[16], &[17, 18, 19]),
        // Discover and UnionPay.
        601_100..=601_199 | 644_000..=659_999 | 620_000..=629_999 => (&[16, 19], &[17, 18]),
        // Verve and Elo.
        506_099..=506_198 | 506_699..=506_778 | 509_000..=509_999 => (&[16], &[18, 19]),
        // Mastercard; Troy, InterPayment, Hipercard, RuPay.
        510_000..=559_999
        | 222_100..=272_099
        | 979_200..=979_289
        | 636_000..=639_999
        | 606_282
        | 508_500..=508_999
        | 817_200..=820_199 => (&[16], &[]),
        // Maestro.
        500_000..=509_999 | 560_000..=589_999 | 600_000..=699_999 => {
            (&[16], &[12, 13, 14, 15, 17, 18, 19])
        }
        _ => return None,
    };
    if brand.0.contains(&length) {
        Some(true)
    } else {
        brand.1.contains(&length).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finds, finds_none};

    #[test]
    fn cards_of_all_brands_are_found_grouped_or_not() {
        for card in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "5555555555554444",
            "2223003122003222",
            "2223 0031 2200 3222",
            "378282246310005",
            "3782 822463 10005",
            "3714-496353-98431",
            "6011111111111117",
            "30569309025904",
            "3056 930902 5904",
            "3530111333300000",
            "6200000000000005",
            "4000000000000000006",
            "2200 0000 0000 0004",
            "4222 222 222 222",
            "4222222222222",
        ] {
            finds(super::CARD, card, card);
            finds(super::CARD, &format!("Pay with {card}, please."), card);
            finds(super::CARD, &format!("卡号{card}。"), card);
            finds(
                super::CARD,
                &format!("{{\\\"card\\\":\\\"{card}\\\"}}"),
                card,
            );
        }
    }

    #[test]
    fn what_follows_a_card_is_not_part_of_it() {
        finds(
            super::CARD,
            "4111 1111 1111 1111 123",
            "4111 1111 1111 1111",
        );
        finds(
            super::CARD,
            "4111 1111 1111 1111 12/27",
            "4111 1111 1111 1111",
        );
        finds(
            super::CARD,
            "4111111111111111 12/27 123",
            "4111111111111111",
        );
    }

    #[test]
    fn numbers_that_are_no_cards_are_left_alone() {
        for text in [
            "4111111111111112",
            "IMEI 490154203237518",
            "imei: 3566 0102 3456 7894",
            "41111111111111111",
            "0.4111111111111111",
            "4111111111111111.5",
            "x4111111111111111",
            "4111111111111111a",
            "1700000000000",
            "1700000000000000000",
            "4111 1111-1111 1111",
            "4111  1111 1111 1111",
            "41 1111 1111 1111 11",
            "123e4567-e89b-12d3-a456-426614174000",
            "9781234567897",
            "USPS 9490 4377 1522 8989 3048 28",
        ] {
            finds_none(super::CARD, text);
        }
    }
}
