//! `tollgate schema`: JSON schemas for editors, made from the settings that read the files.

use crate::config;
use std::io::{self, Write};
use std::process::ExitCode;

/// Which schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Of `tollgate.yaml`.
    Config,
    /// Of a price book.
    Prices,
    /// Of a policy.
    Policy,
    /// Of `panel.yaml`.
    Panel,
    /// Of exported workflows.
    FlowIr,
    /// Of workflows as they are written; not in this version.
    Flow,
}

/// Writes a schema to `out`, or to `err` why there is none. Exit code 0: written; 1: not in this version.
///
/// # Errors
/// Those of the writers.
pub fn run(schema: Schema, out: &mut impl Write, err: &mut impl Write) -> io::Result<ExitCode> {
    let value = match schema {
        Schema::Config => config::config_schema(),
        Schema::Prices => config::prices_schema(),
        Schema::Policy => config::policy::policy_schema(),
        Schema::Panel => config::panel_schema(),
        Schema::FlowIr => config::flow::ir_schema(),
        Schema::Flow => {
            writeln!(
                err,
                "error: the schema of workflow files comes with a later version; this one has the schemas `config`, `flow-ir`, `panel`, `prices` and `policy`"
            )?;
            return Ok(ExitCode::from(1));
        }
    };
    writeln!(out, "{value:#}")?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_json_and_what_is_not_there_says_so() {
        let check = |schema: Schema, code: u8, out_starts: &str, err_starts: &str| {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            assert_eq!(
                run(schema, &mut out, &mut err).unwrap(),
                ExitCode::from(code)
            );
            assert!(String::from_utf8(out).unwrap().starts_with(out_starts));
            assert!(String::from_utf8(err).unwrap().starts_with(err_starts));
        };
        check(Schema::Config, 0, "{", "");
        check(Schema::Prices, 0, "{", "");
        check(Schema::Policy, 0, "{", "");
        check(Schema::Panel, 0, "{", "");
        check(Schema::FlowIr, 0, "{", "");
        check(Schema::Flow, 1, "", "error: the schema of workflow files");
    }
}
