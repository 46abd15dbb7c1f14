//! The black-box tests: tollgate from outside, and its house from above. One binary, so that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::float_cmp,
    clippy::cast_precision_loss,
    clippy::format_push_string,
    clippy::large_stack_arrays,
    clippy::needless_raw_string_hashes,
    clippy::similar_names,
    reason = "a test that cannot go on has failed, its deadlines are its own, a metric counts in whole floats, and what was \
              measured is printed"
)]

mod architecture;
mod bytes;
mod container;
mod door;
mod fleet;
mod flows;
mod lent;
mod live;
mod money;
mod ops;
mod policies;
mod secrets;
mod source;
mod support;
mod targets;
