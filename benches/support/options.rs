//! What the command line asks for.

use crate::candidate::Candidate;
use crate::http::Fault;
use std::net::SocketAddr;
use std::time::Duration;

/// How to call the bench.
pub(crate) const USAGE: &str = "cargo bench --bench gateway_overhead -- [options]
  --seconds N        measured time of one run (3)
  --rounds N         runs of each candidate in each case, in turns (5)
  --quick            one second, two rounds: to see that it works
  --only TEXT        only the cases with TEXT in their name; `memory` is one
  --candidates LIST  of direct,bare,tollgate,guarded,leased (all five)";

/// What this process is.
pub(crate) enum Role {
    /// The bench itself.
    Bench(Options),
    /// The upstream, as a child of the bench.
    Upstream(SocketAddr),
    /// The bare proxy, as a child of the bench.
    Bare(SocketAddr, SocketAddr),
}

/// How much to measure.
pub(crate) struct Options {
    pub(crate) measured: Duration,
    pub(crate) warmup: Duration,
    pub(crate) rounds: u32,
    pub(crate) only: Option<String>,
    pub(crate) candidates: Vec<Candidate>,
}

/// The argument that makes a child of the bench what it is; not for people.
pub(crate) const ROLE: &str = "--role";

impl Role {
    /// Reads the command line.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Self, Fault> {
        let mut arguments = arguments.peekable();
        if arguments.next_if(|first| first == ROLE).is_some() {
            return Self::child(&arguments.collect::<Vec<_>>());
        }
        let mut options = Options {
            measured: Duration::from_secs(3),
            warmup: Duration::from_secs(1),
            rounds: 5,
            only: None,
            candidates: Candidate::ALL.to_vec(),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let missing = || format!("`{argument}` lacks its value\n{USAGE}");
                arguments.next().ok_or_else(missing)
            };
            match argument.as_str() {
                // What cargo itself adds.
                "--bench" => {}
                "--seconds" => options.measured = Duration::from_secs(value()?.parse()?),
                "--rounds" => options.rounds = value()?.parse()?,
                "--quick" => {
                    options.measured = Duration::from_secs(1);
                    options.warmup = Duration::from_millis(300);
                    options.rounds = 2;
                }
                "--only" => options.only = Some(value()?),
                "--candidates" => {
                    let named = value()?;
                    options.candidates = named
                        .split(',')
                        .map(Candidate::named)
                        .collect::<Result<_, _>>()?;
                }
                unknown => return Err(format!("`{unknown}` is no option\n{USAGE}").into()),
            }
        }
        if options.rounds == 0 || options.measured.is_zero() {
            return Err("at least one round of one second".into());
        }
        Ok(Self::Bench(options))
    }

    fn child(words: &[String]) -> Result<Self, Fault> {
        match words {
            [role, listen] if role == "upstream" => Ok(Self::Upstream(listen.parse()?)),
            [role, listen, upstream] if role == "bare" => {
                Ok(Self::Bare(listen.parse()?, upstream.parse()?))
            }
            _ => Err(format!("`{ROLE}` is for children of the bench\n{USAGE}").into()),
        }
    }
}

impl Options {
    /// Whether the case of this name is asked for.
    pub(crate) fn wants(&self, case: &str) -> bool {
        self.only.as_ref().is_none_or(|part| case.contains(part))
    }
}
