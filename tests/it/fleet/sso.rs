//! People sign in at their organisation's provider: a panel and a command line as processes, a provider, and a browser.

use crate::support::identity::{Browser, CLIENT, Identity, SECRET};
use crate::support::{Admin, Control};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A panel whose provider this is, by a secret in a file of its own.
fn panel(identity: &Identity, passwords: bool) -> (Control, Admin) {
    let (mut control, admin) = Control::start("");
    let secret = control.path().join("oidc.secret");
    std::fs::write(&secret, format!("{SECRET}\n")).expect("a secret");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    control.change(&format!(
        "url: https://{}\nsign_in:\n  oidc:\n    issuer: {}\n    client_id: {CLIENT}\n    client_secret: file:oidc.secret\n    \
         passwords: {passwords}\n",
        control.address,
        identity.issuer(),
    ));
    (control, admin)
}

/// `tollgate login --sso`, and somebody in a browser. What it printed.
fn log_in(control: &Control, identity: &Identity, home: &Path) -> String {
    let ca = std::fs::read_to_string(control.ca()).expect("the authority");
    let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["login", &format!("https://{}", control.address), "--sso"])
        .arg("--ca")
        .arg(control.ca())
        .env("XDG_CONFIG_HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tollgate runs");
    let mut lines = BufReader::new(child.stderr.take().expect("its words"));
    let mut said = String::new();
    let address = loop {
        let from = said.len();
        assert!(lines.read_line(&mut said).expect("text") > 0, "{said}");
        let line = said[from..].trim();
        if line.starts_with("https://") {
            break line.to_owned();
        }
    };
    let browser = Browser::trusting(&ca);
    let gone = browser.get(&address, "");
    assert_eq!(gone.status, 302, "{}", gone.body);
    let back = browser.get(&identity.visit(&gone.location), &gone.cookie);
    assert_eq!(back.status, 302, "{}", back.body);
    let told = browser.get(&back.location, "");
    assert!(told.body.contains("close this page"), "{}", told.body);
    lines.read_to_string(&mut said).expect("text");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn an_invitation_is_accepted_at_the_provider_and_the_session_ends_with_the_user() {
    let identity = Identity::start();
    let (mut control, admin) = panel(&identity, false);
    let about = admin.ask(Method::GET, "/api/v1/oidc", None, &[]).1;
    assert_eq!(
        (&about["name"], &about["passwords"]),
        (&json!("127.0.0.1"), &json!(false))
    );
    let bob = json!({ "email": "bob@example.com", "name": "Bob", "role": "operator" });
    let bob = admin.post("/api/v1/users", &bob)["user"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let home = tempfile::tempdir().expect("a home");
    let said = log_in(&control, &identity, home.path());
    let expected = format!(
        "signed in to https://{} as bob@example.com (operator)\n",
        control.address
    );
    assert_eq!(said, expected);
    let login = std::fs::read(home.path().join("tollgate/login.json")).expect("a login");
    let login: Value = serde_json::from_slice(&login).expect("JSON");
    let his = admin.with_token(login["token"].as_str().expect("a token"));
    let me = |who: &Admin| who.ask(Method::GET, "/api/v1/me", None, &[]).0;
    // A session is in the books: it outlives the process.
    control.kill();
    control.open();
    assert_eq!(me(&his), 200);
    let body = json!({ "disabled": true });
    assert_eq!(
        admin
            .ask(
                Method::PATCH,
                &format!("/api/v1/users/{bob}"),
                Some(&body),
                &[]
            )
            .0,
        200
    );
    assert_eq!(me(&his), 401);
    let password = json!({ "email": "root@example.com", "password": "correct horse battery" });
    let (status, refused) = admin.ask(Method::POST, "/api/v1/sessions", Some(&password), &[]);
    assert_eq!((status, &refused["code"]), (403, &json!("passwords_off")));
    let log = admin
        .ask(Method::GET, "/api/v1/audit?limit=200", None, &[])
        .1;
    let verified = admin.ask(Method::GET, "/api/v1/audit/verify", None, &[]).1;
    assert_eq!(verified["ok"], true);
    let lines = log["items"].as_array().expect("lines").iter();
    let actions: Vec<&str> = lines
        .filter_map(|line| line["record"]["action"].as_str())
        .collect();
    assert_eq!(
        actions[..4],
        ["user.change", "session.open", "user.link", "user.invite"]
    );
    let all = format!("{log}{}", control.log());
    assert!(!all.contains("canary"), "{all}");
}

#[test]
fn a_browser_is_signed_in_with_a_cookie_and_another_is_not() {
    let identity = Identity::start();
    let (control, admin) = panel(&identity, true);
    admin.post(
        "/api/v1/users",
        &json!({ "email": "bob@example.com", "name": "Bob", "role": "viewer" }),
    );
    let ca = std::fs::read_to_string(control.ca()).expect("the authority");
    let (browser, base) = (
        Browser::trusting(&ca),
        format!("https://{}", control.address),
    );
    let start = format!("{base}/api/v1/oidc/start?then=/budgets");
    let gone = browser.get(&start, "");
    let back = identity.visit(&gone.location);
    let other = browser.get(&start, "");
    let refused = browser.get(&back, &other.cookie);
    assert_eq!(
        (refused.status, refused.cookies.len()),
        (403, 0),
        "{}",
        refused.body
    );
    assert!(refused.body.contains("sign_in_stale"), "{}", refused.body);
    let gone = browser.get(&start, "");
    let page = browser.get(&identity.visit(&gone.location), &gone.cookie);
    assert_eq!(
        (page.status, page.location.as_str()),
        (302, "/budgets"),
        "{}",
        page.body
    );
    let session = page
        .cookies
        .last()
        .expect("a session")
        .split(';')
        .next()
        .expect("a cookie");
    assert!(session.starts_with("__Host-tollgate=tgs_"), "{session}");
    let me = browser.get(&format!("{base}/api/v1/me"), session);
    assert!(me.body.contains("bob@example.com"), "{}", me.body);
}
