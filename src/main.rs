//! The `tollgate` binary: see [`tollgate::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    tollgate::cli::main()
}
