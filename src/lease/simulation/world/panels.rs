//! Several panels over one store: one holds the bank by the store's word, and others may believe that they do.
//!
//! What a panel may say is as `control::treasury` and the tenure of its store have it. Whoever takes the bank begins a new term. What
//! a step changed is written in a transaction that names its term; for a step that changed nothing the store is asked for the
//! term alone; only then is it answered. A panel to which the store does not answer says nothing, and one whose term is over
//! ends, to stand by. Who stands by opens no port: gateways reach the holder, or somebody who believes to be it.
//!
//! Each panel has a clock of its own. A gateway's messages go to any of the open ports.

use super::{STORM, Up, World, at};
use crate::lease::protocol::{Answer, Bank, BankError, Mutant, Rows};
use crate::lease::simulation::chance::Chance;
use std::time::Duration;

/// The panels of a world.
#[derive(Debug)]
pub(super) struct Panels {
    chance: Chance,
    count: u64,
    /// Whose term it is, by the store's word.
    term: u64,
    /// Until when nobody holds the bank.
    vacant: Option<u64>,
    /// Those who lost the bank and do not know; the latest last.
    deposed: Vec<Deposed>,
}

/// A panel whose term is over, with the bank as it knew it.
#[derive(Debug)]
struct Deposed {
    bank: Bank,
    term: u64,
    /// Whether it cannot reach the store.
    is_cut: bool,
    /// When it looks after its term, or gives up, with nothing to be written.
    until: u64,
}

/// What a message comes to: nothing, if nobody says anything.
type Said = Option<Result<Answer, BankError>>;

/// Whose port a message comes to.
enum Door {
    /// The panel that holds the bank.
    Holder,
    /// One that held it, by its place.
    Deposed(usize),
}

impl Panels {
    /// One, which dies now and then and is started again.
    pub(super) fn one() -> Self {
        Self {
            chance: Chance::new(0),
            count: 1,
            term: 0,
            vacant: None,
            deposed: Vec::new(),
        }
    }

    /// One to three, by a chance of their own: what else befalls the world is no other for it.
    pub(super) fn some(seed: u64) -> Self {
        let mut chance = Chance::new(!seed);
        let count = 1 + chance.below(3);
        Self {
            chance,
            count,
            ..Self::one()
        }
    }

    /// The clock of whoever has this term: each began at another time.
    fn clock(&self, term: u64, now: u64) -> Duration {
        let begun = if self.count == 1 { 0 } else { term * 7_919 };
        at(now + begun % 5_000)
    }

    /// Another term begins.
    pub(super) fn begin(&mut self) {
        self.term += 1;
    }

    /// All of them are stopped.
    pub(super) fn stop(&mut self) {
        self.deposed.clear();
    }

    /// Whether something befalls them that does once in so many times, where there are several.
    fn befalls(&mut self, often: u64) -> bool {
        self.count > 1 && self.chance.below(often) == 0
    }

    /// Who is reached, if anybody is.
    fn door(&mut self) -> Option<Door> {
        let holder = self.vacant.is_none().then_some(Door::Holder);
        let mut doors = holder
            .into_iter()
            .chain((0..self.deposed.len()).map(Door::Deposed))
            .collect::<Vec<_>>();
        let count = u64::try_from(doors.len()).expect("few");
        let place = usize::try_from(self.chance.below(count)).expect("few");
        (count > 0).then(|| doors.swap_remove(place))
    }
}

impl World {
    /// What the clock of the panel says that holds the bank.
    pub(super) fn clock(&self) -> Duration {
        self.panels.clock(self.panels.term, self.now)
    }

    /// Whether somebody holds the bank.
    pub(super) fn is_held(&self) -> bool {
        self.panels.vacant.is_none()
    }

    /// Another panel takes the bank, at once or after a while in which nobody holds it; the one that had it goes on believing.
    fn take_over(&mut self) {
        let panels = &mut self.panels;
        panels.deposed.push(Deposed {
            bank: std::mem::take(&mut self.bank),
            term: panels.term,
            is_cut: panels.chance.percent(30),
            until: (self.now + 1 + panels.chance.below(40)).min(STORM),
        });
        if u64::try_from(panels.deposed.len()).expect("few") == panels.count {
            // Somebody must be left to take over: the first one was started again.
            panels.deposed.remove(0);
        }
        // Who restores a backup has stopped them all before.
        let is_late = panels.chance.percent(30) && self.backup.is_none();
        panels.vacant = is_late.then(|| self.now + 1 + panels.chance.below(15));
        self.reopen();
    }

    /// What panels do by themselves: the bank is taken from one, one finds that it was.
    pub(super) fn succeed(&mut self) {
        if self.storms() && self.is_held() && self.panels.befalls(80) {
            self.take_over();
        }
        let over = |until: u64| until <= self.now || !self.storms();
        if self.panels.vacant.is_some_and(over) {
            self.panels.vacant = None;
            self.reopen();
        }
        for place in (0..self.panels.deposed.len()).rev() {
            let panel = &mut self.panels.deposed[place];
            if panel.until <= self.now {
                self.panels.deposed.remove(place);
                continue;
            }
            let (term, now) = (panel.term, self.now);
            let clock = self.panels.clock(term, now);
            self.panels.deposed[place].bank.tick(clock);
            let rows = self.panels.deposed[place].bank.take_rows();
            // With nothing to be written it looks after its term only when its time comes.
            if !rows.is_empty() && !self.stands(place, rows) {
                self.panels.deposed.remove(place);
            }
        }
    }

    /// Whether what a deposed panel did stands.
    fn stands(&mut self, place: usize, rows: Rows) -> bool {
        let panel = &self.panels.deposed[place];
        if rows.is_empty() {
            return self.mutant == Some(Mutant::AnswersInAnyTerm);
        }
        let stands = !panel.is_cut && self.mutant == Some(Mutant::CommitsInAnyTerm);
        if stands {
            self.truth.replayed(&panel.bank, &rows);
            self.store.write(rows);
        }
        stands
    }

    /// Brings a message to whoever's port is open.
    pub(super) fn ask(&mut self, message: &Up) -> Said {
        match self.panels.door()? {
            Door::Holder => self.ask_holder(message),
            Door::Deposed(place) => {
                let panel = &mut self.panels.deposed[place];
                let term = panel.term;
                let clock = self.panels.clock(term, self.now);
                let answer = message.step(&mut self.panels.deposed[place].bank, clock);
                self.conclude(place, message, answer)
            }
        }
    }

    fn ask_holder(&mut self, message: &Up) -> Said {
        // What came before is safe; this step may be done and then lost, with its answer.
        self.commit();
        let now = self.clock();
        let dies = self.storms() && self.chance.below(100) == 0;
        let answer = message.step(&mut self.bank, now);
        if dies {
            self.reopen();
            return None;
        }
        let storms = self.storms();
        if storms && self.panels.befalls(60) {
            // It is another's bank before what this step changed is written.
            self.take_over();
            return self.conclude(self.panels.deposed.len() - 1, message, answer);
        }
        self.heard(message, &answer);
        if storms && self.panels.befalls(60) {
            // It is written, and the bank is another's before anybody hears of it.
            self.commit();
            self.take_over();
            return None;
        }
        Some(answer)
    }

    /// A deposed panel has made a step: it is written, or the panel ends and nobody hears of it.
    fn conclude(&mut self, place: usize, message: &Up, answer: Result<Answer, BankError>) -> Said {
        let rows = self.panels.deposed[place].bank.take_rows();
        if self.stands(place, rows) {
            self.heard(message, &answer);
            return Some(answer);
        }
        self.panels.deposed.remove(place);
        None
    }
}
