//! The policy's own patterns: regular expressions that cannot hurt the gateway, with check digits if the value has them.
//!
//! A pattern is compiled to one anchored automaton of bounded size and run where the gate's tables let it begin: linear, and
//! the same however a stream is cut, because a run that is still alive where the text ends is asked again. `\d`, `\w`, `\s`
//! and `\b` mean ASCII, as do the boundaries of all detectors; letters as such may be any.
//!
//! Invariant: no match is empty or longer than [`LONGEST_MATCH`]; a run is given up there.
//!
//! Not here: the samples a policy gives with a pattern (`policy`), and how slow a pattern may be (`policy`, too).

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::{primitives::StateID, start, syntax};

use super::detectors::digits::{luhn, mod97};
use super::finding::{Kind, Level};
use super::probe::{Match, Probe, View, What};
use super::scanner::gate::Bytes;

/// The longest match, in bytes.
pub const LONGEST_MATCH: usize = 256;
/// The longest pattern, in bytes.
pub const LONGEST_PATTERN: usize = 1_024;
/// The largest automaton, in bytes.
const LARGEST: usize = 1 << 20;
/// Openings are computed from at most this many states; beyond, a pattern may begin anywhere.
const MOST_STATES: usize = 2_048;

/// What must hold for a match to be a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// Its digits pass the Luhn sum.
    Luhn,
    /// Its letters and digits are 1 modulo 97, the first four moved to the end.
    Mod97,
}

impl Check {
    /// The check of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "luhn" => Some(Self::Luhn),
            "mod97" => Some(Self::Mod97),
            _ => None,
        }
    }

    fn holds(self, value: &[u8]) -> bool {
        match self {
            Self::Luhn => luhn(value.iter().copied().filter(u8::is_ascii_digit)),
            Self::Mod97 => mod97(value.iter().copied().filter(u8::is_ascii_alphanumeric)),
        }
    }
}

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomFault {
    /// It is too long.
    #[error("the pattern is longer than {LONGEST_PATTERN} bytes: split it")]
    Long,
    /// It sets flags or looks around.
    #[error("the pattern uses a group beginning with `(?`: only `(?:…)` is allowed")]
    Flags,
    /// It is no regular expression.
    #[error("the pattern is not valid: {0}")]
    Invalid(String),
    /// It matches nothing at all, or the empty text.
    #[error(
        "the pattern can match the empty text (or nothing at all): require at least one character"
    )]
    Empty,
    /// Its automaton would be too large.
    #[error("the pattern is too large to compile: use smaller repetitions or fewer alternatives")]
    Large,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Custom {
    name: String,
    pattern: String,
    check: Option<Check>,
    automaton: dense::DFA<Vec<u32>>,
    openings: Box<[Bytes; 4]>,
}

impl Custom {
    /// Compiles a pattern. `ignore_case` applies to all of it.
    pub fn compile(
        name: &str,
        pattern: &str,
        ignore_case: bool,
        check: Option<Check>,
    ) -> Result<Self, CustomFault> {
        if pattern.len() > LONGEST_PATTERN {
            return Err(CustomFault::Long);
        }
        let ascii = ascii_classes(pattern)?;
        let parsed = regex_syntax::ParserBuilder::new()
            .case_insensitive(ignore_case)
            .nest_limit(50)
            .build()
            .parse(&ascii)
            .map_err(|fault| CustomFault::Invalid(fault_words(&fault)))?;
        if parsed
            .properties()
            .minimum_len()
            .is_none_or(|least| least == 0)
        {
            return Err(CustomFault::Empty);
        }
        let automaton = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Anchored)
                    .dfa_size_limit(Some(LARGEST))
                    .determinize_size_limit(Some(LARGEST)),
            )
            .syntax(
                syntax::Config::new()
                    .case_insensitive(ignore_case)
                    .nest_limit(50),
            )
            .build(&ascii)
            .map_err(|_| CustomFault::Large)?;
        let openings = Box::new(openings(&automaton));
        Ok(Self {
            name: name.to_owned(),
            pattern: pattern.to_owned(),
            check,
            automaton,
            openings,
        })
    }

    /// Its name in the policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pattern as written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// What else must hold.
    #[must_use]
    pub fn check(&self) -> Option<Check> {
        self.check
    }

    /// Which bytes a match may begin with.
    pub(super) fn openings(&self) -> &[Bytes; 4] {
        &self.openings
    }

    /// Whether a match begins here.
    pub(super) fn probe(&self, kind: Kind, view: &View<'_>, trigger: usize) -> Probe {
        let look = start::Config::new()
            .anchored(Anchored::Yes)
            .look_behind(view.before(trigger));
        let Ok(mut state) = self.automaton.start_state(&look) else {
            return Probe::No;
        };
        let mut end = None;
        for at in trigger..=trigger + LONGEST_MATCH {
            // The automaton says one byte later that a match ended.
            match view.at(at) {
                Some(byte) => state = self.automaton.next_state(state, byte),
                None if view.complete => state = self.automaton.next_eoi_state(state),
                None => return Probe::More { from: trigger },
            }
            if self.automaton.is_match_state(state) {
                end = Some(at);
            } else if self.automaton.is_dead_state(state) || self.automaton.is_quit_state(state) {
                break;
            }
            if at == view.bytes.len() {
                break;
            }
        }
        let Some(end) = end else { return Probe::No };
        let value = view.bytes.get(trigger..end).unwrap_or_default();
        let level = match self.check {
            None => Level::Shaped,
            Some(check) if check.holds(value) => Level::Validated,
            Some(_) => return Probe::No,
        };
        Probe::Found(Match {
            start: trigger,
            end,
            what: What {
                kind,
                detector: "custom",
                level,
            },
        })
    }
}

/// The first line of what the parser says; the rest repeats the pattern.
fn fault_words(fault: &regex_syntax::Error) -> String {
    match fault {
        regex_syntax::Error::Parse(fault) => fault.kind().to_string(),
        regex_syntax::Error::Translate(fault) => fault.kind().to_string(),
        _ => "not a regular expression".to_owned(),
    }
}

/// Writes the short classes out as ASCII, and turns back flags and groups that are more than groups.
fn ascii_classes(pattern: &str) -> Result<String, CustomFault> {
    let mut out = String::with_capacity(pattern.len());
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '(' && letters.peek() == Some(&'?') {
            letters.next();
            if letters.next() != Some(':') {
                return Err(CustomFault::Flags);
            }
            out.push_str("(?:");
            continue;
        }
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('s') => out.push_str(r"[\t\n\x0B\f\r ]"),
            Some('S') => out.push_str(r"[^\t\n\x0B\f\r ]"),
            Some('b') => out.push_str(r"(?-u:\b)"),
            Some('B') => return Err(CustomFault::Invalid(r"`\B` is not supported".to_owned())),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    Ok(out)
}

/// Which bytes may stand first, second, third and fourth in a match, whatever stood before it.
fn openings(automaton: &dense::DFA<Vec<u32>>) -> [Bytes; 4] {
    let mut openings = [[false; 256]; 4];
    let before = std::iter::once(None).chain((0..=u8::MAX).map(Some));
    let mut states: Vec<StateID> = before
        .filter_map(|byte| {
            let look = start::Config::new()
                .anchored(Anchored::Yes)
                .look_behind(byte);
            automaton.start_state(&look).ok()
        })
        .collect();
    let mut anything = false;
    for opening in &mut openings {
        states.sort_unstable();
        states.dedup();
        if anything || states.len() > MOST_STATES {
            *opening = [true; 256];
            anything = true;
            continue;
        }
        let mut next = Vec::new();
        for state in &states {
            for (byte, flag) in (0..=u8::MAX).zip(opening.iter_mut()) {
                let reached = automaton.next_state(*state, byte);
                if automaton.is_dead_state(reached) || automaton.is_quit_state(reached) {
                    continue;
                }
                *flag = true;
                if automaton.is_match_state(reached) {
                    anything = true;
                } else if next.last() != Some(&reached) {
                    next.push(reached);
                }
            }
        }
        states = next;
    }
    openings
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::{Catalogue, Selection};
    use super::*;

    fn check(pattern: &str, text: &str, expected: &[&str]) {
        let custom = Custom::compile("own", pattern, false, None).expect("compiles");
        let catalogue = Catalogue::build(Selection {
            kinds: Vec::new(),
            customs: vec![custom],
        });
        let found: Vec<_> = catalogue
            .scan(text)
            .iter()
            .map(|f| &text[f.start..f.end])
            .collect();
        assert_eq!(found, expected, "{pattern} in {text}");
    }

    #[test]
    fn patterns_find_what_they_say() {
        check(
            r"EMP-\d{6}",
            "EMP-123456, EMP-12345, xEMP-000001",
            &["EMP-123456", "EMP-000001"],
        );
        check(
            r"\bEMP-\d{6}\b",
            "xEMP-000001 你EMP-000002。",
            &["EMP-000002"],
        );
        check(
            r"[Pp]roject \w+",
            "the Project Falcon and project x",
            &["Project Falcon", "project x"],
        );
        check(r"a|ab", "ab", &["a"]);
        check(r"a+", "baaac", &["aaa"]);
        check(r"[^\d\s]{3}", "é1 äöü", &["äöü"]);
        check(r"^x", "x x", &["x"]);
        check(r"x$", "x x", &["x"]);
    }

    #[test]
    fn dangerous_patterns_are_turned_back() {
        let fault = |pattern: &str| {
            Custom::compile("own", pattern, false, None)
                .map(|_| ())
                .unwrap_err()
        };
        assert_eq!(fault("a*"), CustomFault::Empty);
        assert_eq!(fault("(?i)a"), CustomFault::Flags);
        assert_eq!(fault(&"a".repeat(LONGEST_PATTERN + 1)), CustomFault::Long);
        assert_eq!(fault("[01]*1[01]{24}"), CustomFault::Large);
        assert!(matches!(fault("a("), CustomFault::Invalid(_)));
    }

    #[test]
    fn a_check_must_hold() {
        let custom =
            Custom::compile("own", r"M\d{10}", false, Some(Check::Luhn)).expect("compiles");
        let catalogue = Catalogue::build(Selection {
            kinds: Vec::new(),
            customs: vec![custom],
        });
        assert_eq!(catalogue.scan("M0000000018 M0000000019").len(), 1);
        assert_eq!(catalogue.name(Kind::Custom(0)), "own");
    }
}
