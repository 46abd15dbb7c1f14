//! What a caller is told: who refuses, why, and what to do. The rule's own words, if it has any.

use super::context::Call;
use super::matcher::{Condition, Key};
use super::outcome::{Cause, Outcome, Refusal};
use super::policies::Policies;
use super::request::Request;
use super::rule::{Cap, Rule};
use super::scope::Scope;
use super::settings::Effect;

/// The code of a refusal nothing more special is known about.
pub(super) const DENIED: &str = "policy_denied";
/// That of one that could be mended by sending more.
pub(super) const LACKING: &str = "policy_requirement_missing";
const TOO_LONG: &str = "input_too_long";
/// The status of a refusal whose rule names none.
pub(super) const FORBIDDEN: u16 = 403;

impl Policies {
    /// The refusal that goes out: the widest layer's rule with the smallest id speaks for all.
    pub(super) fn refusal(
        &self,
        request: &Request<'_>,
        call: Option<&Call<'_>>,
        outcome: &Outcome,
        too_long: Option<Cap>,
    ) -> Refusal {
        let spoken = outcome.deciding.first().copied();
        if let Some((id, rule)) = spoken.and_then(|id| Some((id, self.rule(id)?))) {
            let lacks = rule.lacks(request, call);
            let denies = rule.effect == Some(Effect::Deny);
            return match lacks.filter(|_| !denies) {
                Some(lacks) => Refusal {
                    cause: Cause::Lacking(id),
                    status: rule.status,
                    code: rule.code.clone(),
                    message: self.lacking(rule, &lacks),
                },
                None => Refusal {
                    cause: Cause::Rule(id),
                    status: rule.status,
                    code: rule.code.clone(),
                    message: self.denied(rule, request, call),
                },
            };
        }
        if let Some(cap) = too_long {
            return Refusal {
                cause: Cause::TooLong(cap),
                status: FORBIDDEN,
                code: TOO_LONG.into(),
                message: format!(
                    "this call has {} tokens of input, and the policy allows {}: send less",
                    request.input_tokens, cap.value
                ),
            };
        }
        let scope = outcome
            .defaults
            .first()
            .and_then(|at| self.scopes.get(usize::from(*at)));
        Refusal {
            cause: Cause::Default(scope.map_or(super::settings::Layer::Org, |scope| scope.layer)),
            status: FORBIDDEN,
            code: DENIED.into(),
            message: not_allowed(scope, request, call),
        }
    }

    fn denied(&self, rule: &Rule, request: &Request<'_>, call: Option<&Call<'_>>) -> String {
        if let Some(message) = &rule.message {
            return message.to_string();
        }
        let what = subject(rule, request, call);
        let whose = self.whose(rule);
        format!(
            "{what} is denied by rule `{}` of {whose}: ask who keeps that policy",
            rule.id
        )
    }

    fn lacking(&self, rule: &Rule, lacks: &str) -> String {
        let said = rule.message.as_deref().map(|message| format!("{message} "));
        let whose = self.whose(rule);
        format!(
            "{}rule `{}` of {whose} requires more of this request: {lacks}",
            said.unwrap_or_default(),
            rule.id
        )
    }

    fn whose(&self, rule: &Rule) -> String {
        let scope = self.scopes.get(usize::from(rule.seat.scope));
        scope.map_or_else(|| "a policy".to_owned(), Scope::describe)
    }
}

fn not_allowed(scope: Option<&Scope>, request: &Request<'_>, call: Option<&Call<'_>>) -> String {
    let whose = scope.map_or_else(|| "everybody".to_owned(), Scope::describe);
    let what = match call {
        Some(call) => format!("the call of tool `{}`", call.name),
        None => format!(
            "model `{}` on endpoint `{}`",
            request.model, request.endpoint
        ),
    };
    format!(
        "no rule of {whose} allows {what} for this caller: use what it allows, or ask who keeps that policy"
    )
}

/// What of a request a rule is about.
fn subject(rule: &Rule, request: &Request<'_>, call: Option<&Call<'_>>) -> String {
    if let Some(call) = call {
        return format!("the call of tool `{}`", call.name);
    }
    let list = |wanted: Key| {
        rule.matches
            .conditions()
            .iter()
            .find_map(|condition| match condition {
                Condition::Names(key, list) if *key == wanted => Some(list),
                _ => None,
            })
    };
    if let Some(tools) = list(Key::Tools)
        && let Some(tool) = request.tools.iter().find(|tool| tools.covers(tool))
    {
        return format!("tool `{tool}`");
    }
    if list(Key::Models).is_some() {
        return format!("model `{}`", request.model);
    }
    if list(Key::Endpoints).is_some() {
        return format!("endpoint `{}`", request.endpoint);
    }
    "this request".to_owned()
}
