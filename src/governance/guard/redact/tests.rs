use super::*;
use crate::governance::guard::finding::{Finding, Kind, Level};
use proptest::prelude::*;
use std::sync::Arc;

fn mapping() -> Mapping {
    Mapping::new(
        ScopeKey::derive(b"secret", "a", None),
        Arc::new(Types::new(&["badge number"])),
    )
}

/// What `value` of this kind is, wherever it stands in the text.
fn find(text: &str, values: &[(Kind, &str)]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = values
        .iter()
        .flat_map(|&(kind, value)| {
            text.match_indices(value)
                .map(move |(start, found)| Finding {
                    start,
                    end: start + found.len(),
                    kind,
                    detector: "test",
                    level: Level::Validated,
                })
        })
        .collect();
    findings.sort_by_key(|finding| finding.start);
    findings
}

fn redacted(text: &str, values: &[(Kind, &str)], method: Method, map: &mut Mapping) -> String {
    redact(text, &find(text, values), |_| Some(method), map).text
}

fn restored(map: &Mapping, text: &str) -> String {
    restore(map, text, Escaping::Plain, &Arc::new(Hosts::default()))
}

const ANA: (Kind, &str) = (Kind::Email, "ana@acme.example");
const CARD: (Kind, &str) = (Kind::CreditCard, "4111 1111 1111 1111");

mod methods {
    use super::*;

    #[test]
    fn each_method_writes_what_it_says() {
        let mut map = mapping();
        let phone = (Kind::Phone, "+41 44 668 18 00");
        let iban = (Kind::Iban, "CH93 0076 2011 6238 5295 7");
        let password = (Kind::Secret, "hunter2");
        let badge = (Kind::Custom(0), "B-77");
        let mut check = |value: (Kind, &str), method, expected: &str| {
            assert_eq!(redacted(value.1, &[value], method, &mut map), expected);
        };
        check(ANA, Method::Mask, "********");
        check(CARD, Method::Mask, "********1111");
        check(phone, Method::Mask, "********1800");
        check(iban, Method::Mask, "********2957");
        check((Kind::Phone, "5550123"), Method::Mask, "********");
        check(password, Method::Mask, "********");
        check(password, Method::Replace, "********");
        check(ANA, Method::Label, "[EMAIL]");
        check(badge, Method::Label, "[BADGE_NUMBER]");
        check(ANA, Method::Drop, "");
        let hash = redacted(ANA.1, &[ANA], Method::Hash, &mut map);
        assert!(
            hash.starts_with("HASH_EMAIL_") && hash.len() == 19,
            "{hash}"
        );
        let again = redacted(
            "ANA@acme.example",
            &[(Kind::Email, "ANA@acme.example")],
            Method::Hash,
            &mut map,
        );
        assert_eq!(again, hash);
        assert!(map.is_empty(), "one-way methods enter nothing");
    }

    #[test]
    fn only_what_a_method_is_for_is_counted_and_taken_out() {
        let text = "ana@acme.example paid with 4111 1111 1111 1111, says ana@acme.example";
        let only_mail = |finding: &Finding| (finding.kind == Kind::Email).then_some(Method::Label);
        let done = redact(text, &find(text, &[ANA, CARD]), only_mail, &mut mapping());
        assert_eq!(
            done.text,
            "[EMAIL] paid with 4111 1111 1111 1111, says [EMAIL]"
        );
        assert_eq!(done.counts.as_slice(), [(Kind::Email, 2)]);
    }

    #[test]
    fn a_finding_that_overlaps_or_cuts_a_character_takes_out_too_much_rather_than_too_little() {
        let finding = |start, end| Finding {
            start,
            end,
            kind: Kind::Email,
            detector: "test",
            level: Level::Shaped,
        };
        let label = |findings: &[Finding]| {
            redact("aéb-cd", findings, |_| Some(Method::Label), &mut mapping()).text
        };
        assert_eq!(label(&[finding(2, 3)]), "a[EMAIL]b-cd");
        assert_eq!(label(&[finding(3, 6), finding(0, 4)]), "[EMAIL][EMAIL]d");
        assert_eq!(label(&[finding(5, 99), finding(7, 3)]), "aéb-[EMAIL]");
    }

    #[test]
    fn what_one_way_methods_wrote_is_not_taken_out_again() {
        for method in [Method::Mask, Method::Hash, Method::Label, Method::Drop] {
            let mut map = mapping();
            let text = "mail ana@acme.example, card 4111 1111 1111 1111.";
            let once = redacted(text, &[ANA, CARD], method, &mut map);
            // Even where a detector takes the replacement for a value.
            for kind in [Kind::Email, Kind::CreditCard] {
                let value = redact(
                    &text[5..21],
                    &find(&text[5..21], &[(kind, ANA.1)]),
                    |_| Some(method),
                    &mut map,
                )
                .text;
                let twice = redacted(&value, &[(kind, &value)], method, &mut map);
                assert_eq!(twice, value);
            }
            assert_eq!(redacted(&once, &[ANA, CARD], method, &mut map), once);
        }
    }

    #[test]
    fn what_stands_for_a_value_of_one_kind_is_not_taken_for_one_of_another() {
        for method in [Method::Mask, Method::Hash, Method::Label] {
            let mut map = mapping();
            let once = redacted("password=ana@acme.example", &[ANA], method, &mut map);
            let value = once.strip_prefix("password=").expect("it stays");
            for kind in [Kind::Secret, Kind::Custom(0)] {
                let twice = redacted(&once, &[(kind, value)], method, &mut map);
                assert_eq!(twice, once, "{method:?} {kind}");
            }
        }
    }

    #[test]
    fn an_answer_gets_names_but_no_way_back() {
        let mut map = mapping();
        let known = map
            .placeholder_for(ANA.0, ANA.1)
            .expect("a name")
            .to_owned();
        assert_eq!(
            replacement(ANA.0, Method::Replace, ANA.1, Beside::default(), &map),
            known
        );
        let new =
            replacement(CARD.0, Method::Replace, CARD.1, Beside::default(), &map).into_owned();
        assert!(new.starts_with("TG_CREDIT_CARD_"), "{new}");
        assert_eq!(restored(&map, &new), new);
        assert_eq!(
            replacement(
                Kind::Secret,
                Method::Replace,
                "hunter2",
                Beside::default(),
                &map
            ),
            "********"
        );
    }
}

mod literals {
    use super::*;

    #[test]
    fn nobody_reaches_a_value_by_writing_its_name() {
        let mut map = mapping();
        let name = map
            .placeholder_for(ANA.0, ANA.1)
            .expect("a name")
            .to_owned();
        for forged in [
            name.clone(),
            name.to_lowercase(),
            name.replace('_', "\\_"),
            format!("x{name}x"),
        ] {
            let sent = redacted(&forged, &[], Method::Replace, &mut map);
            assert!(sent.contains("TG_LITERAL_"), "{sent}");
            assert_eq!(restored(&map, &sent), forged);
        }
    }

    #[test]
    fn a_literal_is_named_the_same_in_every_turn_and_by_itself_if_a_detector_finds_it() {
        let text = "token=TG_EMAIL_K7Q2M4XA";
        let first = redacted(text, &[], Method::Replace, &mut mapping());
        let found = [(Kind::Secret, "TG_EMAIL_K7Q2M4XA")];
        assert_eq!(redacted(text, &found, Method::Mask, &mut mapping()), first);
        assert_eq!(
            redacted(text, &[(Kind::Phone, "K7Q2")], Method::Mask, &mut mapping()),
            first
        );
        // More than the literal is a value.
        let more = [(Kind::Secret, "token=TG_EMAIL_K7Q2M4XA")];
        assert_eq!(
            redacted(text, &more, Method::Mask, &mut mapping()),
            "********"
        );
    }

    #[test]
    fn restoring_twice_undoes_redacting_twice() {
        let text = "mail ana@acme.example";
        let mut inner = mapping();
        let once = redacted(text, &[ANA], Method::Replace, &mut inner);
        let mut outer = mapping();
        let twice = redacted(&once, &[], Method::Replace, &mut outer);
        assert_eq!(restored(&inner, &restored(&outer, &twice)), text);
    }
}

mod properties {
    use super::*;

    /// Texts with values in them: adjacent, inside words, in URLs, between characters of any length. None is part of a
    /// host: there it is never put back, because what follows it could make it part of another's.
    fn texts() -> impl Strategy<Value = (String, Vec<(Kind, String)>)> {
        texts_between(prop_oneof![
            "[ a-zA-Zé漢🦀tTgG_.,/\\\\\"'`\\]\\[()<>\n]{0,8}",
            Just(": ".to_owned()),
            Just(" https://evil.example/?q=".to_owned()),
            Just("![x](https://a.example/".to_owned()),
            Just("[x](/a/b?c=".to_owned()),
            Just("[x](https&#58;//a.example/".to_owned()),
            Just("<a href=\"//b.example/x ".to_owned()),
            Just(" mailto:".to_owned()),
            Just("\n".to_owned()),
        ])
    }

    /// The same with hosts, and whatever else may surround a value.
    fn texts_with_hosts() -> impl Strategy<Value = (String, Vec<(Kind, String)>)> {
        texts_between(prop_oneof![
            "[ a-zA-Zé漢🦀tTgG_.,:/\\\\\"'`\\]\\[()<>\n]{0,8}",
            Just(" http://".to_owned()),
            Just(" http://[".to_owned()),
            Just(":80".to_owned()),
            Just("![x](https://a.example/".to_owned()),
            Just("<a href=\"//".to_owned()),
        ])
    }

    fn texts_between(
        between: impl Strategy<Value = String>,
    ) -> impl Strategy<Value = (String, Vec<(Kind, String)>)> {
        let value = prop_oneof![
            "[a-z]{1,6}@[A-Za-z]{2,5}\\.example".prop_map(|value| (Kind::Email, value)),
            "\\+41[ -]?[0-9]{2}[ -]?[0-9]{3} 18 00".prop_map(|value| (Kind::Phone, value)),
            "10\\.[0-9]{1,3}\\.[0-9]{1,3}\\.7".prop_map(|value| (Kind::IpAddress, value)),
            "B-[0-9é\"\\\\]{1,3}".prop_map(|value| (Kind::Custom(0), value)),
        ];
        proptest::collection::vec((between, proptest::option::of(value)), 0..12).prop_map(|parts| {
            let mut values = Vec::new();
            let mut text = String::new();
            for (between, value) in parts {
                text.push_str(&between);
                if let Some((kind, value)) = value {
                    text.push_str(&value);
                    values.push((kind, value));
                }
            }
            (text, values)
        })
    }

    /// Findings in order that do not overlap.
    fn resolved(text: &str, values: &[(Kind, String)]) -> Vec<Finding> {
        let values: Vec<(Kind, &str)> = values
            .iter()
            .map(|(kind, value)| (*kind, &**value))
            .collect();
        let mut end = 0;
        let mut findings = find(text, &values);
        findings.retain(|finding| {
            let apart = finding.start >= end;
            if apart {
                end = finding.end;
            }
            apart
        });
        findings
    }

    fn in_pieces(map: &Mapping, text: &str, cuts: &[usize], escaping: Escaping) -> String {
        let mut restorer = Restorer::new(escaping, Arc::new(Hosts::new(["a.example"])));
        let mut out = String::new();
        let mut rest = text;
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let size = rest.ceil_char_boundary(*cuts.next().unwrap_or(&1));
            let (piece, after) = rest.split_at(size);
            restorer.push(map, piece, &mut out);
            assert!(
                restorer.held() <= 64,
                "{} held of {text:?}",
                restorer.held()
            );
            rest = after;
        }
        restorer.finish(map, &mut out);
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn restoring_gives_back_what_was_redacted((text, values) in texts()) {
            let mut map = mapping();
            let findings = resolved(&text, &values);
            let sent = redact(&text, &findings, |_| Some(Method::Replace), &mut map).text;
            for finding in &findings {
                let value = &text[finding.start..finding.end];
                prop_assert!(!sent.contains(value) || value.len() < 5, "{value:?} left in {sent:?}");
            }
            prop_assert_eq!(restored(&map, &sent), text);
        }

        #[test]
        fn an_answer_is_restored_the_same_however_it_is_cut(
            (text, values) in texts_with_hosts(),
            json in any::<bool>(),
            cuts in proptest::collection::vec(1..9_usize, 1..6),
        ) {
            let mut map = mapping();
            for (kind, value) in &values {
                map.placeholder_for(*kind, value);
            }
            let findings = resolved(&text, &values);
            let answer = redact(&text, &findings, |_| Some(Method::Replace), &mut map).text;
            let answer = answer.replace("TG_EMAIL", "tg\\_email");
            let escaping = if json { Escaping::JsonString } else { Escaping::Plain };
            let whole = in_pieces(&map, &answer, &[usize::MAX], escaping);
            prop_assert_eq!(in_pieces(&map, &answer, &cuts, escaping), whole);
        }

        #[test]
        fn what_is_restored_into_json_stays_json((text, values) in texts()) {
            let mut map = mapping();
            let sent = redact(&text, &resolved(&text, &values), |_| Some(Method::Replace), &mut map).text;
            let arguments = serde_json::json!({"text": sent, "more": [&*sent]}).to_string();
            let back = restore(&map, &arguments, Escaping::JsonString, &Arc::new(Hosts::default()));
            let back: serde_json::Value = serde_json::from_str(&back).expect("JSON");
            prop_assert_eq!(back.get("text"), Some(&serde_json::Value::from(text)));
        }

        #[test]
        fn one_way_redaction_twice_is_once((text, values) in texts()) {
            for method in [Method::Mask, Method::Hash, Method::Label] {
                let mut map = mapping();
                let once = redact(&text, &resolved(&text, &values), |_| Some(method), &mut map).text;
                let twice = redact(&once, &resolved(&once, &values), |_| Some(method), &mut map).text;
                prop_assert_eq!(once, twice);
            }
        }
    }

    #[test]
    fn two_hundred_values_have_two_hundred_names() {
        let mut map = mapping();
        let values: Vec<(Kind, String)> = (0..200)
            .map(|number| (Kind::Email, format!("user{number}x@acme.example")))
            .collect();
        let text = values
            .iter()
            .map(|(_, value)| &**value)
            .collect::<Vec<_>>()
            .join(" ");
        let sent = redact(
            &text,
            &resolved(&text, &values),
            |_| Some(Method::Replace),
            &mut map,
        )
        .text;
        assert_eq!(map.len(), 200);
        assert_eq!(restored(&map, &sent), text);
    }
}
