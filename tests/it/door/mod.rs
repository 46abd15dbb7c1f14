//! What may come in at the door, what is turned back, and how.

pub(crate) mod rig;
