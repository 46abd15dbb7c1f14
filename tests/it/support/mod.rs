//! What every black-box test needs: a gateway and a simulated provider as processes of their own, and a caller.
//!
//! Everything listens on ports the system chose and says so itself, so nothing is guessed and nothing collides. Nobody
//! sleeps to synchronise: [`until`] asks again until a deadline that only a hanging test reaches.

mod control;
mod cut;
mod gateway;
mod http;
#[allow(dead_code, reason = "the panel's own tests use all of it")]
pub(crate) mod identity;
mod money;
pub(crate) mod panel;
mod postgres;
mod process;
mod simulator;

pub(crate) use control::{Admin, Control};
pub(crate) use cut::Wire;
pub(crate) use gateway::{Gateway, Home, KEY, Ledger};
pub(crate) use http::{Client, Response, Streaming, chat};
pub(crate) use money::Money;
pub(crate) use postgres::Database;
pub(crate) use process::{Process, run};
pub(crate) use simulator::{Meter, Simulator};

use std::time::{Duration, Instant};

/// No test waits longer for one thing.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Asks until there is an answer, and fails at the deadline with what was waited for.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a test with chance in it begins with: another each time, told so that it can be had again by `TOLLGATE_TEST_SEED`.
pub(crate) fn seed() -> u64 {
    let seed = std::env::var("TOLLGATE_TEST_SEED").map_or_else(
        |_| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            u64::from(now.expect("a time").subsec_nanos())
        },
        |seed| seed.parse().expect("a number"),
    );
    eprintln!("TOLLGATE_TEST_SEED={seed}");
    seed
}

/// Does the same on many threads at once, each knowing its number; gives back what each made of it.
pub(crate) fn crowd<T: Send>(size: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..size)
            .map(|number| scope.spawn(move || work(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no thread of the crowd fails"))
            .collect()
    })
}
