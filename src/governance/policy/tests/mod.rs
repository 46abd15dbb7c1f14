//! Policies as a whole, built without YAML.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has failed, which is what it is for"
)]
#![expect(
    clippy::unnecessary_wraps,
    reason = "most keys of a policy are optional, and the tests read better without a `Some` around each"
)]

mod beside;
mod calls;
mod cases;
mod decide;
mod example;
mod packs;
mod properties;
mod support;
