//! What one evaluation looks at: the request, the call the model makes if it is about one, and the tags so far.

use super::matcher::{Argument, Truth};
use super::request::{Request, ToolCall};
use crate::governance::guard::Kind;
use std::cell::Cell;

/// A call, its arguments read once.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    /// `None`: they are no JSON.
    pub(super) arguments: Option<Argument>,
}

impl<'a> Call<'a> {
    pub(super) fn read(call: &ToolCall<'a>) -> Self {
        Self {
            name: call.name,
            arguments: Argument::parse(call.arguments),
        }
    }
}

/// A tag a rule set, and by the scope of which rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SetTag<'a> {
    pub(super) seat: Seat,
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// Where a scope stands: which one, and how narrow it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) scope: u16,
    /// Grows inwards.
    pub(super) rank: u8,
    /// Whether its file came with a bundle of the control panel.
    pub(super) shipped: bool,
}

/// One evaluation.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) call: Option<&'a Call<'a>>,
    pub(super) tags: &'a [SetTag<'a>],
    pub(super) seat: Seat,
    /// Names of the policies' own kinds.
    pub(super) custom: &'a [Box<str>],
    /// What the answer depends on.
    pub(super) leaned: &'a Leaned,
}

/// What an evaluation leaned on that may be otherwise the next time.
#[derive(Debug, Default)]
pub(super) struct Leaned {
    /// The time was read.
    pub(super) on_time: Cell<bool>,
    /// What texts hold was asked for, and is not known yet.
    pub(super) on_texts: Cell<bool>,
}

impl<'a> Context<'a> {
    /// The same, seen from another scope.
    pub(super) const fn at(self, seat: Seat) -> Self {
        Self { seat, ..self }
    }

    /// The values of a tag this scope may see: its own, and those of wider scopes. A narrower one could otherwise talk
    /// itself out of a wider one's rules. A gateway's own files and a bundle see nothing of each other: neither talks the
    /// other out of its rules.
    pub(super) fn tag_values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let seat = self.seat;
        self.tags
            .iter()
            .filter(move |tag| tag.seat.rank < seat.rank || tag.seat.scope == seat.scope)
            .filter(move |tag| tag.seat.shipped == seat.shipped)
            .filter(move |tag| tag.name.eq_ignore_ascii_case(name))
            .map(|tag| tag.value)
    }

    /// Notes that the time was asked for.
    pub(super) fn time_was_read(&self) {
        self.leaned.on_time.set(true);
    }

    /// Notes that something was asked of texts nobody has looked at.
    pub(super) fn not_known_yet(&self) -> Truth {
        self.leaned.on_texts.set(true);
        Truth::Pending
    }

    /// The name of a kind.
    pub(super) fn kind_name(&self, kind: Kind) -> &'a str {
        kind_name(self.custom, kind)
    }
}

/// The name of a kind, those of the policies' own patterns included.
pub(super) fn kind_name(custom: &[Box<str>], kind: Kind) -> &str {
    match kind {
        Kind::Custom(place) => custom
            .get(usize::from(place))
            .map_or("CUSTOM", AsRef::as_ref),
        built_in => built_in.name(),
    }
}
