//! The house keeps its plan: which room may import which, as data, held against every path in `src/`.
//!
//! The compiler lets any room reach into any other; this is what does not. It reads the sources as text, without comments
//! and strings, finds every `crate::…` and every `super::` chain that leaves its room, and names the line that breaks the
//! table and the rule that it breaks. What departs from the table stands in [`DEPARTURES`] with its reason; one that no
//! line needs any more fails too.
//!
//! Not here: what rustc and clippy see better (unused, unsafe, printing, panics).

use crate::source::{Source, is_word, root};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

/// The vocabulary: free to all, and free of all but itself.
const VOCABULARY: &[&str] = &[
    "units", "ids", "secret", "clock", "pattern", "settings", "stable",
];

/// What each room imports, besides itself and the vocabulary. `a::b` allows that part of room `a` only.
const ROOMS: &[(&str, &[&str])] = &[
    ("cli", &["app", "config"]),
    (
        "app",
        &[
            "chat",
            "cli",
            "config",
            "control",
            "dialect",
            "gateway",
            "governance",
            "journal",
            "lease",
            "pipeline",
            "provider",
            "telemetry",
            "workflow",
        ],
    ),
    (
        "config",
        &[
            "control::settings",
            "gateway::settings",
            "governance::settings",
            "journal::settings",
            "lease::settings",
            "provider::settings",
            "telemetry::settings",
            "workflow",
        ],
    ),
    (
        "gateway",
        &[
            "pipeline",
            "dialect",
            "chat",
            "telemetry",
            "governance::identity",
        ],
    ),
    ("pipeline", &["governance", "provider", "chat", "telemetry"]),
    ("governance", &["chat"]),
    ("provider", &["dialect", "chat"]),
    ("dialect", &["chat"]),
    ("chat", &[]),
    ("journal", &["governance"]),
    ("lease", &["governance"]),
    ("control", &["governance", "lease", "telemetry"]),
    ("telemetry", &["governance", "provider", "chat"]),
    ("workflow", &["pipeline", "chat", "telemetry"]),
];

/// A departure from the table: a file or folder under `src/`, what it imports, and why that is better than obeying.
type Departure = (&'static str, &'static str, &'static str);

const DEPARTURES: &[Departure] = &[
    (
        "config/",
        "governance",
        "a whole configuration holds the live keys, budgets, limits and prices that the settings compile to",
    ),
    (
        "config/compile.rs",
        "chat::tokenizer",
        "checks that a provider's way of counting tokens is known",
    ),
    (
        "config/policy/assemble.rs",
        "chat::Endpoint",
        "the check of policies knows every endpoint there is by its name",
    ),
    (
        "gateway/",
        "governance::budget::Standing",
        "/status, headers and errors tell where a budget stands: a fact, handed out by the pipeline",
    ),
    (
        "gateway/reply.rs",
        "governance::limit::Headroom",
        "rate limit headers tell what is left: a fact, handed out by the pipeline",
    ),
    (
        "gateway/routes.rs",
        "governance::gate::Quoted",
        "a dry run is answered with what the gate would have said",
    ),
    (
        "gateway/routes.rs",
        "governance::audit::Who",
        "what is turned back at the door is recorded under the caller's name",
    ),
    (
        "lease/loom.rs",
        "chat::Endpoint",
        "the model checker's calls go through the gate, which asks what they are",
    ),
    (
        "lease/simulation/prices.rs",
        "chat::Usage",
        "the provider of the simulation counts what calls used, and the prices' own code is what gateways book by",
    ),
    (
        "gateway/status",
        "governance::gate",
        "the one table that gives each reason of a denial its type and code",
    ),
];

/// Crates and modules that a pure room does not know: no socket, no runtime, no disk, no environment, no clock.
const IMPURE: &[&str] = &[
    "hyper",
    "hyper_util",
    "tokio",
    "axum",
    "http",
    "http_body",
    "http_body_util",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
];
/// Rooms, and parts of rooms, that are pure functions of what they are given.
const PURE: &[&str] = &[
    "governance",
    "chat",
    "units",
    "dialect",
    "lease/protocol",
    "lease/directory.rs",
    "lease/problem.rs",
    "workflow/check",
    "workflow/diagnostic.rs",
    "workflow/expr",
    "workflow/frontend",
    "workflow/graph.rs",
    "workflow/ir",
    "workflow/mermaid.rs",
    "workflow/normal.rs",
    "workflow/template.rs",
    "workflow/types",
    "workflow/value",
];

/// Crates that report. Rooms that return facts do not know them: the rim reports.
const REPORTING: &[&str] = &["tracing", "prometheus", "log"];
/// Rooms, and parts of rooms, that return facts.
const SILENT: &[&str] = &[
    "governance",
    "provider",
    "dialect",
    "chat",
    "units",
    "lease/protocol",
    "lease/directory.rs",
    "lease/problem.rs",
];

/// At five hundred lines one looks for the second subject in a file; at this many the test does.
const LONG: usize = 600;
/// Files that may be longer, and why cutting them would make them worse.
const LONG_ON_PURPOSE: &[(&str, &str)] = &[(
    "governance/budget/books.rs",
    "one lock and one invariant: what may change the books stands in one place",
)];

#[test]
fn every_room_imports_only_what_its_row_names() {
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    for source in Source::all() {
        for import in source.imports() {
            if source.is_test || import.at >= source.tests_start() {
                continue; // tests build what they need where they find it
            }
            let Some(rule) = broken_rule(&source.room, &import.path) else {
                continue;
            };
            let departure = DEPARTURES.iter().find(|(place, what, _)| {
                source.path.starts_with(place) && covers(what, &import.path)
            });
            match departure {
                Some((place, what, _)) => {
                    used.insert((*place, *what));
                }
                None => faults.push(format!(
                    "src/{}:{}: `crate::{}`: {rule}",
                    source.path,
                    import.line,
                    import.path.join("::"),
                )),
            }
        }
    }
    for (place, what, _) in DEPARTURES {
        if !used.contains(&(*place, *what)) {
            faults.push(format!(
                "DEPARTURES: no line of src/{place} imports `{what}` any more: take it out"
            ));
        }
    }
    assert_none(&faults);
}

#[test]
fn every_room_has_a_row() {
    let known: BTreeSet<&str> = ROOMS
        .iter()
        .map(|(room, _)| *room)
        .chain(VOCABULARY.iter().copied())
        .chain(["lib", "main"])
        .collect();
    let faults: Vec<String> = Source::all()
        .iter()
        .filter(|source| !known.contains(source.room.as_str()))
        .map(|source| {
            format!(
                "src/{}: room `{}` is not in the table",
                source.path, source.room
            )
        })
        .collect();
    assert_none(&faults);
}

#[test]
fn pure_rooms_know_no_socket_runtime_disk_or_clock() {
    assert_none(&mentions(PURE, IMPURE, "a pure room does no I/O"));
}

#[test]
fn rooms_that_return_facts_report_nothing() {
    assert_none(&mentions(
        SILENT,
        REPORTING,
        "this room returns facts, the rim reports them",
    ));
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let faults: Vec<String> = Source::all()
        .iter()
        .filter(|source| !source.is_test && !source.text.starts_with("//! "))
        .map(|source| format!("src/{}:1: does not open with `//! `", source.path))
        .collect();
    assert_none(&faults);
}

#[test]
fn no_file_outgrows_its_subject() {
    let mut excused: BTreeSet<&str> = LONG_ON_PURPOSE.iter().map(|(path, _)| *path).collect();
    let mut faults = Vec::new();
    for source in Source::all() {
        let lines = source.lines_without_tests();
        if lines > LONG && !excused.remove(source.path.as_str()) {
            faults.push(format!(
                "src/{}: {lines} lines without its tests: look for the second subject",
                source.path
            ));
        }
    }
    faults.extend(
        excused.iter().map(|path| {
            format!("LONG_ON_PURPOSE: src/{path} is gone or not that long: take it out")
        }),
    );
    assert_none(&faults);
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    let faults: Vec<String> = Source::all()
        .iter()
        .filter(|source| !source.is_test)
        .flat_map(|source| {
            let end = source.tests_start();
            source.code[..end]
                .match_indices(".unwrap()")
                .map(|(at, _)| format!("src/{}:{}: `.unwrap()`", source.path, source.line(at)))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_none(&faults);
}

#[test]
fn documents_name_only_commands_that_exist() {
    // The help of each is a snapshot.
    let commands: BTreeSet<String> = fs::read_dir(root().join("src/cli/snapshots"))
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().ok()?;
            let path = name.strip_prefix("tollgate__cli__tests__tollgate_")?;
            Some(path.split(['_', '.']).next()?.to_owned())
        })
        .chain(["help".to_owned()])
        .collect();
    let mut faults = Vec::new();
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/flows.md",
    ] {
        let text = fs::read_to_string(root().join(name)).unwrap();
        for (number, line) in text.lines().enumerate() {
            for start in [
                "`tollgate ",
                "$ tollgate ",
                "release/tollgate ",
                "--release -- ",
            ] {
                for (at, _) in line.match_indices(start) {
                    let word: String = line[at + start.len()..]
                        .chars()
                        .take_while(|c| c.is_ascii_lowercase() || *c == '-')
                        .collect();
                    let is_flag = word.starts_with('-');
                    if !word.is_empty() && !is_flag && !commands.contains(&word) {
                        faults.push(format!("{name}:{}: no command `{word}`", number + 1));
                    }
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_table_is_held_by_row_and_part() {
    let check = |room: &str, path: &[&str], allowed: bool| {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        assert_eq!(
            broken_rule(room, &path).is_none(),
            allowed,
            "{room} -> {path:?}"
        );
    };
    check("gateway", &["governance", "identity", "Caller"], true);
    check("gateway", &["governance", "gate"], false);
    check("gateway", &["governance"], false);
    check("gateway", &["units", "Money"], true);
    check("gateway", &["gateway", "settings"], true);
    check("units", &["chat"], false);
    check("chat", &["units"], true);
    check("governance", &["pipeline"], false);
    check("main", &["cli"], true);
}

/// Which rule an import breaks, if any.
fn broken_rule(room: &str, path: &[String]) -> Option<String> {
    let target = path.first()?.as_str();
    if target == room || VOCABULARY.contains(&target) || matches!(room, "lib" | "main") {
        return None;
    }
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return Some(format!(
            "`{room}` belongs to the vocabulary, which imports no room"
        ));
    };
    if allowed.iter().any(|rule| covers(rule, path)) {
        return None;
    }
    Some(format!(
        "`{room}` imports only {} and the vocabulary",
        match allowed {
            [] => "nothing else".to_owned(),
            rules => rules.join(", "),
        }
    ))
}

/// Whether `a::b` names this path or something within it.
fn covers(rule: &str, path: &[String]) -> bool {
    let mut parts = path.iter();
    rule.split("::")
        .all(|step| parts.next().is_some_and(|part| part == step))
}

/// Whether a file is one of these rooms or parts of rooms, or within one.
fn within(places: &[&str], path: &str) -> bool {
    places.iter().any(|place| {
        path.strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    })
}

/// Lines of `places` that name one of `paths` from its head.
fn mentions(places: &[&str], paths: &[&str], rule: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for source in Source::all() {
        if !within(places, &source.path) || source.is_test {
            continue;
        }
        let code = &source.code[..source.tests_start()];
        for path in paths {
            for (at, _) in code.match_indices(path) {
                let before = code[..at].chars().next_back();
                let after = &code[at + path.len()..];
                let is_head = before.is_none_or(|c| !is_word(c) && c != ':' && c != '.');
                let is_path = after.starts_with("::") || path.contains("::");
                let is_whole = !after.starts_with(is_word);
                if is_head && is_path && is_whole {
                    faults.push(format!(
                        "src/{}:{}: `{path}`: {rule}",
                        source.path,
                        source.line(at)
                    ));
                }
            }
        }
    }
    faults
}

fn assert_none(faults: &[String]) {
    let mut told = String::new();
    for fault in faults {
        let _ = writeln!(told, "  {fault}");
    }
    assert!(faults.is_empty(), "{} faults:\n{told}", faults.len());
}
