//! The locks and counters of a decision: the system's, or those of the model checker.
//!
//! With `--cfg loom` the tests named `loom` run what they share between threads in every order there is. Only what guards
//! money and places goes by these; nothing else may tell them apart.

#[cfg(not(all(test, loom)))]
pub(in crate::governance) use std::sync::{Mutex, MutexGuard, atomic::AtomicU32};

#[cfg(all(test, loom))]
pub(in crate::governance) use ::loom::sync::{Mutex, MutexGuard, atomic::AtomicU32};
