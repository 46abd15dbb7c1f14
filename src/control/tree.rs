//! Whose spending is counted where: budgets, and the leaves below them, as the bank is to go by.
//!
//! An administrator's tree (organisation, team, project, key) comes to this: each key is a leaf, and a leaf names every budget
//! on its way to the root. Which of a budget's periods it is now, the calendar says.
//!
//! Invariant: a leaf is always counted somewhere. One that no budget covers has the account of [`UNBUDGETED`], which binds
//! nobody and counts all the same.
//!
//! Not here: what is spent (`lease::protocol`), names.

use crate::clock::Wall;
use crate::governance::budget::{Period, Window};
use crate::lease::protocol::{AccountId, LeafId, Lending, RouterId};
use crate::units::Money;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// The budget of those who have none.
pub const UNBUDGETED: u64 = 0;

/// A budget, as the bank is to keep it.
#[derive(Debug, Clone)]
pub struct TreeBudget {
    /// Its number, never used again; not [`UNBUDGETED`].
    pub id: u64,
    /// How much there is in a period.
    pub limit: Money,
    /// Whether that binds.
    pub hard: bool,
    /// How it is lent, where not as the bank's terms say.
    pub lending: Lending,
    /// How long a period is.
    pub window: Window,
    /// Where its calendar is read.
    pub zone: TimeZone,
}

/// A key, as the bank is to know it.
#[derive(Debug, Clone)]
pub struct TreeLeaf {
    /// Its number, never used again.
    pub id: LeafId,
    /// All budgets on its way to the root.
    pub budgets: Vec<u64>,
    /// Whether it may spend nothing: its switch was pulled, or that of something above it.
    pub killed: bool,
}

/// All of it. A leaf that is no longer in it may spend nothing.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Every budget.
    pub budgets: Vec<TreeBudget>,
    /// Every leaf.
    pub leaves: Vec<TreeLeaf>,
    /// Gateways that are lent nothing: revoked, or their switch was pulled.
    pub stopped: BTreeSet<RouterId>,
}

/// The accounts of a moment.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) by_budget: BTreeMap<u64, Current>,
    /// When the first of them turns to its next period, in seconds since the epoch.
    pub(super) until: Option<i64>,
}

/// A budget's account now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current {
    pub(super) id: AccountId,
    pub(super) limit: Money,
    pub(super) hard: bool,
    pub(super) lending: Lending,
    /// When its period ends, in seconds since the epoch, if it does.
    pub(super) ends: Option<i64>,
}

impl Tree {
    /// Which accounts the budgets have at `now`.
    pub(super) fn accounts(&self, now: Wall) -> Accounts {
        let mut accounts = Accounts::default();
        let unbudgeted = Current {
            id: AccountId {
                budget: UNBUDGETED,
                period: 0,
            },
            limit: Money::ZERO,
            hard: false,
            lending: Lending::default(),
            ends: None,
        };
        accounts.by_budget.insert(UNBUDGETED, unbudgeted);
        for budget in &self.budgets {
            let period = Period::containing(budget.window, &budget.zone, now);
            let ends = (period.end < i64::MAX).then_some(period.end);
            let current = Current {
                id: AccountId {
                    budget: budget.id,
                    period: period.start,
                },
                limit: budget.limit,
                hard: budget.hard,
                lending: budget.lending,
                ends,
            };
            accounts.by_budget.insert(budget.id, current);
            accounts.until = [accounts.until, ends].into_iter().flatten().min();
        }
        accounts
    }
}

impl Accounts {
    /// The accounts of a leaf. A budget that nobody knows is left out.
    pub(super) fn of(&self, leaf: &TreeLeaf) -> Vec<AccountId> {
        let known = leaf.budgets.iter();
        let mut known: Vec<AccountId> = known
            .filter_map(|budget| Some(self.by_budget.get(budget)?.id))
            .collect();
        if known.is_empty() {
            known.extend(self.by_budget.get(&UNBUDGETED).map(|account| account.id));
        }
        known
    }
}
