//! Chat completions as they stream: chunks heard as steps, and steps told as chunks.
//!
//! Only the first choice is heard: a translated call asks for one.

use super::answer::{annotation, usage};
use super::{finish, stop};
use crate::chat::Usage;
use crate::dialect::openai;
use crate::dialect::sse::write_named;
use crate::dialect::translate::neutral::{Step, Stop};
use crate::dialect::translate::tree::{Json, Object};

/// Hears chunks.
#[derive(Debug, Default)]
pub(in crate::dialect::translate) struct Hearing {
    begun: bool,
    /// The calls that have begun, by the number they go by there.
    calls: Vec<u64>,
    refused: bool,
}

impl Hearing {
    /// What a chunk says; `None` where nobody can read it.
    pub(in crate::dialect::translate) fn hear(
        &mut self,
        payload: &[u8],
        steps: &mut Vec<Step>,
    ) -> Option<()> {
        if payload.trim_ascii() == b"[DONE]" {
            steps.push(Step::End);
            return Some(());
        }
        let json = Json::lenient(payload).ok()?;
        if json.get("error").is_some() {
            let failed = super::error(&json);
            steps.push(Step::Error {
                kind: failed.kind.unwrap_or_else(|| "api_error".to_owned()),
                message: failed.message.unwrap_or_default(),
            });
            return Some(());
        }
        let is_first = |choice: &&Json| choice.whole("index").unwrap_or_default() == 0;
        let choice = json.list("choices").iter().rfind(is_first);
        if !self.begun && (choice.is_some() || json.get("id").is_some()) {
            self.begun = true;
            let text = |name: &str| json.text(name).unwrap_or_default().to_owned();
            steps.push(Step::Begin {
                id: text("id"),
                model: text("model"),
            });
        }
        let Some(choice) = choice else {
            return Some(());
        };
        if let Some(delta) = choice.get("delta") {
            self.delta(delta, steps);
        }
        if let Some(word) = choice.text("finish_reason") {
            steps.push(Step::Stop(if self.refused {
                Stop::Filtered(None)
            } else {
                stop(word)
            }));
        }
        Some(())
    }

    fn delta(&mut self, delta: &Json, steps: &mut Vec<Step>) {
        let words = |name: &str| {
            let text = delta.text(name).filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        steps.extend(
            words("reasoning_content")
                .or(words("reasoning"))
                .map(Step::Thought),
        );
        steps.extend(words("content").map(Step::Text));
        if let Some(refusal) = words("refusal") {
            self.refused = true;
            steps.push(Step::Text(refusal));
        }
        for (place, call) in delta.list("tool_calls").iter().enumerate() {
            let number = call.whole("index");
            let number = number.unwrap_or_else(|| u64::try_from(place).unwrap_or_default());
            let function = call.get("function");
            let text = |name: &str| function.and_then(|function| function.text(name));
            if !self.calls.contains(&number) {
                self.calls.push(number);
                let id = call.text("id").map(str::to_owned);
                steps.push(Step::Call {
                    call: number,
                    id: id.unwrap_or_else(|| format!("call_{number}")),
                    name: text("name").unwrap_or_default().to_owned(),
                });
            }
            let piece = text("arguments").filter(|piece| !piece.is_empty());
            steps.extend(piece.map(|piece| Step::Arguments {
                call: number,
                piece: piece.to_owned(),
            }));
        }
    }
}

/// Tells chunks.
#[derive(Debug)]
pub(in crate::dialect::translate) struct Telling {
    created: u64,
    id: String,
    model: String,
    /// Characters of the text that were said, and where the one at hand began.
    said: usize,
    from: usize,
    /// How many thoughts were thought, and whether one is open.
    thoughts: u64,
    thinks: bool,
}

impl Telling {
    pub(in crate::dialect::translate) const fn new(created: u64) -> Self {
        Self {
            created,
            id: String::new(),
            model: String::new(),
            said: 0,
            from: 0,
            thoughts: 0,
            thinks: false,
        }
    }

    pub(in crate::dialect::translate) fn tell(
        &mut self,
        step: Step,
        used: Option<Usage>,
        out: &mut Vec<u8>,
    ) {
        match step {
            Step::Begin { id, model } => {
                (self.id, self.model) = (id, model);
                let first = Object::new().with("role", "assistant").with("content", "");
                self.delta(first, out);
            }
            Step::Text(text) => {
                self.said += text.chars().count();
                self.delta(Object::new().with("content", text), out);
            }
            Step::Quote(quote) => {
                let quotes = vec![annotation(&quote, self.from, self.said)];
                self.delta(Object::new().with("annotations", quotes), out);
            }
            Step::Thought(text) => {
                self.thinks = true;
                let block = self.thought("thinking").with("thinking", text.as_str());
                let delta = Object::new()
                    .with("reasoning_content", text)
                    .with("thinking_blocks", vec![block.done()]);
                self.delta(delta, out);
            }
            Step::Seal(seal) => {
                self.thinks = true;
                let block = self.thought("thinking").with("signature", seal);
                self.delta(
                    Object::new().with("thinking_blocks", vec![block.done()]),
                    out,
                );
            }
            Step::Sealed(data) => {
                self.thinks = true;
                let block = self.thought("redacted_thinking").with("data", data);
                self.delta(
                    Object::new().with("thinking_blocks", vec![block.done()]),
                    out,
                );
            }
            Step::Over => {
                self.thoughts += u64::from(std::mem::take(&mut self.thinks));
                self.from = self.said;
            }
            Step::Call { call, id, name } => {
                let function = Object::new().with("name", name).with("arguments", "");
                let call = Object::new()
                    .with("index", call)
                    .with("id", id)
                    .with("type", "function")
                    .with("function", function);
                self.delta(Object::new().with("tool_calls", vec![call.done()]), out);
            }
            Step::Arguments { call, piece } => {
                let call = Object::new()
                    .with("index", call)
                    .with("function", Object::new().with("arguments", piece));
                self.delta(Object::new().with("tool_calls", vec![call.done()]), out);
            }
            Step::Stop(end) => {
                let refusal = match &end {
                    Stop::Filtered(Some(why)) => Some(why.as_str()),
                    _ => None,
                };
                let delta = Object::new().maybe("refusal", refusal);
                self.choice(delta, Some(finish(&end)), out);
            }
            Step::End => {
                if let Some(used) = used {
                    let last = self.chunk(Vec::new()).with("usage", usage(used));
                    write_named(out, None, &last.done().written());
                }
                out.extend_from_slice(b"data: [DONE]\n\n");
            }
            Step::Error { kind, message } => {
                let body = openai::error_body::<()>(&kind, Some(&kind), &message, None, None);
                write_named(out, None, &String::from_utf8_lossy(&body));
            }
        }
    }

    fn thought(&self, kind: &str) -> Object {
        Object::new()
            .with("index", self.thoughts)
            .with("type", kind)
    }

    fn delta(&self, delta: Object, out: &mut Vec<u8>) {
        self.choice(delta, None, out);
    }

    fn choice(&self, delta: Object, finish: Option<&str>, out: &mut Vec<u8>) {
        let choice = Object::new()
            .with("index", 0)
            .with("delta", delta)
            .with("logprobs", Json::Null)
            .or_null("finish_reason", finish);
        let chunk = self.chunk(vec![choice.done()]);
        write_named(out, None, &chunk.done().written());
    }

    fn chunk(&self, choices: Vec<Json>) -> Object {
        Object::new()
            .with("id", self.id.as_str())
            .with("object", "chat.completion.chunk")
            .with("created", self.created)
            .with("model", self.model.as_str())
            .with("choices", choices)
    }
}
