//! What several of the panel's tests stand on.

#[allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "tests outside of the library use it, too"
)]
#[path = "../../tests/it/support/identity.rs"]
pub(crate) mod identity;
