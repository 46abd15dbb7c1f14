//! The budgets of the world: one in total over two teams whose budgets have periods, one that binds nobody, and an
//! administrator who changes his mind.

use super::chance::Chance;
use super::world::{VALID, at, mills};
use crate::lease::protocol::{AccountId, Bank, LeafId, Lending};
use crate::units::Money;
use std::time::Duration;

/// Two teams share one organisation.
pub(super) const TEAMS: u64 = 2;
/// A budget that only counts.
const SOFT: u64 = 9;
/// How long a team's period is, in ticks.
const PERIOD: u64 = 250;

/// What the budgets are now.
#[derive(Debug)]
pub(super) struct Calendar {
    organisation: Money,
    team: Money,
    /// Whether the second team's budget is lent in smaller pieces, for shorter times.
    is_close: bool,
}

const ORGANISATION: AccountId = AccountId {
    budget: 0,
    period: 0,
};

/// The accounts of a leaf at a tick: its team's, the organisation's, and the one that only counts; in order.
pub(super) fn accounts(leaf: LeafId, now: u64) -> [AccountId; 3] {
    let period = i64::try_from(now / PERIOD).expect("few");
    let soft = AccountId {
        budget: SOFT,
        period: 0,
    };
    let team = AccountId {
        budget: leaf.0,
        period,
    };
    [ORGANISATION, team, soft]
}

impl Calendar {
    pub(super) fn new(chance: &mut Chance) -> Self {
        let more = chance.below(3_000);
        Self {
            organisation: mills(3_000 + more),
            team: mills(2_500),
            is_close: more.is_multiple_of(3),
        }
    }

    /// Whether a period begins at this tick.
    pub(super) fn turns(now: u64) -> bool {
        now.is_multiple_of(PERIOD)
    }

    /// Makes the bank what it is to be now, by its clock. When periods end it does not remember.
    pub(super) fn apply(&self, bank: &mut Bank, now: u64, clock: Duration) {
        for leaf in (1..=TEAMS).map(LeafId) {
            let [organisation, team, soft] = accounts(leaf, now);
            for (id, limit, hard) in [
                (organisation, self.organisation, true),
                (team, self.team, true),
                (soft, Money::ZERO, false),
            ] {
                let known = bank.account(id);
                if known.is_none_or(|known| known.limit != limit) {
                    bank.set_account(id, limit, hard);
                }
            }
            let left = at((now / PERIOD + 1) * PERIOD - now);
            bank.set_end(team, Some(clock + left));
            let close = Lending {
                valid_for: Some(at(VALID / 2)),
                horizon: Some(at(20)),
                outstanding: Some(10),
                floor: Some(mills(50)),
                most: Some(mills(400)),
            };
            if self.is_close && leaf.0 == TEAMS {
                bank.set_lending(team, close);
            }
            bank.set_leaf(leaf, accounts(leaf, now));
        }
    }

    /// Somebody thinks better of a limit, one way or the other.
    pub(super) fn change(&mut self, chance: &mut Chance) {
        let limit = mills(1_000 + chance.below(6_000));
        if chance.percent(50) {
            self.organisation = limit;
        } else {
            self.team = limit;
        }
    }
}
