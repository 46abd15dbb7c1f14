//! The control panel within `tollgate up`: started before its gateway, in the same process, and stopped after it.
//!
//! It is a panel like any other, with books and an authority of its own in `control/` in the state directory; its gateway
//! enrols at it and borrows over TLS as any other would. What is different is that nobody has to set it up.
//!
//! Not here: what is found in its books at the first start (`control::service::local`).

use super::control::{Claimed, Open, bind};
use crate::config::{Config, Fallback};
use crate::control::service::local;
use crate::control::settings::ControlSettings;
use crate::lease::client;
use crate::secret::Secret;
use crate::settings::Report;
use anyhow::Context as _;
use serde_json::json;
use std::cell::RefCell;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use tokio::runtime::{Builder, Runtime};

/// The panel's folder in the state directory.
const FOLDER: &str = "control";
/// Where a panel listens as a rule.
const USUAL: u16 = 4102;

/// Where a panel within listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// On the usual port of this machine, or any that is free where that is taken.
    Usual,
    /// Here.
    At(SocketAddr),
}

/// A panel within, as it is told of.
#[derive(Debug, Clone)]
pub struct HomePanel {
    /// Where it is.
    pub url: String,
    /// The certificate to trust it by, as PEM.
    pub ca: String,
    /// What whoever is on this machine asks with.
    pub token: Secret<String>,
}

/// A running one.
pub(super) struct Home {
    pub(super) told: HomePanel,
    enrolment: Option<Secret<String>>,
    open: Open,
    runtime: Runtime,
}

impl Home {
    /// Starts it for the gateway of this configuration.
    pub(super) fn open(within: Within, config: &Config) -> anyhow::Result<Self> {
        let listener = match within {
            Within::At(address) => bind(&address)?,
            Within::Usual => usual()?,
        };
        let complaints = RefCell::default();
        let mut control = ControlSettings::default().compile(&Report::new(&complaints));
        control.state_dir = config.state_dir.join(FOLDER);
        let address = listener.local_addr()?;
        control.listen = vec![address];
        if !address.ip().is_unspecified() {
            control.names.push(address.ip().to_string());
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("panel")
            .enable_all()
            .build()?;
        let open = Claimed::take(&control)
            .and_then(|claimed| Open::build(&control, claimed, vec![listener], &runtime))
            .context("the control panel within cannot start")?;
        let keys = config.keys.iter();
        let home = local::Home {
            keys: keys.map(|key| (key.name.to_string(), key.digest)).collect(),
            router: client::enrolled(&config.state_dir),
        };
        let furnished = runtime.block_on(local::furnish(&open.panel, home))?;
        if furnished.enrolment.is_some() {
            client::forget_enrolment(&config.state_dir)?;
        }
        let ca = fs::read_to_string(&open.opened.ca)
            .with_context(|| format!("cannot read {}", open.opened.ca.display()))?;
        let ip = if address.ip().is_unspecified() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            address.ip()
        };
        Ok(Self {
            told: HomePanel {
                url: format!("https://{}", SocketAddr::new(ip, address.port())),
                ca,
                token: furnished.token,
            },
            enrolment: furnished.enrolment,
            open,
            runtime,
        })
    }

    /// How its gateway is configured to borrow from it.
    pub(super) fn settings(&self) -> Fallback {
        let mut panel = json!({ "url": self.told.url, "ca": self.told.ca });
        if let (Some(panel), Some(token)) = (panel.as_object_mut(), &self.enrolment) {
            panel.insert("token".to_owned(), token.expose().as_str().into());
        }
        Fallback {
            path: "panel".to_owned(),
            value: panel.to_string(),
            unless: vec!["panel".to_owned()],
        }
    }

    pub(super) fn stop(self) {
        self.open.stop(&self.runtime);
    }
}

/// The usual port, or one that is free: who starts a second gateway did not ask for a panel.
fn usual() -> anyhow::Result<TcpListener> {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL));
    match bind(&usual) {
        Err(error) if is_taken(&error) => {
            tracing::info!(%usual, "the control panel's usual port is taken: it takes another");
            bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        }
        bound => bound,
    }
}

fn is_taken(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_the_usual_port_taken_takes_another() {
        // Taken by this test, or by somebody else on this machine.
        let first = bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL)));
        let second = usual().expect("a port");
        let port = second.local_addr().expect("its address").port();
        assert_ne!(port, USUAL);
        drop(first);
    }
}
