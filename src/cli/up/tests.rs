use super::*;
use clap::{Args as _, FromArgMatches as _};
use std::fs;

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// A state directory after a first start.
fn started() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    first_start(&state).unwrap();
    (folder, state)
}

fn load(state: &Path, env: &[(&str, &str)]) -> config::Config {
    match config::load(&sources(state, Vec::new(), environment(env))) {
        Ok(config) => config,
        Err(faults) => panic!("{faults}"),
    }
}

/// Who answers this model.
fn provider_of(config: &config::Config, model: &str) -> Option<String> {
    let route = config
        .routes
        .iter()
        .find(|route| route.pattern.matches(model))?;
    Some(config.providers[route.targets[0].provider].name.to_string())
}

fn secret_in(state: &Path) -> String {
    let written = config::as_written(&state.join(FILE), &[]);
    written.keys[0].secret.clone().unwrap()
}

#[test]
fn the_first_start_makes_a_key_a_budget_and_a_limit_that_load() {
    let (_folder, state) = started();
    let config = load(&state, &[]);
    assert_eq!(config.state_dir, state);
    assert_eq!(config.key_with_secret(&secret_in(&state)), Some("dev"));
    assert_eq!(
        (
            &*config.budgets[0].name,
            config.budgets[0].limit.to_string()
        ),
        ("up-day", "10.00".to_owned())
    );
    assert_eq!(config.limits.len(), 1);
}

#[test]
fn every_later_start_finds_the_same_key() {
    let (_folder, state) = started();
    let first = secret_in(&state);
    first_start(&state).unwrap();
    assert_eq!(secret_in(&state), first);
}

#[cfg(unix)]
#[test]
fn what_the_first_start_makes_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, state) = started();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&state), mode(&state.join(FILE))), (0o700, 0o600));
}

#[test]
fn without_a_credential_the_simulator_answers_everything() {
    let (_folder, state) = started();
    let config = load(&state, &[]);
    assert_eq!(provider_of(&config, "gpt-4o-mini").as_deref(), Some("sim"));
    assert_eq!(provider_of(&config, "anything").as_deref(), Some("sim"));
}

#[test]
fn with_a_credential_openai_answers_its_own_models() {
    let (_folder, state) = started();
    let config = load(&state, &[("OPENAI_API_KEY", "sk-real")]);
    let check = |model: &str, expected: Option<&str>| {
        assert_eq!(provider_of(&config, model).as_deref(), expected, "{model}");
    };
    check("gpt-4o-mini", Some("openai"));
    check("o3-mini", Some("openai"));
    check("text-embedding-3-small", Some("openai"));
    check("sim-small", Some("sim"));
    check("claude-sonnet-4-5", None);
}

#[test]
fn gemini_answers_its_own_models_by_either_name_of_its_key() {
    let (_folder, state) = started();
    for name in ["GEMINI_API_KEY", "GOOGLE_API_KEY"] {
        let config = load(&state, &[(name, "AIza-real")]);
        let check = |model: &str, expected: Option<&str>| {
            assert_eq!(provider_of(&config, model).as_deref(), expected, "{model}");
        };
        check("gemini-2.5-flash", Some("gemini"));
        check("sim-small", Some("sim"));
        check("gpt-4o", None);
    }
    let written = Settings::default();
    let found = |env: &[(&str, &str)]| {
        let env = environment(env);
        (gemini(&env, &[], &written), asks(&env, &[], &written))
    };
    let (both, alone) = found(&[("GEMINI_API_KEY", "a"), ("GOOGLE_API_KEY", "b")]);
    assert_eq!(both.map(|gemini| gemini.key), Some("GOOGLE_API_KEY"));
    assert_eq!(alone, Asks::Contents);
    let elsewhere = "https://gemini.example";
    let (there, _) = found(&[
        ("GEMINI_API_KEY", "a"),
        ("GOOGLE_GEMINI_BASE_URL", elsewhere),
    ]);
    assert_eq!(
        there.and_then(|gemini| gemini.base).as_deref(),
        Some(elsewhere)
    );
    let door = "http://127.0.0.1:4100";
    let (here, beside) = found(&[
        ("GEMINI_API_KEY", "a"),
        ("GOOGLE_GEMINI_BASE_URL", door),
        ("ANTHROPIC_API_KEY", "sk-ant-real"),
    ]);
    assert_eq!(here.and_then(|gemini| gemini.base), None);
    assert_eq!(beside, Asks::Messages);
    let (own, _) = found(&[("GEMINI_API_KEY", "tg-of-another-machine")]);
    assert_eq!(own, None);
}

#[test]
fn anthropic_answers_its_own_models_alone_or_beside_another() {
    let (_folder, state) = started();
    let key = ("ANTHROPIC_API_KEY", "sk-ant-real");
    let check = |env: &[(&str, &str)], model: &str, expected: Option<&str>| {
        let config = load(&state, env);
        assert_eq!(provider_of(&config, model).as_deref(), expected, "{model}");
    };
    check(&[key], "claude-sonnet-5-5", Some("claude"));
    check(&[key], "sim-small", Some("sim"));
    check(&[key], "gpt-4o", None);
    let other = [
        key,
        ("OPENAI_API_KEY", "sk-real"),
        ("OPENAI_BASE_URL", "https://llm.example/v1"),
    ];
    check(&other, "claude-sonnet-5-5", Some("claude"));
    check(&other, "llama", Some("openai"));
    let written = Settings::default();
    let base = |base: &str| {
        let env = environment(&[key, ("ANTHROPIC_BASE_URL", base)]);
        claude(&env, &[], &written)
    };
    assert_eq!(base(""), Some(Claude(None)));
    assert_eq!(base("http://127.0.0.1:4100"), Some(Claude(None)));
    let elsewhere = "https://claude.example";
    assert_eq!(base(elsewhere), Some(Claude(Some(elsewhere.to_owned()))));
    let own = environment(&[("ANTHROPIC_API_KEY", "tg-of-another-machine")]);
    assert_eq!(claude(&own, &[], &written), None);
}

#[test]
fn a_key_of_our_own_is_never_taken_for_a_providers() {
    let (_folder, state) = started();
    let own = secret_in(&state);
    let file = state.join(FILE);
    let text = fs::read_to_string(&file).unwrap();
    let hash = config::digest_of("chosen-2");
    let more = format!(
        "keys:\n  - {{ name: own, secret: chosen-1 }}\n  - {{ name: more, hash: \"{hash}\" }}\n"
    );
    fs::write(&file, text.replace("keys:\n", &more)).unwrap();
    let written = config::as_written(&file, &[]);
    let check = |credential: &str, expected: Option<Upstream>| {
        let env = environment(&[("OPENAI_API_KEY", credential)]);
        assert_eq!(upstream(&env, &[], &written), expected, "{credential}");
    };
    check(&own, None);
    check("tg-of-another-machine", None);
    check("chosen-1", None);
    check("chosen-2", None);
    check("", None);
    check(" ", None);
    check("sk-real", Some(Upstream::OpenAi));
}

#[test]
fn a_credential_goes_to_the_host_it_belongs_to_and_never_in_a_circle() {
    let written = Settings {
        listen: vec!["127.0.0.1:4300".to_owned()],
        ..Settings::default()
    };
    let flags = [("listen".to_owned(), "[\"127.0.0.1:4200\"]".to_owned())];
    let check = |base: &str, expected: Upstream| {
        let env = environment(&[("OPENAI_API_KEY", "sk-real"), ("OPENAI_BASE_URL", base)]);
        assert_eq!(upstream(&env, &flags, &written), Some(expected), "{base}");
    };
    for ours in [
        "http://127.0.0.1:4100/v1",
        "http://localhost:4200/v1/",
        "http://[::1]:4300/v1",
        "https://api.openai.com/v1",
        "",
    ] {
        check(ours, Upstream::OpenAi);
    }
    for theirs in [
        "http://127.0.0.1:8000/v1",
        "http://127.0.0.1:430/v1",
        "https://llm.example:4100/v1",
    ] {
        check(theirs, Upstream::Compatible(theirs.to_owned()));
    }
}

#[test]
fn another_host_answers_everything_but_the_simulated_models() {
    let (_folder, state) = started();
    let config = load(
        &state,
        &[
            ("OPENAI_API_KEY", "sk-real"),
            ("OPENAI_BASE_URL", "https://llm.example/v1"),
        ],
    );
    assert_eq!(provider_of(&config, "llama").as_deref(), Some("openai"));
    assert_eq!(provider_of(&config, "sim-small").as_deref(), Some("sim"));
}

#[test]
fn providers_written_in_the_file_go_before_those_of_the_environment() {
    let (_folder, state) = started();
    let file = state.join(FILE);
    let text = fs::read_to_string(&file).unwrap();
    let mine = "providers: { vllm: { kind: openai-compatible, base_url: \"http://127.0.0.1:8000/v1\" } }\nmodels: [ { name: \"*\", provider: vllm } ]\n";
    fs::write(&file, format!("{text}{mine}")).unwrap();
    let config = load(&state, &[("OPENAI_API_KEY", "sk-real")]);
    assert_eq!(provider_of(&config, "gpt-4o").as_deref(), Some("vllm"));
}

#[test]
fn the_settings_suggested_in_comments_are_good_ones() {
    let (_folder, state) = started();
    let file = state.join(FILE);
    fs::write(state.join("openai.key"), "sk-file").unwrap();
    fs::write(state.join("claude.key"), "sk-ant-file").unwrap();
    fs::write(state.join("gemini.key"), "AIza-file").unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let mut uncommented = String::new();
    for line in text.lines() {
        let is_setting =
            line.contains('{') || line.starts_with("# providers:") || line.starts_with("# models:");
        let line = if is_setting {
            line.replacen("# ", "", 1)
        } else {
            line.to_owned()
        };
        uncommented.push_str(&line);
        uncommented.push('\n');
    }
    fs::write(&file, uncommented).unwrap();
    let config = load(&state, &[]);
    assert_eq!(
        (
            config.providers.len(),
            config.routes.len(),
            config.budgets.len()
        ),
        (5, 5, 2)
    );
}

#[test]
fn what_is_printed_can_be_pasted() {
    let (_folder, state) = started();
    let file = state.join(FILE);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(&secret_in(&state), "tg-EXAMPLE")).unwrap();
    let started = Started {
        listen: vec![
            "unix:/run/tollgate.sock".to_owned(),
            "0.0.0.0:4100".to_owned(),
        ],
        admin: Some(SocketAddr::from(([127, 0, 0, 1], 4101))),
        simulated: true,
        state_dir: ".tollgate".into(),
        panel: Some(app::HomePanel {
            url: "https://127.0.0.1:4102".to_owned(),
            ca: String::new(),
            token: crate::secret::Secret::new("tgp_canary".to_owned()),
        }),
    };
    let written = config::as_written(&file, &[]);
    // Whoever is logged in elsewhere would stop the wrong panel by the line that is pasted.
    let logged_in = ("tollgate", "", Some("https://panel.example:4102"));
    let told = announcement(
        &started,
        Path::new("up.yaml"),
        &written,
        logged_in,
        Asks::Chat,
    );
    assert!(!told.contains("Watch it") && told.contains("ask https://panel.example:4102"));
    insta::assert_snapshot!(announcement(
        &started,
        Path::new(".tollgate/up.yaml"),
        &written,
        ("tollgate", "", None),
        Asks::Chat
    ));
    let file = Path::new("up.yaml");
    let told = announcement(
        &started,
        file,
        &written,
        ("tollgate", "", None),
        Asks::Messages,
    );
    assert!(
        told.contains("/v1/messages -H 'x-api-key: tg-EXAMPLE'"),
        "{told}"
    );
}

#[test]
fn other_commands_are_told_by_the_name_and_for_the_gateway_of_this_start() {
    let started = Started {
        listen: vec!["127.0.0.1:4100".to_owned()],
        admin: None,
        simulated: true,
        state_dir: "/tmp/t".into(),
        panel: None,
    };
    let again = ("target/release/tollgate", " --state-dir /tmp/t", None);
    let file = Path::new("/tmp/t/up.yaml");
    let told = announcement(&started, file, &Settings::default(), again, Asks::Chat);
    for command in ["key new ci --label team=red", "ledger show"] {
        let line = format!("target/release/tollgate {command} --state-dir /tmp/t\n");
        assert!(told.contains(&line), "{line}{told}");
    }
}

#[test]
fn a_program_found_by_name_is_called_by_name_and_another_by_its_path() {
    let check = |called: &str, expected: &str| {
        assert_eq!(program(Some(called.into())), expected);
    };
    check("tollgate", "tollgate");
    check("target/release/tollgate", "target/release/tollgate");
    check("./tollgate", "./tollgate");
    assert_eq!(program(None), "tollgate");
}

#[test]
fn a_door_is_told_as_a_program_reaches_it() {
    let check = |listen: &str, expected: Option<&str>| {
        assert_eq!(base_url(listen).as_deref(), expected, "{listen}");
    };
    check("127.0.0.1:4100", Some("http://127.0.0.1:4100"));
    check("0.0.0.0:80", Some("http://127.0.0.1:80"));
    check("[::]:4100", Some("http://[::1]:4100"));
    check("https://gate.internal/", Some("https://gate.internal"));
    check("unix:/run/tollgate.sock", None);
}

#[test]
fn addresses_of_either_family_can_be_given_as_flags() {
    let (_folder, state) = started();
    let line = [
        "tollgate",
        "--listen",
        "[::1]:4200",
        "--listen",
        "127.0.0.1:4200",
        "--admin-listen",
        "[::1]:4201",
    ];
    let command = Flags::augment_args(clap::Command::new("tollgate"));
    let flags = Flags::from_arg_matches(&command.get_matches_from(line)).unwrap();
    let config = config::load(&sources(&state, flags.settings(None), Vec::new())).unwrap();
    assert_eq!(config.listen.len(), 2);
    assert_eq!(config.admin_listen, "[::1]:4201".parse().ok());
}
