//! Every key of a policy file: what it takes, whether it must be there, and what it does.

mod case;
mod guard;
mod rule;

use super::shape::Shape::{
    AnyOr, Decimal, Dollars, Expression, Flag, Keys, Length, List, Named, Number, Numbers, Percent,
    Scalar, Stamp, Text, Version, Word,
};
use super::shape::{Key, Mapping, Shape};

/// The largest number of tokens, requests or calls a policy can speak of.
const MOST: u64 = 1 << 31;
const COUNT: Shape = Number(1, MOST);
const NAMES: Shape = List(&Text);
const TEXTS: Shape = Named(&Text);
const MATCH: Shape = AnyOr(&rule::CONDITIONS);
const EFFECT: Shape = Word(&["allow", "deny"]);
const SITES: Shape = List(&Word(&[
    "request",
    "tool_result",
    "tool_definition",
    "response",
    "tool_args",
]));
const HAS: Shape = List(&Word(&["images", "audio", "files", "tools", "stream"]));
const SCAN: &[&str] = &["full", "partial", "none"];

const ID: Key = needed("id", Text, "Its name, in logs and in refusals.");
const MODE: Key = key(
    "mode",
    Word(&["enforce", "shadow"]),
    "`shadow`: only logged and counted.",
);
const SHADOW_UNTIL: Key = key(
    "shadow_until",
    Stamp,
    "The last day of the shadow, as 2027-01-31.",
);
const CANARY: Key = key("canary", Percent, "For which part of the callers it holds.");
const UNLESS: Key = key("unless", MATCH, "Which of them it is not about.");

const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        shape,
        required: false,
        about,
    }
}

const fn needed(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        shape,
        required: true,
        about,
    }
}

const fn mapping(name: &'static str, about: &'static str, keys: &'static [Key]) -> Mapping {
    Mapping {
        name,
        about,
        keys,
        one_of: &[],
    }
}

/// The file.
pub(super) static FILE: Mapping = mapping(
    "File",
    "A policy of tollgate: the rules of one scope.",
    &[
        needed("version", Version, "The version of the format: 1."),
        needed(
            "scope",
            Keys(&SCOPE),
            "Whom the file is for; `{}` is everybody.",
        ),
        key(
            "pack",
            Text,
            "Says that the file adds to its scope, beside the scope's own file, and under which name; its tests ask it alone.",
        ),
        key(
            "lists",
            Named(&NAMES),
            "Lists of names, used as `$name` wherever names are taken.",
        ),
        key(
            "windows",
            Named(&Keys(&WINDOW)),
            "Hours of the week by name, used as `window: name`.",
        ),
        key(
            "defaults",
            Keys(&DEFAULTS),
            "What holds where no rule says otherwise.",
        ),
        key(
            "limits",
            Keys(&LIMITS),
            "Limits; the smallest over all layers holds.",
        ),
        key(
            "budget",
            Keys(&BUDGET),
            "How to behave when money runs low; hard limits are never in a policy.",
        ),
        key(
            "rules",
            List(&Keys(&rule::RULE)),
            "The rules. Their order never matters: deny wins.",
        ),
        key(
            "redact",
            List(&Keys(&guard::REDACT)),
            "What detectors look for, and what is done with it.",
        ),
        key(
            "patterns",
            List(&Keys(&guard::PATTERN)),
            "Detectors of the policy's own.",
        ),
        key(
            "injection",
            Keys(&guard::INJECTION),
            "What is done about texts that give orders to the model.",
        ),
        key(
            "taint",
            List(&Keys(&guard::TAINT)),
            "Labels a session gets by what it read.",
        ),
        key(
            "breakers",
            List(&Keys(&guard::BREAKER)),
            "What stops agents that repeat themselves or spend too fast.",
        ),
        key(
            "consult",
            List(&Keys(&guard::CONSULT)),
            "Guards elsewhere that are asked.",
        ),
        key(
            "capture",
            MATCH,
            "Of which calls the texts of the request are kept in the decision log, at most 16 KiB, with all that detectors find masked.",
        ),
        key(
            "overrides",
            List(&Keys(&OVERRIDE)),
            "Exceptions for scopes below this one.",
        ),
        key(
            "tests",
            List(&Keys(&case::CASE)),
            "What the policy is to decide; a file with failing tests is not loaded.",
        ),
    ],
);

static SCOPE: Mapping = mapping(
    "Scope",
    "A scope; the innermost name given says which layer it is.",
    &[
        key("org", Text, "The organisation."),
        key("team", Text, "The team."),
        key("project", Text, "The project."),
        key("key", Text, "The virtual key, by name."),
    ],
);

static WINDOW: Mapping = mapping(
    "Window",
    "Hours of the week.",
    &[
        key("days", NAMES, "`mon` to `sun`; all of them when absent."),
        needed("from", Text, "When it begins, as \"HH:MM\"."),
        needed(
            "to",
            Text,
            "When it ends, as \"HH:MM\"; \"24:00\" ends a day.",
        ),
        key(
            "tz",
            Text,
            "The time zone, like `Europe/Zurich`; else that of `defaults`, else UTC.",
        ),
        key("overnight", Flag, "Says that crossing midnight is meant."),
    ],
);

static DEFAULTS: Mapping = mapping(
    "Defaults",
    "What holds where no rule says otherwise.",
    &[
        key(
            "effect",
            EFFECT,
            "What becomes of a request no rule matched; when absent: deny as soon as there is an allow rule.",
        ),
        key(
            "on_detector_error",
            Word(&["block", "pass"]),
            "What happens when detectors fail or take too long; block when absent.",
        ),
        key(
            "tz",
            Text,
            "The time zone of windows and of `time.*`; UTC when absent.",
        ),
        key(
            "scan_budget",
            Length,
            "How long detectors may take for one request; 5ms when absent.",
        ),
    ],
);

static LIMITS: Mapping = mapping(
    "Limits",
    "Limits; the smallest over all layers holds.",
    &[
        key("max_input_tokens", COUNT, "Most tokens of a prompt."),
        key(
            "max_output_tokens",
            COUNT,
            "Most tokens of an answer, and what is sent upstream when the client names none.",
        ),
        key("rpm", COUNT, "Requests a minute, for each virtual key."),
        key("tpm", COUNT, "Tokens a minute, for each virtual key."),
        key(
            "concurrency",
            COUNT,
            "Calls at the same time, for each virtual key.",
        ),
    ],
);

static BUDGET: Mapping = mapping(
    "Budget",
    "How to behave when money runs low.",
    &[
        key(
            "soft",
            Percent,
            "From which part of a budget on callers are warned.",
        ),
        key(
            "on_panel_loss",
            Word(&["lease-only", "stop"]),
            "What happens while the control panel cannot be reached.",
        ),
    ],
);

static OVERRIDE: Mapping = Mapping {
    name: "Override",
    about: "An exception for a scope below this one.",
    one_of: &["limits", "allow"],
    keys: &[
        needed("for", Keys(&SCOPE), "The scope it is for."),
        key(
            "limits",
            Keys(&LIMITS),
            "Limits that hold for it instead of this file's.",
        ),
        key(
            "allow",
            NAMES,
            "Deny rules of this file, by id, that do not hold for it.",
        ),
        key("reason", Text, "Why."),
        key("expires", Stamp, "The last day, as 2027-01-31."),
    ],
};
