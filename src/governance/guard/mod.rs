//! The guard of what is said: finds secrets and personal data in texts and streams, and what is done about them.
//!
//! Not here: which kinds a policy asks for (`policy`), and the frames and bodies the texts come from (`gateway`, `dialect`).
#![expect(
    clippy::arithmetic_side_effects,
    reason = "offsets into a text in memory stay far below usize::MAX"
)]

pub mod cache;
pub mod catalogue;
pub mod custom;
mod detectors;
pub mod finding;
pub mod injection;
pub mod probe;
pub mod redact;
pub mod scanner;

pub use cache::Cache;
pub use catalogue::Catalogue;
pub use finding::{Finding, Kind, Level};
pub use scanner::{Piece, Scanner};
