//! What is compared, and how each is brought up.

use crate::bank::Bank;
use crate::body::{Kind, Request};
use crate::governed;
use crate::http::{Fault, on_one_core};
use crate::options::ROLE;
use crate::process::{Core, Server, free_address, until};
use crate::wire::Connection;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tollgate::clock::since_start;

/// One of the servers compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// No gateway: the upstream itself.
    Direct,
    /// Bare hyper.
    Bare,
    /// tollgate with everything on but policies.
    Tollgate,
    /// tollgate with policies, too: every text of request and answer is looked at.
    Guarded,
    /// tollgate with everything on but policies, and a control panel whose leases pay for its calls.
    Leased,
}

impl Candidate {
    /// Every candidate, in the order of each round.
    pub(crate) const ALL: [Self; 5] = [
        Self::Direct,
        Self::Bare,
        Self::Tollgate,
        Self::Guarded,
        Self::Leased,
    ];

    /// Its name in the table and on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Bare => "bare",
            Self::Tollgate => "tollgate",
            Self::Guarded => "guarded",
            Self::Leased => "leased",
        }
    }

    /// The candidate of this name.
    pub(crate) fn named(name: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|candidate| candidate.name() == name)
            .ok_or_else(|| {
                format!("`{name}` is no candidate: direct, bare, tollgate, guarded or leased")
                    .into()
            })
    }
}

/// Starts candidates before one upstream.
pub(crate) struct Stage {
    own: OsString,
    upstream: Server,
}

/// A candidate that has answered once.
pub(crate) struct Running {
    server: Option<Server>,
    _bank: Option<Bank>,
    // The directory of its state, removed after it has ended: fields drop in their order.
    _directory: Option<TempDir>,
    pub(crate) address: SocketAddr,
    /// The secret of a key it knows.
    pub(crate) secret: String,
    /// From its start to its first answer.
    pub(crate) cold_start: Duration,
}

impl Stage {
    /// Brings up the upstream.
    pub(crate) fn set() -> Result<Self, Fault> {
        let own: OsString = std::env::current_exe()?.into();
        let address = free_address()?;
        let words = [ROLE, "upstream", &address.to_string()].map(OsString::from);
        let command: Vec<OsString> = [own.clone()].into_iter().chain(words).collect();
        let mut upstream = Server::start(&command, address, Core::Load)?;
        until(&mut upstream, |server| {
            answers(server.address, &governed::secret(0))
        })?;
        Ok(Self { own, upstream })
    }

    /// Brings up a candidate with `keys` keys and waits until it answers the last of them.
    pub(crate) fn start(&self, candidate: Candidate, keys: u32) -> Result<Running, Fault> {
        let upstream = self.upstream.address;
        if candidate == Candidate::Direct {
            return Ok(Running {
                server: None,
                _bank: None,
                _directory: None,
                address: upstream,
                secret: governed::secret(0),
                cold_start: Duration::ZERO,
            });
        }
        let address = free_address()?;
        let directory = tempfile::tempdir()?;
        let bank = match candidate {
            Candidate::Leased => Some(Bank::open(directory.path())?),
            _ => None,
        };
        let command = if candidate == Candidate::Bare {
            let words = [ROLE, "bare", &address.to_string(), &upstream.to_string()];
            let words = words.map(OsString::from);
            [self.own.clone()].into_iter().chain(words).collect()
        } else {
            let packs: &[&str] = match candidate {
                Candidate::Guarded => &governed::PACKS,
                _ => &[],
            };
            governed::command(
                directory.path(),
                address,
                free_address()?,
                upstream,
                keys,
                packs,
                bank.as_ref().map_or("", |bank| &bank.section),
            )?
        };
        let secret = match &bank {
            Some(bank) => bank.secret.clone(),
            None => governed::secret(keys.saturating_sub(1)),
        };
        let start = since_start();
        let mut server = Server::start(&command, address, Core::Server)?;
        until(&mut server, |server| answers(server.address, &secret))
            .map_err(|fault| format!("{} does not answer: {fault}", candidate.name()))?;
        Ok(Running {
            server: Some(server),
            _bank: bank,
            _directory: Some(directory),
            address,
            secret,
            cold_start: since_start().saturating_sub(start),
        })
    }

    /// Where the upstream listens.
    pub(crate) fn upstream_address(&self) -> SocketAddr {
        self.upstream.address
    }

    /// Processor time the upstream spent so far.
    pub(crate) fn upstream_cpu(&self) -> Result<Duration, Fault> {
        self.upstream.cpu()
    }

    /// The process measured: the candidate's own, or the upstream where there is no gateway.
    pub(crate) fn server<'a>(&'a self, running: &'a Running) -> &'a Server {
        running.server.as_ref().unwrap_or(&self.upstream)
    }
}

/// Whether one small call is answered.
fn answers(address: SocketAddr, secret: &str) -> Result<(), Fault> {
    on_one_core(async {
        let mut request = Request::new(secret, 1024, Kind::Answer);
        let mut connection = Connection::open(address).await?;
        connection.call(request.next(), || ()).await
    })?
    .map(|_| ())
}
