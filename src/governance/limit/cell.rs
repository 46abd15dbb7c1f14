//! The cells of the limits: one for each limit, or for each value of the label it is split by.
//!
//! Requests a minute are counted by the governor crate (GCRA), tokens by our own meter (they are corrected afterwards,
//! which GCRA cannot), calls at once by a counter. Governor's clock is the gate's: it is set to each decision's time.
//!
//! Not here: which limits hold for a call (`gate`).

use super::Limit;
use super::concurrency::{Concurrency, Slot};
use super::meter::TokenMeter;
use crate::governance::sync::Mutex;
use crate::units::Tokens;
use governor::clock::{Clock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// The gate's time, handed to governor. It never goes backwards.
#[derive(Debug, Clone, Default)]
struct Handed(Arc<AtomicU64>);

/// Nanoseconds since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ticks(u64);

impl Handed {
    fn set(&self, now: Duration) {
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_max(nanos, Ordering::Relaxed);
    }
}

impl Clock for Handed {
    type Instant = Ticks;

    fn now(&self) -> Ticks {
        Ticks(self.0.load(Ordering::Relaxed))
    }
}

impl std::ops::Add<Nanos> for Ticks {
    type Output = Self;

    fn add(self, other: Nanos) -> Self {
        Self(self.0.saturating_add(other.as_u64()))
    }
}

impl Reference for Ticks {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.as_u64()).unwrap_or(self.0))
    }
}

type Requests = RateLimiter<NotKeyed, InMemoryState, Handed, StateInformationMiddleware>;

/// One limit at work.
pub struct Cell {
    limit: Arc<Limit>,
    value: Option<Box<str>>,
    clock: Handed,
    requests: Option<Requests>,
    tokens: Option<TokenMeter>,
    concurrency: Concurrency,
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell")
            .field("limit", &self.limit.name)
            .field("value", &self.value)
            .finish_non_exhaustive()
    }
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Requests a minute.
    Requests,
    /// Tokens a minute.
    Tokens,
    /// Calls at once.
    Concurrency,
}

/// Why a call has to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttled {
    /// The limit's name.
    pub limit: Arc<str>,
    /// The label value it stands for.
    pub value: Option<Box<str>>,
    /// What it counts.
    pub kind: Kind,
    /// How much of it there is.
    pub most: u64,
    /// When it would pass; `None`: never, the call alone is more than a minute's worth.
    pub retry_after: Option<Duration>,
    /// Tokens the call was estimated at.
    pub estimate: Tokens,
}

/// What the tightest cells have left: the `x-ratelimit-*` headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headroom {
    /// Requests: limit, left, until full again.
    pub requests: Option<(u64, u64, Duration)>,
    /// Tokens: limit, left, until full again.
    pub tokens: Option<(u64, u64, Duration)>,
}

impl Cell {
    fn new(limit: &Arc<Limit>, value: Option<&str>, before: Option<&Self>, now: Duration) -> Self {
        let clock = before.map_or_else(Handed::default, |cell| cell.clock.clone());
        clock.set(now);
        let requests = limit.rpm.map(|rpm| {
            let fresh = RateLimiter::direct_with_clock(Quota::per_minute(rpm), clock.clone())
                .with_middleware();
            // An edit gives nobody a fresh minute.
            if let Some(used) = before.and_then(Self::requests_used) {
                let _ = fresh.check_n(used.min(rpm));
            }
            fresh
        });
        let used = before.and_then(|cell| {
            Some(
                cell.limit
                    .tpm?
                    .get()
                    .saturating_sub(cell.tokens.as_ref()?.read(now).left),
            )
        });
        let tokens = limit
            .tpm
            .map(|tpm| TokenMeter::new(tpm, used.unwrap_or(0), now));
        let concurrency = before
            .map(|cell| cell.concurrency.clone())
            .unwrap_or_default();
        Self {
            limit: limit.clone(),
            value: value.map(Into::into),
            clock,
            requests,
            tokens,
            concurrency,
        }
    }

    fn requests_used(&self) -> Option<NonZeroU32> {
        let rpm = self.limit.rpm?.get();
        let left = match self.requests.as_ref()?.check() {
            Ok(state) => state.remaining_burst_capacity(),
            Err(_) => 0,
        };
        // The question itself took one.
        NonZeroU32::new(rpm.saturating_sub(left).saturating_sub(1))
    }

    fn same_quota(&self, limit: &Limit) -> bool {
        (self.limit.rpm, self.limit.tpm) == (limit.rpm, limit.tpm)
    }

    fn throttled(
        &self,
        kind: Kind,
        most: u64,
        retry_after: Option<Duration>,
        estimate: Tokens,
    ) -> Throttled {
        Throttled {
            limit: self.limit.name.clone(),
            value: self.value.clone(),
            kind,
            most,
            retry_after,
            estimate,
        }
    }

    fn is_idle(&self, now: Duration) -> bool {
        let tokens = self
            .tokens
            .as_ref()
            .is_none_or(|meter| meter.read(now).full_in.is_zero());
        let a_minute_ago = now.saturating_sub(Duration::from_mins(1));
        let quiet = u128::from(self.clock.now().0) < a_minute_ago.as_nanos();
        tokens && quiet && self.concurrency.taken() == 0
    }
}

/// A call that passed its limits: it holds its places until it is dropped, and its token estimate until it is put right.
#[derive(Debug, Default)]
pub struct Admission {
    slots: SmallVec<[Slot; 2]>,
    charged: SmallVec<[Arc<Cell>; 2]>,
    estimate: Tokens,
    /// Whether a provider may have worked on the call.
    sent: bool,
    /// What the tightest cells have left.
    pub headroom: Headroom,
}

impl Admission {
    /// Passes all cells, or none of their places and tokens are taken. (A request that was counted stays counted: a refused
    /// attempt is an attempt.)
    ///
    /// # Errors
    /// The first limit that has no room.
    pub fn request(
        cells: &[Arc<Cell>],
        estimate: Tokens,
        now: Duration,
    ) -> Result<Self, Throttled> {
        let mut admission = Self::default();
        admission.estimate = estimate;
        let passed = cells.iter().try_for_each(|cell| admission.pass(cell, now));
        if let Err(throttled) = passed {
            admission.used(Tokens::ZERO, now);
            return Err(throttled);
        }
        Ok(admission)
    }

    fn pass(&mut self, cell: &Arc<Cell>, now: Duration) -> Result<(), Throttled> {
        if let Some(most) = cell.limit.concurrency {
            let slot = cell.concurrency.enter(most.get());
            let second = Some(Duration::from_secs(1));
            let full = || {
                cell.throttled(
                    Kind::Concurrency,
                    u64::from(most.get()),
                    second,
                    self.estimate,
                )
            };
            self.slots.push(slot.ok_or_else(full)?);
        }
        if let (Some(meter), Some(most)) = (&cell.tokens, cell.limit.tpm) {
            let charged = meter.charge(self.estimate, now);
            let reading = charged
                .map_err(|wait| cell.throttled(Kind::Tokens, most.get(), wait, self.estimate))?;
            self.charged.push(cell.clone());
            tighter(
                &mut self.headroom.tokens,
                (most.get(), reading.left, reading.full_in),
            );
        }
        if let (Some(requests), Some(most)) = (&cell.requests, cell.limit.rpm) {
            cell.clock.set(now);
            let most = u64::from(most.get());
            let state = requests.check().map_err(|not_until| {
                let wait = not_until.wait_time_from(cell.clock.now());
                cell.throttled(Kind::Requests, most, Some(wait), self.estimate)
            })?;
            let left = u64::from(state.remaining_burst_capacity());
            let each = Duration::from_nanos(60_000_000_000_u64.div_euclid(most.max(1)));
            let full_in =
                each.saturating_mul(u32::try_from(most.saturating_sub(left)).unwrap_or(u32::MAX));
            tighter(&mut self.headroom.requests, (most, left, full_in));
        }
        Ok(())
    }

    /// Whether the call is with a provider: dropped then, it may have used what was estimated; before, it used nothing.
    pub fn sent(&mut self, sent: bool) {
        self.sent = sent;
    }

    /// The call used this many tokens: the estimates are put right.
    pub fn used(&mut self, tokens: Tokens, now: Duration) {
        for cell in self.charged.drain(..) {
            if let Some(meter) = &cell.tokens {
                meter.correct(self.estimate, tokens, now);
            }
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if !self.sent {
            // Earlier than any cell's last look: what is given back is given back as of then.
            self.used(Tokens::ZERO, Duration::ZERO);
        }
    }
}

fn tighter(so_far: &mut Option<(u64, u64, Duration)>, reading: (u64, u64, Duration)) {
    if so_far.is_none_or(|(_, left, _)| reading.1 < left) {
        *so_far = Some(reading);
    }
}

/// The most cells one limit may be split into.
const MOST_VALUES: usize = 100_000;

type ByValue = HashMap<Option<Box<str>>, Arc<Cell>>;

/// All cells. They stand beside the configuration: an edit keeps what they counted.
#[derive(Debug, Default)]
pub struct Cells(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    cells: HashMap<Arc<str>, ByValue>,
    /// The limits in force, once somebody said.
    named: Option<HashMap<Arc<str>, Arc<Limit>>>,
}

impl Cells {
    /// These limits are in force from now on, whatever limit a call that began before brings along.
    pub fn govern(&self, limits: &[Arc<Limit>]) {
        let named = limits
            .iter()
            .map(|limit| (limit.name.clone(), limit.clone()));
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.named = Some(named.collect());
    }

    /// The cell of a limit, of one value of its label if it is split; `None` if it is split into too many already.
    pub fn open(
        &self,
        limit: &Arc<Limit>,
        value: Option<&str>,
        now: Duration,
    ) -> Option<Arc<Cell>> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let table = &mut *table;
        let in_force = table
            .named
            .as_ref()
            .and_then(|named| named.get(&limit.name));
        let limit = in_force.unwrap_or(limit);
        let cells = table.cells.entry(limit.name.clone()).or_default();
        let place: Option<Box<str>> = value.map(Into::into);
        let known = cells.get(&place);
        if let Some(cell) = known
            && Arc::ptr_eq(&cell.limit, limit)
        {
            return Some(cell.clone());
        }
        if known.is_none() && cells.len() >= MOST_VALUES {
            cells.retain(|_, cell| !cell.is_idle(now));
            if cells.len() >= MOST_VALUES {
                return None;
            }
        }
        let cell = match cells.get(&place) {
            Some(cell) if cell.same_quota(limit) && cell.limit.concurrency == limit.concurrency => {
                return Some(cell.clone());
            }
            before => Arc::new(Cell::new(limit, value, before.map(AsRef::as_ref), now)),
        };
        cells.insert(place, cell.clone());
        Some(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::budget::Absent;
    use crate::governance::identity::Selector;

    fn limit(rpm: u32, tpm: u64, concurrency: u32) -> Arc<Limit> {
        Arc::new(Limit {
            name: "per-key".into(),
            selector: Selector::default(),
            per: None,
            absent: Absent::Share,
            rpm: NonZeroU32::new(rpm),
            tpm: std::num::NonZeroU64::new(tpm),
            concurrency: NonZeroU32::new(concurrency),
        })
    }

    fn request(cell: &Arc<Cell>, tokens: u64, at: Duration) -> Result<Admission, Throttled> {
        Admission::request(std::slice::from_ref(cell), Tokens(tokens), at)
    }

    #[test]
    fn the_request_after_the_last_one_waits_exactly_as_long_as_it_must() {
        let cell = Cells::default()
            .open(&limit(5, 0, 0), None, Duration::ZERO)
            .expect("opens");
        for left in (0..5).rev() {
            let admission = request(&cell, 0, Duration::ZERO).expect("within the limit");
            assert_eq!(admission.headroom.requests.expect("limited").1, left);
        }
        let wait = request(&cell, 0, Duration::ZERO)
            .expect_err("the sixth")
            .retry_after
            .expect("in time");
        assert_eq!(wait, Duration::from_secs(12));
        assert!(
            request(
                &cell,
                0,
                wait.checked_sub(Duration::from_nanos(1)).expect("longer")
            )
            .is_err()
        );
        assert!(request(&cell, 0, wait).is_ok());
    }

    #[test]
    fn a_place_is_given_back_when_the_call_ends() {
        let cell = Cells::default()
            .open(&limit(0, 0, 1), None, Duration::ZERO)
            .expect("opens");
        let first = request(&cell, 0, Duration::ZERO).expect("free");
        assert_eq!(
            request(&cell, 0, Duration::ZERO).expect_err("taken").kind,
            Kind::Concurrency
        );
        drop(first);
        assert!(request(&cell, 0, Duration::ZERO).is_ok());
    }

    #[test]
    fn tokens_of_a_refused_call_are_not_charged() {
        let cells = Cells::default();
        let wide = cells.open(
            &Arc::new(Limit {
                name: "wide".into(),
                ..(*limit(0, 100, 0)).clone()
            }),
            None,
            Duration::ZERO,
        );
        let narrow = cells.open(&limit(0, 10, 0), None, Duration::ZERO);
        let both = [wide.expect("opens"), narrow.expect("opens")];
        assert!(Admission::request(&both, Tokens(50), Duration::ZERO).is_err());
        assert_eq!(
            request(&both[0], 100, Duration::ZERO).map(|admission| admission.estimate),
            Ok(Tokens(100))
        );
    }

    #[test]
    fn an_edit_gives_nobody_a_fresh_minute() {
        let cells = Cells::default();
        let cell = cells
            .open(&limit(10, 100, 0), None, Duration::ZERO)
            .expect("opens");
        for _ in 0..8 {
            request(&cell, 10, Duration::ZERO)
                .expect("fits")
                .used(Tokens(10), Duration::ZERO);
        }
        let edited = cells
            .open(&limit(20, 200, 0), None, Duration::ZERO)
            .expect("opens");
        let headroom = request(&edited, 0, Duration::ZERO).expect("fits").headroom;
        assert_eq!(
            headroom.requests.map(|(most, left, _)| (most, left)),
            Some((20, 11))
        );
        assert_eq!(
            headroom.tokens.map(|(most, left, _)| (most, left)),
            Some((200, 120))
        );
    }
}
