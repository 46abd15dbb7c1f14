use super::*;
use crate::config::{self, Sources};
use std::fs;
use tempfile::TempDir;

/// Puts a text into a file that is closed to others.
fn put(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let file = folder.path().join(name);
    fs::write(&file, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    file
}

/// Line, column and code of every warning about these books.
fn warned(books: &[&str], config: Option<&str>) -> Vec<(u32, u32, &'static str)> {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = (books.iter().enumerate())
        .map(|(index, models)| {
            let text = format!("revision: \"{index}\"\nmodels:\n{models}");
            put(&folder, &format!("{index}.yaml"), &text)
        })
        .collect();
    let config = config.map(|text| {
        let sources = Sources {
            text: Some((PathBuf::from("tollgate.yaml"), text.to_owned())),
            ..Sources::default()
        };
        config::load(&sources).unwrap()
    });
    let found = audit(&files, config.as_ref());
    assert_eq!(found.faults, []);
    (found.warnings.iter())
        .map(|one| (one.line, one.column, one.code))
        .collect()
}

#[test]
fn prices_that_stand_on_their_head_are_told_at_their_place() {
    let book = "  good: { input: \"1\", cached_input: \"0.1\", output: \"5\", max_input: 9, max_output: 9 }\n\
                \x20 cached: { input: \"1\", cached_input: \"1.1\", output: \"5\", max_input: 9, max_output: 9 }\n\
                \x20 turned: { input: \"5\", output: \"1\", max_input: 9, max_output: 9 }\n\
                \x20 tiered: { input: \"1\", output: \"5\", max_input: 9, max_output: 9, tiers: [{ above_input: 4, input: \"6\", output: \"5.5\" }] }\n\
                \x20 zero: { input: \"1\", image: \"0\", max_input: 9 }\n\
                \x20 embedding: { input: \"1\", max_input: 9 }\n";
    assert_eq!(
        warned(&[book], None),
        [
            (4, 39, "cached_dearer"),
            (5, 33, "output_cheaper"),
            (6, 113, "output_cheaper"),
            (7, 30, "zero_without_free"),
        ]
    );
}

#[test]
fn limits_matter_where_a_budget_refuses() {
    let book = "  a: { input: \"1\", output: \"2\" }\n  b: { free: true }\n";
    let both = [(3, 6, "no_max_input"), (3, 6, "no_max_output")];
    let with = |budget: &str| format!("providers: {{ up: {{ kind: simulator }} }}\n{budget}");
    let budget = |mode: &str| {
        with(&format!(
            "budgets: [{{ name: d, match: {{}}, limit: \"$1\", window: 1d, mode: {mode} }}]"
        ))
    };
    assert_eq!(warned(&[book], None), both);
    assert_eq!(warned(&[book], Some(&budget("enforce"))), both);
    assert_eq!(warned(&[book], Some(&budget("shadow"))), []);
    assert_eq!(warned(&[book], Some(&with(""))), []);
}

#[test]
fn an_entry_that_no_call_is_priced_by_is_told() {
    let one = "{ input: \"1\", max_input: 9 }";
    let line = |name: &str| format!("  \"{name}\": {one}\n");
    let check = |first: &[&str], second: &[&str], expected: &[(u32, &'static str)]| {
        let book = |names: &[&str]| names.iter().map(|name| line(name)).collect::<String>();
        let (first, second) = (book(first), book(second));
        let mut books = vec![&first[..]];
        if !second.is_empty() {
            books.push(&second);
        }
        let found: Vec<_> = warned(&books, None)
            .into_iter()
            .map(|(line, _, code)| (line, code))
            .collect();
        assert_eq!(found, expected, "{books:?}");
    };
    // A name goes before a pattern, a longer pattern before a shorter one.
    check(
        &[
            "gpt-*",
            "gpt-4o",
            "gpt-4o-*",
            "groq/*",
            "groq/llama",
            "llama",
        ],
        &[],
        &[],
    );
    // What begins with `*` covers the provider too, so it is asked before any name.
    check(
        &["*-mini", "gpt-4o-mini", "gpt-4o"],
        &[],
        &[(4, "shadowed")],
    );
    check(&["*", "gpt-*", "groq/llama"], &[], &[(4, "shadowed")]);
    check(&["gpt-**", "gpt-*"], &[], &[(4, "shadowed")]);
    check(&["a", "b"], &["b", "c"], &[(4, "replaced")]);
}

#[test]
fn a_provider_is_looked_for_where_the_configuration_is_known() {
    let book = "  groq/llama: { input: \"1\", max_input: 9 }\n  \"gr*/x\": { input: \"1\", max_input: 9 }\n  grok/llama: { input: \"1\", max_input: 9 }\n";
    let config = "providers: { groq: { kind: groq } }";
    assert_eq!(warned(&[book], None), []);
    assert_eq!(warned(&[book], Some(config)), [(5, 15, "unknown_provider")]);
}

#[test]
fn faults_are_those_of_a_configuration_that_names_the_book() {
    let folder = tempfile::tempdir().unwrap();
    let file = put(
        &folder,
        "p.yaml",
        "revision: a\nmodels:\n  m: { input: 0.15 }\n  n: { inptu: \"1\" }\n",
    );
    let found = audit(std::slice::from_ref(&file), None);
    assert_eq!(
        Err(config::Faults(found.faults.clone())),
        config::check_prices(&file).map(|_| ())
    );
    assert!(
        found
            .faults
            .iter()
            .any(|fault| (fault.line, fault.column, fault.code) == (3, 15, "unquoted"))
    );
    let missing = audit(&[folder.path().join("none.yaml")], None);
    assert!(missing.faults.iter().all(Fault::is_unreadable) && !missing.faults.is_empty());
}

#[test]
fn the_book_that_is_built_in_is_without_a_fault_and_without_an_entry_that_is_never_asked() {
    let found = audit(&[], None);
    assert_eq!(found.faults, []);
    assert!(found.entries > 100, "{}", found.entries);
    let odd: Vec<String> = (found.warnings.iter())
        .filter(|one| one.code != "no_max_output")
        .map(ToString::to_string)
        .collect();
    assert_eq!(odd, [""; 0]);
}
