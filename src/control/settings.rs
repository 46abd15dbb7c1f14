//! The panel's settings, as written and as meant.

mod sign_in;
mod vault;

pub use sign_in::{Oidc, OidcSettings, SignInSettings, is_endpoint};
pub use vault::{KEY, MasterKey, VaultKeys, VaultSettings, Weakness, master_key};

use super::store::postgres::{NoAddress, Server};
use crate::lease::protocol::{Lending, Terms};
use crate::settings::{Report, duration};
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

const PORT: u16 = 4102;

/// The control panel's configuration.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlSettings {
    /// Where to listen, always with TLS: `127.0.0.1:4102` unless said otherwise.
    #[serde(default)]
    pub listen: Vec<String>,
    /// Names and addresses under which gateways and people reach the panel, besides localhost and what it listens on. They go
    /// into its certificate.
    #[serde(default)]
    pub names: Vec<String>,
    /// Where its database and its authority are kept; `.tollgate-panel` unless said otherwise.
    pub state_dir: Option<String>,
    /// Where the books are: `sqlite`, one file in the state directory, unless said otherwise; or a PostgreSQL database,
    /// `postgres://user:password@host/database`, which several panels may share: one of them is the panel, the others stand by.
    pub store: Option<String>,
    /// What leases are like.
    #[serde(default)]
    pub leases: LeaseSettings,
    /// How long a gateway's certificate is good; it renews itself at two thirds of that. `24h` unless said otherwise.
    pub certificate_lifetime: Option<String>,
    /// The vault, in which providers' credentials are kept.
    #[serde(default)]
    pub vault: VaultSettings,
    /// How browsers reach the panel: `https://panel.example:4102`. A provider of sign-ins sends people back there.
    pub url: Option<String>,
    /// How people sign in besides by a password.
    #[serde(default)]
    pub sign_in: SignInSettings,
}

/// What leases are like.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseSettings {
    /// How long a gateway is to go on by itself while the panel is away: the longer, the more of a budget may be held by gateways.
    pub offline_target: Option<OfflineTarget>,
    /// How long calls may begin on a lease after its last sync: `15m` unless said otherwise, `1h` with that `offline_target`,
    /// `24h` at most.
    pub valid_for: Option<String>,
    /// How long a call may last: `10m` unless said otherwise.
    pub drain_for: Option<String>,
    /// Whether even a silent copy of a gateway's disk must not be able to overspend. What a crash leaves open stays counted as
    /// spent until the period ends, then.
    #[serde(default)]
    pub clone_safe: bool,
}

/// How long gateways can go on without the panel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum OfflineTarget {
    /// A minute of spending is lent at once; up to 5 % of a budget may be held by gateways.
    #[default]
    #[serde(rename = "1m")]
    Minute,
    /// Ten minutes; up to 10 %.
    #[serde(rename = "10m")]
    TenMinutes,
    /// An hour; up to 25 %.
    #[serde(rename = "1h")]
    Hour,
}

impl OfflineTarget {
    /// How much of a gateway's future spending is lent at once.
    pub(super) const fn horizon(self) -> Duration {
        match self {
            Self::Minute => Duration::from_mins(1),
            Self::TenMinutes => Duration::from_mins(10),
            Self::Hour => Duration::from_hours(1),
        }
    }

    /// How much of a budget may be outstanding for that, in hundredths.
    const fn outstanding(self) -> u8 {
        match self {
            Self::Minute => 5,
            Self::TenMinutes => 10,
            Self::Hour => 25,
        }
    }

    /// The same, for one budget.
    pub(super) fn lending(self) -> Lending {
        Lending {
            horizon: Some(self.horizon()),
            outstanding: Some(self.outstanding()),
            ..Lending::default()
        }
    }
}

/// The panel's settings, as meant.
#[derive(Debug, Clone)]
pub struct Control {
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// The names in its certificate.
    pub names: Vec<String>,
    /// Where everything but the books is kept, and those, too, unless they are at a server; as written.
    pub state_dir: PathBuf,
    /// The server that the books are at.
    pub server: Option<Server>,
    /// What leases are like.
    pub terms: Terms,
    /// How long a gateway's certificate is good.
    pub certificate_lifetime: Duration,
    /// The vault's keys.
    pub vault: VaultKeys,
    /// The provider by which people sign in besides.
    pub oidc: Option<Oidc>,
}

impl ControlSettings {
    /// As meant, the directory as written.
    pub fn compile(&self, report: &Report<'_>) -> Control {
        let addresses = self.listen.iter().enumerate();
        let mut listen: Vec<SocketAddr> = addresses
            .filter_map(|(index, text)| {
                let fault = || {
                    format!("`{text}` is not an address: write an IP address and a port, like `127.0.0.1:{PORT}`")
                };
                let report = report.at("listen").at(index);
                report.check("listen_address", text.parse().map_err(|_| fault()))
            })
            .collect();
        if self.listen.is_empty() {
            listen.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        for (index, name) in self.names.iter().enumerate() {
            if !is_name(name) {
                report.at("names").at(index).fault_with(
                    "panel_name",
                    format!("`{name}` is neither a host name nor an IP address"),
                    "write it without scheme, port and path: `panel.example`",
                );
            }
        }
        Control {
            names: self.all_names(&listen),
            listen,
            server: self.server(&report.at("store")),
            state_dir: self
                .state_dir
                .as_deref()
                .unwrap_or(".tollgate-panel")
                .into(),
            terms: self.leases.compile(&report.at("leases")),
            certificate_lifetime: time(
                self.certificate_lifetime.as_deref(),
                Duration::from_hours(24),
                (Duration::from_mins(1), Duration::from_hours(24 * 90)),
                &report.at("certificate_lifetime"),
            ),
            vault: self.vault.compile(&report.at("vault")),
            oidc: self.sign_in.compile(self.url.as_deref(), report),
        }
    }

    /// Whether the address of the books, as written, has a password in it.
    pub fn has_password(&self) -> bool {
        let Some((_, address)) = self
            .store
            .as_deref()
            .and_then(|store| store.split_once("://"))
        else {
            return false;
        };
        let who = address.rsplit_once('@').map_or("", |(who, _)| who);
        who.contains(':') || address.contains("password=")
    }

    fn server(&self, report: &Report<'_>) -> Option<Server> {
        let store = self.store.as_deref().filter(|store| *store != "sqlite")?;
        let help =
            "write `postgres://user:password@host/database`, or leave `store` out for SQLite";
        let server = match store.parse::<Server>() {
            Ok(server) => server,
            Err(NoAddress::Scheme) => {
                let what = format!("`{}` is nowhere to keep books", scheme(store));
                report.fault_with("store", what, help);
                return None;
            }
            Err(error) => {
                let what = format!("the address of the books cannot be read: {error}");
                report.fault_with("store", what, help);
                return None;
            }
        };
        if server.is_in_the_clear() {
            report.fault_with(
                "store_in_the_clear",
                "the books would go to another machine without TLS".to_owned(),
                "add `?sslmode=verify-full`, and `&sslrootcert=FILE` where the server's authority is your own",
            );
        }
        Some(server)
    }

    fn all_names(&self, listen: &[SocketAddr]) -> Vec<String> {
        let mut names = vec![
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
        ];
        let own = listen.iter().map(SocketAddr::ip);
        names.extend(
            own.filter(|ip| !ip.is_unspecified())
                .map(|ip| ip.to_string()),
        );
        names.extend(self.names.iter().filter(|name| is_name(name)).cloned());
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl LeaseSettings {
    fn compile(&self, report: &Report<'_>) -> Terms {
        let default = Terms::default();
        let target = self.offline_target.unwrap_or_default();
        let horizon = target.horizon();
        let bounds = (Duration::from_secs(1), Duration::from_hours(24));
        let valid_for = time(
            self.valid_for.as_deref(),
            default.valid_for.max(horizon),
            bounds,
            &report.at("valid_for"),
        );
        if self.offline_target.is_some() && valid_for < horizon {
            report.at("offline_target").fault_with(
                "offline_target",
                "leases end before gateways have gone on for so long".to_owned(),
                "make `valid_for` as long, or leave it out",
            );
        }
        Terms {
            valid_for,
            drain_for: time(
                self.drain_for.as_deref(),
                default.drain_for,
                bounds,
                &report.at("drain_for"),
            ),
            horizon,
            outstanding: target.outstanding(),
            clone_safe: self.clone_safe,
            ..default
        }
    }
}

/// A length of time within bounds.
fn time(
    text: Option<&str>,
    default: Duration,
    (least, most): (Duration, Duration),
    report: &Report<'_>,
) -> Duration {
    let Some(text) = text else {
        return default;
    };
    let Some(time) = report.check("duration", duration(text)) else {
        return default;
    };
    if time < least || time > most {
        report.fault(
            "duration",
            format!(
                "{text} is not between {} s and {} h",
                least.as_secs(),
                most.as_secs() / 3600
            ),
        );
    }
    time.clamp(least, most)
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.parse::<IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(is_label))
}

/// What may be said of an address that could hold a password.
fn scheme(store: &str) -> &str {
    store.split_once("://").map_or(store, |(scheme, _)| scheme)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn compile(settings: &ControlSettings) -> (Control, Vec<String>) {
        let complaints = RefCell::default();
        let control = settings.compile(&Report::new(&complaints));
        let faults = complaints.take().into_iter();
        let faults = faults.map(|fault| format!("{}: {}", fault.path.join("."), fault.message));
        (control, faults.collect())
    }

    #[test]
    fn nothing_written_is_a_panel_on_this_machine() {
        let (control, faults) = compile(&ControlSettings::default());
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(
            control.listen,
            ["127.0.0.1:4102".parse().expect("an address")]
        );
        assert_eq!(control.names, ["127.0.0.1", "::1", "localhost"]);
        assert_eq!(control.terms, Terms::default());
    }

    #[test]
    fn what_has_no_meaning_is_told_with_its_place() {
        let settings = ControlSettings {
            listen: vec!["here".into()],
            names: vec!["https://panel.example".into()],
            store: Some("mysql://tollgate:hunter2@db/panel".into()),
            leases: LeaseSettings {
                valid_for: Some("100h".into()),
                ..LeaseSettings::default()
            },
            ..ControlSettings::default()
        };
        let (_, faults) = compile(&settings);
        let all = faults.join("\n");
        for part in [
            "listen.0: `here`",
            "names.0: `https",
            "store: ",
            "leases.valid_for: 100h is not between",
        ] {
            assert!(all.contains(part), "{part} in {all}");
        }
        assert!(!all.contains("hunter2"), "{all}");
    }

    #[test]
    fn books_at_a_server_are_reached_with_tls_or_on_this_machine() {
        let check = |store: &str, expected: &[&str]| {
            let settings = ControlSettings {
                store: Some(store.to_owned()),
                ..ControlSettings::default()
            };
            let (control, faults) = compile(&settings);
            assert_eq!(faults, expected, "{store}");
            assert!(!format!("{control:?}").contains("hunter2"));
            control.server.map(|server| server.to_string())
        };
        let clear = ["store: the books would go to another machine without TLS"];
        assert_eq!(check("sqlite", &[]), None);
        for (store, expected, faults) in [
            (
                "postgres://t:hunter2@localhost/panel",
                "postgres://localhost:5432/panel",
                &[][..],
            ),
            (
                "postgresql://t:hunter2@db:5433/panel?sslmode=verify-full",
                "postgres://db:5433/panel",
                &[],
            ),
            (
                "postgres://t:hunter2@db/panel",
                "postgres://db:5432/panel",
                &clear,
            ),
            (
                "postgres://t:hunter2@db/panel?sslmode=prefer",
                "postgres://db:5432/panel",
                &clear,
            ),
        ] {
            assert_eq!(check(store, faults).as_deref(), Some(expected));
        }
        check("postgres", &["store: `postgres` is nowhere to keep books"]);
    }

    #[test]
    fn an_address_that_cannot_be_read_says_why_and_nothing_of_its_password() {
        let check = |store: &str, expected: &str| {
            let settings = ControlSettings {
                store: Some(store.to_owned()),
                ..ControlSettings::default()
            };
            let told = compile(&settings).1.join("\n");
            assert!(told.contains(expected), "{expected} in {told}");
            assert!(!told.contains("hunter2"), "{told}");
        };
        let unread = "store: the address of the books cannot be read: ";
        let check_unread =
            |store: &str, expected: &str| check(store, &format!("{unread}{expected}"));
        check_unread(
            "postgres://t@db/panel?sslmod=verify-full",
            "`sslmod` is none of its parameters",
        );
        check_unread("postgres://t@db/panel?pasword=hunter2", "`pasword` is none");
        check_unread(
            "postgres://t:hunter2?x@db/panel?sslmode=require",
            "its parts",
        );
        check_unread("postgres://t:a/hunter2@db/panel", "its parts");
        check_unread("postgres://t:7/hunter2@db/panel", "its parts");
        check_unread("postgres://t:a?hunter2=b@db/panel", "its parts");
        check_unread("postgres://t@db/panel?sslmode=hunter2", "its parts");
    }

    #[test]
    fn more_independence_is_more_money_outstanding() {
        let settings = ControlSettings {
            leases: LeaseSettings {
                offline_target: Some(OfflineTarget::TenMinutes),
                ..LeaseSettings::default()
            },
            ..ControlSettings::default()
        };
        let terms = compile(&settings).0.terms;
        assert_eq!(
            (terms.horizon, terms.outstanding),
            (Duration::from_mins(10), 10)
        );
    }

    #[test]
    fn leases_last_as_long_as_gateways_are_to_go_on() {
        let terms = |valid_for: Option<&str>| {
            compile(&ControlSettings {
                leases: LeaseSettings {
                    offline_target: Some(OfflineTarget::Hour),
                    valid_for: valid_for.map(str::to_owned),
                    ..LeaseSettings::default()
                },
                ..ControlSettings::default()
            })
        };
        assert_eq!(terms(None).0.terms.valid_for, Duration::from_hours(1));
        assert_eq!(terms(Some("2h")).0.terms.valid_for, Duration::from_hours(2));
        let (_, faults) = terms(Some("30m"));
        assert!(
            faults
                .join("\n")
                .contains("leases.offline_target: leases end before"),
            "{faults:?}"
        );
    }
}
