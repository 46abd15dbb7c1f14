//! A control panel, as commands speak with it: who is asked, as whom, and how answers are told.
//!
//! A command opens a [`Panel`], asks, and prints. What the panel answers is shown as it came: JSON unchanged, or its fields in
//! columns. Nothing is decided here that the panel decides: whether an amount is one, who may do what, which name is free.
//!
//! Not here: the commands themselves (one file each beside this folder), the panel (`control`).

mod ask;
mod command;
mod fault;
mod line;
mod login;
mod names;
mod problem;
pub(super) mod show;

pub(super) use ask::{Ask, Terminal, new_secret};
pub(super) use command::AtPanel;
pub(super) use fault::Fault;
pub(super) use line::Line;
pub(super) use login::{Login, address};
pub(super) use names::{Kind, pick};

use crate::secret::Secret;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// Where the panel is, by the environment.
const URL: &str = "TOLLGATE_PANEL_URL";
/// What to present there.
const TOKEN: &str = "TOLLGATE_PANEL_TOKEN";
/// A file with whom to trust as the panel.
const CA: &str = "TOLLGATE_PANEL_CA";

/// The largest page that the panel gives.
const PAGE: usize = 200;
/// More is not gathered: whoever needs it asks for less at a time.
const MOST: usize = 100_000;

/// A panel, and who asks it.
#[derive(Debug)]
pub(super) struct Panel {
    line: Line,
}

/// What the environment says about a panel.
struct Said<'a> {
    url: Option<&'a str>,
    token: Option<&'a str>,
    ca: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn by(env: &'a [(String, String)]) -> Self {
        let value = |name| super::place::value(env, name);
        Self {
            url: value(URL),
            token: value(TOKEN),
            ca: value(CA),
        }
    }
}

/// The panel that the environment names, else the one that was logged in to, else the one within `tollgate up` here.
///
/// A stored token goes nowhere but to the panel it was stored for: who names another panel brings another token.
pub(super) fn whereabouts(env: &[(String, String)]) -> Result<Login, Fault> {
    let said = Said::by(env);
    let stored = match (said.url, said.token) {
        (Some(_), Some(_)) => None,
        _ => Login::stored(env)?,
    };
    let url = said.url.map(address).transpose()?;
    let stored = stored.filter(|stored| url.as_ref().is_none_or(|url| *url == stored.url));
    let ca = match said.ca {
        Some(file) => Some(login::certificate(file.as_ref())?),
        None => None,
    };
    let token = said.token.map(|token| Secret::new(token.to_owned()));
    let login = match (stored, url) {
        (Some(stored), _) => Login {
            ca: ca.or(stored.ca),
            token: token.unwrap_or(stored.token),
            ..stored
        },
        (None, Some(url)) => Login {
            token: token.ok_or_else(|| Fault::NoToken(url.clone()))?,
            url,
            ca,
            email: None,
        },
        (None, None) => {
            let within = super::place::state_dir(None, env).join(super::up::LOGIN);
            let login = Login::read(within)?;
            // A folder from elsewhere names no panel elsewhere.
            login.filter(Login::is_here).ok_or(Fault::NotLoggedIn)?
        }
    };
    Ok(login)
}

/// The panel that goes before one within `tollgate up`, if there is one.
pub(super) fn elsewhere(env: &[(String, String)]) -> Option<String> {
    let said = Said::by(env).url.map(str::to_owned);
    said.or_else(|| Some(Login::stored(env).ok()??.url))
}

/// Where the environment says that the panel is, and whom to trust there.
pub(super) fn named(env: &[(String, String)]) -> Result<(Option<String>, Option<String>), Fault> {
    let said = Said::by(env);
    let url = said.url.map(address).transpose()?;
    let ca = said.ca.map(|file| login::certificate(file.as_ref()));
    Ok((url, ca.transpose()?))
}

/// The certificate in this file, as text.
pub(super) fn certificate(file: &std::path::Path) -> Result<String, Fault> {
    login::certificate(file)
}

impl Panel {
    /// The panel that commands are about.
    pub(super) fn open(env: &[(String, String)]) -> Result<Self, Fault> {
        let login = whereabouts(env)?;
        Self::of(&login)
    }

    /// The panel of this login.
    pub(super) fn of(login: &Login) -> Result<Self, Fault> {
        let line = Line::new(&login.url, login.ca.as_deref(), Some(&login.token))?;
        Ok(Self { line })
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        self.line.url()
    }

    /// From now on Ctrl-C ends what is waited for, instead of the process.
    pub(super) fn heed_interrupts(&mut self) -> Result<(), Fault> {
        self.line.heed_interrupts()
    }

    /// Waits. Whether nobody wants it to end.
    pub(super) fn pause(&mut self, length: Duration) -> bool {
        self.line.pause(length)
    }

    /// One thing.
    pub(super) fn get(&self, path: &str) -> Result<Value, Fault> {
        self.line.send(Method::GET, path, None, None)
    }

    /// All of a list, its pages put together.
    pub(super) fn list(&self, path: &str) -> Result<Vec<Value>, Fault> {
        let all = self.first(path, MOST + 1)?;
        if all.len() > MOST {
            return Err(Fault::TooMany(MOST));
        }
        Ok(all)
    }

    /// The first so many of a list.
    pub(super) fn first(&self, path: &str, most: usize) -> Result<Vec<Value>, Fault> {
        let mut all: Vec<Value> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let limit = most.saturating_sub(all.len()).clamp(1, PAGE);
            let place = cursor
                .as_ref()
                .map(|cursor| format!("&cursor={cursor}"))
                .unwrap_or_default();
            let mut page = self.get(&format!("{path}{joint}limit={limit}{place}"))?;
            let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) else {
                return Err(Fault::Garbled("a list without `items`".to_owned()));
            };
            let is_empty = items.is_empty();
            all.extend(items);
            let next = page.get("next_cursor").and_then(Value::as_str);
            match next {
                Some(next) if all.len() < most && cursor.as_deref() != Some(next) => {
                    // A cursor is carried as it came, and only as one.
                    if !next.bytes().all(is_plain) || is_empty && next.is_empty() {
                        return Err(Fault::Garbled("a cursor that is none".to_owned()));
                    }
                    cursor = Some(next.to_owned());
                }
                _ => break,
            }
        }
        all.truncate(most);
        Ok(all)
    }

    /// Something new, or something done.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        self.line.send(Method::POST, path, Some(body), None)
    }

    /// Something done that takes nothing but its name.
    pub(super) fn act(&self, path: &str) -> Result<Value, Fault> {
        self.line.send(Method::POST, path, None, None)
    }

    /// Something done to a thing as it was read.
    pub(super) fn act_on(
        &self,
        read: &Value,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Fault> {
        self.line
            .send(Method::POST, path, body, Some(version(read)?))
    }

    /// A change.
    pub(super) fn patch(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        self.line.send(Method::PATCH, path, Some(body), None)
    }

    /// A change of a thing as it was read.
    pub(super) fn patch_as_read(
        &self,
        read: &Value,
        path: &str,
        body: &Value,
    ) -> Result<Value, Fault> {
        self.line
            .send(Method::PATCH, path, Some(body), Some(version(read)?))
    }

    /// A thing less.
    pub(super) fn delete(&self, path: &str) -> Result<(), Fault> {
        self.line.send(Method::DELETE, path, None, None).map(drop)
    }

    /// A thing less that is as it was read.
    pub(super) fn delete_as_read(&self, read: &Value, path: &str) -> Result<(), Fault> {
        let version = Some(version(read)?);
        self.line
            .send(Method::DELETE, path, None, version)
            .map(drop)
    }
}

/// The version of a thing, as `if-match` names it.
fn version(read: &Value) -> Result<i64, Fault> {
    let version = read.get("revision").and_then(Value::as_i64);
    version.ok_or_else(|| Fault::Garbled("a thing without a `revision`".to_owned()))
}

/// The id of something that the panel told of.
pub(super) fn id(thing: &Value) -> Result<&str, Fault> {
    let id = thing.get("id").and_then(Value::as_str);
    id.filter(|id| !id.is_empty() && id.bytes().all(is_plain))
        .ok_or_else(|| Fault::Garbled("a thing without an id".to_owned()))
}

/// What stands in a path or a query as it is.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

/// A failure with the exit code it stands for.
pub(super) fn failed(error: anyhow::Error) -> super::Failed {
    let is_usage = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<Fault>())
        .any(Fault::is_usage);
    let code = if is_usage {
        super::UNREADABLE
    } else {
        super::NO
    };
    super::Failed { error, code }
}

#[cfg(test)]
pub(super) mod tests;
