//! Calls under way that are cut because somebody pulled their switch at the control panel, and wanted it so.
//!
//! Each thread keeps its own calls that a panel pays for, and one task of the thread hears of switches and marks them. So a
//! call looks at a mark of its own thread with each event: no lock, no atomic and no allocation on the way of its bytes, and
//! one that waits for its provider is woken.
//!
//! Invariant: a call that began before its switch was pulled is cut. One that began on the same thread after the switch was
//! let go, and before this thread heard of either, is cut too: it may be made again.
//!
//! Not here: what a cut call tells its caller and what is booked (`stream`, `attempt`), who pulls switches (`lease`).

use super::worker::Worker;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Whose calls under way are cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cut {
    /// Everybody's.
    pub all: bool,
    /// Calls of these leaves.
    pub leaves: Vec<u64>,
}

impl Cut {
    fn concerns(&self, leaf: u64) -> bool {
        self.all || self.leaves.contains(&leaf)
    }
}

/// Calls of one thread that can be cut.
#[derive(Debug, Default)]
pub(super) struct Cutoffs {
    begun: Cell<u64>,
    calls: RefCell<HashMap<u64, Rc<Mark>>>,
}

#[derive(Debug)]
struct Mark {
    leaf: u64,
    cut: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// One call's own end of it. A call that no panel pays for is never cut.
#[derive(Debug, Default)]
pub(super) struct Cutoff(Option<Entry>);

#[derive(Debug)]
struct Entry {
    cutoffs: Rc<Cutoffs>,
    number: u64,
    mark: Rc<Mark>,
}

impl Cutoffs {
    /// A call begins, paid for by this leaf.
    pub(super) fn begin(self: &Rc<Self>, leaf: Option<u64>) -> Cutoff {
        Cutoff(leaf.map(|leaf| {
            let number = self.begun.get().wrapping_add(1);
            self.begun.set(number);
            let mark = Rc::new(Mark {
                leaf,
                cut: Cell::new(false),
                waker: RefCell::new(None),
            });
            self.calls.borrow_mut().insert(number, mark.clone());
            Entry {
                cutoffs: self.clone(),
                number,
                mark,
            }
        }))
    }

    /// Marks the calls that this concerns, and wakes them.
    pub(super) fn cut(&self, cut: &Cut) {
        for mark in self.calls.borrow().values() {
            if cut.concerns(mark.leaf) {
                mark.cut.set(true);
                if let Some(waker) = mark.waker.take() {
                    waker.wake();
                }
            }
        }
    }
}

impl Cutoff {
    /// Whether the call was cut.
    pub(super) fn is_cut(&self) -> bool {
        self.0.as_ref().is_some_and(|entry| entry.mark.cut.get())
    }

    /// Whether the call was cut; if not, this task is woken when it is.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let Some(Entry { mark, .. }) = &self.0 else {
            return Poll::Pending;
        };
        if mark.cut.get() {
            return Poll::Ready(());
        }
        let mut waker = mark.waker.borrow_mut();
        if waker.as_ref().is_none_or(|w| !w.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Waits until the call is cut.
    pub(super) async fn cut(&self) {
        poll_fn(|cx| self.poll(cx)).await;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.cutoffs.calls.borrow_mut().remove(&self.number);
    }
}

impl Worker {
    /// Cuts calls of this thread as the control panel wants it, as long as the thread lives.
    pub async fn heed(self: Rc<Self>) {
        let Some(panel) = &self.desk.panel else {
            return;
        };
        let mut cuts = panel.cuts();
        let mut seen = *cuts.borrow_and_update();
        while cuts.changed().await.is_ok() {
            let (newest, cut) = panel.cut_since(seen);
            seen = newest;
            self.cutoffs().cut(&cut);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(leaves: &[u64]) -> Cut {
        Cut {
            all: false,
            leaves: leaves.to_vec(),
        }
    }

    #[test]
    fn a_switch_cuts_calls_of_its_leaves_and_no_others() {
        let calls = Rc::new(Cutoffs::default());
        let (four, five) = (calls.begin(Some(4)), calls.begin(Some(5)));
        let own = calls.begin(None);
        calls.cut(&cut(&[4, 6]));
        assert_eq!((four.is_cut(), five.is_cut()), (true, false));
        calls.cut(&Cut {
            all: true,
            ..Cut::default()
        });
        assert!(five.is_cut());
        assert!(!own.is_cut(), "nobody lends to it");
        // A call that begins later is another call.
        assert!(!calls.begin(Some(4)).is_cut());
    }

    #[test]
    fn a_call_that_ended_is_forgotten() {
        let calls = Rc::new(Cutoffs::default());
        let call = calls.begin(Some(4));
        assert_eq!(calls.calls.borrow().len(), 1);
        drop(call);
        assert_eq!(calls.calls.borrow().len(), 0);
    }

    #[tokio::test]
    async fn a_call_that_waits_is_woken() {
        let calls = Rc::new(Cutoffs::default());
        let call = calls.begin(Some(4));
        tokio::join!(biased; call.cut(), async { calls.cut(&cut(&[4])) });
        assert!(call.is_cut());
    }
}
