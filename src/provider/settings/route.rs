//! Routes as written and as meant: which model goes where.

use super::{Kind, Provider, ProviderSettings};
use crate::chat::tokenizer::Encoding;
use crate::pattern::Pattern;
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
    /// Provider and model, instead of the two keys above. This version takes exactly one.
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
}

/// How several targets are chosen from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrategySettings {
    /// The next one when one fails.
    #[default]
    Failover,
    /// Refused: a later version.
    #[schemars(skip)]
    Weighted,
    /// Refused: a later version.
    #[schemars(skip)]
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
    /// Which provider, by its place in the list.
    pub provider: usize,
    /// The model's name there, when it differs.
    pub model: Option<Box<str>>,
    /// The most output tokens a call may ask for.
    pub max_output: Option<Tokens>,
    /// How its tokens are counted, where that is known for every model of the route; see [`encoding_of`].
    pub tokenizer: Option<Encoding>,
}

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
        Kind::OpenAi | Kind::Compatible | Kind::Anthropic => None,
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
        if !matches!(
            self.strategy.unwrap_or_default(),
            StrategySettings::Failover
        ) {
            report.at("strategy").fault_with(
                "strategy_not_supported",
                "this version cannot choose between targets yet",
                "use `failover` with one target, or `provider:` and `model:`",
            );
        }
        let (provider, model, at) = self.target(report)?;
        let Some(index) = providers.find(provider) else {
            at.at("provider").unknown(
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
        if let Some(model) = model
            && (model.is_empty() || model.contains('*'))
        {
            at.at("model").fault_with(
                "bad_model",
                format!("`{model}` is not the name of one model"),
                "write the name the provider knows it by, without `*`",
            );
        }
        Some(Route {
            pattern: Pattern::new(&self.name),
            provider: index,
            model: model.map(Into::into),
            max_output: self.max_output.map(Tokens),
            tokenizer: self.encoding(kind, model),
        })
    }

    /// Provider, model, and the report on where they are named.
    fn target<'a, 'r>(
        &'a self,
        report: &Report<'r>,
    ) -> Option<(&'a str, Option<&'a str>, Report<'r>)> {
        match (&self.provider, self.targets.as_deref()) {
            (Some(provider), None) => Some((provider, self.model.as_deref(), report.clone())),
            (None, Some([target])) if self.model.is_none() => Some((
                &target.provider,
                target.model.as_deref(),
                report.at("targets").at(0),
            )),
            (None, Some([_])) => {
                report.at("model").fault_with(
                    "model_and_targets",
                    "stands beside `targets`, which name their own models",
                    "move it into the target",
                );
                None
            }
            (None, Some(targets)) => {
                report.at("targets").fault_with(
                    "targets_not_supported",
                    format!("{} targets: this version takes exactly one", targets.len()),
                    "keep one target; falling back to others comes with a later version",
                );
                None
            }
            (Some(_), Some(_)) => {
                report.at("targets").fault_with(
                    "provider_and_targets",
                    format!("model `{}` has both a provider and targets", self.name),
                    "keep one of them",
                );
                None
            }
            (None, None) => {
                report.fault_with(
                    "route_without_provider",
                    format!("model `{}` names no provider", self.name),
                    "add `provider: NAME`",
                );
                None
            }
        }
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
