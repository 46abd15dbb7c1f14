//! The catalogue of variables: their names, their types, and how large they get.

use super::bounds;
use crate::governance::guard::Kind;

/// A variable, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    Truth(Truth),
    Number(Number),
    Text(Text),
    Texts(Texts),
    /// `request.headers`.
    Headers,
}

/// Variables that are true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Stream,
    Soft,
}

/// Variables that are whole numbers. None is ever below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    InputTokens,
    MaxOutputTokens,
    ToolCount,
    MessageCount,
    Bytes,
    Hour,
    Minute,
    UsedPercent,
    Detections(Kind),
}

/// Variables that are strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Model,
    Endpoint,
    User,
    Agent,
    Org,
    Team,
    Project,
    Weekday,
    Date,
}

/// Variables that are lists of strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    Tools,
    Groups,
}

/// Every variable with a fixed name. `detections` has one for each kind, beside them.
pub(super) const ALL: [(&str, Variable); 22] = [
    ("request.model", Variable::Text(Text::Model)),
    ("request.endpoint", Variable::Text(Text::Endpoint)),
    (
        "request.input_tokens",
        Variable::Number(Number::InputTokens),
    ),
    (
        "request.max_output_tokens",
        Variable::Number(Number::MaxOutputTokens),
    ),
    ("request.stream", Variable::Truth(Truth::Stream)),
    ("request.tools", Variable::Texts(Texts::Tools)),
    ("request.tool_count", Variable::Number(Number::ToolCount)),
    (
        "request.message_count",
        Variable::Number(Number::MessageCount),
    ),
    ("request.bytes", Variable::Number(Number::Bytes)),
    ("request.headers", Variable::Headers),
    ("user.id", Variable::Text(Text::User)),
    ("user.groups", Variable::Texts(Texts::Groups)),
    ("agent", Variable::Text(Text::Agent)),
    ("org", Variable::Text(Text::Org)),
    ("team", Variable::Text(Text::Team)),
    ("project", Variable::Text(Text::Project)),
    ("time.hour", Variable::Number(Number::Hour)),
    ("time.minute", Variable::Number(Number::Minute)),
    ("time.weekday", Variable::Text(Text::Weekday)),
    ("time.date", Variable::Text(Text::Date)),
    ("budget.used_pct", Variable::Number(Number::UsedPercent)),
    ("budget.soft", Variable::Truth(Truth::Soft)),
];

/// What variables are gathered under.
pub(super) const GROUPS: [&str; 5] = ["request", "user", "time", "detections", "budget"];

/// The variable of this name.
pub(super) fn named(path: &str) -> Option<Variable> {
    let (_, variable) = ALL.iter().find(|(name, _)| *name == path)?;
    Some(*variable)
}

/// The names under a group, without it.
pub(super) fn under(group: &str) -> impl Iterator<Item = &'static str> {
    ALL.iter().filter_map(move |(name, _)| {
        let rest = name.strip_prefix(group)?;
        rest.strip_prefix('.')
    })
}

/// The name of a variable with a fixed one.
pub(super) fn name_of(variable: Variable) -> Option<&'static str> {
    let (name, _) = ALL.iter().find(|(_, known)| *known == variable)?;
    Some(name)
}

/// The kind of finding of this name: built in, or by its place among the policy's own.
pub(super) fn kind_named(name: &str, custom: &[&str]) -> Option<Kind> {
    Kind::named(name).or_else(|| {
        let place = custom.iter().position(|known| *known == name)?;
        u16::try_from(place).ok().map(Kind::Custom)
    })
}

impl Number {
    /// The largest value it can have.
    pub(super) const fn most(self) -> i64 {
        match self {
            Self::Hour => 23,
            Self::Minute => 59,
            Self::Detections(_) => u32::MAX as i64,
            _ => i64::MAX,
        }
    }
}

impl Text {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        name_of(Variable::Text(self)).unwrap_or("a string")
    }

    /// How many bytes it can have.
    pub(super) const fn most_bytes(self) -> usize {
        match self {
            Self::Weekday => 3,
            Self::Date => 10,
            _ => bounds::NAME,
        }
    }
}

impl Texts {
    /// How many entries it can have.
    pub(super) const fn most_entries(self) -> usize {
        match self {
            Self::Tools => bounds::TOOLS,
            Self::Groups => bounds::GROUPS,
        }
    }

    /// How many bytes each of them can have.
    pub(super) const fn most_bytes(self) -> usize {
        match self {
            Self::Tools => bounds::TOOL,
            Self::Groups => bounds::NAME,
        }
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tools => "request.tools",
            Self::Groups => "user.groups",
        }
    }
}
