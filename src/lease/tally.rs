//! What a gateway tells its panel besides money: what it refused, what its guards found, and when each key last called.
//!
//! Counts are absolute in the life of a process and only grow, as amounts of leases do: what comes twice, late or in another
//! order counts once. A message has no more than [`MOST_TOLD`] lines, those that grew since the panel was last known to have
//! heard them. What cannot be is passed over, line by line: it is no reason not to hear of the others.
//!
//! A process is known by the first number that the panel gave it. It keeps that name for its counts when it has to begin
//! anew with its money, for it has not counted anew.
//!
//! Not here: money ([`super::protocol`]), who counts (`telemetry`), what is made of it (`control`).

use super::protocol::{LeafId, RouterId, number};
use serde::{Deserialize, Serialize};

/// Lines in one message.
pub const MOST_TOLD: usize = 1_000;
/// Lines of one kind that a process can have; one of ours has fewer. Calls have one for each key.
pub const MOST_LINES: usize = 4_000;
/// A code, a rule, a detector or an action is not longer.
const LONGEST: usize = 128;
/// More of anything than any process sees; few enough for a store to add them up.
const MOST_COUNT: u64 = 1_000_000_000_000;
/// A process does not live longer than this, in seconds.
const LONGEST_IDLE: u64 = 100 * 366 * 86_400;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A call was refused.
    Refusal,
    /// A guard found something.
    Finding,
    /// A call was let through.
    Call,
    /// A word this version does not know.
    #[serde(other)]
    Unknown,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::Finding => "finding",
            Self::Call => "call",
            Self::Unknown => "unknown",
        }
    }
}

/// What a line counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name {
    /// What happened.
    pub kind: Kind,
    /// Whose calls it happened to; nobody's that the panel knows where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<LeafId>,
    /// A refusal's code, a finding's detector.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub what: Box<str>,
    /// The rule that refused, what became of a finding.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub how: Box<str>,
}

/// How often it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What.
    #[serde(flatten)]
    pub name: Name,
    /// How often, since the process began.
    #[serde(with = "number")]
    pub count: u64,
    /// For how many seconds it has not happened, of calls: no clock but the gateway's own is needed to say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_s: Option<u64>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tallies {
    /// Who tells.
    #[serde(rename = "router_id")]
    pub router: RouterId,
    /// Of which process: the first number it was given.
    #[serde(with = "number")]
    pub incarnation: u64,
    /// Grows with each message of the process.
    #[serde(with = "number")]
    pub seq: u64,
    /// What grew.
    pub lines: Vec<Line>,
}

/// It was heard, and is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The number of the message.
    #[serde(with = "number")]
    pub seq: u64,
    /// The greatest that the panel had heard of the process before: less than was answered where its books were set back.
    #[serde(with = "number")]
    pub last: u64,
}

impl Name {
    /// Whether this can be.
    #[must_use]
    pub fn can_be(&self) -> bool {
        let is_name = |text: &str| text.len() <= LONGEST && !text.chars().any(char::is_control);
        // 0 is how stores write that it is nobody's.
        let is_leaf = self.leaf.is_none_or(|leaf| leaf.0 > 0);
        let fits = match self.kind {
            Kind::Refusal => !self.what.is_empty(),
            Kind::Finding => !self.what.is_empty() && !self.how.is_empty(),
            Kind::Call => self.leaf.is_some() && self.what.is_empty() && self.how.is_empty(),
            Kind::Unknown => false,
        };
        is_leaf && fits && is_name(&self.what) && is_name(&self.how)
    }
}

impl Line {
    /// What was told beyond what is known: nothing where it is less.
    #[must_use]
    pub fn beyond(&self, known: u64) -> u64 {
        self.count.min(MOST_COUNT).saturating_sub(known)
    }

    /// For how many seconds it has not happened, if that can be.
    #[must_use]
    pub fn idle(&self) -> Option<u64> {
        self.idle_s.filter(|idle| *idle <= LONGEST_IDLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(kind: Kind, leaf: Option<u64>, what: &str, how: &str) -> Name {
        Name {
            kind,
            leaf: leaf.map(LeafId),
            what: what.into(),
            how: how.into(),
        }
    }

    #[test]
    fn a_message_is_spelled_like_the_treatys_others() {
        let told = Tallies {
            router: RouterId(7),
            incarnation: 3,
            seq: 9,
            lines: vec![
                Line {
                    name: name(Kind::Refusal, None, "invalid_api_key", ""),
                    count: 2,
                    idle_s: None,
                },
                Line {
                    name: name(Kind::Call, Some(12), "", ""),
                    count: 40,
                    idle_s: Some(5),
                },
            ],
        };
        let text = serde_json::to_string(&told).expect("JSON");
        let expected = r#"{"router_id":"00000000000000000000000000000007","incarnation":"3","seq":"9","lines":[{"kind":"refusal","what":"invalid_api_key","count":"2"},{"kind":"call","leaf":"12","count":"40","idle_s":5}]}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Tallies>(&text).ok(), Some(told));
    }

    #[test]
    fn a_kind_of_a_newer_gateway_is_heard_and_passed_over() {
        let line: Line =
            serde_json::from_str(r#"{"kind":"dream","leaf":"1","what":"x","count":"1"}"#)
                .expect("a line");
        assert_eq!((line.name.kind, line.name.can_be()), (Kind::Unknown, false));
    }

    #[test]
    fn what_cannot_be_is_known_as_such() {
        let long = "x".repeat(LONGEST + 1);
        for (name, can_be) in [
            (name(Kind::Refusal, Some(1), "killed", ""), true),
            (name(Kind::Refusal, None, "killed", "a rule"), true),
            (name(Kind::Refusal, Some(0), "killed", ""), false),
            (name(Kind::Refusal, Some(1), "", "rule"), false),
            (name(Kind::Refusal, Some(1), "a\nb", ""), false),
            (name(Kind::Refusal, Some(1), &long, ""), false),
            (name(Kind::Refusal, Some(1), "killed", &long), false),
            (name(Kind::Finding, None, "email", "block"), true),
            (name(Kind::Finding, None, "email", ""), false),
            (name(Kind::Call, Some(1), "", ""), true),
            (name(Kind::Call, None, "", ""), false),
            (name(Kind::Call, Some(1), "x", ""), false),
        ] {
            assert_eq!(name.can_be(), can_be, "{name:?}");
        }
        let line = |count| Line {
            name: name(Kind::Refusal, None, "killed", ""),
            count,
            idle_s: Some(u64::MAX),
        };
        assert_eq!((line(5).beyond(3), line(3).beyond(5)), (2, 0));
        assert_eq!(line(u64::MAX).beyond(0), MOST_COUNT);
        assert_eq!(line(1).idle(), None);
    }
}
