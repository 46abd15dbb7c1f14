//! Properties of whole files: no key goes unseen, and nothing but the meaning shows in the exported bytes.

use super::*;
use crate::workflow::frontend::tree::{Entry, Kind as TreeKind, Node as Tree};
use proptest::prelude::*;

/// Whose keys are the author's, all the way down.
const FREE: &[&str] = &[
    "default",
    "parameters",
    "body",
    "headers",
    "query",
    "resources",
    "network",
    "config_overrides",
];
/// Whose own keys are the author's, and whose values are the format's.
const NAMED: &[&str] = &["schema", "inputs"];

fn tree(text: &str) -> Tree {
    let root = yaml::parse_within(BOUNDS, text, SourceId::nth(0), &mut |flaw| {
        panic!("{flaw:?}")
    });
    tree_of(&root.unwrap(), &[])
}

fn sources() -> Vec<Tree> {
    let mut all = vec![tree(include_str!("../everything.yaml"))];
    for entry in fs::read_dir(flows()).unwrap() {
        all.push(tree(&fs::read_to_string(entry.unwrap().path()).unwrap()));
    }
    all
}

/// Calls `visit` with each mapping whose keys are the format's.
fn mappings(node: &mut Tree, path: &[&str], visit: &mut dyn FnMut(&mut Vec<Entry>)) {
    let last = path.last().copied().unwrap_or_default();
    let of_tool = path.ends_with(&["tools", "config"]) && path.contains(&"nodes");
    if FREE.contains(&last) || of_tool {
        return;
    }
    match &mut node.kind {
        TreeKind::Scalar { .. } => {}
        TreeKind::List(items) => {
            for item in items {
                mappings(item, path, visit);
            }
        }
        TreeKind::Map(entries) => {
            for entry in entries.iter_mut() {
                let key = entry.key.clone();
                let mut path = path.to_vec();
                path.push(&key);
                mappings(&mut entry.value, &path, visit);
            }
            let is_state = path == ["state", "fields"];
            if !NAMED.contains(&last) && !is_state {
                visit(entries);
            }
        }
    }
}

fn count(node: &Tree) -> usize {
    let mut count = 0;
    mappings(&mut node.clone(), &[], &mut |_| count += 1);
    count
}

proptest! {
    // Each case looks at every mapping of every file.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_key_that_is_unknown_anywhere_is_told(key in "[a-z][a-z_]{0,8}") {
        // No key of the format ends like this.
        let key = format!("{key}_zz");
        for source in sources() {
            for which in 0..count(&source) {
                let mut changed = source.clone();
                let mut index = 0;
                mappings(&mut changed, &[], &mut |entries| {
                    if index == which {
                        let place = Place { line: 999, column: 7 };
                        let value = Tree { place, kind: TreeKind::Scalar { text: "1".to_owned(), plain: true, lines: Vec::new() } };
                        entries.push(Entry { key: key.clone(), place, value });
                    }
                    index += 1;
                });
                let (flow, found) = workflow::compile(&changed);
                // Where nothing is done, it keeps nothing from running.
                let is_python = within_python(&changed, Place { line: 999, column: 7 });
                prop_assert_eq!(flow.is_some(), is_python, "mapping {} of {}", which, told(&found));
                let own: Vec<_> = found.iter().filter(|one| one.id == "unknown_key").collect();
                prop_assert_eq!(own.len(), 1, "mapping {} of {}", which, told(&found));
                prop_assert_eq!(own[0].name.as_str(), key.as_str());
                prop_assert_eq!(own[0].place, Place { line: 999, column: 7 });
                prop_assert!(own[0].suggestion.is_some());
            }
        }
    }

    #[test]
    fn only_the_meaning_shows_in_the_bytes(seed in any::<u64>()) {
        for source in sources() {
            let bytes = |tree: &Tree| ir::export(&workflow::compile(tree).0.unwrap()).unwrap().0;
            let mut changed = source.clone();
            let mut random = seed | 1;
            let mut next = || {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random
            };
            mappings(&mut changed, &[], &mut |entries| {
                entries.sort_by_cached_key(|_| next());
                for entry in entries {
                    entry.place.line += 3;
                    entry.value.place.line += 3;
                }
            });
            prop_assert_eq!(bytes(&changed), bytes(&source));
            // The same file as JSON, which is YAML all in flow style, and with comments between its lines.
            let text = json(&changed);
            let loaded = parse(&text);
            prop_assert!(loaded.flow.is_some(), "{}\n{}", told(&loaded.found), text);
            prop_assert_eq!(loaded.export().unwrap().0, bytes(&source));
            let commented = format!("# first\n\n  # second\n{}\n\n# last\n", text.replace(", \"", " ,\n   # between\n  \""));
            prop_assert_eq!(parse(&commented).export().unwrap().0, bytes(&source));
        }
    }
}

/// What says the same as nothing: the format's own defaults.
const DEFAULTS: &[(&str, &str)] = &[
    ("as", "bearer"),
    ("exit_to", "END"),
    ("max_iterations", "10"),
    ("method", "GET"),
    ("on_fail", "warn"),
    ("type", "http"),
];
/// Sections that are told as a whole, since nothing in them is done here.
const PYTHON: &[&str] = &[
    "memory",
    "optimize",
    "optimization",
    "sandbox",
    "mlflow",
    "ab_test",
    "storage",
];

#[test]
fn a_key_that_is_there_shows_in_the_workflow_or_in_what_is_told() {
    let outcome = |tree: &Tree| {
        let (flow, found) = workflow::compile(tree);
        let bytes = flow.map(|flow| ir::export(&flow).unwrap().0);
        let found: Vec<(Option<String>, String)> = found
            .into_iter()
            .map(|one| (one.context, one.message))
            .collect();
        (bytes, found)
    };
    let mut looked_at = 0;
    for source in sources() {
        let own = outcome(&source);
        for which in 0..count(&source) {
            for entry in 0.. {
                let mut changed = source.clone();
                let (mut index, mut removed) = (0, None);
                mappings(&mut changed, &[], &mut |entries| {
                    if index == which && entry < entries.len() {
                        removed = Some(entries.remove(entry));
                    }
                    index += 1;
                });
                let Some(removed) = removed else {
                    break;
                };
                let is_default = match &removed.value.kind {
                    TreeKind::Scalar { text, .. } => DEFAULTS.contains(&(&removed.key, text)),
                    _ => false,
                };
                // An answer's object may repeat the fields that the state gives it.
                let repeats = removed.key == "schema"
                    && source
                        .get("nodes")
                        .is_some_and(|nodes| holds(nodes, removed.place));
                if is_default || repeats || within_python(&source, removed.place) {
                    continue;
                }
                looked_at += 1;
                assert!(
                    outcome(&changed) != own,
                    "line {}: nobody misses `{}`",
                    removed.place.line,
                    removed.key
                );
            }
        }
    }
    assert!(looked_at > 500, "{looked_at}");
}

/// Whether a key stands within a section that is told as a whole.
fn within_python(node: &Tree, place: Place) -> bool {
    match &node.kind {
        TreeKind::Scalar { .. } => false,
        TreeKind::List(items) => items.iter().any(|item| within_python(item, place)),
        TreeKind::Map(entries) => entries.iter().any(|entry| {
            if PYTHON.contains(&entry.key.as_str()) {
                holds(&entry.value, place)
            } else {
                within_python(&entry.value, place)
            }
        }),
    }
}

fn holds(node: &Tree, place: Place) -> bool {
    match &node.kind {
        TreeKind::Scalar { .. } => false,
        TreeKind::List(items) => items.iter().any(|item| holds(item, place)),
        TreeKind::Map(entries) => entries
            .iter()
            .any(|entry| entry.place == place || holds(&entry.value, place)),
    }
}

/// A tree as JSON; bare scalars stay bare.
fn json(node: &Tree) -> String {
    match &node.kind {
        TreeKind::Scalar {
            text, plain: true, ..
        } if !text.contains([',', '{', '}', '[', ']', ':', '\n']) => {
            if text.is_empty() {
                "null".to_owned()
            } else {
                text.clone()
            }
        }
        TreeKind::Scalar { text, .. } => serde_json::to_string(text).unwrap(),
        TreeKind::List(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(", "))
        }
        TreeKind::Map(entries) => {
            let entries = entries.iter().map(|entry| {
                format!(
                    "{}: {}",
                    serde_json::to_string(&entry.key).unwrap(),
                    json(&entry.value)
                )
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

#[test]
fn what_differs_in_meaning_differs_in_its_hash() {
    let text = fs::read_to_string(flows().join("classify.yaml")).unwrap();
    let hash = |text: &str| parse(text).export().unwrap().1;
    let own = hash(&text);
    for (before, after) in [
        ("urgency >= 8", "urgency >= 9"),
        ("Answer kindly", "Answer kindly "),
        ("default: 0,", "default: 1,"),
        ("name: classify", "name: classify2"),
        ("from 0 to 10", "from 0 to 9"),
    ] {
        assert!(text.contains(before), "{before}");
        assert_ne!(hash(&text.replace(before, after)), own, "{after}");
    }
    // Another spelling, a comment, and the order of keys.
    assert_eq!(hash(&text.replace("{request}", "{state.request}")), own);
    assert_eq!(hash(&format!("# again\n{text}")), own);
    assert_eq!(
        hash(&text.replace(
            "{ type: str, required: true }",
            "{ required: true, type: str }"
        )),
        own
    );
}

#[test]
fn what_was_exported_reads_back() {
    for entry in fs::read_dir(flows()).unwrap() {
        let loaded = load(&entry.unwrap().path());
        let (bytes, hash) = loaded.export().unwrap();
        let again = parse(std::str::from_utf8(&bytes).unwrap());
        assert_eq!(again.flow, loaded.flow, "{}", told(&again.found));
        assert_eq!(again.export().unwrap(), (bytes, hash));
    }
}

proptest! {
    #[test]
    fn reading_never_panics(text in any::<String>(), cut in 0_usize..4_000, junk in r#"[-:{}\[\],"'#&*!|>%@` a\n]{0,6}"#) {
        let _ = parse(&text);
        let whole = include_str!("../everything.yaml");
        let cut = (0..=cut.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
        let _ = parse(&format!("{}{junk}{}", &whole[..cut], &whole[cut..]));
        let _ = parse(&whole[..cut]);
    }
}
