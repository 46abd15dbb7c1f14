//! What gateways refused and found: whatever of it comes twice, late, never, or cannot be, sums are what happened, and nobody
//! sees those of others.

use super::world::{PASSWORD, World, text};
use crate::control::service::tallies::{hear, hold};
use crate::lease::protocol::{LeafId, RouterId};
use crate::lease::tally::{Heard, Kind, Line, Name, Tallies};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

fn line(kind: Kind, leaf: u64, (what, how): (&str, &str), count: u64) -> Line {
    Line {
        name: Name {
            kind,
            leaf: (leaf > 0).then_some(LeafId(leaf)),
            what: what.into(),
            how: how.into(),
        },
        count,
        idle_s: None,
    }
}

fn refused(leaf: u64, code: &str, count: u64) -> Line {
    line(Kind::Refusal, leaf, (code, ""), count)
}

fn called(leaf: u64, count: u64, idle: u64) -> Line {
    Line {
        idle_s: Some(idle),
        ..line(Kind::Call, leaf, ("", ""), count)
    }
}

/// Two keys of two teams, and a gateway.
struct Scene {
    world: World,
    admin: String,
    red: String,
    scout: (String, u64),
    other: (String, u64),
    router: RouterId,
    gateway: String,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let admin = world.first_admin();
        let [_, red, atlas, blue, _] = world.tree(&admin);
        let (scout, leaf, _) = world.key(&admin, &atlas, "scout");
        let (other, other_leaf, _) = world.key(&admin, &blue, "other");
        let (gateway, router) = gateway(&world, &admin, "edge-1");
        Self {
            world,
            admin,
            red,
            scout: (scout, leaf),
            other: (other, other_leaf),
            router,
            gateway,
        }
    }

    /// What the panel makes of a message; none where it hears nothing of that process.
    fn tell(&self, incarnation: u64, seq: u64, lines: &[Line]) -> Option<Heard> {
        let told = Tallies {
            router: self.router,
            incarnation,
            seq,
            lines: lines.to_vec(),
        };
        let heard = self.world.runtime.block_on(hear(&self.world.panel, told));
        heard.expect("books")
    }

    fn get(&self, what: &str, token: &str) -> Value {
        let path = format!("/api/v1/analytics/{what}");
        self.world.get(&path, token).is(200)
    }

    /// Name and count; of all stretches together, for an hour may begin between two messages.
    fn counts(&self, what: &str, token: &str) -> Vec<(String, i64)> {
        let answer = self.get(what, token);
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for count in answer["counts"].as_array().expect("counts") {
            let often = count["refused"].as_i64().or(count["found"].as_i64());
            *sums.entry(text(&count["name"])).or_default() += often.expect("a number");
        }
        assert_eq!(answer["total"], json!(sums.values().sum::<i64>()), "{what}");
        sums.into_iter().collect()
    }

    fn codes(&self) -> Vec<(String, i64)> {
        self.counts("refusals?group_by=code", &self.admin)
    }
}

fn gateway(world: &World, admin: &str, name: &str) -> (String, RouterId) {
    let body = json!({ "name": name });
    let made = world.ask("POST /api/v1/gateways", admin, body).is(201);
    let router = text(&made["gateway"]["router_id"]);
    let router = RouterId(u128::from_str_radix(&router, 16).expect("a number"));
    world.greet(router);
    (text(&made["gateway"]["id"]), router)
}

fn of(all: &[(&str, i64)]) -> Vec<(String, i64)> {
    let all = all.iter();
    all.map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[test]
fn what_comes_twice_or_late_counts_once() {
    let scene = Scene::new();
    let leaf = scene.scout.1;
    let first = [refused(leaf, "killed", 2), refused(0, "invalid_api_key", 1)];
    assert_eq!(scene.tell(1, 1, &first), Some(Heard { seq: 1, last: 0 }));
    assert_eq!(scene.tell(1, 1, &first), Some(Heard { seq: 1, last: 1 }));
    let later = [refused(leaf, "killed", 5)];
    assert_eq!(scene.tell(1, 3, &later), Some(Heard { seq: 3, last: 1 }));
    assert_eq!(scene.tell(1, 2, &first), Some(Heard { seq: 2, last: 3 }));
    assert_eq!(scene.codes(), of(&[("invalid_api_key", 1), ("killed", 5)]));
    // The same line twice in one message.
    let twice = [refused(leaf, "killed", 6), refused(leaf, "killed", 7)];
    scene.tell(1, 4, &twice);
    assert_eq!(scene.codes(), of(&[("invalid_api_key", 1), ("killed", 7)]));
}

#[test]
fn what_cannot_be_is_passed_over_and_the_rest_is_heard() {
    let scene = Scene::new();
    let leaf = scene.scout.1;
    let long = "x".repeat(200);
    let lines = [
        refused(9_999, "killed", 4),
        refused(leaf, "", 4),
        refused(leaf, "two\nlines", 4),
        refused(leaf, &long, 4),
        line(Kind::Finding, leaf, ("email", ""), 4),
        line(Kind::Unknown, leaf, ("dream", ""), 4),
        called(9_999, 4, 0),
        refused(leaf, "killed", 1),
        refused(leaf, "absurd", u64::MAX),
    ];
    assert!(scene.tell(1, 1, &lines).is_some());
    assert_eq!(
        scene.codes(),
        of(&[("absurd", 1_000_000_000_000), ("killed", 1)])
    );
    let findings = scene.counts("findings?group_by=kind", &scene.admin);
    assert_eq!(findings, []);
    // A process that nobody gave a number, and a gateway that nobody made.
    assert_eq!(scene.tell(2, 1, &lines), None);
    let nobody = Scene {
        router: RouterId(5),
        ..scene
    };
    assert_eq!(nobody.tell(1, 1, &lines), None);
}

#[test]
fn a_process_has_no_more_lines_than_it_can_have() {
    let scene = Scene::new();
    let leaf = scene.scout.1;
    for seq in 1..=5_u64 {
        let lines: Vec<Line> = (0..1_000)
            .map(|number| refused(leaf, &format!("code-{seq}-{number}"), 1))
            .collect();
        assert!(scene.tell(1, seq, &lines).is_some());
    }
    let answer = scene.get("refusals?group_by=code", &scene.admin);
    assert_eq!(answer["total"], 4_000);
    // Those that are known go on.
    scene.tell(1, 6, &[refused(leaf, "code-1-0", 3)]);
    let answer = scene.get("refusals?group_by=code", &scene.admin);
    assert_eq!(answer["total"], 4_002);
}

#[test]
fn the_next_process_counts_from_nothing_and_those_long_gone_are_heard_no_more() {
    use crate::lease::protocol::{DiskId, Hello};
    let scene = Scene::new();
    let leaf = scene.scout.1;
    scene.tell(1, 1, &[refused(leaf, "killed", 2)]);
    for start in 2..=10 {
        let hello = Hello {
            router: scene.router,
            disk: DiskId(1),
            start,
        };
        let answer = scene.world.treasury.hello(hello);
        scene.world.runtime.block_on(answer).expect("a number");
        assert!(
            scene
                .tell(start, 1, &[refused(leaf, "killed", 1)])
                .is_some()
        );
    }
    assert_eq!(scene.codes(), of(&[("killed", 11)]));
    assert_eq!(scene.tell(1, 2, &[refused(leaf, "killed", 3)]), None);
    assert_eq!(scene.tell(2, 2, &[refused(leaf, "killed", 3)]), None);
    // One of those that are remembered says the rest.
    assert!(scene.tell(3, 2, &[refused(leaf, "killed", 3)]).is_some());
    assert_eq!(scene.codes(), of(&[("killed", 13)]));
}

#[test]
fn refusals_and_findings_are_counted_by_whatever_is_asked_within_scope() {
    let scene = Scene::new();
    let (admin, leaf, other) = (&scene.admin, scene.scout.1, scene.other.1);
    let lines = [
        line(Kind::Refusal, leaf, ("tool_not_allowed", "no-shell"), 3),
        refused(other, "killed", 1),
        refused(0, "invalid_api_key", 2),
        line(Kind::Finding, leaf, ("email", "replace"), 4),
        line(Kind::Finding, other, ("card", "block"), 1),
        called(leaf, 7, 0),
    ];
    scene.tell(1, 1, &lines);
    let of_all = "without a key of this panel";
    for (what, expected) in [
        (
            "refusals?group_by=code",
            of(&[
                ("invalid_api_key", 2),
                ("killed", 1),
                ("tool_not_allowed", 3),
            ]),
        ),
        (
            "refusals?group_by=rule",
            of(&[("no-shell", 3), ("without a rule", 3)]),
        ),
        (
            "refusals?group_by=key",
            of(&[
                ("acme/blue key other", 1),
                ("acme/red/atlas key scout", 3),
                (of_all, 2),
            ]),
        ),
        (
            "refusals?group_by=node",
            of(&[("acme/blue", 1), ("acme/red/atlas", 3), (of_all, 2)]),
        ),
        (
            "refusals?group_by=label:team",
            of(&[("blue", 1), ("red", 3), (of_all, 2)]),
        ),
        ("refusals?group_by=gateway", of(&[("edge-1", 6)])),
        ("findings?group_by=kind", of(&[("card", 1), ("email", 4)])),
        (
            "findings?group_by=action",
            of(&[("block", 1), ("replace", 4)]),
        ),
        (
            "findings?group_by=label:team",
            of(&[("blue", 1), ("red", 4)]),
        ),
        ("findings?group_by=gateway", of(&[("edge-1", 5)])),
    ] {
        for interval in ["all", "hour", "day"] {
            let query = format!("{what}&interval={interval}");
            assert_eq!(scene.counts(&query, admin), expected, "{query}");
        }
    }
    let by_key = scene.get("refusals?group_by=key", admin);
    let scout = json!({ "id": scene.scout.0, "name": "acme/red/atlas key scout", "refused": 3, "passed": 7 });
    assert_eq!(by_key["counts"][1], scout);
    let by_gateway = scene.get("refusals?group_by=gateway", admin);
    let edge = json!({ "id": scene.gateway, "name": "edge-1", "refused": 6, "passed": 7 });
    assert_eq!(by_gateway["counts"][0], edge);
    let (viewer, _) = scene.world.user(admin, "vera", "viewer", Some(&scene.red));
    let red = of(&[("tool_not_allowed", 3)]);
    assert_eq!(scene.counts("refusals?group_by=code", &viewer), red);
    let found = scene.counts("findings?group_by=kind", &viewer);
    assert_eq!(found, of(&[("email", 4)]));
    for filter in [
        format!("node={}", scene.red),
        format!("key={}", scene.scout.0),
    ] {
        let query = format!("refusals?group_by=code&{filter}");
        assert_eq!(scene.counts(&query, admin), red);
    }
    let ask = |query: &str, token: &str| {
        let path = format!("/api/v1/analytics/{query}");
        scene.world.get(&path, token)
    };
    ask("refusals?group_by=gateway", &viewer).refused(403, "out_of_scope");
    ask("findings?group_by=gateway", &viewer).refused(403, "out_of_scope");
    ask("findings?group_by=code", admin).refused(422, "invalid");
    ask("refusals?group_by=model", admin).refused(422, "invalid");
    ask("refusals?group_by=code&from=soon", admin).refused(422, "invalid");
    let foreign = format!("refusals?group_by=code&key={}", scene.other.0);
    ask(&foreign, &viewer).refused(404, "not_found");
    assert_eq!(
        scene.counts("refusals?group_by=code&from=2099-01-01", admin),
        []
    );
}

#[test]
fn a_key_says_when_it_last_called() {
    let scene = Scene::new();
    let path = format!("/api/v1/keys/{}", scene.scout.0);
    let used = |world: &World| world.get(&path, &scene.admin).is(200)["last_used"].clone();
    assert_eq!(used(&scene.world), Value::Null);
    let before = scene.world.panel.now().secs();
    scene.tell(1, 1, &[called(scene.scout.1, 3, 60)]);
    let after = scene.world.panel.now().secs();
    let told = used(&scene.world);
    let at: jiff::Timestamp = text(&told).parse().expect("a time");
    assert!((before - 60..=after - 60).contains(&at.as_second()), "{at}");
    // What is told late, or by a clock that cannot be, makes it no earlier.
    scene.tell(1, 2, &[called(scene.scout.1, 4, 3_600)]);
    scene.tell(1, 3, &[called(scene.scout.1, 5, u64::MAX)]);
    assert_eq!(used(&scene.world), told);
    let listed = scene.world.get("/api/v1/keys", &scene.admin).is(200);
    let keys = listed["items"].as_array().expect("keys");
    let of = |name: &str| keys.iter().find(|key| key["name"] == name).expect("a key");
    assert_eq!(of("scout")["last_used"], told);
    assert_eq!(of("other")["last_used"], Value::Null);
}

#[test]
fn hours_long_past_become_days_and_a_panel_started_anew_goes_on() {
    let scene = Scene::new();
    let leaf = scene.scout.1;
    scene.tell(1, 1, &[refused(leaf, "killed", 2)]);
    scene.world.pass(3_600);
    scene.tell(1, 2, &[refused(leaf, "killed", 5)]);
    // From now on, today is more than 90 days ago.
    scene.world.pass(92 * 24 * 3600);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let opened = scene.world.ask("POST /api/v1/sessions", "", body).is(201);
    let admin = &text(&opened["token"]);
    let again = scene.world.again();
    let run = &scene.world.runtime;
    for _ in 0..2 {
        run.block_on(again.tidy()).expect("tidied");
    }
    let query = "refusals?group_by=code&interval=hour";
    assert_eq!(scene.counts(query, admin), of(&[("killed", 5)]));
    let from = text(&scene.get(query, admin)["counts"][0]["from"]);
    assert!(from.ends_with("T00:00:00Z"), "{from}");
    let told = Tallies {
        router: scene.router,
        incarnation: 1,
        seq: 3,
        lines: vec![refused(leaf, "killed", 6)],
    };
    let heard = run.block_on(hear(&again, told)).expect("books");
    assert_eq!(heard, Some(Heard { seq: 3, last: 2 }));
    assert_eq!(scene.counts(query, admin), of(&[("killed", 6)]));
}

#[test]
fn many_that_tell_at_once_are_all_heard() {
    let scene = Scene::new();
    let edges: Vec<_> = (2..12)
        .map(|number| gateway(&scene.world, &scene.admin, &format!("edge-{number}")).1)
        .collect();
    let tell = |router: RouterId| {
        let panel = &scene.world.panel;
        let told = Tallies {
            router,
            incarnation: 1,
            seq: 1,
            lines: vec![refused(scene.scout.1, "killed", 1)],
        };
        async move { hear(panel, told).await.expect("books").expect("heard") }
    };
    let all = futures_of(edges.iter().map(|router| tell(*router)));
    let heard = scene.world.runtime.block_on(all);
    assert_eq!(heard, vec![Heard { seq: 1, last: 0 }; 10]);
    assert_eq!(scene.codes(), of(&[("killed", 10)]));
}

#[test]
fn of_one_gateway_one_message_waits() {
    let scene = Scene::new();
    let (_, router) = gateway(&scene.world, &scene.admin, "edge-2");
    let panel = &scene.world.panel;
    // The first one waits for its turn until the two others were turned away.
    let turn = RefCell::new(Some(scene.world.runtime.block_on(hold(panel))));
    let turned_away = Cell::new(0);
    let tell = |seq: u64| {
        let told = Tallies {
            router,
            incarnation: 1,
            seq,
            lines: vec![refused(scene.scout.1, "killed", seq)],
        };
        let (turn, turned_away) = (&turn, &turned_away);
        async move {
            let heard = hear(panel, told).await.is_ok();
            turned_away.set(turned_away.get() + u32::from(!heard));
            if turned_away.get() == 2 {
                turn.take();
            }
            heard
        }
    };
    let all = futures_of((1..4).map(tell));
    let mut heard = scene.world.runtime.block_on(all);
    heard.sort_unstable();
    assert_eq!(heard, [false, false, true]);
    // What was turned away is said again.
    let heard = scene.world.runtime.block_on(tell(4));
    assert!(heard);
    assert_eq!(scene.codes(), of(&[("killed", 4)]));
}

/// All of them at once, on one thread.
async fn futures_of<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(std::mem::take(&mut done).into_iter().flatten().collect())
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn in_whichever_order_messages_come_each_event_counts_once(
        grows in prop::collection::vec((0..2_usize, 1..5_u64), 1..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..24),
    ) {
        let scene = Scene::new();
        let leaves = [scene.scout.1, 0];
        let mut counts = [0_u64; 2];
        let mut messages = Vec::new();
        for (which, more) in grows {
            counts[which] += more;
            let line = refused(leaves[which], ["killed", "invalid_api_key"][which], counts[which]);
            messages.push((messages.len() as u64 + 1, line));
        }
        // Some come in any order, some not at all, some twice; the last ones of each come at the end.
        for place in order {
            let (seq, line) = place.get(&messages);
            scene.tell(1, *seq, std::slice::from_ref(line));
        }
        for (seq, line) in &messages {
            scene.tell(1, *seq, std::slice::from_ref(line));
        }
        let expected = [("invalid_api_key", counts[1]), ("killed", counts[0])];
        let expected = expected.into_iter().filter(|(_, count)| *count > 0);
        let expected: Vec<_> = expected.map(|(code, count)| (code.to_owned(), i64::try_from(count).expect("few"))).collect();
        prop_assert_eq!(scene.codes(), expected);
    }
}
