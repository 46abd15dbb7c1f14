//! A panel's refusal, as `application/problem+json` says it.

use serde::Deserialize;
use std::fmt;

/// A refusal.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Problem {
    status: u16,
    detail: String,
    /// What a program goes by.
    pub(in crate::cli) code: String,
    #[serde(default)]
    instance: Option<String>,
    #[serde(default)]
    errors: Vec<Field>,
}

/// What is wrong with a field.
#[derive(Debug, Deserialize)]
struct Field {
    field: String,
    detail: String,
}

impl Problem {
    /// What whoever reads it can do.
    fn help(&self) -> Option<&'static str> {
        Some(match self.code.as_str() {
            "unauthenticated" => "the session or token is over: `tollgate login`",
            "changed_meanwhile" => "look at it again, and repeat the command if it still fits",
            "session_needed" => "sign in with a password: `tollgate login`",
            "not_in_force" => "it need not be repeated",
            "idempotency_key_unfinished" => {
                "the connection broke, and the panel may still be at it: look before you repeat it"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", plain(&self.detail), plain(&self.code))?;
        for error in &self.errors {
            write!(f, "\n  {}: {}", plain(&error.field), plain(&error.detail))?;
        }
        if let Some(help) = self.help() {
            write!(f, "\n  help: {help}")?;
        }
        // What is the panel's own fault is in its log under this name.
        if let Some(instance) = self.instance.as_ref().filter(|_| self.status >= 500) {
            write!(f, "\n  in the panel's log: {}", plain(instance))?;
        }
        Ok(())
    }
}

/// Without what a terminal would obey.
pub(in crate::cli) fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(plain).collect()
}
