//! What holds for all policies and all requests.

use super::support::*;
use crate::governance::guard::Kind;
use crate::governance::policy::expr::Headers;
use crate::governance::policy::settings::{
    Effect, File, Has, Limits, Match, Rule, ScanState, Set, ToolCall as Pattern,
};
use crate::governance::policy::{Became, Caller, HasSet, Outcome, Policies, Request, ToolCall};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const NAMES: [&str; 8] = ["a", "b", "a*", "?", "!a", "!b*", "*", "B"];
const SCOPES: [&str; 6] = ["", "org=o", "team=t", "org=o team=t", "project=p", "key=k"];
const EXPRESSIONS: [&str; 6] = [
    "request.input_tokens > 5",
    "\"a\" in request.tools",
    "detections.EMAIL > 0",
    "time.hour < 12",
    "request.bytes * 9223372036854775807 > 0",
    "request.headers[\"x\"] == \"a\"",
];

fn some_names() -> impl Strategy<Value = Option<Vec<&'static str>>> {
    proptest::option::weighted(0.3, subsequence(NAMES.to_vec(), 0..3))
}

fn a_match() -> impl Strategy<Value = Match> {
    let lists = (
        some_names(),
        some_names(),
        some_names(),
        some_names(),
        some_names(),
    );
    let rest = (
        proptest::option::weighted(0.15, select(NAMES.to_vec())),
        proptest::option::weighted(0.1, subsequence(vec!["EMAIL", "SECRET", "!EMAIL"], 0..2)),
        proptest::option::weighted(0.1, select(vec![Has::Tools, Has::Stream])),
        proptest::option::weighted(0.1, select(NAMES.to_vec())),
        proptest::option::weighted(0.1, select(NAMES.to_vec())),
        any::<u8>(),
    );
    (lists, rest).prop_map(
        |((models, tools, groups, users, tainted), (header, kinds, has, call, tag, window))| {
            let mut matches = Match::default();
            let of = |names: Option<Vec<&str>>| names.and_then(|names| list(&names));
            matches.models = of(models);
            matches.tools = of(tools);
            matches.groups = of(groups);
            matches.users = of(users);
            matches.tainted = of(tainted);
            matches.detections = of(kinds);
            matches
                .headers
                .extend(header.map(|glob| (text("x"), text(glob))));
            matches
                .tags
                .extend(tag.map(|glob| (text("tag"), text(glob))));
            matches.has.extend(has.map(some));
            matches.tool_calls.extend(call.map(|name| Pattern {
                name: text(name),
                arguments: vec![(text("path"), text(name))],
            }));
            matches.window = (window < 20).then(|| text("office"));
            if window > 240 {
                matches.scan.push(some(ScanState::Partial));
            }
            matches
        },
    )
}

prop_compose! {
    fn a_rule()(
        effect in select(vec![Some(Effect::Allow), Some(Effect::Deny), None]),
        matches in a_match(),
        unless in proptest::option::weighted(0.2, a_match()),
        expression in proptest::option::weighted(0.2, select(EXPRESSIONS.to_vec())),
        kind in 0..20_u8,
        cap in 1..1000_u64,
    ) -> Rule {
        let mut rule = rule(1, "", effect, |_| ());
        rule.matches = Some(some(matches));
        rule.unless = unless.map(some);
        rule.when = expression.and_then(when);
        match kind {
            0 => rule.shadow = Some(at(1, ()).place),
            1 => rule.canary = Some(text("50%")),
            2 => rule.tag = vec![(text("tag"), text("a"))],
            3..6 => rule.set = Some(some(Set { max_output_tokens: Some(some(cap)), ..Set::default() })),
            6 => rule.require = Some(some(crate::governance::policy::settings::Require {
                headers: names(&["x"]),
                ..Default::default()
            })),
            _ => {}
        }
        rule
    }
}

prop_compose! {
    fn a_file(scope: &'static str)(
        rules in proptest::collection::vec(a_rule(), 0..12),
        default in select(vec![None, Some(Effect::Allow), Some(Effect::Deny)]),
        cap in proptest::option::of(1..1000_u64),
    ) -> File {
        let mut file = file(scope, rules);
        file.windows = vec![office()];
        file.defaults.effect = default.map(some);
        file.limits = Limits { max_output_tokens: cap.map(some), ..Limits::default() };
        file
    }
}

/// Up to one file for each scope, every rule with an id of its own.
fn files() -> impl Strategy<Value = Vec<File>> {
    let scopes = subsequence(SCOPES.to_vec(), 1..4);
    scopes
        .prop_flat_map(|scopes| scopes.into_iter().map(a_file).collect::<Vec<_>>())
        .prop_map(|mut files| {
            for (at, file) in files.iter_mut().enumerate() {
                for (number, rule) in file.rules.iter_mut().enumerate() {
                    rule.id = text(&format!("{at}-{number}"));
                }
            }
            files
        })
}

/// Everything a request borrows.
#[derive(Debug, Clone)]
struct Owned {
    labels: [Option<&'static str>; 4],
    user: Option<&'static str>,
    groups: Vec<Box<str>>,
    taints: Vec<Box<str>>,
    tools: Vec<&'static str>,
    headers: Vec<(&'static str, &'static str)>,
    model: &'static str,
    tokens: u64,
    stream: bool,
    hour: i64,
    found: Option<Vec<(Kind, u32)>>,
    calls: Vec<(&'static str, &'static str)>,
}

impl Owned {
    fn request(&self) -> Request<'_> {
        let [org, team, project, key] = self.labels;
        let has = HasSet::default();
        Request {
            caller: Caller {
                org,
                team,
                project,
                key,
                user: self.user,
                groups: &self.groups,
                agent: None,
            },
            model: self.model,
            tools: &self.tools,
            headers: &self.headers as &dyn Headers,
            has: if self.stream {
                has.with(Has::Stream)
            } else {
                has
            },
            input_tokens: self.tokens,
            bytes: self.tokens,
            now: crate::clock::Wall::from_secs(self.hour.saturating_mul(3600)),
            taints: &self.taints,
            detections: self.found.as_deref(),
            scan: self.found.as_ref().map(|_| ScanState::Partial),
            ..Request::default()
        }
    }

    fn calls(&self) -> Vec<ToolCall<'_>> {
        let calls = self.calls.iter();
        calls
            .map(|(name, arguments)| ToolCall { name, arguments })
            .collect()
    }
}

fn boxed() -> impl Strategy<Value = Vec<Box<str>>> {
    subsequence(vec!["a", "b", "ab"], 0..3)
        .prop_map(|names| names.into_iter().map(Box::from).collect())
}

prop_compose! {
    fn a_request()(
        labels in select(vec![
            [Some("o"), Some("t"), Some("p"), Some("k")],
            [Some("O"), Some("T"), None, Some("k")],
            [None, None, None, None],
            [Some("x"), Some("t"), Some("p"), Some("k2")],
        ]),
        user in select(vec![None, Some("a"), Some("ab")]),
        groups in boxed(),
        taints in boxed(),
        tools in subsequence(vec!["a", "b", "AB"], 0..3),
        header in select(vec!["", "a", "b"]),
        model in select(vec!["a", "A", "b", "ab", "c", ""]),
        tokens in 0..10_u64,
        stream in any::<bool>(),
        hour in 400_000..400_400_i64,
        found in proptest::option::of(subsequence(vec![(Kind::Email, 1), (Kind::Secret, 2)], 0..2)),
        calls in subsequence(vec![("a", "{}"), ("b", r#"{"path": "a"}"#), ("ab", "{")], 0..3),
    ) -> Owned {
        let headers = vec![("x", header)];
        Owned { labels, user, groups, taints, tools, headers, model, tokens, stream, hour, found, calls }
    }
}

/// What an outcome says that must not depend on any order.
fn essence(policies: &Policies, outcome: &Outcome) -> String {
    let ids = |ids: &[crate::governance::policy::RuleId]| {
        let rules = ids.iter().filter_map(|id| policies.rule(*id));
        let mut ids: Vec<&str> = rules.map(crate::governance::policy::Rule::id).collect();
        ids.sort_unstable();
        ids.join(",")
    };
    let shadows: Vec<_> = outcome.shadows.iter().map(|hit| hit.rule).collect();
    format!(
        "{:?} {} [{}] [{}] [{}] {:?} {:?} {:?}",
        outcome.decision,
        outcome.pending,
        ids(&outcome.deciding),
        ids(&outcome.matched),
        ids(&shadows),
        outcome.layers,
        outcome.limits.max_output_tokens.map(|cap| cap.value),
        outcome.refusal.as_ref().map(|refusal| &refusal.message),
    )
}

fn allows(files: &[File], request: &Request<'_>) -> bool {
    policies(files).decide(request).is_allowed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_more_that_denies_never_allows_more(
        files in files(), rule in a_rule(), request in a_request(), at in 0..4_usize,
    ) {
        let mut more = files.clone();
        let at = at % more.len();
        // A layer without any rule passes whatever its default; its first rule puts the default in force.
        more[at].rules.push(Rule { id: text("new"), effect: Some(some(Effect::Deny)), shadow: None, tag: Vec::new(), ..rule });
        let request = request.request();
        prop_assert!(allows(&files, &request) || !allows(&more, &request));
    }

    #[test]
    fn a_rule_less_that_allows_never_allows_more_while_others_remain(
        files in files(), request in a_request(), at in 0..4_usize, place in 0..12_usize,
    ) {
        let at = at % files.len();
        let plain = |rule: &Rule| rule.effect.is_some_and(|effect| effect.value == Effect::Allow)
            && rule.shadow.is_none() && rule.canary.is_none()
            && rule.matches.as_ref().is_none_or(|matches| matches.tool_calls.is_empty());
        let mut fewer = files.clone();
        let rules = &mut fewer[at].rules;
        // Its other effects (tags, caps, requirements) may well be what denied.
        let only_allows = |rule: &Rule| plain(rule) && rule.tag.is_empty() && rule.require.is_none();
        let places: Vec<usize> = (0..rules.len()).filter(|at| only_allows(&rules[*at])).collect();
        if let Some(at) = places.get(place % places.len().max(1)) {
            rules.remove(*at);
        }
        // The last allow rule of a layer is what makes it deny the rest.
        prop_assume!(places.is_empty() || rules.iter().any(plain));
        let request = request.request();
        prop_assert!(allows(&files, &request) || !allows(&fewer, &request));
    }

    #[test]
    fn what_a_narrower_file_says_never_allows_more(
        files in files(), child in a_file("key=K project=p"), request in a_request(),
    ) {
        let mut child = child;
        for (number, rule) in child.rules.iter_mut().enumerate() {
            rule.id = text(&format!("child-{number}"));
        }
        let mut more = files.clone();
        more.push(child);
        let request = request.request();
        let (before, after) = (policies(&files).decide(&request), policies(&more).decide(&request));
        prop_assert!(before.is_allowed() || !after.is_allowed());
        let most = |outcome: &Outcome| outcome.max_output_tokens(None).unwrap_or(u64::MAX);
        prop_assert!(most(&after) <= most(&before));
    }

    #[test]
    fn no_order_shows(files in files(), request in a_request(), by in 0..12_usize) {
        let mut turned = files.clone();
        for file in &mut turned {
            let by = by % file.rules.len().max(1);
            file.rules.rotate_left(by);
            file.rules.reverse();
        }
        let by = by % turned.len();
        turned.rotate_left(by);
        let request = request.request();
        let (one, other) = (policies(&files), policies(&turned));
        prop_assert_eq!(essence(&one, &one.decide(&request)), essence(&other, &other.decide(&request)));
    }

    #[test]
    fn the_index_leaves_no_rule_out_and_nothing_panics(files in files(), request in a_request()) {
        let policies = policies(&files);
        let (request, calls) = (request.request(), request.calls());
        let outcome = policies.decide(&request);
        let explained = policies.explain(&request);
        prop_assert!(!explained.to_string().is_empty());
        // The explanation tries every rule, the decision only those the index lets through.
        let mut tried: Vec<&str> = explained.rules.iter()
            .filter(|tried| matches!(tried.became, Became::Decided | Became::Matched))
            .filter(|tried| {
                let rule = policies.rules().find(|(_, rule)| rule.id() == tried.rule);
                rule.is_some_and(|(id, _)| outcome.matched.contains(&id)) || tried.became == Became::Matched
            })
            .map(|tried| &*tried.rule)
            .collect();
        tried.sort_unstable();
        let rules = outcome.matched.iter().filter_map(|id| policies.rule(*id));
        let mut matched: Vec<&str> = rules.map(crate::governance::policy::Rule::id).collect();
        matched.sort_unstable();
        prop_assert_eq!(tried, matched);
        prop_assert_eq!(policies.judge_tool_calls(&request, &calls).len(), calls.len());
        for call in &calls {
            let _ = policies.explain_tool_call(&request, call).to_string();
        }
    }

    #[test]
    fn before_and_after_looking_only_a_denial_is_final(files in files(), request in a_request()) {
        let policies = policies(&files);
        let after = request.request();
        let before = Request { detections: None, scan: None, ..after };
        let first = policies.decide(&before);
        let second = policies.decide(&Request {
            detections: Some(after.detections.unwrap_or_default()),
            scan: Some(ScanState::Partial),
            ..after
        });
        prop_assert!(!second.pending);
        if !first.is_allowed() {
            prop_assert!(!second.is_allowed());
        }
        if !first.pending {
            prop_assert_eq!(first.decision, second.decision);
        }
        if !first.waits {
            let said = |outcome: &Outcome| {
                format!("{:?}", Outcome { waits: false, pending: false, ..outcome.clone() })
            };
            prop_assert_eq!(said(&first), said(&second));
        }
    }
}
