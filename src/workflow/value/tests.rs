use super::*;
use proptest::prelude::*;

fn json(text: &str) -> Value {
    Value::from_json(text).expect(text)
}

#[test]
fn values_print_as_python_prints_them() {
    let check = |text: &str, expected: &str| assert_eq!(json(text).to_string(), expected, "{text}");
    check("null", "None");
    check("true", "True");
    check("false", "False");
    check("1", "1");
    check("1.0", "1.0");
    check("-0.0", "-0.0");
    check("0.1", "0.1");
    check("0.0001", "0.0001");
    check("0.00001", "1e-05");
    check("1e15", "1000000000000000.0");
    check("1e16", "1e+16");
    check("123456789012345680000.0", "1.2345678901234568e+20");
    check("1e-300", "1e-300");
    check("5e-324", "5e-324");
    // Two texts are equally near: the even one.
    check("1654682691565341.25", "1654682691565341.2");
    check("142559494451142.125", "142559494451142.12");
    check("9007199254740993.0", "9007199254740992.0");
    check("2e-44", "2e-44");
    check("100", "100");
    check("100.0", "100.0");
    check("123456.5", "123456.5");
    check("9.5367431640625e-7", "9.5367431640625e-07");
    check(r#""it's""#, "it's");
    check(r#"["a", "it's"]"#, r#"['a', "it's"]"#);
    check(r#"["it's \"so\""]"#, r#"['it\'s "so"']"#);
    check(r#"{"k": [1, null]}"#, "{'k': [1, None]}");
    check(
        r#"["\n\t\r\\\u0000\u007f\u00a0\u200b\ud83d\ude00é"]"#,
        r"['\n\t\r\\\x00\x7f\xa0\u200b😀é']",
    );
    check("[]", "[]");
    check("{}", "{}");
    check(r#"["a\u0301"]"#, "['a\u{301}']");
}

#[test]
fn keys_stay_in_order_and_the_last_of_two_wins() {
    assert_eq!(
        json(r#"{"b":1,"a":2,"b":3}"#).to_json().unwrap(),
        r#"{"b":3,"a":2}"#
    );
}

#[test]
fn numbers_stay_what_they_are() {
    assert_eq!(json("9223372036854775807"), Value::Int(i64::MAX));
    assert_eq!(json("-9223372036854775808"), Value::Int(i64::MIN));
    let check = |text: &str| assert!(Value::from_json(text).is_err(), "{text}");
    check("9223372036854775808");
    check("-9223372036854775809");
    check("18446744073709551616");
    check("1e999");
    check("01");
    check("+1");
    check("1.");
    check(".5");
    check("NaN");
    check("Infinity");
    check("-");
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Value::from_json(text).unwrap_err().to_string(), expected);
    };
    check("", "a value is missing at byte 0");
    check("[1 2]", "expected `,` or `]` at byte 3");
    check("{a: 1}", "expected a key in quotes at byte 1");
    check(r#"{"a" 1}"#, "expected `:` at byte 5");
    check("1 2", "something follows the value at byte 2");
    check("\"a", "a text without its closing quote at byte 1");
    check(r#""\ud800""#, "half a surrogate pair at byte 1");
    check("\"\n\"", "a control character in a text at byte 1");
    let deep = "[".repeat(MAX_DEPTH + 1);
    assert!(
        Value::from_json(&deep)
            .unwrap_err()
            .message
            .contains("deeper")
    );
}

#[test]
fn numbers_of_both_kinds_compare_exactly() {
    let check = |left: &str, right: &str, expected: bool| {
        let same = Comparison::bounded(100)
            .equal(&json(left), &json(right))
            .unwrap();
        assert_eq!(same, expected, "{left} == {right}");
    };
    check("1", "1.0", true);
    check("1", "true", true);
    check("0.0", "false", true);
    check("9007199254740993", "9007199254740992.0", false);
    check("9223372036854775807", "9223372036854775808.0", false);
    check("\"1\"", "1", false);
    check("null", "0", false);
    check("[1, {\"a\": 2}]", "[1.0, {\"a\": 2.0}]", true);
    check(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, true);
}

#[test]
fn comparing_ends() {
    let large = Value::List(vec![Value::Int(1); 200]);
    assert_eq!(
        Comparison::bounded(100).equal(&large, &large),
        Err(Incomparable::TooLarge(100))
    );
}

/// Any value that JSON can hold.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(Value::Float),
        any::<String>().prop_map(Value::Str),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|entries| Value::Dict(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn json_reads_back_to_the_last_bit(value in any_value()) {
        let text = value.to_json().unwrap();
        let again = Value::from_json(&text).unwrap();
        prop_assert_eq!(again.to_json().unwrap(), text);
        prop_assert_eq!(&again, &value);
        let through_serde: Value = from_value(value.clone()).unwrap();
        prop_assert_eq!(through_serde, value);
    }

    #[test]
    fn reading_never_panics(text in any::<String>(), junk in r#"[\[\]{}",:0-9eE+.\\u -]{0,40}"#) {
        let _ = Value::from_json(&text);
        let _ = Value::from_json(&junk);
    }
}
