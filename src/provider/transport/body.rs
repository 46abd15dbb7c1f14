//! A request body on its way up: the caller's bytes, with what governance changed put between them.
//!
//! Nothing is copied: the untouched parts are slices of the body as it was read.

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The parts of a body, in order. Small itself: it is moved with its request many times. The first part stands apart,
/// because nearly every body has no other.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    first: Option<Bytes>,
    parts: std::vec::IntoIter<Bytes>,
    left: u64,
}

impl Outgoing {
    /// One part: the body as it came.
    #[must_use]
    pub fn whole(body: Bytes) -> Self {
        Self {
            left: length(&body),
            first: Some(body).filter(|body| !body.is_empty()),
            parts: Vec::new().into_iter(),
        }
    }

    /// These parts.
    #[must_use]
    pub fn of(mut parts: Vec<Bytes>) -> Self {
        parts.retain(|part| !part.is_empty());
        let left = parts.iter().map(length).fold(0, u64::saturating_add);
        Self {
            first: None,
            parts: parts.into_iter(),
            left,
        }
    }

    /// How many bytes are still to go.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.left
    }

    /// Whether there is nothing more to go.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.left == 0
    }
}

fn length(part: &Bytes) -> u64 {
    u64::try_from(part.len()).unwrap_or(u64::MAX)
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let next = this.first.take().or_else(|| this.parts.next());
        Poll::Ready(next.map(|part| {
            this.left = this.left.saturating_sub(length(&part));
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
