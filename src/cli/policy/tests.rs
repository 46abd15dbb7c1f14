use super::*;
use crate::app::History;
use clap::Parser;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    policy: PolicyArgs,
}

/// The policies of these tests, in the shape of the example in the reference.
const PAYMENTS: &str = r#"version: 1
scope: {org: acme, team: payments}
lists:
  chat-models: [gpt-4o, gpt-4o-mini, "claude-*"]
windows:
  office: {days: [mon, tue, wed, thu, fri], from: "07:00", to: "20:00", tz: Europe/Zurich}
limits:
  max_output_tokens: 4096
rules:
  - id: allow-chat
    effect: allow
    match: {models: $chat-models, endpoints: [chat, responses]}
  - id: contractors-office-hours
    effect: deny
    match: {groups: [contractors]}
    unless: {window: office}
  - id: long-context-needs-group
    effect: deny
    when: request.input_tokens > 60000 && !("long-context" in user.groups)
    mode: shadow
    shadow_until: 2099-02-01
redact:
  - id: personal-data
    types: [EMAIL]
    on: [request]
    action: replace
  - id: secrets
    types: [SECRET]
    on: [request]
    action: block
tests:
  - name: staff may chat at night
    given: {user: ana, groups: [staff], model: gpt-4o, time: "2026-11-20T23:30:00+01:00", text: "mail ana@acme.io"}
    expect: {decision: allow, rule: allow-chat, redactions: {EMAIL: 1}}
  - name: contractor at night is refused
    given: {user: bo, groups: [contractors], model: gpt-4o, time: "2026-11-20T23:30:00+01:00"}
    expect: {decision: deny, rule: contractors-office-hours}
"#;

const ORG: &str = "version: 1\nscope: {org: acme}\nlimits:\n  max_output_tokens: 8192\n";

fn put(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A folder with the policies, and a configuration that names them.
fn bench() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "policies/org.yaml", ORG);
    put(root, "policies/payments.yaml", PAYMENTS);
    let config = format!(
        "state_dir: {}\nproviders: {{ sim: {{ kind: simulator }} }}\nmodels: [ {{ name: \"*\", provider: sim }} ]\npolicies: [policies]\nkeys:\n  - {{ name: ci, secret: sk-tollgate-0123456789abcdef0123, labels: {{ org: acme, team: payments, user: ana }} }}\n",
        root.join("state").display()
    );
    put(root, "tollgate.yaml", &config);
    folder
}

/// The exit code and what was told, `DIR/` in place of the folder and without colour.
fn policy(folder: &Path, line: &str) -> (ExitCode, String) {
    let line = line.replace("DIR", &folder.display().to_string());
    let cli = Cli::parse_from(std::iter::once("policy").chain(line.split_whitespace()));
    let mut out = Vec::new();
    let code = run(&cli.policy, &[], &mut out).unwrap_or_else(|error| panic!("{line}: {error:#}"));
    (code, plain(folder, &out))
}

fn plain(folder: &Path, out: &[u8]) -> String {
    let text = String::from_utf8(anstream::adapter::strip_bytes(out).into_vec()).unwrap();
    text.replace(&format!("{}/", folder.display()), "")
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

const NO: u8 = 1;

mod recorded;

#[test]
fn good_policies_are_said_to_be_good_and_faults_are_told_in_every_form() {
    let folder = bench();
    let root = folder.path();
    let (code, text) = policy(root, "check DIR/policies");
    assert!(text.contains("2 files: ok (revision "), "{text}");
    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(
        policy(root, "check -c DIR/tollgate.yaml").0,
        ExitCode::SUCCESS
    );
    put(
        root,
        "bad/a.yaml",
        "version: 1\nscope: {}\nrules:\n  - {id: a, effect: denny, match: any}\n",
    );
    let (code, text) = policy(root, "check DIR/bad");
    assert!(text.starts_with("bad/a.yaml:4:21: error[TG106]"), "{text}");
    assert_eq!(code, ExitCode::from(NO));
    assert_eq!(json(&policy(root, "check DIR/bad --json").1)["errors"], 1);
    assert_eq!(
        json(&policy(root, "check DIR/bad --format sarif").1)["version"],
        "2.1.0"
    );
    assert!(
        policy(root, "check DIR/bad --format github")
            .1
            .starts_with("::error file=bad/a.yaml")
    );
    assert_eq!(policy(root, "check DIR/nowhere").0, ExitCode::from(2));
    // Tests that fail keep a policy from being used.
    put(
        root,
        "bad/a.yaml",
        &PAYMENTS.replace("{decision: deny, rule", "{decision: allow, rule"),
    );
    assert!(policy(root, "check DIR/bad").1.contains("TG601"));
}

#[test]
fn addresses_nobody_can_call_are_told_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let entry = |url: &str| {
        format!(
            "version: 1\nscope: {{}}\nconsult:\n  - {{ id: dlp, on_error: deny, url: \"{url}\" }}\n"
        )
    };
    for wrong in [
        "guard.example/check",
        "ftp://guard.example/",
        "https://",
        "https://user:secret@guard.example/",
        "https://guard.example/#part",
        "ftp://${GUARD_HOST}/",
    ] {
        put(root, "a.yaml", &entry(wrong));
        let (code, text) = policy(root, "check DIR/a.yaml");
        assert!(
            text.starts_with(
                "a.yaml:4:37: error[TG104]: this is not an address the gateway can call"
            ),
            "{text}"
        );
        assert_eq!(code, ExitCode::from(NO), "{wrong}");
    }
    // What stands behind a reference is known where the gateway runs, and only there.
    for fine in [
        "https://guard.example/check?v=1",
        "http://127.0.0.1:8080/",
        "${GUARD_URL}",
        "https://${GUARD_HOST}:${GUARD_PORT}/check",
        "file:guard.url",
    ] {
        put(root, "a.yaml", &entry(fine));
        let (code, text) = policy(root, "check DIR/a.yaml");
        assert_eq!(code, ExitCode::SUCCESS, "{fine}: {text}");
    }
    let header = entry("https://guard.example/").replace("url:", "headers: { Host: x }, url:");
    put(root, "a.yaml", &header);
    assert!(
        policy(root, "check DIR/a.yaml")
            .1
            .contains("4:43: error[TG104]: the header `host`")
    );
}

#[test]
fn warnings_count_where_it_is_strict() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(
        root,
        "a.yaml",
        "version: 1\nscope: {}\nrules:\n  - {id: a, effect: deny, match: {models: [x]}}\n",
    );
    assert_eq!(policy(root, "check DIR/a.yaml").0, ExitCode::SUCCESS);
    assert_eq!(
        policy(root, "check DIR/a.yaml --strict").0,
        ExitCode::from(NO)
    );
}

#[test]
fn tests_are_told_one_by_one_with_what_they_reach() {
    let folder = bench();
    let (code, text) = policy(folder.path(), "test DIR/policies --coverage");
    assert_eq!(
        text,
        "ok      policies/payments.yaml:32  staff may chat at night
ok      policies/payments.yaml:35  contractor at night is refused
2 tests: 2 passed, 0 failed
coverage: 3 of 5 rules (60 %)
  policies/payments.yaml:17: no test reaches `long-context-needs-group`
  policies/payments.yaml:27: no test reaches `secrets`
"
    );
    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(
        policy(folder.path(), "test DIR/policies --coverage --strict").0,
        ExitCode::from(NO)
    );
}

#[test]
fn a_failed_test_says_what_was_expected_what_came_and_who_decided() {
    let folder = bench();
    let root = folder.path();
    put(
        root,
        "policies/payments.yaml",
        &PAYMENTS.replace("{decision: deny, rule", "{decision: allow, rule"),
    );
    let (code, text) = policy(root, "test DIR/policies");
    assert!(text.contains("FAILED  policies/payments.yaml:35"), "{text}");
    assert!(text.contains("the decision is deny, expected allow; `contractors-office-hours` decided (policies/payments.yaml:13)"), "{text}");
    assert_eq!(code, ExitCode::from(NO));
    let (_, tap) = policy(root, "test DIR/policies --tap");
    assert!(
        tap.starts_with("TAP version 14\n1..2\nok 1 - staff may chat at night\nnot ok 2 - "),
        "{tap}"
    );
    let (_, junit) = policy(root, "test DIR/policies --junit -");
    assert!(
        junit.contains("tests=\"2\" failures=\"1\"") && junit.contains("<failure message="),
        "{junit}"
    );
    let told = json(&policy(root, "test DIR/policies --json").1);
    assert_eq!((&told["ok"], &told["failed"]), (&false.into(), &1.into()));
    assert_eq!(policy(root, "test DIR/nowhere").0, ExitCode::from(2));
}

#[test]
fn changes_that_no_test_notices_are_named() {
    let folder = bench();
    let (code, text) = policy(folder.path(), "test DIR/policies --mutate");
    assert!(
        text.contains(
            "policies/payments.yaml:27: no test notices that `secrets` is gone from redact"
        ),
        "{text}"
    );
    assert_eq!(code, ExitCode::from(NO));
    let told = json(&policy(folder.path(), "test DIR/policies --mutate --json").1);
    assert!(told["changes"]["tried"].as_u64() > Some(5), "{told}");
}

fn body(folder: &Path, text: &str, cap: u32) -> PathBuf {
    let body = serde_json::json!({
        "model": "gpt-4o", "max_tokens": cap, "messages": [{ "role": "user", "content": text }],
    });
    put(folder, "body.json", &body.to_string())
}

/// Without how long it took, which is never the same.
fn untimed(text: &str) -> String {
    let lines = text.lines().map(|line| match line.rfind("  ") {
        Some(at) if line.ends_with(" us") => line[..at].to_owned(),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_denial_is_explained_rule_by_rule() {
    let folder = bench();
    let root = folder.path();
    body(root, "hello", 6000);
    let (code, text) = policy(
        root,
        "explain DIR/policies --request DIR/body.json --org acme --team payments --user bo --groups contractors --time 2026-11-20T23:30:00+01:00",
    );
    assert_eq!(code, ExitCode::from(NO));
    insta::assert_snapshot!(untimed(&text));
}

#[test]
fn what_would_be_taken_out_is_told_by_type_and_count_never_by_value() {
    let folder = bench();
    let root = folder.path();
    body(root, "mail ana@acme.io and bo@acme.io", 100);
    let line = "explain -c DIR/tollgate.yaml --request DIR/body.json --as ci --time 2026-11-20T12:00:00+01:00";
    let (code, text) = policy(root, line);
    assert_eq!(code, ExitCode::SUCCESS, "{text}");
    insta::assert_snapshot!(untimed(&text));
    let (_, text) = policy(root, &format!("{line} --json"));
    assert!(!text.contains("ana@"), "{text}");
    assert_eq!(json(&text)["findings"][0]["count"], 2);
}

#[test]
fn a_guard_that_blocks_has_the_last_word() {
    let folder = bench();
    let root = folder.path();
    body(
        root,
        "use ghp_1a2B3c4D5e6F7g8H9i0JkLmNoPqRsTuV4XyZ now",
        100,
    );
    let (code, text) = policy(
        root,
        "explain DIR/policies --request DIR/body.json --org acme --team payments --user ana",
    );
    assert!(text.starts_with("DENY  by secrets"), "{text}");
    assert!(text.contains("rules        allow by "), "{text}");
    assert!(!text.contains("ghp_"), "{text}");
    assert_eq!(code, ExitCode::from(NO));
}

#[test]
fn who_is_not_known_and_what_is_no_request_are_told() {
    let folder = bench();
    let root = folder.path();
    let fails = |line: &str, expected: &str| {
        let line = line.replace("DIR", &root.display().to_string());
        let cli = Cli::parse_from(std::iter::once("policy").chain(line.split_whitespace()));
        let error = run(&cli.policy, &[], &mut Vec::new()).expect_err(&line);
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    };
    body(root, "hello", 10);
    fails(
        "explain -c DIR/tollgate.yaml --request DIR/body.json --as nobody",
        "there is no key `nobody`",
    );
    fails(
        "explain DIR/policies --request DIR/none.json",
        "cannot read",
    );
    fails(
        "explain DIR/policies --request DIR/body.json --time noon",
        "is no time",
    );
    put(root, "body.json", "[]");
    fails("explain DIR/policies --request DIR/body.json", "");
    fails(
        "replay --candidate DIR/policies --since 7d -c DIR/tollgate.yaml",
        "there is no decision log",
    );
    fails(
        "rollback 3 -c DIR/tollgate.yaml",
        "there is no revision `3`",
    );
    fails(
        "diff DIR/policies nowhere -c DIR/tollgate.yaml",
        "neither a path nor a revision",
    );
}

#[test]
fn a_difference_names_rules_limits_and_guards_with_their_places() {
    let folder = bench();
    let root = folder.path();
    let new = PAYMENTS
        .replace("max_output_tokens: 4096", "max_output_tokens: 2048")
        .replace(
            "[gpt-4o, gpt-4o-mini, \"claude-*\"]",
            "[gpt-4o-mini, gpt-4o]",
        )
        .replace(
            "groups: [contractors]}\n    unless",
            "groups: [contractors, guests]}\n    unless",
        )
        .replace(
            "  - id: secrets\n    types: [SECRET]\n    on: [request]\n    action: block\n",
            "",
        );
    put(root, "new/payments.yaml", &new);
    put(
        root,
        "new/fraud.yaml",
        "version: 1\nscope: {org: acme, project: fraud}\nlimits: {rpm: 5}\n",
    );
    let (code, text) = policy(root, "diff DIR/policies DIR/new -c DIR/tollgate.yaml");
    assert_eq!(code, ExitCode::SUCCESS);
    let revisions = text.lines().next().unwrap().to_owned();
    insta::assert_snapshot!(text.replace(&revisions, "(revisions)"));
    // Another layout says the same.
    put(
        root,
        "same/p.yaml",
        &PAYMENTS.replace(
            "  max_output_tokens: 4096",
            "    max_output_tokens:   4096 # a cap",
        ),
    );
    put(root, "same/o.yaml", ORG);
    assert!(
        policy(root, "diff DIR/policies DIR/same -c DIR/tollgate.yaml")
            .1
            .contains("they say the same")
    );
    recorded::log(root);
    let told = json(
        &policy(
            root,
            "diff DIR/policies DIR/new -c DIR/tollgate.yaml --replay --since 2026-11-20 --json",
        )
        .1,
    );
    assert_eq!(told["replay"]["total"]["decisions"], 3);
    assert!(told["changes"].as_array().unwrap().len() >= 6, "{told:#}");
}

#[test]
fn a_rollback_puts_the_files_of_then_in_their_place_and_keeps_what_was_there() {
    let folder = bench();
    let root = folder.path();
    let names = [
        root.join("policies/org.yaml"),
        root.join("policies/payments.yaml"),
    ];
    let mut history = History::open(&root.join("state/policies"));
    let old = ORG.replace("8192", "1234");
    history
        .keep("aaaaaaaaaaaa", &names, &[old.clone(), PAYMENTS.to_owned()])
        .unwrap();
    history
        .keep(
            "bbbbbbbbbbbb",
            &names,
            &[ORG.to_owned(), PAYMENTS.to_owned()],
        )
        .unwrap();
    put(
        root,
        "policies/fraud.yaml",
        "version: 1\nscope: {org: acme, project: fraud}\nlimits: {rpm: 5}\n",
    );
    let (_, text) = policy(root, "rollback --list -c DIR/tollgate.yaml");
    assert!(
        text.contains("aaaaaaaaaaaa") && text.lines().count() == 3,
        "{text}"
    );

    let (_, text) = policy(root, "rollback --dry-run -c DIR/tollgate.yaml");
    assert!(
        text.contains("policies/org.yaml: would be written"),
        "{text}"
    );
    assert_eq!(fs::read_to_string(&names[0]).unwrap(), ORG);

    let (code, text) = policy(root, "rollback aaaa -c DIR/tollgate.yaml");
    assert_eq!(code, ExitCode::SUCCESS, "{text}");
    assert!(
        text.contains("policies/fraud.yaml: is new since then and stays"),
        "{text}"
    );
    assert_eq!(fs::read_to_string(&names[0]).unwrap(), old);
    assert_eq!(
        fs::read_to_string(root.join("policies/org.yaml.before-rollback-1")).unwrap(),
        ORG
    );
    assert!(root.join("policies/fraud.yaml").exists());

    // Forth again, and the new file goes; what was there before stays beside it, as number 2.
    let told = json(&policy(root, "rollback 2 --delete-new --json -c DIR/tollgate.yaml").1);
    assert_eq!(told["kept_as"], ".before-rollback-2");
    assert!(!root.join("policies/fraud.yaml").exists());
    assert!(root.join("policies/fraud.yaml.before-rollback-2").exists());
    assert_eq!(fs::read_to_string(&names[0]).unwrap(), ORG);
}

#[test]
fn a_rollback_to_what_is_broken_today_changes_nothing() {
    let folder = bench();
    let root = folder.path();
    let names = [root.join("policies/payments.yaml")];
    let mut history = History::open(&root.join("state/policies"));
    let broken = PAYMENTS.replace("effect: deny", "effect: denny");
    history.keep("aaaaaaaaaaaa", &names, &[broken]).unwrap();
    assert_eq!(
        policy(root, "rollback 1 -c DIR/tollgate.yaml").0,
        ExitCode::from(NO)
    );
    assert_eq!(fs::read_to_string(&names[0]).unwrap(), PAYMENTS);
}

#[test]
fn policies_are_laid_out_and_the_check_says_which_would_be() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let file = put(
        root,
        "a.yaml",
        "version: 1\nscope: {}\nlimits:\n      rpm: 5\n",
    );
    let (code, text) = policy(root, "fmt --check DIR/a.yaml");
    assert_eq!(
        (code, text.as_str()),
        (ExitCode::from(NO), "a.yaml: would be laid out anew\n")
    );
    assert_eq!(policy(root, "fmt DIR/a.yaml").0, ExitCode::SUCCESS);
    assert!(fs::read_to_string(&file).unwrap().contains("\n  rpm: 5\n"));
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        policy(root, "fmt --check DIR/a.yaml"),
        (ExitCode::SUCCESS, String::new())
    );
    put(root, "b.yaml", "version: [1\n");
    assert_eq!(policy(root, "fmt DIR/b.yaml").0, ExitCode::from(NO));
    assert_eq!(policy(root, "fmt DIR/c.yaml").0, ExitCode::from(2));
}
