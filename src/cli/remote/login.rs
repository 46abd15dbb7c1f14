//! What is kept of a login: which panel, whom to trust there, and what to present.
//!
//! One file, for its owner alone; one that others can read is refused, because then the token in it may be theirs already.

use super::fault::Fault;
use crate::config::{private_folder, write_private};
use crate::secret::Secret;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::json;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Beyond this a file is none of ours.
const MOST: u64 = 1 << 20;
const FILE: &str = "tollgate/login.json";

/// A login.
#[derive(Debug)]
pub(in crate::cli) struct Login {
    /// `https://panel.example:4102`
    pub(in crate::cli) url: String,
    /// Whom to trust as the panel, as PEM, besides those everybody trusts.
    pub(in crate::cli) ca: Option<String>,
    /// What to present.
    pub(in crate::cli) token: Secret<String>,
    /// Whose it is, where that is known.
    pub(in crate::cli) email: Option<String>,
}

/// A login as it is written.
#[derive(Deserialize)]
struct Written {
    url: String,
    #[serde(default)]
    ca: Option<String>,
    token: String,
    #[serde(default)]
    email: Option<String>,
}

impl Login {
    /// The one that is kept, if any.
    pub(in crate::cli) fn stored(env: &[(String, String)]) -> Result<Option<Self>, Fault> {
        // Who has no home has no login either.
        file(env).map_or(Ok(None), Self::read)
    }

    /// The one in this file, if there is one.
    pub(in crate::cli) fn read(file: PathBuf) -> Result<Option<Self>, Fault> {
        let unreadable = |error| Fault::File {
            file: file.clone(),
            error,
        };
        let open = match File::open(&file) {
            Ok(open) => open,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        // Of the file that is open, not of whatever has its name by now.
        let mode = open.metadata().map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Fault::NotAFileOf {
                what: format!(
                    "others can read it, and it holds a token\n  help: `chmod 600 {}`; if somebody may have read it, `tollgate logout` ends the session",
                    file.display()
                ),
                file,
            });
        }
        let mut text = Zeroizing::new(String::new());
        open.take(MOST)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        let written: Written = serde_json::from_str(&text).map_err(|error| Fault::NotAFileOf {
            // The words of the error could hold a piece of the file.
            what: format!(
                "not a login (line {}, column {})\n  help: `tollgate login URL` writes it anew once it is removed",
                error.line(),
                error.column()
            ),
            file: file.clone(),
        })?;
        Ok(Some(Self {
            url: address(&written.url)?,
            ca: written.ca,
            token: Secret::new(written.token),
            email: written.email,
        }))
    }

    /// Whether the panel is on this machine.
    pub(in crate::cli) fn is_here(&self) -> bool {
        let url = reqwest::Url::parse(&self.url).ok();
        let host = url.as_ref().and_then(reqwest::Url::host_str);
        let address = host.map(|host| host.trim_matches(['[', ']']).parse::<IpAddr>());
        address.is_some_and(|address| address.is_ok_and(|address| address.is_loopback()))
    }

    /// Keeps it in place of the one before. Where.
    pub(in crate::cli) fn store(&self, env: &[(String, String)]) -> Result<PathBuf, Fault> {
        let file = file(env)?;
        self.keep(&file)?;
        Ok(file)
    }

    /// Keeps it in this file.
    pub(in crate::cli) fn keep(&self, file: &Path) -> Result<(), Fault> {
        let text = json!({
            "url": self.url,
            "ca": self.ca,
            "token": self.token.expose(),
            "email": self.email,
        });
        let text = Zeroizing::new(format!("{text:#}\n"));
        let folder = file.parent().unwrap_or(Path::new(""));
        let written = private_folder(folder).and_then(|()| write_private(file, &text));
        written.map_err(|error| Fault::File {
            file: file.to_owned(),
            error,
        })
    }

    /// Keeps none any more. Whether there was one.
    pub(in crate::cli) fn forget_stored(env: &[(String, String)]) -> Result<bool, Fault> {
        Self::forget(&file(env)?)
    }

    /// Keeps none in this file any more. Whether there was one.
    pub(in crate::cli) fn forget(file: &Path) -> Result<bool, Fault> {
        match fs::remove_file(file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Fault::File {
                file: file.to_owned(),
                error,
            }),
        }
    }
}

/// Where a login is kept.
fn file(env: &[(String, String)]) -> Result<PathBuf, Fault> {
    let value = |name| crate::cli::place::value(env, name).map(PathBuf::from);
    // A relative one is to be ignored, says who invented it.
    let named = value("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
    let folder = named.or_else(|| Some(value("HOME")?.join(".config")));
    let folder = folder.ok_or_else(|| {
        Fault::Usage(
            "there is no place to keep a login: set HOME or XDG_CONFIG_HOME, or use TOLLGATE_PANEL_URL and TOLLGATE_PANEL_TOKEN"
                .to_owned(),
        )
    })?;
    Ok(folder.join(FILE))
}

/// A panel's address, without a slash at the end.
pub(in crate::cli) fn address(text: &str) -> Result<String, Fault> {
    const LIKE: &str = "write it like `https://panel.example:4102`";
    let wrong = |what: &str| Fault::Usage(format!("`{text}` is no address of a panel: {what}"));
    let url = reqwest::Url::parse(text.trim());
    let url = url.map_err(|_| wrong(LIKE))?;
    match url.scheme() {
        "https" => {}
        "http" => return Err(wrong("a panel speaks HTTPS only; begin it with `https://`")),
        _ => return Err(wrong(LIKE)),
    }
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !url.username().is_empty() || url.password().is_some() || !is_bare || !url.has_host() {
        return Err(wrong("only its name and port are wanted"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// The certificates in this file, as text.
pub(super) fn certificate(file: &Path) -> Result<String, Fault> {
    let unreadable = |error| Fault::File {
        file: file.to_owned(),
        error,
    };
    let mut text = String::new();
    let open = File::open(file).map_err(unreadable)?;
    open.take(MOST)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    let all = CertificateDer::pem_slice_iter(text.as_bytes());
    let all: Result<Vec<_>, _> = all.collect();
    let not_one = |what: &str| Fault::NotAFileOf {
        file: file.to_owned(),
        what: what.to_owned(),
    };
    match all {
        Ok(all) if !all.is_empty() && !text.contains("PRIVATE KEY") => Ok(text),
        Ok(all) if !all.is_empty() => Err(not_one(
            "a private key is in it: pass the certificate alone, the panel's `panel-ca.pem`",
        )),
        _ => Err(not_one(
            "no certificate as PEM: pass the panel's `panel-ca.pem`",
        )),
    }
}
