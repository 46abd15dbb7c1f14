//! The heart: who may do what, at what cost. Synchronous, no I/O, no clock, no HTTP.
//!
//! It returns facts ; the rim reports them. Time is an argument everywhere.
#![warn(
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

pub mod audit;
pub mod budget;
pub mod gate;
pub mod guard;
pub mod identity;
pub mod limit;
pub mod policy;
pub mod pricing;
pub mod settings;
mod sync;
