use super::*;
use std::fs;

/// The parts of model `m` that changed, as `threshold what old new percent`.
fn changed(old: &str, new: &str) -> Vec<String> {
    let found = both(&format!("  m: {old}\n"), &format!("  m: {new}\n"));
    assert!(found.added.is_empty() && found.removed.is_empty());
    assert_eq!(found.changed.len() + found.same, 1);
    found
        .changed
        .iter()
        .flat_map(|model| &model.parts)
        .map(shown)
        .collect()
}

fn shown(part: &Part) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let above = part
        .above_input
        .map(|above| format!("{above}:"))
        .unwrap_or_default();
    format!(
        "{above}{} {} {} {}",
        part.what,
        text(&part.old),
        text(&part.new),
        text(&part.percent)
    )
}

fn both(old: &str, new: &str) -> Comparison {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, models: &str| {
        let file = folder.path().join(name);
        fs::write(&file, format!("revision: {name}\nmodels:\n{models}")).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        file
    };
    let (old, new) = (put("old", old), put("new", new));
    compare(Some(&old), Some(&new)).unwrap()
}

#[test]
fn every_class_that_changed_is_told_with_its_percent() {
    let check = |old: &str, new: &str, expected: &[&str]| {
        assert_eq!(changed(old, new), expected, "{old} -> {new}");
    };
    let plain = r#"{ input: "2.50", output: "10" }"#;
    check(plain, plain, &[]);
    check(plain, r#"{ input: "2.5", output: "10.00" }"#, &[]);
    check(
        plain,
        r#"{ input: "2", output: "12.50" }"#,
        &["input 2.50 2.00 -20.0", "output 10.00 12.50 +25.0"],
    );
    check(
        r#"{ input: "3" }"#,
        r#"{ input: "4" }"#,
        &["input 3.00 4.00 +33.3"],
    );
    check(
        r#"{ input: "0.0375" }"#,
        r#"{ input: "0.0374" }"#,
        &["input 0.0375 0.0374 -0.3"],
    );
    // A class that loses its own price costs what it is part of.
    check(
        r#"{ input: "1", cached_input: "0.1" }"#,
        r#"{ input: "1" }"#,
        &["cached_input 0.10 1.00 +900.0"],
    );
    check(
        r#"{ input: "1", cached_input: "1" }"#,
        r#"{ input: "1" }"#,
        &[],
    );
    check(
        r#"{ input: "1", web_search: "0.01" }"#,
        r#"{ input: "1", request: "0.5", web_search: "0.02", max_output: 9 }"#,
        &[
            "request - 0.50 -",
            "web_search 0.01 0.02 +100.0",
            "max_output - 9 -",
        ],
    );
    check(
        "{ free: true }",
        r#"{ input: "1" }"#,
        &["input - 1.00 -", "free true - -"],
    );
}

#[test]
fn a_tier_is_compared_with_what_the_same_input_cost() {
    let base = r#"{ input: "1", output: "5" }"#;
    let tiered = r#"{ input: "1", output: "5", tiers: [{ above_input: 200, input: "2" }] }"#;
    assert_eq!(changed(base, tiered), ["200:input 1.00 2.00 +100.0"]);
    assert_eq!(changed(tiered, base), ["200:input 2.00 1.00 -50.0"]);
    let moved = r#"{ input: "1", output: "5", tiers: [{ above_input: 300, input: "2" }] }"#;
    assert_eq!(changed(tiered, moved), ["200:input 2.00 1.00 -50.0"]);
    let dearer =
        r#"{ input: "1", output: "6", tiers: [{ above_input: 200, input: "2", output: "8" }] }"#;
    assert_eq!(
        changed(tiered, dearer),
        ["output 5.00 6.00 +20.0", "200:output 5.00 8.00 +60.0"]
    );
}

#[test]
fn models_that_came_and_went_are_told_with_their_prices() {
    let found = both(
        "  a: { input: \"1\" }\n  b: { input: \"1\" }\n",
        "  b: { input: \"1\" }\n  c: { input: \"2\", output: \"3\" }\n",
    );
    let told = |models: &[Changed]| -> Vec<(String, Vec<String>)> {
        models
            .iter()
            .map(|one| (one.name.clone(), one.parts.iter().map(shown).collect()))
            .collect()
    };
    assert_eq!(
        (&found.old[..], &found.new[..], found.same),
        ("old", "new", 1)
    );
    assert_eq!(
        told(&found.added),
        [(
            "c".to_owned(),
            vec!["input - 2.00 -".to_owned(), "output - 3.00 -".to_owned()]
        )]
    );
    assert_eq!(
        told(&found.removed),
        [("a".to_owned(), vec!["input 1.00 - -".to_owned()])]
    );
    assert_eq!(found.changed, []);
}

#[test]
fn the_largest_prices_are_compared_without_wrapping() {
    assert_eq!(
        percent(1, i128::from(u64::MAX)).unwrap(),
        "+1844674407370955161400.0"
    );
    assert_eq!(percent(i128::from(u64::MAX), 0).unwrap(), "-100.0");
    assert_eq!(percent(0, 1), None);
}

#[test]
fn the_built_in_book_is_like_itself() {
    let found = compare(None, None).unwrap();
    assert!(found.same > 100 && found.changed.is_empty() && found.added.is_empty());
}
