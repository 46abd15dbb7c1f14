//! How people sign in besides by a password: at the organisation's own provider, by `OpenID Connect`.

use crate::secret::Secret;
use crate::settings::Report;
use axum::http::Uri;
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::IpAddr;

/// Longer addresses are none of a provider's.
const MOST_URL: usize = 512;
/// More scopes say nothing.
const MOST_SCOPES: usize = 20;
/// Where the provider sends people back to, on the panel.
const CALLBACK: &str = "/api/v1/oidc/callback";

/// How people sign in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInSettings {
    /// By the organisation's own provider (`OpenID Connect`), for users whom the panel knows.
    pub oidc: Option<OidcSettings>,
}

/// A provider of `OpenID Connect`, and what the panel is there.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcSettings {
    /// The provider, exactly as its discovery document names itself: `https://login.example`.
    pub issuer: String,
    /// What the panel is called there.
    pub client_id: String,
    /// What the panel shows there, best as a reference: `"${NAME}"` or `file:PATH`. Left out where the provider takes the panel
    /// for a public client.
    pub client_secret: Option<String>,
    /// What people know the provider by; its host unless said otherwise.
    pub name: Option<String>,
    /// What the provider is asked for: `openid`, `email` and `profile` unless said otherwise.
    pub scopes: Option<Vec<String>>,
    /// Whether passwords work besides; they do unless said otherwise.
    pub passwords: Option<bool>,
}

/// A provider of `OpenID Connect`, as meant.
#[derive(Debug, Clone)]
pub struct Oidc {
    /// The provider, as written.
    pub issuer: String,
    /// What the panel is called there.
    pub client_id: String,
    /// What it shows there, if anything.
    pub client_secret: Option<Secret<String>>,
    /// What people know the provider by.
    pub name: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Whether passwords work besides.
    pub passwords: bool,
    /// Where the provider sends people back to.
    pub redirect: String,
}

impl SignInSettings {
    /// As meant; `url` is the panel's own address, told of at the root.
    pub(super) fn compile(&self, url: Option<&str>, root: &Report<'_>) -> Option<Oidc> {
        let own = url.map(|url| (url, is_own(url)));
        if let Some((_, false)) = own {
            root.at("url").fault_with(
                "panel_url",
                "this is not how people reach the panel",
                "write scheme, host and port alone: `https://panel.example:4102`",
            );
        }
        let report = root.at("sign_in").at("oidc");
        let settings = self.oidc.as_ref()?;
        if own.is_none() {
            report.fault_with(
                "panel_url",
                "a provider sends people back to the panel, and `url` does not say where that is",
                "write `url: https://panel.example:4102` beside `sign_in`, and have the provider allow that with `/api/v1/oidc/callback` behind it",
            );
        }
        let url = own.map_or("", |(url, _)| url.trim_end_matches('/'));
        settings.compile(url, &report)
    }
}

impl OidcSettings {
    fn compile(&self, url: &str, report: &Report<'_>) -> Option<Oidc> {
        let is_issuer = is_issuer(&self.issuer);
        if !is_issuer {
            report.at("issuer").fault_with(
                "oidc_issuer",
                "this is no provider that can be asked: its address begins with `https://` (`http://` for this machine alone) and has neither a user, nor `?`, nor `#`",
                "write it as the provider's `/.well-known/openid-configuration` has it",
            );
        }
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let client = self.client_id.replace(' ', "");
        if client.is_empty() || self.client_id.len() > 256 || !visible(&client) {
            report.at("client_id").fault_with(
                "oidc_client",
                "this is no name of a client",
                "write the one that the provider gave this panel",
            );
        }
        let secret = self.client_secret.as_deref();
        if secret.is_some_and(|secret| secret.is_empty() || secret.chars().any(char::is_control)) {
            // Without what was written.
            report.at("client_secret").fault_with(
                "oidc_secret",
                "this secret is empty, or holds what no secret does",
                "refer to it: \"${NAME}\" or file:PATH, or leave it out for a public client",
            );
        }
        let host = self.issuer.parse::<Uri>().ok();
        let host = host.and_then(|uri| uri.host().map(str::to_owned));
        let name = self.name.clone().or(host).unwrap_or_default();
        if name.trim().is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
            report.at("name").fault(
                "oidc_name",
                "a name for people has up to 64 bytes on one line",
            );
        }
        let usual = || ["openid", "email", "profile"].map(str::to_owned).to_vec();
        let scopes = self.scopes.clone().unwrap_or_else(usual);
        let is_scope = |scope: &String| {
            visible(scope)
                && !scope.is_empty()
                && !scope.contains(['"', '\\'])
                && scope.len() <= 128
        };
        let has_openid = scopes.iter().any(|scope| scope == "openid");
        if !has_openid || scopes.len() > MOST_SCOPES || !scopes.iter().all(is_scope) {
            report.at("scopes").fault_with(
                "oidc_scopes",
                "scopes are up to 20 words, and `openid` is one of them",
                "leave `scopes` out for `[openid, email, profile]`",
            );
        }
        is_issuer.then(|| Oidc {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone().map(Secret::new),
            name,
            scopes,
            passwords: self.passwords.unwrap_or(true),
            redirect: format!("{url}{CALLBACK}"),
        })
    }
}

/// The scheme and the host of an address that may be asked at all: `https`, or `http` to this machine.
fn asked(url: &str) -> Option<Uri> {
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority()?;
    let host = authority.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = bare == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let right = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_here,
        _ => false,
    };
    let plain = url.len() <= MOST_URL
        && !authority.as_str().contains('@')
        && !host.is_empty()
        && url
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    (right && plain).then_some(uri)
}

fn is_issuer(url: &str) -> bool {
    asked(url).is_some_and(|uri| uri.query().is_none())
}

/// Whether a provider's endpoint may be asked: `https`, or `http` to this machine where the provider itself is asked so.
#[must_use]
pub fn is_endpoint(url: &str, issuer: &str) -> bool {
    let is_plain = issuer.starts_with("http://");
    asked(url).is_some_and(|uri| is_plain || uri.scheme_str() == Some("https"))
}

/// Whether this is where browsers find the panel: always by TLS, and at the root.
fn is_own(url: &str) -> bool {
    asked(url).is_some_and(|uri| {
        uri.scheme_str() == Some("https") && uri.path() == "/" && uri.query().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn compile(
        url: Option<&str>,
        change: impl FnOnce(&mut OidcSettings),
    ) -> (Option<Oidc>, String) {
        let mut oidc = OidcSettings {
            issuer: "https://login.example/realm".to_owned(),
            client_id: "tollgate".to_owned(),
            ..OidcSettings::default()
        };
        change(&mut oidc);
        let complaints = RefCell::default();
        let settings = SignInSettings { oidc: Some(oidc) };
        let compiled = settings.compile(url, &Report::new(&complaints));
        let faults = complaints.take().into_iter();
        let faults = faults.map(|fault| format!("{} {}", fault.path.join("."), fault.code));
        (compiled, faults.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn what_is_left_out_is_what_most_providers_take() {
        let (oidc, faults) = compile(Some("https://panel.example:4102/"), |_| {});
        assert_eq!(faults, "");
        let oidc = oidc.expect("a provider");
        assert_eq!(
            oidc.redirect,
            "https://panel.example:4102/api/v1/oidc/callback"
        );
        assert_eq!(oidc.name, "login.example");
        assert_eq!(oidc.scopes, ["openid", "email", "profile"]);
        assert!(oidc.passwords && oidc.client_secret.is_none());
    }

    #[test]
    fn what_would_not_be_safe_is_a_fault() {
        let own = Some("https://panel.example");
        let check = |url: Option<&str>, change: fn(&mut OidcSettings), expected: &str| {
            assert_eq!(compile(url, change).1, expected);
        };
        check(None, |_| {}, "sign_in.oidc panel_url");
        for url in [
            "http://panel.example",
            "https://panel.example/x",
            "panel.example",
            "https://a@b/",
        ] {
            check(Some(url), |_| {}, "url panel_url");
        }
        let issuer = "sign_in.oidc.issuer oidc_issuer";
        check(
            own,
            |oidc| oidc.issuer = "http://login.example".into(),
            issuer,
        );
        check(
            own,
            |oidc| oidc.issuer = "https://u:p@login.example".into(),
            issuer,
        );
        check(
            own,
            |oidc| oidc.issuer = "https://login.example?x".into(),
            issuer,
        );
        check(
            own,
            |oidc| oidc.issuer = "https://login.example#x".into(),
            issuer,
        );
        check(own, |oidc| oidc.issuer = "login.example".into(), issuer);
        check(
            own,
            |oidc| oidc.issuer = "http://127.0.0.1:8080/realm".into(),
            "",
        );
        check(
            own,
            |oidc| oidc.client_id = String::new(),
            "sign_in.oidc.client_id oidc_client",
        );
        let secret = "sign_in.oidc.client_secret oidc_secret";
        check(own, |oidc| oidc.client_secret = Some(String::new()), secret);
        check(own, |oidc| oidc.client_secret = Some("a\nb".into()), secret);
        check(
            own,
            |oidc| oidc.name = Some("a\nb".into()),
            "sign_in.oidc.name oidc_name",
        );
        let scopes = "sign_in.oidc.scopes oidc_scopes";
        check(own, |oidc| oidc.scopes = Some(vec!["email".into()]), scopes);
        check(
            own,
            |oidc| oidc.scopes = Some(vec!["openid".into(), "a b".into()]),
            scopes,
        );
    }

    #[test]
    fn an_endpoint_is_asked_no_less_safely_than_the_provider() {
        let check = |url: &str, issuer: &str, expected: bool| {
            assert_eq!(is_endpoint(url, issuer), expected, "{url} of {issuer}");
        };
        check(
            "https://other.example/token?x=1",
            "https://login.example",
            true,
        );
        check("http://127.0.0.1/token", "https://login.example", false);
        check("http://127.0.0.1/token", "http://localhost:1", true);
        check("http://login.example/token", "http://localhost:1", false);
        check(
            "https://u@other.example/token",
            "https://login.example",
            false,
        );
        check("file:///etc/passwd", "https://login.example", false);
        check("/token", "https://login.example", false);
    }
}
