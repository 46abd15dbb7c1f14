//! Why the gate says no: what, whose, how much, and what to do.

use super::Ask;
use crate::clock::Moment;
use crate::governance::budget::Standing;
use crate::governance::identity::{Caller, Label};
use crate::governance::limit::{Kind, Throttled};
use crate::units::{Money, Tokens};
use std::time::Duration;

/// The cause, as code branches on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The key's rights do not cover the model.
    ModelNotAllowed,
    /// A budget or limit wants a label the call does not have.
    LabelRequired,
    /// The model has no price and a budget applies.
    PriceUnknown,
    /// Something in the call has no bound, and a budget applies.
    Unbounded,
    /// A budget does not cover the call.
    BudgetExceeded,
    /// A limit of requests, tokens or calls at once is reached.
    RateLimited,
    /// A rule is split into more parts than are kept.
    Crowded,
    /// The journal cannot be written.
    BudgetUnavailable,
    /// What the control panel lent is used up, and it cannot be asked for more just now.
    NotLent,
    /// Somebody pulled the switch at the control panel.
    Killed,
    /// A policy's rule denies the call.
    PolicyDenied,
    /// A policy's rule denies a tool that is offered or called.
    ToolNotAllowed,
    /// A policy's rule denies the endpoint.
    EndpointNotAllowed,
    /// A policy's rule asks for something the request lacks.
    RequirementMissing,
    /// The input is longer than policies allow.
    InputTooLong,
    /// The most output that is allowed leaves no room beside what the request wants to think.
    CapTooLow,
    /// A guard found what may not pass.
    Guardrail,
    /// A breaker stopped a caller that runs in circles.
    Runaway,
}

impl Reason {
    /// The HTTP status a caller is answered with, where no rule asks for another.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BudgetExceeded | Self::RateLimited | Self::Crowded | Self::Runaway => 429,
            Self::BudgetUnavailable | Self::NotLent => 503,
            Self::InputTooLong | Self::CapTooLow | Self::Guardrail => 400,
            Self::ModelNotAllowed
            | Self::LabelRequired
            | Self::PriceUnknown
            | Self::Unbounded
            | Self::Killed
            | Self::PolicyDenied
            | Self::ToolNotAllowed
            | Self::EndpointNotAllowed
            | Self::RequirementMissing => 403,
        }
    }

    /// Its stable name, in metrics and records.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ModelNotAllowed => "model_not_allowed",
            Self::LabelRequired => "label_required",
            Self::PriceUnknown => "price_unknown",
            Self::Unbounded => "unbounded",
            Self::BudgetExceeded => "budget_exceeded",
            Self::RateLimited => "rate_limit_exceeded",
            Self::Crowded => "too_many_label_values",
            Self::BudgetUnavailable | Self::NotLent => "budget_unavailable",
            Self::Killed => "killed",
            Self::PolicyDenied => "policy_denied",
            Self::ToolNotAllowed => "tool_not_allowed",
            Self::EndpointNotAllowed => "endpoint_not_allowed",
            Self::RequirementMissing => "requirement_missing",
            Self::InputTooLong => "max_input_tokens_exceeded",
            Self::CapTooLow => "thinking_budget_too_large",
            Self::Guardrail => "content_filter",
            Self::Runaway => "runaway_stopped",
        }
    }
}

/// A refusal: nothing was reserved.
#[derive(Debug, Clone)]
pub struct Denial {
    /// The cause.
    pub reason: Reason,
    /// What to tell the caller.
    pub message: String,
    /// The field of the request it is about.
    pub param: Option<&'static str>,
    /// The budget that was short.
    pub budget: Option<Box<Standing>>,
    /// The limit that was reached.
    pub limit: Option<Box<str>>,
    /// When it would pass, where that is known.
    pub retry_after: Option<Duration>,
    /// The rule that denies it.
    pub rule: Option<Box<str>>,
    /// The status a rule asks for.
    pub status: Option<u16>,
    /// The code a rule asks for.
    pub code: Option<Box<str>>,
    /// Whether it is to be answered as a refusal of the model's own.
    pub soft: bool,
}

impl Denial {
    fn new(reason: Reason, message: String) -> Box<Self> {
        Box::new(Self {
            reason,
            message,
            param: None,
            budget: None,
            limit: None,
            retry_after: None,
            rule: None,
            status: None,
            code: None,
            soft: false,
        })
    }

    /// A denial by a policy's rule.
    #[must_use]
    pub fn by_rule(reason: Reason, rule: &str, message: String) -> Box<Self> {
        let mut denial = Self::new(reason, message);
        denial.rule = Some(rule.into());
        denial
    }

    pub(super) fn model_not_allowed(caller: &Caller<'_>) -> Box<Self> {
        let message = format!(
            "key `{}` may not use model `{}`: ask for the right to it, or name a model that GET /v1/models lists",
            caller.key.name, caller.model
        );
        let mut denial = Self::new(Reason::ModelNotAllowed, message);
        denial.param = Some("model");
        denial
    }

    pub(super) fn lacks_label(caller: &Caller<'_>, rule: &str, label: Label) -> Box<Self> {
        let how = match label {
            Label::Run => "send the header x-tollgate-run".to_owned(),
            Label::Session => "send the header x-tollgate-session".to_owned(),
            Label::EndUser => "send the header x-tollgate-end-user".to_owned(),
            other => format!("give the key a label `{other}`"),
        };
        let message = format!(
            "`{rule}` is kept for each {label}, and this call of key `{}` names none: {how}",
            caller.key.name
        );
        Self::new(Reason::LabelRequired, message)
    }

    pub(super) fn price_unknown(caller: &Caller<'_>) -> Box<Self> {
        let message = format!(
            "model `{}` has no price, and a budget applies to key `{}`: check its name, add it to a price book (`prices`), or set `unknown_price`",
            caller.model, caller.key.name
        );
        let mut denial = Self::new(Reason::PriceUnknown, message);
        denial.param = Some("model");
        denial
    }

    pub(super) fn no_bound(caller: &Caller<'_>, what: &str) -> Box<Self> {
        let message = format!(
            "this call holds {what}, whose tokens nothing bounds, and a budget applies to key `{}`: \
             give model `{}` a `max_input` and `max_output` in the price book, or leave it out",
            caller.key.name, caller.model
        );
        Self::new(Reason::Unbounded, message)
    }

    pub(super) fn unpriced(caller: &Caller<'_>, what: &str) -> Box<Self> {
        let message = format!(
            "this call holds {what}: what that costs nothing here can tell, and a budget applies to key `{}`: leave it out",
            caller.key.name
        );
        Self::new(Reason::Unbounded, message)
    }

    pub(super) fn no_price_for_searches(caller: &Caller<'_>) -> Box<Self> {
        let message = format!(
            "this call may search the web, which model `{}` has no price for, and a budget applies to key `{}`: \
             add `web_search` to its price, or leave the tool out",
            caller.model, caller.key.name
        );
        Self::new(Reason::PriceUnknown, message)
    }

    pub(super) fn endless_searches(caller: &Caller<'_>) -> Box<Self> {
        let message = format!(
            "this call may search the web any number of times, and a budget applies to key `{}`: give the tool `max_uses`",
            caller.key.name
        );
        Self::new(Reason::Unbounded, message)
    }

    pub(super) fn all_thought(caller: &Caller<'_>, cap: Tokens) -> Box<Self> {
        let message = format!(
            "calls of key `{}` may have {} output tokens, and all of them are set aside for thinking: lower `thinking.budget_tokens` below that",
            caller.key.name, cap.0
        );
        let mut denial = Self::new(Reason::CapTooLow, message);
        denial.param = Some("thinking.budget_tokens");
        denial
    }

    pub(super) fn crowded(caller: &Caller<'_>) -> Box<Self> {
        let message = format!(
            "a budget or limit for key `{}` is split by a label with more values than are kept: use fewer distinct values",
            caller.key.name
        );
        Self::new(Reason::Crowded, message)
    }

    /// The journal cannot be written: nothing is let through unaccounted.
    #[must_use]
    pub fn suspended() -> Box<Self> {
        let message = "budgets cannot be kept just now: the journal cannot be written, so no call is let through unaccounted. \
                       Free space on the disk that holds `state_dir`, or see /status on the admin port"
            .to_owned();
        let mut denial = Self::new(Reason::BudgetUnavailable, message);
        denial.retry_after = Some(Duration::from_secs(1));
        denial
    }

    /// What was lent is used up, and there is no more at once. `wait`: how long the panel wants it to be asked again, if it
    /// was heard; else it cannot be reached.
    #[must_use]
    pub fn not_lent(wait: Option<Duration>) -> Box<Self> {
        let why = if wait.is_some() {
            "the control panel is calling money back that others hold: try again shortly"
        } else {
            "what the control panel lent to this gateway is used up or over, and it cannot be asked for more just now: try again, or see /status on the admin port"
        };
        let mut denial = Self::new(Reason::NotLent, why.to_owned());
        denial.retry_after = Some(wait.unwrap_or(Duration::from_secs(1)));
        denial
    }

    pub(super) fn killed(caller: &Caller<'_>) -> Box<Self> {
        let message = format!(
            "calls of key `{}` were stopped by an administrator of the control panel: ask them why",
            caller.key.name
        );
        Self::new(Reason::Killed, message)
    }

    /// Its switch was pulled while it was under way, by somebody who wanted that cut.
    #[must_use]
    pub fn cut(key: &str) -> Box<Self> {
        let message = format!(
            "calls of key `{key}` were stopped by an administrator of the control panel, this one while it was under way: what came so far is booked; ask them why"
        );
        Self::new(Reason::Killed, message)
    }

    pub(super) fn beyond(caller: &Caller<'_>, amount: Money) -> Box<Self> {
        let message = format!(
            "this call of key `{}` could cost ${amount}, which no budget of the control panel covers: lower `max_tokens`",
            caller.key.name
        );
        Self::new(Reason::BudgetExceeded, message)
    }

    pub(super) fn throttled(caller: &Caller<'_>, throttled: Throttled) -> Box<Self> {
        let Throttled {
            limit,
            value,
            kind,
            most,
            retry_after,
            estimate,
        } = throttled;
        let name = value.map_or_else(|| limit.to_string(), |value| format!("{limit}[{value}]"));
        let what = match kind {
            Kind::Requests => counted(most, "request", " a minute"),
            Kind::Tokens => counted(most, "token", " a minute"),
            Kind::Concurrency => counted(most, "call", " at once"),
        };
        let then = match (kind, retry_after) {
            (_, None) => format!(
                "this call alone is estimated at {} tokens: make it smaller",
                estimate.0
            ),
            (Kind::Concurrency, _) => "wait until one of them ends".to_owned(),
            (_, Some(wait)) => format!("try again in {}", seconds(wait)),
        };
        let message = format!(
            "limit `{name}` of key `{}` is {what}, and it is reached: {then}",
            caller.key.name
        );
        let mut denial = Self::new(Reason::RateLimited, message);
        denial.limit = Some(name.into());
        denial.retry_after = retry_after;
        denial
    }

    pub(super) fn short(ask: &Ask<'_>, short: &Standing, amount: Money, now: Moment) -> Box<Self> {
        let until = match short.period.left(now.wall) {
            Some(_) => jiff::Timestamp::from_second(short.period.end)
                .map_or_else(|_| String::new(), |end| format!(" until {end}")),
            None => String::new(),
        };
        let then = match (short.remaining() > Money::ZERO, until.is_empty()) {
            (true, _) => "lower `max_tokens` or ask for a larger budget",
            // Nothing is small enough for what is left.
            (false, true) => "ask for a larger budget",
            (false, false) => "wait until then or ask for a larger budget",
        };
        let why = match ask.rereads {
            0 => String::new(),
            again => format!(
                " (with tools that the provider runs it may read the input {} times)",
                again.saturating_add(1)
            ),
        };
        let message = format!(
            "budget `{short}` of key `{}` has ${} left of ${}{until}, and this call could cost ${amount}{why}: {then}",
            ask.caller.key.name,
            short.remaining(),
            short.limit,
        );
        let mut denial = Self::new(Reason::BudgetExceeded, message);
        denial.budget = Some(Box::new(short.clone()));
        denial.retry_after = short.period.left(now.wall).map(Duration::from_secs);
        denial
    }
}

fn counted(most: u64, one: &str, how: &str) -> String {
    let many = if most == 1 { "" } else { "s" };
    format!("{most} {one}{many}{how}")
}

fn seconds(wait: Duration) -> String {
    let millis = wait.as_nanos().div_ceil(1_000_000);
    format!(
        "{}.{:03} s",
        millis.div_euclid(1000),
        millis.rem_euclid(1000)
    )
}
