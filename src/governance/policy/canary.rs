//! A share of callers, always the same ones: a rule with `canary: 10%` holds for them and is in shadow for the others.
//!
//! The caller and the rule's id are hashed together, so that different rules try their luck on different callers, and
//! raising the share keeps those who were in.

use crate::stable;

/// Parts of ten thousand.
const WHOLE: u64 = 10_000;

/// A share in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Canary(u16);

impl Canary {
    /// `10%`, `0.5%`, `12.25%`; more than all and finer than a hundredth are nothing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = text.strip_suffix('%')?.trim_end();
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 2 {
            return None;
        }
        let hundredths: u16 = format!("{part:0<2}").parse().ok()?;
        let all = whole
            .parse::<u16>()
            .ok()?
            .checked_mul(100)?
            .checked_add(hundredths)?;
        (u64::from(all) <= WHOLE).then_some(Self(all))
    }

    /// Whether the rule holds for this caller.
    pub(super) fn holds(self, rule: &str, caller: &str) -> bool {
        lot(rule, caller) < u64::from(self.0)
    }
}

/// Where a caller stands among ten thousand, for one rule.
fn lot(rule: &str, caller: &str) -> u64 {
    let hash = stable::hash(rule.bytes().chain([0]).chain(caller.bytes()));
    stable::spread(hash).rem_euclid(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_with_two_decimals_at_most() {
        assert_eq!(Canary::parse("10%"), Some(Canary(1000)));
        assert_eq!(Canary::parse("0.5%"), Some(Canary(50)));
        assert_eq!(Canary::parse("100%"), Some(Canary(10_000)));
        for text in ["101%", "10", "%", "-1%", "1.234%", "1e1%", "100.01%"] {
            assert_eq!(Canary::parse(text), None, "{text}");
        }
    }

    #[test]
    fn about_the_share_is_in_and_stays_in_when_it_grows() {
        let callers: Vec<String> = (0..10_000).map(|n| format!("key_{n}")).collect();
        let within = |share: u16| -> Vec<&String> {
            callers
                .iter()
                .filter(|caller| Canary(share).holds("rule", caller))
                .collect()
        };
        let (tenth, fifth) = (within(1000), within(2000));
        assert!((900..1100).contains(&tenth.len()), "{}", tenth.len());
        assert!(tenth.iter().all(|caller| fifth.contains(caller)));
        assert!(within(0).is_empty());
        assert_eq!(within(10_000).len(), 10_000);
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(lot("cheap-model", "key_1"), 7991);
        assert_eq!(lot("cheap-model", "key_2"), 9180);
        assert_eq!(lot("other", "key_1"), 3759);
    }
}
