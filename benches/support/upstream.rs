//! The upstream: the least that can pass for a provider.
//!
//! It drains the request, tells from its first bytes whether a stream is wanted, and answers from constants. Each event of
//! a stream is one write, because that is how a provider's tokens arrive and what makes a chunk expensive to pass on.
//!
//! Not here: delays, failures and metering; the built-in simulator has those.

use crate::body::Kind;
use crate::http::{self, Fault};
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Content events of a stream.
pub(crate) const CHUNKS: u32 = 100;
/// Every `data:` event of a stream but `[DONE]`: the head, the content, the finish, the usage.
pub(crate) const EVENTS: u32 = CHUNKS + 3;
/// The last event a held stream sends.
const HELD: u32 = CHUNKS / 2;
/// What a request names as its user to have its stream stop half-way and stay open.
pub(crate) const HOLD: &str = "hold";

const HEAD: &str = concat!(
    r#"data: {"id":"chatcmpl-bench0000000000000000000","object":"chat.completion.chunk","created":1766000000,"#,
    r#""model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_bench00000","choices":[{"index":0,"#,
    r#""delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}"#,
    "\n\n"
);
const CONTENT: &str = concat!(
    r#"data: {"id":"chatcmpl-bench0000000000000000000","object":"chat.completion.chunk","created":1766000000,"#,
    r#""model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_bench00000","choices":[{"index":0,"#,
    r#""delta":{"content":" paper"},"logprobs":null,"finish_reason":null}],"usage":null}"#,
    "\n\n"
);
const FINISH: &str = concat!(
    r#"data: {"id":"chatcmpl-bench0000000000000000000","object":"chat.completion.chunk","created":1766000000,"#,
    r#""model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_bench00000","choices":[{"index":0,"#,
    r#""delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}"#,
    "\n\n"
);
const USAGE: &str = concat!(
    r#"data: {"id":"chatcmpl-bench0000000000000000000","object":"chat.completion.chunk","created":1766000000,"#,
    r#""model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_bench00000","choices":[],"usage":"#,
    r#"{"prompt_tokens":200,"completion_tokens":100,"total_tokens":300}}"#,
    "\n\n"
);
const DONE: &str = "data: [DONE]\n\n";

/// About 1 KB of a chat answer, with the usage at its end as providers write it.
const ANSWER: &str = concat!(
    r#"{"id":"chatcmpl-bench0000000000000000000","object":"chat.completion","created":1766000000,"model":"gpt-4o-mini","#,
    r#""choices":[{"index":0,"message":{"role":"assistant","content":""#,
    "The ledger holds two numbers for every budget, what has been promised and what has been spent. A promise is made ",
    "before a call leaves and covers the most the call could cost; when the answer is in, the promise is replaced by ",
    "the price of what was used, and whatever remains of it goes back. Nothing is counted twice, and nothing that was ",
    "used goes uncounted, because the two numbers change together. A call that never left costs nothing. ",
    r#"","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"#,
    r#""completion_tokens":100,"total_tokens":300,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"#,
    r#""completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"#,
    r#""rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_bench00000"}"#,
);

/// The whole body of an answer of this kind, in the pieces it is written in.
pub(crate) fn events(kind: Kind) -> Vec<&'static str> {
    match kind {
        Kind::Answer => vec![ANSWER],
        Kind::Stream => (0..=EVENTS).map(event).collect(),
        Kind::Held => (0..=HELD).map(event).collect(),
    }
}

fn event(at: u32) -> &'static str {
    match at {
        0 => HEAD,
        at if at <= CHUNKS => CONTENT,
        at if at == CHUNKS + 1 => FINISH,
        at if at == CHUNKS + 2 => USAGE,
        _ => DONE,
    }
}

/// Answers on `listen` until it is killed.
pub(crate) fn serve(listen: SocketAddr) -> Result<(), Fault> {
    http::serve(listen, answer)
}

async fn answer(
    request: Request<Incoming>,
) -> Result<Response<Either<Full<Bytes>, Stream>>, hyper::Error> {
    let mut body = request.into_body();
    let mut wanted = Wanted::Answer;
    let mut first = true;
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref()
            && std::mem::take(&mut first)
        {
            wanted = Wanted::of(data);
        }
    }
    Ok(match wanted {
        Wanted::Answer => typed(
            "application/json",
            Either::Left(Full::from(Bytes::from_static(ANSWER.as_bytes()))),
        ),
        Wanted::Stream { last } => typed(
            "text/event-stream; charset=utf-8",
            Either::Right(Stream {
                next: 0,
                last,
                written: false,
            }),
        ),
    })
}

fn typed<B>(kind: &'static str, body: B) -> Response<B> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// What a request asks for.
enum Wanted {
    Answer,
    Stream { last: u32 },
}

impl Wanted {
    /// Looks only at the first bytes: [`crate::body`] writes what decides there, so that 256 KB cost no search.
    fn of(body: &[u8]) -> Self {
        let start = body.get(..256).unwrap_or(body);
        let holds = |text: &str| memchr::memmem::find(start, text.as_bytes()).is_some();
        match (
            holds(r#""stream":true"#),
            holds(&format!(r#""user":"{HOLD}""#)),
        ) {
            (false, _) => Self::Answer,
            (true, false) => Self::Stream { last: EVENTS },
            (true, true) => Self::Stream { last: HELD },
        }
    }
}

/// The events of a stream, one frame each.
struct Stream {
    next: u32,
    last: u32,
    written: bool,
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // To be pending for one turn makes hyper write what it has: without it, events would share a write.
        if std::mem::take(&mut self.written) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.next > self.last {
            // A held stream is never polled to its end: it stays open until its reader goes.
            return if self.last == EVENTS {
                Poll::Ready(None)
            } else {
                Poll::Pending
            };
        }
        let event = event(self.next);
        self.next += 1;
        self.written = true;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(event.as_bytes())))))
    }
}
