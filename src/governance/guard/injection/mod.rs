//! Signs that a text gives orders to the model it is only meant to inform.
//!
//! Nothing here is proof, so nothing here blocks by itself: a text gets a score and the names of the signals behind it, and
//! a policy decides from where on that matters. A list of phrases alone finds little and cries wolf; what helps is structure:
//! markers of a chat inside a text, characters nobody can see, orders hidden in base64, and verbs, objects and addressees
//! that stand near each other within one sentence. Talk *about* injections counts for less than an injection.
//!
//! All of it works on a folded copy (see `fold`); the text itself goes on as it is, unless a policy has invisible characters
//! taken out. Time is linear in the text, and only its first part is looked at beyond [`LOOKED_AT`].
//!
//! Not here: taint and rules about tools, which do not depend on guessing (`policy`).

mod concepts;
mod disguise;
mod encoded;
mod fold;
mod invisible;
mod markers;
mod phrases;
mod rules;
mod score;

pub use invisible::strip_invisible;

use score::Score;
use smallvec::SmallVec;

/// The score from which on a text is worth flagging, in thousandths.
pub const FLAG_AT: u16 = 500;

/// How much of a text is looked at, in bytes; of a longer one its beginning and its end, half each.
pub const LOOKED_AT: usize = 256 * 1024;

/// Where a text came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A message of the caller's, who may well tell the model what to do.
    User,
    /// Something a tool brought back, which is data: orders to an assistant have no business in it.
    ToolResult,
}

/// What a text looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// How much it looks like an injection, in thousandths.
    pub score_milli: u16,
    /// What was seen, each once, the heaviest first.
    pub signals: SmallVec<[&'static str; 4]>,
}

/// Looks for signs of an injection.
#[must_use]
pub fn assess(text: &str, source: Source) -> Assessment {
    let mut score = Score::default();
    if text.len() <= LOOKED_AT {
        look(text, source, &mut score);
    } else {
        let half = LOOKED_AT / 2;
        let end = text.ceil_char_boundary(text.len() - half);
        look(
            text.get(..text.floor_char_boundary(half))
                .unwrap_or_default(),
            source,
            &mut score,
        );
        look(text.get(end..).unwrap_or_default(), source, &mut score);
    }
    score.into_assessment()
}

fn look(text: &str, source: Source, score: &mut Score) {
    let unseen = invisible::look(text, score);
    let folded = fold::folded(text);
    let mentions = concepts::mentions(&folded);
    let talk = rules::talk_about_it(&mentions);
    markers::look(text, talk, score);
    let mut open = Score::default();
    rules::look(&folded.text, &mentions, source, talk, &mut open);
    for disguised in disguise::readings(text, &folded.text) {
        let mut found = Score::default();
        let mentions = concepts::mentions(&disguised.folded);
        rules::look(&disguised.folded.text, &mentions, source, talk, &mut found);
        if found.total() > open.total() {
            score.add_disguised(disguised.how, &found);
        }
    }
    score.add_all(&open);
    for hidden in unseen.into_iter().chain(encoded::decoded(text)) {
        let mut found = Score::default();
        markers::look(&hidden.text, false, &mut found);
        let folded = fold::folded(&hidden.text);
        let mentions = concepts::mentions(&folded);
        rules::look(
            &folded.text,
            &mentions,
            Source::ToolResult,
            false,
            &mut found,
        );
        score.add_disguised(hidden.how, &found);
    }
}

/// Something that was not written in the open.
struct Hidden {
    how: &'static str,
    text: String,
}

#[cfg(test)]
mod tests;
