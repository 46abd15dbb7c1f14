//! The revision of policies: a digest of what they say, not of how it is laid out.
//!
//! Comments, quotes, the order of keys, brackets around a list of one and white space between values do not count, nor do
//! the names of files and their order. Everything else does.

use super::shape::{Mapping, Shape};
use crate::config::yaml::{Kind, Node};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The digest of one file's content.
pub(super) type Content = [u8; 32];

/// The digest of a tree.
pub(super) fn content(root: &Node) -> Content {
    let mut hash = Sha256::new();
    value(root, Shape::Keys(&super::keys::FILE), &mut hash);
    hash.finalize().into()
}

/// The first twelve hexadecimal digits of the digest of all files together.
pub(super) fn revision(contents: &[Content]) -> Box<str> {
    let mut sorted = contents.to_vec();
    sorted.sort_unstable();
    let mut hash = Sha256::new();
    for content in sorted {
        hash.update(content);
    }
    let mut revision = String::new();
    for byte in hash.finalize().iter().take(6) {
        let _ = write!(revision, "{byte:02x}");
    }
    revision.into()
}

fn value(node: &Node, shape: Shape, hash: &mut Sha256) {
    match (&node.kind, shape) {
        (Kind::List(items), _) => {
            let of = match shape {
                Shape::List(of) => *of,
                _ => Shape::Scalar,
            };
            begin(b'[', items.len(), hash);
            for item in items {
                value(item, of, hash);
            }
        }
        (_, Shape::List(of)) => {
            begin(b'[', 1, hash);
            value(node, *of, hash);
        }
        (Kind::Scalar(scalar), _) => {
            let text = match shape {
                Shape::Flag => scalar.text.to_ascii_lowercase(),
                _ => scalar.text.clone(),
            };
            begin(b'"', text.len(), hash);
            hash.update(text);
        }
        (Kind::Map(entries), _) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|left, right| left.key.cmp(&right.key));
            begin(b'{', sorted.len(), hash);
            for entry in sorted {
                begin(b':', entry.key.len(), hash);
                hash.update(&entry.key);
                value(&entry.value, within(shape, &entry.key), hash);
            }
        }
    }
}

/// What the value of a key is.
fn within(shape: Shape, key: &str) -> Shape {
    let known = |mapping: &Mapping| mapping.key(key).map_or(Shape::Scalar, |key| key.shape);
    match shape {
        Shape::Keys(mapping) | Shape::AnyOr(mapping) => known(mapping),
        Shape::Named(of) => *of,
        _ => Shape::Scalar,
    }
}

/// What comes, and how much of it: so that no two contents run into one another.
fn begin(kind: u8, length: usize, hash: &mut Sha256) {
    hash.update([kind]);
    hash.update(u64::try_from(length).unwrap_or(u64::MAX).to_le_bytes());
}
