use super::*;
use crate::clock::{self, Wall};

#[test]
fn a_policy_is_told_from_a_configuration_and_a_price_book_by_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str, expected: bool| {
        let file = folder.path().join("any.yaml");
        std::fs::write(&file, text).unwrap();
        assert_eq!(is_policy(&file), expected, "{text}");
    };
    check("version: 1\nscope: {}\n", true);
    check("rules: []\nlimits: {rpm: 1}\n", true);
    check("limits: []\nproviders: {}\n", false);
    check("revision: a\nmodels:\n  rules: {}\n", false);
    check("# rules:\nlisten: 127.0.0.1:1\n", false);
    assert!(is_policy(folder.path()));
    assert!(is_policy(std::path::Path::new("pack:pii")));
    assert!(!is_policy(std::path::Path::new("nowhere.yaml")));
}

#[test]
fn a_point_in_time_is_a_length_a_date_or_a_time() {
    let check = |text: &str, secs: i64| {
        assert_eq!(
            Since::read(text).unwrap().0,
            Wall::from_secs(secs),
            "{text}"
        );
    };
    check("2026-11-20", 1_795_132_800);
    check("2026-11-20T01:00:00+01:00", 1_795_132_800);
    let week = Since::read("7d").unwrap().0;
    let apart = clock::now().wall.secs() - week.secs();
    assert!((604_799..=604_860).contains(&apart), "{apart}");
    assert!(Since::read("yesterday").is_err());
}
