//! Expressions from text to value.

use super::*;
use crate::governance::guard::Kind;
use crate::governance::policy::place::Place;

mod diagnostics;
mod generated;

/// An expression that begins at 29:11 of its file.
pub(super) fn written(text: &str) -> Text {
    Text {
        text: text.to_owned(),
        place: Place {
            file: 0,
            line: 29,
            column: 11,
        },
        lines: Vec::new(),
    }
}

fn accepted(text: &str) -> Expression {
    compile(&written(text), &["BADGE"]).unwrap_or_else(|faults| panic!("{text}: {faults:#?}"))
}

/// A request from a contractor on a Friday night.
fn facts() -> Facts<'static> {
    static TOOLS: [&str; 3] = ["search", "exec_sql", "Exec_py"];
    static GROUPS: [&str; 2] = ["staff", "long-context"];
    static HEADERS: std::sync::LazyLock<Vec<(&str, &str)>> =
        std::sync::LazyLock::new(|| vec![("x-workload", "Batch"), ("x-empty", "")]);
    let night = jiff::civil::date(2026, 11, 20).at(23, 30, 0, 0);
    Facts {
        model: "gpt-4o-mini",
        endpoint: "chat",
        input_tokens: 90_000,
        max_output_tokens: Some(1_024),
        stream: true,
        tools: &TOOLS,
        message_count: 12,
        bytes: 400_000,
        headers: &*HEADERS,
        user: "ana",
        groups: &GROUPS,
        agent: "triage",
        org: "acme",
        team: "payments",
        project: "fraud",
        time: LocalTime::of(night),
        detections: &[(Kind::Email, 3), (Kind::Custom(0), 1)],
        used_pct: 83,
        soft: true,
    }
}

fn value(text: &str) -> Result<bool, EvalError> {
    accepted(text).eval(&facts())
}

#[test]
fn expressions_say_what_they_read_like() {
    let check = |text: &str, expected: bool| {
        assert_eq!(value(text), Ok(expected), "{text}");
    };
    check(
        "request.input_tokens > 60000 && !(\"long-context\" in user.groups)",
        false,
    );
    check(
        "request.input_tokens > 60000 && \"long-context\" in user.groups",
        true,
    );
    check(
        "request.model.startsWith('gpt-4o') && request.endpoint == \"chat\"",
        true,
    );
    check(
        "request.model.endsWith('-mini') || request.model.contains('nano')",
        true,
    );
    check("request.model.contains('nano')", false);
    check(r#"request.model.matches(r"^gpt-\d+o(-mini)?$")"#, true);
    check(r#"matches(request.model, "^o[0-9]")"#, false);
    check(
        "request.tools.exists(t, t.lower().startsWith(\"exec_\"))",
        true,
    );
    check(
        "request.tools.all(t, t.lower().startsWith(\"exec_\"))",
        false,
    );
    check("request.tools.all(t, size(t) >= 6)", true);
    check("['a', 'b'].exists(x, x == 'b')", true);
    check("[1, 2, 3].all(n, n < request.message_count)", true);
    check("[1, 2, 3].exists(n, n * 4 == request.message_count)", true);
    check("request.tool_count == 3 && request.tools.size() == 3", true);
    check("request.message_count in [10, 11, 12]", true);
    check("user.id in [agent, \"ana\"]", true);
    check("request.headers[\"X-Workload\"] == 'Batch'", true);
    check("request.headers[\"x-missing\"] == ''", true);
    check(
        "\"x-empty\" in request.headers && !('x-missing' in request.headers)",
        true,
    );
    check("request.headers['x-workload'].lower() == 'batch'", true);
    check(
        "time.hour >= 20 && time.minute == 30 && time.weekday == \"fri\"",
        true,
    );
    check(
        "time.date >= '2026-11-01' && time.date < '2026-12-01'",
        true,
    );
    check(
        "detections.EMAIL >= 3 && detections.SECRET == 0 && detections.BADGE == 1",
        true,
    );
    check("detections[\"EMAIL\"] > 2", true);
    check("budget.soft && budget.used_pct > 80", true);
    check("(request.stream ? 1 : 0) + 1 == 2", true);
    check("(request.stream ? user.id : agent) == 'ana'", true);
    check("request.stream ? budget.soft : request.bytes > 1", true);
    check("org + '/' + team == 'acme/payments'", true);
    check(
        "7 - request.message_count == -5 && -request.message_count < -11",
        true,
    );
    check(
        "-7 / (request.message_count - 10) == -3 && -7 % (request.message_count - 10) == -1",
        true,
    );
    check(
        "request.stream == budget.soft && request.stream != (agent == org)",
        true,
    );
    check("size('日本' + user.id) == 5", true);
    check("!request.stream || // a comment\n project == 'fraud'", true);
    check("user.groups.exists(g, g in ['admins', 'staff'])", true);
}

#[test]
fn operators_bind_as_in_cel() {
    let check = |text: &str, canonical: &str| {
        assert_eq!(format(text).as_deref(), Some(canonical), "{text}");
    };
    check("a||b&&c==d+e*f", "a || b && c == d + e * f");
    check("((a||b))&&(c)", "(a || b) && c");
    check("a-(b-c)-d", "a - (b - c) - d");
    check("!(a&&b) ? -x : - 5", "!(a && b) ? -x : -5");
    check("(a?b:c)?d:(e?f:g)", "(a ? b : c) ? d : e ? f : g");
    check("-(5).size()", "-5.size()");
    check("(-5).size() + -(5)", "(-5).size() + -(5)");
    check(
        "'it\\'s' + r\"\\d\" + \"\\u0041\\n\"",
        "\"it's\" + r\"\\d\" + \"A\\n\"",
    );
    check("request . headers [ 'x' ]", "request.headers[\"x\"]");
    check("x in [1,2,]", "x in [1, 2]");
    assert_eq!(format("a // why"), None);
    assert_eq!(format("a &&"), None);
}

#[test]
fn what_is_not_reached_is_not_evaluated() {
    let zero = "1 / (request.message_count - 12) == 1";
    let overflow = "request.bytes * 9223372036854775807 > 0";
    let check = |text: String, expected: Result<bool, EvalError>| {
        assert_eq!(value(&text), expected, "{text}");
    };
    let by_zero = || Err(EvalError::DivisionByZero("/"));
    check(format!("request.stream || {zero}"), Ok(true));
    check(format!("{zero} || request.stream"), by_zero());
    check(format!("!request.stream && {zero}"), Ok(false));
    check(format!("{zero} && !request.stream"), by_zero());
    check(format!("request.stream ? true : {zero}"), Ok(true));
    check(
        format!("user.groups.exists(g, g == 'staff' || {zero})"),
        Ok(true),
    );
    check(
        format!("user.groups.all(g, g != 'staff' && {zero})"),
        Ok(false),
    );
    check(overflow.to_owned(), Err(EvalError::Overflow("*")));
    check(
        "-9223372036854775807 - request.message_count < 0".to_owned(),
        Err(EvalError::Overflow("-")),
    );
}

#[test]
fn what_is_too_long_is_an_error_and_not_a_cut() {
    let long = "x".repeat(5_000);
    let many = vec!["t"; 129];
    let headers = vec![("x-long", long.as_str())];
    let facts = Facts {
        model: &long,
        tools: &many,
        headers: &headers,
        ..Facts::default()
    };
    let check = |text: &str, expected: Result<bool, &str>| {
        let value = accepted(text)
            .eval(&facts)
            .map_err(|error| error.to_string());
        assert_eq!(value, expected.map_err(str::to_owned), "{text}");
    };
    check(
        "request.model == 'x'",
        Err("request.model is 5000 bytes long, and expressions look at most at 256"),
    );
    check(
        "request.headers['x-long'] == 'x'",
        Err("a header is 5000 bytes long, and expressions look at most at 4096"),
    );
    check(
        "'t' in request.tools",
        Err("request.tools has 129 entries, and expressions look at most at 128"),
    );
    check("request.tool_count > 128", Ok(true));
    check("size(request.tools) == 129", Ok(true));
    assert_eq!(EvalError::DivisionByZero("%").to_string(), "`%` by zero");
}

#[test]
fn an_expression_says_what_it_reads() {
    let expression = accepted(
        "request.input_tokens > 1 && request.headers['X-A'] != '' && 'x' in user.groups && detections.BADGE > 0 && budget.soft && request.input_tokens < 9",
    );
    let shown: Vec<_> = expression
        .references()
        .iter()
        .map(|r| r.shown(&facts()))
        .collect();
    assert_eq!(
        shown,
        [
            "request.input_tokens = 90000",
            "request.headers[\"x-a\"] = missing",
            "user.groups = [\"staff\", \"long-context\"]",
            "detections.BADGE = 1",
            "budget.soft = true",
        ]
    );
    let needs = expression.needs();
    assert!(
        needs.has(
            Needs::DETECTIONS
                .and(Needs::HEADERS)
                .and(Needs::BUDGET)
                .and(Needs::TOKENS)
        )
    );
    assert!(!needs.has(Needs::TIME) && !needs.has(Needs::TOOLS));
    assert_eq!(accepted("time.hour > 3").needs(), Needs::TIME);
}
