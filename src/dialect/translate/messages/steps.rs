//! A message as it streams: its events heard as steps, and steps told as its events.
//!
//! Told, a text and a thought are open one at a time, while calls stay open to the end: chat completions do not say when a
//! call has all of its arguments. What was used and why the message stops comes last, because there it is known last.

use super::answer::usage;
use super::{reason, stop};
use crate::chat::Usage;
use crate::dialect::anthropic;
use crate::dialect::sse::write_named;
use crate::dialect::translate::neutral::{Step, Stop};
use crate::dialect::translate::tree::{Json, Object};

/// Hears the events of a message.
#[derive(Debug, Default)]
pub(in crate::dialect::translate) struct Hearing {
    open: Vec<(u64, Open)>,
    calls: u64,
}

#[derive(Debug, Clone, Copy)]
enum Open {
    /// A text or a thought.
    Words,
    /// This call; whether arguments of it came.
    Call(u64, bool),
}

impl Hearing {
    /// What an event says; `None` where nobody can read it.
    pub(in crate::dialect::translate) fn hear(
        &mut self,
        payload: &[u8],
        steps: &mut Vec<Step>,
    ) -> Option<()> {
        let json = Json::lenient(payload).ok()?;
        let index = json.whole("index").unwrap_or_default();
        match json.text("type")? {
            "message_start" => {
                let message = json.get("message")?;
                let text = |name: &str| message.text(name).unwrap_or_default().to_owned();
                steps.push(Step::Begin {
                    id: text("id"),
                    model: text("model"),
                });
            }
            "content_block_start" => self.begin(index, json.get("content_block")?, steps),
            "content_block_delta" => self.delta(index, json.get("delta")?, steps),
            "content_block_stop" => self.over(index, steps),
            "message_delta" => {
                let delta = json.get("delta")?;
                if let Some(word) = delta.text("stop_reason") {
                    let details = delta.get("stop_details");
                    let explanation = details.and_then(|details| details.text("explanation"));
                    steps.push(Step::Stop(stop(
                        word,
                        delta.text("stop_sequence"),
                        explanation,
                    )));
                }
            }
            "message_stop" => steps.push(Step::End),
            "error" => {
                let failed = super::error(&json);
                steps.push(Step::Error {
                    kind: failed.kind.unwrap_or_else(|| "api_error".to_owned()),
                    message: failed.message.unwrap_or_default(),
                });
            }
            _ => {}
        }
        Some(())
    }

    fn begin(&mut self, index: u64, block: &Json, steps: &mut Vec<Step>) {
        let text = |name: &str| block.text(name).unwrap_or_default().to_owned();
        let words = |text: String| Some(text).filter(|text| !text.is_empty());
        let open = match block.text("type") {
            Some("text") => {
                steps.extend(words(text("text")).map(Step::Text));
                Open::Words
            }
            Some("thinking") => {
                steps.extend(words(text("thinking")).map(Step::Thought));
                Open::Words
            }
            Some("redacted_thinking") => {
                steps.push(Step::Sealed(text("data")));
                Open::Words
            }
            Some("tool_use") => {
                let call = self.calls;
                self.calls += 1;
                steps.push(Step::Call {
                    call,
                    id: text("id"),
                    name: text("name"),
                });
                let input = block.get("input").filter(|input| **input != Json::empty());
                steps.extend(input.map(|input| Step::Arguments {
                    call,
                    piece: input.written(),
                }));
                Open::Call(call, input.is_some())
            }
            _ => return,
        };
        self.open.push((index, open));
    }

    fn delta(&mut self, index: u64, delta: &Json, steps: &mut Vec<Step>) {
        let text = |name: &str| delta.text(name).map(str::to_owned);
        match delta.text("type") {
            Some("text_delta") => steps.extend(text("text").map(Step::Text)),
            Some("thinking_delta") => steps.extend(text("thinking").map(Step::Thought)),
            Some("signature_delta") => steps.extend(text("signature").map(Step::Seal)),
            Some("citations_delta") => {
                steps.extend(delta.get("citation").cloned().map(Step::Quote));
            }
            Some("input_json_delta") => {
                let mut open = self.open.iter_mut();
                let open = open.find(|(of, _)| *of == index);
                if let (Some((_, Open::Call(call, came))), Some(piece)) =
                    (open, text("partial_json"))
                    && !piece.is_empty()
                {
                    *came = true;
                    steps.push(Step::Arguments { call: *call, piece });
                }
            }
            _ => {}
        }
    }

    fn over(&mut self, index: u64, steps: &mut Vec<Step>) {
        let Some(place) = self.open.iter().position(|(of, _)| *of == index) else {
            return;
        };
        match self.open.remove(place).1 {
            Open::Words => steps.push(Step::Over),
            // A call without arguments is one with none, and not one with a text that is no JSON.
            Open::Call(call, false) => steps.push(Step::Arguments {
                call,
                piece: "{}".to_owned(),
            }),
            Open::Call(_, true) => {}
        }
    }
}

/// Tells a message's events.
#[derive(Debug, Default)]
pub(in crate::dialect::translate) struct Telling {
    next: u64,
    /// The text or thought that is open.
    words: Option<(u64, bool)>,
    /// Calls, and the blocks that are theirs.
    calls: Vec<(u64, u64)>,
    stop: Option<Stop>,
}

impl Telling {
    pub(in crate::dialect::translate) fn tell(
        &mut self,
        step: Step,
        used: Option<Usage>,
        out: &mut Vec<u8>,
    ) {
        match step {
            Step::Begin { id, model } => {
                let message = Object::new()
                    .with("id", id)
                    .with("type", "message")
                    .with("role", "assistant")
                    .with("model", model)
                    .with("content", Vec::new())
                    .with("stop_reason", Json::Null)
                    .with("stop_sequence", Json::Null)
                    .with("usage", usage(Usage::default()));
                event(
                    out,
                    "message_start",
                    Object::of("message_start").with("message", message),
                );
            }
            Step::Text(text) => {
                let index = self.speaking(false, out);
                delta(out, index, Object::of("text_delta").with("text", text));
            }
            Step::Thought(text) => {
                let index = self.speaking(true, out);
                delta(
                    out,
                    index,
                    Object::of("thinking_delta").with("thinking", text),
                );
            }
            Step::Seal(seal) => {
                let index = self.speaking(true, out);
                delta(
                    out,
                    index,
                    Object::of("signature_delta").with("signature", seal),
                );
            }
            Step::Sealed(data) => {
                self.hush(out);
                let index = self.begin(Object::of("redacted_thinking").with("data", data), out);
                over(out, index);
            }
            Step::Over => self.hush(out),
            // Its dialects have no streams that quote.
            Step::Quote(_) => {}
            Step::Call { call, id, name } => {
                self.hush(out);
                let block = Object::of("tool_use")
                    .with("id", id)
                    .with("name", name)
                    .with("input", Json::empty());
                let index = self.begin(block, out);
                self.calls.push((call, index));
            }
            Step::Arguments { call, piece } => {
                let known = self.calls.iter().find(|(of, _)| *of == call);
                if let Some((_, index)) = known {
                    let piece = Object::of("input_json_delta").with("partial_json", piece);
                    delta(out, *index, piece);
                }
            }
            Step::Stop(why) => self.stop = Some(why),
            Step::End => self.end(used, out),
            Step::Error { kind, message } => anthropic::fail(out, &kind, None, &message),
        }
    }

    fn begin(&mut self, block: Object, out: &mut Vec<u8>) -> u64 {
        let index = self.next;
        self.next += 1;
        let start = Object::of("content_block_start")
            .with("index", index)
            .with("content_block", block);
        event(out, "content_block_start", start);
        index
    }

    /// The block of the text, or of the thought, that is spoken now.
    fn speaking(&mut self, thinks: bool, out: &mut Vec<u8>) -> u64 {
        match self.words {
            Some((index, is_thought)) if is_thought == thinks => index,
            _ => {
                self.hush(out);
                let block = if thinks {
                    Object::of("thinking")
                        .with("thinking", "")
                        .with("signature", "")
                } else {
                    Object::of("text").with("text", "")
                };
                let index = self.begin(block, out);
                self.words = Some((index, thinks));
                index
            }
        }
    }

    fn hush(&mut self, out: &mut Vec<u8>) {
        if let Some((index, _)) = self.words.take() {
            over(out, index);
        }
    }

    fn end(&mut self, used: Option<Usage>, out: &mut Vec<u8>) {
        self.hush(out);
        for (_, index) in self.calls.drain(..) {
            over(out, index);
        }
        let stop = self.stop.take();
        let sequence = match &stop {
            Some(Stop::At(sequence)) => sequence.as_deref(),
            _ => None,
        };
        let delta = Object::new()
            .with("stop_reason", stop.as_ref().map_or("end_turn", reason))
            .or_null("stop_sequence", sequence);
        let last = Object::of("message_delta")
            .with("delta", delta)
            .with("usage", usage(used.unwrap_or_default()));
        event(out, "message_delta", last);
        event(out, "message_stop", Object::of("message_stop"));
    }
}

fn delta(out: &mut Vec<u8>, index: u64, delta: Object) {
    let piece = Object::of("content_block_delta")
        .with("index", index)
        .with("delta", delta);
    event(out, "content_block_delta", piece);
}

fn over(out: &mut Vec<u8>, index: u64) {
    let stop = Object::of("content_block_stop").with("index", index);
    event(out, "content_block_stop", stop);
}

fn event(out: &mut Vec<u8>, name: &str, payload: Object) {
    write_named(out, Some(name), &payload.done().written());
}
