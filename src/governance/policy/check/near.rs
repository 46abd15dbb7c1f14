//! "Did you mean": the nearest of some names.

use crate::governance::policy::place::Diagnostic;

/// Behind so many complaints nobody reads suggestions.
const MANY: usize = 50;

/// ` (did you mean …?)` if a known name is near enough to be meant; otherwise nothing. `told`: the complaints before it.
pub(super) fn near<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
    told: &[Diagnostic],
) -> String {
    if told.len() > MANY {
        return String::new();
    }
    // A third of the letters may be wrong; more is another word.
    let most = given.chars().count().max(3).div_euclid(3);
    known
        .into_iter()
        .filter(|name| name.len().abs_diff(given.len()) <= most.saturating_mul(4))
        .map(|name| (distance(given, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map_or_else(String::new, |(_, name)| {
            format!(" (did you mean `{name}`?)")
        })
}

/// How many letters must be changed, added, left out or swapped with their neighbour, case apart.
fn distance(left: &str, right: &str) -> usize {
    let letters =
        |text: &str| -> Vec<char> { text.chars().map(|c| c.to_ascii_lowercase()).collect() };
    let (left, right) = (letters(left), letters(right));
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX);
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut line = vec![row.saturating_add(1)];
        for (column, other) in right.iter().enumerate() {
            let next = column.saturating_add(1);
            let changed = at(&above, column).saturating_add(usize::from(letter != other));
            let one_more = at(&above, next).min(at(&line, column)).saturating_add(1);
            let swapped = match (row.checked_sub(1), column.checked_sub(1)) {
                (Some(earlier), Some(left_of))
                    if left.get(earlier) == Some(other) && right.get(left_of) == Some(letter) =>
                {
                    at(&before, left_of).saturating_add(1)
                }
                _ => usize::MAX,
            };
            line.push(changed.min(one_more).min(swapped));
        }
        before = std::mem::replace(&mut above, line);
    }
    at(&above, right.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        let check = |given: &str, expected: &str| {
            assert_eq!(
                near(given, ["office", "night", "chat-models"], &[]),
                expected,
                "{given}"
            );
        };
        check("ofice", " (did you mean `office`?)");
        check("Nigth", " (did you mean `night`?)");
        check("chat-model", " (did you mean `chat-models`?)");
        check("weekend", "");
    }
}
