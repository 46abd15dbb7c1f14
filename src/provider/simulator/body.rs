//! The bodies of answers, whole or event by event.
//!
//! A stream paces itself, counts what it hands to the socket, and goes wrong where its knobs say. Before it breaks off it
//! yields once, so that what was written before has left the process: a connection cut after three chunks shows three.

use super::meter::Call;
use bytes::{Bytes, BytesMut};
use http_body::{Frame as HttpFrame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

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
    pub(super) fn around(bytes: impl Into<Bytes>) -> Self {
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
