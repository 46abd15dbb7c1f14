//! Times contenders against each other: in turns, so that a machine whose mood changes is unfair to none of them.
//!
//! The figure is the median over the turns; each turn makes as many calls as take about a millisecond of this thread's
//! processor time, which leaves out what other programs take. Whole numbers throughout: picoseconds.

use std::fmt::{self, Display};
use std::time::Duration;
use tollgate::clock::thread_time;

/// Anything that went wrong: a bench reports it and stops.
pub(crate) type Fault = Box<dyn std::error::Error>;

/// What is timed; it hides its own result from the compiler.
pub(crate) type Contender<'a> = Box<dyn FnMut() + 'a>;

/// Shorter than this the clock itself would show.
const TURN: Duration = Duration::from_millis(1);
const TURNS: usize = 15;

/// Picoseconds for one call of each.
pub(crate) fn in_turns(mut contenders: Vec<Contender<'_>>) -> Vec<u64> {
    let repeats: Vec<u32> = contenders.iter_mut().map(calls_in_a_turn).collect();
    let mut times = vec![Vec::with_capacity(TURNS); contenders.len()];
    for _ in 0..TURNS {
        for ((contender, repeats), times) in contenders.iter_mut().zip(&repeats).zip(&mut times) {
            let nanos = turn(contender, *repeats).as_nanos();
            times.push(u64::try_from(nanos * 1000 / u128::from(*repeats)).unwrap_or(u64::MAX));
        }
    }
    times.into_iter().map(middle).collect()
}

fn calls_in_a_turn(contender: &mut Contender<'_>) -> u32 {
    let mut repeats = 1;
    while turn(contender, repeats) < TURN && repeats < 1 << 24 {
        repeats *= 2;
    }
    repeats
}

fn turn(contender: &mut Contender<'_>, repeats: u32) -> Duration {
    let start = thread_time();
    for _ in 0..repeats {
        contender();
    }
    thread_time().saturating_sub(start)
}

fn middle(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(0)
}

/// A number of thousandths, to three places.
pub(crate) struct Thousandths(pub(crate) u64);

impl Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// Microseconds for a kilobyte, from picoseconds for so many bytes.
pub(crate) fn micros_a_kilobyte(picos: u64, bytes: usize) -> Thousandths {
    Thousandths(picos * 1024 / (bytes as u64).max(1) / 1000)
}
