//! `tollgate login` and `logout`: who one is at a control panel, kept for the commands that ask it.
//!
//! A password is read and forgotten; what is kept is the session's token, or an API token, with the panel's address and
//! whom to trust there (`remote::Login`).

use super::remote::{self, Ask, Fault, Line, Login, Panel, Terminal, show};
use super::sso;
use crate::secret::Secret;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// How the token of a session begins; others are API tokens.
const SESSION: &str = "tgs_";

/// Sign in to a control panel, for the commands that administer it
///
/// The password is read from the terminal without showing it, or is a line of standard input. What is kept, for you alone,
/// is a session that ends by itself after twelve hours, or after two in which nobody used it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate login https://panel.example:4102 --ca panel-ca.pem --email ada@example.com
  tollgate login https://127.0.0.1:4102 --ca .tollgate-panel/panel-ca.pem --setup tgf_… --email ada@example.com --name Ada
  tollgate login https://panel.example:4102 --ca panel-ca.pem --invitation tgi_…
  tollgate login https://panel.example:4102 --ca panel-ca.pem --sso
  tollgate login https://panel.example:4102 --token < token.txt
  tollgate login                     again, where and as whom it was before

TOLLGATE_PANEL_URL, TOLLGATE_PANEL_TOKEN and TOLLGATE_PANEL_CA (a file) go before what is kept, for programs.
Kept in $XDG_CONFIG_HOME/tollgate/login.json, else ~/.config/tollgate/login.json.")]
pub struct LoginArgs {
    /// Where the panel is [default: where it was the last time]
    url: Option<String>,
    /// The certificate of the panel's own authority: `panel-ca.pem` in its state directory
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The address you sign in with [default: that of the last time, else asked for]
    #[arg(long, conflicts_with_all = ["invitation", "token"])]
    email: Option<String>,
    /// Become the first administrator, by the one-time token that the panel printed
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["invitation", "token"])]
    setup: Option<String>,
    /// Your name, for people; with --setup
    #[arg(long, requires = "setup")]
    name: Option<String>,
    /// Set a password by the one-time token of an invitation
    #[arg(long, value_name = "TOKEN", conflicts_with = "token")]
    invitation: Option<String>,
    /// Sign in at the organisation's own provider, in a browser of this machine
    #[arg(long, conflicts_with_all = ["email", "setup", "invitation", "token"])]
    sso: bool,
    /// Keep an API token, read like a password, instead of signing in
    #[arg(long)]
    token: bool,
}

/// Sign out: end the session, and keep nothing of it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tollgate logout\n  tollgate logout --forget")]
pub struct LogoutArgs {
    /// Only forget it here, where the panel cannot be reached
    #[arg(long)]
    forget: bool,
}

/// Runs `tollgate login`.
///
/// # Errors
/// The panel cannot be reached or refuses, or the login cannot be kept.
pub fn run(
    args: &LoginArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    sign_in(args, env, &mut Terminal, out)
}

pub(super) fn sign_in(
    args: &LoginArgs,
    env: &[(String, String)],
    ask: &mut dyn Ask,
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let before = Login::stored(env)?;
    let (named, named_ca) = remote::named(env)?;
    let url = match (&args.url, named, &before) {
        (Some(url), _, _) => remote::address(url)?,
        (None, Some(url), _) => url,
        (None, None, Some(before)) => before.url.clone(),
        (None, None, None) => {
            let words = "say where the panel is: `tollgate login https://panel.example:4102`";
            return Err(Fault::Usage(words.to_owned()).into());
        }
    };
    let before = before.filter(|before| before.url == url);
    let ca = match &args.ca {
        Some(file) => Some(remote::certificate(file)?),
        None => named_ca.or_else(|| before.as_ref()?.ca.clone()),
    };
    let email = args
        .email
        .clone()
        .or_else(|| before.as_ref()?.email.clone());
    let token = if args.token {
        ask.secret("API token")?
    } else {
        let line = Line::new(&url, ca.as_deref(), None)?;
        opened(args, email, &line, ask)?
    };
    let mut login = Login {
        url,
        ca,
        token,
        email: None,
    };
    // Whoever it is says the panel; a token that is none is not kept.
    let me = Panel::of(&login)?.get("me")?;
    login.email = Some(show::text(&me, "email"));
    let file = login.store(env)?;
    let (url, who, role) = (
        &login.url,
        show::text(&me, "email"),
        show::text(&me, "role"),
    );
    writeln!(out, "signed in to {url} as {who} ({role})")?;
    writeln!(anstream::stderr(), "kept in {}", file.display())?;
    Ok(ExitCode::SUCCESS)
}

/// A session's token, got by what the person knows.
fn opened(
    args: &LoginArgs,
    email: Option<String>,
    line: &Line,
    ask: &mut dyn Ask,
) -> anyhow::Result<Secret<String>> {
    let known = |ask: &mut dyn Ask,
                 given: Option<String>,
                 flag: &str,
                 prompt: &str|
     -> anyhow::Result<String> {
        let known = match given {
            Some(given) => Some(given),
            None => ask.line(prompt)?,
        };
        let missing = || Fault::Usage(format!("say it with {flag}: {prompt}"));
        Ok(known.ok_or_else(missing)?)
    };
    if args.sso {
        return sso::token(line, ask, sso::PATIENCE);
    }
    let (path, body) = if let Some(token) = &args.setup {
        let email = known(ask, email, "--email", "The address you will sign in with")?;
        let name = known(ask, args.name.clone(), "--name", "Your name, for people")?;
        let password = remote::new_secret(ask, "New password, 12 characters or more")?;
        let body =
            json!({ "token": token, "email": email, "name": name, "password": password.expose() });
        ("setup", body)
    } else if let Some(token) = &args.invitation {
        let password = remote::new_secret(ask, "New password, 12 characters or more")?;
        let body = json!({ "token": token, "password": password.expose() });
        ("invitations/accept", body)
    } else {
        let email = known(ask, email, "--email", "The address you sign in with")?;
        let password = ask.secret("Password")?;
        let body = json!({ "email": email, "password": password.expose() });
        ("sessions", body)
    };
    let session = line.send(Method::POST, path, Some(&body), None)?;
    session_token(&session)
}

/// The token of a session that was opened.
pub(super) fn session_token(session: &Value) -> anyhow::Result<Secret<String>> {
    let token = session.get("token").and_then(Value::as_str);
    let token = token.ok_or_else(|| Fault::Garbled("a session without a token".to_owned()))?;
    Ok(Secret::new(token.to_owned()))
}

/// Runs `tollgate logout`.
///
/// # Errors
/// The panel cannot be reached; then the login is kept.
pub fn out(
    args: &LogoutArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    if args.forget {
        let was = Login::forget_stored(env)?;
        let words = if was {
            "forgotten here; a session ends by itself within twelve hours"
        } else {
            "there was no login here"
        };
        writeln!(out, "{words}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(login) = Login::stored(env)? else {
        writeln!(out, "there was no login here")?;
        return Ok(ExitCode::SUCCESS);
    };
    let is_session = login.token.expose().starts_with(SESSION);
    if is_session {
        match Panel::of(&login)?.delete("sessions/current") {
            // Over already: that is what was wanted.
            Err(fault) if fault.code() == Some("unauthenticated") => {}
            ended => ended?,
        }
    }
    Login::forget_stored(env)?;
    if is_session {
        writeln!(out, "signed out of {}", login.url)?;
    } else {
        writeln!(
            out,
            "forgotten here; the API token is good still: `tollgate token revoke` ends it"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
