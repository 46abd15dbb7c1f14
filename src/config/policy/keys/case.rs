//! The keys of a test.

use super::rule::TOOL_CALL;
use super::{
    COUNT, EFFECT, Flag, HAS, Keys, List, MOST, Mapping, NAMES, Named, Number, SCAN, Stamp, TEXTS,
    Text, Word, key, mapping, needed,
};

pub(super) static CASE: Mapping = mapping(
    "Test",
    "What the policy is to decide about one request.",
    &[
        needed("name", Text, "What is tested, as a sentence."),
        needed("given", Keys(&GIVEN), "The request."),
        needed("expect", Keys(&EXPECT), "What is to become of it."),
    ],
);

static GIVEN: Mapping = mapping(
    "Given",
    "A request, as far as policies look at it.",
    &[
        key("user", Text, "The user."),
        key("agent", Text, "The agent."),
        key("org", Text, "The organisation."),
        key("team", Text, "The team."),
        key("project", Text, "The project."),
        key("key", Text, "The virtual key, by name."),
        key("groups", NAMES, "Groups of the user."),
        key("model", Text, "The model asked for."),
        key("endpoint", Text, "The endpoint; chat when absent."),
        key("tools", NAMES, "Tools it offers."),
        key("headers", TEXTS, "Its headers."),
        key("network", Text, "The caller's address."),
        key("time", Stamp, "When, as \"2026-11-20T23:30:00+01:00\"."),
        key(
            "input_tokens",
            Number(0, MOST),
            "Tokens of the prompt; by the text when absent.",
        ),
        key("max_output_tokens", COUNT, "What it asks for."),
        key("stream", Flag, "Whether it asks for a stream."),
        key("has", HAS, "What it contains."),
        key(
            "scan",
            Word(SCAN),
            "How much of its texts could be looked at.",
        ),
        key("text", Text, "The user's message."),
        key("tool_result", Text, "A text a tool brought back."),
        key("tool_result_of", Text, "The tool that brought it back."),
        key("response", Text, "What the model says."),
        key(
            "tool_calls",
            List(&Keys(&TOOL_CALL)),
            "What the model calls.",
        ),
        key("tainted", NAMES, "Labels the session has."),
        key("budget", Keys(&GIVEN_BUDGET), "How full the budget is."),
    ],
);

static GIVEN_BUDGET: Mapping = mapping(
    "GivenBudget",
    "How full the budget is.",
    &[
        key("used_pct", Number(0, 1_000), "In per cent."),
        key("soft", Flag, "Whether a soft threshold is crossed."),
    ],
);

static EXPECT: Mapping = mapping(
    "Expect",
    "What is to become of the request.",
    &[
        key("decision", EFFECT, "The decision."),
        key("rule", Text, "The rule that decided."),
        key("max_output_tokens", COUNT, "The limit that holds."),
        key(
            "redactions",
            Named(&Number(0, MOST)),
            "How many values of which kind are redacted in the request.",
        ),
        key("shadow", NAMES, "Rules in shadow that would have matched."),
        key("tags", TEXTS, "Tags it got."),
        key("model", Text, "The model it is routed to."),
        key("message", Text, "A part of what the caller is told."),
    ],
);
