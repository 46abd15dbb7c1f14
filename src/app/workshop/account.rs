//! Why a request would be decided as it would: the real look at its body, every rule that was tried, what guards would take out.

use super::Subject;
use super::desk::{configuration, ordered, passing};
use super::weigh::scan_state;
use crate::chat::Endpoint;
use crate::clock::{self, Moment, Wall};
use crate::gateway::Refused;
use crate::governance::audit::{Found, Ruled};
use crate::governance::identity::{Digest, Key, KeyIndex, Label, Labels};
use crate::governance::policy::{Caller, Explanation, Policies, Recalled, Told};
use crate::pipeline::{Call, RequestLabels};
use anyhow::{Context as _, bail};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

/// Who asks.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// A virtual key of the configuration, by name; where there is no configuration, just its name.
    pub key: Option<String>,
    /// Labels by name (`org`, `team`, `project`, `agent`, `user`), before those of the key.
    pub labels: Vec<(&'static str, String)>,
    /// Groups, in place of those of the key.
    pub groups: Vec<String>,
}

/// A request to be explained.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Its body.
    pub body: Vec<u8>,
    /// What would be called: `chat`, `completions`, `embeddings`, `responses`.
    pub endpoint: String,
    /// Who asks.
    pub asker: Asker,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// When: RFC 3339; now if it does not say.
    pub time: Option<String>,
    /// Where it comes from.
    pub peer: Option<IpAddr>,
}

/// Why a request is decided as it is.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// `allow` or `deny`, all in all.
    pub decision: &'static str,
    /// What the caller is told.
    pub refusal: Option<Told>,
    /// The guard that refuses what the rules allow, where one does.
    pub refused_by: Option<String>,
    /// What the rules say, at length.
    pub rules: Explanation,
    /// What was found in the texts, and what becomes of it: types and counts.
    pub findings: Vec<Found>,
    /// How much could be looked at: `full`, `partial`, `none`; empty where nobody looked.
    pub scan: String,
    /// Labels the session has or gets.
    pub taints: Vec<Box<str>>,
    /// Warnings.
    pub notes: Vec<Box<str>>,
}

/// Explains how these policies decide about a request.
///
/// # Errors
/// The configuration or the policies are at fault, there is no such key, or the request is malformed.
pub fn account(subject: &Subject, question: Question) -> anyhow::Result<Account> {
    let config = configuration(subject)?;
    let key = key_of(&config.keys, subject.config.is_some(), &question.asker)?;
    let desk = passing(config, &ordered(subject), vec![key.clone()])?;
    let mut began = clock::now();
    if let Some(time) = &question.time {
        began = Moment {
            wall: moment(time)?,
            ..began
        };
    }
    let call = Call {
        id: desk.worker.passage_id(began),
        began,
        arrived: began.since_start,
        endpoint: endpoint(&question.endpoint)?,
        addressed: None,
        headers: headers(&question.headers)?,
        query: None,
        body: question.body.into(),
        compressed: None,
        key: KeyIndex(0),
        peer: question.peer,
        labels: labels_of(&question.headers),
        cost_comment: false,
        deadlines: crate::pipeline::Deadlines::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let explained = runtime.block_on(desk.worker.explain(&desk.plan, &call));
    let explained =
        explained.map_err(|refusal| anyhow::anyhow!("{}", Refused::from(refusal).message))?;
    let Some(guards) = &desk.plan.guards else {
        bail!("there are no policies: name files, or set `policies:` in the configuration");
    };
    let ruled = explained.ruled.as_deref().cloned().unwrap_or_default();
    let caller = Caller::of(&key);
    let mut account = Account::of(
        &guards.policies,
        ruled,
        caller,
        &explained.model,
        began.wall,
    );
    if let Some(refusal) = explained.refusal {
        account.refuse(refusal);
    }
    Ok(account)
}

impl Account {
    /// What policies say of a request by what was kept of it.
    pub(super) fn of(
        policies: &Policies,
        ruled: Ruled,
        caller: Caller<'_>,
        model: &str,
        now: Wall,
    ) -> Self {
        let recalled = Recalled::new(
            policies,
            &ruled.facts,
            caller,
            model,
            now,
            scan_state(&ruled.scan),
        );
        let request = recalled.request();
        let mut explanation = policies.explain(&request);
        // The second time, as a gateway that runs: the first pays for memory nobody has touched yet.
        let began = clock::since_start();
        let _ = std::hint::black_box(policies.decide(&request));
        let taken = clock::since_start().saturating_sub(began);
        explanation.nanos = u64::try_from(taken.as_nanos()).ok();
        Self {
            decision: explanation.decision,
            refusal: explanation.refusal.clone(),
            refused_by: None,
            rules: explanation,
            findings: ruled.findings,
            scan: ruled.scan.into(),
            taints: ruled.facts.taints,
            notes: ruled.notes,
        }
    }

    /// Takes over what the passage itself said, where the rules allow and something else does not.
    fn refuse(&mut self, refusal: crate::pipeline::Refusal) {
        if self.decision == "deny" {
            return;
        }
        let by = match &refusal {
            crate::pipeline::Refusal::Denied(denial) => denial.rule.clone(),
            _ => None,
        };
        let refused = Refused::from(refusal);
        self.decision = "deny";
        let code = refused.code_shown.as_deref().or(refused.code);
        self.refusal = Some(Told {
            status: refused.status.as_u16(),
            code: code.unwrap_or_default().to_owned(),
            message: refused.message.into_owned(),
        });
        self.refused_by = Some(by.map_or_else(|| "gateway".to_owned(), Into::into));
    }
}

impl Display for Account {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let (Some(by), Some(told)) = (&self.refused_by, &self.refusal) {
            writeln!(f, "DENY  by {by}   {}", told.message)?;
            // The rules alone let it pass: what they say comes second.
            write!(
                f,
                "{}",
                self.rules
                    .to_string()
                    .replacen("ALLOW", "rules        allow", 1)
            )?;
        } else {
            write!(f, "{}", self.rules)?;
        }
        for found in &self.findings {
            let becomes = if *found.action == *"none" {
                "nothing is done"
            } else {
                &found.action
            };
            writeln!(
                f,
                "found        {} {} in {} ({}): {becomes}",
                found.count, found.kind, found.on, found.detector
            )?;
        }
        if self.scan.is_empty() {
            writeln!(
                f,
                "texts        not looked at: nothing asks for it, or it is denied before"
            )?;
        } else {
            writeln!(f, "texts        looked at: {}", self.scan)?;
        }
        if !self.taints.is_empty() {
            writeln!(f, "tainted      {}", self.taints.join(", "))?;
        }
        for note in &self.notes {
            writeln!(f, "note         {note}")?;
        }
        Ok(())
    }
}

/// The caller as a key: one of the configuration, with labels in place of its own, or one made up of them.
fn key_of(known: &[Key], has_config: bool, asker: &Asker) -> anyhow::Result<Key> {
    let found = asker
        .key
        .as_ref()
        .map(|name| known.iter().find(|key| *key.name == **name));
    let mut key = match (found, &asker.key) {
        (Some(Some(key)), _) => key.clone(),
        (Some(None), Some(name)) if has_config => {
            bail!(
                "there is no key `{name}` in the configuration: leave --as out and say who calls with --user, --team, …"
            )
        }
        _ => {
            let label = |wanted: &str| asker.labels.iter().find(|(name, _)| *name == wanted);
            let named = label("user")
                .or_else(|| label("agent"))
                .map(|(_, value)| value.as_str());
            Key {
                // Who has no key is told apart as the user or agent is.
                name: asker.key.as_deref().or(named).unwrap_or("nobody").into(),
                digest: Digest::of(b""),
                labels: Labels::default(),
                models: Vec::new(),
                expires: None,
                disabled: false,
                leaf: None,
            }
        }
    };
    for (name, value) in &asker.labels {
        if let Ok(label) = name.parse::<Label>() {
            key.labels.single.insert(label, value.as_str().into());
        }
    }
    if !asker.groups.is_empty() {
        key.labels.groups = asker
            .groups
            .iter()
            .map(|group| group.as_str().into())
            .collect();
    }
    Ok(key)
}

fn endpoint(name: &str) -> anyhow::Result<Endpoint> {
    if name.is_empty() {
        return Ok(Endpoint::Chat);
    }
    Endpoint::named(name).with_context(|| crate::app::quote::no_endpoint(name))
}

fn headers(given: &[(String, String)]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name: HeaderName = name
            .parse()
            .with_context(|| format!("`{name}` is no name of a header"))?;
        let value: HeaderValue = value
            .parse()
            .with_context(|| format!("`{value}` is no value of a header"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn labels_of(headers: &[(String, String)]) -> RequestLabels {
    let label = |wanted: &str| {
        let mut headers = headers.iter();
        let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str().into())
    };
    RequestLabels {
        run: label("x-tollgate-run"),
        session: label("x-tollgate-session"),
        end_user: label("x-tollgate-end-user"),
        tags: label("x-tollgate-tags"),
    }
}

/// A time with its offset.
pub(super) fn moment(text: &str) -> anyhow::Result<Wall> {
    let time: jiff::Timestamp = text
        .parse()
        .ok()
        .with_context(|| format!("`{text}` is no time: write 2026-11-20T23:30:00+01:00"))?;
    Ok(Wall(
        i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX),
    ))
}
