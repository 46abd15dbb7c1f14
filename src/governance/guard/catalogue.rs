//! What is looked for: the built-in detectors, which of their findings count, and the policy's own patterns.
//!
//! Compiled once and never changed, so a stream sees one catalogue from its first byte to its last. All built-in detectors run
//! whatever is chosen: a card number must not be taken for a telephone number because cards are not asked for. The choice is
//! applied to what has won.
//!
//! Not here: how a text is searched (`scanner`), what is done with a finding (`redact`).

use std::sync::LazyLock;

use super::custom::Custom;
use super::detectors;
use super::finding::{Kind, Level};
use super::probe::{Detector, Probe, View};
use super::redact::Types;
use super::scanner::gate::{Asked, DEPTH, Gate};

/// What a policy asks for.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Built-in kinds, each with the least level that counts.
    pub kinds: Vec<(Kind, Level)>,
    /// Patterns of its own; the first is `Kind::Custom(0)`.
    pub customs: Vec<Custom>,
}

impl Default for Selection {
    /// Everything that is built in.
    fn default() -> Self {
        Self {
            kinds: Kind::BUILT_IN
                .map(|kind| (kind, Level::Contextual))
                .to_vec(),
            customs: Vec::new(),
        }
    }
}

/// What is in a catalogue, in sixteen bytes: catalogues that would find something else differ in it.
pub type Revision = [u8; 16];

/// Compiled detectors and the choice among their findings.
#[derive(Debug)]
pub struct Catalogue {
    gate: Gate,
    detectors: Vec<&'static Detector>,
    customs: Vec<Custom>,
    kinds: Vec<(Kind, Level)>,
    types: Types,
    revision: Revision,
}

impl Catalogue {
    /// Every built-in kind at any level, compiled once for the process.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILT_IN: LazyLock<Catalogue> =
            LazyLock::new(|| Catalogue::build(Selection::default()));
        &BUILT_IN
    }

    /// Compiles a choice.
    #[must_use]
    pub fn build(selection: Selection) -> Self {
        Self::of(detectors::all().collect(), selection)
    }

    /// Everything that is built in, and one detector more.
    #[cfg(test)]
    pub(crate) fn with(more: &'static Detector) -> Self {
        Self::of(
            detectors::all().chain([more]).collect(),
            Selection::default(),
        )
    }

    /// Compiles a choice among the findings of these detectors.
    pub(super) fn of(mut detectors: Vec<&'static Detector>, selection: Selection) -> Self {
        let Selection { kinds, customs } = selection;
        if kinds.is_empty() {
            detectors.clear();
        }
        let revision = revision(&detectors, &kinds, &customs);
        let mut triggers = Vec::new();
        for (asked, detector) in (0..Asked::MAX).zip(&detectors) {
            triggers.extend(detector.triggers.iter().map(|trigger| (*trigger, asked)));
        }
        let first = Asked::try_from(detectors.len()).unwrap_or(Asked::MAX);
        let openings: Vec<_> = (first..Asked::MAX)
            .zip(&customs)
            .map(|(asked, custom)| (*custom.openings(), asked))
            .collect();
        let gate = Gate::build(&triggers, &openings);
        let names: Vec<&str> = customs.iter().map(Custom::name).collect();
        Self {
            types: Types::new(&names),
            gate,
            detectors,
            customs,
            kinds,
            revision,
        }
    }

    /// What tells this catalogue from others; stable as long as the program is the same.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// The name of a kind: the policy's for its own patterns.
    #[must_use]
    pub fn name(&self, kind: Kind) -> &str {
        match kind {
            Kind::Custom(place) => self
                .customs
                .get(usize::from(place))
                .map_or(kind.name(), Custom::name),
            _ => kind.name(),
        }
    }

    /// Whether a finding of this kind and level counts.
    pub(super) fn wants(&self, kind: Kind, level: Level) -> bool {
        matches!(kind, Kind::Custom(_))
            || self
                .kinds
                .iter()
                .any(|(wanted, least)| *wanted == kind && level >= *least)
    }

    /// What redaction calls the kinds.
    pub(super) fn types(&self) -> &Types {
        &self.types
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// How many bytes before a sign a trigger may begin that is only met because of the sign, and so by the next look alone.
    /// None that is built in can; what the patterns of a policy begin with may be anything.
    pub(super) fn reach_into_sign(&self) -> usize {
        if self.customs.is_empty() {
            0
        } else {
            DEPTH - 1
        }
    }

    /// Whether what this probe finds may be a secret.
    pub(super) fn may_find_secrets(&self, asked: Asked) -> bool {
        let detector = self.detectors.get(usize::from(asked));
        detector.is_some_and(|detector| detector.kind == Kind::Secret)
    }

    /// Puts the question to whom the gate named.
    pub(super) fn ask(&self, asked: Asked, view: &View<'_>, trigger: usize) -> Probe {
        let asked = usize::from(asked);
        if let Some(detector) = self.detectors.get(asked) {
            return (detector.probe)(view, trigger);
        }
        let place = asked - self.detectors.len();
        let kind = Kind::Custom(u16::try_from(place).unwrap_or(u16::MAX));
        self.customs
            .get(place)
            .map_or(Probe::No, |custom| custom.probe(kind, view, trigger))
    }
}

fn revision(
    detectors: &[&'static Detector],
    kinds: &[(Kind, Level)],
    customs: &[Custom],
) -> Revision {
    let mut hash = blake3::Hasher::new();
    let mut add = |part: &str| {
        hash.update(&part.len().to_le_bytes());
        hash.update(part.as_bytes());
    };
    add(env!("CARGO_PKG_VERSION"));
    for detector in detectors {
        add(detector.name);
        add(&format!("{:?}", detector.triggers));
    }
    let mut kinds: Vec<_> = kinds.to_vec();
    kinds.sort_unstable();
    for (kind, level) in kinds {
        add(kind.name());
        add(level.name());
    }
    for custom in customs {
        add(custom.name());
        add(custom.pattern());
        add(&format!("{:?}", custom.check()));
    }
    let mut revision = Revision::default();
    hash.finalize_xof().fill(&mut revision);
    revision
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_tells_choices_apart_and_is_the_same_for_the_same() {
        let all = Catalogue::build(Selection::default());
        assert_eq!(all.revision(), Catalogue::builtin().revision());
        let kinds = vec![(Kind::Email, Level::Contextual)];
        let mail = Catalogue::build(Selection {
            kinds,
            customs: Vec::new(),
        });
        assert_ne!(all.revision(), mail.revision());
    }

    #[test]
    fn what_is_not_chosen_is_not_found_but_still_competes() {
        let text = "card 4111 1111 1111 1111, mail jane@acme.io";
        let kinds = vec![
            (Kind::Email, Level::Contextual),
            (Kind::Phone, Level::Contextual),
        ];
        let found = Catalogue::build(Selection {
            kinds,
            customs: Vec::new(),
        })
        .scan(text);
        assert_eq!(
            found.iter().map(|f| f.kind).collect::<Vec<_>>(),
            [Kind::Email]
        );
    }
}
