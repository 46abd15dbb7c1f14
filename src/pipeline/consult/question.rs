//! What a guard elsewhere is told: whose call it is, and its texts. Never more than the provider sees.

use super::cache::Digest;
use super::{Consult, Kind, On};
use crate::chat::json::Text;
use crate::chat::{Endpoint, Source};
use crate::governance::identity::KeyIndex;
use crate::governance::policy::Caller;
use crate::ids::PassageId;
use crate::pipeline::plan::Plan;
use bytes::Bytes;
use serde::Serialize;

/// Texts beyond this many bytes, in all, are not sent: the entry's `on_error` says what then.
pub(super) const LONGEST: usize = 1 << 20;

/// A question, before it is put in the words of one guard or another.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Question {
    pub(super) on: On,
    id: PassageId,
    endpoint: &'static str,
    model: Box<str>,
    who: Who,
    /// `None`: they are not known, because the answer cannot be read.
    texts: Option<Vec<Spoken>>,
}

#[derive(Debug, Clone, Default, Serialize)]
struct Who {
    key: Option<Box<str>>,
    team: Option<Box<str>>,
    project: Option<Box<str>>,
    agent: Option<Box<str>>,
    user: Option<Box<str>>,
}

/// One text, and who says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::pipeline) struct Spoken {
    pub(super) source: &'static str,
    pub(super) text: String,
}

#[derive(Serialize)]
struct Webhook<'a> {
    id: &'a str,
    guard: &'a str,
    on: &'static str,
    endpoint: &'static str,
    model: &'a str,
    #[serde(flatten)]
    who: &'a Who,
    texts: &'a [Spoken],
}

#[derive(Serialize)]
struct Moderation<'a> {
    input: Vec<&'a str>,
}

impl Spoken {
    pub(super) fn new(source: &'static str, text: Text, body: &[u8]) -> Self {
        Self {
            source,
            text: String::from_utf8_lossy(&text.decoded(body)).into_owned(),
        }
    }
}

impl Question {
    pub(in crate::pipeline) fn of(
        plan: &Plan,
        key: KeyIndex,
        id: PassageId,
        endpoint: Endpoint,
        model: &str,
        on: On,
        texts: impl Into<Option<Vec<Spoken>>>,
    ) -> Self {
        let caller = plan
            .charter
            .keys()
            .get(key)
            .map(Caller::of)
            .unwrap_or_default();
        let own = |label: Option<&str>| label.map(Into::into);
        Self {
            on,
            id,
            endpoint: endpoint.operation(),
            model: model.into(),
            who: Who {
                key: own(caller.key),
                team: own(caller.team),
                project: own(caller.project),
                agent: own(caller.agent),
                user: own(caller.user),
            },
            texts: texts.into(),
        }
    }

    /// The texts, if they are known.
    pub(super) fn texts(&self) -> Option<&[Spoken]> {
        self.texts.as_deref()
    }

    /// Whether the texts are more than is sent.
    pub(super) fn is_too_much(&self) -> bool {
        let lengths = self.texts.iter().flatten().map(|spoken| spoken.text.len());
        lengths.sum::<usize>() > LONGEST
    }

    /// Whether there is anything this guard could judge. A webhook may judge a request by whose it is alone.
    pub(super) fn concerns(&self, consult: &Consult) -> bool {
        let silent = self
            .texts
            .as_ref()
            .is_some_and(|texts| texts.iter().all(|spoken| spoken.text.is_empty()));
        !silent || (consult.kind == Kind::Webhook && self.on == On::Request)
    }

    /// In the words of this guard.
    pub(super) fn body(&self, consult: &Consult) -> Bytes {
        let texts = self.texts().unwrap_or_default();
        let written = match consult.kind {
            Kind::Webhook => serde_json::to_vec(&Webhook {
                id: self.id.decision().as_str(),
                guard: &consult.id,
                on: self.on.name(),
                endpoint: self.endpoint,
                model: &self.model,
                who: &self.who,
                texts,
            }),
            Kind::Moderation => serde_json::to_vec(&Moderation {
                input: texts.iter().map(|spoken| spoken.text.as_str()).collect(),
            }),
        };
        // Texts always write: there is no error to lose. Were there one, an empty body gets no answer that is understood.
        written.unwrap_or_default().into()
    }

    /// What an answer to this question is known by. A webhook may go by who asks and for what; a moderation endpoint is not
    /// told, so its answer is good for all.
    pub(super) fn digest(&self, consult: &Consult, mut hasher: blake3::Hasher) -> Digest {
        let mut add = |bytes: &[u8]| {
            hasher.update(&bytes.len().to_le_bytes());
            hasher.update(bytes);
        };
        add(&consult.number.to_le_bytes());
        if consult.kind == Kind::Webhook {
            add(self.on.name().as_bytes());
            add(self.endpoint.as_bytes());
            add(self.model.as_bytes());
            let who = &self.who;
            for label in [&who.key, &who.team, &who.project, &who.agent, &who.user] {
                // Nobody and somebody without a name are not the same.
                add(&[u8::from(label.is_some())]);
                add(label.as_deref().unwrap_or_default().as_bytes());
            }
        }
        for spoken in self.texts().unwrap_or_default() {
            if consult.kind == Kind::Webhook {
                add(spoken.source.as_bytes());
            }
            add(spoken.text.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

/// Who says a text, as guards are told.
pub(super) const fn source_name(source: Source) -> &'static str {
    match source {
        Source::System => "system",
        Source::User => "user",
        Source::Assistant => "assistant",
        Source::ToolArguments => "tool_arguments",
        Source::ToolResult => "tool_result",
        Source::ToolDefinition => "tool_definition",
    }
}
