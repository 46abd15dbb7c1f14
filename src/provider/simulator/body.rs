//! Bodies: gathered within a bound on the way in, whole or frame by frame on the way out.
//!
//! A stream paces itself, counts what it hands to the socket, and goes wrong where its knobs say. Before it breaks off it
//! yields once, so that what was written before has left the process: a connection cut after three chunks shows three.

use super::meter::Call;
use bytes::{Bytes, BytesMut};
use http_body::{Frame as HttpFrame, SizeHint};
use std::io::Read as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// The longest request body.
pub(super) const LIMIT: usize = 64 << 20;

/// One event of a stream.
#[derive(Debug)]
pub(super) struct Frame {
    /// As it is written.
    pub(super) bytes: Bytes,
    /// Output tokens in it.
    pub(super) tokens: u64,
    /// Whether it counts as a content chunk (for `cut`, `hang` and the pace).
    pub(super) content: bool,
}

impl Frame {
    /// An event that carries output.
    pub(super) fn content(bytes: impl Into<Bytes>, tokens: u64) -> Self {
        Self {
            bytes: bytes.into(),
            tokens,
            content: true,
        }
    }

    /// An event around the output.
    pub(super) fn frame(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            tokens: 0,
            content: false,
        }
    }
}

/// The events of a stream, made as they are needed.
pub(super) type Frames = Box<dyn Iterator<Item = Frame> + Send>;

/// The connection is to be closed here, as a knob asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the simulated provider closes the connection here, as a knob asked")]
pub struct Cut;

/// What comes after the last event written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The proper end.
    Close,
    /// A broken connection.
    Cut,
    /// Silence.
    Hang,
}

/// The body of an answer.
pub struct AnswerBody(Kind);

enum Kind {
    Whole {
        bytes: Option<Bytes>,
        call: Option<Call>,
    },
    Stream(Box<Stream>),
}

/// A stream under way.
pub(super) struct Stream {
    pub(super) frames: Frames,
    pub(super) call: Call,
    pub(super) delay: Option<Duration>,
    /// Content chunks after which it ends before its time, and how.
    pub(super) stop: Option<(u64, End)>,
    /// Size of the pieces it is cut into.
    pub(super) split: Option<usize>,
    pub(super) state: State,
}

/// Where a stream is.
#[derive(Default)]
pub(super) struct State {
    next: Option<Frame>,
    sleep: Option<Pin<Box<Sleep>>>,
    seen: u64,
    ended: Option<End>,
    yielded: bool,
    pending: BytesMut,
}

impl AnswerBody {
    /// A body known whole. The call it belongs to, if any, is in flight until it is written.
    pub(super) fn whole(bytes: impl Into<Bytes>, call: Option<Call>) -> Self {
        Self(Kind::Whole {
            bytes: Some(bytes.into()),
            call,
        })
    }

    /// A body that comes event by event.
    pub(super) fn stream(stream: Stream) -> Self {
        Self(Kind::Stream(Box::new(stream)))
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<HttpFrame<Bytes>, Cut>>> {
        match &mut self.get_mut().0 {
            Kind::Whole { bytes, call } => {
                if let Some(call) = call {
                    call.finish();
                }
                Poll::Ready(bytes.take().map(|bytes| Ok(HttpFrame::data(bytes))))
            }
            Kind::Stream(stream) => stream
                .poll(context)
                .map(|next| next.map(|bytes| bytes.map(HttpFrame::data))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole { bytes, .. } => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(0))
            }
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}

impl Stream {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let Some(size) = self.split else {
            return self.event(context);
        };
        loop {
            if self.state.pending.len() >= size {
                if self.pause(context) {
                    return Poll::Pending;
                }
                let piece = self.state.pending.split_to(size).freeze();
                return Poll::Ready(Some(Ok(piece)));
            }
            match self.event(context) {
                Poll::Ready(Some(Ok(bytes))) => self.state.pending.extend_from_slice(&bytes),
                // The rest goes out before the end, or before waiting.
                _ if !self.state.pending.is_empty() => {
                    let rest = self.state.pending.split().freeze();
                    return Poll::Ready(Some(Ok(rest)));
                }
                other => return other,
            }
        }
    }

    fn event(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        if let Some((after, end)) = self.stop
            && self.state.seen >= after
            && self.state.ended.is_none()
        {
            self.state.ended = Some(end);
        }
        match self.state.ended {
            Some(End::Hang) => return Poll::Pending,
            Some(End::Cut) => {
                if self.pause(context) {
                    return Poll::Pending;
                }
                self.call.finish();
                return Poll::Ready(Some(Err(Cut)));
            }
            Some(End::Close) => return Poll::Ready(None),
            None => {}
        }
        let Some(frame) = self.state.next.take().or_else(|| self.frames.next()) else {
            self.state.ended = Some(End::Close);
            self.call.finish();
            return Poll::Ready(None);
        };
        if frame.content && self.wait(context).is_pending() {
            self.state.next = Some(frame);
            return Poll::Pending;
        }
        self.state.seen += u64::from(frame.content);
        self.call.wrote(frame.tokens);
        Poll::Ready(Some(Ok(frame.bytes)))
    }

    /// Waits until the next token is due; each is due one delay after the one before was.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(delay) = self.delay else {
            return Poll::Ready(());
        };
        let sleep = self
            .state
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(delay)));
        if sleep.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let due: Instant = sleep.deadline() + delay;
        sleep.as_mut().reset(due);
        Poll::Ready(())
    }

    /// Yields once, so that what was written is flushed; `true` if it is time to yield.
    fn pause(&mut self, context: &Context<'_>) -> bool {
        self.state.yielded = !self.state.yielded;
        if self.state.yielded {
            context.waker().wake_by_ref();
        }
        self.state.yielded
    }
}

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    /// Longer than the limit, as sent or when unpacked.
    #[error("the request body is longer than {LIMIT} bytes")]
    TooLarge,
    /// The client stopped sending.
    #[error("the request body broke off")]
    Broken,
    /// Not what its `content-encoding` says.
    #[error("the request body is not the gzip its content-encoding says it is")]
    NotGzip,
    /// An encoding the simulator does not know.
    #[error("the simulator reads bodies that are plain or gzip, not `{0}`")]
    Encoding(String),
}

/// Reads a body to its end.
pub(super) async fn read<B>(mut body: Pin<&mut B>) -> Result<Bytes, BodyError>
where
    B: http_body::Body<Data = Bytes>,
{
    let mut whole = BytesMut::new();
    let mut only = Bytes::new();
    while let Some(frame) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
    {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        if whole.len() + only.len() + data.len() > LIMIT {
            return Err(BodyError::TooLarge);
        }
        if only.is_empty() && whole.is_empty() {
            only = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut only));
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() {
        only
    } else {
        whole.freeze()
    })
}

/// The text of a body that came in this encoding.
pub(super) fn unpack(bytes: &Bytes, encoding: Option<&str>) -> Result<Bytes, BodyError> {
    match encoding.unwrap_or("identity") {
        "" | "identity" => Ok(bytes.clone()),
        "gzip" | "x-gzip" => {
            let mut plain = Vec::new();
            let most = u64::try_from(LIMIT).unwrap_or(u64::MAX).saturating_add(1);
            flate2::read::MultiGzDecoder::new(bytes.as_ref())
                .take(most)
                .read_to_end(&mut plain)
                .map_err(|_| BodyError::NotGzip)?;
            if plain.len() > LIMIT {
                return Err(BodyError::TooLarge);
            }
            Ok(plain.into())
        }
        other => Err(BodyError::Encoding(other.chars().take(40).collect())),
    }
}

/// The bytes, compressed.
pub(super) fn pack(bytes: &[u8]) -> Bytes {
    let mut packed = Vec::new();
    // Compressing from memory into memory cannot fail.
    let _ = flate2::read::GzEncoder::new(bytes, flate2::Compression::default())
        .read_to_end(&mut packed);
    packed.into()
}
