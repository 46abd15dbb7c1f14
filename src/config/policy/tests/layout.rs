use super::*;

fn check(before: &str, after: &str) {
    let formatted = format(before).expect(before);
    assert_eq!(formatted, after);
    assert_eq!(format(&formatted).as_deref(), Some(after), "twice");
}

#[test]
fn levels_are_two_spaces_and_sections_stand_apart() {
    check(
        "version: 1   \nscope:\n    org: acme\n# the rules\nrules:\n- id: a\n  effect: deny\n  match:\n       users: [ana,\n               bo]\n-   id: b\n    effect: deny\n    match: {users: cy}\n\n\n\nlimits: {rpm: 1}",
        "version: 1\n\nscope:\n  org: acme\n\n# the rules\nrules:\n  - id: a\n    effect: deny\n    match:\n      users: [ana,\n              bo]\n  - id: b\n    effect: deny\n    match: {users: cy}\n\nlimits: {rpm: 1}\n",
    );
}

#[test]
fn lines_within_a_text_move_with_it() {
    check(
        "version: 1\nscope: {}\nrules:\n- id: a\n  effect: deny\n  when: |\n       a\n         && b\n\n       && c\n  message: \"one\n    two\"\n# last\n",
        "version: 1\nscope: {}\n\nrules:\n  - id: a\n    effect: deny\n    when: |\n         a\n           && b\n\n         && c\n    message: \"one\n      two\"\n# last\n",
    );
}

#[test]
fn comments_stand_with_what_they_are_about() {
    check(
        "# head\n\n\nversion: 1\nscope: {}\nrules:\n# about a\n- id: a\n      # about its effect\n  effect: deny\n  # the end of a\n# about tests\ntests: []\n",
        "# head\n\nversion: 1\nscope: {}\n\nrules:\n  # about a\n  - id: a\n    # about its effect\n    effect: deny\n    # the end of a\n\n# about tests\ntests: []\n",
    );
}

#[test]
fn other_line_ends_become_ours() {
    check("version: 1\r\nscope: {}\r\n", "version: 1\nscope: {}\n");
}

#[test]
fn what_is_no_policy_is_not_touched() {
    assert_eq!(format("version: [1"), None);
    assert_eq!(format("a: 1\na: 2\n"), None);
}

#[test]
fn the_example_keeps_what_it_says() {
    let formatted = format(PAYMENTS).unwrap();
    assert_eq!(text(&formatted).revision, text(PAYMENTS).revision);
    insta::assert_snapshot!(formatted);
}

#[test]
fn every_policy_we_have_keeps_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in ["policies", "src/config/policy/broken"] {
        for found in files::read_all(&[root.join(folder)], &Trusted::running()) {
            let Ok(bytes) = found.content else { continue };
            let before = String::from_utf8(bytes).unwrap();
            let Some(after) = format(&before) else {
                continue;
            };
            let name = found.name.display();
            assert_eq!(text(&after).revision, text(&before).revision, "{name}");
            assert_eq!(format(&after).as_deref(), Some(after.as_str()), "{name}");
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

/// YAML of some form: nested, with comments, texts over several lines, and any indentation.
fn generated() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z]{1,6}".prop_map(|word| vec![word]),
        Just(vec![
            "|".to_owned(),
            "  one".to_owned(),
            "    two  ".to_owned(),
            String::new(),
            "  three".to_owned()
        ]),
        Just(vec![">-".to_owned(), " one".to_owned(), " two".to_owned()]),
        Just(vec!["|+".to_owned(), " one".to_owned(), String::new()]),
        Just(vec![
            "\"one".to_owned(),
            "  two \\".to_owned(),
            "  three\"".to_owned()
        ]),
        Just(vec![
            "[a,".to_owned(),
            "   # within".to_owned(),
            "  b]".to_owned()
        ]),
        Just(vec!["{a: 1,".to_owned(), "  b: [c]}  # behind".to_owned()]),
        Just(vec!["plain".to_owned(), "   and more".to_owned()]),
    ];
    let tree = leaf.prop_recursive(4, 40, 4, |inner| {
        let indent = 1_usize..5;
        prop_oneof![
            (
                prop::collection::vec(inner.clone(), 1..4),
                indent.clone(),
                any::<bool>()
            )
                .prop_map(|(items, indent, comment)| {
                    let mut lines = vec![String::new()];
                    for (index, item) in items.iter().enumerate() {
                        if comment {
                            lines.push(format!("{}# note", " ".repeat(index)));
                        }
                        nest(&mut lines, &format!("key{index}:"), item, indent);
                    }
                    lines
                }),
            (prop::collection::vec(inner, 1..4), indent).prop_map(|(items, indent)| {
                let mut lines = vec![String::new()];
                for item in &items {
                    nest(&mut lines, "-", item, indent);
                }
                lines
            }),
        ]
    });
    prop::collection::vec(tree, 1..4).prop_map(|sections| {
        let mut lines = Vec::new();
        for (index, section) in sections.iter().enumerate() {
            nest(&mut lines, &format!("section{index}:"), section, 2);
        }
        lines.join("\n") + "\n"
    })
}

/// Puts what a head introduces below it.
fn nest(lines: &mut Vec<String>, head: &str, body: &[String], indent: usize) {
    let shift = |line: &String| {
        if line.is_empty() {
            String::new()
        } else {
            format!("{}{line}", " ".repeat(indent))
        }
    };
    lines.push(format!("{head} {}", body[0]).trim_end().to_owned());
    lines.extend(body[1..].iter().map(shift));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn formatting_keeps_what_is_said_and_is_done_at_once(content in generated()) {
        let Some(formatted) = format(&content) else { return Ok(()) };
        let said = |content: &str| {
            let root = parse::parse(content.as_bytes(), 0, &mut Vec::new()).unwrap().1.unwrap();
            digest::content(&root)
        };
        prop_assert_eq!(said(&content), said(&formatted));
        prop_assert_eq!(format(&formatted), Some(formatted));
    }
}
