//! The sources as the architecture test reads them: text without comments and strings, and the paths in it.
//!
//! A reader of its own instead of a parser of Rust: it needs paths and lines alone, and sees what macros hide.
//!
//! Not here: what may import what (`architecture`).

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// One path that a line names, from the crate's root.
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    pub(crate) at: usize,
}

/// One file of `src/`.
pub(crate) struct Source {
    /// Below `src/`, with `/`.
    pub(crate) path: String,
    /// The first step of its module path.
    pub(crate) room: String,
    /// How many modules deep it lies below the crate's root.
    depth: usize,
    /// Whether all of it is compiled for tests alone.
    pub(crate) is_test: bool,
    /// As written.
    pub(crate) text: String,
    /// The same with comments, strings and characters blanked out, byte for byte.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn all() -> Vec<Self> {
        let src = root().join("src");
        let mut paths = Vec::new();
        gather(&src, &mut paths);
        paths.sort();
        assert!(paths.len() > 50, "the sources were not found");
        paths
            .iter()
            .map(|path| {
                let below = path.strip_prefix(&src).unwrap().to_str().unwrap();
                Self::new(below, fs::read_to_string(path).unwrap())
            })
            .collect()
    }

    fn new(path: &str, text: String) -> Self {
        let modules: Vec<&str> = path
            .trim_end_matches(".rs")
            .trim_end_matches("/mod")
            .split('/')
            .collect();
        Self {
            room: modules[0].to_owned(),
            depth: match modules[..] {
                ["lib" | "main"] => 0,
                ref modules => modules.len(),
            },
            is_test: modules.contains(&"tests"),
            path: path.to_owned(),
            code: blanked(&text),
            text,
        }
    }

    pub(crate) fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Where the tests at the end of the file begin.
    pub(crate) fn tests_start(&self) -> usize {
        self.code
            .find("#[cfg(test)]\nmod tests")
            .unwrap_or(self.code.len())
    }

    pub(crate) fn lines_without_tests(&self) -> usize {
        if self.is_test {
            return 0;
        }
        self.code[..self.tests_start()].lines().count()
    }

    /// Every path from the crate's root, by `crate::` or by enough `super::`.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            if self.code[..at]
                .chars()
                .next_back()
                .is_none_or(|c| !is_word(c))
            {
                self.expand(at + "crate::".len(), at, &mut found);
            }
        }
        let mut skip = 0;
        for (at, _) in self.code.match_indices("super::") {
            if at < skip || self.code[..at].chars().next_back().is_some_and(is_word) {
                continue;
            }
            let mut end = at;
            let mut steps = 0;
            while self.code[end..].starts_with("super::") {
                end += "super::".len();
                steps += 1;
            }
            skip = end;
            if steps >= self.depth + self.inline_depth(at) {
                self.expand(end, at, &mut found);
            }
        }
        found
    }

    /// How many `mod … { … }` of this file enclose the place.
    fn inline_depth(&self, at: usize) -> usize {
        let mut braces = Vec::new();
        for (place, byte) in self.code[..at].bytes().enumerate() {
            match byte {
                b'{' => {
                    let line = self.code[..place].rsplit('\n').next().unwrap_or_default();
                    braces.push(line.split_whitespace().rev().nth(1) == Some("mod"));
                }
                b'}' => {
                    braces.pop();
                }
                _ => {}
            }
        }
        braces.into_iter().filter(|is_module| *is_module).count()
    }

    fn expand(&self, from: usize, at: usize, found: &mut Vec<Import>) {
        let line = self.line(at);
        let mut rest = &self.code[from..];
        let mut paths = Vec::new();
        expand(&mut rest, &[], &mut paths);
        found.extend(paths.into_iter().map(|path| Import { path, line, at }));
    }
}

/// Reads one path, with its groups, from the front of `rest`.
fn expand(rest: &mut &str, prefix: &[String], paths: &mut Vec<Vec<String>>) {
    *rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        *rest = group;
        loop {
            *rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                *rest = after;
                return;
            }
            let before = rest.len();
            expand(rest, prefix, paths);
            if let Some(renamed) = rest.trim_start().strip_prefix("as ") {
                *rest = renamed.trim_start().trim_start_matches(is_word);
            }
            *rest = rest.trim_start().trim_start_matches(',');
            if rest.len() == before {
                return; // not a use tree: macro fragments and the like
            }
        }
    }
    let end = rest.find(|c| !is_word(c) && c != '*').unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    let mut path = prefix.to_vec();
    if word != "self" && !word.is_empty() {
        path.push(word.to_owned());
    }
    match after.strip_prefix("::") {
        Some(after) if !after.starts_with('<') => {
            *rest = after;
            expand(rest, &path, paths);
        }
        _ => {
            *rest = after;
            paths.push(path);
        }
    }
}

/// The text with comments, strings and characters turned into spaces; line ends stay where they are.
fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => {
                at + bytes[at..].iter().take_while(|b| **b != b'\n').count()
            }
            b'/' if bytes[at..].starts_with(b"/*") => at + comment_len(&bytes[at..]),
            b'r' | b'b' | b'"' if at == 0 || !is_word(char::from(bytes[at - 1])) => {
                at + string_len(&bytes[at..])
            }
            b'"' => at + string_len(&bytes[at..]),
            b'\'' => at + char_len(&bytes[at..]),
            _ => at,
        };
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(code).unwrap()
}

fn comment_len(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// The length of the string literal at the front, 0 if there is none.
fn string_len(bytes: &[u8]) -> usize {
    let mut at = bytes
        .iter()
        .take_while(|b| matches!(b, b'b' | b'r'))
        .count();
    let raw = bytes[..at].contains(&b'r');
    let hashes = if raw {
        bytes[at..].iter().take_while(|b| **b == b'#').count()
    } else {
        0
    };
    at += hashes;
    if at > 2 + hashes || bytes.get(at) != Some(&b'"') {
        return 0;
    }
    at += 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if !raw => at += 2,
            b'"' if bytes[at + 1..].iter().take_while(|b| **b == b'#').count() >= hashes => {
                return at + 1 + hashes;
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The length of the character literal at the front, 0 if it is a lifetime.
fn char_len(bytes: &[u8]) -> usize {
    match bytes {
        [_, b'\\', _, rest @ ..] => 3 + rest.iter().take_while(|b| **b != b'\'').count() + 1,
        [_, rest @ ..] if rest.first() != Some(&b'\'') => {
            let len = std::str::from_utf8(&rest[..rest.len().min(8)])
                .or_else(|error| std::str::from_utf8(&rest[..error.valid_up_to()]))
                .ok()
                .and_then(|text| text.chars().next())
                .map_or(0, char::len_utf8);
            if rest.get(len) == Some(&b'\'') {
                len + 2
            } else {
                0
            }
        }
        _ => 0,
    }
}

fn gather(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            paths.push(path);
        }
    }
}

#[test]
fn the_reader_sees_paths_and_not_words_about_them() {
    let check = |code: &str, expected: &[&str]| {
        let source = Source::new("gateway/admin.rs", code.to_owned());
        let found: Vec<String> = source
            .imports()
            .into_iter()
            .map(|import| import.path.join("::"))
            .collect();
        assert_eq!(found, expected, "{code}");
    };
    check("use crate::chat::Span;", &["chat::Span"]);
    check(
        "use crate::{chat::{Span, json::*}, units};",
        &["chat::Span", "chat::json::*", "units"],
    );
    check("fn f(x: crate::ids::Id) {}", &["ids::Id"]);
    check(
        "use crate::chat::{self, Span as S};",
        &["chat", "chat::Span"],
    );
    check("// use crate::app;\n/* crate::app /* crate::cli */ */", &[]);
    check("let s = \"crate::app\"; let r = r#\"crate::app\"\"#;", &[]);
    check("let c = '\"'; use crate::app::X;", &["app::X"]);
    check("fn f<'a>(x: &'a crate::app::X) {}", &["app::X"]);
    check("use super::settings::X;", &[]);
    check("use super::super::app::X;", &["app::X"]);
    check("mod tests { use super::super::routes; }", &[]);
    check("mod tests { use super::super::super::app; }", &["app"]);
    check("pub(crate) fn f() {}", &[]);
}
