//! The keys of a rule: which requests it is about, and what it does.

use super::{
    CANARY, COUNT, Decimal, EFFECT, Expression, Flag, HAS, ID, Keys, List, MATCH, MODE, Mapping,
    NAMES, Named, Number, Numbers, SCAN, SHADOW_UNTIL, Scalar, TEXTS, Text, UNLESS, Word, key,
    mapping, needed,
};

pub(super) static RULE: Mapping = Mapping {
    name: "Rule",
    about: "One rule.",
    one_of: &["effect", "set", "route", "require", "tag", "alert"],
    keys: &[
        ID,
        key("effect", EFFECT, "What it does."),
        key(
            "match",
            MATCH,
            "Which requests it is about: every key must match, one entry of a key is enough.",
        ),
        UNLESS,
        key(
            "when",
            Expression,
            "A condition, in the small subset of CEL that policies know.",
        ),
        key("message", Text, "What a caller is told."),
        MODE,
        SHADOW_UNTIL,
        CANARY,
        key("set", Keys(&SET), "What is changed in the request."),
        key("route", Keys(&ROUTE), "Where the call goes instead."),
        key("require", Keys(&REQUIRE), "What the request must have."),
        key("tag", TEXTS, "Labels for later rules, metrics and logs."),
        key("alert", Keys(&ALERT), "Who is told."),
        key(
            "status",
            Numbers(&[402, 403, 412, 429]),
            "The HTTP status of a denial.",
        ),
        key("code", Text, "The error code of a denial."),
    ],
};

pub(super) static CONDITIONS: Mapping = mapping(
    "Match",
    "Which requests are meant: every key must match, one entry of a key is enough; `!` negates an entry.",
    &[
        key("models", NAMES, "Models, as globs."),
        key(
            "endpoints",
            NAMES,
            "`chat`, `responses`, `completions`, `embeddings`, `moderations`, `image_generations`, `speech`, or another endpoint by its name.",
        ),
        key(
            "tools",
            NAMES,
            "Tools the request offers, or the model calls.",
        ),
        key("users", NAMES, "Users."),
        key("groups", NAMES, "Groups of the user."),
        key("agents", NAMES, "Agents."),
        key("projects", NAMES, "Projects."),
        key("keys", NAMES, "Virtual keys, by name."),
        key("headers", TEXTS, "Headers, each with a glob."),
        key("networks", NAMES, "Addresses of callers, in CIDR."),
        key("languages", NAMES, "Languages, by their two letters."),
        key("tainted", NAMES, "Labels of the session."),
        key("tags", TEXTS, "Tags other rules set, each with a glob."),
        key("has", HAS, "What the request contains."),
        key(
            "scan",
            List(&Word(SCAN)),
            "How much of the texts could be looked at.",
        ),
        key("detections", NAMES, "Kinds found in the request."),
        key(
            "tool_calls",
            List(&Keys(&TOOL_CALL)),
            "Calls the model makes.",
        ),
        key("window", Text, "Hours of the week, by name."),
    ],
);

pub(super) static TOOL_CALL: Mapping = mapping(
    "ToolCall",
    "A call the model makes.",
    &[
        needed("name", Text, "The tool, as a glob."),
        key(
            "arguments",
            Named(&Scalar),
            "Arguments by dotted path, each with a glob; all must match.",
        ),
    ],
);

static SET: Mapping = Mapping {
    name: "Set",
    about: "What is changed in the request. Numbers merge by minimum over the rules that match.",
    one_of: &[
        "max_output_tokens",
        "temperature_max",
        "n_max",
        "stop",
        "system_prefix",
    ],
    keys: &[
        key("max_output_tokens", COUNT, "Most tokens of the answer."),
        key(
            "temperature_max",
            Decimal(2_000, "TG105"),
            "The highest temperature.",
        ),
        key("n_max", Number(1, 128), "Most answers to one request."),
        key("stop", NAMES, "Stop sequences, added to the caller's."),
        key(
            "system_prefix",
            Text,
            "What stands before the caller's system message.",
        ),
    ],
};

static ROUTE: Mapping = Mapping {
    name: "Route",
    about: "Where the call goes instead.",
    one_of: &["model", "provider"],
    keys: &[
        key(
            "model",
            Text,
            "Another model, by a name the configuration routes.",
        ),
        key("provider", Text, "A provider of the configuration."),
    ],
};

static REQUIRE: Mapping = Mapping {
    name: "Require",
    about: "What the request must have.",
    one_of: &["headers", "json_schema", "tools"],
    keys: &[
        key("headers", NAMES, "Headers that are there and not empty."),
        key(
            "json_schema",
            Flag,
            "Whether an answer by a schema must be asked for.",
        ),
        key("tools", Keys(&SUBSET), "Which tools may be offered."),
    ],
};

static SUBSET: Mapping = mapping(
    "Subset",
    "Which tools may be offered.",
    &[needed("subset", NAMES, "Only these.")],
);

static ALERT: Mapping = mapping(
    "Alert",
    "Who is told.",
    &[needed("webhook", Text, "The URL that gets a note.")],
);
