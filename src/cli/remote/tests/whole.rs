//! A panel set up, filled, used, stopped and looked through, all from the command line.

use super::rig::{PASSWORD, Rig};
use super::told;
use crate::lease::protocol::RouterId;
use serde_json::{Value, json};

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// A panel with a tree and a budget of ten dollars a day at `acme/red/atlas`, as its administrator sees it.
fn furnished() -> Rig {
    let rig = Rig::new();
    rig.first_admin();
    rig.run("node new acme/red/atlas/scout --parents").unwrap();
    rig.run("budget new acme/red/atlas --limit 10 --window 1d")
        .unwrap();
    rig
}

#[test]
fn a_tree_grows_by_paths() {
    let rig = Rig::new();
    rig.first_admin();
    let made = rig.run("node new acme/red/atlas --parents").unwrap();
    assert_eq!(
        made,
        "made org acme\nmade team acme/red\nmade project acme/red/atlas\n"
    );
    let again = rig.run("node new acme/red/atlas --parents").unwrap();
    assert_eq!(again, "acme/red/atlas is there already\n");
    let words = told(rig.run("node new acme/red/atlas").unwrap_err());
    assert!(words.contains("(name_taken)"), "{words}");
    let words = told(rig.run("node new acme/rde/borealis").unwrap_err());
    assert!(
        words.contains("nearest: `acme/red`") && words.contains("--parents"),
        "{words}"
    );
    rig.run("agent new acme/red/atlas/scout").unwrap();
    let words = told(rig.run("agent new acme/red/atlas").unwrap_err());
    assert!(words.contains("names a project"), "{words}");
    let agents = rig.run("agent list red").unwrap();
    assert!(
        agents.contains("acme/red/atlas/scout  agent") && !agents.contains("project"),
        "{agents}"
    );
    let words = told(rig.run("node rm atlas").unwrap_err());
    assert!(words.contains("(in_use)"), "{words}");
    assert_eq!(
        rig.run("agent rm scout").unwrap(),
        "removed acme/red/atlas/scout\n"
    );
}

#[test]
fn budgets_are_made_and_changed_as_they_were_read() {
    let rig = furnished();
    let made = rig.run("budget new acme --limit $1000 --window total --advisory --soft 50,80%");
    assert_eq!(made.unwrap(), "made acme total: $1000.00, advisory\n");
    rig.run("budget new acme/red/atlas --limit 100 --window 1mo")
        .unwrap();
    let words = told(rig.run("budget show atlas").unwrap_err());
    assert!(
        words.starts_with("there is no budget `atlas`\n  nearest: `acme/red/atlas 1d`"),
        "{words}"
    );
    let words = told(rig.run("budget show acme/red/atlas").unwrap_err());
    assert!(words.contains("names 2 budgets"), "{words}");
    let refused = rig.run("budget new acme --limit 1 --window 2d --tz Berlin");
    let words = told(refused.unwrap_err());
    assert!(
        words.contains("(invalid)\n  window: ") && words.contains("\n  tz: "),
        "{words}"
    );
    let words = rig
        .run("budget new acme/red --limit 5 --window 1w --advisory --partition allow-up-to=2.50,10m --offline-target 10m")
        .and_then(|_| rig.run("budget show acme/red"))
        .unwrap();
    assert!(
        words.contains("each gateway goes on up to $2.50, for 10 min"),
        "{words}"
    );
    let words = rig
        .run("budget set acme/red --partition deny --offline-target panel")
        .and_then(|_| rig.run("budget show acme/red"))
        .unwrap();
    assert!(words.contains("calls are refused"), "{words}");
    rig.run("budget rm acme/red").unwrap();
    let changed = rig.json("budget set acme/red/atlas%201d --limit 12.50 --at-limit deny --json");
    assert_eq!(
        (&changed["limit"], &changed["revision"]),
        (&"12.50".into(), &2.into())
    );
    let shown = rig.run("budget show acme/red/atlas --window 1d").unwrap();
    assert!(shown.contains("calls are refused"), "{shown}");
    let removed = rig.run("budget rm acme/red/atlas --window 1mo").unwrap();
    assert_eq!(removed, "removed acme/red/atlas 1mo\n");
    assert_eq!(
        rig.json("budget list acme/red --json")
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[test]
fn keys_of_the_panel_are_made_rotated_and_revoked() {
    let rig = furnished();
    let made = rig.json(
        "key new ci --panel --node scout --user ana --groups a,b --models gpt-*,sim-* --json",
    );
    assert!(text(&made["secret"]).starts_with("tg-"));
    assert_eq!(made["key"]["path"], "acme/red/atlas/scout");
    assert_eq!(made["key"]["groups"], serde_json::json!(["a", "b"]));
    let secret = rig.run("key rotate ci --panel --grace 1h").unwrap();
    assert!(secret.starts_with("tg-") && secret.trim() != text(&made["secret"]));
    let listed = rig.run("key list --panel").unwrap();
    assert!(
        listed.contains("acme/red/atlas/scout/ci  rotating  gpt-*,sim-*  ana"),
        "{listed}"
    );
    let revoked = rig.run("key revoke acme/red/atlas/scout/ci --panel");
    assert!(
        revoked
            .unwrap()
            .starts_with("revoked acme/red/atlas/scout/ci:")
    );
    assert_eq!(rig.json("key list --panel --json")[0]["state"], "revoked");
}

#[test]
fn who_may_only_look_asks_for_more_and_somebody_else_decides() {
    let mut rig = furnished();
    let line = "user invite vera@example.com --name Vera --role viewer --scope acme/red --json";
    let invited = rig.json(line);
    let admin = rig.move_in();
    rig.type_next(&[PASSWORD]);
    let (url, ca, token) = (rig.url.clone(), rig.ca_file(), text(&invited["token"]));
    let said = rig.run(&format!("login {url} --ca {ca} --invitation {token}"));
    assert_eq!(
        said.unwrap(),
        format!("signed in to {url} as vera@example.com (viewer)\n")
    );
    let words = told(rig.run("budget rm acme/red/atlas").unwrap_err());
    assert_eq!(words, "this takes the role `operator` (role_too_low)");
    let asked = rig.run("request new acme/red/atlas --amount 5 --reason a%20demo%20tomorrow");
    assert!(
        asked
            .unwrap()
            .ends_with(": $5.00 more for acme/red/atlas 1d\n")
    );
    let frame = rig.run("top --once").unwrap();
    assert!(
        frame.contains("REQUESTS") && !frame.contains("GATEWAYS"),
        "{frame}"
    );
    assert_eq!(rig.run("logout").unwrap(), format!("signed out of {url}\n"));
    let words = told(rig.run("request list").unwrap_err());
    assert!(words.starts_with("not logged in"), "{words}");

    rig.home = admin;
    let request = text(&rig.json("request list --json")[0]["id"]);
    let end = request.split_at(request.len() - 8).1;
    let approved = rig.run(&format!(
        "request approve {end} --amount 3 --reason three%20will%20do"
    ));
    assert_eq!(
        approved.unwrap(),
        format!("approved {request}: $3.00 more for acme/red/atlas 1d\n")
    );
    assert_eq!(
        rig.json("budget show acme/red/atlas --json")["limit"],
        "13.00"
    );
    let again = rig.run(&format!("request reject {end} --reason no"));
    let words = told(again.unwrap_err());
    assert!(words.contains("(already_decided)"), "{words}");
    assert_eq!(rig.run("request list").unwrap(), "nobody asks for more\n");
    let shown = rig.run(&format!("request show {end}")).unwrap();
    assert!(
        shown.contains("three will do") && shown.contains("vera@example.com"),
        "{shown}"
    );
}

#[test]
fn what_is_lent_is_seen_and_a_switch_tells_what_can_still_be_spent() {
    let rig = furnished();
    let section = rig.run("gateway new edge-1").unwrap();
    let begins = format!("panel:\n  url: \"{}\"\n  token: \"tge_", rig.url);
    assert!(section.starts_with(&begins), "{section}");
    assert!(
        section.contains("\n  ca: |\n    -----BEGIN CERTIFICATE-----\n"),
        "{section}"
    );
    let gateway = rig.json("gateway show edge-1 --json");
    let router = u128::from_str_radix(&text(&gateway["router_id"]), 16).expect("an id");
    let key = rig.json("key new ci --panel --node scout --json");
    let leaf = key["key"]["number"].as_u64().expect("a number");
    rig.borrow(RouterId(router), leaf, "2.00");
    let leases = rig.run("lease list --key ci").unwrap();
    assert!(leases.contains("edge-1"), "{leases}");
    let lease = text(&rig.json("lease list --gateway edge-1 --json")[0]["id"]);
    let shown = rig.run(&format!("lease show {lease}")).unwrap();
    assert!(shown.contains("acme/red/atlas/scout"), "{shown}");
    let entries = rig.run("budget entries acme/red/atlas").unwrap();
    assert!(
        entries.contains(&lease) && entries.contains("+$"),
        "{entries}"
    );
    let early = rig.run(&format!("lease write-off {lease} --reason unused"));
    let words = told(early.unwrap_err());
    assert!(words.contains("(not_lost)"), "{words}");

    let stopped = rig.run("kill --agent scout --reason loops").unwrap();
    let begins = "acme/red/atlas/scout (1 key): nothing more is lent to it\nswitch kill_";
    assert!(stopped.starts_with(begins), "{stopped}");
    assert!(
        stopped.contains("edge-1   no") && stopped.contains("can still be spent: at most $"),
        "{stopped}"
    );
    assert!(rig.run("kills").unwrap().contains("loops"));
    let frame = rig.run("top --once").unwrap();
    for word in ["STOPPED", "acme/red/atlas 1d", "▒", "edge-1"] {
        assert!(frame.contains(word), "{word}: {frame}");
    }
    let freed = rig.run("unkill --agent scout --reason mended").unwrap();
    assert_eq!(freed, "switches let go: 1; keys that may spend again: 1\n");
    assert_eq!(rig.run("kills").unwrap(), "no switch is pulled\n");
    // Nobody holds anything of it, so there is nobody to wait for.
    rig.run("node new acme/blue").unwrap();
    let waited = rig.coded("kill --team blue --reason pause --wait");
    let (said, is_yes) = waited.unwrap();
    assert!(
        is_yes && said.ends_with("every gateway confirmed\n"),
        "{said}"
    );
    let revoked = rig.run("gateway revoke edge-1").unwrap();
    assert!(revoked.starts_with("revoked edge-1:"), "{revoked}");
}

#[test]
fn webhooks_are_made_with_what_signs_for_them_listed_and_removed() {
    let rig = Rig::new();
    rig.first_admin();
    let url = "https://hooks.example.com/tollgate";
    let secret = rig.run(&format!("webhook new {url}")).unwrap();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let listed = rig.run("webhook list").unwrap();
    assert!(listed.contains(&format!("{url}  yes")), "{listed}");
    assert!(!listed.contains("whsec_"), "{listed}");
    let words = told(
        rig.run("webhook new http://hooks.example.com/")
            .unwrap_err(),
    );
    assert!(words.contains("https://"), "{words}");
    let removed = rig.run(&format!("webhook rm {url}")).unwrap();
    assert_eq!(removed, format!("removed {url}\n"));
    let none = rig.run("webhook list").unwrap();
    assert!(none.contains("no webhooks yet"), "{none}");
}

#[test]
fn what_was_done_is_in_the_audit_log_and_nothing_secret_is() {
    let rig = Rig::new();
    rig.first_admin();
    rig.run("node new acme").unwrap();
    rig.run("token new ci --role operator --scope acme --expires 2099-01-01")
        .unwrap();
    let tokens = rig.run("token list").unwrap();
    assert!(tokens.contains("ci    operator  acme   active"), "{tokens}");
    rig.run("token revoke ci").unwrap();
    rig.type_next(&[PASSWORD, "another horse battery"]);
    let changed = rig.run("user password").unwrap();
    assert!(changed.ends_with("signed in again\n"), "{changed}");
    assert!(rig.run("user me").unwrap().contains("ada@example.com"));
    let words = told(rig.run("user disable ada@example.com").unwrap_err());
    assert!(words.contains("(last_administrator)"), "{words}");
    let log = rig.run("admin-audit list").unwrap();
    for word in [
        "user.set_up",
        "node.make",
        "token.make",
        "user.set_password",
        "acme",
    ] {
        assert!(log.contains(word), "{word}: {log}");
    }
    assert!(!log.contains("tgs_") && !log.contains("tgp_"));
    let lines = rig.json("admin-audit list -n 2 --json");
    assert_eq!(lines.as_array().map(Vec::len), Some(2));
    let (said, is_yes) = rig.coded("admin-audit verify").unwrap();
    assert!(
        is_yes && said.contains("lines are as they were written"),
        "{said}"
    );
}

#[test]
fn policies_are_pushed_rolled_out_and_back() {
    let rig = Rig::new();
    rig.first_admin();
    rig.run("gateway new edge-1").unwrap();
    let folder = rig.home.path().join("policies");
    std::fs::create_dir_all(folder.join("teams")).unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    put("org.yaml", "version: 1\nscope: {}\n");
    put(
        "teams/pay.yaml",
        "version: 1\nscope: { org: acme, team: pay }\nlimits: { rpm: 9 }\n",
    );
    let path = folder.to_str().unwrap();
    let none = rig.run("policy bundles").unwrap();
    assert!(
        none.starts_with("no policies yet") && none.contains("policy_key: "),
        "{none}"
    );
    let pushed = rig
        .run(&format!("policy push {path} --note all%20of%20it"))
        .unwrap();
    assert!(
        pushed.starts_with("version 1 is stored: 2 files, revision ")
            && pushed.ends_with("all gateways run version 1\n"),
        "{pushed}"
    );
    put("org.yaml", "version: 1\nscope: {}\nlimits: { rpm: 60 }\n");
    let staged = rig.json(&format!("policy push {path} --stage --json"));
    assert_eq!(
        (
            &staged["bundle"]["version"],
            &staged["bundle"]["state"],
            &staged["rollout"]
        ),
        (&2.into(), &"staged".into(), &Value::Null)
    );
    let tried = rig.run("policy rollout 2 --percent 25").unwrap();
    assert_eq!(
        tried,
        "25 % of the gateways run version 2, the others version 1\n"
    );
    let listed = rig.run("policy bundles").unwrap();
    let newest = listed.lines().nth(1).unwrap();
    assert!(
        newest.contains("2  policies  active       25  "),
        "{listed}"
    );
    assert!(
        listed.contains("75") && listed.contains("all of it"),
        "{listed}"
    );
    let shown = rig.run("policy bundles 2").unwrap();
    assert!(
        shown.contains("org.yaml (3 lines)") && shown.contains("teams/pay.yaml (3 lines)"),
        "{shown}"
    );
    let back = rig.run("policy rollback --panel").unwrap();
    assert_eq!(back, "all gateways run version 1\n");
    assert_eq!(
        rig.run("policy rollout 2").unwrap(),
        "all gateways run version 2\n"
    );
    let gateways = rig.run("gateway list").unwrap();
    assert!(gateways.contains("to run 2"), "{gateways}");
    assert_eq!(rig.json("policy rollback --panel 1 --json")["current"], 1);
    let words = told(rig.run("policy rollback --panel").unwrap_err());
    assert!(words.contains("no earlier version"), "{words}");
    let words = told(rig.run("policy rollback --panel 9f3c21").unwrap_err());
    assert!(words.contains("no version at a panel"), "{words}");
    let none = rig.run("policy rollback --panel 0").unwrap();
    assert_eq!(none, "all gateways run no policies of the panel\n");
    // What has a fault here does not get as far as the panel.
    put("org.yaml", "version: 1\nscope: {}\nrulez: []\n");
    let (said, yes) = rig.coded(&format!("policy push {path}")).unwrap();
    assert_eq!((said.as_str(), yes), ("", false));
    assert_eq!(
        rig.json("policy bundles --json").as_array().map(Vec::len),
        Some(2)
    );
    assert!(rig.run("policy rollback --panel --list").is_err());
}

#[test]
fn a_credential_is_put_from_anywhere_but_the_command_line_and_never_shown() {
    let rig = Rig::new();
    rig.first_admin();
    rig.run("gateway new edge-1").unwrap();
    rig.type_next(&["sk-canary-1"]);
    let put = rig
        .run("vault put openai-prod --note the%20main%20one")
        .unwrap();
    assert_eq!(put, "openai-prod is in the vault: version 1\n");
    let file = rig.home.path().join("key.txt");
    std::fs::write(&file, "sk-canary-2\n").unwrap();
    let rotated = rig.run(&format!(
        "vault rotate openai-prod --file {}",
        file.display()
    ));
    assert_eq!(rotated.unwrap(), "openai-prod was rotated: version 2\n");
    let words = told(rig.run("vault put vllm --from-env NOT_SET").unwrap_err());
    assert!(words.contains("`NOT_SET` is not set"), "{words}");
    // Whatever variable holds it: here the one that every rig has.
    let made = rig.json("vault put vllm --from-env XDG_CONFIG_HOME --gateway edge-1 --json");
    assert_eq!(
        (made["version"].as_i64(), &made["kind"]),
        (Some(1), &Value::from("api-key"))
    );
    rig.type_next(&["sk-canary-3"]);
    let words = told(rig.run("vault put vllm").unwrap_err());
    assert!(
        words.contains("(name_taken)") && words.contains("vault rotate vllm"),
        "{words}"
    );
    let listed = rig.run("vault list").unwrap();
    let lines: Vec<&str> = listed.lines().collect();
    assert!(
        lines[0].starts_with("NAME         KIND     VERSION  GATEWAYS  SINCE"),
        "{listed}"
    );
    assert!(
        lines[1].starts_with("openai-prod  api-key        2  all"),
        "{listed}"
    );
    assert!(lines[1].ends_with("the main one"), "{listed}");
    assert!(
        lines[2].starts_with("vllm         api-key        1  edge-1"),
        "{listed}"
    );
    assert!(
        !listed.contains("canary") && !rig.json("vault list --json").to_string().contains("canary")
    );
    let changed = rig
        .run("vault set vllm --every-gateway --kind token")
        .unwrap();
    assert_eq!(changed, "vllm was changed: version 1\n");
    assert!(
        rig.run("vault list")
            .unwrap()
            .contains("vllm         token          1  all")
    );
    let removed = rig.run("vault rm vllm").unwrap();
    assert_eq!(removed, "removed vllm: gateways let go of it\n");
    let words = told(rig.run("vault rm vllm").unwrap_err());
    assert!(words.contains("there is no credential `vllm`"), "{words}");
    rig.type_next(&["two words"]);
    let words = told(rig.run("vault rotate openai-prod").unwrap_err());
    assert!(
        words.contains("secret: up to 4096") && !words.contains("two words"),
        "{words}"
    );
}

#[test]
fn what_was_spent_is_summed_by_whatever_is_asked_and_paces_are_shown() {
    let rig = Rig::new();
    rig.first_admin();
    rig.run("node new acme/red --parents").unwrap();
    rig.run("budget new acme/red --limit 10.00 --window 1d")
        .unwrap();
    let none = rig
        .run("spend --by model --node acme/red --from 2027-01-01")
        .unwrap();
    assert_eq!(none, "nothing was spent\n");
    let burns = rig.run("spend --burn").unwrap();
    let lines: Vec<&str> = burns.lines().collect();
    assert!(lines[0].starts_with("BUDGET        LIMIT"), "{burns}");
    assert!(
        lines[1].starts_with("acme/red 1d  $10.00  $0.00"),
        "{burns}"
    );
    assert_eq!(
        rig.json("spend --by label:team --interval day --json")["total"],
        "0.00"
    );
    let words = told(rig.run("spend --by colour").unwrap_err());
    assert!(words.contains("expected one of `budget`, `key`"), "{words}");
    let words = told(rig.run("spend --from yesterday").unwrap_err());
    assert!(words.contains("from: a time"), "{words}");
    assert!(rig.run("spend --burn --by key").is_err());
}

#[test]
fn what_was_refused_and_found_is_asked_for_by_whatever_it_is_to_be_counted() {
    let rig = Rig::new();
    rig.first_admin();
    rig.run("node new acme/red --parents").unwrap();
    rig.run("key new ci --panel --node acme/red").unwrap();
    for by in ["code", "rule", "key", "node", "gateway", "label:team"] {
        let none = rig.run(&format!("refusals --by {by} --node acme/red"));
        assert_eq!(none.unwrap(), "nothing was refused\n", "{by}");
    }
    for by in ["kind", "action", "key", "node", "gateway", "label:team"] {
        let none = rig.run(&format!(
            "findings --by {by} --key acme/red/ci --interval hour"
        ));
        assert_eq!(none.unwrap(), "nothing was found\n", "{by}");
    }
    let counts = rig.json("refusals --interval day --from 2027-01-01 --json");
    assert_eq!(counts, json!({ "counts": [], "total": 0 }));
    assert_eq!(rig.json("findings --json")["total"], 0);
    let words = told(rig.run("refusals --by colour").unwrap_err());
    assert!(words.contains("expected one of `code`, `rule`"), "{words}");
    let words = told(rig.run("findings --key nobody").unwrap_err());
    assert!(words.contains("nobody"), "{words}");
    let listed = rig.run("key list --panel").unwrap();
    let lines: Vec<&str> = listed.lines().collect();
    let column = lines[0].find("LAST USED").expect("a column");
    assert_eq!(lines[1][column..].split_whitespace().next(), Some("never"));
    let top = rig.json("top --json");
    assert_eq!(
        (&top["refusals"], &top["findings"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn somebody_signs_in_at_the_provider_by_way_of_a_browser() {
    let mut rig = Rig::new();
    rig.first_admin();
    rig.run("user invite bob@example.com --name Bob --role operator")
        .unwrap();
    let admin = rig.move_in();
    let (url, ca) = (rig.url.clone(), rig.ca_file());
    rig.identity
        .is(|whims| whims.email = "eve@example.com".into());
    let words = told(
        rig.run(&format!("login {url} --ca {ca} --sso"))
            .unwrap_err(),
    );
    assert!(
        words.starts_with("you were not signed in (identity_unknown)\n  help: "),
        "{words}"
    );
    rig.identity.is(|_| {});
    let said = rig.run(&format!("login {url} --ca {ca} --sso")).unwrap();
    assert_eq!(
        said,
        format!("signed in to {url} as bob@example.com (operator)\n")
    );
    let file = rig.home.path().join("tollgate/login.json");
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(kept.contains("tgs_") && !kept.contains("tgc_"), "{kept}");
    assert_eq!(rig.json("user me --json")["email"], "bob@example.com");
    // The same place again, by its own name.
    rig.run("login --sso").unwrap();
    rig.run("logout").unwrap();
    rig.home = admin;
    assert!(
        rig.run("user list").unwrap().contains("active"),
        "the invitation is accepted"
    );
    let said = rig.run("user unlink bob@example.com").unwrap();
    assert!(
        said.starts_with("bob@example.com has no identity"),
        "{said}"
    );
}
