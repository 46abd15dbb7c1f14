//! A gateway that borrows: what its calls spend is what the panel hears, whoever was gone for a while.

use crate::support::panel::{LENT_KEY, Panel};
use crate::support::{Client, Gateway, Home, Money, Response, Simulator, chat, until};
use serde_json::{Value, json};
use std::time::Duration;
use tollgate::lease::protocol::Terms;
use tollgate::units;

const PRICES: &str = r#"
  cent: { request: "0.01", max_input: 100000, max_output: 16384 }
  odd: { input: "0.37", output: "1.13", max_input: 100000, max_output: 4096 }
"#;
const CHAT: &str = "/v1/chat/completions";

/// Little is lent at once, and what is silent is over soon.
fn terms() -> Terms {
    Terms {
        valid_for: Duration::from_secs(4),
        drain_for: Duration::from_secs(2),
        grace: Duration::from_millis(100),
        floor: units::Money::from_nanos(50_000_000),
        ..Terms::default()
    }
}

/// A provider, a panel, and a folder for a gateway between them.
struct Scene {
    simulator: Simulator,
    panel: Panel,
    home: Home,
}

impl Scene {
    fn new(limit: &str, terms: Terms) -> Self {
        let simulator = Simulator::start(PRICES);
        let panel = Panel::start(limit, terms);
        let home = Home::new(&simulator, "");
        home.configure(&panel.settings(home.path()));
        Self {
            simulator,
            panel,
            home,
        }
    }
}

fn lent(gateway: &Gateway) -> Client {
    Client::to(gateway.listen).with("authorization", &format!("Bearer {LENT_KEY}"))
}

fn cent() -> Value {
    chat("cent", "hello", &[("max_tokens", json!(16))])
}

/// Calls until there is another answer than that money is on its way.
fn call(caller: &mut Client, body: &Value) -> Response {
    until("the gateway says yes or no", || {
        let answer = caller.chat(body);
        (answer.status != 503).then_some(answer)
    })
}

fn code(answer: &Response) -> String {
    let code = &answer.json()["error"]["code"];
    code.as_str().expect("a code").to_owned()
}

#[test]
fn calls_spend_what_is_lent_to_the_last_cent_and_no_further() {
    let scene = Scene::new("0.10", Terms::default());
    let gateway = scene.home.start();
    let mut caller = lent(&gateway);
    for number in 1..=10 {
        let answer = call(&mut caller, &cent());
        assert_eq!(answer.status, 200, "call {number}: {}", answer.text());
    }
    let refusal = call(&mut caller, &cent());
    assert_eq!(
        (refusal.status, code(&refusal)),
        (429, "insufficient_quota".to_owned())
    );
    assert_eq!(refusal.header("x-should-retry"), Some("false"));
    let told = &refusal.json()["error"]["tollgate"];
    assert_eq!(told["budget"], "acme/blue total");
    assert_eq!(
        (&told["limit"], &told["remaining"]),
        (&json!("0.10"), &json!("0.00"))
    );
    until("the panel heard of all of it", || {
        (scene.panel.spent() == Money::of("0.10")).then_some(())
    });
    assert_eq!(scene.simulator.meter_at_rest().cost, Money::of("0.10"));

    let status = gateway.status();
    assert_eq!(status["panel"]["connected"], true, "{status}");
    assert_eq!(status["panel"]["router"], "sidecar");
    assert_eq!(status["panel"]["directory_revision"], "1");
    assert!(gateway.count("tollgate_lease_sync_total", &[("result", "ok")]) > 0);

    // There is more: who asks has it at once, not when the last answer's time is over.
    scene.panel.raise("0.11");
    until("the panel's new money is spent", || {
        (caller.chat(&cent()).status == 200).then_some(())
    });
    assert_eq!(call(&mut caller, &cent()).status, 429);
    gateway.stop();
    let (ok, report) = scene.home.verify();
    assert!(ok, "{report}");
    let account = scene.panel.account();
    assert_eq!(
        (scene.panel.spent(), account.held),
        (Money::of("0.11"), units::Money::ZERO)
    );
}

#[test]
fn a_call_that_does_not_fit_is_made_smaller_if_less_of_it_does() {
    let scene = Scene::new("0.001", Terms::default());
    let gateway = scene.home.start();
    let mut caller = lent(&gateway);
    let large = chat("odd", "hello", &[("max_tokens", json!(4000))]);
    let answer = call(&mut caller, &large);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let clamped = answer.header("x-tollgate-clamped").expect("it says so");
    assert!(
        clamped.parse::<u64>().expect("a number") < 1000,
        "{clamped}"
    );
    gateway.stop();
    assert_eq!(scene.panel.spent(), scene.simulator.meter_at_rest().cost);
}

#[test]
fn without_the_panel_a_gateway_spends_what_it_has_and_tells_all_of_it_once() {
    let scene = Scene::new(
        "2.00",
        Terms {
            valid_for: Duration::from_mins(15),
            ..terms()
        },
    );
    let gateway = scene.home.start();
    let mut caller = lent(&gateway);
    assert_eq!(call(&mut caller, &cent()).status, 200);
    scene.panel.set_away(true);
    let refusal = until("what was lent is used up", || {
        let answer = caller.chat(&cent());
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(
        (refusal.status, code(&refusal)),
        (503, "budget_unavailable".to_owned())
    );
    assert!(refusal.header("retry-after").is_some());
    // Keys that nobody lends to go on.
    assert_eq!(gateway.caller().chat(&cent()).status, 200);
    assert!(scene.panel.spent() < scene.simulator.meter_at_rest().cost);
    until("the gateway says that the panel is away", || {
        (gateway.metric("tollgate_panel_unreachable_seconds", &[]) > 0.0).then_some(())
    });

    scene.panel.set_away(false);
    assert_eq!(call(&mut caller, &cent()).status, 200);
    gateway.stop();
    let account = scene.panel.account();
    let own = Money::of("0.01");
    assert_eq!(
        scene.panel.spent(),
        scene.simulator.meter_at_rest().cost - own
    );
    assert_eq!(
        (account.held, account.uncertain),
        (units::Money::ZERO, units::Money::ZERO)
    );
}

#[test]
fn killed_at_work_it_tells_what_its_disk_knows_and_the_rest_stays_in_doubt() {
    let scene = Scene::new("1.00", terms());
    let gateway = scene.home.start();
    let mut caller = lent(&gateway);
    for _ in 0..5 {
        assert_eq!(call(&mut caller, &cent()).status, 200);
    }
    let hanging = chat(
        "cent",
        "tell me @sim(out=40,hang=stream)",
        &[("max_tokens", json!(64)), ("stream", json!(true))],
    );
    let stream = until("a call is under way", || {
        let stream = lent(&gateway).stream(CHAT, &hanging);
        (stream.status == 200).then_some(stream)
    });
    gateway.kill();
    drop(stream);
    let charged = scene.simulator.meter_at_rest().cost;

    let gateway = scene.home.start();
    let account = until("what is left of the old lease is released", || {
        let account = scene.panel.account();
        (account.held == units::Money::ZERO).then_some(account)
    });
    let (spent, doubt) = (
        Money(account.spent.nanos()),
        Money(account.uncertain.nanos()),
    );
    assert!(
        spent <= charged,
        "{spent} booked for certain, {charged} charged"
    );
    assert!(
        spent + doubt >= charged,
        "{spent} and {doubt}, {charged} charged"
    );
    // In flight, and a ceiling of four calls that were not made, and what half of it was topped up with.
    assert!(doubt <= Money::of("0.09"), "{doubt}");
    assert_eq!(gateway.status()["panel"]["doubt"], "0.00", "it is told");
    assert_eq!(call(&mut lent(&gateway), &cent()).status, 200);
    gateway.stop();
    let (ok, report) = scene.home.verify();
    assert!(ok, "{report}");
}

#[test]
fn a_pulled_switch_and_a_revoked_key_stop_calls_while_the_panel_is_heard() {
    let scene = Scene::new("1.00", Terms::default());
    let gateway = scene.home.start();
    let mut caller = lent(&gateway);
    assert_eq!(call(&mut caller, &cent()).status, 200);
    scene.panel.kill(true);
    let refusal = until("the switch is heard", || {
        let answer = caller.chat(&cent());
        (answer.status != 200).then_some(answer)
    });
    assert_eq!((refusal.status, code(&refusal)), (403, "killed".to_owned()));
    scene.panel.kill(false);
    until("it is let go", || {
        (caller.chat(&cent()).status == 200).then_some(())
    });
    scene.panel.revoke();
    let refusal = until("the key is revoked", || {
        let answer = caller.chat(&cent());
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(
        (refusal.status, code(&refusal)),
        (401, "invalid_api_key".to_owned())
    );
    gateway.stop();
}

#[test]
fn a_start_without_the_panel_knows_its_keys_and_lends_nothing() {
    let scene = Scene::new("1.00", Terms::default());
    let gateway = scene.home.start();
    assert_eq!(call(&mut lent(&gateway), &cent()).status, 200);
    gateway.stop();
    let kept = std::fs::read(scene.home.path().join("state/panel/directory.sealed"));
    let kept = String::from_utf8_lossy(&kept.expect("it is kept")).into_owned();
    assert!(
        !kept.contains("lent") && !kept.contains("blue"),
        "readable: {kept}"
    );

    scene.panel.set_away(true);
    let gateway = scene.home.start();
    assert_eq!(gateway.caller().chat(&cent()).status, 200);
    let refusal = lent(&gateway).chat(&cent());
    assert_eq!(
        (refusal.status, code(&refusal)),
        (503, "budget_unavailable".to_owned())
    );
    scene.panel.set_away(false);
    assert_eq!(call(&mut lent(&gateway), &cent()).status, 200);
    assert_eq!(scene.panel.enrolments().0, 1, "the token was used once");
    gateway.stop();
}

#[test]
fn a_certificate_is_renewed_under_way_and_no_call_notices() {
    let scene = Scene::new("5.00", terms());
    scene.panel.renew_within(1);
    let gateway = scene.home.start();
    let mut caller = lent(&gateway);
    assert_eq!(call(&mut caller, &cent()).status, 200);
    until("it was renewed twice", || {
        let answer = caller.chat(&cent());
        assert!(matches!(answer.status, 200 | 503), "{}", answer.text());
        (scene.panel.enrolments().1 >= 2).then_some(())
    });
    assert_eq!(scene.panel.enrolments().0, 1);
    scene.panel.renew_within(3600);
    gateway.stop();
}

#[test]
fn a_gateway_that_was_taken_for_replaced_begins_anew_once_all_is_told() {
    let scene = Scene::new("1.00", terms());
    let gateway = scene.home.start();
    let mut caller = lent(&gateway);
    assert_eq!(call(&mut caller, &cent()).status, 200);
    let number = |gateway: &Gateway| gateway.status()["panel"]["incarnation"].clone();
    assert_eq!(number(&gateway), "1");
    scene.panel.replace();
    until("it has another number", || {
        (number(&gateway) == "3").then_some(())
    });
    assert_eq!(call(&mut caller, &cent()).status, 200);
    gateway.stop();
    let account = scene.panel.account();
    assert_eq!(scene.panel.spent(), scene.simulator.meter_at_rest().cost);
    assert_eq!(
        (account.held, account.uncertain),
        (units::Money::ZERO, units::Money::ZERO)
    );
}

#[test]
fn without_a_token_an_unknown_gateway_does_not_start() {
    let scene = Scene::new("1.00", Terms::default());
    scene.home.configure(&format!(
        "panel: {{ url: \"https://{}\", ca: file:panel-ca.pem }}\n",
        scene.panel.address
    ));
    let mut process = crate::support::Process::start(
        scene.home.path(),
        "gateway",
        &["serve", "-c", "tollgate.yaml"],
    );
    assert!(!process.ended().success());
    assert!(
        process.output().contains("panel.token"),
        "{}",
        process.output()
    );
}

const NO_SHELL: &str = "version: 1
scope: {}
rules:
  - { id: no-shell, effect: deny, match: { tools: [shell] } }
";

/// Whether a call that offers a shell is denied by the bundle's rule.
fn denies_shell(caller: &mut Client) -> bool {
    let tool = json!([{ "type": "function", "function": { "name": "shell", "parameters": {} } }]);
    let body = chat(
        "cent",
        "hello",
        &[("max_tokens", json!(16)), ("tools", tool)],
    );
    let answer = call(caller, &body);
    if answer.status == 200 {
        return false;
    }
    let refusal = answer.json();
    assert_eq!(
        refusal["error"]["tollgate"]["rule"], "no-shell",
        "{refusal}"
    );
    true
}

#[test]
fn policies_that_were_changed_on_their_way_are_refused_and_the_last_good_ones_stay() {
    let scene = Scene::new("5.00", terms());
    let gateway = scene.home.start();
    let mut caller = lent(&gateway);
    assert!(!denies_shell(&mut caller));
    scene.panel.order(3, NO_SHELL, |_| ());
    until("the bundle is in force", || {
        denies_shell(&mut caller).then_some(())
    });
    let policy = || gateway.status()["panel"]["policy"].clone();
    until("the panel hears of it", || {
        let report = scene.panel.reported()?;
        (report.running == 3 && report.error.is_none()).then_some(())
    });
    // Another text under the signature of the first; then an order that was good once, said again.
    let forged = |order: &mut tollgate::lease::bundle::Order| {
        let open = "version: 1\nscope: {}\n".to_owned();
        order
            .files
            .get_or_insert_default()
            .insert("org.yaml".to_owned(), open);
    };
    scene.panel.order(4, NO_SHELL, forged);
    let refused = |words: &str| {
        until("it is refused", || {
            let error = policy()["error"].as_str()?.to_owned();
            error.contains(words).then_some(())
        });
        until("the panel hears why", || {
            let report = scene.panel.reported()?;
            (report.running == 3 && report.error?.contains(words)).then_some(())
        });
    };
    refused("not those that were signed");
    scene.panel.order(2, "version: 1\nscope: {}\n", |_| ());
    refused("older");
    assert!(denies_shell(&mut caller));
    assert_eq!(
        (policy()["running"].clone(), policy()["ordered"].clone()),
        (json!(3), json!(3))
    );
    let untrusted = [("result", "untrusted")];
    assert!(gateway.count("tollgate_policy_bundle_total", &untrusted) >= 2);
    assert!(gateway.log().contains("policies of the panel are refused"));
    scene.panel.order(5, "version: 1\nscope: {}\n", |_| ());
    until("the next good one is in force", || {
        (!denies_shell(&mut caller)).then_some(())
    });
    assert_eq!(policy()["error"], Value::Null);
    gateway.stop();
}

#[test]
fn no_money_is_spent_before_it_is_known_which_policies_the_panel_has_run() {
    let scene = Scene::new("5.00", terms());
    // What it orders first is not what it signed.
    let forged = |order: &mut tollgate::lease::bundle::Order| {
        let files = order.files.get_or_insert_default();
        files.insert("org.yaml".to_owned(), "version: 1\nscope: {}\n".to_owned());
    };
    scene.panel.order(3, NO_SHELL, forged);
    let gateway = scene.home.start();
    let mut caller = lent(&gateway);
    until("the order is refused", || {
        let policy = gateway.status()["panel"]["policy"].clone();
        policy["error"].is_string().then_some(())
    });
    assert_eq!(caller.chat(&cent()).status, 503);
    assert_eq!(scene.panel.spent(), Money::default());
    scene.panel.order(4, NO_SHELL, |_| ());
    until("the bundle is in force", || {
        denies_shell(&mut caller).then_some(())
    });
    assert_eq!(call(&mut caller, &cent()).status, 200);
    gateway.stop();
}
