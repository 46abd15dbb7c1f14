use super::*;
use crate::workflow::value::Dict;
use proptest::prelude::*;

fn state() -> Dict {
    let text = r#"{"n":5,"f":2.5,"one":1,"yes":true,"no":false,"s":"héllo","e":"","l":[1,"a",null],"d":{"k":{"v":7}},"z":0,
        "nothing":null}"#;
    match Value::from_json(text).unwrap() {
        Value::Dict(entries) => entries,
        other => panic!("{other:?}"),
    }
}

fn parse(text: &str) -> Expr {
    Expr::parse(text).expect(text).expr
}

#[test]
fn conditions_hold_as_in_python() {
    let check = |text: &str, expected: bool| {
        assert_eq!(parse(text).holds(&state()), Ok(expected), "{text}");
    };
    check("state.n > 4", true);
    check("state.n == 5.0", true);
    check("state.one == True", true);
    check("state.yes == 1", true);
    check("state.n > 4 and state.f < 2 or state.yes", true);
    check("not state.n == 4", true);
    check("not (state.yes or state.no)", false);
    check("state.missing == None", true);
    check("state.d.k.v == 7", true);
    check("state.d.x.y == null", true);
    check("state.n.x == None", true);
    check("{state.n} == 5", true);
    check("len({state.s}) == 5", true);
    check("len(state.l) >= 3", true);
    check("len(state.l,) >= 3", true);
    check("'a' in state.l", true);
    check("None in state.l", true);
    check("2 not in state.l", true);
    check("'éll' in state.s", true);
    check("'k' in state.d", true);
    check("state.n in [1, 2, state.n]", true);
    check("1 < state.n < 10", true);
    check("1 < state.n < 3", false);
    check("10 < state.n < state.s", false);
    check("state.e", false);
    check("state.z or state.s", true);
    check("(state.z or state.n) == 5", true);
    check("not not state.n", true);
    check("[1, 2] < [1, 3]", true);
    check("[] == []", true);
    check("-1 < 0", true);
    check("'b' > 'a'", true);
    check("1e3 == 1000", true);
    check(".5 < 1.", true);
    check("\"it's\" == 'it\\'s'", true);
    check("true == True and null == None", true);
}

#[test]
fn what_cannot_be_compared_is_told_as_python_tells_it() {
    let check = |text: &str, expected: &str| {
        let fault = parse(text).holds(&state()).expect_err(text);
        assert_eq!(fault.to_string(), expected, "{text}");
    };
    check(
        "state.missing > 1",
        "'>' not supported between instances of 'NoneType' and 'int'",
    );
    check(
        "state.s < 1",
        "'<' not supported between instances of 'str' and 'int'",
    );
    check(
        "state.d < state.d",
        "'<' not supported between instances of 'dict' and 'dict'",
    );
    check("len(state.n) > 1", "object of type 'int' has no len()");
    check(
        "1 in state.s",
        "'in <string>' requires string as left operand, not int",
    );
    check("1 in state.n", "argument of type 'int' is not iterable");
    check("[1] in state.d", "unhashable type: 'list'");
    check(
        "[1, 'a'] < [1, 2]",
        "'<' not supported between instances of 'str' and 'int'",
    );
}

#[test]
fn what_is_no_condition_is_told_with_its_place() {
    let check = |text: &str, at: usize, message: &str| {
        let fault = Expr::parse(text).expect_err(text);
        assert_eq!((fault.at, fault.message.as_str()), (at, message), "{text}");
    };
    check("", 0, "the condition is empty");
    check("state.n >", 9, "expected a value: the condition ends here");
    check("score > 1", 0, "`score` is no value");
    check("state", 5, "`state` needs a field");
    check(
        "state.",
        6,
        "expected the name of a field: the condition ends here",
    );
    check("state.n = 1", 8, "`=` is not an operator here");
    check("state.n && 1", 8, "`&&` is not an operator here");
    check("!state.n", 0, "`!` is not an operator here");
    check("state.n is None", 8, "`is` is not supported");
    check(
        "state.s.upper() == 'A'",
        13,
        "methods cannot be called: `len(…)` is the only function",
    );
    check("max(1) == 1", 0, "there is no function `max`");
    check("state.l[0] == 1", 7, "indices are not supported");
    check("state.n + 1", 8, "`+` has no meaning in a condition");
    check("- state.n", 2, "`-` stands before a number only");
    check("(state.n", 8, "expected `)`: the condition ends here");
    check("(1, 2) == 1", 2, "tuples are not supported");
    check("state.n == not 1", 11, "expected a value, found `not`");
    check("1 2", 2, "expected an operator or the end, found `2`");
    check("'a", 0, "a text without its closing quote");
    check("f'a'", 1, "texts with a prefix (`f`) are not supported");
    check("1_000 > 1", 0, "not a number in plain digits");
    check("010 > 1", 0, "`010` begins with a zero");
    check(
        "9223372036854775808 > 1",
        0,
        "`9223372036854775808` does not fit into 64 bits",
    );
    check(
        "1 if state.n else 2",
        2,
        "expected an operator or the end, found `if`",
    );
    check("'\\q' == 'a'", 1, "an unknown escape in a text");
    let deep = format!("{}1{}", "(".repeat(30), ")".repeat(30));
    assert!(Expr::parse(&deep).unwrap_err().message.contains("deeper"));
    let nots = "not ".repeat(30) + "1";
    assert!(Expr::parse(&nots).unwrap_err().message.contains("deeper"));
}

#[test]
fn the_smallest_number_is_a_number() {
    assert_eq!(
        parse("-9223372036854775808"),
        Expr::Literal(Value::Int(i64::MIN))
    );
}

#[test]
fn conditions_print_as_they_should_have_been_written() {
    let check = |text: &str, expected: &str| assert_eq!(parse(text).to_string(), expected);
    check("{state.a}>1", "state.a > 1");
    check("len({state.a.b})==0", "len(state.a.b) == 0");
    check(
        "((state.a or state.b)) and not (state.c and state.d)",
        "(state.a or state.b) and not (state.c and state.d)",
    );
    check("(state.a == 1) == true", "(state.a == 1) == True");
    check("not (state.a == 1)", "not state.a == 1");
    check("[1,state.a]==[\"x\",]", "[1, state.a] == ['x']");
}

#[test]
fn evaluation_is_bounded() {
    let items = Value::List(vec![Value::Int(0); 200_000]);
    let state: Dict = [("l".to_owned(), items)].into_iter().collect();
    let fault = parse("1 in state.l").holds(&state).unwrap_err();
    assert!(fault.to_string().contains("too large"), "{fault}");
}

/// Any expression that can be written.
pub(crate) fn any_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| Expr::Literal(Value::Int(number))),
        any::<bool>().prop_map(|flag| Expr::Literal(Value::Bool(flag))),
        "[a-c'\"\\\\\n]{0,3}".prop_map(|text| Expr::Literal(Value::Str(text))),
        prop::collection::vec("[a-c]{1,2}", 1..3).prop_map(Expr::Field),
        Just(Expr::Literal(Value::Null)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let op = prop_oneof![
            Just(Op::Equal),
            Just(Op::Unequal),
            Just(Op::Less),
            Just(Op::AtMost),
            Just(Op::Greater),
            Just(Op::AtLeast),
            Just(Op::In),
            Just(Op::NotIn),
        ];
        prop_oneof![
            inner.clone().prop_map(|expr| Expr::Not(Box::new(expr))),
            inner.clone().prop_map(|expr| Expr::Len(Box::new(expr))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
            (inner.clone(), prop::collection::vec((op, inner), 1..3)).prop_map(|(first, rest)| {
                let rest = rest
                    .into_iter()
                    .map(|(op, with)| Compared { op, with })
                    .collect();
                Expr::Compare(Box::new(Comparisons { first, rest }))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_prints_reads_back_and_means_the_same(expr in any_expr()) {
        let text = expr.to_string();
        let again = parse(&text);
        prop_assert_eq!(again.to_string(), text);
        let state = state();
        prop_assert_eq!(again.value(&state), expr.value(&state));
    }

    #[test]
    fn reading_never_panics(any in any::<String>(), text in r#"(state|\.|[a-z]|len|\(|\)|not|in| |[0-9]|'|"|<|=|\[|\]|,|-|\{|\}){0,20}"#) {
        let _ = Expr::parse(&any);
        if let Ok(parsed) = Expr::parse(&text) {
            let _ = parsed.expr.holds(&state());
        }
    }
}
