//! Whether one `match:` covers all that another one does.
//!
//! The answer is careful: "yes" is certain, "no" may only mean that it cannot be told from the settings.

use super::names::{flat, lists_of};
use crate::governance::policy::matcher::composed;
use crate::governance::policy::place::Spanned;
use crate::governance::policy::settings::{File, Match};
use std::cell::Cell;

/// Keys of which a request may have several values: what it offers and what was found in it.
const SEVERAL: [&str; 4] = ["tools", "detections", "groups", "tainted"];
/// Of those, the ones of which an allow rule must cover all, and any other rule only one.
const ALL_OR_ONE: [&str; 2] = ["tools", "detections"];
/// Longer texts are not compared letter by letter, as a product of their lengths.
const LONGEST: usize = 1 << 16;

/// How much comparing is left. Comparing every rule with every other, entry by entry, takes longer than anybody waits for
/// policies as large as a file may be; what is left out is a hint that is not given, never a rule that does not hold.
#[derive(Debug)]
pub(super) struct Effort(Cell<usize>);

impl Effort {
    /// About a tenth of a second.
    pub(super) const fn new() -> Self {
        Self(Cell::new(1_000_000))
    }

    /// Whether so many steps are still possible.
    pub(super) fn affords(&self, steps: usize) -> bool {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// Whether every text `narrow` covers, `wide` covers, too. Both may hold `*` and `?`.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow) = (&*composed(wide), &*composed(narrow));
    if wide.len().saturating_mul(narrow.len()) > LONGEST {
        return wide == "*" || wide.eq_ignore_ascii_case(narrow);
    }
    let wide: Vec<char> = wide.chars().map(|c| c.to_ascii_lowercase()).collect();
    let narrow: Vec<char> = narrow.chars().map(|c| c.to_ascii_lowercase()).collect();
    // Which prefixes of `wide` cover what of `narrow` was read: a row of the usual table.
    let stars = wide.iter().take_while(|c| **c == '*').count();
    let mut row: Vec<bool> = (0..=wide.len()).map(|length| length <= stars).collect();
    for read in &narrow {
        let mut next = vec![false];
        for (pattern, pair) in wide.iter().zip(row.windows(2)) {
            let [before, above] = pair else { break };
            let behind_star = next.last().copied().unwrap_or_default();
            next.push(match pattern {
                '*' => behind_star || *above,
                '?' => *before && *read != '*',
                letter => *before && letter == read,
            });
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// A `match:` of a file.
pub(super) type In<'f> = (&'f File, &'f Match);

/// Whether every request that `narrow` matches, `wide` matches, too. `by_one`: one value of several is enough for `wide`.
pub(super) fn match_covers(wide: In<'_>, narrow: In<'_>, by_one: bool, effort: &Effort) -> bool {
    if !effort.affords(4) {
        return false;
    }
    let (wide_file, wide) = wide;
    let (narrow_file, narrow) = narrow;
    pairs_cover(&wide.headers, &narrow.headers)
        && pairs_cover(&wide.tags, &narrow.tags)
        && words_cover(&wide.has, &narrow.has)
        && words_cover(&wide.scan, &narrow.scan)
        && (wide.tool_calls.is_empty() || values(wide) == values(narrow))
        && wide.window.as_ref().is_none_or(|window| {
            let same = |other: &Spanned<String>| other.value == window.value;
            std::ptr::eq(wide_file, narrow_file) && narrow.window.as_ref().is_some_and(same)
        })
        && lists_cover((wide_file, wide), (narrow_file, narrow), by_one, effort)
}

fn lists_cover(wide: In<'_>, narrow: In<'_>, by_one: bool, effort: &Effort) -> bool {
    let narrow_lists = lists_of(narrow.1);
    lists_of(wide.1).into_iter().all(|(key, _, names)| {
        let same = narrow_lists.iter().find(|(other, ..)| *other == key);
        same.is_some_and(|(_, _, other)| {
            let wide = flat(wide.0, &names.value);
            let narrow = flat(narrow.0, &other.value);
            let by_one = by_one || !ALL_OR_ONE.contains(&key);
            let pairs = wide
                .len()
                .saturating_add(1)
                .saturating_mul(narrow.len().saturating_add(1));
            effort.affords(pairs) && list_covers(key, &wide, &narrow, by_one)
        })
    })
}

/// Tool calls without their places.
fn values(matches: &Match) -> Vec<(&str, Vec<(&str, &str)>)> {
    matches
        .tool_calls
        .iter()
        .map(|call| {
            let arguments = call.arguments.iter();
            let arguments =
                arguments.map(|(path, glob)| (path.value.as_str(), glob.value.as_str()));
            (call.name.value.as_str(), arguments.collect())
        })
        .collect()
}

type Entries<'f> = [(bool, &'f str)];

fn list_covers(key: &str, wide: &Entries<'_>, narrow: &Entries<'_>, by_one: bool) -> bool {
    let of = |entries: &Entries<'_>, not: bool| -> Vec<String> {
        let of_it = entries.iter().filter(|(negated, _)| *negated == not);
        of_it.map(|(_, entry)| (*entry).to_owned()).collect()
    };
    let (wide_in, wide_out) = (of(wide, false), of(wide, true));
    let (narrow_in, narrow_out) = (of(narrow, false), of(narrow, true));
    let any_covers = |list: &[String], entry: &String| list.iter().any(|wide| covers(wide, entry));
    // With several values, an exception of one says little about the others, and one covered says nothing of all.
    let says_enough = !SEVERAL.contains(&key) || wide_out.is_empty();
    let all_covered = by_one || wide_in.iter().any(|entry| entry == "*");
    // A list of nothing but exceptions covers everything else, also what has no value at all.
    let named = wide_in.is_empty()
        || !narrow_in.is_empty() && narrow_in.iter().all(|entry| any_covers(&wide_in, entry));
    says_enough
        && all_covered
        && named
        && wide_out.iter().all(|entry| any_covers(&narrow_out, entry))
}

type Pairs = [(Spanned<String>, Spanned<String>)];

fn pairs_cover(wide: &Pairs, narrow: &Pairs) -> bool {
    wide.iter().all(|(name, glob)| {
        let same = narrow
            .iter()
            .find(|(other, _)| other.value.eq_ignore_ascii_case(&name.value));
        same.is_some_and(|(_, other)| {
            let negated = glob.value.starts_with('!') || other.value.starts_with('!');
            other.value == glob.value || !negated && covers(&glob.value, &other.value)
        })
    })
}

fn words_cover<T: PartialEq>(wide: &[Spanned<T>], narrow: &[Spanned<T>]) -> bool {
    let has = |word: &Spanned<T>| wide.iter().any(|other| other.value == word.value);
    wide.is_empty() || !narrow.is_empty() && narrow.iter().all(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_covers_another_only_for_certain() {
        let check = |wide: &str, narrow: &str, expected: bool| {
            assert_eq!(covers(wide, narrow), expected, "{wide} over {narrow}");
        };
        check("*", "gpt-*", true);
        check("gpt-*", "GPT-4o*", true);
        check("gpt-*", "gpt-", true);
        check("gpt-4*", "gpt-*", false);
        check("gpt-?", "gpt-*", false);
        check("gpt-?*", "gpt-4o", true);
        check("*-mini", "gpt-*-mini", true);
        check("a*b*c", "a*c", false);
        check("?", "?", true);
        check("", "", true);
        check("é", "e\u{301}", true);
        check("", "*", false);
        check("**", "", true);
    }
}
