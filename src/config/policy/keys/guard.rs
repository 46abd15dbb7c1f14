//! The keys of what looks into texts and over agents: `redact`, `patterns`, `injection`, `taint`, `breakers`, `consult`.

use super::{
    CANARY, Decimal, Dollars, Flag, ID, Keys, Length, List, MATCH, MODE, Mapping, NAMES, Number,
    SHADOW_UNTIL, SITES, TEXTS, Text, UNLESS, Word, key, mapping, needed,
};

pub(super) static REDACT: Mapping = mapping(
    "Redact",
    "What detectors look for, and what is done with it.",
    &[
        ID,
        needed("types", NAMES, "Kinds of values, or names of `patterns`."),
        key("on", SITES, "Where; request and tool_result when absent."),
        needed(
            "action",
            Word(&["replace", "mask", "hash", "label", "drop", "block", "flag"]),
            "What is done with what is found.",
        ),
        key(
            "level",
            Word(&["contextual", "shaped", "validated"]),
            "How sure a detector must be.",
        ),
        key(
            "message",
            Text,
            "What the caller of a blocked call is told.",
        ),
        key(
            "soft",
            Flag,
            "Whether a blocked call is answered with a refusal instead of an error.",
        ),
        key(
            "note",
            Flag,
            "Whether the model is told about placeholders; yes when absent.",
        ),
        key("match", MATCH, "Which requests it is about."),
        UNLESS,
        MODE,
        SHADOW_UNTIL,
        CANARY,
    ],
);

pub(super) static PATTERN: Mapping = mapping(
    "Pattern",
    "A detector of the policy's own.",
    &[
        needed("name", Text, "Its name, used in `types`."),
        needed("regex", Text, "The regular expression."),
        key(
            "validator",
            Word(&["luhn", "mod97"]),
            "What else must hold of what is found.",
        ),
        key(
            "positive",
            NAMES,
            "Samples: in each it must find something.",
        ),
        key("negative", NAMES, "Samples: in none it may find anything."),
    ],
);

pub(super) static INJECTION: Mapping = mapping(
    "Injection",
    "What is done about texts that give orders to the model.",
    &[
        key("on", SITES, "Where; tool_result when absent."),
        key(
            "action",
            Word(&["flag", "block"]),
            "What is done; flag when absent.",
        ),
        key(
            "threshold",
            Decimal(1_000, "TG503"),
            "From which score on, 0 to 1.",
        ),
        key(
            "sanitize",
            Word(&["strip_invisible"]),
            "Removes invisible characters from tool results.",
        ),
    ],
);

pub(super) static TAINT: Mapping = mapping(
    "Taint",
    "A label a session gets by what it read.",
    &[
        key("on", SITES, "Where; tool_result when absent."),
        key("from", NAMES, "Tools whose results taint."),
        key("types", NAMES, "Kinds whose finding taints."),
        needed("label", Text, "The label."),
    ],
);

pub(super) static BREAKER: Mapping = Mapping {
    name: "Breaker",
    about: "What stops agents that repeat themselves or spend too fast.",
    one_of: &["repeat", "loop", "burn"],
    keys: &[
        ID,
        key(
            "per",
            Word(&["run", "session", "agent", "key"]),
            "Over what is counted; a run when absent, or the key where a call names none.",
        ),
        key("repeat", Keys(&REPEAT), "The same request again and again."),
        key("loop", Keys(&LOOP), "The same tools in a circle."),
        key("burn", Keys(&BURN), "Money, too fast."),
        key(
            "action",
            Word(&["warn", "stop"]),
            "What is done; when absent a warning, and a stop at twice as much.",
        ),
        key("cooldown", Length, "How long a stop holds."),
        MODE,
        SHADOW_UNTIL,
    ],
};

static REPEAT: Mapping = mapping(
    "Repeat",
    "The same request again and again.",
    &[
        needed(
            "same_request",
            Number(2, 1_000_000),
            "How many are one too many.",
        ),
        needed("window", Length, "Within how long."),
        key("similar", Flag, "Whether nearly the same counts, too."),
    ],
);

static LOOP: Mapping = mapping(
    "Loop",
    "The same tools in a circle.",
    &[needed(
        "tool_cycle",
        Number(2, 1_000),
        "How many rounds are one too many.",
    )],
);

static BURN: Mapping = mapping(
    "Burn",
    "Money, too fast.",
    &[
        needed("usd_per_minute", Dollars, "How fast is too fast."),
        needed("over", Length, "Over how long that is measured."),
    ],
);

pub(super) static CONSULT: Mapping = mapping(
    "Consult",
    "A guard elsewhere that is asked.",
    &[
        ID,
        needed("url", Text, "Where it is."),
        key(
            "kind",
            Word(&["webhook", "moderation"]),
            "How it is asked; webhook when absent.",
        ),
        key(
            "headers",
            TEXTS,
            "Headers sent along; values may be \"${NAME}\".",
        ),
        key(
            "on",
            List(&Word(&["request", "response"])),
            "What it is asked about; the request when absent.",
        ),
        key(
            "during",
            Flag,
            "Whether it is asked while the call is under way.",
        ),
        key("timeout", Length, "How long its answer is waited for."),
        key("cache", Length, "How long an answer holds."),
        needed(
            "on_error",
            Word(&["allow", "deny"]),
            "What happens when it does not answer.",
        ),
        key("match", MATCH, "Which requests it is asked about."),
    ],
);
