//! Files that came with a bundle of the control panel, by their names: `panel:3/teams/payments.yaml`.
//!
//! They lie in no folder of this machine, so nobody watches them, and a name says of a file wherever it is kept whether it is
//! one of them. Beside a gateway's own files each of them is a scope of its own, also where there is one for the same scope
//! here: both must let a call pass.

use std::path::{Path, PathBuf};

const START: &str = "panel:";

/// What a file of a bundle is called here.
#[must_use]
pub fn name(version: u64, path: &str) -> PathBuf {
    PathBuf::from(format!("{START}{version}/{path}"))
}

/// Whether a file came with a bundle.
#[must_use]
pub fn is(name: &Path) -> bool {
    name.as_os_str()
        .as_encoded_bytes()
        .starts_with(START.as_bytes())
}
