//! The decision: every scope that covers the caller must let the request pass, and a rule's place never matters.
//!
//! In a scope any rule that denies wins, else any that allows, else the file's default. Cheap rules are decided before
//! texts are looked at; what then still `waits` is decided again afterwards. Before, a rule that asks what was found neither
//! matches nor fails; the outcome is then `pending`, and only a denial is final.
//!
//! Tags come first, in one pass: rules that set them and ask for none. A rule that does both sets tags nobody sees but the
//! records, which is what keeps the order of rules from mattering.

use super::context::{Call, Context, Leaned, Seat, SetTag};
use super::guards::GuardId;
use super::index::{Row, places};
use super::matcher::Truth;
use super::outcome::{Cause, Decision, Outcome, Scopes, ShadowHit, Standing, Would};
use super::policies::Policies;
use super::request::{Request, ToolCall};
use super::rule::{Rule, RuleId};
use super::scope::{Scope, least};
use super::settings::Effect;
use smallvec::SmallVec;

/// The tags of one request.
pub(super) type Tags<'a> = SmallVec<[SetTag<'a>; 4]>;

/// What one scope has said so far.
#[derive(Debug, Default)]
struct Said {
    denies: bool,
    allows: bool,
    /// A rule that may allow waits.
    waits: bool,
}

impl Policies {
    /// Decides about a request. Ask again with `detections` and `scan` filled in if the outcome waits.
    pub fn decide(&self, request: &Request<'_>) -> Outcome {
        self.judge(request, None)
    }

    /// Decides about the calls a model makes, one outcome for each. `tools:` is then the tool called, and `tool_calls:`
    /// is asked as well; rules that deny without naming tools had their say about the request.
    pub fn judge_tool_calls(
        &self,
        request: &Request<'_>,
        calls: &[ToolCall<'_>],
    ) -> SmallVec<[Outcome; 1]> {
        calls
            .iter()
            .map(|call| self.judge(request, Some(&Call::read(call))))
            .collect()
    }

    pub(super) fn judge(&self, request: &Request<'_>, call: Option<&Call<'_>>) -> Outcome {
        let leaned = Leaned::default();
        let scopes = self.roster.of(&self.scopes, &request.caller);
        let mut outcome = Outcome::default();
        let base = self.context(request, call, &leaned);
        let tags = self.tags_set(&scopes, &base);
        let context = Context {
            tags: &tags,
            ..base
        };
        for scope in self.scopes_at(&scopes) {
            self.judge_scope(scope, &context.at(scope.seat), &mut outcome);
        }
        outcome.scopes = scopes;
        outcome.timed = leaned.on_time.get();
        outcome.waits = leaned.on_texts.get();
        self.conclude(request, call, &mut outcome);
        outcome
    }

    pub(super) fn context<'a>(
        &'a self,
        request: &'a Request<'a>,
        call: Option<&'a Call<'a>>,
        leaned: &'a Leaned,
    ) -> Context<'a> {
        Context {
            request,
            call,
            tags: &[],
            seat: Seat::default(),
            custom: &self.custom,
            leaned,
        }
    }

    /// The tags set by rules that ask for none.
    pub(super) fn tags_set<'a>(&'a self, scopes: &Scopes, context: &Context<'_>) -> Tags<'a> {
        let mut tags = Tags::new();
        for scope in self.scopes_at(scopes).filter(|scope| scope.rows.tags) {
            let context = context.at(scope.seat);
            let row = meet(scope.index.candidates(&context), &scope.rows.taggers);
            for (at, rule) in self.rules_at(scope, &row) {
                let identity = context.request.caller.identity();
                let in_force =
                    rule.trial.is_over(&rule.id, identity) && !lifted(scope, at, rule, &context);
                if in_force && rule.truth(&context) == Truth::Yes {
                    tags.extend(rule.tags.iter().map(|(name, value)| SetTag {
                        seat: scope.seat,
                        name,
                        value,
                    }));
                }
            }
        }
        tags
    }

    fn judge_scope(&self, scope: &Scope, context: &Context<'_>, outcome: &mut Outcome) {
        let mut said = Said::default();
        let of_kind = match context.call {
            Some(_) => &scope.rows.calls,
            None => &scope.rows.requests,
        };
        if !scope.rules.is_empty() {
            let row = meet(scope.index.candidates(context), of_kind);
            for (at, rule) in self.rules_at(scope, &row) {
                judge_rule(scope, at, rule, context, &mut said, outcome);
            }
            let standing = scope.standing(&said, context);
            outcome.stand(scope.layer, standing);
            if standing == Standing::Deny && !said.denies {
                outcome.defaults.push(scope.seat.scope);
            }
        }
        let request = context.request;
        let limits = scope.limits_for(&request.caller, request.now);
        outcome.limits = outcome.limits.least(&limits);
        if context.call.is_none() {
            apply_guards(scope, context, outcome);
        }
    }

    /// What follows from what all scopes said.
    fn conclude(&self, request: &Request<'_>, call: Option<&Call<'_>>, outcome: &mut Outcome) {
        let too_long = outcome
            .limits
            .max_input_tokens
            .filter(|cap| call.is_none() && request.input_tokens > cap.value);
        let denied = too_long.is_some() || outcome.layers.contains(&Standing::Deny);
        let deciding = outcome.matched.iter().copied().filter(|id| {
            self.rule(*id)
                .is_some_and(|rule| match (denied, rule.effect) {
                    (true, Some(Effect::Deny)) => true,
                    (true, _) => rule.lacks(request, call).is_some(),
                    (false, effect) => effect == Some(Effect::Allow),
                })
        });
        outcome.deciding = deciding.collect();
        if denied {
            outcome.decision = Decision::Deny;
            outcome.pending = false;
            outcome.deciding.sort_by_key(|id| self.order(*id));
            let refusal = self.refusal(request, call, outcome, too_long);
            outcome.refusal = Some(Box::new(refusal));
        } else {
            let routes = outcome.matched.iter().copied().filter(|id| {
                self.rule(*id)
                    .is_some_and(|rule| rule.route.is_some() && rule.effect != Some(Effect::Deny))
            });
            // The narrowest layer's; of several there the smallest id.
            outcome.route = routes.min_by_key(|id| {
                let (rank, name) = self.order(*id);
                (std::cmp::Reverse(rank), name)
            });
        }
        self.weigh_shadows(request, call, outcome);
    }

    /// What rules in shadow would have changed.
    fn weigh_shadows(&self, request: &Request<'_>, call: Option<&Call<'_>>, outcome: &mut Outcome) {
        let mut shadows = std::mem::take(&mut outcome.shadows);
        for hit in &mut shadows {
            let Some(rule) = self.rule(hit.rule) else {
                continue;
            };
            let denies = rule.effect == Some(Effect::Deny) || rule.lacks(request, call).is_some();
            hit.would = match (denies, outcome.decision) {
                (true, Decision::Allow) => Would::Deny,
                (false, Decision::Deny) if would_allow(rule, outcome) => Would::Allow,
                (false, Decision::Allow) if rule.changes_something() => Would::Change,
                _ => Would::Nothing,
            };
        }
        outcome.shadows = shadows;
    }

    /// By which order rules are told: from the widest layer inwards, then by id.
    pub(super) fn order(&self, id: RuleId) -> (u8, &str) {
        self.rule(id)
            .map_or((u8::MAX, ""), |rule| (rule.seat.rank, &*rule.id))
    }

    pub(super) fn scopes_at<'a>(&'a self, scopes: &Scopes) -> impl Iterator<Item = &'a Scope> {
        scopes
            .iter()
            .filter_map(|at| self.scopes.get(usize::from(*at)))
    }

    /// The rules of a scope at these places, with their places among all rules.
    fn rules_at<'a>(&'a self, scope: &Scope, row: &Row) -> impl Iterator<Item = (usize, &'a Rule)> {
        let start = scope.rules.start;
        places(row).filter_map(move |place| {
            let at = start.saturating_add(place);
            Some((at, self.rules.get(at)?))
        })
    }
}

impl Scope {
    /// What the scope says, once all its rules have spoken.
    fn standing(&self, said: &Said, context: &Context<'_>) -> Standing {
        let rows = &self.rows;
        let allows_some = || {
            let always = match context.call {
                Some(_) => rows.allows_calls,
                None => rows.allows_requests,
            };
            let identity = context.request.caller.identity();
            let sometimes = &mut rows.canary_allows.iter();
            always || sometimes.any(|(id, canary)| canary.holds(id, identity))
        };
        match self.default {
            _ if said.denies => Standing::Deny,
            _ if said.allows => Standing::Pass,
            _ if said.waits => Standing::Pending,
            Some(Effect::Deny) => Standing::Deny,
            None if allows_some() => Standing::Deny,
            Some(Effect::Allow) | None => Standing::Pass,
        }
    }
}

impl Rule {
    /// What a request lacks that the rule requires.
    pub(super) fn lacks(&self, request: &Request<'_>, call: Option<&Call<'_>>) -> Option<String> {
        let require = self.require.as_ref().filter(|_| call.is_none())?;
        if let Some(header) = require.headers.iter().find(|header| {
            let value = request.headers.header(header);
            value.is_none_or(|value| value.trim().is_empty())
        }) {
            return Some(format!("send the header `{header}`"));
        }
        if require.json_schema && !request.json_schema {
            return Some("ask for an answer by a JSON schema (`response_format`)".to_owned());
        }
        let tools = require.tools.as_ref()?;
        let other = request.tools.iter().find(|tool| !tools.covers(tool))?;
        Some(format!("leave out the tool `{other}`"))
    }

    /// Whether more than the decision hangs on it.
    fn changes_something(&self) -> bool {
        !self.set.is_empty()
            || self.route.is_some()
            || !self.tags.is_empty()
            || self.alert.is_some()
    }
}

/// Whether an allow rule more would have turned a denial: nothing else denies, and its own scope does so only because
/// nothing there allows.
fn would_allow(rule: &Rule, outcome: &Outcome) -> bool {
    let too_long = outcome
        .refusal
        .as_ref()
        .is_some_and(|refusal| matches!(refusal.cause, Cause::TooLong(_)));
    rule.effect == Some(Effect::Allow)
        && !too_long
        && outcome.deciding.is_empty()
        && outcome.defaults.as_slice() == [rule.seat.scope]
}

fn judge_rule(
    scope: &Scope,
    at: usize,
    rule: &Rule,
    context: &Context<'_>,
    said: &mut Said,
    outcome: &mut Outcome,
) {
    let request = context.request;
    let truth = rule.truth(context);
    if truth == Truth::No || lifted(scope, at, rule, context) {
        return;
    }
    let Ok(id) = u32::try_from(at).map(RuleId) else {
        return;
    };
    let in_force = rule.trial.is_over(&rule.id, request.caller.identity());
    match truth {
        Truth::Pending => {
            outcome.pending = true;
            said.waits |= in_force && rule.effect == Some(Effect::Allow);
            return;
        }
        Truth::Fault => {
            outcome.faults.push(id);
            if !rule.matches_on_fault() {
                return;
            }
        }
        Truth::Yes | Truth::No => {}
    }
    if !in_force {
        outcome.shadows.push(ShadowHit {
            rule: id,
            would: Would::Nothing,
            overdue: rule.trial.is_overdue(request.now),
        });
        return;
    }
    outcome.matched.push(id);
    if rule.effect == Some(Effect::Deny) || rule.lacks(request, context.call).is_some() {
        said.denies = true;
        return;
    }
    said.allows |= rule.effect == Some(Effect::Allow);
    let set = &rule.set;
    let limits = &mut outcome.limits;
    limits.max_output_tokens = least(limits.max_output_tokens, set.max_output_tokens);
    outcome.temperature_max_milli = least(outcome.temperature_max_milli, set.temperature_max_milli);
    outcome.n_max = least(outcome.n_max, set.n_max);
}

/// Only denials are lifted: what an exception takes away is a refusal, not a cap or a tag.
fn lifted(scope: &Scope, at: usize, rule: &Rule, context: &Context<'_>) -> bool {
    let request = context.request;
    rule.effect == Some(Effect::Deny) && scope.lifting(at, &request.caller, request.now).is_some()
}

/// Which guards, consultations and captures apply.
fn apply_guards(scope: &Scope, context: &Context<'_>, outcome: &mut Outcome) {
    let identity = context.request.caller.identity();
    for (at, guard) in (0_u16..).zip(&scope.guards) {
        // What cannot be told, or not yet, is guarded.
        let applies = guard.matches.holds(context) != Truth::No
            && (guard.unless.as_ref()).is_none_or(|unless| unless.holds(context) != Truth::Yes);
        if !applies {
            continue;
        }
        let id = GuardId {
            scope: scope.seat.scope,
            at,
        };
        if guard.trial.is_over(&guard.id, identity) {
            outcome.guards.push(id);
        } else {
            outcome.shadow_guards.push(id);
        }
    }
    for (at, consult) in (0_u16..).zip(&scope.consults) {
        if consult.matches.holds(context) != Truth::No {
            outcome.consults.push((scope.seat.scope, at));
        }
    }
    let captured = scope.capture.as_ref().map(|capture| capture.holds(context));
    outcome.capture |= captured == Some(Truth::Yes);
}

/// What is in both.
fn meet(mut row: Row, other: &Row) -> Row {
    for (word, other) in row.iter_mut().zip(other) {
        *word &= other;
    }
    row
}
