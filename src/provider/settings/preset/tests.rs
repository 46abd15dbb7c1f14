use super::*;
use crate::provider::settings::{Kind, Provider};
use std::cell::RefCell;

fn settings(text: Value) -> ProviderSettings {
    serde_json::from_value(text).unwrap()
}

/// What it means, and the codes of what is wrong with it.
fn meant(text: Value) -> (Option<Provider>, Vec<&'static str>) {
    let complaints = RefCell::default();
    let provider = settings(text).compile("up", &Report::new(&complaints));
    let codes = complaints.into_inner().iter().map(|one| one.code).collect();
    (provider, codes)
}

#[test]
fn every_word_is_one_kind_and_no_other_is() {
    for (index, word) in NAMES.iter().enumerate() {
        assert!(!NAMES.iter().skip(index + 1).any(|other| other == word));
        let kind = settings(json!({ "kind": word })).kind;
        let found = match kind {
            KindSettings::Preset(preset) => Some(preset.name),
            _ => None,
        };
        let expected = PRESETS.iter().find(|preset| preset.name == *word);
        assert_eq!(found, expected.map(|preset| preset.name), "{word}");
    }
    let error = serde_json::from_value::<ProviderSettings>(json!({ "kind": "grok" }));
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("`grok`") && error.contains("`groq`"),
        "{error}"
    );
}

#[test]
fn the_schema_has_a_word_for_each_that_is_served() {
    let schema = schemars::schema_for!(KindSettings);
    let words: Vec<&str> = schema.as_value()["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word["const"].as_str().unwrap())
        .collect();
    for preset in PRESETS {
        assert!(words.contains(&preset.name), "{words:?}");
    }
    assert!(words.contains(&"openai-compatible"), "{words:?}");
}

#[test]
fn a_preset_is_where_its_vendor_is_unless_told_otherwise() {
    for preset in PRESETS {
        let (provider, codes) = meant(json!({ "kind": preset.name }));
        let Some(own) = preset.base else {
            assert_eq!(codes, ["provider_without_url"], "{}", preset.name);
            assert!(Base::read(preset.example).is_some());
            continue;
        };
        assert_eq!(codes, [""; 0], "{}", preset.name);
        let provider = provider.unwrap();
        assert_eq!(provider.kind, Kind::Compatible);
        assert_eq!(provider.base, Base::read(own));
        assert!(provider.base.is_some());
        assert_eq!(provider.habits, preset.habits);
        let elsewhere = "http://127.0.0.1:9/x/v1";
        let (provider, _) = meant(json!({ "kind": preset.name, "base_url": elsewhere }));
        assert_eq!(provider.unwrap().base, Base::read(elsewhere));
    }
}

#[test]
fn at_azure_only_the_address_without_deployments_is_called() {
    let check = |base: &str, expected: &[&str]| {
        let (_, codes) = meant(json!({ "kind": "azure-openai", "base_url": base }));
        assert_eq!(codes, expected, "{base}");
    };
    check("https://acme.openai.azure.com/openai/v1", &[]);
    check("https://acme.openai.azure.com/openai/v1/", &[]);
    check("https://acme.services.ai.azure.com/openai/v1", &[]);
    check("https://gateway.acme.example/llm/v1", &[]);
    check("https://acme.openai.azure.com", &["azure_address"]);
    check("https://acme.openai.azure.com/openai", &["azure_address"]);
    check(
        "https://gateway.acme.example/openai/deployments/gpt-4o",
        &["azure_address"],
    );
}

#[test]
fn a_version_of_the_api_is_refused_with_the_address_that_needs_none() {
    for kind in ["azure-openai", "openai-compatible"] {
        let complaints = RefCell::default();
        let text = json!({ "kind": kind, "base_url": "https://gateway.example/v1", "api_version": "2024-10-21" });
        let _ = settings(text).compile("up", &Report::new(&complaints));
        let complaints = complaints.into_inner();
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert_eq!(complaints[0].code, "api_version_not_supported");
        assert!(complaints[0].help.as_ref().unwrap().contains("/openai/v1"));
    }
}
