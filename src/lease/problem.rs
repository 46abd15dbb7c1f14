//! Why a panel does not answer a gateway's message, as `application/problem+json` has it: the status for whoever reads
//! only that, the code for the gateway, the detail for people.

use super::protocol::{BankError, number};
use serde::{Deserialize, Serialize};

/// A refusal on the treaty's routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What a program goes by.
    pub code: Code,
    /// What people read.
    #[serde(default)]
    pub detail: String,
    /// The last number that the panel heard, where an older one came.
    #[serde(default, with = "number")]
    pub last: u64,
    /// The number that came.
    #[serde(default, with = "number")]
    pub seq: u64,
}

/// What a gateway can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Not enrolled, or revoked: an administrator has to act.
    UnknownRouter,
    /// A sync from before the last.
    Stale,
    /// Two syncs with one number.
    Conflict,
    /// An amount that cannot be.
    Amount,
    /// A start from before the last.
    OldStart,
    /// No certificate, or a token that is used up.
    Unauthorized,
    /// It speaks for somebody else.
    Forbidden,
    /// It is no message of this treaty.
    Malformed,
    /// Another version of the treaty.
    Version,
    /// Not now; ask again.
    Unavailable,
    /// A word this version does not know.
    #[serde(other)]
    Unknown,
}

impl From<&BankError> for Problem {
    fn from(error: &BankError) -> Self {
        let (status, code, seq, last) = match *error {
            BankError::UnknownRouter => (403, Code::UnknownRouter, 0, 0),
            BankError::Stale { seq, last } => (409, Code::Stale, seq, last),
            BankError::Conflict { seq } => (409, Code::Conflict, seq, 0),
            BankError::Amount { .. } => (422, Code::Amount, 0, 0),
            BankError::OldStart { start, last } => (409, Code::OldStart, start, last),
        };
        Self {
            status,
            code,
            detail: error.to_string(),
            last,
            seq,
        }
    }
}

impl Problem {
    /// What the state machine makes of it; nothing where it is a matter of the way there.
    #[must_use]
    pub fn for_holder(&self) -> Option<BankError> {
        let (seq, last) = (self.seq, self.last);
        match self.code {
            Code::UnknownRouter => Some(BankError::UnknownRouter),
            Code::Stale => Some(BankError::Stale { seq, last }),
            Code::Conflict => Some(BankError::Conflict { seq }),
            Code::Amount => Some(BankError::Amount {
                lease: 0,
                amount: crate::units::Money::ZERO,
            }),
            Code::OldStart => Some(BankError::OldStart { start: seq, last }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bank_refuses_reaches_the_holder_as_it_was() {
        for error in [
            BankError::UnknownRouter,
            BankError::Stale { seq: 3, last: 9 },
            BankError::Conflict { seq: 4 },
            BankError::OldStart { start: 1, last: 2 },
        ] {
            let said = serde_json::to_string(&Problem::from(&error)).expect("JSON");
            let heard: Problem = serde_json::from_str(&said).expect("a problem");
            assert_eq!(heard.for_holder(), Some(error), "{said}");
        }
    }

    #[test]
    fn a_word_of_a_newer_panel_is_no_fault() {
        let heard: Problem =
            serde_json::from_str(r#"{"status":418,"code":"teapot"}"#).expect("a problem");
        assert_eq!((heard.code, heard.for_holder()), (Code::Unknown, None));
    }
}
