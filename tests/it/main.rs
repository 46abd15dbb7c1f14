//! The black-box tests: tollgate from outside, and its house from above. One binary, so that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; saying where is all it can do"
)]

mod architecture;
mod container;
mod source;
