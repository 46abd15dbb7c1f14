use super::*;
use crate::config::flow::{Loaded, parse};
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn example(name: &str) -> Loaded {
    let file = root().join(format!("config/flows/{name}.yaml"));
    parse(&fs::read_to_string(file).unwrap())
}

#[test]
fn the_published_schema_is_that_of_this_version() {
    let file = root().join("docs/flow-ir.schema.json");
    let published = fs::read_to_string(&file).unwrap_or_default();
    let own = format!("{:#}\n", ir_schema());
    assert!(
        published == own,
        "{} is not up to date: `tollgate schema flow-ir > {}`",
        file.display(),
        file.display()
    );
}

#[test]
fn a_workflow_compiles_to_all_that_a_run_needs() {
    let flow = example("research").flow.unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&flow).unwrap());
}

#[test]
fn branches_know_where_they_meet() {
    let flow = example("debate").flow.unwrap();
    assert_eq!(
        flow.start,
        Next::Fork(Fork {
            branches: vec!["for_it".to_owned(), "against_it".to_owned()],
            join: "weigh".to_owned(),
        })
    );
}

#[test]
fn an_answer_of_one_value_is_wrapped() {
    let flow = example("echo").flow.unwrap();
    let output = &flow.node("repeat").unwrap().output;
    assert_eq!(
        (output.name.as_str(), output.wrapped),
        ("Output_repeat", true)
    );
    assert_eq!(
        output.schema.to_json().unwrap(),
        r#"{"type":"object","properties":{"result":{"type":"string","description":"The same text"}},"required":["result"],"additionalProperties":false}"#
    );
}

#[test]
fn a_file_that_was_changed_is_refused() {
    let (bytes, _) = example("echo").export().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(import(&text).is_ok());
    let check = |from: &str, to: &str, expected: &str| {
        assert!(text.contains(from), "{from}");
        let fault = import(&text.replace(from, to)).unwrap_err();
        assert!(fault.to_string().contains(expected), "{fault}");
    };
    check(
        "\"name\":\"echo\"",
        "\"name\":\"ohce\"",
        "changed after the export",
    );
    check("\"version\":1,", "\"version\":2,", "version 2");
    check(
        "\"max_tool_calls\":10",
        "\"max_calls\":10",
        "unknown field `max_calls`",
    );
    check(
        "\"timeout_seconds\":120",
        "\"timeout_seconds\":18446744073709551616",
        "64 bits",
    );
    check("{\"format\"", "{", "not an exported workflow");
}

#[test]
fn numbers_survive_the_export_to_the_last_bit() {
    let text = fs::read_to_string(root().join("config/flows/debate.yaml")).unwrap();
    for number in [
        "0.30000000000000004",
        "1.7976931348623157e+308",
        "5e-324",
        "2.2250738585072011e-308",
        "9007199254740993.0",
    ] {
        let number = if number.contains('.') {
            number.to_owned()
        } else {
            number.replace('e', ".0e")
        };
        let loaded = parse(&text.replace(
            "{ type: float, default: 0.0 }",
            &format!("{{ type: float, default: {number} }}"),
        ));
        let (bytes, hash) = loaded.export().unwrap();
        let again = import(std::str::from_utf8(&bytes).unwrap()).unwrap();
        assert_eq!(
            (Some(&again.flow), &again.hash),
            (loaded.flow.as_ref(), &hash),
            "{number}"
        );
    }
}

#[test]
fn the_diagram_shows_every_way() {
    let all = ["research", "debate", "classify"].map(|name| example(name).mermaid().unwrap());
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_file_made_by_hand_is_refused_where_it_does_not_hold_together() {
    let check = |name: &str, change: &dyn Fn(&mut Flow), expected: &str| {
        let mut flow = example(name).flow.unwrap();
        change(&mut flow);
        let (bytes, _) = export(&flow).unwrap();
        let fault = import(std::str::from_utf8(&bytes).unwrap()).unwrap_err();
        assert!(fault.to_string().contains(expected), "{fault}");
    };
    check(
        "echo",
        &|flow| flow.start = Next::To("nobody".to_owned()),
        "there is no such node",
    );
    check(
        "echo",
        &|flow| flow.nodes[1].id = "repeat".to_owned(),
        "the same id",
    );
    check(
        "echo",
        &|flow| flow.nodes[1].output.fields.clear(),
        "does not fit the state",
    );
    check(
        "echo",
        &|flow| flow.state[1].name = "louder".to_owned(),
        "the same name",
    );
    check("weather", &|flow| flow.tools.clear(), "the tool `forecast`");
    check(
        "weather",
        &|flow| flow.tools[0].endpoint = Template::parse("https://{city}/").unwrap(),
        "not written out",
    );
    check(
        "weather",
        &|flow| flow.tools[0].endpoint = Template::parse("https://a.example{city}").unwrap(),
        "not written out",
    );
    check(
        "debate",
        &|flow| {
            if let Next::Fork(fork) = &mut flow.start {
                fork.join = "nowhere".to_owned();
            }
        },
        "do not meet",
    );
    check(
        "reviews",
        &|flow| {
            if let Next::Parallel(parallel) = &mut flow.nodes[0].next {
                parallel.collect = "summary".to_owned();
            }
        },
        "in no list",
    );
}

#[test]
fn a_run_begins_with_what_it_was_given_and_what_the_file_says() {
    let flow = example("classify").flow.unwrap();
    let begin = |inputs: &str| {
        let Value::Dict(inputs) = Value::from_json(inputs).unwrap() else {
            panic!("{inputs}");
        };
        flow.begin(inputs)
    };
    let state = begin(r#"{"urgency": "7", "request": "help", "refund_cents": null}"#).unwrap();
    assert_eq!(
        Value::Dict(state).to_json().unwrap(),
        r#"{"request":"help","topic":"","urgency":7,"answer":""}"#
    );
    let found = begin(r#"{"urgancy": 1, "topic": 5}"#).unwrap_err();
    let told: Vec<String> = found
        .iter()
        .map(|one| format!("{} {} {one} {:?}", one.phase.name(), one.id, one.suggestion))
        .collect();
    assert_eq!(
        told,
        [
            "state_initialization missing_input the input `request` (str) is missing None",
            "state_initialization input_type the input `topic` does not fit: expected str, found int 5 None",
            "state_initialization unknown_input there is no input `urgancy`: the state has no such field Some(\"did you mean `urgency`?\")",
        ]
    );
}
