//! Who lends: the money of a control panel, as far as the gate has to do with it.
//!
//! The gate sets a call's worst case aside in its own ledgers and of what was lent, all or none; where both hold, the
//! stricter does. Who lends and how it is asked for more is not known here: [`Lender`] is declared inside and implemented at
//! the rim (`lease`). It answers at once, from memory; what must be waited for it says, as the books do.

use super::Standing;
use crate::clock::Moment;
use crate::units::{Money, Tokens};
use std::fmt;
use std::time::Duration;

/// Keeps money that was lent.
pub trait Lender: Send + Sync + fmt::Debug {
    /// Sets a call's worst case aside, of what is lent to `leaf`.
    ///
    /// # Errors
    /// [`NotLent`]: nothing was set aside.
    fn set_aside(&self, leaf: u64, amount: Money, now: Moment) -> Result<Lent, NotLent>;

    /// Where the tightest of the budgets stands that lend to `leaf`, as far as it is known here.
    fn standing(&self, leaf: u64) -> Option<Standing>;

    /// Books what the call came to; nothing where no work was done for it. Called once for all that was set aside. Comes back
    /// with where the tightest of the budgets stands then.
    fn settle(&self, lent: &Lent, spent: Option<Spent<'_>>) -> Option<Standing>;
}

/// What a call came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent<'a> {
    /// What it did cost.
    pub cost: Money,
    /// The model that worked for it, by its provider's name; empty where nobody said which.
    pub model: &'a str,
    /// Input tokens.
    pub input: Tokens,
    /// Output tokens.
    pub output: Tokens,
}

/// Money set aside of what was lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what is not settled stays set aside"]
pub struct Lent {
    /// To whom.
    pub leaf: u64,
    /// On which lease.
    pub lease: u128,
    /// For which of its calls.
    pub call: u64,
    /// How much.
    pub amount: Money,
}

/// Why nothing was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotLent {
    /// There may be more: it is asked for. Ask again when something changed.
    Ask,
    /// It is lent, and on its way to the disk. Ask again when something changed.
    Rising,
    /// The panel says that this budget does not cover it.
    Short(Box<Standing>),
    /// The panel lends no such amount, whatever is left.
    Beyond,
    /// Somebody pulled the switch.
    Killed,
    /// Not now: ask again after this time.
    Later(Duration),
}
