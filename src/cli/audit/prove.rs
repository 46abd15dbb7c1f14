//! `tollgate audit verify` and `key`: whether the log is as it was written, and whose signatures say so.

use super::super::place::Place;
use super::{bar, log_dir, unreadable};
use crate::app::audit::{Proof, PublicKey, PublicKeys, Trust, verify as prove};
use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check that no line was changed, removed, added or moved, and that the signed checkpoints fit (exit code 1 if not)
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate audit verify
  tollgate audit verify --state-dir /var/lib/tollgate --json
  tollgate audit verify --public-key tollgate-decisions.pub --checkpoints copy-of-checkpoints.jsonl

Exit code 0: as it was written; 1: it is not, and the first fault is named; 2: the log cannot be read.
Older files removed by retention are no fault. Lines behind the last checkpoint are chained, but not signed yet.")]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    pub(super) place: Place,
    /// Trust this key instead of the one beside the log: 64 hexadecimal digits, or a file of such lines (repeatable)
    #[arg(long, value_name = "FILE|HEX")]
    public_key: Vec<String>,
    /// Also hold the log against this copy of its checkpoints.jsonl, kept where whoever rewrites the log cannot reach
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn verify(
    args: &VerifyArgs,
    state_dir: &Path,
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let keys = if args.public_key.is_empty() {
        beside(state_dir)?
    } else {
        named(&args.public_key)?
    };
    let trust = Trust {
        keys,
        copy: args.checkpoints.clone(),
    };
    if let Some(copy) = &trust.copy {
        std::fs::metadata(copy).with_context(|| format!("cannot read `{}`", copy.display()))?;
    }
    let dir = log_dir(state_dir);
    let bar = bar(!args.json, "verifying")?;
    let proof = prove(&dir, &trust, &mut |read, all| {
        bar.set_length(all);
        bar.set_position(read);
    })
    .with_context(|| unreadable(&dir))?;
    bar.finish_and_clear();
    if args.json {
        writeln!(out, "{}", as_json(&proof, &trust.keys))?;
    } else {
        tell(&proof, out)?;
    }
    Ok(ExitCode::from(u8::from(proof.fault.is_some())))
}

/// Prints the public keys beside the log.
pub(super) fn key(state_dir: &Path, json: bool, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let keys = beside(state_dir)?;
    if keys.0.is_empty() {
        bail!(
            "there is no `{}`: the gateway makes it at its next start",
            state_dir.join(PUBLIC).display()
        );
    }
    if json {
        writeln!(out, "{}", json!({ "public_keys": listed(&keys) }))?;
    } else {
        for key in &keys.0 {
            writeln!(out, "{}", key.hex())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

const PUBLIC: &str = "decisions.pub";

/// The keys beside the log; none where there are none.
fn beside(state_dir: &Path) -> anyhow::Result<PublicKeys> {
    let path = state_dir.join(PUBLIC);
    match std::fs::read_to_string(&path) {
        Ok(text) => PublicKeys::read(&text)
            .with_context(|| format!("`{}` holds something that is no key", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(PublicKeys::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

fn named(given: &[String]) -> anyhow::Result<PublicKeys> {
    let mut keys = PublicKeys::default();
    for one in given {
        if let Some(key) = PublicKey::from_hex(one) {
            keys.0.push(key);
            continue;
        }
        let text = std::fs::read_to_string(one).with_context(|| {
            format!("`{one}` is neither 64 hexadecimal digits nor a file that can be read")
        })?;
        let read = PublicKeys::read(&text).filter(|read| !read.0.is_empty());
        let read = read.with_context(|| format!("`{one}` holds no public key, or something else besides: one of 64 hexadecimal digits a line"))?;
        keys.0.extend(read.0);
    }
    Ok(keys)
}

fn listed(keys: &PublicKeys) -> Vec<Value> {
    let one = |key: &PublicKey| json!({ "id": key.id(), "key": key.hex() });
    keys.0.iter().map(one).collect()
}

fn as_json(proof: &Proof, keys: &PublicKeys) -> Value {
    let first_fault = proof
        .fault
        .as_ref()
        .map(|fault| json!({ "file": fault.file, "line": fault.line, "what": fault.what }));
    let signed = proof
        .signed
        .as_ref()
        .map(|signed| json!({ "seq": signed.seq, "at": signed.at, "key": signed.key }));
    json!({
        "ok": proof.fault.is_none(), "lines": proof.lines, "files": proof.files,
        "durable_to": proof.durable_to, "checkpoints": proof.checkpoints, "signed": signed,
        "public_keys": listed(keys), "not_recorded": proof.lost, "notes": proof.notes,
        "first_fault": first_fault,
    })
}

fn tell(proof: &Proof, out: &mut dyn Write) -> io::Result<()> {
    let lines = proof.lines;
    if let Some(fault) = &proof.fault {
        let (file, line, what) = (fault.file.display(), fault.line, &fault.what);
        writeln!(out, "{file}:{line}: {what}")?;
        writeln!(
            out,
            "the decision log is broken; up to there {lines} lines hold together"
        )?;
    } else {
        let files = proof.files;
        writeln!(
            out,
            "the decision log is unbroken: {lines} lines, {files} files"
        )?;
    }
    match &proof.signed {
        Some(signed) => writeln!(
            out,
            "signed up to line {} at {} by key {} ({} checkpoints fit)",
            signed.seq, signed.at, signed.key, proof.checkpoints
        )?,
        None => writeln!(out, "no checkpoint signs it yet")?,
    }
    if proof.lost > 0 {
        writeln!(
            out,
            "{} decisions were not recorded, as its gap records say",
            proof.lost
        )?;
    }
    for note in &proof.notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}
