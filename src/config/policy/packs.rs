//! The packs we ship: policy files that are built in, each in force by one line (`policies: [pack:secrets]`).
//!
//! They are the files of `policies/` in the source, word for word, so what a security officer reads there is what is in force.

use std::path::Path;

/// The packs, by name.
pub const PACKS: &[(&str, &str)] = &[
    (
        "safe-defaults",
        include_str!("../../../policies/safe-defaults.yaml"),
    ),
    ("pii", include_str!("../../../policies/pii.yaml")),
    ("secrets", include_str!("../../../policies/secrets.yaml")),
    (
        "coding-agents",
        include_str!("../../../policies/coding-agents.yaml"),
    ),
    (
        "cost-control",
        include_str!("../../../policies/cost-control.yaml"),
    ),
    (
        "strict-enterprise",
        include_str!("../../../policies/strict-enterprise.yaml"),
    ),
];

/// The pack a path names (`pack:NAME`), whether there is one of that name or not.
#[must_use]
pub fn named(path: &Path) -> Option<&str> {
    path.to_str()?.strip_prefix("pack:")
}

/// The text of a pack.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    PACKS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::policy::{Assembled, Format, Surroundings, Trusted, assemble, format};
    use crate::config::prices;
    use crate::governance::guard::{Kind, Level, catalogue::Catalogue};
    use crate::governance::policy::place::Place;
    use crate::governance::policy::settings::Site;
    use crate::governance::policy::{Mutant, Policies, Request, mutate};
    use jiff::civil::{Date, date};
    use std::fs;
    use std::path::PathBuf;

    /// Packs hold no dates, so what day it is must not matter.
    const LATER: Date = date(2046, 11, 27);

    fn assembled(names: &[&str], around: &Surroundings) -> Assembled {
        let paths: Vec<PathBuf> = names
            .iter()
            .map(|name| format!("pack:{name}").into())
            .collect();
        assemble(&paths, &Trusted::running(), around, LATER)
    }

    /// What is told of packs, as text.
    fn told(assembled: &Assembled) -> String {
        assembled.loaded.report().render(Format::Text)
    }

    fn all() -> Vec<&'static str> {
        PACKS.iter().map(|(name, _)| *name).collect()
    }

    /// A gateway with the built-in price book and budgets that refuse.
    fn priced() -> Surroundings {
        let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/prices.yaml");
        let book = prices::check(&book).expect("the built-in price book");
        Surroundings {
            models: book.models().into_iter().map(str::to_owned).collect(),
            hard_budget: true,
        }
    }

    fn policies(assembled: Assembled) -> Policies {
        let shown = told(&assembled);
        assembled.compiled.expect(&shown).policies
    }

    #[test]
    fn a_pack_is_sound_and_its_tests_reach_every_rule() {
        for name in all() {
            for around in [Surroundings::default(), priced()] {
                let assembled = assembled(&[name], &around);
                assert_eq!(told(&assembled), "", "{name}");
                let report = assembled.compiled.expect(name).report;
                assert!(report.passed() && !report.cases.is_empty(), "{name}");
                assert_eq!(
                    (report.rules, report.unreached.len()),
                    (report.reached, 0),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn the_tests_of_a_pack_notice_every_change_of_it() {
        let detect = |_: Site, text: &str| -> Vec<(Kind, Level)> {
            let found = Catalogue::builtin().scan(text);
            found.iter().map(|one| (one.kind, one.level)).collect()
        };
        for name in all() {
            let files = assembled(&[name], &Surroundings::default()).loaded.files;
            let mutation = mutate(&files, &[name], &detect, |_, _| {}).expect(name);
            let survivors = mutation.mutants.iter().filter(|mutant| mutant.survived);
            let told: Vec<(&Place, &str)> = survivors
                .map(|Mutant { place, what, .. }| (place, what.as_str()))
                .collect();
            assert!(told.is_empty(), "{name}: {told:#?}");
            assert!(!mutation.mutants.is_empty(), "{name}");
        }
    }

    #[test]
    fn all_packs_together_are_sound() {
        let assembled = assembled(&all(), &priced());
        assert_eq!(told(&assembled), "");
        assert_eq!(assembled.loaded.files.len(), PACKS.len());
        assert!(assembled.compiled.expect("compiled").report.passed());
    }

    #[test]
    fn a_pack_stands_beside_the_file_of_its_scope_and_not_beside_itself() {
        let own = "version: 1\nscope: {}\nrules: [{id: nobody, effect: deny, match: {models: [\"*\"]}}]\ntests: [{name: nobody may, given: {model: m}, expect: {decision: deny}}]\n";
        let assembled = |packs: &[&str]| {
            let texts = packs
                .iter()
                .map(|name| (Path::new("pack"), text(name).expect(name)));
            let texts = texts.chain([(Path::new("own.yaml"), own)]);
            let texts = texts.map(|(name, text)| (name, text.as_bytes()));
            crate::config::policy::assemble_texts(texts, &Surroundings::default(), LATER)
        };
        // What the file denies does not make the packs' tests fail: they ask the packs alone.
        assert_eq!(told(&assembled(&all())), "");
        let twice = assembled(&["pii", "pii"]);
        let codes: Vec<&str> = twice
            .loaded
            .diagnostics
            .iter()
            .map(|one| one.code)
            .collect();
        assert_eq!(codes, ["TG008"]);
    }

    #[test]
    fn only_the_strict_pack_refuses_an_ordinary_request() {
        for name in all() {
            let policies = policies(assembled(&[name], &Surroundings::default()));
            let request = Request {
                model: "claude-sonnet-4",
                endpoint: "chat",
                tools: &["bash", "read_file", "web_fetch", "send_mail"],
                input_tokens: 20_000,
                detections: Some(&[]),
                ..Request::default()
            };
            let refused = !policies.decide(&request).is_allowed();
            assert_eq!(refused, name == "strict-enterprise", "{name}");
        }
    }

    #[test]
    fn a_pack_is_the_file_in_the_source_and_says_its_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let files = fs::read_dir(&folder).expect("policies/");
        let files = files.map(|file| file.expect("a file").path());
        let mut files: Vec<PathBuf> = files
            .filter(|file| file.extension().is_some_and(|it| it == "yaml"))
            .collect();
        files.sort();
        let mut known: Vec<PathBuf> = all()
            .iter()
            .map(|name| folder.join(format!("{name}.yaml")))
            .collect();
        known.sort();
        assert_eq!(files, known);
        for (name, text) in PACKS {
            let file = folder.join(format!("{name}.yaml"));
            assert_eq!(fs::read_to_string(file).expect(name), *text, "{name}");
            assert!(text.starts_with(&format!("# {name}: ")), "{name}");
            assert!(text.contains(&format!("\npack: {name}\n")), "{name}");
            assert_eq!(format(text).as_deref(), Some(*text), "{name}");
        }
    }

    #[test]
    fn a_pack_nobody_ships_is_told_with_the_nearest() {
        let check = |name: &str, expected: &str| {
            let assembled = assembled(&[name], &Surroundings::default());
            assert!(assembled.loaded.unreadable && assembled.compiled.is_none());
            assert!(told(&assembled).contains(expected), "{}", told(&assembled));
        };
        check(
            "secrts",
            "there is no pack `secrts` (did you mean `secrets`?)",
        );
        check(
            "nothing-like-it",
            "known here: `coding-agents`, `cost-control`",
        );
    }
}
