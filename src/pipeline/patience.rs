//! What happens to a call whose caller goes away.
//!
//! The provider may be at work and will be paid for it, so the call goes on for a little while without the caller: if the
//! answer comes, its usage is booked; if not, the connection is closed and the promise stays booked.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;

/// How long an answer nobody waits for is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// A future that is finished in the background, within [`PATIENCE`], if it is dropped before its end.
pub(super) struct Patient<F: Future + 'static> {
    future: Option<Pin<Box<F>>>,
    gone: Rc<Cell<bool>>,
}

impl<F: Future + 'static> Patient<F> {
    /// `gone` is told when the caller has left: what goes on then only finishes what was begun.
    pub(super) fn new(future: F, gone: Rc<Cell<bool>>) -> Self {
        Self {
            future: Some(Box::pin(future)),
            gone,
        }
    }
}

impl<F: Future + 'static> Future for Patient<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = self.future.as_mut() else {
            return Poll::Pending;
        };
        let output = std::task::ready!(future.as_mut().poll(cx));
        self.future = None;
        Poll::Ready(output)
    }
}

impl<F: Future + 'static> Drop for Patient<F> {
    fn drop(&mut self) {
        self.gone.set(true);
        if let Some(future) = self.future.take()
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
