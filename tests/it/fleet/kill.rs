//! Live changes: switches, revoked keys, budgets lowered and raised, and how soon gateways act on them.

use super::{CHAT, Scene};
use crate::support::{Client, Gateway, Home, Money, Streaming, chat, until};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::Instant;

const GATEWAYS: usize = 50;

fn tenth() -> Value {
    chat("tenth", "hello", &[("max_tokens", json!(16))])
}

/// Calls until it is let through.
fn served(caller: &mut Client) {
    until("a call is let through", || {
        (caller.post(CHAT, &tenth()).status == 200).then_some(())
    });
}

/// Calls until it is refused; what it is told.
fn refused(caller: &mut Client) -> (u16, Value) {
    until("a call is refused", || {
        let answer = caller.post(CHAT, &tenth());
        (answer.status != 200).then(|| (answer.status, answer.json()))
    })
}

#[test]
fn a_switch_that_is_pulled_stops_every_gateway_and_lets_go_again() {
    let scene = Scene::new("50.00", "");
    let homes = scene.homes(GATEWAYS);
    let gateways: Vec<_> = homes.iter().map(Home::start).collect();
    let mut callers: Vec<_> = gateways
        .iter()
        .map(|gateway| scene.caller(gateway))
        .collect();
    callers.iter_mut().for_each(served);
    let switch = json!({ "scope": "project", "id": scene.project, "reason": "it runs wild" });
    let pulled = Instant::now();
    let killed = scene.admin.post("/api/v1/kill", &switch);
    for caller in &mut callers {
        let (status, refusal) = refused(caller);
        assert_eq!(status, 403, "{refusal}");
    }
    // How long it took is told, and bounded only by patience: machines differ.
    eprintln!(
        "{GATEWAYS} gateways refused {} ms after the switch",
        pulled.elapsed().as_millis()
    );
    let id = killed["kill"]["id"].as_str().expect("an id");
    let report = until("every gateway has confirmed", || {
        let report = scene.admin.get(&format!("/api/v1/kills/{id}"));
        let gateways = report["gateways"].as_array().expect("a list");
        gateways
            .iter()
            .all(|one| one["confirmed"] == true)
            .then_some(report)
    });
    assert_eq!(report["kill"]["in_force"], true);
    scene.admin.post("/api/v1/unkill", &switch);
    callers.iter_mut().for_each(served);
}

/// A stream of so many tokens, ten a second, that has begun.
fn streaming(scene: &Scene, gateway: &Gateway, tokens: u32) -> (Streaming, String) {
    let text = format!("tell me everything @sim(out={tokens},tps=10)");
    let more = [("stream", json!(true)), ("max_tokens", json!(400))];
    let mut stream = scene
        .caller(gateway)
        .stream(CHAT, &chat("dear", &text, &more));
    assert_eq!(stream.status, 200);
    let mut heard = String::new();
    while !heard.contains("\"content\"") {
        let piece = stream.piece().expect("a stream").expect("a piece");
        heard.push_str(std::str::from_utf8(&piece).expect("text"));
    }
    (stream, heard)
}

/// A switch for the scene's project, which cuts what is under way.
fn cutting(scene: &Scene) -> Value {
    json!({ "scope": "project", "id": scene.project, "reason": "it runs wild", "abort_streams": true })
}

/// How a stream goes on to its end.
fn rest(stream: &mut Streaming) -> String {
    String::from_utf8(stream.rest().expect("an orderly end of the body")).expect("text")
}

/// That a stream was cut by a switch, and what that came to.
fn was_cut(scene: &Scene, stream: &mut Streaming) {
    let rest = rest(stream);
    let last = rest.trim_end().rsplit("data: ").next().expect("an event");
    let last: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("no error: {rest}"));
    assert_eq!(last["error"]["code"], "killed", "{last}");
    assert_eq!(last["error"]["type"], "permission_error");
    assert!(!rest.contains("[DONE]"), "{rest}");
    // Forty seconds it would have lasted: the provider was hung up on.
    scene.simulator.meter_at_rest();
    let books = scene.settled();
    let whole = Money::of("0.40");
    assert!(
        Money::default() < books.spent
            && books.spent < whole
            && books.uncertain == Money::default(),
        "{books:?}"
    );
}

#[test]
fn a_switch_that_cuts_ends_streams_under_way_and_books_them_once() {
    let scene = Scene::new("50.00", "");
    let home = scene.home("edge");
    let gateway = home.start();
    let (mut stream, _) = streaming(&scene, &gateway, 400);
    scene.admin.post("/api/v1/kill", &cutting(&scene));
    was_cut(&scene, &mut stream);
    let books = scene.settled();
    let (status, refusal) = refused(&mut scene.caller(&gateway));
    assert_eq!(status, 403, "{refusal}");
    gateway.stop();
    assert_eq!(scene.settled(), books, "nothing is booked twice");
}

#[test]
fn a_switch_that_cuts_gives_up_answers_nobody_has_yet() {
    let scene = Scene::new("50.00", "");
    let home = scene.home("edge");
    let gateway = home.start();
    let mut caller = scene.caller(&gateway);
    let ask = chat("cents", "say nothing @sim(hang=head)", &[]);
    let waiting = std::thread::spawn(move || caller.post(CHAT, &ask));
    until("the provider is at work", || {
        (scene.simulator.meter().in_flight > 0).then_some(())
    });
    scene.admin.post("/api/v1/kill", &cutting(&scene));
    let answer = waiting.join().expect("an answer");
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "killed");
    // Nobody saw what the provider did: the whole promise is booked.
    assert_eq!(scene.settled().spent, Money::of("0.07"));
}

#[test]
fn a_switch_that_cuts_lets_nothing_leave_of_an_answer_that_guards_hold_back() {
    // Nobody ever answers there.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let guard = silent.local_addr().expect("an address");
    let check = |how: &str| {
        let scene = Scene::new("50.00", "");
        let home = Home::new(&scene.simulator, "");
        let folder = home.path().join("policies");
        std::fs::create_dir_all(&folder).expect("a folder");
        let policy = format!(
            "version: 1\nscope: {{}}\nconsult:\n  - {{ id: dlp, url: \"http://{guard}/check\", {how} }}\n"
        );
        std::fs::write(folder.join("org.yaml"), policy).expect("a policy");
        let at = scene.wire.address;
        let panel = scene.control.invite(&scene.admin, "edge", home.path(), at);
        home.configure(&format!("{panel}policies: [policies/]\n"));
        let gateway = home.start();
        let mut caller = scene.caller(&gateway);
        let more = [("stream", json!(true)), ("max_tokens", json!(400))];
        let ask = chat("dear", "go on @sim(out=400,tps=10)", &more);
        let waiting = std::thread::spawn(move || caller.post(CHAT, &ask));
        until("the provider is at work", || {
            (scene.simulator.meter().in_flight > 0).then_some(())
        });
        scene.admin.post("/api/v1/kill", &cutting(&scene));
        let answer = waiting.join().expect("an answer");
        scene.simulator.meter_at_rest();
        let books = scene.settled();
        assert!(books.spent < Money::of("0.40"), "{how}: {books:?}");
        assert_eq!(books.uncertain, Money::default());
        assert!(!answer.text().contains("\"content\""), "{}", answer.text());
        (answer.status, answer.text())
    };
    // The head waits for a guard that is asked about the request.
    let (status, said) = check("during: true, timeout: 20s, on_error: deny");
    assert_eq!(status, 403, "{said}");
    assert!(said.contains("\"killed\""), "{said}");
    // The answer waits until it is whole, for a guard that wants to hear it: its head has left.
    let (status, said) = check("on: [response], on_error: deny");
    assert_eq!(status, 200, "{said}");
    let error = said.strip_prefix("data: ").expect("one event").trim_end();
    let error: Value = serde_json::from_str(error).expect("JSON");
    assert_eq!(error["error"]["code"], "killed");
}

#[test]
fn a_switch_that_cuts_gives_up_whole_answers_that_wait_for_a_guard_and_books_them_as_they_came() {
    for how in ["during: true", "on: [response]"] {
        // Nobody ever answers there.
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        silent.set_nonblocking(true).expect("a socket");
        let guard = silent.local_addr().expect("an address");
        let scene = Scene::new("50.00", "");
        let home = Home::new(&scene.simulator, "");
        let folder = home.path().join("policies");
        std::fs::create_dir_all(&folder).expect("a folder");
        let policy = format!(
            "version: 1\nscope: {{}}\nconsult:\n  - {{ id: dlp, url: \"http://{guard}/check\", {how}, timeout: 1m, on_error: deny }}\n"
        );
        std::fs::write(folder.join("org.yaml"), policy).expect("a policy");
        let at = scene.wire.address;
        let panel = scene.control.invite(&scene.admin, "edge", home.path(), at);
        home.configure(&format!("{panel}policies: [policies/]\n"));
        let gateway = home.start();
        let mut caller = scene.caller(&gateway);
        let waiting = std::thread::spawn(move || caller.post(CHAT, &tenth()));
        let _asked = until("the guard is asked", || silent.accept().ok());
        let charged = until("the provider has answered", || {
            let meter = scene.simulator.meter();
            (meter.calls == 1 && meter.in_flight == 0).then_some(meter.cost)
        });
        scene.admin.post("/api/v1/kill", &cutting(&scene));
        let answer = waiting.join().expect("an answer");
        assert_eq!(answer.status, 403, "{how}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["code"], "killed");
        assert_eq!(error["tollgate"].get("rule"), None, "{error}");
        let books = scene.settled();
        assert_eq!(
            (books.spent, books.uncertain),
            (charged, Money::default()),
            "{how}"
        );
    }
}

#[test]
fn a_switch_that_does_not_cut_lets_streams_go_on_to_their_end() {
    let scene = Scene::new("50.00", "");
    let home = scene.home("edge");
    let gateway = home.start();
    let (mut stream, _) = streaming(&scene, &gateway, 30);
    let mut switch = cutting(&scene);
    switch["abort_streams"] = json!(false);
    scene.admin.post("/api/v1/kill", &switch);
    let (status, _) = refused(&mut scene.caller(&gateway));
    assert_eq!(status, 403, "the gateway heard of the switch");
    let rest = rest(&mut stream);
    assert!(
        rest.trim_end().ends_with("data: [DONE]") && !rest.contains("error"),
        "{rest}"
    );
    let charged = scene.simulator.meter_at_rest().cost;
    let books = scene.settled();
    assert_eq!((books.spent, books.uncertain), (charged, Money::default()));
}

#[test]
fn a_gateway_that_was_cut_off_meanwhile_cuts_its_streams_when_it_is_back() {
    let mut scene = Scene::new("50.00", "");
    let home = scene.home("edge");
    let gateway = home.start();
    let (mut stream, _) = streaming(&scene, &gateway, 400);
    scene.wire.cut(true);
    scene.admin.post("/api/v1/kill", &cutting(&scene));
    // The panel that is back has no event to tell: the switch itself is in its books.
    scene.control.stop();
    scene.control.open();
    scene.wire.cut(false);
    was_cut(&scene, &mut stream);
}

#[test]
fn a_key_that_is_revoked_is_refused_everywhere() {
    let scene = Scene::new("50.00", "");
    let homes = scene.homes(2);
    let gateways: Vec<_> = homes.iter().map(Home::start).collect();
    let mut callers: Vec<_> = gateways
        .iter()
        .map(|gateway| scene.caller(gateway))
        .collect();
    callers.iter_mut().for_each(served);
    scene
        .admin
        .post(&format!("/api/v1/keys/{}/revoke", scene.key), &json!({}));
    for caller in &mut callers {
        let (status, refusal) = until("the key is refused", || {
            let answer = caller.post(CHAT, &tenth());
            (answer.status == 401).then(|| (answer.status, answer.json()))
        });
        assert_eq!(
            (status, &refusal["error"]["code"]),
            (401, &json!("invalid_api_key"))
        );
    }
}

#[test]
fn a_budget_is_lowered_and_raised_while_calls_are_made() {
    let scene = Scene::new("0.002", "leases: { valid_for: 5s, drain_for: 5s }");
    let home = scene.home("edge");
    let gateway = home.start();
    let mut caller = scene.caller(&gateway);
    served(&mut caller);
    served(&mut caller);
    let (status, refusal) = until("the budget is used up", || {
        let answer = caller.post(CHAT, &tenth());
        (answer.status == 429).then(|| (answer.status, answer.json()))
    });
    assert_eq!(
        (status, &refusal["error"]["code"]),
        (429, &json!("insufficient_quota"))
    );
    let path = format!("/api/v1/budgets/{}", scene.budget);
    scene.admin.patch(&path, &json!({ "limit": "0.003" }));
    served(&mut caller);
    scene.admin.patch(&path, &json!({ "limit": "0.001" }));
    until("nothing is left", || {
        (caller.post(CHAT, &tenth()).status == 429).then_some(())
    });
    gateway.stop();
    let books = scene.settled();
    assert_eq!(books.spent, Money::of("0.003"));
}

/// What nobody uses comes back by itself after a minute, which is longer than anything is waited for here.
#[test]
fn a_limit_lowered_below_what_is_lent_has_it_back_and_callers_are_told_where_it_stands() {
    let scene = Scene::new("50.00", "");
    let home = scene.home("edge");
    let gateway = home.start();
    let mut caller = scene.caller(&gateway);
    served(&mut caller);
    let path = format!("/api/v1/budgets/{}", scene.budget);
    let money = |value: &Value| Money::of(value.as_str().expect("an amount"));
    let lent = money(&scene.admin.get(&path)["held"]);
    assert!(lent > Money::of("0.01"), "nothing is lent ahead");
    let answer = caller.post(CHAT, &tenth());
    assert_eq!(
        answer.header("x-tollgate-budget-name"),
        Some("acme/red/atlas total")
    );
    assert_eq!(answer.header("x-tollgate-budget-limit"), Some("50.00"));
    let left = answer.header("x-tollgate-budget-remaining").expect("told");
    assert!(
        Money::of("49.90") < Money::of(left) && Money::of(left) < Money::of("50.00"),
        "{left}"
    );
    let lowered = Instant::now();
    scene.admin.patch(&path, &json!({ "limit": "0.01" }));
    until("it is back", || {
        let view = scene.admin.get(&path);
        (money(&view["overcommitted"]) == Money::default()).then_some(())
    });
    eprintln!("it was back {} ms later", lowered.elapsed().as_millis());
}

#[test]
fn with_the_panel_away_calls_go_on_up_to_what_is_lent_and_are_told_once_it_is_back() {
    let mut scene = Scene::new("50.00", "");
    let home = scene.home("edge");
    let gateway = home.start();
    let mut caller = scene.caller(&gateway);
    served(&mut caller);
    scene.control.kill();
    let dear = chat("cents", "hello", &[("max_tokens", json!(16))]);
    let mut spent = 0;
    let refusal = until("what is lent is used up", || {
        let answer = caller.post(CHAT, &dear);
        spent += u32::from(answer.status == 200);
        (answer.status != 200).then_some(answer)
    });
    assert!(spent > 0, "nothing was lent ahead");
    assert_eq!(refusal.status, 503, "{}", refusal.text());
    assert_eq!(refusal.json()["error"]["code"], "budget_unavailable");
    assert!(refusal.header("retry-after").is_some());
    scene.control.open();
    served(&mut caller);
    gateway.stop();
    let charged = scene.simulator.meter_at_rest().cost;
    let books = scene.settled();
    assert_eq!((books.spent, books.uncertain), (charged, Money::default()));
}

#[test]
fn a_gateway_that_is_revoked_gets_nothing_more() {
    let scene = Scene::new("50.00", "leases: { valid_for: 3s, drain_for: 1s }");
    let home = scene.home("edge");
    let gateway = home.start();
    let mut caller = scene.caller(&gateway);
    served(&mut caller);
    let gateways = scene.admin.get("/api/v1/gateways");
    let id = gateways["items"][0]["id"].as_str().expect("an id");
    scene
        .admin
        .post(&format!("/api/v1/gateways/{id}/revoke"), &json!({}));
    let (status, _) = until("its leases are over", || {
        let answer = caller.post(CHAT, &tenth());
        (answer.status != 200).then(|| (answer.status, answer.json()))
    });
    assert_eq!(status, 503);
}
