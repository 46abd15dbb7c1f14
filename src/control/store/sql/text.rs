//! A statement's text, as either kind of books takes it.

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Two texts for one thing, where there is no common one.
#[derive(Debug, Clone, Copy)]
pub(in crate::control) struct Apart {
    pub(in crate::control) sqlite: &'static str,
    pub(in crate::control) postgres: &'static str,
}

/// A statement's text. Parameters are `?`, or `?1` where one comes twice.
#[derive(Debug, Clone, Copy)]
pub(in crate::control) struct Text(Apart);

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self(Apart {
            sqlite: text,
            postgres: text,
        })
    }
}

impl From<Apart> for Text {
    fn from(apart: Apart) -> Self {
        Self(apart)
    }
}

impl Text {
    pub(super) fn sqlite(self) -> SqlStr {
        self.0.sqlite.into_sql_str()
    }

    pub(super) fn postgres(self) -> SqlStr {
        AssertSqlSafe(numbered(self.0.postgres)).into_sql_str()
    }
}

/// The text with PostgreSQL's parameters, made once for each statement there is.
fn numbered(text: &'static str) -> Arc<str> {
    static MADE: OnceLock<RwLock<HashMap<&'static str, Arc<str>>>> = OnceLock::new();
    let made = MADE.get_or_init(RwLock::default);
    let known = made.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(text) {
        return Arc::clone(known);
    }
    drop(known);
    let new: Arc<str> = number(text).into();
    let mut made = made.write().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(made.entry(text).or_insert(new))
}

/// `?` becomes `$1`, the next one `$2`; `?3` becomes `$3`. What stands between quotes is left as it is.
fn number(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut next, mut quoted) = (1_u32, false);
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        quoted ^= letter == '\'';
        if letter != '?' || quoted {
            out.push(letter);
            continue;
        }
        out.push('$');
        if rest.peek().is_some_and(char::is_ascii_digit) {
            continue; // the number follows
        }
        out.push_str(&next.to_string());
        next += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_as_postgresql_has_them() {
        let check = |text: &'static str, expected: &str| assert_eq!(&*numbered(text), expected);
        check("SELECT 1", "SELECT 1");
        check("a = ? AND b > ?", "a = $1 AND b > $2");
        check(
            "(?1 IS NULL OR a = ?1) LIMIT ?2",
            "($1 IS NULL OR a = $1) LIMIT $2",
        );
        check(
            "a = '?' AND b = 'it''s ?' AND c = ?",
            "a = '?' AND b = 'it''s ?' AND c = $1",
        );
        check("a = ? AND b > ?", "a = $1 AND b > $2");
    }
}
