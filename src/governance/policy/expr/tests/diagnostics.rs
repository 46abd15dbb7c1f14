//! Every diagnostic, with its place and its words.

use super::super::*;
use super::{accepted, written};
use crate::governance::policy::place::Place;

/// Everything said of an expression, a line each.
fn said(text: &str) -> Vec<String> {
    let said = match compile(&written(text), &["BADGE"]) {
        Ok(expression) => expression.warnings().to_vec(),
        Err(faults) => faults,
    };
    said.iter()
        .map(|fault| {
            let Place { line, column, .. } = fault.place;
            let help = fault.help.as_deref();
            let help = help.map_or_else(String::new, |help| format!(" ({help})"));
            let (severity, code, message) = (fault.severity, fault.code, &fault.message);
            format!("{line}:{column} {severity}[{code}] {message}{help}")
        })
        .collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(said(text), expected, "{text}");
}

#[test]
fn tg301_syntax() {
    check(
        "request.stream &&",
        &["29:28 error[TG301] expected a value, found the end"],
    );
    check(
        "&& request.stream",
        &["29:11 error[TG301] expected a value, found `&&`"],
    );
    check(
        "(request.stream",
        &["29:26 error[TG301] expected `)`, found the end"],
    );
    check(
        "request.stream)",
        &["29:25 error[TG301] expected nothing more, found `)`"],
    );
    check(
        "request.stream and budget.soft",
        &["29:26 error[TG301] expected an operator, found `and` (write `&&`)"],
    );
    check(
        "agent = 'x'",
        &[
            "29:17 error[TG301] `=` is no part of an expression (write `==` to compare)",
            "29:19 error[TG301] expected an operator, found a string",
        ],
    );
    check(
        "agent == \"x",
        &[
            "29:20 error[TG301] this string does not end (close it with `\"` on the same line)",
            "29:22 error[TG301] expected a value, found the end",
        ],
    );
    check(
        "agent == 'a\\qb'",
        &[
            "29:22 error[TG301] this escape is not known (known are \\\\ \\\" \\' \\n \\r \\t and \\uXXXX; for patterns write `r\"\\d+\"`)",
        ],
    );
    check(
        "request.bytes > 1.5",
        &[
            "29:27 error[TG301] only whole numbers are numbers here (compare in whole units: tokens, bytes, per cent)",
        ],
    );
    check(
        "request.bytes > 1_000",
        &[
            "29:27 error[TG301] `1_000` is no number (write whole numbers with digits alone: `60000`)",
        ],
    );
    check(
        "request.",
        &["29:19 error[TG301] expected a name behind the `.`, found the end"],
    );
    check("", &["29:11 error[TG301] expected a value, found the end"]);
    check(
        "a ? b",
        &["29:16 error[TG301] expected `:` and what holds otherwise, found the end"],
    );
    let deep = format!("{}true{}", "(".repeat(40), ")".repeat(40));
    check(
        &deep,
        &["29:43 error[TG301] this is nested more than 32 levels deep"],
    );
}

#[test]
fn several_mistakes_are_reported_in_one_run() {
    check(
        "request.modle == 'x' && (request.stream || ) && user.group == 1 && time.hour < 'a'",
        &[
            "29:19 error[TG302] unknown variable `request.modle` (did you mean `request.model`?)",
            "29:54 error[TG301] expected a value, found `)`",
            "29:64 error[TG302] unknown variable `user.group` (did you mean `user.groups`?)",
            "29:88 error[TG303] type mismatch: `int < string`",
        ],
    );
}

#[test]
fn places_in_block_scalars_are_found_line_by_line() {
    let mut text = written("request.stream\n  && request.modle == 'x'");
    let line = |line, column| Place {
        file: 0,
        line,
        column,
    };
    text.lines = vec![line(30, 9), line(31, 9)];
    let faults = compile(&text, &[]).expect_err("modle");
    assert_eq!(faults.first().map(|fault| fault.place), Some(line(31, 22)));
}

#[test]
fn tg302_unknown_names() {
    check(
        "request.modle == 'x'",
        &["29:19 error[TG302] unknown variable `request.modle` (did you mean `request.model`?)"],
    );
    check(
        "model == 'x'",
        &["29:11 error[TG302] unknown variable `model` (did you mean `request.model`?)"],
    );
    check(
        "requst.model == 'x'",
        &["29:11 error[TG302] unknown variable `requst` (did you mean `request`?)"],
    );
    check(
        "zzz",
        &[
            "29:11 error[TG302] unknown variable `zzz` (known are agent, org, team, project, and what is under request, user, time, detections, budget)",
        ],
    );
    check(
        "budget == 'x'",
        &[
            "29:11 error[TG302] `budget` is a group of variables (write one of `budget.used_pct`, `budget.soft`)",
        ],
    );
    check(
        "budget.left > 1",
        &["29:18 error[TG302] unknown variable `budget.left` (`budget` has used_pct, soft)"],
    );
    check(
        "agent.name == 'x'",
        &["29:17 error[TG302] a string has no field `name`"],
    );
    check(
        "agent.size > 3",
        &["29:17 error[TG302] a string has no field `size` (did you mean `size()`?)"],
    );
    check(
        "detections.EMIAL > 0",
        &["29:22 error[TG302] unknown kind of finding `EMIAL` (did you mean `detections.EMAIL`?)"],
    );
    check(
        "detections['BADGES'] > 0",
        &["29:22 error[TG302] unknown kind of finding `BADGES` (did you mean `detections.BADGE`?)"],
    );
    check(
        "request.headers.x_workload == ''",
        &["29:27 error[TG302] headers are read by index (write `request.headers[\"x-workload\"]`)"],
    );
    check(
        "agent.startWith('a')",
        &["29:17 error[TG302] unknown function `startWith` (did you mean `startsWith`?)"],
    );
    check(
        "agent.toLowerCase() == 'a'",
        &["29:17 error[TG302] unknown function `toLowerCase` (write `lower()`)"],
    );
    check(
        "has(request.headers)",
        &[
            "29:11 error[TG302] unknown function `has` (a missing header is \"\"; or write `\"x-workload\" in request.headers`)",
        ],
    );
    check(
        "startsWith(agent, 'a')",
        &[
            "29:11 error[TG302] `startsWith` belongs behind what it asks about (write `x.startsWith(…)`)",
        ],
    );
    check(
        "user.groups.exists(user, user == 'a')",
        &["29:30 error[TG302] `user` is already a variable (choose another name for the entries)"],
    );
    check(
        "agent == null",
        &[
            "29:20 error[TG302] unknown variable `null` (nothing is null: a missing string is \"\", a missing number 0)",
        ],
    );
}

#[test]
fn tg303_types_of_operands() {
    check(
        "request.input_tokens > \"60000\"",
        &["29:32 error[TG303] type mismatch: `int > string`"],
    );
    check(
        "request.stream && agent",
        &["29:26 error[TG303] type mismatch: `bool && string`"],
    );
    check(
        "!request.bytes",
        &["29:11 error[TG303] type mismatch: `!int`"],
    );
    check(
        "-agent == ''",
        &["29:11 error[TG303] type mismatch: `-string`"],
    );
    check(
        "request.stream < budget.soft",
        &["29:26 error[TG303] type mismatch: `bool < bool`"],
    );
    check(
        "user.groups == 'a'",
        &[
            "29:23 error[TG303] type mismatch: `list<string> == string` (for an entry of a list write `\"x\" in list`)",
        ],
    );
    check(
        "'a' in agent",
        &[
            "29:15 error[TG303] type mismatch: `string in string` (`in` looks into lists: for a part of a string write `x.contains(\"…\")`)",
        ],
    );
    check(
        "1 in user.groups",
        &["29:13 error[TG303] type mismatch: `int in list<string>`"],
    );
    check(
        "agent in request.headers",
        &[
            "29:17 error[TG303] the name of a header must be written out (like `\"x-workload\" in request.headers`)",
        ],
    );
    check(
        "agent in ['a', 1]",
        &["29:26 error[TG303] type mismatch: `[string, int]`"],
    );
    check(
        "agent in []",
        &["29:20 error[TG303] an empty list has no type"],
    );
    check(
        "agent in [request.stream]",
        &["29:21 error[TG303] a list holds strings or ints, not a bool"],
    );
    check(
        "request.stream ? 1 : 'a'",
        &["29:32 error[TG303] type mismatch: `bool ? int : string`"],
    );
    check(
        "agent ? true : false",
        &["29:11 error[TG303] type mismatch: `string ? bool : bool`"],
    );
}

#[test]
fn tg303_types_of_what_functions_take() {
    check(
        "agent.startsWith(1)",
        &["29:17 error[TG303] type mismatch: `string.startsWith(int)`"],
    );
    check(
        "request.bytes.contains('1')",
        &["29:25 error[TG303] type mismatch: `int.contains(string)`"],
    );
    check(
        "user.groups.contains('a')",
        &[
            "29:23 error[TG303] type mismatch: `list<string>.contains(string)` (for an entry of a list write `\"x\" in list`)",
        ],
    );
    check(
        "size(request.headers) > 1",
        &["29:11 error[TG303] type mismatch: `map<string, string>.size()`"],
    );
    check(
        "agent.size(1) > 1",
        &["29:17 error[TG303] `size` does not take 1 argument (write `x.size()`)"],
    );
    check(
        "size() > 1",
        &["29:11 error[TG303] `size` does not take 0 arguments (write `x.size()`)"],
    );
    check(
        "request.tools[0] == 'a'",
        &[
            "29:11 error[TG303] type mismatch: `list<string>[int]` (only `request.headers` and `detections` have an index; for lists write `\"x\" in list`)",
        ],
    );
    check(
        "request.headers[agent] == ''",
        &["29:27 error[TG303] the name of a header must be written out (like `[\"x-workload\"]`)"],
    );
    check(
        "request.headers['a b'] == ''",
        &["29:27 error[TG303] `a b` is no name of a header"],
    );
    check(
        "user.groups.exists('g')",
        &[
            "29:23 error[TG303] `exists` does not take 1 argument (write `list.exists(x, x == \"…\")`)",
        ],
    );
    check(
        "user.groups.exists('g', true)",
        &[
            "29:30 error[TG303] `exists` needs a name for the entries first (write `list.exists(x, x == \"…\")`)",
        ],
    );
    check(
        "user.groups.exists(g, size(g))",
        &["29:33 error[TG303] what `exists` asks of each entry is an int, and must be bool"],
    );
    check(
        "agent.all(c, c == 'x')",
        &["29:17 error[TG303] type mismatch: `string.all(…)`, only lists have entries"],
    );
    check(
        "1 < request.bytes < 5",
        &["29:29 error[TG303] type mismatch: `bool < int`"],
    );
    check(
        "agent + request.bytes == ''",
        &["29:17 error[TG303] type mismatch: `string + int`"],
    );
}

#[test]
fn tg304_results() {
    check(
        "request.bytes",
        &["29:11 error[TG304] the expression is an int, and must be bool (compare it: `x > 0`)"],
    );
    check(
        "agent",
        &[
            "29:11 error[TG304] the expression is a string, and must be bool (compare it: `x == \"…\"`)",
        ],
    );
    check(
        "user.groups",
        &[
            "29:11 error[TG304] the expression is a list<string>, and must be bool (ask for an entry: `\"x\" in list`, or `list.exists(x, …)`)",
        ],
    );
    check(
        "request.headers",
        &[
            "29:11 error[TG304] the expression is a map<string, string>, and must be bool (ask for a header: `\"x-workload\" in request.headers`)",
        ],
    );
}

#[test]
fn tg305_loops() {
    check(
        "user.groups.exists(g, request.tools.exists(t, t == g))",
        &[
            "29:47 error[TG305] `exists` within another `exists` or `all` (loops go one level deep: use `x in list`, or two rules)",
        ],
    );
    check(
        "user.groups.map(g, g)",
        &[
            "29:23 error[TG305] `map` builds or walks lists without a bound (`exists` and `all` are the loops there are)",
        ],
    );
    check(
        "request.headers.exists(h, h == '')",
        &[
            "29:27 error[TG305] headers cannot be walked (name them: `request.headers[\"x-workload\"]`)",
        ],
    );
}

#[test]
fn tg306_costs() {
    let many = ["t.contains('a')"; 4].join(" || ");
    check(
        &format!("request.tools.exists(t, {many})"),
        &[
            "29:11 error[TG306] evaluating this can cost 29826 units, at most 20000 are allowed (put several `contains` into one `matches(\"a|b\")`, split the rule, or use `match:` with a list)",
        ],
    );
    let wide = vec!["request.stream"; 129].join(" && ");
    check(
        &wide,
        &[
            "29:11 error[TG306] the expression is too large: more than 256 names, values and operators (split it into several rules, or use `match:` with a list)",
        ],
    );
    let long = format!("agent == '{}'", "x".repeat(17_000));
    check(
        &long,
        &["29:11 error[TG306] the expression is 17011 bytes long, at most 16384"],
    );
    let nodes = vec!["request.stream"; 85].join(" && ");
    assert!(accepted(&nodes).cost() < 500);
}

#[test]
fn tg307_patterns() {
    check(
        "agent.matches('a(b')",
        &["29:27 error[TG307] the pattern is not valid: unclosed group"],
    );
    check(
        r#"agent.matches(r"(a)\1")"#,
        &["29:30 error[TG307] the pattern is not valid: backreferences are not supported"],
    );
    check(
        "agent.matches(team)",
        &[
            "29:25 error[TG307] a pattern must be written out as a string (it is compiled when the policy is loaded: `x.matches(\"^gpt-\")`)",
        ],
    );
    check(
        "agent.matches('[01]*1[01]{40}')",
        &["29:26 error[TG307] the pattern's automaton would be larger than 1024 KiB"],
    );
}

#[test]
fn tg308_constants() {
    check(
        "request.bytes > 9223372036854775808",
        &["29:27 error[TG308] `9223372036854775808` is too large: at most 9223372036854775807"],
    );
    check(
        "request.bytes > 99999999999999999999",
        &["29:27 error[TG308] `99999999999999999999` is too large: at most 9223372036854775807"],
    );
    check(
        "request.bytes > 9223372036854775807 + 1",
        &["29:47 error[TG308] the result is always beyond 64 bits"],
    );
    check(
        "request.bytes > -(-9223372036854775808)",
        &["29:27 error[TG308] the result is always beyond 64 bits"],
    );
    check("request.bytes / 0 > 1", &["29:25 error[TG308] `/` by zero"]);
    check(
        "request.bytes % (2 - 2) > 1",
        &["29:25 error[TG308] `%` by zero"],
    );
    check(
        "-9223372036854775808 % -1 == request.bytes",
        &["29:32 error[TG308] the result is always beyond 64 bits"],
    );
    check("request.bytes > 60 * 60 * 24", &[]);
}

#[test]
fn tg309_always_the_same() {
    let figures = "(numbers of a request, sizes and counts are never below 0, hours are 0 to 23, minutes 0 to 59)";
    let never = |at: &str, text: &str, value: bool| {
        let line = format!("{at} warning[TG309] this comparison is always {value} {figures}");
        check(text, &[&line]);
    };
    never("29:32", "request.input_tokens < 0", false);
    never("29:29", "size(user.groups) >= 0", true);
    never("29:21", "time.hour > 23", false);
    never("29:21", "time.hour == 24", false);
    never("29:23", "size(agent) > 256", false);
    never("29:13", "1 < 2", true);
    never("29:25", "request.bytes == request.bytes", true);
    check(
        "agent != agent",
        &["29:17 warning[TG309] this comparison is always false"],
    );
    check(
        "'a' == 'a'",
        &["29:15 warning[TG309] this comparison is always true"],
    );
    check(
        "time.weekday == 'friday'",
        &[
            "29:24 warning[TG309] this comparison is always false (weekdays are mon, tue, wed, thu, fri, sat and sun)",
        ],
    );
    check(
        "time.date == '2026-1-1'",
        &["29:21 warning[TG309] this comparison is always false (dates are written YYYY-MM-DD)"],
    );
    check(
        "time.weekday in ['sat', 'sunday']",
        &[
            "29:35 warning[TG309] this entry is never equal (weekdays are mon, tue, wed, thu, fri, sat and sun)",
        ],
    );
    check(
        "agent.lower() == 'Bot'",
        &[
            "29:25 warning[TG309] this comparison is always false (`lower` leaves no capital letters)",
        ],
    );
    check(
        "agent.lower().contains('Bot')",
        &["29:25 warning[TG309] this test is always false (`lower` leaves no capital letters)"],
    );
    check(
        "agent.startsWith('')",
        &["29:17 warning[TG309] this test is always true"],
    );
    check(
        "agent.matches('.*')",
        &[
            "29:25 warning[TG309] this pattern is found in every text (anchor it with `^` and `$`, or leave it out)",
        ],
    );
    check(
        "agent == 'a' && agent == 'b'",
        &[
            "29:24 warning[TG309] this is always false (nothing equals two different texts: did you mean `||`, or `x in [\"a\", \"b\"]`?)",
        ],
    );
    check(
        "request.stream && false",
        &["29:26 warning[TG309] this is always false"],
    );
    check(
        "request.stream || true",
        &["29:26 warning[TG309] this is always true"],
    );
    check(
        "user.groups.exists(g, false)",
        &["29:23 warning[TG309] this loop is always false"],
    );
    check(
        "true",
        &["29:11 warning[TG309] the expression is always true (leave `when:` out, or the rule)"],
    );
    check("time.hour >= 20 || time.hour < 7", &[]);
}

#[test]
fn twenty_warnings_do_not_hide_an_error() {
    let warned = (0..30).map(|number| format!("{number} < {}", number + 1));
    let warned = warned.collect::<Vec<_>>().join(" && ");
    let costly = ["t.contains('a')"; 4].join(" || ");
    let said = said(&format!("{warned} && request.tools.exists(t, {costly})"));
    let errors = said.iter().filter(|said| said.contains(" error["));
    assert_eq!(errors.count(), 1, "{said:#?}");
    let warnings = said.iter().filter(|said| said.contains(" warning["));
    assert_eq!(warnings.count(), 20, "{said:#?}");
}
