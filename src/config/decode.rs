//! From the tree to settings, without stopping at a fault.
//!
//! A `serde` deserializer over [`Node`]s: the settings' own structs say which keys there are and what they take, so nothing
//! is listed twice. Where a value is not what its field takes, the fault is noted at its place and a stand-in goes on in
//! its stead, which is how one look finds every fault. Stand-ins never reach anybody: a configuration with a fault is not
//! loaded.
//!
//! One-or-a-list holds everywhere: where a list is wanted, a single value is a list of one. A mapping that is absent is
//! empty, an absent list too; what must be there is a text, a number or one of several words that is not an `Option`.

mod access;

use self::access::{Choice, Entries, Fields, Items};
use super::fault::{Place, Places, suggest};
use super::yaml::{Entry, Kind, Node, Scalar, Style};
use crate::settings::Path;
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use std::cell::RefCell;
use std::collections::HashSet;

/// What decoding notes on its way.
#[derive(Debug, Default)]
pub(super) struct Notes {
    path: RefCell<Path>,
    faulted: RefCell<HashSet<Path>>,
    found: RefCell<Vec<Note>>,
}

/// One fault noted.
#[derive(Debug)]
struct Note {
    place: Place,
    code: &'static str,
    message: String,
    help: Option<String>,
}

impl Notes {
    /// Notes that go on from `faulted`: settings whose faults are known already.
    pub(super) fn new(faulted: HashSet<Path>) -> Self {
        Self {
            faulted: RefCell::new(faulted),
            ..Self::default()
        }
    }

    /// Hands in what was noted; returns the settings that have a fault of their own.
    pub(super) fn finish(self, places: &mut Places) -> HashSet<Path> {
        for note in self.found.into_inner() {
            places.fault(note.place, note.code, note.message, note.help);
        }
        self.faulted.into_inner()
    }

    fn within<T>(&self, step: &str, run: impl FnOnce() -> T) -> T {
        self.path.borrow_mut().push(step.into());
        let result = run();
        self.path.borrow_mut().pop();
        result
    }

    /// Notes a fault of the value at hand, unless what it is part of has one already.
    fn value(
        &self,
        place: Place,
        code: &'static str,
        message: impl AsRef<str>,
        help: Option<String>,
    ) {
        self.aside(place, code, message, help);
        self.faulted.borrow_mut().insert(self.path.borrow().clone());
    }

    /// Notes a fault beside the values (a key nobody knows).
    fn aside(
        &self,
        place: Place,
        code: &'static str,
        message: impl AsRef<str>,
        help: Option<String>,
    ) {
        let path = self.path.borrow();
        if !is_covered(&self.faulted.borrow(), &path) {
            let message = about(&path, message.as_ref());
            self.found.borrow_mut().push(Note {
                place,
                code,
                message,
                help,
            });
        }
    }
}

/// A message with the setting it is about: `budgets[0].limit: …`.
pub(super) fn about(path: &[Box<str>], message: &str) -> String {
    let mut text = String::new();
    for step in path {
        if !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()) {
            text.extend(["[", step, "]"]);
        } else {
            text.push_str(if text.is_empty() { "" } else { "." });
            text.push_str(step);
        }
    }
    if text.is_empty() {
        message.to_owned()
    } else {
        format!("{text}: {message}")
    }
}

/// Whether a setting or one it is part of has a fault already.
pub(super) fn is_covered(faulted: &HashSet<Path>, path: &[Box<str>]) -> bool {
    (0..=path.len()).any(|steps| path.get(..steps).is_some_and(|part| faulted.contains(part)))
}

/// The settings a tree spells. `None` only where a struct refuses even its stand-ins, which none of ours does.
pub(super) fn decode<T: DeserializeOwned>(root: &Node, notes: &Notes) -> Option<T> {
    let value = Value {
        node: Some(root),
        place: root.place,
        name: "",
        notes,
    };
    T::deserialize(value)
        .map_err(|error| notes.value(root.place, "settings", error.to_string(), None))
        .ok()
}

/// One value, or the lack of it.
#[derive(Clone, Copy)]
struct Value<'a, 'n> {
    /// What is written; `None` where nothing is, or nothing that makes sense.
    node: Option<&'a Node>,
    /// Where: of a value that is not there, the place it should be in.
    place: Place,
    /// The key.
    name: &'a str,
    notes: &'n Notes,
}

impl<'a> Value<'a, '_> {
    /// The text where one is wanted; otherwise notes the fault.
    fn scalar(&self, wanted: &str) -> Option<&'a Scalar> {
        match self.node.map(|node| &node.kind) {
            Some(Kind::Scalar(scalar)) if !scalar.is_null() => Some(scalar),
            found => {
                self.mismatch(wanted, found);
                None
            }
        }
    }

    fn mismatch(&self, wanted: &str, found: Option<&Kind>) {
        let (code, message, help) = match found {
            None => (
                "missing_key",
                format!("`{}` is missing here", self.name),
                Some(format!("add `{}:` with {wanted}", self.name)),
            ),
            Some(Kind::Scalar(scalar)) if scalar.is_null() => (
                "no_value",
                format!("wanted {wanted}, and there is no value"),
                Some("write one, or remove the key".to_owned()),
            ),
            // What is written may be a secret that lost its key: it is not repeated.
            Some(Kind::Scalar(_)) => ("wrong_type", format!("wanted {wanted}, not a text"), None),
            Some(Kind::List(_)) => ("wrong_type", format!("wanted {wanted}, not a list"), None),
            Some(Kind::Map(_)) => (
                "wrong_type",
                format!("wanted {wanted}, not a mapping"),
                None,
            ),
        };
        self.notes.value(self.place, code, message, help);
    }

    fn number(&self, most: u64) -> u64 {
        let Some(scalar) = self.scalar("a whole number") else {
            return 1;
        };
        let number = scalar.text.trim().parse::<u64>().ok();
        match number {
            Some(number) if number <= most => number,
            Some(_) => {
                let message = format!("`{}` is more than {most}", scalar.text);
                self.notes.value(self.place, "too_large", message, None);
                1
            }
            None => {
                let message = format!("wanted a whole number, not `{}`", shown(&scalar.text));
                let help = scalar
                    .text
                    .contains(['_', ','])
                    .then(|| "write the digits alone".to_owned());
                self.notes.value(self.place, "wrong_type", message, help);
                1
            }
        }
    }

    /// The text; bare words YAML reads as something else must be quoted, or half of all tools would read them otherwise.
    fn text(&self) -> &'a str {
        let Some(scalar) = self.scalar("text") else {
            return "";
        };
        let text = scalar.text.as_str();
        if scalar.style == Style::Plain {
            let what = if is_float(text) {
                Some("a number with a point")
            } else if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") {
                Some("yes or no")
            } else {
                None
            };
            if let Some(what) = what {
                let message = format!("wanted text, and `{text}` without quotes is {what}");
                let help = Some(format!("write it in quotes: \"{text}\""));
                self.notes.value(self.place, "unquoted", message, help);
            }
        }
        text
    }

    /// The entries of a mapping; otherwise notes the fault.
    fn entries(&self) -> &'a [Entry] {
        match self.node.map(|node| &node.kind) {
            None => &[],
            Some(Kind::Map(entries)) => entries,
            found => {
                self.mismatch("a mapping (`key: value`)", found);
                &[]
            }
        }
    }
}

/// As much of a text as a message should hold.
fn shown(text: &str) -> String {
    const MOST: usize = 40;
    let mut shown: String = text.chars().take(MOST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Whether YAML's core schema reads a bare text as a number that is not whole.
fn is_float(text: &str) -> bool {
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(bare, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match bare.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (bare, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let number = digits(whole) && digits(fraction) && whole.len() + fraction.len() > 0;
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    number && exponent_fits && (mantissa.contains('.') || exponent.is_some())
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = self.number(u64::from(<$type>::MAX));
            visitor.$visit(<$type>::try_from(number).unwrap_or(1))
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_, '_> {
    type Error = Error;

    numbers!(deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64);

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_none() {
            return visitor.visit_bool(false);
        }
        let Some(scalar) = self.scalar("`true` or `false`") else {
            return visitor.visit_bool(false);
        };
        match scalar.text.as_str() {
            "true" | "True" | "TRUE" => visitor.visit_bool(true),
            "false" | "False" | "FALSE" => visitor.visit_bool(false),
            text => {
                let message = format!("wanted `true` or `false`, not `{}`", shown(text));
                self.notes.value(self.place, "wrong_type", message, None);
                visitor.visit_bool(false)
            }
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.text())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.text())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.text())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            None => visitor.visit_none(),
            Some(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = match self.node {
            None => &[],
            Some(Node {
                kind: Kind::List(items),
                ..
            }) => items.as_slice(),
            Some(Node {
                kind: found @ Kind::Scalar(scalar),
                ..
            }) if scalar.is_null() => {
                self.mismatch("a list", Some(found));
                &[]
            }
            Some(single) => std::slice::from_ref(single),
        };
        visitor.visit_seq(Items {
            items: items.iter().enumerate(),
            notes: self.notes,
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Entries {
            rest: self.entries().iter(),
            value: None,
            notes: self.notes,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let entries = self.entries();
        for entry in entries
            .iter()
            .filter(|entry| !fields.contains(&entry.key.as_str()))
        {
            let message = format!("unknown key `{}`", entry.key);
            let help = suggest(&entry.key, fields.iter().copied());
            self.notes.aside(entry.place, "unknown_key", message, help);
        }
        visitor.visit_map(Fields {
            names: fields.iter(),
            entries,
            place: self.place,
            value: None,
            notes: self.notes,
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let choices = || {
            let names: Vec<String> = variants.iter().map(|name| format!("`{name}`")).collect();
            format!("one of {}", names.join(", "))
        };
        let first = variants.first().copied().unwrap_or_default();
        let chosen = match self.node.map(|node| &node.kind) {
            Some(Kind::Map(entries)) if entries.len() == 1 => entries
                .first()
                .map(|entry| (entry.key.as_str(), entry.place, Some(&entry.value))),
            Some(Kind::Scalar(scalar)) if !scalar.is_null() => {
                Some((scalar.text.as_str(), self.place, None))
            }
            found => {
                self.mismatch(&choices(), found);
                None
            }
        };
        let known = chosen.and_then(|(name, place, content)| {
            let known = variants.iter().find(|variant| **variant == name);
            if known.is_none() {
                let message = format!("`{}` is not {}", shown(name), choices());
                let help =
                    suggest(name, variants.iter().copied()).filter(|help| help.starts_with("did"));
                self.notes.value(place, "unknown_value", message, help);
            }
            Some((*known?, content))
        });
        let (name, content) = known.unwrap_or((first, None));
        visitor.visit_enum(Choice {
            name,
            content,
            whole: self,
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.map(|node| &node.kind) {
            None => visitor.visit_unit(),
            Some(Kind::Scalar(scalar)) => visitor.visit_str(&scalar.text),
            Some(Kind::List(_)) => self.deserialize_seq(visitor),
            Some(Kind::Map(_)) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}
