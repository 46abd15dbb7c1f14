//! `tollgate completions`: what a shell needs to complete our commands.

use super::Cli;
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::io::{self, Write};

/// Print completions for a shell
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(after_help = "Examples:
  tollgate completions bash > ~/.local/share/bash-completion/completions/tollgate
  tollgate completions zsh > ~/.zfunc/_tollgate
  tollgate completions fish > ~/.config/fish/completions/tollgate.fish")]
pub struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

/// Writes the completions.
///
/// # Errors
/// Those of `out`.
pub fn run(args: CompletionsArgs, out: &mut impl Write) -> io::Result<()> {
    // By way of memory: the generator takes a writer that fails for a fault of its own.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tollgate", &mut script);
    out.write_all(&script)
}
