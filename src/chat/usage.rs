//! What a call used, in the classes that are priced apart.

use crate::units::Tokens;

/// Token counts of one call, as the provider reported them or as we counted.
///
/// The totals hold their parts: `cached_input`, `cache_write`, `cache_write_1h` and `audio_input` are part of `input`,
/// `reasoning` and `audio_output` are part of `output` (as OpenAI reports them).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input tokens.
    pub input: Tokens,
    /// Of these, read from the provider's cache.
    pub cached_input: Tokens,
    /// Of these, written to the provider's cache (kept five minutes).
    pub cache_write: Tokens,
    /// Of these, written to the provider's cache (kept an hour).
    pub cache_write_1h: Tokens,
    /// Of these, audio.
    pub audio_input: Tokens,
    /// All output tokens, over every choice.
    pub output: Tokens,
    /// Of these, spent on reasoning.
    pub reasoning: Tokens,
    /// Of these, audio.
    pub audio_output: Tokens,
    /// Images the answer holds, where they are priced by the piece.
    pub images: u64,
    /// Searches of the web the provider made.
    pub searches: u64,
    /// Characters that were spoken, where they are priced.
    pub characters: u64,
}
