use super::*;
use crate::workflow::value::Value;
use proptest::prelude::*;

fn ty(text: &str) -> Type {
    Type::parse(text).expect(text)
}

#[test]
fn types_read_and_print() {
    let check = |text: &str, expected: &str| assert_eq!(ty(text).to_string(), expected);
    check("str", "str");
    check(" list [ int ] ", "list[int]");
    check(
        "dict[str,list[dict[str, float]]]",
        "dict[str, list[dict[str, float]]]",
    );
    check("list", "list");
    check("dict", "dict");
    check("list[object]", "list[object]");
}

#[test]
fn what_is_no_type_is_told_with_its_place() {
    let check = |text: &str, at: usize, expected: &str| {
        let fault = Type::parse(text).unwrap_err();
        assert_eq!((fault.at, fault.message.as_str()), (at, expected), "{text}");
    };
    check("", 0, "a type is missing");
    check("string", 0, "there is no type `string`");
    check("list[strr]", 5, "there is no type `strr`");
    check("list[str", 8, "expected `]`: `list[T]`");
    check("list[]", 5, "a type is missing");
    check(
        "dict[str]",
        8,
        "expected `,` and the type of the values: `dict[K, V]`",
    );
    check(
        "dict[list, int]",
        5,
        "`list` cannot be the type of a key: write `str`",
    );
    check("str]", 3, "`]` follows the type");
    check("int | None", 4, "`| None` follows the type");
    let deep = format!("{}int{}", "list[".repeat(20), "]".repeat(20));
    assert!(Type::parse(&deep).unwrap_err().message.contains("deeper"));
}

fn person() -> Type {
    let field = |name: &str, of: Type| Field {
        name: name.to_owned(),
        of,
        description: None,
    };
    ty("object").with_fields(&[field("name", Type::Str), field("age", Type::Int)])
}

#[test]
fn values_are_coerced_where_nothing_is_lost() {
    let check = |of: &Type, given: &str, expected: Option<&str>| {
        let given_value = Value::from_json(given).unwrap();
        let coerced = of.coerce(given_value, Elements::Typed);
        let told = coerced.as_ref().ok().map(|value| value.to_json().unwrap());
        assert_eq!(told.as_deref(), expected, "{given} as {of}: {coerced:?}");
    };
    let yes = |of: &str, given: &str, expected: &str| check(&ty(of), given, Some(expected));
    let no = |of: &str, given: &str| check(&ty(of), given, None);
    yes("int", r#""12""#, "12");
    yes("int", r#"" -12 ""#, "-12");
    yes("int", r#""2.0""#, "2");
    yes("int", "2.0", "2");
    yes("int", "true", "1");
    no("int", "2.5");
    no("int", "null");
    no("int", r#""""#);
    no("int", r#""1e3""#);
    no("int", r#""9223372036854775808""#);
    no("int", "9223372036854775808.0");
    no("int", "[1]");
    yes("float", "3", "3.0");
    yes("float", r#""2.5""#, "2.5");
    no("float", r#""inf""#);
    no("float", r#""nan""#);
    yes("bool", r#""yes""#, "true");
    yes("bool", "1", "true");
    yes("bool", "0.0", "false");
    yes("bool", r#""Off""#, "false");
    no("bool", "2");
    no("bool", r#""maybe""#);
    yes("str", r#""a""#, r#""a""#);
    no("str", "5");
    no("str", "null");
    yes("list[int]", r#"["1", 2.0]"#, "[1,2]");
    no("list[int]", "[2.5]");
    yes("list", r#"[1, "a"]"#, r#"[1,"a"]"#);
    yes(
        "dict[str, float]",
        r#"{"b": 1, "a": 2}"#,
        r#"{"b":1.0,"a":2.0}"#,
    );
    no("dict[int, str]", r#"{"a": "b"}"#);
    yes("dict[int, str]", r#"{"7": "b"}"#, r#"{"7":"b"}"#);
    check(
        &person(),
        r#"{"age": "7", "extra": 1, "name": "Ada"}"#,
        Some(r#"{"name":"Ada","age":7}"#),
    );
    check(&person(), r#"{"name": "Ada"}"#, None);
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    let check = |of: &Type, given: &str, expected: &str| {
        let misfit = of
            .coerce(Value::from_json(given).unwrap(), Elements::Typed)
            .unwrap_err();
        assert_eq!(misfit.to_string(), expected);
    };
    check(&ty("int"), "2.5", "expected int, found float 2.5");
    check(&ty("str"), "null", "expected str, found nothing (null)");
    check(
        &ty("list[dict[str, int]]"),
        r#"[{"a": 1}, {"b": "x"}]"#,
        "[1].b: expected int, found str 'x'",
    );
    check(
        &person(),
        r#"{"name": "Ada"}"#,
        "the field `age` (int) is missing",
    );
}

#[test]
fn elements_are_left_alone_where_that_was_asked_for() {
    let value = Value::from_json(r#"["a", 1]"#).unwrap();
    let of = ty("list[int]");
    assert!(of.check(&value, Elements::Typed).is_err());
    assert!(of.check(&value, Elements::Any).is_ok());
    assert_eq!(of.coerce(value.clone(), Elements::Any), Ok(value));
}

#[test]
fn schemas_are_strict_and_in_order() {
    let json = |of: &Type| of.json_schema().to_json().unwrap();
    assert_eq!(
        json(&person()),
        r#"{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"],"additionalProperties":false}"#
    );
    assert_eq!(
        json(&ty("dict[str, list[float]]")),
        r#"{"type":"object","additionalProperties":{"type":"array","items":{"type":"number"}}}"#
    );
}

proptest! {
    #[test]
    fn reading_a_type_never_panics(text in r"[a-z\[\], ]{0,40}", any in any::<String>()) {
        let _ = Type::parse(&any);
        if let Ok(found) = Type::parse(&text) {
            prop_assert_eq!(Type::parse(&found.to_string()), Ok(found));
        }
    }

    #[test]
    fn what_was_coerced_fits(value in crate::workflow::value::tests::any_value(), which in 0usize..9) {
        let of = [
            "int", "float", "bool", "str", "list[int]", "list[str]", "dict[str, bool]", "list", "list[list[float]]",
        ][which];
        let of = ty(of);
        if let Ok(coerced) = of.coerce(value, Elements::Typed) {
            prop_assert_eq!(of.check(&coerced, Elements::Typed), Ok(()));
            prop_assert_eq!(of.coerce(coerced.clone(), Elements::Typed), Ok(coerced));
        }
    }
}
