//! `tollgate policy fmt`: the one layout of policies.
//!
//! Only white space changes; what a policy says, comments included, stays. A file is put in place in one step.

use super::faulty;
use crate::app::workshop;
use crate::config::policy::{Format, Trusted, format, load};
use anyhow::Context as _;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Lay policies out in the one layout: two spaces a level, a blank line between sections
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate policy fmt policies/
  tollgate policy fmt --check policies/

Exit code 0: done, or nothing to do; 1: with --check, a file is laid out otherwise, or a file is no policy; 2: one cannot be read.")]
pub(super) struct FmtArgs {
    /// Policy files and folders of them
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Change nothing; say which files would change
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &FmtArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let loaded = load(&args.paths, &Trusted::running());
    let mut untidy = 0_u8;
    for (name, text) in loaded.names.iter().zip(&loaded.texts) {
        // What has no good form is told below.
        let Some(formatted) = format(text).filter(|formatted| formatted != text) else {
            continue;
        };
        if args.check {
            untidy = 1;
            writeln!(out, "{}: would be laid out anew", name.display())?;
        } else {
            workshop::write(name, &formatted)
                .with_context(|| format!("cannot write {}", name.display()))?;
            writeln!(out, "{}: laid out anew", name.display())?;
        }
    }
    // Not YAML, or a file that is not trusted or cannot be read; what a policy says is not asked here.
    let formless = ["TG001", "TG002", "TG003", "TG004", "TG005", "TG006"];
    if loaded
        .diagnostics
        .iter()
        .any(|one| formless.contains(&one.code))
    {
        let told = loaded.report().render(Format::Coloured);
        anstream::stderr().lock().write_all(told.as_bytes())?;
        return Ok(ExitCode::from(faulty(&loaded)));
    }
    Ok(ExitCode::from(untidy))
}
