//! The control panel's own file, `panel.yaml`: read, layered and checked as a gateway's is.

use super::Sources;
use super::document::Document;
use super::fault::Faults;
use super::layer::overlay;
use super::read::{Reader, read};
use super::yaml;
use crate::control::settings::{Control, ControlSettings};
use crate::settings::Report;
use std::cell::RefCell;
use std::path::Path;

const DEFAULTS: &str = "(built-in defaults)";

/// Loads a panel's configuration.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_panel(sources: &Sources) -> Result<Control, Faults> {
    let mut reader = Reader::new(&sources.env);
    let root = match &sources.file {
        Some(file) => reader.yaml(file, None),
        None => reader.text(Path::new(DEFAULTS), "").1,
    };
    let Some(mut root) = root else {
        reader.places.finish()?;
        // A file without a tree gave a fault; there is nothing else to go by.
        let complaints = RefCell::default();
        return Ok(ControlSettings::default().compile(&Report::new(&complaints)));
    };
    let file = root.place;
    // `TOLLGATE__…` variables are a gateway's: both may run with one environment.
    overlay(&mut root, &[], &sources.flags, &mut reader.places);
    let mut document = Document::new(root, &mut reader);
    let settings: ControlSettings = document.settings(&mut reader);
    let mut control = settings.compile(&document.report());
    reader.secret(&document.root, &["vault", "key"]);
    if settings.has_password() {
        reader.secret(&document.root, &["store"]);
    }
    for index in 0..settings.vault.previous.len() {
        reader.secret(&document.root, &["vault", "previous", &index.to_string()]);
    }
    reader.secret(&document.root, &["sign_in", "oidc", "client_secret"]);
    let written = ["state_dir".into()];
    let (node, steps) = document.root.walk(&written);
    let place = if steps == 1 { node.place } else { file };
    control.state_dir = reader.places.resolve(place.source, &control.state_dir);
    document.finish(&mut reader);
    reader.places.finish()?;
    Ok(control)
}

/// Whether a file is a panel's rather than a gateway's, by its keys, or its name where it has none that tell.
#[must_use]
pub fn is_panel(file: &Path) -> bool {
    let Ok((bytes, _)) = read(file) else {
        return false;
    };
    let mut reader = Reader::new(&[]);
    let source = reader.places.add(file, Path::new(""));
    let text = String::from_utf8_lossy(&bytes);
    let Some(root) = yaml::parse(&text, source, &mut reader.places) else {
        return is_named(file);
    };
    let has = |keys: &[&str]| keys.iter().any(|key| root.get(key).is_some());
    let is_gateways = has(&[
        "providers",
        "models",
        "keys",
        "budgets",
        "limits",
        "policies",
        "panel",
    ]);
    !is_gateways
        && (has(&[
            "leases",
            "names",
            "store",
            "certificate_lifetime",
            "vault",
            "sign_in",
        ]) || is_named(file))
}

fn is_named(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "panel.yaml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn load(text: &str) -> Result<Control, Faults> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("panel.yaml");
        fs::write(&file, text).expect("a file");
        assert!(is_panel(&file), "{text}");
        load_panel(&Sources {
            file: Some(file),
            ..Sources::default()
        })
    }

    #[test]
    fn the_panel_we_ship_an_example_of_loads() {
        let control = load(include_str!("../../config/panel.yaml")).expect("a panel");
        let names = ["127.0.0.1", "::1", "localhost", "panel.example"];
        assert_eq!(control.names, names);
        assert!(control.state_dir.ends_with(".tollgate-panel") && control.state_dir.is_absolute());
    }

    #[test]
    fn an_address_with_a_password_is_for_the_owner_of_the_file_alone() {
        let code = |store: &str| {
            let loaded = load(&format!("store: \"{store}\"\n"));
            loaded.err().map(|faults| faults.0[0].code)
        };
        assert_eq!(code("postgres://t@localhost/panel"), None);
        let secret = Some("readable_secret");
        assert_eq!(code("postgres://t:hunter2@localhost/panel"), secret);
        assert_eq!(
            code("postgres://t@localhost/panel?password=hunter2"),
            secret
        );
    }

    #[test]
    fn faults_have_their_place() {
        let faults = load("listen: here\nleases: { valid_fro: 1m }\n").expect_err("faults");
        let told: Vec<_> = faults
            .0
            .iter()
            .map(|fault| (fault.line, fault.column))
            .collect();
        assert_eq!(told, [(1, 9), (2, 11)], "{faults}");
    }

    #[test]
    fn a_key_of_the_vault_that_could_be_guessed_is_told_at_its_place_and_not_shown() {
        let check = |text: &str, expected: (u32, u32, &str)| {
            let faults = load(text).expect_err("a fault");
            let told = faults.0.iter();
            let mut told = told.map(|fault| (fault.line, fault.column, fault.code));
            assert!(told.any(|fault| fault == expected), "{faults}");
            let words = faults.to_string();
            assert!(!words.contains("hunter2"), "{words}");
        };
        check("vault: { key: hunter2hunter2 }\n", (1, 15, "vault_key"));
        check("vault:\n  previous: [AAAA]\n", (2, 14, "vault_key"));
        check("vault: { lifetime: 1s }\n", (1, 20, "duration"));
        check("vault: { kye: x }\n", (1, 10, "unknown_key"));
        let folder = tempfile::tempdir().expect("a folder");
        let (file, key) = (
            folder.path().join("panel.yaml"),
            "DTKjN1t8ZqzuaUH3RQ9EqT0hOVkK3DAmcJrRvl7y3Qg=",
        );
        fs::write(folder.path().join("key"), format!("{key}\n")).expect("a key");
        fs::write(&file, "vault: { key: \"${KEY}\", previous: file:key }\n").expect("a file");
        let sources = Sources {
            file: Some(file.clone()),
            env: vec![("KEY".to_owned(), key.to_owned())],
            ..Sources::default()
        };
        let vault = load_panel(&sources).expect("a panel").vault;
        assert_eq!(vault.key.as_ref(), vault.previous.first());
        // Written out, in a file that others may read.
        fs::write(&file, format!("vault: {{ key: {key} }}\n")).expect("a file");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(&file, open).expect("a mode");
        let faults = load_panel(&sources).expect_err("a fault");
        assert_eq!(
            faults.0.first().map(|fault| fault.code),
            Some("readable_secret")
        );
        assert!(!faults.to_string().contains(key), "{faults}");
    }

    #[test]
    fn the_schema_has_everything_that_may_be_written() {
        let schema = crate::config::panel_schema();
        let shown = serde_json::to_string_pretty(&schema).expect("JSON");
        insta::assert_snapshot!("panel_schema", shown);
    }

    #[test]
    fn a_providers_secret_is_told_of_at_its_place_and_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("panel.yaml");
        let oidc = "url: https://panel.example\nsign_in:\n  oidc:\n    issuer: https://login.example\n    client_id: tollgate\n";
        let sources = Sources {
            file: Some(file.clone()),
            env: vec![("SSO".to_owned(), "hunter2".to_owned())],
            ..Sources::default()
        };
        let open = || std::os::unix::fs::PermissionsExt::from_mode(0o644);
        let write = |more: &str| {
            fs::write(&file, format!("{oidc}{more}")).expect("a file");
            fs::set_permissions(&file, open()).expect("a mode");
            load_panel(&sources)
        };
        let control = write("    client_secret: \"${SSO}\"\n").expect("a panel");
        let secret = control.oidc.expect("a provider").client_secret;
        assert_eq!(
            secret,
            Some(crate::secret::Secret::new("hunter2".to_owned()))
        );
        let check = |more: &str, expected: (u32, u32, &str)| {
            let faults = write(more).expect_err("a fault");
            let told = faults.0.first();
            let told = told.map(|fault| (fault.line, fault.column, fault.code));
            assert_eq!(told, Some(expected), "{faults}");
            assert!(!faults.to_string().contains("hunter2"), "{faults}");
        };
        check("    client_secret: hunter2\n", (6, 20, "readable_secret"));
        check("    client_secert: x\n", (6, 5, "unknown_key"));
        check("    scopes: [email]\n", (6, 13, "oidc_scopes"));
        fs::write(&file, "sign_in: { oidc: { client_id: x } }\n").expect("a file");
        let faults = load_panel(&sources).expect_err("a fault");
        assert!(faults.to_string().contains("issuer"), "{faults}");
    }

    #[test]
    fn a_gateways_file_is_not_taken_for_a_panels() {
        for example in ["tollgate.yaml", "minimal.yaml"] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("config")
                .join(example);
            assert!(!is_panel(&file), "{example}");
        }
    }
}
