//! What a candidate holds in memory, and how soon it answers.

use crate::body::{Kind, Request};
use crate::candidate::{Candidate, Running, Stage};
use crate::case::{nanos, quantile};
use crate::governed;
use crate::http::{Fault, on_one_core};
use crate::load::{self, Load};
use crate::options::Options;
use crate::upstream;
use crate::wire::{self, Connection};
use std::time::Duration;

/// Keys of the large configuration.
pub(crate) const KEYS: u32 = 10_000;
/// Streams open at once.
pub(crate) const STREAMS: usize = 1_000;

/// Memory in KiB, times in nanoseconds; the median of the starts.
pub(crate) struct Footprint {
    /// From the start to the first answer, with one key.
    pub(crate) cold_start: u64,
    /// After one answer, with one key.
    pub(crate) idle: u64,
    /// With [`STREAMS`] streams half-way through.
    pub(crate) streaming: u64,
    /// The same three questions with [`KEYS`] keys; `None` where keys mean nothing.
    pub(crate) with_keys: Option<Keyed>,
}

/// With many keys.
pub(crate) struct Keyed {
    /// From the start to the first answer.
    pub(crate) cold_start: u64,
    /// After one answer.
    pub(crate) idle: u64,
    /// After the load of the 1 KB case.
    pub(crate) loaded: u64,
}

/// Looks at one candidate. There is nothing to see where there is no gateway.
pub(crate) fn measure(
    options: &Options,
    stage: &Stage,
    candidate: Candidate,
) -> Result<Footprint, Fault> {
    let (cold_start, running) = starts(options, stage, candidate, 1)?;
    let idle = stage.server(&running).resident_kib()?;
    let streaming = with_open_streams(stage, &running)?;
    drop(running);
    let with_keys = match candidate {
        Candidate::Tollgate => Some(keyed(options, stage, candidate)?),
        Candidate::Direct | Candidate::Bare | Candidate::Guarded | Candidate::Leased => None,
    };
    Ok(Footprint {
        cold_start,
        idle,
        streaming,
        with_keys,
    })
}

fn keyed(options: &Options, stage: &Stage, candidate: Candidate) -> Result<Keyed, Fault> {
    let (cold_start, running) = starts(options, stage, candidate, KEYS)?;
    let idle = stage.server(&running).resident_kib()?;
    let load = Load {
        address: running.address,
        request: Request::new(&governed::secret(0), 1024, Kind::Answer),
        expected: wire::Body::of(&upstream::events(Kind::Answer)),
        connections: 64,
        rate: None,
        warmup: Duration::ZERO,
        measured: options.measured,
    };
    load::run(load, || ())?;
    let loaded = stage.server(&running).resident_kib()?;
    Ok(Keyed {
        cold_start,
        idle,
        loaded,
    })
}

/// Starts it once for each round and keeps the last of them running.
fn starts(
    options: &Options,
    stage: &Stage,
    candidate: Candidate,
    keys: u32,
) -> Result<(u64, Running), Fault> {
    let mut running = stage.start(candidate, keys)?;
    let mut times = vec![nanos(running.cold_start)];
    for _ in 1..options.rounds {
        drop(running);
        running = stage.start(candidate, keys)?;
        times.push(nanos(running.cold_start));
    }
    times.sort_unstable();
    Ok((quantile(&times, 50), running))
}

fn with_open_streams(stage: &Stage, running: &Running) -> Result<u64, Fault> {
    on_one_core(async {
        let mut request = Request::new(&running.secret, 1024, Kind::Held);
        let mut open = Vec::with_capacity(STREAMS);
        for _ in 0..STREAMS {
            let mut connection = Connection::open(running.address).await?;
            connection.start(request.next()).await?;
            open.push(connection);
        }
        // Lets the last of them come half-way.
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.server(running).resident_kib()
    })?
}
