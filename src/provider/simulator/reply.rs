//! An answer put on its way: its head, its body, and the faults that lie in them.

use super::answer::error::Refusal;
use super::answer::{Form, Reply, chat, gemini, messages_stream, responses_stream};
use super::body::{AnswerBody, End, Frame, Frames, State, Stream};
use super::gather;
use super::json::Json;
use super::knobs::Knobs;
use super::meter::Call;
use crate::chat::Dialect;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

/// Content chunks after which `hang=stream` and `error_in_200` strike.
const SOON: u64 = 2;

/// The endpoints that answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Chat,
    Completions,
    Embeddings,
    Responses,
    Moderations,
    ImageGenerations,
    Speech,
    Messages,
    CountTokens,
    GenerateContent,
    CountContents,
    EmbedContent,
    BatchEmbedContents,
}

impl Endpoint {
    /// Whose words it is spoken in.
    pub(super) const fn dialect(self) -> Dialect {
        match self {
            Self::Chat
            | Self::Completions
            | Self::Embeddings
            | Self::Responses
            | Self::Moderations
            | Self::ImageGenerations
            | Self::Speech => Dialect::OpenAi,
            Self::Messages | Self::CountTokens => Dialect::Anthropic,
            Self::GenerateContent
            | Self::CountContents
            | Self::EmbedContent
            | Self::BatchEmbedContents => Dialect::Gemini,
        }
    }
}

/// An answer before it has its head.
pub(super) struct Answered {
    dialect: Dialect,
    content: Content,
    knobs: Knobs,
    gzip: bool,
}

enum Content {
    Whole(Bytes),
    /// A whole body that will be broken off.
    Broken(Bytes),
    Stream(Frames),
    Sound(&'static str, Frames),
}

impl Answered {
    /// A text without faults.
    pub(super) fn plain(text: String, dialect: Dialect, gzip: bool) -> Self {
        Self {
            dialect,
            content: Content::Whole(text.into()),
            knobs: Knobs::default(),
            gzip,
        }
    }

    /// A reply, with the faults its knobs ask for.
    pub(super) fn new(reply: Reply, endpoint: Endpoint, knobs: Knobs, gzip: bool) -> Self {
        let content = match reply.form {
            Form::Stream(frames) => Content::Stream(spoil(frames, endpoint, &knobs)),
            // Nothing in it is an event that could go wrong.
            Form::Sound(kind, frames) => Content::Sound(kind, frames),
            Form::Whole(Json(mut text)) => {
                if knobs.faults.bad_json {
                    text.truncate(text.floor_char_boundary(text.len() / 2));
                }
                if knobs.faults.cut.is_some() || knobs.faults.hang.is_some() {
                    Content::Broken(text.into())
                } else {
                    Content::Whole(text.into())
                }
            }
        };
        Self {
            dialect: endpoint.dialect(),
            content,
            knobs,
            gzip,
        }
    }

    /// The response; the call is in flight until its body is written or dropped.
    pub(super) fn send(self, call: Call) -> Response<AnswerBody> {
        const JSON: &str = "application/json";
        let faults = &self.knobs.faults;
        let dialect = self.dialect;
        let stop = match (faults.cut, faults.hang) {
            (Some(after), _) => Some((after, End::Cut)),
            (None, Some(_)) => Some((SOON, End::Hang)),
            (None, None) => None,
        };
        let (kind, frames, delay, stop) = match self.content {
            Content::Whole(bytes) => {
                let bytes = if self.gzip {
                    gather::pack(&bytes)
                } else {
                    bytes
                };
                let mut response = with(
                    StatusCode::OK,
                    JSON,
                    dialect,
                    AnswerBody::whole(bytes, Some(call)),
                );
                if self.gzip {
                    let gzip = HeaderValue::from_static("gzip");
                    response.headers_mut().insert(CONTENT_ENCODING, gzip);
                }
                return response;
            }
            Content::Broken(bytes) => {
                // Half of it, then the end that was asked for.
                let half = Frame::content(bytes.slice(..bytes.len() / 2), 0);
                let frames: Frames = Box::new(std::iter::once(half));
                (JSON, frames, None, stop.map(|(_, end)| (1, end)))
            }
            Content::Sound(kind, frames) => (kind, frames, self.knobs.token_delay, stop),
            Content::Stream(frames) => {
                let kind = "text/event-stream; charset=utf-8";
                (kind, frames, self.knobs.token_delay, stop)
            }
        };
        let stream = Stream {
            frames,
            call,
            delay,
            stop,
            split: self.knobs.split,
            state: State::default(),
        };
        with(StatusCode::OK, kind, dialect, AnswerBody::stream(stream))
    }
}

/// The stream with the faults that lie in its events.
fn spoil(frames: Frames, endpoint: Endpoint, knobs: &Knobs) -> Frames {
    let frames: Frames = if knobs.faults.bad_json {
        let mut spoilt = false;
        Box::new(frames.map(move |frame| {
            if spoilt || !frame.content {
                return frame;
            }
            spoilt = true;
            let mut bytes = frame.bytes.slice(..frame.bytes.len() / 2).to_vec();
            bytes.extend_from_slice(b"\n\n");
            Frame {
                bytes: bytes.into(),
                ..frame
            }
        }))
    } else {
        frames
    };
    if !knobs.faults.error_in_200 {
        return frames;
    }
    let error = Refusal::of_status(500);
    let (mut frames, mut seen, mut written) = (frames, 0, 0);
    let mut ended = false;
    Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        if seen < SOON
            && let Some(frame) = frames.next()
        {
            seen += u64::from(frame.content);
            written += 1;
            return Some(frame);
        }
        ended = true;
        Some(match endpoint {
            Endpoint::Responses => responses_stream::failure(&error, written),
            Endpoint::Messages | Endpoint::CountTokens => messages_stream::failure(&error),
            Endpoint::GenerateContent => gemini::failure(&error),
            _ => chat::failure(&error),
        })
    }))
}

/// A body under status 200 that belongs to no call.
pub(super) fn found(json: Json) -> Response<AnswerBody> {
    with(
        StatusCode::OK,
        "application/json",
        Dialect::OpenAi,
        AnswerBody::whole(json.0, None),
    )
}

/// An error, with the seconds to wait where they are known.
pub(super) fn refused(
    refusal: &Refusal,
    dialect: Dialect,
    retry_after: Option<u64>,
) -> Response<AnswerBody> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = with(
        status,
        "application/json",
        dialect,
        AnswerBody::whole(refusal.body(dialect).0, None),
    );
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// A response with the headers the vendor always sends.
fn with(
    status: StatusCode,
    kind: &'static str,
    dialect: Dialect,
    body: AnswerBody,
) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let sent: &[(&str, &str)] = match dialect {
        Dialect::OpenAi => &OPENAI,
        Dialect::Anthropic => &ANTHROPIC,
        Dialect::Gemini => &GOOGLE,
    };
    for (name, value) in sent {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    response
}

/// What the vendors always send.
const OPENAI: [(&str, &str); 6] = [
    ("x-request-id", "req_00000000000000000000000000000000"),
    ("openai-version", "2020-10-01"),
    ("openai-processing-ms", "1"),
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-reset-requests", "6ms"),
];
const GOOGLE: [(&str, &str); 2] = [
    ("server", "scaffolding on HTTPServer2"),
    ("server-timing", "gfet4t7; dur=1"),
];
const ANTHROPIC: [(&str, &str); 4] = [
    ("request-id", "req_00000000000000000000000000"),
    (
        "anthropic-organization-id",
        "00000000-0000-0000-0000-000000000000",
    ),
    ("anthropic-ratelimit-requests-limit", "10000"),
    ("anthropic-ratelimit-requests-remaining", "9999"),
];
