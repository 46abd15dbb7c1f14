//! What the tools of a workflow may reach: what is public, over connections to the very addresses that were looked at.
//!
//! A name is resolved once, all that it stands for is judged, and the connection goes there and nowhere else: a name that
//! changes what it stands for in between gains nothing. No redirect is followed, and no proxy is asked. What is private, this
//! machine itself and its neighbours are reached only where whoever runs the workflow names the host.

use crate::workflow::exec::{Fetch, FetchFault};
use crate::workflow::ir::Carrier;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// A tool has answered within this, if its file says nothing else.
const PATIENCE: Duration = Duration::from_secs(30);

/// The way out for tools.
#[derive(Debug)]
pub(super) struct Egress {
    tls: ClientConfig,
    /// `host:port` or `host`.
    reachable: Vec<String>,
}

impl Egress {
    pub(super) fn new(reachable: Vec<String>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls, reachable })
    }

    /// Asks; `Ok` is the body of a success.
    pub(super) async fn fetch(
        &self,
        fetch: Fetch,
        env: &HashMap<String, String>,
    ) -> Result<String, FetchFault> {
        let patience = fetch.timeout.unwrap_or(PATIENCE);
        match tokio::time::timeout(patience, self.ask(fetch, env)).await {
            Ok(fetched) => fetched,
            Err(_) => no(format!("no answer within {} s", patience.as_secs())),
        }
    }

    async fn ask(&self, fetch: Fetch, env: &HashMap<String, String>) -> Result<String, FetchFault> {
        let mut url = Url::parse(&fetch.url)
            .or_else(|error| no(format!("`{}` is no address: {error}", fetch.url)))?;
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() {
            return no("the address must be `https://host/…`");
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let addresses = self.addresses(&url, &host).await?;
        let method = Method::from_bytes(fetch.method.as_bytes())
            .or_else(|_| no(format!("`{}` is no method", fetch.method)))?;
        let mut secret = None;
        if let Some(auth) = &fetch.auth {
            let Some(value) = env.get(&auth.env).filter(|value| !value.is_empty()) else {
                return no(format!("its credential is not here: set {}", auth.env));
            };
            match &auth.carrier {
                Carrier::Bearer => {
                    secret = Some(("authorization".to_owned(), format!("Bearer {value}")));
                }
                Carrier::Header(name) => secret = Some((name.clone(), value.clone())),
                Carrier::Query(name) => {
                    url.query_pairs_mut().append_pair(name, value);
                }
            }
        }
        let client = Client::builder()
            .use_preconfigured_tls(self.tls.clone())
            .redirect(Policy::none())
            .no_proxy()
            .resolve_to_addrs(&host, &addresses)
            .user_agent(concat!("tollgate/", env!("CARGO_PKG_VERSION")))
            .build()
            .or_else(|_| no("no connection can be set up"))?;
        let mut request = client.request(method, url);
        for (name, value) in &fetch.headers {
            request = request.header(name, value);
        }
        if let Some((name, value)) = secret {
            let mut value = http::HeaderValue::from_str(&value)
                .or_else(|_| no("its credential has characters that headers cannot have"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if let Some(body) = fetch.body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        // The error's own words would show the address, and a credential in it.
        let mut response = request.send().await.or_else(|error| {
            no(if error.is_connect() {
                "nobody answers there"
            } else {
                "the request could not be sent, or broke off"
            })
        })?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .or_else(|_| no("its answer broke off"))?
        {
            let most = usize::try_from(fetch.max_bytes).unwrap_or(usize::MAX);
            if body.len() + chunk.len() > most {
                return no(format!(
                    "its answer has more than {most} bytes (`max_bytes`)"
                ));
            }
            body.extend_from_slice(&chunk);
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        if status.is_redirection() {
            return no(format!(
                "status {}: redirects are not followed",
                status.as_u16()
            ));
        }
        if !status.is_success() {
            let shown: String = text.chars().take(200).collect();
            return no(format!("status {}: {shown}", status.as_u16()));
        }
        Ok(text)
    }

    /// All that the host stands for; refused if one of them is private and the host was not named.
    async fn addresses(&self, url: &Url, host: &str) -> Result<Vec<SocketAddr>, FetchFault> {
        let port = url.port_or_known_default().unwrap_or(443);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => tokio::net::lookup_host((bare, port))
                .await
                .or_else(|_| no(format!("`{bare}` cannot be resolved")))?
                .collect(),
        };
        let with_port = format!("{bare}:{port}");
        let is_named = self
            .reachable
            .iter()
            .any(|named| *named == bare || *named == with_port);
        if found.is_empty() {
            return no(format!("`{bare}` stands for no address"));
        }
        if !is_named && found.iter().any(|address| !is_public(address.ip())) {
            return no(format!(
                "`{bare}` stands for an address that is not public: run it with `--reach {with_port}` if that is meant"
            ));
        }
        Ok(found)
    }
}

fn no<T>(message: impl Into<String>) -> Result<T, FetchFault> {
    Err(FetchFault(message.into()))
}

/// Whether an address is everybody's: not this machine, its network, or one that is set apart.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_apart = matches!(
        (a, b, c),
        (0 | 240.., ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _)
    );
    !(is_apart
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(within) = address.to_ipv4_mapped() {
        return is_public_v4(within);
    }
    // What stands for an IPv4 address is what that is: NAT64, 6to4.
    let of = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0x64, 0xff9b, .., high, low] | [0x2002, high, low, ..] => of(high, low),
        [0, 0, 0, 0, 0, 0, ..]
        | [0xfc00..=0xfdff | 0xfe80.., ..]
        | [0x2001, 0xdb8, ..]
        | [0x100, 0, ..] => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn what_is_not_everybodys_is_not_reached() {
        let check = |address: &str, expected: bool| {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        };
        check("8.8.8.8", true);
        check("172.15.0.1", true);
        check("2606:4700::1111", true);
        check("64:ff9b::808:808", true);
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            check(address, false);
        }
    }
}
