//! The exported file: the compiled form, what it is, and a hash that names it.

use super::Flow;
use crate::workflow::value::{Value, from_value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// What an exported file says it is.
pub const FORMAT: &str = "tollgate.flow";
/// The version of the compiled form.
pub const VERSION: u32 = 1;

/// An exported workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// `tollgate.flow`.
    pub format: String,
    /// The version of this format.
    pub version: u32,
    /// `sha256:` and the digest of the bytes of `flow`: equal workflows have equal ones, however they were written.
    pub hash: String,
    /// The workflow.
    pub flow: Flow,
}

/// Why a text is no exported workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportFault {
    /// Not JSON, or not of this shape.
    #[error("not an exported workflow: {0}")]
    Shape(String),
    /// Of another version.
    #[error(
        "version {0} of the exported form, and this reads version {VERSION}: export the workflow again"
    )]
    Version(i64),
    /// Changed after it was exported.
    #[error(
        "its hash does not fit what it holds: it was changed after the export; export the workflow again"
    )]
    Hash,
    /// Made by hand, and not well.
    #[error("it does not hold together: {0}")]
    Unsound(String),
}

/// The bytes of an exported workflow, and its hash: the same for the same workflow.
///
/// # Errors
/// None but those of a number that is not finite, which no workflow holds.
pub fn export(flow: &Flow) -> Result<(Vec<u8>, String), serde_json::Error> {
    let hash = hash(flow)?;
    let export = Export {
        format: FORMAT.to_owned(),
        version: VERSION,
        hash: hash.clone(),
        flow: flow.clone(),
    };
    let mut bytes = serde_json::to_vec(&export)?;
    bytes.push(b'\n');
    Ok((bytes, hash))
}

fn hash(flow: &Flow) -> Result<String, serde_json::Error> {
    let digest = Sha256::digest(serde_json::to_vec(flow)?);
    let mut hash = "sha256:".to_owned();
    for byte in digest {
        // Writing to a text does not fail.
        let _ = write!(hash, "{byte:02x}");
    }
    Ok(hash)
}

/// Reads an exported workflow, which must be as it was exported.
///
/// # Errors
/// It is none, or of another version, or was changed.
pub fn import(text: &str) -> Result<Export, ImportFault> {
    let value = Value::from_json(text).map_err(|fault| ImportFault::Shape(fault.to_string()))?;
    if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(ImportFault::Shape(format!(
            "its `format` is not `{FORMAT}`"
        )));
    }
    match value.get("version") {
        Some(Value::Int(version)) if *version == i64::from(VERSION) => {}
        Some(Value::Int(version)) => return Err(ImportFault::Version(*version)),
        _ => return Err(ImportFault::Shape("its `version` is missing".to_owned())),
    }
    let export: Export =
        from_value(value).map_err(|fault| ImportFault::Shape(fault.to_string()))?;
    if !hash(&export.flow).is_ok_and(|hash| hash == export.hash) {
        return Err(ImportFault::Hash);
    }
    match super::sound::fault(&export.flow) {
        Some(fault) => Err(ImportFault::Unsound(fault)),
        None => Ok(export),
    }
}
