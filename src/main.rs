//! The `tollgate` binary: see [`tollgate::cli`].
fn main() {}
