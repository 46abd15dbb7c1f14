//! What may come in at the door, what is turned back, and how.

mod framing;
mod http2;
mod listen;
mod malformed;
mod models;
mod origin;
pub(crate) mod rig;
mod slow;
