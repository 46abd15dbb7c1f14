use super::super::{Cli, Command as Any};
use super::*;
use clap::Parser as _;
use std::fs;

/// A state directory and what `tollgate key` says about it.
struct State(tempfile::TempDir);

impl State {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn key(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let dir = self.dir();
        let mut line = vec!["tollgate", "key"];
        line.extend(arguments);
        line.extend(["--state-dir", dir.to_str().unwrap()]);
        let Any::Key(args) = Cli::try_parse_from(line)?.command else {
            panic!("not `key`")
        };
        let mut out = Vec::new();
        run(args, &[], &mut out)?;
        Ok(String::from_utf8(out)?)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        serde_json::from_str(&self.key(&all).unwrap()).unwrap()
    }

    /// The digests a gateway would read.
    fn hashes(&self) -> Vec<String> {
        let store = KeyFile::read(&self.dir().join(STORE)).unwrap();
        store.keys.into_iter().filter_map(|key| key.hash).collect()
    }
}

#[test]
fn a_new_key_is_shown_once_and_kept_as_a_digest() {
    let state = State::new();
    let arguments = [
        "new",
        "ci",
        "--label",
        "team=red",
        "--label",
        "groups=a",
        "--models",
        "gpt-*,sim-*",
        "--expires",
        "2027-01-31",
    ];
    let secret = state.key(&arguments).unwrap().trim().to_owned();
    assert!(is_ours(&secret) && secret.len() == 46, "{secret}");
    let text = fs::read_to_string(state.dir().join(STORE)).unwrap();
    assert!(!text.contains(&secret));
    assert_eq!(state.hashes(), [config::digest_of(&secret)]);
    let list = state.json(&["list"]);
    assert_eq!(list[0]["labels"], json!({ "team": "red", "groups": ["a"] }));
    assert_eq!(list[0]["models"], json!(["gpt-*", "sim-*"]));
    assert_eq!(list[0]["expires"], json!("2027-01-31"));
    assert!(!list.to_string().contains(&secret) && !list.to_string().contains("sha256"));
}

#[test]
fn a_gateway_loads_the_keys_that_were_made() {
    let state = State::new();
    let secret = state.key(&["new", "ci"]).unwrap();
    let sources = config::Sources {
        keys_file: Some(state.dir().join(STORE)),
        text: Some((
            PathBuf::from("t.yaml"),
            "providers: { sim: { kind: simulator } }".to_owned(),
        )),
        ..config::Sources::default()
    };
    let config = config::load(&sources).unwrap();
    assert_eq!(config.key_with_secret(secret.trim()), Some("ci"));
}

#[test]
fn other_keys_stay_as_they_are() {
    let state = State::new();
    state.key(&["new", "a"]).unwrap();
    state.key(&["new", "b", "--label", "team=red"]).unwrap();
    let before = state.hashes();
    let rotated = state.json(&["rotate", "a"]);
    let after = state.hashes();
    assert_ne!(before[0], after[0]);
    assert_eq!(
        (before[1].as_str(), rotated["hash"].as_str()),
        (after[1].as_str(), Some(after[0].as_str()))
    );
    state.key(&["revoke", "a"]).unwrap();
    assert_eq!(state.hashes(), [before[1].as_str()]);
    assert_eq!(state.json(&["list"])[0]["labels"], json!({ "team": "red" }));
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let state = State::new();
    state.key(&["new", "a"]).unwrap();
    let before = state.hashes();
    let check = |arguments: &[&str], says: &str| {
        let error = state.key(arguments).expect_err("refused");
        assert!(format!("{error:#}").contains(says), "{error:#}");
    };
    check(&["new", "a"], "there is a key `a` already");
    check(&["new", "b", "--label", "team"], "write it like `team=red`");
    check(&["new", "b", "--label", "teem=red"], "no label `teem`");
    check(
        &["new", "b", "--label", "team=red", "--label", "team=blue"],
        "given twice",
    );
    check(&["new", "b", "--expires", "soon"], "not a date");
    check(&["revoke", "b"], "it holds a");
    check(&["rotate", "b"], "it holds a");
    assert_eq!(state.hashes(), before);
}

#[test]
fn a_key_written_by_hand_is_changed_by_hand() {
    let state = State::new();
    config::private_folder(&state.dir()).unwrap();
    let file = state.dir().join("up.yaml");
    config::write_private(&file, "keys: [ { name: dev, secret: \"tg-0\" } ]\n").unwrap();
    for command in ["new", "revoke", "rotate"] {
        let error = state.key(&[command, "dev"]).expect_err(command);
        assert!(error.to_string().contains("up.yaml"), "{error}");
    }
    assert_eq!(state.json(&["list"])[0]["name"], json!("dev"));
    assert!(state.key(&["list"]).unwrap().contains("dev"));
}

#[test]
fn secrets_differ_and_are_letters_and_digits() {
    let (one, two) = (secret().unwrap(), secret().unwrap());
    assert_ne!(one, two);
    assert!(
        one.strip_prefix(PREFIX)
            .unwrap()
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric())
    );
}
