//! "Did you mean": the nearest of some names.
//!
//! Forty lines of our own rather than a dependency of the heart; names are short, and this runs only where one was wrong.

/// Names longer than this are not compared.
const LONGEST: usize = 64;

/// The known name nearest to `name`, if one is near enough to be a slip: a third of its letters, case apart.
pub(in crate::governance::policy) fn nearest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let most = name.chars().count().div_euclid(3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().map(|c| c.to_ascii_lowercase()).collect();
    let right: Vec<char> = right.chars().map(|c| c.to_ascii_lowercase()).collect();
    let first: Vec<usize> = (0..=right.len()).collect();
    let mut rows = (Vec::new(), first);
    for (row, &letter) in left.iter().enumerate() {
        let (before, above) = &rows;
        let mut line = Vec::with_capacity(above.len());
        line.push(row.saturating_add(1));
        let at = |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX);
        let swapped = |column: usize| {
            let earlier = column.checked_sub(1)?;
            let crossed = right.get(earlier) == Some(&letter)
                && left.get(row.checked_sub(1)?) == right.get(column);
            crossed.then(|| at(before, earlier).saturating_add(1))
        };
        for (column, &other) in right.iter().enumerate() {
            let next = column.saturating_add(1);
            let replaced = at(above, column).saturating_add(usize::from(letter != other));
            let removed = at(above, next).saturating_add(1);
            let inserted = at(&line, column).saturating_add(1);
            let best = replaced.min(removed).min(inserted);
            line.push(swapped(column).map_or(best, |swap| best.min(swap)));
        }
        rows = (rows.1, line);
    }
    rows.1.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        let known = ["model", "endpoint", "input_tokens", "tools"];
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(nearest(name, known), expected, "{name}");
        };
        check("modle", Some("model"));
        check("Model", Some("model"));
        check("input_token", Some("input_tokens"));
        check("tool", Some("tools"));
        check("temperature", None);
        check("x", None);
    }

    #[test]
    fn distances_are_exact() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
