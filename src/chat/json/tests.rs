//! What the reader takes and what it refuses.

use proptest::prelude::*;

use super::{Fault, JsonError, MAX_KEYS, Scanner, Watch, quote};

fn whole(body: &[u8]) -> Result<(), JsonError> {
    let mut scanner = Scanner::new(body)?;
    scanner.skip()?;
    scanner.finish()
}

fn check(body: impl AsRef<[u8]>, expected: Result<(), (Fault, usize)>) {
    let body = body.as_ref();
    let found = whole(body).map_err(|error| (error.fault, error.at));
    assert_eq!(found, expected, "{}", String::from_utf8_lossy(body));
}

#[test]
fn json_is_taken() {
    for body in [
        "null",
        " true ",
        "false",
        "0",
        "-0",
        "1.5e+3",
        "1E9",
        "\"\"",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[1,2 , 3]",
        r#"{"a":{"a":[{"a":1},{"a":2}]},"b":[]}"#,
        r#""\" \\ \/ \b \f \n \r \t \u00e9 \uD83D\ude00 é""#,
        "\t[\n1\r]\n",
    ] {
        check(body, Ok(()));
    }
}

#[test]
fn what_is_not_json_is_refused_at_its_place() {
    use Fault::{Escape, Number, Trailing, UnexpectedByte, UnexpectedEnd};
    check("", Err((UnexpectedEnd, 0)));
    check("  ", Err((UnexpectedEnd, 2)));
    check("[1,]", Err((UnexpectedByte, 3)));
    check("[,1]", Err((UnexpectedByte, 1)));
    check("[1 2]", Err((UnexpectedByte, 3)));
    check("[1}", Err((UnexpectedByte, 2)));
    check(r#"{"a":1]"#, Err((UnexpectedByte, 6)));
    check(r#"{"a":1,}"#, Err((UnexpectedByte, 7)));
    check(r#"{"a" 1}"#, Err((UnexpectedByte, 5)));
    check("{a:1}", Err((UnexpectedByte, 1)));
    check("{'a':1}", Err((UnexpectedByte, 1)));
    check("nul", Err((UnexpectedByte, 0)));
    check("nulls", Err((Trailing, 4)));
    check("NaN", Err((UnexpectedByte, 0)));
    check("{} {}", Err((Trailing, 3)));
    check("[1]\0", Err((Trailing, 3)));
    check("\u{a0}1", Err((UnexpectedByte, 0)));
    check("[", Err((UnexpectedEnd, 1)));
    check(r#"{"a":"#, Err((UnexpectedEnd, 5)));
    check(r#""abc"#, Err((UnexpectedEnd, 4)));
    check(r#""a\"#, Err((Escape, 2)));
    check(r#""\x""#, Err((Escape, 1)));
    check(r#""\u12g4""#, Err((Escape, 1)));
    check(r#""\u+123""#, Err((Escape, 1)));
    for number in [
        "01", "-", "-a", "1.", "1.e1", "1e", "1e+", ".1", "+1", "0x1",
    ] {
        assert!(whole(number.as_bytes()).is_err(), "{number}");
    }
    check("[-]", Err((Number, 1)));
}

#[test]
fn two_readings_are_one_too_many() {
    use Fault::{ByteOrderMark, Control, DuplicateKey, Nul, Surrogate, Utf8};
    check("\u{feff}{}", Err((ByteOrderMark, 0)));
    check(b"\"ab\xff\"", Err((Utf8, 3)));
    check(b"\"\xed\xa0\x80\"", Err((Utf8, 1)));
    check("\"a\nb\"", Err((Control, 2)));
    check("\"a\u{0}b\"", Err((Control, 2)));
    check(r#""\u0000""#, Err((Nul, 1)));
    check(r#""\ud800""#, Err((Surrogate, 1)));
    check(r#""\ud800\n""#, Err((Surrogate, 1)));
    check(r#""\ud800\ud800""#, Err((Surrogate, 1)));
    check(r#""\ude00""#, Err((Surrogate, 1)));
    check(r#"{"a":1,"a":2}"#, Err((DuplicateKey, 7)));
    check(r#"{"model":1,"mod\u0065l":2}"#, Err((DuplicateKey, 11)));
    check(
        r#"{"mod\u0065l":1,"b":0,"model":2}"#,
        Err((DuplicateKey, 22)),
    );
    check(r#"[{"x":{"a":1,"b":2,"a":3}}]"#, Err((DuplicateKey, 19)));
    check(r#"{"":1,"":2}"#, Err((DuplicateKey, 6)));
    check(r#"{"\u00e9":1,"é":2}"#, Err((DuplicateKey, 12)));
}

#[test]
fn a_message_names_fault_and_place_and_quotes_nothing() {
    let error = whole(br#"{"secret":1,"secret":2}"#).expect_err("twice");
    assert_eq!(error.to_string(), "duplicate key at byte 12");
    assert_eq!(error.code(), "duplicate_key");
}

#[test]
fn nesting_ends_at_its_limit() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    check(nested(128), Ok(()));
    check(nested(129), Err((Fault::Depth, 128)));
    check("[".repeat(100_000), Err((Fault::Depth, 128)));
    let objects = |depth: usize| r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth);
    check(objects(128), Ok(()));
    assert_eq!(
        whole(objects(129).as_bytes()).map_err(|error| error.fault),
        Err(Fault::Depth)
    );
}

#[test]
fn long_numbers_end_at_their_limit() {
    check("1".repeat(64), Ok(()));
    check("1".repeat(65), Err((Fault::Number, 0)));
    check(format!("-{}.{}e{}", "1".repeat(60), "12", "33"), Ok(()));
    check(
        format!("-{}.{}e{}", "1".repeat(60), "12", "333"),
        Err((Fault::Number, 0)),
    );
}

fn object_of(keys: impl Iterator<Item = String>) -> String {
    let members: Vec<String> = keys.map(|key| format!("{}:0", quote(&key))).collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn a_repeated_key_is_found_among_few_and_among_many() {
    for count in [2, 15, 16, 17, 18, 100, 5_000] {
        check(object_of((0..count).map(|key| format!("key{key}"))), Ok(()));
        for again in [0, count / 2, count - 1] {
            let keys = (0..count).chain([again]).map(|key| format!("key{key}"));
            let body = object_of(keys);
            let at = body.rfind(&format!("\"key{again}\"")).expect("there");
            check(body, Err((Fault::DuplicateKey, at)));
        }
    }
}

#[test]
fn keys_that_differ_only_in_the_middle_are_different() {
    check(
        object_of((0..64).map(|key| format!("aaaaaaaaaaaaaaaa{key:02}bbbbbbbbbbbbbbbb"))),
        Ok(()),
    );
}

#[test]
fn keys_end_at_their_limit() {
    check(object_of((0..MAX_KEYS).map(|key| key.to_string())), Ok(()));
    let over = object_of((0..=MAX_KEYS).map(|key| key.to_string()));
    assert_eq!(
        whole(over.as_bytes()).map_err(|error| error.fault),
        Err(Fault::TooManyKeys)
    );
}

#[test]
fn the_watcher_hears_keys_and_the_strings_it_asked_for() {
    #[derive(Default)]
    struct Heard(Vec<String>);
    impl Watch for Heard {
        fn key(&mut self, key: &[u8]) -> bool {
            key == b"type"
        }
        fn text(&mut self, text: &[u8]) {
            self.0.push(String::from_utf8_lossy(text).into_owned());
        }
    }
    let body = br#"[{"type":"a","x":"no","type2":"no"},{"x":[{"ty\u0070e":"\u0062","y":1}],"type":{"y":"no"}}]"#;
    let mut heard = Heard::default();
    let mut scanner = Scanner::new(body).expect("UTF-8");
    scanner.watch(&mut heard).expect("JSON");
    assert_eq!(heard.0, ["a", "b"]);
}

/// JSON-ish text: mostly right, often almost.
fn jsonish() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"\\u0041\"",
        "\"\\ud83d\\ude00\"",
        "\"",
        "\\",
        "1",
        "-",
        "0",
        "1.5",
        "e3",
        "true",
        "null",
        "false",
        " ",
        "\n",
        "é",
        "\"a\":",
        "\"b\":1",
        "[]",
        "{}",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[^\0]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[^\0]{0,9}", inner, 0..20)
                .prop_map(|map| Value::from(map.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_a_writer_writes_is_taken(value in value(), pretty in any::<bool>()) {
        let body = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
        let body = body.expect("writes");
        prop_assert_eq!(whole(&body), Ok(()));
        let cut = body.len() / 2;
        let half = &body[..cut];
        prop_assert_eq!(whole(half).is_ok(), serde_json::from_slice::<serde_json::Value>(half).is_ok());
    }

    #[test]
    fn what_is_taken_is_what_the_other_parser_takes_except_for_our_stricter_rules(body in jsonish()) {
        let theirs = serde_json::from_str::<serde_json::Value>(&body).is_ok();
        match whole(body.as_bytes()) {
            Ok(()) => prop_assert!(theirs, "{}", body),
            Err(error) if error.fault == Fault::DuplicateKey => {}
            Err(_) => prop_assert!(!theirs, "{}", body),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = whole(&body);
        let _ = whole(&[b"{\"a\":[\"", body.as_slice(), b"\"]}"].concat());
    }

    #[test]
    fn a_string_says_what_was_quoted(text in "[^\0]{0,80}") {
        for body in [quote(&text), serde_json::to_string(&text).expect("writes")] {
            let mut scanner = Scanner::new(body.as_bytes()).expect("UTF-8");
            let found = scanner.text().expect("a string");
            prop_assert_eq!(&*found.decoded(body.as_bytes()), text.as_bytes());
        }
    }

    #[test]
    fn escapes_say_what_they_say(text in "[^\0]{0,20}") {
        let escaped = text.encode_utf16().fold(String::new(), |all, unit| all + &format!("\\u{unit:04X}"));
        let body = format!("\"{escaped}\"");
        let mut scanner = Scanner::new(body.as_bytes()).expect("UTF-8");
        let found = scanner.text().expect("a string");
        prop_assert_eq!(&*found.decoded(body.as_bytes()), text.as_bytes());
    }
}
