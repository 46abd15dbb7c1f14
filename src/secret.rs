//! Secrets that do not print and do not linger.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A value that prints as stars and is wiped from memory when dropped. [`Secret::expose`] is easy to search for.
#[derive(Clone, Zeroize, ZeroizeOnDrop, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value into keeping.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every call of this is a place to look at twice.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T: Zeroize> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whether this can be the name of a secret that is kept elsewhere: up to 64 letters, digits, `-`, `_` and `.`, so that it
/// stands in configurations, paths and commands as it is.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&text.len())
        && text.bytes().all(plain)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_anywhere_as_it_is() {
        let check = |text: &str, expected: bool| assert_eq!(is_name(text), expected, "{text}");
        check("openai-prod", true);
        check("a.b_c-1", true);
        check("", false);
        check("-x", false);
        check("../x", false);
        check("two words", false);
        check("schl\u{fc}ssel", false);
        check(&"x".repeat(64), true);
        check(&"x".repeat(65), false);
    }

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new(String::from("sk-live"));
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "*** *** Some(***)"
        );
        assert_eq!(secret.expose(), "sk-live");
    }
}
