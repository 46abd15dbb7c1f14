//! A gateway's own files and a bundle of its panel, together: the stricter of both holds, and neither is at fault for the other.

use super::*;
use crate::governance::policy::{Caller, Decision, Policies, Request};
use jiff::civil::date;

/// Own files by name, and those of a bundle.
fn together(files: &[(PathBuf, &str)]) -> Assembled {
    let texts = files
        .iter()
        .map(|(name, text)| (name.as_path(), text.as_bytes()));
    assemble_texts(texts, &Surroundings::default(), date(2026, 11, 27))
}

fn own(text: &str) -> (PathBuf, &str) {
    ("org.yaml".into(), text)
}

fn shipped(text: &str) -> (PathBuf, &str) {
    (bundled::name(3, "org.yaml"), text)
}

fn policies(files: &[(PathBuf, &str)]) -> Policies {
    let assembled = together(files);
    let told = assembled.loaded.report().render(Format::Text);
    let compiled = assembled.usable().ok().flatten();
    compiled.unwrap_or_else(|| panic!("{told}")).policies
}

fn allows(policies: &Policies, model: &str, tools: &[&str]) -> bool {
    let request = Request {
        caller: Caller {
            key: Some("ci"),
            ..Caller::default()
        },
        model,
        tools,
        ..Request::default()
    };
    policies.decide(&request).decision == Decision::Allow
}

const MINI: &str = "version: 1
scope: {}
limits: { max_output_tokens: 4096 }
rules:
  - { id: mini, effect: allow, match: { models: [\"gpt-*-mini\"] } }
tests:
  - { name: mini may be used, given: { model: gpt-4o-mini }, expect: { decision: allow, rule: mini } }
";
const NO_SHELL: &str = "version: 1
scope: {}
limits: { max_output_tokens: 1024 }
rules:
  - { id: all, effect: allow, match: { models: [\"gpt-*\"] } }
  - { id: no-shell, effect: deny, match: { tools: [shell] } }
tests:
  - { name: any model, given: { model: gpt-4o }, expect: { decision: allow, rule: all } }
  - { name: no shell, given: { model: gpt-4o, tools: [shell] }, expect: { decision: deny, rule: no-shell } }
";

#[test]
fn both_must_let_a_call_pass_whoever_says_more() {
    for files in [
        [own(MINI), shipped(NO_SHELL)],
        [own(NO_SHELL), shipped(MINI)],
    ] {
        let policies = policies(&files);
        assert!(allows(&policies, "gpt-4o-mini", &[]));
        assert!(!allows(&policies, "gpt-4o", &[]), "only one allows it");
        assert!(!allows(&policies, "gpt-4o-mini", &["shell"]), "one denies");
        let request = Request {
            model: "gpt-4o-mini",
            ..Request::default()
        };
        let cap = policies.decide(&request).limits.max_output_tokens;
        assert_eq!(cap.map(|cap| cap.value), Some(1024), "the smaller");
    }
}

#[test]
fn the_tests_of_each_are_about_that_part_alone() {
    let strict = "version: 1\nscope: {}\nrules:\n  - { id: none, effect: deny, match: { models: [\"*\"] } }\n";
    let assembled = together(&[own(strict), shipped(NO_SHELL)]);
    let compiled = assembled.usable().expect("no fault").expect("policies");
    assert!(compiled.report.passed() && compiled.report.cases.len() == 2);
    assert!(!allows(&compiled.policies, "gpt-4o", &[]));
}

#[test]
fn a_fault_of_a_bundle_is_told_under_its_own_name() {
    let faulty = NO_SHELL.replace("effect: deny", "effect: denny");
    let assembled = together(&[own(MINI), shipped(&faulty)]);
    let told = assembled.loaded.report().render(Format::Text);
    assert!(
        told.starts_with("panel:3/org.yaml:6:") && told.contains("[TG106]"),
        "{told}"
    );
}

#[test]
fn neither_an_own_file_nor_a_bundle_talks_a_call_past_the_other() {
    // By a tag that the bundle's rule asks for, set in a wider scope of the gateway's own.
    let tags = "version: 1\nscope: {}\nrules:\n  - { id: trust, tag: { trusted: \"yes\" } }\n";
    let asks = "version: 1
scope: { key: ci }
rules:
  - { id: trusted, effect: allow, match: { tags: { trusted: \"yes\" } } }
";
    assert!(
        allows(&policies(&[own(tags), ("key.yaml".into(), asks)]), "m", &[]),
        "among files of one kind it does"
    );
    assert!(!allows(&policies(&[own(tags), shipped(asks)]), "m", &[]));
    assert!(
        !allows(&policies(&[shipped(tags), own(asks)]), "m", &[]),
        "nor does a bundle talk it past an own file"
    );
    // Nor by saying that what could not be looked at may pass.
    let says =
        |on: &str| format!("version: 1\nscope: {{}}\ndefaults: {{ on_detector_error: {on} }}\n");
    let (pass, block) = (says("pass"), says("block"));
    let silent = "version: 1\nscope: {}\nlimits: { rpm: 9 }\n";
    let check = |files: &[(PathBuf, &str)], expected: bool| {
        let policies = policies(files);
        let outcome = policies.decide(&Request::default());
        let passes = policies.passes_on_detector_error(&outcome);
        assert_eq!(passes, expected, "{files:?}");
    };
    check(&[own(&pass)], true);
    check(&[own(&pass), shipped(silent)], false);
    check(&[own(silent), shipped(&pass)], false);
    check(&[own(&pass), shipped(&pass)], true);
    check(&[own(&block), shipped(&pass)], false);
}
