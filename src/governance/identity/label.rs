//! Labels, and the selectors that pick calls by them.

use super::Key;
use crate::pattern::Pattern;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What a call can be told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// The organisation.
    Org,
    /// The team.
    Team,
    /// The project.
    Project,
    /// The agent.
    Agent,
    /// The person the key belongs to.
    User,
    /// The groups of the key's owner; a call has any number of them.
    Groups,
    /// The virtual key's name.
    Key,
    /// The run (`x-tollgate-run`).
    Run,
    /// The session (`x-tollgate-session`).
    Session,
    /// The agent's own user (`x-tollgate-end-user`).
    EndUser,
    /// Free tags (`x-tollgate-tags`); a call has any number of them.
    Tags,
    /// The model, as the caller names it.
    Model,
}

impl Label {
    /// Every label.
    pub const ALL: [Self; 12] = [
        Self::Org,
        Self::Team,
        Self::Project,
        Self::Agent,
        Self::User,
        Self::Groups,
        Self::Key,
        Self::Run,
        Self::Session,
        Self::EndUser,
        Self::Tags,
        Self::Model,
    ];

    /// Its name in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Team => "team",
            Self::Project => "project",
            Self::Agent => "agent",
            Self::User => "user",
            Self::Groups => "groups",
            Self::Key => "key",
            Self::Run => "run",
            Self::Session => "session",
            Self::EndUser => "end_user",
            Self::Tags => "tags",
            Self::Model => "model",
        }
    }

    /// Whether a request decides it (a header, the body) and not the key alone.
    #[must_use]
    pub const fn comes_with_the_request(self) -> bool {
        matches!(
            self,
            Self::Run | Self::Session | Self::EndUser | Self::Tags | Self::Model
        )
    }

    /// Whether one call can have several values of it; `per:` cannot split by such a label.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(self, Self::Groups | Self::Tags)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Label {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|label| label.name() == text)
            .ok_or(())
    }
}

/// The labels a virtual key carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// One value per label: org, team, project, agent, user.
    pub single: BTreeMap<Label, Box<str>>,
    /// The groups.
    pub groups: Vec<Box<str>>,
}

/// Who makes this call: a key, and what the request adds to it.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The virtual key.
    pub key: &'a Key,
    /// `x-tollgate-run`.
    pub run: Option<&'a str>,
    /// `x-tollgate-session`.
    pub session: Option<&'a str>,
    /// `x-tollgate-end-user`.
    pub end_user: Option<&'a str>,
    /// `x-tollgate-tags`, comma-separated.
    pub tags: Option<&'a str>,
    /// The model as the caller names it.
    pub model: &'a str,
}

impl<'a> Caller<'a> {
    /// The one value of a label; `None` where the call has none, and for labels that are lists.
    #[must_use]
    pub fn value(&self, label: Label) -> Option<&'a str> {
        match label {
            Label::Key => Some(&self.key.name),
            Label::Run => self.run,
            Label::Session => self.session,
            Label::EndUser => self.end_user,
            Label::Model => Some(self.model),
            Label::Groups | Label::Tags => None,
            _ => self.key.labels.single.get(&label).map(AsRef::as_ref),
        }
    }

    fn has(&self, label: Label, pattern: &Pattern) -> bool {
        match label {
            Label::Groups => self
                .key
                .labels
                .groups
                .iter()
                .any(|group| pattern.matches(group)),
            Label::Tags => self
                .tags
                .is_some_and(|tags| tags.split(',').any(|tag| pattern.matches(tag.trim()))),
            _ => self
                .value(label)
                .is_some_and(|value| pattern.matches(value)),
        }
    }
}

/// Picks calls by their labels: every label named must match, by any of its patterns. Empty picks every call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector(pub Vec<(Label, Vec<Pattern>)>);

impl Selector {
    /// Whether the call is picked.
    #[must_use]
    pub fn matches(&self, caller: &Caller<'_>) -> bool {
        self.0
            .iter()
            .all(|(label, patterns)| patterns.iter().any(|pattern| caller.has(*label, pattern)))
    }

    /// Whether the key alone decides: such a selector is resolved once, when the configuration is loaded.
    #[must_use]
    pub fn is_settled_by_the_key(&self) -> bool {
        self.0
            .iter()
            .all(|(label, _)| !label.comes_with_the_request())
    }
}
