//! Routes as written and as meant: which model goes where.

use super::{Kind, Provider, ProviderSettings};
use crate::chat::tokenizer::Encoding;
use crate::pattern::Pattern;
use crate::provider::choice::Strategy;
use crate::settings::Report;
use crate::units::Tokens;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Where calls for a model go; of several that cover it the first wins.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSettings {
    /// The model as callers name it; `*` allowed.
    pub name: String,
    /// Which provider answers.
    pub provider: Option<String>,
    /// The model's name there, when it differs.
    pub model: Option<String>,
    /// How several targets are chosen from.
    pub strategy: Option<StrategySettings>,
    /// Providers and models to choose from, instead of the two keys above; at most 16.
    pub targets: Option<Vec<TargetSettings>>,
    /// The most output tokens a call may ask for.
    pub max_output: Option<u64>,
    /// How its tokens are counted; known for `OpenAI`'s own models.
    pub tokenizer: Option<EncodingSettings>,
}

/// One target of a route.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetSettings {
    /// Which provider answers.
    pub provider: String,
    /// The model's name there, when it differs.
    pub model: Option<String>,
    /// With `strategy: weighted`, how many calls go there in proportion to the others'; 1 when absent.
    pub weight: Option<u32>,
}

/// How several targets are chosen from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrategySettings {
    /// The next one when one fails.
    #[default]
    Failover,
    /// By chance, in proportion to their weights; the same one for the same session.
    Weighted,
    /// The one of two, taken by chance, that answered sooner of late.
    LeastLatency,
}

/// How tokens are counted.
#[derive(Debug, Clone, Copy, Deserialize, schemars::JsonSchema)]
pub enum EncodingSettings {
    /// `o200k_base`: gpt-4o and everything since.
    #[serde(rename = "o200k_base")]
    O200k,
    /// `cl100k_base`: gpt-4, gpt-3.5, embeddings.
    #[serde(rename = "cl100k_base")]
    Cl100k,
    /// The built-in simulator's own.
    #[serde(rename = "simulator")]
    Simulator,
}

/// Where calls for a model go.
#[derive(Debug, Clone)]
pub struct Route {
    /// The models it covers.
    pub pattern: Pattern,
    /// Who may be asked: at least one, in the order they are written in.
    pub targets: Vec<RouteTarget>,
    /// How one of them is chosen.
    pub strategy: Strategy,
    /// The most output tokens a call may ask for.
    pub max_output: Option<Tokens>,
}

/// One of those a route may ask.
#[derive(Debug, Clone)]
pub struct RouteTarget {
    /// Which provider, by its place in the list.
    pub provider: usize,
    /// The model's name there, when it differs.
    pub model: Option<Box<str>>,
    /// How many calls go there in proportion to the others'.
    pub weight: u32,
    /// How its tokens are counted, where that is known for every model of the route; see [`encoding_of`].
    pub tokenizer: Option<Encoding>,
}

/// Enough for a call in a thousand.
const MOST_WEIGHT: u32 = 1000;

/// More targets than this are not failed over to in any time a caller waits.
pub const MOST_TARGETS: usize = 16;

/// How `kind` counts the tokens of `model` (its name there), where that is known.
#[must_use]
pub fn encoding_of(kind: Kind, model: &str) -> Option<Encoding> {
    const O200K: [&str; 9] = [
        "gpt-4o",
        "gpt-4.1",
        "gpt-4.5",
        "gpt-5",
        "chatgpt-4o",
        "o1",
        "o3",
        "o4",
        "gpt-oss",
    ];
    const CL100K: [&str; 3] = ["gpt-4", "gpt-3.5", "text-embedding-"];
    // A fine-tuned model counts as the one it was made from.
    let model = model.strip_prefix("ft:").unwrap_or(model);
    let begins = |families: &[&str]| families.iter().any(|family| model.starts_with(family));
    match kind {
        Kind::Simulator => Some(Encoding::Simulator),
        Kind::OpenAi if begins(&O200K) => Some(Encoding::O200k),
        Kind::OpenAi if begins(&CL100K) => Some(Encoding::Cl100k),
        Kind::OpenAi | Kind::Compatible | Kind::Anthropic | Kind::Gemini => None,
    }
}

impl RouteSettings {
    /// The route as meant.
    pub fn compile(&self, providers: &Names<'_>, report: &Report<'_>) -> Option<Route> {
        if self.name.is_empty() {
            report.at("name").fault("empty_name", "is empty");
        }
        if self.max_output == Some(0) {
            report
                .at("max_output")
                .fault("zero_tokens", "no answer fits into zero tokens");
        }
        let strategy = match self.strategy.unwrap_or_default() {
            StrategySettings::Failover => Strategy::Failover,
            StrategySettings::Weighted => Strategy::Weighted,
            StrategySettings::LeastLatency => Strategy::LeastLatency,
        };
        if strategy != Strategy::Failover && self.targets.is_none() {
            report.at("strategy").fault_with(
                "strategy_without_targets",
                "chooses between targets, and there are none",
                "write `targets: [ { provider: NAME }, … ]` instead of `provider`, or remove it",
            );
        }
        let targets = self.targets(providers, report)?;
        Some(Route {
            pattern: Pattern::new(&self.name),
            targets,
            strategy,
            max_output: self.max_output.map(Tokens),
        })
    }

    /// Who may be asked, as meant; `None` if that cannot be said.
    fn targets(&self, providers: &Names<'_>, report: &Report<'_>) -> Option<Vec<RouteTarget>> {
        let Some(written) = self.targets.as_deref() else {
            let Some(provider) = &self.provider else {
                report.fault_with(
                    "route_without_provider",
                    format!("model `{}` names no provider", self.name),
                    "add `provider: NAME`",
                );
                return None;
            };
            let only = self.target(provider, self.model.as_deref(), providers, report)?;
            return Some(vec![only]);
        };
        let at = report.at("targets");
        if self.provider.is_some() {
            at.fault_with(
                "provider_and_targets",
                format!("model `{}` has both a provider and targets", self.name),
                "keep one of them",
            );
            return None;
        }
        if self.model.is_some() {
            report.at("model").fault_with(
                "model_and_targets",
                "stands beside `targets`, which name their own models",
                "move it into the target",
            );
            return None;
        }
        if written.is_empty() {
            at.fault_with(
                "no_targets",
                format!("nobody answers for model `{}`", self.name),
                "name at least one, like `targets: [ { provider: NAME } ]`",
            );
            return None;
        }
        if written.len() > MOST_TARGETS {
            at.fault_with(
                "too_many_targets",
                format!(
                    "{} targets: a route has at most {MOST_TARGETS}",
                    written.len()
                ),
                "keep those that are to be asked",
            );
        }
        self.complain_of_repeats(written, &at);
        self.complain_of_weights(written, &at);
        // All of them are looked at before one that is at fault ends it.
        let meant: Vec<_> = (written.iter().enumerate())
            .map(|(index, target)| {
                let at = at.at(index);
                let meant =
                    self.target(&target.provider, target.model.as_deref(), providers, &at)?;
                Some(RouteTarget {
                    weight: target.weight.unwrap_or(1),
                    ..meant
                })
            })
            .collect();
        meant.into_iter().collect()
    }

    /// Asking the same one again is a retry, and has settings of its own.
    fn complain_of_repeats(&self, written: &[TargetSettings], report: &Report<'_>) {
        let name = |target: &TargetSettings| {
            let model = target.model.as_deref().unwrap_or(&self.name);
            (target.provider.clone(), model.to_owned())
        };
        for (index, target) in written.iter().enumerate() {
            let before = written.get(..index).unwrap_or_default();
            if before.iter().any(|other| name(other) == name(target)) {
                let (provider, model) = name(target);
                report.at(index).fault_with(
                    "same_target_twice",
                    format!("`{model}` of provider `{provider}` stands here a second time"),
                    "remove it: how often one target is asked is said by `retries.attempts`",
                );
            }
        }
    }

    fn complain_of_weights(&self, written: &[TargetSettings], report: &Report<'_>) {
        let weighted = self.strategy == Some(StrategySettings::Weighted);
        for (index, target) in written.iter().enumerate() {
            let Some(weight) = target.weight else {
                continue;
            };
            let at = report.at(index).at("weight");
            if !weighted {
                at.fault_with(
                    "weight_without_weighted",
                    "weighs nothing: the strategy does not go by weights",
                    "add `strategy: weighted` to the route, or remove it",
                );
            } else if !(1..=MOST_WEIGHT).contains(&weight) {
                at.fault_with(
                    "bad_weight",
                    format!("{weight} is not between 1 and {MOST_WEIGHT}"),
                    "remove a target that no call is to go to; of weights 1 and 3 a quarter of the calls goes to the first",
                );
            }
        }
    }

    /// One target, as meant.
    fn target(
        &self,
        provider: &str,
        model: Option<&str>,
        providers: &Names<'_>,
        report: &Report<'_>,
    ) -> Option<RouteTarget> {
        if let Some(model) = model
            && (model.is_empty() || model.contains('*'))
        {
            report.at("model").fault_with(
                "bad_model",
                format!("`{model}` is not the name of one model"),
                "write the name the provider knows it by, without `*`",
            );
        }
        let Some(index) = providers.find(provider) else {
            report.at("provider").unknown(
                "unknown_provider",
                format!("there is no provider `{provider}`"),
                provider,
                providers
                    .0
                    .iter()
                    .map(|(name, _)| (*name).to_owned())
                    .collect(),
            );
            return None;
        };
        let kind = providers.0.get(index).and_then(|(_, kind)| *kind);
        Some(RouteTarget {
            provider: index,
            model: model.map(Into::into),
            weight: 1,
            tokenizer: self.encoding(kind, model),
        })
    }

    fn encoding(&self, kind: Option<Kind>, model: Option<&str>) -> Option<Encoding> {
        match (self.tokenizer, kind?) {
            (Some(EncodingSettings::O200k), _) => Some(Encoding::O200k),
            (Some(EncodingSettings::Cl100k), _) => Some(Encoding::Cl100k),
            (Some(EncodingSettings::Simulator), _) | (None, Kind::Simulator) => {
                Some(Encoding::Simulator)
            }
            (None, kind) => {
                let name = model.unwrap_or(&self.name);
                // `gpt-4*` covers models that are counted differently: those are told apart call by call.
                (!name.contains('*')).then(|| encoding_of(kind, name))?
            }
        }
    }
}

/// The providers by name, in the order of the list; without a kind, if it has a fault of its own.
#[derive(Debug, Clone)]
pub struct Names<'a>(pub Vec<(&'a str, Option<Kind>)>);

impl<'a> Names<'a> {
    /// All providers as written, with what became of them.
    #[must_use]
    pub fn new(
        written: &'a BTreeMap<String, ProviderSettings>,
        meant: &[Option<Provider>],
    ) -> Self {
        let kinds = meant
            .iter()
            .map(|provider| provider.as_ref().map(|provider| provider.kind));
        Self(written.keys().map(String::as_str).zip(kinds).collect())
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| *known == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_by_family_where_it_is_known() {
        let check = |kind, model: &str, expected| {
            assert_eq!(encoding_of(kind, model), expected, "{model}");
        };
        check(
            Kind::OpenAi,
            "gpt-4o-mini-2024-07-18",
            Some(Encoding::O200k),
        );
        check(Kind::OpenAi, "gpt-4.1", Some(Encoding::O200k));
        check(Kind::OpenAi, "gpt-4-turbo", Some(Encoding::Cl100k));
        check(
            Kind::OpenAi,
            "ft:gpt-4o-mini:acme::1",
            Some(Encoding::O200k),
        );
        check(
            Kind::OpenAi,
            "text-embedding-3-small",
            Some(Encoding::Cl100k),
        );
        check(Kind::OpenAi, "dall-e-3", None);
        check(Kind::Compatible, "gpt-4o", None);
        check(Kind::Simulator, "gpt-4o", Some(Encoding::Simulator));
    }
}
