//! One request's way through the simulator: read, recorded, held up or broken as its knobs say, answered, billed.

use super::answer::error::Refusal;
use super::answer::{Ask, Form, Reply, chat, completions, embeddings, models, responses};
use super::body::{self, AnswerBody, BodyError, Cut, End, Frame, Frames, Stream};
use super::json::Json;
use super::knobs::{Hang, Knobs};
use super::meter::{Call, Meter};
use super::recorder::Recorder;
use super::{Settings, answer};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Content chunks after which `hang=stream` and `error_in_200` strike.
const SOON: u64 = 2;

/// The endpoints that answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Chat,
    Completions,
    Embeddings,
    Responses,
}

/// The simulated provider, without a socket.
pub struct Simulator {
    settings: Settings,
    meter: Arc<Meter>,
    recorder: Recorder,
    /// Calls that asked for a fault of every so many.
    turns: AtomicU64,
}

impl Simulator {
    /// A provider with a meter at nought.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            meter: Meter::new(Arc::clone(&settings.price)),
            settings,
            recorder: Recorder::default(),
            turns: AtomicU64::new(0),
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// [`Cut`] when a knob wants the connection closed before any answer.
    pub async fn answer<B>(&self, request: Request<B>) -> Result<Response<AnswerBody>, Cut>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let (head, body) = request.into_parts();
        let body = body::read(std::pin::pin!(body)).await;
        let path = head.uri.path();
        let path = path.strip_prefix("/v1").unwrap_or(path);
        if let Some(own) = path.strip_prefix("/__sim/") {
            return Ok(self.own(&head, own));
        }
        let body = match body {
            Ok(body) => body,
            Err(error) => return Ok(refused(&unreadable(&error), None)),
        };
        self.recorder.keep(&head, &body);
        if let Some(secret) = &self.settings.require_key {
            let sent = head.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
            if sent != Some(format!("Bearer {}", secret.expose()).as_bytes()) {
                return Ok(refused(&Refusal::wrong_key(), None));
            }
        }
        let endpoint = match (&head.method, path.trim_end_matches('/')) {
            (&Method::POST, "/chat/completions") => Endpoint::Chat,
            (&Method::POST, "/completions") => Endpoint::Completions,
            (&Method::POST, "/embeddings") => Endpoint::Embeddings,
            (&Method::POST, "/responses") => Endpoint::Responses,
            (&Method::GET, "/models") => {
                return Ok(found(models::list(&self.settings.models)));
            }
            (&Method::GET, path) => {
                return Ok(match path.strip_prefix("/models/") {
                    Some(name) => match models::get(&self.settings.models, name) {
                        Ok(model) => found(model),
                        Err(refusal) => refused(&refusal, None),
                    },
                    None => refused(&Refusal::unknown_url("GET", head.uri.path()), None),
                });
            }
            (method, _) => {
                let refusal = Refusal::unknown_url(method.as_str(), head.uri.path());
                return Ok(refused(&refusal, None));
            }
        };
        let mut call = self.meter.open();
        match self.call(endpoint, &head, &body, &mut call).await {
            Ok(answered) => Ok(answered.send(call)),
            Err(Failure::Refused(refusal, retry_after)) => {
                call.finish();
                Ok(refused(&refusal, retry_after))
            }
            Err(Failure::Reset) => {
                call.finish();
                Err(Cut)
            }
        }
    }

    fn own(&self, head: &Parts, path: &str) -> Response<AnswerBody> {
        match (&head.method, path) {
            (&Method::GET, "meter") => found(self.meter.report()),
            (&Method::GET, "last") => found(self.recorder.report()),
            (&Method::POST, "reset") => {
                self.meter.reset();
                self.recorder.clear();
                self.turns.store(0, Ordering::Relaxed);
                found(super::json::object! { "ok": true })
            }
            (method, _) => refused(
                &Refusal::unknown_url(method.as_str(), head.uri.path()),
                None,
            ),
        }
    }

    async fn call(
        &self,
        endpoint: Endpoint,
        head: &Parts,
        body: &Bytes,
        call: &mut Call,
    ) -> Result<Answered, Failure> {
        let encoding = head.headers.get(CONTENT_ENCODING);
        let encoding = encoding.and_then(|value| value.to_str().ok());
        let body = body::unpack(body, encoding).map_err(|error| unreadable(&error))?;
        let request = parse(&body)?;
        let model = match request.get("model") {
            Some(Value::String(model)) if !model.is_empty() => model.as_str(),
            _ => return Err(Refusal::missing("model").into()),
        };
        let mut knobs = Knobs::read(model, &head.headers, &body)
            .map_err(|error| Refusal::invalid(&error.to_string(), None))?;
        if let Some(every) = knobs.every.filter(|_| knobs.faulty()) {
            let turn = self.turns.fetch_add(1, Ordering::Relaxed) + 1;
            if !turn.is_multiple_of(every) {
                knobs.faults = super::knobs::Faults::default();
            }
        }
        if !knobs.latency.is_zero() {
            tokio::time::sleep(knobs.latency).await;
        }
        if knobs.faults.reset {
            return Err(Failure::Reset);
        }
        if knobs.faults.hang == Some(Hang::Head) {
            std::future::pending::<()>().await;
        }
        if let Some(status) = knobs.faults.status {
            return Err(Failure::Refused(
                Refusal::of_status(status),
                knobs.retry_after,
            ));
        }
        let ask = Ask::new(self.settings.seed, &request, body.len(), model, &knobs);
        let reply = match endpoint {
            Endpoint::Chat => chat::answer(&ask),
            Endpoint::Completions => completions::answer(&ask),
            Endpoint::Embeddings => embeddings::answer(&ask, self.settings.seed),
            Endpoint::Responses => responses::answer(&ask),
        }?;
        let gzip = knobs.gzip && accepts_gzip(head);
        if knobs.faults.error_in_200
            && let Form::Whole(_) = reply.form
        {
            return Ok(Answered::plain(Refusal::of_status(500).json().0, false));
        }
        call.bill(model, reply.usage);
        Ok(Answered::new(reply, endpoint, knobs, gzip))
    }
}

/// A call that gets no answer of its own.
enum Failure {
    Refused(Refusal, Option<u64>),
    Reset,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal, None)
    }
}

/// An answer before it has its head.
struct Answered {
    content: Content,
    knobs: Knobs,
    gzip: bool,
}

enum Content {
    Whole(Bytes),
    /// A whole body that will be broken off.
    Broken(Bytes),
    Stream(Frames),
}

impl Answered {
    fn plain(text: String, gzip: bool) -> Self {
        Self {
            content: Content::Whole(text.into()),
            knobs: Knobs::default(),
            gzip,
        }
    }

    fn new(reply: Reply, endpoint: Endpoint, knobs: Knobs, gzip: bool) -> Self {
        let content = match reply.form {
            Form::Stream(frames) => Content::Stream(spoil(frames, endpoint, &knobs)),
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
            content,
            knobs,
            gzip,
        }
    }

    fn send(self, call: Call) -> Response<AnswerBody> {
        const JSON: &str = "application/json";
        let faults = &self.knobs.faults;
        let stop = match (faults.cut, faults.hang) {
            (Some(after), _) => Some((after, End::Cut)),
            (None, Some(_)) => Some((SOON, End::Hang)),
            (None, None) => None,
        };
        let (kind, frames, delay, stop) = match self.content {
            Content::Whole(bytes) => {
                let bytes = if self.gzip { body::pack(&bytes) } else { bytes };
                let mut response = with(StatusCode::OK, JSON, AnswerBody::whole(bytes, Some(call)));
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
            state: body::State::default(),
        };
        with(StatusCode::OK, kind, AnswerBody::stream(stream))
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
            Endpoint::Responses => answer::responses_stream::failure(&error, written),
            _ => chat::failure(&error),
        })
    }))
}

fn parse(body: &Bytes) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(request)) => Ok(request),
        Ok(_) => Err(Refusal::invalid(
            "The body of the request must be a JSON object.",
            None,
        )),
        Err(error) => Err(Refusal::invalid(
            &format!("We could not parse the JSON body of your request: {error}."),
            None,
        )),
    }
}

fn unreadable(error: &BodyError) -> Refusal {
    match error {
        BodyError::TooLarge => Refusal::too_large(&error.to_string()),
        BodyError::Broken | BodyError::NotGzip | BodyError::Encoding(_) => {
            Refusal::invalid(&error.to_string(), None)
        }
    }
}

fn accepts_gzip(head: &Parts) -> bool {
    let accepted = head.headers.get_all(ACCEPT_ENCODING).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|one| one.trim().starts_with("gzip")))
}

fn found(json: Json) -> Response<AnswerBody> {
    with(
        StatusCode::OK,
        "application/json",
        AnswerBody::whole(json.0, None),
    )
}

fn refused(refusal: &Refusal, retry_after: Option<u64>) -> Response<AnswerBody> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = with(
        status,
        "application/json",
        AnswerBody::whole(refusal.json().0, None),
    );
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// A response with the headers the vendor always sends.
fn with(status: StatusCode, kind: &'static str, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in [
        ("x-request-id", "req_00000000000000000000000000000000"),
        ("openai-version", "2020-10-01"),
        ("openai-processing-ms", "1"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-reset-requests", "6ms"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
