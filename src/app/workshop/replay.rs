//! Other policies over recorded decisions: what they would have decided otherwise.
//!
//! Each decision is weighed twice by what its record kept, once by the policies that were in force (out of the history; where
//! they are not kept, by those of the configuration) and once by the candidate. What differs counts. A recorded denial that
//! the policies of then, weighed again, do not explain (a breaker, a guard that saw the answer) is left out and counted.
//!
//! Not here: prompts. Nothing of them is recorded, so what a candidate's detectors would newly find cannot be told.

use super::Subject;
use super::log::{self, Entry, Since};
use super::past::kept;
use super::weigh::{Weighed, recorded, weigh};
use crate::chat::Usage;
use crate::clock;
use crate::config::policy::{Assembled, Compiled};
use crate::governance::policy::Policies;
use crate::units::{Money, Tokens};
use anyhow::{Context as _, bail};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// What to replay.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// From when on.
    pub since: Since,
    /// Until when.
    pub until: Option<Since>,
    /// By what to split the figures: `key`, `team`, `project`, `model`, `user`, `agent`.
    pub by: &'static str,
    /// How many examples of each kind are listed.
    pub examples: usize,
}

/// A decision that would be another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Affected {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub at: String,
    /// What would change: `newly_denied`, `newly_allowed`, `cap`, `route`, `tags`, `redactions`.
    pub change: &'static str,
    /// In a few words: by which rule, from what to what.
    pub what: String,
}

/// Figures of one label.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Decisions weighed.
    pub decisions: u64,
    /// Passed then, and would not now.
    pub newly_denied: u64,
    /// Refused then, and would pass now.
    pub newly_allowed: u64,
    /// Would have another cap on the output.
    pub cap: u64,
    /// Would be sent elsewhere.
    pub route: u64,
    /// Would have other tags.
    pub tags: u64,
    /// Of which something else would be taken out.
    pub redactions: u64,
    /// What the newly denied calls cost, and what a lower cap would have cut off.
    pub saved: Money,
}

/// What a candidate would change.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Replay {
    /// The candidate's revision.
    pub candidate: String,
    /// All figures together.
    pub total: Row,
    /// By label.
    pub by: BTreeMap<String, Row>,
    /// Which rules would newly deny, and how many.
    pub denying_rules: BTreeMap<String, u64>,
    /// Redactions more or fewer: type, place and action, by count.
    pub redactions: BTreeMap<String, i64>,
    /// Decisions on the list, of each kind the first ones.
    pub examples: Vec<Affected>,
    /// Records without anything to weigh: no policies were in force, or the call did not come as far.
    pub not_recorded: u64,
    /// Denials nobody can weigh again: breakers, guards on answers, texts that took too long.
    pub not_reproduced: u64,
    /// Decisions whose texts nobody looked at then, and the candidate asks for.
    pub undecided: u64,
    /// Decisions whose policies are not kept any more: they were weighed by those of the configuration.
    pub by_other_policies: u64,
}

/// Replays the decisions of a state directory. `now`: the policies of the configuration; `progress` is told how many bytes
/// are read, of how many.
///
/// # Errors
/// The log cannot be read.
pub fn replay(
    state_dir: &Path,
    now: &Subject,
    candidate: &Compiled,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> anyhow::Result<Replay> {
    let dir = state_dir.join("decisions");
    if !dir.is_dir() {
        bail!(
            "there is no decision log in `{}`: name the gateway's state directory with --state-dir, or its configuration with -c",
            state_dir.display()
        );
    }
    let mut bench = Bench {
        state_dir,
        now: now.assemble(),
        kept: HashMap::new(),
        candidate: &candidate.policies,
        subject: now,
        options,
        replay: Replay {
            candidate: candidate.policies.revision().to_owned(),
            ..Replay::default()
        },
    };
    let until = options.until.map(|until| until.0);
    log::each(&dir, options.since.0, until, progress, &mut |entry| {
        bench.one(&entry);
    })
    .context("the decision log cannot be read")?;
    Ok(bench.replay)
}

struct Bench<'a> {
    state_dir: &'a Path,
    now: Assembled,
    /// Policies of the history by revision, as they are met.
    kept: HashMap<String, Option<Compiled>>,
    candidate: &'a Policies,
    subject: &'a Subject,
    options: &'a ReplayOptions,
    replay: Replay,
}

impl Bench<'_> {
    fn one(&mut self, entry: &Entry) {
        let Some(ruled) = &entry.ruled else {
            self.replay.not_recorded = self.replay.not_recorded.saturating_add(1);
            return;
        };
        let label = label(entry, self.options.by);
        let recorded = recorded(entry, ruled);
        let then = match self.then(&entry.policy) {
            Base::Exact(policies) => weigh(policies, entry, ruled),
            // What was decided is on record; the rest is as near as today's policies come.
            Base::Other(policies) => Weighed {
                denied: recorded.denied.clone(),
                ..weigh(policies, entry, ruled)
            },
            Base::None => recorded.clone(),
        };
        let next = weigh(self.candidate, entry, ruled);
        if recorded.denied.is_some() != then.denied.is_some() && !then.answer {
            // The key's rights may deny a model, too; whatever it was, policies did not.
            self.replay.not_reproduced = self.replay.not_reproduced.saturating_add(1);
            return;
        }
        if next.pending && ruled.scan.is_empty() {
            self.replay.undecided = self.replay.undecided.saturating_add(1);
        }
        let differences = self.differences(entry, &then, &next);
        for row in [
            &mut self.replay.total,
            self.replay.by.entry(label).or_default(),
        ] {
            row.add(&differences);
        }
        for (change, what) in differences.changes {
            let known = self
                .replay
                .examples
                .iter()
                .filter(|known| known.change == change)
                .count();
            if known < self.options.examples {
                self.replay.examples.push(Affected {
                    id: entry.id.clone(),
                    at: entry.at.clone(),
                    change,
                    what,
                });
            }
        }
    }

    /// The policies of a revision, else those of the configuration.
    fn then(&mut self, revision: &str) -> Base<'_> {
        let same = *self.now.loaded.revision == *revision;
        if !same {
            if !self.kept.contains_key(revision) {
                let compiled = kept(self.state_dir, revision).map(|(_, compiled)| compiled);
                self.kept.insert(revision.to_owned(), compiled);
            }
            if let Some(Some(compiled)) = self.kept.get(revision) {
                return Base::Exact(&compiled.policies);
            }
            self.replay.by_other_policies = self.replay.by_other_policies.saturating_add(1);
        }
        match &self.now.compiled {
            Some(compiled) if same => Base::Exact(&compiled.policies),
            Some(compiled) => Base::Other(&compiled.policies),
            None => Base::None,
        }
    }

    fn differences(&mut self, entry: &Entry, then: &Weighed, next: &Weighed) -> Differences {
        let mut found = Differences::default();
        match (&then.denied, &next.denied) {
            (None, Some(rules)) => {
                let by = spoken(rules);
                let count = self.replay.denying_rules.entry(by.clone()).or_default();
                *count = count.saturating_add(1);
                found.changes.push(("newly_denied", format!("by {by}")));
                found.saved = entry.cost();
                return found;
            }
            (Some(rules), None) => {
                found
                    .changes
                    .push(("newly_allowed", format!("{} denied it", spoken(rules))));
            }
            (Some(_), Some(_)) => return found,
            (None, None) => {}
        }
        if then.denied.is_none() {
            if then.cap != next.cap {
                let cap =
                    |cap: Option<u64>| cap.map_or_else(|| "none".to_owned(), |cap| cap.to_string());
                found.changes.push((
                    "cap",
                    format!("max_output_tokens {} -> {}", cap(then.cap), cap(next.cap)),
                ));
                found.saved = self.cut_off(entry, next.cap);
            }
            if then.route != next.route {
                let route =
                    |route: &Option<String>| route.clone().unwrap_or_else(|| "as asked".to_owned());
                found.changes.push((
                    "route",
                    format!("{} -> {}", route(&then.route), route(&next.route)),
                ));
            }
            if then.tags != next.tags {
                found.changes.push((
                    "tags",
                    format!("[{}] -> [{}]", then.tags.join(", "), next.tags.join(", ")),
                ));
            }
        }
        if then.redactions != next.redactions {
            let mut told = Vec::new();
            let mut keys: Vec<_> = then
                .redactions
                .keys()
                .chain(next.redactions.keys())
                .collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                let count = |of: &Weighed| {
                    of.redactions
                        .get(key)
                        .map_or(0, |count| i64::try_from(*count).unwrap_or(i64::MAX))
                };
                let more = count(next).saturating_sub(count(then));
                if more != 0 {
                    let (kind, on, action) = key;
                    let name = format!("{kind} in {on}: {action}");
                    told.push(format!("{more:+} {name}"));
                    let all = self.replay.redactions.entry(name).or_default();
                    *all = all.saturating_add(more);
                }
            }
            found.changes.push(("redactions", told.join(", ")));
        }
        found
    }

    /// What output beyond a cap cost, by the price book of the configuration.
    fn cut_off(&self, entry: &Entry, cap: Option<u64>) -> Money {
        let (Some(cap), Some(config), Some(provider)) =
            (cap, &self.subject.config, &entry.provider)
        else {
            return Money::ZERO;
        };
        let Some(rate) = config.prices.rate(provider, &entry.model) else {
            return Money::ZERO;
        };
        let usage = |output: u64| Usage {
            input: Tokens(entry.input),
            cached_input: Tokens(entry.cached_input),
            output: Tokens(output),
            reasoning: Tokens(entry.reasoning.min(output)),
            ..Usage::default()
        };
        rate.cost(&usage(entry.output))
            .less(rate.cost(&usage(entry.output.min(cap))))
    }
}

/// By which policies a decision is weighed as of then.
enum Base<'a> {
    /// Those that made it.
    Exact(&'a Policies),
    /// Others: those that made it are not kept.
    Other(&'a Policies),
    /// None are at hand: only what is on record counts.
    None,
}

#[derive(Debug, Default)]
struct Differences {
    changes: Vec<(&'static str, String)>,
    saved: Money,
}

impl Row {
    fn add(&mut self, differences: &Differences) {
        self.decisions = self.decisions.saturating_add(1);
        self.saved = self.saved.plus(differences.saved);
        for (change, _) in &differences.changes {
            let figure = match *change {
                "newly_denied" => &mut self.newly_denied,
                "newly_allowed" => &mut self.newly_allowed,
                "cap" => &mut self.cap,
                "route" => &mut self.route,
                "tags" => &mut self.tags,
                _ => &mut self.redactions,
            };
            *figure = figure.saturating_add(1);
        }
    }
}

fn spoken(rules: &[String]) -> String {
    if rules.is_empty() {
        "default".to_owned()
    } else {
        rules.join(", ")
    }
}

fn label(entry: &Entry, by: &str) -> String {
    let label = match by {
        "team" => entry.team.as_deref(),
        "project" => entry.project.as_deref(),
        "user" => entry.user.as_deref(),
        "agent" => entry.agent.as_deref(),
        "model" => Some(entry.model.as_str()),
        _ => entry.key.as_deref(),
    };
    label.unwrap_or("-").to_owned()
}

impl ReplayOptions {
    /// From seven days ago, by key, ten examples of each kind.
    #[must_use]
    pub fn usual() -> Self {
        let now = clock::now().wall;
        let week = 7 * 86_400 * 1_000_000_000;
        Self {
            since: Since(crate::clock::Wall(now.0.saturating_sub(week))),
            until: None,
            by: "key",
            examples: 10,
        }
    }
}
