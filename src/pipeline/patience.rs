//! What happens to a call whose caller goes away.
//!
//! The provider may be at work and will be paid for it, so the call goes on for a little while without the caller: if the
//! answer comes, its usage is booked; if not, the connection is closed and the promise stays booked.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;

/// How long an answer nobody waits for is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// A future that is finished in the background, within [`PATIENCE`], if it is dropped before its end.
pub(super) struct Patient<F: Future + 'static>(Option<Pin<Box<F>>>);

impl<F: Future + 'static> Patient<F> {
    pub(super) fn new(future: F) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<F: Future + 'static> Future for Patient<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = self.0.as_mut() else {
            return Poll::Pending;
        };
        let output = std::task::ready!(future.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(output)
    }
}

impl<F: Future + 'static> Drop for Patient<F> {
    fn drop(&mut self) {
        if let Some(future) = self.0.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            in_background(future);
        }
    }
}

/// Runs a call nobody waits for, within [`PATIENCE`].
pub(super) fn in_background<F: Future + 'static>(future: F) {
    // The thread's own task set holds it; at the end of the thread it is dropped, and the promise stays booked.
    tokio::task::spawn_local(async move {
        let _ = timeout(PATIENCE, future).await;
    });
}
