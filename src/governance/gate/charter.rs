//! The rules as the gate reads them: immutable, swapped whole, with what a key alone decides worked out once.
//!
//! Most selectors look only at a key's own labels. Which ledgers and cells such a key's calls meet is found at its first
//! call and kept; only what a request itself decides (`run`, `session`, `model`…) is looked at each time.

use super::{Ask, Denial, Gate, HeldCells, Ledgers};
use crate::clock::Moment;
use crate::governance::budget::{Absent, Budget, LedgerId};
use crate::governance::identity::{Caller, Key, KeyIndex, Keys, Label, Selector};
use crate::governance::limit::{Cell, Limit};
use crate::governance::pricing::UnknownPrice;
use std::sync::{Arc, OnceLock};

/// What is configured, as meant.
#[derive(Debug, Default)]
pub struct Rules {
    /// The virtual keys.
    pub keys: Keys,
    /// The budgets.
    pub budgets: Vec<Arc<Budget>>,
    /// The rate limits.
    pub limits: Vec<Arc<Limit>>,
    /// What becomes of calls without a price.
    pub unknown_price: UnknownPrice,
}

/// One configuration's rules, ready to decide by.
#[derive(Debug)]
pub struct Charter {
    rules: Rules,
    /// By key; filled at the key's first call.
    orders: Box<[OnceLock<Orders>]>,
}

/// What a key's calls meet.
#[derive(Debug)]
struct Orders {
    budgets: Vec<Order<LedgerId>>,
    limits: Vec<Order<Arc<Cell>>>,
    /// Whether one of the settled budgets refuses.
    hard: bool,
}

#[derive(Debug)]
enum Order<T> {
    /// Every call meets this one.
    Settled(T),
    /// The call itself decides, by the rule at this place.
    PerCall(usize),
}

/// What a rule makes of one call.
enum Which<'a> {
    NotThis,
    /// The one all share.
    Shared,
    /// The one for this value.
    Of(&'a str),
    /// The call lacks this label, and the rule refuses such calls.
    Lacks(Label),
}

fn which<'a>(
    selector: &Selector,
    per: Option<Label>,
    absent: Absent,
    caller: &Caller<'a>,
) -> Which<'a> {
    if !selector.matches(caller) {
        return Which::NotThis;
    }
    let Some(label) = per else {
        return Which::Shared;
    };
    match (caller.value(label), absent) {
        (Some(value), _) => Which::Of(value),
        (None, Absent::Share) => Which::Shared,
        (None, Absent::Deny) => Which::Lacks(label),
    }
}

fn is_settled(selector: &Selector, per: Option<Label>) -> bool {
    selector.is_settled_by_the_key() && per.is_none_or(|label| !label.comes_with_the_request())
}

impl Charter {
    pub(super) fn new(rules: Rules) -> Self {
        let orders = rules.keys.iter().map(|_| OnceLock::new()).collect();
        Self { rules, orders }
    }

    /// The virtual keys.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.rules.keys
    }

    /// The budgets, as configured.
    #[must_use]
    pub fn budgets(&self) -> &[Arc<Budget>] {
        &self.rules.budgets
    }

    pub(super) const fn unknown_price(&self) -> UnknownPrice {
        self.rules.unknown_price
    }

    /// Opens the ledgers that stand for no label value, so that they are there to look at (and their first ceiling can be
    /// on the disk) before the first call.
    pub fn open_ledgers(&self, gate: &Gate, now: Moment) {
        for budget in self
            .rules
            .budgets
            .iter()
            .filter(|budget| budget.per.is_none())
        {
            gate.books.open(budget, None, true, now);
        }
    }

    /// The ledgers this call must fit into, and whether one of them refuses.
    pub(super) fn ledgers(
        &self,
        gate: &Gate,
        ask: &Ask<'_>,
        now: Moment,
    ) -> Result<(Ledgers, bool), Box<Denial>> {
        let Some(orders) = self.orders(gate, ask.caller.key, ask.key, now) else {
            return Err(Denial::crowded(&ask.caller));
        };
        let mut ledgers = Ledgers::new();
        let mut hard = orders.hard;
        for order in &orders.budgets {
            match order {
                Order::Settled(id) => ledgers.push(*id),
                Order::PerCall(place) => {
                    let Some(budget) = self.rules.budgets.get(*place) else {
                        continue;
                    };
                    let value =
                        match which(&budget.selector, budget.per, budget.absent, &ask.caller) {
                            Which::NotThis => continue,
                            Which::Shared => None,
                            Which::Of(value) => Some(value),
                            Which::Lacks(label) => {
                                return Err(Denial::lacks_label(&ask.caller, &budget.name, label));
                            }
                        };
                    let id = gate.books.open(budget, value, false, now);
                    ledgers.push(id.ok_or_else(|| Denial::crowded(&ask.caller))?);
                    hard |= budget.enforce;
                }
            }
        }
        Ok((ledgers, hard))
    }

    /// The cells this call must pass.
    pub(super) fn cells(
        &self,
        gate: &Gate,
        ask: &Ask<'_>,
        now: Moment,
    ) -> Result<HeldCells, Box<Denial>> {
        let Some(orders) = self.orders(gate, ask.caller.key, ask.key, now) else {
            return Err(Denial::crowded(&ask.caller));
        };
        let mut cells = HeldCells::new();
        for order in &orders.limits {
            match order {
                Order::Settled(cell) => cells.push(cell.clone()),
                Order::PerCall(place) => {
                    let Some(limit) = self.rules.limits.get(*place) else {
                        continue;
                    };
                    let value = match which(&limit.selector, limit.per, limit.absent, &ask.caller) {
                        Which::NotThis => continue,
                        Which::Shared => None,
                        Which::Of(value) => Some(value),
                        Which::Lacks(label) => {
                            return Err(Denial::lacks_label(&ask.caller, &limit.name, label));
                        }
                    };
                    let cell = gate.cells.open(limit, value, now.since_start);
                    cells.push(cell.ok_or_else(|| Denial::crowded(&ask.caller))?);
                }
            }
        }
        Ok(cells)
    }

    /// `None`: one of the rules is split into more parts than are kept.
    fn orders(&self, gate: &Gate, key: &Key, index: KeyIndex, now: Moment) -> Option<&Orders> {
        let slot = self.orders.get(usize::try_from(index.0).ok()?)?;
        if let Some(orders) = slot.get() {
            return Some(orders);
        }
        let made = self.work_out(gate, key, now)?;
        Some(slot.get_or_init(|| made))
    }

    fn work_out(&self, gate: &Gate, key: &Key, now: Moment) -> Option<Orders> {
        let caller = key.caller();
        let mut orders = Orders {
            budgets: Vec::new(),
            limits: Vec::new(),
            hard: false,
        };
        for (place, budget) in self.rules.budgets.iter().enumerate() {
            if !is_settled(&budget.selector, budget.per) {
                orders.budgets.push(Order::PerCall(place));
                continue;
            }
            let value = match which(&budget.selector, budget.per, budget.absent, &caller) {
                Which::NotThis => continue,
                Which::Shared => None,
                Which::Of(value) => Some(value),
                // Refused anew at each call, with the caller's own words.
                Which::Lacks(_) => {
                    orders.budgets.push(Order::PerCall(place));
                    continue;
                }
            };
            orders
                .budgets
                .push(Order::Settled(gate.books.open(budget, value, true, now)?));
            orders.hard |= budget.enforce;
        }
        for (place, limit) in self.rules.limits.iter().enumerate() {
            if !is_settled(&limit.selector, limit.per) {
                orders.limits.push(Order::PerCall(place));
                continue;
            }
            let value = match which(&limit.selector, limit.per, limit.absent, &caller) {
                Which::NotThis => continue,
                Which::Shared => None,
                Which::Of(value) => Some(value),
                Which::Lacks(_) => {
                    orders.limits.push(Order::PerCall(place));
                    continue;
                }
            };
            orders.limits.push(Order::Settled(gate.cells.open(
                limit,
                value,
                now.since_start,
            )?));
        }
        Some(orders)
    }
}
