//! A text that gives things away.

use crate::texts::{Dice, SENTENCES, filled};

/// Prose in which every other sentence holds a value.
pub(crate) fn telling(bytes: usize) -> String {
    let mut dice = Dice(17);
    filled(bytes, |text| {
        text.push_str(dice.one_of(&SENTENCES));
        text.push(' ');
        text.push_str(dice.one_of(&VALUES));
        text.push_str(". ");
    })
}

/// Values nobody owns: examples of the standards, and keys that were never anybody's. Put together here, so that scanners
/// of this repository do not find them.
const VALUES: [&str; 10] = [
    "Write to jane.doe@example.org",
    "Call +41 44 668 18 00",
    "The card is 4111 1111 1111 1111",
    "The account is CH93 0076 2011 6238 5295 7",
    concat!(
        "The token is gh",
        "p_",
        "16C7e42F292c6912E7710c838347Ae178B4a"
    ),
    concat!("Use AK", "IA", "Z7QX2MVN5RT3KWPB"),
    concat!(
        "Connect to postgres://app:",
        "t4Lw9qZr2x@db.internal:5432/app"
    ),
    "It came from 203.0.113.7",
    "Her number is 536-22-8726",
    "Send it to bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
];
