//! The map of one request: which name stands for which value.
//!
//! It is built anew from each request and wiped when the request ends, so there is nothing to store and nothing to leak.
//! A name is a keyed digest of the type and the *normalised* value (a mail address in lower case, the digits of a number
//! without their separators): the same value has the same name in every turn, and the provider's prompt cache stays valid.
//!
//! Restoring must give back the very bytes that stood there. So a name belongs to one spelling: the first of a request gets
//! the name of the normalised value, another spelling of it a name of its own, made of its bytes. The same happens to a
//! value whose name is taken by chance. Names are thus a function of the request's texts in their order, which a growing
//! conversation keeps.
//!
//! Invariant: no name begins with another, and none is given out twice. Secrets never enter: they have no way back.
//!
//! Not here: finding values (`scanner`), writing texts (`text`), reading answers (`restore`).

use super::key::ScopeKey;
use super::types::{Types, name_of};
use crate::governance::guard::finding::Kind;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Which name stands for which value, in one request.
pub struct Mapping {
    key: ScopeKey,
    types: Arc<Types>,
    entries: Vec<Entry>,
    by_name: BTreeMap<Box<str>, usize>,
    /// By a digest of type and bytes: a map of values would keep copies that are not wiped.
    by_value: HashMap<[u8; 32], usize>,
    /// Where values stood inside URLs, see [`Mapping::stood_with`].
    neighbours: BTreeSet<(usize, Box<str>)>,
}

struct Entry {
    name: Box<str>,
    value: Zeroizing<String>,
}

impl Mapping {
    /// An empty map.
    #[must_use]
    pub fn new(key: ScopeKey, types: Arc<Types>) -> Self {
        Self {
            key,
            types,
            entries: Vec::new(),
            by_name: BTreeMap::new(),
            by_value: HashMap::new(),
            neighbours: BTreeSet::new(),
        }
    }

    /// The name that stands for this value from now on. A secret has none.
    pub fn placeholder_for(&mut self, kind: Kind, value: &str) -> Option<&str> {
        if kind == Kind::Secret {
            return None;
        }
        let types = Arc::clone(&self.types);
        let normalised = normalised(kind, value);
        let place = self.enter(types.name(kind), &normalised, value);
        self.entries.get(place).map(|entry| &*entry.name)
    }

    /// The name a value has or would have, without giving it out: what is written where nothing is put back.
    #[must_use]
    pub fn name_without_entry(&self, kind: Kind, value: &str) -> Option<Cow<'_, str>> {
        if kind == Kind::Secret {
            return None;
        }
        let type_name = self.types.name(kind);
        match self.find(type_name, &normalised(kind, value), value) {
            Ok(place) => self
                .entries
                .get(place)
                .map(|entry| Cow::Borrowed(&*entry.name)),
            Err(free) => Some(Cow::Owned(free.name)),
        }
    }

    /// How many names were given out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The types of this map's names.
    #[must_use]
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// The value a name stands for, if this request gave it out. As written: capitals, no escapes.
    #[must_use]
    pub fn value_of(&self, name: &str) -> Option<&str> {
        self.value(*self.by_name.get(name)?)
    }

    /// The name that stands for a placeholder the text itself contains. What it is restored to is that text, so nobody can
    /// have another value put in by writing its name.
    pub(super) fn literal(&mut self, written: &str) -> &str {
        let place = self.enter(Types::literal(), written, written);
        self.entries.get(place).map_or("", |entry| &*entry.name)
    }

    /// A keyed digest of a value that nothing leads back from.
    pub(super) fn digest(&self, kind: Kind, value: &str) -> [u8; 32] {
        let type_name = self.types.name(kind).as_bytes();
        self.key
            .digest(&[b"hash", type_name, normalised(kind, value).as_bytes()])
    }

    /// The name that `spelling` begins with, by its place.
    pub(super) fn beginning(&self, spelling: &str) -> Option<(usize, &str)> {
        // As no name begins with another, the greatest that is not above `spelling` is the only candidate.
        let below = (
            std::ops::Bound::Unbounded,
            std::ops::Bound::Included(spelling),
        );
        let (name, place) = self.by_name.range::<str, _>(below).next_back()?;
        spelling.starts_with(&**name).then_some((*place, name))
    }

    /// Whether any name begins with `spelling`.
    pub(super) fn continues(&self, spelling: &str) -> bool {
        let above = (
            std::ops::Bound::Included(spelling),
            std::ops::Bound::Unbounded,
        );
        self.by_name
            .range::<str, _>(above)
            .next()
            .is_some_and(|(name, _)| name.starts_with(spelling))
    }

    /// The value at a place.
    pub(super) fn value(&self, place: usize) -> Option<&str> {
        self.entries.get(place).map(|entry| entry.value.as_str())
    }

    /// Remembers that the value of this name stood in a URL of this host, in the request.
    pub(super) fn stands_with(&mut self, name: &str, host: &str) {
        if let Some(place) = self.by_name.get(name) {
            self.neighbours.insert((*place, host.into()));
        }
    }

    /// Remembers that the value of this name stood behind this much of a host, in the request.
    pub(super) fn stands_behind(&mut self, name: &str, before: &str) {
        self.stands_with(name, &unfinished(before));
    }

    /// Whether the value stood behind this much of a host in the request, as behind a login.
    pub(super) fn stood_behind(&self, place: usize, before: &str) -> bool {
        self.stood_with(place, &unfinished(before))
    }

    /// Whether the value stood in a URL of this host in the request: whoever wrote that URL had both already.
    pub(super) fn stood_with(&self, place: usize, host: &str) -> bool {
        // Hosts are few; a lookup by a borrowed pair would need an owned one.
        self.neighbours
            .range((place, Box::from(""))..)
            .take_while(|(other, _)| *other == place)
            .any(|(_, known)| **known == *host)
    }

    fn enter(&mut self, type_name: &str, normalised: &str, value: &str) -> usize {
        let free = match self.find(type_name, normalised, value) {
            Ok(place) => return place,
            Err(free) => free,
        };
        let place = self.entries.len();
        self.by_name.insert(free.name.as_str().into(), place);
        self.by_value.insert(free.digest, place);
        self.entries.push(Entry {
            name: free.name.into(),
            value: Zeroizing::new(value.to_owned()),
        });
        place
    }

    /// Where the value stands, or the name it would get.
    fn find(&self, type_name: &str, normalised: &str, value: &str) -> Result<usize, Free> {
        let kind = type_name.as_bytes();
        let digest = self.key.digest(&[b"value", kind, value.as_bytes()]);
        if let Some(place) = self.by_value.get(&digest) {
            return Ok(*place);
        }
        let mut name = name_of(
            type_name,
            &self.key.digest(&[b"name", kind, normalised.as_bytes()]),
        );
        let mut round = 0_u32;
        while self.is_taken(&name) {
            let spelling =
                self.key
                    .digest(&[b"spelling", kind, value.as_bytes(), &round.to_le_bytes()]);
            name = name_of(type_name, &spelling);
            round = round.wrapping_add(1);
        }
        Err(Free { name, digest })
    }

    /// Whether a name is given out, or one is that it begins with or that begins with it.
    fn is_taken(&self, name: &str) -> bool {
        self.beginning(name).is_some() || self.continues(name)
    }
}

/// The beginning of a host, told apart from every whole one: none has slashes.
fn unfinished(host: &str) -> String {
    format!("//{host}")
}

/// A name nobody has yet.
struct Free {
    name: String,
    digest: [u8; 32],
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapping")
            .field("names", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// The value without what makes no difference to it.
fn normalised(kind: Kind, value: &str) -> Zeroizing<String> {
    Zeroizing::new(match kind {
        Kind::Email => value.to_lowercase(),
        Kind::Phone => value
            .chars()
            .filter(|character| character.is_ascii_digit() || *character == '+')
            .collect(),
        Kind::CreditCard => value.chars().filter(char::is_ascii_digit).collect(),
        Kind::Iban => value
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|character| character.to_ascii_uppercase())
            .collect(),
        _ => value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(key_name: &str) -> Mapping {
        Mapping::new(
            ScopeKey::derive(b"secret", key_name, None),
            Arc::new(Types::new(&["badge"])),
        )
    }

    fn name(mapping: &mut Mapping, kind: Kind, value: &str) -> String {
        mapping
            .placeholder_for(kind, value)
            .expect("not a secret")
            .to_owned()
    }

    #[test]
    fn the_same_value_has_the_same_name_in_every_request_of_a_scope() {
        let first = name(&mut mapping("a"), Kind::Email, "ana@acme.io");
        let mut later = mapping("a");
        name(&mut later, Kind::Phone, "+41 44 668 18 00");
        assert_eq!(name(&mut later, Kind::Email, "ana@acme.io"), first);
        assert_eq!(name(&mut mapping("a"), Kind::Email, "Ana@Acme.io"), first);
        assert_ne!(name(&mut mapping("b"), Kind::Email, "ana@acme.io"), first);
        assert_ne!(
            name(&mut mapping("a"), Kind::Custom(0), "ana@acme.io"),
            first
        );
        assert!(
            first.starts_with("TG_EMAIL_") && first.len() == 17,
            "{first}"
        );
    }

    #[test]
    fn each_spelling_of_a_value_is_restored_as_it_stood() {
        let mut mapping = mapping("a");
        let spaced = name(&mut mapping, Kind::Iban, "CH93 0076 2011 6238 5295 7");
        let plain = name(&mut mapping, Kind::Iban, "CH9300762011623852957");
        assert_ne!(spaced, plain);
        assert_eq!(
            mapping.value_of(&spaced),
            Some("CH93 0076 2011 6238 5295 7")
        );
        assert_eq!(mapping.value_of(&plain), Some("CH9300762011623852957"));
        assert_eq!(
            name(&mut mapping, Kind::Iban, "CH9300762011623852957"),
            plain
        );
        assert_eq!(mapping.len(), 2);
    }

    #[test]
    fn a_secret_has_no_name() {
        let mut mapping = mapping("a");
        assert_eq!(mapping.placeholder_for(Kind::Secret, "hunter2"), None);
        assert_eq!(mapping.name_without_entry(Kind::Secret, "hunter2"), None);
        assert!(mapping.is_empty());
    }

    #[test]
    fn a_name_without_entry_is_the_name_with_one() {
        let mut mapping = mapping("a");
        let before = mapping
            .name_without_entry(Kind::Email, "ana@acme.io")
            .expect("a name")
            .into_owned();
        assert!(mapping.is_empty());
        assert_eq!(name(&mut mapping, Kind::Email, "ana@acme.io"), before);
        let other = mapping
            .name_without_entry(Kind::Email, "ANA@acme.io")
            .expect("a name")
            .into_owned();
        assert_ne!(other, before);
    }

    #[test]
    fn a_map_does_not_print_its_values() {
        let mut mapping = mapping("a");
        name(&mut mapping, Kind::Email, "ana@acme.io");
        assert_eq!(format!("{mapping:?}"), "Mapping { names: 1, .. }");
    }
}
