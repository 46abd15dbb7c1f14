//! The vendors a LiteLLM configuration names, and what each of them is here.

/// A vendor by LiteLLM's word for it.
#[derive(Debug)]
pub(super) struct Vendor {
    /// LiteLLM's word: what stands before the slash.
    pub word: &'static str,
    /// What it is called here.
    pub name: &'static str,
    /// Its `kind`.
    pub kind: &'static str,
    /// Where it is, where its kind does not know.
    pub base: Option<&'static str>,
    /// The variable LiteLLM takes its key from where none is named; `None`: it asks for none.
    pub variable: Option<&'static str>,
    /// What its address here ends with, and LiteLLM's does not.
    pub suffix: &'static str,
    /// In what a call is another one here, and what to do about it.
    pub differs: Option<(&'static str, &'static str)>,
}

const fn own(word: &'static str, kind: &'static str, variable: &'static str) -> Vendor {
    Vendor {
        word,
        name: kind,
        kind,
        base: None,
        variable: Some(variable),
        suffix: "",
        differs: None,
    }
}

const fn at(
    word: &'static str,
    name: &'static str,
    base: &'static str,
    variable: &'static str,
) -> Vendor {
    Vendor {
        word,
        name,
        kind: "openai-compatible",
        base: Some(base),
        variable: Some(variable),
        suffix: "",
        differs: None,
    }
}

/// Who is where `api_base` says.
const fn anywhere(word: &'static str, name: &'static str, kind: &'static str) -> Vendor {
    Vendor {
        word,
        name,
        kind,
        base: None,
        variable: None,
        suffix: "",
        differs: None,
    }
}

const VENDORS: &[Vendor] = &[
    own("openai", "openai", "OPENAI_API_KEY"),
    own("text-completion-openai", "openai", "OPENAI_API_KEY"),
    own("anthropic", "anthropic", "ANTHROPIC_API_KEY"),
    Vendor {
        name: "azure",
        suffix: "/openai/v1",
        differs: Some((
            "is called by Azure's address without deployments, which needs no `api_version`",
            "make sure that the resource serves /openai/v1: the deployment's name goes along as the model",
        )),
        ..own("azure", "azure-openai", "AZURE_API_KEY")
    },
    own("mistral", "mistral", "MISTRAL_API_KEY"),
    own("groq", "groq", "GROQ_API_KEY"),
    own("deepseek", "deepseek", "DEEPSEEK_API_KEY"),
    own("openrouter", "openrouter", "OPENROUTER_API_KEY"),
    own("together_ai", "together", "TOGETHERAI_API_KEY"),
    Vendor {
        suffix: "/v1",
        ..anywhere("ollama", "ollama", "ollama")
    },
    Vendor {
        suffix: "/v1",
        ..anywhere("ollama_chat", "ollama", "ollama")
    },
    anywhere("vllm", "vllm", "vllm"),
    anywhere("hosted_vllm", "vllm", "vllm"),
    Vendor {
        differs: Some((
            "is called in Gemini's own language, which chat completions and messages are translated into",
            "embeddings are not: for a model that embeds add Gemini's OpenAI-compatible address as `kind: openai-compatible`",
        )),
        ..own("gemini", "gemini", "GEMINI_API_KEY")
    },
    at("xai", "xai", "https://api.x.ai/v1", "XAI_API_KEY"),
    at(
        "fireworks_ai",
        "fireworks",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_AI_API_KEY",
    ),
    at(
        "perplexity",
        "perplexity",
        "https://api.perplexity.ai",
        "PERPLEXITYAI_API_KEY",
    ),
    at(
        "cerebras",
        "cerebras",
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
    ),
    at(
        "deepinfra",
        "deepinfra",
        "https://api.deepinfra.com/v1/openai",
        "DEEPINFRA_API_KEY",
    ),
    at(
        "nvidia_nim",
        "nvidia",
        "https://integrate.api.nvidia.com/v1",
        "NVIDIA_NIM_API_KEY",
    ),
    anywhere("openai_like", "compatible", "openai-compatible"),
    anywhere("custom_openai", "compatible", "openai-compatible"),
    anywhere("litellm_proxy", "litellm", "openai-compatible"),
    anywhere("lm_studio", "lm-studio", "openai-compatible"),
    anywhere("llamafile", "llamafile", "openai-compatible"),
];

/// Families of models that LiteLLM knows by name alone.
const FAMILIES: &[(&str, &str)] = &[
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("claude-", "anthropic"),
];

/// The vendor of a model as LiteLLM writes it, and the model's name there.
///
/// # Errors
/// The word of a vendor that is none here, or nothing where no vendor is named and none is known by the name.
pub(super) fn vendor<'a>(
    written: &'a str,
    named: Option<&'a str>,
) -> Result<(&'static Vendor, &'a str), Option<&'a str>> {
    let known = |word: &str| VENDORS.iter().find(|vendor| vendor.word == word);
    if let Some(word) = named {
        let model = written
            .strip_prefix(word)
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(written);
        return known(word).map(|vendor| (vendor, model)).ok_or(Some(word));
    }
    if let Some((word, model)) = written.split_once('/') {
        return known(word).map(|vendor| (vendor, model)).ok_or(Some(word));
    }
    let family = FAMILIES
        .iter()
        .find(|(start, _)| written.starts_with(start));
    family
        .and_then(|(_, word)| known(word))
        .map(|vendor| (vendor, written))
        .ok_or(None)
}
