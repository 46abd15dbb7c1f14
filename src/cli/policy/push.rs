//! `tollgate policy push`: policies to a control panel, and from there to its gateways.

use super::bundles::{rolled, said};
use super::{counted, refused};
use crate::app::workshop::Subject;
use crate::cli::remote::{Fault, Panel, show};
use crate::config::policy::{Loaded, packs};
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

/// Upload policies to a control panel as a new version, and have its gateways run it
///
/// They are checked and tested here first, and once more by the panel, which stores nothing that has a fault. Then all gateways
/// run them, within about a second: --percent has only some try them, and --stage none.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate policy push policies/ --note 'no shell tools for payments'
  tollgate policy push policies/ --percent 10
  tollgate policy rollout 7 --percent 100         once it has proven itself
  tollgate policy push org.yaml teams/ --stage --json | jq .bundle.version

Beside its gateway's own files a bundle can only make things stricter: both must let a call pass. What is in a folder keeps its
path below it; files named alone, and packs, have their name.
Exit code 0: done; 1: faults found, or refused; 2: a file cannot be read.")]
pub(super) struct PushArgs {
    /// Policy files, folders of them, or packs (`pack:NAME`)
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// What is new, in a sentence
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// What to call the bundle [default: policies]
    #[arg(long)]
    name: Option<String>,
    /// Have so many of a hundred gateways try it, and leave the others as they are [default: 100, all of them]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    percent: Option<u8>,
    /// Only upload it: no gateway runs it
    #[arg(long, conflicts_with = "percent")]
    stage: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    args: &PushArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let loaded = Subject::new(&args.paths, None)?.assemble().loaded;
    if let Some(code) = refused(&loaded)? {
        return Ok(code);
    }
    let files = files(&loaded, &args.paths)?;
    let panel = Panel::open(env)?;
    let mut body = Map::new();
    for (field, text) in [("name", &args.name), ("note", &args.note)] {
        if let Some(text) = text {
            body.insert(field.to_owned(), json!(text));
        }
    }
    body.insert("files".to_owned(), Value::Object(files));
    let mut made = panel.post("bundles", &Value::Object(body))?;
    let version = made.pointer("/bundle/version").and_then(Value::as_u64);
    let version =
        version.ok_or_else(|| Fault::Garbled("a bundle without its version".to_owned()))?;
    let count = loaded.names.len();
    let rollout = if args.stage {
        None
    } else {
        match rolled(&panel, version, args.percent) {
            Ok(rollout) => Some(rollout),
            Err(fault) => {
                writeln!(
                    anstream::stderr(),
                    "version {version} is stored, and was not rolled out: `tollgate policy rollout {version}` tries again"
                )?;
                return Err(fault.into());
            }
        }
    };
    if args.json {
        if let (Some(made), Some(rollout)) = (made.as_object_mut(), rollout) {
            made.insert("rollout".to_owned(), rollout);
        }
        show::json(out, &made)?;
        return Ok(ExitCode::SUCCESS);
    }
    let bundle = made.get("bundle").unwrap_or(&Value::Null);
    writeln!(
        out,
        "version {version} is stored: {}, revision {}",
        counted(count, "file"),
        show::cell(bundle, "policies")
    )?;
    match rollout {
        Some(rollout) => writeln!(out, "{}", said(&rollout))?,
        None => writeln!(
            out,
            "no gateway runs it yet: `tollgate policy rollout {version}` has them run it"
        )?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The text of each file by its path in the bundle.
fn files(loaded: &Loaded, paths: &[PathBuf]) -> Result<Map<String, Value>, Fault> {
    let mut files = Map::new();
    for (name, text) in loaded.names.iter().zip(&loaded.texts) {
        let path = within(name, paths);
        if files.insert(path.clone(), json!(text)).is_some() {
            return Err(Fault::Usage(format!(
                "two files would be `{path}` in the bundle: push the folder that both are in"
            )));
        }
    }
    Ok(files)
}

/// Where a file is in the bundle.
fn within(name: &Path, paths: &[PathBuf]) -> String {
    if let Some(pack) = packs::named(name) {
        return format!("pack-{pack}.yaml");
    }
    let below = paths.iter().filter_map(|path| name.strip_prefix(path).ok());
    let below = below.filter(|below| !below.as_os_str().is_empty());
    let file = name.file_name().map_or(name, Path::new);
    let path = below
        .max_by_key(|below| below.components().count())
        .unwrap_or(file);
    let parts = path.components().map(Component::as_os_str);
    let parts = parts.map(|part| part.to_string_lossy().into_owned());
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_path_below_the_folder_that_is_pushed() {
        let check = |name: &str, paths: &[&str], expected: &str| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            assert_eq!(within(Path::new(name), &paths), expected, "{name}");
        };
        check("policies/teams/pay.yaml", &["policies/"], "teams/pay.yaml");
        check("./org.yaml", &["."], "org.yaml");
        check("/srv/p/org.yaml", &["/srv/p/org.yaml"], "org.yaml");
        check(
            "policies/teams/pay.yaml",
            &["policies", "policies/teams"],
            "teams/pay.yaml",
        );
        check("pack:pii", &["pack:pii"], "pack-pii.yaml");
    }
}
