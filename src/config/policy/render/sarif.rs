//! SARIF 2.1.0.

use super::Report;
use crate::config::policy::codes::CODES;
use crate::governance::policy::place::{Diagnostic, Place};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// The diagnostics as one run.
pub(super) fn sarif(report: &Report<'_>) -> String {
    let used = |code: &str| report.shown().any(|one| one.code == code);
    let rules: Vec<&(&str, &str)> = CODES.iter().filter(|(code, _)| used(code)).collect();
    let results: Vec<Value> = report
        .shown()
        .map(|one| {
            let index = rules.iter().position(|(code, _)| *code == one.code);
            result(report, one, index)
        })
        .collect();
    let described: Vec<Value> = rules
        .iter()
        .map(|(code, title)| json!({ "id": code, "shortDescription": { "text": title } }))
        .collect();
    let whole = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tollgate",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": described,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{whole:#}\n")
}

fn result(report: &Report<'_>, one: &Diagnostic, index: Option<usize>) -> Value {
    let text = match &one.help {
        Some(help) => format!("{}\nhelp: {help}", one.message),
        None => one.message.clone(),
    };
    let mut result = json!({
        "ruleId": one.code,
        "level": one.severity.to_string(),
        "message": { "text": text },
        "locations": [location(report, one.place)],
    });
    if let Some(index) = index {
        result["ruleIndex"] = json!(index);
    }
    if let Some((place, what)) = &one.also {
        let mut also = location(report, *place);
        also["id"] = json!(0);
        also["message"] = json!({ "text": what });
        result["relatedLocations"] = json!([also]);
    }
    result
}

fn location(report: &Report<'_>, place: Place) -> Value {
    let mut physical = json!({
        "artifactLocation": { "uri": uri(report.name(place.file)) },
    });
    if place.line > 0 {
        physical["region"] = json!({ "startLine": place.line, "startColumn": place.column });
    }
    json!({ "physicalLocation": physical })
}

/// A path as a reference: what a URI does not take is written as `%XX`.
fn uri(path: &Path) -> String {
    let mut uri = String::new();
    if path.is_absolute() {
        uri.push_str("file://");
    }
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
