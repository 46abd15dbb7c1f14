//! How messages are spelled: JSON with whole nano-dollars and other numbers of 64 bits as strings of digits (many readers of
//! JSON round such numbers), whole milliseconds, and ids of 32 hexadecimal digits.
//!
//! Amounts below zero are refused where they are read, and so are fractions and signs. Fields we do not know are passed over:
//! a newer side may say more.

use serde::{Deserialize, Deserializer, Serializer, de};
use std::time::Duration;

/// Money as whole nano-dollars.
pub(in crate::lease) mod nanos {
    use super::{Deserializer, Serializer, de};
    use crate::units::Money;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(in crate::lease) fn serialize<S: Serializer>(
        money: &Money,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&money.nanos())
    }

    pub(in crate::lease) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Money, D::Error> {
        let digits = super::digits(deserializer)?;
        let nanos = digits.parse::<i64>().map_err(|_| {
            de::Error::custom(format_args!(
                "{digits} nano-dollars are more than can be counted"
            ))
        })?;
        Ok(Money::from_nanos(nanos))
    }
}

/// The same where there may be none.
pub(super) mod some_nanos {
    use super::{Deserialize, Deserializer, Serializer, nanos};
    use crate::units::Money;

    #[derive(Deserialize)]
    struct Whole(#[serde(with = "nanos")] Money);

    #[expect(clippy::ref_option, reason = "as serde calls it")]
    pub(in super::super) fn serialize<S: Serializer>(
        money: &Option<Money>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match money {
            Some(money) => nanos::serialize(money, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Money>, D::Error> {
        Ok(Option::<Whole>::deserialize(deserializer)?.map(|whole| whole.0))
    }
}

/// The digits of a number, nothing else.
fn digits<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<std::borrow::Cow<'de, str>, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(de::Error::custom(format_args!(
            "`{text}` is no whole number from zero up"
        )));
    }
    Ok(text)
}

/// A number of 64 bits.
pub(in crate::lease) mod number {
    use super::{Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(in crate::lease) fn serialize<S: Serializer>(
        number: &u64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(in crate::lease) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u64, D::Error> {
        let digits = super::digits(deserializer)?;
        // No more than a store can keep: one such number would spoil the commit of all that came with it.
        let number: Option<u64> = digits.parse().ok();
        number
            .filter(|number| i64::try_from(*number).is_ok())
            .ok_or_else(|| de::Error::custom(format_args!("{digits} is more than can be counted")))
    }
}

/// A length of time in whole milliseconds.
pub(super) mod millis {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// The same where there may be none.
pub(super) mod some_millis {
    use super::{Deserialize, Deserializer, Duration, Serializer, millis};

    #[derive(Deserialize)]
    struct Whole(#[serde(with = "millis")] Duration);

    #[expect(clippy::ref_option, reason = "as serde calls it")]
    pub(in super::super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => millis::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Whole>::deserialize(deserializer)?.map(|whole| whole.0))
    }
}

/// An id as 32 hexadecimal digits: more than most readers of JSON can count.
pub(super) mod hex {
    use super::{Deserialize, Deserializer, Serializer, de};
    use std::borrow::Cow;

    pub(in super::super) fn serialize<S: Serializer>(
        id: &u128,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{id:032x}"))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = digits.then(|| u128::from_str_radix(&text, 16).ok());
        id.flatten()
            .ok_or_else(|| de::Error::custom("an id has 32 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use crate::lease::protocol::{
        Answer, Deny, DiskId, Final, Grant, LeafId, LeaseId, Line, Reason, RouterId, Short, Sync,
        Synced, Usage, Want,
    };
    use crate::units::Money;
    use std::time::Duration;

    fn sync() -> Sync {
        let usd = Money::from_nanos;
        Sync {
            router: RouterId(0xa1),
            incarnation: 3,
            seq: 9,
            leases: vec![Line {
                lease: LeaseId(0xb2),
                fence: 7,
                settled: usd(1_500_000_000),
                returned: usd(0),
                reserved: usd(40_000_000),
                overrun: usd(1),
                closing: false,
                usage: vec![
                    Usage {
                        model: "gpt-4o".into(),
                        input: 120_000,
                        output: 8_000,
                        calls: 12,
                        cost: usd(1_500_000_000),
                    },
                    Usage {
                        calls: 1,
                        cost: usd(1),
                        ..Usage::default()
                    },
                ],
            }],
            wants: vec![Want {
                leaf: LeafId(4),
                need: usd(250_000_000),
                rate: usd(9_000_000),
            }],
            finals: vec![Final {
                lease: LeaseId(0xb1),
                settled: usd(5),
                in_flight: usd(6),
                overrun: usd(0),
                uncertain: usd(7),
            }],
        }
    }

    fn answers() -> [Answer; 3] {
        let grant = Grant {
            lease: LeaseId(0xb2),
            fence: 7,
            leaf: LeafId(4),
            granted: Money::from_nanos(2_000_000_000),
            valid_for: Duration::from_mins(15),
            drain_for: Duration::from_mins(10),
            keep: Some(Money::ZERO),
            tightest: None,
        };
        let deny = Deny {
            leaf: LeafId(5),
            reason: Reason::UnknownLeaf,
            retry_after: Duration::from_mins(1),
            short: None,
        };
        let short = Short {
            budget: 3,
            limit: Money::from_nanos(10_000_000_000),
            spent: Money::from_nanos(9_000_000_000),
            held: Money::from_nanos(999_000_000),
            resets_in: Some(Duration::from_hours(2)),
        };
        let exhausted = Deny {
            reason: Reason::Exhausted,
            short: Some(short),
            ..deny
        };
        [
            Answer::Welcome {
                disk: DiskId(0xd1),
                start: 12,
                incarnation: 3,
            },
            Answer::Fenced {
                incarnation: 2,
                seq: 4,
            },
            Answer::Synced(Synced {
                seq: 9,
                incarnation: 3,
                grants: vec![
                    grant,
                    Grant {
                        keep: None,
                        tightest: Some(short),
                        ..grant
                    },
                ],
                denies: vec![deny, exhausted],
            }),
        ]
    }

    #[test]
    fn messages_are_spelled_as_the_treaty_has_them() {
        insta::assert_snapshot!("sync", serde_json::to_string_pretty(&sync()).expect("JSON"));
        insta::assert_snapshot!(
            "answers",
            serde_json::to_string_pretty(&answers()).expect("JSON")
        );
    }

    #[test]
    fn what_is_said_is_what_is_heard() {
        let said = serde_json::to_string(&sync()).expect("JSON");
        assert_eq!(serde_json::from_str::<Sync>(&said).expect("a sync"), sync());
        for answer in answers() {
            let said = serde_json::to_string(&answer).expect("JSON");
            assert_eq!(
                serde_json::from_str::<Answer>(&said).expect("an answer"),
                answer
            );
        }
    }

    #[test]
    fn amounts_that_cannot_be_are_refused_with_their_reason() {
        let said = serde_json::to_string(&sync()).expect("JSON");
        for (amount, fault) in [
            ("\"-1\"", "no whole number"),
            ("\"1.5\"", "no whole number"),
            ("\"1e300\"", "no whole number"),
            ("\"+1\"", "no whole number"),
            ("\"NaN\"", "no whole number"),
            ("\"\"", "no whole number"),
            ("1", "string"),
            ("NaN", "expected value"),
            ("\"9223372036854775808\"", "more than can be counted"),
            ("null", "null"),
        ] {
            let forged = said.replace("\"1500000000\"", amount);
            let error = serde_json::from_str::<Sync>(&forged).expect_err(amount);
            assert!(error.to_string().contains(fault), "{amount}: {error}");
        }
        for id in [
            "",
            "a1",
            "000000000000000000000000000000zz",
            "+0000000000000000000000000000001",
        ] {
            let forged = said.replace("000000000000000000000000000000a1", id);
            serde_json::from_str::<Sync>(&forged).expect_err(id);
        }
    }

    #[test]
    fn a_number_that_no_store_can_keep_is_refused_where_it_is_read() {
        let said = serde_json::to_string(&sync()).expect("JSON");
        for seq in ["9223372036854775808", "18446744073709551616", "-1", ""] {
            let forged = said.replace("\"seq\":\"9\"", &format!("\"seq\":\"{seq}\""));
            assert_ne!(forged, said);
            serde_json::from_str::<Sync>(&forged).expect_err(seq);
        }
    }

    #[test]
    fn who_tells_nothing_of_models_is_heard_and_told_nothing_of_them() {
        let mut plain = sync();
        for line in &mut plain.leases {
            line.usage.clear();
        }
        let said = serde_json::to_string(&plain).expect("JSON");
        assert!(!said.contains("usage"), "{said}");
        assert_eq!(serde_json::from_str::<Sync>(&said).expect("a sync"), plain);
    }

    #[test]
    fn counts_of_calls_and_tokens_that_cannot_be_are_refused() {
        let said = serde_json::to_string(&sync()).expect("JSON");
        for forged in ["\"-1\"", "\"0.5\"", "7", "\"9223372036854775808\"", "null"] {
            for field in [
                "\"calls\":\"12\"",
                "\"tokens_in\":\"120000\"",
                "\"cost_total\":\"1\"",
            ] {
                let (name, _) = field.split_once(':').expect("a field");
                let other = said.replace(field, &format!("{name}:{forged}"));
                assert_ne!(other, said);
                serde_json::from_str::<Sync>(&other).expect_err(forged);
            }
        }
    }

    #[test]
    fn what_a_newer_side_says_besides_is_passed_over() {
        let said = serde_json::to_string(&sync()).expect("JSON");
        let more = said.replacen('{', "{\"mood\":\"fine\",", 1);
        assert_eq!(serde_json::from_str::<Sync>(&more).expect("a sync"), sync());
    }
}
