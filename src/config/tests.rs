use super::*;
use crate::chat::tokenizer::Encoding;
use crate::governance::budget::{Absent, AtLimit, Window};
use crate::provider::settings::{Credential, Kind};
use crate::units::{Money, Tokens};
use proptest::prelude::*;
use std::fs;
use std::time::Duration;

/// A configuration in memory, with the variables the examples refer to.
fn sources(text: &str) -> Sources {
    let variables = [
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "TOLLGATE_DEV_KEY",
        "TOLLGATE_CI_KEY",
    ];
    Sources {
        text: Some((PathBuf::from("tollgate.yaml"), text.to_owned())),
        env: variables
            .map(|name| (name.to_owned(), format!("value-of-{name}")))
            .into(),
        ..Sources::default()
    }
}

fn good(sources: &Sources) -> Config {
    match load(sources) {
        Ok(config) => config,
        Err(faults) => panic!("{faults}"),
    }
}

fn faults(sources: &Sources) -> Vec<Fault> {
    load(sources).map_or_else(|faults| faults.0, |_| Vec::new())
}

/// `line:column code` of each fault.
fn codes(sources: &Sources) -> Vec<String> {
    let shown = |fault: &Fault| format!("{}:{} {}", fault.line, fault.column, fault.code);
    faults(sources).iter().map(shown).collect()
}

const SIM: &str = "providers: { sim: { kind: simulator } }\n";

/// What is wrong with these lines after a good first one.
fn check(lines: &str, expected: &[&str]) {
    assert_eq!(
        codes(&sources(&format!("{SIM}{lines}"))),
        expected,
        "{}",
        lines.get(..200).unwrap_or(lines)
    );
}

fn in_repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("config")
        .join(name)
}

#[test]
fn every_file_in_config_loads() {
    let mut seen = Vec::new();
    for entry in fs::read_dir(in_repository("")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        if is_price_book(&file) {
            let config = good(&sources(&format!("{SIM}prices: {}\n", file.display())));
            assert!(config.prices.models().len() > 50, "{name}");
        } else if is_panel(&file) {
            let panel = load_panel(&Sources {
                file: Some(file),
                ..Sources::default()
            });
            assert!(panel.is_ok(), "{name}: {panel:?}");
        } else {
            good(&Sources {
                text: Some((file, text)),
                ..sources("")
            });
        }
        seen.push(name);
    }
    seen.sort();
    assert_eq!(
        seen,
        [
            "compose.yaml",
            "minimal.yaml",
            "panel.yaml",
            "prices.yaml",
            "tollgate.yaml"
        ]
    );
}

#[test]
fn everything_wrong_is_told_at_once() {
    let found = faults(&sources(include_str!("broken.yaml")));
    assert!(found.len() > 40, "{}", found.len());
    insta::assert_snapshot!(Faults(found));
}

#[test]
fn the_example_shows_every_key_there_is() {
    let text = fs::read_to_string(in_repository("tollgate.yaml")).unwrap();
    let schema = config_schema();
    for key in schema["properties"].as_object().unwrap().keys() {
        let shown = text.lines().any(|line| {
            line.trim_start_matches("# ")
                .starts_with(&format!("{key}:"))
        });
        assert!(shown, "{key}");
    }
}

#[test]
fn what_is_wrong_with_the_decision_log_is_told_where_it_stands() {
    check(
        "decisions: { rotate: 1MiB, keep: 4, retain: 90d, on_full: drop }\n",
        &[],
    );
    check(
        "decisions: { rotate: 64, keep: 0, retain: long, on_full: wait, rotat: 1MiB }\n",
        &[
            "2:22 bad_size",
            "2:32 bad_count",
            "2:43 bad_duration",
            "2:58 unknown_value",
            "2:64 unknown_key",
        ],
    );
}

#[test]
fn what_the_schema_requires_is_what_loading_requires() {
    let schema = config_schema();
    let check = |lines: &str, settings: &str| {
        let found = faults(&sources(&format!("{SIM}{lines}")));
        let missing = found.iter().filter(|fault| fault.code == "missing_key");
        let missing: Vec<&str> = missing
            .filter_map(|fault| fault.message.split('`').nth(1))
            .collect();
        assert_eq!(
            serde_json::json!(missing),
            schema["$defs"][settings]["required"],
            "{settings}"
        );
    };
    check("keys: [{}]\n", "KeySettings");
    check("budgets: [{}]\n", "BudgetSettings");
    check("limits: [{}]\n", "LimitSettings");
    check("models: [{}]\n", "RouteSettings");
    check("models: [{ name: x, targets: [{}] }]\n", "TargetSettings");
    check("tls: {}\n", "TlsSettings");
}

#[test]
fn the_example_means_what_it_says() {
    let text = fs::read_to_string(in_repository("tollgate.yaml")).unwrap();
    let config = good(&Sources {
        text: Some((in_repository("tollgate.yaml"), text)),
        ..sources("")
    });
    let names: Vec<(&str, Kind)> = config
        .providers
        .iter()
        .map(|one| (&*one.name, one.kind))
        .collect();
    assert_eq!(
        names,
        [
            ("claude", Kind::Anthropic),
            ("openai", Kind::OpenAi),
            ("sim", Kind::Simulator),
            ("vllm", Kind::Compatible)
        ]
    );
    let smart = config
        .routes
        .iter()
        .find(|route| route.pattern.as_str() == "smart")
        .unwrap();
    let target = &smart.targets[0];
    assert_eq!(
        (target.provider, target.model.as_deref()),
        (1, Some("gpt-4o"))
    );
    assert_eq!(
        (smart.max_output, target.tokenizer),
        (Some(Tokens(4096)), Some(Encoding::O200k))
    );
    let budget = &config.budgets[0];
    assert_eq!(
        (budget.limit, budget.window),
        (Money::from_nanos(10_000_000_000), Window::Day)
    );
    assert_eq!(
        (budget.soft.as_slice(), budget.zone.iana_name()),
        (&[50, 80][..], Some("Europe/Zurich"))
    );
    assert_eq!(
        (budget.enforce, budget.at_limit, budget.absent),
        (true, AtLimit::Clamp, Absent::Share)
    );
    assert_eq!(
        config.limits[0].rpm.map(std::num::NonZeroU32::get),
        Some(600)
    );
    assert!(config.keys[1].may_use("sim-small") && !config.keys[1].may_use("gpt-4o"));
    assert_eq!(
        config.keys[1].expires.map(crate::clock::Wall::secs),
        Some(1_814_313_600)
    );
    assert_eq!(config.timeouts.total, Duration::from_hours(1));
    assert_eq!(config.state_dir, in_repository("../.tollgate"));
    assert!(
        !format!("{config:?}").contains("value-of"),
        "a secret prints"
    );
}

#[test]
fn an_empty_file_lacks_a_provider_and_nothing_else() {
    assert_eq!(codes(&sources("")), ["1:1 no_provider"]);
    let config = good(&sources(SIM));
    assert_eq!(config.routes[0].pattern.as_str(), "*");
    assert_eq!(config.admin_listen, "127.0.0.1:4101".parse().ok());
    assert_eq!(config.prices.revision, "2026-11-28".into());
}

#[test]
fn references_are_resolved_in_any_text() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "from-a-file\n").unwrap();
    let text = "providers:\n  a: { kind: openai, credential: file:secret }\n  b: { kind: openai-compatible, base_url: \"http://${HOST}:8000/v1\" }\nmodels: { name: \"$${x}\", provider: a }\n";
    let config = good(&Sources {
        text: Some((folder.path().join("tollgate.yaml"), text.to_owned())),
        env: vec![("HOST".to_owned(), "vllm.internal".to_owned())],
        ..Sources::default()
    });
    let Some(Credential::Given(credential)) = &config.providers[0].credential else {
        panic!("a secret: {:?}", config.providers[0])
    };
    assert_eq!(credential.expose(), "from-a-file");
    assert_eq!(
        &*config.providers[1].base.as_ref().unwrap().host,
        "vllm.internal"
    );
    assert_eq!(config.routes[0].pattern.as_str(), "${x}");
    assert!(config.files.contains(&folder.path().join("secret")));
}

#[test]
fn a_broken_reference_is_a_fault_at_its_place() {
    check("state_dir: ${NOWHERE}\n", &["2:12 unset_variable"]);
    check("state_dir: file:nowhere\n", &["2:12 missing_file"]);
    check("state_dir: \"${OPEN\"\n", &["2:12 bad_reference"]);
    check("state_dir: ${a b}\n", &["2:12 bad_reference"]);
    let near = faults(&sources("state_dir: ${OPENAI_API_KYE}\n"));
    assert_eq!(
        near[1].help.as_deref(),
        Some("did you mean `OPENAI_API_KEY`?")
    );
}

#[test]
fn what_a_variable_holds_is_not_looked_into_again() {
    let env = [("A", "${B}"), ("B", "file:/etc/passwd")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let text = format!(
        "{SIM}hosts: []\nmodels: [{{ name: \"${{A}}\", provider: sim }}, {{ name: \"${{B}}\", provider: sim }}]\n"
    );
    let config = good(&Sources {
        env: env.into(),
        ..sources(&text)
    });
    let names: Vec<&str> = config
        .routes
        .iter()
        .map(|route| route.pattern.as_str())
        .collect();
    assert_eq!(names, ["${B}", "file:/etc/passwd"]);
}

#[test]
fn layers_go_one_over_the_other() {
    let pairs = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect::<Vec<_>>()
    };
    let text = format!(
        "{SIM}timeouts: {{ connect: 1s, idle: 1s }}\nmodels: [{{ name: gpt-4.1, provider: sim }}]\n"
    );
    let config = good(&Sources {
        env: pairs(&[
            ("TOLLGATE__TIMEOUTS__IDLE", "2s"),
            ("TOLLGATE__TIMEOUTS__TOTAL", "2m"),
            ("TOLLGATE__UNKNOWN_PRICE__CEILING", "5.00"),
            ("TOLLGATE__HOSTS", "[a.internal, b.internal]"),
            ("TOLLGATE_OTHER", "not a setting"),
        ]),
        flags: pairs(&[("timeouts.total", "3m"), ("listen", "127.0.0.1:0")]),
        ..sources(&text)
    });
    let seconds = [
        config.timeouts.connect,
        config.timeouts.idle,
        config.timeouts.total,
    ]
    .map(|time| time.as_secs());
    assert_eq!(seconds, [1, 2, 180]);
    assert_eq!(config.gateway.hosts.len(), 2);
    assert_eq!(config.listen, [Listen::Tcp("127.0.0.1:0".parse().unwrap())]);
    assert_eq!(config.routes[0].pattern.as_str(), "gpt-4.1");
}

#[test]
fn a_fault_in_a_layer_names_the_variable_or_flag() {
    let check = |name: &str, value: &str, expected: &str| {
        let env = vec![(name.to_owned(), value.to_owned())];
        let found = faults(&Sources {
            env,
            ..sources(SIM)
        });
        let shown: Vec<String> = found
            .iter()
            .map(|fault| format!("{} {}", fault.place(), fault.code))
            .collect();
        assert_eq!(shown, [expected]);
    };
    check(
        "TOLLGATE__TIMEOUTS__TOTAL",
        "soon",
        "environment:TOLLGATE__TIMEOUTS__TOTAL bad_duration",
    );
    check(
        "TOLLGATE__TIMEOUT",
        "5s",
        "environment:TOLLGATE__TIMEOUT unknown_key",
    );
    check(
        "TOLLGATE__HOSTS",
        "[a, b",
        "environment:TOLLGATE__HOSTS:2:1 yaml",
    );
    check(
        "TOLLGATE__HOSTS",
        "[\"a/b\"]",
        "environment:TOLLGATE__HOSTS:1:2 bad_host",
    );
    let flags = vec![("max_body".to_owned(), "big".to_owned())];
    let found = faults(&Sources {
        flags,
        ..sources(SIM)
    });
    assert_eq!(found[0].place(), "flag:max_body");
}

#[cfg(unix)]
fn close(file: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn close(_: &Path, _: u32) {}

#[cfg(unix)]
#[test]
fn a_secret_in_a_file_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let check = |secret: &str, mode: u32, expected: &[&str]| {
        let file = folder.path().join("tollgate.yaml");
        fs::write(
            &file,
            format!("{SIM}keys: {{ name: dev, secret: {secret} }}\n"),
        )
        .unwrap();
        close(&file, mode);
        let found = codes(&Sources {
            file: Some(file),
            text: None,
            ..sources("")
        });
        assert_eq!(found, expected, "{secret} {mode:o}");
    };
    check("sk-written-out", 0o600, &[]);
    check("sk-written-out", 0o640, &["2:28 readable_secret"]);
    check("\"${TOLLGATE_DEV_KEY}\"", 0o644, &[]);
    check(
        "\"${TOLLGATE_DEV_KEY}\"",
        0o664,
        &["0:0 writable_by_others"],
    );
}

#[test]
fn keys_of_the_store_are_added_and_must_be_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("keys.yaml");
    let load = |text: Option<&str>| {
        if let Some(text) = text {
            fs::write(&store, text).unwrap();
            close(&store, 0o600);
        }
        let text = format!("{SIM}keys: {{ name: dev, secret: one }}\n");
        load(&Sources {
            keys_file: Some(store.clone()),
            ..sources(&text)
        })
    };
    let config = load(None).unwrap();
    assert_eq!(
        (config.keys.len(), config.files.contains(&store)),
        (1, true)
    );
    let hash = crate::governance::identity::Digest::of(b"two");
    let config = load(Some(&format!(
        "keys:\n  - {{ name: made, hash: \"{hash}\" }}\n"
    )))
    .unwrap();
    assert_eq!(
        config.keys.iter().map(|key| &*key.name).collect::<Vec<_>>(),
        ["dev", "made"]
    );
    let faults = load(Some("keys:\n  - { name: dev, secret: one }\n")).unwrap_err();
    let codes: Vec<&str> = faults.0.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, ["duplicate_name", "duplicate_secret"]);
    assert_eq!(faults.0[0].file, store);
}

#[test]
fn forms_yaml_allows_and_we_do_not_are_told() {
    check(
        "hosts: &a [x]\norigins: *a\n",
        &["2:8 anchor", "3:10 alias"],
    );
    check("hosts: !!seq [x]\n", &["2:8 tag"]);
    check("hosts: x\nhosts: y\n", &["3:1 duplicate_key"]);
    check("---\nhosts: x\n", &["2:1 second_document"]);
    check("[x]: y\n", &["2:1 key"]);
    check(
        &format!("hosts: {}{}\n", "[".repeat(40), "]".repeat(40)),
        &["2:39 too_deep"],
    );
    check(&format!("#{}", "x".repeat(4 << 20)), &["0:0 too_large"]);
    check(
        &format!("hosts: [{}]", "x,".repeat(500_000)),
        &["2:799991 too_large"],
    );
    check("hosts: [\n", &["3:1 yaml"]);
}

#[test]
fn text_that_yaml_reads_as_something_else_must_be_quoted() {
    check(
        "budgets: { name: a, window: 1d, limit: 10.00 }\n",
        &["2:40 unquoted"],
    );
    check("budgets: { name: a, window: 1d, limit: \"10.00\" }\n", &[]);
    check("budgets: { name: a, window: 1d, limit: 10 }\n", &[]);
    check(
        "budgets: { name: true, window: 1d, limit: 10 }\n",
        &["2:18 unquoted"],
    );
    check(
        "keys: { name: a, secret: x, models: ~ }\n",
        &["2:37 no_value"],
    );
}

#[test]
fn what_is_wrong_with_the_panel_is_told_where_it_stands() {
    let ca = rcgen::generate_simple_self_signed(vec!["panel.example".to_owned()])
        .expect("a certificate")
        .cert
        .pem();
    let good = |url: &str| {
        format!(
            "panel: {{ url: \"{url}\", ca: {} }}\n",
            serde_json::json!(ca)
        )
    };
    check(&good("https://panel.example:4102"), &[]);
    check(&good("http://panel.example"), &["2:15 panel_not_https"]);
    check(&good("panel.example"), &["2:15 panel_not_https"]);
    check(&good("https://me@panel.example"), &["2:15 bad_url"]);
    check(
        "panel: { url: https://panel.example, token: \"\", ca: nonsense }\n",
        &["2:45 bad_token", "2:53 bad_ca"],
    );
    check(
        "panel: { url: https://panel.example }\n",
        &["2:8 panel_without_ca"],
    );
    check("panel: {}\n", &["2:8 panel_without_url"]);
    let pinned = |key: &str| {
        good("https://panel.example").replace(" }", &format!(", policy_key: \"{key}\" }}"))
    };
    check(&pinned(&"0a".repeat(32)), &[]);
    let text = pinned("0A");
    let column = text.find("\"0A\"").expect("it is there") + 1;
    check(&text, &[&format!("2:{column} bad_policy_key")]);
}

#[test]
fn what_this_version_cannot_do_is_refused() {
    check("policies: [policies/, pack:secrets]\n", &[]);
    check("policies: [pack:secrts]\n", &["2:12 unknown_pack"]);
    check(
        "models: { name: x, strategy: failover, targets: { provider: sim } }\n",
        &[],
    );
    check(
        "models: { name: x, provider: sim, strategy: weighted }\n",
        &["2:45 strategy_without_targets"],
    );
}

#[test]
fn a_route_names_each_of_its_targets_once() {
    let two = "providers: { sim: { kind: simulator }, vllm: { kind: openai-compatible, base_url: \"http://127.0.0.1:8000/v1\" } }\n";
    let check = |route: &str, expected: &[&str]| {
        let text = format!("{two}models:\n- {{ name: x, {route} }}\n");
        assert_eq!(codes(&sources(&text)), expected, "{route}");
    };
    check("targets: [{ provider: vllm }, { provider: sim }]", &[]);
    check(
        "targets: [{ provider: vllm, model: a }, { provider: vllm, model: b }]",
        &[],
    );
    check("targets: []", &["3:23 no_targets"]);
    check(
        "targets: [{ provider: vllm }, { provider: vllm }]",
        &["3:44 same_target_twice"],
    );
    // The name callers use is the model's own where none is written.
    check(
        "targets: [{ provider: vllm, model: x }, { provider: vllm }]",
        &["3:54 same_target_twice"],
    );
    check(
        "targets: [{ provider: vlm }, { provider: vllm, model: \"*\" }, { provider: smi }]",
        &[
            "3:36 unknown_provider",
            "3:68 bad_model",
            "3:87 unknown_provider",
        ],
    );
    check(
        "targets: [{ provider: vllm }], model: y",
        &["3:52 model_and_targets"],
    );
    check(
        "strategy: weighted, targets: [{ provider: vllm, weight: 3 }, { provider: sim }]",
        &[],
    );
    check(
        "strategy: least_latency, targets: [{ provider: vllm }, { provider: sim }]",
        &[],
    );
    check(
        "strategy: weighted, targets: [{ provider: vllm, weight: 0 }, { provider: sim, weight: 1001 }]",
        &["3:70 bad_weight", "3:100 bad_weight"],
    );
    check(
        "targets: [{ provider: vllm, weight: 2 }, { provider: sim }]",
        &["3:50 weight_without_weighted"],
    );
    let many: Vec<String> = (0..17)
        .map(|n| format!("{{ provider: sim, model: m{n} }}"))
        .collect();
    check(
        &format!("targets: [{}]", many.join(", ")),
        &["3:23 too_many_targets"],
    );
}

#[test]
fn later_price_books_win_and_join_their_revisions() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("a.yaml"),
        "revision: a\nmodels: { m: { input: 1 }, n: { input: 1 } }\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("b.yaml"),
        "revision: b\nmodels: { m: { input: 2 } }\n",
    )
    .unwrap();
    let text = format!("{SIM}prices: [a.yaml, b.yaml]\n");
    let config = good(&Sources {
        text: Some((folder.path().join("tollgate.yaml"), text)),
        ..sources("")
    });
    let input = |model| {
        config
            .prices
            .rate("sim", model)
            .unwrap()
            .base
            .input
            .to_string()
    };
    assert_eq!(
        (input("m"), input("n"), &*config.prices.revision),
        ("2.00".into(), "1.00".into(), "a+b")
    );
}

#[test]
fn a_revision_names_what_was_read() {
    let revision = |text: &str| good(&sources(text)).revision;
    assert_eq!(revision(SIM).len(), 12);
    assert_eq!(revision(SIM), revision(SIM));
    assert_ne!(revision(SIM), revision(&format!("{SIM}# more\n")));
}

#[test]
fn a_file_that_is_not_text_is_told_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollgate.yaml");
    fs::write(&file, b"hosts: a\nlisten: \xff\n").unwrap();
    let found = faults(&Sources {
        file: Some(file),
        text: None,
        ..sources("")
    });
    assert_eq!(
        (found[0].line, found[0].column, found[0].code),
        (2, 9, "not_utf8")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = load(&sources(&String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn no_yaml_like_text_panics(text in "([a-z]{1,3}|[-:?&*!|>'\"%@`{}\\[\\],#~. \n\t$]|\u{e9}|0|- |: |\n  ){0,80}") {
        let _ = load(&sources(&text));
    }

    #[test]
    fn no_damage_to_a_good_file_panics(cut in 0_usize..5000, put in "[-:{}\\[\\]\"'&*!\n a0]{0,4}") {
        let mut text = include_str!("broken.yaml").to_owned();
        let at = (0..=cut % text.len()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.insert_str(at, &put);
        let _ = load(&sources(&text));
    }
}

#[test]
fn a_credential_in_the_vault_needs_a_panel_and_a_name() {
    let check = |provider: &str, expected: &[&str]| {
        let text = format!("providers: {{ a: {{ kind: openai, credential: {provider} }} }}\n");
        assert_eq!(codes(&sources(&text)), expected, "{provider}");
    };
    check("\"vault:openai-prod\"", &["1:45 vault_without_panel"]);
    check("\"vault:no name\"", &["1:45 bad_credential"]);
    check("\"vault:\"", &["1:45 bad_credential"]);
    let text =
        "providers: { a: { kind: openai, credential: vault:openai-prod } }\npanel: { url: x }\n";
    let all = codes(&sources(text));
    assert!(!all.iter().any(|code| code.contains("vault")), "{all:?}");
    let told = faults(&sources(
        "providers: { a: { kind: openai, credential: vault:x } }\n",
    ));
    let help = told[0].help.as_deref().unwrap_or_default();
    assert!(help.contains("tollgate gateway new"), "{help}");
    // The name of a secret may stand where others can read it; a secret may not.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollgate.yaml");
    let with = |credential: &str| {
        fs::write(
            &file,
            format!("providers: {{ a: {{ kind: openai, credential: {credential} }} }}\n"),
        )
        .unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(&file, open).unwrap();
        let sources = Sources {
            file: Some(file.clone()),
            ..Sources::default()
        };
        codes(&sources).join(" ")
    };
    assert!(!with("vault:x").contains("readable_secret"));
    assert!(with("sk-written-out").contains("readable_secret"));
}
