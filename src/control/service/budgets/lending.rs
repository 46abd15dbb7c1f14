//! How a budget is lent: how long gateways can go on by themselves with what they hold of it, and what they may do while the
//! panel cannot be reached.
//!
//! Both come down to the sizes and times of leases: a gateway that is cut off knows nothing but what it was lent.

use super::super::words::Check;
use super::super::{Outcome, ServiceError};
use crate::control::settings::OfflineTarget;
use crate::control::store::StoreError;
use crate::lease::protocol::Lending;
use crate::units::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long calls may begin of a budget that says `deny`, after the panel was last heard: two syncs.
const CUT_OFF: Duration = Duration::from_secs(30);

/// How long gateways can go on with what they are lent of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Target {
    /// As the panel's configuration says.
    #[default]
    #[serde(rename = "panel")]
    Panel,
    /// A minute of spending is lent at once; up to 5 % of the budget may be held by gateways.
    #[serde(rename = "1m")]
    Minute,
    /// Ten minutes; up to 10 %.
    #[serde(rename = "10m")]
    TenMinutes,
    /// An hour; up to 25 %.
    #[serde(rename = "1h")]
    Hour,
}

impl Target {
    const fn of(self) -> Option<OfflineTarget> {
        match self {
            Self::Panel => None,
            Self::Minute => Some(OfflineTarget::Minute),
            Self::TenMinutes => Some(OfflineTarget::TenMinutes),
            Self::Hour => Some(OfflineTarget::Hour),
        }
    }
}

/// What a gateway may do with a budget while the panel cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Partition {
    /// Spend what it was lent, until its lease ends.
    #[default]
    LeaseOnly,
    /// Nothing: half a minute after the panel was last heard no call begins any more.
    Deny,
    /// Spend up to an amount of its own, for so long; of budgets that do not bind alone.
    AllowUpTo {
        /// How much each gateway may hold, in dollars.
        usd: String,
        /// For how long, in minutes.
        minutes: u32,
    },
}

/// How a budget is lent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::control::service) struct Rules {
    #[serde(default)]
    pub(in crate::control::service) offline_target: Target,
    #[serde(default)]
    pub(in crate::control::service) partition: Partition,
}

impl Rules {
    /// As a row has them.
    pub(in crate::control::service) fn of(row: &str) -> Outcome<Self> {
        let rules = serde_json::from_str(row);
        Ok(rules.map_err(|error| StoreError::Row {
            table: "budget",
            what: format!("how it is lent: {error}"),
        })?)
    }

    /// As a row is to have them.
    pub(in crate::control::service) fn row(&self) -> Outcome<String> {
        serde_json::to_string(self).map_err(|_| ServiceError::field("partition", "cannot be kept"))
    }

    /// Says what is wrong with them, for a budget that binds or does not. No lease of the panel is good for longer than `longest`.
    pub(super) fn check(&self, check: &mut Check, hard: bool, longest: Duration) {
        let longer = format!(
            "longer than leases of this panel are good for: {} min, by `leases.valid_for` of its configuration",
            longest.as_secs().div_euclid(60)
        );
        if let Some(target) = self.offline_target.of() {
            let fits = target.horizon() <= longest;
            check.that(fits, "offline_target", &longer);
        }
        let Partition::AllowUpTo { usd, minutes } = &self.partition else {
            return;
        };
        let amount = check.money("partition", usd);
        check.that(amount > Money::ZERO, "partition", "more than nothing");
        check.that(
            !hard,
            "partition",
            "a budget that binds is lent by leases alone: `lease_only` or `deny`",
        );
        let time = minute(*minutes);
        check.that(*minutes > 0, "partition", "a minute or more");
        check.that(time <= longest, "partition", &longer);
    }

    /// What the bank is to go by.
    pub(in crate::control::service) fn lending(&self) -> Lending {
        let own = match &self.partition {
            Partition::LeaseOnly => Lending::default(),
            Partition::Deny => Lending {
                valid_for: Some(CUT_OFF),
                ..Lending::default()
            },
            Partition::AllowUpTo { usd, minutes } => {
                // It was checked when it was written down; what cannot be read allows nothing.
                let amount = usd.parse().unwrap_or(Money::ZERO);
                Lending {
                    valid_for: Some(minute(*minutes)),
                    horizon: Some(minute(*minutes)),
                    floor: Some(amount),
                    most: Some(amount),
                    ..Lending::default()
                }
            }
        };
        let target = self.offline_target.of().map(OfflineTarget::lending);
        own.and(target.unwrap_or_default())
    }
}

fn minute(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes).saturating_mul(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_kept_and_the_stricter_of_both_holds() {
        assert_eq!(Rules::of("{}").expect("none"), Rules::default());
        assert_eq!(Rules::default().lending(), Lending::default());
        let rules = Rules {
            offline_target: Target::Hour,
            partition: Partition::AllowUpTo {
                usd: "2.50".to_owned(),
                minutes: 10,
            },
        };
        let row = rules.row().expect("kept");
        assert_eq!(Rules::of(&row).expect("read"), rules);
        let amount = "2.50".parse().expect("an amount");
        let expected = Lending {
            valid_for: Some(Duration::from_mins(10)),
            horizon: Some(Duration::from_mins(10)),
            outstanding: Some(25),
            floor: Some(amount),
            most: Some(amount),
        };
        assert_eq!(rules.lending(), expected);
        let cut_off = Rules {
            partition: Partition::Deny,
            ..rules
        };
        assert_eq!(cut_off.lending().valid_for, Some(CUT_OFF));
    }

    #[test]
    fn what_no_lease_could_do_is_a_fault_of_its_field() {
        let faults = |rules: &Rules, hard| {
            let mut check = Check::default();
            rules.check(&mut check, hard, Duration::from_mins(15));
            match check.done() {
                Ok(()) => Vec::new(),
                Err(ServiceError::Invalid(faults)) => {
                    let field = |fault: &crate::control::service::Fault| fault.field.clone();
                    faults.iter().map(field).collect()
                }
                Err(error) => panic!("{error}"),
            }
        };
        let target = |offline_target| Rules {
            offline_target,
            ..Rules::default()
        };
        assert_eq!(
            faults(&target(Target::TenMinutes), true),
            Vec::<String>::new()
        );
        assert_eq!(faults(&target(Target::Hour), true), ["offline_target"]);
        let allow = |usd: &str, minutes| Rules {
            partition: Partition::AllowUpTo {
                usd: usd.to_owned(),
                minutes,
            },
            ..Rules::default()
        };
        assert_eq!(faults(&allow("5", 15), false), Vec::<String>::new());
        assert_eq!(faults(&allow("5", 15), true), ["partition"]);
        assert_eq!(faults(&allow("5", 16), false), ["partition"]);
        assert_eq!(faults(&allow("5", 0), false), ["partition"]);
        assert_eq!(faults(&allow("0", 1), false), ["partition"]);
        assert!(!faults(&allow("much", 1), false).is_empty());
    }
}
