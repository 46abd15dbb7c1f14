use super::*;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

fn flows() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/flows")
}

/// What was found, as a person sees it.
pub(crate) fn told(found: &[Diagnostic]) -> String {
    let mut out = String::new();
    for one in found {
        let severity = match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let _ = writeln!(
            out,
            "{}:{} {severity} {} {} {:?}: {one}",
            one.place.line,
            one.place.column,
            one.phase.name(),
            one.id,
            one.name
        );
        if let Some(suggestion) = &one.suggestion {
            let _ = writeln!(out, "    {}", suggestion.replace('\n', "\n    "));
        }
    }
    out
}

/// The loop of `refine.yaml`.
const LOOP: &str =
    "- from: improve\n    loop: { condition_field: good_enough, max_iterations: 3, exit_to: END }";

#[test]
fn the_examples_have_no_faults() {
    let mut names = Vec::new();
    for entry in fs::read_dir(flows()).unwrap() {
        let path = entry.unwrap().path();
        let loaded = load(&path);
        assert_eq!(told(&loaded.found), "", "{}", path.display());
        assert!(loaded.flow.is_some(), "{}", path.display());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    names.sort();
    assert_eq!(
        names.join(" "),
        "classify.yaml debate.yaml echo.yaml profile.yaml refine.yaml research.yaml reviews.yaml weather.yaml"
    );
}

#[test]
fn every_fault_is_told_at_once() {
    let loaded = parse(include_str!("broken.yaml"));
    assert!(loaded.flow.is_none());
    insta::assert_snapshot!(told(&loaded.found));
}

#[test]
fn what_runs_here_only_is_told_with_the_form_that_runs_everywhere() {
    let loaded = parse(include_str!("everything.yaml"));
    assert!(!loaded.has_errors(), "{}", told(&loaded.found));
    insta::assert_snapshot!(told(&loaded.found));
}

#[test]
fn spellings_become_the_same_workflow() {
    let hash = |text: &str| {
        let loaded = parse(text);
        assert!(!loaded.has_errors(), "{}", told(&loaded.found));
        loaded.export().unwrap().1
    };
    let check = |name: &str, here: &str, there: &str| {
        let text = fs::read_to_string(flows().join(name)).unwrap();
        assert!(text.contains(there), "{name}: {there}");
        assert_eq!(hash(&text.replace(there, here)), hash(&text), "{here}");
    };
    check(
        "classify.yaml",
        "condition: \"{state.topic} == 'outage' or {state.urgency} >= 8\"",
        "condition: { logic: \"state.topic == 'outage' or state.urgency >= 8\" }",
    );
    check(
        "classify.yaml",
        "condition: default",
        "condition: { logic: default }",
    );
    check(
        "debate.yaml",
        "{ from: START, parallel: [for_it, against_it], join: weigh }\n  - { from: weigh, to: END }\n",
        "{ from: START, to: [for_it, against_it] }\n  - { from: for_it, to: weigh }\n  - { from: against_it, to: weigh }\n  - { from: weigh, to: END }\n",
    );
    check("research.yaml", "timeout_seconds: 60", "timeout: 60");
    check("echo.yaml", "outputs: louder", "outputs: [louder]");
    check(
        "profile.yaml",
        "- { from: read, to: invite, condition: \"state.person.years > 3 and len({state.jobs}) > 0 and 'rust' in state.scores\" }\n  - { from: read, to: END }\n",
        "- from: read\n    routes:\n      - condition: { logic: \"state.person.years > 3 and len(state.jobs) > 0 and 'rust' in state.scores\" }\n        to: invite\n      - condition: { logic: default }\n        to: END\n",
    );
    let refine = fs::read_to_string(flows().join("refine.yaml")).unwrap();
    let at_node = refine
        .replace(LOOP, "- { from: improve, to: END }")
        .replace(
            "  - id: improve\n",
            "  - id: improve\n    loop: { max_iterations: 3, until: good_enough }\n",
        );
    assert_ne!(at_node, refine);
    assert_eq!(hash(&at_node), hash(&refine));
    let research = fs::read_to_string(flows().join("research.yaml")).unwrap();
    let listed = research.replace(
        "  gates:\n    gates:\n      - { metric: cost_usd, max: 0.4 }\n      - { metric: duration_ms, max: 120000 }\n    on_fail: warn\n",
        "  gates: [ { metric: cost_usd, max: 0.4 }, { metric: duration_ms, max: 120000 } ]\n",
    );
    assert_ne!(listed, research);
    assert_eq!(hash(&listed), hash(&research));
}

#[test]
fn a_type_in_brackets_within_braces_is_told_with_its_fix() {
    let check = |line: &str, place: (u32, u32), written: &str| {
        let text = format!("schema_version: \"1.0\"\nstate:\n  fields:\n{line}\nnodes: []\n");
        let loaded = parse(&text);
        let first = loaded.found.iter().find(|one| one.id == "unquoted_type");
        let first = first.unwrap_or_else(|| panic!("{}", told(&loaded.found)));
        assert_eq!((first.place.line, first.place.column), place);
        assert_eq!(
            first.suggestion.as_deref(),
            Some(format!("put the type in quotes: type: \"{written}\"").as_str())
        );
    };
    check(
        "    a: {type: list[str], default: []}",
        (4, 15),
        "list[str]",
    );
    check(
        "    a: { type: dict[str, list[int]] }",
        (4, 16),
        "dict[str, list[int]]",
    );
    check(
        "    a: { required: true, type: list[str] }",
        (4, 32),
        "list[str]",
    );
}

#[test]
fn an_answer_may_leave_the_fields_of_an_object_to_the_state() {
    let text = fs::read_to_string(flows().join("profile.yaml")).unwrap();
    let short = text.replace(
        "        - name: person
          type: object
          schema:
            name: str
            years: int
            address: { type: object, schema: { city: str, country: str } }
        - { name: jobs, type: \"list[object]\", schema: { title: str, company: str } }
",
        "        - { name: person, type: object }
        - { name: jobs, type: \"list[object]\" }
",
    );
    assert_ne!(short, text);
    let loaded = parse(&short);
    assert_eq!(told(&loaded.found), "");
    // The state says what `years` are; the answer did not.
    let json = |text: &str| {
        let flow = parse(text).flow.unwrap();
        flow.node("read").unwrap().output.schema.to_json().unwrap()
    };
    let described = r#","description":"Of experience""#;
    assert_eq!(json(&short).replace(described, ""), json(&text));
}

#[test]
fn an_input_that_names_a_field_is_told() {
    let text = fs::read_to_string(flows().join("weather.yaml")).unwrap();
    let loaded = parse(&text.replace("{ where: \"{city}, Europe\" }", "{ where: state.city }"));
    assert!(loaded.flow.is_some());
    let [one] = loaded.found.as_slice() else {
        panic!("{}", told(&loaded.found));
    };
    assert_eq!(one.id, "literal_input");
    assert_eq!(
        one.suggestion.as_deref(),
        Some("for the field write \"{state.city}\"")
    );
}

#[test]
fn a_node_may_loop_until_an_expression_holds() {
    let text = fs::read_to_string(flows().join("refine.yaml")).unwrap();
    let text = text.replace(LOOP, "- { from: improve, to: END }");
    let text = text.replace(
        "  - id: improve\n",
        "  - id: improve\n    loop: { max_iterations: 4, until: \"len(state.remarks) > 2\" }\n",
    );
    let loaded = parse(&text);
    assert!(!loaded.has_errors(), "{}", told(&loaded.found));
    let flow = loaded.flow.unwrap();
    let json = serde_json::to_string(&flow.node("improve").unwrap().next).unwrap();
    assert_eq!(
        json,
        r#"{"loop":{"until":{"compare":{"first":{"len":{"field":["remarks"]}},"rest":[{"op":">","with":{"literal":2}}]}},"max_iterations":4,"exit_to":"END"}}"#
    );
}

#[test]
fn text_that_is_no_workflow_is_told() {
    let check = |text: &str, expected: &str| {
        let loaded = parse(text);
        let told = told(&loaded.found);
        assert!(
            loaded.has_errors() && told.contains(expected),
            "{text:?}: {told}"
        );
    };
    check("", "there is no workflow in it");
    check("just a text", "expected a mapping, found a single value");
    check("- a\n- b", "expected a mapping, found a list");
    check("a: [", "not valid YAML");
    check("a: &x 1\nb: *x", "anchors are not supported");
    check("a: 1\na: 2", "`a` is here a second time");
    check("a: 1", "`flow` is missing in the file");
    check("{}", "there is no workflow in it");
    check(
        "{\"format\": \"tollgate.flow\"}",
        "not an exported workflow: its `version` is missing",
    );
    check(
        "{\"format\": \"tollgate.flow\", \"version\": 2}",
        "version 2 of the exported form",
    );
    check(
        "{\"format\": \"x\"}",
        "not an exported workflow: its `format` is not `tollgate.flow`",
    );
}

#[test]
fn faults_within_a_text_are_told_where_they_are() {
    let base = fs::read_to_string(flows().join("classify.yaml")).unwrap();
    let check = |from: &str, to: &str, needle: &str| {
        assert!(base.contains(from), "{from}");
        let text = base.replace(from, to);
        let (before, _) = text.split_once(needle).unwrap();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
        let found = parse(&text).found;
        let place = found
            .first()
            .map(|one| (one.place.line as usize, one.place.column as usize));
        assert_eq!(place, Some((line, column)), "{}", told(&found));
    };
    // Bare, in either quotes, in a block.
    check(
        "logic: \"state.topic == 'outage'",
        "logic: \"state.topic === 'outage'",
        "=== 'outage'",
    );
    check(
        "{ logic: default }\n        to: reply",
        "{ logic: state.x = 1 }\n        to: reply",
        "= 1 }",
    );
    check(
        "Answer kindly: {request}",
        "é Answer {kindly!r}",
        "{kindly!r}",
    );
    check(
        "      {request}\n",
        "      {request}\n\n      and {so on}\n",
        "{so on}",
    );
    check("type: int, default", "type: \"list[itn]\", default", "itn");
    // A name that is not there, on a later line.
    check(
        "      {request}\n",
        "      {request}\n      and {{so}} {on}\n",
        "{on}",
    );
    check(
        "Answer kindly: {request}",
        "é Answer {request} {nobody}",
        "{nobody}",
    );
    // Folded: where the text begins.
    check(
        "prompt: |\n      Sort",
        "prompt: >\n      Sort {it",
        "Sort {it",
    );
}

mod keys;
