//! Why: every rule that was tried, what settled it, and where each limit comes from.
//!
//! The same evaluation as [`Policies::decide`], told at length: it looks at every rule of every scope, not only at those
//! the index lets through. `render` makes text of it for people; for machines it serializes as it is.

mod render;
mod told;

use super::context::{Call, Context, Leaned};
use super::matcher::Truth;
use super::outcome::{Decision, Outcome, Standing};
use super::policies::Policies;
use super::request::{Request, ToolCall};
use super::rule::{Cap, Rule};
use super::scope::{Limits, Scope};
use super::settings::{Effect, Layer};
use serde::Serialize;

/// Why a request is allowed or denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// Whether rules wait for what the texts hold.
    pub pending: bool,
    /// What the caller is told.
    pub refusal: Option<Told>,
    /// Every rule that was tried, from the widest scope inwards.
    pub rules: Vec<Tried>,
    /// Where the limits that hold come from.
    pub limits: Vec<Limited>,
    /// What each layer says.
    pub layers: Vec<Layered>,
    /// Tags set, `name=value`, with the rule.
    pub tags: Vec<Tagged>,
    /// Entries of `redact:` that apply.
    pub guards: Vec<Guarded>,
    /// The model or provider it is sent to.
    pub route: Option<Routed>,
    /// Whether the redacted content of the call is kept.
    pub capture: bool,
    /// The revision of the policies.
    pub revision: String,
    /// How long the decision took, where somebody measured.
    pub nanos: Option<u64>,
}

/// What the caller is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The status.
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// The words.
    pub message: String,
}

/// What became of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It is among those that decided.
    Decided,
    /// It matched; another weighed more, or it decides nothing.
    Matched,
    /// It would have matched, were it in force.
    Shadow,
    /// An exception lifts it for this caller.
    Lifted,
    /// It waits for what the texts hold.
    Pending,
    /// It does not match.
    Unmatched,
}

/// One rule that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Its id.
    pub rule: String,
    /// Where it is: `payments.yaml:23`.
    pub place: String,
    /// Whose file it is in: `team payments`.
    pub scope: String,
    /// `allow`, `deny`, or nothing.
    pub effect: Option<&'static str>,
    /// Whether it is in shadow for this caller.
    pub shadow: bool,
    /// Whether the date its trial was to end has passed.
    pub overdue: bool,
    /// What became of it.
    pub became: Became,
    /// What in shadow it would have changed.
    pub would: Option<&'static str>,
    /// The condition that settled it, with the value seen.
    pub because: String,
}

/// A limit that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limited {
    /// Its key.
    pub name: &'static str,
    /// The figure.
    pub value: u64,
    /// Where it comes from.
    pub place: String,
    /// What others say: place and figure.
    pub others: Vec<(String, u64)>,
    /// What the caller asked for.
    pub asked: Option<u64>,
}

/// What a layer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layered {
    /// `org`, `team`, `project`, `key`.
    pub layer: &'static str,
    /// `pass`, `deny`, `pending`, or nothing.
    pub says: Option<&'static str>,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tagged {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Who set it.
    pub rule: String,
}

/// An entry of `redact:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guarded {
    /// Its id.
    pub id: String,
    /// Where it is.
    pub place: String,
    /// What it does.
    pub action: &'static str,
    /// With what.
    pub kinds: Vec<String>,
    /// Where it looks.
    pub sites: Vec<&'static str>,
    /// Whether it is in shadow for this caller.
    pub shadow: bool,
}

/// Where a call is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Routed {
    /// Another model.
    pub model: Option<String>,
    /// A provider.
    pub provider: Option<String>,
    /// Which rule says so, and where it is.
    pub rule: String,
    /// Where that rule is.
    pub place: String,
}

impl Policies {
    /// Why a request is allowed or denied.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        self.explained(request, None)
    }

    /// Why a call the model makes is allowed or denied.
    #[must_use]
    pub fn explain_tool_call(&self, request: &Request<'_>, call: &ToolCall<'_>) -> Explanation {
        self.explained(request, Some(&Call::read(call)))
    }

    fn explained(&self, request: &Request<'_>, call: Option<&Call<'_>>) -> Explanation {
        let outcome = self.judge(request, call);
        let leaned = Leaned::default();
        let base = self.context(request, call, &leaned);
        let tags = self.tags_set(&outcome.scopes, &base);
        let context = Context {
            tags: &tags,
            ..base
        };
        let rules = self.scopes_at(&outcome.scopes).flat_map(|scope| {
            let context = context.at(scope.seat);
            let rules = self.rules.get(scope.rules.clone()).unwrap_or_default();
            (scope.rules.start..)
                .zip(rules)
                .map(move |(at, rule)| self.tried(scope, at, rule, &context))
        });
        let mut rules: Vec<Tried> = rules.collect();
        self.note_outcome(&outcome, &mut rules);
        Explanation {
            decision: match outcome.decision {
                Decision::Allow => "allow",
                Decision::Deny => "deny",
            },
            pending: outcome.pending,
            refusal: outcome.refusal.as_ref().map(|refusal| Told {
                status: refusal.status,
                code: refusal.code.to_string(),
                message: refusal.message.clone(),
            }),
            rules,
            limits: self.limited(request, &outcome),
            layers: Layer::ALL
                .into_iter()
                .map(|layer| Layered {
                    layer: layer.name(),
                    says: match outcome.layer(layer) {
                        Standing::Silent => None,
                        Standing::Pass => Some("pass"),
                        Standing::Pending => Some("pending"),
                        Standing::Deny => Some("deny"),
                    },
                })
                .collect(),
            tags: self
                .tags(&outcome)
                .map(|(name, value, rule)| Tagged {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    rule: rule.id().to_owned(),
                })
                .collect(),
            guards: self.guarded(&outcome),
            route: self.routed(&outcome),
            capture: outcome.capture,
            revision: self.revision.to_string(),
            nanos: None,
        }
    }

    fn tried(&self, scope: &Scope, at: usize, rule: &Rule, context: &Context<'_>) -> Tried {
        let request = context.request;
        let lifted = scope.lifting(at, &request.caller, request.now);
        let shadow = !rule.trial.is_over(&rule.id, request.caller.identity());
        let truth = rule.truth(context);
        let became = match truth {
            Truth::No => Became::Unmatched,
            Truth::Pending => Became::Pending,
            Truth::Fault if !rule.matches_on_fault() => Became::Unmatched,
            _ if lifted.is_some() => Became::Lifted,
            _ if shadow => Became::Shadow,
            _ => Became::Matched,
        };
        Tried {
            rule: rule.id.to_string(),
            place: self.locate(rule.place),
            scope: scope.describe(),
            effect: rule.effect.map(|effect| match effect {
                Effect::Allow => "allow",
                Effect::Deny => "deny",
            }),
            shadow,
            overdue: rule.trial.is_overdue(request.now),
            became,
            would: None,
            because: match lifted {
                Some(exception) => format!("override {}", self.locate(exception.place)),
                None => told::because(rule, context),
            },
        }
    }

    /// Which of the rules decided, and what those in shadow would have changed.
    fn note_outcome(&self, outcome: &Outcome, rules: &mut [Tried]) {
        let mut places = self
            .scopes_at(&outcome.scopes)
            .flat_map(|scope| scope.rules.clone());
        for tried in rules {
            let Some(at) = places.next() else { return };
            let is = |id: &super::rule::RuleId| usize::try_from(id.0) == Ok(at);
            if tried.became == Became::Matched && outcome.deciding.iter().any(is) {
                tried.became = Became::Decided;
            }
            let hit = outcome.shadows.iter().find(|hit| is(&hit.rule));
            tried.would = hit.map(|hit| hit.would.name());
        }
    }

    fn limited(&self, request: &Request<'_>, outcome: &Outcome) -> Vec<Limited> {
        type Of = fn(&Limits) -> Option<Cap>;
        let names: [(&'static str, Of, Option<u64>); 5] = [
            (
                "max_input_tokens",
                |limits| limits.max_input_tokens,
                Some(request.input_tokens),
            ),
            (
                "max_output_tokens",
                |limits| limits.max_output_tokens,
                request.max_output_tokens,
            ),
            ("rpm", |limits| limits.rpm, None),
            ("tpm", |limits| limits.tpm, None),
            ("concurrency", |limits| limits.concurrency, None),
        ];
        let mut limited = Vec::new();
        for (name, of, asked) in names {
            let Some(cap) = of(&outcome.limits) else {
                continue;
            };
            let scopes = self.scopes_at(&outcome.scopes);
            let said =
                scopes.filter_map(|scope| of(&scope.limits_for(&request.caller, request.now)));
            let matched = outcome.matched.iter().filter_map(|id| self.rule(*id));
            let sets = matched
                .filter(|rule| rule.sets() && name == "max_output_tokens")
                .filter_map(|rule| rule.set.max_output_tokens);
            limited.push(self.limit(name, cap, said.chain(sets), asked));
        }
        limited.extend(
            [
                ("temperature_max_milli", outcome.temperature_max_milli),
                ("n_max", outcome.n_max),
            ]
            .into_iter()
            .filter_map(|(name, cap)| Some(self.limit(name, cap?, std::iter::empty(), None))),
        );
        limited
    }

    fn limit(
        &self,
        name: &'static str,
        cap: Cap,
        said: impl Iterator<Item = Cap>,
        asked: Option<u64>,
    ) -> Limited {
        let others = said.filter(|other| *other != cap);
        Limited {
            name,
            value: cap.value,
            place: self.locate(cap.place),
            others: others
                .map(|other| (self.locate(other.place), other.value))
                .collect(),
            asked,
        }
    }

    fn guarded(&self, outcome: &Outcome) -> Vec<Guarded> {
        let in_force = outcome.guards.iter().map(|id| (id, false));
        let shadow = outcome.shadow_guards.iter().map(|id| (id, true));
        in_force
            .chain(shadow)
            .filter_map(|(id, shadow)| Some((self.guard(*id)?, shadow)))
            .map(|(guard, shadow)| Guarded {
                id: guard.id.to_string(),
                place: self.locate(guard.place),
                action: told::action(guard.action),
                kinds: guard
                    .kinds
                    .iter()
                    .map(|kind| self.kind_name(*kind).to_owned())
                    .collect(),
                sites: told::sites(guard),
                shadow,
            })
            .collect()
    }

    fn routed(&self, outcome: &Outcome) -> Option<Routed> {
        let rule = self.rule(outcome.route?)?;
        let route = rule.route()?;
        Some(Routed {
            model: route.model.as_deref().map(ToOwned::to_owned),
            provider: route.provider.as_deref().map(ToOwned::to_owned),
            rule: rule.id.to_string(),
            place: self.locate(rule.place),
        })
    }
}
