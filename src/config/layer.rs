//! Layers above the file: `TOLLGATE__SECTION__KEY` variables, then flags. And one below it: fallbacks.
//!
//! An overlay of our own instead of the `config` crate: that one forgets where a value came from, reads every key in lower
//! case and takes a dot in a key (`gpt-4.1`) for a path, and here each value must keep its place and its name. What it would
//! have saved is this file.

use super::Fallback;
use super::fault::{Place, Places};
use super::yaml::{self, Entry, Kind, Node, Scalar, Style};
use std::net::SocketAddr;
use std::path::Path;

const PREFIX: &str = "TOLLGATE__";

/// Lays variables, in the order of their names, and then flags over the file's tree.
pub(super) fn overlay(
    root: &mut Node,
    env: &[(String, String)],
    flags: &[(String, String)],
    places: &mut Places,
) {
    let mut variables: Vec<(&str, &str, &str)> = env
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str(), name.strip_prefix(PREFIX)?, value.as_str()))
        })
        .collect();
    variables.sort_unstable();
    for (name, path, value) in variables {
        let path: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        set(root, &path, value, &format!("environment:{name}"), places);
    }
    for (path, value) in flags {
        let steps: Vec<String> = path.split('.').map(str::to_owned).collect();
        set(root, &steps, value, &format!("flag:{path}"), places);
    }
}

/// Lays fallbacks under the tree: each where nothing was written that it gives way to.
pub(super) fn underlay(root: &mut Node, fallbacks: &[Fallback], places: &mut Places) {
    let is_written = |path: &String| {
        let path: Vec<Box<str>> = path.split('.').map(Into::into).collect();
        root.walk(&path).1 == path.len()
    };
    // All are asked before any is laid: they give way to what was written, not to one another.
    let wanted: Vec<&Fallback> = fallbacks
        .iter()
        .filter(|fallback| !fallback.unless.iter().any(is_written))
        .collect();
    for fallback in wanted {
        let path: Vec<String> = fallback.path.split('.').map(str::to_owned).collect();
        let name = format!("default:{}", fallback.path);
        set(root, &path, &fallback.value, &name, places);
    }
}

fn set(root: &mut Node, path: &[String], value: &str, name: &str, places: &mut Places) {
    let source = places.add(Path::new(name), Path::new(""));
    let place = Place::whole(source);
    // `[::1]:4100` begins like a list and is none.
    let is_tree = value.starts_with(['[', '{']) && value.parse::<SocketAddr>().is_err();
    let value = if is_tree {
        match yaml::parse(value, source, places) {
            Some(node) => node,
            None => return,
        }
    } else {
        let scalar = Scalar {
            text: value.to_owned(),
            style: Style::Given,
        };
        Node {
            place,
            kind: Kind::Scalar(scalar),
        }
    };
    let mut node = root;
    for step in path {
        if let Kind::List(_) = node.kind {
            places.fault(
                place,
                "list_item",
                format!("`{step}` is within a list"),
                Some("set the list as a whole, like `[{ … }, { … }]`".to_owned()),
            );
            return;
        }
        let Some(next) = child(node, step, place) else {
            return;
        };
        node = next;
    }
    *node = value;
}

/// The value of a key, made if need be; what was no mapping becomes one.
fn child<'a>(node: &'a mut Node, step: &str, place: Place) -> Option<&'a mut Node> {
    if !matches!(node.kind, Kind::Map(_)) {
        *node = Node {
            place,
            kind: Kind::Map(Vec::new()),
        };
    }
    let Kind::Map(entries) = &mut node.kind else {
        return None;
    };
    let found = entries.iter().position(|entry| is_same(&entry.key, step));
    let index = found.unwrap_or_else(|| {
        let value = Node {
            place,
            kind: Kind::Map(Vec::new()),
        };
        entries.push(Entry {
            key: step.to_owned(),
            place,
            value,
        });
        entries.len() - 1
    });
    entries.get_mut(index).map(|entry| &mut entry.value)
}

/// Whether a variable means this key: variables know no case and no `-` or `.`.
fn is_same(key: &str, step: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.'], "_");
    plain(key) == plain(step)
}
