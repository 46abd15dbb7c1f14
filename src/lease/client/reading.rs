//! What is told of the panel: in `/status` and in metrics.

use super::ClientError;
use super::store::Member;
use crate::clock;
use crate::lease::directory::Directory;
use crate::units::Money;
use std::time::Duration;

/// How long an answer counts as lately.
const LATELY: Duration = Duration::from_mins(1);

/// How it stands between this gateway and its panel.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Where the panel is.
    pub url: String,
    /// The name this gateway has there, once it is enrolled.
    pub router: Option<String>,
    /// The number of this process, once the panel gave it one.
    pub incarnation: Option<u64>,
    /// Whether the last word was an answer.
    pub connected: bool,
    /// How long ago it answered last.
    pub heard: Option<Duration>,
    /// How long it could not be reached.
    pub unreachable: Duration,
    /// What processes before this one may have spent unseen, and the panel was not told yet.
    pub doubt: Money,
    /// The directory in force.
    pub directory: u64,
    /// All leases.
    pub leases: Vec<LeaseReading>,
    /// Syncs by what became of them: answered, refused, not answered.
    pub syncs: [u64; 3],
    /// What went wrong last, as long as it does.
    pub error: Option<String>,
}

/// One lease.
#[derive(Debug, Clone, Copy)]
pub struct LeaseReading {
    /// Its number.
    pub lease: u128,
    /// Who spends it.
    pub leaf: u64,
    /// Lent, all in all.
    pub granted: Money,
    /// Charged.
    pub settled: Money,
    /// Promised to calls under way.
    pub reserved: Money,
    /// What is left of it.
    pub remaining: Money,
    /// How long calls may begin on it.
    pub expires_in: Duration,
}

/// What is known of the panel besides money.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) reading: Reading,
    /// When it answered last, and since when it does not.
    heard: Option<Duration>,
    silent_since: Option<Duration>,
}

impl Notes {
    pub(super) fn new(url: &str, member: Option<&Member>, directory: Option<&Directory>) -> Self {
        Self {
            reading: Reading {
                url: url.to_owned(),
                router: member.map(|member| member.name.clone()),
                directory: directory.map_or(0, |directory| directory.revision),
                ..Reading::default()
            },
            heard: None,
            silent_since: Some(clock::since_start()),
        }
    }

    pub(super) fn is_heard(&self) -> bool {
        let lately = |heard: Duration| clock::since_start().saturating_sub(heard) < LATELY;
        self.reading.connected && self.heard.is_some_and(lately)
    }

    pub(super) fn reading(&self) -> Reading {
        let now = clock::since_start();
        let since = |then: Duration| now.saturating_sub(then);
        Reading {
            heard: self.heard.map(since),
            unreachable: self.silent_since.map_or(Duration::ZERO, since),
            ..self.reading.clone()
        }
    }

    pub(super) fn answered(&mut self) {
        self.heard = Some(clock::since_start());
        self.silent_since = None;
        self.reading.connected = true;
        self.reading.error = None;
    }

    /// Takes a failure down. Whether it is another than the last.
    pub(super) fn failed(&mut self, error: &ClientError) -> bool {
        self.silent_since.get_or_insert_with(clock::since_start);
        self.reading.connected = false;
        let before = self.reading.error.replace(error.to_string());
        before != self.reading.error
    }
}
