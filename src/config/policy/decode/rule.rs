//! Rules, what they match, and tests.

use super::{EFFECTS, View};
use crate::config::yaml::Kind;
use crate::governance::policy::place::Spanned;
use crate::governance::policy::settings::{
    Case, Expect, Given, Has, Match, Require, RouteTo, Rule, ScanState, Set, ToolCall,
};

const HAS: &[(&str, Has)] = &[
    ("images", Has::Images),
    ("audio", Has::Audio),
    ("files", Has::Files),
    ("tools", Has::Tools),
    ("stream", Has::Stream),
];

const SCAN: &[(&str, ScanState)] = &[
    ("full", ScanState::Full),
    ("partial", ScanState::Partial),
    ("none", ScanState::None),
];

pub(super) fn rule(rule: &View<'_>) -> Rule {
    Rule {
        place: rule.place,
        id: rule.text("id").unwrap_or_default(),
        effect: rule.word("effect", EFFECTS),
        matches: rule.matches("match"),
        unless: rule.matches("unless"),
        when: rule.expression("when"),
        message: rule.text("message"),
        shadow: rule.shadow(),
        shadow_until: rule.text("shadow_until"),
        canary: rule.text("canary"),
        set: rule.within("set", set),
        route: rule.within("route", |route| RouteTo {
            model: route.text("model"),
            provider: route.text("provider"),
        }),
        require: rule.within("require", |require| Require {
            headers: require.names("headers"),
            json_schema: require.flag("json_schema"),
            tools: require
                .within("tools", |tools| tools.some_names("subset"))
                .and_then(|tools| tools.value),
        }),
        tag: rule.pairs("tag"),
        alert: rule
            .within("alert", |alert| alert.text("webhook"))
            .and_then(|alert| alert.value),
        status: rule.number("status"),
        code: rule.text("code"),
    }
}

fn set(set: &View<'_>) -> Set {
    Set {
        max_output_tokens: set.number("max_output_tokens"),
        temperature_max_milli: set.milli("temperature_max"),
        n_max: set.number("n_max"),
        stop: set.names("stop"),
        system_prefix: set.text("system_prefix"),
    }
}

fn matches(matches: &View<'_>) -> Match {
    Match {
        any: false,
        models: matches.some_names("models"),
        endpoints: matches.some_names("endpoints"),
        tools: matches.some_names("tools"),
        users: matches.some_names("users"),
        groups: matches.some_names("groups"),
        agents: matches.some_names("agents"),
        projects: matches.some_names("projects"),
        keys: matches.some_names("keys"),
        headers: matches.pairs("headers"),
        networks: matches.some_names("networks"),
        languages: matches.some_names("languages"),
        tainted: matches.some_names("tainted"),
        tags: matches.pairs("tags"),
        has: matches.words("has", HAS),
        scan: matches.words("scan", SCAN),
        detections: matches.some_names("detections"),
        tool_calls: matches.list("tool_calls", tool_call),
        window: matches.text("window"),
    }
}

fn tool_call(call: &View<'_>) -> ToolCall {
    ToolCall {
        name: call.text("name").unwrap_or_default(),
        arguments: call.pairs("arguments"),
    }
}

impl View<'_> {
    /// `any`, or what requests must have.
    pub(super) fn matches(&self, key: &str) -> Option<Spanned<Match>> {
        let mut found = self.within(key, matches)?;
        found.value.any = matches!(self.get(key)?.kind, Kind::Scalar(_));
        Some(found)
    }
}

pub(super) fn case(case: &View<'_>) -> Case {
    Case {
        place: case.place,
        name: case.text("name").unwrap_or_default(),
        given: case.inner("given", given),
        expect: case.inner("expect", |expect| Expect {
            decision: expect.word("decision", EFFECTS),
            rule: expect.text("rule"),
            max_output_tokens: expect.number("max_output_tokens"),
            redactions: counts(expect),
            shadow: expect.some_names("shadow").map(|names| names.value),
            tags: expect.pairs("tags"),
            model: expect.text("model"),
            message: expect.text("message"),
        }),
    }
}

/// How many of each kind.
fn counts(expect: &View<'_>) -> Vec<(Spanned<String>, Spanned<u64>)> {
    let counts = expect.pairs("redactions").into_iter();
    counts
        .filter_map(|(kind, count)| {
            let number = super::scalar::number(&count.value)?;
            Some((kind, Spanned::new(number, count.place)))
        })
        .collect()
}

fn given(given: &View<'_>) -> Given {
    let names = ["user", "agent", "org", "team", "project", "key"];
    let label = |name: &str| {
        let value = given.text(name)?;
        let entry = given.entries.iter().find(|entry| entry.key == name)?;
        let place = super::place(entry.place);
        Some((Spanned::new(name.to_owned(), place), value))
    };
    let budget = given.within("budget", |budget| {
        (budget.number("used_pct"), budget.flag("soft"))
    });
    let (used_pct, soft) = budget.map(|it| it.value).unwrap_or_default();
    Given {
        labels: names.into_iter().filter_map(label).collect(),
        groups: given.names("groups"),
        model: given.text("model"),
        endpoint: given.text("endpoint"),
        tools: given.names("tools"),
        headers: given.pairs("headers"),
        network: given.text("network"),
        time: given.text("time"),
        input_tokens: given.number("input_tokens"),
        max_output_tokens: given.number("max_output_tokens"),
        stream: given.flag("stream"),
        has: given.words("has", HAS),
        scan: given.word("scan", SCAN),
        text: given.text("text"),
        tool_result: given.text("tool_result"),
        tool_result_of: given.text("tool_result_of"),
        response: given.text("response"),
        tool_calls: given.list("tool_calls", tool_call),
        tainted: given.names("tainted"),
        used_pct,
        soft,
    }
}
