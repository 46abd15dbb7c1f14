//! `tollgate user`: who may do what at a control panel.

use super::login::session_token;
use super::remote::{self, Ask, Fault, Kind, Line, Login, Panel, Terminal, id, show, whereabouts};
use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::process::ExitCode;

/// Users of the panel: invite, list, change, keep out
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate user invite bob@example.com --name Bob --role operator --scope acme/red
  tollgate user list
  tollgate user set bob@example.com --role viewer
  tollgate user disable bob@example.com
  tollgate user unlink bob@example.com
  tollgate user me
  tollgate user password

Viewers read and ask for more; operators change budgets and keys, decide and pull switches; admins do everything.")]
pub struct UserArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Invite somebody: prints how they log in, with a one-time token
    #[command(after_help = "Examples:
  tollgate user invite bob@example.com --name Bob --role operator --scope acme/red
  tollgate user invite bob@example.com --again      another link, also for a password that was forgotten")]
    Invite(Invite),
    /// List users
    #[command(after_help = "Examples:\n  tollgate user list\n  tollgate user list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change a user's name, role or scope: whose rights change is signed out
    #[command(
        after_help = "Examples:\n  tollgate user set bob@example.com --role viewer\n  tollgate user set bob@example.com --scope '*'"
    )]
    Set(Set),
    /// Keep a user out, or let them in again
    #[command(
        after_help = "Examples:\n  tollgate user disable bob@example.com\n  tollgate user disable bob@example.com --undo"
    )]
    Disable {
        /// Their address, name or id
        user: String,
        /// Let them in again
        #[arg(long)]
        undo: bool,
    },
    /// Forget who a user is at the provider of sign-ins: they are linked anew when they sign in there next
    #[command(after_help = "Examples:\n  tollgate user unlink bob@example.com")]
    Unlink {
        /// Their address, name or id
        user: String,
    },
    /// Show who one is
    #[command(
        after_help = "Examples:\n  tollgate user me\n  tollgate user me --json | jq -r .role"
    )]
    Me {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change one's own password: all sessions end, and this one begins anew
    #[command(
        after_help = "Examples:\n  tollgate user password\n  printf '%s\\n%s\\n' \"$OLD\" \"$NEW\" | tollgate user password"
    )]
    Password,
}

#[derive(Debug, Args)]
struct Invite {
    /// The address they will sign in with
    email: String,
    /// Their name, for people
    #[arg(long, required_unless_present = "again")]
    name: Option<String>,
    /// What they may do
    #[arg(long, value_enum, required_unless_present = "again")]
    role: Option<Role>,
    /// In which part of the tree: path, name or id of a node [default: all of it]
    #[arg(long, value_name = "PATH")]
    scope: Option<String>,
    /// Another link for somebody who is invited already
    #[arg(long, conflicts_with_all = ["name", "role", "scope"])]
    again: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Set {
    /// Their address, name or id
    user: String,
    /// Their name, for people
    #[arg(long, required_unless_present_any = ["role", "scope"])]
    name: Option<String>,
    /// What they may do
    #[arg(long, value_enum)]
    role: Option<Role>,
    /// In which part of the tree: path, name or id of a node, or `*` for all of it
    #[arg(long, value_name = "PATH")]
    scope: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Role {
    /// Reads, and asks for more budget
    Viewer,
    /// Changes budgets and keys, decides requests, pulls switches
    Operator,
    /// Everything
    Admin,
}

impl Role {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// Runs `tollgate user …`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &UserArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let login = whereabouts(env)?;
    let panel = Panel::of(&login)?;
    match &args.command {
        Command::Invite(args) => invite(&panel, &login, args, out)?,
        Command::List { json } => list(&panel, *json, out)?,
        Command::Set(set) => change(&panel, set, out)?,
        Command::Disable { user, undo } => {
            let user = panel.find(Kind::User, user)?;
            let path = format!("users/{}", id(&user)?);
            let user = panel.patch(&path, &json!({ "disabled": !undo }))?;
            let (email, state) = (show::text(&user, "email"), show::text(&user, "state"));
            writeln!(out, "{email} is {state}")?;
        }
        Command::Unlink { user } => {
            let user = panel.find(Kind::User, user)?;
            panel.delete(&format!("users/{}/identity", id(&user)?))?;
            let email = show::text(&user, "email");
            writeln!(
                out,
                "{email} has no identity at the provider; their sessions ended"
            )?;
        }
        Command::Me { json } => me(&panel, *json, out)?,
        Command::Password => password(&panel, &login, env, &mut Terminal, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The id of the node that a scope is called; `*` is everything.
pub(super) fn scope(panel: &Panel, called: &str) -> Result<String, Fault> {
    if called == "*" {
        return Ok(called.to_owned());
    }
    id(&panel.find(Kind::Node, called)?).map(str::to_owned)
}

fn invite(panel: &Panel, login: &Login, args: &Invite, out: &mut dyn Write) -> anyhow::Result<()> {
    let invited = if args.again {
        let user = panel.find(Kind::User, &args.email)?;
        panel.act(&format!("users/{}/invitation", id(&user)?))?
    } else {
        let mut body = Map::new();
        body.insert("email".to_owned(), json!(args.email));
        body.insert("name".to_owned(), json!(args.name));
        body.insert("role".to_owned(), json!(args.role.map(Role::word)));
        // Everything is what is meant where no part is named.
        if let Some(called) = args.scope.as_deref().filter(|scope| *scope != "*") {
            body.insert("scope".to_owned(), json!(scope(panel, called)?));
        }
        panel.post("users", &Value::Object(body))?
    };
    if args.json {
        return Ok(show::json(out, &invited)?);
    }
    let token = invited.get("token").and_then(Value::as_str);
    let token = token.ok_or_else(|| Fault::Garbled("an invitation without a token".to_owned()))?;
    let ca = if login.ca.is_some() {
        " --ca panel-ca.pem"
    } else {
        ""
    };
    writeln!(out, "tollgate login {}{ca} --invitation {token}", login.url)?;
    let user = invited.get("user").unwrap_or(&Value::Null);
    writeln!(
        anstream::stderr(),
        "This lets {} set a password, once, until {}. It is shown once.",
        show::text(user, "email"),
        show::time(&invited, "expires")
    )?;
    Ok(())
}

/// Paths of nodes by their ids, for scopes.
pub(super) fn scopes(panel: &Panel, things: &[Value]) -> Result<Vec<(String, String)>, Fault> {
    let is_any = things.iter().any(|thing| thing.get("scope").is_some());
    if !is_any {
        return Ok(Vec::new());
    }
    let nodes = panel.list(Kind::Node.path())?;
    let nodes = nodes.iter();
    Ok(nodes
        .map(|node| (show::text(node, "id"), show::text(node, "path")))
        .collect())
}

/// A scope in a column: a path, where it is known.
pub(super) fn scope_cell(thing: &Value, scopes: &[(String, String)]) -> String {
    match thing.get("scope") {
        None | Some(Value::Null) => "*".to_owned(),
        Some(_) => {
            let scope = show::cell(thing, "scope");
            let known = scopes.iter().find(|(id, _)| *id == scope);
            known.map_or(scope, |(_, path)| path.clone())
        }
    }
}

fn list(panel: &Panel, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let users = panel.list(Kind::User.path())?;
    if json {
        return Ok(show::json(out, &Value::Array(users))?);
    }
    let scopes = scopes(panel, &users)?;
    let mut table = show::Table::new(&["EMAIL", "NAME", "ROLE", "SCOPE", "STATE", "ID"]);
    for user in &users {
        table.row([
            show::cell(user, "email"),
            show::cell(user, "name"),
            show::cell(user, "role"),
            scope_cell(user, &scopes),
            show::cell(user, "state"),
            show::cell(user, "id"),
        ]);
    }
    Ok(table.print(out, "no users")?)
}

fn change(panel: &Panel, set: &Set, out: &mut dyn Write) -> anyhow::Result<()> {
    let user = panel.find(Kind::User, &set.user)?;
    let mut body = Map::new();
    if let Some(name) = &set.name {
        body.insert("name".to_owned(), json!(name));
    }
    if let Some(role) = set.role {
        body.insert("role".to_owned(), json!(role.word()));
    }
    if let Some(called) = &set.scope {
        body.insert("scope".to_owned(), json!(scope(panel, called)?));
    }
    let path = format!("users/{}", id(&user)?);
    let user = panel.patch(&path, &Value::Object(body))?;
    if set.json {
        return Ok(show::json(out, &user)?);
    }
    let scopes = scopes(panel, std::slice::from_ref(&user))?;
    let (email, role) = (show::text(&user, "email"), show::text(&user, "role"));
    writeln!(out, "{email} is {role} of {}", scope_cell(&user, &scopes))?;
    Ok(())
}

fn me(panel: &Panel, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let me = panel.get("me")?;
    if json {
        return Ok(show::json(out, &me)?);
    }
    let scopes = scopes(panel, std::slice::from_ref(&me))?;
    let pairs = [
        ("panel", panel.url().to_owned()),
        ("email", show::cell(&me, "email")),
        ("name", show::cell(&me, "name")),
        ("role", show::cell(&me, "role")),
        ("scope", scope_cell(&me, &scopes)),
        ("id", show::cell(&me, "id")),
    ];
    Ok(show::fields(out, &pairs)?)
}

/// Changes the password, and signs in with it where the login that is kept ended with it.
pub(super) fn password(
    panel: &Panel,
    login: &Login,
    env: &[(String, String)],
    ask: &mut dyn Ask,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let me = panel.get("me")?;
    let old = ask.secret("Password in force")?;
    let new = remote::new_secret(ask, "New password, 12 characters or more")?;
    let body = json!({ "old": old.expose(), "new": new.expose() });
    panel.post("me/password", &body)?;
    let email = show::text(&me, "email");
    writeln!(
        out,
        "the password of {email} is another; all sessions ended"
    )?;
    let kept = Login::stored(env)?;
    if !kept.is_some_and(|kept| kept.url == login.url && kept.token == login.token) {
        return Ok(());
    }
    let line = Line::new(&login.url, login.ca.as_deref(), None)?;
    let body = json!({ "email": email, "password": new.expose() });
    let session = line.send(Method::POST, "sessions", Some(&body), None)?;
    let login = Login {
        url: login.url.clone(),
        ca: login.ca.clone(),
        token: session_token(&session)?,
        email: Some(email),
    };
    login.store(env)?;
    writeln!(out, "signed in again")?;
    Ok(())
}
