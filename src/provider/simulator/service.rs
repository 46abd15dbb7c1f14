//! One request's way through the simulator: read, recorded, held up or broken as its knobs say, answered, billed.

use super::answer::error::Refusal;
use super::answer::{
    Ask, Form, Reply, chat, completions, embeddings, gemini, gemini_shape, images, messages,
    messages_shape, models, moderations, responses, speech,
};
use super::body::{AnswerBody, Cut};
use super::gather::{self, BodyError};
use super::knobs::{Faults, Hang, Knobs};
use super::meter::{Call, Meter};
use super::recorder::Recorder;
use super::reply::{Answered, Endpoint, found, refused};
use super::{Settings, json};
use crate::chat::{Dialect, unescaped};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
        let body = gather::read(std::pin::pin!(body)).await;
        let path = head.uri.path();
        let path = ["/v1beta/", "/v1/"]
            .iter()
            .find(|version| path.starts_with(**version))
            .and_then(|version| path.get(version.len() - 1..))
            .unwrap_or(path);
        let addressed = addressed(path);
        if let Some(own) = path.strip_prefix("/__sim/") {
            return Ok(self.own(&head, own));
        }
        let dialect = if addressed.is_some() {
            Dialect::Gemini
        } else if path.starts_with("/messages") {
            Dialect::Anthropic
        } else {
            Dialect::OpenAi
        };
        let body = match body {
            Ok(body) => body,
            Err(error) => return Ok(refused(&unreadable(&error), dialect, None)),
        };
        self.recorder.keep(&head, &body);
        if let Some(secret) = &self.settings.require_key {
            let sent = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
            let bearer = format!("Bearer {}", secret.expose());
            let known = match dialect {
                Dialect::OpenAi => sent(AUTHORIZATION.as_str()) == Some(bearer.as_bytes()),
                Dialect::Anthropic => sent("x-api-key") == Some(secret.expose().as_bytes()),
                Dialect::Gemini => sent("x-goog-api-key") == Some(secret.expose().as_bytes()),
            };
            if !known {
                return Ok(refused(&Refusal::wrong_key(), dialect, None));
            }
        }
        let endpoint = match (&head.method, path.trim_end_matches('/')) {
            (&Method::POST, _) if addressed.is_some() => Endpoint::GenerateContent,
            (&Method::POST, "/chat/completions") => Endpoint::Chat,
            (&Method::POST, "/completions") => Endpoint::Completions,
            (&Method::POST, "/embeddings") => Endpoint::Embeddings,
            (&Method::POST, "/responses") => Endpoint::Responses,
            (&Method::POST, "/moderations") => Endpoint::Moderations,
            (&Method::POST, "/images/generations") => Endpoint::ImageGenerations,
            (&Method::POST, "/audio/speech") => Endpoint::Speech,
            (&Method::POST, "/messages") => Endpoint::Messages,
            (&Method::POST, "/messages/count_tokens") => Endpoint::CountTokens,
            (&Method::GET, "/models") => {
                return Ok(found(models::list(&self.settings.models)));
            }
            (&Method::GET, path) => {
                return Ok(match path.strip_prefix("/models/") {
                    Some(name) => match models::get(&self.settings.models, name) {
                        Ok(model) => found(model),
                        Err(refusal) => refused(&refusal, dialect, None),
                    },
                    None => refused(&Refusal::unknown_url("GET", head.uri.path()), dialect, None),
                });
            }
            (method, _) => {
                let refusal = Refusal::unknown_url(method.as_str(), head.uri.path());
                return Ok(refused(&refusal, dialect, None));
            }
        };
        let mut call = self.meter.open();
        let answered = match &addressed {
            Some(addressed) => self.addressed(addressed, &head, &body, &mut call).await,
            None => self.call(endpoint, &head, &body, &mut call).await,
        };
        match answered {
            Ok(answered) => Ok(answered.send(call)),
            Err(Failure::Refused(refusal, retry_after)) => {
                call.finish();
                Ok(refused(&refusal, dialect, retry_after))
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
                found(json::object! { "ok": true })
            }
            (method, _) => refused(
                &Refusal::unknown_url(method.as_str(), head.uri.path()),
                Dialect::OpenAi,
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
        let body = gather::unpack(body, encoding).map_err(|error| unreadable(&error))?;
        let request = parse(&body)?;
        if endpoint.dialect() == Dialect::Anthropic {
            messages_shape::check(head, &request, endpoint)?;
        }
        let model = match request.get("model") {
            Some(Value::String(model)) if !model.is_empty() => model.as_str(),
            None | Some(Value::Null) if endpoint == Endpoint::Moderations => moderations::MODEL,
            _ => return Err(Refusal::missing("model").into()),
        };
        let knobs = self.knobs(model, head, &body).await?;
        let ask = Ask::new(self.settings.seed, &request, body.len(), model, &knobs);
        let reply = match endpoint {
            Endpoint::Chat => chat::answer(&ask),
            Endpoint::Completions => completions::answer(&ask),
            Endpoint::Embeddings => embeddings::answer(&ask, self.settings.seed),
            Endpoint::Responses => responses::answer(&ask),
            Endpoint::Moderations => moderations::answer(&ask),
            Endpoint::ImageGenerations => images::answer(&ask),
            Endpoint::Speech => speech::answer(&ask),
            Endpoint::Messages => messages::answer(&ask),
            // Billed to nobody.
            Endpoint::CountTokens => {
                let counted = messages::count(&ask).0;
                return Ok(Answered::plain(counted, Dialect::Anthropic, false));
            }
            Endpoint::GenerateContent
            | Endpoint::CountContents
            | Endpoint::EmbedContent
            | Endpoint::BatchEmbedContents => Err(Refusal::missing("model")),
        }?;
        Ok(Self::billed(reply, endpoint, (model, head), knobs, call))
    }

    /// A call whose path names its model.
    async fn addressed(
        &self,
        addressed: &Addressed,
        head: &Parts,
        body: &Bytes,
        call: &mut Call,
    ) -> Result<Answered, Failure> {
        let encoding = head.headers.get(CONTENT_ENCODING);
        let encoding = encoding.and_then(|value| value.to_str().ok());
        let body = gather::unpack(body, encoding).map_err(|error| unreadable(&error))?;
        let request = parse(&body)?;
        let Addressed {
            endpoint,
            stream,
            model,
        } = addressed;
        if *stream && head.uri.query() != Some("alt=sse") {
            return Err(
                Refusal::invalid("The simulator streams events only: alt=sse.", None).into(),
            );
        }
        let read = gemini_shape::read(*endpoint, &request)?;
        let knobs = self.knobs(model, head, &body).await?;
        let ask = Ask::new(self.settings.seed, &read.chat, body.len(), model, &knobs);
        let reply = match endpoint {
            Endpoint::CountContents => {
                let counted = gemini::counted(&ask)?.0;
                return Ok(Answered::plain(counted, Dialect::Gemini, false));
            }
            Endpoint::EmbedContent | Endpoint::BatchEmbedContents => {
                let batch = *endpoint == Endpoint::BatchEmbedContents;
                gemini::embedded(&ask, &read.texts, self.settings.seed, batch)
            }
            _ => gemini::answer(&ask, &read, *stream)?,
        };
        Ok(Self::billed(reply, *endpoint, (model, head), knobs, call))
    }

    /// The reply, billed, with the faults its knobs ask for.
    fn billed(
        reply: Reply,
        endpoint: Endpoint,
        (model, head): (&str, &Parts),
        knobs: Knobs,
        call: &mut Call,
    ) -> Answered {
        let gzip = knobs.gzip && accepts_gzip(head);
        if knobs.faults.error_in_200
            && let Form::Whole(_) = reply.form
        {
            let error = Refusal::of_status(500).body(endpoint.dialect());
            return Answered::plain(error.0, endpoint.dialect(), false);
        }
        call.bill(model, reply.usage);
        Answered::new(reply, endpoint, knobs, gzip)
    }

    /// The knobs of a call, once it waited as they say and met the faults that come before an answer.
    async fn knobs(&self, model: &str, head: &Parts, body: &[u8]) -> Result<Knobs, Failure> {
        let mut knobs = Knobs::read(model, &head.headers, body)
            .map_err(|error| Refusal::invalid(&error.to_string(), None))?;
        if let Some(every) = knobs.every.filter(|_| knobs.faulty()) {
            let turn = self.turns.fetch_add(1, Ordering::Relaxed) + 1;
            if !turn.is_multiple_of(every) {
                knobs.faults = Faults::default();
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
        Ok(knobs)
    }
}

/// A call whose path names its model.
struct Addressed {
    endpoint: Endpoint,
    stream: bool,
    model: String,
}

fn addressed(path: &str) -> Option<Addressed> {
    let (model, method) = path.strip_prefix("/models/")?.rsplit_once(':')?;
    let (endpoint, stream) = match method {
        "generateContent" => (Endpoint::GenerateContent, false),
        "streamGenerateContent" => (Endpoint::GenerateContent, true),
        "countTokens" => (Endpoint::CountContents, false),
        "embedContent" => (Endpoint::EmbedContent, false),
        "batchEmbedContents" => (Endpoint::BatchEmbedContents, false),
        _ => return None,
    };
    Some(Addressed {
        endpoint,
        stream,
        model: unescaped(model)?.into(),
    })
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
