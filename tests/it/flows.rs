//! Workflows run by `tollgate flow run`: every call through the gate, with its books, and once.

use crate::support::{Home, Process, Simulator, run, until};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// `cent` costs a cent whatever it does.
const PRICES: &str = r#"
  gpt-4.1-mini: { input: "0.40", output: "1.60", max_input: 1000000, max_output: 32768 }
  gpt-4o-mini: { input: "0.15", output: "0.60", max_input: 128000, max_output: 16384 }
  gpt-4o: { input: "2.50", output: "10", max_input: 128000, max_output: 16384 }
  claude-sonnet-4-5: { input: "3", output: "15", max_input: 200000, max_output: 64000 }
  gemini-2.5-flash-lite: { input: "0.10", output: "0.40", max_input: 1000000, max_output: 65536 }
  cent: { request: "0.01", max_input: 100000, max_output: 16384 }
  cent--latency-300ms: { request: "0.01", max_input: 100000, max_output: 16384 }
  cent--latency-10s: { request: "0.01", max_input: 100000, max_output: 16384 }
"#;

/// Runs it; what it printed, as JSON, and how it left.
fn flow(home: &Home, arguments: &[&str]) -> (Value, Output) {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["flow", "run", "--json"])
        .args(arguments)
        .current_dir(home.path())
        .stdin(Stdio::null())
        .output()
        .expect("tollgate runs");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (report, output)
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Five nodes, one after the other.
fn five(home: &Home, model: &str, config: &str) {
    let mut text = "schema_version: \"1.0\"\nflow: { name: five }\nstate:\n  fields:\n".to_owned();
    let nodes = ["a", "b", "c", "d", "e"];
    for node in nodes {
        text.push_str(&format!("    {node}: {{ type: str }}\n"));
    }
    text.push_str("nodes:\n");
    for node in nodes {
        text.push_str(&format!(
            "  - {{ id: say_{node}, prompt: \"{node}\", outputs: [{node}], output_schema: {{ type: str }} }}\n"
        ));
    }
    text.push_str("edges:\n  - { from: START, to: say_a }\n");
    for (from, to) in [
        ("a", "say_b"),
        ("b", "say_c"),
        ("c", "say_d"),
        ("d", "say_e"),
        ("e", "END"),
    ] {
        text.push_str(&format!("  - {{ from: say_{from}, to: {to} }}\n"));
    }
    text.push_str(&format!(
        "config:\n  llm: {{ provider: openai, model: {model} }}\n{config}"
    ));
    std::fs::write(home.path().join("five.yaml"), text).expect("a workflow");
}

#[test]
fn every_worked_example_runs() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/flows");
    let mut calls = 0;
    for (name, input) in [
        ("classify", "request=where is my parcel"),
        ("debate", "question=is it so"),
        ("echo", "message=hello"),
        ("profile", "letter=dear all"),
        ("refine", "topic=rivers"),
        ("research", "topic=rivers"),
        ("reviews", "reviews=[\"good\",\"bad\"]"),
        ("weather", "city=Ulm"),
    ] {
        let file = examples.join(format!("{name}.yaml"));
        let file = file.to_str().expect("a path");
        let (report, output) = flow(&home, &[file, "-i", input]);
        assert_eq!(
            report["status"],
            "success",
            "{name}: {report}\n{}",
            told(&output)
        );
        assert_eq!(output.status.code(), Some(0));
        calls += report["calls"].as_u64().expect("calls");
        // What was exported runs as the file does.
        let exported = home.path().join(format!("{name}.ir.json"));
        let exported = exported.to_str().expect("a path");
        run(home.path(), &["flow", "export", file, "-o", exported]);
        let (again, _) = flow(&home, &[exported, "-i", input]);
        assert_eq!(again["status"], "success", "{again}");
        calls += again["calls"].as_u64().expect("calls");
    }
    assert_eq!(simulator.meter().calls, calls);
}

#[test]
fn a_run_with_money_for_three_calls_makes_three_and_goes_on_when_there_is_more() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "");
    five(&home, "cent", "  budget: \"$0.03\"\n");
    let (report, output) = flow(&home, &["five.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["status"], "budget_exceeded", "{report}");
    assert_eq!(
        (report["calls"].as_u64(), simulator.meter().calls),
        (Some(3), 3)
    );
    let fields: Vec<&String> = report["state"]
        .as_object()
        .expect("a state")
        .keys()
        .collect();
    assert_eq!(fields, ["a", "b", "c"]);
    let id = report["run"].as_str().expect("its name").to_owned();
    let (more, _) = flow(&home, &["five.yaml", "--resume", &id]);
    assert_eq!(more["status"], "budget_exceeded");
    assert_eq!(simulator.meter().calls, 3);
    let (rest, output) = flow(&home, &["five.yaml", "--resume", &id, "--budget", "$0.05"]);
    assert_eq!(rest["status"], "success", "{rest}\n{}", told(&output));
    assert_eq!(
        (rest["calls"].as_u64(), simulator.meter().calls),
        (Some(5), 5)
    );
    assert_eq!(rest["cost_nano_usd"], 50_000_000);
    assert_eq!(rest["state"]["a"], report["state"]["a"]);
}

#[test]
fn a_run_that_was_killed_goes_on_and_repeats_at_most_the_node_in_flight() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "");
    five(&home, "cent--latency-300ms", "");
    let mut process = Process::start(home.path(), "flow", &["flow", "run", "five.yaml"]);
    process.says("that two nodes are done", |line| {
        line.starts_with("1 say_b done").then_some(())
    });
    process.kill();
    let folder = home.path().join("state/flows");
    let file = std::fs::read_dir(folder)
        .expect("a folder")
        .next()
        .expect("a run")
        .expect("a run");
    let name = file.file_name().into_string().expect("a name");
    let id = name.strip_suffix(".jsonl").expect("its name");
    let (report, output) = flow(&home, &["five.yaml", "--resume", id]);
    assert_eq!(report["status"], "success", "{report}\n{}", told(&output));
    let all = simulator.meter().calls;
    assert!((5..=6).contains(&all), "{all}");
}

#[test]
fn a_call_that_takes_too_long_ends_the_run_and_its_connection() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "");
    five(&home, "cent--latency-10s", "  execution: { timeout: 1 }\n");
    let began = Instant::now();
    let (report, output) = flow(&home, &["five.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["status"], "timed_out", "{report}\n{}", told(&output));
    assert_eq!(
        report["error"],
        "node `say_a`: no answer within 1 s (`execution.timeout`)"
    );
    // It did not wait for the answer.
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    until("the connection to end", || {
        (simulator.meter().in_flight == 0).then_some(())
    });
    let meter = simulator.meter();
    assert_eq!((meter.calls, meter.cancelled), (0, 1));
}

#[test]
fn calls_of_a_run_are_decided_and_recorded_as_any() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        "budgets: [{ name: day, limit: \"$0.02\", window: 1d }]",
    );
    five(&home, "cent", "");
    let (report, _) = flow(&home, &["five.yaml"]);
    assert_eq!(report["status"], "budget_exceeded", "{report}");
    assert_eq!(simulator.meter().calls, 2);
    let id = report["run"].as_str().expect("its name");
    let log = run(home.path(), &["audit", "export"]);
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of_run = lines.iter().filter(|line| line["run"] == id).count();
    assert_eq!(of_run, 3, "{log}");
}

#[test]
fn tools_reach_what_is_public_and_what_is_named() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "");
    let address = simulator.address;
    let text = format!(
        r#"schema_version: "1.0"
flow: {{ name: look }}
state: {{ fields: {{ out: {{ type: str }} }} }}
tools:
  - name: meter
    type: http
    endpoint: http://{address}/__sim/meter
    parameters: {{ type: object, properties: {{}} }}
nodes:
  - {{ id: look, prompt: "Look", outputs: [out], output_schema: {{ type: str }}, tools: [meter] }}
edges:
  - {{ from: START, to: look }}
  - {{ from: look, to: END }}
config: {{ llm: {{ provider: openai, model: cent }} }}
"#
    );
    std::fs::write(home.path().join("look.yaml"), text).expect("a workflow");
    let (report, _) = flow(&home, &["look.yaml"]);
    assert_eq!(report["status"], "failed", "{report}");
    let error = report["error"].as_str().expect("an error");
    assert!(
        error.contains("is not public") && error.contains(&format!("--reach {address}")),
        "{error}"
    );
    let (report, output) = flow(&home, &["look.yaml", "--reach", &address.to_string()]);
    assert_eq!(report["status"], "success", "{report}\n{}", told(&output));
    assert_eq!(report["calls"], 2);
    assert!(told(&output).contains("tool meter\n"), "{}", told(&output));
}

#[test]
fn inputs_that_do_not_fit_are_all_told() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "");
    let echo = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/flows/echo.yaml");
    let echo = echo.to_str().expect("a path");
    let (_, output) = flow(&home, &[echo, "-i", "mesage=x", "-i", "echoed=5"]);
    assert_eq!(output.status.code(), Some(2));
    let told = told(&output);
    for part in [
        "`message` (str) is missing",
        "`echoed` does not fit",
        "no input `mesage`",
        "message",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(simulator.meter().calls, 0);
}
