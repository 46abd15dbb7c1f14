//! One text of an answer, whichever of the two it is: what the model says, or the arguments of a call it makes.

use super::arguments::Arguments;
use super::voice::Voice;
use super::{Blocked, Screen};
use crate::governance::policy::settings::Site;

/// One text of an answer on its way to the caller.
#[derive(Debug)]
pub(super) enum Speech {
    Text(Voice),
    Arguments(Arguments),
}

impl Speech {
    /// A text that is looked at where guards want it.
    pub(super) fn new(screen: &Screen, arguments: bool) -> Self {
        if arguments {
            Self::Arguments(Arguments::new(Site::ToolArgs))
        } else {
            Self::Text(Voice::new(screen, Site::Response, ""))
        }
    }

    /// A text that nobody looks at.
    pub(super) fn unseen(screen: &Screen, arguments: bool) -> Self {
        if arguments {
            Self::Arguments(Arguments::unseen(Site::ToolArgs))
        } else {
            Self::Text(Voice::unseen(screen, Site::Response))
        }
    }

    pub(super) fn push(
        &mut self,
        screen: &Screen,
        text: &str,
        out: &mut String,
    ) -> Result<(), Blocked> {
        match self {
            Self::Text(voice) => voice.push(screen, text, out),
            Self::Arguments(all) => all.push(screen, text, out),
        }
    }

    pub(super) fn finish(&mut self, screen: &Screen, out: &mut String) -> Result<(), Blocked> {
        match self {
            Self::Text(voice) => voice.finish(screen, out),
            Self::Arguments(all) => all.finish(screen, out),
        }
    }

    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Text(voice) => voice.holds(),
            Self::Arguments(all) => all.holds(),
        }
    }

    /// What comes from now on is not looked at any more.
    pub(super) fn look_no_further(
        &mut self,
        screen: &Screen,
        out: &mut String,
    ) -> Result<(), Blocked> {
        match self {
            Self::Text(voice) => voice.look_no_further(screen, out),
            Self::Arguments(all) => all.look_no_further(screen, out),
        }
    }

    /// Whether a value was taken out; known at the end.
    pub(super) const fn acted(&self) -> bool {
        match self {
            Self::Text(voice) => voice.acted(),
            Self::Arguments(all) => all.acted(),
        }
    }
}
