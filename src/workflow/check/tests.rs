use crate::config::flow::parse;

/// A file with these edges, over nodes `a`, `b`, `c` and `d` that each write a field of their own name.
fn file(edges: &str) -> String {
    let node = |id: &str| {
        format!(
            "  - {{ id: {id}, prompt: \"{{topic}}\", outputs: [{id}], output_schema: {{ type: str }} }}\n"
        )
    };
    let field = |id: &str| format!("    {id}: {{ type: str, default: \"\" }}\n");
    format!(
        "schema_version: \"1.0\"\nflow: {{ name: test }}\nstate:\n  fields:\n    topic: {{ type: str }}\n    items: {{ type: \"list[str]\" }}\n    numbers: {{ type: \"list[int]\" }}\n    done: {{ type: bool }}\n{}nodes:\n{}edges:\n{edges}",
        ["a", "b", "c", "d"].map(field).concat(),
        ["a", "b", "c", "d"].map(node).concat(),
    )
}

/// The ids and names of what is wrong.
fn found(text: &str) -> Vec<String> {
    let loaded = parse(text);
    let found = loaded.found.iter();
    found
        .map(|one| format!("{} {}", one.id, one.name))
        .collect()
}

fn check(edges: &[&str], expected: &[&str]) {
    let lines: Vec<String> = edges
        .iter()
        .map(|edge| {
            format!(
                "  - {{ {edge} }}
"
            )
        })
        .collect();
    let edges = lines.concat();
    let text = file(&edges);
    assert_eq!(found(&text), expected, "{edges}\n{:#?}", parse(&text).found);
}

#[test]
fn a_line_of_nodes_is_good() {
    check(
        &[
            "from: START, to: a",
            "from: a, to: b",
            "from: b, to: c",
            "from: c, to: d",
            "from: d, to: END",
        ],
        &[],
    );
}

#[test]
fn the_graph_is_entered_once() {
    let rest = [
        "from: a, to: b",
        "from: b, to: c",
        "from: c, to: d",
        "from: d, to: END",
    ];
    let with = |first: &[&'static str]| [first, &rest].concat();
    check(&rest, &["no_start START"]);
    check(
        &with(&["from: START, to: a", "from: START, to: b"]),
        &["second_edge START"],
    );
    check(&with(&["from: START, to: START"]), &["reserved_name START"]);
    check(
        &with(&["from: START, loop: { condition_field: done }"]),
        &["loop_at_start "],
    );
    check(
        &with(&["from: START, routes: [ { condition: { logic: default }, to: a } ]"]),
        &[],
    );
}

#[test]
fn every_node_lies_on_a_way_from_start_to_end() {
    check(
        &[
            "from: START, to: a",
            "from: a, to: END",
            "from: b, to: c",
            "from: c, to: END",
            "from: d, to: END",
        ],
        &[
            "unreachable_node b",
            "unreachable_node c",
            "unreachable_node d",
        ],
    );
    check(
        &[
            "from: START, to: [a, b]",
            "from: a, to: c",
            "from: b, to: c",
            "from: c, to: d",
        ],
        &["dead_end a", "dead_end b", "dead_end c", "dead_end d"],
    );
    check(
        &[
            "from: START, to: a",
            "from: a, to: b",
            "from: b, to: a",
            "from: c, to: d",
            "from: d, to: END",
        ],
        &[
            "dead_end a",
            "dead_end b",
            "unreachable_node c",
            "unreachable_node d",
        ],
    );
}

#[test]
fn ends_of_edges_are_nodes() {
    check(
        &["from: START, to: aa", "from: e, to: END"],
        &["unknown_node aa", "unknown_node e"],
    );
}

#[test]
fn branches_keep_apart_until_they_meet() {
    check(
        &[
            "from: START, to: [a, b]",
            "from: a, to: c",
            "from: b, to: c",
            "from: c, to: d",
            "from: d, to: END",
        ],
        &[],
    );
    // `a` and `b` meet at `c`, and `d` comes in later.
    check(
        &[
            "from: START, to: [a, b, d]",
            "from: a, to: c",
            "from: b, to: c",
            "from: c, to: END",
            "from: d, to: END",
        ],
        &["branches_meet_twice c"],
    );
    check(
        &[
            "from: START, to: a",
            "from: a, to: [b, c]",
            "from: b, routes: [ { condition: { logic: state.done }, to: a }, { condition: { logic: default }, to: d } ]",
            "from: c, to: d",
            "from: d, to: END",
        ],
        &["branch_leads_back b"],
    );
}

#[test]
fn no_two_branches_write_one_field() {
    let text = file(
        "  - { from: START, to: [a, b] }\n  - { from: a, to: c }\n  - { from: b, to: d }\n  - { from: c, to: END }\n  - { from: d, to: END }\n",
    );
    assert_eq!(found(&text), [""; 0]);
    let text = text.replace(
        "id: d, prompt: \"{topic}\", outputs: [d]",
        "id: d, prompt: \"{topic}\", outputs: [a]",
    );
    assert_eq!(found(&text), ["written_by_two a"]);
}

#[test]
fn choices_have_a_default_and_known_fields() {
    check(
        &[
            "from: START, to: a",
            "from: a, routes: [ { condition: { logic: state.dnoe }, to: b }, { condition: { logic: state.topic.x }, to: c } ]",
            "from: b, to: END",
            "from: c, to: d",
            "from: d, to: END",
        ],
        &[
            "no_default_route ",
            "unknown_field dnoe",
            "unknown_field topic",
        ],
    );
}

#[test]
fn loops_end_on_a_flag() {
    let rest = [
        "from: START, to: a",
        "from: b, to: c",
        "from: c, to: d",
        "from: d, to: END",
    ];
    let with = |edge: &'static str| [&rest[..], &[edge]].concat();
    check(
        &with("from: a, loop: { condition_field: done, exit_to: b }"),
        &[],
    );
    check(
        &with("from: a, loop: { condition_field: topic, exit_to: b }"),
        &["field_type topic"],
    );
    check(
        &with("from: a, loop: { condition_field: dnoe, exit_to: b }"),
        &["unknown_field dnoe"],
    );
}

#[test]
fn what_is_run_for_items_has_lists_at_both_ends() {
    let rest = [
        "from: START, to: a",
        "from: b, to: c",
        "from: c, to: d",
        "from: d, to: END",
    ];
    let with = |edge: &'static str| [&rest[..], &[edge]].concat();
    check(
        &with("from: a, parallel: { items_field: items, target_node: b, collect_field: items }"),
        &[],
    );
    check(
        &with("from: a, parallel: { items_field: topic, target_node: b, collect_field: items }"),
        &["field_type topic"],
    );
    check(
        &with("from: a, parallel: { items_field: items, target_node: b, collect_field: numbers }"),
        &["collect_type numbers"],
    );
    check(
        &with("from: a, parallel: { items_field: items, target_node: END, collect_field: items }"),
        &["reserved_name END"],
    );
    check(
        &with("from: a, parallel: { items_field: items, target_node: d, collect_field: items }"),
        &[
            "unreachable_node b",
            "unreachable_node c",
            "target_reached_twice d",
        ],
    );
}

#[test]
fn tools_see_their_parameters_and_the_state() {
    let tool = |more: &str| {
        let edges = "  - { from: START, to: a }\n  - { from: a, to: b }\n  - { from: b, to: c }\n  - { from: c, to: d }\n  - { from: d, to: END }\n";
        format!(
            "{}tools:\n  - {{ name: t, endpoint: \"https://e.example/{{q}}\", {more} }}\n",
            file(edges)
        )
    };
    let parameters = "parameters: { properties: { q: { type: string } } }";
    assert_eq!(found(&tool(parameters)), [""; 0]);
    assert_eq!(found(&tool("method: GET")), ["unresolved_placeholder q"]);
    let wrong = format!("{parameters}, body: {{ a: [\"{{p}} {{state.topc}} {{state.topic}}\"] }}");
    assert_eq!(
        found(&tool(&wrong)),
        ["unresolved_placeholder p", "unresolved_placeholder topc"]
    );
}
