//! How a budget is lent, as it is written on the command line and told.

use crate::units::Money;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

/// How a budget is lent.
#[derive(Debug, Args)]
pub(super) struct Lending {
    /// How long gateways can go on with what they are lent while the panel is away: the longer, the more of the budget they
    /// may hold
    #[arg(long, value_enum, value_name = "TIME")]
    pub(super) offline_target: Option<Target>,
    /// What a gateway may do while the panel is away: `lease-only`, `deny`, or `allow-up-to=DOLLARS,MINUTESm` where the limit
    /// does not bind
    #[arg(long, value_name = "RULE", value_parser = partition)]
    pub(super) partition: Option<Partition>,
}

/// How long gateways can go on.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Target {
    /// As the panel's configuration says
    #[value(name = "panel")]
    Panel,
    /// Up to 5 % of the budget may be held by gateways
    #[value(name = "1m")]
    Minute,
    /// Up to 10 %
    #[value(name = "10m")]
    TenMinutes,
    /// Up to 25 %
    #[value(name = "1h")]
    Hour,
}

/// A rule, as the panel reads it.
#[derive(Debug, Clone)]
pub(super) struct Partition(Value);

impl Lending {
    /// Says so in a request.
    pub(super) fn tell(&self, body: &mut Map<String, Value>) {
        if let Some(target) = self.offline_target {
            let value = target.to_possible_value();
            let name = value.as_ref().map_or("panel", |value| value.get_name());
            body.insert("offline_target".to_owned(), json!(name));
        }
        if let Some(partition) = &self.partition {
            body.insert("partition".to_owned(), partition.0.clone());
        }
    }
}

/// Reads `lease-only`, `deny` and `allow-up-to=5.00,30m`.
fn partition(text: &str) -> Result<Partition, String> {
    let rule = match text {
        "lease-only" => json!("lease_only"),
        "deny" => json!("deny"),
        _ => {
            let expected =
                || "`lease-only`, `deny` or, say, `allow-up-to=5.00,30m` is expected".to_owned();
            let allowed = text
                .strip_prefix("allow-up-to=")
                .and_then(|rest| rest.split_once(','));
            let (amount, time) = allowed.ok_or_else(expected)?;
            let amount: Money = amount.parse().map_err(|error| format!("{error}"))?;
            let minutes = time
                .strip_suffix('m')
                .and_then(|minutes| minutes.parse::<u32>().ok());
            json!({ "allow_up_to": { "usd": amount, "minutes": minutes.ok_or_else(expected)? } })
        }
    };
    Ok(Partition(rule))
}

/// The rule of a budget, in words.
pub(super) fn words(budget: &Value) -> String {
    let rule = budget.get("partition").unwrap_or(&Value::Null);
    let allowed = rule.get("allow_up_to");
    let part = |name: &str| allowed.and_then(|allowed| allowed.get(name));
    if let (Some(usd), Some(minutes)) = (part("usd").and_then(Value::as_str), part("minutes")) {
        return format!("each gateway goes on up to ${usd}, for {minutes} min");
    }
    match rule.as_str() {
        Some("deny") => "calls are refused".to_owned(),
        _ => "gateways go on with what they were lent".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_told() {
        let rule = |text: &str| partition(text).map(|rule| rule.0);
        assert_eq!(rule("deny"), Ok(json!("deny")));
        assert_eq!(rule("lease-only"), Ok(json!("lease_only")));
        let allowed = rule("allow-up-to=5.00,30m").expect("a rule");
        assert_eq!(
            allowed,
            json!({ "allow_up_to": { "usd": "5.00", "minutes": 30 } })
        );
        assert_eq!(
            words(&json!({ "partition": allowed })),
            "each gateway goes on up to $5.00, for 30 min"
        );
        for wrong in [
            "",
            "allow",
            "allow-up-to=5",
            "allow-up-to=5,30",
            "allow-up-to=five,30m",
            "allow-up-to=5,-1m",
        ] {
            assert!(rule(wrong).is_err(), "{wrong}");
        }
    }
}
