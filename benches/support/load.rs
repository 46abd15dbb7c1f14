//! The load: one thread that keeps connections busy and counts what came back.
//!
//! Closed loop: each connection sends its next request when its answer is in, which finds the most a server can do. Open
//! loop: requests fall due at a fixed rate whether or not earlier ones are back, and latency counts from the due time, so
//! that a server that stalls cannot hide it by being asked less.

use crate::body::Request;
use crate::http::{Fault, on_one_core};
use crate::wire::{Body, Connection, PATIENCE};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tollgate::clock::since_start;

/// What to send, where, how fast and for how long.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) request: Request,
    /// What each answer must be.
    pub(crate) expected: Body,
    pub(crate) connections: usize,
    /// Requests a second; `None` is closed loop.
    pub(crate) rate: Option<u32>,
    pub(crate) warmup: Duration,
    pub(crate) measured: Duration,
}

/// What a run counted between the start and the end of its measured time.
#[derive(Default)]
pub(crate) struct Counted {
    /// Nanoseconds each answer took, sorted.
    pub(crate) latencies: Vec<u64>,
    /// Nanoseconds to the first bytes of each body, sorted.
    pub(crate) first_bytes: Vec<u64>,
    /// The measured time as it was.
    pub(crate) took: Duration,
}

/// Everything the tasks of a run share.
struct Run {
    load: Load,
    due: Option<Mutex<mpsc::Receiver<Duration>>>,
    measuring: Cell<bool>,
    over: Cell<bool>,
    counted: RefCell<Counted>,
    fault: RefCell<Option<Fault>>,
}

/// Runs `load`; `gauge` is called as the measured time starts and again as it ends.
pub(crate) fn run(load: Load, mut gauge: impl FnMut()) -> Result<Counted, Fault> {
    let pacer = load
        .rate
        .map(|rate| pace(rate, load.warmup + load.measured));
    on_one_core(async move {
        let (warmup, measured) = (load.warmup, load.measured);
        let run = Rc::new(Run {
            load,
            due: pacer.map(Mutex::new),
            measuring: Cell::new(false),
            over: Cell::new(false),
            counted: RefCell::default(),
            fault: RefCell::default(),
        });
        for _ in 0..run.load.connections {
            tokio::task::spawn_local(keep_busy(Rc::clone(&run)));
        }
        tokio::time::sleep(warmup).await;
        gauge();
        run.measuring.set(true);
        let start = since_start();
        tokio::time::sleep(measured).await;
        run.measuring.set(false);
        run.over.set(true);
        let took = since_start().saturating_sub(start);
        gauge();
        if let Some(fault) = run.fault.take() {
            return Err(fault);
        }
        let mut counted = run.counted.take();
        let answers = counted.latencies.len() as u128;
        // An open loop that lost one due time in fifty was not open.
        let wanted = run.load.rate.map_or(1, |rate| {
            u128::from(rate) * measured.as_millis() / 1000 * 49 / 50
        });
        if answers < wanted {
            return Err(format!(
                "{answers} answers came within the measured time, {wanted} were due"
            )
            .into());
        }
        counted.latencies.sort_unstable();
        counted.first_bytes.sort_unstable();
        counted.took = took;
        Ok(counted)
    })?
}

async fn keep_busy(run: Rc<Run>) {
    if let Err(fault) = calls(&run).await {
        run.over.set(true);
        run.fault.borrow_mut().get_or_insert(fault);
    }
}

async fn calls(run: &Run) -> Result<(), Fault> {
    let mut connection = Connection::open(run.load.address).await?;
    let mut request = run.load.request.clone();
    let expected = run.load.expected;
    while !run.over.get() {
        let start = match &run.due {
            None => since_start(),
            Some(due) => match due.lock().await.recv().await {
                Some(due) => due,
                None => return Ok(()),
            },
        };
        let first = Cell::new(Duration::ZERO);
        let call = connection.call(request.next(), || first.set(since_start()));
        let answer = tokio::time::timeout(PATIENCE, call)
            .await
            .map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))??;
        if answer != expected {
            return Err(
                format!("the body is not what it must be: {answer:?}, not {expected:?}").into(),
            );
        }
        if run.measuring.get() {
            let mut counted = run.counted.borrow_mut();
            counted.latencies.push(nanos(since_start(), start));
            counted.first_bytes.push(nanos(first.get(), start));
        }
    }
    Ok(())
}

fn nanos(end: Duration, start: Duration) -> u64 {
    u64::try_from(end.saturating_sub(start).as_nanos()).unwrap_or(u64::MAX)
}

/// Hands out the times at which requests fall due, from a thread of its own: the runtime's timer ticks in milliseconds.
fn pace(rate: u32, how_long: Duration) -> mpsc::Receiver<Duration> {
    // A second's worth: a server that is further behind than that has failed anyway.
    let (send, receive) = mpsc::channel(usize::try_from(rate).unwrap_or(1).max(1));
    std::thread::spawn(move || {
        // Fails only where the kernel does not offer it; then due times are some 50 µs late for every candidate alike.
        let _ = std::fs::write("/proc/thread-self/timerslack_ns", "1");
        let start = since_start();
        let step = Duration::from_secs(1) / rate;
        let mut after = step;
        while after < how_long {
            let due = start + after;
            std::thread::sleep(due.saturating_sub(since_start()));
            if send.try_send(due).is_err() {
                return;
            }
            after += step;
        }
    });
    receive
}
