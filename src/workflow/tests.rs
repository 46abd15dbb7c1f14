use super::expr::Expr;
use super::template::Template;
use super::value::{Dict, Value};
use std::collections::BTreeMap;
use std::process::Command;

/// What became of one case, as the reference tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Refused,
    Error,
    Value(String),
}

fn dict(case: &Value, key: &str) -> Dict {
    match case.get(key) {
        Some(Value::Dict(entries)) => entries.clone(),
        _ => Dict::new(),
    }
}

fn here(case: &Value) -> Outcome {
    let text = case.get("text").and_then(Value::as_str).expect("a text");
    let state = dict(case, "state");
    if case.get("kind").and_then(Value::as_str) == Some("template") {
        return match Template::parse(text) {
            Err(_) => Outcome::Refused,
            Ok(template) => match template.fill(&dict(case, "inputs"), &state) {
                Ok(filled) => Outcome::Value(filled),
                Err(_) => Outcome::Error,
            },
        };
    }
    match Expr::parse(text) {
        Err(_) => Outcome::Refused,
        Ok(parsed) => match parsed.expr.value(&state) {
            Ok(value) => Outcome::Value(value.repr()),
            Err(_) => Outcome::Error,
        },
    }
}

fn there(case: &Value) -> Outcome {
    if case.get("refused").is_some() {
        Outcome::Refused
    } else if case.get("error").is_some() {
        Outcome::Error
    } else {
        let value = case.get("value").and_then(Value::as_str).expect("a value");
        Outcome::Value(value.to_owned())
    }
}

#[test]
fn python_says_the_same() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flow/reference.py");
    let output = Command::new("python3")
        .args(["-W", "ignore", script, "20260801", "10000"])
        .output()
        .expect("python3");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut different = Vec::new();
    for line in text.lines() {
        let case = Value::from_json(line).expect(line);
        let (here, there) = (here(&case), there(&case));
        *counts
            .entry(match there {
                Outcome::Refused => "refused",
                Outcome::Error => "error",
                Outcome::Value(_) => "value",
            })
            .or_default() += 1;
        if here != there {
            different.push(format!("{line}\n    here {here:?}\n    there {there:?}"));
        }
    }
    assert_eq!(counts.values().sum::<usize>(), 10_000);
    // Each outcome often enough to mean something.
    assert!(counts.values().all(|count| *count > 500), "{counts:?}");
    assert!(
        different.is_empty(),
        "{} of 10,000 differ:\n{}",
        different.len(),
        different
            .iter()
            .take(10)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}
