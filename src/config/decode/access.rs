//! What is within a value: the items of a list, the entries of a mapping, the fields of a struct, one of several words.

use super::{Notes, Value};
use crate::config::fault::Place;
use crate::config::yaml::{Entry, Node};
use serde::de::value::Error;
use serde::de::{
    DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

/// The items of a list.
pub(super) struct Items<'a, 'n> {
    pub(super) items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    pub(super) notes: &'n Notes,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some((index, node)) = self.items.next() else {
            return Ok(None);
        };
        let value = Value {
            node: Some(node),
            place: node.place,
            name: "",
            notes: self.notes,
        };
        self.notes
            .within(&index.to_string(), || seed.deserialize(value))
            .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a mapping with free keys.
pub(super) struct Entries<'a, 'n> {
    pub(super) rest: std::slice::Iter<'a, Entry>,
    pub(super) value: Option<&'a Entry>,
    pub(super) notes: &'n Notes,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.value = self.rest.next();
        self.value
            .map(|entry| seed.deserialize(entry.key.as_str().into_deserializer()))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let entry = self
            .value
            .take()
            .ok_or_else(|| Error::custom("a value before its key"))?;
        let value = Value {
            node: Some(&entry.value),
            place: entry.value.place,
            name: &entry.key,
            notes: self.notes,
        };
        self.notes.within(&entry.key, || seed.deserialize(value))
    }
}

/// The fields of a struct: every one of them, written or not.
pub(super) struct Fields<'a, 'n> {
    pub(super) names: std::slice::Iter<'static, &'static str>,
    pub(super) entries: &'a [Entry],
    pub(super) place: Place,
    pub(super) value: Option<&'static str>,
    pub(super) notes: &'n Notes,
}

impl<'de> MapAccess<'de> for Fields<'_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.value = self.names.next().copied();
        self.value
            .map(|field| seed.deserialize(field.into_deserializer()))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let field = self
            .value
            .take()
            .ok_or_else(|| Error::custom("a value before its key"))?;
        let node = self
            .entries
            .iter()
            .find(|entry| entry.key == field)
            .map(|entry| &entry.value);
        let place = node.map_or(self.place, |node| node.place);
        let value = Value {
            node,
            place,
            name: field,
            notes: self.notes,
        };
        self.notes.within(field, || seed.deserialize(value))
    }
}

/// One of several words, perhaps with a value.
pub(super) struct Choice<'a, 'n> {
    pub(super) name: &'static str,
    pub(super) content: Option<&'a Node>,
    pub(super) whole: Value<'a, 'n>,
}

impl<'de> EnumAccess<'de> for Choice<'_, '_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name = seed.deserialize(self.name.into_deserializer())?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if let Some(content) = self.content {
            let message = format!("`{}` takes no value", self.name);
            self.whole.notes.value(
                content.place,
                "unexpected_value",
                message,
                Some(format!("write `{}` alone", self.name)),
            );
        }
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        let place = self
            .content
            .map_or(self.whole.place, |content| content.place);
        let value = Value {
            node: self.content,
            place,
            name: self.name,
            notes: self.whole.notes,
        };
        self.whole
            .notes
            .within(self.name, || seed.deserialize(value))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no setting is a tuple"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        Err(Error::custom("no setting is a variant with fields"))
    }
}
