//! Providers' credentials in the panel's vault: from an administrator to the provider's door, and nowhere else.

use super::{CHAT, PRICES};
use crate::support::{Admin, Client, Control, Gateway, Home, Simulator, chat, until};
use rcgen::{CertificateParams, KeyPair};
use reqwest::Method;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tollgate::lease::directory::Enrolled;
use tollgate::lease::protocol::RouterId;
use tollgate::lease::vault::{Ask, Given, Missing, Question, Why};

/// Each is looked for everywhere.
const FIRST: &str = "sk-canary-vault-first-51d3";
const SECOND: &str = "sk-canary-vault-second-8e07";
const NAME: &str = "sim-prod";

fn call(text: &str) -> Value {
    chat("tenth", text, &[("max_tokens", json!(16))])
}

/// What the provider was shown with the last call.
fn shown(simulator: &Simulator) -> String {
    shown_with(simulator, "")
}

/// The same, of the last call with this in its body.
fn shown_with(simulator: &Simulator, text: &str) -> String {
    let requests = simulator.requests();
    let mut requests = requests.iter().rev();
    let request = requests.find(|request| {
        request["body"]
            .as_str()
            .is_some_and(|body| body.contains(text))
    });
    let headers = request.expect("a request came")["headers"].as_array();
    let mut headers = headers.expect("headers").iter();
    let found = headers.find(|header| header[0] == "authorization");
    let found = found.map(|header| header[1].as_str().expect("text").to_owned());
    found.unwrap_or_default()
}

fn bearer(secret: &str) -> String {
    format!("Bearer {secret}")
}

/// The one credential that the gateway wants, as `/status` has it.
fn status(gateway: &Gateway) -> Value {
    gateway.status()["panel"]["vault"]["credentials"][0].clone()
}

/// Whether any file below a folder has this in it.
fn holds(folder: &Path, needle: &str) -> bool {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut paths = entries.map(|entry| entry.path());
    paths.any(|path| {
        if path.is_dir() {
            return holds(&path, needle);
        }
        // One that goes while it is looked for holds nothing any more.
        let bytes = std::fs::read(&path).unwrap_or_default();
        memchr::memmem::find(&bytes, needle.as_bytes()).is_some()
    })
}

fn put(admin: &Admin, body: &Value) -> String {
    let made = admin.post("/api/v1/credentials", body);
    assert!(!made.to_string().contains("canary"), "{made}");
    made["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_credential_goes_from_the_vault_to_the_provider_and_nowhere_else() {
    let simulator = Simulator::start(PRICES);
    let (mut control, admin) = Control::start("");
    let home = Home::new(&simulator, "").known_by(&format!("vault:{NAME}"));
    home.configure(&control.invite(&admin, "edge", home.path(), control.address));
    let gateway = home.start();
    let mut caller = gateway.caller();

    // Not there yet: who calls is told what to do, and the provider hears of nothing.
    let refused = caller.post(CHAT, &call("too early"));
    assert_eq!(refused.status, 503, "{}", refused.text());
    let error = &refused.json()["error"];
    assert_eq!(error["code"], "credential_unavailable");
    let words = error["message"].as_str().expect("words");
    assert!(words.contains("tollgate vault put sim-prod"), "{words}");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(simulator.meter().calls, 0);
    let before = until("the panel said that it has none", || {
        let status = status(&gateway);
        status["why"]
            .as_str()
            .is_some_and(|why| why.contains("none of this name"))
            .then_some(status)
    });
    assert_eq!(
        (&before["name"], &before["held"]),
        (&json!(NAME), &json!(false))
    );
    let ready = gateway.admin("/readyz").text();
    assert!(ready.contains("vault"), "{ready}");

    // Put: the next calls go with it.
    let asked = Instant::now();
    let id = put(
        &admin,
        &json!({ "name": NAME, "secret": FIRST, "note": "for the test" }),
    );
    until("a call goes with the credential", || {
        (caller.post(CHAT, &call("with the first")).status == 200).then_some(())
    });
    eprintln!(
        "the first call went {} ms after the credential was put",
        asked.elapsed().as_millis()
    );
    assert_eq!(shown(&simulator), bearer(FIRST));
    let ready = gateway.admin("/readyz").text();
    assert!(!ready.contains("vault"), "{ready}");

    // A configuration that loads and cannot be taken over holds up no rotation.
    let file = home.path().join("tollgate.yaml");
    let good = std::fs::read_to_string(&file).expect("a configuration");
    let more = good.replace("providers: {", "providers: { more: { kind: simulator },");
    std::fs::write(&file, more).expect("written");
    until("it cannot be taken over", || {
        gateway.status()["config"]["error"]
            .is_string()
            .then_some(())
    });
    rotated_under_way(&simulator, &admin, &gateway, &id);
    std::fs::write(&file, good).expect("written");

    // The panel is gone, and the gateway begins anew: once in order, once not.
    control.kill();
    gateway.stop();
    let gateway = home.start();
    let served = gateway.caller().post(CHAT, &call("without the panel"));
    assert_eq!((served.status, shown(&simulator)), (200, bearer(SECOND)));
    gateway.kill();
    let gateway = home.start();
    let mut caller = gateway.caller();
    let served = caller.post(CHAT, &call("without the panel, after a crash"));
    assert_eq!((served.status, shown(&simulator)), (200, bearer(SECOND)));
    let here = status(&gateway);
    assert_eq!(
        (&here["held"], &here["version"]),
        (&json!(true), &json!("2"))
    );
    assert!(home.path().join("state/panel/vault.sealed").exists());

    // The panel comes back, also with its books as they were, and takes the credential away.
    control.open();
    let shown_to_people = [
        admin.get("/api/v1/credentials"),
        admin.get(&format!("/api/v1/credentials/{id}")),
        admin.get("/api/v1/audit?limit=200"),
        gateway.status(),
        json!(gateway.admin("/metrics").text()),
        json!(format!("{}{}", gateway.log(), control.log())),
    ];
    for shown in shown_to_people {
        assert!(!shown.to_string().contains("canary"), "{shown}");
    }
    let acts = admin.get("/api/v1/audit?limit=200").to_string();
    assert!(acts.contains("credential.make") && acts.contains("credential.rotate"));
    clean(&control, &home);
    let path = format!("/api/v1/credentials/{id}");
    let (removed, _) = admin.ask(Method::DELETE, &path, None, &[("if-match", "*")]);
    assert_eq!(removed, 204);
    until("the gateway lets go of it", || {
        (caller.post(CHAT, &call("too late")).status == 503).then_some(())
    });
    until("it goes from the disk", || {
        (!home.path().join("state/panel/vault.sealed").exists()).then_some(())
    });
    gateway.stop();
    control.stop();
    clean(&control, &home);
}

/// Rotates while calls are made: the next go with the new one, and none is dropped.
fn rotated_under_way(simulator: &Simulator, admin: &Admin, gateway: &Gateway, id: &str) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..3)
            .map(|number| {
                let (mut caller, over) = (gateway.caller(), &over);
                scope.spawn(move || {
                    let mut calls = 0_u32;
                    while !over.load(Ordering::Relaxed) {
                        let answer = caller.post(CHAT, &call(&format!("crowd {number}")));
                        assert_eq!(answer.status, 200, "{}", answer.text());
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        // A stream that began before, and ends after.
        let slow = [("max_tokens", json!(16)), ("stream", json!(true))];
        let mut slow_caller = gateway.caller();
        for (knob, value) in [("x-sim-out", "10"), ("x-sim-tps", "1")] {
            slow_caller = slow_caller.with(knob, value);
        }
        let mut stream = slow_caller.stream(CHAT, &chat("tenth", "a slow one", &slow));
        assert_eq!(stream.status, 200);
        let path = format!("/api/v1/credentials/{id}/rotate");
        let asked = Instant::now();
        let rotated = admin.post(&path, &json!({ "secret": SECOND }));
        assert_eq!(rotated["version"], 2);
        until("calls go with the new one", || {
            (shown(simulator) == bearer(SECOND)).then_some(())
        });
        eprintln!(
            "calls went with the new credential {} ms after it was rotated",
            asked.elapsed().as_millis()
        );
        let mut caller = gateway.caller();
        for _ in 0..20 {
            let answer = caller.post(CHAT, &call("with the second"));
            // A call of the crowd that began before the change may come in behind it: those that begin now may not.
            let shown = shown_with(simulator, "with the second");
            assert_eq!((answer.status, shown), (200, bearer(SECOND)));
        }
        over.store(true, Ordering::Relaxed);
        let calls = crowd
            .into_iter()
            .map(|one| one.join().expect("none is dropped"));
        assert!(calls.sum::<u32>() > 0);
        assert_eq!(simulator.meter().in_flight, 1, "the slow one is under way");
        let rest = stream.rest().expect("it ends as it began");
        let rest = String::from_utf8_lossy(&rest).into_owned();
        assert!(rest.contains("[DONE]"), "{rest}");
    });
    let here = status(gateway);
    assert_eq!(
        (&here["held"], &here["version"]),
        (&json!(true), &json!("2"))
    );
    assert!(here["expires_in_s"].as_u64().is_some_and(|left| left > 0));
}

/// Nothing that panel or gateway keep, log or print has a secret in it.
#[track_caller]
fn clean(control: &Control, home: &Home) {
    for folder in [control.path(), home.path()] {
        for secret in [FIRST, SECOND, "canary"] {
            assert!(
                !holds(folder, secret),
                "{secret} is below {}",
                folder.display()
            );
        }
        assert!(holds(folder, NAME), "{} is searched", folder.display());
    }
}

/// A gateway as the door sees it: a certificate, and what is said with it.
struct Edge {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    base: String,
    router: RouterId,
}

impl Edge {
    fn enrol(control: &Control, admin: &Admin, name: &str) -> (Self, String) {
        let made = admin.post("/api/v1/gateways", &json!({ "name": name }));
        let key = KeyPair::generate().expect("a key");
        let csr = CertificateParams::default().serialize_request(&key);
        let csr = csr.expect("a request").pem().expect("PEM");
        let token = made["token"].as_str().expect("a token");
        let (status, enrolled) = admin.with_token(token).ask(
            Method::POST,
            "/v1/enrol",
            Some(&json!({ "csr": csr })),
            &[],
        );
        assert_eq!(status, 200, "{enrolled}");
        let enrolled: Enrolled = serde_json::from_value(enrolled).expect("enrolled");
        let id = made["gateway"]["id"].as_str().expect("an id").to_owned();
        let edge = Self::with(control, &enrolled.certificate, &key, enrolled.router);
        (edge, id)
    }

    fn with(control: &Control, certificate: &str, key: &KeyPair, router: RouterId) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(control.ca()).expect("the authority");
        roots.add(ca).expect("an authority");
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("PEM");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .expect("an identity");
        let client = reqwest::Client::builder()
            .use_preconfigured_tls(tls)
            .build();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Self {
            runtime: runtime.expect("a runtime"),
            client: client.expect("a client"),
            base: format!("https://{}", control.address),
            router,
        }
    }

    /// Asks the vault; the status and what was answered, if the connection stood.
    fn ask(&self, router: RouterId, question: &Question) -> Option<(u16, Value)> {
        let body = json!(Ask {
            router,
            known: 0,
            key: question.key.clone(),
            names: vec!["own".to_owned(), "all".to_owned()],
        });
        self.runtime.block_on(async {
            let request = self.client.post(format!("{}/v1/credentials", self.base));
            let request = request.header("content-type", "application/json");
            let answer = request.body(body.to_string()).send().await.ok()?;
            let status = answer.status().as_u16();
            let bytes = answer.bytes().await.ok()?;
            Some((
                status,
                serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            ))
        })
    }
}

#[test]
fn at_the_gateways_door_who_is_not_the_gateway_it_is_for_gets_nothing() {
    let (control, admin) = Control::start("");
    let org = admin.node("org", "acme", None);
    let (_, agent_key) = admin.key(&org, "scout");
    let (one, one_id) = Edge::enrol(&control, &admin, "edge-1");
    let (two, two_id) = Edge::enrol(&control, &admin, "edge-2");
    put(
        &admin,
        &json!({ "name": "own", "secret": FIRST, "gateways": [one_id] }),
    );
    put(&admin, &json!({ "name": "all", "secret": SECOND }));
    let question = Question::new().expect("a key");
    let opened = |edge: &Edge| {
        let (status, answer) = edge.ask(edge.router, &question).expect("an answer");
        assert_eq!(status, 200, "{answer}");
        assert!(!answer.to_string().contains("canary"), "{answer}");
        let given: Given = serde_json::from_value(answer).expect("given");
        let opened = question.open(edge.router, &given).expect("opens");
        let secrets = opened.iter().map(|one| one.secret.expose().clone());
        (secrets.collect::<Vec<_>>(), given.missing)
    };
    assert_eq!(
        opened(&one),
        (vec![FIRST.to_owned(), SECOND.to_owned()], Vec::new())
    );
    let not_for_it = Missing {
        name: "own".to_owned(),
        why: Why::NotForYou,
    };
    assert_eq!(opened(&two), (vec![SECOND.to_owned()], vec![not_for_it]));

    let refused = |answer: Option<(u16, Value)>, status: u16| {
        let (got, answer) = answer.expect("an answer");
        assert_eq!(got, status, "{answer}");
        assert!(answer.get("credentials").is_none(), "{answer}");
    };
    // One gateway that speaks for another.
    refused(two.ask(one.router, &question), 403);
    // Somebody without a certificate, whatever they present: an agent's key, an administrator's session.
    let body =
        json!({ "router_id": one.router, "known": "0", "key": question.key, "names": ["own"] });
    for somebody in [
        admin.with_token(&agent_key),
        admin.clone(),
        admin.with_token(""),
    ] {
        let asked = somebody.ask(Method::POST, "/v1/credentials", Some(&body), &[]);
        refused(Some(asked), 401);
    }
    // The agent's key opens nothing at the admin API either, and no API token sees more than what is known.
    let agent = admin.with_token(&agent_key);
    let (status, _) = agent.ask(Method::GET, "/api/v1/credentials", None, &[]);
    assert_eq!(status, 401);
    // A certificate of another authority: no connection stands.
    let (other, other_admin) = Control::start("");
    let (foreign, _) = Edge::enrol(&other, &other_admin, "edge-1");
    let foreign = Edge {
        base: one.base.clone(),
        ..foreign
    };
    assert_eq!(foreign.ask(one.router, &question), None);
    // Revoked: out at its next message, on the connection it has.
    admin.post(&format!("/api/v1/gateways/{two_id}/revoke"), &json!({}));
    refused(two.ask(two.router, &question), 403);
    assert_eq!(opened(&one).0.len(), 2);
}

#[test]
fn a_gateway_that_was_shut_out_lets_go_of_what_it_holds() {
    let simulator = Simulator::start(PRICES);
    let (control, admin) = Control::start("");
    let home = Home::new(&simulator, "").known_by(&format!("vault:{NAME}"));
    home.configure(&control.invite(&admin, "edge", home.path(), control.address));
    put(&admin, &json!({ "name": NAME, "secret": FIRST }));
    let gateway = home.start();
    let mut caller: Client = gateway.caller();
    until("a call goes with the credential", || {
        (caller.post(CHAT, &call("hello")).status == 200).then_some(())
    });
    let gateways = admin.get("/api/v1/gateways");
    let id = gateways["items"][0]["id"].as_str().expect("an id");
    admin.post(&format!("/api/v1/gateways/{id}/revoke"), &json!({}));
    // It hears so as soon as it next asks, and it asks when its events break off.
    until("it calls no longer", || {
        (caller.post(CHAT, &call("hello")).status == 503).then_some(())
    });
    until("nothing of it is on the disk", || {
        (!home.path().join("state/panel/vault.sealed").exists()).then_some(())
    });
}
