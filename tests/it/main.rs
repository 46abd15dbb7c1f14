//! The black-box tests: tollgate from outside. One binary, so that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed, and its deadlines are its own"
)]

mod bytes;
mod door;
mod money;
mod secrets;
mod support;
