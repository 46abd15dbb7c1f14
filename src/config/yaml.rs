//! YAML as a small tree in which every key and value knows where it was written.
//!
//! A careful subset: one document, no anchors, aliases or tags, no key twice, and a bound on size, depth and number of
//! nodes. Values stay as written: whether `10.50` is money or a number is decided where it is used.
//!
//! Invariant: whatever the bytes, building a tree ends, in memory proportional to the text, with a tree or with faults.

use super::fault::{Place, Places, SourceId};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use std::collections::HashMap;

/// Larger files are refused. Ten thousand keys with their hashes and labels are about 2 MiB.
pub(super) const MAX_BYTES: usize = 4 << 20;

/// How much one text may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub bytes: usize,
    pub depth: usize,
    pub nodes: usize,
}

/// Those of a configuration.
const CONFIGURATION: Bounds = Bounds {
    bytes: MAX_BYTES,
    depth: 32,
    nodes: 400_000,
};

/// A fault of form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub place: Place,
    pub code: &'static str,
    pub message: String,
    pub help: Option<&'static str>,
    /// Of a key that is there twice, the first.
    pub first: Option<Place>,
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub place: Place,
    pub kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A text as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub text: String,
    pub style: Style,
}

/// How a text was written, as far as it says what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Bare: YAML would read `null`, `true` or `1.5` as something else than text.
    Plain,
    /// In quotes or as a block.
    Quoted,
    /// From the environment, a flag or a reference: whatever its user needs it to be.
    Given,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub key: String,
    pub place: Place,
    pub value: Node,
}

impl Node {
    /// The value at `path` and how many steps of the path exist.
    pub(super) fn walk(&self, path: &[Box<str>]) -> (&Self, usize) {
        let mut node = self;
        for (steps, step) in path.iter().enumerate() {
            match node.get(step) {
                Some(next) => node = next,
                None => return (node, steps),
            }
        }
        (node, path.len())
    }

    /// The value of a key, or at a position; a value that stands for a list of one is its own first.
    pub(super) fn get(&self, step: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == step)
                .map(|entry| &entry.value)
                .or_else(|| (step == "0").then_some(self)),
            Kind::List(items) => items.get(step.parse::<usize>().ok()?),
            Kind::Scalar(_) if step == "0" => Some(self),
            Kind::Scalar(_) => None,
        }
    }

    /// An empty mapping at the start of a text.
    pub(super) fn empty(source: SourceId) -> Self {
        Self {
            place: Place::start(source),
            kind: Kind::Map(Vec::new()),
        }
    }
}

impl Scalar {
    /// Whether YAML reads it as no value at all.
    pub(super) fn is_null(&self) -> bool {
        self.style == Style::Plain
            && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

/// Builds the tree of a configuration's text; `None` if it has faults of form.
pub(super) fn parse(text: &str, source: SourceId, places: &mut Places) -> Option<Node> {
    let mut faulty = false;
    let root = parse_within(CONFIGURATION, text, source, &mut |flaw| {
        faulty = true;
        let help = flaw.help.map(str::to_owned);
        places.fault(flaw.place, flaw.code, flaw.message, help);
    });
    root.filter(|_| !faulty)
}

/// Builds the tree of a text within bounds and hands its faults of form to `note`. `None` if they leave no tree; else what
/// was left out is known from them (tags and anchors are, an alias is an empty text, a second key stands beside the first).
pub(super) fn parse_within(
    bounds: Bounds,
    text: &str,
    source: SourceId,
    note: &mut dyn FnMut(Flaw),
) -> Option<Node> {
    if text.len() > bounds.bytes {
        note(Flaw {
            place: Place::whole(source),
            code: "too_large",
            message: format!(
                "{} bytes are more than the {} a file may have",
                text.len(),
                bounds.bytes
            ),
            help: None,
            first: None,
        });
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder {
        bounds,
        source,
        note,
        open: Vec::new(),
        root: None,
        nodes: 0,
        documents: 0,
    };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => {
                builder.event(event, span.start)?;
            }
            Err(error) => {
                let place = builder.place(*error.marker());
                builder.fault(
                    place,
                    "yaml",
                    &format!("not valid YAML: {}", error.info()),
                    Some("look here and on the line before: indentation, brackets, and quotes around text with `{ } [ ] : # *` in it (\"${NAME}\")"),
                );
                return None;
            }
        }
    }
    let root = builder.root.take().unwrap_or_else(|| Node::empty(source));
    match &root.kind {
        Kind::Scalar(scalar) if scalar.is_null() => Some(Node::empty(source)),
        _ => Some(root),
    }
}

/// A list or mapping whose end has not been seen.
enum Open {
    List {
        place: Place,
        items: Vec<Node>,
    },
    Map {
        place: Place,
        entries: Vec<Entry>,
        seen: HashMap<String, Place>,
        key: Option<(String, Place)>,
    },
}

struct Builder<'a> {
    bounds: Bounds,
    source: SourceId,
    note: &'a mut dyn FnMut(Flaw),
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
}

impl Builder<'_> {
    fn place(&self, marker: Marker) -> Place {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place {
            source: self.source,
            line: number(marker.line()).max(1),
            column: number(marker.col()).saturating_add(1),
        }
    }

    fn fault(
        &mut self,
        place: Place,
        code: &'static str,
        message: &str,
        help: Option<&'static str>,
    ) {
        (self.note)(Flaw {
            place,
            code,
            message: message.to_owned(),
            help,
            first: None,
        });
    }

    /// Takes one event; `None` if nothing after it makes sense.
    fn event(&mut self, event: Event<'_>, at: Marker) -> Option<()> {
        let place = self.place(at);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.fault(
                        place,
                        "second_document",
                        "a second document begins here: a file holds one",
                        None,
                    );
                    return None;
                }
            }
            Event::Alias(_) => {
                self.fault(
                    place,
                    "alias",
                    "aliases are not supported",
                    Some("write the value out"),
                );
                self.scalar(String::new(), Style::Quoted, place)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse(place, anchor, tag.is_some());
                let style = if style == ScalarStyle::Plain {
                    Style::Plain
                } else {
                    Style::Quoted
                };
                self.scalar(text.into_owned(), style, place)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse(place, anchor, tag.is_some());
                self.begin(
                    Open::List {
                        place,
                        items: Vec::new(),
                    },
                    place,
                )?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse(place, anchor, tag.is_some());
                let (entries, seen) = (Vec::new(), HashMap::new());
                self.begin(
                    Open::Map {
                        place,
                        entries,
                        seen,
                        key: None,
                    },
                    place,
                )?;
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop()? {
                Open::List { place, items } => self.add(Node {
                    place,
                    kind: Kind::List(items),
                }),
                Open::Map { place, entries, .. } => {
                    self.add(Node {
                        place,
                        kind: Kind::Map(entries),
                    });
                }
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn refuse(&mut self, place: Place, anchor: usize, tag: bool) {
        if anchor != 0 {
            self.fault(
                place,
                "anchor",
                "anchors are not supported",
                Some("write the value out where it is needed"),
            );
        }
        if tag {
            self.fault(
                place,
                "tag",
                "tags are not supported",
                Some("remove the `!…`; text that looks like a number goes in quotes"),
            );
        }
    }

    fn count(&mut self, place: Place) -> Option<()> {
        self.nodes += 1;
        if self.nodes > self.bounds.nodes {
            self.fault(
                place,
                "too_large",
                &format!("more than {} values in one file", self.bounds.nodes),
                None,
            );
            return None;
        }
        Some(())
    }

    fn begin(&mut self, open: Open, place: Place) -> Option<()> {
        self.count(place)?;
        if self.open.len() >= self.bounds.depth {
            self.fault(
                place,
                "too_deep",
                &format!("nested deeper than {} levels", self.bounds.depth),
                None,
            );
            return None;
        }
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            self.fault(
                place,
                "key",
                "a list or mapping cannot be a key",
                Some("a text that begins with `{` or `[` goes in quotes"),
            );
            return None;
        }
        self.open.push(open);
        Some(())
    }

    fn scalar(&mut self, text: String, style: Style, place: Place) -> Option<()> {
        self.count(place)?;
        if let Some(Open::Map {
            seen,
            key: key @ None,
            ..
        }) = self.open.last_mut()
        {
            let first = seen.get(&text).copied();
            seen.entry(text.clone()).or_insert(place);
            *key = Some((text.clone(), place));
            if first.is_some() {
                (self.note)(Flaw {
                    place,
                    code: "duplicate_key",
                    message: format!("`{text}` is here a second time"),
                    help: Some("keep one of them"),
                    first,
                });
            }
            return Some(());
        }
        self.add(Node {
            place,
            kind: Kind::Scalar(Scalar { text, style }),
        });
        Some(())
    }

    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => {
                if let Some((key, place)) = key.take() {
                    entries.push(Entry {
                        key,
                        place,
                        value: node,
                    });
                }
            }
        }
    }
}
