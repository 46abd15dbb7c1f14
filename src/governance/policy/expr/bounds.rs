//! How large things may be. What an expression can cost follows from these alone, before any request is seen.
//!
//! Texts and lists of a request are held against them when they are read; a longer one is an error of the evaluation, not
//! a cut, because half a header can be made to say anything.

/// Bytes of an expression's text.
pub(super) const SOURCE: usize = 16 * 1024;
/// Nodes of an expression.
pub(super) const NODES: usize = 256;
/// Brackets, signs and choices within each other.
pub(super) const DEPTH: usize = 32;
/// What an expression may cost; a unit is about 2.5 ns, all of it about 50 µs.
pub(super) const COST: u64 = 20_000;
/// Tools a request offers.
pub(super) const TOOLS: usize = 128;
/// Groups a caller is in.
pub(super) const GROUPS: usize = 64;
/// Bytes of a tool's name. Providers refuse longer ones.
pub(super) const TOOL: usize = 128;
/// Bytes of other names: of a model, a user, a team, a group.
pub(super) const NAME: usize = 256;
/// Bytes of a header's value.
pub(super) const HEADER: usize = 4 * 1024;
/// Bytes of what `+` may put together.
pub(super) const JOINED: usize = 64 * 1024;
/// Bytes of a compiled pattern, and of what it is compiled from.
pub(super) const PATTERN: usize = 1024 * 1024;
/// Characters of a pattern.
pub(super) const PATTERN_SOURCE: usize = 4 * 1024;
