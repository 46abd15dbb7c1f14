//! Patterns of `matches`: regular expressions, compiled whole when the policy is loaded.
//!
//! They become a complete automaton (one table look-up for each byte, nothing built or cached later) instead of a lazy
//! one, because an expression must end in time on every text a caller can think of; a pattern whose automaton would be
//! too large is refused at load. `\d \w \s \b` mean ASCII, as in the detectors: names and headers are ASCII, and the
//! Unicode tables would fill the automaton. A pattern matches anywhere in the text unless it says `^` and `$`.

use super::bounds;
use regex_automata::dfa::Automaton as _;
use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::{Input, MatchKind};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;
use std::fmt;

/// A compiled pattern.
#[derive(Clone)]
pub(super) struct Pattern {
    source: Box<str>,
    automaton: dense::DFA<Vec<u32>>,
    /// Whether it can be found in every text, the empty one included.
    pub(super) finds_everything: bool,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) message: String,
    /// Where in the pattern, in bytes.
    pub(super) offset: usize,
}

impl Pattern {
    /// Compiles a pattern.
    pub(super) fn new(source: &str) -> Result<Self, Refusal> {
        let refuse = |message: String, offset| Refusal { message, offset };
        if source.len() > bounds::PATTERN_SOURCE {
            let (len, most) = (source.len(), bounds::PATTERN_SOURCE);
            let message = format!("the pattern is {len} bytes long, at most {most}");
            return Err(refuse(message, 0));
        }
        // Once as written, for complaints in its own offsets; once as compiled.
        parse(source).map_err(|error| fault_of(&error))?;
        let hir = parse(&in_ascii(source)).map_err(|error| Refusal {
            offset: 0,
            ..fault_of(&error)
        })?;
        let looks = !hir.properties().look_set().is_empty();
        let finds_everything = !looks && hir.properties().minimum_len() == Some(0);
        let automaton = compile(&hir).ok_or_else(|| {
            let message = format!(
                "the pattern's automaton would be larger than {} KiB",
                bounds::PATTERN.div_euclid(1024)
            );
            refuse(message, 0)
        })?;
        Ok(Self {
            source: source.into(),
            automaton,
            finds_everything,
        })
    }

    /// How large its table is, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.automaton.memory_usage()
    }

    /// Whether it is found in a text. One step for each byte.
    pub(super) fn is_found_in(&self, text: &str) -> bool {
        let input = Input::new(text).earliest(true);
        // It fails only on bytes it was told to stop at, and was told none.
        matches!(self.automaton.try_search_fwd(&input), Ok(Some(_)))
    }
}

/// The same pattern as written is the same pattern.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

fn parse(pattern: &str) -> Result<Hir, Box<regex_syntax::Error>> {
    ParserBuilder::new()
        .nest_limit(64)
        .utf8(false)
        .build()
        .parse(pattern)
        .map_err(Box::new)
}

fn fault_of(error: &regex_syntax::Error) -> Refusal {
    let (kind, offset) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span().start.offset),
        regex_syntax::Error::Translate(error) => {
            (error.kind().to_string(), error.span().start.offset)
        }
        _ => ("it cannot be read".to_owned(), 0),
    };
    Refusal {
        message: format!("the pattern is not valid: {kind}"),
        offset,
    }
}

fn compile(hir: &Hir) -> Option<dense::DFA<Vec<u32>>> {
    let nfa = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .which_captures(thompson::WhichCaptures::None)
                .nfa_size_limit(Some(bounds::PATTERN)),
        )
        .build_from_hir(hir)
        .ok()?;
    let built = dense::Builder::new()
        .configure(
            dense::Config::new()
                .start_kind(StartKind::Unanchored)
                .match_kind(MatchKind::All)
                .dfa_size_limit(Some(bounds::PATTERN))
                .determinize_size_limit(Some(bounds::PATTERN.saturating_mul(4))),
        )
        .build_from_nfa(&nfa)
        .ok()?;
    Some(built)
}

/// The pattern with its Perl classes and word boundaries written out in ASCII.
fn in_ascii(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut characters = pattern.chars().peekable();
    let mut class = 0_usize;
    while let Some(character) = characters.next() {
        match character {
            '[' => class = class.saturating_add(1),
            ']' => class = class.saturating_sub(1),
            _ => {}
        }
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('s') => out.push_str("[ \\t\\n\\r\\x0B\\x0C]"),
            Some('S') => out.push_str("[^ \\t\\n\\r\\x0B\\x0C]"),
            Some(edge @ ('b' | 'B' | '<' | '>')) if class == 0 => {
                out.push_str("(?-u:\\");
                out.push(edge);
                // `\b{start}` is one thing.
                if characters.peek() == Some(&'{') {
                    for inner in characters.by_ref() {
                        out.push(inner);
                        if inner == '}' {
                            break;
                        }
                    }
                }
                out.push(')');
            }
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_found_anywhere_unless_it_is_anchored() {
        let check = |pattern: &str, text: &str, expected: bool| {
            let pattern = Pattern::new(pattern).expect(pattern);
            assert_eq!(pattern.is_found_in(text), expected, "{pattern:?} in {text}");
        };
        check("gpt", "my gpt-4o", true);
        check("^gpt", "my gpt-4o", false);
        check(r"^gpt-\d+o$", "gpt-4o", true);
        check(r"^gpt-\d+o$", "gpt-4om", false);
        check(r"^gpt-\d+o$", "gpt-٤o", false);
        check(r"\bmini\b", "gpt-4o-mini", true);
        check(r"\bmini\b", "minimal", false);
        check(r"\bmini\b", "日mini本", true);
        check(r"^[\w-]+$", "a_b-c", true);
        check(r"^[^\d]+$", "a1", false);
        check("(?i)claude", "CLAUDE-3", true);
        check("^.$", "日", true);
        check(r"\b{start}a", "b a", true);
        check("", "", true);
    }

    #[test]
    fn what_cannot_be_kept_in_bounds_is_refused() {
        let refusal = |pattern: &str| Pattern::new(pattern).expect_err(pattern).message;
        assert_eq!(
            refusal(r"(a)\1"),
            "the pattern is not valid: backreferences are not supported"
        );
        assert_eq!(
            refusal("a(?=b)"),
            "the pattern is not valid: look-around, including look-ahead and look-behind, is not supported"
        );
        assert_eq!(
            refusal("[01]*1[01]{40}"),
            "the pattern's automaton would be larger than 1024 KiB"
        );
        assert_eq!(
            refusal(&"a".repeat(4097)),
            "the pattern is 4097 bytes long, at most 4096"
        );
        assert_eq!(Pattern::new("ab[c").expect_err("open").offset, 2);
    }

    #[test]
    fn a_pattern_that_finds_everything_is_known() {
        let check = |pattern: &str, expected: bool| {
            let pattern = Pattern::new(pattern).expect(pattern);
            assert_eq!(pattern.finds_everything, expected, "{pattern:?}");
        };
        check("", true);
        check(".*", true);
        check("x?", true);
        check("^$", false);
        check("x", false);
    }
}
