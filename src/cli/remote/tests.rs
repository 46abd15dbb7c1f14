//! Commands against a real panel: its router, its books and its bank behind a TLS socket of this machine.

mod rig;
mod whole;

use super::names::pick;
use super::*;
use rig::Rig;
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;

fn told(fault: anyhow::Error) -> String {
    format!("{:#}", failed(fault).error)
}

#[test]
fn a_login_is_for_its_owner_alone_and_is_refused_where_others_can_read_it() {
    let rig = Rig::new();
    rig.first_admin();
    let file = rig.home.path().join("tollgate/login.json");
    let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = failed(rig.run("node list").unwrap_err());
    assert_eq!(refused.code, crate::cli::UNREADABLE);
    let words = format!("{:#}", refused.error);
    assert!(
        words.contains("chmod 600") && !words.contains("tgs_"),
        "{words}"
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, "{ \"token\": tgs_oops }").unwrap();
    let words = told(rig.run("node list").unwrap_err());
    assert!(
        words.contains("not a login") && !words.contains("oops"),
        "{words}"
    );
}

#[test]
fn a_stored_token_goes_to_no_other_panel_and_the_environment_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let env = |more: &[(&str, &str)]| {
        let home = ("XDG_CONFIG_HOME", folder.path().to_str().unwrap());
        let all = std::iter::once(&home).chain(more);
        let all = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        all.collect::<Vec<_>>()
    };
    assert!(matches!(whereabouts(&env(&[])), Err(Fault::NotLoggedIn)));
    let stored = Login {
        url: "https://one.example:4102".to_owned(),
        ca: Some("its own".to_owned()),
        token: Secret::new("tgs_one".to_owned()),
        email: None,
    };
    // Of a folder one stands in only a panel on this machine is believed.
    let state = folder.path().join("state");
    let at = [("TOLLGATE__STATE_DIR", state.to_str().unwrap())];
    stored.keep(&state.join("login.json")).unwrap();
    assert!(matches!(whereabouts(&env(&at)), Err(Fault::NotLoggedIn)));
    for url in ["https://127.0.0.1:4102", "https://[::1]:4102"] {
        let url = url.to_owned();
        let here = Login {
            url,
            ca: None,
            email: None,
            token: stored.token.clone(),
        };
        here.keep(&state.join("login.json")).unwrap();
        assert_eq!(whereabouts(&env(&at)).unwrap().url, here.url);
    }
    stored.store(&env(&[])).unwrap();
    let check = |more: &[(&str, &str)], expected: Option<(&str, &str, Option<&str>)>| {
        let found = whereabouts(&env(more)).ok();
        let found = found.as_ref().map(|login| {
            (
                login.url.as_str(),
                login.token.expose().as_str(),
                login.ca.as_deref(),
            )
        });
        assert_eq!(found, expected, "{more:?}");
    };
    let one = "https://one.example:4102";
    check(&[], Some((one, "tgs_one", Some("its own"))));
    check(
        &[(URL, "https://one.example:4102/")],
        Some((one, "tgs_one", Some("its own"))),
    );
    check(&[(TOKEN, "tgp_ci")], Some((one, "tgp_ci", Some("its own"))));
    check(&[(URL, "https://two.example")], None);
    check(
        &[(URL, "https://two.example"), (TOKEN, "tgp_ci")],
        Some(("https://two.example", "tgp_ci", None)),
    );
    check(&[(URL, "http://one.example:4102"), (TOKEN, "tgp_ci")], None);
    check(&[(CA, "/nowhere/panel-ca.pem")], None);
}

#[test]
fn an_address_is_a_name_and_a_port_over_tls() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(address(text).ok().as_deref(), expected, "{text}");
    };
    check(
        "https://panel.example:4102/",
        Some("https://panel.example:4102"),
    );
    check(" https://[::1]:4102", Some("https://[::1]:4102"));
    check("http://panel.example", None);
    check("panel.example:4102", None);
    check("https://panel.example/api", None);
    check("https://ada:secret@panel.example", None);
    check("https://panel.example?x=1", None);
}

#[test]
fn who_is_not_known_to_be_the_panel_is_told_with_what_to_pass() {
    let rig = Rig::new();
    let line = Line::new(&rig.url, None, None).unwrap();
    let fault = line.send(Method::GET, "me", None, None).unwrap_err();
    let words = fault.to_string();
    assert!(matches!(fault, Fault::Untrusted { .. }), "{words}");
    assert!(words.contains("panel-ca.pem"), "{words}");
    let other = rig.url.replace("localhost", "127.0.0.1");
    let line = Line::new(&other, Some(&rig.ca), None).unwrap();
    let words = line
        .send(Method::GET, "me", None, None)
        .unwrap_err()
        .to_string();
    assert!(words.contains("for other names"), "{words}");
    let line = Line::new("https://127.0.0.1:1", None, None).unwrap();
    let words = line
        .send(Method::GET, "me", None, None)
        .unwrap_err()
        .to_string();
    assert_eq!(
        words,
        "cannot reach the panel at https://127.0.0.1:1: nobody listens there"
    );
}

#[test]
fn a_write_whose_answer_was_lost_is_sent_again_and_done_once() {
    let rig = Rig::new();
    rig.first_admin();
    rig.lose_next_answer();
    let made = rig.json("node new acme --json");
    assert_eq!(made["path"], "acme");
    assert_eq!(rig.lost(), 1);
    assert_eq!(rig.json("node list --json").as_array().unwrap().len(), 1);
    // Somebody else's password is not tried twice.
    rig.lose_next_answer();
    let line = Line::new(&rig.url, Some(&rig.ca), None).unwrap();
    let body = json!({ "email": "ada@example.com", "password": "wrong password" });
    let fault = line
        .send(Method::POST, "sessions", Some(&body), None)
        .unwrap_err();
    assert!(matches!(fault, Fault::Unreachable { .. }), "{fault}");
    assert_eq!(rig.lost(), 2);
}

fn nodes() -> Vec<Value> {
    let node = |id: &str, path: &str| {
        let name = path.rsplit('/').next().unwrap();
        json!({ "id": id, "path": path, "name": name })
    };
    vec![
        node("node_0a1b2c3d", "acme"),
        node("node_0a1b2c3e", "acme/red"),
        node("node_0a1b2c3f", "acme/red/atlas"),
        node("node_0a1b2c40", "acme/blue/atlas"),
    ]
}

#[test]
fn a_thing_is_meant_by_id_path_name_or_the_end_of_its_id() {
    let check = |called: &str, expected: &str| {
        let found = pick(Kind::Node, called, "node", nodes());
        assert_eq!(found.unwrap()["path"], expected, "{called}");
    };
    check("node_0a1b2c3f", "acme/red/atlas");
    check("acme/red/atlas", "acme/red/atlas");
    check("/acme/red/", "acme/red");
    check("red", "acme/red");
    check("1b2c40", "acme/blue/atlas");
    let key = |id: &str, state: &str| json!({ "id": id, "path": "acme/red", "name": "ci", "state": state });
    let keys = vec![key("key_old", "revoked"), key("key_new", "active")];
    assert_eq!(pick(Kind::Key, "ci", "key", keys).unwrap()["id"], "key_new");
    let budget = |window: &str| json!({ "id": window, "name": format!("acme/red {window}"), "window": window });
    let budgets = vec![budget("1d"), budget("1mo")];
    let found = pick(Kind::Budget, "acme/red 1mo", "budget", budgets.clone());
    assert_eq!(found.unwrap()["id"], "1mo");
    assert!(matches!(
        pick(Kind::Budget, "acme/red", "budget", budgets),
        Err(Fault::Ambiguous(_))
    ));
}

#[test]
fn a_name_of_several_things_or_of_none_is_told_with_those_that_are_near() {
    let words = |called: &str| {
        let fault = pick(Kind::Node, called, "node", nodes());
        fault.unwrap_err().to_string()
    };
    insta::assert_snapshot!(words("atlas"), @r"
    `atlas` names 2 nodes: say which, by its full name or its id
      node_0a1b2c3f  acme/red/atlas
      node_0a1b2c40  acme/blue/atlas
    ");
    insta::assert_snapshot!(words("acme/red/atals"), @r"
    there is no node `acme/red/atals`
      nearest: `acme/red/atlas`, `acme/blue/atlas`, `acme/red`
    ");
    insta::assert_snapshot!(words("something/else/altogether"), @r"
    there is no node `something/else/altogether`
      known: `acme/blue/atlas`, `acme/red/atlas`, `acme/red`, `acme`
    ");
    let none = pick(Kind::Gateway, "edge", "gateway", Vec::new());
    insta::assert_snapshot!(none.unwrap_err(), @"there is no gateway `edge`: there is none at all that you may see");
}

#[test]
fn a_refusal_is_told_with_its_fields_its_code_and_what_to_do() {
    let words = |problem: Value| {
        let problem: problem::Problem = serde_json::from_value(problem).unwrap();
        Fault::Refused(problem).to_string()
    };
    insta::assert_snapshot!(words(json!({
        "type": "urn:x", "title": "Unprocessable", "status": 422, "detail": "some fields are not as they should be",
        "code": "invalid", "errors": [{ "field": "tz", "detail": "an IANA time zone" }, { "field": "soft", "detail": "\u{1b}[2J" }],
    })), @r"
    some fields are not as they should be (invalid)
      tz: an IANA time zone
      soft: �[2J
    ");
    insta::assert_snapshot!(words(json!({
        "type": "urn:x", "title": "Gone", "status": 503, "detail": "the change is stored", "code": "not_in_force", "instance": "req_1",
    })), @r"
    the change is stored (not_in_force)
      help: it need not be repeated
      in the panel's log: req_1
    ");
}

#[test]
fn a_table_is_as_wide_as_it_needs() {
    let mut table = show::Table::new(&["NAME", ">HELD"]);
    table.row(["edge-1".to_owned(), "$0.40".to_owned()]);
    table.row(["é".to_owned(), "$12.00".to_owned()]);
    insta::assert_snapshot!(table.lines().join("\n"), @r"
    NAME      HELD
    edge-1   $0.40
    é       $12.00
    ");
    let mut out = Vec::new();
    show::Table::new(&["NAME"])
        .print(&mut out, "none yet")
        .unwrap();
    assert_eq!(out, b"none yet\n");
}
