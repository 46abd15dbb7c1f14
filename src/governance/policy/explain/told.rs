//! What settled a rule, in words.

use crate::governance::policy::context::Context;
use crate::governance::policy::expr::Needs;
use crate::governance::policy::facts;
use crate::governance::policy::guards::Guard;
use crate::governance::policy::matcher::{Condition, Matcher, Truth};
use crate::governance::policy::rule::{Rule, When};
use crate::governance::policy::settings::{Action, Site};

/// The condition that settled a rule: the first that does not hold; where all hold, the last thing that could have kept
/// the rule from matching.
pub(super) fn because(rule: &Rule, context: &Context<'_>) -> String {
    if let Some((condition, truth)) = rule.matches.first_open(context) {
        return quoted("", condition, truth, context);
    }
    if let Some(when) = &rule.when {
        let (truth, told) = when.told(context);
        if truth != Truth::Yes {
            return told;
        }
    }
    if let Some(unless) = &rule.unless {
        return match unless.first_open(context) {
            Some((condition, truth)) => quoted("unless ", condition, truth, context),
            None => holds("unless ", unless, context),
        };
    }
    match &rule.when {
        Some(when) => when.told(context).1,
        None if rule.matches.conditions().is_empty() => "it matches everything".to_owned(),
        None => holds("", &rule.matches, context),
    }
}

/// Each condition that holds, with the value seen.
fn holds(prefix: &str, matcher: &Matcher, context: &Context<'_>) -> String {
    let conditions = matcher.conditions().iter();
    let told: Vec<String> = conditions
        .map(|condition| quoted(prefix, condition, Truth::Yes, context))
        .collect();
    told.join("; ")
}

fn quoted(prefix: &str, condition: &Condition, truth: Truth, context: &Context<'_>) -> String {
    let what = condition.describe();
    let seen = condition.seen(context);
    format!("\"{prefix}{what}\" {}: {seen}", is(truth))
}

const fn is(truth: Truth) -> &'static str {
    match truth {
        Truth::Yes => "is true",
        Truth::No => "is false",
        Truth::Pending => "is not known yet",
        Truth::Fault => "cannot be told",
    }
}

impl When {
    /// Whether it holds, and what it read: `request.input_tokens = 812`.
    fn told(&self, context: &Context<'_>) -> (Truth, String) {
        let needs = self.expression.needs();
        let zone = needs.has(Needs::TIME).then_some(&self.zone);
        let facts = facts::of(context.request, zone);
        let truth = self.holds(context);
        let seen: Vec<String> = self
            .expression
            .references()
            .iter()
            .map(|reference| reference.shown(&facts))
            .collect();
        let fault = self.expression.eval(&facts).err();
        let why = fault.map(|fault| format!(", {fault}")).unwrap_or_default();
        let what = &self.text;
        let told = format!("\"{what}\" {}: {}{why}", is(truth), seen.join(", "));
        (truth, told)
    }
}

/// As written.
pub(super) const fn action(action: Action) -> &'static str {
    match action {
        Action::Replace => "replace",
        Action::Mask => "mask",
        Action::Hash => "hash",
        Action::Label => "label",
        Action::Drop => "drop",
        Action::Block => "block",
        Action::Flag => "flag",
    }
}

/// As written.
pub(super) fn sites(guard: &Guard) -> Vec<&'static str> {
    [
        (Site::Request, "request"),
        (Site::ToolResult, "tool_result"),
        (Site::ToolDefinition, "tool_definition"),
        (Site::Response, "response"),
        (Site::ToolArgs, "tool_args"),
    ]
    .into_iter()
    .filter(|(site, _)| guard.looks_at(*site))
    .map(|(_, name)| name)
    .collect()
}
