//! Price books: the built-in one, or the files a configuration names.

mod audit;
mod compare;

pub use audit::{Audit, audit};
pub use compare::{Changed, Comparison, Part, compare};

use super::document::Document;
use super::fault::Faults;
use super::read::{Reader, read};
use super::yaml::{self, Kind, Node};
use crate::governance::pricing::PriceBook;
use crate::governance::settings::BookSettings;
use std::path::Path;

const BUILT_IN: &str = include_str!("../../config/prices.yaml");
const BUILT_IN_NAME: &str = "(built-in prices)";
/// The built-in book in a list of files: to be put right by those that follow.
pub(super) const WORD: &str = "built-in";

fn built_in(reader: &mut Reader<'_>) -> Option<Node> {
    reader.text(Path::new(BUILT_IN_NAME), BUILT_IN).1
}

/// A book named on a command line.
fn named(file: &Path, reader: &mut Reader<'_>) -> Option<Node> {
    if file == Path::new(WORD) {
        built_in(reader)
    } else {
        reader.yaml(file, None)
    }
}

/// The book of a configuration: `named` in the order written, or the built-in one.
pub(super) fn load(
    named: Option<&[String]>,
    document: &Document,
    reader: &mut Reader<'_>,
) -> PriceBook {
    let mut book = PriceBook::default();
    let Some(named) = named else {
        if let Some(root) = built_in(reader) {
            add(Document::new(root, reader), reader, &mut book);
        }
        return book;
    };
    for (index, name) in named.iter().enumerate() {
        let path = ["prices".into(), index.to_string().into()];
        if document.is_faulty(&path) {
            continue;
        }
        let place = document.place(&path);
        let file = reader.places.resolve(place.source, Path::new(name));
        let root = if name == WORD {
            built_in(reader)
        } else {
            reader.yaml(&file, Some(place))
        };
        if let Some(root) = root {
            add(Document::new(root, reader), reader, &mut book);
        }
    }
    book
}

/// The built-in book, and these after it.
pub(super) fn together(texts: &[&str], reader: &mut Reader<'_>) -> PriceBook {
    let mut book = PriceBook::default();
    let own = texts.iter().map(|text| (Path::new("(prices)"), *text));
    for (name, text) in std::iter::once((Path::new(BUILT_IN_NAME), BUILT_IN)).chain(own) {
        if let (_, Some(root)) = reader.text(name, text) {
            add(Document::new(root, reader), reader, &mut book);
        }
    }
    book
}

fn add(mut document: Document, reader: &mut Reader<'_>, book: &mut PriceBook) {
    let settings: BookSettings = document.settings(reader);
    settings.compile(&document.report(), book);
    document.finish(reader);
}

/// Checks a price book alone.
pub(super) fn check(file: &Path) -> Result<PriceBook, Faults> {
    let mut reader = Reader::new(&[]);
    let mut book = PriceBook::default();
    if let Some(root) = reader.yaml(file, None) {
        add(Document::new(root, &mut reader), &mut reader, &mut book);
    }
    reader.places.finish().map(|()| book)
}

/// Whether a file is a price book rather than a configuration, by its keys.
pub(super) fn is_book(file: &Path) -> bool {
    let Ok((bytes, _)) = read(file) else {
        return false;
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut reader = Reader::new(&[]);
    let source = reader.places.add(file, Path::new(""));
    let Some(root) = yaml::parse(&text, source, &mut reader.places) else {
        return text.lines().any(|line| line.starts_with("revision:"));
    };
    // In a configuration `models` is a list, in a price book a mapping.
    root.get("revision").is_some()
        || matches!(
            root.get("models").map(|models| &models.kind),
            Some(Kind::Map(_))
        ) && root.get("providers").is_none()
}
