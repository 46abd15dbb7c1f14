//! The tables, in Markdown, with the machine and the commit they belong to.

use crate::body::Kind;
use crate::candidate::Candidate;
use crate::case::{Case, Figures};
use crate::memory::{Footprint, KEYS, STREAMS};
use crate::options::Options;
use crate::process::{cores, pinning};
use std::fmt::{self, Display};
use std::fs;
use std::process::Command;

/// Where and on what this was measured.
pub(crate) fn provenance(options: &Options) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let model = text.lines().find(|line| line.starts_with("model name"))?;
        Some(model.split_once(':')?.1.trim().to_owned())
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = cores();
    let cpu = cpu.as_deref().unwrap_or("unknown processor");
    let pinned = if pinning() {
        "server on core 0, upstream and load on core 1"
    } else {
        "not pinned to cores"
    };
    format!(
        "{cpu}, {cores} cores, Linux {}; commit {}; {} rounds of {} s, medians; {pinned}.\n",
        kernel.trim(),
        commit(),
        options.rounds,
        options.measured.as_secs(),
    )
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let run = Command::new("git").args(arguments).output().ok()?;
        run.status.success().then_some(run.stdout)
    };
    let Some(head) = git(&["rev-parse", "--short=10", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let head = String::from_utf8_lossy(&head).trim().to_owned();
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => head,
        _ => format!("{head} with local changes"),
    }
}

/// The head of the table of cases.
pub(crate) const CASES_HEAD: &str = "\
| case | candidate | CPU µs | × bare | per second | p50 µs | p99 µs | others % |
|---|---|--:|--:|--:|--:|--:|--:|";

/// The rows of one case.
pub(crate) fn rows(case: &Case, measured: &[(Candidate, Figures)]) -> String {
    let bare = measured
        .iter()
        .find(|(candidate, _)| *candidate == Candidate::Bare)
        .map(|(_, figures)| figures.cpu);
    let unit = match case.kind {
        Kind::Answer => "request",
        Kind::Stream | Kind::Held => "event",
    };
    let row = |(candidate, figures): &(Candidate, Figures)| {
        let ratio = bare.and_then(|bare| (figures.cpu * 1000).checked_div(bare));
        format!(
            "| {}, each {unit} | {} | {} | {} | {} | {} | {} | {} |\n",
            case.name,
            candidate.name(),
            Thousandths(figures.cpu),
            ratio.map_or_else(|| "–".to_owned(), |ratio| Thousandths(ratio).to_string()),
            figures.per_second,
            figures.p50 / 1000,
            figures.p99 / 1000,
            Tenths(figures.others),
        )
    };
    measured.iter().map(row).collect()
}

/// The table of memory and starts.
pub(crate) fn footprints(measured: &[(Candidate, Footprint)]) -> String {
    let mut text = format!(
        "| candidate | cold start ms | idle MiB | {STREAMS} streams MiB | with {KEYS} keys: cold start ms | idle MiB | loaded MiB |\n\
         |---|--:|--:|--:|--:|--:|--:|\n"
    );
    let row = |(candidate, footprint): &(Candidate, Footprint)| {
        let keyed = footprint.with_keys.as_ref().map_or_else(
            || "– | – | –".to_owned(),
            |keyed| {
                format!(
                    "{} | {} | {}",
                    Thousandths(keyed.cold_start / 1000),
                    Mebibytes(keyed.idle),
                    Mebibytes(keyed.loaded)
                )
            },
        );
        format!(
            "| {} | {} | {} | {} | {keyed} |\n",
            candidate.name(),
            Thousandths(footprint.cold_start / 1000),
            Mebibytes(footprint.idle),
            Mebibytes(footprint.streaming),
        )
    };
    text.extend(measured.iter().map(row));
    text
}

/// A number of thousandths, to two places: nanoseconds as microseconds, a ratio in thousandths as a ratio.
struct Thousandths(u64);

impl Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 + 5) / 10;
        write!(f, "{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

/// A number of tenths, as it is.
struct Tenths(u64);

impl Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

/// KiB as MiB, to one place.
struct Mebibytes(u64);

impl Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Tenths((self.0 * 10 + 512) / 1024).fmt(f)
    }
}
