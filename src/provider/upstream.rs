//! A provider as calls reach it: its paths, its credential, and which of the caller's headers go along.
//!
//! The credential is bound to its host when the configuration is loaded; what the caller sent to prove itself to us, and
//! everything that was meant for a gateway, stays here. What the vault has moves without the plan: it stands beside it
//! ([`Shown`]), and is wiped as soon as no call holds it any more.

use super::health::Breaker;
use super::{anthropic, gemini, openai};
use crate::chat::{Dialect, Endpoint, Version};
use crate::provider::settings::{Base, Credential, Habits, Kind, Lossy, Provider};
use crate::secret::Secret;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use smallvec::SmallVec;
use std::sync::Arc;
use zeroize::Zeroizing;

use super::transport::Outgoing;

/// A provider, ready to be called.
#[derive(Debug)]
pub struct Upstream {
    /// Its name.
    pub name: Arc<str>,
    /// What it speaks.
    pub kind: Kind,
    /// Where it is.
    pub base: Base,
    /// When its targets count as down.
    pub breaker: Breaker,
    /// What becomes of a call for it that cannot be translated whole.
    pub lossy: Lossy,
    host: HeaderValue,
    proof: Proof,
    /// The header that shows it.
    shown_in: HeaderName,
    paths: Vec<Uri>,
    /// What its vendor does its own way.
    pub habits: Habits,
}

/// What is asked of a provider.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Which call of the API.
    pub endpoint: Endpoint,
    /// The model, by its provider's name.
    pub model: &'a str,
    /// Whether as a stream.
    pub streaming: bool,
    /// By which version, where the path has several.
    pub version: Version,
    /// What followed the caller's `?`.
    pub query: Option<&'a str>,
}

/// What the provider is shown.
#[derive(Debug)]
enum Proof {
    /// Nothing: it asks for none.
    None,
    /// This, as the header has it.
    Given(HeaderValue),
    /// What the vault has by this name, while it is here.
    InVault(Arc<str>, Arc<Shown>),
}

/// What the vault has for a provider, as its header has it.
#[derive(Debug, Default)]
pub struct Shown(ArcSwapOption<Credentials>);

/// A secret as headers show it, all of them cut out of one buffer.
#[derive(Debug)]
struct Credentials {
    bearer: HeaderValue,
    plain: HeaderValue,
}

impl Credentials {
    /// As this header has it.
    fn within(&self, header: &HeaderName) -> &HeaderValue {
        if *header == openai::PROOF {
            &self.bearer
        } else {
            &self.plain
        }
    }
}

impl Shown {
    /// Shows this from now on; nothing where there is none.
    ///
    /// # Errors
    /// It is no header: then nothing is shown.
    pub fn show(&self, secret: Option<&Secret<String>>) -> Result<(), UpstreamError> {
        let shown = secret.map(credentials).transpose();
        let told = shown.as_ref().map(drop).map_err(|error| *error);
        self.0.store(shown.ok().flatten().map(Arc::new));
        told
    }
}

/// Why a provider cannot be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// Its address makes no request.
    #[error("its address makes no HTTP request")]
    Address,
    /// Its credential is no header value.
    #[error("its credential holds a character no HTTP header can carry")]
    Credential,
}

impl Upstream {
    /// Prepares a provider; `base` is where it is (for the simulator, where it was started), `shown` what the vault has for it,
    /// where its credential comes from there.
    pub fn new(
        provider: &Provider,
        base: Base,
        shown: Option<Arc<Shown>>,
    ) -> Result<Self, UpstreamError> {
        let standard = if base.tls { 443 } else { 80 };
        let bracketed = if base.host.contains(':') {
            format!("[{}]", base.host)
        } else {
            base.host.to_string()
        };
        let host = if base.port == standard {
            bracketed
        } else {
            format!("{bracketed}:{}", base.port)
        };
        let host = HeaderValue::try_from(host).map_err(|_| UpstreamError::Address)?;
        let shown_in = match (provider.habits.header, provider.kind) {
            (Some(name), _) => HeaderName::from_static(name),
            (None, Kind::Anthropic) => anthropic::PROOF,
            (None, Kind::Gemini) => gemini::PROOF,
            (None, Kind::OpenAi | Kind::Compatible | Kind::Simulator) => openai::PROOF,
        };
        let proof = match &provider.credential {
            None => Proof::None,
            Some(Credential::Given(secret)) => {
                Proof::Given(credentials(secret)?.within(&shown_in).clone())
            }
            Some(Credential::InVault(name)) => {
                Proof::InVault(name.clone(), shown.unwrap_or_default())
            }
        };
        let path = |endpoint: Endpoint| {
            // Where the model stands in it, a path is made call by call.
            if endpoint.dialect() == Dialect::Gemini {
                return Ok(Uri::default());
            }
            let path = match provider.kind {
                Kind::Anthropic => anthropic::path(&base.prefix, endpoint),
                Kind::OpenAi | Kind::Compatible | Kind::Simulator | Kind::Gemini => {
                    openai::path(&base.prefix, endpoint)
                }
            };
            let path = PathAndQuery::try_from(path).map_err(|_| UpstreamError::Address)?;
            Ok(Uri::from(path))
        };
        let paths = Endpoint::ALL.into_iter().map(path);
        let paths = paths.collect::<Result<_, UpstreamError>>()?;
        Ok(Self {
            name: provider.name.clone(),
            kind: provider.kind,
            base,
            breaker: provider.breaker,
            lossy: provider.lossy,
            host,
            proof,
            shown_in,
            paths,
            habits: provider.habits,
        })
    }

    /// The name in the vault of the credential that these headers lack, without which the provider is not to be called.
    #[must_use]
    pub fn lacking(&self, dressed: &HeaderMap) -> Option<&Arc<str>> {
        match &self.proof {
            Proof::InVault(name, _) if !dressed.contains_key(&self.shown_in) => Some(name),
            _ => None,
        }
    }

    /// The request as it goes up. `headers` are the caller's own; what may not pass is taken out of them.
    #[must_use]
    pub fn request(
        &self,
        asked: &Asked<'_>,
        mut headers: HeaderMap,
        body: Outgoing,
    ) -> Request<Outgoing> {
        let uri = match asked.endpoint.dialect() {
            Dialect::OpenAi => self.uri(asked),
            Dialect::Anthropic => {
                anthropic::complete(&mut headers);
                self.uri(asked)
            }
            Dialect::Gemini => {
                gemini::strip(&mut headers);
                let named = (asked.version, asked.model, asked.streaming);
                let path = gemini::path(&self.base.prefix, asked.endpoint, named);
                path.map(Uri::from).unwrap_or_default()
            }
        };
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request
    }

    /// Where a call goes whose model stands in its body.
    fn uri(&self, asked: &Asked<'_>) -> Uri {
        let path = self
            .paths
            .get(asked.endpoint as usize)
            .cloned()
            .unwrap_or_default();
        match asked.query {
            None => path,
            Some(query) => {
                PathAndQuery::try_from(format!("{}?{query}", path.path())).map_or(path, Uri::from)
            }
        }
    }

    /// Takes out what may not pass, and puts in what the provider must see, the `length` of the body among it. `streaming`
    /// answers are asked for plainly; others may come compressed as far as we can read them.
    pub fn dress(&self, headers: &mut HeaderMap, streaming: bool, length: u64) {
        let mut doomed: SmallVec<[HeaderName; 16]> = SmallVec::new();
        let mut gzip = false;
        for (name, value) in headers.iter() {
            if *name == header::ACCEPT_ENCODING {
                gzip |= accepts_gzip(value);
            } else if *name == header::CONNECTION {
                for named in value.to_str().unwrap_or_default().split(',') {
                    doomed.extend(HeaderName::try_from(named.trim()).ok());
                }
            }
            if !may_pass(name.as_str()) {
                doomed.push(name.clone());
            }
        }
        for name in doomed {
            headers.remove(name);
        }
        let encoding = if gzip && !streaming {
            "gzip"
        } else {
            "identity"
        };
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        headers.insert(header::HOST, self.host.clone());
        measure(headers, length);
        let credential = match &self.proof {
            Proof::None => None,
            Proof::Given(credential) => Some(credential.clone()),
            Proof::InVault(_, shown) => {
                let shown = shown.0.load();
                shown
                    .as_ref()
                    .map(|shown| shown.within(&self.shown_in).clone())
            }
        };
        match credential {
            Some(credential) if self.shown_in == openai::PROOF => {
                headers.insert(openai::PROOF, credential);
            }
            Some(credential) => {
                headers.remove(openai::PROOF);
                headers.insert(self.shown_in.clone(), credential);
            }
            None => {
                headers.remove(openai::PROOF);
            }
        }
    }
}

/// Says how long the body is. What the caller said stands where it is still true: the transport would else write it anew.
fn measure(headers: &mut HeaderMap, length: u64) {
    let mut digits = itoa::Buffer::new();
    let mut said = headers.get_all(header::CONTENT_LENGTH).iter();
    let once = said.next().filter(|_| said.next().is_none());
    if once.is_none_or(|said| said != digits.format(length)) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// The headers that show a secret: shared by all calls, and wiped with the last of them.
fn credentials(secret: &Secret<String>) -> Result<Credentials, UpstreamError> {
    const SCHEME: &[u8] = b"Bearer ";
    let secret = secret.expose().as_bytes();
    // All of it at once, so that growing leaves no piece behind.
    let mut shown = Zeroizing::new(Vec::with_capacity(
        SCHEME.len().saturating_add(secret.len()),
    ));
    shown.extend_from_slice(SCHEME);
    shown.extend_from_slice(secret);
    let shown = Bytes::from_owner(shown);
    let header = |bytes: Bytes| {
        let value = HeaderValue::from_maybe_shared(bytes);
        let mut value = value.map_err(|_| UpstreamError::Credential)?;
        value.set_sensitive(true);
        Ok(value)
    };
    Ok(Credentials {
        plain: header(shown.slice(SCHEME.len()..))?,
        bearer: header(shown)?,
    })
}

fn accepts_gzip(value: &HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default();
    text.split(',').any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = quality
            .split_once('=')
            .is_some_and(|(_, q)| q.trim().trim_matches(['0', '.']).is_empty());
        matches!(name.trim(), "gzip" | "*") && !refused
    })
}

/// Headers that were meant for a gateway, this or another.
const FOR_GATEWAYS: [&str; 6] = [
    "x-tollgate-",
    "x-litellm-",
    "x-portkey-",
    "helicone-",
    "x-bf-",
    "cf-aig-",
];

/// Takes out what a caller said to its own vendor, where another is called: versions, previews, organisations.
pub fn leave_behind(headers: &mut HeaderMap) {
    let said = |name: &&HeaderName| {
        let name = name.as_str();
        ["anthropic-", "openai-", "x-goog-"]
            .iter()
            .any(|vendor| name.starts_with(vendor))
    };
    let doomed: SmallVec<[HeaderName; 4]> = headers.keys().filter(said).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
}

/// Whether a caller's header may go to the provider. `accept-encoding`, `content-length`, `host` and `authorization` are
/// replaced.
fn may_pass(name: &str) -> bool {
    let hop_by_hop = matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "expect"
    );
    let proof = matches!(
        name,
        "x-api-key" | "api-key" | "x-goog-api-key" | "proxy-authorization" | "cookie"
    );
    let browser = matches!(
        name,
        "origin" | "referer" | "sec-fetch-site" | "sec-fetch-mode" | "sec-fetch-dest"
    );
    let forwarded = matches!(
        name,
        "forwarded"
            | "via"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "x-real-ip"
    );
    // The first letter leaves few to compare with.
    let for_gateways = matches!(name.as_bytes().first(), Some(b'x' | b'h' | b'c'))
        && FOR_GATEWAYS.iter().any(|prefix| name.starts_with(prefix));
    !(hop_by_hop || proof || browser || forwarded || for_gateways)
}

#[cfg(test)]
mod tests {
    use super::*;
    fn upstream(credential: Option<&str>) -> Upstream {
        let base = Base {
            tls: true,
            host: "api.example".into(),
            port: 443,
            prefix: "/v1".into(),
        };
        let credential = credential.map(|secret| Credential::Given(Secret::new(secret.to_owned())));
        let provider = Provider {
            name: "openai".into(),
            kind: Kind::OpenAi,
            base: Some(base.clone()),
            credential,
            habits: Habits::OPENAI,
            breaker: Breaker::default(),
            lossy: Lossy::Deny,
        };
        Upstream::new(&provider, base, None).expect("callable")
    }

    #[test]
    fn what_the_vault_has_is_shown_once_it_is_here_and_until_then_nothing_is() {
        let mut provider = Provider {
            name: "openai".into(),
            kind: Kind::OpenAi,
            base: Base::read("https://api.example/v1"),
            credential: Some(Credential::InVault("prod".into())),
            habits: Habits::OPENAI,
            breaker: Breaker::default(),
            lossy: Lossy::Deny,
        };
        let base = provider.base.clone().expect("a base");
        let ours = [("authorization", "Bearer tg-ours")];
        let shown = Arc::<Shown>::default();
        let upstream = Upstream::new(&provider, base.clone(), Some(shown.clone()));
        let upstream = upstream.expect("callable");
        let dress = || {
            let mut headers = HeaderMap::new();
            upstream.dress(&mut headers, true, 12);
            let lacking = upstream.lacking(&headers).map(ToString::to_string);
            (headers.get(header::AUTHORIZATION).cloned(), lacking)
        };
        let lines = dressed(&upstream, &ours, true);
        assert_eq!(
            lines,
            [
                "accept-encoding: identity",
                "content-length: 12",
                "host: api.example"
            ]
        );
        assert_eq!(dress(), (None, Some("prod".to_owned())));
        // The same upstream, of a plan that was made before.
        for secret in ["sk-vault", "sk-next"] {
            let expected = HeaderValue::try_from(format!("Bearer {secret}")).ok();
            shown
                .show(Some(&Secret::new(secret.to_owned())))
                .expect("a header");
            assert_eq!(dress(), (expected, None));
        }
        assert!(!format!("{upstream:?}").contains("sk-"));
        let broken = Secret::new("two\nlines".to_owned());
        assert_eq!(shown.show(Some(&broken)), Err(UpstreamError::Credential));
        assert_eq!(dress(), (None, Some("prod".to_owned())));
        // Only whoever refers to the vault is shown what is in it.
        shown
            .show(Some(&Secret::new("sk-vault".to_owned())))
            .expect("a header");
        provider.credential = None;
        let none = Upstream::new(&provider, base, Some(shown)).expect("callable");
        assert_eq!(dressed(&none, &ours, true).len(), 3);
    }

    fn dressed(upstream: &Upstream, headers: &[(&str, &str)], streaming: bool) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::try_from(*name).expect("a name"),
                HeaderValue::try_from(*value).expect("a value"),
            );
        }
        upstream.dress(&mut map, streaming, 12);
        let mut lines: Vec<String> = map
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn only_what_is_meant_for_the_provider_goes_up() {
        let headers = [
            ("authorization", "Bearer tg-ours"),
            ("x-api-key", "tg-ours"),
            ("cookie", "a=b"),
            ("x-tollgate-run", "r1"),
            ("x-litellm-tags", "t"),
            ("connection", "keep-alive, x-hop"),
            ("x-hop", "1"),
            ("content-length", "12"),
            ("transfer-encoding", "chunked"),
            ("accept-encoding", "gzip, deflate, br"),
            ("host", "127.0.0.1:4100"),
            ("user-agent", "agent/1"),
            ("openai-organization", "org"),
        ];
        let expected = [
            "accept-encoding: gzip",
            "authorization: Bearer sk-theirs",
            "content-length: 12",
            "host: api.example",
            "openai-organization: org",
            "user-agent: agent/1",
        ];
        assert_eq!(
            dressed(&upstream(Some("sk-theirs")), &headers, false),
            expected
        );
    }

    #[test]
    fn a_provider_without_a_credential_sees_none() {
        let lines = dressed(
            &upstream(None),
            &[("authorization", "Bearer tg-ours")],
            true,
        );
        assert_eq!(
            lines,
            [
                "accept-encoding: identity",
                "content-length: 12",
                "host: api.example"
            ]
        );
    }

    #[test]
    fn the_length_is_that_of_the_body_that_goes_up() {
        for said in [&[][..], &["12"], &["9"], &["12", "12"], &["9", "12"]] {
            let pairs: Vec<_> = said.iter().map(|said| ("content-length", *said)).collect();
            let lines = dressed(&upstream(None), &pairs, true);
            let lengths = lines.iter().filter(|line| line.starts_with("content"));
            assert_eq!(
                lengths.collect::<Vec<_>>(),
                ["content-length: 12"],
                "{said:?}"
            );
        }
    }

    #[test]
    fn gzip_is_passed_on_where_it_was_asked_for() {
        let check = |value: &str, expected: bool| {
            assert_eq!(
                accepts_gzip(&HeaderValue::try_from(value).expect("a value")),
                expected,
                "{value}"
            );
        };
        check("gzip", true);
        check("deflate, gzip;q=0.5", true);
        check("*", true);
        check("gzip;q=0, br", false);
        check("identity", false);
    }
}
