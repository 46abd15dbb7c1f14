//! How workflows are written: one front-end for each format, which only reads and normalises.
//!
//! What comes out is the normal form (`normal`), the same whichever format a file has; what it means is looked at there.
//!
//! Not here: reading files and YAML (`config::flow`), which hands in a tree that knows its places.

pub mod schema1;
pub mod tree;
