//! Texts to look at: the same on every machine and in every run, long enough that nothing about them repeats soon.
//!
//! Writing to a string does not fail, so what `write!` says is not looked at.

use std::fmt::Write as _;

/// A text, by name, of any length.
pub(crate) type Text = (&'static str, fn(usize) -> String);

/// Texts without a value in them.
pub(crate) const CLEAN: [Text; 4] = [
    ("English prose", prose),
    ("Rust code", code),
    ("JSON", json),
    ("log, half digits", log),
];

fn prose(bytes: usize) -> String {
    let mut dice = Dice(7);
    filled(bytes, |text| {
        text.push_str(dice.one_of(&SENTENCES));
        text.push_str(if dice.roll(6) == 0 { "\n\n" } else { " " });
    })
}

/// As it stands in this repository.
fn code(bytes: usize) -> String {
    let mut files = [
        include_str!("../../src/governance/gate/mod.rs"),
        include_str!("../../src/chat/json/text.rs"),
        include_str!("../../src/governance/audit/record.rs"),
        include_str!("../../src/governance/gate/denial.rs"),
        include_str!("../../src/governance/budget/period.rs"),
    ]
    .into_iter()
    .cycle();
    filled(bytes, |text| text.extend(files.next()))
}

/// Answers of some API, in JSON.
fn json(bytes: usize) -> String {
    let mut dice = Dice(11);
    filled(bytes, |text| {
        let (id, count, share) = (dice.roll(90_000), dice.roll(400), dice.roll(100));
        let title = dice.one_of(&SENTENCES);
        let _ = write!(
            text,
            r#"{{"id":{id},"title":"{title}","status":"open","labels":["area/parser","needs-review"],"assignee":null,"comments":{count},"draft":false,"ratio":0.{share:02},"milestone":{{"number":{},"state":"closed"}}}},"#,
            dice.roll(40)
        );
    })
}

/// A log in which every line is half digits.
fn log(bytes: usize) -> String {
    let mut dice = Dice(13);
    filled(bytes, |text| {
        let _ = writeln!(
            text,
            "2026-11-{:02}T{:02}:{:02}:{:02}.{:06}Z INFO worker={} request={} took_us={} bytes={} queue={} status={}",
            1 + dice.roll(28),
            dice.roll(24),
            dice.roll(60),
            dice.roll(60),
            dice.roll(1_000_000),
            dice.roll(64),
            dice.roll(1_000_000_000),
            dice.roll(2_000_000),
            dice.roll(200_000),
            dice.roll(40),
            200 + dice.roll(4) * 100
        );
    })
}

/// At least so many bytes from `more`, cut to as many.
pub(crate) fn filled(bytes: usize, mut more: impl FnMut(&mut String)) -> String {
    let mut text = String::with_capacity(bytes + 1024);
    while text.len() < bytes {
        more(&mut text);
    }
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// Marsaglia's xorshift: what matters is that it is the same everywhere.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides
    }

    pub(crate) fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.get(self.roll(of.len())).copied().unwrap_or_default()
    }
}

pub(crate) const SENTENCES: [&str; 24] = [
    "The clerk keeps the book open on the table and writes each promise into it before anything leaves the house.",
    "When the bill comes back, the promise is struck out and the sum that was paid is written beside it.",
    "Could you explain how the parser decides between the two readings, and which of them is the default?",
    "I have attached the notes from Tuesday's meeting; the second half is mostly about the migration.",
    "We moved the service to the new cluster last week, and since then the queue grows every night at about three.",
    "Please keep the tone friendly, avoid jargon, and end with a short list of what the reader should do next.",
    "Nothing in the change is urgent, but the longer it waits the more places will depend on the old behaviour.",
    "The museum opens at ten, the tour takes about ninety minutes, and the garden is free for everybody.",
    "A function that returns early is easier to read than one that remembers why it has not returned yet.",
    "She asked whether the estimate included the week in December when nobody answers the telephone.",
    "In the first version, each worker held its own table; in the second, all of them share one and lock it.",
    "Summarise the following report in three sentences, and say which of its claims have no source.",
    "The river rose by forty centimetres overnight, and by noon the lower road was closed to lorries.",
    "It is not that the test fails, it is that it passes for a reason nobody intended.",
    "Add the onions when the butter foams, lower the heat, and give them a quarter of an hour.",
    "Our customers mostly write in English or German, and the answers should be in the language of the question.",
    "The contract ends in spring; until then both sides may give notice with a month's warning.",
    "If the cache is cold, the first request takes noticeably longer, which is what the dashboard shows.",
    "He had the habit of reading the last page first and then deciding whether the rest was worth it.",
    "Rewrite this paragraph so that it makes the same point with half of the words.",
    "Trains run every twenty minutes, except on Sundays, when there is one an hour and none after nine.",
    "What you call the account, the finance team calls the ledger, and both of you are right.",
    "The colour of the button was changed twice, the position four times, and the label not at all.",
    "Think step by step, write down what is known, and only then say what follows from it.",
];
