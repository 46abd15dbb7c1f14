//! Does one step of a decision a stated number of times, for a tool that counts instructions.
//!
//! Time moves with the machine's mood, instructions hardly do: `benches/instructions.sh` runs this under callgrind for N and
//! for 2 N times, so that the difference is N steps without the start-up. Without arguments it names the steps.

#[path = "support/operations.rs"]
mod operations;
#[path = "support/passage.rs"]
mod passage;

use operations::{OPERATIONS, Scene};
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    // `--bench` is what cargo itself adds.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let done = match arguments.as_slice() {
        [] => names(),
        [name, times] => repeat(name, times),
        _ => Err("give the name of a step and how often to do it".to_owned()),
    };
    let Err(fault) = done else {
        return ExitCode::SUCCESS;
    };
    // Nothing is left to do where even this cannot be written.
    let _ = writeln!(std::io::stderr(), "instructions: {fault}");
    ExitCode::FAILURE
}

fn names() -> Result<(), String> {
    let mut out = std::io::stdout();
    OPERATIONS
        .iter()
        .try_for_each(|operation| writeln!(out, "{operation}"))
        .map_err(|error| error.to_string())
}

fn repeat(name: &str, times: &str) -> Result<(), String> {
    let times: u32 = times
        .parse()
        .map_err(|_| format!("`{times}` is no number of times"))?;
    let operation = OPERATIONS
        .iter()
        .find(|operation| operation.name == name)
        .ok_or_else(|| format!("`{name}` is no step"))?;
    let scene = Scene::set().ok_or("this build lacks the time zone Europe/Zurich")?;
    for _ in 0..times {
        (operation.run)(&scene);
    }
    Ok(())
}
