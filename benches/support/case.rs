//! The cases, and how one of them is measured: every candidate up at once, asked in turns, the middle of the rounds kept.

use crate::body::{Kind, Request};
use crate::candidate::{Candidate, Running, Stage};
use crate::http::{Fault, on_one_core};
use crate::load::{self, Load};
use crate::options::Options;
use crate::process::{cores, machine_cpu, own_cpu};
use crate::upstream::{self, EVENTS};
use crate::wire::{Body, Connection};
use serde_json::Value;
use std::time::Duration;

/// One kind of traffic.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    bytes: usize,
    pub(crate) kind: Kind,
    connections: usize,
    rate: Option<u32>,
    /// Whether all turns but the last were sent before; otherwise every turn is new to the gateway.
    history: bool,
}

/// Every case.
pub(crate) const CASES: [Case; 6] = [
    Case {
        name: "1 KB",
        bytes: 1024,
        kind: Kind::Answer,
        connections: 64,
        rate: None,
        history: false,
    },
    Case {
        name: "32 KB",
        bytes: 32 * 1024,
        kind: Kind::Answer,
        connections: 32,
        rate: None,
        history: false,
    },
    Case {
        name: "32 KB with history",
        bytes: 32 * 1024,
        kind: Kind::Answer,
        connections: 32,
        rate: None,
        history: true,
    },
    Case {
        name: "256 KB",
        bytes: 256 * 1024,
        kind: Kind::Answer,
        connections: 16,
        rate: None,
        history: false,
    },
    Case {
        name: "stream",
        bytes: 1024,
        kind: Kind::Stream,
        connections: 16,
        rate: None,
        history: false,
    },
    Case {
        name: "2000 rps",
        bytes: 1024,
        kind: Kind::Answer,
        connections: 64,
        rate: Some(2000),
        history: false,
    },
];

/// The figures of one candidate in one case. Whole numbers throughout: nanoseconds, and thousandths of a ratio.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    /// Processor time of the server for each answer, or each event of a stream.
    pub(crate) cpu: u64,
    /// Answers or events a second.
    pub(crate) per_second: u64,
    /// Latency; of a stream, to its first event.
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    /// Thousandths of the machine that programs outside the bench took.
    pub(crate) others: u64,
}

/// A run in which others took more than this many thousandths of the machine is made again.
const DISTURBED: u64 = 50;
/// How often; the quietest of them is kept.
const ATTEMPTS: u32 = 3;

impl Case {
    /// Measures the candidates side by side.
    pub(crate) fn measure(
        &self,
        options: &Options,
        stage: &Stage,
    ) -> Result<Vec<(Candidate, Figures)>, Fault> {
        let up = options
            .candidates
            .iter()
            .map(|candidate| {
                let running = stage.start(*candidate, 1)?;
                let expected = self.expected(*candidate, &running)?;
                Ok((*candidate, running, expected))
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        let mut rounds: Vec<Vec<Figures>> = vec![Vec::new(); up.len()];
        for _ in 0..options.rounds {
            for ((candidate, running, expected), figures) in up.iter().zip(&mut rounds) {
                let fault = |fault| format!("{}, {}: {fault}", self.name, candidate.name());
                figures.push(
                    self.quiet_run(options, stage, running, *expected)
                        .map_err(fault)?,
                );
            }
        }
        Ok(up
            .iter()
            .zip(&rounds)
            .map(|((candidate, ..), figures)| (*candidate, middle(figures)))
            .collect())
    }

    fn quiet_run(
        &self,
        options: &Options,
        stage: &Stage,
        running: &Running,
        expected: Body,
    ) -> Result<Figures, Fault> {
        let mut best = self.run(options, stage, running, expected)?;
        for _ in 1..ATTEMPTS {
            if best.others <= DISTURBED {
                break;
            }
            let again = self.run(options, stage, running, expected)?;
            if again.others < best.others {
                best = again;
            }
        }
        Ok(best)
    }

    fn request(&self, running: &Running) -> Request {
        let request = Request::new(&running.secret, self.bytes, self.kind);
        if self.history {
            request.with_history()
        } else {
            request
        }
    }

    /// What each answer must be, byte for byte: the upstream's. A guarded stream says the same in other pieces, since the
    /// end of a text waits until it is known not to begin a value; so its first answer is read, and all others must be
    /// like it.
    fn expected(&self, candidate: Candidate, running: &Running) -> Result<Body, Fault> {
        let sent = upstream::events(self.kind);
        if candidate != Candidate::Guarded || self.kind != Kind::Stream {
            return Ok(Body::of(&sent));
        }
        let address = running.address;
        let mut request = self.request(running);
        let came = on_one_core(async move {
            let mut connection = Connection::open(address).await?;
            connection.call_whole(request.next()).await
        })??;
        let (meant, said) = (told(sent.concat().as_bytes())?, told(&came)?);
        if meant != said {
            return Err(format!("the stream says something else: {said:?}, not {meant:?}").into());
        }
        Ok(Body::of(&[came]))
    }

    fn run(
        &self,
        options: &Options,
        stage: &Stage,
        running: &Running,
        expected: Body,
    ) -> Result<Figures, Fault> {
        let load = Load {
            address: running.address,
            request: self.request(running),
            expected,
            connections: self.connections,
            rate: self.rate,
            warmup: options.warmup,
            measured: options.measured,
        };
        let mut readings = Vec::with_capacity(2);
        let counted = load::run(load, || readings.push(Reading::take(stage, running)))?;
        let mut readings = readings.into_iter();
        let (Some(before), Some(after)) = (readings.next(), readings.next()) else {
            return Err("a run has a start and an end".into());
        };
        let (before, after) = (before?, after?);
        let units = counted.latencies.len() as u64 * self.units();
        let times = match self.kind {
            Kind::Answer => &counted.latencies,
            Kind::Stream | Kind::Held => &counted.first_bytes,
        };
        Ok(Figures {
            cpu: nanos(after.server.saturating_sub(before.server)) / units,
            per_second: units * 1_000_000 / micros(counted.took).max(1),
            p50: quantile(times, 50),
            p99: quantile(times, 99),
            others: before.others_until(&after, counted.took),
        })
    }

    /// What is counted in one answer: itself, or the events of the stream.
    fn units(&self) -> u64 {
        match self.kind {
            Kind::Answer => 1,
            Kind::Stream | Kind::Held => u64::from(EVENTS),
        }
    }
}

/// What a stream tells its reader: the text, the ends of choices, the usage, and whether it ends as it should.
fn told(stream: &[u8]) -> Result<(String, Vec<Value>, Vec<Value>, bool), Fault> {
    let stream = std::str::from_utf8(stream)?;
    let (mut text, mut ends, mut usages) = (String::new(), Vec::new(), Vec::new());
    for event in stream
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
    {
        let Ok(event) = serde_json::from_str::<Value>(event) else {
            continue; // `[DONE]`
        };
        let say = |path: &str, to: &mut dyn FnMut(&Value)| {
            event.pointer(path).filter(|value| !value.is_null()).map(to);
        };
        say("/choices/0/delta/content", &mut |said| {
            text.push_str(said.as_str().unwrap_or_default());
        });
        say("/choices/0/finish_reason", &mut |end| {
            ends.push(end.clone());
        });
        say("/usage", &mut |usage| usages.push(usage.clone()));
    }
    Ok((text, ends, usages, stream.ends_with("data: [DONE]\n\n")))
}

/// Processor times at one instant.
struct Reading {
    server: Duration,
    bench: Duration,
    machine: Duration,
}

impl Reading {
    fn take(stage: &Stage, running: &Running) -> Result<Self, Fault> {
        let server = stage.server(running).cpu()?;
        let upstream = stage.upstream_cpu()?;
        let counted_already = running.address == stage.upstream_address();
        let gateway = if counted_already {
            Duration::ZERO
        } else {
            server
        };
        Ok(Self {
            server,
            bench: gateway + upstream + own_cpu()?,
            machine: machine_cpu()?,
        })
    }

    fn others_until(&self, after: &Self, took: Duration) -> u64 {
        let all = after.machine.saturating_sub(self.machine);
        let ours = after.bench.saturating_sub(self.bench);
        nanos(all.saturating_sub(ours)) * 1000 / (nanos(took) * cores()).max(1)
    }
}

/// Of each figure the median over the rounds, and the worst disturbance.
fn middle(rounds: &[Figures]) -> Figures {
    let median = |of: fn(&Figures) -> u64| {
        let mut values: Vec<u64> = rounds.iter().map(of).collect();
        values.sort_unstable();
        quantile(&values, 50)
    };
    Figures {
        cpu: median(|f| f.cpu),
        per_second: median(|f| f.per_second),
        p50: median(|f| f.p50),
        p99: median(|f| f.p99),
        others: rounds.iter().map(|f| f.others).max().unwrap_or(0),
    }
}

/// The value below which `percent` hundredths of the sorted values lie.
pub(crate) fn quantile(sorted: &[u64], percent: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(0)
}

pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
