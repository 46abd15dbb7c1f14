//! A refusal as it is written: in the dialect of the call, with the facts of the decision beside the fields that the
//! vendor's clients read.

use super::Refused;
use crate::chat::Dialect;
use crate::clock::Moment;
use crate::dialect::{anthropic, gemini, openai};
use crate::governance::budget::Standing;
use serde::Serialize;

impl Refused {
    /// The body, in the caller's dialect. `decision` and `revision` name what was decided, and under which configuration.
    pub(in crate::gateway) fn body(
        &self,
        dialect: Dialect,
        (request, decision): (&str, &str),
        revision: &str,
        now: Moment,
    ) -> Vec<u8> {
        let budget = self.budget.as_deref();
        let details = Details {
            decision_id: decision,
            policy_revision: revision,
            rule: self.rule.as_deref(),
            budget: budget.map(|standing| &*standing.budget),
            scope: self.scope.as_deref(),
            window: budget.map(|standing| standing.window.name()),
            limit: budget.map(|standing| standing.limit),
            spent: budget.map(|standing| standing.spent),
            reserved: budget.map(|standing| standing.reserved),
            remaining: budget.map(Standing::remaining),
            resets_in_s: budget.and_then(|standing| standing.period.left(now.wall)),
        };
        let code = self.code_shown.as_deref().or(self.code);
        let param = self.param.as_deref();
        match dialect {
            Dialect::OpenAi => {
                openai::error_body(self.kind, code, &self.message, param, Some(&details))
            }
            Dialect::Anthropic => anthropic::error_body(
                (self.kind, self.status.as_u16()),
                code.unwrap_or_else(|| self.reason()),
                &self.message,
                param,
                Some(request),
                Some(&details),
            ),
            Dialect::Gemini => {
                let mut metadata = vec![("requestId", request)];
                metadata.extend(param.map(|param| ("param", param)));
                gemini::error_body(
                    self.status.as_u16(),
                    code.unwrap_or_else(|| self.reason()),
                    &self.message,
                    &metadata,
                    self.retry_after,
                    Some(&details),
                )
            }
        }
    }
}

/// `error.tollgate`: what the caller may need to act.
#[derive(Serialize)]
struct Details<'a> {
    decision_id: &'a str,
    policy_revision: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<crate::units::Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spent: Option<crate::units::Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<crate::units::Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<crate::units::Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resets_in_s: Option<u64>,
}

/// The body for a connection there is no place for: what would be asked over it nobody knows.
pub(in crate::gateway) fn overloaded() -> Vec<u8> {
    let message = "this gateway has as many connections as it may have (`max_connections`): try again shortly";
    openai::error_body::<()>(
        "overloaded_error",
        Some("too_many_connections"),
        message,
        None,
        None,
    )
}
