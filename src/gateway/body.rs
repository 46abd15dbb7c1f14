//! The bodies we answer with: whole, as a stream, or none; each tells its connection when it ended.

use super::connection::Busy;
use crate::pipeline::{Sound, Stream, Torn};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// An answer's body. The connection counts as busy until it is dropped.
#[derive(Debug)]
pub(super) struct Outward {
    content: Content,
    /// Held, not read.
    busy: Option<Busy>,
}

#[derive(Debug)]
enum Content {
    Whole(Option<Bytes>),
    Stream(Box<Stream>),
    Sound(Box<Sound>),
}

impl Outward {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self {
            content: Content::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
            busy: None,
        }
    }

    pub(super) const fn stream(stream: Box<Stream>) -> Self {
        Self {
            content: Content::Stream(stream),
            busy: None,
        }
    }

    pub(super) const fn sound(sound: Box<Sound>) -> Self {
        Self {
            content: Content::Sound(sound),
            busy: None,
        }
    }

    pub(super) fn keeping(mut self, busy: Busy) -> Self {
        self.busy = Some(busy);
        self
    }
}

impl http_body::Body for Outward {
    type Data = Bytes;
    type Error = Torn;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        let this = self.get_mut();
        let frame = match &mut this.content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Stream(stream) => Pin::new(stream.as_mut())
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Content::Sound(sound) => Pin::new(sound.as_mut()).poll_frame(cx),
        };
        if let Some(busy) = &this.busy {
            busy.asked(frame.is_ready());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_none(),
            Content::Stream(stream) => stream.is_end_stream(),
            Content::Sound(sound) => sound.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(
                bytes
                    .as_ref()
                    .map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            ),
            Content::Stream(_) | Content::Sound(_) => SizeHint::default(),
        }
    }
}
