//! Who may be asked for a model, and who is asked first.
//!
//! A model has one target, mostly. Where it has several, they stand for each other: a target that cannot be called in the
//! dialect of the call is passed over, because nothing is translated.
//!
//! Not here: leaving a target for the next one (`fallback`).

use super::Refusal;
use super::refusal::{Other, Why};
use super::worker::Target;
use crate::chat::{Dialect, Endpoint};
use crate::clock;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The targets of one model, in the order of preference.
#[derive(Debug)]
pub(super) struct Way(Vec<Rc<Target>>);

/// Targets, by their places in a way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Places(u32);

impl Places {
    pub(super) const fn has(self, place: usize) -> bool {
        self.0 & Self::bit(place) != 0
    }

    pub(super) const fn add(&mut self, place: usize) {
        self.0 |= Self::bit(place);
    }

    const fn bit(place: usize) -> u32 {
        // A route has far fewer targets than a number has bits.
        1 << (place & 31)
    }
}

impl Way {
    /// A way to these targets; `None` without any.
    pub(super) fn new(targets: Vec<Rc<Target>>) -> Option<Self> {
        (!targets.is_empty()).then_some(Self(targets))
    }

    /// The target to ask, of those that speak the dialect and were not asked yet: one that fares well, or else any, because
    /// a caller with nobody else to ask loses nothing by asking.
    pub(super) fn choose(
        &self,
        spoken: Dialect,
        asked: Places,
        now: Duration,
    ) -> Option<(usize, &Rc<Target>)> {
        let better = self.better(spoken, asked, now);
        better.or_else(|| self.open_to(spoken, asked).next())
    }

    /// The target to ask, of those that fare well.
    pub(super) fn better(
        &self,
        spoken: Dialect,
        asked: Places,
        now: Duration,
    ) -> Option<(usize, &Rc<Target>)> {
        self.open_to(spoken, asked)
            .find(|(_, target)| target.lets(now))
    }

    fn open_to(
        &self,
        spoken: Dialect,
        asked: Places,
    ) -> impl Iterator<Item = (usize, &Rc<Target>)> {
        let targets = self.0.iter().enumerate();
        targets.filter(move |(place, target)| !asked.has(*place) && speaks(target, spoken))
    }

    /// The place of a target.
    pub(super) fn place(&self, target: &Rc<Target>) -> Option<usize> {
        self.0.iter().position(|one| Rc::ptr_eq(one, target))
    }

    /// Those that were not asked because they do not speak the dialect.
    pub(super) fn foreign(&self, spoken: Dialect) -> impl Iterator<Item = Other> {
        let foreign = self.0.iter().filter(move |target| !speaks(target, spoken));
        foreign.map(|target| Other {
            provider: target.destination.upstream.name.clone(),
            why: Why::OtherDialect,
        })
    }

    /// Whose they are, in words.
    fn providers(&self) -> Arc<str> {
        let mut names: Vec<&str> = Vec::with_capacity(self.0.len());
        for target in &self.0 {
            let name = &*target.destination.upstream.name;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join("`, `").into()
    }
}

fn speaks(target: &Target, spoken: Dialect) -> bool {
    target.destination.upstream.kind.speaks(spoken)
}

/// Who is asked first, and the way to the others if there are any.
pub(super) fn chosen(
    way: Option<Rc<Way>>,
    endpoint: Endpoint,
    model: &str,
) -> Result<(Rc<Target>, Option<Rc<Way>>), Refusal> {
    let way = way.ok_or_else(|| Refusal::ModelNotFound {
        model: model.into(),
    })?;
    let spoken = endpoint.dialect();
    if let [only] = &*way.0
        && speaks(only, spoken)
    {
        return Ok((only.clone(), None));
    }
    let now = clock::since_start();
    let Some((_, target)) = way.choose(spoken, Places::default(), now) else {
        return Err(Refusal::OtherDialect {
            model: model.into(),
            provider: way.providers(),
            spoken,
        });
    };
    let target = target.clone();
    Ok((target, Some(way)))
}
