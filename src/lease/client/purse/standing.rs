//! Where the panel's budgets stand, for refusals and headers: as the panel told, and what is left here of what it lent.

use super::Inner;
use crate::clock::Wall;
use crate::governance::budget::{AtLimit, Period, Standing, Window};
use crate::lease::directory::BudgetCard;
use crate::lease::protocol::{Grant, Holder, LeafId, Short};
use crate::units::Money;
use std::sync::Arc;
use std::time::Duration;

/// What callers are told of a budget besides its figures.
#[derive(Debug)]
pub(super) struct Card {
    name: Arc<str>,
    window: Window,
    at_limit: AtLimit,
    soft: Vec<u8>,
}

impl Card {
    pub(super) fn of(card: &BudgetCard) -> Self {
        Self {
            name: card.name.as_str().into(),
            window: card.window.parse().unwrap_or(Window::Total),
            at_limit: if card.clamp {
                AtLimit::Clamp
            } else {
                AtLimit::Deny
            },
            soft: card.soft.clone(),
        }
    }
}

/// What the panel told of the tightest budget of a leaf, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    short: Short,
    at: Wall,
    /// When its period is over, and with it all that was told.
    pub(super) until: Duration,
}

impl Inner {
    /// Takes down where the budgets stand that these leases are taken from: all there are. Of a leaf that is lent nothing
    /// any more nothing is known from then on: what was told once would be told for ever, and who decides by it that no call
    /// is made would never hear better.
    pub(super) fn note_standings(&mut self, grants: &[Grant], now: Duration, at: Wall) {
        let told = grants.iter().filter_map(|grant| {
            let short = grant.tightest?;
            let resets = short.resets_in.unwrap_or(Duration::MAX);
            let until = now.saturating_add(resets);
            Some((grant.leaf, Told { short, at, until }))
        });
        self.standings = told.collect();
    }

    /// Where the tightest budget of a leaf stands: what was free when the panel was last heard, and what is left here of
    /// what it lent.
    pub(super) fn stands(&self, leaf: LeafId, now: Duration) -> Option<Standing> {
        let told = self.standings.get(&leaf).filter(|told| now < told.until)?;
        let idle = |holder: &Holder| holder.idle(leaf, now);
        let idle = self.holder.as_ref().map_or(Money::ZERO, idle);
        Some(self.standing(told.short, free(&told.short).plus(idle), told.at))
    }

    /// Where the budget stands that the panel named because it does not cover a call. What this gateway holds of it already
    /// counts as left, where that is more: a smaller call may be made of either.
    pub(super) fn short(&self, leaf: LeafId, short: Short, at: Wall, now: Duration) -> Standing {
        let most = |holder: &Holder| holder.most_at_once(leaf, now);
        let own = self.holder.as_ref().map_or(Money::ZERO, most);
        self.standing(short, free(&short).max(own), at)
    }

    fn standing(&self, short: Short, left: Money, at: Wall) -> Standing {
        let card = self.budgets.get(&short.budget);
        let left = left.min(short.limit.less(short.spent));
        let end = short.resets_in.map_or(i64::MAX, |left| {
            let whole = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
            at.secs().saturating_add(whole)
        });
        let soft = card.map_or(&[][..], |card| &card.soft);
        let crossed = soft.iter().copied();
        let crossed = crossed.filter(|percent| short.spent >= short.limit.percent(*percent));
        Standing {
            budget: card.map_or_else(
                || format!("budget {} of the panel", short.budget).into(),
                |card| card.name.clone(),
            ),
            value: None,
            per: None,
            window: card.map_or(Window::Total, |card| card.window),
            period: Period {
                start: Period::TOTAL.start,
                end,
            },
            enforce: true,
            at_limit: card.map_or(AtLimit::Clamp, |card| card.at_limit),
            limit: short.limit,
            spent: short.spent,
            reserved: short.limit.less(short.spent.plus(left)),
            uncertain: Money::ZERO,
            soft: crossed.max(),
        }
    }
}

/// What was neither spent nor lent to anybody.
fn free(short: &Short) -> Money {
    short.limit.less(short.spent.plus(short.held))
}
