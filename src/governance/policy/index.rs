//! Which rules of a scope a request could possibly meet, found without looking at the others.
//!
//! For each key, each name and each glob written anywhere in the scope has a row of bits, one for each rule that names it;
//! rules that do not restrict the key are in a row of their own. A request's row is the union over its values, and the
//! rules worth trying are the intersection over the keys. Two hundred rules are four words.
//!
//! Invariant: a rule that could match is never left out. `!` entries and everything else are left to the rule itself.

use super::context::Context;
use super::matcher::{Condition, Glob, Key, Matcher, composed};
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;

/// A row of bits, one for each rule of a scope.
pub(super) type Row = SmallVec<[u64; 4]>;

/// The rows of one key.
#[derive(Debug)]
struct Column {
    key: Key,
    /// Rules that any value may meet, or none at all.
    open: Row,
    exact: HashMap<Box<str>, Row>,
    globs: Vec<(Glob, Row)>,
}

/// The index of one scope's rules.
#[derive(Debug, Default)]
pub(super) struct Index {
    columns: Vec<Column>,
    all: Row,
}

/// With fewer rules than this trying each is as fast.
const WORTHWHILE: usize = 8;

impl Index {
    /// Of these rules, in their order.
    pub(super) fn new(matchers: &[&Matcher]) -> Self {
        let rules = matchers.len();
        let empty: Row = smallvec![0; rules.div_ceil(64)];
        let mut all = empty.clone();
        (0..rules).for_each(|rule| set(&mut all, rule));
        let mut columns = Vec::new();
        if rules >= WORTHWHILE {
            for key in [
                Key::Models,
                Key::Endpoints,
                Key::Users,
                Key::Groups,
                Key::Agents,
                Key::Projects,
                Key::Keys,
                Key::Tools,
                Key::Tainted,
            ] {
                columns.extend(Column::new(key, matchers, &empty));
            }
        }
        Self { columns, all }
    }

    /// The rules worth trying.
    pub(super) fn candidates(&self, context: &Context<'_>) -> Row {
        let mut row = self.all.clone();
        for column in &self.columns {
            column.narrow(&mut row, context);
        }
        row
    }
}

impl Column {
    /// `None` if no rule restricts the key.
    fn new(key: Key, matchers: &[&Matcher], empty: &Row) -> Option<Self> {
        let mut column = Self {
            key,
            open: empty.clone(),
            exact: HashMap::new(),
            globs: Vec::new(),
        };
        for (rule, matcher) in matchers.iter().enumerate() {
            let list = matcher.conditions().iter().find_map(|condition| {
                let Condition::Names(of, list) = condition else {
                    return None;
                };
                (*of == key && !list.is_open()).then_some(list)
            });
            let Some(list) = list else {
                set(&mut column.open, rule);
                continue;
            };
            for name in list.exact() {
                let row = column.exact.entry(name.clone());
                set(row.or_insert_with(|| empty.clone()), rule);
            }
            for glob in list.globs() {
                let at = column.globs.iter().position(|(known, _)| known == glob);
                if let Some((_, row)) = at.and_then(|at| column.globs.get_mut(at)) {
                    set(row, rule);
                } else {
                    let mut row = empty.clone();
                    set(&mut row, rule);
                    column.globs.push((glob.clone(), row));
                }
            }
        }
        (!column.exact.is_empty() || !column.globs.is_empty()).then_some(column)
    }

    /// Takes the rules out that none of the request's values meets.
    fn narrow(&self, row: &mut Row, context: &Context<'_>) {
        let mut met = self.open.clone();
        for value in self.key.values(context) {
            if let Some(rules) = self.exact_row(value) {
                unite(&mut met, rules);
            }
            for (glob, rules) in &self.globs {
                if glob.matches(value) {
                    unite(&mut met, rules);
                }
            }
        }
        for (word, met) in row.iter_mut().zip(&met) {
            *word &= met;
        }
    }

    fn exact_row(&self, value: &str) -> Option<&Row> {
        if self.exact.is_empty() {
            return None;
        }
        folded(value, |value| self.exact.get(value))
    }
}

/// Looks something up by a name in lower case, without an allocation for names of usual length.
pub(super) fn folded<T>(name: &str, look_up: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    if !name.is_ascii() {
        return look_up(&composed(name).to_ascii_lowercase());
    }
    if !name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return look_up(name);
    }
    let lower: SmallVec<[u8; 64]> = name.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
    look_up(std::str::from_utf8(&lower).ok()?)
}

fn set(row: &mut Row, rule: usize) {
    if let Some(word) = row.get_mut(rule.div_euclid(64)) {
        *word |= 1 << rule.rem_euclid(64);
    }
}

fn unite(row: &mut Row, other: &Row) {
    for (word, other) in row.iter_mut().zip(other) {
        *word |= other;
    }
}

/// The places of the bits that are set, in order.
pub(super) fn places(row: &Row) -> impl Iterator<Item = usize> {
    row.iter().enumerate().flat_map(|(at, word)| {
        let base = at.saturating_mul(64);
        let mut left = *word;
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let bit = usize::try_from(left.trailing_zeros()).unwrap_or_default();
            left &= left.wrapping_sub(1);
            Some(base.saturating_add(bit))
        })
    })
}

/// A row of that many bits with these set.
pub(super) fn row(rules: usize, places: impl Iterator<Item = usize>) -> Row {
    let mut row: Row = smallvec![0; rules.div_ceil(64)];
    places.for_each(|place| set(&mut row, place));
    row
}
