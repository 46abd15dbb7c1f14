//! The phrases themselves, by what they mean.

mod deeds;
mod model;
mod orders;

use super::concepts::Concept;

/// All lists.
pub(super) fn all() -> impl Iterator<Item = &'static (Concept, &'static str)> {
    orders::PHRASES
        .iter()
        .chain(model::PHRASES)
        .chain(deeds::PHRASES)
}
