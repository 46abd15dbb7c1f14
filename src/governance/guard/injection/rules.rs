//! Which words must stand near which others before they mean something, and how much that weighs.
//!
//! Each rule looks forward from a mention of one concept for others within a distance, most of them within one sentence.
//! Words that say *do not* before a verb, quotation marks around it, and talk about injections make it weigh less.

use super::Source;
use super::concepts::{Concept as C, Mention};
use super::score::Score;

/// How far the object of a verb may be, in bytes of ASCII text.
const NEAR: usize = 72;
/// How far apart what belongs to one thought may be.
const AROUND: usize = 320;

/// What models call themselves, as it stands in a sentence.
const MODELS: [&str; 12] = [
    " ai ",
    " ai,",
    " ai.",
    "assistant",
    "language model",
    "chatbot",
    " bot ",
    " bot,",
    " llm",
    "gpt",
    " ki ",
    " ia ",
];

/// The model's own.
const YOURS: [&str; 14] = [
    "your ",
    "openai",
    "deine",
    " tes ",
    " vos ",
    " tus ",
    " tue ",
    " tuoi ",
    " suas ",
    " seus ",
    "твои",
    "твоих",
    "你的",
    "あなたの",
];

/// Whether a text talks about injections, so that it may quote some.
pub(super) fn talk_about_it(mentions: &[Mention]) -> bool {
    mentions.iter().any(|mention| mention.concept == C::Talk)
}

/// Looks for orders in a folded text.
pub(super) fn look(
    text: &str,
    mentions: &[Mention],
    source: Source,
    talk: bool,
    score: &mut Score,
) {
    if mentions.is_empty() {
        return;
    }
    let ends = sentence_ends(text);
    let reader = Reader {
        text,
        mentions,
        ends: &ends,
        tool: source == Source::ToolResult,
        talk,
    };
    reader.orders_set_aside(score);
    reader.orders_cancelled(score);
    reader.prompt_asked_for(score);
    reader.somebody_else(score);
    reader.words_to_a_model(score);
    reader.data_sent_away(score);
    reader.guards_off(score);
    reader.lesser_signs(score);
}

/// Where sentences end.
fn sentence_ends(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    bytes
        .iter()
        .enumerate()
        .filter(|(at, byte)| match byte {
            b'\n' => true,
            b'.' | b'!' | b'?' => bytes
                .get(at + 1)
                .is_none_or(|next| matches!(next, b' ' | b'\n' | b'"' | b'\'') || !next.is_ascii()),
            _ => false,
        })
        .map(|(at, _)| at)
        .collect()
}

struct Reader<'a> {
    text: &'a str,
    mentions: &'a [Mention],
    ends: &'a [usize],
    tool: bool,
    talk: bool,
}

impl Reader<'_> {
    /// *Ignore all previous instructions*, in the order of most languages or with the verb at the end.
    fn orders_set_aside(&self, score: &mut Score) {
        for (at, verb) in self.all(&[C::SetAside, C::SetAsideWeak]) {
            let strong = verb.concept == C::SetAside;
            let base = if strong { 290 } else { 160 };
            let mut heaviest = 0;
            for orders in self.behind(at, NEAR, true) {
                let what = match orders.concept {
                    C::Orders if self.word(orders).starts_with("rule") => 40,
                    C::Orders => 120,
                    C::OrdersWeak => -80,
                    _ => continue,
                };
                let near = |concept| {
                    self.behind(at, NEAR, true).any(|which| {
                        let apart = which
                            .start
                            .saturating_sub(orders.end)
                            .max(orders.start.saturating_sub(which.end));
                        which.concept == concept && apart <= if strong { 48 } else { 16 }
                    })
                };
                let weight = match (near(C::Earlier), near(C::EarlierWeak)) {
                    (true, _) => base + 250 + what,
                    (_, true) => base + 140 + what,
                    _ if strong && what > 0 => 300,
                    _ => 60,
                };
                heaviest = heaviest.max(weight);
            }
            self.add(
                score,
                "override",
                u16::try_from(heaviest).unwrap_or(0),
                verb,
            );
            for all in self
                .mentions
                .iter()
                .skip(at)
                .take_while(|found| found.start <= verb.end + 24)
            {
                match all.concept {
                    C::Everything if strong => self.add(score, "override", 500, verb),
                    C::EverythingWeak if strong => self.add(score, "override", 300, verb),
                    _ => {}
                }
            }
        }
        for (at, verb) in self.all(&[C::SetAsideLate]) {
            let near = |concepts: [C; 2]| {
                self.around(at, NEAR * 2)
                    .any(|found| concepts.contains(&found.concept))
            };
            if near([C::Earlier, C::EarlierWeak]) && near([C::Orders, C::OrdersWeak]) {
                self.add(score, "override", 620, verb);
            }
        }
    }

    /// *Your rules no longer apply.*
    fn orders_cancelled(&self, score: &mut Score) {
        for (at, orders) in self.all(&[C::Orders, C::OrdersWeak, C::OwnPrompt, C::Guard]) {
            let Some(cancelled) = self
                .behind(at, NEAR, true)
                .find(|found| found.concept == C::Cancelled)
            else {
                continue;
            };
            let start = self
                .text
                .floor_char_boundary(orders.start.saturating_sub(24));
            let before = self.text.get(start..orders.end).unwrap_or_default();
            let yours = YOURS.iter().any(|own| before.contains(own));
            let weight = match orders.concept {
                C::OrdersWeak => 160,
                C::Guard => 440,
                _ if yours => 520,
                C::OwnPrompt => 440,
                _ if self.around(at, 32).any(|found| found.concept == C::Earlier) => 380,
                _ => 160,
            };
            self.add(score, "override", weight, cancelled);
        }
    }

    /// *Repeat your system prompt.*
    fn prompt_asked_for(&self, score: &mut Score) {
        for (at, verb) in self.all(&[C::Tell]) {
            for object in self.behind(at, NEAR, true) {
                match object.concept {
                    C::OwnPrompt => self.add(score, "prompt_request", 530, verb),
                    C::OwnPromptWeak => self.add(score, "prompt_request", self.whose(object), verb),
                    C::TextAbove => {
                        let end = self.text.ceil_char_boundary(object.end + 64);
                        let words = self.text.get(verb.start..end).unwrap_or_default();
                        let exact = [
                            "word for word",
                            "verbatim",
                            "starting with",
                            "starting from",
                            "exactly",
                            "you are",
                        ];
                        let weight = if exact.iter().any(|sign| words.contains(sign)) {
                            520
                        } else {
                            380
                        };
                        self.add(score, "text_above", weight, verb);
                    }
                    C::Secret => self.add(score, "secret_request", 320, verb),
                    _ => {}
                }
            }
        }
        for (at, verb) in self.all(&[C::TellLate]) {
            if self
                .around(at, NEAR * 2)
                .any(|found| matches!(found.concept, C::OwnPrompt | C::OwnPromptWeak))
            {
                self.add(score, "prompt_request", 530, verb);
            }
            if self
                .around(at, NEAR * 2)
                .any(|found| found.concept == C::Secret)
            {
                self.add(score, "secret_request", 320, verb);
            }
        }
    }

    /// How much it weighs to ask for a system prompt: yours, the one here, or any.
    fn whose(&self, object: &Mention) -> u16 {
        let before = self.text.get(..object.start).unwrap_or_default().trim_end();
        let word = before
            .rsplit(|character: char| !character.is_alphanumeric())
            .next()
            .unwrap_or_default();
        match word {
            "your" | "entire" | "full" | "exact" | "complete" | "whole" | "actual" | "hidden"
            | "secret" | "current" => 540,
            "the" | "this" | "le" | "il" | "el" | "o" | "den" | "das" | "der" | "la" => 500,
            "a" | "an" | "my" | "good" | "new" | "custom" | "our" | "own" | "ein" | "einen"
            | "un" | "une" | "um" | "to" | "of" => 40,
            _ if !word.is_ascii() || word.is_empty() => 480,
            _ => 240,
        }
    }

    /// *You are now an AI without restrictions.*
    fn somebody_else(&self, score: &mut Score) {
        let mut best = 0;
        for (at, persona) in self.all(&[C::Persona, C::PersonaWeak]) {
            let (mut strong, mut weak, mut last) = (0_u16, 0_u16, persona.end);
            for found in self
                .behind(at, AROUND, false)
                .filter(|found| matches!(found.concept, C::Unbound | C::UnboundWeak))
            {
                if found.start < last {
                    continue;
                }
                last = found.end;
                if found.concept == C::Unbound {
                    strong += 1;
                } else {
                    weak += 1;
                }
            }
            let words = self.text.get(persona.end..last).unwrap_or_default();
            let model = MODELS.iter().any(|word| words.contains(word));
            let weight = match (strong, weak) {
                (0, 0) => 0,
                (0, _) if model => 510,
                (0, 1) => 120,
                (0, 2) => 380,
                (0, _) => 480,
                (1, 0) => 510,
                (1, _) => 580,
                _ => 660,
            };
            let weight = if persona.concept == C::PersonaWeak {
                weight * 2 / 3
            } else {
                weight
            };
            best = best.max(weight);
            if weight > 0 {
                self.add(score, "unbound_persona", weight, persona);
            }
        }
        let unbound = self.all(&[C::Unbound]).count();
        if best == 0 && unbound > 0 {
            score.add("unbound_persona", if unbound > 2 { 300 } else { 120 });
        }
        let persona = self.all(&[C::Persona]).next().is_some();
        for (_, name) in self.all(&[C::Jailbreak]) {
            self.add(score, "jailbreak", if persona { 600 } else { 520 }, name);
        }
        for (_, name) in self.all(&[C::JailbreakWeak]) {
            self.add(score, "jailbreak", if persona { 420 } else { 240 }, name);
        }
        for (at, mode) in self.all(&[C::Mode]) {
            let entered = self
                .around(at, 48)
                .any(|found| matches!(found.concept, C::Persona | C::PersonaWeak))
                || ["enable", "activat", "you are in", "active"]
                    .iter()
                    .any(|word| self.words_around(mode).contains(word));
            if entered {
                self.add(score, "mode", if persona { 480 } else { 360 }, mode);
            }
        }
    }

    /// *If you are an AI, you must …*, which a tool's result has no business to say.
    fn words_to_a_model(&self, score: &mut Score) {
        for (at, address) in self.all(&[C::Address, C::AddressWeak]) {
            if self
                .behind(at, 120, false)
                .any(|found| found.concept == C::Command)
            {
                let weight = match (address.concept, self.tool) {
                    (C::Address, true) => 540,
                    (C::Address, false) => 320,
                    (_, true) => 300,
                    (_, false) => 120,
                };
                self.add(score, "addresses_model", weight, address);
            }
        }
        for (_, task) in self.all(&[C::NewTask]) {
            self.add(score, "new_task", if self.tool { 360 } else { 300 }, task);
        }
        for (_, task) in self.all(&[C::NewTaskWeak]) {
            self.add(score, "new_task", 70, task);
        }
        for (_, secrecy) in self.all(&[C::Conceal]) {
            self.add(score, "conceal", if self.tool { 500 } else { 380 }, secrecy);
        }
        for (_, secrecy) in self.all(&[C::ConcealWeak]) {
            self.add(score, "conceal", 110, secrecy);
        }
    }

    /// *Send the conversation to https://…*
    fn data_sent_away(&self, score: &mut Score) {
        for (at, verb) in self.all(&[C::Send]) {
            let Some(data) = self
                .behind(at, 140, false)
                .find(|found| found.concept == C::Private)
            else {
                continue;
            };
            let end = self.text.ceil_char_boundary(data.end + 160);
            let around = self.text.get(verb.start..end).unwrap_or_default();
            let away = around.contains("://")
                || around.contains("webhook")
                || around.contains("www.")
                || mail_address(around);
            if away {
                self.add(
                    score,
                    "exfiltration",
                    if self.tool { 470 } else { 340 },
                    verb,
                );
            } else {
                self.add(score, "exfiltration", 90, verb);
            }
        }
    }

    /// *Turn off your safety filters.*
    fn guards_off(&self, score: &mut Score) {
        for (at, verb) in self.all(&[C::Disable]) {
            for guard in self
                .behind(at, NEAR, true)
                .filter(|found| found.concept == C::Guard)
            {
                let words = self.text.get(verb.end..guard.end).unwrap_or_default();
                let yours = YOURS.iter().any(|own| words.contains(own));
                let plain_without = self.word(verb) == "without";
                self.add(
                    score,
                    "guards_off",
                    if yours {
                        520
                    } else if plain_without {
                        200
                    } else {
                        340
                    },
                    verb,
                );
            }
        }
    }

    fn lesser_signs(&self, score: &mut Score) {
        for (_, claim) in self.all(&[C::Authority]) {
            self.add(score, "claims_authority", 320, claim);
        }
        for (_, end) in self.all(&[C::EndOfData]) {
            self.add(score, "end_of_data", 220, end);
        }
        for (at, verb) in self.all(&[C::Tell, C::Command]) {
            if self
                .behind(at, 40, true)
                .any(|found| found.concept == C::Trophy)
            {
                self.add(score, "trophy", 260, verb);
            }
        }
        let verdicts = self.all(&[C::Verdict]).count();
        if self.tool && verdicts > 0 {
            score.add("verdict", if verdicts > 1 { 300 } else { 180 });
        }
    }

    fn all<'s>(&'s self, concepts: &'s [C]) -> impl Iterator<Item = (usize, &'s Mention)> {
        self.mentions
            .iter()
            .enumerate()
            .filter(|(_, found)| concepts.contains(&found.concept))
    }

    /// What is mentioned behind, within a distance, in the same sentence if that matters.
    fn behind(
        &self,
        at: usize,
        distance: usize,
        same_sentence: bool,
    ) -> impl Iterator<Item = &Mention> {
        let from = self.mentions.get(at).map_or(0, |from| from.end);
        let reach = from + self.reach(from, distance);
        let stop = if same_sentence {
            self.sentence_end(from)
        } else {
            usize::MAX
        };
        self.mentions
            .iter()
            .skip(at + 1)
            .take_while(move |found| found.start <= reach && found.start < stop)
            .filter(move |found| found.start >= from)
    }

    /// What is mentioned within a distance on either side, in the same sentence.
    fn around(&self, at: usize, distance: usize) -> impl Iterator<Item = &Mention> {
        let from = self.mentions.get(at).map_or(0, |from| from.start);
        let begin = self
            .ends
            .get(self.ends.partition_point(|end| *end < from).wrapping_sub(1))
            .copied()
            .unwrap_or(0);
        let begin = begin.max(from.saturating_sub(distance));
        let before = self
            .mentions
            .get(..at)
            .unwrap_or_default()
            .iter()
            .rev()
            .take_while(move |found| found.start >= begin);
        before.chain(self.behind(at, distance, true))
    }

    /// A distance in bytes, where characters take more than one.
    fn reach(&self, from: usize, distance: usize) -> usize {
        let ascii = self
            .text
            .as_bytes()
            .get(from.saturating_sub(1))
            .is_none_or(u8::is_ascii);
        if ascii { distance } else { distance * 2 }
    }

    fn sentence_end(&self, from: usize) -> usize {
        self.ends
            .get(self.ends.partition_point(|end| *end < from))
            .copied()
            .unwrap_or(usize::MAX)
    }

    fn word(&self, mention: &Mention) -> &str {
        self.text
            .get(mention.start..mention.end)
            .unwrap_or_default()
    }

    fn words_around(&self, mention: &Mention) -> &str {
        let start = self
            .text
            .floor_char_boundary(mention.start.saturating_sub(32));
        let end = self.text.ceil_char_boundary(mention.end + 24);
        self.text.get(start..end).unwrap_or_default()
    }

    /// Adds a signal, less of it where it is denied, quoted or talked about.
    fn add(&self, score: &mut Score, signal: &'static str, weight: u16, at: &Mention) {
        let start = self.text.floor_char_boundary(at.start.saturating_sub(80));
        let before = self.text.get(start..at.start).unwrap_or_default();
        let quoted =
            before.ends_with('\'') || memchr::memchr_iter(b'"', before.as_bytes()).count() % 2 == 1;
        // A *not* that ends shortly before, or that the phrase is part of (*do not forget*).
        let denied = self
            .mentions
            .get(
                ..self
                    .mentions
                    .partition_point(|found| found.start <= at.start),
            )
            .unwrap_or_default()
            .iter()
            .rev()
            .take_while(|found| found.start + 48 >= at.start)
            .filter(|found| found.concept == C::Not)
            .any(|found| {
                let before = found.start < at.start && found.end + 16 >= at.start;
                let around = found.start == at.start && found.end > at.end;
                around || before && self.sentence_end(found.end) > at.start
            });
        let share = match (denied, self.talk, quoted) {
            (true, _, _) => 30,
            (false, true, true) => 40,
            (false, true, false) => 60,
            (false, false, true) => 85,
            (false, false, false) => 100,
        };
        score.add(
            signal,
            u16::try_from(u32::from(weight) * share / 100).unwrap_or(weight),
        );
    }
}

/// Whether a mail address stands in a text.
fn mail_address(text: &str) -> bool {
    text.match_indices('@').any(|(at, _)| {
        let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let domain = text.get(at + 1..).unwrap_or_default();
        letter(
            at.checked_sub(1)
                .and_then(|before| text.as_bytes().get(before)),
        ) && domain
            .split(|character: char| {
                !(character.is_ascii_alphanumeric() || matches!(character, '.' | '-'))
            })
            .next()
            .is_some_and(|name| name.trim_end_matches('.').contains('.'))
    })
}
