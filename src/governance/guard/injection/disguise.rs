//! Readings of a text that undo what people do to words so that no filter knows them: letters apart, digits for letters,
//! letters out of order, the alphabet turned by thirteen, all of it backwards, character references.
//!
//! A reading is only made where something in the text looks like that disguise; what it says is then judged like the text.

use super::fold::{Folded, fold};
use std::collections::HashMap;
use std::sync::LazyLock;

/// A text as it would read without its disguise.
pub(super) struct Reading {
    pub(super) how: &'static str,
    pub(super) folded: Folded,
}

/// The readings a text suggests.
pub(super) fn readings(text: &str, folded: &str) -> Vec<Reading> {
    let signs = Signs::of(folded);
    let mut readings = Vec::new();
    let mut add = |how, text: Option<String>, glued| {
        let folded = text.map(|text| Folded { text, glued });
        readings.extend(folded.map(|folded| Reading { how, folded }));
    };
    if signs.single >= LETTERS_APART {
        let together = letters_together(text);
        add("letters_apart", together.map(|text| fold(&text)), true);
    }
    if signs.digits >= LEET_WORDS {
        add("digits_for_letters", Some(digits_undone(folded)), false);
    }
    if signs.scrambled >= 2 {
        add("letters_scrambled", Some(order_restored(folded)), false);
    }
    if signs.turned >= 2 {
        add("rot13", Some(turned(folded)), false);
    }
    if signs.backwards >= 2 {
        add("backwards", Some(folded.chars().rev().collect()), false);
    }
    let plain = references(text).map(|text| fold(&text));
    add("character_references", plain, false);
    readings
}

/// How many words of a text look like each disguise.
#[derive(Debug, Default)]
struct Signs {
    single: usize,
    digits: usize,
    scrambled: usize,
    turned: usize,
    backwards: usize,
}

impl Signs {
    fn of(folded: &str) -> Self {
        let mut signs = Self::default();
        for word in folded.split(|character: char| !character.is_alphanumeric()) {
            match word.len() {
                0 => {}
                1 => signs.single += 1,
                _ => {
                    signs.digits += usize::from(word.len() > 2 && digit_before_letter(word));
                    signs.scrambled += usize::from(unscrambled(word).is_some());
                    match word {
                        "gur" | "naq" | "lbh" | "lbhe" | "ner" | "abj" | "guvf" | "nyy"
                        | "vafgehpgvbaf" | "flfgrz" | "cebzcg" | "vtaber" => signs.turned += 1,
                        "eht" | "dna" | "uoy" | "ruoy" | "siht" | "lla" | "snoitcurtsni"
                        | "metsys" | "tpmorp" | "erongi" | "suoiverp" | "wohs" | "laever" => {
                            signs.backwards += 1;
                        }
                        _ => {}
                    }
                }
            }
        }
        signs
    }
}

/// How many single letters in a row are spelling, not initials.
const LETTERS_APART: usize = 8;

/// `i g n o r e   t h i s` and `i.g.n.o.r.e t.h.i.s` as words: runs of single letters, joined where the gap between them is
/// the most common one.
fn letters_together(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut found) = (text, false);
    while !rest.is_empty() {
        let run = letters_apart(rest);
        if run.letters >= LETTERS_APART {
            found = true;
            join(rest.get(..run.length).unwrap_or_default(), &mut out);
            rest = rest.get(run.length..).unwrap_or_default();
        } else {
            // On to behind the next word.
            let word = rest
                .find(|character: char| !character.is_alphanumeric())
                .unwrap_or(rest.len());
            let gap = rest
                .get(word..)
                .and_then(|gap| gap.find(char::is_alphanumeric))
                .map_or(rest.len(), |gap| word + gap);
            let (seen, after) = rest.split_at_checked(gap.max(1)).unwrap_or((rest, ""));
            out.push_str(seen);
            rest = after;
        }
    }
    found.then_some(out)
}

struct Run {
    letters: usize,
    length: usize,
}

/// The run of single letters a text begins with, gaps of at most four characters between them.
fn letters_apart(text: &str) -> Run {
    let mut run = Run {
        letters: 0,
        length: 0,
    };
    let mut characters = text.char_indices().peekable();
    let mut gap = 0;
    while let Some((at, character)) = characters.next() {
        if !character.is_alphanumeric() {
            gap += 1;
            if gap > 4 {
                break;
            }
            continue;
        }
        let alone = characters
            .peek()
            .is_none_or(|(_, next)| !next.is_alphanumeric());
        if !alone {
            break;
        }
        gap = 0;
        run.letters += 1;
        run.length = at + character.len_utf8();
    }
    run
}

/// Writes a run without the gap that is between most of its letters.
fn join(run: &str, out: &mut String) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let gaps = || {
        run.split(char::is_alphanumeric)
            .filter(|gap| !gap.is_empty())
    };
    for gap in gaps() {
        *counts.entry(gap).or_default() += 1;
    }
    let usual = counts
        .into_iter()
        .max_by_key(|(gap, count)| (*count, gap.len()))
        .map_or("", |(gap, _)| gap);
    let mut rest = run;
    while let Some(letter) = rest.chars().next() {
        out.push(letter);
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        let gap = rest.find(char::is_alphanumeric).unwrap_or(rest.len());
        let (between, after) = rest.split_at_checked(gap).unwrap_or((rest, ""));
        if between != usual {
            out.push_str(between.strip_prefix(usual).unwrap_or(between));
            out.push(' ');
        }
        rest = after;
    }
}

/// How many words must be written with digits before that is a habit.
const LEET_WORDS: usize = 3;

/// `1gn0r3 pr3v10us` with letters.
fn digits_undone(folded: &str) -> String {
    let letter =
        |character| u8::try_from(character).map_or(character, |byte| char::from(unleet(byte)));
    folded.chars().map(letter).collect()
}

/// Whether a digit that stands for a letter stands before one. Versions, sizes and ids have theirs at the end.
fn digit_before_letter(word: &str) -> bool {
    word.as_bytes()
        .array_windows()
        .any(|[digit, letter]| unleet(*digit) != *digit && letter.is_ascii_alphabetic())
}

/// The letter a digit or sign stands for.
const fn unleet(byte: u8) -> u8 {
    match byte {
        b'0' => b'o',
        b'1' | b'|' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' => b't',
        b'8' => b'b',
        other => other,
    }
}

/// Words that are scrambled because they tell.
const TELLING: [&str; 23] = [
    "ignore",
    "disregard",
    "forget",
    "bypass",
    "override",
    "previous",
    "prior",
    "above",
    "instructions",
    "instruction",
    "system",
    "prompt",
    "reveal",
    "rules",
    "guidelines",
    "restrictions",
    "developer",
    "password",
    "secret",
    "safety",
    "filters",
    "unrestricted",
    "everything",
];

/// `ignroe prevoius instrcutions` in order. One such word may be a slip of the hand, several telling ones are not.
fn order_restored(folded: &str) -> String {
    let mut out = String::with_capacity(folded.len());
    for piece in folded.split_inclusive(|character: char| !character.is_alphanumeric()) {
        let word = piece.trim_end_matches(|character: char| !character.is_alphanumeric());
        out.push_str(unscrambled(word).unwrap_or(word));
        out.push_str(piece.get(word.len()..).unwrap_or_default());
    }
    out
}

/// The telling word that has these letters in another order, its first and last apart.
fn unscrambled(word: &str) -> Option<&'static str> {
    let here = ends(word.as_bytes());
    if !TELLING_ENDS.contains(&here) {
        return None;
    }
    let sorted = |word: &str| {
        let mut letters = word.as_bytes().to_vec();
        letters.sort_unstable();
        letters
    };
    TELLING
        .into_iter()
        .filter(|telling| ends(telling.as_bytes()) == here && *telling != word)
        .find(|telling| sorted(telling) == sorted(word))
}

/// Length, first and last letter of each telling word: nearly all other words are told apart by them.
static TELLING_ENDS: LazyLock<[u32; TELLING.len()]> =
    LazyLock::new(|| TELLING.map(|word| ends(word.as_bytes())));

fn ends(word: &[u8]) -> u32 {
    let letter = |letter: Option<&u8>| u32::from(letter.copied().unwrap_or_default());
    let length = u32::try_from(word.len()).unwrap_or(u32::MAX) << 16;
    length | letter(word.first()) << 8 | letter(word.last())
}

/// The text turned by thirteen letters.
fn turned(folded: &str) -> String {
    folded
        .chars()
        .map(|character| match character {
            'a'..='m' => char::from_u32(u32::from(character) + 13).unwrap_or(character),
            'n'..='z' => char::from_u32(u32::from(character) - 13).unwrap_or(character),
            other => other,
        })
        .collect()
}

/// The text with `&#105;`, `\u0069`, `\x69` and `%69` resolved, if several characters are written so.
fn references(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut found) = (text, 0);
    while let Some(place) = memchr::memchr3(b'&', b'\\', b'%', rest.as_bytes()) {
        let (before, reference) = rest.split_at_checked(place)?;
        out.push_str(before);
        if let Some((character, length)) = resolved(reference) {
            found += 1;
            out.push(character);
            rest = reference.get(length..).unwrap_or_default();
        } else {
            let (sign, after) = reference.split_at_checked(1)?;
            out.push_str(sign);
            rest = after;
        }
    }
    out.push_str(rest);
    (found >= 4).then_some(out)
}

/// The character a reference stands for, and its length.
fn resolved(reference: &str) -> Option<(char, usize)> {
    if let Some(digits) = reference.strip_prefix('%') {
        let code = u8::from_str_radix(digits.get(..2)?, 16).ok()?;
        return (b' '..=b'~')
            .contains(&code)
            .then_some((char::from(code), 3));
    }
    let (digits, radix, closed) = if let Some(digits) = reference
        .strip_prefix("&#x")
        .or_else(|| reference.strip_prefix("&#X"))
    {
        (digits, 16, true)
    } else if let Some(digits) = reference.strip_prefix("&#") {
        (digits, 10, true)
    } else if let Some(digits) = reference.strip_prefix("\\u") {
        (digits.get(..4)?, 16, false)
    } else {
        (reference.strip_prefix("\\x")?.get(..2)?, 16, false)
    };
    let length = digits
        .find(|character: char| !character.is_digit(radix))
        .unwrap_or(digits.len());
    let code = u32::from_str_radix(digits.get(..length)?, radix).ok()?;
    let begin = if radix == 16 && closed { 3 } else { 2 };
    let end = begin + length;
    let end = if closed
        && reference
            .get(end..)
            .is_some_and(|rest| rest.starts_with(';'))
    {
        end + 1
    } else {
        end
    };
    Some((char::from_u32(code)?, end))
}
