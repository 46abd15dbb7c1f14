//! A panel that is restored from a backup, and a gateway that the backup does not know.

use super::{DRAIN, STORM, VALID, World};
use crate::lease::protocol::{Bank, Mutant, SetBack};
use crate::lease::simulation::check::Sums;
use crate::lease::simulation::store::Store;
use std::time::Duration;

/// Numbers that no bank of these worlds gave out before its books were set back.
const BEYOND: u64 = 1 << 40;

/// Books as they were once, and when they will be all there is.
#[derive(Debug)]
pub(super) struct Backup {
    /// When it is made, and when the panel is restored from it.
    made: u64,
    restored: u64,
    /// The gateway that is enrolled after the backup was made, and when it is anew.
    late: Option<usize>,
    anew: u64,
    books: Option<(Store, Sums)>,
    /// What the store has, to make it from.
    pub(super) mirror: Store,
    /// Whether the panel was restored from it.
    pub(super) is_used: bool,
    /// Whether the bank lends again.
    pub(super) is_over: bool,
}

impl World {
    /// A world whose panel is restored from a backup one day. In every other one a gateway is enrolled after the backup was
    /// made, and anew after the panel was restored.
    pub(in crate::lease::simulation) fn restored(seed: u64, mutant: Option<Mutant>) -> Self {
        let mut world = Self::new(seed, mutant);
        let made = 50 + world.chance.below(250);
        let restored = made + 2 + world.chance.below(200);
        let anew = restored + 1 + world.chance.below(2 * (VALID + DRAIN));
        let late = seed.is_multiple_of(2).then(|| world.nodes.len() - 1);
        if late.is_some() {
            // As if it had not been enrolled yet.
            world.bank = Bank::new(world.terms);
            world.bank.mutant = mutant;
            world.calendar.apply(&mut world.bank, 0, Duration::ZERO);
            let early = world.nodes.iter().take(world.nodes.len() - 1);
            early.for_each(|node| world.bank.enrol(node.id));
        }
        world.backup = Some(Backup {
            made,
            restored,
            anew: anew.min(STORM),
            late,
            books: None,
            mirror: Store::default(),
            is_used: false,
            is_over: false,
        });
        world
    }

    pub(super) fn old_books(is_open: bool, has_begun: bool) -> SetBack {
        SetBack {
            below: BEYOND,
            is_open,
            has_begun,
            longest: Duration::ZERO,
        }
    }

    /// The gateway that the backup does not know is enrolled, and once more where the panel forgot that.
    pub(super) fn enrol_late(&mut self) {
        let due = |backup: &&Backup| self.now == backup.made + 1 || self.now == backup.anew;
        if let Some(late) = self.backup.as_ref().filter(due).and_then(|b| b.late) {
            self.bank.enrol(self.nodes[late].id);
        }
    }

    /// A backup is made, or taken for the books; then the bank waits until it knows enough, and is told the bill.
    pub(super) fn back_up(&mut self) {
        let now = self.clock();
        let Some(backup) = &mut self.backup else {
            return;
        };
        if self.now == backup.made {
            backup.books = Some((backup.mirror.clone(), self.truth.sums()));
        }
        if self.now == backup.restored
            && let Some((mut books, sums)) = backup.books.take()
        {
            books.renumber(BEYOND);
            backup.is_used = true;
            backup.mirror = books.clone();
            self.store = Box::new(books);
            self.truth.set_back(sums);
            self.panels.stop();
            self.panels.begin();
            let now = self.clock();
            self.bank = self.store.open(self.terms, now);
            self.bank.mutant = self.mutant;
            let books = Self::old_books(false, false);
            self.bank.set_back(books, now);
            self.take_up();
            self.said.clear();
        } else if backup.is_used && !backup.is_over {
            let bill = self.truth.bill();
            let none_since = backup.late.is_none();
            let opened = self.bank.open_again(&bill, none_since, now);
            if opened.is_ok() {
                backup.is_over = true;
                self.truth.balance(&self.bank);
                self.commit();
            }
        }
    }
}
