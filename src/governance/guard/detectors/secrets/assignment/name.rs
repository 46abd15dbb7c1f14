//! What a name says about its value.
//!
//! The last word decides (`password_hash` is no password, `hash_password` neither), the words before it may revoke that.

use super::super::looks::Census;
use super::super::reading::{line_before, mentions};
use super::words::{
    ABOUT, BEFORE_PASS, OTHER_KEYS, OTHER_TOKENS, OUR_KEYS, PASSWORDS, SUFFIXES, VENDORS,
};
use crate::governance::guard::probe::View;

/// How far a name reaches on either side of the word that was met.
pub(super) const LONGEST: usize = 64;

/// What a value must prove, from little to much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Chosen by people: anything that is no word.
    Password,
    /// User and password together.
    Credential,
    /// Chosen by machines, or by people for them.
    Secret,
    /// Made by machines.
    Token,
    /// Made by machines; many keys are none of ours.
    Key,
}

/// How many bytes the foreign word takes that was met.
pub(super) fn foreign_length(view: &View<'_>, at: usize) -> usize {
    let text = view.bytes.get(at..).unwrap_or_default();
    [
        "contraseña",
        "Contraseña",
        "hasło",
        "Hasło",
        "lösenord",
        "Lösenord",
        "пароль",
        "Пароль",
        "密码",
        "密碼",
        "口令",
        "パスワード",
        "비밀번호",
        "şifre",
    ]
    .iter()
    .find(|word| text.starts_with(word.as_bytes()))
    .map_or(0, |word| word.len())
}

/// What a name says, if anything.
pub(super) fn classify(
    view: &View<'_>,
    start: usize,
    name: &[u8],
    is_foreign: bool,
) -> Option<Class> {
    if is_foreign {
        return Some(Class::Password);
    }
    let lower = name.to_ascii_lowercase();
    let mut rest = std::str::from_utf8(&lower)
        .ok()?
        .trim_start_matches(['-', '_', '.']);
    if rest == "identified" {
        return Some(Class::Password);
    }
    if rest == "passe" || rest == "motdepasse" || rest.ends_with("mot_de_passe") {
        let before = line_before(view, start, 8);
        let is_french = rest != "passe"
            || before.eq_ignore_ascii_case(b" mot de ")
            || mentions(before, "mot de ");
        return is_french.then_some(Class::Password);
    }
    loop {
        rest = rest.trim_end_matches(|last: char| last.is_ascii_digit() || "_-.".contains(last));
        let Some(shorter) = SUFFIXES.iter().find_map(|word| {
            let shorter = rest.strip_suffix(word)?;
            shorter.ends_with(['_', '-', '.']).then_some(shorter)
        }) else {
            break;
        };
        rest = shorter;
    }
    if PASSWORDS.iter().any(|word| rest.ends_with(word))
        || is_pass(rest, name)
        || rest == "pw"
        || rest.ends_with("_pw")
    {
        return (!is_about(rest)).then_some(Class::Password);
    }
    if rest.ends_with("secret")
        || rest.ends_with("secretkey")
        || rest.ends_with("secret_key")
        || rest.ends_with("secret-key")
        || rest.ends_with("secret.key")
        || rest.ends_with("secret_access_key")
        || rest.ends_with("secretaccesskey")
    {
        return (!is_about(rest)).then_some(Class::Secret);
    }
    if rest.ends_with("credential")
        || rest.ends_with("credentials")
        || rest == "creds"
        || rest.ends_with("_creds")
    {
        return (!is_about(rest)).then_some(Class::Credential);
    }
    if let Some(before) = rest.strip_suffix("token") {
        let before = before.trim_end_matches(['_', '-', '.']);
        let other = OTHER_TOKENS.iter().any(|word| before.ends_with(word));
        return (!other && !is_about(rest)).then_some(Class::Token);
    }
    if rest.ends_with("_auth") || rest == "auth" {
        return name.starts_with(b"_auth").then_some(Class::Token);
    }
    if let Some(before) = rest.strip_suffix("key") {
        return is_our_key(view, start, before, name).then_some(Class::Key);
    }
    None
}

/// Whether a name ends in `pass` as a word of its own.
fn is_pass(rest: &str, original: &[u8]) -> bool {
    let Some(before) = rest.strip_suffix("pass") else {
        return false;
    };
    let is_joined = before.is_empty() || before.ends_with(['_', '-', '.']);
    let is_camel =
        original.get(before.len()) == Some(&b'P') && original.get(before.len() + 1) == Some(&b'a');
    is_joined || (is_camel && !before.is_empty()) || BEFORE_PASS.contains(&before)
}

/// Whether one of the words is about the thing rather than the thing.
fn is_about(name: &str) -> bool {
    name.split(['_', '-', '.']).any(|word| {
        ABOUT.contains(&word)
            || [
                "forgot",
                "reset",
                "show",
                "hide",
                "hashed",
                "encrypted",
                "invalid",
                "generate",
                "validate",
                "verify",
                "confirmreset",
            ]
            .iter()
            .any(|about| word.starts_with(about))
            || (word.len() > 8
                && ["get", "check", "has", "hash"]
                    .iter()
                    .any(|about| word.starts_with(about)))
    })
}

fn is_our_key(view: &View<'_>, start: usize, before: &str, name: &[u8]) -> bool {
    let before = before.trim_end_matches(['_', '-', '.']);
    if before.contains("public") || before.contains("publishable") || before.contains("pub_") {
        return false;
    }
    if before.is_empty() {
        // "API key", "secret key": the word before it says which.
        let line = line_before(view, start, 24).trim_ascii_end();
        let word = line
            .rsplit(|byte| !byte.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        let among = |words: &[&str]| {
            words
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
        };
        // A name with a capital may be a vendor's: "my Hetzner key".
        let is_proper = word.len() >= 4
            && word.first().is_some_and(u8::is_ascii_uppercase)
            && !among(OTHER_KEYS);
        return view.before(start) == Some(b' ') && (among(OUR_KEYS) || is_proper);
    }
    if OTHER_KEYS.iter().any(|word| before.ends_with(word)) {
        return false;
    }
    let is_constant = name.contains(&b'_') && Census::of(name).lower == 0;
    is_constant || OUR_KEYS.iter().any(|word| before.ends_with(word))
}

/// What the finding is named.
pub(super) fn detector(class: Class, name: &[u8], value: &[u8]) -> &'static str {
    if class != Class::Password {
        let is_aws = mentions(name, "aws")
            || mentions(name, "secretaccess")
            || mentions(name, "secret_access");
        if is_aws && value.len() == 40 {
            return "aws_secret_access_key";
        }
        let named = VENDORS.iter().find(|(word, _)| mentions(name, word));
        if let Some((_, detector)) = named {
            return detector;
        }
    }
    match class {
        Class::Password | Class::Credential => "password_assignment",
        Class::Secret => "secret_assignment",
        Class::Token => "token_assignment",
        Class::Key => "api_key_assignment",
    }
}
