//! The counters themselves: whole numbers in cache lines of their own, one set per thread.
//!
//! A request adds to about twenty numbers. Where two cores add to the same line, each addition costs a trip between
//! them; so every thread has its own shard, and a scrape sums them. Durations are kept in nanoseconds and money in
//! nano-dollars, exact; they become floats only in the exposition.
//!
//! Invariant: a cell only grows (gauges: the sum over shards is exact, a single shard may wrap below zero).

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const PER_LINE: usize = 8;

/// More threads than this share shards: still right, only slower.
const MOST_SHARDS: usize = 8;

#[repr(align(64))]
#[derive(Debug, Default)]
struct Line([AtomicU64; PER_LINE]);

/// A block of numbers that are counted together.
#[derive(Debug)]
pub(in crate::telemetry) struct Cells {
    lines: Box<[Line]>,
    lines_per_shard: usize,
}

thread_local! {
    static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The calling thread's shard.
fn shard() -> usize {
    SHARD.with(|own| {
        if own.get() == usize::MAX {
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            own.set(NEXT.fetch_add(1, Ordering::Relaxed) % shards());
        }
        own.get()
    })
}

fn shards() -> usize {
    static SHARDS: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *SHARDS.get_or_init(|| {
        std::thread::available_parallelism()
            .map_or(1, std::num::NonZero::get)
            .clamp(1, MOST_SHARDS)
    })
}

impl Cells {
    /// A block of `count` numbers, all zero.
    pub(in crate::telemetry) fn new(count: usize) -> Self {
        let lines_per_shard = count.div_ceil(PER_LINE).max(1);
        Self {
            lines: (0..lines_per_shard * shards())
                .map(|_| Line::default())
                .collect(),
            lines_per_shard,
        }
    }

    fn cell(&self, shard: usize, at: usize) -> Option<&AtomicU64> {
        let line = self
            .lines
            .get(shard * self.lines_per_shard + at / PER_LINE)?;
        line.0.get(at % PER_LINE)
    }

    /// Adds `by` to the number at `at`.
    pub(in crate::telemetry) fn add(&self, at: usize, by: u64) {
        if let Some(cell) = self.cell(shard(), at) {
            cell.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Takes one from the number at `at`, perhaps on another thread than it was added on.
    pub(in crate::telemetry) fn take_one(&self, at: usize) {
        self.add(at, u64::MAX); // modulo 2^64: the sum over shards comes out right
    }

    /// The number at `at`.
    pub(in crate::telemetry) fn sum(&self, at: usize) -> u64 {
        (0..self.lines.len() / self.lines_per_shard)
            .filter_map(|shard| self.cell(shard, at))
            .fold(0, |sum, cell| {
                sum.wrapping_add(cell.load(Ordering::Relaxed))
            })
    }

    /// Notes `value` in a histogram.
    pub(in crate::telemetry) fn observe(&self, histogram: &Histogram, value: u64) {
        // Without a branch per bound: the bounds are few, and the comparison is done for several at once.
        let bucket: usize = histogram
            .bounds
            .iter()
            .map(|bound| usize::from(value > *bound))
            .sum();
        self.add(histogram.first + 1 + bucket, 1);
        self.add(histogram.first, value);
    }

    /// The histogram as read now: its sum, and the count in each bucket (not cumulated; the last is beyond all bounds).
    pub(in crate::telemetry) fn read(&self, histogram: &Histogram) -> (u64, Vec<u64>) {
        let counts = (0..=histogram.bounds.len())
            .map(|bucket| self.sum(histogram.first + 1 + bucket))
            .collect();
        (self.sum(histogram.first), counts)
    }
}

/// Where in a block of cells a histogram lies: its sum, then one count per bound, then the count beyond.
#[derive(Debug, Clone, Copy)]
pub(in crate::telemetry) struct Histogram {
    first: usize,
    pub(in crate::telemetry) bounds: &'static [u64],
}

impl Histogram {
    pub(in crate::telemetry) const fn at(first: usize, bounds: &'static [u64]) -> Self {
        Self { first, bounds }
    }

    /// The first cell after it.
    pub(in crate::telemetry) const fn end(&self) -> usize {
        self.first + self.bounds.len() + 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_threads_add_up() {
        let cells = Cells::new(20);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| (0..1_000).for_each(|_| cells.add(19, 3)));
            }
        });
        assert_eq!(cells.sum(19), 60_000);
        assert_eq!(cells.sum(18), 0);
        cells.add(20_000, 1); // no such cell, no harm
    }

    #[test]
    fn what_one_thread_adds_another_may_take() {
        let cells = Cells::new(1);
        cells.add(0, 1);
        cells.add(0, 1);
        std::thread::scope(|scope| {
            scope.spawn(|| cells.take_one(0));
        });
        assert_eq!(cells.sum(0), 1);
    }

    #[test]
    fn a_value_falls_into_the_first_bucket_that_holds_it() {
        let histogram = Histogram::at(2, &[10, 20, 30]);
        let cells = Cells::new(histogram.end());
        for value in [0, 10, 11, 20, 30, 31, 1_000] {
            cells.observe(&histogram, value);
        }
        assert_eq!(cells.read(&histogram), (1_102, vec![2, 2, 1, 2]));
        assert_eq!(cells.sum(0), 0);
    }
}
