//! Expressions that cost as much as may be accepted, and the largest request they can be asked about.
//!
//! Each family grows until it is refused; the last one accepted is what a policy's author could do at worst.

use tollgate::governance::guard::Kind;
use tollgate::governance::policy::expr::{Expression, Facts, compile};
use tollgate::governance::policy::settings::Text;

/// A way to be expensive, by how often something is asked.
type Family = (&'static str, fn(usize) -> String);

const FAMILIES: [Family; 26] = [
    ("comparisons of numbers", |n| {
        rep("request.input_tokens > 60000 && !request.stream", n, " && ")
    }),
    ("each tool contains", |n| {
        in_tools(&rep("t.contains('exec')", n, " || "))
    }),
    ("each tool contains, periodic", |n| {
        in_tools(&rep(
            &format!("t.contains('{}b')", "a".repeat(60)),
            n,
            " || ",
        ))
    }),
    ("each tool begins with", |n| {
        in_tools(&rep(
            &format!("t.startsWith('{}x')", "a".repeat(120)),
            n,
            " || ",
        ))
    }),
    ("each tool in lower case", |n| {
        in_tools(&rep("t.lower() == 'a'", n, " || "))
    }),
    ("each group in lower case", |n| {
        in_groups(&rep("t.lower() == 'a'", n, " || "))
    }),
    ("each tool matches a small pattern", |n| {
        in_tools(&rep(
            "t.matches('exec|shell|run_[a-z]+_command')",
            n,
            " || ",
        ))
    }),
    ("each tool matches a large pattern", |n| {
        in_tools(&rep("t.matches('1[01]{9}xyz')", n, " || "))
    }),
    ("a header matches a small pattern", |n| {
        rep("request.headers['x-long'].matches('(ab)+c')", n, " || ")
    }),
    ("a header matches a large pattern", |n| {
        rep(
            "request.headers['x-bits'].matches('1[01]{9}xyz')",
            n,
            " || ",
        )
    }),
    ("a header contains, periodic", |n| {
        let needle = "ab".repeat(18);
        rep(
            &format!("request.headers['x-long'].contains('{needle}c')"),
            n,
            " || ",
        )
    }),
    ("a header contains two letters", |n| {
        rep("request.headers['x-long'].contains('bb')", n, " || ")
    }),
    ("a header in lower case", |n| {
        rep("request.headers['x-upper'].lower() == ''", n, " || ")
    }),
    ("headers joined", |n| {
        rep(
            "request.headers['x-upper'] + request.headers['x-upper'] == 'x'",
            n,
            " || ",
        )
    }),
    ("a header that is not there", |n| {
        rep("'x-none' in request.headers", n, " || ")
    }),
    ("a name among the tools", |n| {
        rep("team in request.tools", n, " || ")
    }),
    ("each tool in a list", |n| {
        let item = format!("'{}x'", "a".repeat(127));
        in_tools(&format!("t in [{}]", rep(&item, n, ",")))
    }),
    ("each tool compared", |n| {
        in_tools(&rep(&format!("t == '{}x'", "a".repeat(127)), n, " || "))
    }),
    ("each tool, numbers compared", |n| {
        in_tools(&rep("request.bytes < 0", n, " || "))
    }),
    ("each tool, arithmetic", |n| {
        in_tools(&format!(
            "{} == 12345",
            rep("request.message_count", n, " * 1 + ")
        ))
    }),
    ("each tool, detections", |n| {
        in_tools(&rep("detections.EMAIL > 0", n, " || "))
    }),
    ("each tool, a header", |n| {
        in_tools(&rep("request.headers['x-none'] == '1'", n, " || "))
    }),
    ("each tool joined", |n| {
        in_tools(&rep("t + t == 'x'", n, " || "))
    }),
    ("each group contains, periodic", |n| {
        in_groups(&rep(
            &format!("t.contains('{}x')", "G".repeat(100)),
            n,
            " || ",
        ))
    }),
    ("each tool, either or", |n| {
        in_tools(&rep(
            "(request.stream ? request.bytes : request.input_tokens) < 0",
            n,
            " || ",
        ))
    }),
    ("each number of a list", |n| {
        format!(
            "[{}].exists(k, {})",
            rep("7", 60, ","),
            rep("k * k % 3 == 2", n, " || ")
        )
    }),
];

fn rep(what: &str, times: usize, between: &str) -> String {
    vec![what; times].join(between)
}

fn in_tools(body: &str) -> String {
    format!("request.tools.exists(t, {body})")
}

fn in_groups(body: &str) -> String {
    format!("user.groups.exists(t, {body})")
}

/// Of each family the largest expression that is accepted.
pub(crate) fn accepted() -> impl Iterator<Item = (&'static str, usize, Expression)> {
    FAMILIES.iter().filter_map(|(name, make)| {
        let accept = |times| {
            let text = Text {
                text: make(times),
                ..Text::default()
            };
            compile(&text, &[]).ok().map(|made| (*name, times, made))
        };
        (1..).map_while(accept).last()
    })
}

/// The largest request there may be: as many tools, groups and headers as are looked at, each as long as may be, chosen so
/// that whatever is compared with them is the same for as long as possible.
pub(crate) struct Largest {
    tools: Vec<String>,
    bits: Vec<String>,
    groups: Vec<String>,
    headers: Vec<(String, String)>,
    name: String,
    detections: Vec<(Kind, u32)>,
}

impl Largest {
    pub(crate) fn new() -> Self {
        let bits = |seed: u64| -> String {
            let word = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let bit = |at: u32| {
                if word.rotate_left(at * at) & 1 == 1 {
                    '1'
                } else {
                    '0'
                }
            };
            (0..128).map(bit).collect()
        };
        let mut headers: Vec<(String, String)> = (0..96)
            .map(|at| (format!("x-header-{at:03}"), "v".to_owned()))
            .collect();
        headers.push(("x-long".into(), "ab".repeat(2048)));
        headers.push(("x-bits".into(), (1..33).map(bits).collect()));
        headers.push(("x-upper".into(), "A".repeat(4096)));
        Self {
            tools: (0..128)
                .map(|at| format!("{}{at:08}", "a".repeat(120)))
                .collect(),
            bits: (1..129).map(bits).collect(),
            groups: (0..64)
                .map(|at| format!("{}{at:06}", "G".repeat(250)))
                .collect(),
            headers,
            name: "m".repeat(256),
            detections: (0..100).map(|at| (Kind::Custom(at), 1)).collect(),
        }
    }

    /// What expressions see of it; `bits`: with tools whose names are noughts and ones.
    pub(crate) fn facts(&self, bits: bool) -> Facts<'_> {
        Facts {
            model: &self.name,
            tools: if bits { &self.bits } else { &self.tools },
            groups: &self.groups,
            headers: &self.headers,
            user: &self.name,
            team: &self.name,
            detections: &self.detections,
            input_tokens: 90_000,
            bytes: 400_000,
            ..Facts::default()
        }
    }
}
