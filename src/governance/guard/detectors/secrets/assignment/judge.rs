//! Whether a value is a secret, as its name and its place demand.
//!
//! A password may be anything people choose, so what is ruled out counts: words, types, names in pieces, terms with digits
//! (`sha256`), look-ups. Tokens and keys must look random.

use super::super::looks::{
    Census, is_placeholder, is_random, is_scrambled, is_sequence, is_strange, is_wordy,
};
use super::super::reading::{NAME, has, mentions};
use super::gap::{Gap, Style};
use super::name::Class;

/// The longest password, in bytes.
pub(super) const LONGEST_PASSWORD: usize = 200;

/// Whether a value is one, as its class and style demand.
pub(super) fn is_secret(value: &[u8], class: Class, gap: &Gap, name: &[u8]) -> bool {
    // The cheaper question first: most values are none for their letters alone.
    is_likely(value, class, gap)
        && !value.eq_ignore_ascii_case(name)
        && !is_reference(value, gap)
        && !is_placeholder(value)
}

/// Whether a value has the letters of one.
fn is_likely(value: &[u8], class: Class, gap: &Gap) -> bool {
    let is_quoted = gap.quote.is_some();
    let is_made = !matches!(class, Class::Password | Class::Credential);
    if is_made && is_slug(value) && is_named_after_itself(value) {
        return false;
    }
    let is_code = !is_quoted && matches!(gap.style, Style::Spaced | Style::Colon);
    match class {
        Class::Password | Class::Credential => is_password(value, gap),
        Class::Secret if is_quoted || gap.style == Style::Tight => {
            is_random(value, 8)
                || (value.len() >= 8 && Census::of(value).symbols > 0 && is_password(value, gap))
        }
        Class::Secret => is_random(value, if is_code { 12 } else { 10 }),
        Class::Token => is_random(
            value,
            if is_quoted || gap.style == Style::Tight {
                12
            } else {
                16
            },
        ),
        Class::Key => is_random(value, 16),
    }
}

/// Whether a value says what it is: `csrf_token`.
fn is_named_after_itself(value: &[u8]) -> bool {
    ["token", "secret", "passw", "_key", "-key"]
        .iter()
        .any(|word| mentions(value, word))
}

/// Whether a value points to where the secret is, or is code.
fn is_reference(value: &[u8], gap: &Gap) -> bool {
    const POINTERS: [&str; 36] = [
        "./",
        "../",
        "~/",
        "arn:",
        "op://",
        "vault:",
        "env:",
        "file:",
        "http:",
        "https:",
        "sha256:",
        "sha256-",
        "sha512-",
        "sha384-",
        "sha1-",
        "secret:",
        "secrets.",
        "process.",
        "os.",
        "env.",
        "self.",
        "this.",
        "config.",
        "settings.",
        "ssh-",
        "ENC[",
        "C:",
        "var.",
        "local.",
        "data.",
        "module.",
        "random_",
        "projects/",
        "MII",
        "$2a$",
        "$2b$",
    ];
    const CODE: [&str; 12] = [
        "${",
        "{{",
        "$(",
        "<%",
        "://",
        "()",
        "->",
        "::",
        "process.env",
        "getenv",
        "@example",
        "['",
    ];
    // Tags and anchors of YAML, comments, pointers: between quotes they are letters like others.
    let signs: &[u8] = match gap.style {
        Style::Prose => b"#@\\",
        Style::Tight => b"&*\\",
        _ => b"#@!&*\\",
    };
    let name = value.get(1..).unwrap_or_default();
    let is_named = name.iter().all(|byte| has(&NAME, *byte)) && !is_random(name, 8);
    let is_sign =
        gap.quote.is_none() && is_named && value.first().is_some_and(|first| signs.contains(first));
    // Paths have two slashes, hashes of passwords three dollars.
    let again = |byte: u8, times: usize| {
        value
            .iter()
            .filter(|other| **other == byte)
            .nth(times - 1)
            .is_some()
    };
    let is_path = value.first() == Some(&b'/') && again(b'/', 2) && is_wordy(value);
    let is_hash = value.first() == Some(&b'$') && again(b'$', 3);
    is_sign
        || is_path
        || is_hash
        || POINTERS
            .iter()
            .any(|start| value.starts_with(start.as_bytes()))
        || (mentions(value, "%s") && Census::of(value).digits == 0)
        || CODE.iter().any(|part| mentions(value, part))
        || is_address(value)
}

/// `name@host.tld`
fn is_address(value: &[u8]) -> bool {
    let at = value.iter().rposition(|byte| *byte == b'@');
    let host = at.and_then(|at| value.get(at + 1..)).unwrap_or_default();
    let dot = host.iter().rposition(|byte| *byte == b'.');
    let tld = dot.and_then(|dot| host.get(dot + 1..)).unwrap_or_default();
    tld.len() >= 2
        && tld.iter().all(u8::is_ascii_lowercase)
        && host.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Passwords without a digit that everybody knows.
const NOTORIOUS: [&str; 16] = [
    "qwerty",
    "qwertyuiop",
    "letmein",
    "swordfish",
    "iloveyou",
    "dragon",
    "trustno",
    "correcthorsebatterystaple",
    "correct-horse-battery-staple",
    "opensesame",
    "supersecret",
    "supersecretpassword",
    "topsecret",
    "monkey",
    "sunshine",
    "princess",
];

/// Whether people would choose a value as a password, and nobody would write it there as a word, a type or a name.
fn is_password(value: &[u8], gap: &Gap) -> bool {
    let is_quoted = gap.quote.is_some();
    let is_prose = gap.style == Style::Prose;
    let least = if is_prose || gap.style == Style::Call {
        6
    } else {
        4
    };
    if !(least..=LONGEST_PASSWORD).contains(&value.len()) || is_technical(value) {
        return false;
    }
    let census = Census::of(value);
    let letters = census.letters() + census.foreign;
    // Punctuation at the end alone is a sentence's.
    let core = value
        .iter()
        .rposition(u8::is_ascii_alphanumeric)
        .and_then(|last| value.get(..=last))
        .unwrap_or(value);
    let inner = Census::of(core);
    if letters > 0 && census.digits > 0 {
        return !is_slug(value);
    }
    let is_chosen = is_quoted || gap.style == Style::Tight;
    let is_about_itself = ["passw", "pwd", "token", "secret"]
        .iter()
        .any(|word| mentions(value, word));
    if letters > 0 && inner.symbols > 0 {
        let is_code = value.iter().any(|byte| b"()[]{},=<>+*&|\"'".contains(byte));
        let is_written = gap.style != Style::Spaced || is_quoted;
        return !is_code
            || (value.len() >= 8 && is_written && (!is_wordy(value) || is_scrambled(value, 2)))
            || is_random(value, 8);
    }
    // Letters alone, drawn in either case.
    let shortest = if gap.style == Style::Colon && !is_quoted {
        10
    } else {
        8
    };
    if value.len() >= shortest && census.foreign == 0 && !is_about_itself {
        let least = if is_chosen { 2 } else { 3 };
        if letters > 0
            && gap.style != Style::Call
            && is_scrambled(value, least)
            && (census.joints == 0 || value.len() >= 12)
        {
            return true;
        }
    }
    let text = String::from_utf8_lossy(value);
    if (is_quoted || gap.style == Style::Tight || is_prose)
        && NOTORIOUS.iter().any(|word| text.eq_ignore_ascii_case(word))
    {
        return true;
    }
    if letters > 0 && census.joints > 0 {
        return is_chosen
            && gap.style != Style::Call
            && !is_named(value)
            && is_passphrase(value, false);
    }
    if letters > 0 {
        let is_drawn = value.len() >= 8
            && census.foreign == 0
            && !is_about_itself
            && gap.style != Style::Call
            && (is_chosen || is_prose)
            && is_strange(value, if is_chosen { 5 } else { 3 });
        return is_drawn
            || (is_chosen
                && (is_random(value, 8)
                    || (value.len() >= 10 && !is_prose && is_gibberish(value))));
    }
    census.digits >= 6
        && !is_prose
        && census.joints == 0
        && !is_sequence(value)
        && (is_quoted || gap.style != Style::Spaced)
        || (census.digits >= 4 && census.symbols >= 2 && is_quoted)
}

/// Letters alone that make no words.
fn is_gibberish(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    value.iter().all(u8::is_ascii_alphabetic) && !is_wordy(&lower) && {
        let vowels = lower.iter().filter(|byte| b"aeiouy".contains(byte)).count();
        vowels * 4 < lower.len()
    }
}

/// Words in joined names that tell a name from a password.
const VOCABULARY: [&str; 43] = [
    "password", "pass", "passwd", "pwd", "secret", "secrets", "token", "key", "keys", "db",
    "database", "app", "my", "name", "user", "admin", "api", "auth", "service", "prod", "dev",
    "staging", "test", "server", "client", "config", "default", "value", "input", "field", "new",
    "old", "current", "login", "account", "system", "root", "postgres", "mysql", "redis", "sha",
    "scram", "md",
];

/// Whether one of the words joined in a value is one of names.
fn is_named(value: &[u8]) -> bool {
    value
        .split(|byte| !byte.is_ascii_alphanumeric())
        .any(|word| {
            VOCABULARY
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
        })
}

/// Whether a value is a name in pieces: words and short numbers joined by `-`, `_`, `.`.
fn is_slug(value: &[u8]) -> bool {
    let mut words = 0;
    let mut known = false;
    for piece in value.split(|byte| matches!(byte, b'-' | b'_' | b'.' | b'/' | b':')) {
        let letters = piece
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let rest = piece.get(letters..).unwrap_or_default();
        if !rest.iter().all(u8::is_ascii_digit) || rest.len() > 4 {
            return false;
        }
        let word = piece.get(..letters).unwrap_or_default();
        words += 1;
        known |= VOCABULARY
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
    }
    // `password2`, `newPassword1`: the name itself, counted.
    let is_counted = [
        "password",
        "passwd",
        "token",
        "secret",
        "username",
        "userpass",
        "passphrase",
    ]
    .iter()
    .any(|word| mentions(value, word));
    (words >= 2 && known)
        || (words >= 4 && !is_passphrase(value, true))
        || (is_counted && words == 1)
}

/// Words in labels and names of styles, which are joined like those of passphrases.
const INTERFACE: [&str; 24] = [
    "the", "your", "for", "and", "not", "with", "enter", "please", "form", "label", "icon",
    "error", "required", "invalid", "change", "reset", "forgot", "show", "hide", "text", "button",
    "btn", "page", "this",
];

/// Whether a value is words drawn for a passphrase, with numbers or without: `maple-tiger-47-raven`.
fn is_passphrase(value: &[u8], numbered: bool) -> bool {
    let Some(joint) = value.iter().find(|byte| matches!(byte, b'-' | b'_')) else {
        return false;
    };
    let (mut words, mut numbers) = (0, 0);
    for piece in value.split(|byte| byte == joint) {
        let letters = piece.iter().filter(|b| b.is_ascii_alphabetic()).count();
        let digits = piece.iter().filter(|b| b.is_ascii_digit()).count();
        let is_number = letters == 0 && digits >= 2;
        if letters + digits < piece.len()
            || !(is_number || (3..=10).contains(&letters))
            || INTERFACE
                .iter()
                .any(|word| piece.eq_ignore_ascii_case(word.as_bytes()))
        {
            return false;
        }
        words += usize::from(!is_number);
        numbers += usize::from(digits > 0);
    }
    if numbered {
        words >= 3 && numbers > 0
    } else {
        words >= 4 && numbers == 0 && *joint == b'-'
    }
}

/// What words with digits in them are called in the field.
const TECHNICAL: [&str; 44] = [
    "u", "i", "int", "uint", "float", "f", "byte", "bytes", "varchar", "char", "nvarchar", "sha",
    "md", "base", "utf", "hs", "rs", "es", "ps", "aes", "rsa", "ed", "x", "v", "oauth", "http",
    "argon", "pbkdf", "step", "option", "page", "column", "level", "line", "field", "input", "arg",
    "param", "string", "user", "test", "item", "ipv", "pkcs",
];

/// What follows numbers.
const UNITS: [&str; 24] = [
    "st",
    "nd",
    "rd",
    "th",
    "x",
    "h",
    "m",
    "s",
    "d",
    "ms",
    "bit",
    "bits",
    "byte",
    "bytes",
    "char",
    "chars",
    "character",
    "characters",
    "digit",
    "digits",
    "day",
    "days",
    "fa",
    "kb",
];

/// Whether a value is a term of the field: `sha256`, `base64-encoded`, `varchar(255)`, `128-bit`, `2nd`.
fn is_technical(value: &[u8]) -> bool {
    let value = value.trim_ascii_start();
    let underscores = value.iter().take_while(|byte| **byte == b'_').count();
    let value = value.get(underscores..).unwrap_or_default();
    let head = value
        .split(|byte| matches!(byte, b'-' | b'_' | b'(' | b'/' | b'[' | b'.'))
        .next()
        .unwrap_or_default();
    let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // Numbers in code.
    if value.len() <= 10 && value.starts_with(b"0x") {
        return true;
    }
    // Versions.
    if digits > 0 && digits <= 3 && matches!(value.get(digits), Some(b'.' | b':')) {
        return true;
    }
    if digits > 0 {
        let unit = head.get(digits..).unwrap_or_default();
        let unit = if unit.is_empty() {
            value.get(digits + 1..).unwrap_or_default()
        } else {
            unit
        };
        return value.len() <= 16
            && Census::of(value).symbols == 0
            && UNITS
                .iter()
                .any(|known| unit.eq_ignore_ascii_case(known.as_bytes()));
    }
    let letters = head
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let word = head.get(..letters).unwrap_or_default();
    // `SHA-256`: the joint stands between word and number.
    let rest = if letters == head.len() && value.get(letters) == Some(&b'-') {
        value.get(letters + 1..).unwrap_or_default()
    } else {
        head.get(letters..).unwrap_or_default()
    };
    let rest_digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let tail = rest.get(rest_digits..).unwrap_or_default();
    rest_digits > 0
        && rest_digits <= 5
        && (tail.is_empty() || tail == b"id" || tail == b"i")
        && !value.iter().any(|byte| b"!@#$%^&*".contains(byte))
        && TECHNICAL
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}
