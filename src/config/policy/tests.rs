use super::*;
use crate::governance::guard;
use crate::governance::policy::check::{Workbench, World, check};
use crate::governance::policy::place::{Place, Spanned};
use crate::governance::policy::settings::{CustomPattern, Effect, Scope, Site};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;

mod bundles;
mod disk;
mod layout;

/// The example of the design.
const PAYMENTS: &str = include_str!("fixtures/payments.yaml");

fn text(content: &str) -> Loaded {
    load_texts([(Path::new("policy.yaml"), content.as_bytes())])
}

fn codes(loaded: &Loaded) -> Vec<String> {
    let spot = |one: &Diagnostic| format!("{} {}:{}", one.code, one.place.line, one.place.column);
    loaded.diagnostics.iter().map(spot).collect()
}

/// The engine, but for its clock.
struct Bench;

impl Workbench for Bench {
    fn finds(&self, pattern: &CustomPattern, text: &str) -> Result<Vec<Range<usize>>, String> {
        Engine.finds(pattern, text)
    }

    fn built_in(&self, text: &str) -> Vec<(Range<usize>, &'static str)> {
        Engine.built_in(text)
    }

    fn nanos_per_kib(&self, pattern: &CustomPattern) -> Option<u64> {
        Some(if pattern.name.value == "SLOW" {
            41_700
        } else {
            900
        })
    }
}

/// Loads and checks as the gateway would on 27 November 2026, with prices for `gpt-4o`, `gpt-4o-mini` and `claude-…`.
fn checked<'a>(files: impl IntoIterator<Item = (&'a Path, &'a [u8])>) -> Loaded {
    let mut loaded = load_texts(files);
    let priced = ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4", "claude-haiku"];
    let is_priced = |name: &str| {
        let glob = crate::pattern::Pattern::new(name);
        priced.iter().any(|model| glob.matches(model))
    };
    let thrifty = |scope: &Scope| scope.team.as_deref() == Some("thrifty");
    let kinds = guard::finding::Kind::BUILT_IN.map(guard::finding::Kind::name);
    let world = World {
        today: jiff::civil::date(2026, 11, 27),
        is_priced: &is_priced,
        has_hard_budget: &thrifty,
        kinds: &kinds,
        endpoints: &["chat", "completions", "embeddings", "responses"],
        expressions: &|_, _| Vec::new(),
        contradicts: &crate::governance::policy::expr::contradicts,
        workbench: &Bench,
    };
    let found = check(&loaded.files, &world);
    loaded.add(found);
    loaded
}

/// The broken examples, by the name of each case: those that begin with the same code and belong together.
fn broken() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/policy/broken");
    let mut cases: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let content = fs::read_to_string(&path).unwrap();
        let case = match name.split_once('-') {
            Some((case, "first" | "parent")) => case.to_owned(),
            _ => name.clone(),
        };
        let files = cases.entry(case).or_default();
        files.push((PathBuf::from(format!("{name}.yaml")), content));
        // What is read first comes first.
        files.sort_by_key(|(_, content)| content.contains("# expect"));
    }
    cases
}

#[test]
fn every_code_is_told_at_its_place() {
    for (case, files) in broken() {
        let loaded = checked(
            files
                .iter()
                .map(|(name, content)| (name.as_path(), content.as_bytes())),
        );
        let last = files.len() - 1;
        let mut expected: Vec<&str> = files[last]
            .1
            .lines()
            .filter_map(|line| line.strip_prefix("# expect "))
            .collect();
        let mut found = codes(&loaded);
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(
            found,
            expected,
            "{case}\n{}",
            loaded.report().render(Format::Text)
        );
        assert!(
            found
                .iter()
                .any(|code| code[..5].eq_ignore_ascii_case(&case[..5])),
            "{case}"
        );
        insta::assert_snapshot!(case, loaded.report().render(Format::Text));
    }
}

#[test]
fn every_code_of_form_and_content_has_an_example() {
    let cases = broken();
    let in_memory = ["TG001", "TG003"];
    let on_disk = ["TG006"];
    // Signatures are those of bundles: `lease::bundle` has its examples.
    let elsewhere = ["TG007"];
    for (code, _) in CODES {
        let is_ours = matches!(code.as_bytes()[2], b'0' | b'1' | b'2' | b'4' | b'5');
        if !is_ours
            || [&in_memory[..], &on_disk, &elsewhere]
                .concat()
                .contains(code)
        {
            continue;
        }
        assert!(cases.contains_key(&code.to_ascii_lowercase()), "{code}");
    }
}

#[test]
fn what_is_no_plain_text_is_told_with_its_place() {
    let check = |bytes: &[u8], expected: &[&str]| {
        let loaded = load_texts([(Path::new("policy.yaml"), bytes)]);
        assert_eq!(
            codes(&loaded),
            expected,
            "{}",
            loaded.report().render(Format::Text)
        );
        assert!(loaded.files.is_empty());
    };
    check(b"version: 1\nscope: {org: \xff}\n", &["TG001 2:14"]);
    check(b"\xef\xbb\xbfversion: 1\nscope: {}\n", &["TG001 1:1"]);
    check(b"version: 1\nscope: {}\0\n", &["TG001 2:10"]);
    check(
        b"version: 1\nscope:\n\torg: acme\n  \tteam: a\n",
        &["TG001 3:1"],
    );
    check(
        "version: 1\nscope: {org: \"é\0\"}\n".as_bytes(),
        &["TG001 2:16"],
    );
}

#[test]
fn what_is_too_much_is_refused() {
    let check = |content: &str, expected: &str| assert_eq!(codes(&text(content)), [expected]);
    let head = "version: 1\nscope: {}\n";
    check(
        &format!("{head}#{}", " ".repeat(files::MAX_BYTES)),
        "TG003 0:0",
    );
    check(
        &format!("{head}lists: {{x: {}", "[".repeat(40)),
        "TG003 3:42",
    );
    let lists: Vec<String> = (1..5)
        .map(|n| format!("  l{n}: [{}]\n", format!("$l{}, ", n - 1).repeat(200)))
        .collect();
    let bomb = format!(
        "{head}lists:\n  l0: [a]\n{}rules: [{{id: x, effect: deny, match: {{tools: $l4}}}}]\n",
        lists.concat()
    );
    let loaded = checked([(Path::new("p.yaml"), bomb.as_bytes())]);
    assert_eq!(codes(&loaded), ["TG003 6:3", "TG003 7:3", "TG003 8:3"]);
    let long = format!("{head}lists:\n  l: [{}]\nrules:\n", "a,".repeat(5_000));
    let rule = |n: usize| format!("- {{id: r{n}, effect: deny, match: {{tools: [$l, t{n}]}}}}\n");
    let rules: String = (0..101).map(rule).collect();
    let loaded = checked([(Path::new("p.yaml"), (long + &rules).as_bytes())]);
    assert_eq!(codes(&loaded), ["TG003 106:44"]);
    let many = format!("{head}lists: {{x: [{}]}}\n", "a,".repeat(20_000));
    assert_eq!(codes(&text(&many)), ["TG003 3:39995"]);
}

#[test]
fn the_example_means_what_it_says() {
    let loaded = checked([(Path::new("payments.yaml"), PAYMENTS.as_bytes())]);
    assert_eq!(
        codes(&loaded),
        Vec::<String>::new(),
        "{}",
        loaded.report().render(Format::Text)
    );
    let [file] = loaded.files.as_slice() else {
        panic!("one file")
    };
    assert_eq!(file.scope.team.as_deref(), Some("payments"));
    let shell = &file.lists[1];
    let names: Vec<&str> = shell.1.iter().map(|name| name.value.as_str()).collect();
    assert_eq!(
        (shell.0.as_str(), names),
        ("shell-tools", vec!["shell", "exec_*", "run_command"])
    );
    assert_eq!(
        file.limits.max_output_tokens,
        Some(Spanned::new(4_096, at(11, 22)))
    );
    let ids: Vec<&str> = file
        .rules
        .iter()
        .map(|rule| rule.id.value.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "allow-chat",
            "no-shell-tools",
            "contractors-office-hours",
            "long-context-needs-group",
            "cheap-model-for-batch"
        ]
    );
    let long = &file.rules[3];
    assert_eq!(
        (long.effect.unwrap().value, long.shadow),
        (Effect::Deny, Some(at(30, 11)))
    );
    assert_eq!(long.when.as_ref().unwrap().place_of(23), at(29, 34));
    let set = file.rules[4].set.as_ref().unwrap();
    assert_eq!(set.temperature_max_milli.unwrap().value, 300);
    assert_eq!(file.redact[0].on[1].value, Site::ToolResult);
    assert_eq!(
        file.injection
            .as_ref()
            .unwrap()
            .threshold_milli
            .unwrap()
            .value,
        800
    );
    assert_eq!(file.overrides[0].child.project.as_deref(), Some("fraud"));
    let case = &file.tests[3];
    assert_eq!(case.given.input_tokens.unwrap().value, 90_000);
    assert_eq!(
        case.expect.shadow.as_ref().unwrap()[0].value,
        "long-context-needs-group"
    );
    assert_eq!(&*loaded.revision, "c5fc17819045");
}

/// A place in the first file.
fn at(line: u32, column: u32) -> Place {
    Place {
        file: 0,
        line,
        column,
    }
}

#[test]
fn an_expression_knows_the_place_of_each_character() {
    let check = |when: &str, text: &str, word: &str, line: u32, column: u32| {
        let content =
            format!("version: 1\nscope: {{}}\nrules:\n- id: x\n  effect: deny\n  when: {when}\n");
        let loaded = super::load_texts([(Path::new("p.yaml"), content.as_bytes())]);
        let when = loaded.files[0].rules[0].when.clone().expect(&content);
        assert_eq!(when.text, text, "{content}");
        let place = when.place_of(text.find(word).unwrap());
        assert_eq!((place.line, place.column), (line, column), "{content}");
    };
    check("a > b", "a > b", "b", 6, 13);
    check("\"a > b\"", "a > b", "b", 6, 14);
    check("'a == \"b\"'", "a == \"b\"", "\"b", 6, 15);
    check("|\n    a\n      > é\n    && b\n", "a\n> é\n&& b", "b", 9, 8);
    check(">-\n    a > 1\n\n    && b", "a > 1\n\n&& b", "b", 9, 8);
    check("a >\n    b", "a >\nb", "b", 7, 5);
    check("\"a >\n    b\"", "a >\nb", "b", 7, 5);
    check("|\n    \"b\" in c", "\"b\" in c", "c", 7, 12);
    check("\"\\\"b\\\" in c\"", "\"b\" in c", "\"b", 6, 10);
}

#[test]
fn match_is_any_or_a_mapping() {
    let content = "version: 1\nscope: {}\nrules:\n- {id: a, effect: allow, match: any}\n- {id: b, effect: deny, match: {users: ana}}\n- {id: c, effect: deny, match: all}\n";
    assert_eq!(codes(&text(content)), ["TG104 6:32"]);
    let content = content.replace("match: all", "match: \"any\"");
    let file = &text(&content).files[0];
    let any = |rule: usize| file.rules[rule].matches.as_ref().unwrap().any;
    assert_eq!([any(0), any(1), any(2)], [true, false, true]);
    let users = file.rules[1]
        .matches
        .as_ref()
        .unwrap()
        .users
        .clone()
        .unwrap();
    assert_eq!(users.value, [Spanned::new("ana".to_owned(), at(5, 40))]);
    assert_eq!(file.rules[1].effect.unwrap().value, Effect::Deny);
}

/// A value that its shape takes, as YAML in one line.
fn sample(shape: shape::Shape) -> String {
    use shape::Shape;
    match shape {
        Shape::Text | Shape::Scalar | Shape::Expression => "some".to_owned(),
        Shape::Stamp => "2027-01-31".to_owned(),
        Shape::Flag => "true".to_owned(),
        Shape::Version => "1".to_owned(),
        Shape::Number(_, most) => most.to_string(),
        Shape::Numbers(known) => known[0].to_string(),
        Shape::Decimal(..) => "0.5".to_owned(),
        Shape::Percent => "80%".to_owned(),
        Shape::Length => "60s".to_owned(),
        Shape::Dollars => "\"$2.00\"".to_owned(),
        Shape::Word(words) => words[words.len() - 1].to_owned(),
        Shape::List(of) => format!("[{}]", sample(*of)),
        Shape::Named(of) => format!("{{some: {}}}", sample(*of)),
        Shape::Keys(mapping) | Shape::AnyOr(mapping) => {
            let needs_none =
                mapping.one_of.is_empty() && !mapping.keys.iter().any(|key| key.required);
            minimal(mapping, needs_none.then_some(mapping.keys[0].name))
        }
    }
}

/// A mapping with the keys it must have, and one more.
fn minimal(mapping: &shape::Mapping, more: Option<&str>) -> String {
    let first = mapping.one_of.first().copied();
    let keys = mapping
        .keys
        .iter()
        .filter(|key| key.required || Some(key.name) == first || Some(key.name) == more);
    let keys: Vec<String> = keys
        .map(|key| format!("{}: {}", key.name, sample(key.shape)))
        .collect();
    format!("{{{}}}", keys.join(", "))
}

/// A mapping of the table, and a way to put one of its own into a file.
type Within = (&'static shape::Mapping, Box<dyn Fn(String) -> String>);

/// Every mapping of the table, each with a way to put one of its own into a file.
fn mappings() -> Vec<Within> {
    use shape::{Mapping, Shape};
    fn inner(shape: Shape) -> Option<(&'static Mapping, String, String)> {
        match shape {
            Shape::Keys(mapping) | Shape::AnyOr(mapping) => {
                Some((mapping, String::new(), String::new()))
            }
            Shape::List(of) => {
                inner(*of).map(|(mapping, a, b)| (mapping, format!("[{a}"), format!("{b}]")))
            }
            Shape::Named(of) => inner(*of)
                .map(|(mapping, a, b)| (mapping, format!("{{some: {a}"), format!("{b}}}"))),
            _ => None,
        }
    }
    fn visit(mapping: &'static Mapping, (before, after): (String, String), out: &mut Vec<Within>) {
        let (head, tail) = (before.clone(), after.clone());
        out.push((mapping, Box::new(move |own| format!("{head}{own}{tail}"))));
        for key in mapping.keys {
            let Some((within, open, close)) = inner(key.shape) else {
                continue;
            };
            let others: Vec<String> = mapping
                .keys
                .iter()
                .filter(|other| other.required && other.name != key.name)
                .map(|other| format!("{}: {}, ", other.name, sample(other.shape)))
                .collect();
            let others = others.concat();
            let needs_one = !mapping.one_of.is_empty() && !mapping.one_of.contains(&key.name);
            let others = if needs_one {
                let first = mapping.key(mapping.one_of[0]).unwrap();
                format!("{others}{}: {}, ", first.name, sample(first.shape))
            } else {
                others
            };
            visit(
                within,
                (
                    format!("{before}{{{others}{}: {open}", key.name),
                    format!("{close}}}{after}"),
                ),
                out,
            );
        }
    }
    let mut out = Vec::new();
    visit(&keys::FILE, (String::new(), String::new()), &mut out);
    out
}

#[test]
fn every_key_of_the_table_is_taken_and_has_an_effect() {
    for (mapping, within) in mappings() {
        for key in mapping.keys {
            let with = within(minimal(mapping, Some(key.name)));
            let loaded = text(&with);
            assert_eq!(codes(&loaded), Vec::<String>::new(), "{with}");
            // What must be there cannot be left out to compare.
            let first = mapping.one_of.first().copied();
            if key.required || first == Some(key.name) || mapping.name == "File" {
                continue;
            }
            let without = within(minimal(mapping, None));
            let files = |content: &str| places_removed(&format!("{:?}", text(content).files));
            assert_ne!(
                files(&with),
                files(&without),
                "{} of {}",
                key.name,
                mapping.name
            );
        }
    }
}

/// The settings as text, without the places that would differ anyway.
fn places_removed(debug: &str) -> String {
    let mut out = String::new();
    let mut rest = debug;
    while let Some(at) = rest.find("Place {") {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('}').unwrap();
        rest = &rest[at + end + 1..];
    }
    out + rest
}

#[test]
fn the_schema_has_every_key_and_no_other() {
    let schema = policy_schema();
    for (mapping, _) in mappings() {
        let described = if mapping.name == "File" {
            &schema
        } else {
            &schema["$defs"][mapping.name]
        };
        let known: Vec<&String> = described["properties"]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        let mut keys: Vec<&str> = mapping.keys.iter().map(|key| key.name).collect();
        keys.sort_unstable();
        assert_eq!(known, keys, "{}", mapping.name);
        assert_eq!(described["additionalProperties"], false);
    }
}

#[test]
fn the_reference_is_as_documented() {
    insta::assert_snapshot!(reference());
}

#[test]
fn each_form_of_report_is_as_documented() {
    let name = Path::new("policies/näh me.yaml");
    let content = "version: 1\nscope: {}\nlimits: {rmp: 5, rpm: 1e3}\nlimits: {}\n";
    let loaded = load_texts([(name, content.as_bytes())]);
    let report = loaded.report();
    insta::assert_snapshot!("report_json", report.render(Format::Json));
    insta::assert_snapshot!("report_sarif", report.render(Format::Sarif));
    insta::assert_snapshot!("report_github", report.render(Format::GitHub));
    insta::assert_snapshot!("report_text", report.render(Format::Text));
    assert!(
        report
            .render(Format::Coloured)
            .contains("\u{1b}[1;31merror[TG103]\u{1b}[0m")
    );
    assert_eq!(
        (
            report.count(Severity::Error),
            report.count(Severity::Warning)
        ),
        (3, 0)
    );
}

#[test]
fn fifty_are_shown_and_the_rest_is_counted() {
    let keys: Vec<String> = (0..70).map(|n| format!("unknown{n}: 1\n")).collect();
    let loaded = text(&format!("version: 1\nscope: {{}}\n{}", keys.concat()));
    let shown = loaded.report().render(Format::Text);
    assert_eq!(shown.matches("error[TG102]").count(), 50);
    assert!(shown.ends_with("and 20 more\n"));
}

#[test]
fn a_line_cannot_play_tricks_on_a_terminal() {
    let loaded = text("version: 1\nscope: {}\ncolour: \"\u{202e}x\u{200b}\u{e0041}\"\n");
    let shown = loaded.report().render(Format::Text);
    assert!(
        !shown.contains(['\u{202e}', '\u{200b}', '\u{e0041}']),
        "{shown}"
    );
}

#[test]
fn the_revision_is_that_of_what_is_said() {
    let revision = |content: &str| text(content).revision;
    let base = "version: 1\nscope: {org: acme}\nlimits: {rpm: 10}\nrules:\n- {id: x, effect: deny, match: {users: ana}}\n";
    let same = "# why\nscope:\n    org: \"acme\"\nrules:\n  - match:\n      users: ['ana']\n    effect: deny\n    id: x\n\nlimits:\n  rpm: 10   # a minute\nversion: 1\n";
    assert_eq!(revision(base), revision(same));
    assert_ne!(revision(base), revision(&base.replace("ana", "bo")));
    assert_ne!(revision(base), revision(&base.replace("rpm", "tpm")));
    let two = |first: &'static str, second: &'static str| {
        load_texts([
            (Path::new("a"), first.as_bytes()),
            (Path::new("b"), second.as_bytes()),
        ])
        .revision
    };
    let (one, other) = ("version: 1\nscope: {}\n", "version: 1\nscope: {team: a}\n");
    assert_eq!(two(one, other), two(other, one));
}

/// The example with a few bytes changed, left out or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0_u8..5);
    prop::collection::vec(change, 1..12).prop_map(|changes| {
        let mut bytes = PAYMENTS.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"{}[]:,&*!|>'\"%@`#-? \n\t"[usize::from(byte) % 22]),
                3 => bytes.truncate(at.max(40)),
                _ => {
                    let end = (at + usize::from(byte)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn loading_never_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let loaded = checked([(Path::new("p.yaml"), bytes.as_slice())]);
        let _ = loaded.report().render(Format::Text);
    }

    #[test]
    fn loading_never_panics_on_letters(content in "[a-c{}\\[\\]:,&*!|>'\"%@`#? \n\t-]{0,200}") {
        let loaded = checked([(Path::new("p.yaml"), content.as_bytes())]);
        let _ = loaded.report().render(Format::Text);
        let _ = format(&content);
    }

    #[test]
    fn loading_never_panics_on_a_damaged_policy(bytes in mutated()) {
        let loaded = checked([(Path::new("p.yaml"), bytes.as_slice())]);
        let shown = loaded.report().render(Format::Text);
        prop_assert!(loaded.diagnostics.is_empty() == shown.is_empty());
        let _ = loaded.report().render(Format::Sarif);
        let _ = std::str::from_utf8(&bytes).map(format);
    }
}
