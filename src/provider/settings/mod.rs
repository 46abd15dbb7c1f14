//! Providers and the routes to them, as written and as meant.
//!
//! What this version cannot do (addresses with deployments) is refused when the configuration is loaded, not
//! when the first call fails.

mod circuit;
mod preset;
mod route;

pub use circuit::CircuitSettings;
pub use preset::{Habits, PRESETS, Preset};
pub use route::{
    EncodingSettings, MOST_TARGETS, Names, Route, RouteSettings, RouteTarget, StrategySettings,
    TargetSettings, encoding_of,
};

pub use crate::provider::choice::Strategy;

use crate::chat::Dialect;
use crate::provider::health::Breaker;
use crate::provider::{anthropic, gemini, openai};
use crate::secret::{self, Secret};
use crate::settings::{Report, duration};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Who answers the calls.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// What it speaks.
    pub kind: KindSettings,
    /// Where it is, as in `https://api.openai.com/v1`; absent for the simulator, and where the kind says it.
    pub base_url: Option<String>,
    /// Refused: a later version.
    #[schemars(skip)]
    pub api_version: Option<String>,
    /// What becomes of a call in another vendor's language that cannot be translated whole: `deny` (the default) refuses it,
    /// `warn` leaves out what cannot be said. `x-tollgate-warning` names what was left out; under `deny` that is only what the
    /// answer does not hang on, like marks for caches.
    pub lossy: Option<LossySettings>,
    /// Its secret. Better a reference (`"${NAME}"`, `file:PATH`, `vault:NAME` in the panel's vault) than the text itself.
    pub credential: Option<String>,
    /// When its targets are left alone, where others can be asked.
    pub circuit: Option<CircuitSettings>,
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", remote = "Self")]
#[schemars(transform = preset::with_presets)]
pub enum KindSettings {
    /// `OpenAI` itself.
    Openai,
    /// A vendor that speaks its language, by name.
    #[serde(skip)]
    Preset(&'static Preset),
    /// Anything that speaks its language.
    OpenaiCompatible,
    /// The built-in simulator.
    Simulator,
    /// Anthropic, or anything that speaks its language.
    Anthropic,
    /// Gemini, or anything that speaks its language.
    Gemini,
}

/// What becomes of a call that cannot be translated whole.
#[derive(Debug, Clone, Copy, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LossySettings {
    /// It is refused, with the field named.
    Deny,
    /// It goes without what cannot be said, and its caller is told.
    Warn,
}

/// How long each part of a call may take.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeoutSettings {
    /// Until the connection to a provider stands.
    pub connect: Option<String>,
    /// Until the first byte of its answer.
    pub first_byte: Option<String>,
    /// Between two pieces of its answer.
    pub idle: Option<String>,
    /// For the whole call.
    pub total: Option<String>,
    /// How long a caller's connection may idle between requests.
    pub client_idle: Option<String>,
    /// How long the head of a caller's request may take.
    pub header: Option<String>,
}

/// Repeating failed calls, before the first byte only.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrySettings {
    /// How often a call is tried in all.
    pub attempts: Option<u32>,
    /// How long to wait in between, from the first time to the longest: `200ms..5s`.
    pub backoff: Option<String>,
}

/// A provider, as meant.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name.
    pub name: Arc<str>,
    /// What it speaks.
    pub kind: Kind,
    /// Where it is; `None` for the simulator, which is within.
    pub base: Option<Base>,
    /// By what it knows us.
    pub credential: Option<Credential>,
    /// What its vendor does its own way.
    pub habits: Habits,
    /// When its targets count as down.
    pub breaker: Breaker,
    /// What becomes of a call for it that cannot be translated whole.
    pub lossy: Lossy,
}

/// By what a provider knows us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// This secret.
    Given(Secret<String>),
    /// What the control panel's vault has by this name.
    InVault(Arc<str>),
}

/// How a reference to the vault begins.
pub const VAULT: &str = "vault:";

impl Provider {
    /// The name of its credential in the vault, if it is there.
    #[must_use]
    pub fn in_vault(&self) -> Option<&Arc<str>> {
        match &self.credential {
            Some(Credential::InVault(name)) => Some(name),
            _ => None,
        }
    }
}

/// What becomes of a call that cannot be translated whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lossy {
    /// It is refused.
    #[default]
    Deny,
    /// It goes without what cannot be said.
    Warn,
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `OpenAI` itself.
    OpenAi,
    /// Anything that speaks its language.
    Compatible,
    /// Anthropic, or anything that speaks its language.
    Anthropic,
    /// Gemini, or anything that speaks its language.
    Gemini,
    /// The built-in simulator.
    Simulator,
}

impl Kind {
    /// The dialect it is at home in, and that calls in others are put into; the simulator is in all of them.
    #[must_use]
    pub const fn native(self) -> Dialect {
        match self {
            Self::OpenAi | Self::Compatible | Self::Simulator => Dialect::OpenAi,
            Self::Anthropic => Dialect::Anthropic,
            Self::Gemini => Dialect::Gemini,
        }
    }

    /// Whether it can be called in this dialect.
    #[must_use]
    pub const fn speaks(self, dialect: Dialect) -> bool {
        match self {
            Self::OpenAi | Self::Compatible => matches!(dialect, Dialect::OpenAi),
            Self::Anthropic => matches!(dialect, Dialect::Anthropic),
            Self::Gemini => matches!(dialect, Dialect::Gemini),
            Self::Simulator => true,
        }
    }
}

/// Where a provider is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Base {
    /// Whether by TLS.
    pub tls: bool,
    /// Its host name or address, in lower case and without brackets.
    pub host: Box<str>,
    /// Its port.
    pub port: u16,
    /// What its paths begin with (`/v1`), without a slash at the end.
    pub prefix: Box<str>,
}

/// How long each part of a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the first byte of the answer.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// For the whole call.
    pub total: Duration,
}

impl Timeouts {
    /// None of them longer than what is left of the whole call.
    #[must_use]
    pub fn within(self, left: Duration) -> Self {
        Self {
            connect: self.connect.min(left),
            first_byte: self.first_byte.min(left),
            ..self
        }
    }
}

/// Repeating failed calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// How often a call is tried in all.
    pub attempts: u32,
    /// The first wait.
    pub backoff_min: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
}

/// More attempts than this multiply an outage.
const MAX_ATTEMPTS: u32 = 10;

impl ProviderSettings {
    /// The provider as meant.
    pub fn compile(&self, name: &str, report: &Report<'_>) -> Option<Provider> {
        if name.is_empty() || !name.bytes().all(is_name) {
            report.fault_with(
                "bad_provider_name",
                format!("`{name}` is not a name for a provider"),
                "use letters, digits, `-`, `_` and `.`: the name stands in metrics and before `/` in price books",
            );
        }
        let kind = match self.kind {
            KindSettings::Openai => Kind::OpenAi,
            KindSettings::OpenaiCompatible | KindSettings::Preset(_) => Kind::Compatible,
            KindSettings::Simulator => Kind::Simulator,
            KindSettings::Anthropic => Kind::Anthropic,
            KindSettings::Gemini => Kind::Gemini,
        };
        self.versioned(report);
        let base = self.base(name, kind, report);
        let credential = self.credential(kind, &report.at("credential"));
        let circuit = self.circuit.as_ref();
        let breaker = circuit.map(|circuit| circuit.compile(&report.at("circuit")));
        Some(Provider {
            name: name.into(),
            kind,
            base: match kind {
                Kind::Simulator => None,
                _ => Some(base?),
            },
            credential,
            habits: self.habits(),
            breaker: breaker.unwrap_or_default(),
            lossy: match self.lossy {
                Some(LossySettings::Warn) => Lossy::Warn,
                Some(LossySettings::Deny) | None => Lossy::Deny,
            },
        })
    }

    fn base(&self, name: &str, kind: Kind, report: &Report<'_>) -> Option<Base> {
        let at = report.at("base_url");
        match (kind, self.address()) {
            (Kind::Simulator, Some(_)) => {
                at.fault_with(
                    "simulator_with_url",
                    "the simulator is within and has no address",
                    "remove it; for a simulator elsewhere (`tollgate simulate`) use `kind: openai-compatible`",
                );
                None
            }
            (Kind::Simulator, None) => None,
            (Kind::OpenAi, None) => base(openai::BASE, &at),
            (Kind::Anthropic, None) => base(anthropic::BASE, &at),
            (Kind::Gemini, None) => base(gemini::BASE, &at),
            (Kind::OpenAi | Kind::Compatible | Kind::Anthropic | Kind::Gemini, Some(text)) => {
                base(text, &at)
            }
            (Kind::Compatible, None) => {
                report.fault_with(
                    "provider_without_url",
                    format!("provider `{name}` has no `base_url`"),
                    format!("add one, like `base_url: {}`", self.example()),
                );
                None
            }
        }
    }

    fn credential(&self, kind: Kind, report: &Report<'_>) -> Option<Credential> {
        let text = self.credential.as_deref()?;
        let in_vault = text.strip_prefix(VAULT);
        if kind == Kind::Simulator {
            report.fault_with(
                "simulator_with_credential",
                "the simulator asks for no credential",
                "remove it",
            );
        } else if in_vault.is_some_and(|name| !secret::is_name(name)) {
            // What was written is not shown: it may be a secret that only begins so.
            report.fault_with(
                "bad_credential",
                "what stands behind `vault:` is no name in a panel's vault",
                "write it like `vault:openai-prod`: up to 64 letters, digits, `-`, `_` and `.`; `tollgate vault list` has those that are there",
            );
            return None;
        } else if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            report.fault_with(
                "bad_credential",
                "is empty or holds a character no HTTP header can carry",
                "use visible ASCII characters without spaces; look for a stray line break in what it refers to",
            );
        }
        Some(match in_vault {
            Some(name) => Credential::InVault(name.into()),
            None => Credential::Given(Secret::new(text.to_owned())),
        })
    }
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

impl Base {
    /// Reads `http://HOST[:PORT][/PREFIX]` or `https://…`; `None` if it is anything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let uri: http::Uri = text.parse().ok()?;
        let tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.as_str().contains('@') || uri.query().is_some() || text.contains('#') {
            return None;
        }
        // A colon nothing follows, or a port that is no number, is not the default port.
        if authority.port_u16().is_none() && authority.as_str().len() != authority.host().len() {
            return None;
        }
        let host = authority.host();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        (!host.is_empty()).then(|| Self {
            tls,
            host: host.to_ascii_lowercase().into(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            prefix: uri.path().trim_end_matches('/').into(),
        })
    }
}

/// The same, with a complaint where it is anything else.
fn base(text: &str, report: &Report<'_>) -> Option<Base> {
    let base = Base::read(text);
    if base.is_none() {
        report.fault_with(
            "bad_url",
            "not an address this gateway can call",
            "write it like `https://api.openai.com/v1`: http or https, host, optional port and path, and nothing else (a credential has its own key)",
        );
    }
    base
}

impl TimeoutSettings {
    /// The times as meant.
    #[must_use]
    pub fn compile(&self, report: &Report<'_>) -> Timeouts {
        let length = |written: Option<&str>, key: &str, default: u64| {
            let report = report.at(key);
            let Some(time) = written.and_then(|text| report.check("bad_duration", duration(text)))
            else {
                return Duration::from_secs(default);
            };
            if time.is_zero() {
                report.fault("zero_duration", "zero would end every call at once");
            }
            time
        };
        Timeouts {
            connect: length(self.connect.as_deref(), "connect", 5),
            first_byte: length(self.first_byte.as_deref(), "first_byte", 600),
            idle: length(self.idle.as_deref(), "idle", 120),
            total: length(self.total.as_deref(), "total", 3600),
        }
    }
}

impl RetrySettings {
    /// As meant.
    #[must_use]
    pub fn compile(&self, report: &Report<'_>) -> Retries {
        let attempts = self.attempts.unwrap_or(2);
        if !(1..=MAX_ATTEMPTS).contains(&attempts) {
            report.at("attempts").fault_with(
                "bad_attempts",
                format!("{attempts} is not between 1 and {MAX_ATTEMPTS}"),
                "1 tries a call once and never again",
            );
        }
        let written = self.backoff.as_deref().unwrap_or("200ms..5s");
        let report = report.at("backoff");
        let range = written
            .split_once("..")
            .and_then(|(min, max)| Some((duration(min).ok()?, duration(max).ok()?)))
            .filter(|(min, max)| min <= max);
        if range.is_none() {
            report.fault_with(
                "bad_range",
                format!("`{written}` is not a range of times"),
                "write the shortest and the longest wait, like `200ms..5s`",
            );
        }
        let (backoff_min, backoff_max) = range.unwrap_or_default();
        Retries {
            attempts,
            backoff_min,
            backoff_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_base_url_is_scheme_host_port_and_prefix() {
        let check = |text: &str, expected: Option<(bool, &str, u16, &str)>| {
            let complaints = RefCell::default();
            let found = base(text, &Report::new(&complaints));
            let found = found
                .as_ref()
                .map(|base| (base.tls, &*base.host, base.port, &*base.prefix));
            assert_eq!(found, expected, "{text}");
            assert_eq!(complaints.borrow().is_empty(), expected.is_some(), "{text}");
        };
        check(openai::BASE, Some((true, "api.openai.com", 443, "/v1")));
        check(
            "http://127.0.0.1:8000/v1/",
            Some((false, "127.0.0.1", 8000, "/v1")),
        );
        check("http://[::1]:8000", Some((false, "::1", 8000, "")));
        check("https://API.example", Some((true, "api.example", 443, "")));
        check("ftp://api.example", None);
        check("api.example/v1", None);
        check("https://user:pass@api.example", None);
        check("https://api.example/v1?x=1", None);
        check("https://api.example:/v1", None);
        check("https://api.example:99999/v1", None);
        check("https:///v1", None);
        check("", None);
    }

    #[test]
    fn a_circuit_has_sane_bounds() {
        let check = |text: &str, expected: &[&str]| {
            let complaints = RefCell::default();
            let settings: CircuitSettings = serde_json::from_str(text).expect("settings");
            let breaker = settings.compile(&Report::new(&complaints));
            let codes: Vec<&str> = complaints.into_inner().iter().map(|one| one.code).collect();
            assert_eq!(codes, expected, "{text}");
            breaker
        };
        assert_eq!(check("{}", &[]), Breaker::default());
        let all = r#"{ "failures": 3, "rate": "20%", "window": "1m", "open_for": "500ms" }"#;
        let expected = Breaker {
            failures: 3,
            percent: 20,
            window: Duration::from_mins(1),
            open_for: Duration::from_millis(500),
        };
        assert_eq!(check(all, &[]), expected);
        check(
            r#"{ "failures": 0, "rate": "half" }"#,
            &["bad_failures", "bad_percent"],
        );
        check(
            r#"{ "rate": "0%", "window": "0s", "open_for": "soon" }"#,
            &["bad_percent", "zero_duration", "bad_duration"],
        );
    }

    #[test]
    fn retries_have_a_bound() {
        let check = |attempts: Option<u32>, backoff: Option<&str>, expected: &[&str]| {
            let complaints = RefCell::default();
            let settings = RetrySettings {
                attempts,
                backoff: backoff.map(str::to_owned),
            };
            let _ = settings.compile(&Report::new(&complaints));
            let codes: Vec<&str> = complaints.into_inner().iter().map(|one| one.code).collect();
            assert_eq!(codes, expected, "{attempts:?} {backoff:?}");
        };
        check(None, None, &[]);
        check(Some(1), Some("1s..1s"), &[]);
        check(Some(0), Some("5s..1s"), &["bad_attempts", "bad_range"]);
        check(Some(11), Some("5s"), &["bad_attempts", "bad_range"]);
    }
}
