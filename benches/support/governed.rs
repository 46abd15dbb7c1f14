//! tollgate as the bench runs it: everything on that a governed call pays for, and nothing that would refuse one.
//!
//! A key, two limits, three budgets (one of them split by a label), the journal and the decision log, all under a directory
//! that goes when the bench does. Every bound is set beyond reach, because a refusal is cheap and would flatter the figure.
//! The same with packs: they look for secrets and personal data in every text, both ways, and count for their breakers.

use crate::http::Fault;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The secret of key `index`.
pub(crate) fn secret(index: u32) -> String {
    format!("tg_bench_000000000000000000000000{index:08}")
}

/// The packs that look at texts: with all of them in force most is looked for, and most of it is refused where it is found.
pub(crate) const PACKS: [&str; 3] = ["safe-defaults", "pii", "secrets"];

/// Writes a configuration with `keys` keys and these packs into `directory` and names the command that serves it;
/// `panel` is what it is told of a control panel, if it has one.
pub(crate) fn command(
    directory: &Path,
    listen: SocketAddr,
    admin: SocketAddr,
    upstream: SocketAddr,
    keys: u32,
    packs: &[&str],
    panel: &str,
) -> Result<Vec<OsString>, Fault> {
    let state = directory.join("state");
    let prices = directory.join("prices.yaml");
    let file = directory.join("tollgate.yaml");
    fs::write(&prices, PRICES)?;
    let mut text = format!(
        "listen: {listen}\n\
         admin_listen: {admin}\n\
         state_dir: {state}\n\
         providers:\n  \
           upstream: {{ kind: openai-compatible, base_url: \"http://{upstream}/v1\", credential: \"sk-upstream-0000000000000000\" }}\n\
         models:\n  \
           - {{ name: \"*\", provider: upstream }}\n\
         prices: [ {prices} ]\n\
         policies: [{packs}]\n\
         {panel}\
         {GOVERNANCE}\
         keys:\n",
        state = state.display(),
        prices = prices.display(),
        packs = packs
            .iter()
            .map(|name| format!("pack:{name}"))
            .collect::<Vec<_>>()
            .join(", "),
    );
    for index in 0..keys {
        let team = index % 20;
        let agent = index % 500;
        writeln!(
            text,
            "  - {{ name: key-{index}, secret: \"{}\", labels: {{ org: acme, team: team-{team}, project: atlas, agent: agent-{agent} }} }}",
            secret(index)
        )?;
    }
    fs::write(&file, text)?;
    // It holds secrets: only its owner may read it, or it is not taken.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    let binary = env!("CARGO_BIN_EXE_tollgate");
    Ok(vec![
        binary.into(),
        "serve".into(),
        "-c".into(),
        file.into(),
    ])
}

/// Limits and budgets that count every call and stop none.
const GOVERNANCE: &str = r#"limits:
  - { name: per-key, match: {}, per: key, rpm: 1000000000, tpm: 1000000000000, concurrency: 100000 }
  - { name: per-team, match: { org: acme }, per: team, rpm: 1000000000, tpm: 1000000000000, concurrency: 100000 }
budgets:
  - { name: org-month, match: { org: acme }, limit: "$1000000000.00", window: 1mo }
  - { name: project-day, match: { project: atlas }, limit: "$1000000000.00", window: 1d, soft: ["80%"] }
  - { name: agent-day, match: {}, per: agent, limit: "$1000000000.00", window: 1d }
"#;

/// A thousandth of what the model costs: a bench asks faster than any team does, and packs stop who burns money.
const PRICES: &str = r#"revision: bench
valid_from: 2026-01-01
models:
  gpt-4o-mini: { input: "0.00015", cached_input: "0.000075", output: "0.0006", max_input: 1000000, max_output: 16384 }
"#;
