//! Contents as they stream: events heard as steps, and steps told as events.
//!
//! Nothing ends such a stream but the connection: heard, it has ended once its candidate has said why and nothing more comes;
//! told, its last event has the reason and what was used. A call is told whole, so it waits for the last of its arguments.

use super::answer::{body, call, candidate, thought, usage};
use super::{WHOLE, blocked, first, googles, id_of, parts, quotes, shown, stop};
use crate::chat::Usage;
use crate::dialect::gemini;
use crate::dialect::sse::write_named;
use crate::dialect::translate::neutral::{Step, Stop};
use crate::dialect::translate::tree::{Json, Object};

/// Hears events.
#[derive(Debug, Default)]
pub(in crate::dialect::translate) struct Hearing {
    /// Who answers, once it is known.
    id: Option<String>,
    calls: u64,
    /// Whether words are open, and whether they are a thought.
    open: Option<bool>,
}

impl Hearing {
    /// What an event says; `None` where nobody can read it.
    pub(in crate::dialect::translate) fn hear(
        &mut self,
        payload: &[u8],
        steps: &mut Vec<Step>,
    ) -> Option<()> {
        let json = Json::lenient(payload).ok().filter(Json::is_object)?;
        if json.get("error").is_some() {
            let failed = super::error(&json);
            steps.push(Step::Error {
                kind: failed.kind.unwrap_or_else(|| "api_error".to_owned()),
                message: failed.message.unwrap_or_default(),
            });
            return Some(());
        }
        if self.id.is_none() {
            let text = |name: &str| json.text(name).unwrap_or_default().to_owned();
            self.id = Some(text("responseId"));
            steps.push(Step::Begin {
                id: text("responseId"),
                model: text("modelVersion"),
            });
        }
        let mut ends = blocked(&json);
        if let Some(candidate) = first(&json) {
            for part in parts(candidate) {
                self.part(part, steps);
            }
            steps.extend(quotes(candidate).into_iter().map(Step::Quote));
            ends = stop(candidate, self.calls > 0).or(ends);
        }
        if let Some(ends) = ends {
            self.hush(steps);
            steps.push(Step::Stop(ends));
        }
        Some(())
    }

    fn part(&mut self, part: &Json, steps: &mut Vec<Step>) {
        let seal = part.text("thoughtSignature");
        let thinks = part.get("thought") == Some(&Json::Bool(true));
        let call = part.get("functionCall").filter(|_| !thinks);
        if call.is_none() && part.get("text").is_none() {
            return;
        }
        if let Some(seal) = seal.filter(|_| !thinks) {
            self.seal(seal, steps);
        }
        if let Some(made) = call {
            self.hush(steps);
            let call = self.calls;
            self.calls += 1;
            let own = made.text("id").map(str::to_owned);
            let answer = self.id.as_deref().unwrap_or_default();
            steps.push(Step::Call {
                call,
                id: own.unwrap_or_else(|| id_of(answer, call)),
                name: made.text("name").unwrap_or_default().to_owned(),
            });
            let args = made.get("args").map(Json::written);
            steps.push(Step::Arguments {
                call,
                piece: args.unwrap_or_else(|| "{}".to_owned()),
            });
            return;
        }
        let text = part.text("text").unwrap_or_default();
        if !text.is_empty() {
            if self.open != Some(thinks) {
                self.hush(steps);
                self.open = Some(thinks);
            }
            let text = text.to_owned();
            steps.push(if thinks {
                Step::Thought(text)
            } else {
                Step::Text(text)
            });
        }
        if let Some(seal) = seal.filter(|_| thinks) {
            self.seal(seal, steps);
        }
    }

    /// The thought at hand is sealed, or an empty one where there is none.
    fn seal(&mut self, seal: &str, steps: &mut Vec<Step>) {
        if self.open == Some(false) {
            self.hush(steps);
        }
        steps.push(Step::Seal(googles(seal)));
        steps.push(Step::Over);
        self.open = None;
    }

    fn hush(&mut self, steps: &mut Vec<Step>) {
        if self.open.take().is_some() {
            steps.push(Step::Over);
        }
    }
}

/// Tells events.
#[derive(Debug, Default)]
pub(in crate::dialect::translate) struct Telling {
    id: String,
    model: String,
    calls: Vec<Call>,
    stop: Option<Stop>,
}

/// A call that may not be whole yet.
#[derive(Debug)]
struct Call {
    number: u64,
    id: String,
    name: String,
    arguments: String,
}

impl Telling {
    pub(in crate::dialect::translate) fn tell(
        &mut self,
        step: Step,
        used: Usage,
        out: &mut Vec<u8>,
    ) {
        match step {
            Step::Begin { id, model } => (self.id, self.model) = (id, model),
            Step::Text(text) => self.part(Object::new().with("text", text).done(), out),
            Step::Thought(text) => self.part(thought(&text, None), out),
            Step::Seal(seal) => self.part(thought("", Some(shown(&seal))), out),
            Step::Sealed(data) => self.part(thought("", Some(format!("{WHOLE}{data}"))), out),
            // Its clients add up what comes: nothing says that a part is over. What is quoted has no place at a part.
            Step::Over | Step::Quote(_) => {}
            Step::Call {
                call: number,
                id,
                name,
            } => self.calls.push(Call {
                number,
                id,
                name,
                arguments: String::new(),
            }),
            Step::Arguments {
                call: number,
                piece,
            } => {
                let mut calls = self.calls.iter_mut();
                if let Some(call) = calls.find(|call| call.number == number) {
                    call.arguments.push_str(&piece);
                }
            }
            Step::Stop(why) => {
                self.calls(out);
                self.stop = Some(why);
            }
            Step::End => {
                self.calls(out);
                let ends = self.stop.take().unwrap_or(Stop::Done);
                let nothing = vec![Object::new().with("text", "").done()];
                let last = body(&self.id, &self.model, candidate(nothing, Some(&ends)))
                    .with("usageMetadata", usage(used));
                write_named(out, None, &last.done().written());
            }
            Step::Error { kind, message } => gemini::fail(out, &kind, None, &message),
        }
    }

    /// Tells the calls, each in an event.
    fn calls(&mut self, out: &mut Vec<u8>) {
        for made in std::mem::take(&mut self.calls) {
            self.part(call(&made.id, &made.name, &made.arguments), out);
        }
    }

    fn part(&self, part: Json, out: &mut Vec<u8>) {
        let event = body(&self.id, &self.model, candidate(vec![part], None));
        write_named(out, None, &event.done().written());
    }
}
