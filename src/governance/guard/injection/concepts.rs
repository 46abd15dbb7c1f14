//! What the words of orders to a model mean, and where they stand in a text.
//!
//! One automaton finds all phrases in one pass. Lists are separated by commas. A phrase begins and ends at the edge of a
//! word; one that ends in `*` may go on (`instruct*`). Scripts without spaces have no edges. Phrases are folded like the
//! text they are looked for in.
//!
//! Where a concept has a *weak* twin, the twin's phrases have honest uses as well and weigh less.
//!
//! Not here: the phrases (`phrases`), which must stand near which others to mean something (`rules`).

use super::fold::{Folded, fold};
use super::phrases;
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// What a phrase means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Concept {
    /// A verb that sets orders aside; its object follows.
    SetAside,
    /// The same in languages whose verb comes last, or may.
    SetAsideLate,
    /// Which orders: the earlier ones, yours, all.
    Earlier,
    /// Orders.
    Orders,
    /// All that came before, in so many words.
    Everything,
    /// A verb that makes something known.
    Tell,
    /// The same where the verb comes last.
    TellLate,
    /// What the model was told in confidence.
    OwnPrompt,
    /// What stands above, whatever it is.
    TextAbove,
    /// You are now somebody else.
    Persona,
    /// Somebody without limits.
    Unbound,
    /// The names of well-known ways out.
    Jailbreak,
    /// A mode models do not have.
    Mode,
    /// Words to a model, in a text that is not for one.
    Address,
    /// What is then asked of it.
    Command,
    /// A task in place of the task.
    NewTask,
    /// Sending.
    Send,
    /// What must not be sent.
    Private,
    /// Keeping it from the user.
    Conceal,
    /// Turning off.
    Disable,
    /// What guards.
    Guard,
    /// Somebody who may.
    Authority,
    /// The end of what the model should take for data.
    EndOfData,
    /// What a model says to show that it was taken over.
    Trophy,
    /// A judgement ordered in advance.
    Verdict,
    /// Talk about injections.
    Talk,
    /// Not to do what follows, or somebody else doing it.
    Not,
    /// A verb that also has honest uses.
    SetAsideWeak,
    /// Words that say little about which.
    EarlierWeak,
    /// Words that may be orders.
    OrdersWeak,
    /// The same, not said to be the model's own.
    OwnPromptWeak,
    /// Changes that may be a game.
    PersonaWeak,
    /// Words that may be about anybody.
    UnboundWeak,
    /// Words about a model rather than to it.
    AddressWeak,
    /// Words that change the subject.
    NewTaskWeak,
    /// Secrecy of any kind.
    ConcealWeak,
    /// All of something that may be anything.
    EverythingWeak,
    /// Words that name ways out, and other things.
    JailbreakWeak,
    /// Said of orders: they hold no longer.
    Cancelled,
    /// What a model was given to keep.
    Secret,
}

/// A phrase in a text, by its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) concept: Concept,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// All phrases in a folded text, by where they begin.
pub(super) fn mentions(folded: &Folded) -> Vec<Mention> {
    let catalogue = &*CATALOGUE;
    let text = &*folded.text;
    let Some(automaton) = &catalogue.automaton else {
        return Vec::new();
    };
    let mut found: Vec<Mention> = automaton
        .find_overlapping_iter(text)
        .filter_map(|found| {
            let phrase = catalogue.phrases.get(found.pattern().as_usize())?;
            let whole = folded.glued && found.len() >= 5
                || edge_before(text, found.start())
                    && (phrase.open || edge_behind(text, found.end()));
            whole.then_some(Mention {
                concept: phrase.concept,
                start: found.start(),
                end: found.end(),
            })
        })
        .collect();
    found.sort_by_key(|mention| (mention.start, mention.end));
    found
}

struct Catalogue {
    automaton: Option<AhoCorasick>,
    phrases: Vec<Phrase>,
}

struct Phrase {
    concept: Concept,
    open: bool,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut texts = Vec::new();
    let mut known = Vec::new();
    for (concept, list) in phrases::all() {
        for phrase in list
            .split(',')
            .map(str::trim)
            .filter(|phrase| !phrase.is_empty())
        {
            let stem = phrase.trim_end_matches('*');
            texts.push(fold(stem).trim_end().to_owned());
            known.push(Phrase {
                concept: *concept,
                open: stem.len() < phrase.len(),
            });
        }
    }
    Catalogue {
        // Fails only for more states than there are 32-bit numbers; a test holds that it does not.
        automaton: AhoCorasick::new(&texts).ok(),
        phrases: known,
    }
});

fn edge_before(text: &str, at: usize) -> bool {
    let inside = text.get(at..).and_then(|rest| rest.chars().next());
    let before = text.get(..at).and_then(|rest| rest.chars().next_back());
    !(inside.is_some_and(is_letter) && before.is_some_and(is_letter))
}

fn edge_behind(text: &str, at: usize) -> bool {
    let inside = text.get(..at).and_then(|rest| rest.chars().next_back());
    let behind = text.get(at..).and_then(|rest| rest.chars().next());
    !(inside.is_some_and(is_letter) && behind.is_some_and(is_letter))
}

/// Whether a character belongs to a word of a script that has spaces.
fn is_letter(character: char) -> bool {
    character.is_alphanumeric()
        && !matches!(character, '\u{e00}'..='\u{eff}' | '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..)
}
