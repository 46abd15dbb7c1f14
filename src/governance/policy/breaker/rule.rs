//! A breaker as it is meant: bounds instead of wishes, and whom it is kept for.

use crate::governance::policy::settings;
use crate::units::Money;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// A breaker's rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id; unique among the policies in force, so that a reload keeps what is counted under it.
    pub id: Box<str>,
    /// Whom it is kept for; `None`: the run, or the key where a call names none.
    pub per: Option<Per>,
    /// The same request again.
    pub repeat: Option<RepeatRule>,
    /// The same tool calls in a circle, so many times.
    pub tool_cycle: Option<NonZeroU32>,
    /// Money going too fast.
    pub burn: Option<BurnRule>,
    /// What it does at its thresholds.
    pub action: Action,
    /// How long a stop lasts.
    pub cooldown: Duration,
}

/// A breaker of the policies in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armed {
    /// What it counts. Of two files' breakers with one id each counts by itself, so the id here is not always as written.
    pub rule: Rule,
    /// Its id as written, for whoever is stopped.
    pub id: Box<str>,
    /// Whether it only tells what it would have done.
    pub shadow: bool,
}

impl Armed {
    /// A breaker of the policies' file of this number, as written.
    #[must_use]
    pub fn new(written: &settings::Breaker, file: u16) -> Self {
        let mut rule = Rule::new(written);
        let id = rule.id.clone();
        if file > 0 {
            rule.id = format!("{id}#{file}").into();
        }
        let shadow = written.shadow.is_some();
        Self { rule, id, shadow }
    }
}

/// What a breaker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It warns.
    Warn,
    /// It stops at once.
    Stop,
    /// It warns, and stops at twice as much.
    WarnThenStop,
}

/// So many of the same request within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatRule {
    /// How many are too many.
    pub most: NonZeroU32,
    /// Within how long.
    pub window: Duration,
    /// Whether nearly the same counts, too.
    pub similar: bool,
}

/// So much money a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BurnRule {
    /// How much is too much.
    pub per_minute: Money,
    /// Over how long it is measured.
    pub over: Duration,
}

/// How long a stop lasts if nothing is said.
const COOLDOWN: Duration = Duration::from_mins(10);
/// More repetitions than this are not counted.
const MOST: u32 = 1_000;

impl Rule {
    /// The rule of a breaker as written.
    ///
    /// Whoever checks policies complains about figures that cannot be counted; here they are brought to the edge of what
    /// can: counts are 1 to 1,000, windows at least a second.
    #[must_use]
    pub fn new(written: &settings::Breaker) -> Self {
        let repeat = written.repeat.as_ref().map(|repeat| RepeatRule {
            most: counted(repeat.same_request),
            window: repeat.window.max(Duration::from_secs(1)),
            similar: repeat.similar,
        });
        let burn = written.burn.as_ref().map(|burn| BurnRule {
            per_minute: burn.per_minute,
            over: burn.over.max(Duration::from_secs(1)),
        });
        let action = match written.stop.as_ref().map(|stop| stop.value) {
            Some(true) => Action::Stop,
            Some(false) => Action::Warn,
            None => Action::WarnThenStop,
        };
        Self {
            id: written.id.value.as_str().into(),
            per: written.per.as_ref().and_then(|per| Per::named(per)),
            repeat,
            tool_cycle: written
                .tool_cycle
                .as_ref()
                .map(|times| counted(times.value)),
            burn,
            action,
            cooldown: written
                .cooldown
                .as_ref()
                .map_or(COOLDOWN, |cooldown| cooldown.value),
        }
    }

    /// Whom a call counts for. A call that does not say counts for its key, so that leaving out a header evades nothing.
    #[must_use]
    pub fn subject<'a>(&self, call: &Named<'a>) -> Subject<'a> {
        let per = self.per.unwrap_or(Per::Run);
        let name = match per {
            Per::Run => call.run,
            Per::Session => call.session,
            Per::Agent => call.agent,
            Per::Key => None,
        };
        match name.filter(|name| !name.is_empty()) {
            Some(name) => Subject { per, name },
            None => Subject {
                per: Per::Key,
                name: call.key,
            },
        }
    }
}

fn counted(times: u64) -> NonZeroU32 {
    let times = u32::try_from(times).unwrap_or(MOST).min(MOST);
    NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN)
}

impl BurnRule {
    /// How many nano-dollars within the window are too many; at least one.
    pub(super) fn most(&self) -> u64 {
        let nanos = u128::try_from(self.per_minute.nanos()).unwrap_or(0);
        let most = nanos.saturating_mul(self.over.as_millis()).div_ceil(60_000);
        u64::try_from(most).unwrap_or(u64::MAX).max(1)
    }
}

/// Whom a breaker is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    /// Each run.
    Run,
    /// Each session.
    Session,
    /// Each agent.
    Agent,
    /// Each virtual key.
    Key,
}

impl Per {
    /// By its name in policies.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Run, Self::Session, Self::Agent, Self::Key];
        all.into_iter().find(|per| per.name() == name)
    }

    /// Its name in policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Session => "session",
            Self::Agent => "agent",
            Self::Key => "key",
        }
    }
}

/// What a call says of itself, as far as breakers ask.
#[derive(Debug, Clone, Copy, Default)]
pub struct Named<'a> {
    /// The run.
    pub run: Option<&'a str>,
    /// The session.
    pub session: Option<&'a str>,
    /// The agent.
    pub agent: Option<&'a str>,
    /// The virtual key, by name.
    pub key: &'a str,
}

/// Whom something is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject<'a> {
    /// What it is.
    pub per: Per,
    /// Its name.
    pub name: &'a str,
}

/// run `nightly-7`
impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.per.name(), self.name)
    }
}
