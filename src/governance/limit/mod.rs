//! Rate limits: requests a minute, tokens a minute, calls at once.

mod cell;
mod concurrency;
#[cfg(test)]
#[cfg(loom)]
mod loom;
mod meter;

pub use cell::{Admission, Cell, Cells, Headroom, Kind, Throttled};

use crate::governance::budget::Absent;
use crate::governance::identity::{Label, Selector};
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;

/// One limit, as meant.
#[derive(Debug, Clone)]
pub struct Limit {
    /// Its name.
    pub name: Arc<str>,
    /// The calls it holds for.
    pub selector: Selector,
    /// Makes one limit for each value of this label.
    pub per: Option<Label>,
    /// What becomes of calls without that label.
    pub absent: Absent,
    /// Requests a minute.
    pub rpm: Option<NonZeroU32>,
    /// Tokens a minute.
    pub tpm: Option<NonZeroU64>,
    /// Calls at once.
    pub concurrency: Option<NonZeroU32>,
}
