//! Lists of names: any of the entries, without those a `!` leaves out.
//!
//! A list of nothing but `!` entries covers everything else. How a list meets several values at once (the tools of a
//! request, the groups of a user) depends on what they are; [`super::condition`] says how.

use super::glob::{Glob, composed};

/// A compiled list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct NameList {
    /// Whole names, in lower case, sorted.
    exact: Box<[Box<str>]>,
    globs: Box<[Glob]>,
    not: Box<[Glob]>,
}

impl NameList {
    /// The list of these entries, `$lists` already put in.
    pub(in super::super) fn new<'a>(entries: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut exact, mut globs, mut not) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            if let Some(left_out) = entry.strip_prefix('!') {
                not.push(Glob::new(left_out));
                continue;
            }
            let glob = Glob::new(entry);
            if glob.is_exact() {
                exact.push(glob.as_str().into());
            } else {
                globs.push(glob);
            }
        }
        exact.sort_unstable();
        exact.dedup();
        globs.sort_unstable();
        globs.dedup();
        Self {
            exact: exact.into(),
            globs: globs.into(),
            not: not.into(),
        }
    }

    /// Whether the list covers this one name.
    pub(in super::super) fn covers(&self, name: &str) -> bool {
        let name = &*composed(name);
        let named = self.is_open()
            || self
                .exact
                .binary_search_by(|entry| {
                    let folded = name.bytes().map(|byte| byte.to_ascii_lowercase());
                    entry.bytes().cmp(folded)
                })
                .is_ok()
            || self.globs.iter().any(|glob| glob.matches(name));
        named && !self.leaves_out(name)
    }

    /// Whether a `!` entry names it.
    pub(in super::super) fn leaves_out(&self, name: &str) -> bool {
        self.not.iter().any(|glob| glob.matches(name))
    }

    /// Whether it has `!` entries and nothing else. A list without any entry covers nothing.
    pub(in super::super) const fn is_open(&self) -> bool {
        self.exact.is_empty() && self.globs.is_empty() && !self.not.is_empty()
    }

    /// The whole names in it.
    pub(in super::super) const fn exact(&self) -> &[Box<str>] {
        &self.exact
    }

    /// The globs in it.
    pub(in super::super) const fn globs(&self) -> &[Glob] {
        &self.globs
    }
}

impl std::fmt::Display for NameList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut first = true;
        let exact = self.exact.iter().map(|name| ("", &**name));
        let globs = self.globs.iter().map(|glob| ("", glob.as_str()));
        let not = self.not.iter().map(|glob| ("!", glob.as_str()));
        f.write_str("[")?;
        for (sign, name) in exact.chain(globs).chain(not) {
            f.write_str(if first { "" } else { ", " })?;
            first = false;
            write!(f, "{sign}{name}")?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_alternatives_and_exceptions_win() {
        let check = |list: &[&str], name: &str, expected: bool| {
            let list = NameList::new(list.iter().copied());
            assert_eq!(list.covers(name), expected, "{list} ~ {name}");
        };
        check(&["gpt-4o", "claude-*"], "Claude-Sonnet", true);
        check(&["gpt-4o", "claude-*"], "GPT-4O", true);
        check(&["gpt-4o", "claude-*"], "gpt-4o-mini", false);
        check(&["gpt-*", "!gpt-4*"], "gpt-4o", false);
        check(&["gpt-*", "!gpt-4*"], "gpt-3.5", true);
        check(&["!gpt-4*"], "claude", true);
        check(&["!gpt-4*"], "gpt-4o", false);
        check(&[], "anything", false);
        check(&["Jose\u{301}"], "jos\u{e9}", true);
        check(&["jos\u{e9}"], "JOSe\u{301}", true);
        check(&["*", "!jos\u{e9}"], "jose\u{301}", false);
    }
}
