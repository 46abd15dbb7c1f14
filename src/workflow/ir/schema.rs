//! The JSON schema of the exported form.

use super::Export;
use schemars::generate::SchemaSettings;

/// The JSON schema of an exported workflow.
#[must_use]
pub fn ir_schema() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Export>()
        .to_value()
}
