//! The control panel, as written and as meant.

pub use super::vault::MOST_NAMES;

use super::bundle::PolicyKey;
use crate::secret::Secret;
use crate::settings::Report;
use http::Uri;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;

/// Where budgets are borrowed from: `{ url: https://panel.example:4102, token: "${TOLLGATE_ROUTER_TOKEN}", ca: file:ca.pem }`.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PanelSettings {
    /// Where it is: `https://panel.example:4102`.
    pub url: Option<String>,
    /// The one-time token that this gateway is enrolled with; not needed any more once it is.
    pub token: Option<String>,
    /// The certificate of the panel's own authority, as PEM: `file:panel-ca.pem`.
    pub ca: Option<String>,
    /// The only key by which policies of the panel are believed, in 64 hexadecimal digits as `tollgate policy bundles` shows
    /// it; the one that the panel named when it enrolled this gateway where absent.
    pub policy_key: Option<String>,
}

/// The panel, as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panel {
    /// Where it is, without a slash at the end.
    pub url: Box<str>,
    /// What this gateway is enrolled with.
    pub token: Option<Secret<String>>,
    /// Whom to trust as the panel, as PEM.
    pub ca: Box<str>,
    /// The only key by which policies of the panel are believed.
    pub policy_key: Option<PolicyKey>,
}

impl PanelSettings {
    /// The panel as meant.
    pub fn compile(&self, report: &Report<'_>) -> Option<Panel> {
        let url = self.url(report);
        let token = self.token.as_ref().and_then(|token| {
            let visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
            if !visible {
                report.at("token").fault_with(
                    "bad_token",
                    "no token of a panel: it is empty or holds characters no header can carry",
                    "take the one that `tollgate panel` prints for a new gateway, without quotes or spaces",
                );
            }
            visible.then(|| Secret::new(token.clone()))
        });
        Some(Panel {
            url: url?,
            token,
            ca: self.ca(report)?,
            policy_key: self.policy_key(report),
        })
    }

    fn policy_key(&self, report: &Report<'_>) -> Option<PolicyKey> {
        let text = self.policy_key.as_ref()?;
        let key = text.trim().parse().ok();
        if key.is_none() {
            report.at("policy_key").fault_with(
                "bad_policy_key",
                "not a key for policies",
                "write the 64 hexadecimal digits that `tollgate policy bundles` shows",
            );
        }
        key
    }

    fn url(&self, report: &Report<'_>) -> Option<Box<str>> {
        const EXAMPLE: &str = "write it like `https://panel.example:4102`";
        let Some(text) = &self.url else {
            report.fault_with(
                "panel_without_url",
                "a control panel without an address cannot be asked for anything",
                format_args!("add `url`: {EXAMPLE}"),
            );
            return None;
        };
        let report = report.at("url");
        let uri = text.parse::<Uri>().ok();
        let Some(authority) = uri.as_ref().and_then(Uri::authority) else {
            report.fault_with("bad_url", format!("`{text}` is not a URL"), EXAMPLE);
            return None;
        };
        if uri.as_ref().and_then(Uri::scheme_str) != Some("https") {
            report.fault_with(
                "panel_not_https",
                "money is borrowed over TLS only",
                "begin the address with `https://`",
            );
            return None;
        }
        let plain = uri.as_ref().is_some_and(|uri| uri.query().is_none());
        if authority.as_str().contains('@') || !plain {
            report.fault_with(
                "bad_url",
                "an address of a panel holds no user and no query",
                EXAMPLE,
            );
            return None;
        }
        Some(text.trim_end_matches('/').into())
    }

    fn ca(&self, report: &Report<'_>) -> Option<Box<str>> {
        const REMEDY: &str = "add `ca: file:panel-ca.pem` with the certificate that the panel wrote at its first start";
        let Some(pem) = &self.ca else {
            report.fault_with(
                "panel_without_ca",
                "nothing says how the panel is known: anybody could lend, or hear what is spent",
                REMEDY,
            );
            return None;
        };
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
        let good = certificates.collect::<Result<Vec<_>, _>>();
        if good.is_ok_and(|all| !all.is_empty()) {
            return Some(pem.as_str().into());
        }
        report
            .at("ca")
            .fault_with("bad_ca", "not a certificate as PEM", REMEDY);
        None
    }
}
