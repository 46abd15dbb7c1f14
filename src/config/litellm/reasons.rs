//! Why settings of LiteLLM's are not converted, as far as that is known.

/// Why what LiteLLM has by these words is not here, and what to do; of two that begin alike the first.
pub(super) const REASONS: &[(&str, &str, &str)] = &[
    (
        "routing_strategy",
        "deployments became targets that are asked in the order they are written in, with fallbacks behind them",
        "where they should share calls, write `strategy: weighted` or `least_latency` on the model",
    ),
    (
        "model_group_retry_policy",
        "retries are the same for all calls",
        "see `retries:`",
    ),
    (
        "retry",
        "retries wait as `retries: { backoff }` says",
        "see `retries:`",
    ),
    (
        "allowed_fails",
        "targets that fail are left alone as their provider's circuit says",
        "see `circuit:`",
    ),
    (
        "cooldown",
        "targets that fail are left alone as their provider's circuit says",
        "see `circuit:`",
    ),
    (
        "enable_pre_call_checks",
        "a call's bound is always weighed before it is sent",
        "leave it out",
    ),
    (
        "redis",
        "the ledgers are the gateway's own, and several gateways share budgets by a control panel",
        "see `panel:`",
    ),
    ("cache", "answers are not kept", "leave it out"),
    (
        "drop_params",
        "bodies pass as callers wrote them; where a call is translated for another vendor, each provider says what becomes of a field that has no words there",
        "add `lossy: warn` to a provider whose translated calls may go without what cannot be said",
    ),
    (
        "modify_params",
        "bodies pass as callers wrote them",
        "have callers send what the model takes",
    ),
    (
        "success_callback",
        "calls are told by metrics, traces and the decision log",
        "scrape `/metrics`, or follow `tollgate audit tail`",
    ),
    (
        "failure_callback",
        "calls are told by metrics, traces and the decision log",
        "scrape `/metrics`, or follow `tollgate audit tail`",
    ),
    (
        "callbacks",
        "calls are told by metrics, traces and the decision log",
        "scrape `/metrics`, or follow `tollgate audit tail`",
    ),
    (
        "service_callback",
        "calls are told by metrics, traces and the decision log",
        "scrape `/metrics`",
    ),
    (
        "set_verbose",
        "what is logged is said when the gateway is started",
        "tollgate serve --log json",
    ),
    (
        "json_logs",
        "what is logged is said when the gateway is started",
        "tollgate serve --log json",
    ),
    (
        "content_policy_fallbacks",
        "a refusal is an answer: no other model is asked",
        "leave it out",
    ),
    (
        "context_window_fallbacks",
        "no other model is asked where an input is too long",
        "have callers ask for the larger model",
    ),
    (
        "database",
        "keys and spending in a database are not in this file",
        "make keys with `tollgate key new`, or at a control panel",
    ),
    (
        "store_model_in_db",
        "models in a database are not in this file",
        "write them into `models:`",
    ),
    (
        "alerting",
        "alerts come from soft thresholds of budgets and from policies",
        "see `soft:` and `alert:`",
    ),
    (
        "ui_",
        "the console is the control panel's",
        "see `tollgate panel`",
    ),
    (
        "mcp_servers",
        "servers of tools are not called from here",
        "have agents call them",
    ),
    (
        "guardrails",
        "guards are rules of policies here",
        "see `policies:` and the packs `pack:pii` and `pack:secrets`",
    ),
    (
        "pass_through_endpoints",
        "no path is passed through without a meter",
        "leave it out",
    ),
    ("prompts", "prompts are the callers'", "leave it out"),
    (
        "include",
        "other files are not read along",
        "convert each of them, or put them together first",
    ),
    (
        "turn_off_message_logging",
        "no prompt and no answer is ever logged here",
        "leave it out",
    ),
    (
        "custom_auth",
        "callers show keys of this gateway",
        "make keys with `tollgate key new`",
    ),
    (
        "enable_jwt_auth",
        "callers show keys of this gateway",
        "make keys with `tollgate key new`",
    ),
];
