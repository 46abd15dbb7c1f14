//! Country codes and how long the numbers behind them are.
//!
//! One bit for each length a country uses, from the numbering plans' possible lengths; together with the code
//! they have seven digits at least, because a plus and fewer is a sum; two-digit codes begin at six.

use super::dialled::Dialled;

/// Country code, and a bit for each length of the number behind it.
#[rustfmt::skip]
const LENGTHS: &[(u16, u16)] = &[
    (1, 0x0400), (7, 0x4400), (20, 0x0700), (27, 0x07c0), (30, 0x1c00), (31, 0x0fc0), (32, 0x0300), (33, 0x0200),
    (34, 0x0200), (36, 0x0300), (39, 0x1fc0), (40, 0x0240), (41, 0x0200), (43, 0x3fc0), (44, 0x0680), (45, 0x0100),
    (46, 0x07c0), (47, 0x0100), (48, 0x07c0), (49, 0xffc0), (51, 0x0300), (52, 0x0400), (53, 0x05c0), (54, 0x0c00),
    (55, 0x0f00), (56, 0x0e00), (57, 0x0d00), (58, 0x0400), (60, 0x0700), (61, 0x17c0), (62, 0xff80), (63, 0x3f40),
    (64, 0x07c0), (65, 0x0d00), (66, 0x2700), (81, 0xff00), (82, 0x7f40), (84, 0x0780), (86, 0x1f80), (90, 0x3480),
    (91, 0x3f00), (92, 0x1f00), (93, 0x0200), (94, 0x0200), (95, 0x07c0), (98, 0x04c0), (211, 0x0200), (212, 0x0200),
    (213, 0x0300), (216, 0x0100), (218, 0x0200), (220, 0x0280), (221, 0x0200), (222, 0x0100), (223, 0x0100),
    (224, 0x0300), (225, 0x0400), (226, 0x0100), (227, 0x0100), (228, 0x0100), (229, 0x0400), (230, 0x0580),
    (231, 0x0380), (232, 0x0100), (233, 0x0300), (234, 0x7c00), (235, 0x0100), (236, 0x0100), (237, 0x0300),
    (238, 0x0080), (239, 0x0080), (240, 0x0200), (241, 0x0180), (242, 0x0200), (243, 0x0780), (244, 0x0200),
    (245, 0x0280), (246, 0x0080), (247, 0x0060), (248, 0x0080), (249, 0x0200), (250, 0x0300), (251, 0x0200),
    (252, 0x03c0), (253, 0x0100), (254, 0x0780), (255, 0x0200), (256, 0x0200), (257, 0x0100), (258, 0x0300),
    (260, 0x0200), (261, 0x0200), (262, 0x0200), (263, 0x0680), (264, 0x0300), (265, 0x0280), (266, 0x0100),
    (267, 0x0580), (268, 0x0300), (269, 0x0080), (290, 0x0030), (291, 0x0080), (297, 0x0080), (298, 0x0040),
    (299, 0x0040), (350, 0x0100), (351, 0x0200), (352, 0x0ff0), (353, 0x0780), (354, 0x0280), (355, 0x03c0),
    (356, 0x0100), (357, 0x0100), (358, 0x1fe0), (359, 0x13c0), (370, 0x0100), (371, 0x0100), (372, 0x0580),
    (373, 0x0100), (374, 0x0100), (375, 0x0fc0), (376, 0x0340), (377, 0x0300), (378, 0x0500), (380, 0x0600),
    (381, 0x1fc0), (382, 0x0300), (383, 0x1f00), (385, 0x0380), (386, 0x01e0), (387, 0x0300), (389, 0x0100),
    (420, 0x0200), (421, 0x02c0), (423, 0x0280), (500, 0x0020), (501, 0x0880), (502, 0x0900), (503, 0x0980),
    (504, 0x0900), (505, 0x0100), (506, 0x0500), (507, 0x0d80), (508, 0x0240), (509, 0x0100), (590, 0x0200),
    (591, 0x0300), (592, 0x0080), (593, 0x0f00), (594, 0x0200), (595, 0x0fc0), (596, 0x0200), (597, 0x00c0),
    (598, 0x3ff0), (599, 0x0180), (670, 0x0180), (672, 0x0040), (673, 0x0080), (674, 0x0080), (675, 0x0180),
    (676, 0x00a0), (677, 0x00a0), (678, 0x00a0), (679, 0x0880), (680, 0x0080), (681, 0x0240), (682, 0x0020),
    (683, 0x0090), (685, 0x04e0), (686, 0x0120), (687, 0x0040), (688, 0x00e0), (689, 0x0340), (690, 0x00f0),
    (691, 0x0080), (692, 0x0080), (800, 0x0100), (808, 0x0100), (850, 0x0500), (852, 0x0be0), (853, 0x0180),
    (855, 0x0700), (856, 0x0700), (870, 0x1200), (878, 0x1000), (880, 0x07c0), (881, 0x0600), (882, 0x1f80),
    (883, 0x1f00), (886, 0x0f80), (888, 0x0800), (960, 0x0480), (961, 0x0180), (962, 0x0300), (963, 0x0300),
    (964, 0x0700), (965, 0x0180), (966, 0x0600), (967, 0x0380), (968, 0x0380), (970, 0x0700), (971, 0x1fe0),
    (972, 0x1f80), (973, 0x0100), (974, 0x0b80), (975, 0x0180), (976, 0x0700), (977, 0x0d00), (979, 0x0200),
    (992, 0x0200), (993, 0x0100), (994, 0x0200), (995, 0x0200), (996, 0x0600), (998, 0x0200),
];

/// Whether so many groups behind a plus are a country code and a number as long as that country's are.
pub(super) fn international(dialled: &Dialled, groups: usize) -> bool {
    plausible(dialled.digits(groups))
}

/// The same of digits behind `00` or `011`.
pub(super) fn plausible(digits: &[u8]) -> bool {
    (1..=3).any(|length| {
        let Some((code, number)) = digits.split_at_checked(length) else {
            return false;
        };
        let code = code
            .iter()
            .fold(0_u16, |sum, &digit| sum * 10 + u16::from(digit));
        let Ok(place) = LENGTHS.binary_search_by_key(&code, |&(known, _)| known) else {
            return false;
        };
        let lengths = LENGTHS.get(place).map_or(0, |&(_, lengths)| lengths);
        let fits = |number: &[u8]| number.len() < 16 && lengths >> number.len() & 1 == 1;
        // A trunk nought may be written behind the code, and some plans keep theirs.
        let trunkless = number.first() == Some(&0) && fits(number.get(1..).unwrap_or_default());
        let uniform = number.iter().all(|&digit| Some(&digit) == number.first());
        (fits(number) || trunkless) && !uniform
    })
}

/// Whether ten digits are a number of North America: area and exchange begin with two to nine.
pub(super) fn america(digits: &[u8]) -> bool {
    let leads = |place: usize| digits.get(place).is_some_and(|&digit| digit > 1);
    let area = (digits.get(1), digits.get(2));
    digits.len() == 10 && leads(0) && leads(3) && area != (Some(&1), Some(&1))
}
