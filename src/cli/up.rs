//! `tollgate up`: a gateway with no configuration, and the lines to paste to use it.
//!
//! The first start writes `up.yaml` into the state directory: a key, a budget, a limit, for people to edit. Who answers is
//! not in it: that comes from the environment at each start, as fallbacks that give way to whatever is written there. A key
//! of our own in the environment, as after pasting the lines, is never taken for a provider's.
//!
//! Not here: running (`app`), making secrets (`key`).

use super::key;
use super::place::{DEFAULT_FILE, state_dir, value};
use super::remote::{self, Login};
use super::serve::Flags;
use crate::app::{self, Started, Within};
use crate::config::{self, Fallback, Settings, Sources, WindowSettings};
use anyhow::Context as _;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// How to ask the panel within, in the state directory.
pub(super) const LOGIN: &str = "login.json";
/// The file of `up` in its state directory.
pub(super) const FILE: &str = "up.yaml";

/// Start here: a gateway with no configuration, simulated or in front of OpenAI and Anthropic
///
/// With OPENAI_API_KEY in the environment it stands in front of OpenAI, with ANTHROPIC_API_KEY in front of Anthropic, with
/// GEMINI_API_KEY or GOOGLE_API_KEY in front of Gemini; without any, the built-in simulator answers. It makes a
/// key and a budget of $10 a day on its first start, keeps them in the state directory, and prints what to paste. A control
/// panel runs beside it: `tollgate top`, `budget`, `key --panel`, `kill` ask it without a login.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help a terminal shows: it knows no backticks"
)]
#[command(after_help = "Examples:
  tollgate up
  OPENAI_API_KEY=sk-... tollgate up
  ANTHROPIC_API_KEY=sk-ant-... tollgate up
  GEMINI_API_KEY=... tollgate up
  tollgate up --listen 127.0.0.1:4200 --admin-listen 127.0.0.1:4201 --state-dir /tmp/tollgate")]
pub struct UpArgs {
    /// A configuration of your own, instead of the one in the state directory
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the key, the budget and the ledgers are kept [default: .tollgate]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Where its control panel listens, or `off` [default: 127.0.0.1:4102, or another port where that is taken]
    #[arg(long, value_name = "ADDRESS", value_parser = within)]
    panel_listen: Option<PanelListen>,
    #[command(flatten)]
    flags: Flags,
}

/// Where a control panel within listens, if it is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PanelListen {
    Off,
    At(SocketAddr),
}

fn within(text: &str) -> Result<PanelListen, String> {
    if text == "off" {
        return Ok(PanelListen::Off);
    }
    let wrong = |_| "write an IP address and a port, like `127.0.0.1:4102`, or `off`".to_owned();
    text.parse().map(PanelListen::At).map_err(wrong)
}

/// Serves until told to stop; prints what to paste as soon as calls are answered.
///
/// # Errors
/// The state directory cannot be written, the configuration is faulty, or the gateway cannot start.
pub fn run(args: &UpArgs, env: Vec<(String, String)>) -> anyhow::Result<()> {
    let program = program(std::env::args_os().next());
    // How other commands are told which gateway is meant, where it is not the one they take by themselves.
    let mut place = String::new();
    let (sources, file) = if let Some(file) = &args.config {
        if file != Path::new(DEFAULT_FILE) {
            place = format!(" -c {}", file.display());
        }
        let sources = Sources {
            file: Some(file.clone()),
            env,
            flags: args.flags.settings(args.state_dir.as_ref()),
            ..Sources::default()
        };
        (sources, file.clone())
    } else {
        let state = state_dir(args.state_dir.clone(), &env);
        if args.state_dir.is_some() || Path::new(DEFAULT_FILE).is_file() {
            place = format!(" --state-dir {}", state.display());
        }
        first_start(&state)?;
        let sources = sources(&state, args.flags.settings(None), env);
        (sources, state.join(FILE))
    };
    let written = config::as_written(&file, &sources.env);
    let elsewhere = remote::elsewhere(&sources.env);
    let asks = if args.config.is_none() {
        asks(&sources.env, &sources.flags, &written)
    } else {
        Asks::Chat
    };
    let mut options = args.flags.options(sources);
    options.within = match args.panel_listen {
        None => Some(Within::Usual),
        Some(PanelListen::Off) => None,
        Some(PanelListen::At(address)) => Some(Within::At(address)),
    };
    options.announce = Some(Box::new(move |started| {
        remember(started);
        let text = announcement(
            started,
            &file,
            &written,
            (&program, &place, elsewhere.as_deref()),
            asks,
        );
        let mut out = anstream::stdout().lock();
        // Whoever closed standard output did not want to read it; the gateway runs all the same.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }));
    app::run(options)
}

/// Keeps how to ask the panel within, for commands on this machine; where there is none, nothing that is left of one.
fn remember(started: &Started) {
    let file = started.state_dir.join(LOGIN);
    let kept = match &started.panel {
        Some(panel) => Login {
            url: panel.url.clone(),
            ca: Some(panel.ca.clone()),
            token: panel.token.clone(),
            email: None,
        }
        .keep(&file),
        None => Login::forget(&file).map(drop),
    };
    if let Err(error) = kept {
        tracing::warn!(%error, "commands on this machine will not find the control panel by themselves");
    }
}

/// What a gateway of `up` is configured from.
pub(super) fn sources(
    state: &Path,
    flags: Vec<(String, String)>,
    env: Vec<(String, String)>,
) -> Sources {
    let file = state.join(FILE);
    let written = config::as_written(&file, &env);
    let claude = claude(&env, &flags, &written);
    let fallbacks = fallbacks(
        upstream(&env, &flags, &written).as_ref(),
        claude.as_ref(),
        gemini(&env, &flags, &written).as_ref(),
    );
    let mut all = vec![("state_dir".to_owned(), state.to_string_lossy().into_owned())];
    all.extend(flags);
    Sources {
        file: Some(file),
        env,
        flags: all,
        fallbacks,
        ..Sources::default()
    }
}

/// Writes `up.yaml` unless it is there.
pub(super) fn first_start(state: &Path) -> anyhow::Result<()> {
    let file = state.join(FILE);
    if file.exists() {
        return Ok(());
    }
    config::private_folder(state)
        .and_then(|()| {
            config::write_private(
                &file,
                &template(&key::secret().map_err(std::io::Error::other)?),
            )
        })
        .with_context(|| {
            format!(
                "cannot write {}: name a directory that can be written with --state-dir",
                file.display()
            )
        })
}

fn template(secret: &str) -> String {
    format!(
        r#"# Made by `tollgate up` on its first start, and yours from then on. Edit it while tollgate runs: a good edit takes effect
# within a second, a bad one changes nothing and is told in the log and in /status. `tollgate check` knows all the keys.

keys:
  - name: dev
    secret: "{secret}"
    labels: {{ team: dev, project: local, agent: dev }}

budgets:
  - {{ name: up-day, match: {{}}, limit: "$10.00", window: 1d, soft: ["50%", "80%"] }}
  # What one run may cost; a run is whatever sends the same `x-tollgate-run` header:
  # - {{ name: per-run, match: {{}}, per: run, limit: "$1.00", window: total }}

limits:
  - {{ name: up-key, match: {{}}, per: key, rpm: 600, tpm: 2000000, concurrency: 256 }}

# Who answers comes from the environment at each start: OpenAI with OPENAI_API_KEY, Anthropic with ANTHROPIC_API_KEY, Gemini with
# GEMINI_API_KEY or GOOGLE_API_KEY, else the simulator. Or say it here:
# providers:
#   openai: {{ kind: openai, credential: "file:openai.key" }}
#   claude: {{ kind: anthropic, credential: "file:claude.key" }}
#   gemini: {{ kind: gemini, credential: "file:gemini.key" }}
#   vllm:   {{ kind: openai-compatible, base_url: http://127.0.0.1:8000/v1 }}
#   sim:    {{ kind: simulator }}
# models:
#   - {{ name: "gpt-*", provider: openai }}
#   - {{ name: "claude-*", provider: claude }}
#   - {{ name: "gemini-*", provider: gemini }}
#   - {{ name: "sim-*", provider: sim }}
#   - {{ name: "*",     provider: vllm }}
"#
    )
}

/// In whose words the line to paste asks: it must be one that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    Chat,
    Messages,
    Contents,
}

/// Where somebody is named who answers in words of his own only, and nobody else is, the line asks in these.
fn asks(env: &[(String, String)], flags: &[(String, String)], written: &Settings) -> Asks {
    let named = upstream(env, flags, written).is_some()
        || written.models.is_some()
        || !written.providers.is_empty();
    if named {
        Asks::Chat
    } else if claude(env, flags, written).is_some() {
        Asks::Messages
    } else if gemini(env, flags, written).is_some() {
        Asks::Contents
    } else {
        Asks::Chat
    }
}

/// A provider the environment has a credential for.
#[derive(Debug, PartialEq, Eq)]
enum Upstream {
    OpenAi,
    /// Something else that speaks its language, where `OPENAI_BASE_URL` says.
    Compatible(String),
}

/// The provider whose credential is in the environment, unless it is a key of ours.
fn upstream(
    env: &[(String, String)],
    flags: &[(String, String)],
    written: &Settings,
) -> Option<Upstream> {
    if !is_theirs(value(env, "OPENAI_API_KEY")?.trim(), written) {
        return None;
    }
    let base = value(env, "OPENAI_BASE_URL").map(|base| base.trim().trim_end_matches('/'));
    match base {
        None | Some("" | "https://api.openai.com/v1" | "https://api.openai.com") => {
            Some(Upstream::OpenAi)
        }
        Some(base) if is_our_door(base, env, flags, written) => Some(Upstream::OpenAi),
        // The credential belongs to that host: it must not go to another.
        Some(base) => Some(Upstream::Compatible(base.to_owned())),
    }
}

/// Whether a credential is a provider's, and no key of ours.
fn is_theirs(credential: &str, written: &Settings) -> bool {
    let is_written = |key: &config::KeySettings| {
        key.secret.as_deref() == Some(credential)
            || key.hash.as_deref() == Some(config::digest_of(credential).as_str())
    };
    !credential.is_empty() && !key::is_ours(credential) && !written.keys.iter().any(is_written)
}

/// Where Anthropic is, if the environment has a credential for it: at its own address, or where `ANTHROPIC_BASE_URL` says.
#[derive(Debug, PartialEq, Eq)]
struct Claude(Option<String>);

fn claude(
    env: &[(String, String)],
    flags: &[(String, String)],
    written: &Settings,
) -> Option<Claude> {
    if !is_theirs(value(env, "ANTHROPIC_API_KEY")?.trim(), written) {
        return None;
    }
    let base = value(env, "ANTHROPIC_BASE_URL").map(|base| base.trim().trim_end_matches('/'));
    Some(Claude(match base {
        None | Some("") => None,
        Some(base) if is_our_door(base, env, flags, written) => None,
        // The credential belongs to that host: it must not go to another.
        Some(base) => Some(base.to_owned()),
    }))
}

/// Where Gemini is, if the environment has a credential for it, and by which name: of the two that its clients know they take
/// `GOOGLE_API_KEY` first.
#[derive(Debug, PartialEq, Eq)]
struct Gemini {
    key: &'static str,
    base: Option<String>,
}

fn gemini(
    env: &[(String, String)],
    flags: &[(String, String)],
    written: &Settings,
) -> Option<Gemini> {
    let key = ["GOOGLE_API_KEY", "GEMINI_API_KEY"]
        .into_iter()
        .find(|name| value(env, name).is_some_and(|key| is_theirs(key.trim(), written)))?;
    let base = value(env, "GOOGLE_GEMINI_BASE_URL").map(|base| base.trim().trim_end_matches('/'));
    let base = match base {
        None | Some("") => None,
        Some(base) if is_our_door(base, env, flags, written) => None,
        // The credential belongs to that host: it must not go to another.
        Some(base) => Some(base.to_owned()),
    };
    Some(Gemini { key, base })
}

/// Whether a URL leads to where this gateway listens: then it is the line we printed, pasted.
fn is_our_door(
    base: &str,
    env: &[(String, String)],
    flags: &[(String, String)],
    written: &Settings,
) -> bool {
    let Ok(uri) = base.parse::<http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_here = host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified());
    let port = uri.port_u16().unwrap_or(80);
    // Any layer that says where we listen; the usual place where none does.
    let mut doors: Vec<&str> = written.listen.iter().map(String::as_str).collect();
    doors.extend(value(env, "TOLLGATE__LISTEN"));
    doors.extend(
        flags
            .iter()
            .filter(|(path, _)| path == "listen")
            .map(|(_, value)| value.as_str()),
    );
    let door = format!(":{port}");
    let listens = doors.iter().any(|text| {
        text.match_indices(&door).any(|(at, found)| {
            let after = text
                .get(at + found.len()..)
                .and_then(|rest| rest.chars().next());
            !after.is_some_and(|next| next.is_ascii_digit())
        })
    });
    is_here && (listens || port == 4100)
}

/// Who answers where the file does not say.
fn fallbacks(
    upstream: Option<&Upstream>,
    claude: Option<&Claude>,
    gemini: Option<&Gemini>,
) -> Vec<Fallback> {
    let fallback = |path: &str, value: String, unless: &[&str]| Fallback {
        path: path.to_owned(),
        value,
        unless: unless.iter().map(|path| (*path).to_owned()).collect(),
    };
    let provider = match upstream {
        None => None,
        Some(Upstream::OpenAi) => {
            Some(r#"{ kind: openai, credential: "${OPENAI_API_KEY}" }"#.to_owned())
        }
        Some(Upstream::Compatible(base)) => Some(format!(
            r#"{{ kind: openai-compatible, base_url: {}, credential: "${{OPENAI_API_KEY}}" }}"#,
            serde_json::Value::from(base.as_str())
        )),
    };
    let theirs: &[&str] = match upstream {
        None => &[],
        Some(Upstream::OpenAi) => &[
            "gpt-*",
            "chatgpt-*",
            "o1*",
            "o3*",
            "o4*",
            "text-embedding-*",
            "ft:*",
            "codex-*",
            "computer-use-*",
            "davinci-002",
            "babbage-002",
        ],
        Some(Upstream::Compatible(_)) => &["*"],
    };
    let is_alone = upstream.is_none() && claude.is_none() && gemini.is_none();
    let simulated = if is_alone { "*" } else { "sim-*" };
    let mut routes = format!(r#"[{{ name: "{simulated}", provider: sim }}"#);
    if claude.is_some() {
        routes.push_str(r#", { name: "claude-*", provider: claude }"#);
    }
    if gemini.is_some() {
        routes.push_str(r#", { name: "gemini-*", provider: gemini }"#);
    }
    for name in theirs {
        let _ = write!(routes, r#", {{ name: "{name}", provider: openai }}"#);
    }
    routes.push(']');
    let mut all = vec![
        fallback(
            "providers.sim",
            "{ kind: simulator }".to_owned(),
            &["providers.sim"],
        ),
        fallback("models", routes, &["models", "providers"]),
    ];
    all.extend(
        provider.map(|provider| fallback("providers.openai", provider, &["providers.openai"])),
    );
    all.extend(claude.map(|Claude(base)| {
        let base = base
            .as_ref()
            .map(|base| serde_json::Value::from(base.as_str()));
        let base = base.map_or_else(String::new, |base| format!(", base_url: {base}"));
        let provider =
            format!(r#"{{ kind: anthropic{base}, credential: "${{ANTHROPIC_API_KEY}}" }}"#);
        fallback("providers.claude", provider, &["providers.claude"])
    }));
    all.extend(gemini.map(|Gemini { key, base }| {
        let base = base
            .as_ref()
            .map(|base| serde_json::Value::from(base.as_str()));
        let base = base.map_or_else(String::new, |base| format!(", base_url: {base}"));
        let provider = format!(r#"{{ kind: gemini{base}, credential: "${{{key}}}" }}"#);
        fallback("providers.gemini", provider, &["providers.gemini"])
    }));
    all
}

/// How this program was called, to call it so again: by its path where that was given, as by `cargo run`.
fn program(called: Option<OsString>) -> String {
    called
        .map(PathBuf::from)
        .filter(|path| path.components().count() > 1)
        .map_or_else(|| "tollgate".to_owned(), |path| path.display().to_string())
}

/// What is printed once calls are answered: with how this program is called, how it is told which gateway is meant, and which
/// other panel its commands ask.
fn announcement(
    started: &Started,
    file: &Path,
    written: &Settings,
    (program, place, elsewhere): (&str, &str, Option<&str>),
    asks: Asks,
) -> String {
    let secret = written.keys.iter().find_map(|key| key.secret.as_deref());
    let who = if started.simulated {
        "The built-in simulator answers: nothing leaves this machine, nothing is billed."
    } else {
        "Real providers answer: calls cost real money (models sim-* are simulated and do not)."
    };
    let shown_secret = secret.unwrap_or("<the secret of one of your keys>");
    let Some(base) = started.listen.iter().find_map(|listen| base_url(listen)) else {
        let doors = started.listen.join(", ");
        return format!("tollgate is up on {doors}. {who}\nKey: {shown_secret}\n");
    };
    let ask = match asks {
        Asks::Messages => format!(
            r#"v1/messages -H 'x-api-key: {shown_secret}' -H 'Content-Type: application/json' -d '{{"model":"claude-haiku-4-5","max_tokens":64,"messages":[{{"role":"user","content":"Say hello"}}]}}'"#
        ),
        Asks::Contents => format!(
            r#"v1beta/models/gemini-2.5-flash:generateContent -H 'x-goog-api-key: {shown_secret}' -H 'Content-Type: application/json' -d '{{"contents":[{{"parts":[{{"text":"Say hello"}}]}}]}}'"#
        ),
        Asks::Chat => format!(
            r#"v1/chat/completions -H 'Authorization: Bearer {shown_secret}' -H 'Content-Type: application/json' -d '{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"Say hello"}}]}}'"#
        ),
    };
    let mut text = format!(
        r"tollgate is up. {who}

export OPENAI_BASE_URL={base}/v1
export OPENAI_API_KEY={shown_secret}
export ANTHROPIC_BASE_URL={base}
export ANTHROPIC_API_KEY={shown_secret}
export GOOGLE_GEMINI_BASE_URL={base}
export GEMINI_API_KEY={shown_secret}

curl {base}/{ask}

"
    );
    if let Some(panel) = &started.panel {
        let _ = writeln!(text, "Panel     {}", panel.url);
    }
    if let Some(admin) = started.admin {
        let _ = writeln!(text, "Metrics   http://{admin}/metrics");
        let _ = writeln!(text, "Status    http://{admin}/status");
    }
    let file = file.display();
    for budget in &written.budgets {
        let window = match budget.window {
            WindowSettings::Hour => " an hour",
            WindowSettings::Day => " a day",
            WindowSettings::Week => " a week",
            WindowSettings::Month => " a month",
            WindowSettings::Total => " in all",
        };
        let _ = writeln!(text, "Budget    {}: {}{window}", budget.name, budget.limit);
    }
    let _ = write!(
        text,
        r#"Settings  {file}   (edits take effect while it runs)

Try next
- Stream:  add -N and "stream":true to the curl line
- Ask first what a call would cost:  add -H 'x-tollgate-dry-run: 1'
- Spend:  set the budget's limit to "$0.02" in {file}, then call "model":"sim-cent" (a cent each) until one is refused
- Break something:  "model":"sim-small--status-429" (all the knobs: {program} simulate --help)
- Another key:  {program} key new ci --label team=red{place}
- What was spent:  {program} ledger show{place}
"#
    );
    if let (Some(_), Some(elsewhere)) = (&started.panel, elsewhere) {
        let _ = writeln!(
            text,
            "- Commands like `{program} top` ask {elsewhere}, where you are logged in, and not this panel: `{program} logout` first"
        );
    } else if started.panel.is_some() {
        let at = if place.is_empty() {
            String::new()
        } else {
            format!("TOLLGATE__STATE_DIR={} ", started.state_dir.display())
        };
        let _ = writeln!(
            text,
            "- Watch it:  {at}{program} top   (budget list, gateway list, kill and the like, too)"
        );
    }
    text
}

/// The URL of a door, as a program on this machine reaches it.
fn base_url(listen: &str) -> Option<String> {
    if listen.starts_with("http") {
        return Some(listen.trim_end_matches('/').to_owned());
    }
    let address: SocketAddr = listen.parse().ok()?;
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    Some(format!("http://{}", SocketAddr::new(ip, address.port())))
}

#[cfg(test)]
mod tests;
