//! JSON written in the order the vendor writes it.
//!
//! A map sorts its keys; a provider does not. [`object!`] keeps members in the order they are named, so that the
//! simulator's bytes look like the real ones and a meter that reads only the front or the end of a body is tested
//! fairly. Not here: reading (`serde_json`).

use serde_json::Value;

/// A JSON text that is complete and valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Json(pub(super) String);

impl Json {
    /// `null`.
    pub(super) fn null() -> Self {
        Self("null".to_owned())
    }
}

/// What can stand as a value.
pub(super) trait Write {
    /// Appends the value as JSON.
    fn write(&self, out: &mut String);
}

impl Write for Json {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl<T: Write + ?Sized> Write for &T {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl<T: Write> Write for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Write> Write for [T] {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (at, item) in self.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            item.write(out);
        }
        out.push(']');
    }
}

impl<T: Write> Write for Vec<T> {
    fn write(&self, out: &mut String) {
        self.as_slice().write(out);
    }
}

impl<T: Write, const N: usize> Write for [T; N] {
    fn write(&self, out: &mut String) {
        self.as_slice().write(out);
    }
}

/// What serde already knows how to write.
macro_rules! by_serde {
    ($($name:ty),*) => {$(
        impl Write for $name {
            fn write(&self, out: &mut String) {
                // Texts, numbers and trees of them cannot fail to serialise into memory.
                out.push_str(&serde_json::to_string(self).unwrap_or_default());
            }
        }
    )*};
}

by_serde!(str, String, bool, u64, usize, i64, f32, f64, Value);

/// An object, member by member, in the order written.
macro_rules! object {
    ($($key:literal: $value:expr),* $(,)?) => {{
        $crate::provider::simulator::json::Members::default()
            $(.with($key, &$value))*
            .finish()
    }};
}
pub(super) use object;

/// The members of an object being written.
#[derive(Debug, Default)]
pub(super) struct Members(String);

impl Members {
    /// The same with one more member.
    pub(super) fn with(mut self, key: &str, value: &(impl Write + ?Sized)) -> Self {
        self.add(key, value);
        self
    }

    /// Adds a member; the key must not need escaping.
    pub(super) fn add(&mut self, key: &str, value: &(impl Write + ?Sized)) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
        value.write(&mut self.0);
    }

    /// Closes the object.
    pub(super) fn finish(mut self) -> Json {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        Json(self.0)
    }
}

/// An array without members.
pub(super) const EMPTY: [Json; 0] = [];
/// `null`.
pub(super) const NULL: Option<Json> = None;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_in_the_order_they_are_written() {
        let inner = object! { "z": 1_u64, "a": "q\"uote" };
        let outer = object! { "b": inner, "list": [true, false], "nothing": NULL, "empty": EMPTY };
        assert_eq!(
            outer.0,
            r#"{"b":{"z":1,"a":"q\"uote"},"list":[true,false],"nothing":null,"empty":[]}"#
        );
        assert_eq!(object! {}.0, "{}");
    }
}
