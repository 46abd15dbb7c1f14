//! The door, as written and as meant: where it listens, whom it lets knock, how long and how much it waits for.
//!
//! What leaves the machine is refused unless it is encrypted or somebody said that it is meant.

use crate::settings::{Report, duration, size};
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// Certificate and key of the door.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// The certificate chain, a PEM file.
    pub cert: String,
    /// Its private key, a PEM file.
    pub key: String,
}

/// The settings of the door; in the file they stand at the top level.
#[derive(Debug, Clone, Copy, Default)]
pub struct GatewaySettings<'a> {
    /// Extra host names.
    pub hosts: &'a [String],
    /// Browser origins.
    pub origins: &'a [String],
    /// Largest body.
    pub max_body: Option<&'a str>,
    /// How long a connection may idle.
    pub client_idle: Option<&'a str>,
    /// How long the head of a request may take.
    pub header: Option<&'a str>,
    /// How long a shutdown waits.
    pub drain: Option<&'a str>,
    /// Most connections at once.
    pub max_connections: Option<u64>,
    /// Worker threads.
    pub threads: Option<u64>,
    /// Certificate and key.
    pub tls: Option<&'a TlsSettings>,
    /// Whether plain HTTP beyond loopback is meant.
    pub listen_public: bool,
}

/// The door, as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Host names accepted besides localhost and loopback addresses, in lower case.
    pub hosts: Vec<Box<str>>,
    /// Browser origins accepted; none unless named.
    pub origins: Vec<Box<str>>,
    /// Largest request body, in bytes.
    pub max_body: usize,
    /// How long a connection may idle between requests.
    pub client_idle: Duration,
    /// How long the head of a request may take.
    pub header_timeout: Duration,
    /// How long a shutdown waits for streams.
    pub drain: Duration,
    /// Most connections at once.
    pub max_connections: usize,
    /// Worker threads; one per core when absent.
    pub threads: Option<NonZeroUsize>,
    /// Certificate and key, if the door speaks TLS.
    pub tls: Option<TlsFiles>,
    /// Whether plain HTTP beyond loopback is meant.
    pub listen_public: bool,
}

/// Certificate and key of the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Where the door stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Listen {
    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

const DEFAULT_MAX_BODY: usize = 32 << 20;
const DEFAULT_CLIENT_IDLE: Duration = Duration::from_mins(1);
const DEFAULT_HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_DRAIN: Duration = Duration::from_secs(30);
const DEFAULT_MAX_CONNECTIONS: usize = 10_000;
/// More threads than any machine of this kind has cores.
const MAX_THREADS: usize = 1024;

impl GatewaySettings<'_> {
    /// The door as meant. `report` is on the whole file. File names are as written.
    #[must_use]
    pub fn compile(&self, report: &Report<'_>) -> Gateway {
        let timeouts = report.at("timeouts");
        Gateway {
            hosts: hosts(self.hosts, &report.at("hosts")),
            origins: origins(self.origins, &report.at("origins")),
            max_body: self.max_body(&report.at("max_body")),
            client_idle: length(
                self.client_idle,
                DEFAULT_CLIENT_IDLE,
                &timeouts.at("client_idle"),
            ),
            header_timeout: length(self.header, DEFAULT_HEADER_TIMEOUT, &timeouts.at("header")),
            drain: self
                .drain
                .and_then(|text| report.at("drain").check("bad_duration", duration(text)))
                .unwrap_or(DEFAULT_DRAIN),
            max_connections: count(
                self.max_connections,
                usize::MAX,
                &report.at("max_connections"),
            )
            .map_or(DEFAULT_MAX_CONNECTIONS, NonZeroUsize::get),
            threads: count(self.threads, MAX_THREADS, &report.at("threads")),
            tls: self.tls.map(|tls| TlsFiles {
                cert: tls.cert.as_str().into(),
                key: tls.key.as_str().into(),
            }),
            listen_public: self.listen_public,
        }
    }

    fn max_body(&self, report: &Report<'_>) -> usize {
        let bytes = self
            .max_body
            .and_then(|text| report.check("bad_size", size(text)))
            .unwrap_or(DEFAULT_MAX_BODY);
        if bytes == 0 {
            report.fault("zero_size", "zero would refuse every request");
        }
        bytes
    }
}

/// A length of time that bounds something, so never zero.
fn length(written: Option<&str>, default: Duration, report: &Report<'_>) -> Duration {
    let Some(time) = written.and_then(|text| report.check("bad_duration", duration(text))) else {
        return default;
    };
    if time.is_zero() {
        report.fault("zero_duration", "zero would end everything at once");
    }
    time
}

fn count(written: Option<u64>, most: usize, report: &Report<'_>) -> Option<NonZeroUsize> {
    let number = usize::try_from(written?).unwrap_or(usize::MAX);
    if number == 0 || number > most {
        report.fault("bad_count", format!("{number} is not between 1 and {most}"));
    }
    NonZeroUsize::new(number)
}

fn hosts(written: &[String], report: &Report<'_>) -> Vec<Box<str>> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    for (index, host) in written.iter().enumerate() {
        if host.is_empty() || !host.bytes().all(allowed) {
            report.at(index).fault_with(
                "bad_host",
                format!("`{host}` is not a host name"),
                "write the name alone, without scheme, port or path, like `gateway.internal`",
            );
        }
    }
    written
        .iter()
        .map(|host| host.to_ascii_lowercase().into())
        .collect()
}

fn origins(written: &[String], report: &Report<'_>) -> Vec<Box<str>> {
    for (index, origin) in written.iter().enumerate() {
        let host = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', '*', '?', '#', '@', ' ']))
        {
            report.at(index).fault_with(
                "bad_origin",
                format!("`{origin}` is not an origin"),
                "write scheme, host and, if not the default, port, like `https://console.example`; there are no wildcards",
            );
        }
    }
    written
        .iter()
        .map(|origin| origin.to_ascii_lowercase().into())
        .collect()
}

/// Where to listen. `report` is on this one address; `tls` and `public` say whether plain HTTP beyond loopback is no fault.
pub fn listen(text: &str, tls: bool, public: bool, report: &Report<'_>) -> Option<Listen> {
    if let Some(path) = text.strip_prefix("unix:") {
        if path.is_empty() {
            report.fault_with(
                "bad_listen",
                "`unix:` names no socket",
                "write it like `unix:/run/tollgate.sock`",
            );
            return None;
        }
        return Some(Listen::Unix(path.into()));
    }
    address(text, tls, public, report).map(Listen::Tcp)
}

/// As [`listen`], for a port that only speaks TCP.
pub fn address(text: &str, tls: bool, public: bool, report: &Report<'_>) -> Option<SocketAddr> {
    let local = text
        .strip_prefix("localhost:")
        .and_then(|port| port.parse().ok())
        .map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let Some(address) = local.or_else(|| text.parse().ok()) else {
        report.fault_with(
            "bad_listen",
            format!("`{text}` is not an address to listen on"),
            "write an IP address and a port, like `127.0.0.1:4100`, `\"[::1]:4100\"` or `unix:/run/tollgate.sock`",
        );
        return None;
    };
    if !address.ip().is_loopback() && !tls && !public {
        report.fault_with(
            "public_listen",
            format!("`{text}` is beyond this machine, and what passes there would be readable on the network"),
            "add `tls: { cert: …, key: … }`, or `listen_public: true` if the network is trusted",
        );
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn codes(run: impl FnOnce(&Report<'_>)) -> Vec<&'static str> {
        let complaints = RefCell::default();
        run(&Report::new(&complaints));
        complaints.into_inner().iter().map(|one| one.code).collect()
    }

    #[test]
    fn an_address_beyond_loopback_must_be_meant() {
        let check = |text: &str, tls: bool, public: bool, expected: &[&str]| {
            let found = codes(|report| {
                listen(text, tls, public, report);
            });
            assert_eq!(found, expected, "{text} tls={tls} public={public}");
        };
        check("127.0.0.1:4100", false, false, &[]);
        check("[::1]:4100", false, false, &[]);
        check("localhost:4100", false, false, &[]);
        check("unix:/run/tollgate.sock", false, false, &[]);
        check("0.0.0.0:4100", false, false, &["public_listen"]);
        check("0.0.0.0:4100", true, false, &[]);
        check("0.0.0.0:4100", false, true, &[]);
        check("[::]:4100", false, false, &["public_listen"]);
        check("4100", false, false, &["bad_listen"]);
        check("unix:", false, false, &["bad_listen"]);
    }

    #[test]
    fn an_empty_door_has_its_defaults() {
        let complaints = RefCell::default();
        let gateway = GatewaySettings::default().compile(&Report::new(&complaints));
        assert_eq!(
            (
                gateway.max_body,
                gateway.max_connections,
                gateway.header_timeout
            ),
            (33_554_432, 10_000, Duration::from_secs(10))
        );
        assert!(gateway.origins.is_empty() && complaints.borrow().is_empty());
    }

    #[test]
    fn a_host_is_a_name_and_an_origin_has_a_scheme() {
        let check = |host: &str, origin: &str, expected: &[&str]| {
            let (host, origin) = ([host.to_owned()], [origin.to_owned()]);
            let found = codes(|report| {
                hosts(&host, report);
                origins(&origin, report);
            });
            assert_eq!(found, expected, "{host:?} {origin:?}");
        };
        check("Gateway.internal", "https://console.example:8443", &[]);
        check("gateway:80", "console.example", &["bad_host", "bad_origin"]);
        check("*", "*", &["bad_host", "bad_origin"]);
    }
}
