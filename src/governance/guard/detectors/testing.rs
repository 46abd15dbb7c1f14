//! What the tests of detectors share: one detector alone, over a whole text and over every way of cutting it in two.

use super::super::catalogue::{Catalogue, Selection};
use super::super::probe::Detector;

/// The values one detector finds; the same in two chunks, wherever the cut.
pub(super) fn values(detector: Detector, text: &str) -> Vec<String> {
    let catalogue = Catalogue::of(vec![Box::leak(Box::new(detector))], Selection::default());
    let found: Vec<_> = catalogue
        .scan(text)
        .iter()
        .map(|f| text[f.start..f.end].to_owned())
        .collect();
    super::super::scanner::tests::every_cut(&catalogue, text);
    found
}

/// Asserts that exactly this value is found.
#[track_caller]
pub(super) fn finds(detector: Detector, text: &str, value: &str) {
    assert_eq!(values(detector, text), [value], "{text}");
}

/// Asserts that nothing is found.
#[track_caller]
pub(super) fn finds_none(detector: Detector, text: &str) {
    assert_eq!(values(detector, text), [""; 0], "{text}");
}
