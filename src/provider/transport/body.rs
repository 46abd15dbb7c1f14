//! A request body on its way up: the caller's bytes, with what governance changed put between them.
//!
//! Nothing is copied: the untouched parts are slices of the body as it was read.

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use smallvec::SmallVec;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The parts of a body, in order.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    parts: SmallVec<[Bytes; 5]>,
    next: usize,
    left: u64,
}

impl Outgoing {
    /// One part: the body as it came.
    #[must_use]
    pub fn whole(body: Bytes) -> Self {
        let mut outgoing = Self::default();
        outgoing.push(body);
        outgoing
    }

    /// Adds a part.
    pub fn push(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.left = self
                .left
                .saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
            self.parts.push(part);
        }
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let part = this.parts.get_mut(this.next).map(std::mem::take);
        this.next = this.next.saturating_add(1);
        Poll::Ready(part.map(|part| {
            this.left = this
                .left
                .saturating_sub(u64::try_from(part.len()).unwrap_or(u64::MAX));
            Ok(Frame::data(part))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
