use super::*;
use crate::config::{self, Config, Sources};
use std::fmt::Write as _;
use std::fs;

/// A file of `golden/`, converted.
fn golden(name: &str) -> Imported {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/config/litellm/golden")
        .join(name);
    import(&file, Some("prices.yaml")).unwrap()
}

/// What the result means to tollgate.
fn loaded(imported: &Imported) -> Config {
    let folder = tempfile::tempdir().unwrap();
    if let Some(prices) = &imported.prices {
        let file = folder.path().join("prices.yaml");
        fs::write(&file, prices).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    let value = |name: &String, what: &Variable| match what {
        Variable::Secret => format!("sk-{name}"),
        Variable::Address => "http://127.0.0.1:9/v1".to_owned(),
    };
    let sources = Sources {
        text: Some((folder.path().join("tollgate.yaml"), imported.config.clone())),
        env: imported
            .variables
            .iter()
            .map(|(name, what)| (name.clone(), value(name, what)))
            .collect(),
        ..Sources::default()
    };
    config::load(&sources).unwrap_or_else(|faults| panic!("{faults}\n{}", imported.config))
}

/// Everything that came of it, as one text.
fn told(imported: &Imported) -> String {
    let mut text = imported.config.clone();
    if let Some(prices) = &imported.prices {
        let _ = write!(text, "--- prices.yaml\n{prices}");
    }
    text.push_str("--- notes\n");
    for note in &imported.notes {
        let _ = writeln!(
            text,
            "{}:{} {:?} {}: {}",
            note.line, note.column, note.fate, note.what, note.why
        );
        let _ = writeln!(text, "  {}", note.help);
    }
    text
}

#[test]
fn every_golden_is_converted_to_what_tollgate_loads() {
    for name in [
        "quickstart",
        "azure",
        "local",
        "budgets",
        "secrets",
        "wildcards",
    ] {
        let imported = golden(&format!("{name}.yaml"));
        insta::assert_snapshot!(name, told(&imported));
        let config = loaded(&imported);
        assert_eq!(config.routes.len(), imported.models, "{name}");
    }
}

#[test]
fn no_secret_is_copied_and_each_is_told() {
    let imported = golden("secrets.yaml");
    let all = told(&imported);
    assert!(!all.contains("in-clear"), "{all}");
    let secrets = imported
        .notes
        .iter()
        .filter(|note| note.fate == Fate::Secret);
    assert_eq!(secrets.count(), 4);
    let names: Vec<&str> = imported.variables.keys().map(String::as_str).collect();
    assert!(
        names.contains(&"OPENAI_API_KEY") && names.contains(&"OPENAI_API_KEY_2"),
        "{names:?}"
    );
}

#[test]
fn prices_budgets_and_limits_mean_what_they_meant() {
    let config = loaded(&golden("budgets.yaml"));
    let rate = config.prices.rate("compatible", "house-long-1").unwrap();
    assert_eq!(rate.base.input.to_string(), "1.25");
    assert_eq!(rate.base.cached_input.to_string(), "0.3125");
    assert_eq!(rate.tiers[0].classes.output.to_string(), "15.00");
    let budgets: Vec<(String, String)> = (config.budgets.iter())
        .map(|budget| (budget.name.to_string(), budget.limit.to_string()))
        .collect();
    let expected = [
        ("litellm", "1000.00"),
        ("team-red", "250.50"),
        ("team-blue", "20.00"),
        ("key-ci", "5.00"),
    ];
    let expected: Vec<(String, String)> = (expected.iter())
        .map(|(name, limit)| ((*name).to_owned(), (*limit).to_owned()))
        .collect();
    assert_eq!(budgets, expected);
    let retries = loaded(&golden("azure.yaml")).retries;
    assert_eq!(retries.attempts, 3);
}

#[test]
fn every_key_of_a_file_is_converted_or_noted() {
    // Keys that nobody knows, on every level.
    let text = "model_list:\n  - model_name: a\n    unheard: 1\n    litellm_params: { model: openai/a, unheard: 1 }\n    model_info: { unheard: 1 }\n\
                router_settings: { unheard: 1 }\nlitellm_settings: { unheard: 1 }\ngeneral_settings: { unheard: 1 }\n\
                teams: [{ team_id: t, unheard: 1 }]\nkeys: [{ key_alias: k, key: os.environ/K, unheard: 1 }]\nunheard: 1\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let imported = import(file.path(), None).unwrap();
    let unheard = imported
        .notes
        .iter()
        .filter(|note| note.what.ends_with("unheard"));
    assert_eq!(
        unheard.count(),
        text.matches("unheard").count(),
        "{:?}",
        imported.notes
    );
    loaded(&imported);
}

#[test]
fn what_is_no_configuration_is_refused_at_its_place_and_nothing_is_copied_into_what_is_not_closed()
{
    let import_text = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        import(file.path(), None)
    };
    let faults = import_text("model_list: [\n").unwrap_err();
    assert_eq!(faults.0[0].code, "yaml");
    let faults = import_text("a: &x 1\nb: *x\n").unwrap_err();
    assert!(
        faults
            .0
            .iter()
            .any(|fault| (fault.line, fault.code) == (2, "alias"))
    );
    assert_eq!(import_text("{}\n").unwrap().models, 0);
    // What looks like a reference of ours is none.
    let imported = import_text("model_list:\n  - model_name: \"${HOME}\"\n    litellm_params: { model: openai/x, api_key: os.environ/K }\n  - model_name: file:/etc/passwd\n    litellm_params: { model: openai/x }\n  - model_name: c\n    litellm_params: { model: openai/x, api_base: \"http://${HOME}/v1\" }\n").unwrap();
    assert_eq!(imported.models, 1);
    let config = loaded(&imported);
    assert_eq!(config.routes[0].pattern.as_str(), "${HOME}");
}

#[test]
fn what_bounds_a_model_bounds_its_other_names_and_no_provider_is_left_that_nothing_goes_to() {
    let imported = golden("azure.yaml");
    let config = loaded(&imported);
    let limit = config
        .limits
        .iter()
        .find(|limit| &*limit.name == "gpt-4o-limit");
    assert!(limit.is_some());
    assert!(
        imported
            .config
            .contains(r#"match: { model: ["gpt-4o", "gpt-4", "smart"] }, rpm: 600"#),
        "{}",
        imported.config
    );
    let names: Vec<&str> = config.providers.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["azure", "azure-2", "mistral", "openai"]);
    for place in 0..names.len() {
        let mut targets = config.routes.iter().flat_map(|route| &route.targets);
        assert!(targets.any(|target| target.provider == place));
    }
}
