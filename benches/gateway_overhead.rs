//! What tollgate adds to a call: processor time, latency and memory, beside a bare hyper proxy in the same run.
//!
//! The bench starts everything itself, as children of this very program: an upstream that costs next to nothing, a proxy
//! with nothing inside, and the real `tollgate` with everything on, without policies and with them. It drives them in turns and prints Markdown. The figure
//! to judge by is processor time for each request as a ratio to the bare proxy: it moves by a few per cent between runs,
//! where latencies on a shared machine move by tens.
//!
//! Invariant: every answer counted was a 200 whose body was, byte for byte, the upstream's (of a guarded stream: whose text
//! was, cut into other events). The first that is not ends the bench with an error.
//!
//! Not here: what the parts of a decision cost (`decide`, `instructions`), and correctness (`tests/`).

#[path = "support/bank.rs"]
mod bank;
#[path = "support/bare.rs"]
mod bare;
#[path = "support/body.rs"]
mod body;
#[path = "support/candidate.rs"]
mod candidate;
#[path = "support/case.rs"]
mod case;
#[path = "support/governed.rs"]
mod governed;
#[path = "support/http.rs"]
mod http;
#[path = "support/load.rs"]
mod load;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/options.rs"]
mod options;
#[path = "support/process.rs"]
mod process;
#[path = "support/report.rs"]
mod report;
#[path = "support/upstream.rs"]
mod upstream;
#[path = "support/wire.rs"]
mod wire;

use crate::candidate::{Candidate, Stage};
use crate::http::Fault;
use crate::options::{Options, Role};
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = Role::read(std::env::args().skip(1)).and_then(|role| match role {
        Role::Upstream(listen) => upstream::serve(listen),
        Role::Bare(listen, upstream) => bare::serve(listen, upstream),
        Role::Bench(options) => compare(&options),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Nothing is left to do where even this cannot be written.
            let _ = writeln!(std::io::stderr(), "gateway_overhead: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), Fault> {
    process::raise_file_limit();
    process::pin_self();
    let stage = Stage::set()?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{}\n{}",
        report::provenance(options),
        report::CASES_HEAD
    )?;
    for case in case::CASES.iter().filter(|case| options.wants(case.name)) {
        let measured = case.measure(options, &stage)?;
        write!(out, "{}", report::rows(case, &measured))?;
        out.flush()?;
    }
    if options.wants("memory") {
        let measured = options
            .candidates
            .iter()
            .filter(|candidate| **candidate != Candidate::Direct)
            .map(|candidate| Ok((*candidate, memory::measure(options, &stage, *candidate)?)))
            .collect::<Result<Vec<_>, Fault>>()?;
        write!(out, "\n{}", report::footprints(&measured))?;
    }
    Ok(())
}
