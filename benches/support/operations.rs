//! The steps of a decision, each as one operation that can be timed or counted.
//!
//! `decide` times them and `instructions` counts their instructions: one catalogue, so that both speak of the same thing.
//! Inputs pass through `black_box`, because the compiler would otherwise work out a constant answer once.
//!
//! Not here: anything with I/O or a runtime; `gateway_overhead` measures that.

use super::passage::Passage;
use jiff::tz::TimeZone;
use std::fmt::{self, Display, Write as _};
use std::hint::black_box;
use tollgate::chat::{Endpoint, Usage};
use tollgate::clock::Wall;
use tollgate::dialect::{StreamMeter, usage};
use tollgate::governance::budget::{Period, Window};
use tollgate::governance::guard::{Catalogue, Piece, Scanner};
use tollgate::governance::identity::{
    Caller, Digest, Key, KeyIndex, Keys, Label, Labels, Selector,
};
use tollgate::governance::pricing::{Classes, Extent, Rate, Tier};
use tollgate::pattern::Pattern;
use tollgate::units::{Money, Price, Tokens};

/// Keys in the table.
const KEYS: u32 = 10_000;

/// One step, by name.
pub(crate) struct Operation {
    /// Its name, in tables and on command lines.
    pub(crate) name: &'static str,
    /// Does it once.
    pub(crate) run: fn(&Scene),
}

impl Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every step, in the order a request meets them.
pub(crate) const OPERATIONS: [Operation; 19] = [
    Operation {
        name: "key_known",
        run: |scene| {
            black_box(scene.keys.find(black_box(&scene.secret), scene.at));
        },
    },
    Operation {
        name: "key_unknown",
        run: |scene| {
            black_box(scene.keys.find(black_box(b"tg_nobody_has_this"), scene.at));
        },
    },
    Operation {
        name: "model_allowed",
        run: |scene| {
            black_box(scene.key().may_use(black_box("gpt-4o-mini")));
        },
    },
    Operation {
        name: "selector_by_key",
        run: |scene| {
            black_box(black_box(&scene.by_key).matches(&scene.caller()));
        },
    },
    Operation {
        name: "selector_by_request",
        run: |scene| {
            black_box(black_box(&scene.by_request).matches(&scene.caller()));
        },
    },
    Operation {
        name: "worst_case",
        run: |scene| {
            black_box(scene.rate.worst_case(black_box(scene.extent)));
        },
    },
    Operation {
        name: "period_month",
        run: |scene| {
            black_box(Period::containing(
                black_box(Window::Month),
                &scene.zone,
                scene.at,
            ));
        },
    },
    Operation {
        name: "cost",
        run: |scene| {
            black_box(scene.rate.cost(black_box(&scene.usage)));
        },
    },
    Operation {
        name: "money_written",
        run: |scene| {
            let mut text = Header::default();
            // A header has room for every amount, so this cannot fail.
            let _ = write!(text, "{}", black_box(scene.amount));
            black_box(text);
        },
    },
    Operation {
        name: "look_1_kb",
        run: |scene| {
            black_box(scene.passage.look());
        },
    },
    Operation {
        name: "decide_1_kb",
        run: |scene| {
            black_box(scene.passage.decide());
        },
    },
    Operation {
        name: "decide_and_settle_1_kb",
        run: |scene| {
            black_box(scene.passage.decide_and_settle());
        },
    },
    Operation {
        name: "stream_of_100_events",
        run: |_| {
            let mut meter = StreamMeter::new(Endpoint::Chat, true, true);
            for _ in 0..100 {
                meter.push(black_box(EVENT), &mut |release| {
                    black_box(release);
                });
            }
            black_box(meter.content_events());
        },
    },
    Operation {
        name: "usage_of_an_answer",
        run: |_| {
            let _ = black_box(usage(black_box(ANSWER), Endpoint::Chat));
        },
    },
    Operation {
        name: "scan_prose_1_kb",
        run: |scene| {
            black_box(Catalogue::builtin().scan(black_box(&scene.prose)));
        },
    },
    Operation {
        name: "scan_one_value_1_kb",
        run: |scene| {
            black_box(Catalogue::builtin().scan(black_box(&scene.one)));
        },
    },
    Operation {
        name: "scan_values_1_kb",
        run: |scene| {
            black_box(Catalogue::builtin().scan(black_box(&scene.values)));
        },
    },
    Operation {
        name: "stream_prose_1_kb",
        run: |scene| stream(&scene.prose),
    },
    Operation {
        name: "stream_values_1_kb",
        run: |scene| stream(&scene.values),
    },
];

/// One event of a chat stream, as long as they usually are.
const EVENT: &[u8] = b"data: {\"id\":\"chatcmpl-CgXyfQ0rTqB4nZ8m1kLwV2aHs9\",\"object\":\"chat.completion.chunk\",\"created\":1763700000,\
\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_51db84afab\",\"choices\":[{\"index\":0,\
\"delta\":{\"content\":\" ledger\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";

/// A whole answer to a chat.
const ANSWER: &[u8] = br#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"The ledger keeps what was promised apart from what was spent."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":0}}}"#;

/// Looks at a text as it comes in an answer: some words at a time.
fn stream(text: &str) {
    let mut scanner = Scanner::new();
    let mut take = |piece: Piece<'_>| {
        black_box(&piece);
    };
    let mut rest = black_box(text);
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(rest.floor_char_boundary(16));
        scanner.push(Catalogue::builtin(), piece, &mut take);
        rest = more;
    }
    scanner.finish(Catalogue::builtin(), &mut take);
}

/// A kilobyte of this.
fn kilobyte(of: &str) -> String {
    of.chars().cycle().take(1024).collect()
}

/// What nobody minds.
const PROSE: &str = "The quick brown fox jumps over 13 lazy dogs at 10:30, and nobody who was there has wondered why. ";
/// Values with hardly anything between them.
const VALUES: &str = "jane.doe@example.org, 4111 1111 1111 1111; 10.20.30.40 +41 44 668 18 00 536-22-1841, DE89 3704 0044 0532 0130 00. ";

/// What the operations work on.
pub(crate) struct Scene {
    keys: Keys,
    secret: Vec<u8>,
    at: Wall,
    by_key: Selector,
    by_request: Selector,
    rate: Rate,
    extent: Extent,
    usage: Usage,
    zone: TimeZone,
    amount: Money,
    passage: Passage,
    prose: String,
    one: String,
    values: String,
}

impl Scene {
    /// A table of keys, a price with a tier, and a calendar in a zone whose clocks change. `None` if this build lacks the zone.
    pub(crate) fn set() -> Option<Self> {
        let base = Classes {
            input: Price::from_nanos_per_million(150_000_000),
            cached_input: Price::from_nanos_per_million(75_000_000),
            output: Price::from_nanos_per_million(600_000_000),
            reasoning: Price::from_nanos_per_million(600_000_000),
            ..Classes::default()
        };
        let long = Classes {
            input: Price::from_nanos_per_million(300_000_000),
            ..base
        };
        let rate = Rate {
            base,
            tiers: vec![Tier {
                above_input: Tokens(200_000),
                classes: long,
            }],
            ..Rate::default()
        };
        let at = Wall::from_secs(1_766_000_000);
        let zone = TimeZone::get("Europe/Zurich").ok()?;
        let table = || Keys::new((0..KEYS).map(key).collect());
        let known = secret(KEYS / 2).into_bytes();
        let prose = kilobyte(PROSE);
        let (head, tail) = prose.split_at(prose.len() / 2);
        Some(Self {
            one: [head, " jane.doe@example.org ", tail].concat(),
            values: kilobyte(VALUES),
            prose: prose.clone(),
            passage: Passage::set(table(), known.clone(), rate.clone(), &zone, at),
            keys: table(),
            secret: known,
            at,
            by_key: Selector(vec![
                (Label::Team, vec![Pattern::new("team-1*")]),
                (Label::Project, vec![Pattern::new("atlas")]),
            ]),
            by_request: Selector(vec![
                (Label::Project, vec![Pattern::new("atlas")]),
                (Label::Model, vec![Pattern::new("gpt-4o*")]),
                (Label::Tags, vec![Pattern::new("nightly")]),
            ]),
            rate,
            extent: Extent {
                input: Tokens(1024),
                output_cap: Tokens(256),
                choices: 1,
                searches: 0,
                images: 0,
                characters: 0,
                audio: false,
            },
            usage: Usage {
                input: Tokens(200),
                cached_input: Tokens(64),
                output: Tokens(100),
                reasoning: Tokens(20),
                ..Usage::default()
            },
            zone,
            amount: Money::from_nanos(12_345_678),
        })
    }

    fn key(&self) -> &Key {
        static NOBODY: std::sync::LazyLock<Key> = std::sync::LazyLock::new(|| key(0));
        self.keys.get(KeyIndex(KEYS / 2)).unwrap_or(&NOBODY)
    }

    fn caller(&self) -> Caller<'_> {
        Caller {
            run: Some("run-17"),
            tags: Some("ci, nightly"),
            model: "gpt-4o-mini",
            ..self.key().caller()
        }
    }
}

fn secret(index: u32) -> String {
    format!("tg_bench_000000000000000000000000{index:08}")
}

fn key(index: u32) -> Key {
    let label = |label, value: String| (label, value.into_boxed_str());
    Key {
        name: format!("key-{index}").into(),
        digest: Digest::of(secret(index).as_bytes()),
        labels: Labels {
            single: [
                label(Label::Org, "acme".to_owned()),
                label(Label::Team, format!("team-{}", index % 20)),
                label(Label::Project, "atlas".to_owned()),
                label(Label::Agent, format!("agent-{}", index % 500)),
            ]
            .into(),
            groups: Vec::new(),
        },
        models: vec![vec![Pattern::new("o3"), Pattern::new("gpt-4o*")]],
        expires: None,
        disabled: false,
        leaf: None,
    }
}

/// Room for an amount as a response header carries it, on the stack.
#[derive(Default)]
struct Header {
    bytes: [u8; 24],
    used: usize,
}

impl fmt::Write for Header {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.used + text.len();
        let room = self.bytes.get_mut(self.used..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.used = end;
        Ok(())
    }
}
