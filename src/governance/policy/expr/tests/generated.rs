//! Properties over generated texts, expressions and requests.

use super::super::*;
use super::written;
use crate::governance::guard::Kind;
use proptest::prelude::*;

/// Words of the language, to be thrown together.
const WORDS: &[&str] = &[
    "request",
    ".",
    "model",
    "tools",
    "headers",
    "[",
    "]",
    "(",
    ")",
    "\"x\"",
    "'",
    "\"",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "?",
    ":",
    "in",
    "==",
    "<",
    "9223372036854775808",
    "0",
    "1",
    "exists",
    "t",
    ",",
    "size",
    "matches",
    "\\",
    "r\"",
    "//",
    "\n",
    "é",
    "{",
    "}",
    "true",
    "detections",
    "EMAIL",
    "user",
    "groups",
    "=",
    "0x",
    "1.5",
    "all",
];

fn truth(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("request.stream".to_owned()),
        Just("budget.soft".to_owned()),
        Just("true".to_owned()),
        Just("\"x-a\" in request.headers".to_owned()),
    ];
    let Some(inner) = depth.checked_sub(1) else {
        return leaf.boxed();
    };
    let compare = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let test = prop::sample::select(vec!["startsWith", "endsWith", "contains"]);
    let loops = prop::sample::select(vec!["exists", "all"]);
    prop_oneof![
        leaf,
        truth(inner).prop_map(|a| format!("!({a})")),
        (truth(inner), truth(inner)).prop_map(|(a, b)| format!("({a}) && ({b})")),
        (truth(inner), truth(inner)).prop_map(|(a, b)| format!("({a}) || ({b})")),
        (truth(inner), truth(inner), truth(inner))
            .prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
        (number(inner), compare.clone(), number(inner))
            .prop_map(|(a, o, b)| format!("{a} {o} {b}")),
        (text(inner), compare, text(inner)).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
        (text(inner), test, text(inner)).prop_map(|(a, t, b)| format!("({a}).{t}({b})")),
        (text(inner), list()).prop_map(|(a, l)| format!("{a} in {l}")),
        (number(inner), number(inner)).prop_map(|(a, b)| format!("{a} in [{b}, 7]")),
        text(inner).prop_map(|a| format!("({a}).matches(r\"^[a-f]+\\d?$|é\")")),
        (list(), loops, text(inner))
            .prop_map(|(l, q, a)| format!("{l}.{q}(e, e + {a} == 'ab' || size(e) > 2)")),
        number(inner).prop_map(|a| format!("[1, {a}].exists(n, n * n > 3 - n)")),
    ]
    .boxed()
}

fn number(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("request.input_tokens".to_owned()),
        Just("request.max_output_tokens".to_owned()),
        Just("request.bytes".to_owned()),
        Just("detections.EMAIL".to_owned()),
        Just("time.hour".to_owned()),
        any::<i64>().prop_map(|n| format!("({n})")),
        (0..5_i64).prop_map(|n| n.to_string()),
        list().prop_map(|l| format!("size({l})")),
    ];
    let Some(inner) = depth.checked_sub(1) else {
        return leaf.boxed();
    };
    let operation = prop::sample::select(vec!["+", "-", "*", "/", "%"]);
    prop_oneof![
        leaf,
        (number(inner), operation, number(inner)).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        number(inner).prop_map(|a| format!("-({a})")),
        text(inner).prop_map(|a| format!("size({a})")),
        (truth(inner), number(inner), number(inner))
            .prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")),
    ]
    .boxed()
}

fn text(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("request.model".to_owned()),
        Just("user.id".to_owned()),
        Just("time.date".to_owned()),
        Just("request.headers['x-a']".to_owned()),
        "[a-cA-C é]{0,3}".prop_map(|s| format!("\"{s}\"")),
    ];
    let Some(inner) = depth.checked_sub(1) else {
        return leaf.boxed();
    };
    prop_oneof![
        leaf,
        text(inner).prop_map(|a| format!("lower({a})")),
        (text(inner), text(inner)).prop_map(|(a, b)| format!("({a} + {b})")),
        (truth(inner), text(inner), text(inner)).prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")),
    ]
    .boxed()
}

fn list() -> BoxedStrategy<String> {
    prop_oneof![
        Just("request.tools".to_owned()),
        Just("user.groups".to_owned()),
        Just("[\"a\", user.id, \"é\"]".to_owned()),
    ]
    .boxed()
}

/// A request as a caller could send it.
type Sent = (
    String,
    String,
    Vec<String>,
    Vec<String>,
    Option<String>,
    u64,
    u64,
    u32,
    bool,
);

fn sent() -> impl Strategy<Value = Sent> {
    let extreme = || prop_oneof![Just(0), Just(1), any::<u64>(), Just(u64::MAX)];
    (
        "[a-f0-9é]{0,300}",
        "\\PC{0,5}",
        prop::collection::vec("[a-d]{0,3}", 0..140),
        prop::collection::vec("\\PC{0,3}", 0..70),
        prop::option::of("\\PC{0,8}"),
        extreme(),
        extreme(),
        any::<u32>(),
        any::<bool>(),
    )
}

fn evaluate(expression: &Expression, sent: &Sent) -> Result<bool, EvalError> {
    let (model, user, tools, groups, header, tokens, bytes, found, stream) = sent;
    let headers: Vec<_> = header.iter().map(|value| ("x-a", value)).collect();
    let detections = [(Kind::Email, *found)];
    expression.eval(&Facts {
        model,
        user,
        tools,
        groups,
        headers: &headers,
        input_tokens: *tokens,
        bytes: *bytes,
        detections: &detections,
        stream: *stream,
        ..Facts::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_never_panics_on_any_text(text in "\\PC{0,200}") {
        let _ = compile(&written(&text), &[]);
        let _ = format(&text);
    }

    #[test]
    fn reading_never_panics_on_any_words(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        let text = words.concat();
        let _ = compile(&written(&text), &[]);
        let spaced = words.join(" ");
        let faults = compile(&written(&spaced), &[]).err().unwrap_or_default();
        prop_assert!(faults.iter().all(|fault| fault.place.line == 29));
        prop_assert!(faults.is_sorted_by_key(|fault| fault.place.column) || spaced.contains('\n'));
    }

    #[test]
    fn evaluation_never_panics_and_warnings_tell_the_truth(text in truth(3), sent in sent()) {
        if let Ok(expression) = compile(&written(&text), &[]) {
            let value = evaluate(&expression, &sent);
            let said = expression.warnings().iter().find(|w| w.message.starts_with("the expression is always"));
            if let (Some(said), Ok(value)) = (said, value) {
                prop_assert!(said.message.ends_with(&value.to_string()), "{text}");
            }
        }
    }

    #[test]
    fn what_is_said_to_be_always_so_is(left in number(1), right in number(1), sent in sent()) {
        for sign in ["==", "!=", "<", "<=", ">", ">="] {
            let Ok(expression) = compile(&written(&format!("{left} {sign} {right}")), &[]) else { continue };
            // Only of the comparison itself, which stands behind its left operand.
            let said = expression.warnings().iter().find(|w| {
                let before = usize::try_from(w.place.column).unwrap().checked_sub(12);
                before == Some(left.chars().count())
            });
            if let (Some(said), Ok(value)) = (said, evaluate(&expression, &sent)) {
                let expected = format!("this comparison is always {value}");
                prop_assert_eq!(&said.message, &expected, "{} {} {}", left, sign, right);
            }
        }
    }

    #[test]
    fn the_canonical_form_means_the_same_and_is_its_own(text in truth(3), sent in sent()) {
        let canonical = format(&text).expect("generated expressions can be read");
        let again = format(&canonical);
        prop_assert_eq!(again.as_deref(), Some(canonical.as_str()));
        let (before, after) = (compile(&written(&text), &[]), compile(&written(&canonical), &[]));
        prop_assert_eq!(before.is_ok(), after.is_ok());
        if let (Ok(before), Ok(after)) = (before, after) {
            prop_assert_eq!(evaluate(&before, &sent), evaluate(&after, &sent));
        }
    }
}
