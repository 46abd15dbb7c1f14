//! What looks into texts and over agents: `redact`, `patterns`, `injection`, `taint`, `breakers`, `consult`.

use super::{ACTIONS, SITES, View};
use crate::governance::policy::settings::{
    Breaker, Burn, Consult, CustomPattern, Injection, OnError, Redact, Repeat, Taint,
};

pub(super) fn redact(redact: &View<'_>) -> Redact {
    Redact {
        place: redact.place,
        id: redact.text("id").unwrap_or_default(),
        types: redact.names("types"),
        on: redact.words("on", SITES),
        action: redact.word("action", ACTIONS),
        level: redact.text("level"),
        message: redact.text("message"),
        soft: redact.flag("soft"),
        note: redact.flag("note"),
        matches: redact.matches("match"),
        unless: redact.matches("unless"),
        shadow: redact.shadow(),
        shadow_until: redact.text("shadow_until"),
        canary: redact.text("canary"),
    }
}

pub(super) fn pattern(pattern: &View<'_>) -> CustomPattern {
    CustomPattern {
        place: pattern.place,
        name: pattern.text("name").unwrap_or_default(),
        regex: pattern.text("regex").unwrap_or_default(),
        validator: pattern.text("validator"),
        positive: pattern.names("positive"),
        negative: pattern.names("negative"),
    }
}

pub(super) fn injection(injection: &View<'_>) -> Injection {
    Injection {
        place: injection.place,
        on: injection.words("on", SITES),
        action: injection.word("action", ACTIONS),
        threshold_milli: injection.milli("threshold"),
        strip_invisible: injection.word("sanitize", &[("strip_invisible", true)]),
    }
}

pub(super) fn taint(taint: &View<'_>) -> Taint {
    Taint {
        place: taint.place,
        on: taint.words("on", SITES),
        from: taint.names("from"),
        types: taint.names("types"),
        label: taint.text("label").unwrap_or_default(),
    }
}

pub(super) fn breaker(breaker: &View<'_>) -> Breaker {
    Breaker {
        place: breaker.place,
        id: breaker.text("id").unwrap_or_default(),
        per: breaker.text("per"),
        repeat: breaker.within("repeat", |repeat| Repeat {
            same_request: repeat
                .number("same_request")
                .map(|it| it.value)
                .unwrap_or_default(),
            window: repeat
                .length("window")
                .map(|it| it.value)
                .unwrap_or_default(),
            similar: repeat.flag("similar").is_some_and(|it| it.value),
        }),
        tool_cycle: breaker
            .within("loop", |cycle| cycle.number("tool_cycle"))
            .and_then(|cycle| cycle.value),
        burn: breaker.within("burn", |burn| Burn {
            per_minute: burn
                .read("usd_per_minute", |text| text.parse().ok())
                .map(|it| it.value)
                .unwrap_or_default(),
            over: burn.length("over").map(|it| it.value).unwrap_or_default(),
        }),
        stop: breaker.word("action", &[("warn", false), ("stop", true)]),
        cooldown: breaker.length("cooldown"),
        shadow: breaker.shadow(),
        shadow_until: breaker.text("shadow_until"),
    }
}

pub(super) fn consult(consult: &View<'_>) -> Consult {
    Consult {
        place: consult.place,
        id: consult.text("id").unwrap_or_default(),
        url: consult.text("url").unwrap_or_default(),
        kind: consult.text("kind"),
        headers: consult.pairs("headers"),
        on: consult.words("on", SITES),
        during: consult.flag("during"),
        timeout: consult.length("timeout"),
        cache: consult.length("cache"),
        on_error: consult.word(
            "on_error",
            &[("deny", OnError::Block), ("allow", OnError::Pass)],
        ),
        matches: consult.matches("match"),
    }
}
