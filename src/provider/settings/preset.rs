//! Vendors that speak `OpenAI`'s language, as data: where each of them is and in what it departs from the others.
//!
//! A preset is an `openai-compatible` provider that knows its own address. A new vendor is one entry of [`PRESETS`]: the
//! configuration's words, their schema, the refusals and the way to the vendor all follow from it. Told here is only what
//! changes a byte of what goes up; prices are in the price book.

use super::{Base, KindSettings, ProviderSettings};
use crate::chat::CapField;
use crate::settings::Report;
use schemars::Schema;
use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, Deserializer, EnumAccess, Error, VariantAccess, Visitor};
use serde_json::{Value, json};
use std::fmt;

/// A vendor.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// The word for it, as in `kind: groq`.
    pub name: &'static str,
    /// What it is, for editors.
    pub about: &'static str,
    /// Where it is; `None` where each account has an address of its own.
    pub base: Option<&'static str>,
    /// An address to show to whoever has to write one.
    pub example: &'static str,
    /// How it is called.
    pub habits: Habits,
}

/// In what vendors that speak one language differ, as far as it matters to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    /// The field a cap is written in, on a chat whose caller wrote none.
    pub cap: CapField,
    /// Whether a stream is asked for its usage. A vendor that would refuse to be asked tells it unasked.
    pub asks_usage: bool,
    /// The header of the credential; `None`: a bearer's.
    pub header: Option<&'static str>,
}

impl Habits {
    /// Of whoever speaks the language and is not known better: the older field, which all of them take.
    pub const USUAL: Self = Self {
        cap: CapField::MaxTokens,
        asks_usage: true,
        header: None,
    };
    /// `OpenAI`'s own: its models that reason refuse the older field.
    pub const OPENAI: Self = Self {
        cap: CapField::MaxCompletionTokens,
        ..Self::USUAL
    };
}

const fn at(name: &'static str, about: &'static str, base: &'static str) -> Preset {
    Preset {
        name,
        about,
        base: Some(base),
        example: base,
        habits: Habits::USUAL,
    }
}

/// All of them.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: AZURE,
        about: "Models of `OpenAI` at Azure, by its address without deployments: `base_url: https://RESOURCE.openai.azure.com/openai/v1`.",
        base: None,
        example: "https://RESOURCE.openai.azure.com/openai/v1",
        habits: Habits {
            header: Some("api-key"),
            ..Habits::OPENAI
        },
    },
    at(
        "deepseek",
        "`DeepSeek`, at its own address unless `base_url` says otherwise.",
        "https://api.deepseek.com",
    ),
    at(
        "groq",
        "Groq, at its own address unless `base_url` says otherwise.",
        "https://api.groq.com/openai/v1",
    ),
    Preset {
        // Fields it does not know are refused, `stream_options` and `max_completion_tokens` among them; its streams end
        // with their usage anyway.
        habits: Habits {
            asks_usage: false,
            ..Habits::USUAL
        },
        ..at(
            "mistral",
            "Mistral, at its own address unless `base_url` says otherwise.",
            "https://api.mistral.ai/v1",
        )
    },
    at(
        "ollama",
        "Ollama on this machine unless `base_url` says otherwise; it asks for no credential.",
        "http://127.0.0.1:11434/v1",
    ),
    at(
        "openrouter",
        "`OpenRouter`, at its own address unless `base_url` says otherwise.",
        "https://openrouter.ai/api/v1",
    ),
    at(
        "together",
        "Together AI, at its own address unless `base_url` says otherwise.",
        "https://api.together.xyz/v1",
    ),
    at(
        "vllm",
        "vLLM on this machine unless `base_url` says otherwise; it asks for no credential.",
        "http://127.0.0.1:8000/v1",
    ),
];

const AZURE: &str = "azure-openai";

/// The words for what is no preset, as [`KindSettings`] itself reads them.
const OWN: [&str; 5] = [
    "openai",
    "openai-compatible",
    "simulator",
    "anthropic",
    "gemini",
];

/// All words there are.
const NAMES: &[&str] = &{
    let mut names = [""; OWN.len() + PRESETS.len()];
    let mut next = 0;
    while next < names.len() {
        names[next] = if next < OWN.len() {
            OWN[next]
        } else {
            PRESETS[next - OWN.len()].name
        };
        next += 1;
    }
    names
};

/// The preset of this name.
fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

impl<'de> Deserialize<'de> for KindSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;

        impl<'de> Visitor<'de> for Word {
            type Value = KindSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("what a provider speaks")
            }

            fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<KindSettings, A::Error> {
                let (word, rest) = data.variant::<String>()?;
                rest.unit_variant()?;
                if let Some(preset) = preset(&word) {
                    return Ok(KindSettings::Preset(preset));
                }
                // The derived reader of the words that are no preset.
                KindSettings::deserialize(StrDeserializer::<A::Error>::new(&word))
                    .map_err(|_| A::Error::unknown_variant(&word, NAMES))
            }
        }

        deserializer.deserialize_enum("KindSettings", NAMES, Word)
    }
}

/// Adds the presets to the schema of what providers speak.
pub(super) fn with_presets(schema: &mut Schema) {
    if let Some(Value::Array(words)) = schema.get_mut("oneOf") {
        words.extend(PRESETS.iter().map(
            |preset| json!({ "description": preset.about, "type": "string", "const": preset.name }),
        ));
    }
}

impl ProviderSettings {
    /// What its vendor does its own way.
    pub(super) const fn habits(&self) -> Habits {
        match self.kind {
            KindSettings::Preset(preset) => preset.habits,
            KindSettings::Openai => Habits::OPENAI,
            _ => Habits::USUAL,
        }
    }

    /// Where it is: as written, or where its preset has it.
    pub(super) fn address(&self) -> Option<&str> {
        let preset = match self.kind {
            KindSettings::Preset(preset) => preset.base,
            _ => None,
        };
        self.base_url.as_deref().or(preset)
    }

    /// What an address for it looks like.
    pub(super) const fn example(&self) -> &'static str {
        match self.kind {
            KindSettings::Preset(preset) => preset.example,
            _ => "http://127.0.0.1:8000/v1",
        }
    }

    /// Complains of what this version cannot call: addresses at Azure that have the deployment or a version in them.
    pub(super) fn versioned(&self, report: &Report<'_>) {
        const HELP: &str = "use the address without deployments, `https://RESOURCE.openai.azure.com/openai/v1`: it takes the deployment as the model's name and needs no version";
        if self.api_version.is_some() {
            report.at("api_version").fault_with(
                "api_version_not_supported",
                "this version does not call paths that have a deployment and an `api-version`",
                HELP,
            );
        }
        let azure = matches!(self.kind, KindSettings::Preset(preset) if preset.name == AZURE);
        let Some(base) = self
            .base_url
            .as_deref()
            .and_then(Base::read)
            .filter(|_| azure)
        else {
            return;
        };
        let own = base.host.ends_with(".azure.com");
        if base.prefix.contains("/deployments") || own && !base.prefix.ends_with("/openai/v1") {
            report.at("base_url").fault_with(
                "azure_address",
                "Azure does not serve models without deployments at this address",
                HELP,
            );
        }
    }
}

#[cfg(test)]
mod tests;
