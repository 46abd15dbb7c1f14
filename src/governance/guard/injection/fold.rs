//! A copy of a text in which what looks the same is the same: for comparing, never for sending.
//!
//! Compatibility forms become plain ones, accents go, letters become small, invisible characters vanish, white space becomes
//! one space (an empty line becomes a sentence's end), and letters of other scripts that stand in for Latin ones within a
//! Latin word become those. Phrases are folded by the same function, so both sides agree whatever folding does to a script.

use super::invisible::is_unseen;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A folded text.
pub(super) struct Folded {
    pub(super) text: String,
    /// Whether its words may have lost the spaces between them.
    pub(super) glued: bool,
}

/// The folded copy of a text.
pub(super) fn folded(text: &str) -> Folded {
    Folded {
        text: fold(text),
        glued: false,
    }
}

/// The same, as text.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lines = 0;
    let mut word = String::new();
    let mut take = |character: char, out: &mut String| {
        if character.is_whitespace() {
            close(&mut word, out);
            lines += usize::from(character == '\n');
            if lines == 2 && !out.ends_with('\n') {
                let trimmed = out.trim_end_matches(' ').len();
                out.truncate(trimmed);
                out.push('\n');
            } else if !out.ends_with([' ', '\n']) {
                out.push(' ');
            }
            return;
        }
        lines = 0;
        if character.is_alphanumeric() {
            word.push(character);
        } else {
            close(&mut word, out);
            out.push(plain(character));
        }
    };
    if text.is_ascii() {
        text.chars()
            .for_each(|character| take(character.to_ascii_lowercase(), &mut out));
    } else {
        text.chars()
            .filter(|character| !is_unseen(*character))
            .nfkd()
            .filter(|character| !is_combining_mark(*character))
            .flat_map(char::to_lowercase)
            .for_each(|character| take(character, &mut out));
    }
    take(' ', &mut out);
    out
}

/// Writes a word, with its look-alikes replaced if it is a Latin one.
fn close(word: &mut String, out: &mut String) {
    let latin = word.bytes().any(|byte| byte.is_ascii_alphabetic());
    if word.is_ascii() || !latin {
        out.push_str(word);
    } else {
        out.extend(word.chars().map(look_alike));
    }
    word.clear();
}

/// The Latin letter that a Cyrillic, Greek or small-capital one looks like.
const fn look_alike(character: char) -> char {
    match character {
        'а' | 'α' | 'ᴀ' | 'ɑ' => 'a',
        'в' | 'β' | 'ʙ' => 'b',
        'с' | 'ϲ' | 'ᴄ' => 'c',
        'ԁ' | 'ᴅ' => 'd',
        'е' | 'ε' | 'ᴇ' => 'e',
        'ɢ' | 'ɡ' => 'g',
        'н' | 'һ' | 'ʜ' => 'h',
        'і' | 'ι' | 'ı' | 'ɪ' => 'i',
        'ј' => 'j',
        'к' | 'κ' | 'ᴋ' => 'k',
        'ʟ' | 'ӏ' => 'l',
        'м' | 'ᴍ' => 'm',
        'ո' | 'ɴ' | 'η' => 'n',
        'о' | 'ο' | 'ᴏ' | 'օ' => 'o',
        'р' | 'ρ' | 'ᴘ' => 'p',
        'ʀ' | 'г' => 'r',
        'ѕ' | 'ꜱ' => 's',
        'т' | 'τ' | 'ᴛ' => 't',
        'υ' | 'ᴜ' | 'ս' => 'u',
        'ν' | 'ᴠ' | 'ѵ' => 'v',
        'ᴡ' | 'ԝ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' | 'ʏ' => 'y',
        'ᴢ' => 'z',
        other => other,
    }
}

/// One quote, one dash, one stop.
const fn plain(character: char) -> char {
    match character {
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '`' | '\u{b4}' => '\'',
        '\u{201c}'..='\u{201f}' | '«' | '»' | '「' | '」' | '『' | '』' => '"',
        '\u{2010}'..='\u{2015}' => '-',
        '。' | '।' => '.',
        other => other,
    }
}
